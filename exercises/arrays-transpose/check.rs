/// Whatever a learner may have put into `row_means`, seen as the lazy array that it should be.
trait RowMeans {
    /// The array; or, where there is none, what to do about it.
    fn lazy(&self) -> std::result::Result<taskloom::Array<f64>, String>;
}

impl RowMeans for taskloom::Array<f64> {
    fn lazy(&self) -> std::result::Result<taskloom::Array<f64>, String> {
        Ok(self.clone())
    }
}

impl<D: taskloom::ndarray::Dimension> RowMeans for taskloom::ndarray::Array<f64, D> {
    fn lazy(&self) -> std::result::Result<taskloom::Array<f64>, String> {
        Err("`row_means` holds numbers, which were computed while the cell ran. Leave `.compute()?` away: the check \
             calls it.".to_owned())
    }
}

impl RowMeans for std::result::Result<taskloom::ndarray::ArrayD<f64>, taskloom::Error> {
    fn lazy(&self) -> std::result::Result<taskloom::Array<f64>, String> {
        Err("`row_means` is what `.compute()` gave. Leave it away: the check calls it.".to_owned())
    }
}

impl RowMeans for taskloom::Array<f32> {
    fn lazy(&self) -> std::result::Result<taskloom::Array<f64>, String> {
        Err("`row_means` holds elements of type f32; f64 was expected, as in what it is made from. Is there an \
             `astype` too many?".to_owned())
    }
}

/// The names of the tasks behind an array.
fn row_means_tasks(array: &taskloom::Array<f64>) -> Vec<String> {
    let graph = array.graph();
    graph.ids().filter(|&id| graph.task(id).is_some()).map(|id| graph.name(id).to_owned()).collect()
}

check!("The means are right", 1, {
    let answer = row_means.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let answer = answer?;
    ensure!(
        answer.ndim() == 1 && answer.len() == 4000,
        "`row_means` should have the shape (4000,), one number for each row, and has {answer:?}. Take the mean along \
         axis 1 only."
    );
    let got = answer.compute()?;
    let (rows, columns) = (square.mean_axis(1).compute()?, square.mean_axis(0).compute()?);
    let is = |expected: &dyn Fn(usize) -> f64| {
        (0..4000).all(|at| (got[at] - expected(at)).abs() <= 1e-9 * expected(at).abs())
    };
    let advice = if is(&|at| rows[at]) {
        "these are the means of the rows of `square` alone; its transpose has to be added first"
    } else if is(&|at| 2.0 * rows[at]) {
        "here `square` was added to itself; one of the two should be `square.t()`"
    } else if is(&|at| 4000.0 * (rows[at] + columns[at])) {
        "these are sums; take the mean"
    } else {
        "add `square` and its transpose, and take the mean along axis 1"
    };
    let expected = |at: usize| rows[at] + columns[at];
    ensure!(is(&expected), "Row 0: {:.6} was expected and {:.6} came; {advice}.", expected(0), got[0]);
});

check!("Nothing runs before compute", 1, {
    let answer = row_means.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let names = row_means_tasks(&answer?);
    ensure!(
        names.iter().any(|name| name.contains("uniform")),
        "The numbers of `square` are drawn by tasks called `uniform`, and the graph of `row_means` has none: \
         everything had been computed when the cell ended. Work with `square` itself, and leave `.compute()?` and \
         `.persist()?` away."
    );
});

check!("The sum of the two is never stored", 1, {
    let answer = row_means.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let answer = answer?;
    let names = row_means_tasks(&answer);
    ensure!(
        names.iter().any(|name| name.contains("uniform")),
        "This follows as soon as the work is lazy: see the check above."
    );
    ensure!(
        names.iter().filter(|name| name.contains("uniform")).count() >= 4,
        "Two tasks draw the numbers, or fewer, so that some cores have nothing to do. Leave the chunks of `square` as \
         they are."
    );
    let (result, profile) = taskloom::diagnostics::profile(|| answer.compute());
    result?;
    let most = profile.live.iter().map(|sample| sample.live_bytes).max().unwrap_or(0);
    ensure!(
        most < 64 << 20,
        "While it ran, results of {} MiB were held at once. Each block can be added and averaged as it comes: write \
         the expression down as a whole, and do not keep parts of it by `persist`.",
        most >> 20
    );
});
