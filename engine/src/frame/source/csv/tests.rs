use std::path::PathBuf;

use polars::prelude::{DataType, IntoLazy, PlSmallStr, SerReader, TimeUnit};

use super::super::Source;
use super::*;
use crate::frame::source::files::Paths;
use crate::task::Made;

struct Files(tempfile::TempDir);

impl Files {
    fn new(files: &[(&str, &[u8])]) -> Files {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, bytes) in files {
            std::fs::write(folder.path().join(name), bytes).expect("it is written");
        }
        Files(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn open(&self, name: &str, options: &CsvOptions) -> Made<dyn Source> {
        open(&Paths::from(self.path(name)), options).unwrap_or_else(|error| panic!("{error}"))
    }

    fn wrong(&self, name: &str, options: &CsvOptions) -> String {
        let path = format!("{}/", self.0.path().display());
        let error = match open(&Paths::from(self.path(name)), options) {
            Err(error) => error,
            Ok(source) => match (0..source.npartitions()).find_map(|part| source.read(part, None, None).err()) {
                Some(error) => error,
                None => panic!("{} is read", name),
            },
        };
        error.to_string().replace(&path, "")
    }
}

fn all(source: &Made<dyn Source>) -> polars::prelude::DataFrame {
    let mut parts =
        (0..source.npartitions()).map(|part| source.read(part, None, None).unwrap_or_else(|error| panic!("{error}")));
    let mut all = parts.next().expect("there is a partition");
    parts.for_each(|part| {
        all.vstack_mut(&part).expect("the columns are the same");
    });
    all
}

fn one(text: &str, options: &CsvOptions) -> polars::prelude::DataFrame {
    let files = Files::new(&[("a.csv", text.as_bytes())]);
    all(&files.open("a.csv", options))
}

fn shown(frame: &polars::prelude::DataFrame) -> String {
    let mut lines =
        vec![frame.schema().iter().map(|(name, dtype)| format!("{name}:{dtype}")).collect::<Vec<_>>().join(" ")];
    for row in 0..frame.height() {
        let cells = frame.columns().iter().map(|column| match column.get(row).expect("a row") {
            polars::prelude::AnyValue::Null => "·".to_owned(),
            value => value.str_value().into_owned(),
        });
        lines.push(cells.collect::<Vec<_>>().join("|"));
    }
    lines.join("\n")
}

#[test]
fn types_are_found_and_values_read() {
    let text = "a,b,c,d,e,f\r\n1,1.5,x,true,2015-01-31,2015-01-31 10:00:00\r\n,,,,,\r\n-3,2,\"q \"\"r\"\", s\nt\",FALSE,2016-02-29,2015-01-31T10:00:00.25";
    assert_eq!(
        shown(&one(text, &CsvOptions::new())),
        "a:i64 b:f64 c:str d:bool e:date f:datetime[μs]\n\
         1|1.5|x|true|2015-01-31|2015-01-31 10:00:00\n\
         ·|·|·|·|·|·\n\
         -3|2.0|q \"r\", s\nt|false|2016-02-29|2015-01-31 10:00:00.250"
    );
}

#[test]
fn odd_files_are_read() {
    let options = CsvOptions::new();
    let text = |text: &str| shown(&one(text, &options));
    assert_eq!(text("\u{feff}a,b\n1,2\n\n3\n"), "a:i64 b:i64\n1|2\n3|·");
    assert_eq!(text("a,a,b\n1,2,3"), "a:i64 a_duplicated_0:i64 b:i64\n1|2|3");
    assert_eq!(text("a\n1\n\n3\n"), "a:i64\n1\n·\n3");
    assert_eq!(text("a,b\n1,2,\n3,4,\n"), "a:i64 b:i64\n1|2\n3|4");
    assert_eq!(text("a,b\n"), "a:str b:str");
    assert_eq!(text("a,b\n\"\",x\n,y\n"), "a:str b:str\n|x\n·|y");
    assert_eq!(text("a,b\n5\" pipe,1\n6\",2\n"), "a:str b:i64\n5\" pipe|1\n6\"|2");
    assert_eq!(text("a\n 1 \n2\t\n"), "a:i64\n1\n2");
    assert_eq!(text("a,b\nnan,1\n2,inf"), "a:f64 b:f64\nNaN|1.0\n2.0|inf");
    assert_eq!(text("zip\n00501\n10001\n"), "zip:i64\n501\n10001");
    let semicolon =
        CsvOptions::new().separator(';').comment("#").has_header(false).null_values(["NA", "-"]).skip_rows(1);
    assert_eq!(shown(&one("junk;;;\n# no\n1;NA\n# no\n-;x\n", &semicolon)), "column_1:i64 column_2:str\n1|·\n·|x");
    let given = CsvOptions::new()
        .dtype("a", DataType::Int8)
        .dtype("b", DataType::Time)
        .dtype("c", DataType::Decimal(10, 2))
        .names(["a", "b", "c"]);
    assert_eq!(shown(&one("x,y,z\n1,10:30:00,1.5\n", &given)), "a:i8 b:time c:decimal[10,2]\n1|10:30:00|1.50");
    let zone = CsvOptions::new();
    assert_eq!(
        shown(&one("t\n2015-01-01T10:00:00+01:00\n2015-01-01T10:00:00Z\n", &zone)),
        "t:datetime[μs, UTC]\n2015-01-01 09:00:00 UTC\n2015-01-01 10:00:00 UTC"
    );
    assert_eq!(
        shown(&one("t\n2015-01-01\n2015-01-01 10:00\n", &zone)),
        "t:datetime[μs]\n2015-01-01 00:00:00\n2015-01-01 10:00:00"
    );
    assert_eq!(one("t\n2015-01-01\n", &CsvOptions::new().try_parse_dates(false)).dtypes(), [DataType::String]);
}

#[test]
fn errors_name_the_place_and_the_fix() {
    let mut text = "tolls,note,x\n".to_owned();
    for row in 0..20_000 {
        text.push_str(&format!("{},n{row},1\n", row % 10));
    }
    text.push_str("5.33,ok,NA\n");
    let files = Files::new(&[
        ("a.csv", text.as_bytes()),
        ("b.csv", b"a,b\n1,2\n3,4,5\n"),
        ("c.csv", b"a,b\n1,\"x\n3,4\n"),
        ("d.csv", b"a,b\n1,\"x\"y\n"),
        ("e.csv", b""),
        ("f.csv", b"a\n\xff\n"),
        ("x1.csv", b"a,b\n1,2\n"),
        ("x2.csv", b"a,c\n1,2\n"),
        ("y1.csv", b"a,b\n1,x\n"),
        ("y2.csv", b"b,a\ny,2\n"),
    ]);
    let options = CsvOptions::new().sample(1000).blocksize(1 << 20);
    let all_text = options.clone().sample(1 << 20);
    assert_eq!(files.open("a.csv", &all_text).schema().get("tolls"), Some(&DataType::Float64));
    let wrong = files.wrong(
        "a.csv",
        &options.clone().dtype("note", DataType::Int64).dtype("tolls", DataType::Int64).dtype("x", DataType::Int64),
    );
    assert_eq!(
        wrong,
        "a.csv has values that are not of the types of their columns: column `note` was said to be i64, and line 2 has `n0`; \
         column `tolls` was said to be i64, and line 20002 has `5.33`; column `x` was said to be i64, and line 20002 has `NA`. \
         Say the types with `CsvOptions::new().dtype(\"note\", DataType::String).dtype(\"tolls\", DataType::Float64).dtype(\"x\", \
         DataType::String)`, and read with `read_csv_with(path, &options)`, or say what stands for no value: `.null_values([\"NA\"])`"
    );
    assert_eq!(
        files.wrong("b.csv", &options),
        "b.csv, line 3: the row has 3 fields, and there are 2 columns; where the fields that are too many can be left out, `CsvOptions::new().truncate_ragged_lines(true)` does so"
    );
    assert_eq!(
        files.wrong("c.csv", &options),
        "c.csv: the row that begins in line 2 has a quote in column `b` that nothing closes; where quotes have no meaning, `CsvOptions::new().quote(None)` says so"
    );
    assert!(
        files
            .wrong("d.csv", &options)
            .starts_with("d.csv: the row that begins in line 2 has 'y' after the closing quote in column `b`")
    );
    assert_eq!(files.wrong("e.csv", &options), "e.csv is empty: it has no header and no rows");
    assert!(files.wrong("f.csv", &options).starts_with("f.csv has values that are not of the types of their columns: column `a` is, from a sample, str, and line 2 has `\u{fffd}`"), "{}", files.wrong("f.csv", &options));
    assert_eq!(
        files.wrong("x*.csv", &options),
        "x2.csv has a column `c` that x1.csv has not; files that are read together have the same columns"
    );
    assert_eq!(shown(&all(&files.open("y*.csv", &options))), "a:i64 b:str\n1|x\n2|y");
    let wrong = files.wrong("x1.csv", &CsvOptions::new().dtype("bb", DataType::String));
    assert_eq!(wrong, "a type is given for the column `bb`, and x1.csv has none of that name; it has `a`, `b`");
    assert_eq!(
        shown(&all(&files.open("b.csv", &CsvOptions::new().truncate_ragged_lines(true)))),
        "a:i64 b:i64\n1|2\n3|4"
    );
}

#[test]
fn packed_files_are_read() {
    let text = "a,b\n1,x\n2,y\n".repeat(1).into_bytes();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &text).expect("it is packed");
    let gzip = gzip.finish().expect("it is packed");
    let zst = zstd::encode_all(&text[..], 1).expect("it is packed");
    let files = Files::new(&[
        ("a.csv", &text),
        ("b.csv.gz", &gzip),
        ("c.csv.zst", &zst),
        ("d.csv.gz", &gzip[..gzip.len() - 9]),
    ]);
    assert_eq!(shown(&all(&files.open("[abc].csv*", &CsvOptions::new()))), "a:i64 b:str\n1|x\n2|y\n1|x\n2|y\n1|x\n2|y");
    let wrong = files.wrong("d.csv.gz", &CsvOptions::new());
    assert!(wrong.starts_with("cannot read d.csv.gz (gzip): "), "{wrong}");
}

/// Text with everything in it that may stand in quotes.
fn table(rows: usize, seed: u64) -> (String, polars::prelude::DataFrame) {
    let mut state = seed;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let parts = ["", "x", "a,b", "line\nend", "\"said\"", "é", "\r\n", ",,", "0"];
    let (mut numbers, mut notes, mut halves) = (Vec::new(), Vec::new(), Vec::new());
    let mut text = "n,note,half\n".to_owned();
    for _ in 0..rows {
        let number = (random(5) > 0).then(|| random(1000) as i64 - 500);
        let note: String = (0..random(4)).map(|_| parts[random(parts.len() as u64) as usize]).collect();
        let half = (random(6) > 0).then(|| random(100) as f64 / 4.0);
        let show = |value: Option<String>| value.unwrap_or_default();
        text.push_str(&format!(
            "{},\"{}\",{}\n",
            show(number.map(|n| n.to_string())),
            note.replace('"', "\"\""),
            show(half.map(|h| format!("{h:?}")))
        ));
        numbers.push(number);
        notes.push(note);
        halves.push(half);
    }
    (text, polars::prelude::df!("n" => numbers, "note" => notes, "half" => halves).expect("a frame"))
}

#[test]
fn blocks_of_any_size_give_every_row_once() {
    for seed in 0..20 {
        every_row_once(seed);
    }
}

fn every_row_once(seed: u64) {
    let (text, expected) = table(300, seed);
    let files = Files::new(&[("a.csv", text.as_bytes())]);
    let dtypes = [("n", DataType::Int64), ("note", DataType::String), ("half", DataType::Float64)];
    for size in [1 + 13 * seed as usize, 64, 1000, 5000] {
        let source = files.open("a.csv", &CsvOptions::new().blocksize(size).dtypes(dtypes.clone()));
        assert!(all(&source).equals_missing(&expected), "{seed} {size}");
    }
    let source = files.open("a.csv", &CsvOptions::new().blocksize(None));
    assert_eq!(source.npartitions(), 1);
    let some: Vec<PlSmallStr> = vec!["half".into(), "n".into()];
    let part = source.read(0, Some(&some), None).expect("it is read");
    assert!(part.equals_missing(&expected.select(["n", "half"]).expect("they are there")));
    let none = source.read(0, Some(&[]), None).expect("it is read");
    assert_eq!((none.height(), none.width()), (300, 0));
}

#[test]
fn polars_reads_the_same() {
    for seed in 0..20 {
        let (text, _) = table(50, seed);
        let files = Files::new(&[("a.csv", text.as_bytes())]);
        let ours = all(&files.open("a.csv", &CsvOptions::new()));
        let theirs = polars::prelude::CsvReadOptions::default()
            .with_infer_schema_length(None)
            .try_into_reader_with_file_path(Some(files.path("a.csv")))
            .and_then(SerReader::finish)
            .expect("Polars reads it");
        assert!(ours.equals_missing(&theirs), "{ours} {theirs}");
    }
}

#[test]
fn sources_are_made_anew_from_their_recipes() {
    use crate::task::{Pack, Packer, Unpacker};
    let files = Files::new(&[("a.csv", b"a,b\n1,x\n2,y\n")]);
    let source = files.open(
        "a.csv",
        &CsvOptions::new().dtype("a", DataType::Datetime(TimeUnit::Milliseconds, None)).dtype("a", DataType::Int32),
    );
    let mut packer = Packer::default();
    source.pack(&mut packer).expect("it is written");
    drop(source);
    let (bytes, codes) = packer.into_parts();
    let again = Made::<dyn Source>::unpack(&mut Unpacker::new(&bytes, &codes, Vec::new())).expect("it is read");
    assert_eq!(shown(&all(&again)), "a:i32 b:str\n1|x\n2|y");
    assert_eq!(all(&again).lazy().collect().expect("it runs").height(), 2);
}

#[test]
fn damaged_bytes_are_errors_or_other_rows() {
    let (text, _) = table(200, 3);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, text.as_bytes()).expect("it is packed");
    let gzip = gzip.finish().expect("it is packed");
    let mut state = 1_u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let (mut read, mut refused) = (0, 0);
    for round in 0..600 {
        let mut bytes = if round % 3 == 0 { gzip.clone() } else { text.clone().into_bytes() };
        for _ in 0..1 + random(4) {
            let at = random(bytes.len());
            match random(4) {
                0 => bytes.truncate(at.max(1)),
                1 => bytes[at] ^= 1 << random(8),
                2 => bytes[at] = b"\"\n\r,\0\xff"[random(6)],
                _ => {
                    bytes.remove(at);
                }
            }
            if bytes.is_empty() {
                break;
            }
        }
        let files = Files::new(&[("a.csv", &bytes)]);
        let source = open(&Paths::from(files.path("a.csv")), &CsvOptions::new().blocksize(1 + random(3000)));
        let result = source
            .and_then(|source| (0..source.npartitions()).try_for_each(|part| source.read(part, None, None).map(drop)));
        match result {
            Ok(()) => read += 1,
            Err(error) => {
                assert!(error.to_string().contains("a.csv"), "{error}");
                refused += 1;
            }
        }
    }
    assert!(read > 0 && refused > 0, "{read} {refused}");
}
