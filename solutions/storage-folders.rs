let together = trips.shuffle("payment_type", 4);
together.to_parquet_with(scratch("by-payment"), &ToParquet::new().partition_on(["payment_type"]).overwrite(true))?;
