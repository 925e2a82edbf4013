//! What was asked: the exercises that are graded, and the course's own notebooks around them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use taskloom_exercises::{Course, Exercise};

use super::submission::{Kind, Paper, PaperCell};
use crate::session::cell::outline;

/// What a class was asked to do.
pub struct Assignment {
    /// In the order in which notebooks ask them.
    pub exercises: Vec<Asked>,
    /// The code cells of the course's notebooks, by the notebook's name without its ending.
    pub notebooks: BTreeMap<String, Vec<CourseCell>>,
}

/// An exercise that is graded.
#[derive(Clone)]
pub struct Asked {
    /// As its author wrote it.
    pub exercise: Exercise,
    /// An answer of the author's, where the course has it.
    pub solution: Option<String>,
    /// The functions and types that an answer makes: those of the starter and of the solution.
    pub items: BTreeSet<String>,
}

/// A code cell of the course's own.
#[derive(Debug, Clone, PartialEq)]
pub struct CourseCell {
    /// As Jupyter knows it.
    pub id: String,
    /// What is in it.
    pub source: String,
    /// The exercise whose answer goes there.
    pub exercise: Option<String>,
}

impl Assignment {
    /// All exercises of the notebooks named; of all notebooks, where none is named.
    ///
    /// # Errors
    /// A sentence about a file of the course, or a name that there is not.
    pub fn of_course(course: &Course, only: &[String]) -> Result<Assignment, String> {
        let mut by_notebook: BTreeMap<String, Vec<Asked>> = BTreeMap::new();
        for id in course.ids().map_err(|error| error.to_string())? {
            let exercise = course.exercise(&id).map_err(|error| error.to_string())?;
            if !only.is_empty() && !only.contains(&exercise.notebook) {
                continue;
            }
            // A course that was handed out has no solutions.
            let solution = course.solution(&id).ok();
            let items =
                defined(&exercise.starter).chain(solution.iter().flat_map(|solution| defined(solution))).collect();
            by_notebook.entry(exercise.notebook.clone()).or_default().push(Asked { exercise, solution, items });
        }
        if let Some(unknown) = only.iter().find(|name| !by_notebook.contains_key(*name)) {
            return Err(format!("no exercise belongs to a notebook `{unknown}`"));
        }
        let mut assignment = Assignment { exercises: Vec::new(), notebooks: BTreeMap::new() };
        for (name, mut asked) in by_notebook {
            let path = course.root().join("notebooks").join(format!("{name}.ipynb"));
            let text =
                std::fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
            let cells = course_cells(&text).map_err(|reason| format!("{}: {reason}", path.display()))?;
            let place = |asked: &Asked| {
                let is_its = |cell: &CourseCell| cell.exercise.as_ref() == Some(&asked.exercise.id);
                cells.iter().position(is_its).unwrap_or(usize::MAX)
            };
            asked.sort_by_key(place);
            assignment.exercises.extend(asked);
            assignment.notebooks.insert(name, cells);
        }
        if assignment.exercises.is_empty() {
            return Err(format!("{} has no exercises", course.root().display()));
        }
        Ok(assignment)
    }

    /// One of the exercises.
    pub fn exercise(&self, id: &str) -> Option<&Asked> {
        self.exercises.iter().find(|asked| asked.exercise.id == id)
    }

    /// What would be handed in by somebody who knows the answers, and by somebody who has done nothing.
    pub fn rehearsals(&self, notebook: &str) -> Vec<Paper> {
        let of_all = |answer: &dyn Fn(&Asked) -> Option<String>| {
            let cells = self.notebooks.get(notebook)?.iter().map(|cell| {
                let asked = cell.exercise.as_deref().and_then(|id| self.exercise(id));
                Some(match asked {
                    Some(asked) => PaperCell { kind: Kind::Answer(asked.exercise.id.clone()), source: answer(asked)? },
                    None => PaperCell { kind: Kind::Given, source: cell.source.clone() },
                })
            });
            Some(Paper { notebook: notebook.to_owned(), cells: cells.collect::<Option<_>>()? })
        };
        let solved = of_all(&|asked| asked.solution.clone());
        let as_given = of_all(&|asked| Some(asked.exercise.starter.clone()));
        solved.into_iter().chain(as_given).collect()
    }

    /// The same with the exercises of some notebooks only.
    pub fn narrowed(mut self, notebooks: &BTreeSet<String>) -> Assignment {
        self.exercises.retain(|asked| notebooks.contains(&asked.exercise.notebook));
        self.notebooks.retain(|name, _| notebooks.contains(name));
        self
    }
}

fn defined(code: &str) -> impl Iterator<Item = String> {
    outline(code).units.into_iter().flat_map(|unit| unit.names)
}

fn course_cells(text: &str) -> Result<Vec<CourseCell>, String> {
    let notebook: Value = serde_json::from_str(text).map_err(|error| format!("this is no notebook: {error}"))?;
    let cells = notebook["cells"].as_array().ok_or("this notebook has no cells")?;
    let code = cells.iter().filter(|cell| cell["cell_type"] == "code");
    Ok(code
        .map(|cell| CourseCell {
            id: cell["id"].as_str().unwrap_or_default().to_owned(),
            source: super::submission::source_of(cell),
            exercise: cell["metadata"]["taskloom"]["exercise"].as_str().map(str::to_owned),
        })
        .collect())
}

#[cfg(test)]
pub mod tests {
    use std::path::Path;

    use super::*;

    /// This repository's own course.
    pub fn own() -> Assignment {
        let course = Course::find(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("the course");
        Assignment::of_course(&course, &["01-delayed".to_owned()]).expect("the assignment")
    }

    #[test]
    fn exercises_are_in_the_order_of_their_notebook() {
        let assignment = own();
        let ids: Vec<&str> = assignment.exercises.iter().map(|asked| asked.exercise.id.as_str()).collect();
        assert_eq!(ids[..3], ["delayed-loop", "delayed-control-flow", "delayed-etl"]);
        assert!(assignment.notebooks["01-delayed"].iter().any(|cell| cell.id == "flights-files"));
    }

    #[test]
    fn rehearsals_have_the_courses_answers_among_its_cells() {
        let assignment = own();
        let rehearsals = assignment.rehearsals("01-delayed");
        let [solved, as_given] = &rehearsals[..] else { panic!("there are two") };
        assert_eq!(solved.cells.len(), assignment.notebooks["01-delayed"].len());
        let answer = |paper: &Paper| {
            let is_it = |cell: &&PaperCell| cell.kind == Kind::Answer("delayed-loop".to_owned());
            paper.cells.iter().find(is_it).map(|cell| cell.source.clone()).expect("an answer")
        };
        assert!(answer(solved).contains("delayed!(inc(x))") && !answer(as_given).contains("delayed!"));
        assert!(assignment.rehearsals("99-none").is_empty());
    }

    #[test]
    fn a_notebook_that_is_not_there_is_named() {
        let course = Course::find(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("the course");
        let refused = Assignment::of_course(&course, &["99-none".to_owned()]).err().expect("refused");
        assert!(refused.contains("99-none"), "{refused}");
    }
}
