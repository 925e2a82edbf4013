//! The data of a course of somebody's own: a list of files, each with where it comes from and the sum of its bytes.
//!
//! ```toml
//! # prep/data.toml
//! [[file]]
//! path = "measurements.csv"              # below the folder `data`
//! recipe = "prep/measurements.rs"        # or url = "https://…", or copy = "prep/measurements.csv"
//! sha256 = "…"                           # whoever runs the course has the same bytes
//! ```
//! A *recipe* is a cell that the engine runs in an empty folder, where it leaves the file; several files may name the same one.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use ring::digest::{Context, SHA256};
use serde::Deserialize;

use crate::{PrepError, Recipe};

/// Where a course says what data it needs.
pub const DATA_LIST: &str = "prep/data.toml";

/// The data of a course.
#[derive(Debug, Clone)]
pub struct CourseData {
    root: PathBuf,
    files: Vec<DataFile>,
}

/// A file that notebooks read.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataFile {
    /// Below the folder `data`.
    pub path: PathBuf,
    /// The address it is downloaded from.
    pub url: Option<String>,
    /// A file of the course that is copied.
    pub copy: Option<PathBuf>,
    /// A cell that makes it, in a file of the course.
    pub recipe: Option<PathBuf>,
    /// The sum of its bytes, in hexadecimal digits.
    pub sha256: Option<String>,
}

/// A file, and whether it had to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedFile {
    /// Where it is.
    pub path: PathBuf,
    /// How long it is.
    pub bytes: u64,
    /// The sum of its bytes.
    pub sha256: String,
    /// Whether the list says that sum.
    pub is_pinned: bool,
    /// Whether this call made it. `false` says that it was there already, and whole.
    pub fresh: bool,
}

/// What runs recipes and downloads files.
pub trait Tools {
    /// Runs a recipe.
    ///
    /// # Errors
    /// A sentence.
    fn run(&mut self, recipe: &Recipe) -> Result<(), String>;

    /// Downloads a file to a path.
    ///
    /// # Errors
    /// A sentence.
    fn download(&mut self, url: &str, to: &Path) -> Result<(), String>;
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default)]
    file: Vec<DataFile>,
}

impl CourseData {
    /// The list of a course; none, where it has no list.
    ///
    /// # Errors
    /// [`PrepError::List`], when the list does not say what it should.
    pub fn of_course(root: &Path) -> Result<Option<CourseData>, PrepError> {
        let path = root.join(DATA_LIST);
        if !path.is_file() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path).map_err(|error| PrepError::file("read", &path, error))?;
        let malformed = |reason: String| PrepError::List { path: path.clone(), reason };
        let list: List = toml::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        for file in &list.file {
            file.is_plain().map_err(|reason| malformed(format!("`{}`: {reason}", file.path.display())))?;
        }
        Ok(Some(CourseData { root: root.to_path_buf(), files: list.file }))
    }

    /// All files, in the order of the list.
    pub fn files(&self) -> &[DataFile] {
        &self.files
    }

    /// Makes what is missing, or is not what the list says, in the folder `data`.
    ///
    /// # Errors
    /// When a file cannot be made, or becomes something else than the list says.
    pub fn prepare(
        &self,
        data: &Path,
        refresh: bool,
        tools: &mut dyn Tools,
        say: &mut dyn FnMut(&str),
    ) -> Result<Vec<PreparedFile>, PrepError> {
        fs::create_dir_all(data).map_err(|error| PrepError::file("made", data, error))?;
        // Recipes find their way by it, wherever they run.
        let data = fs::canonicalize(data).map_err(|error| PrepError::file("read", data, error))?;
        let mut prepared = Vec::new();
        // What recipes have made so far, and what has been fetched, is kept until the files are in their places.
        let mut made: Vec<(PathBuf, tempfile::TempDir)> = Vec::new();
        let mut fetched = Vec::new();
        for file in &self.files {
            let path = data.join(&file.path);
            if !refresh && let Some(there) = file.found(&path)? {
                prepared.push(there);
                continue;
            }
            let staged = match &file.recipe {
                Some(recipe) => {
                    let known = made.iter().position(|(name, _)| name == recipe);
                    let index = match known {
                        Some(index) => index,
                        None => {
                            say(&format!("{}: made by {}", file.path.display(), recipe.display()));
                            made.push((recipe.clone(), self.run(recipe, &data, tools)?));
                            made.len() - 1
                        }
                    };
                    made[index].1.path().join(&file.path)
                }
                None => {
                    let staging = staging(&data)?;
                    let to = staging.path().join("file");
                    self.fetch(file, &to, tools, say)?;
                    fetched.push(staging);
                    to
                }
            };
            let wrong = |reason: String| PrepError::Recipe { dir: path.clone(), reason };
            if !staged.is_file() {
                let recipe = file.recipe.as_deref().unwrap_or(Path::new("")).display().to_string();
                return Err(wrong(format!("{recipe} ran, and left no file of this name")));
            }
            let (sha256, bytes) = digest(&staged).map_err(|error| PrepError::file("read", &staged, error))?;
            if let Some(expected) = file.sha256.as_ref().filter(|expected| !expected.eq_ignore_ascii_case(&sha256)) {
                return Err(wrong(format!(
                    "its sha256 is {sha256}, but {DATA_LIST} says {expected}; if the new data is right, write the new sum there"
                )));
            }
            let folder = path.parent().unwrap_or(&data);
            fs::create_dir_all(folder).map_err(|error| PrepError::file("made", folder, error))?;
            fs::rename(&staged, &path).map_err(|error| PrepError::file("moved into place", &path, error))?;
            prepared.push(PreparedFile { path, bytes, sha256, is_pinned: file.sha256.is_some(), fresh: true });
        }
        Ok(prepared)
    }

    /// Runs a recipe in a folder of its own; gives that folder.
    fn run(&self, recipe: &Path, data: &Path, tools: &mut dyn Tools) -> Result<tempfile::TempDir, PrepError> {
        let path = self.root.join(recipe);
        let code = fs::read_to_string(&path).map_err(|error| PrepError::file("read", &path, error))?;
        let staging = staging(data)?;
        let folder = staging.path().to_path_buf();
        let code = format!("std::env::set_current_dir({:?})?;\n{code}", folder.display().to_string());
        tools.run(&Recipe { folder, code }).map_err(|reason| PrepError::Recipe {
            dir: data.to_path_buf(),
            reason: format!("{}: {reason}", path.display()),
        })?;
        Ok(staging)
    }

    fn fetch(
        &self,
        file: &DataFile,
        to: &Path,
        tools: &mut dyn Tools,
        say: &mut dyn FnMut(&str),
    ) -> Result<(), PrepError> {
        if let Some(url) = &file.url {
            say(&format!("{}: downloaded from {url}", file.path.display()));
            return tools
                .download(url, to)
                .map_err(|reason| PrepError::Recipe { dir: file.path.clone(), reason: format!("{url}: {reason}") });
        }
        let from = self.root.join(file.copy.as_deref().unwrap_or(Path::new("")));
        fs::copy(&from, to).map(|_| ()).map_err(|error| PrepError::file("copied", &from, error))
    }
}

impl DataFile {
    /// Whether its paths stay in the course, and whether it comes from somewhere.
    fn is_plain(&self) -> Result<(), String> {
        let sources = [self.url.is_some(), self.copy.is_some(), self.recipe.is_some()];
        if sources.into_iter().filter(|&given| given).count() != 1 {
            return Err("give one of `recipe`, `url` and `copy`".to_owned());
        }
        let is_inside = |path: &Path| {
            path.components().next().is_some() && path.components().all(|part| matches!(part, Component::Normal(_)))
        };
        for path in [Some(&self.path), self.copy.as_ref(), self.recipe.as_ref()].into_iter().flatten() {
            if !is_inside(path) {
                return Err(format!("{} does not stay in its folder; paths here are relative", path.display()));
            }
        }
        if let Some(sum) =
            self.sha256.as_ref().filter(|sum| sum.len() != 64 || !sum.chars().all(|c| c.is_ascii_hexdigit()))
        {
            return Err(format!("sha256 = \"{sum}\" is not 64 hexadecimal digits"));
        }
        Ok(())
    }

    /// The file, if it is there and is what the list says.
    fn found(&self, path: &Path) -> Result<Option<PreparedFile>, PrepError> {
        if !path.is_file() {
            return Ok(None);
        }
        let (sha256, bytes) = digest(path).map_err(|error| PrepError::file("read", path, error))?;
        let is_right = self.sha256.as_ref().is_none_or(|expected| expected.eq_ignore_ascii_case(&sha256));
        let is_pinned = self.sha256.is_some();
        Ok(is_right.then_some(PreparedFile { path: path.to_path_buf(), bytes, sha256, is_pinned, fresh: false }))
    }
}

/// A hidden folder on the same disk, which goes with what is left in it.
fn staging(data: &Path) -> Result<tempfile::TempDir, PrepError> {
    tempfile::Builder::new()
        .prefix(".making-")
        .tempdir_in(data)
        .map_err(|error| PrepError::file("written", data, error))
}

fn digest(path: &Path) -> io::Result<(String, u64)> {
    let mut file = File::open(path)?;
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 256 * 1024];
    let mut bytes = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => {
                context.update(&buffer[..read]);
                bytes += read as u64;
            }
        }
    }
    Ok((context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect(), bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recipes that are the text of the file, without an engine; addresses that are paths.
    struct Simple(usize);
    impl Tools for Simple {
        fn run(&mut self, recipe: &Recipe) -> Result<(), String> {
            self.0 += 1;
            let text = recipe.code.lines().nth(1).ok_or("an empty recipe")?;
            for name in ["a.txt", "b.txt"] {
                fs::write(recipe.folder.join(name), text).map_err(|error| error.to_string())?;
            }
            Ok(())
        }
        fn download(&mut self, url: &str, to: &Path) -> Result<(), String> {
            self.0 += 1;
            fs::write(to, url).map_err(|error| error.to_string())
        }
    }

    fn course(list: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        fs::create_dir(root.path().join("prep")).expect("made");
        fs::write(root.path().join(DATA_LIST), list).expect("written");
        fs::write(root.path().join("prep/make.rs"), "four").expect("written");
        root
    }

    fn prepare(root: &Path, tools: &mut Simple) -> Result<Vec<PreparedFile>, PrepError> {
        let data = CourseData::of_course(root).expect("a list").expect("there is one");
        data.prepare(&root.join("data"), false, tools, &mut |_| {})
    }

    #[test]
    fn files_are_made_once_and_mended() {
        let root = course(
            "[[file]]\npath = \"a.txt\"\nrecipe = \"prep/make.rs\"\n\
             sha256 = \"04efaf080f5a3e74e1c29d1ca6a48569382cbbcd324e8d59d2b83ef21c039f00\"\n\
             [[file]]\npath = \"b.txt\"\nrecipe = \"prep/make.rs\"\n\
             [[file]]\npath = \"in/it.txt\"\nurl = \"https://example.org\"\n\
             [[file]]\npath = \"copy.txt\"\ncopy = \"prep/make.rs\"\n",
        );
        let mut tools = Simple(0);
        let prepared = prepare(root.path(), &mut tools).expect("made");
        assert_eq!(tools.0, 2, "one recipe makes two files");
        assert!(prepared.iter().all(|file| file.fresh));
        assert_eq!(prepared.iter().filter(|file| file.is_pinned).count(), 1);
        assert_eq!(fs::read_to_string(root.path().join("data/copy.txt")).expect("read"), "four");
        assert!(prepare(root.path(), &mut tools).expect("there").iter().all(|file| !file.fresh));
        fs::write(root.path().join("data/a.txt"), "five").expect("written");
        assert!(prepare(root.path(), &mut tools).expect("mended")[0].fresh);
        let hidden = fs::read_dir(root.path().join("data")).expect("read").flatten();
        assert!(!hidden.map(|entry| entry.file_name()).any(|name| name.to_string_lossy().starts_with('.')));
    }

    #[test]
    fn other_bytes_than_the_list_says_are_refused() {
        let sum = "0".repeat(64);
        let root = course(&format!("[[file]]\npath = \"a.txt\"\nrecipe = \"prep/make.rs\"\nsha256 = \"{sum}\"\n"));
        let said = prepare(root.path(), &mut Simple(0)).expect_err("refused").to_string();
        assert!(said.contains("04efaf08") && said.contains(&sum), "{said}");
        assert!(!root.path().join("data/a.txt").exists());
    }

    #[test]
    fn mistakes_in_the_list_are_named() {
        for (list, expected) in [
            ("[[file]]\npath = \"a\"\n", "give one of"),
            ("[[file]]\npath = \"../a\"\nurl = \"x\"\n", "does not stay"),
            ("[[file]]\npath = \"/etc/a\"\nurl = \"x\"\n", "does not stay"),
            ("[[file]]\npath = \"a\"\nurl = \"x\"\nsha256 = \"12\"\n", "64 hexadecimal digits"),
            ("[[files]]\npath = \"a\"\n", "files"),
        ] {
            let root = course(list);
            let said = CourseData::of_course(root.path()).expect_err("refused").to_string();
            assert!(said.contains(expected) && said.contains("data.toml"), "{said}");
        }
    }
}
