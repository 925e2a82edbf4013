"""Nothing that a cell does costs a variable: panics, deaths, endless cells; undo; and nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from conftest import BINARY
from session import Session, still_there

KEPT = "as it was before this cell"


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    session = Session(tmp_path_factory.mktemp("unbreakable"))
    session.ok("use taskloom::prelude::*;\nlet kept = vec![1i64, 2, 3];\nlet text = String::from(\"warp\");")
    session.ok("fn slow(x: i64) -> i64 { sleep_ms(50); x + 1 }\nfn sum(all: Vec<i64>) -> i64 { all.iter().sum() }")
    session.ok("let total = delayed!(slow(1));")
    yield session
    session.close()


@pytest.fixture
def session(shared):
    """The same session for all: each test leaves it whole, which is what they are about."""
    yield shared
    whole = shared.ok("(kept.clone(), text.clone(), total.compute()?)")
    assert whole.result == '([1, 2, 3], "warp", 2)'


# Each takes the variable `kept` with it, so that an evaluator without copies would have lost it.
DEATHS = {
    "exit": ("std::process::exit(3)", "exited with code 3"),
    "abort": ("std::process::abort()", "SIGABRT"),
    "segmentation fault": ("unsafe { std::ptr::null::<i32>().read_volatile() };", "SIGSEGV"),
    "kill": ("unsafe { kill(std::process::id() as i32, 9); } sleep_ms(5000);", "SIGKILL"),
    "illegal instruction": ("unsafe { core::arch::asm!(\"ud2\") };", "SIGILL"),
}


@pytest.mark.parametrize("how", DEATHS)
def test_a_death_costs_no_variable(session, how):
    code, said = DEATHS[how]
    if how == "kill":
        session.ok('unsafe extern "C" { fn kill(pid: i32, signal: i32) -> i32; }')
    if how == "illegal instruction" and os.uname().machine not in ("x86_64", "AMD64"):
        pytest.skip("the instruction is x86-64's")
    cell = session.fails(f"let taken = kept;\nprintln!(\"before\");\nlet n = taken.len();\n{code}")
    assert said in cell.error and KEPT in cell.error, cell.error


def test_a_stack_overflow_costs_no_variable(session):
    session.ok("fn deep(n: u64) -> u64 { if n == u64::MAX { 0 } else { std::hint::black_box(deep(n + 1)) + 1 } }")
    cell = session.fails("let taken = kept; deep(taken.len() as u64)")
    assert "overflowed its stack" in cell.text and KEPT in cell.error, cell.error


def test_a_panic_costs_no_variable_not_even_one_that_was_moved(session):
    cell = session.fails('let taken = kept;\npanic!("no {}", taken.len());')
    assert "no 3" in cell.error and "line 2" in cell.error


def test_an_error_costs_no_variable(session):
    cell = session.fails('let taken = kept;\nlet n: i32 = "x".parse()?;')
    assert "invalid digit" in cell.error


def test_what_a_failed_cell_had_changed_in_place_stays(session):
    """A cell that takes nothing is not rolled back: the work it has put into a variable may have taken an hour."""
    session.ok("let mut log: Vec<i32> = Vec::new();")
    session.fails('log.push(1); log.push(2); panic!("after the work")')
    assert session.ok("log.len()").result == "2"


ENDLESS = {
    "a loop": "loop {}",
    "a lock": "{ let lock = std::sync::Mutex::new(1); let _first = lock.lock(); let _second = lock.lock(); }",
    "a C library": "unsafe { while pause() == -1 {} }",
    "a full pool": "let all: Vec<Delayed<i64>> = (0..64).map(|_| delayed!(forever(1))).collect(); delayed!(sum(all)).compute()?;",
}


@pytest.mark.parametrize("where", ENDLESS)
def test_an_endless_cell_is_interrupted_and_costs_nothing(session, where):
    session.ok('unsafe extern "C" { fn pause() -> i32; }\nfn forever(x: i64) -> i64 { loop { std::hint::black_box(x); } }')
    cell = session.start(f"let taken = kept;\nprintln!(\"in {{}}\", taken.len());\n{ENDLESS[where]}")
    session.until(lambda: "in 3" in cell.stdout or cell.done, 60, "the cell to begin", cell)
    assert not cell.done, cell.text
    interrupted = session.interrupt()
    session.finish(cell, 30)
    assert cell.status == "error" and "Interrupted" in cell.error, cell.text
    assert KEPT in cell.error, cell.error
    # The bar is two seconds; a machine that runs other things has a few more.
    assert cell.replied - interrupted < 10


def test_threads_live_on_after_a_death(session):
    """The engine's pool, Polars' pool and the user's own threads are in the copy that takes over."""
    session.ok(
        "use std::sync::mpsc;\n"
        "let (ask, asked) = mpsc::channel::<i64>();\n"
        "let (answer, answered) = mpsc::channel::<i64>();\n"
        "std::thread::spawn(move || { for x in asked { let _ = answer.send(x * 2); } });"
    )
    session.ok("let client = Client::new()?;")
    assert session.ok("client.submit(slow, (1,)).result()?").result == "2"
    session.fails("std::process::abort()")
    assert session.ok("ask.send(21)?; answered.recv()?").result == "42"
    assert session.ok("client.submit(slow, (2,)).result()?").result == "3"
    assert session.ok("let many: Vec<Delayed<i64>> = (0..20).map(|x| delayed!(slow(x))).collect(); delayed!(sum(many)).compute()?").result == "210"
    frame = session.ok(
        "use taskloom::polars::prelude::*;\n"
        'df!("a" => (0..1000).collect::<Vec<i32>>())?.lazy().group_by([col("a") % lit(3)]).agg([len()]).collect()?.height()'
    )
    assert frame.result == "3"


def test_the_memory_limit_ends_the_cell_and_nothing_else(session):
    session.ok("%config memory_limit = 300")
    try:
        cell = session.fails("let mut hoard: Vec<Vec<u8>> = Vec::new(); loop { hoard.push(vec![1; 10_000_000]); }")
        assert "memory" in cell.error and "limit" in cell.error and KEPT in cell.error, cell.error
    finally:
        session.ok("%config memory_limit = off")


def test_the_limit_of_the_kernelspec_holds_from_the_start_and_for_every_process(tmp_path, monkeypatch):
    """`taskloom install --memory-limit` writes a kernelspec whose sessions have the limit, until `%config` changes it."""
    hoard = (
        "let mut hoard: Vec<Vec<u8>> = Vec::new();\n"
        "for _ in 0..40 { hoard.push(vec![1; 10_000_000]); }\n"
        "std::thread::sleep(std::time::Duration::from_millis(500));\n"
        "hoard.len()"
    )
    # Installed for a person's own Jupyter, in a folder of the test's: nobody else's kernelspec changes.
    user = tmp_path / "user"
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(user))
    monkeypatch.setenv("JUPYTER_PATH", str(user))
    home = tmp_path / "home"

    def install(*flags: str) -> str:
        command = [BINARY, "install", "--home", home, "--user", *flags]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "300 MiB" in install("--memory-limit", "300MiB")
    # As `cargo lab` does each time: the limit stays.
    assert "300 MiB" in install()
    session = Session(tmp_path)
    try:
        assert session.ok("%config memory_limit").stdout.strip() == "memory_limit = 300 MiB"
        session.ok("let mut kept = vec![1, 2, 3];")
        for _ in range(2):
            cell = session.fails(f"kept.push(4);\n{hoard}")
            assert "limit of 300 MiB" in cell.error and KEPT in cell.error, cell.error
            assert session.ok("kept.clone()").result == "[1, 2, 3]"
        # A new process has it too.
        session.ok("%reset -f")
        assert "limit of 300 MiB" in session.fails(hoard).error
        session.ok("%config memory_limit = 2GiB")
        assert session.ok(hoard).result == "40"
    finally:
        session.close()
    assert "memory" not in install("--memory-limit", "off")
    assert json.loads((user / "kernels/taskloom/kernel.json").read_text())["argv"][-2:] == ["--home", str(home)]
    wrong = subprocess.run([BINARY, "install", "--memory-limit", "2 chests"], capture_output=True, text=True, timeout=60)
    assert wrong.returncode != 0 and "2 chests" in wrong.stderr and "GiB" in wrong.stderr


def test_a_hub_can_set_the_limit_in_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("TASKLOOM_MEMORY_LIMIT", str(256 << 20))
    session = Session(tmp_path)
    try:
        assert session.ok("%config memory_limit").stdout.strip() == "memory_limit = 256 MiB"
        assert session.ok('std::env::var("TASKLOOM_MEMORY_LIMIT").is_err()').result == "true"
    finally:
        session.close()


def test_undo_goes_back_cell_by_cell(session):
    session.ok("let mut steps = vec![1];")
    session.ok("steps.push(2);")
    session.ok("let gone = std::mem::take(&mut steps); fn only_there() -> i32 { 1 }")
    assert session.ok("steps.len()").result == "0"
    session.ok("%undo")
    session.ok("%undo")
    assert session.ok("steps.clone()").result == "[1, 2]"
    assert "only_there" in session.fails("only_there()").error
    session.ok("%undo")
    session.ok("%undo")
    assert session.ok("steps.clone()").result == "[1]"


def test_a_session_outlives_a_hundred_deaths(session):
    session.ok("let mut count = 0;")
    for round in range(10):
        session.ok("count += 1;")
        session.fails("let taken = kept; std::process::abort()")
    assert session.ok("count").result == "10"


def test_types_that_change_take_their_variables_along_and_say_so(session):
    session.ok("struct Point { x: i32 }\nimpl Point { fn twice(&self) -> i32 { self.x * 2 } }\nlet point = Point { x: 4 };")
    assert session.ok("point.twice()").result == "8"
    # An `impl` that is added does not make another type.
    session.ok("impl Point { fn thrice(&self) -> i32 { self.x * 3 } }")
    assert session.ok("point.thrice()").result == "12"
    session.ok("struct Point { x: String }\nlet other = Point { x: String::from(\"a\") };")
    cell = session.fails("point.x")
    assert "defined anew" in cell.text, cell.text
    assert session.ok("other.x.clone()").result == '"a"'


def test_functions_call_the_newest_definition(session):
    session.ok("fn inner() -> i32 { 1 }\nfn outer() -> i32 { inner() * 10 }")
    assert session.ok("outer()").result == "10"
    session.ok("fn inner() -> i32 { 2 }")
    assert session.ok("outer()").result == "20"


def test_without_copies_the_loss_is_told_with_its_reason(tmp_path, monkeypatch):
    """Where a process cannot be copied, functions and types live on, and the rest is said plainly."""
    monkeypatch.setenv("TASKLOOM_NO_COPIES", "1")
    session = Session(tmp_path)
    try:
        session.ok("let lost = 1;\nfn kept() -> i32 { 2 }")
        cell = session.fails("std::process::abort()")
        assert "variables are gone" in cell.error and "TASKLOOM_NO_COPIES" in cell.error, cell.error
        assert session.ok("kept()").result == "2"
        assert "lost" in session.fails("lost").error
        assert "cannot be undone" in session.fails("%undo").error
        panicked = session.ok("let v = vec![1];")
        panicked = session.fails('let w = v; panic!("no {}", w.len());')
        assert "no 1" in panicked.error
        assert "v" in session.fails("v").error
    finally:
        session.close()


def test_nothing_is_left_when_the_kernel_is_killed(tmp_path):
    folder = tmp_path / "tmp"
    folder.mkdir()
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = str(folder)
    try:
        session = Session(tmp_path)
    finally:
        if before is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = before
    session.ok("let kept = 1;")
    session.ok("std::thread::spawn(|| loop {});")
    cell = session.start('println!("on"); loop {}')
    session.until(lambda: "on" in cell.stdout, 60, "the cell to begin", cell)
    family = session.family()
    assert len(family) > 3, family
    os.kill(session.pid, signal.SIGKILL)
    assert not still_there(family), "processes were left"
    deadline = time.monotonic() + 10
    while list(folder.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not list(folder.iterdir()), "files were left"
    session.client.stop_channels()
    session.manager.cleanup_resources()


def test_no_zombies_and_no_crowd_of_copies(session):
    for _ in range(12):
        session.ok("kept.len()")
    states = subprocess.run(["ps", "-A", "-o", "ppid=,stat="], capture_output=True, text=True, check=True).stdout
    family = set(session.family())
    zombies = [line for line in states.splitlines() if int(line.split()[0]) in family and line.split()[1].startswith("Z")]
    assert not zombies
    assert len(session.runners()) <= 8, session.family()


def test_input_reaches_the_cell(session):
    """Any way of reading standard input asks the person in front of the notebook."""
    id = session.client.execute('let mut line = String::new(); std::io::stdin().read_line(&mut line)?; line.trim().len()', allow_stdin=True)
    cell = session._sent(id, "input")
    asked = session.client.get_stdin_msg(timeout=30)
    assert asked["msg_type"] == "input_request"
    session.client.input("woven")
    session.finish(cell)
    assert cell.result == "5"


def test_the_plain_folder_of_the_session_goes_with_it(tmp_path):
    session = Session(tmp_path)
    session.ok("1 + 1")
    family = session.family()
    session.close()
    assert not still_there(family)
    mine = f"taskloom-{list(family)[0]}-"
    assert not [entry for entry in Path("/tmp").iterdir() if entry.name.startswith(mine)]
