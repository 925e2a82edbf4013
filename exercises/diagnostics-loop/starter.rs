fn brightness_of_night() -> taskloom::Result<f64> {
    let dark = delayed!(take_dark());
    let mut sum = 0.0;
    for number in 0..12 {
        let light = delayed!(measure(number, dark));
        sum += light.compute()?;
    }
    Ok(sum / 12.0)
}
