/// A profile of tasks: name, thread, start and end in milliseconds.
fn suspects_profile(tasks: &[(&str, u16, u64, u64)]) -> taskloom::diagnostics::Profile {
    let mut profile = taskloom::diagnostics::Profile::new(std::time::SystemTime::now(), 2);
    for (key, &(name, thread, start, end)) in tasks.iter().enumerate() {
        let name = profile.names.intern(name);
        let (start, end) = (start * 1_000_000, end * 1_000_000);
        let record = taskloom::diagnostics::TaskRecord::default();
        profile.tasks.push(taskloom::diagnostics::TaskRecord { name, thread, key: key as u64, start, end, ..record });
    }
    profile
}

/// Thirty short tasks of one function, one long one of another, and some of a third.
fn suspects_night() -> taskloom::diagnostics::Profile {
    let mut tasks = vec![("open", 0, 0, 5), ("match", 1, 0, 90)];
    tasks.extend((0..30).map(|n| ("smooth", 0, 5 + 10 * n, 15 + 10 * n)));
    tasks.extend((0..10).map(|n| ("open", 1, 90 + 2 * n, 92 + 2 * n)));
    suspects_profile(&tasks)
}

check!("The function that took most in all", 2, {
    let (function, _) = suspects(&suspects_night());
    ensure!(
        function == "smooth",
        "In this profile `smooth` ran 30 times for 10 ms, `match` once for 90 ms, `open` 11 times for 25 ms altogether. \
         So `smooth` took most, and `suspects` names `{function}` first. {}",
        match function.as_str() {
            "match" => "That is the longest single task. Add up all runs of each function, or let `summary` do it.",
            _ => "That is the first task of the record; the record is in no special order. Look at `summary`.",
        }
    );
});

check!("The function of the longest task", 1, {
    let (_, task) = suspects(&suspects_night());
    ensure!(
        task == "match",
        "The longest task of this profile is the one of `match`, with 90 ms, and `suspects` names `{task}` second. {}",
        match task.as_str() {
            "smooth" => "That is the function which took most in all its runs; here a single run is asked for.",
            _ => "Compare the lengths of the tasks in `profile.tasks`, one by one.",
        }
    );
});

check!("Time counts once", 1, {
    // A task that computes a graph itself: what ran inside it took nearly all of its time.
    let nested = suspects_profile(&[("outer", 0, 0, 100), ("inner", 0, 2, 50), ("inner", 0, 50, 98)]);
    let (function, task) = suspects(&nested);
    ensure!(
        function == "inner",
        "Here a task `outer` of 100 ms has waited for two of `inner`, 48 ms each, that ran inside it on the same thread. \
         `outer` itself took 4 ms, and `inner` 96, so `inner` is the one to name first; `{function}` came. Of the \
         columns `total` and `own`, which one counts the 96 ms once? (`summary` is sorted by it.)"
    );
    ensure!(task == "outer", "The longest single task of this profile is `outer`, with 100 ms, and `{task}` came.");
});
