--! error: pattern_complex.lua:2: pattern too complex
(("a"):rep(300)):find(("a?"):rep(300))
