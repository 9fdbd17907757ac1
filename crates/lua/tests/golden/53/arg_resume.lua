--! error: arg_resume.lua:2: bad argument #1 to 'resume' (thread expected)
coroutine.resume(5)
