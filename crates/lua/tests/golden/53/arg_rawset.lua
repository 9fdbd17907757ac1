--! error: table index is nil
rawset({}, nil, 1)
