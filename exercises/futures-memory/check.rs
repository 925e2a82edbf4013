/// The result, the most bytes of results that were held at once, and the tasks that ran.
fn memory_outcome() -> std::result::Result<(f64, u64, Vec<String>), taskloom::BoxError> {
    // The limit is far away. It is there so that sizes are counted.
    let client = taskloom::Client::builder().threads(2).memory_limit(64_u64 << 30).build()?;
    let (result, profile) = taskloom::diagnostics::profile(|| mean_of_all(&client));
    let names = profile.tasks.iter().map(|task| profile.name_of(task).to_owned()).collect();
    Ok((result?, client.status().memory.peak_bytes, names))
}

check!("The mean is right", 1, {
    let (got, ..) = memory_outcome()?;
    ensure!((got - 11.5).abs() < 1e-9, "The mean of all 24 parts is 11.5, and {got} came. Load the parts 0 to 23, \
         each once.");
});

check!("The work is done by tasks", 1, {
    let (_, _, names) = memory_outcome()?;
    ensure!(
        names.len() >= 20,
        "{} tasks ran, and 24 at least were expected, one for each part; a single one would keep one thread busy. \
         Submit the work to the client.",
        names.len()
    );
});

check!("Few parts are held at once", 1, {
    let (_, peak, names) = memory_outcome()?;
    ensure!(names.len() >= 20, "This follows as soon as each part is loaded by a task: see the check above.");
    let (parts, part) = (peak / 4_000_000, 4);
    ensure!(
        peak <= 32_000_000,
        "{parts} parts of {part} MB were held at the same time, where two threads need no more than a few. {}",
        if parts >= 20 {
            "Does somebody hold the futures of all parts? And does the first mean run before the last part is loaded?"
        } else {
            "Submit the mean of a part right after its load, so that it runs before many other parts are loaded."
        }
    );
});
