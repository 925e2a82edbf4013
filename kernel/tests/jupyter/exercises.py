"""Reads the course's exercises, and the reports that `%check` publishes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from conftest import ROOT

try:
    import tomllib
except ImportError:  # Python before 3.11; pytest brings tomli there
    import tomli as tomllib

CHECK_MIME = "application/vnd.taskloom.check+json"


@dataclass(frozen=True)
class Exercise:
    id: str
    notebook: str
    points: int
    hints: tuple
    starter: str
    solution: str
    check_names: tuple


def read_exercise(id: str) -> Exercise:
    folder = ROOT / "exercises" / id
    about = tomllib.loads((folder / "exercise.toml").read_text("utf-8"))
    checks = (folder / "check.rs").read_text("utf-8")
    return Exercise(
        id=about["id"],
        notebook=about["notebook"],
        points=about["points"],
        hints=tuple(about["hints"]),
        starter=(folder / "starter.rs").read_text("utf-8").rstrip("\n"),
        solution=(ROOT / "solutions" / f"{id}.rs").read_text("utf-8").rstrip("\n"),
        check_names=tuple(re.findall(r'^check!\(\s*"((?:[^"\\]|\\.)*)"', checks, re.MULTILINE)),
    )


def exercise_ids() -> list[str]:
    return sorted(path.parent.name for path in Path(ROOT / "exercises").glob("*/exercise.toml"))


def check_of(source: str) -> str | None:
    """The exercise that a cell checks: `delayed-loop` for `%check delayed-loop`."""
    found = re.match(r"\s*%check\s+(\S+)\s*$", source)
    return found.group(1) if found else None


def report_in(bundles: list[dict], exercise: Exercise) -> dict:
    """The one report among a cell's mime bundles, after a look at its shape."""
    reports = [bundle[CHECK_MIME] for bundle in bundles if CHECK_MIME in bundle]
    assert len(reports) == 1, f"%check {exercise.id} published {len(reports)} reports; one was expected: {bundles}"
    for bundle in bundles:
        if CHECK_MIME in bundle:
            assert bundle.get("text/html", "").strip(), "the report has no text/html"
            assert bundle.get("text/plain", "").strip(), "the report has no text/plain"
    report = reports[0]
    checks = report["checks"]
    assert report["exercise"] == exercise.id
    assert [check["name"] for check in checks] == list(exercise.check_names)
    assert report["of"] == exercise.points == sum(check["of"] for check in checks)
    assert report["points"] == sum(check["points"] for check in checks)
    assert report["passed"] == all(check["passed"] for check in checks)
    for check in checks:
        assert check["passed"] or check["message"].strip(), f"the check {check['name']!r} failed without a message"
    return report
