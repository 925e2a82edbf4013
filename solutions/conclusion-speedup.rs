/// The shortest time of a program, in ms: `alone` ms on one thread, then `tasks` tasks of `each` ms on `threads` threads.
fn shortest(alone: u64, tasks: u64, each: u64, threads: u64) -> u64 {
    alone + tasks.div_ceil(threads) * each
}
