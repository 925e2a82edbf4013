/// Whatever a learner may have put into `coarse`, seen as the lazy array that it should be.
trait Coarse {
    /// The array; or, where there is none, what to do about it.
    fn lazy(&self) -> std::result::Result<taskloom::Array<f32>, String>;
}

impl Coarse for taskloom::Array<f32> {
    fn lazy(&self) -> std::result::Result<taskloom::Array<f32>, String> {
        Ok(self.clone())
    }
}

impl<D: taskloom::ndarray::Dimension> Coarse for taskloom::ndarray::Array<f32, D> {
    fn lazy(&self) -> std::result::Result<taskloom::Array<f32>, String> {
        Err("`coarse` holds numbers, which were computed while the cell ran. Leave `.compute()?` away: the check calls \
             it.".to_owned())
    }
}

impl Coarse for std::result::Result<taskloom::ndarray::ArrayD<f32>, taskloom::Error> {
    fn lazy(&self) -> std::result::Result<taskloom::Array<f32>, String> {
        Err("`coarse` is what `.compute()` gave. Leave it away: the check calls it.".to_owned())
    }
}

impl Coarse for taskloom::Array<f64> {
    fn lazy(&self) -> std::result::Result<taskloom::Array<f32>, String> {
        Err("`coarse` holds elements of type f64; f32 was expected, as in what it is made from. Is there an `astype` \
             too many?".to_owned())
    }
}

/// The names of the tasks behind an array.
fn coarse_tasks(array: &taskloom::Array<f32>) -> Vec<String> {
    let graph = array.graph();
    graph.ids().filter(|&id| graph.task(id).is_some()).map(|id| graph.name(id).to_owned()).collect()
}

check!("Every second row and column is taken", 1, {
    let answer = coarse.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let answer = answer?;
    let shape = answer.shape();
    let advice = match shape[..] {
        [16, ..] => "the days are to stay: put the step on the axes 1 and 2 only",
        [31, 180, 720] => "the columns are still all there",
        [31, 360, 360] => "the rows are still all there",
        [31, 360, 720] => "nothing was taken away yet; `..;2` is every second index",
        _ => "put `..;2` on the axes 1 and 2",
    };
    ensure!(shape == [31, 180, 360], "The shape (31, 180, 360) was expected and {shape:?} came; {advice}.");
    let (got, day) = (answer.slice(taskloom::ndarray::s![30, .., ..]).compute()?, data("weather/2021-01-31.h5"));
    let day = taskloom::Array::<f32>::open_hdf5(day, "t2m", "auto")?.compute()?;
    let right = (0..180).all(|row| (0..360).all(|column| got[[row, column]] == day[[2 * row, 2 * column]]));
    ensure!(right, "The last day is not every second row and column of its file, beginning with the first of each.");
});

check!("It is never in memory as a whole", 1, {
    let answer = coarse.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    ensure!(
        coarse_tasks(&answer?).iter().any(|name| name.contains("read_hdf5")),
        "`coarse` holds its numbers in memory: no task of it reads a file. A month fits, a century would not. Store \
         the slice as it is, without `compute`, `persist` and `from_ndarray`."
    );
});

check!("The file holds it", 1, {
    let path = scratch("coarse.zarr");
    let stored = taskloom::Array::<f32>::open_zarr(&path);
    let problem = stored.as_ref().err().map(|error| error.to_string()).unwrap_or_default();
    ensure!(problem.is_empty(), "{path} cannot be opened: {problem}. Has `to_zarr` run, with this path?");
    let stored = stored?;
    ensure!(
        stored.shape() == [31, 180, 360],
        "{path} holds an array of shape {:?}, and (31, 180, 360) was expected. Run your cell again, with \
         `overwrite(true)`.",
        stored.shape()
    );
    let noon = stored.slice(taskloom::ndarray::s![30, .., ..]).compute()?;
    let day = taskloom::Array::<f32>::open_hdf5(data("weather/2021-01-31.h5"), "t2m", "auto")?.compute()?;
    let right = (0..180).all(|row| (0..360).all(|column| noon[[row, column]] == day[[2 * row, 2 * column]]));
    ensure!(
        right,
        "{path} holds other numbers than every second row and column. Run your cell again, with `overwrite(true)`."
    );
});

check!("A stored chunk holds all days of a place", 1, {
    let path = scratch("coarse.zarr");
    let info = taskloom::array::store::zarr_info(&path, "");
    ensure!(info.is_ok(), "{path} cannot be opened. Has `to_zarr` run, with this path?");
    let chunks = info?.chunks.unwrap_or_default();
    ensure!(
        chunks.first() == Some(&31),
        "The stored chunks are {chunks:?}, so whoever wants the days of one place reads a chunk for every {} of them. \
         Say `.chunks([31, …, …])` in the options.",
        if chunks.first() == Some(&1) {
            "one".to_owned()
        } else {
            chunks.first().map_or(String::new(), usize::to_string)
        }
    );
    ensure!(
        chunks.iter().product::<usize>() < 31 * 180 * 360,
        "One chunk holds everything, so whoever wants one place reads it all. Cut the rows and columns, for instance \
         by 60."
    );
});
