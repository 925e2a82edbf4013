fn figures(stations: usize) -> taskloom::Result<(f64, f64)> {
    let mut kept = Vec::new();
    for station in 0..stations {
        kept.push(delayed!(fetch(station)).compute()?);
    }
    let means: Vec<f64> = kept.iter().map(mean_of).collect();
    let mut highs = Vec::new();
    for station in 0..stations {
        highs.push(delayed!(highest_of(&fetch(station))).compute()?);
    }
    Ok((lowest(&means), highest(&highs)))
}
