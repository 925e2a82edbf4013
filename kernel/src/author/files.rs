//! A course as its author's files, whatever is wrong with them.

use std::path::{Path, PathBuf};

use taskloom_exercises::{Course, Exercise};

use super::Finding;
use super::notebook::Notebook;
use super::skeleton::course_around;

/// All of a course that can be looked at without running it.
pub struct CourseFiles {
    /// Where it is.
    pub course: Course,
    /// Notebooks that can be read, by name.
    pub notebooks: Vec<Notebook>,
    /// The names of all exercises.
    pub ids: Vec<String>,
    /// Exercises that can be read, by name.
    pub exercises: Vec<Exercise>,
    /// What could not be read.
    pub findings: Vec<Finding>,
}

impl CourseFiles {
    /// Reads the course that a folder lies in.
    ///
    /// # Errors
    /// A sentence, where there is no course at all.
    pub fn read(folder: &Path) -> Result<CourseFiles, String> {
        let folder = std::path::absolute(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        if !folder.is_dir() {
            return Err(format!("there is no folder {}", folder.display()));
        }
        let course = Course::find(&folder).map_err(|error| match course_around(&folder) {
            Ok(root) => format!("{} has no exercise yet; `taskloom new exercise NAME` makes one", root.display()),
            Err(_) => error.to_string(),
        })?;
        let ids = course.ids().map_err(|error| error.to_string())?;
        let mut files = CourseFiles { ids, notebooks: Vec::new(), exercises: Vec::new(), findings: Vec::new(), course };
        let root = files.course.root().to_path_buf();
        for path in Notebook::paths_in(&root.join("notebooks"))? {
            match Notebook::read(&path) {
                Ok(notebook) => files.notebooks.push(notebook),
                Err(message) => {
                    let message = message.replace(&path.display().to_string(), "it");
                    files.findings.push(Finding::problem(&files.shown(&path), message));
                }
            }
        }
        for id in files.ids.clone() {
            match files.course.exercise(&id) {
                Ok(exercise) => files.exercises.push(exercise),
                Err(error) => {
                    let message = error.to_string().replace(&format!("{}/", root.display()), "");
                    files.findings.push(Finding::problem(&id, message));
                }
            }
        }
        Ok(files)
    }

    /// The folder of the course.
    pub fn root(&self) -> &Path {
        self.course.root()
    }

    /// A path as the course's author calls it.
    pub fn shown(&self, path: &Path) -> String {
        path.strip_prefix(self.root()).unwrap_or(path).display().to_string()
    }

    /// The solution of an exercise, if it has one.
    pub fn solution(&self, id: &str) -> Option<String> {
        self.course.solution(id).ok()
    }

    /// The texts beside the notebooks that people read.
    pub fn pages(&self) -> Vec<PathBuf> {
        let folders = [self.root().to_path_buf(), self.root().join("notebooks"), self.root().join("exercises")];
        let mut pages: Vec<PathBuf> = folders
            .iter()
            .flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten().flatten())
            .map(|entry| entry.path())
            .filter(|path| path.is_file() && path.extension().is_some_and(|ending| ending == "md"))
            .collect();
        pages.sort();
        pages
    }
}
