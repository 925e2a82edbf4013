use taskloom::polars::prelude as pl;

/// Whatever a learner may have put into `mean_distance`, seen as the lazy number that it should be.
trait MeanDistance {
    /// The number; or, where there is none, what to do about it.
    fn value(&self) -> std::result::Result<f64, String>;

    /// A frame that gives the number when it is asked for.
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String> {
        Err("`mean_distance` is a number by now, so all that it took ran while the cell did. Leave `.compute()?` away, \
             also that of `trips`: the check calls it.".to_owned())
    }
}

impl<T: taskloom::dataframe::FromCell> MeanDistance for taskloom::dataframe::Scalar<T> {
    fn value(&self) -> std::result::Result<f64, String> {
        self.of::<f64>().compute().map_err(|error| format!("computing `mean_distance` failed: {error}"))
    }

    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String> {
        Ok(self.to_frame())
    }
}

impl MeanDistance for taskloom::DataFrame {
    fn value(&self) -> std::result::Result<f64, String> {
        let rows = self.compute().map_err(|error| format!("computing `mean_distance` failed: {error}"))?;
        rows.value()
    }

    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String> {
        Ok(self.clone())
    }
}

impl MeanDistance for pl::DataFrame {
    fn value(&self) -> std::result::Result<f64, String> {
        let (rows, columns) = self.shape();
        match self.columns().first().and_then(|column| column.get(0).ok()?.try_extract::<f64>().ok()) {
            Some(value) if (rows, columns) == (1, 1) => Ok(value),
            _ => Err(format!(
                "`mean_distance` is a table of {rows} × {columns}, and one number was expected: the mean of the column \
                 `trip_distance` alone."
            )),
        }
    }
}

impl MeanDistance for taskloom::Series {
    fn value(&self) -> std::result::Result<f64, String> {
        Err("`mean_distance` is the whole column. `.mean()` takes it to one number.".to_owned())
    }

    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String> {
        Ok(self.to_frame())
    }
}

impl MeanDistance for f64 {
    fn value(&self) -> std::result::Result<f64, String> {
        Ok(*self)
    }
}

impl MeanDistance for Option<f64> {
    fn value(&self) -> std::result::Result<f64, String> {
        self.ok_or_else(|| "`mean_distance` is `None`: the mean of nothing.".to_owned())
    }
}

impl MeanDistance for std::result::Result<f64, taskloom::Error> {
    fn value(&self) -> std::result::Result<f64, String> {
        self.clone().map_err(|error| format!("computing `mean_distance` failed: {error}"))
    }
}

/// The columns that are read of the files; nothing when that is all of them.
fn columns_read(frame: &taskloom::DataFrame) -> Option<Vec<String>> {
    let text = frame.explain();
    let (names, _) = text.split("Tasks:").nth(1)?.split_once(" columns (")?.1.split_once(')')?;
    Some(names.split(", ").map(str::to_owned).collect())
}

check!("The mean is right", 1, {
    let came = mean_distance.value();
    let problem = came.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let came = came.unwrap_or_default();
    let distance = || pl::col("trip_distance");
    let figures = pl::LazyFrame::scan_parquet(data("nyctaxi/*.parquet").as_str().into(), Default::default())?
        .select([
            distance().mean().alias("mean"),
            distance().median().alias("median"),
            distance().sum().alias("sum"),
            distance().max().alias("max"),
            pl::col("fare_amount").mean().alias("fare"),
        ])
        .collect()?;
    let of = |name: &str| figures.column(name).ok().and_then(|column| column.f64().ok()?.get(0)).unwrap_or(f64::NAN);
    let is = |name: &str| (came - of(name)).abs() <= 1e-9 * of(name).abs();
    let advice = if is("median") {
        "that is the median, which half of the trips are shorter than"
    } else if is("sum") {
        "that is the sum of all distances; divide by the number of trips, or ask for `.mean()`"
    } else if is("max") {
        "that is the longest trip"
    } else if is("fare") {
        "that is the mean fare; the distance is in the column `trip_distance`"
    } else {
        "it should be the mean of the column `trip_distance` over all partitions, and of all trips"
    };
    ensure!(is("mean"), "{:.6} was expected and {came:.6} came; {advice}.", of("mean"));
});

check!("Nothing is computed before somebody asks", 1, {
    let lazy = mean_distance.lazy();
    let problem = lazy.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let graph = lazy?.graph();
    let in_memory = graph.ids().filter(|&id| graph.task(id).is_none()).count();
    ensure!(
        in_memory == 0,
        "`mean_distance` is lazy, but it begins with rows that are in memory already ({in_memory} pieces). Begin with \
         `trips`, without `compute` or `persist`."
    );
});

check!("Only the column that it takes is read", 1, {
    let lazy = mean_distance.lazy();
    let problem = lazy.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "This follows as soon as `mean_distance` is lazy: see the check above.");
    let read = columns_read(&lazy?);
    ensure!(
        read.as_ref().is_some_and(|read| read.len() == 1),
        "One column was expected to be read, and the plan reads {}. Say which column you want before anything looks at \
         all of them: `trips.col(\"trip_distance\")`.",
        read.map_or("all of them".to_owned(), |read| format!("{} ({})", read.len(), read.join(", ")))
    );
});
