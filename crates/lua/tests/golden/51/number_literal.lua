--! error: number_literal.lua:2: malformed number near '12abc'
x = 12abc
