"""What happens to cells: good ones, wrong ones, and ones that never end.

Most tests share one session, as cells of one notebook do, so each uses names of its own. A test that leaves the
session busy or dead costs nobody else anything: the next one gets a new session.
"""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import pytest

from exercises import read_exercise, report_in
from session import Session, still_there

# What only the machinery behind a cell knows of. None of it belongs into a message about the person's own code.
INTERNALS = ["evcxr", "lib.rs", "LOAD_AND_RUN", "run_user_code", "rust_begin_unwind", "core::panicking", "stack backtrace", "/tmp/"]


def assert_no_internals(text: str) -> None:
    seen = [word for word in INTERNALS if word in text]
    assert not seen, f"the message speaks of the machinery ({', '.join(seen)}):\n{text}"


def assert_place(text: str, line: int, column: int | None = None) -> None:
    """The message names the place: `line 3, column 14`, or `3:14` as rustc writes it."""
    if column is None:
        pattern = rf"\bline {line}\b|:{line}(:\d+)?\b"
    else:
        pattern = rf"\bline {line}, column {column}\b|\b{line}:{column}\b"
    assert re.search(pattern, text), f"line {line}, column {column} of the cell is not named in:\n{text}"


def seconds_in(text: str) -> float:
    """The longest of the times in a text, such as `301.2 ms`, in seconds."""
    unit = {"ns": 1e-9, "µs": 1e-6, "μs": 1e-6, "us": 1e-6, "ms": 1e-3, "s": 1.0}
    times = re.findall(r"(\d+(?:\.\d+)?)\s*(ns|µs|μs|us|ms|s)\b", text)
    assert times, f"no time is shown in:\n{text}"
    return max(float(number) * unit[name] for number, name in times)


# A session remembers


def test_variables_live_on(session):
    session.ok("let kept = 40;")
    session.ok("let mut list = vec![1];")
    session.ok("list.push(kept + 2);")
    assert session.ok("list").result == "[1, 42]"
    assert session.ok("list.len()").result == "2"


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="says which libraries a process has on Linux only")
def test_cells_take_generic_code_from_the_library_made_at_set_up(session):
    """Without it they work as well, but take twice as long to compile: nobody would notice that it is missing."""
    session.ok('let mapped = std::fs::read_to_string("/proc/self/maps")?;')
    assert session.ok('mapped.contains("libtaskloom_generics")').result == "true"


def test_functions_types_and_uses_live_on(session):
    session.ok("use std::collections::BTreeMap;\n#[derive(Debug, Clone)]\nstruct Plane { seats: u32 }")
    session.ok("impl Plane { fn full(&self) -> u32 { self.seats * 2 } }\nfn seats(p: &Plane) -> u32 { p.full() }")
    session.ok("let plane = Plane { seats: 21 };")
    assert session.ok("seats(&plane)").result == "42"
    assert session.ok("plane").result == "Plane { seats: 21 }"
    assert session.ok('BTreeMap::from([("a", 1)])').result == '{"a": 1}'


def test_a_function_can_be_defined_again(session):
    session.ok("fn version() -> u8 { 1 }")
    session.ok("fn version() -> u8 { 2 }")
    assert session.ok("version()").result == "2"


def test_types_need_not_be_written(session):
    """Whatever a variable's type is, the session finds its name out."""
    session.ok("let numbers = vec![1];")
    session.ok('let nested = vec![Some(("a".to_string(), 1.5))];')
    session.ok('let counts: std::collections::HashMap<_, _> = [("x", 1u8)].into_iter().collect();')
    session.ok("fn same(x: i64) -> i64 { x }\nlet lazy = delayed!(same(7));\nlet many: Vec<_> = (0..3).map(|i| delayed!(same(i))).collect();")
    assert session.ok("numbers").result == "[1]"
    assert session.ok("nested").result == '[Some(("a", 1.5))]'
    assert session.ok('counts["x"]').result == "1"
    assert session.ok("lazy.compute()?").result == "7"
    assert session.ok("many.len()").result == "3"


def test_a_statement_shows_nothing(session):
    assert session.ok("let quiet = 1;").outline == []
    assert session.ok("").outline == []
    assert session.ok("// only a comment").outline == []


# Output


def test_output_keeps_its_order(session):
    cell = session.ok('println!("one");\neprintln!("two");\nprintln!("three");\n4')
    assert cell.stdout == "one\nthree\n"
    assert cell.stderr == "two\n"
    assert cell.outline[-1] == "execute_result"
    cell = session.ok('for i in 0..2000 { println!("{i}"); }')
    assert cell.stdout == "".join(f"{i}\n" for i in range(2000))


def test_output_comes_before_the_idle_status(session):
    """No output is left behind when the cell has ended, nor shown under the next cell."""
    for i in range(5):
        cell = session.ok(f'print!("last words {i}");')
        assert cell.stdout == f"last words {i}"


def test_a_partial_line_is_seen_while_the_cell_runs(session):
    cell = session.start('print!("half");\nstd::thread::sleep(std::time::Duration::from_secs(3));\nprintln!(" whole");')
    session.until(lambda: "half" in cell.stdout, 20, "the half line", cell)
    seen = time.monotonic()
    session.finish(cell)
    assert cell.stdout == "half whole\n"
    assert cell.replied - seen > 1.5, "the half line came only with the end of the cell"


def test_output_with_odd_bytes(session):
    cell = session.ok('println!("Übung → ∑ 🦀");\nuse std::io::Write;\nstd::io::stdout().write_all(b"bad \\xff byte\\n")?;')
    assert "Übung → ∑ 🦀\n" in cell.stdout
    assert "byte" in cell.stdout


SLOW = "fn slow(i: u64) -> u64 { sleep_ms(200); i }\nfn total(v: Vec<u64>) -> u64 { v.iter().sum() }"


def lazy_sum(name: str, count: int) -> str:
    """A cell that makes a lazy sum over `count` tasks of a fifth of a second."""
    return f"{SLOW}\nlet parts: Vec<_> = (0..{count}).map(|i| delayed!(slow(i))).collect();\nlet {name} = delayed!(total(parts));"


def test_displays_and_stdout_keep_their_order(session):
    session.ok("fn leaf(x: i64) -> i64 { x }")
    cell = session.ok(
        'println!("first");\n'
        "display(&delayed!(leaf(1)).visualize());\n"
        'println!("second");\n'
        'display(&MimeBundle::new().with("text/plain", "third").with("text/html", "<b>third</b>"));\n'
        'eprintln!("fourth");\n'
        "delayed!(leaf(2)).compute()?"
    )
    assert cell.outline == [
        "out:first\n",
        "display_data",
        "out:second\n",
        "display_data",
        "err:fourth\n",
        "execute_result",
    ]
    assert "image/svg+xml" in cell.bundles[0]
    assert cell.bundles[1] == {"text/plain": "third", "text/html": "<b>third</b>"}


def test_a_display_can_be_replaced(session):
    cell = session.ok(
        'fn show_me(text: &str) -> MimeBundle { MimeBundle::new().with("text/plain", text) }\n'
        'display_as(&show_me("one"), "place");\n'
        'update_display(&show_me("two"), "place");'
    )
    (shown,), (update,) = cell.of_type("display_data"), cell.of_type("update_display_data")
    assert shown["transient"]["display_id"] == update["transient"]["display_id"]
    assert (shown["data"]["text/plain"], update["data"]["text/plain"]) == ("one", "two")


def test_two_long_computes_have_a_bar_each(session):
    session.ok(lazy_sum("sum_a", 30))
    session.ok(lazy_sum("sum_b", 31))
    cell = session.ok(
        'println!("{}", sum_a.compute_with(Scheduler::Threads(2))?);\n'
        'println!("{}", sum_b.compute_with(Scheduler::Threads(2))?);'
    )
    assert cell.outline == ["display_data", "out:435\n", "display_data", "out:465\n"]
    first, second = (shown["transient"]["display_id"] for shown in cell.of_type("display_data"))
    assert first != second


def test_a_long_compute_shows_its_progress(session):
    session.ok(lazy_sum("sum_progress", 30))
    cell = session.ok("sum_progress.compute_with(Scheduler::Threads(2))?")
    assert cell.result == "435"
    shown = cell.of_type("display_data")
    updates = cell.of_type("update_display_data")
    assert len(shown) == 1, f"one bar was expected: {cell.outline}"
    assert "taskloom-progress" in shown[0]["data"]["text/html"]
    assert shown[0]["data"]["text/plain"].strip()
    id = shown[0]["transient"]["display_id"]
    assert len(updates) >= 3
    assert {update["transient"]["display_id"] for update in updates} == {id}
    times = [when for when, message in cell.messages if message["msg_type"] == "update_display_data"]
    assert times[-1] - times[0] > 1, "the updates should come while the compute goes on"
    assert updates[-1]["data"] != updates[0]["data"]


def test_a_quick_compute_shows_no_progress(session):
    session.ok("fn quick(i: u64) -> u64 { i + 1 }")
    cell = session.ok("delayed!(quick(1)).compute()?")
    assert cell.outline == ["execute_result"]


# Code that does not compile


@pytest.mark.parametrize(
    "code, line, column, says",
    [
        ('let a = 1;\nlet b = 2;\nlet c: i32 = "three";', 3, 14, "mismatched types"),
        ("no_such_name + 1", 1, 1, "no_such_name"),
        ("\n\nlet x = 1\nlet y = 2;", 3, None, "expected"),
        ('let s = String::from("a");\nlet t = s;\nprintln!("{s}");', 3, None, "moved"),
        ('fn wrong() -> u32 {\n    let n: u32 = 1;\n    n + "one"\n}', 3, 7, "cannot add"),
        ("let z = 1;\nz.no_such_method()", 2, 3, "no_such_method"),
    ],
    ids=["wrong type", "unknown name", "missing semicolon", "moved value", "in a function", "unknown method"],
)
def test_code_that_does_not_compile(session, code, line, column, says):
    session.ok("let untouched = vec![1, 2];")
    cell = session.fails(code)
    assert says in cell.error
    assert_place(cell.error, line, column)
    assert_no_internals(cell.text)
    assert session.ok("untouched").result == "[1, 2]"


def test_a_compile_error_shows_the_line_it_is_about(session):
    cell = session.fails('let fine = 1;\nlet wrong: i32 = "the text in question";')
    assert 'let wrong: i32 = "the text in question";' in cell.error


def test_nothing_of_a_cell_that_does_not_compile_has_run(session):
    session.ok("let mut untouched_list = vec![1];")
    cell = session.fails('println!("ran");\nuntouched_list.push(2);\nlet n: i32 = "x";')
    assert cell.stdout == ""
    assert session.ok("untouched_list").result == "[1]"


def test_cells_waiting_behind_a_failed_one_do_not_run(session):
    """JupyterLab's Run All sends every cell at once."""
    session.ok("let mut ran = 0;")
    first = session.start('let n: i32 = "x";')
    second = session.start("ran += 1;")
    session.finish(first)
    session.finish(second)
    assert first.status == "error"
    assert second.status == "aborted"
    assert session.ok("ran").result == "0"


# Panics, errors


def test_a_panic_costs_only_its_cell(session):
    session.ok("let before = vec![1, 2, 3];")
    session.ok("fn fragile(n: i32) -> i32 {\n    if n > 2 { panic!(\"too many: {n}\"); }\n    n\n}")
    cell = session.fails('let x = 1;\n\npanic!("boom at three");')
    assert "boom at three" in cell.error
    assert_place(cell.error, 3)
    assert_no_internals(cell.text)
    assert session.ok("before").result == "[1, 2, 3]"
    cell = session.fails("fragile(3)")
    assert "too many: 3" in cell.error
    assert_no_internals(cell.text)
    assert session.ok("fragile(2) + before[0]").result == "3"


def test_a_variable_that_a_panicking_cell_was_changing(session):
    """Whether the change stays is not promised; that the session goes on is."""
    session.ok("let mut shaky = vec![1];")
    session.fails("shaky.push(2);\nlet beyond = shaky[10];")
    assert session.ok("1 + 1").result == "2"


def test_an_err_at_the_top_level(session):
    session.ok("let steady = 5;")
    cell = session.fails('let n: i32 = "seven".parse()?;')
    assert "invalid digit" in cell.error
    assert_no_internals(cell.text)
    assert session.ok("steady").result == "5"


def test_a_task_that_fails_is_named(session):
    session.ok("fn parse_it(s: String) -> Result<i32, std::num::ParseIntError> { s.parse() }\nfn explode(n: i32) -> i32 { panic!(\"the {n}th went off\") }")
    cell = session.fails('delayed!(parse_it("x".to_string())).compute()?')
    assert "parse_it" in cell.error and "invalid digit" in cell.error
    cell = session.fails("delayed!(explode(4)).compute()?")
    assert "explode" in cell.error and "the 4th went off" in cell.error
    assert_no_internals(cell.text)
    assert session.ok("2 + 2").result == "4"


def test_a_cell_can_wait(own_session):
    """`.await` works at the top level of a cell; the crate that it runs on is compiled at its first use."""
    own_session.ok("use taskloom::prelude::*;\nasync fn later(n: i64) -> i64 { n + 1 }\nlet client = Client::new()?;")
    assert own_session.ok("let four = later(3).await;\nfour", timeout=180).result == "4"
    own_session.ok("let mut sum = 0;\nfor n in 0..3 { sum += later(n).await; }")
    assert own_session.ok("sum + client.submit(|n: i64| n * 2, (four,)).await?").result == "14"
    # A future itself has a type without a name, as a closure has: the way to keep one is said, and works.
    refused = own_session.fails("let task = async { later(4).await };")
    assert "`task` is a future" in refused.error
    [boxed] = re.findall(r"`(let task: .*Box::pin\(…\);)`", refused.error.splitlines()[-1])
    own_session.ok(boxed.replace("…", "async { later(4).await }"))
    assert own_session.ok("task.await").result == "5"
    assert own_session.ok("drop(async { later(4).await });\n2").result == "2"


# Cells that never end, and sessions that do


def test_a_cell_that_never_ends_is_interrupted(session):
    session.ok("let treasure = vec![7];")
    cell = session.start('println!("started");\nloop {}')
    session.until(lambda: "started" in cell.stdout, 20, "the cell to start", cell)
    interrupted = session.interrupt()
    session.finish(cell, 20)
    assert cell.replied - interrupted < 5
    assert cell.status == "error"
    assert "nterrupt" in cell.error
    assert_no_internals(cell.text)
    # Either nothing is lost, or the message has said that it is.
    after = session.run("treasure.clone()")
    assert after.result == "[7]" or "variable" in cell.error, cell.error
    assert session.ok("1 + 1").result == "2"


def test_a_cell_that_sleeps_is_interrupted(session):
    cell = session.start('println!("started");\nstd::thread::sleep(std::time::Duration::from_secs(600));')
    session.until(lambda: "started" in cell.stdout, 20, "the cell to start", cell)
    interrupted = session.interrupt()
    session.finish(cell, 20)
    assert cell.replied - interrupted < 5
    assert cell.status == "error"
    assert session.ok("1 + 1").result == "2"


def test_a_long_compute_is_interrupted_and_loses_nothing(session):
    session.ok("let prize = vec![8];")
    session.ok(lazy_sum("sum_long", 100))
    cell = session.start('println!("started");\nsum_long.compute_with(Scheduler::Threads(2))?')
    session.until(lambda: "started" in cell.stdout, 20, "the cell to start", cell)
    session.listen(1)
    interrupted = session.interrupt()
    session.finish(cell, 20)
    assert cell.replied - interrupted < 5
    assert cell.status == "error"
    assert "nterrupt" in cell.error or "ancel" in cell.error
    assert session.ok("prize").result == "[8]"
    session.ok(lazy_sum("sum_after", 4))
    assert session.ok("sum_after.compute()?").result == "6"


def test_an_interrupt_while_nothing_runs_does_nothing(session):
    session.ok("let calm = 3;")
    session.interrupt()
    session.listen(0.5)
    assert session.alive
    assert session.ok("calm").result == "3"


@pytest.mark.parametrize(
    "code, says",
    [("std::process::exit(3);", "3"), ("std::process::abort();", "")],
    ids=["exit", "abort"],
)
def test_a_cell_that_ends_its_process(own_session, code, says):
    kernel = own_session.pid
    own_session.ok("fn still_known() -> i32 { 9 }")
    cell = own_session.fails(code)
    assert says in cell.error
    assert_no_internals(cell.text)
    assert own_session.alive and own_session.pid == kernel
    assert own_session.ok("1 + 1").result == "2"
    assert own_session.ok("still_known()").result == "9"


def test_a_runner_killed_while_it_runs_a_cell(own_session):
    cell = own_session.start('println!("started");\nloop {}')
    own_session.until(lambda: "started" in cell.stdout, 20, "the cell to start", cell)
    runners = own_session.runners()
    assert runners, f"no runner among {own_session.family()}"
    for pid in runners:
        os.kill(pid, signal.SIGKILL)
    own_session.finish(cell, 20)
    assert cell.status == "error"
    assert_no_internals(cell.text)
    assert own_session.ok("1 + 1").result == "2"


def test_a_runner_killed_between_two_cells(own_session):
    for pid in own_session.runners():
        os.kill(pid, signal.SIGKILL)
    own_session.listen(0.5)
    cell = own_session.run("1 + 1")
    if cell.status == "error":  # it may say once what happened
        assert_no_internals(cell.text)
        cell = own_session.ok("1 + 1")
    assert cell.result == "2"


# While a cell runs


def test_a_running_cell_keeps_nothing_else_waiting(session):
    session.ok("let a_long_name_to_complete = 1;")
    session.finish(session.complete("a_long_na"), 60)  # the first one may have to start what completes
    cell = session.start('println!("started");\nstd::thread::sleep(std::time::Duration::from_secs(5));')
    session.until(lambda: "started" in cell.stdout, 20, "the cell to start", cell)
    info = session.replied(session.kernel_info(), 20)
    completion = session.replied(session.complete("a_long_na"), 20)
    control = session.replied(session.control("kernel_info_request"), 20)
    assert not cell.done, "the cell ended too early for this test to say anything"
    assert info.seconds < 1
    assert completion.seconds < 1
    assert control.seconds < 1
    assert "a_long_name_to_complete" in completion.reply["matches"]
    assert session.finish(cell).status == "ok"


# Restart, shutdown


def test_a_restart_forgets_everything(own_session):
    own_session.ok("let gone = 1;")
    before = own_session.family()
    own_session.restart()
    assert not still_there(set(before) - set(own_session.family()))
    own_session.fails("gone")
    assert own_session.ok("1 + 1").result == "2"


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "running a cell"])
def test_shutdown_leaves_no_process_behind(course, busy):
    session = Session(course / "notebooks")
    try:
        session.ok("use taskloom::prelude::*;\nfn one() -> i32 { 1 }\ndelayed!(one()).compute()?")
        if busy:
            cell = session.start('println!("started");\nloop {}')
            session.until(lambda: "started" in cell.stdout, 20, "the cell to start", cell)
        family = session.family()
        assert session.pid in family
    finally:
        session.close()
    assert not still_there(set(family) | set(session.family()))


def test_a_killed_kernel_leaves_no_process_behind(course):
    session = Session(course / "notebooks")
    try:
        session.ok("1 + 1")
        family = session.family()
        os.kill(session.pid, signal.SIGKILL)
        assert not still_there(set(family))
    finally:
        session.close()


# Magics


def test_lsmagic_lists_every_magic(session):
    text = session.ok("%lsmagic").text
    for magic in ("%lsmagic", "%time", "%%time", "%visualize", "%check", "%hint", "%solution"):
        assert re.search(rf"(?<![%\w]){magic}\b", text), f"{magic} is not in:\n{text}"


def test_time_shows_how_long_a_line_took(session):
    cell = session.ok("%time sleep_ms(400)")
    assert 0.4 <= seconds_in(cell.text) < 1.5, cell.text
    assert session.ok("%time 20 + 1").result == "21"


def test_time_shows_how_long_a_cell_took(session):
    cell = session.ok('%%time\nlet timed = 6;\nsleep_ms(400);\nprintln!("done");')
    assert "done" in cell.stdout
    assert 0.4 <= seconds_in(cell.text) < 1.5, cell.text
    assert session.ok("timed").result == "6"
    cell = session.fails("%%time\nlet a = 1;\nlet b: i32 = \"x\";")
    assert_place(cell.error, 3, 14)


def test_visualize_draws_a_variable(session):
    session.ok("fn draw_me(x: i64) -> i64 { x }\nlet drawn = delayed!(draw_me(1));")
    for code in ("%visualize drawn", "drawn.visualize()"):
        bundles = [bundle for bundle in session.ok(code).bundles if "image/svg+xml" in bundle]
        assert len(bundles) == 1
        assert "<svg" in bundles[0]["image/svg+xml"] and "draw_me" in bundles[0]["image/svg+xml"]
        assert bundles[0]["text/plain"].strip()
    assert session.ok("drawn.compute()?").result == "1"
    assert "not_a_variable" in session.fails("%visualize not_a_variable").error


def test_check_hint_and_solution(own_session):
    """One exercise from its starter to its answer, through the magics."""
    session = own_session
    exercise = read_exercise("delayed-loop")

    # Nothing of the exercise is in the session yet: the check says what is missing, in its own words.
    report = report_in(session.ok(f"%check {exercise.id}").bundles, exercise)
    assert not report["passed"] and report["points"] == 0
    for check in report["checks"]:
        assert_no_internals(check["message"])
        assert "error[" not in check["message"], check["message"]

    hints = [session.ok(f"%hint {exercise.id}").text for _ in exercise.hints]
    for shown, hint in zip(hints, exercise.hints):
        assert words(hint) in words(shown)
    assert words(exercise.hints[-1]) in words(session.ok(f"%hint {exercise.id}").text), "after the last hint it stays"

    solution = session.ok(f"%solution {exercise.id}")
    assert words(exercise.solution) in words(solution.text)


def words(text: str) -> str:
    return " ".join(text.replace("`", "").split())


def test_an_unknown_magic_says_what_was_meant(session):
    text = session.run("%chekc delayed-loop").text
    assert "%chekc" in text and "%check" in text.replace("%chekc", ""), text
    assert_no_internals(text)


@pytest.mark.parametrize("magic", ["%check", "%hint", "%solution"])
def test_an_unknown_exercise_says_which_there_are(session, magic):
    for code, said in ((f"{magic} delayed-lop", "delayed-loop"), (magic, "%progress lists them all")):
        text = session.run(code).text
        assert said in text, f"{code!r} gave:\n{text}"
        assert_no_internals(text)


def test_a_percent_sign_in_rust_is_no_magic(session):
    assert session.ok("let seven = 7;\nseven\n    % 4").result == "3"
