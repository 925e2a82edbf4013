//! Scores, in all the forms in which somebody wants them.

pub mod files;
pub mod gradebook;
pub mod pages;
pub mod terminal;

use std::path::{Path, PathBuf};

use super::SubmissionScore;
use crate::confine::Protections;
use crate::installation::write_whole;

/// A class, graded.
pub struct Grades<'a> {
    /// What was graded.
    pub title: &'a str,
    /// All submissions, in the order of the command line.
    pub scores: &'a [SubmissionScore],
    /// What stood around them.
    pub protections: &'a Protections,
}

impl Grades<'_> {
    /// Writes all files into a folder; gives their names.
    ///
    /// # Errors
    /// A sentence about the file that cannot be written.
    pub fn write(&self, folder: &Path) -> Result<Vec<PathBuf>, String> {
        let mut written = Vec::new();
        let mut write = |name: String, text: String| {
            let path = folder.join(name);
            write_whole(&path, text.as_bytes()).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
            written.push(path);
            Ok::<(), String>(())
        };
        write("results.json".into(), files::json(self))?;
        write("grades.csv".into(), files::csv(self))?;
        write("junit.xml".into(), files::junit(self))?;
        let names = pages::file_names(self.scores);
        write("index.html".into(), pages::class(self, &names))?;
        for (score, name) in self.scores.iter().zip(&names) {
            write(format!("feedback/{name}"), pages::student(self, score))?;
        }
        let gradebook = folder.join("gradebook.sqlite");
        gradebook::update(&gradebook, self)
            .map_err(|error| format!("the gradebook {} cannot be updated: {error}", gradebook.display()))?;
        written.push(gradebook);
        Ok(written)
    }
}
