--! error: attempt to yield across metamethod/C-call boundary
coroutine.yield()
