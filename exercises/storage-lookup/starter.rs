trips.to_parquet_with(scratch("by-zone"), &ToParquet::new().overwrite(true))?;
let by_zone = read_parquet(scratch("by-zone"))?;
