/// Whatever a learner may have put into `empty`, seen as a lazy number.
trait Empty {
    /// The graph, and what it gives; or, where there is none, what to do about it.
    fn lazy(&self) -> std::result::Result<(taskloom::graph::Graph, i128), String>;
}

macro_rules! empty_numbers {
    ($($number:ty),*) => { $(
        impl Empty for taskloom::bag::Item<$number> {
            fn lazy(&self) -> std::result::Result<(taskloom::graph::Graph, i128), String> {
                let value = self.compute().map_err(|error| format!("computing `empty` failed: {error}"))?;
                Ok((self.graph(), value as i128))
            }
        }

        impl Empty for taskloom::Delayed<$number> {
            fn lazy(&self) -> std::result::Result<(taskloom::graph::Graph, i128), String> {
                let value = self.compute().map_err(|error| format!("computing `empty` failed: {error}"))?;
                Ok((self.graph(), value as i128))
            }
        }

        impl Empty for $number {
            fn lazy(&self) -> std::result::Result<(taskloom::graph::Graph, i128), String> {
                Err(format!("`empty` is the finished number {self}: the files were read while the cell ran. Leave \
                             `.compute()?` away; the check calls it."))
            }
        }

        impl Empty for std::result::Result<$number, taskloom::Error> {
            fn lazy(&self) -> std::result::Result<(taskloom::graph::Graph, i128), String> {
                Err("`empty` is what `.compute()` gave. Leave it away: the check calls it.".to_owned())
            }
        }
    )* };
}

empty_numbers!(usize, u64, u32, i128, i64, i32);

impl<T: Clone + Send + Sync + 'static> Empty for taskloom::Bag<T> {
    fn lazy(&self) -> std::result::Result<(taskloom::graph::Graph, i128), String> {
        Err("`empty` is a bag, and a number was expected: `.count()` behind the filter makes one of it.".to_owned())
    }
}

impl<T> Empty for Vec<T> {
    fn lazy(&self) -> std::result::Result<(taskloom::graph::Graph, i128), String> {
        Err("`empty` holds records, and a lazy number was expected. Count them inside the bag, by `.count()`, and do \
             not compute.".to_owned())
    }
}

/// The tasks that begin with a file, rather than with what is in memory.
fn empty_reading(graph: &taskloom::graph::Graph) -> Vec<String> {
    let begins = |name: &str| {
        name.contains("read_") || ["repartition", "partition", "concat"].iter().any(|cut| name.starts_with(cut))
    };
    let from_nothing = graph.ids().filter(|&id| graph.task(id).is_some() && graph.inputs(id).is_empty());
    from_nothing.map(|id| graph.name(id).to_owned()).filter(|name| begins(name)).collect()
}

check!("The number is right", 1, {
    let answer = empty.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let (_, came) = answer?;
    // In its own way: the text of each line.
    let lines = taskloom::Bag::read_text(format!("{}/accounts.*.json.gz", data("accounts")))?;
    let (all, expected) = taskloom::compute!(
        lines.count(),
        lines.filter(|line| line.replace(' ', "").contains("\"transactions\":[]")).count()
    )?;
    let (all, expected) = (all as i128, expected as i128);
    let advice = if came == expected {
        ""
    } else if came == all {
        "that is the number of all records: a filter is missing, or it keeps everything. (A name that no record has \
         gives null, for which `is_none()` and `is_null()` say yes.)"
    } else if came == all - expected {
        "those are the records that have transactions: the condition is the wrong way round"
    } else if came == 0 {
        "does the name of the field stand in your filter as it stands in the file? A name that no record has gives \
         null, and no error"
    } else {
        "keep the records whose list of transactions is empty, and count them"
    };
    ensure!(advice.is_empty(), "{expected} was expected and {came} came; {advice}.");
});

check!("Nothing is read before compute", 1, {
    let answer = empty.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let (graph, _) = answer?;
    let reading = empty_reading(&graph).len();
    ensure!(
        reading > 0,
        "The files had been read when the cell ended: no task of `empty` reads one. Leave `.compute()?` and \
         `.persist()?` away."
    );
});
