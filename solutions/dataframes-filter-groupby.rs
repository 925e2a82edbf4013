let tips = trips
    .filter(col("payment_type").eq(lit(1)))
    .groupby([col("tpep_pickup_datetime").dt().hour().alias("hour")])
    .agg([col("tip_amount").mean().alias("tip")]);
