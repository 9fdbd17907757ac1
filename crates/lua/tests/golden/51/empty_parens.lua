--! error: empty_parens.lua:2: unexpected symbol near ')'
x = ()
