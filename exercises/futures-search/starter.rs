fn search(client: &Client, evaluate: fn(Point) -> Found, evaluations: usize) -> taskloom::Result<Found> {
    let mut scale = 5.0;
    let mut best = ((0.0, 0.0), f64::INFINITY);
    for round in 0..evaluations / 8 {
        let points = (0..8).map(|place| near(best.0, scale, 8 * round + place));
        let futures: Vec<Future<Found>> = client.map(evaluate, points);
        for found in client.gather(&futures)? {
            if found.1 < best.1 {
                best = found;
            }
        }
        scale *= 0.92;
    }
    Ok(best)
}
