--! error: assignment_in_condition.lua:2: 'then' expected near '='
if x = 1 then end
