"""nbgrader itself, with this kernel: it makes the students' version of our notebooks, validates and grades them, and shows
what `taskloom grade` has put into its gradebook.

nbgrader comes from PyPI, into an environment in the target folder that is made once.
"""

from __future__ import annotations

import csv
import html
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from conftest import BINARY, ROOT, TARGET

# Many processes of Python, and a kernel for each submission.
pytestmark = pytest.mark.timeout(900)

NBGRADER = "nbgrader==0.9.6"

GIVEN = "fn expected() -> i64 { 42 }\nfn say(text: &str) { eprintln!(\"{text}\"); }"
FIRST_STARTER = 'let parts = "of data/*.csv";\nlet total: i64 = 0 - 1;'
FIRST_SOLUTION = "let total = expected();\ntotal"
SECOND_STARTER = "fn twice(x: i64) -> i64 { todo!() }"
# A right answer may say what it likes, and where.
SECOND_SOLUTION = 'fn twice(x: i64) -> i64 {\n    say("twice");\n    2 * x\n}'
CHECKS = {
    "first": (3, FIRST_STARTER, FIRST_SOLUTION, """\
check!("It is the number", 2, { ensure_eq!(total, expected(), "take the number that is expected"); });
check!("It is even", 1, { ensure!(total % 2 == 0, "{total} is odd"); });
"""),
    "second": (1, SECOND_STARTER, SECOND_SOLUTION, """\
check!("It doubles", 1, { ensure_eq!(twice(4), 8, "two times four"); });
"""),
}
RIGHT = {"first": "let total: i64 = 40 + 2;", "second": SECOND_SOLUTION}
# What students hand in, and what it is worth.
CLASS = {
    "ada": (RIGHT, {"first": 3, "second": 1}),
    "bob": ({**RIGHT, "first": "let total: i64 = 44;"}, {"first": 1, "second": 1}),
    "cyd": ({**RIGHT, "first": 'let total: i64 = "forty-two";'}, {"first": 0, "second": 1}),
    "dee": ({}, {"first": 0, "second": 0}),
}


def code(id, source, **metadata):
    return {"cell_type": "code", "id": id, "metadata": metadata, "source": source, "outputs": [], "execution_count": None}


@pytest.fixture(scope="module")
def small_course(tmp_path_factory):
    root = tmp_path_factory.mktemp("nbgrader") / "course"
    cells = [code("given", GIVEN), {"cell_type": "markdown", "id": "words", "metadata": {}, "source": "# Two exercises"}]
    for id, (points, starter, solution, checks) in CHECKS.items():
        folder = root / "exercises" / id
        folder.mkdir(parents=True)
        (folder / "exercise.toml").write_text(
            f'id = "{id}"\ntitle = "The {id}"\nnotebook = "small"\npoints = {points}\ntime_limit = 20\nhints = ["Look."]\n'
        )
        (folder / "starter.rs").write_text(starter + "\n")
        (folder / "check.rs").write_text(checks)
        (root / "solutions").mkdir(exist_ok=True)
        (root / "solutions" / f"{id}.rs").write_text(solution + "\n")
        cells.append(code(f"exercise-{id}", starter, taskloom={"exercise": id}))
        if id == "first":
            cells.append(code("look", "total + 0"))
            cells.append(code("check-it", f"%check {id}"))
    (root / "notebooks").mkdir()
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (root / "notebooks" / "small.ipynb").write_text(json.dumps(notebook))
    return root


@pytest.fixture(scope="session")
def python():
    """A Python that has nbgrader beside all that the tests' own has."""
    if sys.version_info < (3, 10):
        pytest.skip(f"{NBGRADER} needs Python 3.10 or later; this is {sys.version.split()[0]}")
    folder = TARGET / "nbgrader"
    python = folder / "bin" / "python"
    stamp, state = folder / "made.txt", f"{NBGRADER} {sys.executable} {sys.version}"
    if python.exists() and stamp.exists() and stamp.read_text() == state:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    made = subprocess.run([sys.executable, "-m", "venv", str(folder)], capture_output=True, text=True, timeout=300)
    assert made.returncode == 0, made.stdout + made.stderr
    about = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = subprocess.run([str(python), "-c", about], capture_output=True, text=True, check=True).stdout.strip()
    (Path(own) / "tests.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", NBGRADER]
    installed = subprocess.run(install, capture_output=True, text=True, timeout=600)
    if installed.returncode:
        words = (installed.stdout + installed.stderr).strip().splitlines()
        pytest.skip(f"pip could not install {NBGRADER}: {words[-1] if words else 'it says nothing'}")
    stamp.write_text(state)
    return python


def environment(**more):
    """nbgrader's settings say where the kernel is; nbconvert's templates lie with the tests' own Python."""
    return {**os.environ, "JUPYTER_PATH": str(Path(sys.prefix) / "share" / "jupyter"), **more}


def taskloom(*arguments, check=True):
    command = [str(BINARY), *map(str, arguments)]
    process = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment())
    assert not check or process.returncode == 0, process.stdout + process.stderr
    return process


class NbGrader:
    """nbgrader in a course's folder."""

    def __init__(self, python, folder):
        self.python, self.folder = python, folder

    def __call__(self, *arguments, check=True):
        command = [str(self.python), "-m", "nbgrader", *arguments]
        # It starts a program that lies beside its Python.
        path = os.pathsep.join([str(self.python.parent), os.environ["PATH"]])
        process = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, timeout=600, env=environment(PATH=path)
        )
        assert not check or process.returncode == 0, process.stdout + process.stderr
        return process.stdout + process.stderr

    def ask(self, program):
        """Runs a program with `book`, nbgrader's gradebook; gives what it leaves in `answer`."""
        around = (
            "import json\nfrom nbgrader.api import Gradebook\n"
            f"with Gradebook('sqlite:///gradebook.db') as book:\n    {program}\nprint(json.dumps(answer))"
        )
        process = subprocess.run(
            [str(self.python), "-c", around], cwd=self.folder, capture_output=True, text=True, timeout=600
        )
        assert process.returncode == 0, process.stderr
        return json.loads(process.stdout)

    def scores(self):
        """Each student's scores, by exercise."""
        rows = self.ask(
            "answer = [(s.student.id, g.name, g.score) for s in book.assignment_submissions('small') "
            "for n in s.notebooks for g in n.grades]"
        )
        scores = {}
        for student, name, score in rows:
            scores.setdefault(student, {})[name.removeprefix("check-")] = score
        return scores

    def exported(self):
        self("export", "--to", "grades.csv")
        with (self.folder / "grades.csv").open() as file:
            return {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}


def notebook_of(path):
    return json.loads(path.read_text("utf-8"))


def source_of(cell):
    return "".join(cell["source"])


def feedback(nbgrader, student):
    """What a student reads in the page of feedback."""
    page = (nbgrader.folder / "feedback" / student / "small" / "small.html").read_text("utf-8")
    return html.unescape(re.sub("<[^>]*>", "", page))


def hand_in(folder, students=CLASS):
    """Students take what was released, write their answers, and hand it in."""
    for student, (answers, _) in students.items():
        there = folder / "submitted" / student / "small"
        shutil.rmtree(there, ignore_errors=True)
        shutil.copytree(folder / "release" / "small", there)
        notebook = notebook_of(there / "small.ipynb")
        for cell in notebook["cells"]:
            mark = cell["metadata"].get("nbgrader", {})
            if mark.get("solution") and mark["grade_id"] in answers:
                cell["source"] = answers[mark["grade_id"]]
        (there / "small.ipynb").write_text(json.dumps(notebook))


@pytest.fixture(scope="module")
def released(small_course, python, tmp_path_factory):
    """The small course as nbgrader's, with its assignment released."""
    folder = tmp_path_factory.mktemp("nbgrader") / "class of '26"
    said = taskloom("nbgrader", "export", small_course, "--out", folder).stdout
    assert "generate_assignment small" in said
    nbgrader = NbGrader(python, folder)
    nbgrader("generate_assignment", "small")
    return nbgrader


@pytest.fixture(scope="module")
def autograded(released):
    """The class, graded by nbgrader alone."""
    hand_in(released.folder)
    # One more takes the tests out, makes functions of the course's say something else, and forges the checks.
    there = released.folder / "submitted" / "eve" / "small"
    shutil.copytree(released.folder / "submitted" / "cyd" / "small", there)
    notebook = notebook_of(there / "small.ipynb")
    cells = [cell for cell in notebook["cells"] if not cell["metadata"].get("nbgrader", {}).get("grade")]
    for cell in cells:
        cell["source"] = source_of(cell).replace("42", "7")
    (there / "small.ipynb").write_text(json.dumps({**notebook, "cells": cells}))
    for checks in (there / "exercises").glob("*/check.rs"):
        checks.write_text('check!("It is there", 3, { ensure!(true, ""); });\n')
    released("autograde", "small")
    return released


def test_students_get_starters_and_tests_and_no_solutions(released):
    release = released.folder / "release" / "small"
    text = (release / "small.ipynb").read_text("utf-8")
    assert "total = expected()" not in text and "2 * x" not in text and "SOLUTION" not in text
    cells = {}
    for cell in notebook_of(release / "small.ipynb")["cells"]:
        if mark := cell["metadata"].get("nbgrader"):
            cells[mark["grade_id"]] = cell
    assert source_of(cells["first"]) == f"// YOUR CODE HERE\n{FIRST_STARTER}\n// YOUR CODE HERE"
    assert source_of(cells["check-first"]) == "%check -s first"
    assert {name: cells[name]["metadata"]["nbgrader"].get("points") for name in cells} == {
        "given-given": None, "first": None, "check-first": 3, "second": None, "check-second": 1,
    }
    assert cells["check-second"]["metadata"]["editable"] is False
    assert cells["given-given"]["metadata"].get("editable", True), "students may try things"
    names = sorted(str(path.relative_to(release)) for path in release.rglob("*") if path.is_file())
    assert names == [
        *(f"exercises/{id}/{file}" for id in CHECKS for file in ("check.rs", "exercise.toml", "starter.rs")),
        "small.ipynb",
    ]


def test_validate_tells_right_from_wrong(released):
    said = released("validate", "source/small/small.ipynb")
    assert "Success! Your notebook passes all the tests." in said
    said = released("validate", "release/small/small.ipynb")
    assert "VALIDATION FAILED ON 2 CELL(S)" in said
    assert "CheckFailed: The first: 0 of 3 points" in said and "-1 is odd" in said


def test_autograde_gives_full_partial_and_no_credit(autograded):
    scores = autograded.scores()
    assert scores == {
        **{student: points for student, (_, points) in CLASS.items()},
        # What eve took out is there again, and so is what the course gave.
        "eve": {"first": 0, "second": 1},
    }
    assert autograded.exported() == {"ada": 4, "bob": 2, "cyd": 1, "dee": 0, "eve": 1}


def test_feedback_shows_what_the_checks_say(autograded):
    autograded("generate_feedback", "small", "--student", "bob")
    page = feedback(autograded, "bob")
    assert "take the number that is expected" in page and "(Score: 2.0 / 4.0)" in page


@pytest.fixture(scope="module")
def filled(released, small_course, tmp_path_factory):
    """The class, graded by `taskloom grade`, in another copy of nbgrader's folder."""
    folder = tmp_path_factory.mktemp("nbgrader") / "filled"
    shutil.copytree(released.folder, folder, ignore=shutil.ignore_patterns("gradebook.db", "submitted", "autograded"))
    nbgrader = NbGrader(released.python, folder)
    nbgrader("generate_assignment", "small", "--force")
    hand_in(folder)
    (folder / "submitted" / "fay" / "small").mkdir(parents=True)
    (folder / "submitted" / "fay" / "small" / "small.ipynb").write_text('{"cells": [')
    return nbgrader


def grade(nbgrader, course, *submissions, place=None):
    folder = nbgrader.folder
    submissions = submissions or sorted((folder / "submitted").iterdir())
    options = ["--course", course, "--out", folder / "graded", "--python", nbgrader.python]
    return taskloom("grade", *options, "--nbgrader", place or folder, *submissions).stdout


def test_the_gradebook_is_filled_and_filled_again(filled, small_course):
    said = grade(filled, small_course)
    assert "the scores of 5 submissions" in said
    assert filled.scores() == {
        **{student: points for student, (_, points) in CLASS.items()}, "fay": {"first": 0, "second": 0},
    }
    assert filled.exported() == {"ada": 4, "bob": 2, "cyd": 1, "dee": 0, "fay": 0}
    comments = filled.ask(
        "answer = {c.name: c.comment for c in book.find_submission_notebook('small', 'small', 'bob').comments}"
    )
    assert comments["second"] is None
    assert "take the number that is expected" in comments["first"] and "got: 44" in comments["first"]
    filled("generate_feedback", "small")
    page = feedback(filled, "bob")
    assert "let total: i64 = 44" in page
    assert "take the number that is expected" in page and "(Score: 2.0 / 4.0)" in page
    assert "is no notebook" in feedback(filled, "fay")
    # What formgrader and feedback read is what nbgrader would have made of it.
    for cell in notebook_of(filled.folder / "autograded" / "cyd" / "small" / "small.ipynb")["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "check-first":
            assert cell["outputs"][-1]["output_type"] == "error"

    # A teacher gives bob a point by hand; then bob and cyd hand in something better.
    filled.ask(
        "g = book.find_grade('check-first', 'small', 'small', 'bob'); g.manual_score = 2; book.db.commit(); answer = 1"
    )
    hand_in(filled.folder, {student: (RIGHT, {}) for student in ("bob", "cyd")})
    submitted = filled.folder / "submitted"
    said = grade(filled, small_course, submitted / "bob" / "small", submitted / "cyd", place=filled.folder / "gradebook.db")
    assert "the scores of 2 submissions" in said
    assert filled.exported() == {"ada": 4, "bob": 3, "cyd": 4, "dee": 0, "fay": 0}
    grades = filled.ask(
        "answer = [(g.auto_score, g.needs_manual_grade) for s in ('bob', 'cyd') "
        "for g in [book.find_grade('check-first', 'small', 'small', s)]]"
    )
    assert grades == [[3, True], [3, False]]


def test_a_gradebook_can_begin_with_our_scores(small_course, python, tmp_path):
    """Somebody has nbgrader's gradebook, and nothing else of nbgrader's."""
    handed_in = tmp_path / "handed in"
    handed_in.mkdir()
    notebook = notebook_of(small_course / "notebooks" / "small.ipynb")
    for cell in notebook["cells"]:
        if exercise := cell["metadata"].get("taskloom", {}).get("exercise"):
            cell["source"] = CLASS["bob"][0][exercise]
    (handed_in / "bob.ipynb").write_text(json.dumps(notebook))
    nbgrader = NbGrader(python, tmp_path)
    said = grade(nbgrader, small_course, handed_in / "bob.ipynb")
    assert "the assignment small has been made" in said
    assert nbgrader.exported() == {"bob": 2}
    nbgrader("generate_feedback", "small")
    assert "take the number" in feedback(nbgrader, "bob")


def test_what_is_missing_is_said_before_anything_is_graded(small_course, tmp_path):
    notebook = small_course / "notebooks" / "small.ipynb"
    options = ["--course", small_course, "--out", tmp_path / "out", notebook]
    process = taskloom("grade", "--nbgrader", tmp_path / "none", *options, check=False)
    assert process.returncode == 1 and "there is no folder" in process.stderr
    process = taskloom("grade", "--nbgrader", tmp_path, "--python", "/bin/false", *options, check=False)
    assert process.returncode == 1 and "pip install nbgrader" in process.stderr
    assert not (tmp_path / "out").exists()


def test_an_export_keeps_what_an_instructor_has_changed(small_course, tmp_path):
    taskloom("nbgrader", "export", small_course, "--out", tmp_path, "--assignment", "week 1")
    taskloom("nbgrader", "export", small_course, "--out", tmp_path, "--assignment", "week 1")
    path = tmp_path / "source" / "week 1" / "small.ipynb"
    path.write_text(path.read_text().replace("Two exercises", "Our two exercises"))
    settings = tmp_path / "nbgrader_config.py"
    settings.write_text("c = get_config()\n")
    process = taskloom("nbgrader", "export", small_course, "--out", tmp_path, "--assignment", "week 1", check=False)
    assert process.returncode == 1 and "--force" in process.stderr and "Our two" in path.read_text()
    said = taskloom("nbgrader", "export", small_course, "--out", tmp_path, "--assignment", "week 1", "--force").stdout
    assert "Our two" not in path.read_text()
    assert settings.read_text() == "c = get_config()\n" and "c.ClearSolutions.code_stub" in said
    assert "generate_assignment 'week 1'" in said


def test_nbgrader_takes_all_notebooks_of_the_workshop(python, tmp_path):
    taskloom("nbgrader", "export", ROOT, "--out", tmp_path, "--assignment", "workshop")
    NbGrader(python, tmp_path)("generate_assignment", "workshop")
    exercises = {path.parent.name for path in (ROOT / "exercises").glob("*/exercise.toml")}
    tests = set()
    for path in (tmp_path / "release" / "workshop").glob("*.ipynb"):
        marks = [cell["metadata"].get("nbgrader", {}) for cell in notebook_of(path)["cells"]]
        tests |= {mark["grade_id"].removeprefix("check-") for mark in marks if mark.get("grade")}
    assert tests == exercises
