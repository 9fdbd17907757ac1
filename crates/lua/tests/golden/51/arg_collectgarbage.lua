--! error: arg_collectgarbage.lua:2: bad argument #1 to 'collectgarbage' (invalid option 'nonsense')
collectgarbage("nonsense")
