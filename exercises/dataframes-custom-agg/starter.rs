use std::f64::consts::E;

let geomean = Aggregation::custom(
    "geomean",
    |x| vec![x.log(lit(E)).mean()],             // what a partition is taken to
    |states| vec![states[0].clone().mean()],    // how several of these become one
    |states| states[0].clone().exp(),           // and what is made of it in the end
);
