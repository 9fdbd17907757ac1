--! error: arg_resume.lua:2: bad argument #1 to 'resume' (coroutine expected)
coroutine.resume(5)
