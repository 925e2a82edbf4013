fn halving(client: &Client, train: fn(usize, usize) -> f64, candidates: usize) -> taskloom::Result<usize> {
    let mut left: Vec<usize> = (0..candidates).collect();
    let mut budget = 1;
    while left.len() > 1 {
        let futures = client.map(move |candidate: usize| train(candidate, budget), left.iter().copied());
        let errors = client.gather(&futures)?;
        let mut ranked: Vec<(usize, f64)> = left.into_iter().zip(errors).collect();
        ranked.sort_by(|a, b| a.1.total_cmp(&b.1));
        ranked.truncate(ranked.len().div_ceil(2));
        left = ranked.into_iter().map(|(candidate, _)| candidate).collect();
        budget *= 2;
    }
    Ok(left[0])
}
