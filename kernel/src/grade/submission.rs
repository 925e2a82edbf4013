//! What was handed in: a notebook, or a folder of notebooks and answers.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::assignment::{Assignment, CourseCell};

/// The largest file that is read: what a notebook with pictures may take.
const LARGEST_FILE: u64 = 64 << 20;
/// How deep notebooks may lie in a folder: `STUDENT/ASSIGNMENT/NOTEBOOK.ipynb`, as nbgrader has it, and one more.
const DEEPEST: usize = 3;
/// The most files of one submission that are looked at.
const MOST_FILES: usize = 500;
/// The most cells of one notebook that are run.
const MOST_CELLS: usize = 2000;

/// What one student handed in.
#[derive(Debug, Clone)]
pub struct Submission {
    /// Whose it is: the name of the file or folder.
    pub student: String,
    /// Where it is.
    pub path: PathBuf,
    /// What is to be run, a paper for each notebook.
    pub papers: Vec<Paper>,
    /// What could not be read, and why; what was left out.
    pub notes: Vec<String>,
}

/// What is run in one session: a notebook of the course, with the student's cells in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Paper {
    /// The notebook's name, without its ending.
    pub notebook: String,
    /// In order.
    pub cells: Vec<PaperCell>,
}

/// A cell that is run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaperCell {
    /// What it is.
    pub kind: Kind,
    /// As it was written.
    pub source: String,
}

/// Whose a cell is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// The course's. What the student made of it does not count.
    Given,
    /// The student's answer to an exercise.
    Answer(String),
    /// Another one of the student's.
    Own,
}

/// A cell of a student's notebook.
struct StudentCell {
    id: String,
    exercise: Option<String>,
    source: String,
}

impl Submission {
    /// Reads what was handed in. What is damaged is noted, and is worth nothing.
    pub fn read(path: &Path, student: String, assignment: &Assignment) -> Submission {
        let mut submission = Submission { student, path: path.to_path_buf(), papers: Vec::new(), notes: Vec::new() };
        let (mut notebooks, mut answers) = (Vec::new(), Vec::new());
        if path.is_dir() {
            let mut files = Vec::new();
            collect_files(path, DEEPEST, &mut files);
            if files.len() > MOST_FILES {
                submission.notes.push(format!("there are more than {MOST_FILES} files; the rest was left out"));
                files.truncate(MOST_FILES);
            }
            for file in files {
                match file.extension().and_then(|ending| ending.to_str()) {
                    Some("ipynb") => notebooks.push(file),
                    Some("rs") => answers.push(file),
                    _ => {}
                }
            }
            if notebooks.is_empty() && answers.is_empty() {
                submission.notes.push("there is neither a notebook nor an answer in this folder".to_owned());
            }
        } else {
            notebooks.push(path.to_path_buf());
        }
        for file in &notebooks {
            if let Err(reason) = submission.add_notebook(file, assignment) {
                submission.notes.push(format!("{}: {reason}", name_of(file)));
            }
        }
        submission.add_answers(&answers, assignment);
        submission
    }

    fn add_notebook(&mut self, file: &Path, assignment: &Assignment) -> Result<(), String> {
        let text = read_bounded(file)?;
        let cells = student_cells(&text)?;
        let notebook = match notebook_of(file, &cells, assignment) {
            Some(notebook) => notebook,
            None => return Err("no exercise that is graded has a cell in it".to_owned()),
        };
        if self.papers.iter().any(|paper| paper.notebook == notebook) {
            return Err(format!("another notebook has been taken for {notebook} already"));
        }
        let missing: Vec<&str> = assignment
            .exercises
            .iter()
            .map(|asked| &asked.exercise)
            .filter(|exercise| exercise.notebook == notebook)
            .filter(|exercise| !cells.iter().any(|cell| cell.exercise.as_ref() == Some(&exercise.id)))
            .map(|exercise| exercise.id.as_str())
            .collect();
        if !missing.is_empty() {
            self.notes.push(format!("{}: there is no cell for {}", name_of(file), missing.join(", ")));
        }
        let cells = merge(&assignment.notebooks[&notebook], cells);
        self.papers.push(Paper { notebook, cells });
        Ok(())
    }

    /// Answers that are files of their own, `<exercise>.rs`, go into the course's notebooks.
    fn add_answers(&mut self, files: &[PathBuf], assignment: &Assignment) {
        let mut by_notebook: BTreeMap<&str, Vec<StudentCell>> = BTreeMap::new();
        for file in files {
            let id = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            let Some(asked) = assignment.exercise(id) else {
                self.notes.push(format!("{}: no exercise that is graded has this name", name_of(file)));
                continue;
            };
            match read_bounded(file) {
                Ok(source) => by_notebook.entry(&asked.exercise.notebook).or_default().push(StudentCell {
                    id: String::new(),
                    exercise: Some(id.to_owned()),
                    source,
                }),
                Err(reason) => self.notes.push(format!("{}: {reason}", name_of(file))),
            }
        }
        for (notebook, answers) in by_notebook {
            if self.papers.iter().any(|paper| paper.notebook == notebook) {
                self.notes.push(format!("answers in files were left out, for there is a notebook {notebook} too"));
                continue;
            }
            let course = &assignment.notebooks[notebook];
            let place = |cell: &StudentCell| course.iter().position(|own| own.exercise == cell.exercise);
            let mut answers = answers;
            answers.sort_by_key(place);
            let cells = merge(course, answers);
            self.papers.push(Paper { notebook: notebook.to_owned(), cells });
        }
    }

    /// The notebooks that are in it.
    pub fn notebooks(&self) -> BTreeSet<String> {
        self.papers.iter().map(|paper| paper.notebook.clone()).collect()
    }
}

/// Puts a student's cells into the course's notebook: of a cell that the course gave, the course's text counts; what the
/// student took out is put back.
fn merge(course: &[CourseCell], cells: Vec<StudentCell>) -> Vec<PaperCell> {
    let given = |cell: &CourseCell| PaperCell { kind: Kind::Given, source: cell.source.clone() };
    let place_of = |cell: &StudentCell| {
        course.iter().position(|own| match (&cell.exercise, &own.exercise) {
            (Some(exercise), Some(own)) => exercise == own,
            (None, None) => !cell.id.is_empty() && cell.id == own.id,
            _ => false,
        })
    };
    let places: Vec<Option<usize>> = cells.iter().map(place_of).collect();
    let has: BTreeSet<usize> = places.iter().flatten().copied().collect();
    // The last answer to an exercise is the answer.
    let last: BTreeMap<usize, usize> =
        places.iter().enumerate().filter_map(|(index, place)| Some(((*place)?, index))).collect();
    let mut merged = Vec::new();
    let mut next = 0;
    for (index, (cell, place)) in cells.into_iter().zip(&places).enumerate() {
        let Some(place) = *place else {
            merged.push(PaperCell { kind: Kind::Own, source: cell.source });
            continue;
        };
        while next < place {
            if !has.contains(&next) && course[next].exercise.is_none() {
                merged.push(given(&course[next]));
            }
            next += 1;
        }
        next = next.max(place + 1);
        merged.push(match &course[place].exercise {
            None => given(&course[place]),
            Some(id) if last[&place] == index => PaperCell { kind: Kind::Answer(id.clone()), source: cell.source },
            Some(_) => PaperCell { kind: Kind::Own, source: cell.source },
        });
    }
    merged
}

/// The course's notebook that a student's is a copy of: the one most of whose exercises are in it.
fn notebook_of(file: &Path, cells: &[StudentCell], assignment: &Assignment) -> Option<String> {
    let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
    for asked in cells.iter().filter_map(|cell| assignment.exercise(cell.exercise.as_deref()?)) {
        *votes.entry(&asked.exercise.notebook).or_default() += 1;
    }
    let most = votes.into_iter().max_by_key(|&(_, votes)| votes).map(|(name, _)| name.to_owned());
    let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    most.or_else(|| assignment.notebooks.contains_key(stem).then(|| stem.to_owned()))
}

fn student_cells(text: &str) -> Result<Vec<StudentCell>, String> {
    let notebook: Value = serde_json::from_str(text).map_err(|error| format!("this is no notebook: {error}"))?;
    let cells = notebook["cells"].as_array().ok_or("this notebook has no cells")?;
    let code: Vec<&Value> = cells.iter().filter(|cell| cell["cell_type"] == "code").collect();
    if code.len() > MOST_CELLS {
        return Err(format!("it has {} cells, and no more than {MOST_CELLS} are run", code.len()));
    }
    let student_cell = |cell: &Value| {
        let id = cell["id"].as_str().unwrap_or_default().to_owned();
        StudentCell { exercise: exercise_of(cell, &id), id, source: source_of(cell) }
    };
    Ok(code.into_iter().map(student_cell).collect())
}

/// The exercise that a cell says it answers: in our own metadata, in nbgrader's, or by its id, which is all that some
/// editors leave.
fn exercise_of(cell: &Value, id: &str) -> Option<String> {
    const PREFIX: &str = "exercise-";
    let metadata = &cell["metadata"];
    if let Some(exercise) = metadata["taskloom"]["exercise"].as_str() {
        return Some(exercise.to_owned());
    }
    let nbgrader = &metadata["nbgrader"];
    let grade_id = nbgrader["grade_id"].as_str().filter(|_| nbgrader["solution"] == true);
    let named = grade_id.or_else(|| id.starts_with(PREFIX).then_some(id))?;
    // A cell `exercise-1-scratch` names no exercise; who asks for it by that name finds none.
    Some(named.strip_prefix(PREFIX).unwrap_or(named).to_owned()).filter(|name| !name.ends_with("-scratch"))
}

/// The text of a cell.
pub fn source_of(cell: &Value) -> String {
    match &cell["source"] {
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        text => text.as_str().unwrap_or_default().to_owned(),
    }
}

/// Reads a file that may be anything: a pipe, a device, a link to somewhere, endless.
fn read_bounded(path: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("it cannot be read: {error}");
    let about = std::fs::symlink_metadata(path).map_err(failed)?;
    if !about.is_file() {
        return Err("this is not a plain file".to_owned());
    }
    if about.len() > LARGEST_FILE {
        return Err(format!("it is larger than {} MiB", LARGEST_FILE >> 20));
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(LARGEST_FILE).read_to_end(&mut bytes).map_err(failed)?;
    String::from_utf8(bytes).map_err(|_| "this is not text".to_owned())
}

/// Files below a folder, sorted; links are not followed, and what is hidden is left out, such as `.ipynb_checkpoints`.
fn collect_files(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).into_iter().flatten().flatten().collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let Ok(kind) = entry.file_type() else { continue };
        if entry.file_name().to_string_lossy().starts_with('.') || files.len() > MOST_FILES {
            continue;
        }
        if kind.is_file() {
            files.push(entry.path());
        } else if kind.is_dir() && depth > 1 {
            collect_files(&entry.path(), depth - 1, files);
        }
    }
}

fn name_of(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Whose submissions they are, for each path: the name of the file or folder; with the folder before it where the name is
/// a notebook's of the course, or two have it.
pub fn students(paths: &[PathBuf], assignment: &Assignment) -> Vec<String> {
    let own = |path: &Path| {
        let name = if path.is_dir() { path.file_name() } else { path.file_stem() };
        super::score::shortened(&name.unwrap_or_default().to_string_lossy()).replace(['\n', '\t', '/'], " ")
    };
    let parent = |path: &Path| std::path::absolute(path).ok()?.parent().map(own);
    let mut names: Vec<String> = paths
        .iter()
        .map(|path| {
            let name = own(path);
            let is_notebook = assignment.notebooks.contains_key(&name);
            parent(path).filter(|parent| is_notebook && !parent.is_empty()).unwrap_or(name)
        })
        .collect();
    let count = |names: &[String], name: &String| names.iter().filter(|other| *other == name).count();
    let before = names.clone();
    for (name, path) in names.iter_mut().zip(paths) {
        if count(&before, name) > 1
            && let Some(parent) = parent(path).filter(|parent| parent != name)
        {
            *name = format!("{parent} {name}");
        }
    }
    // Whatever is left alike is numbered.
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for name in &mut names {
        let times = seen.entry(name.clone()).or_default();
        *times += 1;
        if *times > 1 {
            *name = format!("{name} ({times})");
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::assignment::tests::own;
    use super::*;

    fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(&path, text).expect("written");
        path
    }

    fn notebook(cells: &[Value]) -> String {
        json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).to_string()
    }

    fn code(id: &str, metadata: Value, source: &str) -> Value {
        json!({"cell_type": "code", "id": id, "metadata": metadata, "source": [source], "outputs": []})
    }

    fn kinds(paper: &Paper) -> Vec<(&Kind, &str)> {
        paper.cells.iter().map(|cell| (&cell.kind, cell.source.as_str())).collect()
    }

    #[test]
    fn the_courses_cells_count_as_the_course_wrote_them_and_are_put_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = notebook(&[
            code("slow-functions", json!({}), "fn inc(x: i64) -> i64 { 44 }"),
            json!({"cell_type": "markdown", "source": "words"}),
            code("mine", json!({}), "let helper = 1;"),
            code("q", json!({"taskloom": {"exercise": "delayed-loop"}}), "let total = 0;"),
            code("q2", json!({"nbgrader": {"grade_id": "delayed-loop", "solution": true}}), "let total = 44;"),
        ]);
        let path = write(folder.path(), "ada.ipynb", &text);
        let submission = Submission::read(&path, "ada".into(), &own());
        let paper = &submission.papers[0];
        assert_eq!(paper.notebook, "01-delayed");
        let kinds = kinds(paper);
        // The set-up cell was missing; `inc` is the course's again.
        assert_eq!(kinds[0], (&Kind::Given, "use taskloom::prelude::*;"));
        assert!(kinds[1].1.contains("sleep_ms(500)") && *kinds[1].0 == Kind::Given);
        assert!(kinds.iter().any(|(kind, source)| **kind == Kind::Own && *source == "let helper = 1;"));
        assert!(kinds.iter().any(|(kind, source)| **kind == Kind::Given && source.contains("fn sum")));
        let answers: Vec<&str> =
            kinds.iter().filter(|(kind, _)| matches!(kind, Kind::Answer(_))).map(|(_, source)| *source).collect();
        assert_eq!(answers, ["let total = 44;"]);
        assert!(submission.notes[0].contains("delayed-etl"), "{:?}", submission.notes);
    }

    #[test]
    fn a_folder_holds_answers_as_files() {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), "eve/delayed-etl.rs", "let mean_delay = 1;");
        write(folder.path(), "eve/delayed-loop.rs", "let total = 1;");
        write(folder.path(), "eve/more.rs", "fn main() {}");
        let submission = Submission::read(&folder.path().join("eve"), "eve".into(), &own());
        let answers: Vec<&Kind> =
            submission.papers[0].cells.iter().map(|cell| &cell.kind).filter(|kind| **kind != Kind::Given).collect();
        assert_eq!(answers, [&Kind::Answer("delayed-loop".into()), &Kind::Answer("delayed-etl".into())]);
        assert!(submission.notes.iter().any(|note| note.starts_with("more.rs")));
    }

    #[test]
    fn what_is_damaged_is_noted() {
        let folder = tempfile::tempdir().expect("a folder");
        let read = |path: &Path| Submission::read(path, "x".into(), &own());
        for (name, text, reason) in [
            ("broken.ipynb", "{\"cells\": [", "no notebook"),
            ("list.ipynb", "[1, 2]", "no cells"),
            ("other.ipynb", &notebook(&[code("a", json!({}), "1")]), "no exercise"),
        ] {
            let submission = read(&write(folder.path(), name, text));
            assert!(submission.papers.is_empty());
            assert!(submission.notes[0].contains(reason), "{:?}", submission.notes);
        }
        std::fs::write(folder.path().join("bytes.ipynb"), [0xff, 0xfe, 0]).expect("written");
        assert!(read(&folder.path().join("bytes.ipynb")).notes[0].contains("not text"));
        std::os::unix::fs::symlink("/dev/zero", folder.path().join("endless.ipynb")).expect("linked");
        assert!(read(&folder.path().join("endless.ipynb")).notes[0].contains("plain file"));
        std::fs::create_dir(folder.path().join("empty")).expect("made");
        assert!(read(&folder.path().join("empty")).notes[0].contains("neither"));
    }

    #[test]
    fn students_are_told_apart() {
        let paths: Vec<PathBuf> = [
            "a/ada/01-delayed.ipynb",
            "a/eve/01-delayed.ipynb",
            "b/x.ipynb",
            "c/x.ipynb",
            "d/bob.ipynb",
            "d/bob.ipynb",
        ]
        .map(PathBuf::from)
        .to_vec();
        assert_eq!(students(&paths, &own()), ["ada", "eve", "b x", "c x", "d bob", "d bob (2)"]);
    }
}
