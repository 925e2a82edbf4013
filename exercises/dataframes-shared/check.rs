use taskloom::polars::prelude as pl;

/// Trips in three partitions of different lengths, and the figures of those paid by card: 1, 2, 3 and 10.
fn few_trips() -> taskloom::Result<(taskloom::DataFrame, [f64; 3])> {
    let part = |tips: &[f64], payments: &[i64]| pl::df!("tip_amount" => tips, "payment_type" => payments);
    let parts =
        vec![part(&[1.0, 2.0, 0.0, 3.0], &[1, 1, 2, 1])?, part(&[0.0, 0.0], &[2, 4])?, part(&[10.0, 99.0], &[1, 3])?];
    Ok((taskloom::DataFrame::from_partitions(parts)?, [4.0, (50.0_f64 / 3.0).sqrt(), 10.0]))
}

/// The trips of the files, whoever has changed the variable since.
fn all_trips() -> taskloom::Result<taskloom::DataFrame> {
    taskloom::dataframe::read_parquet(data("nyctaxi/*.parquet"))
}

/// What `tip_figures` gives, and how often it had partitions computed.
fn counted(trips: &taskloom::DataFrame) -> taskloom::Result<((f64, f64, f64), usize)> {
    let times = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = std::sync::Arc::clone(&times);
    let watched = trips.map_partitions(move |rows| {
        // The columns are found out with a frame without rows, which does not count.
        if rows.height() > 0 {
            counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        Ok(rows)
    });
    Ok((tip_figures(&watched)?, times.load(std::sync::atomic::Ordering::Relaxed)))
}

check!("The figures are right", 1, {
    let (few, expected) = few_trips()?;
    let (mean, deviation, largest) = tip_figures(&few)?;
    let is = |came: f64, other: f64| (came - other).abs() < 1e-9;
    let of_all = "trips are in it that were not paid by card: keep those with `payment_type` 1";
    let of_mean = if is(mean, 14.375) { of_all } else { "take it over all rows, and not over the partitions' means" };
    let of_deviation = if is(deviation, 50.0 / 3.0) {
        "that is the variance: ask for `.std()`"
    } else if is(deviation, 12.5_f64.sqrt()) {
        "that is divided by n; `.std()` divides by n - 1"
    } else {
        "it is the root of the sum of squares around the mean, divided by n - 1, over all rows"
    };
    let of_largest = if is(largest, 99.0) { of_all } else { "ask for `.max()`" };
    for (name, came, expected, advice) in [
        ("mean", mean, expected[0], of_mean),
        ("standard deviation", deviation, expected[1], of_deviation),
        ("largest", largest, expected[2], of_largest),
    ] {
        ensure!(
            is(came, expected),
            "Of four trips with tips of 1, 2, 3 and 10 dollars, and four that were not paid by card, the {name} is \
             {expected:.4}, and {came:.4} came: {advice}."
        );
    }
});

check!("Each partition is read once", 2, {
    let (few, _) = few_trips()?;
    let (_, times) = counted(&few)?;
    ensure!(times > 0, "`tip_figures` computed no partition of the frame that it was given. Does it use its argument?");
    ensure!(
        times == few.npartitions(),
        "The frame has {} partitions, and they were computed {times} times. Every `compute` starts from the beginning; \
         ask for all three figures in one: `compute!(a, b, c)`.",
        few.npartitions()
    );
});

check!("No more is held than it takes", 1, {
    let trips = all_trips()?;
    let (figures, profile) = taskloom::diagnostics::profile(|| tip_figures(&trips));
    figures?;
    let held = profile.live.iter().map(|moment| moment.live_bytes).max().unwrap_or(0) as usize;
    // Two columns take 16 bytes a row, and all of them 145.
    let most = trips.len()? * 40;
    ensure!(
        held <= most,
        "Up to {} KiB of results were held at once, and the two columns that it takes have {}. Are all columns \
         fetched, or kept by `persist`? Leave out first what is not needed, with `select` or `col`.",
        held / 1024,
        trips.len()? * 16 / 1024
    );
});
