"""Tasks that leave the process: what a cell compiled runs in another kernel, which never saw the cell."""

from __future__ import annotations

from session import Session

PACK = """
use taskloom::prelude::*;
use taskloom::travel::{Parcel, objects};

use taskloom::serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(crate = "taskloom::serde")]
struct Reading { station: String, celsius: Vec<f64> }
fn read(station: String, days: usize) -> Reading {
    Reading { station, celsius: (0..days).map(|day| day as f64).collect() }
}
fn mean(reading: &Reading) -> Result<f64, String> {
    let days = reading.celsius.len();
    if days == 0 { Err(format!("{} has no days", reading.station)) } else { Ok(reading.celsius.iter().sum::<f64>() / days as f64) }
}
"""

SEND = """
let oulu = delayed!(read(String::from("Oulu"), 5));
let means = vec![delayed!(mean(&oulu)), delayed!((|x: f64| x * 2.0)(7.25))];
let total = delayed!((|means: Vec<f64>| means.iter().sum::<f64>())(means)) + 1.0;
let parcel = Parcel::pack(&(&total, &oulu))?;
std::fs::write("FOLDER/parcel", parcel.to_bytes())?;
for object in parcel.objects() {
    std::fs::write(format!("FOLDER/{object}.object"), objects::bytes_of(&object)?)?;
}
parcel.objects().len()
"""

RECEIVE = """
use taskloom::prelude::*;
use taskloom::travel::{Parcel, objects::{ObjectId, Objects}};
let store = Objects::new();
let parcel = Parcel::from_bytes(&std::fs::read("FOLDER/parcel")?)?;
for object in parcel.objects() {
    assert!(!store.find(&object), "this process has never seen the cell");
    store.load(&object, &std::fs::read(format!("FOLDER/{object}.object"))?)?;
}
let results = parcel.compute(&store, Scheduler::Threads(2))?;
for (n, bytes) in results.iter().enumerate() {
    std::fs::write(format!("FOLDER/result-{n}"), bytes)?;
}
results.len()
"""

BACK = """
println!("{:?}", total.decode(&std::fs::read("FOLDER/result-0")?)?);
println!("{:?}", oulu.decode(&std::fs::read("FOLDER/result-1")?)?);
println!("{:?}", total.compute()?);
"""


def test_a_cells_functions_run_in_another_kernel_and_the_results_come_back(course, tmp_path):
    def here(cell: str) -> str:
        return cell.replace("FOLDER", str(tmp_path))

    sender, receiver = Session(course / "notebooks"), Session(course / "notebooks")
    try:
        sender.ok(PACK)
        assert int(sender.ok(here(SEND)).result) >= 1
        assert receiver.ok(here(RECEIVE)).result == "2"
        out = sender.ok(here(BACK)).stdout.split("\n")
        assert out[0] == out[2] == "17.5"
        assert out[1] == 'Reading { station: "Oulu", celsius: [0.0, 1.0, 2.0, 3.0, 4.0] }'
    finally:
        sender.close()
        receiver.close()


def test_what_cannot_leave_says_why(course):
    session = Session(course / "notebooks")
    try:
        session.ok("use taskloom::prelude::*;\nlet factor = 3_i64;")
        session.ok("let tripled = delayed_value(2_i64).map(move |x| x * factor);")
        reply = session.run("taskloom::travel::Parcel::pack(&(&tripled,))?;")
        assert "`map` cannot travel to another process" in reply.error
        assert "captures 8 bytes" in reply.error
        assert session.ok("tripled.compute()?").result == "6"
    finally:
        session.close()
