//! Answers as files: one for each exercise, which begins as its starter.

use std::path::PathBuf;
use std::time::SystemTime;

use taskloom_exercises::Exercise;

use crate::author::notebook::Notebook;
use crate::installation::write_whole;

/// Columns of a comment.
const WIDTH: usize = 100;

/// The folder of the answers.
pub struct Answers {
    folder: PathBuf,
    /// Where the learner is; the process goes elsewhere.
    here: PathBuf,
}

impl Answers {
    /// The answers in a folder, which is made with the first of them.
    pub fn new(folder: PathBuf, here: PathBuf) -> Answers {
        Answers { folder, here }
    }

    /// The file of an answer, as one would type it.
    pub fn shown(&self, id: &str) -> String {
        let path = self.path(id);
        path.strip_prefix(&self.here).unwrap_or(&path).display().to_string()
    }

    /// The file of an answer.
    pub fn path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.rs"))
    }

    /// Makes the file of an answer, unless it is there.
    ///
    /// # Errors
    /// A sentence, when it cannot be written.
    pub fn ensure(&self, exercise: &Exercise, notebook: &Notebook) -> Result<PathBuf, String> {
        let path = self.path(&exercise.id);
        if std::fs::symlink_metadata(&path).is_err() {
            let text = format!("{}\n{}\n", task(exercise, notebook), exercise.starter.trim_end());
            write_whole(&path, text.as_bytes()).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        }
        Ok(path)
    }

    /// What is in it.
    ///
    /// # Errors
    /// A sentence, when it cannot be read.
    pub fn read(&self, id: &str) -> Result<String, String> {
        let path = self.path(id);
        std::fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))
    }

    /// When it was saved last, and how long it is then.
    pub fn stamp(&self, id: &str) -> Option<(SystemTime, u64)> {
        let about = std::fs::metadata(self.path(id)).ok()?;
        Some((about.modified().ok()?, about.len()))
    }
}

/// What the notebook says above an exercise's cell, from its heading on, as a comment.
fn task(exercise: &Exercise, notebook: &Notebook) -> String {
    let cells: Vec<_> = notebook.cells().collect();
    let at = cells.iter().position(|cell| cell.exercise() == Some(&exercise.id)).unwrap_or(0);
    let mut texts = Vec::new();
    for cell in cells[..at].iter().rev().take_while(|cell| cell.exercise().is_none()).filter(|cell| cell.is_markdown())
    {
        let source = cell.source();
        let is_heading = source.starts_with('#');
        texts.push(source);
        if is_heading {
            break;
        }
    }
    texts.reverse();
    let mut comment = format!("// {}: {}\n", exercise.id, exercise.title);
    for line in texts.join("\n\n").lines().flat_map(wrapped) {
        comment.push_str(format!("// {line}").trim_end());
        comment.push('\n');
    }
    comment
}

fn wrapped(line: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in line.split(' ') {
        let full =
            lines.last().is_some_and(|last| !last.is_empty() && last.chars().count() + word.chars().count() > WIDTH);
        if full {
            lines.push(String::new());
        }
        if let Some(last) = lines.last_mut() {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}
