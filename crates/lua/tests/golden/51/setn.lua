--! error: setn.lua:2: 'setn' is obsolete
table.setn({}, 1)
