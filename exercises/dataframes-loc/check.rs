use taskloom::polars::prelude as pl;

/// Whatever a learner may have put into `valentine`, seen as the lazy frame that it should be.
trait Valentine {
    /// The frame; or, where there is none, what to do about it.
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String>;
}

impl Valentine for taskloom::DataFrame {
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String> {
        let columns = self.columns();
        match ["trips", "tip"].into_iter().find(|name| !columns.iter().any(|column| column == name)) {
            None => Ok(self.clone()),
            Some(name) => Err(format!(
                "`valentine` has no column `{name}`; its columns are {}. `.alias(\"{name}\")` gives one its name.",
                columns.join(", ")
            )),
        }
    }
}

impl Valentine for pl::DataFrame {
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String> {
        Err("`valentine` holds rows, which were computed while the cell ran. Leave `.compute()?` away: the check calls \
             it.".to_owned())
    }
}

impl Valentine for std::result::Result<pl::DataFrame, taskloom::Error> {
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String> {
        Err("`valentine` is what `.compute()` gave. Leave it away: the check calls it.".to_owned())
    }
}

impl Valentine for taskloom::dataframe::GroupBy {
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String> {
        Err("`valentine` holds groups of which nothing has been asked. `.agg([…])` says what each is taken to."
            .to_owned())
    }
}

fn numbers(rows: &pl::DataFrame, name: &str) -> pl::PolarsResult<Vec<f64>> {
    let column = rows.column(name)?.cast(&pl::DataType::Float64)?;
    Ok(column.f64()?.iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}

check!("The day's hours are right", 2, {
    let problem = valentine.lazy().err().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let rows = valentine.lazy()?.compute()?;
    // The hours may have any name.
    let hours =
        rows.get_column_names().into_iter().map(|name| name.to_string()).find(|name| name != "trips" && name != "tip");
    let rows = rows.sort([hours.unwrap_or_else(|| "trips".to_owned())], Default::default())?;
    let time = || pl::col("tpep_pickup_datetime");
    let expected = pl::LazyFrame::scan_parquet(data("nyctaxi/*.parquet").as_str().into(), Default::default())?
        .filter(time().dt().date().cast(pl::DataType::String).eq(pl::lit("2019-02-14")))
        .group_by([time().dt().hour().alias("hour")])
        .agg([pl::len().alias("trips"), pl::col("tip_amount").mean().alias("tip")])
        .sort(["hour"], Default::default())
        .collect()?;
    ensure!(
        rows.height() == expected.height(),
        "{} rows were expected, one for each hour in which a trip began on 14 February, and {} came. Is it this one \
         day, and all of it? Is it cut into hours?",
        expected.height(),
        rows.height()
    );
    let sum = |rows: &pl::DataFrame| numbers(rows, "trips").map(|trips| trips.iter().sum::<f64>());
    let (came, wanted) = (sum(&rows)?, sum(&expected)?);
    ensure!(
        came == wanted,
        "{wanted} trips were expected on 14 February, and {came} came. A text such as \"2019-02-14\" means the whole \
         day; a range of two such texts with `..=` means both days."
    );
    for (row, (came, wanted)) in numbers(&rows, "tip")?.iter().zip(numbers(&expected, "tip")?).enumerate() {
        ensure!(
            (came - wanted).abs() <= 1e-9,
            "In hour {row} a mean tip of {wanted:.4} was expected, and {came:.4} came. It is the mean of `tip_amount` \
             over all trips of the hour."
        );
    }
});

check!("No partition is looked at that cannot hold the day", 2, {
    let problem = valentine.lazy().err().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let graph = valentine.lazy()?.graph();
    let begin: Vec<_> = graph.ids().filter(|&id| graph.inputs(id).is_empty()).collect();
    let from_files = begin.iter().filter(|&&id| graph.task(id).is_some()).count();
    ensure!(
        from_files == 0,
        "`valentine` begins with {from_files} tasks that read files. The trips are in memory, in the order of their \
         times, as `by_time`: begin with that."
    );
    let holding = by_time.loc("2019-02-14").npartitions();
    ensure!(
        begin.len() <= holding,
        "14 February lies in {holding} of the {} partitions, and the graph looks at {}. A filter has to look \
         everywhere; `by_time.loc(…)` knows from the divisions where the day is.",
        by_time.npartitions(),
        begin.len()
    );
});
