--! error: goto_is_name.lua:2: unexpected symbol near '='
goto = = 1
