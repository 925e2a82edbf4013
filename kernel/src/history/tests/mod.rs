//! What a user relies on, with real files, threads and processes.

mod kernels;
mod trouble;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

struct Place {
    _folder: TempDir,
    path: PathBuf,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("private").join("history.sqlite");
    Place { _folder: folder, path }
}

/// A session that ran these cells and ended.
fn session(path: &Path, cells: &[&str]) -> i64 {
    let history = History::open(path);
    for (line, cell) in (1..).zip(cells) {
        history.add(line, cell);
    }
    assert!(history.flush(), "{:?}", history.warning());
    assert_eq!(history.warning(), None);
    history.session()
}

fn sources(found: &[Entry]) -> Vec<&str> {
    found.iter().map(|entry| entry.source.as_str()).collect()
}

fn places(found: &[Entry]) -> Vec<(i64, i64)> {
    found.iter().map(|entry| (entry.session, entry.line)).collect()
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

#[test]
fn cells_are_there_in_the_next_session() {
    let at = place();
    session(&at.path, &["let a = 1;", "a + 1"]);
    session(&at.path, &["let b = 2;"]);
    let history = History::open(&at.path);
    history.add(1, "let c = 3;\nc");
    history.add_output(1, "3");
    let found = history.tail(3, false);
    assert_eq!(places(&found), [(1, 2), (2, 1), (3, 1)]);
    assert_eq!(sources(&found), ["a + 1", "let b = 2;", "let c = 3;\nc"]);
    assert_eq!(found[2].output.as_deref(), Some("3"));
    assert_eq!(sources(&history.range(-2, 1, None)), ["let a = 1;", "a + 1"]);
    assert_eq!(sources(&history.range(2, 1, Some(2))), ["let b = 2;"]);
    assert_eq!(places(&history.range(0, 1, None)), [(0, 1)]);
    assert_eq!(history.range(-50, 1, None), []);
    assert_eq!(history.range(50, 1, None), []);
    assert_eq!(sources(&history.search("let ?*", None, false)), ["let a = 1;", "let b = 2;", "let c = 3;\nc"]);
    assert_eq!(history.search("let", None, false), [], "a pattern is for the whole cell");
    assert_eq!(history.search("LET*", None, false), [], "case counts");
    assert_eq!(sources(&history.search("*[ab]*", Some(1), false)), ["let b = 2;"]);
}

#[test]
fn equal_cells_are_shown_once_where_that_is_asked() {
    let at = place();
    session(&at.path, &["x", "y", "x"]);
    let history = History::open(&at.path);
    history.add(1, "y");
    assert_eq!(places(&history.search("*", None, true)), [(1, 3), (2, 1)]);
    assert_eq!(places(&history.search("*", Some(1), true)), [(2, 1)]);
    assert_eq!(places(&history.tail(10, true)), [(1, 3), (2, 1)]);
    assert_eq!(places(&history.tail(10, false)), [(1, 1), (1, 2), (1, 3), (2, 1)]);
}

#[test]
fn sessions_say_when_and_how_much() {
    let at = place();
    session(&at.path, &["x", "y"]);
    let history = History::open(&at.path);
    history.add(1, "z");
    let all = history.sessions(10);
    assert_eq!(
        all.iter().map(|one| (one.session, one.cells, one.end.is_some())).collect::<Vec<_>>(),
        [(1, 2, true), (2, 1, false)]
    );
    assert!(all[0].start <= all[0].end.unwrap() && all[0].start <= all[1].start);
    assert_eq!(history.sessions(1), all[1..]);
}

#[test]
fn cells_are_kept_whole() {
    let at = place();
    let long = "let größe = \"🦀\u{0}\t\";\r\n".repeat(150_000);
    let strange = "\n\n'; DROP TABLE history; --\n";
    session(&at.path, &[&long, strange]);
    let history = History::open(&at.path);
    assert_eq!(sources(&history.range(-1, 1, None)), [long.as_str(), strange]);
}

#[test]
fn the_file_is_for_the_user_alone() {
    let at = place();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    session(&at.path, &["x"]);
    assert_eq!(mode(&at.path), 0o600);
    assert_eq!(mode(at.path.parent().unwrap()), 0o700);
    fs::set_permissions(&at.path, fs::Permissions::from_mode(0o644)).unwrap();
    session(&at.path, &["y"]);
    assert_eq!(mode(&at.path), 0o600);
    let left: Vec<_> = fs::read_dir(at.path.parent().unwrap()).unwrap().map(|one| one.unwrap().file_name()).collect();
    assert_eq!(left, ["history.sqlite"], "nothing is left beside it");
}

#[test]
fn requests_are_answered_as_jupyter_says() {
    let at = place();
    session(&at.path, &["let a = 1;", "a"]);
    let history = History::open(&at.path);
    history.add(1, "let b = 2;");
    history.add_output(1, "()");
    let ask = |request: Value| {
        let reply = serde_json::from_value::<HistoryRequest>(request).unwrap().reply(&history);
        assert_eq!(reply["status"], "ok");
        reply["history"].clone()
    };
    assert_eq!(
        ask(json!({"hist_access_type": "tail", "n": 2, "output": false, "raw": true})),
        json!([[1, 2, "a"], [2, 1, "let b = 2;"]])
    );
    assert_eq!(
        ask(json!({"hist_access_type": "tail", "n": null, "output": true, "raw": true}))[2],
        json!([2, 1, ["let b = 2;", "()"]])
    );
    assert_eq!(
        ask(json!({"hist_access_type": "range", "session": 0, "start": 0, "raw": true, "output": false})),
        json!([[2, 1, "let b = 2;"]])
    );
    assert_eq!(
        ask(json!({"hist_access_type": "range", "session": -1, "start": 1, "stop": 2, "raw": true, "output": true})),
        json!([[1, 1, ["let a = 1;", null]]])
    );
    assert_eq!(
        ask(json!({"hist_access_type": "search", "pattern": "let*", "n": 1, "raw": true})),
        json!([[2, 1, "let b = 2;"]])
    );
    assert_eq!(ask(json!({"hist_access_type": "tail", "n": -3})), json!([]));
    assert!(serde_json::from_value::<HistoryRequest>(json!({"hist_access_type": "guess"})).is_err());
}

#[test]
fn the_magic_prints_as_ipython_does() {
    let at = place();
    session(&at.path, &["let a = 1;", "let b = 2;\nb"]);
    let history = History::open(&at.path);
    let folder = at.path.parent().unwrap();
    for (line, cell) in (1..).zip(["let c = 3;", "c", "c", "%history"]) {
        history.add(line, cell);
    }
    history.add_output(2, "3");
    let run = |arguments: &str| magic::run(&history, arguments, 4, folder).map_err(|problem| problem.to_string());
    let shown = |arguments: &str| run(arguments).unwrap();
    assert_eq!(shown(""), "let c = 3;\nc\nc\n%history");
    assert_eq!(shown("-n 1-2"), "   1: let c = 3;\n   2: c");
    assert_eq!(shown("-o 1-2"), "let c = 3;\nc\n3");
    assert_eq!(shown("-n ~1/"), " 1/1: let a = 1;\n 1/2:\nlet b = 2;\nb");
    assert_eq!(shown("-g let"), " 1/1: let a = 1;\n 1/2:\nlet b = 2;\nb\n   1: let c = 3;");
    assert_eq!(shown("-g let -l 1"), "   1: let c = 3;");
    assert_eq!(shown("1-3 -g c"), "   1: let c = 3;\n   2: c\n   3: c");
    assert_eq!(shown("-u 1-3"), "let c = 3;\nc");
    assert_eq!(shown("-l 4"), "let b = 2;\nb\nlet c = 3;\nc\nc", "without the cell that asks");
    assert_eq!(shown("-nul 3"), " 1/2:\nlet b = 2;\nb\n   1: let c = 3;\n   3: c");
    assert_eq!(shown("-g nothing_of_the_kind"), "");
    assert_eq!(shown("-s"), "   1  just now, 2 cells\n   2  just now, 4 cells, this one");
    assert_eq!(shown("-s -l 1"), "   2  just now, 4 cells, this one");
    assert!(run("4-x").unwrap_err().contains("`4-x`"));
    let file = folder.join("cells.rs");
    assert_eq!(shown("-f cells.rs 1-2"), format!("Wrote 2 cells to {}.", file.display()));
    assert_eq!(fs::read_to_string(&file).unwrap(), "let c = 3;\nc\n");
    assert!(run("-f cells.rs").unwrap_err().contains("-y"));
    assert!(run("-y -f cells.rs 2").is_ok());
    assert_eq!(fs::read_to_string(&file).unwrap(), "c\n");
    assert!(run("-f nowhere/cells.rs").unwrap_err().contains("could not be written"));
}
