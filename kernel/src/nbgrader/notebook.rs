//! One notebook, with nbgrader's metadata.

use serde_json::{Value, json};
use taskloom_exercises::Exercise;

use super::{GIVEN, TEST};
use crate::grade::submission::source_of;
use crate::session::cell::outline;

/// The version of nbgrader's metadata that is written here.
const SCHEMA: u32 = 3;

/// What the lines have in them between which nbgrader finds a solution.
const MARKS: [&str; 2] = ["BEGIN SOLUTION", "END SOLUTION"];

/// An exercise, and the answer that its author has for it.
pub struct Solved {
    pub exercise: Exercise,
    pub solution: String,
}

/// Makes the instructor's version of a notebook: solutions in the exercises' cells, a test behind each, and what answers and
/// checks rely on marked as not the student's to change. Outputs go.
///
/// # Errors
/// A sentence about a notebook or an exercise that nbgrader could not take.
pub fn instructors_version(notebook: &Value, exercises: &[Solved]) -> Result<Value, String> {
    let mut notebook = notebook.clone();
    let cells = notebook["cells"].as_array_mut().ok_or("this notebook has no cells")?;
    let mut made = Vec::new();
    let mut open: Option<&Solved> = None;
    let mut seen: Vec<&str> = Vec::new();
    for (number, mut cell) in std::mem::take(cells).into_iter().enumerate() {
        if cell["cell_type"] != "code" {
            made.push(cell);
            continue;
        }
        cell["outputs"] = json!([]);
        cell["execution_count"] = Value::Null;
        let source = source_of(&cell);
        if let Some(exercise) = cell["metadata"]["taskloom"]["exercise"].as_str() {
            made.extend(open.take().map(test_of_its_own));
            let solved = exercises.iter().find(|solved| solved.exercise.id == exercise);
            let solved = solved.ok_or_else(|| format!("a cell names the exercise `{exercise}`, which there is not"))?;
            let id = &solved.exercise.id;
            if !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
                return Err(format!("nbgrader takes letters, digits, - and _ in a name; rename the exercise `{id}`"));
            }
            if seen.contains(&id.as_str()) {
                return Err(format!("two cells have the exercise `{id}`; nbgrader needs one cell for each name"));
            }
            if [&solved.exercise.starter, &solved.solution]
                .iter()
                .any(|text| MARKS.iter().any(|mark| text.contains(mark)))
            {
                return Err(format!(
                    "the starter or the solution of `{id}` says {}, by which nbgrader cuts",
                    MARKS.join(" or ")
                ));
            }
            cell["source"] = answer(&solved.exercise.starter, &solved.solution).into();
            cell["metadata"]["nbgrader"] = mark(id, Role::Answer);
            seen.push(&solved.exercise.id);
            open = Some(solved);
        } else if let Some(solved) = open.take_if(|solved| is_check_of(&source, &solved.exercise.id)) {
            make_test(&mut cell, &solved.exercise);
        } else if defines(&source) {
            let name = cell["id"].as_str().map_or_else(|| number.to_string(), str::to_owned);
            cell["metadata"]["nbgrader"] = mark(&format!("{GIVEN}{name}"), Role::Given);
        }
        made.push(cell);
    }
    made.extend(open.take().map(test_of_its_own));
    *cells = made;
    if let Some(solved) = exercises.iter().find(|solved| !seen.contains(&solved.exercise.id.as_str())) {
        return Err(format!("there is no cell for the exercise `{}`", solved.exercise.id));
    }
    notebook["metadata"]["kernelspec"] =
        json!({"name": "taskloom", "display_name": "Rust (Taskloom)", "language": "rust"});
    Ok(notebook)
}

/// What nbgrader takes a cell for.
enum Role {
    Answer,
    Test(u32),
    Given,
}

fn mark(name: &str, role: Role) -> Value {
    let mut mark = json!({
        "schema_version": SCHEMA,
        "grade_id": name,
        "solution": matches!(role, Role::Answer),
        "grade": matches!(role, Role::Test(_)),
        "locked": !matches!(role, Role::Answer),
        "task": false,
    });
    if let Role::Test(points) = role {
        mark["points"] = points.into();
    }
    mark
}

/// Whether a cell asks for the check of an exercise, and nothing else.
fn is_check_of(source: &str, id: &str) -> bool {
    let mut words = source.split_whitespace();
    words.next() == Some("%check") && words.next().is_none_or(|word| word == id) && words.next().is_none()
}

fn make_test(cell: &mut Value, exercise: &Exercise) {
    cell["source"] = format!("%check -s {}", exercise.id).into();
    cell["metadata"]["nbgrader"] = mark(&format!("{TEST}{}", exercise.id), Role::Test(exercise.points));
}

fn test_of_its_own(solved: &Solved) -> Value {
    let id = format!("{TEST}{}", solved.exercise.id);
    let mut cell = json!({"cell_type": "code", "id": id, "metadata": {}, "outputs": [], "execution_count": null});
    make_test(&mut cell, &solved.exercise);
    cell
}

/// Whether a cell makes something that others use by its name. Such cells are put back when nbgrader grades; others are
/// there to be played with.
fn defines(source: &str) -> bool {
    let outline = outline(source);
    outline.error.is_none() && (!outline.units.is_empty() || !outline.imports.is_empty())
}

/// The cell of an answer: the starter, which stays, and the solution, which nbgrader takes out.
///
/// The starter must not run here, and need not even compile. So it is a text, whose quotes go with the solution.
fn answer(starter: &str, solution: &str) -> String {
    let (starter, solution) = (starter.trim_end(), solution.trim_end());
    let longest = starter.split('"').skip(1).map(|rest| rest.len() - rest.trim_start_matches('#').len()).max();
    let hashes = "#".repeat(longest.map_or(1, |longest| longest + 1));
    format!(
        "// BEGIN SOLUTION\n\
         // Students get what is between the quotes, and neither these lines nor the solution below.\n\
         let _ = r{hashes}\"\n\
         // END SOLUTION\n\
         {starter}\n\
         // BEGIN SOLUTION\n\
         \"{hashes};\n\
         {solution}\n\
         // END SOLUTION"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn solved(id: &str) -> Solved {
        let exercise = Exercise {
            id: id.into(),
            title: "A title".into(),
            notebook: "01".into(),
            points: 3,
            time_limit: std::time::Duration::from_secs(1),
            hints: vec![],
            starter: "let x = 0;\n".into(),
            preamble: String::new(),
            checks: vec![],
        };
        Solved { exercise, solution: "let x = 1;\nx\n".into() }
    }

    fn code(id: &str, exercise: Option<&str>, source: &str) -> Value {
        let metadata = exercise.map_or(json!({}), |id| json!({"taskloom": {"exercise": id}}));
        json!({"cell_type": "code", "id": id, "metadata": metadata, "source": [source], "outputs": [1], "execution_count": 4})
    }

    /// What nbgrader's ClearSolutions leaves of a cell.
    fn cleared(cell: &str) -> String {
        let (mut lines, mut hidden) = (Vec::new(), false);
        for line in cell.lines() {
            if line.contains(MARKS[0]) {
                assert!(!hidden, "nested: {cell}");
                hidden = true;
            } else if line.contains(MARKS[1]) {
                hidden = false;
            } else if !hidden {
                lines.push(line);
            }
        }
        lines.join("\n")
    }

    #[test]
    fn students_get_the_starter_and_instructors_the_solution() {
        for starter in ["let x = 0;", "let x = \"a\";", "let x = r#\"a\"#;", "let p = \"data/*.csv\"; /* x", "let x ="]
        {
            let cell = answer(starter, "let x = 1;\nx");
            assert_eq!(cleared(&cell), starter);
            let outline = outline(&cell);
            assert_eq!(outline.error, None, "{cell}");
            assert_eq!(outline.bound.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["x"], "{cell}");
            assert_eq!(&cell[outline.tail.expect("the solution's value")], "x");
        }
    }

    #[test]
    fn each_exercise_has_one_test_worth_its_points() {
        let notebook = json!({"cells": [
            code("setup", None, "use std::fmt;\nfn f() {}"),
            code("look", None, "f()"),
            code("q1", Some("first"), "let x = 0;"),
            json!({"cell_type": "markdown", "id": "m", "metadata": {}, "source": "words"}),
            code("c1", None, "%check first"),
            code("c2", None, "%check first"),
            code("q2", Some("second"), "let x = 0;"),
            code("q3", Some("third"), "let x = 0;"),
            code("c3", None, "%check"),
        ], "metadata": {}});
        let exercises = [solved("first"), solved("second"), solved("third")];
        let made = instructors_version(&notebook, &exercises).expect("made");
        let cells = made["cells"].as_array().expect("cells");
        let marks: Vec<String> = cells
            .iter()
            .filter(|cell| cell["metadata"]["nbgrader"].is_object())
            .map(|cell| {
                let mark = &cell["metadata"]["nbgrader"];
                format!("{} {} {}", mark["grade_id"].as_str().unwrap_or(""), mark["points"], mark["locked"])
            })
            .collect();
        assert_eq!(
            marks,
            [
                "given-setup null true",
                "first null false",
                "check-first 3 true",
                "second null false",
                "check-second 3 true",
                "third null false",
                "check-third 3 true"
            ]
        );
        assert_eq!(cells[4]["source"], "%check -s first");
        assert_eq!(cells[5]["source"], json!(["%check first"]));
        assert_eq!(cells[7]["id"], "check-second");
        assert!(cells.iter().all(|cell| cell["outputs"] == json!([]) || cell["cell_type"] == "markdown"));
    }

    #[test]
    fn what_nbgrader_could_not_take_is_said() {
        let of = |cells: Value, exercises: &[Solved]| {
            instructors_version(&json!({"cells": cells, "metadata": {}}), exercises).expect_err("refused")
        };
        assert!(of(json!([code("a", Some("none"), "")]), &[]).contains("`none`"));
        assert!(of(json!([code("a", Some("a b"), "")]), &[solved("a b")]).contains("rename"));
        assert!(of(json!([code("a", Some("x"), ""), code("b", Some("x"), "")]), &[solved("x")]).contains("two cells"));
        assert!(of(json!([]), &[solved("x")]).contains("no cell for"));
    }
}
