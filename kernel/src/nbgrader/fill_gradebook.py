"""Puts scores into nbgrader's gradebook: `COURSE RESULTS [DATABASE]`.

RESULTS is the file `results.json` of a run of `taskloom grade`. For each student, exercise by exercise, nbgrader gets the
score of its test cell, a comment at the answer, and the notebook that its formgrader and its feedback show. What a person
has entered there stays.
"""

import contextlib
import html
import json
import os
import pathlib
import re
import shutil
import sys
import warnings

# nbgrader starts a program that lies beside its Python, and makes SQLAlchemy warn of what is none of ours.
os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")])
warnings.simplefilter("ignore")

import nbformat
from nbgrader.api import Comment, Grade, Gradebook, InvalidEntry, MissingEntry
from nbgrader.apps.baseapp import NbGrader

course, results = pathlib.Path(sys.argv[1]).resolve(), json.loads(pathlib.Path(sys.argv[2]).read_text("utf-8"))
database = pathlib.Path(sys.argv[3]).resolve() if len(sys.argv) > 3 else None


def settings():
    """What nbgrader's own settings say about the course's folder."""
    os.chdir(course)
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
        app = NbGrader()
        app.log.disabled = True
        app.initialize([], root=str(course))
    return app.coursedir


def test_names(exercise):
    return [f"check-{exercise}", exercise, f"exercise-{exercise}"]


def answer_names(exercise):
    return [exercise, f"exercise-{exercise}"]


def first(names, cells):
    """The first of the names that a cell has, with its cell."""
    by_name = {cell.name: cell for cell in cells}
    return next(((name, by_name[name]) for name in names if name in by_name), (None, None))


class Filler:
    def __init__(self, folders, book):
        self.folders, self.book = folders, book
        self.made = []
        self.said = []

    def say(self, sentence):
        if sentence not in self.said:
            self.said.append(sentence)

    def assignment_of(self, notebook, path, exercises):
        """The assignment that a notebook belongs to; it is made where nbgrader has none."""
        having = [a.name for a in self.book.assignments if notebook in [n.name for n in a.notebooks]]
        if len(having) > 1:
            parts = pathlib.Path(path).resolve().parts
            having = [name for name in having if name in parts] or having
        if len(having) > 1:
            raise SystemExit(
                f"error: the assignments {', '.join(having)} all have a notebook {notebook}; grade the folder of one of them, "
                "such as submitted/*/" + having[0]
            )
        if having:
            return having[0]
        source = self.folders.format_path(self.folders.source_directory, ".", "*")
        for known in sorted(course.glob(os.path.relpath(source, course) + f"/{notebook}.ipynb")):
            name = known.parent.name
            raise SystemExit(
                f"error: nbgrader does not know its assignment {name} yet; run `nbgrader generate_assignment {name}` in {course}"
            )
        self.book.update_or_create_assignment(notebook)
        self.book.update_or_create_notebook(notebook, notebook)
        for exercise in exercises:
            name = exercise["exercise"]
            self.book.update_or_create_solution_cell(name, notebook, notebook)
            self.book.update_or_create_grade_cell(
                f"check-{name}", notebook, notebook, max_score=exercise["of"], cell_type="code"
            )
        self.made.append(notebook)
        return notebook

    def grade(self, cell, place):
        try:
            return self.book.find_grade(cell.name, *place)
        except MissingEntry:
            # The cell is younger than the submission.
            grade = Grade(cell_id=cell.id, notebook=self.book.find_submission_notebook(*place))
            self.book.db.add(grade)
            return grade

    def comment(self, cell, place):
        try:
            return self.book.find_comment(cell.name, *place)
        except MissingEntry:
            comment = Comment(cell_id=cell.id, notebook=self.book.find_submission_notebook(*place))
            self.book.db.add(comment)
            return comment

    def student_of(self, one):
        """Whose folder of nbgrader's it is, if it is one; or else as `taskloom grade` calls them."""
        parts = pathlib.Path(one["path"]).resolve().parts
        submitted = (*course.parts, self.folders.submitted_directory)
        inside = parts[: len(submitted)] == submitted and len(parts) > len(submitted)
        return parts[len(submitted)] if inside else one["student"]

    def submission(self, one):
        by_notebook = {}
        for exercise in one["exercises"]:
            by_notebook.setdefault(exercise["notebook"], []).append(exercise)
        student = self.student_of(one)
        self.book.update_or_create_student(student)
        for notebook, exercises in by_notebook.items():
            assignment = self.assignment_of(notebook, one["path"], exercises)
            submitted = pathlib.Path(
                self.folders.format_path(self.folders.submitted_directory, student, assignment)
            )
            when = self.folders.get_existing_timestamp(str(submitted))
            self.book.update_or_create_submission(assignment, student, **({"timestamp": when} if when else {}))
            cells = self.book.find_notebook(notebook, assignment)
            place = (notebook, assignment, student)
            outcome = {}
            for exercise in exercises:
                test, cell = first(test_names(exercise["exercise"]), cells.grade_cells)
                if test is None:
                    self.say(f"{assignment}: nbgrader has no test for {exercise['exercise']}, so its points are left out")
                    continue
                grade = self.grade(cell, place)
                share = exercise["points"] / exercise["of"] if exercise["of"] else 0
                grade.auto_score = share * cell.max_score
                # As nbgrader itself has it: what a person has scored by hand is to be looked at again.
                grade.needs_manual_grade = grade.manual_score is not None
                answer, cell = first(answer_names(exercise["exercise"]), cells.solution_cells)
                if answer is not None:
                    self.comment(cell, place).auto_comment = words_of(exercise, one["notes"])
                outcome[exercise["exercise"]] = (exercise, test, answer, grade.auto_score)
            self.book.db.commit()
            try:
                self.write_notebook(one, place, outcome, submitted)
            except Exception as error:  # what one has handed in costs the others nothing
                self.say(f"{student}: nbgrader has the scores, but no notebook for feedback ({type(error).__name__}: {error})")

    def write_notebook(self, one, place, outcome, submitted):
        """The notebook that formgrader and feedback show: as it was handed in, with the results of tests."""
        notebook, assignment, student = place
        released = pathlib.Path(self.folders.format_path(self.folders.release_directory, ".", assignment))
        own = handed_in(pathlib.Path(one["path"]), notebook, outcome)
        is_read = own is not None
        own = own or read(released / f"{notebook}.ipynb") or nbformat.v4.new_notebook()
        own = nbformat.v4.upgrade(own)
        left = dict(outcome)
        cells = []
        for cell in own.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
            mark = part(cell, "nbgrader")
            name = mark.get("grade_id")
            if any(name == test and mark.get("grade") for _, test, _, _ in outcome.values()):
                # Ours come behind the answers.
                continue
            cell.metadata.pop("nbgrader", None)
            cells.append(cell)
            exercise = exercise_of(cell, mark)
            if exercise not in left:
                continue
            result, test, answer, score = left.pop(exercise)
            if not is_read:
                cell.source = "// No answer could be read."
            if answer is not None:
                cell.metadata["nbgrader"] = marked(answer, solution=True)
            cells.append(test_cell(result, test, score))
        for result, test, answer, score in left.values():
            if answer is not None:
                missing = nbformat.v4.new_code_cell("// There is no answer.")
                missing.metadata["nbgrader"] = marked(answer, solution=True)
                cells.append(missing)
            cells.append(test_cell(result, test, score))
        own.cells = cells
        folder = pathlib.Path(self.folders.format_path(self.folders.autograded_directory, student, assignment))
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{notebook}.ipynb"
        # nbgrader leaves its own without the right to write.
        path.unlink(missing_ok=True)
        nbformat.write(own, path)
        if (submitted / "timestamp.txt").is_file():
            (folder / "timestamp.txt").unlink(missing_ok=True)
            shutil.copyfile(submitted / "timestamp.txt", folder / "timestamp.txt")


def handed_in(path, notebook, exercises):
    """A student's notebook, if it can be read."""
    if not path.is_dir():
        return read(path)
    for one in sorted(path.rglob("*.ipynb"), key=lambda one: (one.stem != notebook, one)):
        if ".ipynb_checkpoints" in one.parts or (own := read(one)) is None:
            continue
        if one.stem == notebook or any(exercise_of(c, part(c, "nbgrader")) in exercises for c in own.cells):
            return own
    return None


def read(path):
    """A notebook, unless it is damaged, a link, a pipe, or larger than `taskloom grade` reads."""
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > 64 << 20:
            return None
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        return notebook
    except Exception:  # damaged in any way
        return None


def part(cell, name):
    """A part of a cell's metadata; a student can have put anything there."""
    found = cell.metadata.get(name)
    return found if isinstance(found, dict) else {}


def exercise_of(cell, mark):
    """As `taskloom grade` finds it."""
    if cell.cell_type != "code":
        return None
    named = part(cell, "taskloom").get("exercise")
    if named:
        return named
    name = mark.get("grade_id") if mark.get("solution") else cell.get("id", "")
    return str(name or "").removeprefix("exercise-")


def marked(name, solution=False, points=None):
    mark = {"schema_version": 3, "grade_id": name, "solution": solution, "grade": points is not None}
    mark.update(locked=not solution, task=False, cell_type="code")
    return mark if points is None else {**mark, "points": points}


def lines_of(exercise):
    yield f"{exercise['title']}: {exercise['points']} of {exercise['of']} points"
    if exercise["reason"]:
        yield exercise["reason"]
    for check in exercise["checks"]:
        mark = "\u2713" if check["passed"] else "\u2717"
        message = f": {check['message']}" if check["message"] else ""
        yield f"{mark} {check['name']} ({check['points']}/{check['of']}){message}"


def words_of(exercise, notes):
    """What a student reads beside the answer: nothing, if all is well."""
    if exercise["points"] == exercise["of"]:
        return None
    words = "\n".join(dict.fromkeys([*list(lines_of(exercise))[1:], *notes]))
    # Feedback takes comments for Markdown. A student has a part in these words, so they must not be HTML.
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", words)), default=0))
    return f"{fence}\n{words}\n{fence}"


def test_cell(exercise, name, score):
    cell = nbformat.v4.new_code_cell(f"%check -s {exercise['exercise']}")
    cell.metadata["nbgrader"] = marked(name, points=exercise["of"])
    lines = list(lines_of(exercise))
    shown = {"text/plain": "\n".join(lines), "text/html": "<br>".join(html.escape(line) for line in lines)}
    cell.outputs.append(nbformat.v4.new_output("display_data", shown))
    if score > 0 or exercise["points"] == exercise["of"]:
        cell.outputs.append(nbformat.v4.new_output("execute_result", {"text/plain": f"{score:g}"}, execution_count=1))
    else:
        error = {"ename": "CheckFailed", "evalue": lines[0], "traceback": [f"CheckFailed: {lines[0]}"]}
        cell.outputs.append(nbformat.v4.new_output("error", **error))
    return cell


folders = settings()
url = f"sqlite:///{database}" if database else folders.db_url
filler = None
try:
    with Gradebook(url, folders.course_id or "default_course") as book:
        filler = Filler(folders, book)
        for one in results["submissions"]:
            filler.submission(one)
except (MissingEntry, InvalidEntry) as error:
    raise SystemExit(f"error: nbgrader's gradebook {url} does not take the scores: {error}")
except Exception as error:
    if type(error).__module__.split(".")[0] != "sqlalchemy":
        raise
    reason = str(error).splitlines()[0]
    raise SystemExit(f"error: nbgrader's gradebook {url} cannot be used: {reason}; after an update of nbgrader, `nbgrader db upgrade` may help")
for name in filler.made:
    print(f"nbgrader had no assignment with the notebook {name}; the assignment {name} has been made")
for sentence in filler.said:
    print(sentence)
print(f"nbgrader's gradebook has the scores of {len(results['submissions'])} submissions: {url}")
