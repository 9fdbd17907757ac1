--! error: curly_block.lua:3: 'then' expected near '<eof>'
if x { y }
