/// Mean, standard deviation and largest of the tips of the trips that were paid by card.
fn tip_figures(trips: &DataFrame) -> taskloom::Result<(f64, f64, f64)> {
    let tips = trips.filter(col("payment_type").eq(lit(1))).col("tip_amount");
    compute!(tips.mean(), tips.std(), tips.max().of::<f64>())
}
