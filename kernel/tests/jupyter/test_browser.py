"""An attendee at work: a real browser, JupyterLab, and the first notebook.

Each stage leaves a screenshot in TASKLOOM_SCREENSHOTS (by default `target/screenshots`).
"""

from __future__ import annotations

import time

import nbformat
import pytest

from conftest import KERNEL, ROOT, SCREENSHOTS
from exercises import CHECK_MIME, check_of, read_exercise
from lab import LabServer, Notebook, find_browser, open_browser, write_notebook

# The least contrast that WCAG asks for in large text and in what one has to make out.
READABLE = 3.0

# What the attendee types first: the starter again, under a remark. Every starter fails its checks.
FIRST_TRY = "// My first try: I have only moved things about."


@pytest.fixture(scope="module")
def folder(new_course):
    return new_course("browser")


@pytest.fixture(scope="module")
def browser():
    executable = find_browser()
    if executable is None:
        pytest.skip(
            "no Chromium or Chrome on this machine, so nothing was tried in a browser: install one "
            "(Debian: `apt install chromium`), or set TASKLOOM_CHROMIUM to its path"
        )
    print(f"the browser is {executable}")
    with open_browser(executable) as browser:
        yield browser


@pytest.fixture(scope="module")
def server(browser, folder, tmp_path_factory):
    server = LabServer(folder, tmp_path_factory.mktemp("lab"))
    yield server
    server.close()


@pytest.fixture
def open_notebook(browser, server, request):
    """A function that opens a notebook; a test that fails leaves a screenshot of where it stood."""
    opened = []

    def open(path: str) -> Notebook:
        opened.append(Notebook(browser, server, path, SCREENSHOTS))
        return opened[-1]

    yield open
    outcome = getattr(request.node, "reports", {}).get("call")
    for notebook in opened:
        if outcome is not None and outcome.failed:
            notebook.screenshot(f"failed-{request.node.name}")
            print(f"JupyterLab's log:\n{server.log.read_text()[-4000:]}")
        strangers = notebook.strangers
        notebook.close()
        assert not strangers, f"the page asked for addresses outside this machine: {strangers}"


def plain(text: str) -> str:
    """Words alone: a report may be broken into lines, and set code apart, as it likes."""
    return " ".join(text.replace("`", "").split())


def run_check(cell, exercise) -> dict:
    """Runs a %check cell; its report, once each failed check's explanation is seen to be readable on the page."""
    cell.run()
    (report,) = [bundle[CHECK_MIME] for bundle in cell.bundles if CHECK_MIME in bundle]
    assert report["exercise"] == exercise.id
    seen = plain(cell.text)
    for check in report["checks"]:
        assert plain(check["name"]) in seen, f"the check {check['name']!r} is not on the page:\n{cell.text}"
        if not check["passed"]:
            assert plain(check["message"]) in seen, f"{check['message']!r} is not on the page:\n{cell.text}"
    assert cell.contrast() > READABLE
    return report


def watch_progress(cell, seconds: float = 60) -> list[float]:
    """Starts a cell that computes for long; the values of its progress bar, in order, without repetitions."""
    seen: list[float] = []
    cell.start()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = cell.progress()
        if value is not None and (not seen or value != seen[-1]):
            seen.append(value)
            if len(seen) == 3:
                cell.show("04-progress")
        if cell.finished:
            break
        cell.page.wait_for_timeout(50)
    cell.finish(seconds)
    last = cell.progress()
    if last is not None and last not in seen[-1:]:
        seen.append(last)
    return seen


def assert_grew(values: list[float]) -> None:
    assert len(values) >= 3, f"the progress bar should move: {values}"
    assert values == sorted(values), f"the progress bar went back: {values}"
    assert 0 <= values[0] < values[-1] <= 1
    assert values[-1] == 1, f"the progress bar did not reach its end: {values}"


@pytest.mark.timeout(900)
def test_an_attendee_works_through_the_first_notebook(open_notebook):
    plan = nbformat.read(ROOT / "notebooks" / "01-delayed.ipynb", as_version=4)
    notebook = open_notebook("notebooks/01-delayed.ipynb")
    notebook.screenshot("01-opened")
    assert notebook.cells.count() == len(plan.cells)

    exercises = {}  # id -> place of its cell
    stages = set()
    for index, planned in enumerate(plan.cells):
        if planned.cell_type != "code":
            continue
        about = planned.metadata.get("taskloom", {})
        cell = notebook.cell(index)
        assert cell.source == planned.source

        if "exercise" in about:
            exercises[about["exercise"]] = index
            cell.run()
        elif check_of(planned.source):
            exercise = read_exercise(check_of(planned.source))
            if "exercise" not in stages:
                solve_slowly(notebook, exercise, exercises[exercise.id], index)
                stages.add("exercise")
            else:
                solve(notebook, exercise, exercises[exercise.id], index)
        elif about.get("stage") == "visualize":
            cell.run()
            picture = cell.picture()
            assert picture["width"] > 50 and picture["height"] > 50, picture
            assert "inc" in picture["text"] and "add" in picture["text"], picture["text"]
            cell.show("03-graph")
            stages.add("visualize")
        elif about.get("stage") == "progress":
            assert_grew(watch_progress(cell))
            stages.add("progress")
        else:
            cell.run()
            if "02-first-result" not in stages and cell.text.strip():
                cell.show("02-first-result")
                stages.add("02-first-result")

        if "raises-exception" not in planned.metadata.get("tags", []):
            assert not cell.failed, f"the cell {planned.id} failed:\n{planned.source}\n\n{cell.text}"
        if about.get("result") == "mean-delay":
            assert "EWR" in cell.text
            cell.show("09-mean-delays")

    assert {"visualize", "progress", "exercise"} <= stages, f"the notebook has cells for {stages} only"


def solve_slowly(notebook: Notebook, exercise, place: int, check: int) -> None:
    """A wrong answer, its explanation, a hint, the right answer, and a look at the course's own."""
    answer, checked = notebook.cell(place), notebook.cell(check)
    answer.type(f"{FIRST_TRY}\n{exercise.starter}")
    answer.run()
    report = run_check(checked, exercise)
    assert not report["passed"]
    checked.show("05-check-explains")

    hint = notebook.insert_below(check, f"%hint {exercise.id}").run()
    assert plain(exercise.hints[0]) in plain(hint.text)
    hint.show("06-hint")
    notebook.delete(check + 1)

    answer.type(exercise.solution)
    answer.run()
    assert not answer.failed, answer.text
    report = run_check(checked, exercise)
    assert report["passed"], report
    checked.show("07-check-passes")

    solution = notebook.insert_below(check, f"%solution {exercise.id}").run()
    assert plain(exercise.solution) in plain(solution.text)
    solution.show("08-solution")
    notebook.delete(check + 1)


def solve(notebook: Notebook, exercise, place: int, check: int) -> None:
    answer = notebook.cell(place)
    answer.type(exercise.solution)
    answer.run()
    assert not answer.failed, answer.text
    assert run_check(notebook.cell(check), exercise)["passed"]


@pytest.mark.timeout(300)
def test_errors_are_shown_where_they_belong(open_notebook, folder):
    cells = [
        'let a = 1;\nlet b = 2;\nlet c: i32 = "three";',
        'let x = 1;\n\npanic!("boom at three");',
        "1 + 1",
    ]
    write_notebook(folder / "errors.ipynb", cells, KERNEL)
    notebook = open_notebook("errors.ipynb")

    wrong = notebook.cell(0).run()
    assert wrong.failed and "mismatched types" in wrong.text
    assert wrong.contrast() > READABLE
    wrong.show("10-compile-error")

    panicked = notebook.cell(1).run()
    assert panicked.failed and "boom at three" in panicked.text
    assert panicked.contrast() > READABLE
    panicked.show("11-panic")

    after = notebook.cell(2).run()
    assert after.text.split()[-1] == "2"


@pytest.mark.timeout(300)
def test_a_cell_that_never_ends_is_stopped_with_the_stop_button(open_notebook, folder):
    write_notebook(folder / "endless.ipynb", ['println!("started");\nloop {}', "1 + 1"], KERNEL)
    notebook = open_notebook("endless.ipynb")
    endless = notebook.cell(0)
    endless.start()
    endless.output.get_by_text("started").wait_for(timeout=30_000)
    notebook.page.locator('.jp-NotebookPanel-toolbar [data-jp-item-name="interrupt"]').click()
    endless.finish(10)
    assert endless.failed
    endless.show("12-interrupted")
    assert notebook.cell(1).run().text.split()[-1] == "2"


@pytest.mark.timeout(300)
def test_the_dark_theme_is_as_readable(open_notebook, folder):
    cells = [
        "use taskloom::prelude::*;\nfn inc(x: i64) -> i64 { sleep_ms(200); x + 1 }\nfn total(v: Vec<i64>) -> i64 { v.iter().sum() }",
        "let parts: Vec<_> = (0..30).map(|i| delayed!(inc(i))).collect();\nlet sum = delayed!(total(parts));",
        "delayed!(inc(1)).visualize()",
        "sum.compute_with(Scheduler::Threads(2))?",
        "sum",
        "%check delayed-loop",
        'let wrong: i32 = "text";',
    ]
    write_notebook(folder / "dark.ipynb", cells, KERNEL)
    notebook = open_notebook("dark.ipynb")
    notebook.use_theme("JupyterLab Dark")
    try:
        for index in range(len(cells)):
            cell = notebook.cell(index).run()
            if cell.output.count():
                assert cell.contrast() > READABLE, f"too little contrast in the dark theme:\n{cell.text}"
        picture = notebook.cell(2).picture()
        assert picture["width"] > 20 and "inc" in picture["text"]
        notebook.cell(2).show("13-dark-graph")
        assert notebook.cell(3).progress() == 1
        notebook.cell(6).show("14-dark-check-and-error")
    finally:
        notebook.use_theme("JupyterLab Light")
