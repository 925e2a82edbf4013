/// Whatever a learner may have put into `nino`, seen as the lazy array that it should be.
trait Nino {
    /// The array; or, where there is none, what to do about it.
    fn lazy(&self) -> std::result::Result<taskloom::Array<f32>, String>;
}

impl Nino for taskloom::Array<f32> {
    fn lazy(&self) -> std::result::Result<taskloom::Array<f32>, String> {
        Ok(self.clone())
    }
}

impl<D: taskloom::ndarray::Dimension> Nino for taskloom::ndarray::Array<f32, D> {
    fn lazy(&self) -> std::result::Result<taskloom::Array<f32>, String> {
        Err("`nino` holds numbers, which were computed while the cell ran. Leave `.compute()?` away: the check calls \
             it.".to_owned())
    }
}

impl Nino for std::result::Result<taskloom::ndarray::ArrayD<f32>, taskloom::Error> {
    fn lazy(&self) -> std::result::Result<taskloom::Array<f32>, String> {
        Err("`nino` is what `.compute()` gave. Leave it away: the check calls it.".to_owned())
    }
}

impl Nino for taskloom::Array<f64> {
    fn lazy(&self) -> std::result::Result<taskloom::Array<f32>, String> {
        Err("`nino` holds elements of type f64; f32 was expected, as in what it is made from. Is there an `astype` too \
             many?".to_owned())
    }
}

/// The names of the tasks behind an array.
fn nino_tasks(array: &taskloom::Array<f32>) -> Vec<String> {
    let graph = array.graph();
    graph.ids().filter(|&id| graph.task(id).is_some()).map(|id| graph.name(id).to_owned()).collect()
}

/// The anomaly of each month over some rows and columns.
fn nino_of(
    sea: &taskloom::ndarray::ArrayD<f32>,
    rows: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
) -> Vec<f64> {
    let of_month = |month: usize| {
        let (mut sum, mut places) = (0.0, 0.0);
        for row in rows.clone() {
            for column in columns.clone().filter(|&column| !sea[[month, row, column]].is_nan()) {
                sum += f64::from(sea[[month, row, column]]);
                places += 1.0;
            }
        }
        sum / places
    };
    let temperatures: Vec<f64> = (0..360).map(of_month).collect();
    let climate = |month: usize| (0..30).map(|year| temperatures[12 * year + month % 12]).sum::<f64>() / 30.0;
    (0..360).map(|month| temperatures[month] - climate(month)).collect()
}

check!("The index is right", 2, {
    let answer = nino.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let answer = answer?;
    ensure!(
        answer.ndim() == 1 && answer.len() == 360,
        "`nino` should have the shape (360,), one number for each month, and it is {answer:?}. The mean goes over the \
         axes 1 and 2."
    );
    let got = answer.compute()?;
    let sea = taskloom::Array::<f32>::open_zarr_array(data("ocean/sst.zarr"), "sst", "auto")?.compute()?;
    let expected = nino_of(&sea, 42..47, 95..121);
    let is = |other: &[f64]| got.iter().zip(other).all(|(&came, other)| (f64::from(came) - other).abs() < 2e-3);
    let cut = sea.slice(taskloom::ndarray::s![0, 42..47, 95..121]);
    let warm = cut.iter().map(|&value| f64::from(value)).sum::<f64>() / cut.len() as f64;
    let mean_of = |region: taskloom::Array<f32>| region.nanmean_axis([1, 2]).compute();
    let (everywhere, mine) =
        (mean_of(anomaly.clone())?, mean_of(anomaly.slice(taskloom::ndarray::s![.., 42..47, 95..121]))?);
    let is_array =
        |other: &taskloom::ndarray::ArrayD<f32>| got.iter().zip(other).all(|(came, other)| (came - other).abs() < 1e-4);
    let advice = if is(&expected) {
        ""
    } else if is_array(&everywhere) {
        "that is the mean over all oceans; cut the region out first"
    } else if (f64::from(got[0]) - warm).abs() < 2e-3 {
        "these are temperatures; cut the region out of `anomaly`, not of `sst`"
    } else if [(42..46, 95..121), (42..47, 95..120), (42..46, 95..120)]
        .into_iter()
        .any(|(rows, columns)| is(&nino_of(&sea, rows, columns)))
    {
        "the last row or column of the region is missing, for the end of a range is not part of it"
    } else if is(&nino_of(&sea, 42..47, 60..86)) {
        "170° W was taken for 120° E: west of Greenwich, a longitude is 360 less the degrees"
    } else if is_array(&mine) {
        "the region is right, and `anomaly` is not yet: solve the exercise before this one"
    } else {
        "the region has the rows of 4° S to 4° N and the columns of 190° E to 240° E, all of them in"
    };
    ensure!(advice.is_empty(), "December 1997: {:.3} was expected and {:.3} came; {advice}.", expected[95], got[95]);
});

check!("Nothing is read before compute", 1, {
    let answer = nino.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    ensure!(
        nino_tasks(&answer?).iter().any(|name| name.contains("read_zarr")),
        "The file had been read when the cell ended: no task of `nino` reads it. Leave `.compute()?` and `.persist()?` \
         away, here and in `anomaly`."
    );
});
