let ks = vec![1, 2, 4, 8, 16, 32, 64, 128];

let mut errors = Vec::new();
for &k in &ks {
    let prepared = standardise(&few_split.compute()?);
    errors.push(error_of(&prepared, k));
}
// By now everything has run: this only wraps a finished answer.
let best_k = delayed_value(best(&ks, &errors));
