/// The result, and what the gauges of `take_dark` and `measure` have seen: calls, and the most at once.
fn loop_outcome() -> std::result::Result<(f64, (usize, usize), (usize, usize)), taskloom::BoxError> {
    DARK.reset();
    MEASURING.reset();
    let result = taskloom::Scheduler::Threads(4).scope(brightness_of_night)?;
    Ok((result, (DARK.calls(), DARK.most()), (MEASURING.calls(), MEASURING.most())))
}

check!("The brightness is right", 1, {
    let (got, ..) = loop_outcome()?;
    let expected = (0..12).map(|number| 100.0 + (number * 37 % 12) as f64 - 3.0).sum::<f64>() / 12.0;
    ensure!((got - expected).abs() < 1e-9, "The mean brightness of the twelve exposures is {expected}, and {got} came.");
});

check!("The dark is taken once", 1, {
    let (_, (darks, _), (measured, _)) = loop_outcome()?;
    ensure!(measured >= 12, "`measure` was called {measured} times, for twelve exposures: call it for each of 0 to 11.");
    ensure!(
        darks == 1,
        "`take_dark` ran {darks} times, and once is enough. {}",
        if darks == 0 {
            "Does anybody call it?"
        } else {
            "Each `compute` runs all that its value needs, from the start: did you call `compute` inside of the loop, or \
             write `delayed!(take_dark())` for each exposure?"
        }
    );
});

check!("The exposures are measured side by side", 2, {
    let (_, _, (measured, most)) = loop_outcome()?;
    ensure!(measured == 12, "`measure` was called {measured} times; once for each of the twelve exposures was expected.");
    ensure!(
        most >= 2,
        "Four threads were there, and never did two of them measure at the same time. A `compute` in the loop waits for \
         its exposure before the next one is even written down. Build all twelve first, then compute once."
    );
});
