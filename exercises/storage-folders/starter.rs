trips.to_parquet_with(scratch("by-payment"), &ToParquet::new().partition_on(["payment_type"]).overwrite(true))?;
