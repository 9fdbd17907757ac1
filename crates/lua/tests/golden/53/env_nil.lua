--! error: env_nil.lua:3: attempt to index a nil value (local '_ENV')
local _ENV = nil
print(1)
