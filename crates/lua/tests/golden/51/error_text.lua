--! error: error_text.lua:2: message
error("message")
