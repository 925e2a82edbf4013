/// Whatever a learner may have put into `total`, seen as the lazy number that it should be.
trait LoopTotal {
    /// The number; or, where there is none, what to do about it.
    fn number(&self) -> std::result::Result<i64, String>;

    /// Names of the tasks behind it, and how many of them need no other task.
    fn work(&self) -> (Vec<String>, usize) {
        (Vec::new(), 0)
    }
}

impl LoopTotal for taskloom::Delayed<i64> {
    fn number(&self) -> std::result::Result<i64, String> {
        // One thread for each task, so that the check is quick on a small machine too: these tasks only sleep.
        self.compute_with(taskloom::Scheduler::Threads(8))
            .map_err(|error| format!("computing `total` failed: {error}"))
    }

    fn work(&self) -> (Vec<String>, usize) {
        loop_total_work(self)
    }
}

impl LoopTotal for i64 {
    fn number(&self) -> std::result::Result<i64, String> {
        Ok(*self)
    }
}

impl LoopTotal for std::result::Result<i64, taskloom::Error> {
    fn number(&self) -> std::result::Result<i64, String> {
        self.clone().map_err(|error| format!("computing `total` failed: {error}"))
    }
}

impl LoopTotal for Vec<taskloom::Delayed<i64>> {
    fn number(&self) -> std::result::Result<i64, String> {
        Err(format!(
            "`total` is a Vec of {} lazy numbers; one lazy number was expected. Add them up with `delayed!(sum(&results))`.",
            self.len()
        ))
    }

    fn work(&self) -> (Vec<String>, usize) {
        let parts = self.iter().map(loop_total_work);
        parts.fold((Vec::new(), 0), |(names, first), part| ([names, part.0].concat(), first + part.1))
    }
}

impl LoopTotal for Vec<i64> {
    fn number(&self) -> std::result::Result<i64, String> {
        Err(format!(
            "`total` is a Vec of {} numbers; one lazy number was expected. Delay the calls in the loop, then add up with \
             `delayed!(sum(&results))`.",
            self.len()
        ))
    }
}

impl LoopTotal for taskloom::Delayed<Vec<i64>> {
    fn number(&self) -> std::result::Result<i64, String> {
        Err("`total` will become a Vec of numbers; one number was expected. Delay the call of `sum` too.".to_owned())
    }

    fn work(&self) -> (Vec<String>, usize) {
        loop_total_work(self)
    }
}

/// Names of the tasks behind a lazy value, and how many of them need no other task.
fn loop_total_work<T>(lazy: &taskloom::Delayed<T>) -> (Vec<String>, usize) {
    let graph = lazy.graph();
    let is_task = |id| graph.task(id).is_some();
    let first = graph.ids().filter(|&id| is_task(id) && !graph.inputs(id).iter().any(|&input| is_task(input)));
    (lazy.task_names(), first.count())
}

/// How many of the tasks are slow calls; adding up is quick, whichever way it is done.
fn loop_total_slow(names: &[String]) -> usize {
    names.iter().filter(|name| *name != "sum" && *name != "add").count()
}

/// What the work behind `total` says about how it was built; empty when the slow calls are all in the graph.
fn loop_total_advice(value: &impl LoopTotal) -> String {
    let (names, first) = value.work();
    let slow = loop_total_slow(&names);
    match names.as_slice() {
        [] => "No task stands behind `total`, so all the work ran while your cell did. If there is a `.compute()` in the \
               cell, take it away: the check calls it. Put `delayed!( … )` around `inc(x)` and around the call of `sum`."
            .to_owned(),
        [only] if only == "sum" || only == "add" => format!(
            "The graph of `total` has one task, `{only}`. The calls of `inc` are not in it, so the slow work ran while your cell did. \
             Put `delayed!( … )` around `inc(x)`, and do not compute inside the loop."
        ),
        [only] => format!(
            "The graph of `total` has one task, `{only}`, which does all the work; one task keeps one core busy. Delay \
             each call inside the loop, so that there are 8 of them."
        ),
        _ if slow < 8 => format!(
            "The graph of `total` has these tasks: {}. 8 slow calls were expected among them, one for each number, and \
             {slow} came. Is a call in the loop still without its `delayed!( … )`?",
            names.join(", ")
        ),
        _ if first < 8 => format!(
            "Only {first} of the {} tasks can begin at once; the others wait for a result. Give each slow call a number \
             of `data` as its argument, not the result of another task.",
            names.len()
        ),
        _ => String::new(),
    }
}

check!("The total is right", 1, {
    let answer = total.number();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let got = answer.unwrap_or_default();
    let advice = match got {
        36 => "36 is the sum of `data` as it is: `inc` was not applied",
        37 => "37 is `inc` of the whole sum: apply `inc` to each number, then add up",
        52 => "52 is what comes when `inc` is applied to each number twice",
        _ => "apply `inc` to each of the eight numbers in `data`, once, and add up the results",
    };
    ensure_eq!(got, 44, "{advice}");
});

check!("Nothing runs before compute", 1, {
    let (names, _) = total.work();
    let advice = loop_total_advice(&total);
    ensure!(loop_total_slow(&names) >= 8, "{advice}");
});

check!("The eight calls can run at the same time", 1, {
    let (names, first) = total.work();
    ensure!(loop_total_slow(&names) >= 8, "This follows as soon as the slow calls are tasks: see the check above.");
    let advice = loop_total_advice(&total);
    ensure!(first >= 8, "{advice}");
});
