//! A SQLite file with the newest score of everybody, which each run updates.

use std::path::Path;
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, params};

use super::Grades;

/// The version of the tables.
const VERSION: i64 = 1;
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS runs (run INTEGER PRIMARY KEY, time INTEGER NOT NULL, title TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS students (student TEXT PRIMARY KEY, path TEXT NOT NULL, notes TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS exercises (exercise TEXT PRIMARY KEY, title TEXT NOT NULL, notebook TEXT NOT NULL,
                                          points INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS scores (student TEXT NOT NULL REFERENCES students, exercise TEXT NOT NULL REFERENCES exercises,
                                       points INTEGER NOT NULL, reason TEXT, run INTEGER NOT NULL REFERENCES runs,
                                       PRIMARY KEY (student, exercise));
    CREATE TABLE IF NOT EXISTS checks (student TEXT NOT NULL, exercise TEXT NOT NULL, number INTEGER NOT NULL,
                                       name TEXT NOT NULL, points INTEGER NOT NULL, maximum INTEGER NOT NULL, message TEXT,
                                       PRIMARY KEY (student, exercise, number));
    CREATE VIEW IF NOT EXISTS totals AS
        SELECT student, SUM(scores.points) AS points, SUM(exercises.points) AS maximum
        FROM scores JOIN exercises USING (exercise) GROUP BY student;";

/// Why the file cannot be updated.
#[derive(Debug, thiserror::Error)]
pub enum GradebookError {
    /// What SQLite says.
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The tables are others.
    #[error("it was written by a later version of Taskloom (its tables have version {0})")]
    Newer(i64),
}

/// Puts a run's scores into the file, all or none of them. Scores of others, and of other exercises, stay.
///
/// # Errors
/// When the file is not a gradebook, or cannot be written.
pub fn update(path: &Path, grades: &Grades) -> Result<(), GradebookError> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version > VERSION {
        return Err(GradebookError::Newer(version));
    }
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs() as i64);
    transaction.execute("INSERT INTO runs (time, title) VALUES (?1, ?2)", params![now, grades.title])?;
    let run = transaction.last_insert_rowid();
    for score in grades.scores {
        transaction.execute(
            "INSERT OR REPLACE INTO students VALUES (?1, ?2, ?3)",
            params![score.student, score.path, score.notes.join("\n")],
        )?;
        for exercise in &score.exercises {
            transaction.execute(
                "INSERT OR REPLACE INTO exercises VALUES (?1, ?2, ?3, ?4)",
                params![exercise.exercise, exercise.title, exercise.notebook, exercise.of],
            )?;
            transaction.execute(
                "INSERT OR REPLACE INTO scores VALUES (?1, ?2, ?3, ?4, ?5)",
                params![score.student, exercise.exercise, exercise.points, exercise.reason, run],
            )?;
            transaction.execute(
                "DELETE FROM checks WHERE student = ?1 AND exercise = ?2",
                params![score.student, exercise.exercise],
            )?;
            for (number, check) in exercise.checks.iter().enumerate() {
                transaction.execute(
                    "INSERT INTO checks VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    params![
                        score.student,
                        exercise.exercise,
                        number as i64,
                        check.name,
                        check.points,
                        check.of,
                        check.message
                    ],
                )?;
            }
        }
    }
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::confine::Protections;
    use crate::grade::score::tests::sample;

    fn totals(path: &Path) -> Vec<(String, i64, i64)> {
        let connection = Connection::open(path).expect("open");
        let mut query = connection.prepare("SELECT * FROM totals ORDER BY student").expect("a view");
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).expect("rows");
        rows.collect::<Result<_, _>>().expect("rows")
    }

    #[test]
    fn a_second_run_updates_what_it_has_and_leaves_the_rest() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("gradebook.sqlite");
        let run = |scores: &[_]| update(&path, &Grades { title: "x", scores, protections: &Protections::default() });
        run(&[sample("ada", &[(1, 3)]), sample("eve", &[(0, 3)])]).expect("updated");
        assert_eq!(totals(&path), [("ada".into(), 1, 3), ("eve".into(), 0, 3)]);
        run(&[sample("eve", &[(3, 3), (1, 2)])]).expect("updated");
        assert_eq!(totals(&path), [("ada".into(), 1, 3), ("eve".into(), 4, 5)]);
        std::fs::write(&path, "this is no database, and long enough to be looked at as one").expect("written");
        assert!(run(&[]).is_err());
    }

    #[test]
    fn a_later_version_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("gradebook.sqlite");
        Connection::open(&path).expect("open").pragma_update(None, "user_version", VERSION + 1).expect("set");
        let grades = Grades { title: "x", scores: &[], protections: &Protections::default() };
        assert!(matches!(update(&path, &grades), Err(GradebookError::Newer(_))));
    }
}
