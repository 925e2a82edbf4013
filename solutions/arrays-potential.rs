// Blocks of 500 × 500 pairs: enough of them for all cores, and small.
let some = cluster.rechunk((500, 3));
let differences = some.expand_dims(1) - some.expand_dims(0);
let squares = (&differences * &differences).sum_axis(-1);
let sixth = (1.0 / squares).powi(3);
// A particle and itself give ∞ − ∞, which is NaN and not counted; each pair is there twice.
let energy = (4.0 * (&sixth * &sixth - &sixth)).nansum() / 2.0;
