-- module and package.loaded.
do
  local function define()
    module("shapes", package.seeall)
    function area(w, h) return w * h end
    name = "shapes"
    assert(math.floor(1.5) == 1)
  end
  define()
end
assert(shapes.area(2, 3) == 6 and shapes.name == "shapes" and shapes._NAME == "shapes" and shapes._M == shapes and shapes._PACKAGE == "")
assert(package.loaded.shapes == shapes and require("shapes") == shapes)
do
  local function define() module("a.b.c") x = 1 end
  define()
end
assert(a.b.c.x == 1 and a.b.c._NAME == "a.b.c" and a.b.c._PACKAGE == "a.b.")
package.preload.virtual = function(...) local name = ... return { name = name } end
assert(require("virtual").name == "virtual" and require("virtual") == package.loaded.virtual)
local ok, message = pcall(require, "does.not.exist")
assert(not ok and message:find("module 'does.not.exist' not found:", 1, true) and message:find("no field package.preload['does.not.exist']", 1, true))
shapes, a = nil, nil
