/// Whatever a learner may have put into `jump`, seen as the lazy array that it should be.
trait Jump {
    /// The array; or, where there is none, what to do about it.
    fn lazy(&self) -> std::result::Result<taskloom::Array<f32>, String>;
}

impl Jump for taskloom::Array<f32> {
    fn lazy(&self) -> std::result::Result<taskloom::Array<f32>, String> {
        Ok(self.clone())
    }
}

impl<D: taskloom::ndarray::Dimension> Jump for taskloom::ndarray::Array<f32, D> {
    fn lazy(&self) -> std::result::Result<taskloom::Array<f32>, String> {
        Err("`jump` holds numbers, which were computed while the cell ran. Leave `.compute()?` away: the check calls \
             it.".to_owned())
    }
}

impl Jump for std::result::Result<taskloom::ndarray::ArrayD<f32>, taskloom::Error> {
    fn lazy(&self) -> std::result::Result<taskloom::Array<f32>, String> {
        Err("`jump` is what `.compute()` gave. Leave it away: the check calls it.".to_owned())
    }
}

impl Jump for taskloom::Array<f64> {
    fn lazy(&self) -> std::result::Result<taskloom::Array<f32>, String> {
        Err("`jump` holds elements of type f64; f32 was expected, as in what it is made from. Is there an `astype` too \
             many?".to_owned())
    }
}

/// The names of the tasks behind an array.
fn jump_tasks(array: &taskloom::Array<f32>) -> Vec<String> {
    let graph = array.graph();
    graph.ids().filter(|&id| graph.task(id).is_some()).map(|id| graph.name(id).to_owned()).collect()
}

check!("The jumps are right", 2, {
    let answer = jump.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let answer = answer?;
    ensure!(
        answer.ndim() == 2 && answer.shape() == [360, 720],
        "`jump` should be a map of shape (360, 720), and it is {answer:?}. Take the maximum along axis 0, the days."
    );
    let got = answer.compute()?;
    let days: Vec<_> = (1..=31)
        .map(|day| {
            taskloom::Array::<f32>::open_hdf5(data(&format!("weather/2021-01-{day:02}.h5")), "t2m", "auto")?.compute()
        })
        .collect::<std::result::Result<_, _>>()?;
    for (row, column) in [(60, 100), (70, 650), (90, 300), (180, 400), (270, 30), (340, 500)] {
        let at = |day: usize| days[day][[row, column]];
        let changes: Vec<f32> = (1..31).map(|day| at(day) - at(day - 1)).collect();
        let most = |values: &mut dyn Iterator<Item = f32>| values.fold(f32::MIN, f32::max);
        let expected = most(&mut changes.iter().copied());
        let came = got[[row, column]];
        let is = |other: f32| (came - other).abs() < 1e-3;
        let range = most(&mut (0..31).map(at)) + most(&mut (0..31).map(|day| -at(day)));
        let advice = if is(expected) {
            ""
        } else if is(range) {
            "that is the range of the month, from its coldest day to its warmest; the jump is from one day to the next"
        } else if is(most(&mut changes.iter().map(|change| change.abs()))) {
            "that counts falls as well, because of `abs`; here a jump is upwards"
        } else if is(most(&mut changes.iter().map(|change| -change))) {
            "that is the largest fall: the earlier days are to be subtracted from the later ones"
        } else if is(changes.iter().sum::<f32>() / 30.0) {
            "that is the mean change; take the largest"
        } else if is(at(1) - at(0)) {
            "that is the change from the first day to the second; take the largest of all thirty"
        } else {
            "subtract from each day the day before it, and take the largest change at each place"
        };
        ensure!(
            advice.is_empty(),
            "Row {row}, column {column}: {expected:.2} was expected and {came:.2} came; {advice}."
        );
    }
});

check!("Nothing is read before compute, and the days are read in parallel", 1, {
    let answer = jump.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let answer = answer?;
    let graph = answer.graph();
    let reading = graph.ids().filter(|&id| graph.name(id).contains("read_hdf5")).count();
    ensure!(
        reading > 0,
        "The files had been read when the cell ended: no task of `jump` reads them. Work with `month` itself, and \
         leave `.compute()?` and `.persist()?` away."
    );
    ensure!(reading >= 31, "{reading} tasks read files, and there are 31 files. Do all days take part?");
});
