--! error: module_clash.lua:3: name conflict for module 'x'
x = 1
module("x")
