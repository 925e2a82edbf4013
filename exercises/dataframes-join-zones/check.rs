use taskloom::polars::prelude as pl;

/// Whatever a learner may have put into `boroughs`, seen as the lazy frame that it should be.
trait Boroughs {
    /// The frame; or, where there is none, what to do about it.
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String>;
}

impl Boroughs for taskloom::DataFrame {
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String> {
        let columns = self.columns();
        match ["Borough", "trips", "fare"].into_iter().find(|name| !columns.iter().any(|column| column == name)) {
            None => Ok(self.clone()),
            Some(name) => Err(format!(
                "`boroughs` has no column `{name}`; its columns are {}. Names of boroughs come from `zones`, by a \
                 join; `.alias(\"{name}\")` names what `agg` computes.",
                columns.join(", ")
            )),
        }
    }
}

impl Boroughs for pl::DataFrame {
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String> {
        Err("`boroughs` holds rows, which were computed while the cell ran. Leave `.compute()?` away: the check calls \
             it."
        .to_owned())
    }
}

impl Boroughs for std::result::Result<pl::DataFrame, taskloom::Error> {
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String> {
        Err("`boroughs` is what `.compute()` gave. Leave it away: the check calls it.".to_owned())
    }
}

impl Boroughs for taskloom::dataframe::GroupBy {
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String> {
        Err("`boroughs` holds groups of which nothing has been asked. `.agg([…])` says what each is taken to."
            .to_owned())
    }
}

/// Borough → number of trips, mean fare, and the mean of the means of its zones, by where trips begin or end.
fn by_borough(place: &str) -> pl::PolarsResult<std::collections::BTreeMap<String, [f64; 3]>> {
    use pl::LazyFileListReader;
    let zones = pl::LazyCsvReader::new(data("nyctaxi/zones/taxi_zone_lookup.csv").as_str().into()).finish()?;
    let fare = || pl::col("fare_amount");
    let rows = pl::LazyFrame::scan_parquet(data("nyctaxi/*.parquet").as_str().into(), Default::default())?
        .group_by([pl::col(place)])
        .agg([
            pl::len().cast(pl::DataType::Float64).alias("trips"),
            fare().sum().alias("sum"),
            fare().mean().alias("mean"),
        ])
        .join(zones, [pl::col(place)], [pl::col("LocationID")], pl::JoinArgs::new(pl::JoinType::Left))
        .group_by([pl::col("Borough")])
        .agg([
            pl::col("trips").sum(),
            (pl::col("sum").sum() / pl::col("trips").sum()).alias("fare"),
            pl::col("mean").mean(),
        ])
        .collect()?;
    let number =
        |name: &str, row: usize| Ok::<f64, pl::PolarsError>(rows.column(name)?.f64()?.get(row).unwrap_or(f64::NAN));
    (0..rows.height())
        .map(|row| {
            let borough = rows.column("Borough")?.str()?.get(row).unwrap_or("(none)").to_owned();
            Ok((borough, [number("trips", row)?, number("fare", row)?, number("mean", row)?]))
        })
        .collect()
}

check!("There is a lazy frame of boroughs", 1, {
    let problem = boroughs.lazy().err().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
});

check!("Each borough has its trips and its fare", 2, {
    let problem = boroughs.lazy().err().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let rows = boroughs.lazy()?.compute()?;
    let (begin, end) = (by_borough("PULocationID")?, by_borough("DOLocationID")?);
    let names: Vec<String> =
        rows.column("Borough")?.str()?.iter().map(|name| name.unwrap_or("(none)").to_owned()).collect();
    let number = |name: &str| -> pl::PolarsResult<Vec<f64>> {
        let column = rows.column(name)?.cast(&pl::DataType::Float64)?;
        Ok(column.f64()?.iter().map(|value| value.unwrap_or(f64::NAN)).collect())
    };
    let (trips, fares) = (number("trips")?, number("fare")?);
    let came: std::collections::BTreeMap<&str, (f64, f64)> = names
        .iter()
        .zip(trips.iter().zip(&fares))
        .map(|(name, (trips, fare))| (name.as_str(), (*trips, *fare)))
        .collect();
    ensure!(
        names.len() == came.len() && came.keys().copied().eq(begin.keys().map(String::as_str)),
        "One row for each of {} was expected, and {} rows came: {}. Group by `Borough`, after the join.",
        begin.keys().cloned().collect::<Vec<_>>().join(", "),
        names.len(),
        names.iter().take(10).cloned().collect::<Vec<_>>().join(", ")
    );
    let near = |one: f64, other: f64| (one - other).abs() <= 1e-9 * other.abs();
    for (borough, &[trips, fare, mean_of_means]) in &begin {
        let (its_trips, its_fare) = came[borough.as_str()];
        let at_the_end = end.get(borough).is_some_and(|end| near(its_trips, end[0]));
        ensure!(
            near(its_trips, trips),
            "{borough}: {trips} trips were expected and {its_trips} came; {}.",
            if at_the_end {
                "these are the trips that end there. They begin at `PULocationID`"
            } else {
                "join `PULocationID` with `LocationID`, and count the rows of each group with `pl::len()`"
            }
        );
        ensure!(
            near(its_fare, fare),
            "{borough}: a mean fare of {fare:.4} was expected and {its_fare:.4} came; {}.",
            if near(its_fare, mean_of_means) {
                "that is the mean of the means of its zones, in which a quiet zone weighs as much as an airport"
            } else {
                "it is the mean of `fare_amount` over all trips of the borough"
            }
        );
    }
});

check!("No trip is moved to meet its zone", 1, {
    let problem = boroughs.lazy().err().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let graph = boroughs.lazy()?.graph();
    // The parts of a groupby may be cut, too: they are small, and trips no longer.
    let is_of_groups = |id| graph.inputs(id).iter().any(|&input| graph.name(input).contains("groupby"));
    let splits = graph.ids().filter(|&id| graph.name(id).contains("split") && !is_of_groups(id)).count();
    ensure!(
        splits == 0,
        "{splits} tasks of the graph (`split`) cut partitions into pieces, so that rows with equal keys come together. \
         The 265 zones are few: with `How::Left` alone they go to every partition, and the trips stay where they are."
    );
});
