/// Whatever a learner may have put into `mean_delay`, seen as the lazy table of means that it should be.
trait MeanDelay {
    /// The means; or, where there are none, what to do about it.
    fn means(&self) -> std::result::Result<std::collections::BTreeMap<String, f64>, String>;

    /// Names of the tasks behind it, and of those among them that need no other task.
    fn work(&self) -> (Vec<String>, Vec<String>) {
        (Vec::new(), Vec::new())
    }
}

impl MeanDelay for taskloom::Delayed<std::collections::BTreeMap<String, f64>> {
    fn means(&self) -> std::result::Result<std::collections::BTreeMap<String, f64>, String> {
        // Most of the time goes into waiting for files, so more threads than cores make the check quick.
        self.compute_with(taskloom::Scheduler::Threads(12))
            .map_err(|error| format!("computing `mean_delay` failed: {error}"))
    }

    fn work(&self) -> (Vec<String>, Vec<String>) {
        let graph = self.graph();
        let is_task = |id| graph.task(id).is_some();
        let first = graph.ids().filter(|&id| is_task(id) && !graph.inputs(id).iter().any(|&input| is_task(input)));
        (self.task_names(), first.map(|id| graph.name(id).to_owned()).collect())
    }
}

impl MeanDelay for std::collections::BTreeMap<String, f64> {
    fn means(&self) -> std::result::Result<std::collections::BTreeMap<String, f64>, String> {
        Ok(self.clone())
    }
}

impl MeanDelay for std::result::Result<std::collections::BTreeMap<String, f64>, taskloom::Error> {
    fn means(&self) -> std::result::Result<std::collections::BTreeMap<String, f64>, String> {
        self.clone().map_err(|error| format!("computing `mean_delay` failed: {error}"))
    }
}

/// For each airport: sum of delays, flights with a delay, flights, and sum and number of the monthly means.
type DelayFigures = std::collections::BTreeMap<String, [f64; 5]>;

/// Reads the files again, in its own way, so that the check does not lean on the notebook's functions.
fn delay_figures(files: &[String]) -> taskloom::polars::prelude::PolarsResult<DelayFigures> {
    use taskloom::polars::prelude::{DataType, LazyCsvReader, LazyFileListReader, col};
    let mut year = DelayFigures::new();
    for path in files {
        let table = LazyCsvReader::new(path.as_str().into())
            .finish()?
            .select([col("origin"), col("dep_delay").cast(DataType::Float64)])
            .collect()?;
        let mut month = DelayFigures::new();
        for (origin, delay) in table.column("origin")?.str()?.iter().zip(table.column("dep_delay")?.f64()?.iter()) {
            let figures = month.entry(origin.unwrap_or_default().to_owned()).or_default();
            figures[2] += 1.0;
            if let Some(delay) = delay {
                figures[0] += delay;
                figures[1] += 1.0;
            }
        }
        for (origin, [sum, delays, flights, ..]) in month {
            let figures = year.entry(origin).or_default();
            for (place, value) in [sum, delays, flights, sum / delays, 1.0].into_iter().enumerate() {
                figures[place] += value;
            }
        }
    }
    Ok(year)
}

/// Whether two numbers differ by no more than the order of adding explains.
fn close_enough(left: f64, right: f64) -> bool {
    (left - right).abs() <= 1e-9 * right.abs().max(1.0)
}

/// What to change so that each month is a task that can begin at once; empty when it is so.
fn months_advice(value: &impl MeanDelay, months: usize) -> String {
    let (names, first) = value.work();
    let begin = first.len();
    let has_read = first.iter().find(|name| *name == "sum_delays" || *name == "count_delays");
    match (names.as_slice(), has_read) {
        ([], _) => "No task stands behind `mean_delay`: all files had been read when the cell ended. Put `delayed!( … )` \
                    around each call, from `read_flights` to `divide`, and take `delayed_value`, `.compute()` and every \
                    `?` away."
            .to_owned(),
        ([only], _) => format!(
            "The graph of `mean_delay` has one task, `{only}`. Delay the calls inside the loop, `read_flights` first of \
             all, so that every month has a task of its own, and do not compute there."
        ),
        (_, Some(name)) => format!(
            "The tasks `{name}` wait for nothing, so their tables had been read when the graph was built. Delay \
             `read_flights` too, and do not compute inside the loop; `&flights` then stands for the table to come."
        ),
        _ if begin < months && !names.iter().any(|name| name == "read_flights") => format!(
            "{months} tasks that can begin at once were expected, one for each file, and {begin} came. `read_flights` is \
             not among the tasks, so the reading happens while the loop runs. Delay that call, and do not compute inside \
             the loop."
        ),
        _ if begin < months => format!(
            "{months} tasks that can begin at once were expected, one for each file, and {begin} came. Do all files take \
             part? Does a month wait for the one before it? Collect the lazy results in a Vec and add them up behind the \
             loop."
        ),
        _ => String::new(),
    }
}

check!("The means are right", 1, {
    let answer = mean_delay.means();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let got = answer.unwrap_or_default();
    let figures = delay_figures(&flights_files())?;
    let airports = figures.keys().cloned().collect::<Vec<_>>().join(", ");
    let came = got.keys().cloned().collect::<Vec<_>>().join(", ");
    ensure!(
        got.keys().eq(figures.keys()),
        "The airports {airports} were expected, and these came: {came}. Do all files take part?"
    );
    for (airport, &[sum, delays, flights, sum_of_means, months]) in &figures {
        let mean = got[airport];
        let advice = if close_enough(mean, sum_of_means / months) {
            "that is the mean of the monthly means, in which a quiet month weighs as much as a busy one; add up sums and \
             counts over all months, and divide once"
        } else if close_enough(mean, sum / flights) {
            "cancelled flights have no delay and must not count; `count_delays` leaves them out"
        } else if close_enough(mean, sum) {
            "that is the sum of the delays; divide it by their number"
        } else if close_enough(mean, delays) {
            "that is the number of delays; divide the sums by it"
        } else if close_enough(mean, delays / sum) {
            "sums and counts have changed places in `divide`"
        } else {
            "add up the sums of all twelve months and their counts, and divide once, at the end"
        };
        let expected = sum / delays;
        ensure!(close_enough(mean, expected), "{airport}: {expected:.6} was expected and {mean:.6} came; {advice}.");
    }
});

check!("Every month has a task that can begin at once", 2, {
    let advice = months_advice(&mean_delay, flights_files().len());
    ensure!(advice.is_empty(), "{advice}");
});

check!("Every month is read once", 1, {
    let months = flights_files().len();
    ensure!(
        months_advice(&mean_delay, months).is_empty(),
        "This follows as soon as every month has a task: see the check above."
    );
    let begin = mean_delay.work().1.len();
    ensure!(
        begin < 2 * months,
        "{begin} tasks begin with a file, and there are {months} files: some are read twice. Keep the lazy table in a \
         variable and give `&flights` to both `sum_delays` and `count_delays`; they share the one reading."
    );
});
