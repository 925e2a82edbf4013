//! A folder in which nbgrader finds a course.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;
use taskloom_exercises::Course;

use super::notebook::{Solved, instructors_version};
use crate::grade::Assignment;
use crate::installation::write_whole;

/// nbgrader's settings.
const SETTINGS: &str = "nbgrader_config.py";
/// What a check needs of an exercise.
const FILES: [&str; 3] = ["exercise.toml", "starter.rs", "check.rs"];
/// Seconds that a cell may take beside what its exercise says: cells are compiled, and checks once more if they do not fit.
const COMPILING: u64 = 120;

/// What is to be exported, and where to.
pub struct Export<'a> {
    /// The course.
    pub course: &'a Course,
    /// These notebooks; all that have exercises, where none is named.
    pub notebooks: &'a [String],
    /// The assignment that all notebooks are put into; none where each is one of its own.
    pub assignment: Option<&'a str>,
    /// nbgrader's folder for the course.
    pub out: &'a Path,
    /// Where notebooks find their data.
    pub data: Option<PathBuf>,
    /// The folder in which Jupyter finds the kernel.
    pub jupyter: PathBuf,
    /// Whether notebooks that have been changed since may be replaced.
    pub force: bool,
}

/// What has been exported.
pub struct Exported {
    /// Assignments, and the notebooks in each.
    pub assignments: BTreeMap<String, Vec<String>>,
    /// Where there have been settings already, which were left as they are: the lines that they need.
    pub settings_kept: Option<String>,
}

impl Export<'_> {
    /// Writes the folder.
    ///
    /// # Errors
    /// A sentence about a file of the course that does not fit, or one of the folder's that would be lost.
    pub fn write(&self) -> Result<Exported, String> {
        let asked = Assignment::of_course(self.course, self.notebooks)?;
        let mut by_notebook: BTreeMap<String, Vec<Solved>> = BTreeMap::new();
        for one in asked.exercises {
            let solution = self.course.solution(&one.exercise.id).map_err(|error| error.to_string())?;
            let notebook = one.exercise.notebook.clone();
            by_notebook.entry(notebook).or_default().push(Solved { exercise: one.exercise, solution });
        }
        let longest = by_notebook.values().flatten().map(|solved| solved.exercise.time_limit.as_secs()).max();
        let mut files: Vec<(PathBuf, Vec<u8>)> = Vec::new();
        let mut assignments: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, exercises) in &by_notebook {
            let assignment = self.assignment.unwrap_or(name);
            let folder = self.out.join("source").join(assignment);
            files.push((folder.join(format!("{name}.ipynb")), self.notebook(name, exercises)?));
            for solved in exercises {
                let from = self.course.root().join("exercises").join(&solved.exercise.id);
                let to = folder.join("exercises").join(&solved.exercise.id);
                for file in FILES {
                    files.push((to.join(file), read(&from.join(file))?));
                }
            }
            assignments.entry(assignment.to_owned()).or_default().push(name.clone());
        }
        if !self.force {
            // Before anything is written: all, or nothing.
            let notebooks = files.iter().filter(|(path, _)| path.extension().is_some_and(|ending| ending == "ipynb"));
            let mut changed = notebooks.filter(|(path, bytes)| std::fs::read(path).is_ok_and(|there| there != *bytes));
            if let Some((path, _)) = changed.next() {
                return Err(format!(
                    "{} is there already and is another; --force replaces it, and what was changed in it is lost",
                    path.display()
                ));
            }
        }
        for (path, bytes) in &files {
            write_whole(path, bytes).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        }
        let settings = self.settings(longest.unwrap_or_default());
        let path = self.out.join(SETTINGS);
        let there = std::fs::read_to_string(&path).ok();
        let settings_kept = there.is_some_and(|text| text != settings);
        if !settings_kept {
            write_whole(&path, settings.as_bytes())
                .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        }
        Ok(Exported { assignments, settings_kept: settings_kept.then_some(settings) })
    }

    fn notebook(&self, name: &str, exercises: &[Solved]) -> Result<Vec<u8>, String> {
        let path = self.course.root().join("notebooks").join(format!("{name}.ipynb"));
        let wrong = |reason: String| format!("{}: {reason}", path.display());
        let notebook: Value = serde_json::from_slice(&read(&path)?).map_err(|error| wrong(error.to_string()))?;
        let made = instructors_version(&notebook, exercises).map_err(wrong)?;
        // As Jupyter writes notebooks.
        let mut bytes = Vec::new();
        let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
        let written = made.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, formatter));
        written.map_err(|error| wrong(error.to_string()))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    fn settings(&self, longest: u64) -> String {
        let name = self.out.file_name().unwrap_or_default().to_string_lossy();
        let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let set_data = match &self.data {
            Some(data) => format!("os.environ.setdefault(\"TASKLOOM_DATA\", {})\n", python_text(data)),
            None => String::new(),
        };
        include_str!("settings.py")
            .replace("\"{course}\"", &python_text(Path::new(&name)))
            .replace("\"{jupyter}\"", &python_text(&self.jupyter))
            .replace("\"{seconds}\"", &(2 * longest + COMPILING).to_string())
            .replace("\"{set data}\"\n", &set_data)
    }
}

/// A path as Python writes a text: JSON's texts are Python's too.
fn python_text(path: &Path) -> String {
    Value::from(path.to_string_lossy()).to_string()
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}
