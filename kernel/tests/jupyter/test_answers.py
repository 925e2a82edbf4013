"""Right and wrong answers to exercises: what each earns, and what a learner is told.

`answers/<exercise>.toml` holds them. An answer that differs from the course's own and is right has to pass; a wrong one
has to earn what is right in it, and be told its mistake.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from exercises import check_of, read_exercise, report_in, tomllib
from test_notebooks import NOTEBOOKS, exercise_cells, taskloom_of

ANSWERS = {path.stem: path for path in sorted((Path(__file__).parent / "answers").glob("*.toml"))}


def answers_to(id: str) -> list[dict]:
    return tomllib.loads(ANSWERS[id].read_text("utf-8"))["answer"] if id in ANSWERS else []


def with_answers() -> list[Path]:
    """The notebooks to whose exercises there are answers."""
    cells = {path: exercise_cells(nbformat.read(path, as_version=4)) for path in NOTEBOOKS}
    return [path for path, ids in cells.items() if any(id in ANSWERS for id in ids)]


def test_answers_are_to_exercises_that_there_are():
    for id in ANSWERS:
        exercise = read_exercise(id)
        earned = [answer["points"] for answer in answers_to(id)]
        assert exercise.points in earned, f"{id}: no other right answer was tried"
        assert min(earned) < exercise.points, f"{id}: no wrong answer was tried"
        for answer in answers_to(id):
            assert answer["points"] <= exercise.points
            assert ("says" in answer) == (answer["points"] < exercise.points), f"{id}: {answer['name']}"


@pytest.mark.parametrize("notebook", with_answers(), ids=lambda path: path.name)
@pytest.mark.timeout(1800)
def test_answers_earn_what_they_deserve(notebook, own_session):
    """The cells in order, and at each exercise all answers to it, before the course's own, on which later cells build."""
    wrong = []
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.cell_type != "code" or check_of(cell.source) or "raises-exception" in cell.metadata.get("tags", []):
            continue
        id = taskloom_of(cell).get("exercise")
        if id is None:
            own_session.ok(cell.source, timeout=120)
            continue
        exercise = read_exercise(id)
        for answer in answers_to(id):
            own_session.ok(answer["code"], timeout=120)
            report = report_in(own_session.ok(f"%check {id}", timeout=120).bundles, exercise)
            said = [f"{check['name']}: {check['message']}" for check in report["checks"] if not check["passed"]]
            told = "says" not in answer or any(answer["says"] in line for line in said)
            if report["points"] != answer["points"] or not told:
                wrong.append(f"{id}, {answer['name']}: {report['points']} points, {answer['points']} expected; said: {said}")
        own_session.ok(exercise.solution, timeout=120)
    assert not wrong, "\n".join(wrong)
