/// What a call of `figures` took.
struct PitfallsSeen {
    figures: (f64, f64),
    asked: usize,
    at_once: usize,
    held: usize,
}

/// Runs `figures` with four threads, and looks at the counters of the stations.
fn pitfalls_seen(stations: usize) -> std::result::Result<PitfallsSeen, taskloom::BoxError> {
    use std::sync::atomic::Ordering::SeqCst;
    // What a computation before this one held may still be on its way out, on another thread.
    let mut before = HELD.load(SeqCst);
    for _ in 0..40 {
        if before == 0 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(25));
        before = before.min(HELD.load(SeqCst));
    }
    MOST_HELD.store(before, SeqCst);
    FETCHED.store(0, SeqCst);
    ASKING.store(0, SeqCst);
    MOST_ASKING.store(0, SeqCst);
    let figures = taskloom::Scheduler::Threads(4).scope(|| figures(stations))?;
    Ok(PitfallsSeen {
        figures,
        asked: FETCHED.load(SeqCst),
        at_once: MOST_ASKING.load(SeqCst),
        held: MOST_HELD.load(SeqCst).saturating_sub(before),
    })
}

/// The two figures, worked out one after the other.
fn pitfalls_expected(stations: usize) -> (f64, f64) {
    let mut expected = (f64::MAX, f64::MIN);
    for station in 0..stations {
        let readings = fetch(station);
        expected = (expected.0.min(mean_of(&readings)), expected.1.max(highest_of(&readings)));
    }
    expected
}

/// Said where nobody was counted.
const PITFALLS_ANEW: &str = "No station of the cell above was asked. Run the cell with `fetch` once more, then your own, and then \
                             the check; and does `figures` call `fetch`?";

check!("The figures are right", 1, {
    for stations in [1, 24] {
        let expected = pitfalls_expected(stations);
        let got = pitfalls_seen(stations)?.figures;
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        let advice = if close(got.0, expected.1) && close(got.1, expected.0) {
            "They are the right ones, in the wrong order: the lowest mean comes first."
        } else if close(got.0, expected.0) {
            "The lowest mean is right. The second is the highest reading of any station."
        } else if close(got.1, expected.1) {
            "The highest reading is right. The first is the lowest of the stations' means."
        } else {
            "Ask each station from 0 on, take `lowest` of their means and `highest` of what is highest at each."
        };
        ensure!(
            close(got.0, expected.0) && close(got.1, expected.1),
            "`figures({stations})` should give {expected:?}, and gave {got:?}. {advice}"
        );
    }
});

check!("Each station is asked once", 1, {
    let seen = pitfalls_seen(24)?;
    ensure!(seen.asked > 0, "{PITFALLS_ANEW}");
    let advice = match seen.asked {
        48 => "Twice each: both figures need the readings, so delay `fetch` once and use the lazy readings for both. And each \
               `compute` begins anew; `compute!(a, b)` does once what both need.",
        asked if asked > 24 => "Each `compute` begins from the beginning. Write all of it down, and compute once.",
        _ => "Some were left out.",
    };
    ensure!(seen.asked == 24, "There are 24 stations, and they were asked {} times. {advice}", seen.asked);
});

check!("Several are asked at the same time", 1, {
    let seen = pitfalls_seen(24)?;
    ensure!(seen.asked > 0, "{PITFALLS_ANEW}");
    ensure!(
        seen.at_once >= 2,
        "`figures` had four threads, and asked one station after the other. Is there a `compute` in the loop, which waits in \
         every pass? Or a `fetch(station)` that is no task, because it stands inside of another call's `delayed!`?"
    );
});

check!("Readings are let go", 1, {
    let seen = pitfalls_seen(24)?;
    ensure!(seen.asked > 0, "{PITFALLS_ANEW}");
    ensure!(
        seen.held <= 12,
        "Readings of up to {} were held at once, of 24 stations. Whoever computes readings, keeps them: compute the figures \
         alone, and let the two tasks that need a station's readings borrow them with `&`. A task that takes all readings \
         holds all of them, too.",
        seen.held
    );
});
