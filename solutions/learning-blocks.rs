fn fit_blocks(blocks: &[Delayed<Samples>]) -> Delayed<Array1<f64>> {
    // A block is let go as soon as its moments are there; these are a few numbers, and they add up.
    let notes: Delayed<Moments> = blocks.iter().map(|block| delayed!(moments(&block))).sum();
    delayed!(solve(&notes))
}
