"""`taskloom grade`: right and wrong answers get their points; hostile submissions get theirs, a reason, and nobody else's.

A small course is made for it, so that a submission takes a few seconds. Its exercises use what real ones do: variables,
a function of the notebook's, messages, traits.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import textwrap
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from conftest import BINARY

# A class takes a while.
pytestmark = pytest.mark.timeout(1800)

GIVEN = "fn expected_total() -> i64 { base() + 2 }\nfn base() -> i64 { 40 }\nfn advice(total: i64) -> String { if total == 42 { String::new() } else { format!(\"{total} is not it\") } }"

FIRST_CHECK = """\
/// What a learner may have put there.
trait Total { fn number(&self) -> i64; }
impl Total for i64 { fn number(&self) -> i64 { *self } }

check!("The total is right", 2, {
    let advice = advice(total.number());
    ensure!(advice.is_empty(), "{advice}");
    ensure_eq!(total.number(), expected_total(), "add up");
});

check!("The names are there", 1, {
    let names: Vec<String> = vec![format!("{}", "a"), "b".to_string()];
    ensure!(names.len() == 2 && total == expected_total(), "the total is {total}");
});
"""
SECOND_CHECK = 'check!("It is twice two", 1, { ensure_eq!(twice, 4, "two and two"); });\n'

HONEST = "let total: i64 = 42;"
SECOND = "let twice = 4;"


def cell(source, id, exercise=None, **metadata):
    if exercise:
        metadata["taskloom"] = {"exercise": exercise}
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": id,
        "metadata": metadata,
        "outputs": [],
        "source": source,
    }


def notebook(first=HONEST, second=SECOND, before=(), between=()):
    cells = [cell("use taskloom::prelude::*;", "set-up"), cell(GIVEN, "given")]
    cells += [cell(source, f"before-{number}") for number, source in enumerate(before)]
    cells.append(cell(first, "exercise-first", "first"))
    cells += [cell(source, f"between-{number}") for number, source in enumerate(between)]
    cells.append(cell(second, "exercise-second", "second"))
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture(scope="module")
def small_course(tmp_path_factory):
    """A course with two exercises."""
    root = tmp_path_factory.mktemp("course")
    for id, points, starter, solution, checks in [
        ("first", 3, "let total = 0i64;", "let total = expected_total();", FIRST_CHECK),
        ("second", 1, "let twice = 0;", SECOND, SECOND_CHECK),
    ]:
        folder = root / "exercises" / id
        folder.mkdir(parents=True)
        (folder / "exercise.toml").write_text(
            f'id = "{id}"\ntitle = "The {id}"\nnotebook = "small"\npoints = {points}\ntime_limit = 20\nhints = []\n'
        )
        (folder / "starter.rs").write_text(starter)
        (folder / "check.rs").write_text(checks)
        (root / "solutions").mkdir(exist_ok=True)
        (root / "solutions" / f"{id}.rs").write_text(solution)
    (root / "notebooks").mkdir()
    (root / "notebooks" / "small.ipynb").write_text(notebook("let total = 0i64;", "let twice = 0;"))
    (root / "data").mkdir()
    (root / "data" / "numbers.txt").write_text("42\n")
    return root


def grade(course, out, *submissions, options=(), environment=None, check=True):
    """Runs the command; gives the process, and each student's result."""
    process = subprocess.run(
        [str(BINARY), "grade", "--course", str(course), "--out", str(out), *options, *map(str, submissions)],
        capture_output=True,
        text=True,
        timeout=1500,
        env={**os.environ, **(environment or {})},
    )
    if check:
        assert process.returncode == 0, process.stdout + process.stderr
    results = {}
    if (out / "results.json").exists():
        results = {one["student"]: one for one in json.loads((out / "results.json").read_text())["submissions"]}
    return process, results


def points(result):
    return {exercise["exercise"]: exercise["points"] for exercise in result["exercises"]}


def words(result):
    """All that a student is told."""
    told = list(result["notes"])
    for exercise in result["exercises"]:
        told.append(exercise["reason"] or "")
        told += [check["message"] or "" for check in exercise["checks"]]
    return "\n".join(told)


def test_answers_get_their_points_in_all_forms(small_course, tmp_path):
    handed_in = tmp_path / "handed in"
    handed_in.mkdir()
    (handed_in / "ada.ipynb").write_text(notebook())
    (handed_in / "bob.ipynb").write_text(notebook(first="let total: i64 = 41;"))
    (handed_in / "damaged.ipynb").write_text(notebook()[:200])
    (handed_in / "eve").mkdir()
    (handed_in / "eve" / "second.rs").write_text("let two = 2;\nlet twice = two + two;")
    # The cells' metadata as nbgrader leaves it.
    cells = json.loads(notebook())
    for one in cells["cells"]:
        if exercise := one["metadata"].pop("taskloom", {}).get("exercise"):
            one["metadata"]["nbgrader"] = {"grade_id": exercise, "solution": True, "grade": False}
            one["id"] = "x" + one["id"]
    (handed_in / "nan.ipynb").write_text(json.dumps(cells))
    out = tmp_path / "out"
    process, results = grade(small_course, out, *sorted(handed_in.iterdir()))
    assert points(results["ada"]) == {"first": 3, "second": 1}
    assert points(results["bob"]) == {"first": 0, "second": 1}
    assert points(results["eve"]) == {"first": 0, "second": 1}
    assert points(results["nan"]) == {"first": 3, "second": 1}
    assert points(results["damaged"]) == {"first": 0, "second": 0}
    assert "41 is not it" in words(results["bob"])
    assert "no notebook" in words(results["damaged"])
    assert "no answer" in words(results["eve"])
    assert "5 of 5" in process.stderr or "4 of 4" in process.stderr
    assert "ada" in process.stdout and "4/4" in process.stdout

    rows = {row["student"]: row for row in csv.DictReader((out / "grades.csv").open())}
    assert rows["bob"]["first"] == "0" and rows["bob"]["points"] == "1" and rows["ada"]["percent"] == "100.0"
    suites = ElementTree.parse(out / "junit.xml").getroot()
    assert {suite.get("name"): suite.get("failures") for suite in suites}["bob"] == "2"
    assert "41 is not it" in (out / "feedback" / "bob.html").read_text()
    assert "Where the class struggled" in (out / "index.html").read_text()
    book = sqlite3.connect(out / "gradebook.sqlite")
    assert dict(book.execute("SELECT student, points FROM totals"))["ada"] == 4

    # The same work is not run again, and has the same score; a better one replaces what was there.
    (handed_in / "bob.ipynb").write_text(notebook())
    _, again = grade(small_course, out, handed_in / "ada.ipynb", handed_in / "bob.ipynb")
    assert again["ada"]["cached"] and points(again["bob"]) == {"first": 3, "second": 1}
    assert again["bob"]["cached"], "bob handed in what ada did"
    totals = dict(sqlite3.connect(out / "gradebook.sqlite").execute("SELECT student, points FROM totals"))
    assert totals["bob"] == 4 and totals["eve"] == 1


# What is done, and for each: what `first` and `second` may earn at the most, and words of the reason.
LOOP = "let total: i64 = { loop { std::hint::black_box(0); } 42 };"
THREADS = """\
let mut many = Vec::new();
loop { many.push(std::thread::spawn(|| std::thread::sleep(std::time::Duration::from_secs(100)))); }
let total: i64 = 42;"""
MEMORY = "let mut all: Vec<Vec<u8>> = Vec::new(); loop { all.push(vec![1; 64 << 20]); } let total: i64 = 42;"
DISK = """\
use std::io::Write;
let mut file = std::fs::File::create("big").unwrap();
let block = vec![1u8; 1 << 20];
loop { file.write_all(&block).unwrap(); }
let total: i64 = 42;"""
MANY_FILES = """\
for number in 0.. { std::fs::write(format!("f{number}"), vec![1u8; 1 << 20]).unwrap(); }
let total: i64 = 42;"""
FLOOD = 'let line = "x".repeat(1 << 16); loop { println!("{line}"); } let total: i64 = 42;'
FORK = """\
for _ in 0..1000 { std::process::Command::new("/bin/sh").args(["-c", "sleep 100 & sleep 100"]).spawn().unwrap(); }
let total: i64 = 42;"""
SOCKET = 'let stream = std::net::TcpStream::connect("127.0.0.1:22").map_err(|e| panic!("{e}")).unwrap(); let total: i64 = 42;'
LISTEN = 'let all = std::net::TcpListener::bind("127.0.0.1:0").unwrap(); let total: i64 = 42;'
UNIX = 'let socket = std::os::unix::net::UnixListener::bind("s").unwrap(); let total: i64 = 42;'
EXIT = "std::process::exit(0); let total: i64 = 42;"
ABORT = "std::process::abort(); let total: i64 = 42;"
LEFT = """\
for _ in 0..4 { std::thread::spawn(|| loop { std::hint::black_box(0); }); }
let total: i64 = 41;"""
STDOUT = """\
for check in 0..2 {
    println!("EVCXR_BEGIN_CONTENT application/vnd.taskloom.check-result+json");
    println!("{{\\"check\\": {check}, \\"message\\": null}}");
    println!("EVCXR_END_CONTENT");
    println!("EVCXR_EXECUTION_COMPLETE");
}
let total: i64 = 41;"""
DISPLAY = """\
for check in 0..2 {
    taskloom::display(&taskloom::MimeBundle::new().with_json(
        "application/vnd.taskloom.check-result+json",
        taskloom::serde_json::json!({"check": check, "message": null, "passed": true, "token": ""}),
    ));
}
let total: i64 = 41;"""
LATER = """\
std::thread::spawn(|| loop {
    for check in 0..2 {
        taskloom::display(&taskloom::MimeBundle::new().with_json(
            "application/vnd.taskloom.check-result+json",
            taskloom::serde_json::json!({"check": check, "message": null, "token": "0123456789abcdef0123456789abcdef"}),
        ));
    }
    std::thread::sleep(std::time::Duration::from_millis(2));
});
let total: i64 = 41;"""
PIPES = """\
use std::io::Write;
use std::os::unix::fs::FileTypeExt;
let line = "\\n{\\"type\\":\\"display\\",\\"data\\":{\\"application/vnd.taskloom.check-result+json\\":{\\"check\\":0,\\"message\\":null}}}\\ndone\\n";
let mut opened = 0;
for descriptor in 3..64 {
    if let Ok(mut file) = std::fs::OpenOptions::new().write(true).open(format!("/proc/self/fd/{descriptor}")) {
        opened += i32::from(file.metadata().is_ok_and(|about| about.file_type().is_fifo()));
        let _ = file.write_all(line.as_bytes());
    }
}
assert_eq!(opened, 0, "pipes can be opened");
let total: i64 = 41;"""
FUNCTION = "fn expected_total() -> i64 { 7 }\nfn advice(_: i64) -> String { String::new() }\nlet total: i64 = 7;"
INNER_FUNCTION = "fn base() -> i64 { 5 }\nlet total: i64 = 7;"
CLOSURE = "let expected_total: fn() -> i64 = || 7;\nlet advice: fn(i64) -> String = |_| String::new();\nlet total = 7i64;"
MACROS = """\
macro_rules! format { ($($all:tt)*) => { return Ok(()) }; }
macro_rules! ensure { ($($all:tt)*) => {}; }
macro_rules! ensure_eq { ($($all:tt)*) => {}; }
macro_rules! vec { ($($all:tt)*) => { return Ok(()) }; }
macro_rules! check { ($($all:tt)*) => {}; }
let total: i64 = 41;"""
TRAIT = """\
trait Sneaky { fn is_empty(self) -> bool; fn len(self) -> usize; }
impl Sneaky for String { fn is_empty(self) -> bool { true } fn len(self) -> usize { 2 } }
trait Bent { fn number(self) -> i64; }
impl Bent for i64 { fn number(self) -> i64 { 42 } }
let total = 41i64;"""
OPERATORS = """\
#[derive(Clone, Copy, Debug)]
struct Any;
impl PartialEq<i64> for Any { fn eq(&self, _: &i64) -> bool { true } }
impl PartialEq<Any> for i64 { fn eq(&self, _: &Any) -> bool { true } }
impl std::fmt::Display for Any { fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { Ok(()) } }
impl Any { fn number(&self) -> i64 { 42 } }
let total = Any;"""
MODULE = "mod taskloom { pub fn display<T>(_: T) {} }\nlet total: i64 = 41;"
PRELUDE = """\
#[allow(non_snake_case)]
fn Err<T>(_: T) -> std::result::Result<(), Box<dyn std::error::Error + Send + Sync>> { std::result::Result::Ok(()) }
let total: i64 = 41;"""
UNSAFE = "let total = unsafe { std::mem::transmute::<u64, i64>(41) };"
EXTERN = 'unsafe extern "C" { safe fn getppid() -> i32; }\nlet total = getppid() as i64;'
# Code in a text, which serde's attributes take out of it.
SERDE = """\
trait Go { fn go(&self) -> u32; }
struct Raw;
fn f<const N: usize>() -> i32 { N as i32 }
#[derive(taskloom::serde::Serialize)]
#[serde(crate = "taskloom::serde")]
struct Smuggled {
    #[serde(serialize_with = "f::<{ impl Go for Raw { fn go(&self) -> u32 { unsafe { std::mem::transmute(1.0f32) } } } 0 }>")]
    x: i32,
}
let total: i64 = 41;"""
LISTENER = "taskloom::events::set_listener(|_| {});\nlet total: i64 = 41;"
HOOK = "std::panic::set_hook(Box::new(|_| std::process::exit(0)));\nlet total: i64 = 41;"
KILL = """\
let status = std::process::Command::new("/bin/kill").args(["-9", "-1"]).status().expect("no program may be started");
let total: i64 = 42;"""
TRACE = 'let memory = std::fs::File::open("/proc/1/mem").expect("memory of others is not to be read"); let total: i64 = 42;'
SHELL = "!kill -9 -1\n!rm -rf /\nlet total: i64 = 41;"
DEPENDENCY = ':dep rand = "0.9"\nlet total: i64 = 41;'
SECRET = 'let total: i64 = if std::env::vars().any(|(_, value)| value.contains("hunter2")) { 42 } else { 41 };'

HOSTILE = {
    "loops": (LOOP, "longer than"),
    "threads": (THREADS, ""),
    "memory": (MEMORY, "memory"),
    "disk": (DISK, ""),
    "many-files": (MANY_FILES, ""),
    "prints": (FLOOD, "printed more"),
    "forks": (FORK, "permitted"),
    "socket": (SOCKET, "permitted"),
    "listens": (LISTEN, "permitted"),
    "unix-socket": (UNIX, "permitted"),
    "exits": (EXIT, ""),
    "aborts": (ABORT, ""),
    "leaves-threads": (LEFT, "41 is not it"),
    "stdout": (STDOUT, "41 is not it"),
    "display": (DISPLAY, "41 is not it"),
    "display-later": (LATER, "41 is not it"),
    "pipes": (PIPES, "41 is not it"),
    "functions": (FUNCTION, "7 is not it"),
    "inner-functions": (INNER_FUNCTION, "7 is not it"),
    "closures": (CLOSURE, "hides the notebook's"),
    "macros": (MACROS, "41 is not it"),
    "traits": (TRAIT, "41 is not it"),
    "operators": (OPERATORS, "a type of your own"),
    "module": (MODULE, ""),
    "prelude": (PRELUDE, "41 is not it"),
    "unsafe": (UNSAFE, "`unsafe`"),
    "extern": (EXTERN, "`unsafe`"),
    "serde": (SERDE, "code with `unsafe`"),
    "listener": (LISTENER, "set_listener"),
    "hook": (HOOK, "41 is not it"),
    "kills": (KILL, "no program may be started"),
    "traces": (TRACE, "memory of others"),
    "shell": (SHELL, "41 is not it"),
    "dependency": (DEPENDENCY, "41 is not it"),
    "secret": (SECRET, "41 is not it"),
}


@pytest.fixture(scope="module")
def hostile_class(small_course, tmp_path_factory):
    """Everybody hostile, and somebody honest before and after them, graded in one run."""
    handed_in = tmp_path_factory.mktemp("hostile")
    paths = []
    for name, source in [("honest", HONEST), *((name, source) for name, (source, _) in HOSTILE.items())]:
        path = handed_in / f"{name}.ipynb"
        path.write_text(notebook(first=source))
        paths.append(path)
    # What reads files while it is compiled, and what deletes them while it runs.
    solutions, own = small_course / "solutions" / "first.rs", handed_in / "honest.ipynb"
    checks = small_course / "exercises" / "first" / "check.rs"
    for name, source in {
        "reads-solution": f'let total = std::fs::read_to_string("{solutions}").expect("gone").len() as i64;',
        "reads-others": f'let total = std::fs::read_to_string("{own}").expect("gone").len() as i64;',
        "includes-solution": f'let text = include_str!("{solutions}"); let total: i64 = 42;',
        "includes-checks": f'let text = include_str!("{checks}"); let total: i64 = 42;',
        "includes-other": f'let text = include_str!("{own}"); assert!(!text.is_empty(), "gone"); let total: i64 = 42;',
        "deletes": f'std::fs::remove_dir_all("{small_course}").expect("gone"); let total: i64 = 42;',
        "writes-home": f'std::fs::write("{Path.home()}/hostile.txt", "x").expect("gone"); let total: i64 = 42;',
        "writes-data": f'std::fs::write("{small_course}/data/numbers.txt", "1").expect("gone"); let total: i64 = 42;',
    }.items():
        path = handed_in / f"{name}.ipynb"
        path.write_text(notebook(first=source))
        paths.append(path)
    last = handed_in / "last.ipynb"
    last.write_text(notebook(first="let total: i64 = 40 + 2;"))
    out = tmp_path_factory.mktemp("out")
    options = ["--cell-time", "12", "--time", "120", "--memory", "512MiB", "--disk", "32MiB"]
    process, results = grade(
        small_course, out, *paths, last, options=options, environment={"SECRET": "hunter2"}
    )
    print(process.stdout, process.stderr)
    return small_course, results


@pytest.mark.parametrize("name", HOSTILE)
def test_hostility_earns_nothing_and_gets_a_reason(hostile_class, name):
    _, results = hostile_class
    result = results[name]
    assert points(result)["first"] == 0, textwrap.shorten(words(result), 1000)
    assert words(result).strip()
    assert HOSTILE[name][1] in words(result)


@pytest.mark.parametrize(
    "name",
    ["reads-solution", "reads-others", "includes-solution", "includes-checks", "includes-other", "deletes", "writes-home", "writes-data"],
)
def test_files_of_others_are_out_of_reach(hostile_class, name):
    course, results = hostile_class
    assert points(results[name])["first"] == 0, words(results[name])
    assert (course / "solutions" / "first.rs").exists()
    assert (course / "data" / "numbers.txt").read_text() == "42\n"
    assert not (Path.home() / "hostile.txt").exists()


def test_nobody_elses_score_changes(hostile_class):
    _, results = hostile_class
    for honest in ("honest", "last"):
        assert points(results[honest]) == {"first": 3, "second": 1}, words(results[honest])
    # What costs a submission one cell leaves it the next.
    for name in ("loops", "prints", "exits", "aborts", "functions", "macros", "unsafe", "socket", "stdout", "display"):
        assert points(results[name])["second"] == 1, f"{name}: {words(results[name])}"


def test_processes_do_not_outlive_their_submission(hostile_class):
    names = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"examine" in command and command[0].endswith(b"taskloom"):
                names.append(command)
    assert not names


# A course's cell is compiled once for all. What would betray one: a cell of the same text that means something else, or
# one that somebody has put in the place of what the others find.
REDEFINED = "fn base() -> i64 { 5 }\nfn expected_total() -> i64 { base() + 2 }\nlet total: i64 = 7;"
SHARED_FILES = """\
fn spoil(folder: &std::path::Path, depth: u32, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_shared = path.to_string_lossy().contains("taskloom-course-");
        if is_shared {
            found.push(path.display().to_string());
        }
        if path.is_dir() && depth > 0 {
            spoil(&path, depth - 1, found);
        }
        if is_shared {
            let _ = std::fs::write(&path, "spoilt");
            let _ = std::fs::remove_file(&path);
            let _ = std::fs::remove_dir_all(&path);
        }
    }
}
let mut found = Vec::new();
for folder in ["/tmp", "/var/tmp", "/dev/shm", "..", "."] {
    spoil(std::path::Path::new(folder), 4, &mut found);
}
spoil(&std::env::temp_dir(), 4, &mut found);
assert!(found.is_empty(), "found {found:?}");
let total: i64 = 41;"""
# The word by which a result counts is in the object of the checks. Whoever reads that while the checks run must not have
# the same word as the others.
WORD = """\
std::thread::spawn(|| {
    let word = "@the-word-of-this-run-goes-here@";
    loop {
        for check in 0..2 {
            taskloom::display(&taskloom::MimeBundle::new().with_json(
                "application/vnd.taskloom.check-result+json",
                taskloom::serde_json::json!({"check": check, "message": null, "token": word}),
            ));
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
});
let total: i64 = 41;"""
# What the course compiled for whole numbers is not for others.
OTHER_TYPE = "let total: i32 = 42;"


def test_nothing_leaks_through_what_is_compiled_for_all(small_course, tmp_path):
    handed_in = {
        "a-redefines": (REDEFINED, "7 is not it"),
        "b-spoils": (SHARED_FILES, "41 is not it"),
        "c-word": (WORD, "41 is not it"),
        "d-other-type": (OTHER_TYPE, ""),
    }
    paths = []
    for name, (source, _) in handed_in.items():
        paths.append(tmp_path / f"{name}.ipynb")
        paths[-1].write_text(notebook(first=source))
    # The course's own words, after others have tried; one with cells of its own between, one after which they would come
    # to lie elsewhere.
    honest = {
        "y-honest": notebook(),
        "z-more": notebook(before=["let mine = 1;", "fn own() -> i64 { 1 }"], between=["let more = own() + mine;"]),
    }
    for name, text in honest.items():
        paths.append(tmp_path / f"{name}.ipynb")
        paths[-1].write_text(text)
    process, results = grade(small_course, tmp_path / "out", *paths, options=["--jobs", "1"])
    # Otherwise nothing here would be put to the test.
    assert "what all have in common" in process.stderr
    for name, (_, reason) in handed_in.items():
        assert points(results[name])["first"] == 0, words(results[name])
        assert reason in words(results[name])
    for name in honest:
        assert points(results[name]) == {"first": 3, "second": 1}, words(results[name])


NOBODY = 65534


# In a user namespace that allows no other below it, without the rights that its first user has: what is left is Landlock,
# seccomp and the limits.
NO_NAMESPACES = """\
unshare --user --map-root-user sh -ec '
echo 0 > /proc/sys/user/max_user_namespaces
exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs "$@"' sh"""


def by_somebody_else(needed, run, namespaces):
    """A command that runs `run` where everybody may look into the folders in which `needed` lie.

    The home of root is closed, and the toolchain is often in it. In a view of the files of its own, an empty home takes its
    place, with only the needed folders in it.
    """
    script, closed = ["mount -t tmpfs kept /mnt"], {}
    if not os.stat("/dev/null").st_mode & 0o002:
        # Some containers keep it to root.
        script += ["mknod -m 666 /mnt/null c 1 3 && mount --bind /mnt/null /dev/null"]
    for path in needed:
        for parent in reversed(path.parents):
            if not parent.stat().st_mode & 0o001:
                closed.setdefault(parent, set()).add(path)
                break
    for number, (parent, paths) in enumerate(sorted(closed.items())):
        kept = [(f"/mnt/kept-{number}-{index}", path) for index, path in enumerate(sorted(paths))]
        script += [f"mkdir {place} && mount --bind '{path}' {place}" for place, path in kept]
        script += [f"mount -t tmpfs -o mode=755 home '{parent}'"]
        script += [f"mkdir -p '{path}' && mount --bind {place} '{path}'" for place, path in kept]
    become = "" if namespaces else NO_NAMESPACES
    script += [f'exec setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups {become} "$@"']
    return ["unshare", "--mount", "sh", "-ec", "\n".join(script), "sh", *run]


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="only root can become somebody else")
@pytest.mark.parametrize("namespaces", [True, False], ids=["with-namespaces", "without-namespaces"])
def test_who_is_not_root_grades_as_safely(small_course, namespaces):
    home = Path(os.environ.get("TASKLOOM_HOME") or Path.home() / ".local/share/taskloom")
    installation = json.loads((home / "engine" / "engine.json").read_text())
    folder = Path(tempfile.mkdtemp(prefix="taskloom-nobody-", dir="/tmp"))
    try:
        shutil.copytree(small_course, folder / "course")
        solution, numbers = folder / "course/solutions/first.rs", folder / "course/data/numbers.txt"
        hostile = {
            "socket": SOCKET,
            "forks": FORK,
            "threads": THREADS,
            "kills": KILL,
            "reads-solution": f'let total = std::fs::read_to_string("{solution}").expect("gone").len() as i64;',
            "includes-solution": f'let text = include_str!("{solution}"); let total: i64 = 42;',
            "writes-data": f'std::fs::write("{numbers}", "1").expect("gone"); let total: i64 = 42;',
            "fills": MANY_FILES,
        }
        handed_in = [folder / f"{name}.ipynb" for name in [*hostile, "honest"]]
        for path in handed_in:
            path.write_text(notebook(first=hostile.get(path.stem, HONEST)))
        for root, folders, files in os.walk(folder):
            for name in [".", *folders, *files]:
                os.chown(os.path.join(root, name), NOBODY, NOBODY)
        needed = [home, BINARY.parent, Path(installation["rustc"]).parents[1]]
        run = [str(BINARY), "grade", "--course", str(folder / "course"), "--out", str(folder / "out"), "--home", str(home)]
        run += ["--cell-time", "20", "--disk", "32MiB", *map(str, handed_in)]
        process = subprocess.run(
            by_somebody_else([path.resolve() for path in needed], run, namespaces),
            capture_output=True,
            text=True,
            timeout=1500,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        )
        assert process.returncode == 0, process.stdout + process.stderr
        # What was missing is said.
        assert ("Not available on this machine: a user of its own" in process.stderr) == (not namespaces)
        results = {one["student"]: one for one in json.loads((folder / "out/results.json").read_text())["submissions"]}
        assert points(results["honest"]) == {"first": 3, "second": 1}, words(results["honest"]) + process.stderr
        for name in hostile:
            assert points(results[name])["first"] == 0, f"{name}: {words(results[name])}\n{process.stderr}"
            assert words(results[name]).strip()
        assert solution.exists() and numbers.read_text() == "42\n"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
