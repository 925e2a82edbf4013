//! What a learner has done: for each exercise of a course the best check so far, kept between sessions.
//!
//! A row is written when a check has run, so several notebooks may be open at once. Whatever is wrong with the file costs a
//! learner the record of a check, never the check.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, params};

const FILE: &str = "progress.sqlite";
/// `course` is the folder of the course. A check that earns less than an earlier one takes nothing away.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS exercises (
    course TEXT NOT NULL, exercise TEXT NOT NULL,
    points INTEGER NOT NULL DEFAULT 0, of INTEGER NOT NULL DEFAULT 0,
    checks INTEGER NOT NULL DEFAULT 0, hints INTEGER NOT NULL DEFAULT 0,
    passed INTEGER,
    PRIMARY KEY (course, exercise))";
/// How long a kernel waits for another one that writes.
const PATIENCE: Duration = Duration::from_secs(2);

/// The record of an exercise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// The most points that a check gave.
    pub points: u32,
    /// Points there were.
    pub of: u32,
    /// How often it was checked.
    pub checks: u32,
    /// How many of its hints were read.
    pub hints: u32,
    /// When all checks passed first, in seconds since 1970.
    pub passed: Option<i64>,
}

/// The records of everybody who uses this home.
#[derive(Debug, Clone)]
pub struct Progress {
    path: PathBuf,
}

impl Progress {
    /// The records in a home folder. The file is made with the first record.
    pub fn in_home(home: &Path) -> Progress {
        Progress { path: home.join(FILE) }
    }

    /// Notes how a check went.
    ///
    /// # Errors
    /// A sentence, when the file cannot be written.
    pub fn checked(&self, course: &Path, exercise: &str, points: u32, of: u32) -> Result<(), String> {
        let passed = (points == of).then(now);
        self.write(
            "INSERT INTO exercises (course, exercise, points, of, checks, passed) VALUES (?1, ?2, ?3, ?4, 1, ?5)
             ON CONFLICT DO UPDATE SET points = max(points, ?3), of = ?4, checks = checks + 1,
                                       passed = coalesce(passed, ?5)",
            params![course.to_string_lossy(), exercise, points, of, passed],
        )
    }

    /// Notes that so many hints have been read.
    ///
    /// # Errors
    /// A sentence, when the file cannot be written.
    pub fn read_hints(&self, course: &Path, exercise: &str, hints: u32) -> Result<(), String> {
        self.write(
            "INSERT INTO exercises (course, exercise, hints) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET hints = max(hints, ?3)",
            params![course.to_string_lossy(), exercise, hints],
        )
    }

    /// Forgets one exercise of a course, or all.
    ///
    /// # Errors
    /// A sentence, when the file cannot be written.
    pub fn forget(&self, course: &Path, exercise: Option<&str>) -> Result<(), String> {
        self.write(
            "DELETE FROM exercises WHERE course = ?1 AND (?2 IS NULL OR exercise = ?2)",
            params![course.to_string_lossy(), exercise],
        )
    }

    /// All records of a course, by the names of the exercises.
    ///
    /// # Errors
    /// A sentence, when the file is there and cannot be read.
    pub fn of_course(&self, course: &Path) -> Result<BTreeMap<String, Record>, String> {
        if !self.path.exists() {
            return Ok(BTreeMap::new());
        }
        let read = || -> rusqlite::Result<BTreeMap<String, Record>> {
            let connection = self.open()?;
            let mut query = connection
                .prepare("SELECT exercise, points, of, checks, hints, passed FROM exercises WHERE course = ?1")?;
            let rows = query.query_map([course.to_string_lossy()], |row| {
                let record = Record {
                    points: row.get(1)?,
                    of: row.get(2)?,
                    checks: row.get(3)?,
                    hints: row.get(4)?,
                    passed: row.get(5)?,
                };
                Ok((row.get(0)?, record))
            })?;
            rows.collect()
        };
        read().map_err(|error| self.cannot("read", &error))
    }

    fn write(&self, statement: &str, values: impl rusqlite::Params) -> Result<(), String> {
        let write = || self.open()?.execute(statement, values).map(|_| ());
        write().map_err(|error| self.cannot("written", &error))
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open(&self.path)?;
        connection.busy_timeout(PATIENCE)?;
        connection.execute_batch(TABLE)?;
        Ok(connection)
    }

    fn cannot(&self, what: &str, error: &rusqlite::Error) -> String {
        format!("the record of your exercises, {}, cannot be {what}: {error}", self.path.display())
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_check_counts_and_is_there_in_the_next_session() {
        let home = tempfile::tempdir().unwrap();
        let course = Path::new("/course");
        let progress = Progress::in_home(home.path());
        assert!(progress.of_course(course).unwrap().is_empty(), "nothing has been made");
        progress.checked(course, "loop", 1, 3).unwrap();
        progress.read_hints(course, "loop", 2).unwrap();
        progress.checked(course, "loop", 3, 3).unwrap();
        progress.checked(course, "loop", 0, 3).unwrap();
        progress.read_hints(course, "etl", 1).unwrap();

        let records = Progress::in_home(home.path()).of_course(course).unwrap();
        let record = &records["loop"];
        assert_eq!((record.points, record.of, record.checks, record.hints), (3, 3, 3, 2));
        assert!(record.passed.is_some());
        assert_eq!(records["etl"], Record { hints: 1, ..Record::default() });
        assert!(progress.of_course(Path::new("/another")).unwrap().is_empty());
    }

    #[test]
    fn one_exercise_or_all_can_be_forgotten() {
        let home = tempfile::tempdir().unwrap();
        let (course, other) = (Path::new("/course"), Path::new("/other"));
        let progress = Progress::in_home(home.path());
        for (course, exercise) in [(course, "a"), (course, "b"), (other, "a")] {
            progress.checked(course, exercise, 1, 1).unwrap();
        }
        progress.forget(course, Some("a")).unwrap();
        assert_eq!(progress.of_course(course).unwrap().into_keys().collect::<Vec<_>>(), ["b"]);
        progress.forget(course, None).unwrap();
        assert!(progress.of_course(course).unwrap().is_empty());
        assert_eq!(progress.of_course(other).unwrap().len(), 1);
    }

    #[test]
    fn a_file_that_is_no_database_is_said_to_be_none() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join(FILE), "this is text, and not a little of it: ".repeat(40)).unwrap();
        let progress = Progress::in_home(home.path());
        let said = progress.checked(Path::new("/course"), "a", 1, 1).unwrap_err();
        assert!(said.contains(FILE) && said.contains("not a database"), "{said}");
    }
}
