static PREDICT_READ: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

fn predict_rows(number: usize) -> taskloom::polars::prelude::DataFrame {
    let miles: Vec<f64> = (0..50).map(|row| (number * 50 + row) as f64 / 10.0).collect();
    let hours: Vec<f64> = (0..50).map(|row| ((number * 7 + row) % 24) as f64).collect();
    let minutes: Vec<f64> = (0..50).map(|row| row as f64).collect();
    taskloom::polars::df!("miles" => miles, "hour" => hours, "minutes" => minutes).expect("three columns of one length")
}

fn predict_part(number: usize) -> taskloom::polars::prelude::DataFrame {
    PREDICT_READ.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    predict_rows(number)
}

/// A frame of six partitions that are counted when they are made.
fn predict_trips() -> std::result::Result<taskloom::DataFrame, taskloom::BoxError> {
    let parts: Vec<_> = (0..6).map(|number| taskloom::delayed!(predict_part(number))).collect();
    Ok(taskloom::DataFrame::from_delayed(&parts, &predict_rows(0).head(Some(0)))?)
}

fn predict_read() -> usize {
    PREDICT_READ.load(std::sync::atomic::Ordering::SeqCst)
}

check!("The guesses are right", 1, {
    let line = taskloom::ndarray::array![5.0, 3.0, 0.25];
    let got = with_guess(&predict_trips()?, &line).compute()?;
    ensure!(
        got.height() == 300,
        "The frame has {} rows, and there are 300 trips: one row for each trip, in their order.",
        got.height()
    );
    let names: Vec<String> = got.get_column_names().iter().map(|name| name.to_string()).collect();
    ensure!(
        names == ["miles", "hour", "minutes", "guess"],
        "The columns miles, hour, minutes and guess were expected, and {} came.",
        names.join(", ")
    );
    let guesses =
        got.column("guess")?.f64().map_err(|_| "`guess` should be a column of f64, as `add_guess` makes it.")?;
    for number in 0..6 {
        let rows = predict_rows(number);
        let (miles, hours) = (rows.column("miles")?.f64()?, rows.column("hour")?.f64()?);
        for row in 0..50 {
            let expected = 5.0 + 3.0 * miles.get(row).unwrap_or(0.0) + 0.25 * hours.get(row).unwrap_or(0.0);
            let came = guesses.get(number * 50 + row);
            ensure!(
                came.is_some_and(|came| (came - expected).abs() < 1e-9),
                "For row {} a guess of {expected:.2} was expected, and {} came: a + b · miles + c · hour, with the \
                 coefficients in `line`.",
                number * 50 + row,
                came.map_or("none".to_owned(), |came| format!("{came:.2}"))
            );
        }
    }
});

check!("Nothing is read before it is asked for", 1, {
    let trips = predict_trips()?;
    let before = predict_read();
    let _guessed = with_guess(&trips, &taskloom::ndarray::array![1.0, 1.0, 1.0]);
    let read = predict_read() - before;
    ensure!(
        read == 0,
        "{read} of the 6 partitions were read while `with_guess` ran. It should only write down what is to be done: leave \
         `compute` away, and use `map_partitions`."
    );
});

check!("The partitions stay", 1, {
    let guessed = with_guess(&predict_trips()?, &taskloom::ndarray::array![1.0, 1.0, 1.0]);
    ensure!(
        guessed.npartitions() == 6,
        "The frame had 6 partitions and the result has {}: each partition should become one with a column more.",
        guessed.npartitions()
    );
});

check!("Who asks for little reads little", 1, {
    let guessed = with_guess(&predict_trips()?, &taskloom::ndarray::array![1.0, 1.0, 1.0]);
    let before = predict_read();
    guessed.partition(0).compute()?;
    let read = predict_read() - before;
    ensure!(
        read == 1,
        "For the first partition of the result {read} partitions of the trips were read; one was expected. {}",
        if read == 0 { "Were all of them read before?" } else { "Does each partition's task take only its own rows?" }
    );
});
