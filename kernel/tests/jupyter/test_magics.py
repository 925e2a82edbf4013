"""Every magic in a live kernel: what it does, and what it says when it cannot.

Tests share a session where they can, so each uses names of its own. The kernel works in a folder that belongs to the
tests, with a copy of the course above it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from exercises import read_exercise
from session import Session, still_there


@pytest.fixture(scope="module")
def folder(new_course) -> Path:
    folder = new_course("magics") / "work"
    folder.mkdir()
    return folder


def payload(cell, source: str) -> list[dict]:
    return [part for part in cell.reply["payload"] if part["source"] == source]


def page(cell) -> str:
    """What a question shows beside the notebook."""
    pages = payload(cell, "page")
    assert len(pages) == 1, cell.reply
    return pages[0]["data"]["text/plain"]


def names(session) -> list[str]:
    matches = session.finish(session.complete("%")).reply["matches"]
    return [name for name in matches if name.startswith("%")]


# Help


EXPECTED = """%visualize %progress %profile %%profile %check %hint %solution %load %time %%time %timeit %%timeit %who %whos %type
%reset %undo %history %dep %deps %env %cd %pwd %ls %%writefile %%bash %%sh %%html %%markdown %%svg %%latex %opt %config
%run %lsmagic %magic""".split()


def test_lsmagic_and_completion_know_every_magic(session):
    listed = session.ok("%lsmagic").text
    for name in EXPECTED:
        assert name in names(session), name
        assert re.search(rf"(?<![%\w]){re.escape(name)}\b", listed), name


# What an example needs that it does not make itself, or why it may fail.
BEFORE = {"%run": "%%writefile example.rs\nfn twice(x: i64) -> i64 { 2 * x }"}
MAY_SAY = {"%undo": "cannot be undone", "%dep": "could not be downloaded"}


def test_the_example_in_the_help_of_each_magic_runs(own_session):
    session = own_session
    everything = names(session)
    assert len(everything) >= len(EXPECTED)
    for name in sorted(everything, key=lambda name: name == "%reset"):
        help = page(session.ok(f"{name}?"))
        assert help.startswith(name), help
        example = help.split("Example:\n")[1]
        assert all(line.startswith("    ") for line in example.splitlines()), help
        example = "\n".join(line[4:] for line in example.splitlines())
        assert name in example
        if name in BEFORE:
            session.ok(BEFORE[name])
        cell = session.run(example, timeout=120)
        allowed = name in MAY_SAY and MAY_SAY[name] in cell.error
        assert cell.status == "ok" or allowed, f"the example of {name} fails:\n{example}\n\n{cell.text}"


def test_magic_explains_magics(session):
    text = page(session.ok("%magic"))
    assert "%%name" in text and "!command" in text
    assert page(session.ok("?")) == text
    assert page(session.ok("%magic %time")) == page(session.ok("%time?"))
    assert page(session.ok("lsmagic?")) == page(session.ok("%lsmagic?"))


def test_questions_about_names(session):
    session.ok("/// Adds one.\nfn asked(x: i64) -> i64 {\n    x + 1\n}\nlet answer = vec![asked(1)];")
    assert "let answer: Vec<i64>" in page(session.ok("answer?"))
    assert page(session.ok("asked?")).endswith("fn asked(x: i64) -> i64")
    assert page(session.ok("?asked")).endswith("fn asked(x: i64) -> i64")
    assert "x + 1" in page(session.ok("asked??"))
    assert "nothing_here" in session.fails("nothing_here?").error


def test_a_question_mark_on_a_result_is_rust(session):
    session.ok('let parsed: Result<i64, std::num::ParseIntError> = "12".parse();')
    assert session.ok("parsed?").result == "12"


@pytest.mark.parametrize(
    "wrong, says",
    [
        ("%chekc x", "did you mean %check?"),
        ("%%tiem\nx", "did you mean %%time?"),
        ("%writefile x", "%%writefile"),
        ("%%who\nx", "there is %who"),
        ("%pip install numpy", "%dep"),
        ("%matplotlib inline", "is shown"),
        ("%%cython\nx", "compiled"),
        ("%debug", "dbg!"),
        ("%frobnicate", "%lsmagic"),
        ("%frobnicate?", "%lsmagic"),
    ],
)
def test_an_unknown_magic_says_what_to_use(session, wrong, says):
    assert says in session.fails(wrong).error


def test_a_cell_magic_has_to_come_first(session):
    error = session.fails("let late = 1;\n%%time\nlate").error
    assert "first line" in error and "%%time" in error


# A cell in pieces


def test_magics_shell_and_commands_stand_between_statements(session):
    cell = session.ok('let one = 1;\n!echo from the shell\n%time let two = one + 1;\n:vars\nprintln!("two is {two}");')
    assert [part for part in cell.outline if part.startswith("out:")] != []
    text = cell.text
    assert "from the shell" in text and "two is 2" in text and "Wall time" in text


def test_lines_keep_their_numbers_behind_magics(session):
    error = session.fails('%pwd\n\nlet fine = 1;\n!true\nlet wrong: i32 = "x";').error
    assert "line 5, column 18" in error
    error = session.fails("let fine = 1;\n%time   let wrong: i32 = \"x\";").error
    assert "line 2, column 26" in error


def test_what_is_rust_stays_rust(session):
    session.ok("let seven = 7; let count = 4; let ready = true;")
    assert session.ok("seven\n%count").result == "3"
    assert session.ok("!ready").result == "false"
    assert session.ok("(!ready)").result == "false"
    assert session.ok('let text = "\n%time x\n!ls\n";\ntext.len()').result == "14"


def test_commands_of_evcxr_keep_working(session):
    session.ok("let commanded = 5i32;")
    assert "commanded: i32" in session.ok(":vars").text
    assert session.ok(":type commanded").stdout.strip() == "i32"
    assert ":explain" in session.ok(":help").text
    assert session.fails(":nonsense").error
    assert "Shut Down" in session.fails(":quit").error
    assert "Shut Down" in session.fails("let quitting = 1;\n:quit now").error


# Time


def test_time_tells_running_from_compiling(session):
    text = session.ok("%time sleep_ms(300)").stdout
    assert re.search(r"Wall time: \d+\.\d ms|Wall time: \d\.\d+ s", text), text
    assert "Compile time: " in text
    assert session.ok("%%time\n!true\nlet in_cell = 3;\nin_cell").result == "3"
    assert session.ok("in_cell").result == "3"
    assert "usage: %time" in session.fails("%time").error


TIMEIT = r"[\d.]+ (ns|µs|ms|s) ± [\d.]+ (ns|µs|ms|s) per loop \(mean ± std\. dev\. of {runs} runs?, {loops} loops? each\)"


def test_timeit_measures_a_line(session):
    session.ok("let numbers = vec![1i64; 1000];")
    cell = session.ok("%timeit -n 100 -r 3 numbers.iter().sum::<i64>()")
    assert re.search(TIMEIT.format(runs=3, loops=100), cell.stdout), cell.text
    cell = session.ok("%timeit -r2 numbers.clone()")
    assert re.search(TIMEIT.format(runs=2, loops=r"[\d,]+"), cell.stdout), cell.text
    assert session.ok("%timeit -q -n 1 numbers.len()").text.strip() == ""
    assert session.ok("numbers.len()").result == "1000"


def test_timeit_measures_a_cell_with_setup(session):
    cell = session.ok('%%timeit -n 5 -r 2 let words = vec!["a"; 10];\nlet woven = words.concat(); // said\nwoven.len()')
    assert re.search(TIMEIT.format(runs=2, loops=5), cell.stdout), cell.text
    assert "woven" not in session.ok("%who").stdout.split()


def test_timeit_runs_as_often_as_it_says(session):
    session.ok("let calls = std::sync::atomic::AtomicU64::new(0);")
    session.ok("%timeit -q -n 7 -r 3 calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed)")
    assert session.ok("calls.into_inner()").result == "21"


def test_timeit_drops_what_it_makes(session):
    session.ok("let shared = std::sync::Arc::new(5);")
    session.ok("%timeit -n 10 -r 2 shared.clone()")
    assert session.ok("std::sync::Arc::strong_count(&shared)").result == "1"


def test_timeit_allows_a_question_mark(session):
    session.ok('%timeit -n 2 -r 2 "12".parse::<i64>()?')
    assert "invalid digit" in session.fails('%timeit "x".parse::<i64>()?').error


def test_timeit_is_interrupted(session):
    session.ok("let before_timing = 9;")
    cell = session.start('println!("measuring");\n%timeit -n 1 -r 1000 sleep_ms(100)')
    session.until(lambda: "measuring" in cell.stdout, 20, "the first line", cell)
    session.listen(1.5)
    session.interrupt()
    session.finish(cell, timeout=20)
    assert cell.reply["ename"] == "Interrupted"
    assert session.ok("before_timing").result == "9"


def test_what_is_wrong_with_measured_code_is_said_of_the_users_line(session):
    session.ok("let measured = vec![1i64];")
    error = session.fails("let before = 1;\n%timeit measured.iter().summ()").error
    assert "line 2, column 25" in error and "taskloom_watch" not in error
    error = session.fails("%%timeit\nlet a = 1;\nlet b: i32 = \"x\";").error
    assert "line 3, column 14" in error
    error = session.fails("%timeit drop(measured)").error
    assert "only once" in error and "taskloom_watch" not in error
    error = session.fails("%timeit measured[9]").error
    assert "line 1" in error and "measured[9]" in error and "taskloom_watch" not in error
    assert "-x" in session.fails("%timeit -x 1").error
    assert "nothing to measure" in session.fails("%timeit -n 10").error


# Variables


def test_who_and_whos(own_session):
    session = own_session
    assert "no variables" in session.ok("%who").stdout
    session.ok('let xs = vec![1i64, 2]; let name = "warp".to_string(); struct Plain; let plain = Plain;')
    assert session.ok("%who").stdout.split() == ["name", "plain", "xs"]
    assert session.ok("%who Vec").stdout.split() == ["xs"]
    assert session.ok("%who Vec String").stdout.split() == ["name", "xs"]
    assert "no variables of type f64" in session.ok("%who f64").stdout
    cell = session.ok("%whos")
    rows = {line.split()[0]: line for line in cell.text.splitlines() if line.strip()}
    assert "Vec<i64>" in rows["xs"] and "[1, 2]" in rows["xs"] and "40 B" in rows["xs"]
    assert '"warp"' in rows["name"] and "Plain" in rows["plain"]
    assert any("<table>" in bundle.get("text/html", "") for bundle in cell.bundles)
    session.ok("let long: Vec<u8> = vec![7; 100_000];")
    row = next(line for line in session.ok("%whos").text.splitlines() if line.startswith("long"))
    assert row.rstrip().endswith("…") and len(row) < 120 and "97.7 KiB" in row


def test_type_does_not_run_or_move(session):
    session.ok('let typed = vec!["a".to_string()];')
    assert session.ok("%type typed.into_iter().map(|s| s.len()).collect::<Vec<_>>()").stdout.startswith("Vec<usize>")
    assert session.ok('%type { println!("ran"); 1u8 }').stdout.strip() == "u8"
    assert session.ok("%type typed").stdout.startswith("Vec<String>")
    assert session.ok("typed.len()").result == "1"
    error = session.fails("%type missing + 1").error
    assert "line 1, column 7" in error
    assert "expression" in session.fails("%type let x = 1;").error
    assert "usage: %type" in session.fails("%type").error


def test_reset_asks_before_it_forgets(own_session):
    session = own_session
    session.ok("let kept = 1; fn also() {}")
    text = session.ok("%reset").stdout
    assert "kept" in text and "also" in text and "%reset -f" in text
    assert session.ok("kept").result == "1"
    session.ok("%reset -f")
    assert "no variables" in session.ok("%who").stdout
    session.fails("kept")
    session.fails("also()")
    assert session.ok("1 + 1").result == "2"


# Graphs


def test_visualize_saves_what_it_draws(session, folder):
    session.ok("let graph = delayed_value(1i64) + 2;")
    cell = session.ok("%visualize graph drawing.svg")
    assert any("image/svg+xml" in bundle for bundle in cell.bundles)
    assert (folder / "drawing.svg").read_text().lstrip().startswith("<")
    assert "has no graph" in session.fails("%visualize 1 + 2").error


def test_profile_shows_the_task_stream(session, folder):
    session.ok("fn profiled_task(x: i64) -> i64 { sleep_ms(20); x + 1 }\nlet job = delayed!(profiled_task(1));")
    cell = session.ok("%profile job.compute()?")
    assert cell.result == "2"
    assert any("profiled_task" in bundle.get("text/plain", "") for bundle in cell.bundles)
    cell = session.ok("%%profile -f report.html\nlet first = job.compute()?;\nfirst + job.compute()?")
    assert cell.result == "4"
    assert any("profiled_task" in bundle.get("text/plain", "") for bundle in cell.bundles)
    assert "<html" in (folder / "report.html").read_text()
    assert session.ok("first").result == "2"
    cell = session.fails('%%profile\njob.compute()?;\npanic!("too late");')
    assert "line 3" in cell.error
    assert any("profiled_task" in bundle.get("text/plain", "") for bundle in cell.bundles)
    session.ok("fn failing(x: i64) -> Result<i64, std::num::ParseIntError> { format!(\"{x}x\").parse() }")
    cell = session.fails("%profile delayed!(failing(1)).compute()?")
    assert "failing" in cell.error
    assert any("failing" in bundle.get("text/plain", "") for bundle in cell.bundles)
    assert session.ok("taskloom::cell::profile::end().is_none()").result == "true"
    assert ".html" in session.fails("%profile -f report.txt job.compute()?").error
    error = session.fails("%%profile\nlet x: i32 = \"x\";").error
    assert "line 2, column 14" in error


def test_progress_bars_can_be_switched_off(own_session):
    session = own_session
    session.ok("fn slow(x: i64) -> i64 { sleep_ms(150); x }\nlet parts: Vec<_> = (0..8).map(|n| delayed!(slow(n))).collect();")
    session.ok("let whole = Scheduler::Sync; let sum: Delayed<i64> = parts.iter().sum();")
    assert session.ok("whole.scope(|| sum.compute())?").of_type("display_data")
    assert "progress = off" in session.ok("%progress off").stdout
    assert not session.ok("whole.scope(|| sum.compute())?").of_type("display_data")
    session.ok("%progress on")
    assert session.ok("whole.scope(|| sum.compute())?").of_type("display_data")
    assert "on, off" in session.fails("%progress perhaps").error


# The shell


def test_a_shell_command_shows_both_streams_and_its_exit_code(session):
    cell = session.ok("!echo to out; echo to err >&2")
    assert (cell.stdout, cell.stderr) == ("to out\n", "to err\n")
    error = session.fails("!exit 3").error
    assert "exit code 3" in error
    assert "not found" in session.fails("!no_such_program_here").error
    assert session.ok("!printf 'é…'").stdout == "é…"


def test_what_a_shell_command_prints_is_shown_while_it_runs(session):
    cell = session.start("!echo early; sleep 2; echo late")
    session.until(lambda: "early" in cell.stdout, 10, "the first line", cell)
    assert not cell.done
    session.finish(cell)
    assert cell.stdout == "early\nlate\n"


def test_a_shell_command_has_no_input_and_does_not_hang(session):
    assert session.ok("!cat; echo done").stdout == "done\n"


@pytest.mark.parametrize("command", ["!sleep 100", "!sh -c 'trap \"\" INT; sleep 100'", "%%bash\nsleep 100\necho never"])
def test_a_shell_command_is_interrupted(session, command):
    session.ok("let survives = 7;")
    cell = session.start(command)
    session.until(lambda: any("sleep 100" in line for line in session.family().values()), 20, "the command", cell)
    sleeping = [pid for pid, line in session.family().items() if "sleep 100" in line]
    session.interrupt()
    session.finish(cell, timeout=20)
    assert cell.status == "error" and cell.reply["ename"] == "Interrupted", cell.text
    assert not still_there(sleeping)
    assert session.ok("survives").result == "7"


def test_a_killed_kernel_takes_its_shell_commands_along(folder):
    session = Session(folder)
    try:
        cell = session.start("!sleep 100; echo never")
        session.until(lambda: any("sleep 100" in line for line in session.family().values()), 20, "the command", cell)
        family = session.family()
        session.manager.provisioner.process.kill()
        assert not still_there(family)
    finally:
        session.close()


def test_shutdown_ends_a_shell_command(folder):
    session = Session(folder)
    try:
        cell = session.start("!sleep 100; echo never")
        session.until(lambda: any("sleep 100" in line for line in session.family().values()), 20, "the command", cell)
        family = session.family()
        session.client.shutdown()
        assert not still_there(family)
    finally:
        session.close()


def test_output_without_end_is_interrupted(session):
    cell = session.start("!yes")
    session.until(lambda: "y\ny" in cell.stdout, 20, "some output", cell)
    session.interrupt()
    session.finish(cell, timeout=20)
    assert cell.reply["ename"] == "Interrupted"
    text = session.ok("!yes | head -c 3000000 | wc -c; seq 200000 | tail -n 1").stdout.split()
    assert text == ["3000000", "200000"]
    assert session.ok("!seq 100000").stdout.endswith("\n99999\n100000\n")
    assert session.ok("!(timeout 5 yes) & sleep 0.2").stdout.startswith("y\n")


def test_a_background_process_does_not_hold_up_the_cell(session):
    assert session.ok("!sleep 5 & echo started").stdout == "started\n"


def test_a_folder_that_has_gone_is_named(own_session):
    session = own_session
    session.ok("!mkdir going")
    session.ok("%cd -q going")
    session.ok("!rmdir ../going")
    assert "going" in session.fails("!ls").error
    session.ok("%cd -q ~")
    assert session.ok("!echo back").stdout == "back\n"


def test_scripts(session):
    assert session.ok("%%bash\nfor n in 1 2; do\n  echo $n\ndone").stdout == "1\n2\n"
    assert "exit code 4" in session.fails("%%sh\necho before\nexit 4").error
    assert "usage: %%bash" in session.fails("%%bash --login\nls").error


# Folders, files, environment


def test_going_to_a_folder_takes_code_and_shell_along(own_session, folder):
    session = own_session
    session.ok("!mkdir -p 'sub dir'")
    assert session.ok("%cd sub dir").stdout.strip().endswith("sub dir")
    assert session.ok("%pwd").stdout.strip() == str(folder / "sub dir")
    assert session.ok("!pwd").stdout.strip() == str(folder / "sub dir")
    assert session.ok("std::env::current_dir()?").result == json.dumps(str(folder / "sub dir"))
    assert session.ok("%cd -").stdout.strip() == str(folder)
    assert session.ok("%cd -q ..").stdout == ""
    session.ok("%cd -q work")
    error = session.fails("%cd nowhere").error
    assert "nowhere" in error and "cannot go" in error
    assert session.ok("%pwd").stdout.strip() == str(folder)
    session.ok("std::env::set_current_dir(\"..\")?;")
    assert session.ok("%pwd").stdout.strip() == str(folder.parent)
    assert "exercises" in session.ok("%ls").stdout
    assert "%cd" in session.ok("!cd /").stderr


def test_ls_lists_files(session):
    session.ok("%%writefile listed.txt\nx")
    assert "listed.txt" in session.ok("%ls").stdout
    assert session.ok("%ls list*.txt").stdout.split() == ["listed.txt"]
    session.fails("%ls not_there")


def test_writefile(session, folder):
    assert "Writing notes.txt" in session.ok("%%writefile notes.txt\none\n  two").stdout
    assert (folder / "notes.txt").read_text() == "one\n  two\n"
    assert "Appending" in session.ok("%%writefile -a notes.txt\nthree").stdout
    assert (folder / "notes.txt").read_text() == "one\n  two\nthree\n"
    assert "Overwriting" in session.ok("%%writefile 'notes.txt'\n%time x").stdout
    assert (folder / "notes.txt").read_text() == "%time x\n"
    assert "no folder" in session.fails("%%writefile not/there.txt\nx").error
    assert "usage: %%writefile" in session.fails("%%writefile\nx").error


def test_load_puts_a_file_or_an_exercise_into_the_cell(session, folder):
    (folder / "loaded.rs").write_text("fn a() {}\nfn b() {}\nfn c() {}\n")
    [next_input] = payload(session.ok("%load loaded.rs"), "set_next_input")
    assert next_input["replace"] is True
    assert next_input["text"] == "// %load loaded.rs\nfn a() {}\nfn b() {}\nfn c() {}"
    [next_input] = payload(session.ok("%load -r 2-3 loaded.rs"), "set_next_input")
    assert next_input["text"].endswith("loaded.rs\nfn b() {}\nfn c() {}")
    [next_input] = payload(session.ok("%load delayed-loop"), "set_next_input")
    assert read_exercise("delayed-loop").starter.strip() in next_input["text"]
    error = session.fails("%load delayed-lop").error
    assert "did you mean the exercise delayed-loop?" in error
    assert payload(session.ok("1"), "set_next_input") == []


def test_run_runs_programs_and_notebooks(session, folder):
    (folder / "program.rs").write_text(
        "#![allow(unused)]\nuse std::fmt::Write;\nfn of_program() -> i64 { 42 }\n"
        'fn main() -> Result<(), std::fmt::Error> {\n    println!("main ran");\n    Ok(())\n}\n'
    )
    assert "main ran" in session.ok("%run program.rs").stdout
    assert session.ok("of_program()").result == "42"
    (folder / "cells.rs").write_text('// %% one\nlet from_file = 1;\n// %% two\n!echo shell\nfrom_file + 1\n')
    cell = session.ok("%run -t cells.rs")
    assert "shell" in cell.stdout and "2 cells" in cell.stdout and cell.result == "2"
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": "# Title"},
        {"cell_type": "code", "metadata": {}, "source": ["let from_notebook = 5;\n", "from_notebook"], "outputs": []},
        {"cell_type": "code", "metadata": {}, "source": 'panic!("in a notebook");', "outputs": []},
        {"cell_type": "code", "metadata": {}, "source": 'println!("never");', "outputs": []},
    ]
    (folder / "some.ipynb").write_text(json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}))
    cell = session.fails("%run some.ipynb")
    assert "in a notebook" in cell.error and "cell 2 of some.ipynb" in cell.error and "never" not in cell.stdout
    assert session.ok("from_notebook").result == "5"
    (folder / "circle.rs").write_text("// %%\n%run circle.rs\n")
    assert "runs itself" in session.fails("%run circle.rs").error
    assert "no file" in session.fails("%run not_there.rs").error


def test_environment(session):
    assert session.ok("%env WEFT=two words").stdout.strip() == "WEFT=two words"
    assert session.ok("%env WEFT").stdout.strip() == "two words"
    assert session.ok('std::env::var("WEFT")?').result == '"two words"'
    assert session.ok("!echo $WEFT").stdout == "two words\n"
    assert "WEFT=two words" in session.ok("%env").stdout.splitlines()
    session.ok("%env LOOM_TOKEN=hush")
    listed = session.ok("%env").stdout
    assert "hush" not in listed and "LOOM_TOKEN=<hidden>" in listed
    session.ok("%env -u WEFT")
    assert session.ok('std::env::var("WEFT").is_err()').result == "true"
    assert "WEFT" in session.fails("%env WEFT").error
    assert "A=B" in session.fails("%env -u A=B").error


def test_the_environment_of_the_shell_is_the_users(session):
    """What the kernel changes for its own tools is not seen."""
    assert "taskloom-driver" not in session.ok("!readlink -f \"$(command -v cargo)\" || true").stdout
    assert not re.search(r"^(EVCXR|TASKLOOM_DRIVER)", session.ok("!env").stdout, re.MULTILINE)


# Display


@pytest.mark.parametrize(
    "magic, mime_type, text",
    [
        ("%%html", "text/html", "<b>bold</b>"),
        ("%%markdown", "text/markdown", "*said*\n\n- %who\n- !ls"),
        ("%%latex", "text/latex", "$x^2$"),
        ("%%svg", "image/svg+xml", '<svg xmlns="http://www.w3.org/2000/svg"/>'),
        ("%%javascript", "application/javascript", "1;"),
    ],
)
def test_a_cell_is_shown_as_it_stands(session, magic, mime_type, text):
    [bundle] = session.ok(f"{magic}\n{text}").bundles
    assert bundle[mime_type].strip() == text
    assert f"usage: {magic}" in session.fails(f"{magic} x\n{text}").error


def test_svg_has_to_be_one(session):
    assert "<svg>" in session.fails("%%svg\nhello").error


# Settings, history


def test_settings(own_session):
    session = own_session
    listed = session.ok("%config").text
    for name in ("progress", "opt", "time_limit", "memory_limit", "undo"):
        assert name in listed
    assert session.ok("%config opt").stdout.strip() == "opt = auto"
    assert session.ok("%opt 0").stdout.strip() == "opt = 0"
    assert session.ok("1 + 1").result == "2"
    assert session.ok("%config opt").stdout.strip() == "opt = 0"
    session.ok("%config opt = auto")
    assert "auto, 0, 1, 2, 3" in session.fails("%opt fastest").error
    assert "did you mean `progress`?" in session.fails("%config progres = on").error


def test_overflow_is_seen_where_speed_is_not_the_point(own_session):
    session = own_session
    plain = "let a: u8 = std::hint::black_box(255); a + 1"
    loop = "let mut sum: u8 = 250; for i in 0..10u8 { sum += i; } sum"
    iterator = "(0..10u8).map(|i| i * 50).fold(0u8, |a, b| a ^ b)"
    panics = lambda code: "with overflow" in session.fails(code).error
    assert panics(plain)
    # As in a release build: 250 + 45 is 295, which is 39 more than 256.
    assert session.ok(loop).result == "39"
    assert session.ok(iterator).result
    session.ok("%config overflow_checks = on")
    assert panics(plain) and panics(loop) and panics(iterator)
    session.ok("%config overflow_checks = off")
    assert session.ok(plain).result == "0"


def test_a_time_limit_stops_a_cell(own_session):
    session = own_session
    session.ok("let stays = 3;")
    session.ok("%config time_limit = 1")
    for code in ("sleep_ms(60_000);", "!sleep 60"):
        assert "limit of 1 s" in session.fails(code, timeout=30).error
    assert session.ok("%config time_limit = off").stdout.strip() == "time_limit = off"
    assert session.ok("stays").result == "3"


def test_history(own_session, folder):
    session = own_session  # its first cell is a `use`
    session.ok("let a = 1;")
    session.ok("let b = 2;\nlet c = 3;")
    assert session.ok("%history 2-3").stdout == "let a = 1;\nlet b = 2;\nlet c = 3;\n"
    assert "   2: let a = 1;\n   3:\nlet b = 2;" in session.ok("%history -n").stdout
    assert re.search(r"2: let a = 1;", session.ok("%history -g let a").stdout)
    session.ok("%history -n 1-2 -f said.txt")
    assert (folder / "said.txt").read_text() == "   1: use taskloom::prelude::*;\n   2: let a = 1;\n"
    [next_input] = payload(session.ok("%load 2-3"), "set_next_input")
    assert next_input["text"].endswith("let a = 1;\nlet b = 2;\nlet c = 3;")
    assert "`x-y`" in session.fails("%history x-y").error


# Crates


def test_a_crate_in_a_folder(own_session, folder):
    session = own_session
    crate = folder / "my_crate"
    (crate / "src").mkdir(parents=True)
    (crate / "Cargo.toml").write_text('[package]\nname = "my-crate"\nversion = "0.3.1"\nedition = "2024"\n')
    (crate / "src/lib.rs").write_text("pub fn answer() -> i64 { 42 }\n")
    assert "No crates" in session.ok("%deps").stdout
    cell = session.ok("let before = 1i64;\n%dep ./my_crate\nmy_crate::answer() + before", timeout=120)
    assert cell.result == "43"
    updates = cell.of_type("display_data", "update_display_data")
    assert len({update["transient"]["display_id"] for update in updates}) == 1
    assert "added my-crate 0.3.1" in updates[-1]["data"]["text/plain"]
    assert "my-crate 0.3.1" in session.ok("%deps").stdout
    assert session.ok("before").result == "1"


def test_a_crate_whose_build_script_fails(session, folder):
    crate = folder / "broken"
    (crate / "src").mkdir(parents=True)
    (crate / "Cargo.toml").write_text('[package]\nname = "broken"\nversion = "0.1.0"\nedition = "2024"\n')
    (crate / "src/lib.rs").write_text("")
    (crate / "build.rs").write_text('fn main() { panic!("libfoo was not found"); }\n')
    error = session.fails(":dep broken = { path = \"broken\" }", timeout=120).error
    assert "build script of broken" in error and "libfoo was not found" in error
    assert session.ok("1 + 1").result == "2"
    assert "broken" not in session.ok("%deps").stdout


@pytest.mark.parametrize(
    "line, says",
    [
        ("%dep", "usage: %dep"),
        ("%dep serde = 1", 'serde = "1"'),
        ("%dep ./no_crate_here", "no Cargo.toml"),
        ("%dep itoa --frozen", "--frozen"),
    ],
)
def test_what_is_wrong_with_a_dependency_is_said(session, line, says):
    assert says in session.fails(line).error


@pytest.mark.parametrize(
    "line, says",
    [("%dep serde_jsn", "did you mean `serde_json`?"), ("%dep itoa@99", "itoa"), ("%dep itoa@1 -F nope", "nope")],
)
def test_crates_that_the_registry_does_not_have(session, line, says):
    error = session.fails(line, timeout=120).error
    if "could not be downloaded" in error:
        pytest.skip("this machine does not reach the registry")
    assert says in error
