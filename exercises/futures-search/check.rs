static SEARCH_SEEN: std::sync::Mutex<Vec<Found>> = std::sync::Mutex::new(Vec::new());

fn search_note(found: Found) -> Found {
    if let Ok(mut seen) = SEARCH_SEEN.lock() {
        seen.push(found);
    }
    found
}

/// The lowest place is far away from the beginning: only who follows the best comes near it.
fn search_far(point: Point) -> Found {
    search_note((point, (point.0 - 40.0).abs() + (point.1 - 40.0).abs()))
}

/// One of sixteen takes its time.
fn search_uneven(point: Point) -> Found {
    let late = SEARCH_SEEN.lock().map(|seen| seen.len() % 16 == 3).unwrap_or(false);
    let found = search_note((point, point.0 * point.0 + point.1 * point.1));
    taskloom::sleep_ms(if late { 250 } else { 4 });
    found
}

fn search_clear() {
    if let Ok(mut seen) = SEARCH_SEEN.lock() {
        seen.clear();
    }
}

check!("It gives the best of all that it looked at", 1, {
    search_clear();
    let client = taskloom::Client::builder().threads(4).build()?;
    let got = search(&client, search_far, 160)?;
    let seen = SEARCH_SEEN.lock().map_err(|error| error.to_string())?.clone();
    let best = seen.iter().map(|found| found.1).fold(f64::INFINITY, f64::min);
    ensure!(
        got.1 == best,
        "The lowest value among those that were evaluated is {best:.3}, and `search` gave {:.3}. Compare each result \
         with the best one so far, also the last.",
        got.1
    );
});

check!("It evaluates as often as it was asked to", 1, {
    search_clear();
    let client = taskloom::Client::builder().threads(4).build()?;
    search(&client, search_far, 160)?;
    std::thread::sleep(std::time::Duration::from_millis(50)); // for some that nobody waited for
    let seen = SEARCH_SEEN.lock().map_err(|error| error.to_string())?.len();
    let advice = if seen < 160 {
        "who stops at the first result that is good enough, or drops futures that still run, throws work away"
    } else {
        "stop adding when `evaluations` have been submitted, not when they have come back"
    };
    ensure!(seen == 160, "160 evaluations were asked for, and {seen} were made; {advice}.");
});

check!("New points are looked for near the best", 1, {
    search_clear();
    let client = taskloom::Client::builder().threads(4).build()?;
    let got = search(&client, search_far, 400)?;
    ensure!(
        got.0.0 > 8.0 && got.0.1 > 8.0,
        "With the lowest place at (40, 40), the search ended at ({:.1}, {:.1}): it does not move. Each new point \
         should be `near` the best one so far, and not near (0, 0).",
        got.0.0,
        got.0.1
    );
});

check!("Nobody waits for a slow one", 1, {
    search_clear();
    let client = taskloom::Client::builder().threads(4).build()?;
    let (result, profile) = taskloom::diagnostics::profile(|| search(&client, search_uneven, 160));
    result?;
    let slow = profile.tasks.iter().filter(|task| task.length() > 200_000_000);
    let started = slow.map(|slow| {
        profile.tasks.iter().filter(|task| task.start > slow.start && task.start < slow.end).count()
    });
    let most = started.max();
    ensure!(
        most.is_some(),
        "No evaluation of more than 200 ms was seen among {} tasks: submit `evaluate` itself, once for each point.",
        profile.tasks.len()
    );
    ensure!(
        most > Some(12),
        "While one evaluation took a quarter of a second, only {} others began; with four threads there was time for \
         more than a hundred. In rounds, all threads wait for the slowest. Take each result `as_completed`, and add \
         a new point for it at once.",
        most.unwrap_or(0)
    );
});
