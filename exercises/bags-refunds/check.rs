/// Whatever a learner may have put into `refunded`, seen as a lazy number.
trait Refunded {
    /// The graph, and what it gives; or, where there is none, what to do about it.
    fn lazy(&self) -> std::result::Result<(taskloom::graph::Graph, i128), String>;
}

macro_rules! refunded_numbers {
    ($($number:ty),*) => { $(
        impl Refunded for taskloom::bag::Item<$number> {
            fn lazy(&self) -> std::result::Result<(taskloom::graph::Graph, i128), String> {
                let value = self.compute().map_err(|error| format!("computing `refunded` failed: {error}"))?;
                Ok((self.graph(), value as i128))
            }
        }

        impl Refunded for taskloom::Delayed<$number> {
            fn lazy(&self) -> std::result::Result<(taskloom::graph::Graph, i128), String> {
                let value = self.compute().map_err(|error| format!("computing `refunded` failed: {error}"))?;
                Ok((self.graph(), value as i128))
            }
        }

        impl Refunded for $number {
            fn lazy(&self) -> std::result::Result<(taskloom::graph::Graph, i128), String> {
                Err(format!("`refunded` is the finished number {self}: the files were read while the cell ran. Leave \
                             `.compute()?` away; the check calls it."))
            }
        }
    )* };
}

refunded_numbers!(i64, i128, i32, f64);

impl<T: Clone + Send + Sync + 'static> Refunded for taskloom::Bag<T> {
    fn lazy(&self) -> std::result::Result<(taskloom::graph::Graph, i128), String> {
        Err("`refunded` is a bag, and a number was expected: `.sum()` at its end adds up what it holds.".to_owned())
    }
}

/// What the files say, read in another way than the notebook does: all amounts below zero, and all above.
fn refunds_and_payments(folder: &str) -> taskloom::Result<(i128, i128, i128)> {
    let amounts = taskloom::Bag::read_text(format!("{folder}/accounts.*.json.gz"))?.flat_map(|line| {
        let amounts = line.split("\"amount\":").skip(1).map(|rest| {
            let end = rest.find([',', '}']).unwrap_or(rest.len());
            rest[..end].trim().parse::<i64>().unwrap_or(0)
        });
        amounts.collect::<Vec<_>>()
    });
    let below = amounts.filter(|amount| *amount < 0);
    let above = amounts.filter(|amount| *amount > 0);
    let (back, paid, number) = taskloom::compute!(
        below.fold(|sum, amount| sum + i128::from(amount), 0, |left, right| left + right),
        above.fold(|sum, amount| sum + i128::from(amount), 0, |left, right| left + right),
        below.count()
    )?;
    Ok((back, paid, number as i128))
}

/// The tasks that begin with a file, rather than with what is in memory.
fn refunded_reading(graph: &taskloom::graph::Graph) -> Vec<String> {
    let begins = |name: &str| {
        name.contains("read_") || ["repartition", "partition", "concat"].iter().any(|cut| name.starts_with(cut))
    };
    let from_nothing = graph.ids().filter(|&id| graph.task(id).is_some() && graph.inputs(id).is_empty());
    from_nothing.map(|id| graph.name(id).to_owned()).filter(|name| begins(name)).collect()
}

check!("The sum is right", 1, {
    let answer = refunded.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let (_, came) = answer?;
    let (back, paid, number) = refunds_and_payments(&data("accounts"))?;
    let advice = if came == back {
        ""
    } else if came == -back {
        "the sign is the other way round: a negative amount went back, and a sum of such is negative"
    } else if came == paid {
        "that is what was paid, the amounts above zero"
    } else if came == back + paid {
        "that is the sum of all amounts: a filter is missing"
    } else if came == number {
        "that is how many there are: `sum` adds up amounts, `count` counts"
    } else {
        "every transaction of every account counts whose amount is below zero. A filter on accounts comes too early: \
         look into them first"
    };
    ensure!(advice.is_empty(), "{back} was expected and {came} came; {advice}.");
});

check!("Nothing is read before compute", 1, {
    let answer = refunded.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let (graph, _) = answer?;
    let reading = refunded_reading(&graph).len();
    ensure!(
        reading > 0,
        "No task of `refunded` reads a file: all accounts had been in memory when the cell ended. Say what is to be \
         done with each item, by `flat_map`, `filter` and `map`, instead of computing the bag and looping."
    );
});

check!("Only sums leave the tasks that read", 1, {
    let answer = refunded.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let (graph, _) = answer?;
    let reading = refunded_reading(&graph);
    ensure!(!reading.is_empty(), "This follows as soon as the files are read by tasks: see the check above.");
    ensure!(
        reading.len() <= accounts.npartitions(),
        "{} tasks read files, and there are {} files: some are read more than once. One chain of steps is enough.",
        reading.len(),
        accounts.npartitions()
    );
    // A task is named after its steps, and one that ends in one of these leaves a small note.
    let is_note = |name: &str| ["sum", "fold", "reduc"].iter().any(|end| name.contains(end));
    let carries = reading.iter().find(|name| !is_note(name));
    ensure!(
        carries.is_none(),
        "The task `{}` reads a file and hands on its items, rather than a sum: they are all in memory together. End \
         the bag with `.sum()`, without `to_delayed` or `persist` before it.",
        carries.map_or("", String::as_str)
    );
});
