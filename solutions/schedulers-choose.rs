let for_waiting = Scheduler::Threads(16); // a thread that waits needs no core
let for_computing = Scheduler::Default; // one thread for each core
let for_finding = Scheduler::Sync; // one after the other, on the cell's own thread
