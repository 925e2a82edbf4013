use taskloom::polars::prelude as pl;

/// Whatever a learner may have put into `speeds`, seen as the lazy frame that it should be.
trait Speeds {
    /// The frame; or, where there is none, what to do about it.
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String>;
}

impl Speeds for taskloom::DataFrame {
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String> {
        let columns = self.columns();
        match ["hour", "mph"].into_iter().find(|name| !columns.iter().any(|column| column == name)) {
            None => Ok(self.clone()),
            Some(name) => Err(format!(
                "`speeds` has no column `{name}`; its columns are {}. Leave the groups of the starter as they are.",
                columns.join(", ")
            )),
        }
    }
}

impl Speeds for pl::DataFrame {
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String> {
        Err("`speeds` holds rows, which were computed while the cell ran. Leave `.compute()?` away: the check calls \
             it."
        .to_owned())
    }
}

impl Speeds for std::result::Result<pl::DataFrame, taskloom::Error> {
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String> {
        Err("`speeds` is what `.compute()` gave. Leave it away: the check calls it.".to_owned())
    }
}

impl Speeds for taskloom::dataframe::GroupBy {
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String> {
        Err("`speeds` holds groups of which nothing has been asked. `.agg([…])` says what each is taken to."
            .to_owned())
    }
}

/// The columns that are read of the files; nothing when that is all of them.
fn columns_read(frame: &taskloom::DataFrame) -> Option<Vec<String>> {
    let text = frame.explain();
    let (names, _) = text.split("Tasks:").nth(1)?.split_once(" columns (")?.1.split_once(')')?;
    Some(names.split(", ").map(str::to_owned).collect())
}

fn numbers(rows: &pl::DataFrame, name: &str) -> pl::PolarsResult<Vec<f64>> {
    let column = rows.column(name)?.cast(&pl::DataType::Float64)?;
    Ok(column.f64()?.iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}

check!("The speeds are right", 1, {
    let problem = speeds.lazy().err().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let rows = speeds.lazy()?.compute()?.sort(["hour"], Default::default())?;
    let (hours, came) = (numbers(&rows, "hour")?, numbers(&rows, "mph")?);
    let seconds = (pl::col("tpep_dropoff_datetime") - pl::col("tpep_pickup_datetime")).dt().total_seconds(true);
    let (took, miles) = (|| pl::col("took"), || pl::col("trip_distance"));
    let plausible = || took().gt(pl::lit(0.02)).and(took().lt(pl::lit(3.0))).and(miles().lt(pl::lit(100.0)));
    let of = |expression: pl::Expr| expression.filter(plausible());
    let expected = pl::LazyFrame::scan_parquet(data("nyctaxi/*.parquet").as_str().into(), Default::default())?
        .with_columns([(seconds / pl::lit(3600.0)).alias("took")])
        .group_by([pl::col("tpep_pickup_datetime").dt().hour().alias("hour")])
        .agg([
            (of(miles()).sum() / of(took()).sum()).alias("right"),
            (miles().sum() / took().sum()).alias("unfiltered"),
            of(miles() / took()).mean().alias("mean"),
        ])
        .sort(["hour"], Default::default())
        .collect()?;
    ensure!(
        hours == numbers(&expected, "hour")?,
        "A row for each hour of the day was expected, and {} rows came. Leave the groups of the starter as they are.",
        hours.len()
    );
    let is = |name: &str| {
        let expected = numbers(&expected, name).unwrap_or_default();
        expected.iter().zip(&came).all(|(expected, came)| (expected - came).abs() <= 1e-9 * expected.abs())
    };
    let advice = if is("unfiltered") {
        "the trips that cannot be are in it, since the filter is missing"
    } else if is("mean") {
        "that is the mean of the trips' speeds; divide all miles by all hours, as the starter does"
    } else {
        "compute what the starter computes: the sum of `trip_distance` by the sum of `hours`, of the plausible trips"
    };
    ensure!(
        is("right"),
        "From 8 to 9 in the morning {:.4} miles an hour were expected, and {:.4} came; {advice}.",
        numbers(&expected, "right")?[8],
        came[8]
    );
});

check!("The plan reads three columns", 2, {
    let problem = speeds.lazy().err().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let (read, graph) = (columns_read(&speeds.lazy()?), speeds.lazy()?.graph());
    ensure!(
        graph.ids().all(|id| graph.task(id).is_some()),
        "The plan reads what is in memory, and not the files: see the check below."
    );
    ensure!(
        read.is_some(),
        "The plan reads all columns: `println!(\"{{}}\", speeds.explain())` shows it. A function of a partition gets \
         everything, because nobody can look into it. Write what it does as an expression, in `with_columns`; or \
         `select` the three columns before it."
    );
    let mut read = read.unwrap_or_default();
    read.sort();
    ensure!(
        read == ["tpep_dropoff_datetime", "tpep_pickup_datetime", "trip_distance"],
        "The two times and `trip_distance` are what it takes, and the plan reads {}: {}.",
        read.len(),
        read.join(", ")
    );
});

check!("It starts from the files", 1, {
    let problem = speeds.lazy().err().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let graph = speeds.lazy()?.graph();
    let in_memory = graph.ids().filter(|&id| graph.task(id).is_none()).count();
    ensure!(
        in_memory == 0,
        "`speeds` begins with rows that are in memory already ({in_memory} pieces). Begin with `trips`, without \
         `compute` or `persist`."
    );
});
