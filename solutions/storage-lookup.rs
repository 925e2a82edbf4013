let sorted = trips.sort_values("PULocationID");
sorted.to_parquet_with(scratch("by-zone"), &ToParquet::new().row_group_size(2_000).overwrite(true))?;
let by_zone = read_parquet(scratch("by-zone"))?;
