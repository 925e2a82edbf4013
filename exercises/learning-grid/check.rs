/// Whatever a learner may have put into `best_k`, seen as the lazy pair that it should be.
trait BestK {
    /// The pair; or, where there is none, what to do about it.
    fn pair(&self) -> std::result::Result<(usize, f64), String>;

    /// How many tasks stand behind it, and how many of them can be at work at the same time.
    fn work(&self) -> (usize, usize) {
        (0, 0)
    }
}

impl BestK for taskloom::Delayed<(usize, f64)> {
    fn pair(&self) -> std::result::Result<(usize, f64), String> {
        self.compute().map_err(|error| format!("computing `best_k` failed: {error}"))
    }

    fn work(&self) -> (usize, usize) {
        let graph = self.graph();
        let mut depths: Vec<usize> = Vec::new();
        let mut at_depth: Vec<usize> = vec![0];
        for id in graph.ids() {
            let below = graph.inputs(id).iter().map(|&input| depths[input as usize]).max().unwrap_or(0);
            let is_task = graph.task(id).is_some();
            depths.push(below + usize::from(is_task));
            at_depth.resize(at_depth.len().max(below + 2), 0);
            at_depth[below + 1] += usize::from(is_task);
        }
        (at_depth.iter().sum(), at_depth.iter().copied().max().unwrap_or(0))
    }
}

impl BestK for (usize, f64) {
    fn pair(&self) -> std::result::Result<(usize, f64), String> {
        Ok(*self)
    }
}

impl BestK for std::result::Result<(usize, f64), taskloom::Error> {
    fn pair(&self) -> std::result::Result<(usize, f64), String> {
        self.clone().map_err(|error| format!("computing `best_k` failed: {error}"))
    }
}

impl<T> BestK for Vec<T> {
    fn pair(&self) -> std::result::Result<(usize, f64), String> {
        Err(format!(
            "`best_k` is a Vec of {}; one lazy pair was expected. Behind the loop, `delayed!(best(&ks, &errors))` makes it.",
            self.len()
        ))
    }
}

check!("The best k is right", 1, {
    let answer = best_k.pair();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let (k, error) = answer.unwrap_or_default();
    let split = few_split.compute()?;
    let scaled = standardise(&split);
    let ks = [1, 2, 4, 8, 16, 32, 64, 128];
    let errors: Vec<f64> = ks.iter().map(|&k| error_of(&scaled, k)).collect();
    let (expected_k, expected) = best(&ks, &errors);
    let unscaled = ks.iter().any(|&k| (error_of(&split, k) - error).abs() < 1e-12);
    let advice = if unscaled {
        "that is what comes without standardising: the trials should look at the prepared trips, not at `few_split`"
    } else if errors.iter().any(|other| (other - error).abs() < 1e-12) {
        "another `k` of the list has a lower error: is the error of each `k` in the place of that `k`?"
    } else {
        "try the eight values 1, 2, 4, … 128, each on the standardised trips, and take the one with the lowest error"
    };
    ensure!(
        k == expected_k && (error - expected).abs() < 1e-12,
        "{expected_k} neighbours with an error of {expected:.4} were expected, and {k} with {error:.4} came; {advice}."
    );
});

check!("The trips are prepared once, when it is computed", 1, {
    let before = PREPARED.load(std::sync::atomic::Ordering::SeqCst);
    let _ = best_k.pair();
    let times = PREPARED.load(std::sync::atomic::Ordering::SeqCst) - before;
    ensure!(
        times > 0,
        "`standardise` did not run while `best_k` was computed, so it ran while your cell did. Delay it: \
         `delayed!(standardise(&few_split))`, with no `.compute()` in the cell."
    );
    ensure!(
        times == 1,
        "`standardise` ran {times} times, and all but the first gave what was there already. It does not depend on `k`: \
         write its `delayed!` once, in front of the loop, and lend what it gives to every trial with `&`."
    );
});

check!("The eight trials can run at the same time", 1, {
    let (tasks, beside) = best_k.work();
    ensure!(
        tasks > 0,
        "No task stands behind `best_k`: all trials ran while your cell did. Put `delayed!( … )` around `error_of` in the \
         loop and around `best` behind it; the `.compute()?` goes away."
    );
    ensure!(
        beside >= 8,
        "Of the {tasks} tasks behind `best_k` at most {beside} can be at work at the same time, and 8 were expected, one \
         for each `k`. Is the call of `error_of` a task of its own for each pass through the loop?"
    );
});
