//! For programs: JSON, CSV for a gradebook, JUnit's XML for whoever runs tests.

use std::fmt::Write as _;

use serde_json::json;

use super::Grades;
use crate::grade::{ExerciseScore, SubmissionScore};

/// Everything.
pub fn json(grades: &Grades) -> String {
    let scores: Vec<_> = grades
        .scores
        .iter()
        .map(|score| {
            let mut value = json!(score);
            value["points"] = json!(score.points());
            value["of"] = json!(score.of());
            value
        })
        .collect();
    let value = json!({
        "title": grades.title,
        "submissions": scores,
        "protections": grades.protections,
    });
    let mut text = serde_json::to_string_pretty(&value).unwrap_or_default();
    text.push('\n');
    text
}

/// A line for each student, a column for each exercise.
pub fn csv(grades: &Grades) -> String {
    let exercises = exercises(grades.scores);
    let mut text = String::from("student");
    for (id, _) in &exercises {
        let _ = write!(text, ",{}", csv_field(id));
    }
    text.push_str(",points,of,percent,notes\n");
    for score in grades.scores {
        text.push_str(&csv_field(&score.student));
        for (id, _) in &exercises {
            let points = score.exercises.iter().find(|exercise| exercise.exercise == *id).map(|own| own.points);
            let _ = write!(text, ",{}", points.map(|points| points.to_string()).unwrap_or_default());
        }
        let notes = csv_field(&score.notes.join("; "));
        let _ = writeln!(text, ",{},{},{:.1},{notes}", score.points(), score.of(), score.percent());
    }
    text
}

/// The exercises that anybody was asked, in order, each with the points it is worth.
pub fn exercises(scores: &[SubmissionScore]) -> Vec<(&str, &ExerciseScore)> {
    let mut exercises: Vec<(&str, &ExerciseScore)> = Vec::new();
    for exercise in scores.iter().flat_map(|score| &score.exercises) {
        if !exercises.iter().any(|(id, _)| *id == exercise.exercise) {
            exercises.push((&exercise.exercise, exercise));
        }
    }
    exercises
}

/// In quotes where it has to be. What a spreadsheet would take for a formula is text: names are the students' own.
fn csv_field(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

/// A suite for each student, a case for each check.
pub fn junit(grades: &Grades) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for score in grades.scores {
        let checks = || score.exercises.iter().flat_map(|exercise| &exercise.checks);
        let failures = checks().filter(|check| !check.passed).count();
        let _ = writeln!(
            text,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"0\" time=\"{:.3}\">",
            xml(&score.student),
            checks().count(),
            score.seconds
        );
        for exercise in &score.exercises {
            for check in &exercise.checks {
                let _ = write!(
                    text,
                    "    <testcase classname=\"{}\" name=\"{}\"",
                    xml(&exercise.exercise),
                    xml(&check.name)
                );
                if check.passed {
                    text.push_str("/>\n");
                    continue;
                }
                let why = check.message.as_deref().or(exercise.reason.as_deref()).unwrap_or("not passed");
                let first = why.lines().next().unwrap_or_default();
                let _ = writeln!(
                    text,
                    ">\n      <failure message=\"{}\">{}</failure>\n    </testcase>",
                    xml(first),
                    xml(why)
                );
            }
        }
        if !score.notes.is_empty() {
            let _ = writeln!(text, "    <system-out>{}</system-out>", xml(&score.notes.join("\n")));
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

/// XML has no way to write most control characters.
fn xml(text: &str) -> String {
    let allowed = |c: &char| matches!(c, '\t' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    crate::html::escape(&text.chars().filter(allowed).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::confine::Protections;
    use crate::grade::score::tests::sample;

    #[test]
    fn a_gradebook_has_a_line_for_each_student() {
        let mut scores = [sample("ada", &[(1, 3), (2, 2)]), sample("=cmd()", &[(0, 3)])];
        scores[1].notes = vec!["a, \"b\"".into()];
        let grades = Grades { title: "x", scores: &scores, protections: &Protections::default() };
        let lines: Vec<String> = csv(&grades).lines().map(str::to_owned).collect();
        assert_eq!(lines[0], "student,exercise-0,exercise-1,points,of,percent,notes");
        assert_eq!(lines[1], "ada,1,2,3,5,60.0,");
        assert_eq!(lines[2], "'=cmd(),0,,0,3,0.0,\"a, \"\"b\"\"\"");
    }

    #[test]
    fn a_suite_counts_its_failures_and_escapes() {
        let mut scores = [sample("<ada>", &[(1, 3)])];
        scores[0].exercises[0].checks[1].message = Some("Vec<i64>\u{1}\u{ffff} & so".into());
        let grades = Grades { title: "x", scores: &scores, protections: &Protections::default() };
        let text = junit(&grades);
        assert!(text.contains("name=\"&lt;ada&gt;\" tests=\"2\" failures=\"1\""), "{text}");
        assert!(text.contains("Vec&lt;i64&gt; &amp; so</failure>"), "{text}");
        let parsed: serde_json::Value = serde_json::from_str(&json(&grades)).expect("JSON");
        assert_eq!(parsed["submissions"][0]["points"], 1);
    }
}
