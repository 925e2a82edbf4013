fn cross_validate(samples: &Delayed<Samples>, ks: &[usize], folds: usize) -> Vec<Delayed<f64>> {
    let samples = samples.compute().expect("the samples are there");
    let all = Split { train: samples.clone(), test: samples };
    let scaled = standardise(&all).train;
    let mut means = Vec::new();
    for &k in ks {
        let errors: Vec<f64> = (0..folds).map(|number| error_of(&fold(&scaled, number, folds), k)).collect();
        means.push(delayed_value(mean(&errors)));
    }
    means
}
