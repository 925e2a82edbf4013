use taskloom::polars::prelude::{col as lookup_col, lit as lookup_lit};

/// The row groups of the stored trips: how many rows each has, and the least and the greatest zone in it.
fn zone_groups(folder: &str) -> std::result::Result<Vec<(usize, i64, i64)>, taskloom::BoxError> {
    // So small are the partitions that each is a row group.
    let options = taskloom::dataframe::ParquetOptions::new().partition_bytes(1);
    let stored = taskloom::dataframe::read_parquet_with(folder.to_owned(), &options)?;
    let zones = stored.select([lookup_col("PULocationID").cast(taskloom::polars::prelude::DataType::Int64)]);
    let mut groups = Vec::new();
    for part in zones.to_delayed().iter().map(taskloom::Delayed::compute) {
        let part = part?;
        let zones = part.column("PULocationID")?.i64()?;
        let ends = zones.iter().flatten().fold((i64::MAX, i64::MIN), |ends, zone| (ends.0.min(zone), ends.1.max(zone)));
        groups.push((zones.len(), ends.0, ends.1));
    }
    Ok(groups)
}

/// What was stored; or, where there is nothing, what to do about it.
fn stored_trips(folder: &str) -> std::result::Result<taskloom::DataFrame, String> {
    let stored = taskloom::prelude::read_parquet(folder.to_owned());
    stored.map_err(|error| format!("{folder} cannot be read: {error}. Has `to_parquet_with` run, with this folder?"))
}

check!("All trips are there", 1, {
    let stored = stored_trips(&scratch("by-zone"))?;
    let (came, expected) = (stored.len()?, trips.len()?);
    ensure!(
        came == expected,
        "{expected} trips were expected and {came} are stored. {}",
        if came > expected {
            "Does the cell add to what is there? `overwrite(true)` replaces it."
        } else {
            "A filter too many?"
        }
    );
    ensure!(
        stored.columns().len() == trips.columns().len(),
        "{} columns were expected and {} came: all of them are to be kept.",
        trips.columns().len(),
        stored.columns().len()
    );
    let tips = |frame: &taskloom::DataFrame| frame.select([lookup_col("tip_amount")]);
    let sum = |frame: &taskloom::DataFrame| -> std::result::Result<f64, taskloom::BoxError> {
        let rows = tips(frame).compute()?;
        Ok(rows.column("tip_amount")?.f64()?.iter().flatten().sum())
    };
    let (came, expected) = (sum(&stored)?, sum(&trips)?);
    ensure!(
        (came - expected).abs() < 1e-6 * expected.abs().max(1.0),
        "The tips of the stored trips are {came:.2} in all, and {expected:.2} were expected: are some trips there \
         twice?"
    );
});

check!("Who asks for one zone reads little", 2, {
    let folder = scratch("by-zone");
    stored_trips(&folder)?;
    let groups = zone_groups(&folder)?;
    let all: usize = groups.iter().map(|group| group.0).sum();
    // Three zones at different places of the list, the airport among them.
    let read = |zone: i64| -> usize {
        groups.iter().filter(|group| group.1 <= zone && zone <= group.2).map(|group| group.0).sum()
    };
    let have = |zone: i64| -> std::result::Result<usize, taskloom::BoxError> {
        let there = trips.filter(lookup_col("PULocationID").eq(lookup_lit(zone)));
        Ok(there.select([lookup_col("PULocationID")]).compute()?.height())
    };
    for zone in [138, 48, 237] {
        let (read, have) = (read(zone), have(zone)?);
        let advice = if groups.len() < 4 {
            "There are so few row groups that a reader has next to no choice: make them smaller, by `row_group_size`"
        } else if 2 * read > all {
            "The zone may be in most row groups, since each has low and high numbers in it: sort by `PULocationID` \
             before writing"
        } else {
            "The row groups are large for so few rows: make them smaller, by `row_group_size`"
        };
        ensure!(
            read <= have + all / 8,
            "Zone {zone} has {have} trips, and {read} of {all} rows have to be unpacked to find them, in {} of {} row \
             groups. {advice}.",
            groups.iter().filter(|group| group.1 <= zone && zone <= group.2).count(),
            groups.len()
        );
    }
    ensure!(
        groups.len() <= 5_000 && all / groups.len() >= 20,
        "There are {} row groups of some {} rows each. That is so fine that the reading takes longer than the \
         unpacking: some thousands of rows are enough.",
        groups.len(),
        all / groups.len()
    );
});
