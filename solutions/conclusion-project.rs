use taskloom::polars::frame::DataFrame as Table; // rows in memory

fn flights(folder: &str) -> taskloom::Result<DataFrame> {
    read_csv_with(format!("{folder}/*.csv"), &CsvOptions::new().dtype("dep_delay", DataType::Float64))
}

fn punctuality(flights: &DataFrame, by: &str) -> taskloom::Result<DataFrame> {
    // What is missing takes no part in a mean, so delay and late are of the flights that left.
    Ok(flights.groupby(by).agg([
        pl::len().alias("flights"),
        col("dep_delay").is_null().mean().alias("cancelled"),
        col("dep_delay").mean().alias("delay"),
        col("dep_delay").gt(lit(15.0)).mean().alias("late"),
    ]))
}

fn answers(flights: &DataFrame) -> taskloom::Result<(Table, Table)> {
    let carriers = punctuality(flights, "carrier")?.sort_values("late");
    let hours = punctuality(flights, "hour")?.sort_values("hour");
    compute!(carriers, hours)
}

fn keep(flights: &DataFrame, folder: &str) -> taskloom::Result<()> {
    flights.to_parquet_with(folder, &ToParquet::new().partition_on(["month"]).overwrite(true))?;
    Ok(())
}
