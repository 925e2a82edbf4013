fn total_light(pixels: &[f64]) -> Delayed<f64> {
    let parts: Vec<Delayed<f64>> = pixels
        .chunks(pixels.len().div_ceil(16))
        .map(|chunk| {
            let chunk = chunk.to_vec();
            delayed!(light(&chunk))
        })
        .collect();
    parts.iter().sum()
}
