let for_waiting = Scheduler::Default; // sixteen tasks that each wait for a server
let for_computing = Scheduler::Threads(64); // many tasks that each keep a core busy
let for_finding = Scheduler::Default; // one after the other, on the cell's own thread
