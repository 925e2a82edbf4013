"""Every notebook of the course: as it is handed out, with its starters, and with every exercise solved."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import nbformat
import pandas
import pytest
from nbclient import NotebookClient

from conftest import KERNEL, ROOT
from exercises import check_of, exercise_ids, read_exercise, report_in

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
STARTERS, SOLUTIONS = "with starters", "with solutions"

every_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)


def taskloom_of(cell) -> dict:
    """What the cell's metadata says for Taskloom: {"exercise": id}, {"result": name}, {"stage": name}, or nothing."""
    return cell.metadata.get("taskloom", {})


def exercise_cells(notebook) -> dict:
    """Exercise id -> its cell."""
    cells = [cell for cell in notebook.cells if "exercise" in taskloom_of(cell)]
    found = {taskloom_of(cell)["exercise"]: cell for cell in cells}
    assert len(found) == len(cells), "an exercise has two cells"
    return found


def test_there_are_notebooks():
    assert NOTEBOOKS, f"no notebooks in {ROOT / 'notebooks'}"


# As handed out


@every_notebook
def test_is_a_valid_notebook_without_outputs(notebook):
    content = nbformat.read(notebook, as_version=4)
    nbformat.validate(content)
    assert content.metadata.kernelspec.name == KERNEL
    ids = [cell.id for cell in content.cells]
    assert len(ids) == len(set(ids)), "two cells have the same id"
    for cell in content.cells:
        if cell.cell_type == "code":
            assert cell.outputs == [], f"the cell {cell.id} holds outputs"
            assert cell.execution_count is None, f"the cell {cell.id} holds an execution count"


@every_notebook
def test_exercise_cells_hold_their_starters(notebook):
    content = nbformat.read(notebook, as_version=4)
    for id, cell in exercise_cells(content).items():
        exercise = read_exercise(id)
        assert exercise.notebook == notebook.stem, f"{id} says that it belongs to {exercise.notebook}"
        assert cell.source.rstrip("\n") == exercise.starter, f"the cell {cell.id} is not exercises/{id}/starter.rs"


@every_notebook
def test_every_exercise_can_be_checked_where_it_stands(notebook):
    content = nbformat.read(notebook, as_version=4)
    order = [
        taskloom_of(cell).get("exercise") or "check " + (check_of(cell.source) or "")
        for cell in content.cells
        if cell.cell_type == "code" and ("exercise" in taskloom_of(cell) or check_of(cell.source))
    ]
    expected = [line for id in exercise_cells(content) for line in (id, f"check {id}")]
    assert order == expected


def test_every_exercise_is_in_a_notebook():
    used = [id for path in NOTEBOOKS for id in exercise_cells(nbformat.read(path, as_version=4))]
    assert sorted(used) == exercise_ids()


@every_notebook
def test_solutions_are_nowhere_in_the_notebook(notebook):
    content = nbformat.read(notebook, as_version=4)
    everything = "\n".join(cell.source for cell in content.cells)
    for id in exercise_cells(content):
        assert read_exercise(id).solution not in everything


# Executed


@functools.lru_cache(maxsize=None)
def executed(notebook: Path, mode: str, course: Path):
    """The notebook after a run of all its cells; each mode is run once, and all tests look at that run."""
    content = nbformat.read(notebook, as_version=4)
    if mode == SOLUTIONS:
        for id, cell in exercise_cells(content).items():
            cell.source = read_exercise(id).solution
    client = NotebookClient(
        content,
        kernel_name=KERNEL,
        timeout=120,  # for one cell
        startup_timeout=60,
        allow_errors=True,  # so that the report names every cell that fails, not only the first
        resources={"metadata": {"path": str(course / "notebooks")}},
    )
    return client.execute()


def bundles_of(cell) -> list[dict]:
    return [output.data for output in cell.outputs if output.output_type in ("display_data", "execute_result")]


def text_of(cell) -> str:
    streams = [output.text for output in cell.outputs if output.output_type == "stream"]
    return "\n".join(streams + [bundle.get("text/plain", "") for bundle in bundles_of(cell)])


@every_notebook
@pytest.mark.parametrize("mode", [STARTERS, SOLUTIONS])
@pytest.mark.timeout(900)
def test_every_cell_runs(notebook, mode, course):
    failures = [
        f"cell {cell.id}:\n{cell.source}\n{output.ename}: {output.evalue}"
        for cell in executed(notebook, mode, course).cells
        if cell.cell_type == "code" and "raises-exception" not in cell.metadata.get("tags", [])
        for output in cell.outputs
        if output.output_type == "error"
    ]
    assert not failures, "\n\n".join(failures)


@every_notebook
@pytest.mark.parametrize("mode, passes", [(STARTERS, False), (SOLUTIONS, True)], ids=[STARTERS, SOLUTIONS])
@pytest.mark.timeout(900)
def test_checks_tell_starters_from_solutions(notebook, mode, passes, course):
    for cell in executed(notebook, mode, course).cells:
        id = cell.cell_type == "code" and check_of(cell.source)
        if not id:
            continue
        report = report_in(bundles_of(cell), read_exercise(id))
        missed = [f"{check['name']}: {check['message']}" for check in report["checks"] if not check["passed"]]
        if passes:
            assert report["passed"] and report["points"] == report["of"], f"the solution of {id} fails: {missed}"
        else:
            assert not report["passed"], f"the starter of {id} already passes"


@pytest.mark.timeout(900)
def test_mean_delays_equal_those_of_pandas(course, flights):
    """The notebook's own answer, against pandas on the same files."""
    notebook = ROOT / "notebooks" / "01-delayed.ipynb"
    cells = [cell for cell in executed(notebook, SOLUTIONS, course).cells if taskloom_of(cell).get("result") == "mean-delay"]
    assert len(cells) == 1, "one cell should be marked with taskloom.result = mean-delay"
    lines = re.findall(r"^\s*([A-Z]{3})\s+(-?\d+\.\d+(?:e-?\d+)?)\s*$", text_of(cells[0]), re.MULTILINE)
    found = {airport: float(mean) for airport, mean in lines}

    files = sorted(flights.glob("*.csv"))
    table = pandas.concat(pandas.read_csv(path, usecols=["origin", "dep_delay"]) for path in files)
    expected = table.groupby("origin").dep_delay.mean().to_dict()
    assert len(expected) >= 3
    assert found == pytest.approx(expected, rel=1e-9, abs=0), f"the cell showed:\n{text_of(cells[0])}"
