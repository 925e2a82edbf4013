/// What a function did on a client whose only thread was busy the whole time.
struct MeansBusy<T> {
    returned: T,
    /// It came back only after the thread had been freed.
    waited: bool,
    pending: usize,
    client: taskloom::Client,
    gate: taskloom::client::coordination::Event,
}

/// Calls `start` on a client whose only thread is busy until `gate` is set; after two seconds somebody sets it, so that
/// a function that waits comes back, too.
fn means_busy<T>(start: impl FnOnce(&taskloom::Client) -> T) -> std::result::Result<MeansBusy<T>, taskloom::BoxError> {
    use std::sync::atomic::{AtomicBool, Ordering};
    let client = taskloom::Client::builder().threads(1).build()?;
    let (gate, begun) = (client.event("gate"), client.event("begun"));
    let blocker = {
        let (gate, begun) = (gate.clone(), begun.clone());
        move || {
            begun.set();
            while !gate.is_set() {
                std::thread::sleep(std::time::Duration::from_millis(2)); // keeps the thread, as `wait` would not
            }
        }
    };
    taskloom::client::fire_and_forget(client.submit(blocker, ()));
    begun.wait()?;
    let over = std::sync::Arc::new(AtomicBool::new(false));
    let watch = {
        let (gate, over) = (gate.clone(), std::sync::Arc::clone(&over));
        std::thread::spawn(move || {
            for _ in 0..200 {
                std::thread::sleep(std::time::Duration::from_millis(10));
                if over.load(Ordering::SeqCst) {
                    return;
                }
            }
            gate.set();
        })
    };
    let returned = start(&client);
    let (waited, pending) = (gate.is_set(), client.status().pending);
    over.store(true, Ordering::SeqCst);
    let _ = watch.join();
    Ok(MeansBusy { returned, waited, pending, client, gate })
}

/// The mean delays, worked out without any task.
fn means_expected() -> PerAirport {
    let months: Vec<Table> = flights_files().into_iter().map(read_flights).collect();
    let sums = add_up(months.iter().map(|month| sum_delays(month.clone())).collect());
    let counts = add_up(months.iter().map(|month| count_delays(month.clone())).collect());
    divide(sums, counts)
}

check!("The means are right", 1, {
    let client = taskloom::Client::builder().threads(12).build()?;
    let (got, expected) = (mean_delays(&client).result()?, means_expected());
    ensure!(
        got.len() == expected.len(),
        "There are {} airports, and the result has {}: {:?}.",
        expected.len(),
        got.len(),
        got.keys().collect::<Vec<_>>()
    );
    for (airport, mean) in &expected {
        let found = got.get(airport).copied().unwrap_or(f64::NAN);
        let advice = if found > 1000.0 * mean.abs() {
            "this looks like a sum: divide the sums by the counts"
        } else {
            "add up the sums of all months, and the counts of all months, and divide at the end"
        };
        ensure!(
            (found - mean).abs() < 1e-9,
            "{airport}: {mean:.6} minutes were expected and {found:.6} came; {advice}."
        );
    }
});

check!("`mean_delays` comes back at once", 1, {
    let busy = means_busy(mean_delays)?;
    let status = busy.returned.status();
    busy.gate.set();
    ensure!(
        !busy.waited,
        "`mean_delays` was called with a client whose only thread was busy, and did not come back before that thread \
         was free: it waits for a result. Where is there a `result()`, `gather` or `wait`?"
    );
    ensure!(
        busy.pending > 0 && status == taskloom::client::Status::Pending,
        "`mean_delays` was called with a client whose only thread was busy, and gave a future that was {status}: the \
         files were read inside `mean_delays`, by the one who called it. Submit `read_flights`, and what follows it.",
    );
});

check!("Each file is read once", 1, {
    let client = taskloom::Client::builder().threads(12).build()?;
    let before = READS.load(std::sync::atomic::Ordering::SeqCst);
    mean_delays(&client).result()?;
    let reads = READS.load(std::sync::atomic::Ordering::SeqCst) - before;
    let months = flights_files().len();
    ensure!(
        reads == months,
        "{months} files were read {reads} times. Submit `read_flights` once for each, and give the same future to \
         `sum_delays` and to `count_delays`."
    );
});

check!("The months are read side by side", 1, {
    let client = taskloom::Client::builder().threads(12).build()?;
    let (result, profile) = taskloom::diagnostics::profile(|| mean_delays(&client).result());
    result?;
    let moments = profile.tasks.iter().flat_map(|task| [(task.start, 1), (task.end, -1)]);
    let mut moments: Vec<(u64, i64)> = moments.collect();
    moments.sort();
    let (mut now, mut most) = (0, 0);
    for (_, change) in moments {
        now += change;
        most = most.max(now);
    }
    ensure!(
        most >= 4,
        "On a client with twelve threads, at most {most} tasks ran at the same moment. Each month has nothing to do \
         with the others, so all can be read at once: one submit for each file, and no task that reads them all."
    );
});
