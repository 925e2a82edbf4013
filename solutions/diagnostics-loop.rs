fn brightness_of_night() -> taskloom::Result<f64> {
    let dark = delayed!(take_dark());
    let lights: Vec<Delayed<f64>> = (0..12).map(|number| delayed!(measure(number, dark))).collect();
    let sum: Delayed<f64> = lights.iter().sum();
    Ok(sum.compute()? / 12.0)
}
