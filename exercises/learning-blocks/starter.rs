fn fit_blocks(blocks: &[Delayed<Samples>]) -> Delayed<Array1<f64>> {
    let blocks = blocks.to_vec();
    let all = delayed!(stack(&blocks));
    let notes = delayed!(moments(&all));
    delayed!(solve(&notes))
}
