fn with_guess(trips: &DataFrame, line: &Array1<f64>) -> DataFrame {
    // The closure runs later, on other threads: it takes a copy of the three numbers along.
    let line = line.clone();
    trips.map_partitions(move |rows| add_guess(rows, &line))
}
