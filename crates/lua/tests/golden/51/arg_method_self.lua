--! error: arg_method_self.lua:2: bad argument #1 to 'upper' (string expected, got no value)
string.upper()
