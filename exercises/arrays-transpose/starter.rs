let values = square.compute()?; // 122 MiB
let both = &values + &values.t(); // as many again
let means = both.mean_axis(ndarray::Axis(1)).expect("there are columns");
// By now everything has run: this only wraps a finished answer.
let row_means = Array::from_ndarray(means, "auto");
