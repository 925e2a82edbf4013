/// Mean, standard deviation and largest of the tips of the trips that were paid by card.
fn tip_figures(trips: &DataFrame) -> taskloom::Result<(f64, f64, f64)> {
    let tips = trips.filter(col("payment_type").eq(lit(1))).col("tip_amount");
    let mean = tips.mean().compute()?;
    let deviation = tips.std().compute()?;
    let largest = tips.max().of::<f64>().compute()?;
    Ok((mean, deviation, largest))
}
