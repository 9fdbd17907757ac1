--! error: function_name.lua:2: '(' expected near '.'
function a.b:c.d() end
