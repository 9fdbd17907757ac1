--! error: unclosed_call_lines.lua:5: ')' expected (to close '(' at line 2) near <eof>
f

(g
