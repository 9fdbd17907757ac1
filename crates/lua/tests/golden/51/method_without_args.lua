--! error: method_without_args.lua:2: function arguments expected near '='
a:b = 1
