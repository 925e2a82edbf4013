/// Whatever a learner may have put into `anomaly`, seen as the lazy array that it should be.
trait Anomaly {
    /// The array; or, where there is none, what to do about it.
    fn lazy(&self) -> std::result::Result<taskloom::Array<f32>, String>;
}

impl Anomaly for taskloom::Array<f32> {
    fn lazy(&self) -> std::result::Result<taskloom::Array<f32>, String> {
        Ok(self.clone())
    }
}

impl<D: taskloom::ndarray::Dimension> Anomaly for taskloom::ndarray::Array<f32, D> {
    fn lazy(&self) -> std::result::Result<taskloom::Array<f32>, String> {
        Err("`anomaly` holds numbers, which were computed while the cell ran. Leave `.compute()?` away: the check \
             calls it.".to_owned())
    }
}

impl Anomaly for std::result::Result<taskloom::ndarray::ArrayD<f32>, taskloom::Error> {
    fn lazy(&self) -> std::result::Result<taskloom::Array<f32>, String> {
        Err("`anomaly` is what `.compute()` gave. Leave it away: the check calls it.".to_owned())
    }
}

impl Anomaly for taskloom::Array<f64> {
    fn lazy(&self) -> std::result::Result<taskloom::Array<f32>, String> {
        Err("`anomaly` holds elements of type f64; f32 was expected, as in what it is made from. Is there an `astype` \
             too many?".to_owned())
    }
}

/// The names of the tasks behind an array.
fn anomaly_tasks(array: &taskloom::Array<f32>) -> Vec<String> {
    let graph = array.graph();
    graph.ids().filter(|&id| graph.task(id).is_some()).map(|id| graph.name(id).to_owned()).collect()
}

check!("Each month is compared with its own climate", 2, {
    let answer = anomaly.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let answer = answer?;
    ensure!(
        answer.ndim() == 3 && answer.shape() == [360, 89, 180],
        "`anomaly` should have the shape of `sst`, (360, 89, 180), and it is {answer:?}. Bring it back into shape at \
         the end."
    );
    let got = answer.compute()?;
    let sea = taskloom::Array::<f32>::open_zarr_array(data("ocean/sst.zarr"), "sst", "auto")?.compute()?;
    // A few places tell: the equator, both hemispheres, and one on land.
    for (row, column) in [(66, 160), (24, 15), (44, 110), (54, 60), (70, 45)] {
        let mean = |months: &dyn Fn(usize) -> bool| {
            let chosen: Vec<f64> =
                (0..360).filter(|&at| months(at)).map(|at| f64::from(sea[[at, row, column]])).collect();
            chosen.iter().sum::<f64>() / chosen.len() as f64
        };
        for month in [0, 95, 199, 311] {
            let value = f64::from(sea[[month, row, column]]);
            let came = f64::from(got[[month, row, column]]);
            let is = |expected: f64| (came - expected).abs() < 2e-3 || (came.is_nan() && expected.is_nan());
            let expected = value - mean(&|at| at % 12 == month % 12);
            let advice = if is(value) {
                "this is the temperature itself; subtract the climate of the month"
            } else if is(value - mean(&|_| true)) {
                "that compares with the mean of all months, so that every summer looks hot: compare Januaries with \
                 Januaries"
            } else if is(value - mean(&|at| at / 12 == month / 12)) {
                "that compares with the mean of the same year; the years are axis 0 of the reshaped array, and their \
                 mean is the climate"
            } else if is(-expected) {
                "the sign is the other way round: temperature less climate"
            } else if came.is_nan() {
                "a NaN on the open sea: is something divided by nothing?"
            } else if value.is_nan() {
                "there is land, which has no temperature of the sea: let its NaN be"
            } else {
                "subtract from each month the mean of that month over all thirty years"
            };
            ensure!(
                is(expected),
                "Month {month} at row {row} and column {column}: {expected:.3} was expected and {came:.3} came; \
                 {advice}."
            );
        }
    }
});

check!("Nothing is read before compute", 1, {
    let answer = anomaly.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    ensure!(
        anomaly_tasks(&answer?).iter().any(|name| name.contains("read_zarr")),
        "The file had been read when the cell ended: no task of `anomaly` reads it. Work with `sst` itself, and leave \
         `.compute()?` and `.persist()?` away."
    );
});
