let day = by_time.filter(col("tpep_pickup_datetime").dt().to_string("%Y-%m-%d").eq(lit("2019-02-14")));
let valentine = day
    .groupby([col("tpep_pickup_datetime").dt().truncate(lit("1h"))])
    .agg([pl::len().alias("trips"), col("tip_amount").mean().alias("tip")]);
