--! error: unexpected_end.lua:2: <eof> expected near 'end'
end
