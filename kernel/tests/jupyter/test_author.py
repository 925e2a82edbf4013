"""What authors use: `taskloom new`, `author check`, `prep` of a course's own data, `release`; and what their students use
beside notebooks: `taskloom watch`."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import os
import pty
import select
import shutil
import signal
import sqlite3
import subprocess
import termios
import threading
import time
import zipfile
from pathlib import Path

import nbformat
import pytest

from conftest import BINARY, ROOT

pytestmark = pytest.mark.timeout(300)

TEMPLATES = ROOT / "kernel" / "src" / "author" / "templates"


def run(*arguments, cwd=None, code=0):
    """Runs the command; gives all that it said."""
    process = subprocess.run(
        [str(BINARY), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=280,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "NO_PROXY": "localhost,127.0.0.1", "no_proxy": "localhost,127.0.0.1"},
    )
    said = process.stdout + process.stderr
    assert process.returncode == code, said
    return said


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory):
    """A tutorial as the command makes it, with its data. Tests that change something take a copy."""
    root = tmp_path_factory.mktemp("courses") / "rivers"
    said = run("new", "tutorial", root, "--title", 'Rivers "in parallel"')
    assert "author check" in said
    return root


@pytest.fixture
def changed(tutorial, tmp_path):
    """A copy of the tutorial, to be changed."""
    return Path(shutil.copytree(tutorial, tmp_path / "rivers"))


def notebook_of(course, name="01-rivers"):
    return nbformat.read(course / "notebooks" / f"{name}.ipynb", as_version=4)


def write_notebook(course, notebook, name="01-rivers"):
    nbformat.write(notebook, course / "notebooks" / f"{name}.ipynb")


# New courses, and the proof


def test_a_new_tutorial_is_proved_at_once_and_grows(changed):
    run("new", "notebook", "02-more", cwd=changed)
    run("new", "exercise", "slow-loop", "--notebook", "02-more", "--title", "A slow loop", cwd=changed / "notebooks")
    for path in sorted((changed / "notebooks").glob("*.ipynb")):
        nbformat.validate(nbformat.read(path, as_version=4))
    said = run("author", "check", cwd=changed)
    assert "2 exercises, 2 notebooks: starters fail, solutions pass, everything runs." in said
    rows = {line.split()[0]: line.split() for line in said.splitlines() if line.startswith(("rivers-squares", "slow-loop"))}
    # Points of the starter and of the solution.
    assert rows["rivers-squares"][2:5] == ["2", "1/2", "2/2"]
    assert rows["slow-loop"][1] == "02-more"
    said = run("author", "check", "--quick", "--notebook", "02-more.ipynb", cwd=changed)
    assert "slow-loop" in said and "rivers-squares" not in said and "1 exercise, 1 notebook" in said
    assert "there are: 01-rivers, 02-more" in run("author", "check", "--notebook", "3", cwd=changed, code=1)


def test_nothing_is_overwritten_and_names_are_explained(tutorial, tmp_path):
    before = {path: path.read_bytes() for path in tutorial.rglob("*") if path.is_file()}
    assert "is there already" in run("new", "tutorial", tutorial, code=1)
    assert "is there already" in run("new", "notebook", "01-rivers", cwd=tutorial, code=1)
    assert "is there already" in run("new", "exercise", "rivers-squares", cwd=tutorial, code=1)
    assert "such as `my-loop`" in run("new", "exercise", "My loop", cwd=tutorial, code=1)
    assert "there are: 01-rivers" in run("new", "exercise", "x", "--notebook", "7", cwd=tutorial, code=1)
    assert "new tutorial NAME" in run("new", "exercise", "x", cwd=tmp_path, code=1)
    assert {path: path.read_bytes() for path in tutorial.rglob("*") if path.is_file()} == before


def test_mistakes_in_files_are_all_named(changed):
    notebook = notebook_of(changed)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    code[0].outputs = [nbformat.v4.new_output("stream", text="7")]
    code[0].execution_count = 1
    lost = nbformat.v4.new_code_cell("let x = 1;", id="lost", metadata={"taskloom": {"exercise": "rivers-square"}})
    words = (
        "[gone](missing.png) [far](../../elsewhere.md) [answer](../solutions/rivers-squares.rs) [head](#Set-upp) [good](#Set-up)\n"
        "[site](https://localhost:1/x) `[code](no.md)` Try `%hint rivers-sqares`.\n\n![picture](attachment:no.png)"
    )
    notebook.cells += [lost, nbformat.v4.new_markdown_cell(words, id="words")]
    notebook.cells[0].metadata = {}
    write_notebook(changed, notebook)
    folder = changed / "exercises" / "rivers-squares"
    solution = (changed / "solutions" / "rivers-squares.rs").read_text()
    (folder / "starter.rs").write_text(
        (folder / "starter.rs").read_text() + "".join(f"// {line}\n" for line in solution.splitlines())
    )
    manifest = (folder / "exercise.toml").read_text().replace("time_limit = 10", "time_limit = 4000")
    (folder / "exercise.toml").write_text(manifest.split("hints")[0] + 'hints = ["one"]\n')
    (changed / "solutions" / "forgotten.rs").write_text("1")
    (changed / "exercises" / "half").mkdir()
    (changed / "exercises" / "half" / "starter.rs").write_text("1")
    said = run("author", "check", "--quick", changed, code=1)
    for expected in [
        "holds outputs",
        "holds an execution count",
        "no slide",
        "names the exercise `rivers-square`, which is not there; is it `rivers-squares`?",
        "speaks of the exercise `rivers-sqares`",
        "`missing.png` leads to a file that is not there",
        "`../../elsewhere.md` leads out of the course",
        "leads to a solution",
        "`#Set-upp` leads to a heading that is not there; is it `#Set-up`?",
        "no attachment `no.png`",
        "the starter holds the solution",
        "is not that of exercises/rivers-squares/starter.rs",
        "there are 1",
        "time_limit = 4000",
        "solutions/forgotten.rs: there is no exercise `forgotten`",
        "exercises/half: there is no exercise.toml",
    ]:
        assert expected in said, f"{expected!r} is missing in:\n{said}"
    assert "no.md" not in said and "localhost" not in said
    assert "https://localhost:1/x does not answer" in run("author", "check", "--quick", "--online", changed, code=1)


def test_mistakes_that_only_a_run_shows(changed):
    folder = changed / "exercises" / "rivers-squares"
    checks = (folder / "check.rs").read_text().replace("385,", "384,").replace("calls >= 10", "calls >= 0")
    (folder / "check.rs").write_text(checks + "\ncheck!(\"It says why\", 1, { ensure!(answer.tasks().len() > 90, \"\"); });\n")
    (folder / "exercise.toml").write_text((folder / "exercise.toml").read_text().replace("points = 2", "points = 3"))
    notebook = notebook_of(changed)
    at = next(index for index, cell in enumerate(notebook.cells) if cell.id == "lazy-compute")
    notebook.cells[at].source = "total.compute()?\nthis_is_nowhere"
    notebook.cells[at + 1 : at + 1] = [
        nbformat.v4.new_code_cell("1 + 1", id="brave", metadata={"tags": ["raises-exception"]}),
        nbformat.v4.new_code_cell('panic!("on purpose")', id="fine", metadata={"tags": ["raises-exception"]}),
    ]
    write_notebook(changed, notebook)
    said = run("author", "check", changed, code=1)
    assert "the solution fails the check “The sum is right”: add up the squares" in said
    assert "the check “It says why” fails the starter and says nothing about why" in said
    assert "cell `lazy-compute`: it fails, with solutions in the exercises' cells: CompileError" in said
    assert "cell `brave`: it has the tag raises-exception, and does not fail" in said
    assert "cell `fine`" not in said


def test_what_cannot_be_read_is_named_once(changed):
    (changed / "exercises" / "rivers-squares" / "check.rs").write_text('check!("x", 1, {')
    (changed / "notebooks" / "02-x.ipynb").write_text('{"cells": [')
    said = run("author", "check", "--quick", changed, code=1)
    assert "rivers-squares: exercises/rivers-squares/check.rs: line 1: this check has no" in said
    assert "notebooks/02-x.ipynb: it is not a notebook" in said
    assert "3 things to mend" in said and "there is no exercise that can be read" in said
    assert "not a notebook" in run("release", changed, "--out", changed.parent / "x", code=1)
    shutil.rmtree(changed / "exercises" / "rivers-squares")
    assert "has no exercise yet; `taskloom new exercise NAME`" in run("author", "check", changed, code=1)


def test_a_repository_is_a_course(tutorial, tmp_path):
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    repository = tmp_path / "repository"
    shutil.copytree(tutorial, repository, ignore=shutil.ignore_patterns("data"))
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", "-C", str(repository)]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "All"]):
        subprocess.run([*git, *arguments], check=True)
    assert "1 exercise, 1 notebook: the files are in order" in run("author", "check", "--quick", f"file://{repository}")
    assert "git cannot clone" in run("author", "check", f"file://{tmp_path}/none", code=1)
    assert "there is no folder" in run("author", "check", tmp_path / "none", code=1)
    assert "no folder `exercises`" in run("author", "check", tmp_path, code=1)


# Data


def test_a_course_brings_its_own_data(changed):
    shutil.rmtree(changed / "data", ignore_errors=True)
    (changed / "prep" / "note.txt").write_text("a note")
    sums = {name: hashlib.sha256(text).hexdigest() for name, text in [("note", b"a note"), ("page", b"a page\n")]}
    served = changed / "served"
    served.mkdir()
    (served / "page.txt").write_text("a page\n")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=served)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = f"http://127.0.0.1:{server.server_port}"
        listed = (changed / "prep" / "data.toml").read_text()
        listed += f'[[file]]\npath = "in/note.txt"\ncopy = "prep/note.txt"\nsha256 = "{sums["note"]}"\n'
        listed += f'[[file]]\npath = "page.txt"\nurl = "{address}/page.txt"\n'
        (changed / "prep" / "data.toml").write_text(listed)
        assert "--offline" in run("prep", "--offline", cwd=changed / "notebooks", code=1)
        said = run("prep", cwd=changed / "notebooks")
        # Whoever writes the list is told the sum.
        assert f'sha256 = "{sums["page"]}"' in said and "prepared" in said
        assert (changed / "data" / "measurements.csv").read_text().count("\n") == 4 * 365 + 1
        assert (changed / "data" / "in" / "note.txt").read_text() == "a note"
        assert "already there" in run("prep", "--course", changed, "--offline")
        (changed / "prep" / "data.toml").write_text(listed + f'[[file]]\npath = "x"\nurl = "{address}/none"\n')
        assert "404" in run("prep", cwd=changed, code=1)
    finally:
        server.shutdown()
    (changed / "prep" / "data.toml").write_text(listed.replace(sums["note"], "0" * 64))
    said = run("prep", cwd=changed, code=1)
    assert sums["note"] in said and "prep/data.toml says 0000" in said


# The students' copy


def test_the_copy_has_no_answers_and_is_the_same_each_time(changed, tmp_path):
    solution = (changed / "solutions" / "rivers-squares.rs").read_text()
    starter = (changed / "exercises" / "rivers-squares" / "starter.rs").read_text()
    notebook = notebook_of(changed)
    for cell in notebook.cells:
        if cell.metadata.get("taskloom", {}).get("exercise"):
            # The author has tried it, and forgotten that.
            cell.source, cell.execution_count = solution, 3
            cell.outputs = [nbformat.v4.new_output("stream", text="385")]
            cell.metadata["execution"] = {"iopub.execute_input": "2026"}
    notebook.cells[0].source += "\n\n![a picture](figures/a%20river.svg) and [notes](../notes/more.md)"
    write_notebook(changed, notebook)
    for path, text in {
        "notebooks/figures/a river.svg": "<svg/>",
        "notes/more.md": "more",
        "notes/mine.md": "private",
        "answers/rivers-squares.rs": solution,
        "notebooks/01-rivers.executed.ipynb": "{}",
    }.items():
        (changed / path).parent.mkdir(exist_ok=True)
        (changed / path).write_text(text)
    zips = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        said = run("release", changed, "--out", tmp_path / name / "rivers.zip")
        zips.append((tmp_path / name / "rivers.zip").read_bytes())
        time.sleep(1.1)
        os.utime(changed / "README.md")
    assert zips[0] == zips[1] and "no solutions" in said
    with zipfile.ZipFile(tmp_path / "one" / "rivers.zip") as archive:
        assert sorted(archive.namelist()) == [
            f"rivers/{name}"
            for name in [
                ".gitignore",
                "README.md",
                "exercises/rivers-squares/check.rs",
                "exercises/rivers-squares/exercise.toml",
                "exercises/rivers-squares/starter.rs",
                "notebooks/01-rivers.ipynb",
                "notebooks/figures/a river.svg",
                "notes/more.md",
                "prep/data.toml",
                "prep/measurements.rs",
            ]
        ]
        everything = b"".join(archive.read(name) for name in archive.namelist()).decode()
        assert "delayed!(square(x))" not in everything
        archive.extractall(tmp_path / "student")
    student = tmp_path / "student" / "rivers"
    cell = next(cell for cell in notebook_of(student).cells if cell.metadata.get("taskloom"))
    assert cell.source == starter.rstrip("\n") and not cell.outputs and cell.execution_count is None
    assert "execution" not in cell.metadata
    # It is all that a student needs.
    run("prep", cwd=student)
    assert "not yet, 1 of 2 points" in run("check", "rivers-squares", cwd=student, code=1)


def test_a_copy_replaces_only_copies(changed, tmp_path):
    out = tmp_path / "copy"
    assert "with solutions" in run("release", changed, "--out", out, "--with-solutions")
    assert (out / "solutions" / "rivers-squares.rs").is_file()
    run("release", changed, "--out", out)
    assert not (out / "solutions").exists()
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "letter.txt").write_text("dear")
    assert "was not made by `taskloom release`" in run("release", changed, "--out", mine, code=1)
    assert "is part of the course" in run("release", changed, "--out", changed / "notebooks" / "x", code=1)
    assert "is part of the course" in run("release", changed, "--out", changed, code=1)
    assert (mine / "letter.txt").read_text() == "dear" and (changed / "solutions").is_dir()


# In an editor


class Watching:
    """`taskloom watch`, on a terminal or not."""

    def __init__(self, course, *arguments, terminal=False):
        self.said = ""
        if terminal:
            self.ours, theirs = pty.openpty()
            self.before = termios.tcgetattr(theirs)
            streams = dict(stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
        else:
            self.ours, theirs = os.pipe()
            streams = dict(stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
        self.process = subprocess.Popen([str(BINARY), "watch", *arguments], cwd=course, **streams)
        self.theirs = theirs

    def until(self, text, seconds=90):
        """Reads on until it has said something; gives what it said since the last call."""
        end = time.monotonic() + seconds
        while text not in self.said:
            assert time.monotonic() < end, f"it did not say {text!r}, but:\n{self.said}"
            if select.select([self.ours], [], [], 0.2)[0]:
                self.said += os.read(self.ours, 65536).decode(errors="replace")
            elif self.process.poll() is not None:
                raise AssertionError(f"it ended ({self.process.returncode}) and had said:\n{self.said}")
        before, self.said = self.said.split(text, 1)
        return before + text

    def press(self, keys):
        os.write(self.ours, keys.encode())

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)


@pytest.fixture
def watching(request):
    """A function that starts `taskloom watch`."""

    def start(*arguments, **options):
        watching = Watching(*arguments, **options)
        request.addfinalizer(watching.end)
        return watching

    return start


def progress_of(course):
    home = Path(os.environ.get("TASKLOOM_HOME") or Path.home() / ".local" / "share" / "taskloom")
    with sqlite3.connect(home / "progress.sqlite") as connection:
        rows = connection.execute(
            "SELECT exercise, points, checks, hints, passed IS NOT NULL FROM exercises WHERE course = ?", [str(course)]
        ).fetchall()
    return {row[0]: row[1:] for row in rows}


def test_an_answer_is_checked_when_it_is_saved(changed, watching):
    assert "data/measurements.csv); `taskloom prep` brings it" in run("watch", cwd=changed, code=1)
    run("prep", cwd=changed)
    run("new", "notebook", "02-more", cwd=changed)
    run("new", "exercise", "slow-loop", "--notebook", "02-more", cwd=changed)
    watch = watching(changed)
    said = watch.until("Change answers/rivers-squares.rs and save it.")
    assert "exercise 1 of 2; 0 done" in said and "note:" not in said
    assert "✗ The ten calls are tasks" in said and "\x1b" not in said
    answer = changed / "answers" / "rivers-squares.rs"
    text = answer.read_text()
    assert text.startswith("// rivers-squares: Sum of squares\n") and "// **Your task.**" in text
    answer.write_text(text.replace("squares.push(square(x))", "squares.push(squared(x))"))
    assert "squared" in watch.until("Change answers/")
    answer.write_text("let answer = { println!(\"a word\"); 7_i64 };")
    said = watch.until("Change answers/")
    assert "a word" in said and "got: 7" in said
    answer.write_text((changed / "solutions" / "rivers-squares.rs").read_text())
    watch.until("rivers-squares is done.")
    # The next one is in another notebook.
    said = watch.until("Change answers/slow-loop.rs and save it.")
    assert "exercise 2 of 2; 1 done" in said and "note:" not in said
    points, checks, _, passed = progress_of(changed)["rivers-squares"]
    assert (points, checks, passed) == (2, 3, 1)
    shutil.copy(changed / "solutions" / "slow-loop.rs", changed / "answers" / "slow-loop.rs")
    watch.until("All 2 exercises are done.")
    assert watch.process.wait(20) == 0
    assert "All 2 exercises are done." in run("watch", cwd=changed)


def test_a_terminal_has_keys_and_is_left_as_it_was(changed, watching):
    run("prep", cwd=changed)
    watch = watching(changed, "rivers-squares", terminal=True)
    watch.until("q quit")
    watch.press("h")
    watch.until("Hint 1 of 2")
    watch.press("hx")
    watch.until("Hint 2 of 2")
    watch.until("q quit")
    watch.press("l")
    watch.until("← here")
    watch.press("c")
    watch.until("\x1b[2J")
    watch.until("q quit")
    watch.press("q")
    assert watch.process.wait(20) == 0
    assert termios.tcgetattr(watch.theirs) == watch.before
    assert progress_of(changed)["rivers-squares"][2] == 2


@pytest.mark.parametrize("terminal", [True, False], ids=["on a terminal", "elsewhere"])
def test_ctrl_c_leaves_cleanly_even_from_a_loop(changed, watching, terminal):
    run("prep", cwd=changed)
    (changed / "answers").mkdir()
    (changed / "answers" / "rivers-squares.rs").write_text('println!("round"); loop { sleep_ms(10); }')
    watch = watching(changed, "rivers-squares", terminal=terminal)
    watch.until("Checking answers/rivers-squares.rs")
    time.sleep(2)
    watch.process.send_signal(signal.SIGINT)
    assert watch.process.wait(20) in (0, 130)
    if terminal:
        assert termios.tcgetattr(watch.theirs) == watch.before
    assert not (changed / "notebooks" / "answers").exists()
