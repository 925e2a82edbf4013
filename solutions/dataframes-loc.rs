let day = by_time.loc("2019-02-14");
let valentine = day.resample("1h").agg([pl::len().alias("trips"), col("tip_amount").mean().alias("tip")]);
