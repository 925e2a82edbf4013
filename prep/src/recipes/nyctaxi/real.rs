/// A column of the files of 2019: its name, its type, and what it has been called before.
type Known = (&'static str, DataType, &'static [&'static str]);

fn known() -> Vec<Known> {
    let time = DataType::Datetime(TimeUnit::Microseconds, None);
    vec![
        ("VendorID", DataType::Int64, &["vendor_id", "vendor_name"]),
        ("tpep_pickup_datetime", time.clone(), &["pickup_datetime", "trip_pickup_datetime"]),
        ("tpep_dropoff_datetime", time, &["dropoff_datetime", "trip_dropoff_datetime"]),
        ("passenger_count", DataType::Float64, &[]),
        ("trip_distance", DataType::Float64, &[]),
        ("RatecodeID", DataType::Float64, &["rate_code", "rate_code_id"]),
        ("store_and_fwd_flag", DataType::String, &["store_and_forward"]),
        ("PULocationID", DataType::Int64, &["pickup_location_id"]),
        ("DOLocationID", DataType::Int64, &["dropoff_location_id"]),
        ("payment_type", DataType::Int64, &[]),
        ("fare_amount", DataType::Float64, &["fare_amt"]),
        ("extra", DataType::Float64, &["surcharge"]),
        ("mta_tax", DataType::Float64, &[]),
        ("tip_amount", DataType::Float64, &["tip_amt"]),
        ("tolls_amount", DataType::Float64, &["tolls_amt"]),
        ("improvement_surcharge", DataType::Float64, &[]),
        ("total_amount", DataType::Float64, &["total_amt"]),
        ("congestion_surcharge", DataType::Float64, &[]),
        ("airport_fee", DataType::Float64, &[]),
    ]
}

/// The words that vendors and kinds of payment once were.
fn numbered(column: &str, word: &str) -> Option<i64> {
    match (column, word.trim().to_ascii_lowercase().as_str()) {
        ("VendorID", "cmt") => Some(1),
        ("VendorID", "vts") => Some(2),
        ("VendorID", "dds") => Some(3),
        ("payment_type", "crd" | "cre" | "credit") => Some(1),
        ("payment_type", "csh" | "cas" | "cash") => Some(2),
        ("payment_type", "noc" | "no" | "no charge") => Some(3),
        ("payment_type", "dis" | "dispute") => Some(4),
        ("payment_type", "unk" | "na") => Some(5),
        (_, word) => word.parse().ok().or_else(|| word.parse::<f64>().ok().map(|number| number as i64)),
    }
}

fn times(texts: &Column) -> PolarsResult<Column> {
    let options = StrptimeOptions { strict: false, ..StrptimeOptions::default() };
    let parsed = |format: Option<&str>| {
        let options = StrptimeOptions { format: format.map(Into::into), ..options.clone() };
        col(texts.name().clone()).str().to_datetime(Some(TimeUnit::Microseconds), None, options, lit("raise"))
    };
    let frame = DataFrame::new(texts.len(), vec![texts.clone()])?.lazy();
    // The second is that of the city's own portal.
    let either = coalesce(&[parsed(Some("%Y-%m-%d %H:%M:%S")), parsed(Some("%m/%d/%Y %I:%M:%S %p"))]);
    Ok(frame.select([either]).collect()?.column(texts.name())?.clone())
}

/// The columns of 2019, from those of any year.
fn as_of_2019(found: &DataFrame) -> PolarsResult<DataFrame> {
    let plain = |name: &str| name.trim().to_ascii_lowercase();
    let mut columns = Vec::new();
    for (name, kind, before) in known() {
        let is_it = |other: &str| plain(other) == plain(name) || before.contains(&plain(other).as_str());
        let column = found.columns().iter().find(|column| is_it(column.name()));
        let column = match column {
            None if name.ends_with("LocationID") => Column::new(name.into(), vec![264_i64; found.height()]),
            None => Column::full_null(name.into(), found.height(), &kind),
            Some(column) if column.dtype() == &DataType::String && kind == DataType::Int64 => {
                let number = |word: Option<&str>| word.and_then(|word| numbered(name, word));
                Column::new(name.into(), column.str()?.iter().map(number).collect::<Vec<_>>())
            }
            Some(column) if column.dtype() == &DataType::String && kind != DataType::String => match kind {
                DataType::Datetime(..) => times(column)?,
                _ => column.cast(&kind)?,
            },
            Some(column) => column.cast(&kind)?,
        };
        columns.push(column.with_name(name.into()));
    }
    DataFrame::new(found.height(), columns)
}

/// What says that a file holds no trips.
fn check(found: &DataFrame, path: &Path) -> PolarsResult<()> {
    let has = |name: &str| found.get_column_names().iter().any(|other| other.to_ascii_lowercase().contains(name));
    match has("pickup") && has("fare") {
        true => Ok(()),
        false => Err(polars_err!(
            ComputeError: "{} has no columns of times and fares: is it a file of yellow-taxi trips? It has: {:?}",
            path.display(), found.get_column_names()
        )),
    }
}

fn write_frame(frame: &mut DataFrame, folder: &Path, stem: &str) -> PolarsResult<()> {
    parquet(&folder.join(format!("{stem}.parquet")))?.finish(frame)?;
    if CSV {
        let mut csv = frame.drop("airport_fee")?;
        for name in ["passenger_count", "RatecodeID"] {
            let whole = csv.column(name)?.cast(&DataType::Int64)?;
            csv.with_column(whole)?;
        }
        let out = BufWriter::new(File::create(folder.join(format!("{stem}.csv")))?);
        CsvWriter::new(out).with_datetime_format(Some("%Y-%m-%d %H:%M:%S".into())).finish(&mut csv)?;
    }
    Ok(())
}

/// Takes the files of a folder, one after another.
fn write_real(from: &Path, folder: &Path) -> PolarsResult<()> {
    write_zones(folder)?;
    let mut files = Vec::new();
    for entry in std::fs::read_dir(from)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let stem = [".parquet", ".csv", ".csv.gz"].iter().find_map(|ending| name.strip_suffix(ending));
        if let Some(stem) = stem.filter(|stem| !stem.contains("zone")) {
            files.push((stem.to_owned(), path));
        }
    }
    files.sort();
    if let Some(pair) = files.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        let (one, two) = (pair[0].1.display(), pair[1].1.display());
        return Err(polars_err!(ComputeError: "{one} and {two} are the same trips twice: move one of them away"));
    }
    if files.is_empty() {
        let text = "holds no file that ends with .parquet, .csv or .csv.gz";
        return Err(polars_err!(ComputeError: "{} {text}", from.display()));
    }
    for (stem, path) in files {
        let found = match path.extension().is_some_and(|ending| ending == "parquet") {
            true => ParquetReader::new(File::open(&path)?).finish()?,
            // Texts first: a column's type differs between the files, and within some.
            false => CsvReadOptions::default()
                .with_infer_schema_length(Some(0))
                .try_into_reader_with_file_path(Some(path.clone()))?
                .finish()?,
        };
        check(&found, &path)?;
        write_frame(&mut as_of_2019(&found)?, folder, &stem)?;
    }
    Ok(())
}
