/// Whatever a learner may have put into `accounts`, seen as the lazy frame that it should be.
trait Accounts {
    /// The frame; or, where there is none, what to do about it.
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String>;
}

impl Accounts for taskloom::DataFrame {
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String> {
        Ok(self.clone())
    }
}

impl Accounts for taskloom::polars::prelude::DataFrame {
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String> {
        Err("`accounts` holds all rows, which were computed while the cell ran. Leave `.compute()?` away.".to_owned())
    }
}

impl Accounts for Vec<String> {
    fn lazy(&self) -> std::result::Result<taskloom::DataFrame, String> {
        Err("`accounts` holds the names of files, which is what writing gives. Read the folder: \
             `read_parquet(scratch(\"accounts\"))?`.".to_owned())
    }
}

/// The files of Parquet in the folder, in order.
fn parquet_files(folder: &str) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "parquet"))
        .collect();
    files.sort();
    files
}

/// How many rows there are, the sum of the amounts, and how many names.
fn figures(frame: &taskloom::DataFrame) -> std::result::Result<(usize, i64, usize), taskloom::BoxError> {
    let rows = frame.compute()?;
    let amounts = rows.column("amount")?.cast(&taskloom::polars::prelude::DataType::Int64)?;
    let names = rows.column("names")?.n_unique()?;
    Ok((rows.height(), amounts.i64()?.iter().flatten().sum(), names))
}

check!("The folder holds all rows, in several files", 1, {
    let folder = scratch("accounts");
    let files = parquet_files(&folder);
    ensure!(
        !files.is_empty(),
        "There is no file of Parquet in {folder}. Has `to_parquet` run, with `scratch(\"accounts\")` as the folder?"
    );
    let stored = taskloom::prelude::read_parquet(folder.clone())?;
    let columns = stored.columns();
    for name in ["id", "names", "amount"] {
        ensure!(
            columns.iter().any(|column| column == name),
            "The files have the columns {}, and {name} is missing: all three columns of the CSV files were expected.",
            columns.join(", ")
        );
    }
    let original = taskloom::prelude::read_csv(format!("{}/accounts.*.csv", data("accounts")))?;
    let (expected, came) = (figures(&original)?, figures(&stored)?);
    ensure!(
        came == expected,
        "{} rows with amounts of {} in all and {} names were expected, and {} rows with {} and {} names are in \
         {folder}. {}",
        expected.0,
        expected.1,
        expected.2,
        came.0,
        came.1,
        came.2,
        if came.0 > expected.0 {
            "`append` adds the rows once more each time that the cell runs: `overwrite(true)` replaces them."
        } else {
            "Does the frame that is written hold all three files?"
        }
    );
    ensure!(
        files.len() > 1,
        "All rows are in one file: later, one task at a time writes and, if it is large, few read. Write the frame as \
         it is; each partition becomes a file."
    );
});

check!("The frame comes from the new files", 1, {
    let answer = accounts.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let frame = answer?;
    let plan = frame.explain();
    ensure!(
        !plan.contains(".csv"),
        "`accounts` still reads CSV. Write Parquet, and take the frame that `read_parquet` gives for the new folder."
    );
    let came = figures(&frame)?;
    let expected = figures(&taskloom::prelude::read_csv(format!("{}/accounts.*.csv", data("accounts")))?)?;
    ensure!(came == expected, "`accounts` has {} rows, and {} were expected: is it the whole \
    folder?", came.0, expected.0);
    let parts = frame.npartitions();
    ensure!(parts > 0 && plan.contains("parquet"), "`accounts` reads no Parquet: its plan says\n{plan}");
});

check!("A question about amounts reads amounts", 1, {
    let answer = accounts.lazy();
    let problem = answer.as_ref().err().cloned().unwrap_or_default();
    ensure!(problem.is_empty(), "{problem}");
    let frame = answer?;
    let plan = frame.select([taskloom::polars::prelude::col("amount")]).explain();
    let tasks = plan.split("Tasks:").nth(1).unwrap_or_default();
    ensure!(
        tasks.contains("parquet") && tasks.contains("1 of 3 columns (amount)") && !tasks.contains("in memory"),
        "For one column of `accounts`, one column of a Parquet file should be read. The plan is\n{}\nGive the frame of \
         `read_parquet` as it is, without `persist`.",
        tasks.trim()
    );
});
