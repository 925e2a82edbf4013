//! Points, and why they are what they are.

use serde::{Deserialize, Serialize};
use taskloom_exercises::{Exercise, Report};

/// How one check went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckScore {
    /// What a right answer does.
    pub name: String,
    /// Whether this one does.
    pub passed: bool,
    /// What it earned.
    pub points: u32,
    /// What it could have earned.
    pub of: u32,
    /// Why not.
    pub message: Option<String>,
}

/// How one exercise went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExerciseScore {
    /// Its name.
    pub exercise: String,
    /// What a person calls it.
    pub title: String,
    /// The notebook it belongs to.
    pub notebook: String,
    /// What all checks earned together.
    pub points: u32,
    /// What they could have earned.
    pub of: u32,
    /// Each by itself.
    pub checks: Vec<CheckScore>,
    /// Why it could not be checked, or what went wrong before it was.
    pub reason: Option<String>,
}

/// The longest message that a report holds: a submission has its part in them.
const LONGEST_MESSAGE: usize = 2000;

impl ExerciseScore {
    /// Nothing, and why.
    pub fn nothing(exercise: &Exercise, reason: &str) -> Self {
        let checks = exercise.checks.iter().map(|check| CheckScore {
            name: check.name.clone(),
            passed: false,
            points: 0,
            of: check.points,
            message: None,
        });
        ExerciseScore {
            exercise: exercise.id.clone(),
            title: exercise.title.clone(),
            notebook: exercise.notebook.clone(),
            points: 0,
            of: exercise.points,
            checks: checks.collect(),
            reason: Some(shortened(reason)),
        }
    }

    /// What the checks said; `reason` is what happened before.
    pub fn of_report(exercise: &Exercise, report: Report, reason: Option<String>) -> Self {
        let checks: Vec<CheckScore> = report
            .checks
            .into_iter()
            .map(|check| CheckScore {
                name: check.name,
                passed: check.passed,
                points: check.points,
                of: check.of,
                message: check.message.as_deref().map(shortened),
            })
            .collect();
        ExerciseScore {
            exercise: exercise.id.clone(),
            title: exercise.title.clone(),
            notebook: exercise.notebook.clone(),
            points: checks.iter().map(|check| check.points).sum(),
            of: exercise.points,
            checks,
            reason: reason.as_deref().map(shortened),
        }
    }

    /// Whether all points were earned.
    pub fn is_full(&self) -> bool {
        self.points == self.of
    }
}

/// How a submission went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubmissionScore {
    /// Whose it is.
    pub student: String,
    /// Where it was.
    pub path: String,
    /// All exercises, in the assignment's order.
    pub exercises: Vec<ExerciseScore>,
    /// What there is to say about it as a whole: what could not be read, was left out, or was stopped.
    pub notes: Vec<String>,
    /// How long grading took.
    pub seconds: f64,
    /// Whether all of it had been graded before.
    pub cached: bool,
}

impl SubmissionScore {
    /// Points earned.
    pub fn points(&self) -> u32 {
        self.exercises.iter().map(|exercise| exercise.points).sum()
    }

    /// Points there are.
    pub fn of(&self) -> u32 {
        self.exercises.iter().map(|exercise| exercise.of).sum()
    }

    /// Of 100; of nothing, nothing.
    pub fn percent(&self) -> f64 {
        match self.of() {
            0 => 0.0,
            of => 100.0 * f64::from(self.points()) / f64::from(of),
        }
    }
}

/// A message that a page can hold, without the characters by which terminals are steered.
pub fn shortened(message: &str) -> String {
    let plain = message.chars().filter(|&c| c == '\n' || c == '\t' || !c.is_control());
    let mut text: String = plain.clone().take(LONGEST_MESSAGE).collect();
    if plain.count() > LONGEST_MESSAGE {
        text.push('…');
    }
    text
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A submission that has some of the points.
    pub fn sample(student: &str, points: &[(u32, u32)]) -> SubmissionScore {
        let exercise = |(index, &(points, of)): (usize, &(u32, u32))| {
            let check = |name: &str, of: u32, passed: bool, message: Option<&str>| CheckScore {
                name: name.into(),
                passed,
                points: if passed { of } else { 0 },
                of,
                message: message.map(str::to_owned),
            };
            ExerciseScore {
                exercise: format!("exercise-{index}"),
                title: format!("Exercise <{index}>"),
                notebook: "01-delayed".into(),
                points,
                of,
                checks: vec![
                    check("What is there", points, true, None),
                    check(
                        "What is not",
                        of - points,
                        of == points,
                        (of > points).then_some("expected: Vec<i64>\ngot: \"3\""),
                    ),
                ],
                reason: None,
            }
        };
        SubmissionScore {
            student: student.into(),
            path: format!("submissions/{student}.ipynb"),
            exercises: points.iter().enumerate().map(exercise).collect(),
            notes: vec![],
            seconds: 1.5,
            cached: false,
        }
    }

    #[test]
    fn points_add_up() {
        let score = sample("ada", &[(1, 3), (2, 2)]);
        assert_eq!((score.points(), score.of()), (3, 5));
        assert!((score.percent() - 60.0).abs() < 1e-9);
        assert!(sample("nobody", &[]).percent().abs() < 1e-9);
    }

    #[test]
    fn messages_are_bounded_and_plain() {
        assert_eq!(shortened("a\u{1b}[31mb\nc"), "a[31mb\nc");
        let long = shortened(&"ä".repeat(LONGEST_MESSAGE + 1));
        assert_eq!(long.chars().count(), LONGEST_MESSAGE + 1);
        assert!(long.ends_with('…'));
    }
}
