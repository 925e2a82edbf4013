/// The folders of payment types, each with its files of Parquet.
fn payment_folders(folder: &str) -> std::collections::BTreeMap<String, usize> {
    let mut folders = std::collections::BTreeMap::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir()) {
        let files = std::fs::read_dir(entry.path()).into_iter().flatten().flatten();
        let count = files.filter(|file| file.path().extension().is_some_and(|ending| ending == "parquet")).count();
        if count > 0 {
            folders.insert(entry.file_name().to_string_lossy().into_owned(), count);
        }
    }
    folders
}

/// How many trips have each payment type.
fn trips_by_payment(
    frame: &taskloom::DataFrame,
) -> std::result::Result<std::collections::BTreeMap<i64, i64>, taskloom::BoxError> {
    use taskloom::polars::prelude::DataType;
    let counts = frame.groupby("payment_type").size().compute()?;
    let types = counts.column("payment_type")?.cast(&DataType::Int64)?;
    let sizes = counts.column("size")?.cast(&DataType::Int64)?;
    Ok(types.i64()?.iter().zip(sizes.i64()?.iter()).filter_map(|(kind, size)| Some((kind?, size?))).collect())
}

check!("A folder for each payment type, with its trips", 1, {
    let folder = scratch("by-payment");
    let expected = trips_by_payment(&trips)?;
    let folders = payment_folders(&folder);
    for kind in expected.keys() {
        let name = format!("payment_type={kind}");
        ensure!(
            folders.contains_key(&name),
            "The folder {name} was expected in {folder}, and there are: {}. `partition_on([\"payment_type\"])` makes \
             them.",
            if folders.is_empty() { "none".to_owned() } else { folders.keys().cloned().collect::<Vec<_>>().join(", ") }
        );
    }
    let stored = taskloom::prelude::read_parquet(folder.clone())?;
    let came = trips_by_payment(&stored)?;
    for (kind, expected) in expected {
        let came = came.get(&kind).copied().unwrap_or(0);
        ensure!(
            came == expected,
            "Payment type {kind}: {expected} trips were expected and {came} are stored. {}",
            if came > expected {
                "`overwrite(true)` replaces what an earlier run has left."
            } else {
                "Is the frame that is written all of `trips`?"
            }
        );
    }
});

check!("One file in each folder", 2, {
    let folder = scratch("by-payment");
    let folders = payment_folders(&folder);
    ensure!(!folders.is_empty(), "There are no folders in {folder} yet: see the check above.");
    let files: usize = folders.values().sum();
    let fullest = folders.iter().max_by_key(|folder| folder.1);
    let (name, most) = fullest.map(|(name, count)| (name.clone(), *count)).unwrap_or_default();
    ensure!(
        files <= folders.len(),
        "{files} files are in {} folders; {name} alone has {most}. Each partition of the frame writes a file of its \
         own into each folder for which it has rows. Bring the rows of a payment type together before you write: \
         `shuffle` by that column, or `repartition(1)`.",
        folders.len()
    );
});
