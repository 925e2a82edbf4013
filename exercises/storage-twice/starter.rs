fn store_month(month: u32) -> taskloom::Result<Vec<String>> {
    let types = CsvOptions::new().dtype("congestion_surcharge", DataType::Float64);
    let rows = read_csv_with(month_csv(month), &types)?;
    rows.to_parquet_with(scratch("ledger"), &ToParquet::new().append(true))
}
