//! Bags of files: lines however they are cut and compressed, JSON however it is broken.

use std::io::Write;
use std::path::Path;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use taskloom::bag::TextOptions;
use taskloom::prelude::*;
use taskloom::serde_json::{Value, json};
use taskloom::travel::{Parcel, objects::Objects};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lines_are_those_of_the_text(
        lines in prop::collection::vec("[a-zé ]{0,12}\r?", 0..30),
        ends in any::<bool>(),
        block in 1_u64..40,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut text = lines.join("\n");
        if ends { text.push('\n'); }
        let expected: Vec<String> = text.lines().map(str::to_owned).collect();
        let plain = folder.path().join("a.txt");
        std::fs::write(&plain, &text).unwrap();
        let cut = Bag::read_text_with(&plain, &TextOptions::new().blocksize(block)).unwrap();
        prop_assert_eq!(cut.npartitions() as u64, (text.len() as u64).div_ceil(block).max(1));
        prop_assert_eq!(cut.compute().unwrap(), expected.clone());
        prop_assert_eq!(cut.compute_with(Scheduler::Sync).unwrap(), expected.clone());
        let bytes = Parcel::pack(&(&cut,)).unwrap().to_bytes();
        let parts = Parcel::from_bytes(&bytes).unwrap().compute(&Objects::new(), Scheduler::Sync).unwrap();
        prop_assert_eq!(cut.decode(&parts).unwrap(), expected.clone());
        // Two members of gzip are one file, as `cat` makes it.
        let half = text.len() / 2;
        let packed = folder.path().join("a.gz");
        std::fs::write(&packed, [gzip(&text.as_bytes()[..half]), gzip(&text.as_bytes()[half..])].concat()).unwrap();
        prop_assert_eq!(Bag::read_text(&packed).unwrap().compute().unwrap(), expected.clone());
        std::fs::write(&packed, zstd::encode_all(text.as_bytes(), 1).unwrap()).unwrap();
        prop_assert_eq!(Bag::read_text(&packed).unwrap().compute().unwrap(), expected);
    }

    #[test]
    fn broken_bytes_are_an_error_or_the_truth(at in 0_usize..2000, change in any::<u8>(), cut in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let rows: String = (0..40).map(|n| format!("{{\"n\": {n}, \"name\": \"é{n}\"}}\n")).collect();
        let expected: Vec<i64> = (0..40).collect();
        let mut packed = gzip(rows.as_bytes());
        let place = at % packed.len();
        if cut { packed.truncate(place) } else { packed[place] ^= change }
        let path = folder.path().join("a.json.gz");
        std::fs::write(&path, &packed).unwrap();
        let read = Bag::read_json_lines(&path).and_then(|bag| bag.map(|row| row["n"].as_i64().unwrap_or(-1)).compute());
        match read {
            // The check sum is of all; what is in the header is not part of it.
            Ok(numbers) => prop_assert!(numbers == expected || (cut && place == 0), "{numbers:?}"),
            Err(error) => prop_assert!(error.to_string().contains("a.json.gz"), "{error}"),
        }
        let mut plain = rows.into_bytes();
        let place = at % plain.len();
        if cut { plain.truncate(place) } else { plain[place] ^= change }
        let path = folder.path().join("b.json");
        std::fs::write(&path, &plain).unwrap();
        let line = plain[..place.min(plain.len())].iter().filter(|&&byte| byte == b'\n').count() + 1;
        if let Err(error) = Bag::read_json_lines_with(&path, &TextOptions::new().blocksize(300)).unwrap().map(|row: Value| row).compute() {
            let error = error.to_string();
            let near = [line.saturating_sub(1), line, line + 1].iter().any(|line| error.contains(&format!("b.json, line {line}")));
            prop_assert!(near, "{error} (line {line})");
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Account {
    id: u64,
    name: String,
    #[serde(default)]
    amounts: Vec<f64>,
}

fn account(id: u64) -> Account {
    Account { id, name: format!("n{id}"), amounts: vec![id as f64; (id % 3) as usize] }
}

#[test]
fn structs_go_out_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let bag = Bag::from_sequence((0..50).map(account), 4);
    for name in ["plain/*.json", "gzip/*.json.gz", "zstd/part-*.jsonl.zst"] {
        let files = bag.to_json_lines(folder.path().join(name)).unwrap();
        assert_eq!(files.len(), 4);
        let back: Bag<Account> = Bag::read_json_lines_as(folder.path().join(name)).unwrap();
        assert_eq!((back.npartitions(), back.compute().unwrap()), (4, bag.compute().unwrap()));
        let values = Bag::read_json_lines(folder.path().join(name)).unwrap();
        assert_eq!(values.pluck("name").take(2).unwrap(), ["n0", "n1"]);
        let totals = values.foldby(
            |row| row["id"].as_u64().unwrap_or(0) % 3,
            |sum: f64, row| {
                sum + row["amounts"].as_array().map_or(0.0, |all| all.iter().filter_map(Value::as_f64).sum())
            },
            0.0,
            |a, b| a + b,
        );
        let expected =
            |kind: u64| (0..50).map(account).filter(|a| a.id % 3 == kind).flat_map(|a| a.amounts).sum::<f64>();
        assert_eq!(totals.compute().unwrap(), [0, 1, 2].map(|kind| (kind, expected(kind))));
    }
    assert!(
        std::fs::read_dir(folder.path().join("gzip"))
            .unwrap()
            .all(|file| { !file.unwrap().file_name().to_string_lossy().contains("partial") })
    );
}

#[test]
fn structs_travel_once_they_are_registered() {
    taskloom::travel::register::<Account>();
    let bag = Bag::from_sequence((0..9).map(account), 2).filter(|account| account.id % 2 == 0);
    let groups = bag.groupby(|account| account.id % 3);
    let bytes = Parcel::pack(&(&bag, &groups)).unwrap().to_bytes();
    let parts = Parcel::from_bytes(&bytes).unwrap().compute(&Objects::new(), Scheduler::Sync).unwrap();
    assert_eq!(bag.decode(&parts[..2]).unwrap(), bag.compute().unwrap());
    assert_eq!(groups.decode(&parts[2..]).unwrap(), groups.compute().unwrap());
}

#[test]
fn errors_name_file_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    std::fs::write(&path, "{\"id\": 1, \"name\": \"x\"}\n\n{\"id\": -2, \"name\": \"x\"}\n").unwrap();
    let error = |bag: Bag<Account>| bag.compute().unwrap_err().to_string();
    let said = error(Bag::read_json_lines_as(&path).unwrap());
    assert!(
        said.contains(&format!("{}, line 3, column 9: invalid value: integer `-2`, expected u64", shown(&path))),
        "{said}"
    );
    let said = error(Bag::read_json_lines_with(&path, &TextOptions::new().blocksize(25)).unwrap());
    assert!(said.contains("a.json, line 3, column 9"), "{said}");
    let panics = Bag::read_json_lines(&path).unwrap().map(|row| row["id"].as_u64().unwrap());
    let said = panics.sum().compute().unwrap_err().to_string();
    assert!(said.contains(&format!("at item 1 of partition 0 ({}, line 3)", shown(&path))), "{said}");
    std::fs::write(&path, "[\n  {\"id\": 1}\n]\n").unwrap();
    let said = error(Bag::read_json_lines_as(&path).unwrap());
    assert!(said.contains("line 1") && said.contains("no JSON document"), "{said}");
    std::fs::write(&path, b"fine\nnot \xff fine\n").unwrap();
    let said = Bag::read_text(&path).unwrap().compute().unwrap_err().to_string();
    assert!(said.contains("a.json, line 2, column 5: it is not text in UTF-8"), "{said}");
    let lossy = Bag::read_text_with(&path, &TextOptions::new().lossy(true)).unwrap();
    assert_eq!(lossy.compute().unwrap(), ["fine", "not \u{fffd} fine"]);
    let said = Bag::read_text(folder.path().join("b.json")).unwrap_err().to_string();
    assert!(said.contains("b.json"), "{said}");
    std::fs::write(folder.path().join("c.gz"), &gzip(&[b'x'; 5000])[..20]).unwrap();
    let said = Bag::read_text(folder.path().join("c.gz")).unwrap().compute().unwrap_err().to_string();
    assert!(said.contains("c.gz (gzip)"), "{said}");
}

#[test]
fn a_write_that_fails_leaves_no_file_that_reads_as_whole() {
    let folder = tempfile::tempdir().unwrap();
    let bag = Bag::range(40, 2).map(|x| if x == 33 { panic!("no") } else { x });
    bag.to_textfiles(folder.path().join("*.txt.gz")).unwrap_err();
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == "0.txt.gz"), "{left:?}");
    let said = Bag::from_sequence(["a\nb"], 1).to_textfiles(folder.path().join("t")).unwrap_err().to_string();
    assert!(said.contains("line break") && !folder.path().join("t/0.part").exists(), "{said}");
    let said = Bag::range(1, 1).to_textfiles(folder.path().join("*/x*.txt")).unwrap_err().to_string();
    assert!(said.contains("not of a folder"), "{said}");
    let files = Bag::range(1, 1).to_textfiles(folder.path().join("plain")).unwrap();
    assert_eq!(files, [shown(&folder.path().join("plain/0.part"))]);
}

#[test]
fn object_stores_are_read_and_written() {
    let bag = Bag::from_sequence((0..30).map(account), 3);
    let files = bag.to_json_lines("memory://bags/accounts.*.json.gz").unwrap();
    assert_eq!(files.len(), 3);
    let back: Bag<Account> = Bag::read_json_lines_as("memory://bags/accounts.*.json.gz").unwrap();
    assert_eq!(back.compute().unwrap(), bag.compute().unwrap());
    Bag::from_sequence((0..300).map(|n| n.to_string()), 1).to_textfiles("memory://bags/text").unwrap();
    let cut = Bag::read_text_with("memory://bags/text/0.part", &TextOptions::new().blocksize(100)).unwrap();
    assert_eq!((cut.npartitions() > 5, cut.count().compute().unwrap()), (true, 300));
}

#[test]
fn values_keep_what_they_are() {
    let rows = [json!({"a": [1, 2.5, null, true, "é\n"], "b": {"c": {}}}), json!("text"), json!(-7), json!(null)];
    let folder = tempfile::tempdir().unwrap();
    let bag = Bag::from_sequence(rows.clone(), 2);
    bag.to_json_lines(folder.path()).unwrap();
    let back = Bag::read_json_lines(folder.path().join("*.json")).unwrap();
    assert_eq!(back.compute().unwrap(), rows);
    let bytes = Parcel::pack(&(&back,)).unwrap().to_bytes();
    let parts = Parcel::from_bytes(&bytes).unwrap().compute(&Objects::new(), Scheduler::Sync).unwrap();
    assert_eq!(back.decode(&parts).unwrap(), rows);
    assert_eq!(back.pluck("a").pluck(1).compute().unwrap(), [json!(2.5), json!(null), json!(null), json!(null)]);
}
