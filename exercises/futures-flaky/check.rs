/// The numbers of the pages that came, and of those that are said to be missing, both sorted.
fn flaky_outcome() -> std::result::Result<(Vec<usize>, Vec<usize>), taskloom::BoxError> {
    ATTEMPTS.lock().map_err(|error| error.to_string())?.clear(); // the server is busy again for those it had served
    let client = taskloom::Client::builder().threads(4).build()?;
    let (pages, mut missing) = fetch_all(&client, 0..20);
    let mut numbers: Vec<usize> = pages.iter().map(|page| page.number).collect();
    numbers.sort();
    missing.sort();
    Ok((numbers, missing))
}

check!("Every page that can be had is there", 2, {
    let (pages, missing) = flaky_outcome()?;
    let expected: Vec<usize> = (0..20).filter(|number| number % 10 != 7).collect();
    let lacking: Vec<usize> = expected.iter().filter(|number| !pages.contains(number)).copied().collect();
    let advice = if lacking.len() == expected.len() {
        "none came: one page that failed should not take the others with it, as `gather` does"
    } else if lacking.iter().any(|number| !missing.contains(number)) {
        "they are neither among the pages nor among the missing"
    } else {
        "the server was busy when they were asked for the first time; ask again, up to three times more"
    };
    ensure!(lacking.is_empty(), "{} of {} pages did not come: {lacking:?}; {advice}.", lacking.len(), expected.len());
    ensure!(
        pages == expected,
        "The pages {expected:?} were expected, each once, and these came: {pages:?}. Is a page there twice?"
    );
});

check!("The others are named", 1, {
    let (_, missing) = flaky_outcome()?;
    ensure_eq!(missing, [7, 17], "The pages 7 and 17 do not exist, and all others do.");
});

check!("The pages are fetched side by side", 1, {
    let client = taskloom::Client::builder().threads(4).build()?;
    let (_, profile) = taskloom::diagnostics::profile(|| fetch_all(&client, 0..20));
    let moments = profile.tasks.iter().flat_map(|task| [(task.start, 1), (task.end, -1)]);
    let mut moments: Vec<(u64, i64)> = moments.collect();
    moments.sort();
    let (mut now, mut most) = (0, 0);
    for (_, change) in moments {
        now += change;
        most = most.max(now);
    }
    ensure!(
        most >= 3,
        "On a client with four threads, at most {most} page was on its way at a time. Submit all of them before you \
         look at the first result; a `result()` in the loop that submits waits for each page."
    );
});
