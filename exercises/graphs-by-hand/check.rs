/// The tasks behind `total`, and how many of them need no other task.
fn rows_work(rows: &taskloom::graph::TaskGraph) -> std::result::Result<(Vec<String>, usize), taskloom::BoxError> {
    let graph = rows.graph(["total"])?;
    let is_task = |id| graph.task(id).is_some();
    let tasks = graph.ids().filter(|&id| is_task(id)).map(|id| graph.name(id).to_owned()).collect();
    let first = graph.ids().filter(|&id| is_task(id) && !graph.inputs(id).iter().any(|&input| is_task(input)));
    Ok((tasks, first.count()))
}

/// Lines of all files without their first, counted without any graph.
fn rows_lines() -> std::result::Result<usize, taskloom::BoxError> {
    let mut lines = 0;
    for path in flights_files() {
        let text = std::fs::read(path)?;
        lines += text.iter().filter(|&&byte| byte == b'\n').count() - 1;
        lines += usize::from(text.last() != Some(&b'\n'));
    }
    Ok(lines)
}

check!("The total is right", 1, {
    let got = rows.get::<usize>("total")?;
    let expected = rows_lines()?;
    let advice = if got == expected + flights_files().len() {
        "each file begins with a line of names, which is no flight"
    } else if got < expected {
        "some months are missing: count the rows of all files, and add up all counts"
    } else {
        "count the rows of each file once, and add up"
    };
    ensure_eq!(got, expected, "`total` is the number of flights in all {} files; {advice}.", flights_files().len());
});

check!("Nothing is read before somebody asks", 1, {
    let (tasks, _) = rows_work(&rows)?;
    let months = flights_files().len();
    let reads = tasks.iter().filter(|name| *name == "read_month").count();
    ensure!(
        !tasks.is_empty(),
        "`total` is a value, so the files were read while your cell ran. Put `read_month` into the graph, with \
         `rows.try_task`, and do not call it."
    );
    ensure!(
        reads >= months,
        "The graph of `total` has {} tasks, and {reads} of them run `read_month`; {months} were expected, one for \
         each file. A function that is called in your cell, with parentheses behind its name, runs there; a task \
         gets the function's name and, after it, the arguments.",
        tasks.len()
    );
    ensure!(reads == months, "`read_month` is {reads} times in the graph, and there are {months} files: who is read \
         twice?");
});

check!("All months can be read at the same time", 1, {
    let (tasks, first) = rows_work(&rows)?;
    let months = flights_files().len();
    ensure!(!tasks.is_empty(), "This follows as soon as the files are read by tasks: see the check above.");
    ensure!(
        first >= months,
        "{first} of the {} tasks can begin at once, and {months} were expected, one for each file. A single task that \
         reads file after file keeps one core busy; give each file its own key, as in `(\"month\", n)`.",
        tasks.len()
    );
    ensure!(
        tasks.iter().filter(|name| *name == "read_month").count() >= months,
        "This follows as soon as each file is read by a task: see the check above."
    );
});
