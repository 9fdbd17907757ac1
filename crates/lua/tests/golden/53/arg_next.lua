--! error: invalid key to 'next'
next({}, "missing")
