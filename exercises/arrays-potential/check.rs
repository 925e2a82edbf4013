/// Whatever a learner may have put into `energy`, seen as the lazy array that it should be.
trait Energy {
    /// The array; or, where there is none, what to do about it.
    fn lazy(&self) -> std::result::Result<taskloom::Array<f64>, String>;
}

impl Energy for taskloom::Array<f64> {
    fn lazy(&self) -> std::result::Result<taskloom::Array<f64>, String> {
        Ok(self.clone())
    }
}

impl<D: taskloom::ndarray::Dimension> Energy for taskloom::ndarray::Array<f64, D> {
    fn lazy(&self) -> std::result::Result<taskloom::Array<f64>, String> {
        Err("`energy` holds numbers, which were computed while the cell ran. Leave `.compute()?` away: the check calls \
             it.".to_owned())
    }
}

impl Energy for std::result::Result<taskloom::ndarray::ArrayD<f64>, taskloom::Error> {
    fn lazy(&self) -> std::result::Result<taskloom::Array<f64>, String> {
        Err("`energy` is what `.compute()` gave. Leave it away: the check calls it.".to_owned())
    }
}

impl Energy for taskloom::Array<f32> {
    fn lazy(&self) -> std::result::Result<taskloom::Array<f64>, String> {
        Err("`energy` holds elements of type f32; f64 was expected, as in what it is made from. Is there an `astype` \
             too many?".to_owned())
    }
}

/// The names of the tasks behind an array.
fn energy_tasks(array: &taskloom::Array<f64>) -> Vec<String> {
    let graph = array.graph();
    graph.ids().filter(|&id| graph.task(id).is_some()).map(|id| graph.name(id).to_owned()).collect()
}

impl Energy for f64 {
    fn lazy(&self) -> std::result::Result<taskloom::Array<f64>, String> {
        Err("`energy` is a number, which was computed while the cell ran. Leave `.item()?` away: the check calls it."
            .to_owned())
    }
}

check!("The energy is right", 2, {
    let answer = energy.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let answer = answer?;
    ensure!(answer.ndim() == 0, "`energy` should be one number, and it is {answer:?}. Sum over all axes.");
    let got = answer.item()?;
    let places = cluster.compute()?.into_raw_vec_and_offset().0;
    let places: Vec<&[f64]> = places.chunks(3).collect();
    let (mut expected, mut sixths) = (0.0, 0.0);
    for one in 0..places.len() {
        for other in 0..one {
            let square: f64 = (0..3).map(|axis| (places[one][axis] - places[other][axis]).powi(2)).sum();
            let sixth = (1.0 / square).powi(3);
            expected += 4.0 * (sixth * sixth - sixth);
            sixths += sixth;
        }
    }
    let is = |other: f64| (got - other).abs() <= 1e-6 * other.abs();
    let advice = if got.is_nan() {
        "each particle has distance 0 from itself, where ∞ − ∞ is NaN, and one NaN spoils a sum; `nansum` leaves them \
         out"
    } else if got.is_infinite() {
        "each particle has distance 0 from itself, where the formula is infinite; leave these pairs out"
    } else if is(2.0 * expected) {
        "each pair was counted twice: divide by 2"
    } else if is(expected / 4.0) {
        "the 4 of the formula is missing"
    } else if is(-expected) {
        "the sign is the other way round"
    } else if is(4.0 * sixths) || is(8.0 * sixths) {
        "the square of the sixth power is missing"
    } else {
        "sum `lj` over all pairs, once each"
    };
    ensure!(is(expected), "{expected:.9} was expected and {got:.9} came; {advice}.");
});

check!("Nothing runs before compute", 1, {
    let answer = energy.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let answer = answer?;
    ensure!(answer.ndim() == 0, "This follows as soon as `energy` is one number: see the check above.");
    let names = energy_tasks(&answer);
    ensure!(
        names.iter().any(|name| name.contains("sub")),
        "No task of `energy` subtracts anything, so the work was done while the cell ran. Write the formula down for \
         `cluster` itself, without `compute`."
    );
});

check!("The pairs are shared out, and their table is never in memory as a whole", 1, {
    let answer = energy.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let answer = answer?;
    let pairs = energy_tasks(&answer).iter().filter(|name| name.contains("sub")).count();
    ensure!(pairs > 0, "This follows as soon as the work is lazy: see the check above.");
    ensure!(
        pairs >= 4,
        "{pairs} task{} all pairs, so that some cores have nothing to do: `cluster` is one chunk, and so their table \
         is one, too. Cut the particles first, `cluster.rechunk((500, 3))`.",
        if pairs == 1 { " works on" } else { "s work on" }
    );
    let (result, profile) = taskloom::diagnostics::profile(|| answer.compute());
    result?;
    let most = profile.live.iter().map(|sample| sample.live_bytes).max().unwrap_or(0);
    ensure!(
        most < 32 << 20,
        "While it ran, {} MiB of results were held at once; the whole table has 68. Cut the particles into smaller \
         chunks, and do not keep the table by `persist` or `compute`.",
        most >> 20
    );
});
