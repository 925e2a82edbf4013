use taskloom::polars::prelude as pl;

/// Whatever a learner may have put into `january`, seen as the lazy frame that it should be.
trait January {
    /// The frame; or, where there is none, what to do about it.
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String>;
}

impl January for taskloom::DataFrame {
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String> {
        Ok(self.clone())
    }
}

impl January for std::result::Result<taskloom::DataFrame, taskloom::Error> {
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String> {
        Err("`january` is a `Result`: a `?` behind the call takes the frame out of it, or says what went wrong."
            .to_owned())
    }
}

impl January for pl::DataFrame {
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String> {
        Err("`january` holds all rows, which were computed while the cell ran. Leave `.compute()?` away: the rows \
             should be cut differently, and read later.".to_owned())
    }
}

check!("There are neither crumbs nor a single lump", 1, {
    let problem = january.lazy().err().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let count = january.lazy()?.npartitions();
    ensure!(
        count >= 4,
        "`january` has {count} partition{}: a core works on one at a time, and the others watch. Make it 4 to 32.",
        if count == 1 { "" } else { "s" }
    );
    ensure!(
        count <= 32,
        "`january` has {count} partitions, and 4 to 32 were asked for. The more there are, the more of the time goes \
         into arranging tasks."
    );
});

check!("The rows are the same, in the same order", 1, {
    let problem = january.lazy().err().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let columns = ["tpep_pickup_datetime", "PULocationID", "total_amount"];
    let expected =
        taskloom::dataframe::read_csv(data("nyctaxi/yellow_tripdata_2019-01.csv"))?.select(columns).compute()?;
    let answer = january.lazy()?;
    ensure!(
        columns.iter().all(|name| answer.columns().iter().any(|column| column == name)) && answer.columns().len() == 18,
        "`january` has the columns {}; all 18 of `crumbs` were expected.",
        answer.columns().join(", ")
    );
    let came = answer.select(columns).compute()?;
    ensure!(
        came.height() == expected.height(),
        "{} rows were expected, and {} came. Partitions are to be put together, and none left out.",
        expected.height(),
        came.height()
    );
    ensure!(
        came.equals_missing(&expected),
        "There are as many rows as there should be, but in another order. `repartition` keeps the order; `shuffle` and \
         `sort_values` move rows."
    );
});

check!("Nothing is read before somebody asks", 1, {
    let problem = january.lazy().err().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let graph = january.lazy()?.graph();
    let in_memory = graph.ids().filter(|&id| graph.task(id).is_none()).count();
    ensure!(
        in_memory == 0,
        "`january` begins with rows that are in memory already ({in_memory} pieces). Leave `compute` and `persist` \
         away: `repartition` is lazy like everything else."
    );
});
