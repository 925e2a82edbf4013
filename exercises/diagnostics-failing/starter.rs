let culprits: Vec<usize> = vec![]; // the numbers of the exposures on which `contrast` panics

/// The brightest pixel of an exposure, divided by the one in the middle.
fn contrast(exposure: &Exposure) -> Option<f64> {
    let mut pixels = exposure.pixels.clone();
    pixels.sort_by(|one, other| one.partial_cmp(other).unwrap());
    Some(pixels[pixels.len() - 1] / pixels[pixels.len() / 2])
}
