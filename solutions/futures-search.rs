fn search(client: &Client, evaluate: fn(Point) -> Found, evaluations: usize) -> taskloom::Result<Found> {
    let mut scale = 5.0;
    let mut best = ((0.0, 0.0), f64::INFINITY);
    let mut submitted = evaluations.min(8);
    let first = client.map(evaluate, (0..submitted).map(|number| near(best.0, scale, number)));
    let mut running = as_completed(first);
    while let Some(future) = running.next() {
        let found = future.result()?;
        if found.1 < best.1 {
            best = found;
        }
        if submitted < evaluations {
            running.add(client.submit(evaluate, (near(best.0, scale, submitted),)));
            submitted += 1;
            scale *= 0.99;
        }
    }
    Ok(best)
}
