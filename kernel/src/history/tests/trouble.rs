//! Files that are damaged, full, held, gone, or of another program.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};

use rusqlite::Connection;

use super::*;

#[test]
fn without_a_usable_file_the_session_is_remembered() {
    let at = place();
    fs::create_dir_all(at.path.parent().unwrap()).unwrap();
    fs::write(&at.path, "").unwrap();
    // No folder can be made below a file, nor a file in /proc, whoever asks; a folder is no file.
    let folder = at.path.parent().unwrap().to_owned();
    for path in [at.path.join("below/history.sqlite"), PathBuf::from("/proc/history.sqlite"), folder] {
        let history = History::open(&path);
        history.add(1, "let a = 1;");
        history.add(2, "a");
        history.add_output(2, "1");
        assert_eq!(sources(&history.tail(10, false)), ["let a = 1;", "a"]);
        assert_eq!(sources(&history.search("let*", None, true)), ["let a = 1;"]);
        assert_eq!(history.range(0, -1, None)[0].output.as_deref(), Some("1"));
        assert!(!history.flush());
        let warning = history.warning().unwrap();
        assert!(warning.contains("in memory only") && warning.contains(path.parent().unwrap().to_str().unwrap()));
        let printed = magic::run(&history, "-g let", 3, Path::new("/")).unwrap();
        assert_eq!(printed, format!("   1: let a = 1;\n// {warning}"));
        assert_eq!(history.take_warning(), Some(warning));
        assert_eq!(history.take_warning(), None, "told once");
    }
}

#[test]
fn a_damaged_file_is_moved_aside_and_told_of() {
    let full = place();
    session(&full.path, &["let a = 1;"; 400]);
    let sound = fs::read(&full.path).unwrap();
    let at = place();
    fs::create_dir_all(at.path.parent().unwrap()).unwrap();
    let mut header = sound.clone();
    header[..100].fill(0xa5);
    let half = &sound[..sound.len() / 2];
    let cases = [b"no database at all, and long enough to be looked at: ".repeat(20), half.to_vec(), header];
    for (damaged, number) in cases.iter().zip(1..) {
        fs::write(&at.path, damaged).unwrap();
        let history = History::open(&at.path);
        history.add(1, "let b = 2;");
        assert!(history.flush(), "case {number}: {:?}", history.warning());
        let aside = beside(&at.path, &format!(".damaged-{number}"));
        assert!(history.warning().unwrap().contains(aside.to_str().unwrap()));
        assert_eq!(&fs::read(aside).unwrap(), damaged);
        drop(history);
        assert_eq!(sources(&History::open(&at.path).range(-1, 1, None)), ["let b = 2;"]);
    }
}

#[test]
fn damage_that_shows_while_the_file_is_in_use_costs_this_session_nothing() {
    let at = place();
    session(&at.path, &["let a = \"a rather long cell that fills the pages of the file\";"; 2000]);
    let pages = fs::metadata(&at.path).unwrap().len() / 4096;
    let mut file = OpenOptions::new().write(true).open(&at.path).unwrap();
    // Beyond the schema and the roots of the tables, which opening looks at.
    file.seek(SeekFrom::Start(20 * 4096)).unwrap();
    file.write_all(&vec![0xa5; (pages as usize - 20) * 4096]).unwrap();
    drop(file);
    let history = History::open(&at.path);
    history.add(1, "let b = 2;");
    assert!(sources(&history.search("*", None, false)).contains(&"let b = 2;"));
    assert!(history.flush());
    assert!(history.warning().unwrap().contains("damaged-1"));
    assert_eq!(sources(&history.tail(10, false)), ["let b = 2;"]);
    drop(history);
    assert_eq!(sources(&History::open(&at.path).tail(10, false)), ["let b = 2;"]);
}

#[test]
fn files_of_others_and_of_later_versions_are_left_alone() {
    let at = place();
    session(&at.path, &["let a = 1;"]);
    Connection::open(&at.path).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let other = beside(&at.path, "-other");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE history (id, text)").unwrap();
    for (path, reason) in [(&at.path, "later version"), (&other, "another program")] {
        let before = fs::read(path).unwrap();
        let history = History::open(path);
        history.add(1, "x");
        assert_eq!(sources(&history.tail(10, false)), ["x"]);
        assert!(!history.flush());
        assert!(history.warning().unwrap().contains(reason), "{:?}", history.warning());
        drop(history);
        assert_eq!(fs::read(path).unwrap(), before);
    }
    assert_eq!(fs::read_dir(at.path.parent().unwrap()).unwrap().count(), 2, "nothing was moved");
}

#[test]
fn a_file_that_vanishes_is_written_again() {
    let at = place();
    session(&at.path, &["old"]);
    let history = History::open(&at.path);
    history.add(1, "one");
    assert!(history.flush());
    fs::remove_file(&at.path).unwrap();
    history.add(2, "two");
    assert!(history.flush());
    let number = history.session();
    drop(history);
    assert_eq!(sources(&History::open(&at.path).range(number, 1, None)), ["one", "two"]);
}

#[test]
fn a_full_disk_is_told_of_and_costs_nothing_when_it_is_cleared() {
    let at = place();
    let warning = Arc::<Mutex<Warning>>::default();
    let mut keeper = Keeper::new(at.path.clone(), Arc::clone(&warning)).unwrap();
    keeper.limit_pages(Some(10));
    let (sender, messages) = mpsc::channel();
    let (reply, flushed) = mpsc::channel();
    let add = |line| Message::Add { line, text: "x".repeat(50_000), output: false };
    sender.send(add(1)).unwrap();
    sender.send(Message::Flush { reply: reply.clone() }).unwrap();
    drop(sender);
    keeper.serve_all(&messages);
    assert!(!flushed.recv().unwrap());
    assert!(lock(&warning).text.as_ref().unwrap().contains("full"), "{:?}", lock(&warning).text);
    keeper.limit_pages(None);
    let (sender, messages) = mpsc::channel();
    sender.send(Message::Flush { reply }).unwrap();
    drop(sender);
    keeper.run(&messages);
    assert!(flushed.recv().unwrap());
    assert_eq!(lock(&warning).text, None);
    assert_eq!(History::open(&at.path).range(-1, 1, None)[0].source.len(), 50_000);
}

#[test]
fn another_program_that_holds_the_file_does_not_hold_the_user() {
    let at = place();
    session(&at.path, &["old"]);
    let history = History::open(&at.path);
    assert_eq!(history.session(), 2);
    let holder = Connection::open(&at.path).unwrap();
    holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    history.add(1, "new");
    assert_eq!(sources(&history.range(0, 1, None)), ["new"]);
    assert_eq!(sources(&history.tail(5, false)), ["new"], "the file cannot be read now");
    holder.execute_batch("ROLLBACK").unwrap();
    assert!(history.flush());
    assert_eq!(sources(&history.tail(5, false)), ["old", "new"]);
}
