--! error: operator_missing_operand.lua:3: unexpected symbol near '<eof>'
x = 1 +
