use taskloom::polars::frame::DataFrame as Table; // rows in memory

fn flights(folder: &str) -> taskloom::Result<DataFrame> {
    read_csv(format!("{folder}/2013-01.csv"))
}

fn punctuality(flights: &DataFrame, by: &str) -> taskloom::Result<DataFrame> {
    let late = flights.filter(col("dep_delay").gt(lit(15)));
    Ok(late.groupby(by).agg([pl::len().alias("flights"), col("dep_delay").mean().alias("delay")]))
}

fn answers(flights: &DataFrame) -> taskloom::Result<(Table, Table)> {
    let carriers = punctuality(flights, "carrier")?.compute()?;
    let hours = punctuality(flights, "hour")?.compute()?;
    Ok((carriers, hours))
}

fn keep(flights: &DataFrame, folder: &str) -> taskloom::Result<()> {
    flights.to_parquet_with(folder, &ToParquet::new().append(true))?;
    Ok(())
}
