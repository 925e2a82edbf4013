//! A fresh process that runs what it is sent.
//!
//! A test file that uses it has a test `receiver` that calls [`receive`], which does nothing unless the file runs as the
//! other process.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use taskloom::Scheduler;
use taskloom::travel::{Parcel, objects::Objects};

/// Tells the test `receiver` that it is the other process.
const RECEIVES: &str = "TASKLOOM_TEST_RECEIVES";

/// Sends the parcel to a fresh process; gives the results, or what the error there says. `receiver` is the path of the test
/// that calls [`receive`].
pub fn elsewhere(parcel: &Parcel, receiver: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", receiver, "--nocapture", "--quiet"])
        .env(RECEIVES, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&parcel.to_bytes()).unwrap();
    let mut answer = Vec::new();
    child.stderr.take().unwrap().read_to_end(&mut answer).unwrap();
    child.wait().unwrap();
    serde_json::from_slice(&answer).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&answer)))
}

/// What the other process does.
pub fn receive() {
    if std::env::var_os(RECEIVES).is_none() {
        return;
    }
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).unwrap();
    let parcel = Parcel::from_bytes(&bytes).unwrap();
    let outcome = parcel.compute(&Objects::new(), Scheduler::Threads(2)).map_err(|error| error.to_string());
    std::io::stderr().write_all(&serde_json::to_vec(&outcome).unwrap()).unwrap();
}
