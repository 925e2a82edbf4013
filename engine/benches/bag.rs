//! Word count and `foldby` on JSON records in gzip, beside dask.bag: `bag_dask.py` runs the same on the same files.
//!
//! `cargo bench --bench bag -- make FOLDER [RECORDS]` makes the files, `cargo bench --bench bag -- run FOLDER` measures.

use std::hint::black_box;
use std::time::Instant;

use taskloom::prelude::*;
use taskloom::serde::{Deserialize, Serialize};
use taskloom::serde_json::Value;

#[derive(Clone, Serialize, Deserialize)]
#[serde(crate = "taskloom::serde")]
struct Record {
    name: String,
    amount: f64,
}

#[derive(Clone, Deserialize)]
#[serde(crate = "taskloom::serde")]
struct Words {
    text: String,
}

const NAMES: [&str; 12] =
    ["Alice", "Bob", "Charlie", "Dan", "Edith", "Frank", "George", "Hannah", "Ingrid", "Jerry", "Kevin", "Laura"];

/// Words of which some are frequent and most are rare.
fn word(bits: u64) -> String {
    let rank = (2000.0_f64).powf((bits >> 11) as f64 / (1_u64 << 53) as f64) as u64;
    format!("w{}{rank}", (b'a' + (rank % 26) as u8) as char)
}

fn record(n: i64) -> Value {
    let mut bits = n as u64;
    let mut next = || {
        bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bits ^ bits >> 29
    };
    let name = NAMES[(next() >> 33) as usize % NAMES.len()];
    let amount = (next() >> 44) as f64 / 100.0;
    let text: Vec<String> = (0..6).map(|_| word(next())).collect();
    taskloom::serde_json::json!({"id": n, "name": name, "amount": amount, "text": text.join(" ")})
}

/// The best of three, in seconds.
fn timed<R>(what: &str, run: impl Fn() -> R) {
    let best = (0..3).map(|_| {
        let began = Instant::now();
        black_box(run());
        began.elapsed().as_secs_f64()
    });
    println!("{what}: {:.3} s", best.fold(f64::INFINITY, f64::min));
}

fn main() -> taskloom::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (folder, records) = match arguments[..] {
        ["make", folder] => (folder, Some(5_000_000)),
        ["make", folder, records] => (folder, records.parse().ok()),
        ["run", folder] => (folder, None),
        _ => {
            println!("make FOLDER [RECORDS], or run FOLDER");
            return Ok(());
        }
    };
    if let Some(records) = records {
        Bag::range(records, 16).map(record).to_json_lines(format!("{folder}/records.*.json.gz"))?;
        return Ok(());
    }
    let files = format!("{folder}/records.*.json.gz");
    timed("read and count lines", || Bag::read_text(&files)?.count().compute());
    timed("word count, values", || {
        let texts = Bag::read_json_lines(&files)?.pluck("text");
        texts.flat_map(|text| words(text.as_str().unwrap_or_default())).frequencies().compute()
    });
    timed("word count, structs", || {
        Bag::<Words>::read_json_lines_as(&files)?.flat_map(|record| words(&record.text)).frequencies().compute()
    });
    timed("foldby, values", || {
        let records = Bag::read_json_lines(&files)?;
        let name = |record: &Value| record["name"].as_str().unwrap_or_default().to_owned();
        let add = |sum: f64, record: Value| sum + record["amount"].as_f64().unwrap_or(0.0);
        records.foldby(name, add, 0.0, |a, b| a + b).compute()
    });
    timed("foldby, structs", || {
        let records = Bag::<Record>::read_json_lines_as(&files)?;
        records.foldby(|record| record.name.clone(), |sum, record| sum + record.amount, 0.0, |a, b| a + b).compute()
    });
    // So that groups can go to disk where memory is short.
    taskloom::travel::register::<Record>();
    timed("groupby, structs", || {
        let records = Bag::<Record>::read_json_lines_as(&files)?;
        let groups = records.groupby(|record| (record.amount * 10.0) as u64 % 100_000);
        groups.map(|(_, group)| group.len()).sum().compute()
    });
    Ok(())
}

fn words(text: &str) -> Vec<String> {
    text.split_ascii_whitespace().map(str::to_owned).collect()
}
