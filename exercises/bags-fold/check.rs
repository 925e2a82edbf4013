/// Whatever a learner may have put into `summary`, seen as a lazy triple.
trait Summary {
    /// The graph, and what it gives; or, where there is none, what to do about it.
    fn lazy(&self) -> std::result::Result<(taskloom::graph::Graph, (i64, i64, i64)), String>;
}

macro_rules! summary_of {
    ($($triple:ty),*) => { $(
        impl Summary for taskloom::bag::Item<$triple> {
            fn lazy(&self) -> std::result::Result<(taskloom::graph::Graph, (i64, i64, i64)), String> {
                let (count, sum, smallest) =
                    self.compute().map_err(|error| format!("computing `summary` failed: {error}"))?;
                Ok((self.graph(), (count as i64, sum as i64, smallest as i64)))
            }
        }

        impl Summary for taskloom::Delayed<$triple> {
            fn lazy(&self) -> std::result::Result<(taskloom::graph::Graph, (i64, i64, i64)), String> {
                let (count, sum, smallest) =
                    self.compute().map_err(|error| format!("computing `summary` failed: {error}"))?;
                Ok((self.graph(), (count as i64, sum as i64, smallest as i64)))
            }
        }

        impl Summary for $triple {
            fn lazy(&self) -> std::result::Result<(taskloom::graph::Graph, (i64, i64, i64)), String> {
                Err("`summary` holds finished numbers: the files were read while the cell ran. Leave `.compute()?` and \
                     `compute!` away; the check computes it.".to_owned())
            }
        }
    )* };
}

summary_of!((i64, i64, i64), (usize, i64, i64));

/// How many, how much, and the least of some amounts.
fn summary_note(amounts: &[i64]) -> (i64, i64, i64) {
    (amounts.len() as i64, amounts.iter().sum(), amounts.iter().copied().min().unwrap_or(i64::MAX))
}

/// The tasks that begin with a file, rather than with what is in memory.
fn summary_reading(graph: &taskloom::graph::Graph) -> Vec<String> {
    let begins = |name: &str| {
        name.contains("read_") || ["repartition", "partition", "concat"].iter().any(|cut| name.starts_with(cut))
    };
    let from_nothing = graph.ids().filter(|&id| graph.task(id).is_some() && graph.inputs(id).is_empty());
    from_nothing.map(|id| graph.name(id).to_owned()).filter(|name| begins(name)).collect()
}

check!("The three numbers are right", 2, {
    let answer = summary.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let (_, came) = answer?;
    let notes = large.map_partitions(|amounts| [summary_note(&amounts)]).compute()?;
    let expected = notes.iter().fold((0, 0, i64::MAX), |all, note| (all.0 + note.0, all.1 + note.1, all.2.min(note.2)));
    let is_part = |count: i64| notes.iter().any(|note| note.0 == count);
    let advice = if came == expected {
        String::new()
    } else if is_part(came.0) {
        "the count is that of one partition: `combine` gets the notes of two, and has to use both".to_owned()
    } else if came.2 == 0 && came.0 == expected.0 {
        "no payment in `large` is 0, so that comes from `initial`: no amount is smaller than it. Begin with a number \
         that changes nothing"
            .to_owned()
    } else if came.2 > expected.2 && came.0 == expected.0 && came.1 == expected.1 {
        "the smallest is not: `combine` keeps the smaller one of two, and `initial` is no smaller than any".to_owned()
    } else if came.0 == notes.len() as i64 {
        "the first number is how many partitions there are: `combine` adds the counts of two notes, and does not count \
         notes"
            .to_owned()
    } else if came.0 > expected.0 {
        let more = came.0 - expected.0;
        format!("{more} too many were counted: every partition begins with `initial`, so its count has to be 0")
    } else {
        "the three are how many amounts `large` holds, their sum, and the smallest".to_owned()
    };
    ensure!(advice.is_empty(), "{expected:?} was expected and {came:?} came; {advice}.");
});

check!("One pass, when it is asked for", 1, {
    let answer = summary.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let (graph, _) = answer?;
    let reading = summary_reading(&graph).len();
    ensure!(
        reading > 0,
        "The files had been read when the cell ended: no task of `summary` reads one. Leave `.compute()?` and \
         `.persist()?` away."
    );
    ensure!(
        reading <= large.npartitions(),
        "{reading} tasks read files, and there are {} files: some are read more than once. One fold carries all three \
         numbers.",
        large.npartitions()
    );
});
