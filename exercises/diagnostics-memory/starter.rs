fn most_unusual() -> taskloom::Result<f64> {
    let plates: Vec<Delayed<Plate>> = (0..16).map(|number| delayed!(read_plate(number))).collect();
    let levels: Vec<Delayed<f64>> = plates.iter().map(|plate| delayed!(level(&plate))).collect();
    let typical = delayed!(mean(levels));
    let distances: Vec<Delayed<f64>> = plates.iter().map(|plate| delayed!(distance(&plate, typical))).collect();
    delayed!(largest(distances)).compute()
}
