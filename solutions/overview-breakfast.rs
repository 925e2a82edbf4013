let tasks = 5; // boil_water, grind_beans, make_toast, brew, serve
let at_once = 3; // all that wait for nobody
let one_cook = 5; // one task after the other
let two_cooks = 3; // water and beans; coffee and toast; serving
