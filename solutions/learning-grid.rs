let ks = vec![1, 2, 4, 8, 16, 32, 64, 128];

// Written once, in front of the loop: one task, lent to eight others.
let prepared = delayed!(standardise(&few_split));
let mut errors = Vec::new();
for &k in &ks {
    errors.push(delayed!(error_of(&prepared, k)));
}
let best_k = delayed!(best(&ks, &errors));
