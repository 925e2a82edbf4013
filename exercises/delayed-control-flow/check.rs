/// Whatever a learner may have put into `mixed_total`, seen as the lazy number that it should be.
trait MixedTotal {
    /// The number; or, where there is none, what to do about it.
    fn number(&self) -> std::result::Result<i64, String>;

    /// Names of the tasks behind it, and how many of them need no other task.
    fn work(&self) -> (Vec<String>, usize) {
        (Vec::new(), 0)
    }
}

impl MixedTotal for taskloom::Delayed<i64> {
    fn number(&self) -> std::result::Result<i64, String> {
        // One thread for each task, so that the check is quick on a small machine too: these tasks only sleep.
        self.compute_with(taskloom::Scheduler::Threads(10))
            .map_err(|error| format!("computing `mixed_total` failed: {error}"))
    }

    fn work(&self) -> (Vec<String>, usize) {
        mixed_total_work(self)
    }
}

impl MixedTotal for i64 {
    fn number(&self) -> std::result::Result<i64, String> {
        Ok(*self)
    }
}

impl MixedTotal for std::result::Result<i64, taskloom::Error> {
    fn number(&self) -> std::result::Result<i64, String> {
        self.clone().map_err(|error| format!("computing `mixed_total` failed: {error}"))
    }
}

impl MixedTotal for Vec<taskloom::Delayed<i64>> {
    fn number(&self) -> std::result::Result<i64, String> {
        Err(format!(
            "`mixed_total` is a Vec of {} lazy numbers; one lazy number was expected. Add them up with `delayed!(sum(&changed))`.",
            self.len()
        ))
    }

    fn work(&self) -> (Vec<String>, usize) {
        let parts = self.iter().map(mixed_total_work);
        parts.fold((Vec::new(), 0), |(names, first), part| ([names, part.0].concat(), first + part.1))
    }
}

impl MixedTotal for Vec<i64> {
    fn number(&self) -> std::result::Result<i64, String> {
        Err(format!(
            "`mixed_total` is a Vec of {} numbers; one lazy number was expected. Delay the calls in the loop, then add up with \
             `delayed!(sum(&changed))`.",
            self.len()
        ))
    }
}

impl MixedTotal for taskloom::Delayed<Vec<i64>> {
    fn number(&self) -> std::result::Result<i64, String> {
        Err("`mixed_total` will become a Vec of numbers; one number was expected. Delay the call of `sum` too.".to_owned())
    }

    fn work(&self) -> (Vec<String>, usize) {
        mixed_total_work(self)
    }
}

/// Names of the tasks behind a lazy value, and how many of them need no other task.
fn mixed_total_work<T>(lazy: &taskloom::Delayed<T>) -> (Vec<String>, usize) {
    let graph = lazy.graph();
    let is_task = |id| graph.task(id).is_some();
    let first = graph.ids().filter(|&id| is_task(id) && !graph.inputs(id).iter().any(|&input| is_task(input)));
    (lazy.task_names(), first.count())
}

/// How many of the tasks are slow calls; adding up is quick, whichever way it is done.
fn mixed_total_slow(names: &[String]) -> usize {
    names.iter().filter(|name| *name != "sum" && *name != "add").count()
}

/// What the work behind `mixed_total` says about how it was built; empty when the slow calls are all in the graph.
fn mixed_total_advice(value: &impl MixedTotal) -> String {
    let (names, first) = value.work();
    let slow = mixed_total_slow(&names);
    match names.as_slice() {
        [] => "No task stands behind `mixed_total`, so all the work ran while your cell did. If there is a `.compute()` in the \
               cell, take it away: the check calls it. Put `delayed!( … )` around `double(x)` and `inc(x)` and around the call of `sum`."
            .to_owned(),
        [only] if only == "sum" || only == "add" => format!(
            "The graph of `mixed_total` has one task, `{only}`. The calls of `double` and `inc` are not in it, so the slow work ran while your cell did. \
             Put `delayed!( … )` around `double(x)` and `inc(x)`, and do not compute inside the loop."
        ),
        [only] => format!(
            "The graph of `mixed_total` has one task, `{only}`, which does all the work; one task keeps one core busy. Delay \
             each call inside the loop, so that there are 10 of them."
        ),
        _ if slow < 10 => format!(
            "The graph of `mixed_total` has these tasks: {}. 10 slow calls were expected among them, one for each number, and \
             {slow} came. Is a call in the loop still without its `delayed!( … )`?",
            names.join(", ")
        ),
        _ if first < 10 => format!(
            "Only {first} of the {} tasks can begin at once; the others wait for a result. Give each slow call a number \
             of `numbers` as its argument, not the result of another task.",
            names.len()
        ),
        _ => String::new(),
    }
}

check!("The total is right", 1, {
    let answer = mixed_total.number();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let got = answer.unwrap_or_default();
    let advice = match got {
        55 => "55 is the sum of `numbers` as they are: neither `double` nor `inc` was applied",
        65 => "65 is what comes when every number goes through `inc`; even ones should be doubled",
        85 => "85 is what comes when the branches are swapped; even numbers are doubled, odd ones go through `inc`",
        110 => "110 is what comes when every number is doubled; odd ones should go through `inc`",
        60 => "60 is the doubled even numbers alone; odd ones go through `inc` and count too",
        30 => "30 is the odd numbers alone; even ones are doubled and count too",
        _ => "double the even numbers, apply `inc` to the odd ones, and add up all ten results",
    };
    ensure_eq!(got, 90, "{advice}");
});

check!("Nothing slow runs before compute", 1, {
    let (names, _) = mixed_total.work();
    let advice = mixed_total_advice(&mixed_total);
    ensure!(mixed_total_slow(&names) >= 10, "{advice}");
});

check!("The ten calls can run at the same time", 1, {
    let (names, first) = mixed_total.work();
    ensure!(mixed_total_slow(&names) >= 10, "This follows as soon as the slow calls are tasks: see the check above.");
    let advice = mixed_total_advice(&mixed_total);
    ensure!(first >= 10, "{advice}");
});
