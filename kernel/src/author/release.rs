//! The copy of a course that students get: what they need to run it, and no answers.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Write};
use std::path::{Component, Path, PathBuf};

use serde_json::{Value, json};
use taskloom_prep::{CourseData, DATA_LIST};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::files::CourseFiles;
use super::links;
use super::notebook::{Notebook, lines};

/// What is in a copy that was made by this, and may be replaced by it.
pub const MARK: &str = ".taskloom-release";
/// The files of an exercise that checks need.
const OF_EXERCISE: [&str; 3] = ["exercise.toml", "starter.rs", "check.rs"];
/// Folders that are never handed out, whatever links to them.
const KEPT_BACK: [&str; 4] = ["solutions", "answers", "data", ".git"];
/// What a cell may say to Jupyter. The rest is about the screen of whoever wrote it.
const OF_ONE_SCREEN: [&str; 5] = ["execution", "collapsed", "scrolled", "jupyter", "ExecuteTime"];

/// The files of a copy, by their paths in it.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

/// The copy of a course.
///
/// # Errors
/// A sentence about a file that cannot be read.
pub fn files(course: &CourseFiles, with_solutions: bool) -> Result<Files, String> {
    if let Some(finding) = course.findings.first() {
        return Err(format!("{}: {}", finding.place, finding.what));
    }
    let mut copy = Files::new();
    let root = course.root();
    for notebook in &course.notebooks {
        let path = notebook.path.strip_prefix(root).unwrap_or(&notebook.path);
        copy.insert(path.to_path_buf(), without_answers(course, notebook).into_bytes());
    }
    let mut wanted: BTreeSet<PathBuf> = BTreeSet::new();
    for exercise in &course.exercises {
        wanted.extend(OF_EXERCISE.iter().map(|file| Path::new("exercises").join(&exercise.id).join(file)));
        let solution = PathBuf::from(format!("solutions/{}.rs", exercise.id));
        if with_solutions && root.join(&solution).is_file() {
            wanted.insert(solution);
        }
    }
    if let Some(data) = CourseData::of_course(root).map_err(|error| error.to_string())? {
        wanted.insert(PathBuf::from(DATA_LIST));
        wanted.extend(data.files().iter().flat_map(|file| file.copy.iter().chain(&file.recipe)).cloned());
    }
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_file() && (name == "README.md" || name == ".gitignore" || name.starts_with("LICENSE")) {
            wanted.insert(PathBuf::from(name));
        }
    }
    wanted.extend(links::linked_files(course));
    let mut beside = Vec::new();
    files_below(&root.join("notebooks"), &mut beside);
    let is_figure = |path: &PathBuf| !path.extension().is_some_and(|ending| ending == "ipynb" || ending == "md");
    wanted.extend(
        beside
            .iter()
            .filter(|path| is_figure(path))
            .filter_map(|path| Some(path.strip_prefix(root).ok()?.to_path_buf())),
    );
    for path in wanted {
        let is_solution = path.starts_with("solutions") && with_solutions;
        let kept_back = KEPT_BACK.iter().any(|folder| path.starts_with(folder)) && !is_solution;
        let is_inside = path.components().all(|part| matches!(part, Component::Normal(_)));
        let file = root.join(&path);
        if kept_back || !is_inside || !file.is_file() || copy.contains_key(&path) {
            continue;
        }
        let bytes = std::fs::read(&file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        copy.insert(path, bytes);
    }
    Ok(copy)
}

/// A notebook with starters in its exercises' cells, and without anything that a run has left.
fn without_answers(course: &CourseFiles, notebook: &Notebook) -> String {
    let mut notebook =
        Notebook { path: notebook.path.clone(), name: notebook.name.clone(), content: notebook.content.clone() };
    for cell in notebook.cells_mut() {
        let id = cell["metadata"]["taskloom"]["exercise"].as_str().map(str::to_owned);
        if let Some(exercise) = id.and_then(|id| course.exercises.iter().find(|exercise| exercise.id == id)) {
            cell["source"] = lines(&exercise.starter);
        }
        if cell["cell_type"] == "code" {
            cell["outputs"] = json!([]);
            cell["execution_count"] = Value::Null;
        }
        if let Some(metadata) = cell["metadata"].as_object_mut() {
            OF_ONE_SCREEN.iter().for_each(|name| {
                metadata.remove(*name);
            });
        }
    }
    notebook.text()
}

/// Files below a folder; what is hidden, and what a run has left, is left out, and links are not followed.
fn files_below(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Ok(kind) = entry.file_type() else { continue };
        if name.starts_with('.') || name.ends_with(".executed.ipynb") {
            continue;
        }
        if kind.is_dir() {
            files_below(&entry.path(), files);
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
}

/// The copy as a ZIP, in a folder of its name. The same files give the same bytes, whenever and wherever.
///
/// # Errors
/// A sentence, should it not fit into a ZIP.
pub fn zipped(name: &str, files: &Files) -> Result<Vec<u8>, String> {
    // The first day that a ZIP can name: a real one would be another each time.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let mut write = || -> std::io::Result<()> {
        for (path, bytes) in files {
            let parts: Vec<String> = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            writer.start_file(format!("{name}/{}", parts.join("/")), options)?;
            writer.write_all(bytes)?;
        }
        Ok(())
    };
    write().map_err(|error| format!("cannot make the ZIP: {error}"))?;
    let done = writer.finish().map_err(|error| format!("cannot make the ZIP: {error}"))?;
    Ok(done.into_inner())
}

/// Writes the copy into a folder: a new one, an empty one, or one that this made before.
///
/// # Errors
/// A sentence, when something else is there or it cannot be written.
pub fn write_folder(out: &Path, files: &Files) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("cannot write {}: {error}", out.display());
    let has_something = std::fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some());
    if out.is_file() || (has_something && !out.join(MARK).is_file()) {
        return Err(format!(
            "{} is there already and was not made by `taskloom release`; choose another name",
            out.display()
        ));
    }
    let out = std::path::absolute(out).map_err(failed)?;
    let parent = out.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(parent).map_err(failed)?;
    // Beside it, and moved at the end: a copy is whole or not there.
    let staging = tempfile::Builder::new().prefix(".release-").tempdir_in(parent).map_err(failed)?;
    let new = staging.path().join("new");
    for (path, bytes) in files {
        let file = new.join(path);
        std::fs::create_dir_all(file.parent().unwrap_or(&new)).map_err(failed)?;
        std::fs::write(&file, bytes).map_err(failed)?;
    }
    std::fs::write(new.join(MARK), "Made by `taskloom release`, which may replace this folder.\n").map_err(failed)?;
    if out.exists() {
        std::fs::rename(&out, staging.path().join("old")).map_err(failed)?;
    }
    std::fs::rename(&new, &out).map_err(failed)
}
