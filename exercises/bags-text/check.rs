/// Whatever a learner may have put into `name_counts`, seen as a lazy bag of names and counts.
trait NameCounts {
    /// The graph, and what it gives; or, where there is none, what to do about it.
    fn lazy(&self) -> std::result::Result<(taskloom::graph::Graph, Vec<(String, i128)>), String>;
}

macro_rules! name_counts_of {
    ($($number:ty),*) => { $(
        impl NameCounts for taskloom::Bag<(String, $number)> {
            fn lazy(&self) -> std::result::Result<(taskloom::graph::Graph, Vec<(String, i128)>), String> {
                let counts = self.compute().map_err(|error| format!("computing `name_counts` failed: {error}"))?;
                Ok((self.graph(), counts.into_iter().map(|(name, count)| (name, count as i128)).collect()))
            }
        }

        impl NameCounts for Vec<(String, $number)> {
            fn lazy(&self) -> std::result::Result<(taskloom::graph::Graph, Vec<(String, i128)>), String> {
                Err("`name_counts` holds finished counts: the files were read while the cell ran. Leave `.compute()?` \
                     away; the check calls it.".to_owned())
            }
        }
    )* };
}

name_counts_of!(usize, u64, u32, i64, i32);

impl NameCounts for taskloom::Bag<String> {
    fn lazy(&self) -> std::result::Result<(taskloom::graph::Graph, Vec<(String, i128)>), String> {
        Err("`name_counts` is a bag of texts, and pairs of a name and a count were expected: end it with \
             `.frequencies()`.".to_owned())
    }
}

impl NameCounts for taskloom::Bag<(Option<String>, usize)> {
    fn lazy(&self) -> std::result::Result<(taskloom::graph::Graph, Vec<(String, i128)>), String> {
        Err("The names are `Option<String>`: `nth(1)` gives an `Option`, and `map` keeps it. `flat_map` takes what is \
             in it.".to_owned())
    }
}

/// The names in the second column, counted by the reader of tables.
fn counted_names(folder: &str) -> std::result::Result<std::collections::BTreeMap<String, i128>, taskloom::BoxError> {
    let table = taskloom::prelude::read_csv(format!("{folder}/accounts.*.csv"))?.groupby("names").size().compute()?;
    let sizes = table.column("size")?.cast(&taskloom::polars::prelude::DataType::Int64)?;
    let pairs = table.column("names")?.str()?.iter().zip(sizes.i64()?.iter());
    Ok(pairs.filter_map(|(name, size)| Some((name?.to_owned(), i128::from(size?)))).collect())
}

/// The tasks that begin with a file, rather than with what is in memory.
fn name_counts_reading(graph: &taskloom::graph::Graph) -> Vec<String> {
    let begins = |name: &str| {
        name.contains("read_") || ["repartition", "partition", "concat"].iter().any(|cut| name.starts_with(cut))
    };
    let from_nothing = graph.ids().filter(|&id| graph.task(id).is_some() && graph.inputs(id).is_empty());
    from_nothing.map(|id| graph.name(id).to_owned()).filter(|name| begins(name)).collect()
}

check!("Every name has its count", 1, {
    let answer = name_counts.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let (_, came) = answer?;
    let expected = counted_names(&data("accounts"))?;
    let first = came.first().cloned().unwrap_or_default().0;
    let ids = came.iter().filter(|(name, _)| name.parse::<i64>().is_ok()).count();
    ensure!(
        2 * ids <= came.len(),
        "The first of {} \"names\" is {first:?}, which is no name. Columns are counted from 0: the name is what \
         `nth(1)` gives.",
        came.len()
    );
    for (name, &count) in &expected {
        let found: Vec<i128> = came.iter().filter(|pair| pair.0 == *name).map(|pair| pair.1).collect();
        let quoted = came.iter().any(|pair| pair.0.contains(','));
        ensure!(
            found == [count],
            "{name}: {count} was expected, and {} came. {}",
            match found[..] {
                [] => "nothing".to_owned(),
                [one] => one.to_string(),
                _ => format!("{} pairs", found.len()),
            },
            match found[..] {
                _ if quoted => "The keys are whole lines: take the second column of each first.",
                [] => "Are the names as in the file, without spaces or capitals of their own?",
                [_] => "Do all lines of all three files take part?",
                _ => "Each name should come once: count over the whole bag, not in each partition.",
            }
        );
    }
});

check!("A header is nobody's name", 1, {
    let answer = name_counts.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let (_, came) = answer?;
    let expected = counted_names(&data("accounts"))?;
    let others: Vec<String> = came.into_iter().map(|pair| pair.0).filter(|name| !expected.contains_key(name)).collect();
    let header = others.iter().any(|name| name == "names" || name == "id");
    ensure!(
        others.is_empty(),
        "{} {} counted as {}; {}.",
        others.iter().take(3).map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", "),
        if others.len() == 1 { "was" } else { "and others were" },
        if others.len() == 1 { "a name" } else { "names" },
        if header {
            "that comes from the first line of a file, which names the columns. Leave out lines that begin with `id,`"
        } else {
            "no line has that in its second column"
        }
    );
});

check!("Nothing is read before compute", 1, {
    let answer = name_counts.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let (graph, counts) = answer?;
    let reading = name_counts_reading(&graph).len();
    ensure!(
        reading > 0,
        "The files had been read when the cell ended: no task of `name_counts` reads one. Leave `.compute()?` and \
         `.persist()?` away."
    );
    ensure!(
        counts.len() < 1000,
        "{} pairs came, which is hardly less than the lines themselves. Count names, of which there are 26.",
        counts.len()
    );
});
