/// Waits until no more plates are let go: the threads of a computation that has ended may still be at it.
fn memory_settle() {
    let mut before = usize::MAX;
    for _ in 0..100 {
        let now = PLATES.now.load(std::sync::atomic::Ordering::SeqCst);
        if now == 0 || now == before {
            return;
        }
        before = now;
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// The result on two threads, the plates that were read, the most in memory at once, and the tasks that ran.
fn memory_outcome() -> std::result::Result<(f64, usize, usize, usize), taskloom::BoxError> {
    memory_settle();
    PLATES.reset();
    LOADING.reset();
    let (result, profile) =
        taskloom::diagnostics::profile(|| taskloom::Scheduler::Threads(2).scope(most_unusual));
    Ok((result?, LOADING.calls(), PLATES.most(), profile.tasks.len()))
}

check!("The distance is right", 1, {
    let (got, ..) = memory_outcome()?;
    let plates = || (0..16).map(read_plate);
    let typical = mean(plates().map(|plate| level(&plate)).collect());
    let expected = largest(plates().map(|plate| distance(&plate, typical)).collect());
    ensure!(
        (got - expected).abs() < 1e-9,
        "The largest distance of the sixteen plates from the typical level is {expected:.4}, and {got:.4} came. Both \
         passes go over the plates 0 to 15."
    );
});

check!("The work is done by tasks", 1, {
    let (_, reads, _, tasks) = memory_outcome()?;
    ensure!(
        tasks >= 16,
        "{tasks} task{} ran while {reads} plates were read; each plate should be read by a task of its own, so that \
         other cores can help.",
        if tasks == 1 { "" } else { "s" }
    );
});

check!("Few plates are in memory at once", 2, {
    let (_, reads, most, tasks) = memory_outcome()?;
    ensure!(tasks >= 16, "This follows as soon as each plate is read by a task: see the check above.");
    ensure!(
        most <= 6,
        "{most} of 16 plates were in memory at the same time, where two threads need no more than a few. {}",
        if reads <= 16 {
            "Each plate was read once and then held, until the typical level was known and its distance could be taken. \
             Read it again for the distance."
        } else {
            "The plates are read twice, and something still holds them: a `Vec` of computed plates, or `persist`?"
        }
    );
});
