/// The report on four threads, and the most calls at once of the three steps.
fn serial_outcome() -> std::result::Result<(String, [usize; 3]), taskloom::BoxError> {
    let report = night_report();
    for gauge in [&READING, &LOOKING, &DESCRIBING] {
        gauge.reset();
    }
    let text = report.compute_with(taskloom::Scheduler::Threads(4))?;
    Ok((text, [READING.most(), LOOKING.most(), DESCRIBING.most()]))
}

check!("The report says the same", 1, {
    let (got, _) = serial_outcome()?;
    let lines: Vec<String> = (0..12).map(|number| describe(number, light_of(&read_exposure(number)))).collect();
    let expected = lines.join("\n");
    let (came, wanted) = (got.lines().count(), expected.lines().count());
    ensure!(came == wanted, "The report has {came} lines, and {wanted} were expected, one for each exposure.");
    ensure!(
        got == expected,
        "The report has its twelve lines, but they say something else.\nexpected: {}\ngot: {}",
        lines.iter().find(|line| !got.lines().any(|came| came == line.as_str())).unwrap_or(&lines[0]),
        got.lines().zip(expected.lines()).find(|(came, wanted)| came != wanted).map_or("", |(came, _)| came)
    );
});

check!("Nothing is read before somebody asks", 1, {
    READING.reset();
    let _report = night_report();
    ensure!(
        READING.calls() == 0,
        "`night_report` read {} exposures while it was called. Put `delayed!` around the reading, and leave `compute` to \
         the caller.",
        READING.calls()
    );
});

check!("Exposures are read side by side", 1, {
    let (_, [reading, ..]) = serial_outcome()?;
    ensure!(
        reading >= 3,
        "Of four threads, at most {reading} read at the same time. One task that reads all exposures is one long bar, \
         whatever comes after it. Give each exposure a task of its own."
    );
});

check!("Lines are written side by side", 1, {
    let (_, [reading, _, describing]) = serial_outcome()?;
    ensure!(
        describing >= 3,
        "Of four threads, at most {describing} described an exposure at the same time. {}",
        if reading >= 3 {
            "The beginning is mended; now look at the end of the stream, and at the loop in `write_report`."
        } else {
            "`write_report` is a loop in one task."
        }
    );
});
