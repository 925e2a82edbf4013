"""What a learner has done is kept: between checks, between sessions, for each course by itself."""

from __future__ import annotations

import json

import nbformat
import pytest

from conftest import KERNEL
from session import Session

EXERCISE = """
id = "{id}"
title = "{id}, doubled"
notebook = "01-numbers"
points = 2
time_limit = 20
hints = ["Twice what?", "Twice one."]
"""
CHECK = """
check!("It is a number", 1, {
    let _: i32 = {id};
});

check!("It is two", 1, {
    ensure_eq!({id}, 2, "one, doubled, is two");
});
"""


@pytest.fixture
def course(tmp_path):
    """A course of two exercises, in a folder of its own: nobody's record is touched."""
    for id in ("first", "second"):
        folder = tmp_path / "exercises" / id
        folder.mkdir(parents=True)
        (folder / "exercise.toml").write_text(EXERCISE.replace("{id}", id))
        (folder / "check.rs").write_text(CHECK.replace("{id}", id))
        (folder / "starter.rs").write_text(f"let {id} = 1;\n")
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "first.rs").write_text("let first = 2;\n")
    return tmp_path


def start(folder) -> Session:
    return Session(folder)


def test_the_best_check_is_remembered_by_the_next_session(course):
    session = start(course)
    try:
        assert "0 of 2 exercises done, 0 of 4 points" in session.ok("%progress").text
        session.ok("let first = 1;")
        session.ok("%check first")
        session.ok("%hint first")
        assert "… first    1 of 2   1 check, 1 hint" in session.ok("%progress").text
        session.ok("let first = 2;")
        session.ok("%check first")
        session.ok("let first = 0;")
        session.ok("%check first")
    finally:
        session.close()

    session = start(course)
    try:
        text = session.ok("%progress").text
        assert "1 of 2 exercises done, 2 of 4 points" in text
        assert "✓ first    2 of 2   3 checks, 1 hint" in text
        assert "· second   0 of 2" in text
        assert "needs the name" in session.fails("%reset-progress").error
        assert "there is no exercise `third`" in session.fails("%reset-progress third").error
        session.ok("%reset-progress all")
        assert "0 of 2 exercises done" in session.ok("%progress").text
    finally:
        session.close()


def test_a_check_without_a_name_is_for_the_exercise_above(course, monkeypatch):
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": KERNEL, "display_name": KERNEL}})
    notebook.cells = [
        nbformat.v4.new_code_cell("let first = 2;", id="one", metadata={"taskloom": {"exercise": "first"}}),
        nbformat.v4.new_code_cell("%check", id="two"),
        nbformat.v4.new_code_cell("let second = 1;", id="three", metadata={"taskloom": {"exercise": "second"}}),
        nbformat.v4.new_code_cell("%solution -n", id="four"),
    ]
    path = course / "01-numbers.ipynb"
    path.write_text(json.dumps(notebook))
    # Jupyter's server names the notebook, JupyterLab the cell.
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    session = start(course)
    try:
        session.ok("let first = 2; let second = 1;")

        def in_cell(code: str, id: str):
            content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
            message = session.client.session.msg("execute_request", content, metadata={"cellId": id})
            session.client.shell_channel.send(message)
            return session.finish(session._sent(message["header"]["msg_id"], code))

        assert "first, doubled: passed, 2 of 2 points" in in_cell("%check", "two").text
        assert "second, doubled: not yet, 1 of 2 points" in in_cell("%check", "three").text
        assert "Hint 1 of 2" in in_cell("%hint", "three").text
        assert in_cell("%solution -n", "two").reply["payload"] == [
            {"source": "set_next_input", "text": "let first = 2;", "replace": False}
        ]
        # A cell that was not saved yet, and a client that says nothing.
        for cell in (in_cell("%check", "new"), session.run("%check")):
            assert "needs the name of an exercise, such as `%check first`; %progress lists them all" in cell.error
    finally:
        session.close()
