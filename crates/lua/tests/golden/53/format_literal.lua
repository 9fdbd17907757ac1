--! error: format_literal.lua:2: bad argument #2 to 'format' (value has no literal form)
string.format("%q", {})
