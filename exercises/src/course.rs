//! A course on disk.

use std::io;
use std::path::{Path, PathBuf};

use crate::Exercise;

/// What is wrong with a course's files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CourseError {
    /// There is no folder `exercises` here or above.
    #[error("there is no folder `exercises` in {0} or above it; run this inside a course")]
    NoCourse(PathBuf),
    /// No exercise has this name.
    #[error("there is no exercise `{asked}`; there are: {}", known.join(", "))]
    Unknown {
        /// The name that was asked for.
        asked: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file does not say what it should.
    #[error("{path}: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong and where.
        reason: String,
    },
}

/// A folder with `exercises/` and `solutions/`.
///
/// ```
/// use taskloom_exercises::Course;
///
/// let course = Course::find(env!("CARGO_MANIFEST_DIR").as_ref())?;
/// assert!(course.ids()?.contains(&"delayed-loop".to_owned()));
/// assert_eq!(course.exercise("delayed-loop")?.hints.len(), 3);
/// # Ok::<(), taskloom_exercises::CourseError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Course {
    root: PathBuf,
}

impl Course {
    /// The course that `start` lies in: the nearest folder, going up, that holds `exercises`.
    ///
    /// # Errors
    /// [`CourseError::NoCourse`] when there is none.
    pub fn find(start: &Path) -> Result<Course, CourseError> {
        start
            .ancestors()
            .find(|folder| is_course(folder))
            .map(|root| Course { root: root.to_path_buf() })
            .ok_or_else(|| CourseError::NoCourse(start.to_path_buf()))
    }

    /// The folder of the course.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The names of all exercises, sorted.
    ///
    /// # Errors
    /// [`CourseError::Read`] when the folder cannot be read.
    pub fn ids(&self) -> Result<Vec<String>, CourseError> {
        let folder = self.root.join("exercises");
        let failed = |source| CourseError::Read { path: folder.clone(), source };
        let mut ids = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.join("exercise.toml").is_file()
                && let Some(id) = path.file_name().and_then(|name| name.to_str())
            {
                ids.push(id.to_owned());
            }
        }
        ids.sort();
        Ok(ids)
    }

    /// One exercise.
    ///
    /// # Errors
    /// [`CourseError::Unknown`], or what is wrong with its files.
    pub fn exercise(&self, id: &str) -> Result<Exercise, CourseError> {
        self.known(id)?;
        Exercise::read(&self.root.join("exercises").join(id))
    }

    /// The answer to an exercise.
    ///
    /// # Errors
    /// [`CourseError::Unknown`], or [`CourseError::Read`] when this copy of the course has no solutions.
    pub fn solution(&self, id: &str) -> Result<String, CourseError> {
        self.known(id)?;
        read(&self.root.join("solutions").join(format!("{id}.rs")))
    }

    fn known(&self, id: &str) -> Result<(), CourseError> {
        let known = self.ids()?;
        if known.iter().any(|name| name == id) {
            Ok(())
        } else {
            Err(CourseError::Unknown { asked: id.to_owned(), known })
        }
    }
}

/// Somebody's folder may be called `exercises` too; a course has exercises in it.
fn is_course(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder.join("exercises"));
    entries.into_iter().flatten().flatten().any(|entry| entry.path().join("exercise.toml").is_file())
}

pub(crate) fn read(path: &Path) -> Result<String, CourseError> {
    std::fs::read_to_string(path).map_err(|source| CourseError::Read { path: path.to_path_buf(), source })
}
