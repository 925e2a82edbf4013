/// Whatever a learner may have put into `readings`, seen as the lazy array that it should be.
trait Readings {
    /// The array; or, where there is none, what to do about it.
    fn lazy(&self) -> std::result::Result<taskloom::Array<f64>, String>;
}

impl Readings for taskloom::Array<f64> {
    fn lazy(&self) -> std::result::Result<taskloom::Array<f64>, String> {
        Ok(self.clone())
    }
}

impl<D: taskloom::ndarray::Dimension> Readings for taskloom::ndarray::Array<f64, D> {
    fn lazy(&self) -> std::result::Result<taskloom::Array<f64>, String> {
        Err("`readings` holds numbers, which were computed while the cell ran. Leave `.compute()?` away: the check \
             calls it.".to_owned())
    }
}

impl Readings for std::result::Result<taskloom::ndarray::ArrayD<f64>, taskloom::Error> {
    fn lazy(&self) -> std::result::Result<taskloom::Array<f64>, String> {
        Err("`readings` is what `.compute()` gave. Leave it away: the check calls it.".to_owned())
    }
}

impl Readings for taskloom::Array<f32> {
    fn lazy(&self) -> std::result::Result<taskloom::Array<f64>, String> {
        Err("`readings` holds elements of type f32; f64 was expected, as in what it is made from. Is there an `astype` \
             too many?".to_owned())
    }
}

/// The names of the tasks behind an array.
fn readings_tasks(array: &taskloom::Array<f64>) -> Vec<String> {
    let graph = array.graph();
    graph.ids().filter(|&id| graph.task(id).is_some()).map(|id| graph.name(id).to_owned()).collect()
}

check!("A station's readings lie in one chunk", 1, {
    let answer = readings.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let blocks = answer?.numblocks();
    ensure!(blocks.len() == 2, "`readings` should have 2 axes, stations and hours, and has {}.", blocks.len());
    ensure!(
        blocks[1] == 1,
        "The readings of a station are cut into {} pieces, and its median needs all of them at once. Make the chunks \
         20,000 long along axis 1.",
        blocks[1]
    );
});

check!("Chunks are neither tiny nor huge, and every core gets some", 1, {
    let answer = readings.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let answer = answer?;
    let largest: usize = answer.chunks().iter().map(|axis| axis.iter().max().copied().unwrap_or(0)).product();
    let (kib, blocks) = (largest * 8 >> 10, answer.npartitions());
    ensure!(
        kib >= 1 << 10,
        "A chunk has {kib} KiB, and there are {blocks}. Take more rows at a time: a few megabytes are good."
    );
    ensure!(
        kib <= 128 << 10,
        "A chunk has {} MiB, and each core needs room for several. Take fewer rows at a time: a few megabytes are \
         good.",
        kib >> 10
    );
    ensure!(blocks >= 8, "There are {blocks} chunks. With a few for each core, none stands idle at the end.");
});

check!("The readings are the same as before", 1, {
    let answer = readings.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let answer = answer?;
    ensure!(
        answer.shape() == [2000, 20_000],
        "`readings` should have the shape (2000, 20000), and has {:?}.",
        answer.shape()
    );
    let original = taskloom::Array::<f64>::random((2000, 20_000), (2000, 50)).seed(5).uniform(0.0, 100.0);
    let corner = taskloom::ndarray::s![1990.., ..30];
    ensure!(
        answer.slice(corner).compute()? == original.slice(corner).compute()?,
        "The numbers are not those of the starter. Leave the shape, the seed and the range as they are, and change \
         only the chunks."
    );
});
