/// Whatever a learner may have put into `totals`, seen as lazy pairs of a name and a total.
trait Totals {
    /// The graph, and what it gives; or, where there is none, what to do about it.
    fn lazy(&self) -> std::result::Result<(taskloom::graph::Graph, Vec<(String, i64)>), String>;
}

macro_rules! totals_of {
    ($($handle:ty),*) => { $(
        impl Totals for $handle {
            fn lazy(&self) -> std::result::Result<(taskloom::graph::Graph, Vec<(String, i64)>), String> {
                let totals = self.compute().map_err(|error| format!("computing `totals` failed: {error}"))?;
                Ok((self.graph(), totals.into_iter().map(|(name, total)| (name, total as i64)).collect()))
            }
        }
    )* };
}

totals_of!(
    taskloom::Bag<(String, i64)>,
    taskloom::Bag<(String, i32)>,
    taskloom::Bag<(String, i128)>,
    taskloom::bag::Item<std::collections::BTreeMap<String, i64>>,
    taskloom::bag::Item<std::collections::HashMap<String, i64>>
);

impl Totals for Vec<(String, i64)> {
    fn lazy(&self) -> std::result::Result<(taskloom::graph::Graph, Vec<(String, i64)>), String> {
        Err("`totals` holds finished numbers: the files were read while the cell ran. Leave `.compute()?` away; the \
             check calls it.".to_owned())
    }
}

impl Totals for taskloom::Bag<(String, usize)> {
    fn lazy(&self) -> std::result::Result<(taskloom::graph::Graph, Vec<(String, i64)>), String> {
        Err("`totals` holds counts, as the example does: numbers of type usize. Add up amounts, which are \
        i64.".to_owned())
    }
}

/// The tasks that begin with a file, rather than with what is in memory.
fn totals_reading(graph: &taskloom::graph::Graph) -> Vec<String> {
    let begins = |name: &str| {
        name.contains("read_") || ["repartition", "partition", "concat"].iter().any(|cut| name.starts_with(cut))
    };
    let from_nothing = graph.ids().filter(|&id| graph.task(id).is_some() && graph.inputs(id).is_empty());
    from_nothing.map(|id| graph.name(id).to_owned()).filter(|name| begins(name)).collect()
}

check!("Every name has its total", 1, {
    let answer = totals.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let (_, came) = answer?;
    let mut expected = std::collections::BTreeMap::<String, [i64; 3]>::new();
    for account in accounts.compute()? {
        let own = expected.entry(account.name).or_default();
        own[0] += account.transactions.iter().map(|transaction| transaction.amount).sum::<i64>();
        own[1] += 1;
        own[2] += account.transactions.len() as i64;
    }
    ensure!(
        came.len() == expected.len(),
        "{} pairs were expected, one for each name, and {} came. {}",
        expected.len(),
        came.len(),
        if came.len() > expected.len() {
            "Is the key the name, and are the partitions put together?"
        } else {
            "Do all accounts take part?"
        }
    );
    for (name, total) in came {
        let Some(&[right, records, transactions]) = expected.get(&name) else {
            return Err(format!("{name:?} is not the name of an account: is the key the name?").into());
        };
        let advice = match total {
            _ if total == right => "",
            _ if total == records => "that is the number of records: add up amounts, rather than 1",
            _ if total == transactions => "that is the number of transactions: add up their amounts, rather than 1",
            _ if total.abs() < right.abs() => {
                "some amounts are missing: does `combine` use both of what it gets, and every account all of its \
                 transactions?"
            }
            _ => "more came together than there is: does `initial` change nothing, which is 0 for a sum?",
        };
        ensure!(advice.is_empty(), "{name}: {right} was expected and {total} came; {advice}.");
    }
});

check!("Nothing is read before compute", 1, {
    let answer = totals.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let (graph, _) = answer?;
    let reading = totals_reading(&graph).len();
    ensure!(
        reading > 0,
        "The files had been read when the cell ended: no task of `totals` reads one. Leave `.compute()?` and \
         `.persist()?` away, also on what `totals` is made of."
    );
});

check!("The accounts stay where they are", 2, {
    let answer = totals.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let (graph, _) = answer?;
    let is_move = |name: &str| name.contains("groupby") || name.contains("split");
    let moved = graph.ids().filter(|&id| is_move(graph.name(id))).count();
    let arrows: usize = graph.ids().map(|id| graph.inputs(id).len()).sum();
    ensure!(
        moved == 0,
        "{moved} tasks of {} split the partitions and bring accounts together, along {arrows} arrows: all records are \
         moved, to add up numbers. `foldby` adds them up where they are, and moves a total for each name.",
        graph.len()
    );
    // A task is named after its steps, and one that ends in one of these leaves a small note.
    let is_note = |name: &str| ["fold", "reduc", "map_partitions", "frequencies"].iter().any(|end| name.contains(end));
    let reading = totals_reading(&graph);
    let carries = reading.iter().find(|name| !is_note(name));
    ensure!(
        carries.is_none(),
        "The task `{}` hands on all items of a file. Let each file's own task reduce them to a total for each name, as \
         `foldby` does.",
        carries.map_or("", String::as_str)
    );
});
