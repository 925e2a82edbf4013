/// The files below the ledger, with their bytes.
fn ledger_files(folder: &std::path::Path, files: &mut std::collections::BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            ledger_files(&path, files);
        } else {
            files.insert(path.display().to_string(), std::fs::read(&path).unwrap_or_default());
        }
    }
}

/// How many rows the CSV files of some months have.
fn month_rows(months: &[u32]) -> std::result::Result<usize, taskloom::BoxError> {
    let mut rows = 0;
    for &month in months {
        rows += taskloom::prelude::read_csv(month_csv(month))?.len()?;
    }
    Ok(rows)
}

/// An empty ledger, filled with these months, one after the other; the rows that it holds then, and its files.
fn filled(
    months: &[u32],
    store: &dyn Fn(u32) -> std::result::Result<(), String>,
) -> std::result::Result<(usize, std::collections::BTreeMap<String, Vec<u8>>), taskloom::BoxError> {
    let folder = scratch("ledger");
    let _ = std::fs::remove_dir_all(&folder);
    for &month in months {
        store(month).map_err(|error| format!("`store_month({month})` failed, in the order {months:?}: {error}"))?;
    }
    let ledger = taskloom::prelude::read_parquet(folder.clone());
    let ledger = ledger.map_err(|error| {
        format!("After the months {months:?}, `read_parquet({folder:?})` fails: {error}. Everything is to be in \
        `scratch(\"ledger\")` or below.")
    })?;
    let mut files = std::collections::BTreeMap::new();
    ledger_files(folder.as_ref(), &mut files);
    Ok((ledger.len()?, files))
}

check!("Two months are stored", 1, {
    let store = |month: u32| store_month(month).map(|_| ()).map_err(|error| error.to_string());
    let (came, _) = filled(&[1, 2], &store)?;
    let expected = month_rows(&[1, 2])?;
    let last = month_rows(&[2])?;
    ensure!(
        came == expected,
        "After January and February, {expected} rows were expected, and {came} are in the ledger. {}",
        if came == last {
            "February has replaced January: `overwrite` replaces all files of the folder, so each month wants a \
             folder of its own."
        } else {
            "Does each month store all of its rows?"
        }
    );
});

check!("A month that is stored twice is there once", 2, {
    let store = |month: u32| store_month(month).map(|_| ()).map_err(|error| error.to_string());
    let (came, _) = filled(&[1, 2, 1], &store)?;
    let expected = month_rows(&[1, 2])?;
    ensure!(
        came == expected,
        "January, February, and January once more: {expected} rows were expected, and {came} are in the ledger. {}",
        if came > expected {
            "January is there twice: `append` cannot know that these rows have come before. Replace what the month \
             has written."
        } else {
            "What the second January replaced was more than the first one."
        }
    );
});

check!("Other months are not touched", 1, {
    let store = |month: u32| store_month(month).map(|_| ()).map_err(|error| error.to_string());
    let (_, before) = filled(&[1, 2], &store)?;
    let folder = scratch("ledger");
    let written: std::collections::BTreeMap<_, _> =
        before.keys().filter_map(|path| Some((path.clone(), std::fs::metadata(path).ok()?.modified().ok()?))).collect();
    std::thread::sleep(std::time::Duration::from_millis(20));
    store(3)?;
    let mut after = std::collections::BTreeMap::new();
    ledger_files(folder.as_ref(), &mut after);
    let changed = before.iter().find(|(path, bytes)| {
        let again = std::fs::metadata(path).and_then(|about| about.modified()).ok();
        after.get(*path) != Some(*bytes) || again.as_ref() != written.get(*path)
    });
    ensure!(
        changed.is_none(),
        "March was stored, and {} was written anew or is gone. With years in the ledger, each month would write all of \
         them: write only this month's files.",
        changed.map_or("", |(path, _)| path)
    );
    ensure!(after.len() > before.len(), "March was stored, and no file has come: where did its rows go?");
});
