/// The rows of a group in a Parquet file.
const GROUP: u64 = 1 << 19;

/// A column of money or miles.
fn hundredths(name: &str, trips: &[Trip], of: impl Fn(&Trip) -> i32) -> Column {
    if trips.iter().any(|trip| of(trip) == NO_MONEY) {
        let value =
            |trip: &Trip| Some(of(trip)).filter(|&value| value != NO_MONEY).map(|value| f64::from(value) / 100.0);
        return Column::new(name.into(), trips.iter().map(value).collect::<Vec<Option<f64>>>());
    }
    Column::new(name.into(), trips.iter().map(|trip| f64::from(of(trip)) / 100.0).collect::<Vec<f64>>())
}

fn whole(name: &str, trips: &[Trip], of: impl Fn(&Trip) -> i64) -> Column {
    Column::new(name.into(), trips.iter().map(of).collect::<Vec<i64>>())
}

/// A column of small numbers, some of which are missing: floats, as pandas had them.
fn count(name: &str, trips: &[Trip], of: impl Fn(&Trip) -> u8) -> Column {
    let value = |trip: &Trip| Some(of(trip)).filter(|&value| value != NO_COUNT).map(f64::from);
    Column::new(name.into(), trips.iter().map(value).collect::<Vec<Option<f64>>>())
}

fn time(name: &str, trips: &[Trip], of: impl Fn(&Trip) -> i64) -> PolarsResult<Column> {
    whole(name, trips, |trip| of(trip) * 1_000_000).cast(&DataType::Datetime(TimeUnit::Microseconds, None))
}

fn frame(trips: &[Trip]) -> PolarsResult<DataFrame> {
    let stored = |trip: &Trip| match trip.stored {
        b'Y' => Some("Y"),
        b'N' => Some("N"),
        _ => None,
    };
    let columns = vec![
        whole("VendorID", trips, |trip| trip.vendor.into()),
        time("tpep_pickup_datetime", trips, |trip| trip.pickup)?,
        time("tpep_dropoff_datetime", trips, |trip| trip.dropoff)?,
        count("passenger_count", trips, |trip| trip.passengers),
        hundredths("trip_distance", trips, |trip| trip.distance),
        count("RatecodeID", trips, |trip| trip.rate),
        Column::new("store_and_fwd_flag".into(), trips.iter().map(stored).collect::<Vec<Option<&str>>>()),
        whole("PULocationID", trips, |trip| trip.from.into()),
        whole("DOLocationID", trips, |trip| trip.to.into()),
        whole("payment_type", trips, |trip| trip.payment.into()),
        hundredths("fare_amount", trips, |trip| trip.fare),
        hundredths("extra", trips, |trip| trip.extra),
        hundredths("mta_tax", trips, |trip| trip.tax),
        hundredths("tip_amount", trips, |trip| trip.tip),
        hundredths("tolls_amount", trips, |trip| trip.tolls),
        hundredths("improvement_surcharge", trips, |trip| trip.improvement),
        hundredths("total_amount", trips, |trip| trip.total),
        hundredths("congestion_surcharge", trips, |trip| trip.congestion),
        Column::full_null("airport_fee".into(), trips.len(), &DataType::Float64),
    ];
    DataFrame::new(trips.len(), columns)
}

fn parquet(path: &Path) -> PolarsResult<ParquetWriter<BufWriter<File>>> {
    // Threads write a file each, so that columns need none of their own.
    let writer = ParquetWriter::new(BufWriter::new(File::create(path)?)).set_parallel(false);
    Ok(writer.with_compression(ParquetCompression::Snappy).with_row_group_size(Some(GROUP as usize)))
}

/// The path without the ending of a month's files.
fn stem(month: usize) -> String {
    format!("yellow_tripdata_{YEAR}-{:02}", month + 1)
}

/// Makes the files of a month, a group of rows at a time.
fn write_month(city: &City, month: &Month, folder: &Path) -> PolarsResult<()> {
    let stem = stem(month.month);
    let mut text = HEADER.as_bytes().to_vec();
    let mut csv = if CSV { Some(File::create(folder.join(format!("{stem}.csv")))?) } else { None };
    let mut groups = None;
    let (mut hour, mut row) = (0, 0);
    let mut trips = Vec::with_capacity(month.trips().min(GROUP) as usize);
    while row < month.trips() {
        trips.clear();
        while row < month.trips() && trips.len() < GROUP as usize {
            while month.before[hour + 1] <= row {
                hour += 1;
            }
            trips.push(city.trip(month, hour, row));
            row += 1;
        }
        if PARQUET {
            let frame = frame(&trips)?;
            if groups.is_none() {
                groups = Some(parquet(&folder.join(format!("{stem}.parquet")))?.batched(frame.schema())?);
            }
            groups.as_mut().expect("made above").write_batch(&frame)?;
        }
        if let Some(csv) = &mut csv {
            for trip in &trips {
                trip.push_line(&mut text);
                if text.len() > 1 << 20 {
                    csv.write_all(&text)?;
                    text.clear();
                }
            }
            csv.write_all(&text)?;
            text.clear();
        }
    }
    if let Some(groups) = groups {
        groups.finish()?;
    }
    Ok(())
}

/// The table of the zones, in a folder of its own: `*.csv` means trips.
fn write_zones(folder: &Path) -> PolarsResult<()> {
    let mut text = "LocationID,Borough,Zone,service_zone\n".to_owned();
    for (number, zone) in (1..).zip(zones()) {
        text += &format!("{number},{},{},{}\n", zone.borough(), zone.name, zone.service());
    }
    let folder = folder.join("zones");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("taxi_zone_lookup.csv"), text)?;
    Ok(())
}

/// Makes all files, on all cores.
fn write_year(folder: &Path, trips: u64) -> PolarsResult<()> {
    write_zones(folder)?;
    let (city, months) = (City::new(), months(trips));
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(month) = months.get(next.fetch_add(1, Ordering::Relaxed)) {
            write_month(&city, month, folder)?;
        }
        Ok(())
    };
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get()).min(12);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("making trips up does not panic"))
    })
}
