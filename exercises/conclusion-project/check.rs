use taskloom::polars::prelude as project_pl;

/// A flight of the check's own: month, carrier, hour, and its delay if it left.
type ProjectFlight = (i64, &'static str, i64, Option<f64>);

/// Three months of flights. Some were cancelled, some were late by exactly 15 minutes, one airline flew in February only, and
/// one cancelled all that it had.
fn project_flights() -> Vec<ProjectFlight> {
    let mut all = Vec::new();
    for month in 1..=3_i64 {
        for number in 0..60_i64 {
            let carrier = match number % 5 {
                0 | 3 => "AA",
                1 => "BB",
                2 if month == 2 => "CC",
                _ => "AB",
            };
            let hour = [6, 12, 18, 21][(number / 7 % 4) as usize];
            let minutes = (number * 17 + month * 5) % 46 - 10;
            // Fractions in February alone: samples are from the first file and the beginning of the last.
            let fraction = if month == 2 && number % 4 == 1 { 0.5 } else { 0.0 };
            let delay = match number % 9 {
                4 => None,
                7 => Some(15.0),
                _ => Some(minutes as f64 + fraction + if carrier == "BB" { 8.0 } else { 0.0 }),
            };
            all.push((month, carrier, hour, delay));
        }
    }
    all.extend([(3, "DD", 23, None), (3, "DD", 12, None)]);
    all
}

/// A folder for one check, which goes away with this.
struct ProjectFolder(std::path::PathBuf);

impl ProjectFolder {
    fn new(name: &str) -> std::io::Result<ProjectFolder> {
        let folder = std::env::temp_dir().join(format!("taskloom-project-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder)?;
        Ok(ProjectFolder(folder))
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for ProjectFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Writes the flights as a folder of CSV, a file for each month.
fn project_files(folder: &ProjectFolder) -> std::result::Result<String, taskloom::BoxError> {
    for month in 1..=3 {
        let mut text = String::from("year,month,day,dep_delay,carrier,flight,origin,hour,remark\n");
        // So long are the lines that a sample ends before February.
        let remark = "-".repeat(8_000);
        for (number, (_, carrier, hour, delay)) in project_flights().iter().filter(|flight| flight.0 == month).enumerate() {
            let delay = delay.map(|delay| delay.to_string()).unwrap_or_default();
            text.push_str(&format!("2013,{month},{},{delay},{carrier},{number},JFK,{hour},{remark}\n", 1 + number % 28));
        }
        std::fs::write(folder.path(&format!("2014-{month:02}.csv")), text)?;
    }
    std::fs::write(folder.path("SOURCE.txt"), "made up, for a check\n")?;
    Ok(folder.path(""))
}

/// The flights as a lazy frame in three partitions, and a counter of the partitions that were computed.
fn project_frame()
-> std::result::Result<(taskloom::DataFrame, std::sync::Arc<std::sync::atomic::AtomicUsize>), taskloom::BoxError> {
    let part = |month: i64| {
        let rows: Vec<ProjectFlight> = project_flights().into_iter().filter(|flight| flight.0 == month).collect();
        project_pl::DataFrame::new_infer_height(vec![
            project_pl::Column::new("month".into(), rows.iter().map(|flight| flight.0).collect::<Vec<_>>()),
            project_pl::Column::new("carrier".into(), rows.iter().map(|flight| flight.1).collect::<Vec<_>>()),
            project_pl::Column::new("hour".into(), rows.iter().map(|flight| flight.2).collect::<Vec<_>>()),
            project_pl::Column::new("dep_delay".into(), rows.iter().map(|flight| flight.3).collect::<Vec<_>>()),
        ])
    };
    let times = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = std::sync::Arc::clone(&times);
    let frame = taskloom::DataFrame::from_partitions(vec![part(1)?, part(2)?, part(3)?])?.map_partitions(move |rows| {
        // The columns are found out with a frame without rows, which does not count.
        if rows.height() > 0 {
            counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        Ok(rows)
    });
    Ok((frame, times))
}

/// A column as numbers; what is missing is not a number.
fn project_numbers(
    table: &project_pl::DataFrame,
    name: &str,
) -> std::result::Result<Vec<f64>, taskloom::BoxError> {
    let Ok(column) = table.column(name) else {
        let there: Vec<String> = table.get_column_names().iter().map(|name| name.to_string()).collect();
        return Err(format!("The column {name} was expected, and the columns are: {}.", there.join(", ")).into());
    };
    let numbers = column.cast(&project_pl::DataType::Float64)?;
    Ok(numbers.f64()?.iter().map(|number| number.unwrap_or(f64::NAN)).collect())
}

/// A column as text.
fn project_words(
    table: &project_pl::DataFrame,
    name: &str,
) -> std::result::Result<Vec<String>, taskloom::BoxError> {
    let Ok(column) = table.column(name) else {
        let there: Vec<String> = table.get_column_names().iter().map(|name| name.to_string()).collect();
        return Err(format!("The column {name} was expected, and the columns are: {}.", there.join(", ")).into());
    };
    let words = column.cast(&project_pl::DataType::String)?;
    Ok(words.str()?.iter().map(|word| word.unwrap_or("null").to_owned()).collect())
}

/// The flights of each value of a column.
fn project_groups(by: &str) -> std::collections::BTreeMap<String, Vec<Option<f64>>> {
    let mut groups = std::collections::BTreeMap::<String, Vec<Option<f64>>>::new();
    for (_, carrier, hour, delay) in project_flights() {
        let key = if by == "carrier" { carrier.to_owned() } else { hour.to_string() };
        groups.entry(key).or_default().push(delay);
    }
    groups
}

/// What `punctuality` says in one column, beside the flights that it is about.
fn project_column(
    by: &str,
    name: &str,
) -> std::result::Result<Vec<(String, Vec<Option<f64>>, f64)>, taskloom::BoxError> {
    let (frame, _) = project_frame()?;
    let table = punctuality(&frame, by)?.compute()?;
    let (keys, values) = (project_words(&table, by)?, project_numbers(&table, name)?);
    let groups = project_groups(by);
    for key in groups.keys() {
        let count = keys.iter().filter(|word| *word == key).count();
        let reason = match (key.as_str(), count) {
            ("DD", 0) => "All of its flights were cancelled, but they were planned: count first, and filter nothing.",
            ("CC", 0) => "It flew in February only. Are all partitions in it?",
            (_, 0) => "There is a row for each value of the column.",
            _ => "Each value of the column is one group, over all months.",
        };
        if count != 1 {
            return Err(format!("Of {by} {key} one row was expected, and {count} came. {reason}").into());
        }
    }
    if keys.len() != groups.len() {
        return Err(format!("{} rows were expected for {by}, and {} came: {}.", groups.len(), keys.len(), keys.join(", ")).into());
    }
    Ok(keys.into_iter().zip(values).map(|(key, value)| (key.clone(), groups[&key].clone(), value)).collect())
}

/// Equal, or both missing.
fn project_same(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9 || a.is_nan() && b.is_nan()
}

/// The first group for which a column is wrong: what it is, what it should be, and the delays of its flights.
fn project_wrong(
    by: &str,
    name: &str,
    right: impl Fn(&[Option<f64>]) -> f64,
) -> std::result::Result<Option<(String, f64, f64, Vec<Option<f64>>)>, taskloom::BoxError> {
    let column = project_column(by, name)?;
    let wrong = column.into_iter().find(|(_, flights, got)| {
        let nobody_left = flights.iter().all(Option::is_none) && name != "flights" && name != "cancelled";
        // Of none that left there is no mean: missing, not a number, or 0, as one likes.
        !(project_same(*got, right(flights)) || nobody_left && (got.is_nan() || *got == 0.0))
    });
    Ok(wrong.map(|(key, flights, got)| (key, got, right(&flights), flights)))
}

/// The mean of what is there.
fn project_mean(values: impl Iterator<Item = f64>) -> f64 {
    let (count, sum) = values.fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
    sum / count
}

/// The Parquet files below a folder.
fn project_parquet(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            files.extend(project_parquet(&path));
        } else if path.extension().is_some_and(|ending| ending == "parquet") {
            files.push(path);
        }
    }
    files.sort();
    files
}

check!("flights: all files of a folder, and no row read", 1, {
    let folder = ProjectFolder::new("files")?;
    let path = project_files(&folder)?;
    let (opened, profile) = taskloom::diagnostics::profile(|| flights(path.trim_end_matches('/')));
    let frame = match opened {
        Ok(frame) => frame,
        Err(error) => {
            let advice = if error.to_string().contains("2013") {
                " The files of another folder have other names: `*` stands for any of them."
            } else {
                ""
            };
            let path = path.trim_end_matches('/');
            return Err(format!("`flights({path:?})` failed, and the folder has three files: {error}.{advice}").into());
        }
    };
    ensure!(
        profile.tasks.is_empty() && frame.graph().len() >= 3 && frame.npartitions() >= 3,
        "{}",
        if profile.tasks.is_empty() {
            format!(
                "The folder has three files, and the frame is in {} partitions. Is each file read by a task of its own, when it \
                 is asked for?",
                frame.npartitions()
            )
        } else {
            format!("{} tasks ran while the files were opened: leave `compute`, `persist` and `len` away.", profile.tasks.len())
        }
    );
    let rows = frame.select(["carrier"]).compute()?.height();
    ensure!(
        rows == project_flights().len(),
        "The three files have {} flights, and {rows} are in the frame. Cancelled flights are flights, too.",
        project_flights().len()
    );
});

check!("flights: dep_delay has fractions", 1, {
    let folder = ProjectFolder::new("types")?;
    let path = project_files(&folder)?;
    let opened = flights(path.trim_end_matches('/'));
    ensure!(opened.is_ok(), "This follows as soon as the files are opened: see the check above.");
    let frame = opened?;
    let dtype = frame.col("dep_delay").dtype();
    ensure!(
        dtype == project_pl::DataType::Float64,
        "The type of dep_delay is {dtype}, and Float64 was expected. In February there are delays with fractions, \
         and a sample from the beginning and the end does not know of them: `CsvOptions` has a `dtype`, for `read_csv_with`."
    );
    let delays = frame.select(["dep_delay"]).compute()?;
    let (count, missing) = (delays.height(), delays.column("dep_delay")?.null_count());
    let cancelled = project_flights().iter().filter(|flight| flight.3.is_none()).count();
    ensure!(
        missing == cancelled,
        "{cancelled} of {} flights have no dep_delay, since they never left; in the frame {missing} of {count} have none.",
        project_flights().len()
    );
});

check!("punctuality: how many were planned", 1, {
    for by in ["carrier", "hour"] {
        if let Some((key, got, right, flights)) = project_wrong(by, "flights", |flights| flights.len() as f64)? {
            let left = flights.iter().flatten().count() as f64;
            let advice = if got == left {
                "That is how many left. `pl::len()` counts rows, and `count` what is not missing."
            } else if got == flights.iter().flatten().filter(|delay| **delay > 15.0).count() as f64 {
                "That is how many were late: a filter before the `groupby` leaves out all others."
            } else {
                "Every row is a planned flight."
            };
            ensure!(false, "Of {by} {key} {right} flights were planned, and `flights` is {got}. {advice}");
        }
    }
});

check!("punctuality: the share that was cancelled", 1, {
    for by in ["carrier", "hour"] {
        let share = |flights: &[Option<f64>]| flights.iter().filter(|delay| delay.is_none()).count() as f64 / flights.len() as f64;
        if let Some((key, got, right, flights)) = project_wrong(by, "cancelled", share)? {
            let gone = right * flights.len() as f64;
            let advice = if project_same(got, gone) {
                "That is their number; a share is between 0 and 1."
            } else if project_same(got, 100.0 * right) {
                "That is in per cent; a share is between 0 and 1."
            } else if project_same(got, 1.0 - right) {
                "That is the share that left."
            } else if project_same(got, gone / (flights.len() as f64 - gone)) {
                "That is divided by those that left; it is a share of all that were planned."
            } else {
                "Cancelled flights have no dep_delay; the mean of what is true or false is a share."
            };
            ensure!(false, "Of {by} {key} {} of {} were cancelled: {right:.4}, and {got:.4} came. {advice}", gone.round(), flights.len());
        }
    }
});

check!("punctuality: delay and late are of those that left", 1, {
    for by in ["carrier", "hour"] {
        let mean = |flights: &[Option<f64>]| project_mean(flights.iter().flatten().copied());
        if let Some((key, got, right, flights)) = project_wrong(by, "delay", mean)? {
            let advice = if project_same(got, project_mean(flights.iter().map(|delay| delay.unwrap_or(0.0)))) {
                "Cancelled flights were counted as if they had left on time: leave what is missing as it is."
            } else if project_same(got, project_mean(flights.iter().flatten().copied().filter(|delay| *delay > 15.0))) {
                "That is the mean of those that were late."
            } else if project_same(got, project_mean(flights.iter().flatten().map(|delay| delay.max(0.0)))) {
                "Those that left early count with the minutes below zero."
            } else {
                "It is the mean of dep_delay, over all months."
            };
            ensure!(false, "Of {by} {key} those that left did so {right:.4} minutes late on average, and {got:.4} came. {advice}");
        }
        let late = |flights: &[Option<f64>]| {
            project_mean(flights.iter().flatten().map(|delay| if *delay > 15.0 { 1.0 } else { 0.0 }))
        };
        if let Some((key, got, right, flights)) = project_wrong(by, "late", late)? {
            let count = |limit: fn(f64) -> bool| flights.iter().flatten().filter(|delay| limit(**delay)).count() as f64;
            let (above, from) = (count(|delay| delay > 15.0), count(|delay| delay >= 15.0));
            let (left, all) = (count(|_| true), flights.len() as f64);
            let advice = if project_same(got, above / all) {
                "That is divided by all that were planned; those that never left were not late either."
            } else if project_same(got, from / left) {
                "Fifteen minutes are not more than fifteen: `gt`, and not `gt_eq`."
            } else if project_same(got, above) {
                "That is their number; a share is between 0 and 1."
            } else if project_same(got, 1.0 - right) {
                "That is the share that was not late."
            } else if project_same(got, count(|delay| delay > 0.0) / left) {
                "That is the share with any delay at all; late means more than 15 minutes."
            } else {
                "Compare dep_delay with 15; the mean of what is true or false is a share, and what is missing takes no part in it."
            };
            ensure!(false, "Of {by} {key} {above} of {left} that left were late: {right:.4}, and {got:.4} came. {advice}");
        }
    }
});

check!("punctuality: nothing runs until it is asked", 1, {
    let (frame, times) = project_frame()?;
    let (lazy, profile) = taskloom::diagnostics::profile(|| punctuality(&frame, "carrier"));
    let lazy = lazy?;
    ensure!(
        profile.tasks.is_empty() && times.load(std::sync::atomic::Ordering::Relaxed) == 0,
        "{} tasks ran while the question was written down: leave `compute`, `persist` and `len` away.",
        profile.tasks.len()
    );
    lazy.compute()?;
    let times = times.load(std::sync::atomic::Ordering::Relaxed);
    ensure!(
        times == frame.npartitions(),
        "The frame has {} partitions, and for one answer they were computed {times} times. One `groupby` with all four \
         aggregates asks for everything at once.",
        frame.npartitions()
    );
});

check!("answers: two tables, in order", 1, {
    let (frame, _) = project_frame()?;
    let (carriers, hours) = answers(&frame)?;
    let (names, late) = (project_words(&carriers, "carrier")?, project_numbers(&carriers, "late")?);
    ensure!(
        names.len() == project_groups("carrier").len(),
        "The first table should have a row for each of {} carriers, and has {}. See the checks of `punctuality`.",
        project_groups("carrier").len(),
        names.len()
    );
    let known: Vec<f64> = late.into_iter().filter(|late| !late.is_nan()).collect();
    ensure!(
        known.windows(2).all(|pair| pair[0] <= pair[1]),
        "The first table should begin with the carrier that is late least often. The shares in it are {}.",
        known.iter().map(|late| format!("{late:.3}")).collect::<Vec<_>>().join(", ")
    );
    let planned = project_numbers(&hours, "hour")?;
    ensure!(
        planned == [6.0, 12.0, 18.0, 21.0, 23.0],
        "The second table should be in the order of the hours, 6, 12, 18, 21 and 23; they are {}.",
        planned.iter().map(|hour| hour.to_string()).collect::<Vec<_>>().join(", ")
    );
});

check!("answers: everything is read once", 1, {
    let (frame, times) = project_frame()?;
    answers(&frame)?;
    let times = times.load(std::sync::atomic::Ordering::Relaxed);
    ensure!(times > 0, "`answers` computed no partition of the frame that it was given. Does it use its argument?");
    ensure!(
        times == frame.npartitions(),
        "The frame has {} partitions, and they were computed {times} times for two tables. Every `compute` starts from the \
         beginning; `compute!(a, b)` does once what both need. (To sort, and to look for the length, are questions as well.)",
        frame.npartitions()
    );
});

check!("keep: a month has files of its own", 1, {
    let folder = ProjectFolder::new("keep")?;
    // Two partitions that are not months, so that nobody gets months for nothing.
    let (frame, _) = project_frame()?;
    let frame = frame.repartition(2);
    keep(&frame, &folder.path("kept"))?;
    let files = project_parquet(&folder.0);
    ensure!(!files.is_empty(), "`keep` wrote no files that end in .parquet into the folder that it was given.");
    ensure!(
        files.iter().all(|file| file.starts_with(folder.0.join("kept"))),
        "`keep` wrote beside the folder that it was given. Write into `folder` itself."
    );
    for file in &files {
        let name = file.display().to_string();
        if name.contains("month=") {
            continue;
        }
        let rows = taskloom::prelude::read_parquet(name.clone())?.compute()?;
        let mut months = project_numbers(&rows, "month")?;
        months.dedup();
        ensure!(
            months.len() <= 1,
            "The file {} holds flights of several months, so a question about one of them has to open it for the others, too. \
             `partition_on([\"month\"])` makes a folder for each.",
            file.file_name().unwrap_or_default().display()
        );
    }
    let kept = taskloom::prelude::read_parquet(folder.path("kept"))?;
    let february = kept.filter(col("month").cast(project_pl::DataType::Int64).eq(lit(2_i64))).len()?;
    let right = project_flights().iter().filter(|flight| flight.0 == 2).count();
    ensure!(february == right, "February has {right} flights, and of what was kept {february} are of February.");
    let delays = kept.select(["dep_delay"]).compute()?;
    let missing = delays.column("dep_delay")?.null_count();
    ensure!(
        delays.height() == project_flights().len() && missing == project_flights().iter().filter(|flight| flight.3.is_none()).count(),
        "{} flights were to be kept, cancelled ones too; {} are there, {missing} of them without a dep_delay.",
        project_flights().len(),
        delays.height()
    );
});

check!("keep: twice is the same as once", 1, {
    let folder = ProjectFolder::new("twice")?;
    let (frame, _) = project_frame()?;
    keep(&frame, &folder.path("kept"))?;
    if let Err(error) = keep(&frame, &folder.path("kept")) {
        return Err(format!("The second time `keep` failed: {error}. `overwrite(true)` replaces what an earlier run has left.").into());
    }
    let rows = taskloom::prelude::read_parquet(folder.path("kept"))?.select(["carrier"]).compute()?.height();
    ensure!(
        rows == project_flights().len(),
        "After two runs {rows} flights are kept, and there are {}. `append(true)` adds to what is there; `overwrite(true)` \
         replaces it.",
        project_flights().len()
    );
});
