//! Several threads of one kernel, several kernels, and kernels that are killed.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use rusqlite::Connection;

use super::*;

#[test]
fn threads_add_and_read_what_they_added() {
    let at = place();
    let history = History::open(&at.path);
    thread::scope(|scope| {
        for part in 0..8_u32 {
            let history = &history;
            scope.spawn(move || {
                for line in (1..=100).map(|i| part * 100 + i) {
                    history.add(line, &format!("cell {line}"));
                    let found = history.range(0, line.into(), Some(i64::from(line) + 1));
                    assert_eq!(sources(&found), [format!("cell {line}")]);
                }
            });
        }
    });
    drop(history);
    assert_eq!(History::open(&at.path).range(-1, 1, None).len(), 800);
}

/// This test binary again, as one of several kernels.
fn kernel(path: &Path, cells: u32) -> Child {
    let (_, module) = module_path!().split_once("::").unwrap();
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture", &format!("{module}::one_of_several_kernels")])
        .env("HISTORY_FILE", path)
        .env("HISTORY_CELLS", cells.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "started by the tests below"]
fn one_of_several_kernels() {
    let history = History::open(std::env::var_os("HISTORY_FILE").unwrap());
    let cells: u32 = std::env::var("HISTORY_CELLS").unwrap().parse().unwrap();
    let session = history.session();
    for line in 1..=cells {
        history.add(line, &format!("session {session}, cell {line}: {}", "x".repeat(2000)));
        if line % 10 == 0 {
            assert!(history.flush(), "{:?}", history.warning());
            println!("\nwritten {line}");
        }
    }
    // The one that moves a damaged file says so.
    assert!(cells == 0 || history.warning().is_none(), "{:?}", history.warning());
}

#[test]
fn twenty_kernels_write_to_one_file() {
    let at = place();
    let kernels: Vec<_> = (0..20).map(|_| kernel(&at.path, 50)).collect();
    for kernel in kernels {
        let outcome = kernel.wait_with_output().unwrap();
        assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stdout));
    }
    let history = History::open(&at.path);
    assert_eq!(history.session(), 21, "each had a number of its own");
    for session in 1..=20 {
        let found = history.range(session, 1, None);
        assert_eq!(found.len(), 50);
        assert!(found.iter().all(|cell| cell.source.starts_with(&format!("session {session}, cell {}:", cell.line))));
    }
}

#[test]
fn what_a_killed_kernel_wrote_is_there() {
    let at = place();
    for (round, after) in (1..=12).zip([10, 20, 30, 40].into_iter().cycle()) {
        // Killed while it writes, for it goes on until then.
        let mut child = kernel(&at.path, u32::MAX);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let reached =
            lines.filter_map(|line| line.strip_prefix("written ")?.parse().ok()).find(|&n: &usize| n >= after);
        child.kill().unwrap();
        child.wait().unwrap();
        let history = History::open(&at.path);
        let found = history.range(2 * round - 1, 1, None);
        assert!(found.len() >= reached.unwrap(), "round {round}: {} of {after}", found.len());
        assert!(found.iter().zip(1..).all(|(cell, line)| cell.line == line && cell.source.ends_with("xxx")));
        assert_eq!(history.warning(), None);
        assert_eq!(history.session(), 2 * round);
    }
    let check: String =
        Connection::open(&at.path).unwrap().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    assert!(!beside(&at.path, "-journal").exists());
}

#[test]
fn several_kernels_that_find_the_file_damaged_move_it_once() {
    let at = place();
    fs::create_dir_all(at.path.parent().unwrap()).unwrap();
    fs::write(&at.path, "this was a database once, before something else wrote over it".repeat(50)).unwrap();
    let kernels: Vec<_> = (0..6).map(|_| kernel(&at.path, 0)).collect();
    for kernel in kernels {
        kernel.wait_with_output().unwrap();
    }
    assert!(beside(&at.path, ".damaged-1").exists());
    assert!(!beside(&at.path, ".damaged-2").exists());
    assert_eq!(History::open(&at.path).session(), 7);
}
