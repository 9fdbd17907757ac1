--! error: label_twice.lua:2: label 'a' already defined on line 2
::a:: ::a::
