--! error: arg_format_option.lua:2: invalid option '%y' to 'format'
string.format("%y", 1)
