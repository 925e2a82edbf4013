static BLOCKS_MADE: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

/// A block of 40 KB. Later blocks are longer, and lie elsewhere, so that the mean of the blocks' lines is not the line.
fn blocks_one(number: usize) -> Samples {
    BLOCKS_MADE.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    let rows = 1000 + 100 * number;
    let noise = |row: usize| ((row * 7919 + number * 104_729) % 1000) as f64 / 1000.0 - 0.5;
    let x = taskloom::ndarray::Array2::from_shape_fn((rows, 3), |(row, column)| match column {
        0 => 1.0,
        1 => ((row * 31 + number * 17) % 97) as f64 / (1.0 + number as f64),
        _ => ((row * 13) % 89) as f64 / 10.0 + number as f64,
    });
    let bend = x.column(1).mapv(|miles| 0.05 * miles * miles);
    let y = x.dot(&taskloom::ndarray::array![4.0, 2.5, -1.0])
        + bend
        + taskloom::ndarray::Array1::from_shape_fn(rows, noise);
    Samples { x, y }
}

fn blocks_lazy(count: usize) -> Vec<taskloom::Delayed<Samples>> {
    (0..count).map(|number| taskloom::delayed!(blocks_one(number))).collect()
}

check!("The coefficients are those of all rows", 1, {
    let got = fit_blocks(&blocks_lazy(12)).compute()?;
    let blocks: Vec<Samples> = (0..12).map(blocks_one).collect();
    let expected = solve(&moments(&stack(&blocks)));
    let lines: Vec<taskloom::ndarray::Array1<f64>> = blocks.iter().map(|block| solve(&moments(block))).collect();
    let mean_of = |lines: &[taskloom::ndarray::Array1<f64>]| {
        lines.iter().fold(taskloom::ndarray::Array1::zeros(3), |sum, line| sum + line) / lines.len() as f64
    };
    let close = |other: &taskloom::ndarray::Array1<f64>| {
        got.len() == other.len() && got.iter().zip(other).all(|(a, b)| (a - b).abs() < 1e-6 * (1.0 + b.abs()))
    };
    let advice = if close(&mean_of(&lines)) {
        "that is the mean of the blocks' lines, in which a short block weighs as much as a long one; add up the moments, \
         and solve once"
    } else if close(&(mean_of(&lines) * 12.0)) {
        "that is the sum of the blocks' lines; add up the moments, and solve once"
    } else if lines.iter().any(close) {
        "that is the line of one block; all should take part"
    } else {
        "make the moments of each block, add them up, and solve once, behind that"
    };
    ensure!(close(&expected), "{expected:.4} was expected and {got:.4} came; {advice}.");
});

check!("Nothing runs before compute, and each block once", 1, {
    let made = || BLOCKS_MADE.load(std::sync::atomic::Ordering::SeqCst);
    let before = made();
    let lazy = fit_blocks(&blocks_lazy(12));
    let early = made() - before;
    ensure!(
        early == 0,
        "{early} blocks were computed while `fit_blocks` ran. Give the lazy blocks to `delayed!( … )` as they are; the \
         check computes what comes."
    );
    lazy.compute()?;
    let times = made() - before;
    ensure!(times == 12, "There are 12 blocks, and {times} were made: each should be made once, and none left out.");
});

check!("Only a few blocks are held at any time", 1, {
    let made = || BLOCKS_MADE.load(std::sync::atomic::Ordering::SeqCst);
    let before = made();
    let lazy = fit_blocks(&blocks_lazy(40));
    ensure!(made() == before, "This follows as soon as nothing runs before compute: see the check above.");
    let (answer, profile) = taskloom::diagnostics::profile(|| lazy.compute_with(taskloom::Scheduler::Threads(2)));
    answer?;
    let all: u64 = (0..40).map(|number| 32 * (1000 + 100 * number)).sum();
    let held = profile.live.iter().map(|moment| moment.live_bytes).max().unwrap_or(0);
    let share = 100 * held / all;
    ensure!(
        share <= 40,
        "At some moment results of {} KB were held, {share} % of all 40 blocks; with two threads a tenth is enough. Which \
         task takes all blocks, or grows by each of them? Let every block become its `moments`, in a task of its own.",
        held / 1000
    );
});
