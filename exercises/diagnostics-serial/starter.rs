fn night_report() -> Delayed<String> {
    let night = delayed!(read_night(12));
    let lights: Vec<Delayed<f64>> = (0..12).map(|number| delayed!(light_in(&night, number))).collect();
    delayed!(write_report(lights))
}
