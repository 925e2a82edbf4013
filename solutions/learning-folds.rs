fn cross_validate(samples: &Delayed<Samples>, ks: &[usize], folds: usize) -> Vec<Delayed<f64>> {
    // Split first; then each fold's scale comes from its own rows to train with, once for all `k`.
    let mut prepared = Vec::new();
    for number in 0..folds {
        let split = delayed!(fold(&samples, number, folds));
        prepared.push(delayed!(standardise(&split)));
    }
    let mut means = Vec::new();
    for &k in ks {
        let errors: Vec<Delayed<f64>> = prepared.iter().map(|split| delayed!(error_of(&split, k))).collect();
        means.push(delayed!(mean(&errors)));
    }
    means
}
