fn choose_wait(number: u64) -> u64 {
    taskloom::sleep_ms(150);
    number
}

/// Keeps a core busy for a few milliseconds.
fn choose_work(number: u64) -> u64 {
    let start = std::time::Instant::now();
    let mut turns = number;
    while start.elapsed().as_millis() < 8 {
        turns = turns.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
    }
    turns
}

fn choose_all<T>(all: Vec<T>) -> Vec<T> {
    all
}

fn choose_is(there: std::thread::ThreadId) -> bool {
    std::thread::current().id() == there
}

/// Runs tasks on a scheduler; gives how many of them ran at the same moment, at the most.
fn choose_at_once(
    tasks: &[taskloom::Delayed<u64>],
    scheduler: taskloom::Scheduler,
) -> std::result::Result<usize, taskloom::BoxError> {
    let tasks = tasks.to_vec();
    let all = taskloom::delayed!(choose_all(tasks));
    let (result, profile) = taskloom::diagnostics::profile(|| all.compute_with(scheduler));
    result?;
    let mut moments: Vec<(u64, i64)> = Vec::new();
    for task in profile.tasks.iter().filter(|task| ["choose_wait", "choose_work"].contains(&profile.name_of(task))) {
        moments.push((task.start, 1));
        moments.push((task.end, -1));
    }
    moments.sort();
    let (mut now, mut most) = (0, 0);
    for (_, change) in moments {
        now += change;
        most = most.max(now);
    }
    Ok(most as usize)
}

check!("Tasks that wait all wait at the same time", 1, {
    let tasks: Vec<taskloom::Delayed<u64>> = (0..16).map(|n| taskloom::delayed!(choose_wait(n))).collect();
    let most = choose_at_once(&tasks, for_waiting)?;
    ensure!(
        most >= 10,
        "Of sixteen tasks that only wait, {most} waited at the same moment; nearly all of them could. The number of \
         cores does not matter to those who sleep: give `for_waiting` as many threads as there are tasks."
    );
});

check!("Tasks that compute get all cores, and no more threads than that", 1, {
    let cores = std::thread::available_parallelism()?.get();
    let tasks: Vec<taskloom::Delayed<u64>> = (0..80).map(|n| taskloom::delayed!(choose_work(n))).collect();
    let most = choose_at_once(&tasks, for_computing)?;
    ensure!(
        most >= cores.min(2),
        "{most} task computed at a time, and this machine has {cores} cores. `for_computing` should keep all of them \
         busy."
    );
    ensure!(
        most <= cores,
        "{most} tasks were at work at the same moment, and this machine has {cores} cores: they took turns, were no \
         quicker for it, and {most} of them held their data in memory meanwhile. Choose a scheduler with one thread \
         for each core."
    );
    ensure!(
        2 * most >= cores,
        "{most} tasks computed at a time, and this machine has {cores} cores. Which scheduler has a thread for each?"
    );
});

check!("To find a mistake, all runs here, one task after the other", 1, {
    let here = std::thread::current().id();
    let threads: Vec<taskloom::Delayed<bool>> = (0..4).map(|_| taskloom::delayed!(choose_is(here))).collect();
    let at_home = taskloom::delayed!(choose_all(threads)).compute_with(for_finding)?;
    ensure!(
        at_home.iter().all(|&here| here),
        "{} of 4 tasks ran on other threads. A pool of one thread keeps the order, too, but it is another thread: a \
         debugger that stops in your cell would not stop in the task. Which scheduler has no pool?",
        at_home.iter().filter(|&&here| !here).count()
    );
});
