//! Scores of work that has been graded before.
//!
//! A paper is known by the digest of all that its score follows from: its cells, the exercises with their checks, the
//! engine, and what it was allowed. Who it is from is not among that, so that the same work has the same score.

use std::path::{Path, PathBuf};

use ring::digest;
use serde::{Deserialize, Serialize};
use taskloom_exercises::Exercise;

use super::job::Allowance;
use super::score::ExerciseScore;
use super::submission::Paper;
use crate::installation::{Installation, write_whole};

/// Changes with the rules of grading themselves.
const VERSION: u32 = 1;

/// What is remembered of a paper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Remembered {
    /// The score of each exercise that was asked.
    pub scores: Vec<ExerciseScore>,
    /// What there was to say.
    pub notes: Vec<String>,
}

/// A folder of remembered scores.
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// A cache in this folder, which is made when something is remembered.
    pub fn new(folder: PathBuf) -> Self {
        Cache { folder }
    }

    /// What is known of the paper with this digest. A damaged file is as good as none.
    pub fn get(&self, digest: &str) -> Option<Remembered> {
        serde_json::from_slice(&std::fs::read(self.file(digest)).ok()?).ok()
    }

    /// Remembers a paper.
    ///
    /// # Errors
    /// A sentence, when the file cannot be written.
    pub fn put(&self, digest: &str, remembered: &Remembered) -> Result<(), String> {
        let text = serde_json::to_vec(remembered).map_err(|error| error.to_string())?;
        let path = self.file(digest);
        write_whole(&path, &text).map_err(|error| format!("cannot write {}: {error}", path.display()))
    }

    fn file(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{digest}.json"))
    }
}

/// What a paper is known by.
pub fn digest(
    paper: &Paper,
    exercises: &[&Exercise],
    allowance: &Allowance,
    installation: &Installation,
    data: Option<&Path>,
) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    // Each part with its length, so that none can run into the next.
    let mut part = |bytes: &[u8]| {
        context.update(&(bytes.len() as u64).to_le_bytes());
        context.update(bytes);
    };
    part(&VERSION.to_le_bytes());
    part(env!("CARGO_PKG_VERSION").as_bytes());
    part(&serde_json::to_vec(paper).unwrap_or_default());
    part(&serde_json::to_vec(allowance).unwrap_or_default());
    for exercise in exercises {
        let checks: Vec<_> = exercise.checks.iter().map(|check| (&check.name, check.points, &check.body)).collect();
        let all = (&exercise.id, &exercise.title, exercise.points, exercise.time_limit, &exercise.preamble, checks);
        part(&serde_json::to_vec(&all).unwrap_or_default());
    }
    // The folder's name changes with each compilation of the engine.
    part(installation.engine.as_os_str().as_encoded_bytes());
    part(installation.version.as_bytes());
    part(data.map_or(&[], |data| data.as_os_str().as_encoded_bytes()));
    context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::assignment::tests::own;
    use super::super::submission::{Kind, PaperCell};
    use super::*;

    fn digest_of(source: &str, points: u32, seconds: u64) -> String {
        let cell = PaperCell { kind: Kind::Own, source: source.into() };
        let paper = Paper { notebook: "01-delayed".into(), cells: vec![cell] };
        let mut exercise = own().exercises[0].exercise.clone();
        exercise.checks[0].points = points;
        let allowance = Allowance {
            cell_time: Duration::from_secs(seconds),
            paper_time: Duration::from_secs(1),
            memory: 1,
            disk: 1,
            output: 1,
            processes: 1,
        };
        let installation = Installation {
            engine: "/engine".into(),
            dependencies: PathBuf::new(),
            sysroot: PathBuf::new(),
            stubs: None,
            programs: PathBuf::new(),
            rustc: PathBuf::new(),
            cargo: PathBuf::new(),
            version: "1".into(),
            course: None,
        };
        digest(&paper, &[&exercise], &allowance, &installation, None)
    }

    #[test]
    fn a_digest_changes_with_all_that_a_score_follows_from() {
        let digests = [digest_of("1", 1, 1), digest_of("2", 1, 1), digest_of("1", 2, 1), digest_of("1", 1, 2)];
        let distinct: std::collections::BTreeSet<&String> = digests.iter().collect();
        assert_eq!(distinct.len(), digests.len());
        assert_eq!(digest_of("1", 1, 1), digests[0]);
    }

    #[test]
    fn what_is_remembered_comes_back_and_damage_is_forgotten() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::new(folder.path().join("cache"));
        assert_eq!(cache.get("a"), None);
        let remembered = Remembered {
            scores: super::super::score::tests::sample("x", &[(1, 2)]).exercises,
            notes: vec!["note".into()],
        };
        cache.put("a", &remembered).expect("written");
        assert_eq!(cache.get("a"), Some(remembered));
        std::fs::write(folder.path().join("cache/a.json"), "{").expect("written");
        assert_eq!(cache.get("a"), None);
    }
}
