let tasks = 0; // how many tasks there are
let at_once = 0; // how many of them can begin at once, if there are cooks enough
let one_cook = 0; // how many minutes a single cook needs
let two_cooks = 0; // how many minutes two cooks need, if they are clever
