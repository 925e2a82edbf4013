/// Whatever a learner may have put into `payments`, seen as the lazy frame that it should be.
trait Payments {
    /// The frame; or, where there is none, what to do about it.
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String>;
}

impl Payments for taskloom::DataFrame {
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String> {
        Ok(self.clone())
    }
}

impl Payments for taskloom::polars::prelude::DataFrame {
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String> {
        Err("`payments` holds all rows, which were computed while the cell ran. Leave `.compute()?` away.".to_owned())
    }
}

impl Payments for std::result::Result<taskloom::DataFrame, taskloom::Error> {
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String> {
        match self {
            Ok(_) => Err("`to_dataframe` gives a `Result`: put a `?` behind it.".to_owned()),
            Err(error) => Err(format!("`to_dataframe` failed: {error}")),
        }
    }
}

impl<T: Clone + Send + Sync + 'static> Payments for taskloom::Bag<T> {
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String> {
        Err("`payments` is a bag, and a frame was expected: `.to_dataframe()?` makes one of it.".to_owned())
    }
}

/// The tasks that begin with a file, rather than with what is in memory.
fn payments_reading(graph: &taskloom::graph::Graph) -> Vec<String> {
    let begins = |name: &str| {
        name.contains("read_") || ["repartition", "partition", "concat"].iter().any(|cut| name.starts_with(cut))
    };
    let from_nothing = graph.ids().filter(|&id| graph.task(id).is_some() && graph.inputs(id).is_empty());
    from_nothing.map(|id| graph.name(id).to_owned()).filter(|name| begins(name)).collect()
}

check!("The columns are flat", 1, {
    let answer = payments.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let frame = answer?;
    let nested: Vec<String> =
        frame.schema().iter().filter(|(_, dtype)| dtype.is_nested()).map(|(name, _)| name.to_string()).collect();
    ensure!(
        nested.is_empty(),
        "The column {} holds lists: the transactions are still inside the rows. Take them apart in the bag, by \
         `flat_map`.",
        nested.join(", ")
    );
    for name in ["id", "name", "amount"] {
        ensure!(
            frame.columns().iter().any(|column| column == name),
            "The columns id, name and amount were expected, and these came: {}.",
            frame.columns().join(", ")
        );
    }
});

check!("There is a row for each transaction", 2, {
    use taskloom::polars::prelude::{DataType, col};
    let answer = payments.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let frame = answer?;
    ensure!(
        ["id", "name", "amount"].iter().all(|name| frame.columns().iter().any(|column| column == name)),
        "This follows as soon as the columns are right: see the check above."
    );
    let wanted = [col("id").cast(DataType::Int64), col("name"), col("amount").cast(DataType::Int64)];
    let rows = frame.select(wanted).compute()?;
    let mut expected = Vec::new();
    let everybody = accounts.compute()?;
    for account in &everybody {
        expected.extend(account.transactions.iter().map(|made| (account.id, account.name.clone(), made.amount)));
    }
    let came = rows.height();
    let advice = if came == expected.len() {
        ""
    } else if came == everybody.len() {
        "that is a row for each record: `map` gives one for one, and `flat_map` as many as there are"
    } else if came < expected.len() {
        "some are missing. Do all transactions of an account become rows?"
    } else {
        "some came more than once"
    };
    ensure!(advice.is_empty(), "{} rows were expected and {came} came; {advice}.", expected.len());
    let (ids, names, amounts) = (rows.column("id")?.i64()?, rows.column("name")?.str()?, rows.column("amount")?.i64()?);
    let mut found: Vec<(i64, String, i64)> = ids
        .iter()
        .zip(names.iter())
        .zip(amounts.iter())
        .filter_map(|((id, name), amount)| Some((id?, name?.to_owned(), amount?)))
        .collect();
    ensure!(
        found.len() == came,
        "{} rows have no id, no name or no amount (null). Is each taken from where it is: `id` and `name` from the \
         account, `amount` from the transaction?",
        came - found.len()
    );
    found.sort_unstable();
    expected.sort_unstable();
    let wrong = found.iter().zip(&expected).find(|(came, right)| came != right);
    ensure!(
        wrong.is_none(),
        "The rows are as many as expected, and not the same: sorted, the first that differs is {:?}, where {:?} was \
         expected. Is `id` the account's, and `amount` that of one transaction?",
        wrong.map(|pair| pair.0),
        wrong.map(|pair| pair.1)
    );
});

check!("A frame of several partitions that reads when it is asked", 1, {
    let answer = payments.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let frame = answer?;
    let graph = frame.graph();
    let reading = payments_reading(&graph).len();
    ensure!(
        reading > 0,
        "All rows were in memory when the cell ended: no task of `payments` reads a file. Leave `compute` and \
         `persist` away; `to_dataframe` takes a bag as it is."
    );
    ensure!(
        frame.npartitions() > 1,
        "`payments` has one partition, so that one core does all the work. A bag of {} partitions gives a frame of as \
         many.",
        accounts.npartitions()
    );
});
