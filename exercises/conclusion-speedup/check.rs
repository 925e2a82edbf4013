/// Plays it through: each task goes to the thread that is free first. Gives the end of the last one.
fn speedup_played(alone: u64, tasks: u64, each: u64, threads: u64) -> u64 {
    let mut free = vec![alone; threads as usize];
    let mut end = alone;
    for _ in 0..tasks {
        if let Some(next) = free.iter_mut().min() {
            *next += each;
            end = end.max(*next);
        }
    }
    end
}

/// The first of some programs for which `shortest` is wrong: what was asked, expected and given.
fn speedup_wrong(programs: &[[u64; 4]], shortest: impl Fn(u64, u64, u64, u64) -> f64) -> Option<([u64; 4], f64, f64)> {
    programs.iter().find_map(|&[alone, tasks, each, threads]| {
        let right = speedup_played(alone, tasks, each, threads) as f64;
        let got = shortest(alone, tasks, each, threads);
        ((got - right).abs() > 1e-6).then_some(([alone, tasks, each, threads], right, got))
    })
}

/// What was asked, as a sentence.
fn speedup_told([alone, tasks, each, threads]: [u64; 4], right: f64, got: f64) -> String {
    format!(
        "`shortest({alone}, {tasks}, {each}, {threads})` should be {right}, and is {got}: {alone} ms alone, then {tasks} tasks \
         of {each} ms, threads: {threads}."
    )
}

check!("One thread does all of it", 1, {
    let wrong = speedup_wrong(&[[100, 16, 25, 1], [0, 3, 10, 1], [70, 1, 5, 1]], |a, t, e, n| shortest(a, t, e, n) as f64);
    if let Some((asked, right, got)) = wrong {
        let advice = if got < right { "With one thread nothing overlaps: add up all of it." } else { "Is something counted twice?" };
        let told = speedup_told(asked, right, got);
        ensure!(false, "{told} {advice}");
    }
});

check!("What is done alone is not shared", 1, {
    let wrong = speedup_wrong(&[[100, 16, 25, 2], [100, 16, 25, 16], [60, 8, 10, 4]], |a, t, e, n| shortest(a, t, e, n) as f64);
    if let Some((asked, right, got)) = wrong {
        let [alone, tasks, each, threads] = asked;
        let advice = if got == ((alone + tasks * each) / threads) as f64 {
            "All of the work was divided by the threads, also the part that one thread has to do alone."
        } else if got == (tasks * each / threads) as f64 || got == alone.max(tasks * each / threads) as f64 {
            "The tasks begin when the part that is done alone has ended: the two times add up."
        } else if got == (alone + tasks * each) as f64 {
            "The tasks share the threads, and that does not show."
        } else {
            "First `alone`, once; then the tasks, which share the threads."
        };
        let told = speedup_told(asked, right, got);
        ensure!(false, "{told} {advice}");
    }
});

check!("A task is not cut into pieces", 1, {
    let programs = [[100, 16, 25, 5], [0, 10, 7, 4], [50, 3, 20, 8], [100, 16, 25, 1000], [70, 0, 5, 4]];
    let wrong = speedup_wrong(&programs, |a, t, e, n| shortest(a, t, e, n) as f64);
    if let Some((asked, right, got)) = wrong {
        let [alone, tasks, each, threads] = asked;
        let advice = if tasks == 0 {
            "Without a task there is no round."
        } else if threads > tasks {
            "With more threads than tasks some have nothing to do, and no task becomes shorter: one round is the least."
        } else if got == (alone + tasks / threads * each) as f64 {
            "Division of whole numbers leaves out what remains; but the tasks that remain need a round of their own."
        } else if got < right {
            "In a round every thread does one task. Five threads do 16 tasks in four rounds, and not in three and a fifth."
        } else {
            "That is longer than it takes: count the rounds, each of `each` ms."
        };
        let told = speedup_told(asked, right, got);
        ensure!(false, "{told} {advice}");
    }
});
