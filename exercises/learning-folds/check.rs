/// Rows of which one in each fold is far away in a column that does not matter: whoever lets the test rows take part in the
/// scale gets another error.
fn folds_samples() -> Samples {
    let random = |place: usize| {
        let bits = (place as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        ((bits ^ (bits >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 11) as f64 / (1_u64 << 53) as f64
    };
    let x = taskloom::ndarray::Array2::from_shape_fn((90, 2), |(row, column)| match (row, column) {
        (40, 1) => 400.0,
        _ => random(2 * row + column),
    });
    let y = taskloom::ndarray::Array1::from_shape_fn(90, |row| 10.0 * x[[row, 0]] + x[[row, 1]].min(1.0));
    Samples { x, y }
}

/// What the errors are without a leak, and with the two kinds of it.
fn folds_expected(samples: &Samples, ks: &[usize], folds: usize) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let all = standardise(&Split { train: samples.clone(), test: samples.clone() }).train;
    let splits: Vec<Split> = (0..folds).map(|number| fold(samples, number, folds)).collect();
    let scaled: Vec<Split> = splits.iter().map(standardise).collect();
    let leaking: Vec<Split> = (0..folds).map(|number| fold(&all, number, folds)).collect();
    let means = |splits: &[Split]| {
        let of = |k: usize| splits.iter().map(|split| error_of(split, k)).sum::<f64>() / folds as f64;
        ks.iter().map(|&k| of(k)).collect::<Vec<f64>>()
    };
    (means(&scaled), means(&leaking), means(&splits))
}

/// How many tasks may be at work at the same time.
fn folds_width(graph: &taskloom::graph::Graph) -> usize {
    let mut depths: Vec<usize> = Vec::new();
    let mut at_depth: Vec<usize> = vec![0];
    for id in graph.ids() {
        let below = graph.inputs(id).iter().map(|&input| depths[input as usize]).max().unwrap_or(0);
        let is_task = graph.task(id).is_some();
        depths.push(below + usize::from(is_task));
        at_depth.resize(at_depth.len().max(below + 2), 0);
        at_depth[below + 1] += usize::from(is_task);
    }
    at_depth.into_iter().max().unwrap_or(0)
}

static FOLDS_READ: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

fn folds_load() -> Samples {
    FOLDS_READ.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    folds_samples()
}

fn folds_together(errors: Vec<f64>) -> Vec<f64> {
    errors
}

check!("The errors are right", 1, {
    let samples = folds_samples();
    let ks = [1, 3, 10];
    let handles = cross_validate(&taskloom::delayed_value(samples.clone()), &ks, 5);
    ensure!(
        handles.len() == ks.len(),
        "{} values of `k` were given, and {} errors came; one mean error for each `k` was expected.",
        ks.len(),
        handles.len()
    );
    let got = taskloom::delayed!(folds_together(handles)).compute()?;
    let (expected, leaking, unscaled) = folds_expected(&samples, &ks, 5);
    let close = |other: &[f64]| got.iter().zip(other).all(|(got, other)| (got - other).abs() < 1e-9);
    let sum_of_folds: Vec<f64> = expected.iter().map(|error| error * 5.0).collect();
    let advice = if close(&leaking) {
        "that is what comes when the scale is taken from all rows, those of the test too: split first, and standardise \
         each fold by itself"
    } else if close(&unscaled) {
        "that is what comes without standardising"
    } else if close(&sum_of_folds) {
        "that is the sum over the folds; take the mean"
    } else {
        "for each `k`, in their order: the mean over all folds of the error on a standardised fold"
    };
    ensure!(close(&expected), "{expected:.3?} was expected and {got:.3?} came; {advice}.");
});

check!("Nothing runs before compute", 1, {
    let samples = taskloom::delayed!(folds_load());
    let read = FOLDS_READ.load(std::sync::atomic::Ordering::SeqCst);
    let prepared = PREPARED.load(std::sync::atomic::Ordering::SeqCst);
    let handles = cross_validate(&samples, &[1, 3, 10], 5);
    let read = FOLDS_READ.load(std::sync::atomic::Ordering::SeqCst) - read;
    let prepared = PREPARED.load(std::sync::atomic::Ordering::SeqCst) - prepared;
    ensure!(
        read == 0,
        "The samples were computed while `cross_validate` ran. Pass the lazy samples on: `delayed!(fold(&samples, \
         number, folds))` takes them as they are."
    );
    ensure!(
        prepared == 0,
        "`standardise` ran while `cross_validate` did, {prepared} times: put `delayed!( … )` around it."
    );
    ensure!(
        handles.iter().all(|handle| handle.len() > 0),
        "The handles that came have no tasks behind them: everything was computed before they were made."
    );
});

check!("Each fold is prepared once, for all k", 1, {
    let samples = taskloom::delayed!(folds_load());
    let prepared = PREPARED.load(std::sync::atomic::Ordering::SeqCst);
    let handles = cross_validate(&samples, &[1, 2, 3, 5, 8, 13], 4);
    let before = PREPARED.load(std::sync::atomic::Ordering::SeqCst) - prepared;
    taskloom::delayed!(folds_together(handles)).compute()?;
    let times = PREPARED.load(std::sync::atomic::Ordering::SeqCst) - prepared;
    ensure!(before == 0, "This follows as soon as nothing runs before compute: see the check above.");
    let advice = match times {
        1 => "once is a leak: each fold has its own rows to train with, and so its own scale",
        24 => "that is once for each `k` and fold: make the prepared folds before the loop over `ks`, and share them",
        0..4 => "each fold has its own rows to train with, and so its own scale",
        _ => "make the prepared folds before the loop over `ks`, and share them",
    };
    let times_ran = if times == 1 { "once".to_owned() } else { format!("{times} times") };
    ensure!(
        times == 4,
        "With 4 folds and 6 values of `k`, `standardise` ran {times_ran}, and 4 times were expected; \
         {advice}."
    );
});

check!("All trials can run at the same time", 1, {
    let samples = taskloom::delayed!(folds_load());
    let handles = cross_validate(&samples, &[1, 2, 3, 5, 8, 13], 4);
    let width = folds_width(&taskloom::delayed!(folds_together(handles)).graph());
    ensure!(
        width >= 24,
        "With 4 folds and 6 values of `k` there are 24 trials, and no more than {width} can be at work at the same time. \
         `error_of` should be a task of its own for each `k` and each fold."
    );
});
