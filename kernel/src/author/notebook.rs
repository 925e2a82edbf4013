//! A notebook as its author sees it: cells to look at, and a file that Jupyter writes the same way.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

pub use crate::grade::submission::source_of;

/// A notebook that was read.
pub struct Notebook {
    /// Where it is.
    pub path: PathBuf,
    /// Its name, without the ending.
    pub name: String,
    /// All of it.
    pub content: Value,
}

/// A cell of a notebook.
#[derive(Clone, Copy)]
pub struct Cell<'a> {
    /// All of it.
    pub content: &'a Value,
    /// Where it stands, from 1.
    pub number: usize,
}

impl Notebook {
    /// Reads a notebook.
    ///
    /// # Errors
    /// A sentence, when it cannot be read or is none.
    pub fn read(path: &Path) -> Result<Notebook, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let content: Value =
            serde_json::from_str(&text).map_err(|error| format!("{} is not a notebook: {error}", path.display()))?;
        if !content["cells"].is_array() {
            return Err(format!("{} is not a notebook: it has no cells", path.display()));
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Notebook { path: path.to_path_buf(), name, content })
    }

    /// A new notebook for this kernel.
    pub fn new(path: PathBuf, cells: Vec<Value>) -> Notebook {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let metadata = json!({
            "kernelspec": {"display_name": "Rust (Taskloom)", "language": "rust", "name": "taskloom"},
            "language_info": {
                "codemirror_mode": "rust", "file_extension": ".rs", "mimetype": "text/rust", "name": "rust",
                "pygments_lexer": "rust",
            },
        });
        let content = json!({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5});
        Notebook { path, name, content }
    }

    /// All notebooks of a folder, by their names; hidden ones, and those that a run has left, are left out.
    ///
    /// # Errors
    /// A sentence, when the folder cannot be read.
    pub fn paths_in(folder: &Path) -> Result<Vec<PathBuf>, String> {
        let entries =
            std::fs::read_dir(folder).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_notebook = |path: &PathBuf| {
            let name = name(path);
            name.ends_with(".ipynb") && !name.ends_with(".executed.ipynb") && !name.starts_with('.')
        };
        let mut paths: Vec<PathBuf> =
            entries.filter_map(Result::ok).map(|entry| entry.path()).filter(is_notebook).collect();
        paths.sort();
        Ok(paths)
    }

    /// All cells, in order.
    pub fn cells(&self) -> impl Iterator<Item = Cell<'_>> {
        let cells = self.content["cells"].as_array().map(Vec::as_slice).unwrap_or_default();
        cells.iter().enumerate().map(|(index, content)| Cell { content, number: index + 1 })
    }

    /// The cells, to be changed.
    pub fn cells_mut(&mut self) -> &mut Vec<Value> {
        if !self.content["cells"].is_array() {
            self.content["cells"] = json!([]);
        }
        match &mut self.content["cells"] {
            Value::Array(cells) => cells,
            _ => unreachable!("it has just been made an array"),
        }
    }

    /// The file as Jupyter writes it, so that a line changed is a line in the history.
    pub fn text(&self) -> String {
        let mut bytes = Vec::new();
        let form = serde_json::ser::PrettyFormatter::with_indent(b" ");
        let mut writer = serde_json::Serializer::with_formatter(&mut bytes, form);
        // What was read from JSON can be written as JSON.
        let _ = serde::Serialize::serialize(&self.content, &mut writer);
        let mut text = String::from_utf8(bytes).unwrap_or_default();
        text.push('\n');
        text
    }
}

impl<'a> Cell<'a> {
    /// Its name, or its place.
    pub fn label(&self) -> String {
        match self.content["id"].as_str() {
            Some(id) => format!("cell `{id}`"),
            None => format!("cell {}", self.number),
        }
    }

    /// Whether it is code.
    pub fn is_code(&self) -> bool {
        self.content["cell_type"] == "code"
    }

    /// Whether it is text.
    pub fn is_markdown(&self) -> bool {
        self.content["cell_type"] == "markdown"
    }

    /// What is in it.
    pub fn source(&self) -> String {
        source_of(self.content)
    }

    /// The exercise whose answer goes there.
    pub fn exercise(&self) -> Option<&'a str> {
        self.content["metadata"]["taskloom"]["exercise"].as_str()
    }

    /// How it is shown as a slide, if that is said.
    pub fn slide(&self) -> Option<&'a str> {
        self.content["metadata"]["slideshow"]["slide_type"].as_str()
    }

    /// Whether it is to fail, as nbclient knows it.
    pub fn fails_on_purpose(&self) -> bool {
        let tags = self.content["metadata"]["tags"].as_array();
        tags.is_some_and(|tags| tags.iter().any(|tag| tag == "raises-exception"))
    }
}

/// A cell, as it is in the file of a notebook.
pub fn cell(kind: &str, id: &str, slide: Option<&str>, exercise: Option<&str>, source: &str) -> Value {
    let mut metadata = json!({});
    if let Some(slide) = slide {
        metadata["slideshow"] = json!({"slide_type": slide});
    }
    if let Some(exercise) = exercise {
        metadata["taskloom"] = json!({"exercise": exercise});
    }
    let mut cell = json!({"cell_type": kind, "id": id, "metadata": metadata, "source": lines(source)});
    if kind == "code" {
        cell["execution_count"] = Value::Null;
        cell["outputs"] = json!([]);
    }
    cell
}

/// The text of a cell as notebooks keep it: a list of lines, each but the last with its end.
pub fn lines(source: &str) -> Value {
    source.trim_matches('\n').split_inclusive('\n').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notebook_is_written_as_jupyter_writes_it() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
        let texts = Notebook::paths_in(&root.join("notebooks")).expect("notebooks").into_iter().map(|path| {
            let text = std::fs::read_to_string(&path).expect("read");
            (Notebook::read(&path).expect("read"), text)
        });
        // Those that Jupyter has saved: it sorts names.
        let saved: Vec<_> = texts.filter(|(_, text)| text.starts_with("{\n \"cells\"")).collect();
        assert!(!saved.is_empty());
        for (notebook, text) in saved {
            assert!(notebook.text() == text, "{} changes when it is read and written", notebook.name);
        }
    }
}
