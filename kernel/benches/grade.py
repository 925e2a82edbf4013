"""Grades a class, and says how long that takes.

    python3 kernel/benches/grade.py [--submissions N] [--seed N] [--sample N] [--jobs N] [--keep DIR] [--notebooks NAME …]

A class of N (100) hands in two notebooks of the course with ten exercises, `01-delayed` and `03-schedulers-futures`. Each
answer is right, partly right, wrong, left as it was handed out, or does not compile; most have something of the student's
own in them, and one student in eight hands in what a classmate did. The same seed makes the same class.
`taskloom grade` grades it, in a new folder, so that nothing is known from before. Beside the time that passes stands the
processor time of all that runs, which says more on a machine that has other work.

Where nbgrader and evcxr_jupyter (kernelspec `rust`) are installed, `nbgrader autograde` grades an equivalent of one exercise
cell after the other, for `--sample` (2) of the students; the time for the class is extrapolated from that, and marked so.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

try:
    import tomllib
except ImportError:  # Python before 3.11; pytest brings tomli there
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ["01-delayed", "03-schedulers-futures"]
# How often an answer is what.
KINDS = {"right": 55, "wrong": 20, "starter": 15, "broken": 10}
COPIES = 1 / 8
PERSONAL = 0.7


class Pool:
    """What somebody may answer to an exercise."""

    def __init__(self, name: str):
        self.name = name
        folder = ROOT / "exercises" / name
        self.starter = (folder / "starter.rs").read_text().strip()
        self.points = tomllib.loads((folder / "exercise.toml").read_text())["points"]
        answers = ROOT / "kernel/tests/jupyter/answers" / f"{name}.toml"
        known = tomllib.loads(answers.read_text())["answer"] if answers.exists() else []
        self.right = [(ROOT / "solutions" / f"{name}.rs").read_text().strip()]
        self.right += [one["code"].strip() for one in known if one["points"] == self.points]
        self.wrong = [one["code"].strip() for one in known if one["points"] < self.points] or [self.starter]

    def answer(self, kind: str, student: int, chance: random.Random) -> str:
        if kind == "starter":
            return self.starter
        code = chance.choice(self.right if kind in ("right", "broken") else self.wrong)
        if kind == "broken":
            code = chance.choice([broken(code, chance), code.rstrip().rstrip(";}"), code.replace("(", "(missing_name, ", 1)])
        if chance.random() < PERSONAL:
            code = f"// What student {student} thinks of {self.name}.\nconst NOTE_{student}: usize = {chance.randrange(1000)};\n{code}"
        return code


def broken(code: str, chance: random.Random) -> str:
    words = sorted(set(re.findall(r"\b[a-z_]{4,}\b", code)))
    word = chance.choice(words) if words else "let"
    return re.sub(rf"\b{word}\b", word + "x", code, count=1)


def exercise_of(cell: dict) -> str | None:
    return cell["metadata"].get("taskloom", {}).get("exercise")


def make_class(folder: Path, size: int, seed: int, names: list[str]) -> list[dict[str, str]]:
    """Writes the submissions, a folder for each student. Gives the answers."""
    chance = random.Random(seed)
    notebooks = {name: json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text()) for name in names}
    asked = [exercise for book in notebooks.values() for cell in book["cells"] if (exercise := exercise_of(cell))]
    pools = {name: Pool(name) for name in asked}
    kinds, weights = list(KINDS), list(KINDS.values())
    answers: list[dict[str, str]] = []
    for student in range(size):
        if answers and chance.random() < COPIES:
            answers.append(dict(chance.choice(answers)))
            continue
        chosen = {name: chance.choices(kinds, weights)[0] for name in asked}
        answers.append({name: pools[name].answer(kind, student, chance) for name, kind in chosen.items()})
    for student, given in enumerate(answers):
        here = folder / f"student-{student:03}"
        here.mkdir(parents=True)
        for name, book in notebooks.items():
            book = json.loads(json.dumps(book))
            for cell in book["cells"]:
                if exercise := exercise_of(cell):
                    cell["source"] = given[exercise]
            (here / f"{name}.ipynb").write_text(json.dumps(book))
    return answers


def control_group() -> Path | None:
    """A new group of processes whose time is counted, if this system lets us make one."""
    for parent in ("/sys/fs/cgroup/cpuacct", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"):
        group = Path(parent) / f"taskloom-bench-{os.getpid()}"
        if (group.parent / "cgroup.procs").exists():
            try:
                group.mkdir()
            except OSError:
                continue
            if processor_time(group) is not None:
                return group
            group.rmdir()
    return None


def processor_time(group: Path) -> float | None:
    """Seconds."""
    if (group / "cpuacct.usage").exists():
        return int((group / "cpuacct.usage").read_text()) / 1e9
    if (group / "cpu.stat").exists():
        return next(int(line.split()[1]) / 1e6 for line in (group / "cpu.stat").open() if line.startswith("usage_usec"))
    return None


def timed(command: list[str], **options) -> tuple[float, float]:
    """Runs it; gives the time that passed and the processor time of all that it started.

    Without a control group, the time of processes that were killed together with those that had started them is missing.
    """
    group = control_group()
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    enter = (lambda: (group / "cgroup.procs").write_text(str(os.getpid()))) if group else None
    subprocess.run(command, check=True, preexec_fn=enter, **options)
    passed, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if group:
        used = processor_time(group)
        try:
            group.rmdir()
        except OSError:
            pass  # something is still ending
    return passed, used


def row(what: str, count: int, passed: float, used: float, note: str = ""):
    print(
        f"{what:34}{passed:10.1f} s{used:12.1f} s{passed / count:12.2f} s{used / count:12.2f} s{note}", flush=True
    )


# Another kernel has no engine: the functions of the notebooks, in terms of the standard library.
PEER_GIVEN = [
    "use std::{thread::sleep, time::Duration};",
    "fn inc(x: i64) -> i64 { sleep(Duration::from_millis(500)); x + 1 }",
    "fn double(x: i64) -> i64 { sleep(Duration::from_millis(500)); x * 2 }",
    "fn add(x: i64, y: i64) -> i64 { sleep(Duration::from_millis(500)); x + y }",
]


def peer_notebook(exercises: int, cells: int, student: int) -> dict:
    """As many cells as the course's notebooks have, ten answers among them, each with a cell that tests it."""
    import nbformat.v4 as v4

    def marked(cell, grade_id: str, **what):
        cell.metadata["nbgrader"] = {"grade": False, "solution": False, "locked": False, "task": False}
        cell.metadata["nbgrader"] |= {"schema_version": 3, "grade_id": grade_id, **what}
        return cell

    book = v4.new_notebook(metadata={"kernelspec": {"name": "rust", "display_name": "Rust", "language": "rust"}})
    book.cells = [v4.new_code_cell(source) for source in PEER_GIVEN]
    rest = cells - len(PEER_GIVEN)
    for number in range(exercises):
        for step in range(rest // exercises):
            book.cells.append(v4.new_code_cell(f"let v{number}_{step}: i64 = add({step}, {number}) + {student};"))
        answer = v4.new_code_cell(f"let total{number}: i64 = (0..4).map(|x| inc(x)).sum::<i64>() + {student % 2};")
        book.cells.append(marked(answer, f"answer{number}", solution=True))
        test = v4.new_code_cell(f'assert_eq!(total{number}, 10, "the total is not right");')
        book.cells.append(marked(test, f"test{number}", grade=True, points=3, locked=True))
    return book


def peer(folder: Path, sample: int, exercises: int, cells: int) -> tuple[float, float] | None:
    """`nbgrader autograde` with evcxr_jupyter."""
    nbgrader = Path(sys.executable).with_name("nbgrader")
    try:
        import nbformat
        from jupyter_client.kernelspec import KernelSpecManager

        KernelSpecManager().get_kernel_spec("rust")
    except Exception as error:
        print(f"nbgrader with evcxr_jupyter was left out: {error}")
        return None
    if not nbgrader.exists():
        print(f"nbgrader with evcxr_jupyter was left out: there is no {nbgrader}")
        return None
    course = folder / "peer"
    source = course / "source/class"
    source.mkdir(parents=True)
    nbformat.write(peer_notebook(exercises, cells, 0), source / "all.ipynb")
    (course / "nbgrader_config.py").write_text(
        'c = get_config()\nc.CourseDirectory.course_id = "course"\nc.ExecutePreprocessor.timeout = 300\n'
    )
    quiet = {"cwd": course, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([nbgrader, "generate_assignment", "class", "--force"], check=True, **quiet)
    for student in range(sample):
        handed_in = course / f"submitted/student{student}/class"
        handed_in.mkdir(parents=True)
        nbformat.write(peer_notebook(exercises, cells, student), handed_in / "all.ipynb")
    return timed([str(nbgrader), "autograde", "class", "--force"], **quiet)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--submissions", type=int, default=100, help="how many hand something in (default 100)")
    parser.add_argument("--seed", type=int, default=1, help="another one makes another class (default 1)")
    parser.add_argument("--sample", type=int, default=2, help="students that nbgrader grades (default 2; 0 for none)")
    parser.add_argument("--notebooks", nargs="+", default=NOTEBOOKS, help="other notebooks of the course")
    parser.add_argument("--jobs", type=int, help="submissions at a time (default: as many as cores)")
    parser.add_argument("--keep", type=Path, help="a folder for submissions and results, which is kept")
    parser.add_argument("options", nargs="*", help="more options for taskloom grade, after --")
    options = parser.parse_args()
    binary = Path(os.environ.get("TASKLOOM_BIN") or ROOT / "target/debug/taskloom")
    folder = options.keep or Path(tempfile.mkdtemp(prefix="taskloom-bench-"))
    try:
        answers = make_class(folder / "submissions", options.submissions, options.seed, options.notebooks)
        handed_in = sorted(map(str, (folder / "submissions").iterdir()))
        command = [str(binary), "grade", "--course", str(ROOT), "--out", str(folder / "out")]
        command += ["--jobs", str(options.jobs)] if options.jobs else []
        with open(folder / "log", "w") as log:
            passed, used = timed([*command, *options.options, *handed_in], stdout=log, stderr=log)
        results = json.loads((folder / "out/results.json").read_text())["submissions"]
        exercises = len(answers[0])
        cells = sum(
            cell["cell_type"] == "code"
            for name in options.notebooks
            for cell in json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text())["cells"]
        )
        different = len({json.dumps(one) for one in answers})
        count = len(results)
        mean = sum(sum(one["points"] for one in result["exercises"]) for result in results) / count
        print(
            f"{count} submissions ({different} different) of {exercises} exercises in {cells} cells; {os.cpu_count()} cores; "
            f"{mean:.1f} points on average"
        )
        print(f"{'':34}{'all':>10}  {'processor':>12}  {'each':>11}  {'processor':>12}")
        row("taskloom grade", count, passed, used)
        if options.sample:
            if measured := peer(folder, options.sample, exercises, cells):
                scale = count / options.sample
                theirs, their_use = (value * scale for value in measured)
                note = f"  extrapolated from {options.sample} submissions"
                row("nbgrader autograde, evcxr_jupyter", count, theirs, their_use, note)
                print(f"{'ratio':34}{theirs / passed:10.1f}  {their_use / used:12.1f}")
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
