/// Whatever a learner may have put into `merged`, seen as the lazy tally that it should be.
trait Merged {
    /// The handle; or, where there is none, what to do about it.
    fn lazy(&self) -> std::result::Result<taskloom::Delayed<Tally>, String>;
}

impl Merged for taskloom::Delayed<Tally> {
    fn lazy(&self) -> std::result::Result<taskloom::Delayed<Tally>, String> {
        Ok(self.clone())
    }
}

impl Merged for Tally {
    fn lazy(&self) -> std::result::Result<taskloom::Delayed<Tally>, String> {
        Err("`merged` is a finished tally, which was computed while the cell ran. Leave `.compute()?` away: the check \
             calls it.".to_owned())
    }
}

impl Merged for std::result::Result<Tally, taskloom::Error> {
    fn lazy(&self) -> std::result::Result<taskloom::Delayed<Tally>, String> {
        Err("`merged` is what `.compute()` gave. Leave it away: the check calls it.".to_owned())
    }
}

impl<T> Merged for Vec<T> {
    fn lazy(&self) -> std::result::Result<taskloom::Delayed<Tally>, String> {
        Err(format!(
            "`merged` is a Vec of {}; one lazy tally was expected. Go on until one is left, and take it out with \
             `remove(0)`.",
            self.len()
        ))
    }
}

/// How many tasks lie on the longest way through the graph.
fn merged_path(graph: &taskloom::graph::Graph) -> usize {
    let mut depths: Vec<usize> = Vec::new();
    for id in graph.ids() {
        let below = graph.inputs(id).iter().map(|&input| depths[input as usize]).max().unwrap_or(0);
        depths.push(below + usize::from(graph.task(id).is_some()));
    }
    depths.into_iter().max().unwrap_or(0)
}

/// How many tasks stand behind a handle, and how many of them make a tally.
fn merged_tasks(graph: &taskloom::graph::Graph) -> (usize, usize) {
    let names: Vec<&str> = graph.ids().filter(|&id| graph.task(id).is_some()).map(|id| graph.name(id)).collect();
    (names.len(), names.iter().filter(|name| **name == "tally").count())
}

check!("The tally is right", 1, {
    let answer = merged.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let got = answer?.compute()?;
    let expected = (0..16).map(tally).reduce(merge).unwrap_or_default();
    let (counted, all): (u64, u64) = (got.iter().sum(), expected.iter().sum());
    let advice = if counted < all {
        "some parts are missing: with `chunks(2)` none is left over when there are sixteen"
    } else if counted > all {
        "some parts were merged more than once"
    } else {
        "merge the tallies of the parts 0 to 15, each once"
    };
    ensure!(got == expected, "The digits of {counted} places were counted, and there are {all}; {advice}.");
});

check!("All is lazy, with sixteen tallies side by side", 1, {
    let answer = merged.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let (all, tallies) = merged_tasks(&answer?.graph());
    ensure!(
        tallies == 16,
        "{tallies} of the {all} tasks run `tally`, and 16 were expected, one for each part. Keep the first line of the \
         starter; what follows it is to change."
    );
});

check!("The longest path is short", 1, {
    let answer = merged.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let graph = answer?.graph();
    ensure!(merged_tasks(&graph).1 == 16, "This follows as soon as all tallies are tasks: see the check above.");
    let path = merged_path(&graph);
    ensure!(
        path <= 6,
        "{path} tasks lie on the longest path, and 5 are enough: a tally, and then four merges, since 16 tallies \
         become 8, 4, 2 and 1. Where does a merge wait for another without need?"
    );
});

check!("Few tallies are alive at once", 1, {
    let answer = merged.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let graph = answer?.graph();
    let (_, tallies) = merged_tasks(&graph);
    ensure!(tallies == 16, "This follows as soon as all tallies are tasks: see the checks above.");
    let most = graph.most_alive();
    ensure!(
        most <= 8,
        "Up to {most} tallies are alive at once, even if one thread takes them in the best order; 6 are enough. One \
         task that takes all sixteen has to wait until the last is there, and keeps the others meanwhile. Merge two \
         at a time."
    );
});
