let with_hours = trips.map_partitions(|rows| {
    use pl::IntoLazy;
    let took = (col("tpep_dropoff_datetime") - col("tpep_pickup_datetime")).dt().total_seconds(true);
    rows.lazy().with_columns([(took / lit(3600.0)).alias("hours")]).collect()
});
let is_plausible = col("hours").gt(lit(0.02)).and(col("hours").lt(lit(3.0))).and(col("trip_distance").lt(lit(100.0)));
let speeds = with_hours
    .filter(is_plausible)
    .groupby([col("tpep_pickup_datetime").dt().hour().alias("hour")])
    .agg([(col("trip_distance").sum() / col("hours").sum()).alias("mph")]);
