/// Whatever a learner may have put into `blocked_mean`, seen as the lazy number that it should be.
trait BlockedMean {
    /// The number; or, where there is none, what to do about it.
    fn number(&self) -> std::result::Result<f64, String>;

    /// Names of the tasks behind it, and of those among them that need no other task.
    fn work(&self) -> (Vec<String>, Vec<String>) {
        (Vec::new(), Vec::new())
    }
}

impl BlockedMean for taskloom::Delayed<f64> {
    fn number(&self) -> std::result::Result<f64, String> {
        self.compute().map_err(|error| format!("computing `blocked_mean` failed: {error}"))
    }

    fn work(&self) -> (Vec<String>, Vec<String>) {
        let graph = self.graph();
        let is_task = |id| graph.task(id).is_some();
        let first = graph.ids().filter(|&id| is_task(id) && !graph.inputs(id).iter().any(|&input| is_task(input)));
        (self.task_names(), first.map(|id| graph.name(id).to_owned()).collect())
    }
}

impl BlockedMean for f64 {
    fn number(&self) -> std::result::Result<f64, String> {
        Ok(*self)
    }
}

impl BlockedMean for std::result::Result<f64, taskloom::Error> {
    fn number(&self) -> std::result::Result<f64, String> {
        self.clone().map_err(|error| format!("computing `blocked_mean` failed: {error}"))
    }
}

impl BlockedMean for taskloom::Array<f64> {
    fn number(&self) -> std::result::Result<f64, String> {
        Err("`blocked_mean` is an Array already. That is the next section; here, build it yourself with `delayed!`."
            .to_owned())
    }
}

/// What to change so that every block is a task that can begin at once; empty when it is so.
fn blocks_advice(value: &impl BlockedMean, blocks: usize) -> String {
    let (names, first) = value.work();
    let (begin, has_read) = (first.len(), first.iter().any(|name| name == "sum" || name == "count"));
    match names.as_slice() {
        [] => "No task stands behind `blocked_mean`: all blocks had been read when the cell ended. Put `delayed!( … )` \
               around the calls in the loop and behind it, and take `delayed_value`, `.compute()` and `?` away."
            .to_owned(),
        [only] => format!(
            "The graph of `blocked_mean` has one task, `{only}`, and one task keeps one core busy. Delay each call \
             inside the loop, so that every block has tasks of its own."
        ),
        _ if has_read => "The tasks `sum` and `count` wait for nothing, so the blocks were read while the loop ran, \
                          all of them into memory. Delay `read_block` too, and do not compute in the loop; \
                          `&numbers` then stands for the block to come."
            .to_owned(),
        _ if begin < blocks => format!(
            "{blocks} tasks that can begin at once were expected, one for each block, and {begin} came. Do all blocks \
             take part? Does a block wait for the one before it?"
        ),
        _ => String::new(),
    }
}

check!("The mean is right", 1, {
    let answer = blocked_mean.number();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let got = answer.unwrap_or_default();
    let (mut total, mut numbers, mut means) = (0.0, 0.0, 0.0);
    for block in 0..block_count {
        let block = read_block(&numbers_path, block)?;
        let sum: f64 = block.iter().sum();
        total += sum;
        numbers += block.len() as f64;
        means += sum / block.len() as f64;
    }
    let close = |expected: f64| (got - expected).abs() <= 1e-9 * expected.abs();
    let advice = if close(means / block_count as f64) {
        "that is the mean of the blocks' means, in which the short last block weighs as much as the others; divide the \
         sum of the sums by the sum of the counts"
    } else if close(total) {
        "that is the sum of all numbers; divide it by how many there are"
    } else if close(numbers) {
        "that is how many numbers there are; divide their sum by it"
    } else if close(total / block_count as f64) {
        "that divides by the number of blocks; divide by the number of numbers"
    } else {
        "add up the sums of all blocks and their counts, and divide once, at the end"
    };
    let expected = total / numbers;
    ensure!(close(expected), "{expected:.9} was expected and {got:.9} came; {advice}.");
});

check!("Nothing is read before compute", 1, {
    let advice = blocks_advice(&blocked_mean, block_count);
    ensure!(advice.is_empty(), "{advice}");
});

check!("Every block is read once", 1, {
    ensure!(
        blocks_advice(&blocked_mean, block_count).is_empty(),
        "This follows as soon as every block has a task: see the check above."
    );
    let first = blocked_mean.work().1.len();
    ensure!(
        first < 2 * block_count,
        "{first} tasks begin with the file, and there are {block_count} blocks: some are read twice. Keep the lazy \
         block in a variable and give `&numbers` to both `sum` and `count`; they share the one reading."
    );
});
