--! error: message
error("message", 0)
