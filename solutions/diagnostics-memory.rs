fn most_unusual() -> taskloom::Result<f64> {
    let plates = || (0..16).map(|number| delayed!(read_plate(number)));
    let levels: Vec<Delayed<f64>> = plates().map(|plate| delayed!(level(&plate))).collect();
    let typical = delayed!(mean(levels));
    let distances: Vec<Delayed<f64>> = plates().map(|plate| delayed!(distance(&plate, typical))).collect();
    delayed!(largest(distances)).compute()
}
