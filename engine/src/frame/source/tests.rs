//! Lines of JSON and Arrow's IPC files.

use polars::prelude::{DataFrame as Rows, DataType, IntoLazy, PlSmallStr, df};

use super::ndjson::{self, JsonOptions};
use super::{Paths, Source, ipc};
use crate::frame::DataFrame;
use crate::task::{Made, Pack, Packer, Unpacker};

fn all(source: &Made<dyn Source>) -> Rows {
    let mut parts =
        (0..source.npartitions()).map(|part| source.read(part, None, None).unwrap_or_else(|error| panic!("{error}")));
    let mut all = parts.next().expect("there is a partition");
    parts.for_each(|part| {
        all.vstack_mut(&part).expect("the columns are the same");
    });
    all
}

/// The same source as another process has it.
fn sent(source: &Made<dyn Source>) -> Made<dyn Source> {
    let mut packer = Packer::default();
    source.pack(&mut packer).expect("it is written");
    let (bytes, codes) = packer.into_parts();
    Made::unpack(&mut Unpacker::new(&bytes, &codes, Vec::new())).expect("it is read")
}

fn rows(count: i64) -> Rows {
    let numbers: Vec<i64> = (0..count).collect();
    let texts: Vec<Option<String>> = (0..count).map(|n| (n % 5 > 0).then(|| format!("\"t\\{n}\"\n"))).collect();
    let halves: Vec<f64> = (0..count).map(|n| n as f64 / 2.0).collect();
    df!("n" => numbers, "text" => texts, "half" => halves).expect("rows")
}

#[test]
fn lines_of_json_are_read_in_blocks_of_any_size() {
    let folder = tempfile::tempdir().expect("a folder");
    DataFrame::from_polars(rows(200), 2).to_json(folder.path().join("a-*.jsonl")).expect("it is written");
    for size in [1, 10, 100, 1000, 100_000] {
        let source =
            ndjson::open(&Paths::from(folder.path()), &JsonOptions::new().blocksize(size)).expect("it is opened");
        assert!(all(&source).equals_missing(&rows(200)), "{size}");
        assert!(all(&sent(&source)).equals_missing(&rows(200)), "{size}");
        let some: Vec<PlSmallStr> = vec!["half".into()];
        let part = source.read(0, Some(&some), None).expect("it is read");
        assert_eq!(part.get_column_names(), ["half"]);
        let none: usize = (0..source.npartitions())
            .map(|part| source.read(part, Some(&[]), None).expect("it is read").height())
            .sum();
        assert_eq!(none, 200, "{size}");
    }
    let packed = folder.path().join("p-*.json.gz");
    DataFrame::from_polars(rows(50), 1).to_json(&packed).expect("it is written");
    assert!(
        all(&ndjson::open(&Paths::from(packed), &JsonOptions::new()).expect("it is opened")).equals_missing(&rows(50))
    );
}

#[test]
fn wrong_lines_of_json_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let wrong = |name: &str, text: &str, options: &JsonOptions| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("it is written");
        let source = ndjson::open(&Paths::from(&path), options);
        let error = source
            .and_then(|source| (0..source.npartitions()).try_for_each(|part| source.read(part, None, None).map(drop)));
        error.expect_err("it is wrong").to_string().replace(&format!("{}/", folder.path().display()), "")
    };
    let small = JsonOptions::new().sample(20).blocksize(40);
    let text = format!("{}{{\"a\": \"x\", \"b\": 1}}\n", "{\"a\": 1, \"b\": 2}\n".repeat(20));
    let error = wrong("a.jsonl", &text, &small);
    assert!(
        error.starts_with(
            "a.jsonl, line 21: column `a` is, from a sample or as it was said, i64, and that does not fit"
        ),
        "{error}"
    );
    let error = wrong("b.jsonl", "{\"a\": 1}\n{\"a\": 1\n", &JsonOptions::new());
    assert!(error.starts_with("b.jsonl, line 2: "), "{error}");
    let error = wrong("c.json", "[{\"a\": 1}]\n", &JsonOptions::new());
    assert_eq!(error, "c.json is one array of JSON, and what is read here has an object in each line");
    assert_eq!(wrong("d.json", "\n\n", &JsonOptions::new()), "d.json is empty: it has no lines");
    let error = wrong("e.json", "{\"name\": 1}\n", &JsonOptions::new().dtype("nmae", DataType::Int32));
    assert!(error.ends_with("is `name` meant?"), "{error}");
}

#[test]
fn ipc_files_are_read_by_batches() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, compression) in [("plain", "none"), ("lz4", "lz4"), ("zstd", "zstd")] {
        let place = folder.path().join(name);
        let frame = DataFrame::from_polars(rows(300), 3);
        frame.to_ipc_with(&place, &crate::frame::ToIpc::new().compression(compression)).expect("it is written");
        let source = ipc::open(&Paths::from(&place)).expect("it is opened");
        assert_eq!((source.npartitions(), source.rows(1)), (3, Some(100)));
        assert!(all(&source).equals_missing(&rows(300)));
        assert!(all(&sent(&source)).equals_missing(&rows(300)));
        let some: Vec<PlSmallStr> = vec!["half".into(), "n".into()];
        let part = source.read(2, Some(&some), None).expect("it is read");
        let expected =
            rows(300).lazy().slice(200, 100).select([polars::prelude::col("n"), polars::prelude::col("half")]);
        assert!(part.equals_missing(&expected.collect().expect("it runs")), "{part}");
        assert_eq!(source.read(2, Some(&[]), None).expect("it is read").height(), 100);
    }
}

#[test]
fn damaged_bytes_are_errors_or_other_values() {
    let folder = tempfile::tempdir().expect("a folder");
    let frame = DataFrame::from_polars(rows(100), 1);
    let [json, arrow] = ["a.jsonl", "a.arrow"].map(|name| folder.path().join(name));
    frame.to_json(&json).expect("it is written");
    frame.to_ipc_with(&arrow, &crate::frame::ToIpc::new().compression("lz4")).expect("it is written");
    let mut state = 1_u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for path in [json, arrow] {
        let bytes = std::fs::read(&path).expect("it is read");
        let mut refused = 0;
        for _ in 0..300 {
            let mut bytes = bytes.clone();
            for _ in 0..1 + random(3) {
                let at = random(bytes.len());
                match random(6) {
                    0 => bytes.truncate(at.max(1)),
                    1..4 => bytes[at] ^= 1 << random(8),
                    _ => bytes[at] = random(256) as u8,
                }
            }
            std::fs::write(&path, &bytes).expect("it is written");
            let source = match path.extension().is_some_and(|ending| ending == "arrow") {
                true => ipc::open(&Paths::from(&path)),
                false => ndjson::open(&Paths::from(&path), &JsonOptions::new().blocksize(1000)),
            };
            let read = source.and_then(|source| {
                (0..source.npartitions()).try_for_each(|part| source.read(part, None, None).map(drop))
            });
            if let Err(error) = read {
                assert!(error.to_string().contains("a."), "{error}");
                refused += 1;
            }
        }
        assert!(refused > 50, "{refused}");
    }
}
