use super::*;

#[test]
fn rows_are_shared_in_proportion_and_to_the_last_one() {
    assert_eq!(MONTH_ROWS.iter().sum::<u64>(), REAL_ROWS);
    assert_eq!(Flights::new("x").quotas().unwrap(), MONTH_ROWS);
    for rows in [12, 13, 14, 23, 24, 100, 1_000, 9_999, 336_775, 336_776, 1_000_000] {
        let quotas = Flights::new("x").rows(rows).quotas().unwrap();
        assert_eq!(quotas.iter().sum::<u64>(), rows as u64, "{rows} rows");
        assert!(quotas.iter().all(|&quota| quota > 0), "{rows} rows: {quotas:?}");
        if rows as u64 <= REAL_ROWS {
            assert!(quotas.iter().zip(MONTH_ROWS).all(|(&quota, real)| quota <= real), "{rows} rows: {quotas:?}");
        }
    }
    assert_eq!(Flights::new("x").rows(336_776).quotas().unwrap(), MONTH_ROWS);
    let error = Flights::new("x").rows(11).quotas().unwrap_err();
    assert!(error.to_string().contains("at least 12"), "{error}");
}

#[test]
fn numbers_are_grouped() {
    assert_eq!(grouped(7), "7");
    assert_eq!(grouped(999), "999");
    assert_eq!(grouped(1_000), "1,000");
    assert_eq!(grouped(336_776), "336,776");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_one_clear_sentence() {
    use std::io::Write as _;
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let error = { &full }.write_all(b"x").unwrap_err();
    let error = PrepError::file("written", Path::new("data/.flights-staging-x1/flights/2013-01.csv"), error);
    assert!(matches!(error, PrepError::DiskFull { .. }));
    let text = error.to_string();
    assert!(text.starts_with("The disk that holds data is full."), "{text}");
}

#[cfg(unix)]
#[test]
fn a_pip_that_never_ends_is_stopped() {
    let bench = tempfile::tempdir().unwrap();
    let python = bench.path().join("python3");
    std::os::unix::fs::symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fake-python"), &python).unwrap();
    std::fs::write(bench.path().join("slow"), "3").unwrap();
    let data = bench.path().join("data");
    let flights = Flights::new(&data).python(python).rows(24).patience(Duration::from_millis(50));
    let made = flights.prepare(&mut |_| {}).unwrap();
    let Source::Synthetic { reason } = made.source else { panic!("expected synthetic flights") };
    assert!(reason.contains("had not finished"), "{reason}");
    let left: Vec<_> = std::fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == "flights" || name == ".flights.lock"), "{left:?}");
}
