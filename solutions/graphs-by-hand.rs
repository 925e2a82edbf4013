let files = flights_files();
let months = files.len();

let mut rows = TaskGraph::new();
for (n, path) in files.into_iter().enumerate() {
    rows.try_task(("month", n), read_month, (path,))?;
    rows.task(("rows", n), count_rows, (key(("month", n)),))?;
}
rows.task("total", add_up, (keys((0..months).map(|n| ("rows", n))),))?;
