fn halving(client: &Client, train: fn(usize, usize) -> f64, candidates: usize) -> taskloom::Result<usize> {
    let budget = candidates;
    let futures = client.map(move |candidate: usize| train(candidate, budget), 0..candidates);
    let errors = client.gather(&futures)?;
    let all: Vec<usize> = (0..candidates).collect();
    Ok(best(&all, &errors).0)
}
