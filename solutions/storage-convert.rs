accounts_csv.to_parquet_with(scratch("accounts"), &ToParquet::new().overwrite(true))?;
let accounts = read_parquet(scratch("accounts"))?;
