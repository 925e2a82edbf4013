//! New exercises, notebooks and tutorials: working ones, to be changed into what their author wants.
//!
//! The texts are files in `templates`. Those of notebooks hold cells: a line `%%% KIND ID [slide|exercise]` begins one.

use std::path::{Path, PathBuf};

use serde_json::Value;
use taskloom_exercises::Course;

use super::notebook::{Notebook, cell};
use crate::installation::write_whole;

const EXERCISE: [(&str, &str); 3] = [
    ("exercise.toml", include_str!("templates/exercise.toml")),
    ("starter.rs", include_str!("templates/starter.rs")),
    ("check.rs", include_str!("templates/check.rs")),
];
const SOLUTION: &str = include_str!("templates/solution.rs");
const EXERCISE_CELLS: &str = include_str!("templates/exercise.cells");
const NOTEBOOK_CELLS: &str = include_str!("templates/notebook.cells");
const TUTORIAL_CELLS: &str = include_str!("templates/tutorial.cells");
/// Stands in a notebook where an exercise's cells go.
const EXERCISE_MARK: &str = "%%% exercise\n";
/// The files of a tutorial beside its notebook and its exercise.
const TUTORIAL: [(&str, &str); 4] = [
    ("README.md", include_str!("templates/README.md")),
    (".gitignore", include_str!("templates/gitignore")),
    ("prep/data.toml", include_str!("templates/data.toml")),
    ("prep/measurements.rs", include_str!("templates/measurements.rs")),
];
/// The longest name: it is part of file names.
const LONGEST_NAME: usize = 60;

/// What has been made.
pub struct Made {
    /// Files that are new, and files to which something was added, in the order made.
    pub files: Vec<PathBuf>,
}

/// Makes an exercise, and adds its cells to a notebook of the course: before its recap, where it has one.
///
/// # Errors
/// A sentence: a name that cannot be one or is taken, a notebook that is not there, a file that cannot be written.
pub fn exercise(course: &Path, name: &str, notebook: Option<&str>, title: Option<&str>) -> Result<Made, String> {
    is_name("exercise", name)?;
    let mut notebook = Notebook::read(&notebook_for(course, notebook)?)?;
    let mut writer = Writer::new(course)?;
    let title = title.map_or_else(|| spoken(name), str::to_owned);
    add_exercise(&mut writer, &notebook.name, name, &title)?;
    let new = cells(&substituted(EXERCISE_CELLS, &words(name, &notebook.name, &title)), STARTER);
    let present: Vec<String> =
        notebook.cells().filter_map(|cell| cell.content["id"].as_str().map(str::to_owned)).collect();
    if let Some(id) = new.iter().filter_map(|cell| cell["id"].as_str()).find(|id| present.iter().any(|own| own == id)) {
        return Err(format!("{} has a cell `{id}` already; choose another name", notebook.path.display()));
    }
    let at = notebook.cells().position(|cell| cell.is_markdown() && cell.source().starts_with("## Recap"));
    let cells = notebook.cells_mut();
    let at = at.unwrap_or(cells.len());
    cells.splice(at..at, new);
    writer.replace(&notebook.path, &notebook.text());
    writer.write()
}

/// Makes a notebook in a course.
///
/// # Errors
/// As for [`exercise`].
pub fn notebook(course: &Path, name: &str, title: Option<&str>) -> Result<Made, String> {
    let name = name.strip_suffix(".ipynb").unwrap_or(name);
    is_name("notebook", name)?;
    let mut writer = Writer::new(course)?;
    let title = title.map_or_else(|| spoken(name), str::to_owned);
    let text = substituted(NOTEBOOK_CELLS, &words("", name, &title));
    let path = format!("notebooks/{name}.ipynb");
    writer.add(&path, &Notebook::new(PathBuf::from(&path), cells(&text, "")).text())?;
    writer.write()
}

/// Makes a course of its own in a new folder: a notebook, an exercise with its solution, and data that a recipe makes.
///
/// # Errors
/// As for [`exercise`].
pub fn tutorial(folder: &Path, title: Option<&str>) -> Result<Made, String> {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    is_name("tutorial", name)?;
    if let Ok(mut entries) = std::fs::read_dir(folder)
        && entries.next().is_some()
    {
        return Err(format!("{} is there already and is not empty; choose another name", folder.display()));
    }
    if folder.is_file() {
        return Err(format!("{} is a file; choose another name", folder.display()));
    }
    let title = title.map_or_else(|| spoken(name), str::to_owned);
    let (notebook, exercise) = (format!("01-{name}"), format!("{name}-squares"));
    let words = words(&exercise, &notebook, &title);
    let mut writer = Writer::new(folder)?;
    for (path, text) in TUTORIAL {
        writer.add(path, &substituted(text, &words))?;
    }
    add_exercise(&mut writer, &notebook, &exercise, "Sum of squares")?;
    let asked = EXERCISE_CELLS.replace("{{heading}}", "sum of squares");
    let text = substituted(&TUTORIAL_CELLS.replace(EXERCISE_MARK, &asked), &words);
    let path = format!("notebooks/{notebook}.ipynb");
    writer.add(&path, &Notebook::new(PathBuf::from(&path), cells(&text, STARTER)).text())?;
    writer.write()
}

const STARTER: &str = EXERCISE[1].1;

fn add_exercise(writer: &mut Writer, notebook: &str, name: &str, title: &str) -> Result<(), String> {
    let words = words(name, notebook, title);
    for (file, text) in EXERCISE {
        writer.add(&format!("exercises/{name}/{file}"), &substituted(text, &words))?;
    }
    writer.add(&format!("solutions/{name}.rs"), SOLUTION)
}

/// The notebook that an exercise goes into.
fn notebook_for(course: &Path, named: Option<&str>) -> Result<PathBuf, String> {
    let folder = course.join("notebooks");
    let paths = Notebook::paths_in(&folder)?;
    let names = || {
        let stems = paths.iter().map(|path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned());
        stems.collect::<Vec<_>>().join(", ")
    };
    let Some(named) = named else {
        return match paths.as_slice() {
            [only] => Ok(only.clone()),
            [] => Err("this course has no notebook yet; `taskloom new notebook NAME` makes one".to_owned()),
            _ => Err(format!("say which notebook it belongs to, with --notebook; there are: {}", names())),
        };
    };
    let name = named.strip_suffix(".ipynb").unwrap_or(named);
    let name = Path::new(name).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let path = folder.join(format!("{name}.ipynb"));
    match path.is_file() {
        true => Ok(path),
        false => Err(format!("there is no notebook `{name}`; there are: {}", names())),
    }
}

/// Whether a name can be part of file names, of a magic's arguments and of a cell's id.
fn is_name(what: &str, name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.is_empty()
        && name.len() <= LONGEST_NAME
        && name.chars().all(allowed)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !name.ends_with('-')
    {
        return Ok(());
    }
    let suggested: String =
        name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let parts: Vec<&str> = suggested.split('-').filter(|part| !part.is_empty()).collect();
    let suggested: String = parts.join("-").chars().take(LONGEST_NAME).collect();
    let example = if suggested.is_empty() { "slow-loop".to_owned() } else { suggested };
    Err(format!(
        "`{name}` cannot be the name of a {what}: take lower-case letters, digits and hyphens, at most {LONGEST_NAME}, such \
         as `{example}`"
    ))
}

/// A name as people say it: `02-slow-loop` is `Slow loop`.
fn spoken(name: &str) -> String {
    let text = name.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-').replace('-', " ");
    let text = if text.is_empty() { name.to_owned() } else { text };
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// What stands for what in the templates.
fn words(exercise: &str, notebook: &str, title: &str) -> [(&'static str, String); 4] {
    let quoted = toml_text(title);
    [
        ("exercise", exercise.to_owned()),
        ("notebook", notebook.to_owned()),
        ("title", quoted),
        ("heading", title.to_owned()),
    ]
}

/// A text as TOML writes it; its strings are those of JSON.
fn toml_text(text: &str) -> String {
    Value::from(text.replace(['\n', '\r'], " ")).to_string()
}

fn substituted(template: &str, words: &[(&str, String)]) -> String {
    let mut text = template.to_owned();
    for (name, word) in words {
        text = text.replace(&format!("{{{{{name}}}}}"), word);
    }
    text
}

/// Reads the cells of a template.
fn cells(text: &str, starter: &str) -> Vec<Value> {
    let parts = text.split("%%% ").skip(1);
    parts
        .map(|part| {
            let (head, source) = part.split_once('\n').unwrap_or((part, ""));
            let mut head = head.split_whitespace();
            let (kind, id) = (head.next().unwrap_or("markdown"), head.next().unwrap_or("cell"));
            match head.next() {
                Some("exercise") => cell(kind, id, None, id.strip_prefix("exercise-"), starter),
                slide => cell(kind, id, slide, None, source),
            }
        })
        .collect()
}

/// Writes all files of a skeleton, or none.
struct Writer {
    root: PathBuf,
    files: Vec<(PathBuf, String)>,
}

impl Writer {
    fn new(root: &Path) -> Result<Writer, String> {
        let root = std::path::absolute(root).map_err(|error| format!("{}: {error}", root.display()))?;
        Ok(Writer { root, files: Vec::new() })
    }

    fn add(&mut self, path: &str, text: &str) -> Result<(), String> {
        let path = self.root.join(path);
        // A link to nowhere is something, too.
        if std::fs::symlink_metadata(&path).is_ok() {
            return Err(format!(
                "{} is there already, and nothing is overwritten; choose another name",
                path.display()
            ));
        }
        self.files.push((path, text.to_owned()));
        Ok(())
    }

    fn replace(&mut self, path: &Path, text: &str) {
        self.files.push((path.to_path_buf(), text.to_owned()));
    }

    fn write(self) -> Result<Made, String> {
        let mut files = Vec::new();
        for (path, text) in self.files {
            write_whole(&path, text.as_bytes()).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
            files.push(path);
        }
        Ok(Made { files })
    }
}

/// The course that a new part is for: that around a folder.
///
/// # Errors
/// A sentence, where there is none.
pub fn course_around(folder: &Path) -> Result<PathBuf, String> {
    let folder = std::path::absolute(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    match Course::find(&folder) {
        Ok(course) => Ok(course.root().to_path_buf()),
        // A course that has no exercise yet.
        Err(_) => folder
            .ancestors()
            .find(|above| above.join("notebooks").is_dir() && above.join("exercises").is_dir())
            .map(Path::to_path_buf)
            .ok_or_else(|| {
                format!(
                    "{} does not lie in a course (a folder with `notebooks` and `exercises`); `taskloom new tutorial NAME` \
                     makes one",
                    folder.display()
                )
            }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tutorial_is_a_course_and_grows() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("rivers");
        tutorial(&root, Some("How \"rivers\" rise")).expect("made");
        let course = Course::find(&root).expect("a course");
        assert_eq!(course.ids().expect("read"), ["rivers-squares"]);
        notebook(&root, "02-more.ipynb", None).expect("made");
        exercise(&root, "rivers-two", Some("02-more"), Some("A \\ \"title\"")).expect("made");
        assert_eq!(course.exercise("rivers-two").expect("read").title, "A \\ \"title\"");
        let notebook = Notebook::read(&root.join("notebooks/02-more.ipynb")).expect("read");
        let cells: Vec<_> = notebook.cells().collect();
        assert!(cells.last().expect("cells").source().starts_with("## Recap"));
        assert!(cells.iter().any(|cell| cell.exercise() == Some("rivers-two") && cell.source() == STARTER.trim_end()));
        let text: String = cells.iter().map(|cell| cell.source()).collect();
        assert!(!text.contains("{{") && !text.contains("%%%"), "{text}");
    }

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("rivers");
        tutorial(&root, None).expect("made");
        for refused in [
            tutorial(&root, None),
            notebook(&root, "01-rivers", None),
            exercise(&root, "rivers-squares", None, None),
            exercise(&root, "new", Some("03-none"), None),
        ] {
            let said = refused.err().expect("refused");
            assert!(
                said.contains("already") || said.contains("there is no notebook `03-none`; there are: 01-rivers"),
                "{said}"
            );
        }
        let said = notebook(&root, "My Notebook!", None).err().expect("refused");
        assert!(said.contains("`my-notebook`"), "{said}");
        for name in ["", "..", "a/b", "-x", "x\n"] {
            assert!(is_name("notebook", name).is_err());
        }
    }
}
