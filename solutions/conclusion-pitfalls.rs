fn figures(stations: usize) -> taskloom::Result<(f64, f64)> {
    let mut means = Vec::new();
    let mut highs = Vec::new();
    for station in 0..stations {
        let readings = delayed!(fetch(station)); // asked once, lent to both
        means.push(delayed!(mean_of(&readings)));
        highs.push(delayed!(highest_of(&readings)));
    }
    compute!(delayed!(lowest(&means)), delayed!(highest(&highs)))
}
