let tips = trips
    .groupby([col("tpep_dropoff_datetime").dt().hour().alias("hour")])
    .agg([col("tip_amount").mean().alias("tip")]);
