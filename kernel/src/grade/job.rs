//! What the custodian tells the examiner, and what it hears back: JSON, on pipes.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use taskloom_exercises::{Check, Exercise};

use super::assignment::Asked;
use super::score::ExerciseScore;
use super::submission::Paper;
use crate::confine::Protections;
use crate::installation::Installation;
use crate::shared::Shared;

/// One paper to be examined.
#[derive(Serialize, Deserialize)]
pub struct Job {
    /// What compiles and runs it.
    pub installation: Installation,
    /// The cells.
    pub paper: Paper,
    /// What is asked in it.
    pub tasks: Vec<Task>,
    /// How much of everything it may have.
    pub allowance: Allowance,
    /// Files and folders that it must not see.
    pub hidden: Vec<PathBuf>,
    /// The folder of the data, which it may read.
    pub data: Option<PathBuf>,
    /// What has been compiled of the course, see [`crate::grade`].
    pub shared: Option<Shared>,
    /// A folder for the examiner's own files; it is empty, and removed by the custodian.
    pub folder: PathBuf,
    /// The submission's scratch: in memory if that can be had.
    pub scratch: PathBuf,
}

/// How much of everything a submission may have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Allowance {
    /// For each cell, compiling included.
    pub cell_time: Duration,
    /// For all of a paper.
    pub paper_time: Duration,
    /// Memory of the process that runs the cells, in bytes.
    pub memory: u64,
    /// What may be in its scratch folder, in bytes.
    pub disk: u64,
    /// What a cell may print and show, in bytes.
    pub output: u64,
    /// Threads and processes.
    pub processes: u64,
}

/// An exercise, in a form that goes through a pipe.
#[derive(Clone, Serialize, Deserialize)]
pub struct Task {
    id: String,
    title: String,
    notebook: String,
    points: u32,
    time_limit: Duration,
    preamble: String,
    checks: Vec<(String, u32, String)>,
    /// Functions and types that an answer makes, and checks may look at.
    pub items: BTreeSet<String>,
}

impl From<&Asked> for Task {
    fn from(Asked { exercise, items, .. }: &Asked) -> Self {
        let checks = exercise.checks.iter();
        Task {
            id: exercise.id.clone(),
            title: exercise.title.clone(),
            notebook: exercise.notebook.clone(),
            points: exercise.points,
            time_limit: exercise.time_limit,
            preamble: exercise.preamble.clone(),
            checks: checks.map(|check| (check.name.clone(), check.points, check.body.clone())).collect(),
            items: items.clone(),
        }
    }
}

impl Task {
    /// As the engine of checks has it. Hints and starter have stayed with the custodian.
    pub fn exercise(&self) -> Exercise {
        let checks = self.checks.iter();
        Exercise {
            id: self.id.clone(),
            title: self.title.clone(),
            notebook: self.notebook.clone(),
            points: self.points,
            time_limit: self.time_limit,
            hints: Vec::new(),
            starter: String::new(),
            preamble: self.preamble.clone(),
            checks: checks
                .map(|(name, points, body)| Check { name: name.clone(), points: *points, body: body.clone() })
                .collect(),
        }
    }

    /// Its name.
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// What the examiner says, each on a line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// First of all: what stands around it.
    Walls(Protections),
    /// An exercise has its score.
    Score(ExerciseScore),
    /// Something about the paper as a whole.
    Note(String),
    /// There is nothing more to come.
    End,
    /// Not the submission's doing: the examiner itself cannot go on.
    Trouble(String),
}
