//! Which notebooks are meant.

use std::path::{Path, PathBuf};

use taskloom_exercises::Course;
use taskloom_setup::Home;

use super::absolute;
use crate::installation::Installation;

/// A notebook, and what its page is called, without the ending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notebook {
    pub path: PathBuf,
    pub name: String,
}

/// The notebooks that are named, or else all of the course.
pub fn find(named: &[PathBuf], home: &Home) -> Result<Vec<Notebook>, String> {
    let mut paths = Vec::new();
    if named.is_empty() {
        let folder = course(home)?.root().join("notebooks");
        paths = in_folder(&folder)?;
    }
    for path in named {
        if path.is_dir() {
            paths.extend(in_folder(&absolute(path))?);
        } else if path.is_file() {
            paths.push(absolute(path));
        } else {
            return Err(format!("there is no notebook {}", path.display()));
        }
    }
    let mut notebooks: Vec<Notebook> = Vec::new();
    for path in paths {
        check(&path)?;
        if notebooks.iter().any(|notebook| notebook.path == path) {
            continue;
        }
        let name = name_of(&path);
        if let Some(other) = notebooks.iter().find(|other| other.name.eq_ignore_ascii_case(&name)) {
            return Err(format!(
                "{} and {} would both become {name}.html: render them into different folders (--out)",
                other.path.display(),
                path.display()
            ));
        }
        if name.eq_ignore_ascii_case("index") {
            return Err(format!("{} cannot be rendered: index.html is the list of all pages", path.display()));
        }
        notebooks.push(Notebook { path, name });
    }
    Ok(notebooks)
}

/// The course around the current folder, or the one that Taskloom was installed from.
fn course(home: &Home) -> Result<Course, String> {
    let here = std::env::current_dir().map_err(|error| format!("the current folder is gone: {error}"))?;
    Course::find(&here)
        .ok()
        .or_else(|| Course::find(&Installation::load(home.root()).ok()?.course?).ok())
        .ok_or_else(|| format!("name a notebook, or run this inside a course: {} is in none", here.display()))
}

/// The notebooks of a folder by name, without the copies that `taskloom run` made.
fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries =
        std::fs::read_dir(folder).map_err(|error| format!("cannot read the folder {}: {error}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.ends_with(".ipynb") && !name.ends_with(".executed.ipynb") && !name.starts_with('.') && path.is_file()
        })
        .collect();
    paths.sort();
    if paths.is_empty() {
        return Err(format!("there are no notebooks in the folder {}", folder.display()));
    }
    Ok(paths)
}

/// A file that is no notebook gets a sentence, before minutes are spent on those beside it.
fn check(path: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let notebook: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| format!("{} is not a notebook: {error}", path.display()))?;
    if notebook["cells"].is_array() || notebook["worksheets"].is_array() {
        Ok(())
    } else {
        Err(format!("{} is not a notebook: it has no cells", path.display()))
    }
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".ipynb").unwrap_or(&name);
    name.strip_suffix(".executed").unwrap_or(name).to_owned()
}

/// The folder that images may come from: the course of the notebooks, or else their own folder.
pub fn root_of(notebooks: &[Notebook]) -> PathBuf {
    let first = notebooks.first().map_or(Path::new("."), |notebook| &notebook.path);
    let folder = first.parent().unwrap_or(Path::new("."));
    Course::find(folder).map_or_else(|_| folder.to_path_buf(), |course| course.root().to_path_buf())
}

/// What the pages together are called.
pub fn title_of(root: &Path) -> String {
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap_or_default();
    let heading =
        readme.lines().find_map(|line| line.strip_prefix("# ")).map(str::trim).filter(|text| !text.is_empty());
    heading.map_or_else(|| root.file_name().unwrap_or_default().to_string_lossy().into_owned(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTEBOOK: &str = r#"{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}"#;

    fn home() -> Home {
        Home::at("/nowhere/at/all").unwrap()
    }

    #[test]
    fn a_folder_means_its_notebooks_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["02-b.ipynb", "01-a.ipynb", "01-a.executed.ipynb", ".hidden.ipynb", "notes.txt"] {
            std::fs::write(folder.path().join(name), NOTEBOOK).unwrap();
        }
        let found = find(&[folder.path().to_path_buf(), folder.path().join("01-a.ipynb")], &home()).unwrap();
        let names: Vec<_> = found.iter().map(|notebook| notebook.name.as_str()).collect();
        assert_eq!(names, ["01-a", "02-b"]);
    }

    #[test]
    fn mistakes_get_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let message = |path: &Path| find(&[path.to_path_buf()], &home()).unwrap_err();
        assert!(message(&folder.path().join("none.ipynb")).starts_with("there is no notebook"));
        assert!(message(folder.path()).starts_with("there are no notebooks in the folder"));
        let other = folder.path().join("other.ipynb");
        std::fs::write(&other, "print(1)").unwrap();
        assert!(message(&other).contains("is not a notebook"));
        std::fs::write(&other, "{}").unwrap();
        assert!(message(&other).contains("has no cells"));
        let index = folder.path().join("index.ipynb");
        std::fs::write(&index, NOTEBOOK).unwrap();
        assert!(message(&index).contains("index.html is the list"));
    }

    #[test]
    fn two_notebooks_of_one_name_are_told_apart_by_the_person() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a.ipynb", "a.executed.ipynb"].map(|name| folder.path().join(name));
        for path in &paths {
            std::fs::write(path, NOTEBOOK).unwrap();
        }
        assert!(find(&paths, &home()).unwrap_err().contains("would both become a.html"));
    }
}
