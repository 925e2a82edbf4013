use std::f64::consts::E;

let geomean = Aggregation::custom(
    "geomean",
    |x| vec![x.clone().log(lit(E)).sum(), x.count()],
    |states| vec![states[0].clone().sum(), states[1].clone().sum()],
    |states| (states[0].clone() / states[1].clone().cast(DataType::Float64)).exp(),
);
