--! error: arg_unpack_many.lua:2: too many results to unpack
(unpack or table.unpack)({}, 1, 1e7)
