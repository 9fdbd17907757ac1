--! error: for_step.lua:2: 'for' step must be a number
for i = 1, 2, nil do end
