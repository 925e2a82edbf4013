use taskloom::polars::prelude as pl;

/// Whatever a learner may have put into `tips`, seen as the lazy frame that it should be.
trait Tips {
    /// The frame; or, where there is none, what to do about it.
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String>;
}

impl Tips for taskloom::DataFrame {
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String> {
        Ok(self.clone())
    }
}

impl Tips for pl::DataFrame {
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String> {
        Err("`tips` holds rows, which were computed while the cell ran. Leave `.compute()?` away: the check calls it."
            .to_owned())
    }
}

impl Tips for std::result::Result<pl::DataFrame, taskloom::Error> {
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String> {
        Err("`tips` is what `.compute()` gave. Leave it away: the check calls it.".to_owned())
    }
}

impl Tips for taskloom::dataframe::GroupBy {
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String> {
        Err("`tips` holds groups of which nothing has been asked. `.agg([…])` says what each is taken to.".to_owned())
    }
}

impl Tips for taskloom::Series {
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String> {
        Err("`tips` is a single column; a frame with the columns `hour` and `tip` was expected.".to_owned())
    }
}

/// The lazy frame, if it has the columns that were asked for.
fn asked_for(answer: &impl Tips) -> std::result::Result<taskloom::DataFrame, String> {
    let frame = answer.lazy()?;
    let columns = frame.columns();
    match ["hour", "tip"].into_iter().find(|name| !columns.iter().any(|column| column == name)) {
        None => Ok(frame),
        Some(name) => Err(format!(
            "`tips` has no column `{name}`; its columns are {}. `.alias(\"{name}\")` behind an expression is a name.",
            columns.join(", ")
        )),
    }
}

/// A column as numbers.
fn numbers(rows: &pl::DataFrame, name: &str) -> pl::PolarsResult<Vec<f64>> {
    let column = rows.column(name)?.cast(&pl::DataType::Float64)?;
    Ok(column.f64()?.iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}

check!("There is a lazy frame of hours and tips", 1, {
    let problem = asked_for(&tips).err().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let graph = asked_for(&tips)?.graph();
    let in_memory = graph.ids().filter(|&id| graph.task(id).is_none()).count();
    ensure!(
        in_memory == 0,
        "`tips` begins with rows that are in memory already ({in_memory} pieces). Begin with `trips`, without \
         `compute` or `persist`."
    );
});

check!("Each hour of the day has its mean", 3, {
    let problem = asked_for(&tips).err().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let rows = asked_for(&tips)?.compute()?.sort(["hour"], Default::default())?;
    let (hours, came) = (numbers(&rows, "hour")?, numbers(&rows, "tip")?);
    ensure!(
        hours == (0..24).map(f64::from).collect::<Vec<_>>(),
        "A row for each hour from 0 to 23 was expected, and there are {} rows, from {} to {}. Group by the hour of the \
         day: `col(\"tpep_pickup_datetime\").dt().hour()`.",
        hours.len(),
        hours.first().copied().unwrap_or(f64::NAN),
        hours.last().copied().unwrap_or(f64::NAN)
    );
    let (card, tip) = (|| pl::col("payment_type").eq(pl::lit(1)), || pl::col("tip_amount"));
    let by = |time: &str| -> pl::PolarsResult<pl::DataFrame> {
        pl::LazyFrame::scan_parquet(data("nyctaxi/*.parquet").as_str().into(), Default::default())?
            .group_by([pl::col(time).dt().hour().alias("hour")])
            .agg([
                tip().filter(card()).mean().alias("right"),
                tip().mean().alias("all"),
                tip().filter(tip().gt(pl::lit(0))).mean().alias("some"),
                tip().filter(card().not()).mean().alias("other"),
                tip().filter(card()).sum().alias("sum"),
                tip().filter(card()).median().alias("median"),
            ])
            .sort(["hour"], Default::default())
            .collect()
    };
    let (picked_up, dropped_off) = (by("tpep_pickup_datetime")?, by("tpep_dropoff_datetime")?);
    let is = |rows: &pl::DataFrame, name: &str| {
        let expected = numbers(rows, name).unwrap_or_default();
        expected.iter().zip(&came).all(|(expected, came)| (expected - came).abs() <= 1e-9 * expected.abs())
    };
    let advice = if is(&picked_up, "all") {
        "all trips are in these means. Tips in cash are not written down, and count as nothing: keep the trips with \
         `payment_type` 1 before you group"
    } else if is(&dropped_off, "all") {
        "all trips are in these means, also those paid in cash, whose tips are not written down; and they are grouped \
         by the hour in which they end"
    } else if is(&dropped_off, "right") {
        "they are grouped by the hour in which the trips end; take `tpep_pickup_datetime`"
    } else if is(&picked_up, "some") {
        "the trips with a tip are in these means. Some who pay by card give none, and that counts: the condition is \
         `payment_type` 1"
    } else if is(&picked_up, "other") {
        "these are the trips that were not paid by card"
    } else if is(&picked_up, "sum") {
        "that is the sum of the tips; ask for the mean"
    } else if is(&picked_up, "median") {
        "that is the median of the tips; ask for the mean"
    } else {
        "it should be the mean of `tip_amount` over the trips with `payment_type` 1 that begin in the hour"
    };
    let expected = numbers(&picked_up, "right")?;
    ensure!(
        is(&picked_up, "right"),
        "From 8 to 9 in the morning {:.4} dollars were expected, and {:.4} came: {advice}.",
        expected[8],
        came[8]
    );
});
