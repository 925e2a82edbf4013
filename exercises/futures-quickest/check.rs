use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering as QuickestOrdering};

/// How many slow mirrors were asked, and how many of them were told to stop.
static QUICKEST_SLOW: AtomicUsize = AtomicUsize::new(0);
static QUICKEST_STOPPED: AtomicUsize = AtomicUsize::new(0);
static QUICKEST_GATE: AtomicBool = AtomicBool::new(false);

/// Mirrors 0 and 3 answer when somebody has lost patience, mirror 1 fails at once, mirror 2 answers soon.
fn quickest_ask(mirror: usize) -> std::result::Result<String, String> {
    match mirror {
        1 => Err("out of order".to_owned()),
        2 => {
            taskloom::sleep_ms(60);
            Ok("from 2".to_owned())
        }
        _ => {
            QUICKEST_SLOW.fetch_add(1, QuickestOrdering::SeqCst);
            while !QUICKEST_GATE.load(QuickestOrdering::SeqCst) {
                if taskloom::is_cancelled() {
                    QUICKEST_STOPPED.fetch_add(1, QuickestOrdering::SeqCst);
                    return Err("stopped".to_owned());
                }
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            Ok(format!("from {mirror}"))
        }
    }
}

fn quickest_broken(mirror: usize) -> std::result::Result<String, String> {
    Err(format!("mirror {mirror} is out of order"))
}

/// What came of asking: the answer, whether somebody lost patience first, how many slow ones ran, and were stopped.
fn quickest_outcome() -> std::result::Result<(Option<String>, bool, usize, usize), taskloom::BoxError> {
    QUICKEST_GATE.store(false, QuickestOrdering::SeqCst);
    QUICKEST_SLOW.store(0, QuickestOrdering::SeqCst);
    QUICKEST_STOPPED.store(0, QuickestOrdering::SeqCst);
    let client = taskloom::Client::builder().threads(4).build()?;
    let over = std::sync::Arc::new(AtomicBool::new(false));
    let watch = {
        let over = std::sync::Arc::clone(&over);
        std::thread::spawn(move || {
            for _ in 0..250 {
                std::thread::sleep(std::time::Duration::from_millis(10));
                if over.load(QuickestOrdering::SeqCst) {
                    return;
                }
            }
            QUICKEST_GATE.store(true, QuickestOrdering::SeqCst);
        })
    };
    let answer = quickest(&client, quickest_ask, 4);
    let waited = QUICKEST_GATE.load(QuickestOrdering::SeqCst);
    over.store(true, QuickestOrdering::SeqCst);
    let _ = watch.join();
    // Those that run see within moments that they are cancelled.
    for _ in 0..100 {
        if QUICKEST_STOPPED.load(QuickestOrdering::SeqCst) >= QUICKEST_SLOW.load(QuickestOrdering::SeqCst) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let slow = QUICKEST_SLOW.load(QuickestOrdering::SeqCst);
    let stopped = QUICKEST_STOPPED.load(QuickestOrdering::SeqCst);
    QUICKEST_GATE.store(true, QuickestOrdering::SeqCst);
    Ok((answer, waited, slow, stopped))
}

check!("It comes back with the first good answer", 2, {
    let (answer, waited, ..) = quickest_outcome()?;
    ensure!(
        answer.is_some(),
        "Of four mirrors one fails at once, one answers soon and two are slow, and `None` came. The first future \
         that is done may be one that failed; go on to the next."
    );
    ensure!(
        !waited && answer.as_deref() == Some("from 2"),
        "Of four mirrors one fails at once, mirror 2 answers soon, and mirrors 0 and 3 answer much later. {} came{}. \
         Ask all of them before you look at any answer, and look at the answers `as_completed`.",
        answer.map_or_else(|| "None".to_owned(), |answer| format!("The answer {answer:?}")),
        if waited { ", after the slow ones had answered" } else { "" }
    );
});

check!("The slow ones are told to stop", 1, {
    let (_, waited, slow, stopped) = quickest_outcome()?;
    ensure!(!waited, "This can be seen as soon as `quickest` does not wait for the slow ones: see the check above.");
    ensure!(
        slow > 0,
        "Nobody asked the slow mirrors, so there is nothing to be stopped. Which mirror is the quickest is not known \
         before all are asked."
    );
    ensure!(
        stopped == slow,
        "{slow} slow mirrors were asked, and {stopped} of them were stopped after the answer was there; the others \
         go on for nobody. Cancel their futures, or let them be dropped."
    );
});

check!("When all fail, there is no answer", 1, {
    let client = taskloom::Client::builder().threads(2).build()?;
    let answer = quickest(&client, quickest_broken, 3);
    ensure!(answer.is_none(), "All three mirrors failed, and {answer:?} came; `None` was expected.");
});
