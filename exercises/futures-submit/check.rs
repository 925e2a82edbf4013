/// What a function did on a client whose only thread was busy the whole time.
struct StartBusy<T> {
    returned: T,
    /// It came back only after the thread had been freed.
    waited: bool,
    pending: usize,
    client: taskloom::Client,
    gate: taskloom::client::coordination::Event,
}

/// Calls `start` on a client whose only thread is busy until `gate` is set; after two seconds somebody sets it, so that
/// a function that waits comes back, too.
fn start_busy<T>(start: impl FnOnce(&taskloom::Client) -> T) -> std::result::Result<StartBusy<T>, taskloom::BoxError> {
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
    Ok(StartBusy { returned, waited, pending, client, gate })
}

/// What ran when: the function's name, its start and its end.
fn start_stream() -> std::result::Result<(i64, Vec<(String, u64, u64)>), taskloom::BoxError> {
    let client = taskloom::Client::builder().threads(2).build()?;
    let (result, profile) = taskloom::diagnostics::profile(|| start(&client).result());
    let tasks = profile.tasks.iter().map(|task| (profile.name_of(task).to_owned(), task.start, task.end));
    Ok((result?, tasks.collect()))
}

check!("The result is right", 1, {
    let client = taskloom::Client::builder().threads(2).build()?;
    let got = start(&client).result()?;
    let advice = match got {
        2 | 4 => "this is only one of the two: `add` needs both",
        _ => "add what `inc` makes of 1 to what `double` makes of 2",
    };
    ensure_eq!(got, 6, "{advice}");
});

check!("`start` comes back at once", 2, {
    let busy = start_busy(start)?;
    let status = busy.returned.status();
    busy.gate.set();
    ensure!(
        !busy.waited,
        "`start` was called with a client whose only thread was busy, and did not come back before that thread was \
         free: it waits for a result. Where is there a `result()`, `gather` or `wait`? Give the futures themselves \
         to `add`."
    );
    ensure!(
        busy.pending > 0 && status == taskloom::client::Status::Pending,
        "`start` was called with a client whose only thread was busy, and gave a future that was {status}, with {} \
         tasks pending: the work was done inside `start`, by the one who called it. Submit the functions, by their \
         names: `client.submit(inc, (1,))`.",
        busy.pending
    );
});

check!("`inc` and `double` run at the same time", 1, {
    let (_, stream) = start_stream()?;
    let of = |name: &str| stream.iter().find(|(task, _, _)| task == name).cloned();
    let names: Vec<&str> = stream.iter().map(|(name, _, _)| name.as_str()).collect();
    let found = (of("inc"), of("double"));
    ensure!(
        found.0.is_some() && found.1.is_some(),
        "Tasks of the names `inc` and `double` were expected, and these ran: {names:?}. Submit each call by itself."
    );
    if let (Some((_, inc_start, inc_end)), Some((_, double_start, double_end))) = found {
        ensure!(
            inc_start < double_end && double_start < inc_end,
            "With two threads free, one of `inc` and `double` began only when the other had ended. Submit both \
             before you ask for anything."
        );
    }
});
