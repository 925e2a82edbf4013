//! Prepares taxi trips, with a stand-in for the session that runs their recipe; and accounts.

use std::fs;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use taskloom_prep::{Accounts, Recipe, Taxi};

fn listing(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The code that a session is asked to run, if it is.
fn code(taxi: &Taxi) -> Option<String> {
    let mut code = None;
    let run = &mut |recipe: &Recipe| {
        code = Some(recipe.code.clone());
        fs::create_dir(recipe.folder.join("zones")).map_err(|error| error.to_string())?;
        fs::write(recipe.folder.join("yellow_tripdata_2019-01.csv"), "x").map_err(|error| error.to_string())
    };
    let made = taxi.prepare(run, &mut |_| {}).unwrap();
    assert_eq!(made.fresh, code.is_some());
    code
}

#[test]
fn other_trips_are_made_anew() {
    let bench = tempfile::tempdir().unwrap();
    let taxi = Taxi::new(bench.path()).trips(100_000);
    let said = code(&taxi).unwrap();
    assert!(said.starts_with('{') && said.ends_with("}\n"));
    assert!(said.contains("write_year(Path::new(FOLDER), 100000)?;"));
    assert_eq!(code(&taxi), None);
    for other in [taxi.clone().seed(1), taxi.clone().year(2015), taxi.clone().trips(200_000), taxi.clone().csv(false)] {
        assert!(code(&other).is_some());
        assert_eq!(code(&other), None);
    }
    assert!(fs::read_to_string(bench.path().join("nyctaxi/SOURCE.txt")).unwrap().contains("SYNTHETIC"));
}

#[test]
fn real_trips_are_taken_from_their_folder() {
    let bench = tempfile::tempdir().unwrap();
    let real = bench.path().join("real \"files\"");
    fs::create_dir(&real).unwrap();
    fs::write(real.join("yellow_tripdata_2015-01.csv"), "x").unwrap();
    let taxi = Taxi::new(bench.path()).from(&real);
    let said = code(&taxi).unwrap();
    assert!(said.contains("write_real(Path::new(\"") && said.contains("real \\\"files\\\""));
    assert_eq!(code(&taxi), None);
    assert!(fs::read_to_string(bench.path().join("nyctaxi/SOURCE.txt")).unwrap().contains("REAL"));

    fs::write(real.join("yellow_tripdata_2015-02.csv"), "x").unwrap();
    assert!(code(&taxi).is_some(), "there is another file");
}

/// The text of a file of accounts, and what is to be known of its lines.
fn lines(path: &Path) -> Vec<String> {
    let mut text = String::new();
    GzDecoder::new(fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn accounts_are_people_with_transactions() {
    let bench = tempfile::tempdir().unwrap();
    let accounts = Accounts::new(bench.path()).records(1_000);
    let made = accounts.prepare(&mut |_| {}).unwrap();
    assert!(made.fresh && !accounts.prepare(&mut |_| {}).unwrap().fresh);
    let records: Vec<String> =
        (0..10).flat_map(|file| lines(&made.dir.join(format!("accounts.{file}.json.gz")))).collect();
    assert_eq!(records.len(), 1_000);
    let mut transactions = 0;
    for record in &records {
        assert!(record.starts_with("{\"id\": ") && record.ends_with("]}"), "{record}");
        assert_eq!(record.matches("\"transaction-id\"").count(), record.matches("\"amount\"").count());
        transactions += record.matches("\"amount\"").count();
    }
    assert!((1_000..20_000).contains(&transactions), "{transactions}");
    assert!(records.iter().any(|record| record.contains("\"name\": \"Alice\"")));
    assert!(records.iter().any(|record| record.contains("\"transactions\": []")));

    let mut rows = 0;
    for file in 0..3 {
        let text = fs::read_to_string(made.dir.join(format!("accounts.{file}.csv"))).unwrap();
        assert!(text.starts_with("id,names,amount\n"));
        rows += text.lines().count() - 1;
    }
    assert_eq!(rows, 4_000);
}

#[test]
fn accounts_follow_from_their_seed() {
    let texts = |seed| {
        let bench = tempfile::tempdir().unwrap();
        let made = Accounts::new(bench.path()).records(500).seed(seed).prepare(&mut |_| {}).unwrap();
        let mut names = listing(&made.dir);
        names.retain(|name| name.starts_with("accounts."));
        assert_eq!(names.len(), 13);
        let read = |name: &String| match name.ends_with(".gz") {
            true => lines(&made.dir.join(name)).concat(),
            false => fs::read_to_string(made.dir.join(name)).unwrap(),
        };
        names.iter().map(read).collect::<Vec<_>>()
    };
    assert_eq!(texts(1), texts(1));
    assert_ne!(texts(1), texts(2));
}

#[test]
fn no_room_says_so() {
    let error = Accounts::new("/dev/null/nowhere").prepare(&mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("/dev/null"), "{error}");
}
