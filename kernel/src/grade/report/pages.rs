//! For people: a page of feedback for each student, and one for who teaches the class.
//!
//! A page is one file without scripts: it can be mailed, and what a student wrote in a name is only text.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::Grades;
use super::files::exercises;
use crate::grade::{ExerciseScore, SubmissionScore};
use crate::html::escape;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1d2733}\
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem}table{border-collapse:collapse;margin:1rem 0}\
th,td{padding:.25rem .75rem;text-align:right;border-bottom:1px solid #d8dee6}th:first-child,td:first-child,.text{text-align:left}\
.right{color:#1b7f4b}.wrong{color:#a33b00}pre{white-space:pre-wrap;background:#f5f7fa;padding:.5rem .75rem;margin:.25rem 0 .75rem;border-left:4px solid #b35900}\
ul{list-style:none;padding-left:.5rem}.bar{background:#e4e8ee;height:.8rem;width:12rem}.bar div{background:#3b6fb6;height:100%}\
small{color:#5a6675}a{color:#2a5d9f}@media(prefers-color-scheme:dark){body{background:#12171d;color:#dfe6ee}pre{background:#1c232b}\
th,td{border-color:#333d48}.right{color:#54c58a}.wrong{color:#f0955a}a{color:#8db8ee}small{color:#9aa7b5}}";

fn page(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n{body}</body></html>\n"
    )
}

/// A file for each student; no two are alike, on file systems that take `A` for `a` too.
pub fn file_names(scores: &[SubmissionScore]) -> Vec<String> {
    const LONGEST: usize = 80;
    let mut taken = BTreeSet::new();
    let mut name_of = |score: &SubmissionScore| {
        let plain = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' };
        let stem: String = score.student.chars().map(plain).take(LONGEST).collect();
        let mut number = 1;
        loop {
            let name = if number == 1 { format!("{stem}.html") } else { format!("{stem}-{number}.html") };
            if taken.insert(name.to_lowercase()) {
                return name;
            }
            number += 1;
        }
    };
    scores.iter().map(&mut name_of).collect()
}

/// What one student gets to read.
pub fn student(grades: &Grades, score: &SubmissionScore) -> String {
    let mut body = format!(
        "<p><b>{} of {} points</b> ({:.0} %) · {}</p>\n",
        score.points(),
        score.of(),
        score.percent(),
        escape(grades.title)
    );
    for note in &score.notes {
        let _ = writeln!(body, "<pre>{}</pre>", escape(note));
    }
    for exercise in &score.exercises {
        let class = if exercise.is_full() { "right" } else { "wrong" };
        let _ = writeln!(
            body,
            "<h2>{} <span class=\"{class}\">{}/{}</span> <small>{}</small></h2>",
            escape(&exercise.title),
            exercise.points,
            exercise.of,
            escape(&exercise.exercise)
        );
        if let Some(reason) = &exercise.reason {
            let _ = writeln!(body, "<pre>{}</pre>", escape(reason));
        }
        body.push_str("<ul>\n");
        for check in &exercise.checks {
            let (mark, class) = if check.passed { ("✓", "right") } else { ("✗", "wrong") };
            let _ = write!(
                body,
                "<li><span class=\"{class}\">{mark}</span> {} <small>{}/{}</small>",
                escape(&check.name),
                check.points,
                check.of
            );
            if let Some(message) = &check.message {
                let _ = write!(body, "<pre>{}</pre>", escape(message));
            }
            body.push_str("</li>\n");
        }
        body.push_str("</ul>\n");
    }
    page(&escape(&score.student), &body)
}

/// What who teaches the class gets to read: where it struggled, and everybody's points.
pub fn class(grades: &Grades, names: &[String]) -> String {
    let scores = grades.scores;
    let asked = exercises(scores);
    let mut body = String::new();
    let percents: Vec<f64> = scores.iter().map(SubmissionScore::percent).collect();
    let _ =
        writeln!(body, "<p>{} submissions; half of them have {:.0} % or more.</p>", scores.len(), median(&percents));
    body.push_str("<h2>Where the class struggled</h2>\n<table><tr><th>exercise</th><th class=\"text\">points that were earned</th><th>passed</th><th class=\"text\">the check that most missed</th></tr>\n");
    let mut rows: Vec<(f64, String)> = asked.iter().map(|(id, _)| struggle(id, scores)).collect();
    rows.sort_by(|left, right| left.0.total_cmp(&right.0));
    for (_, row) in rows {
        body.push_str(&row);
    }
    body.push_str("</table>\n<h2>Everybody</h2>\n<table><tr><th>student</th>");
    for (id, exercise) in &asked {
        let _ = write!(body, "<th title=\"{}\">{}</th>", escape(&exercise.title), escape(id));
    }
    body.push_str("<th>points</th><th>%</th><th class=\"text\">notes</th></tr>\n");
    for (score, name) in scores.iter().zip(names) {
        let _ = write!(body, "<tr><td><a href=\"feedback/{}\">{}</a></td>", escape(name), escape(&score.student));
        for (id, _) in &asked {
            match score.exercises.iter().find(|own| own.exercise == *id) {
                None => body.push_str("<td>–</td>"),
                Some(own) => {
                    let class = if own.is_full() { "right" } else { "wrong" };
                    let _ = write!(body, "<td class=\"{class}\">{}/{}</td>", own.points, own.of);
                }
            }
        }
        let _ = writeln!(
            body,
            "<td>{}/{}</td><td>{:.0}</td><td class=\"text\"><small>{}</small></td></tr>",
            score.points(),
            score.of(),
            score.percent(),
            escape(&score.notes.join("; "))
        );
    }
    body.push_str("</table>\n<h2>How they were run</h2>\n");
    let list = |names: &[String]| names.iter().map(|name| escape(name)).collect::<Vec<_>>().join(", ");
    if !grades.protections.there.is_empty() {
        let _ = writeln!(body, "<p>Each submission was confined by: {}.</p>", list(&grades.protections.there));
    }
    if !grades.protections.missing.is_empty() {
        let _ = writeln!(body, "<p class=\"wrong\">Not available here: {}.</p>", list(&grades.protections.missing));
    }
    page(&escape(grades.title), &body)
}

/// How an exercise went in the class: the part of its points that was earned, and a row of the table.
fn struggle(id: &str, scores: &[SubmissionScore]) -> (f64, String) {
    let all: Vec<&ExerciseScore> =
        scores.iter().flat_map(|score| &score.exercises).filter(|own| own.exercise == id).collect();
    let sum = |number: fn(&ExerciseScore) -> u32| all.iter().map(|own| f64::from(number(own))).sum::<f64>();
    let part = sum(|own| own.points) / sum(|own| own.of).max(1.0);
    let passed = all.iter().filter(|own| own.is_full()).count();
    let checks = all.first().map_or(0, |own| own.checks.len());
    let missed =
        |index: usize| all.iter().filter(|own| own.checks.get(index).is_some_and(|check| !check.passed)).count();
    // Of those that as many missed, the first: the others often follow from it.
    let worst = (0..checks).rev().max_by_key(|&index| missed(index)).filter(|&index| missed(index) > 0);
    let worst = worst.map(|index| format!("{} <small>({})</small>", escape(&all[0].checks[index].name), missed(index)));
    let row = format!(
        "<tr><td>{}</td><td class=\"text\"><div class=\"bar\" title=\"{:.0} %\"><div style=\"width:{:.0}%\"></div></div></td>\
         <td>{passed}/{}</td><td class=\"text\">{}</td></tr>\n",
        escape(id),
        100.0 * part,
        100.0 * part,
        all.len(),
        worst.unwrap_or_default()
    );
    (part, row)
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        length if length % 2 == 1 => sorted[length / 2],
        length => (sorted[length / 2 - 1] + sorted[length / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::confine::Protections;
    use crate::grade::score::tests::sample;

    #[test]
    fn feedback_says_what_was_missed_and_escapes_it() {
        let mut scores = [sample("<script>", &[(1, 3)])];
        scores[0].exercises[0].reason = Some("it printed <too> much".into());
        let grades = Grades { title: "A & B", scores: &scores, protections: &Protections::default() };
        let text = student(&grades, &scores[0]);
        assert!(text.contains("<h1>&lt;script&gt;</h1>") && !text.contains("<script"), "{text}");
        assert!(text.contains("<b>1 of 3 points</b>") && text.contains("A &amp; B"));
        assert!(text.contains("Vec&lt;i64&gt;") && text.contains("&lt;too&gt;"));
    }

    #[test]
    fn the_class_page_begins_with_what_was_hardest() {
        let scores = [sample("ada", &[(2, 2), (1, 3)]), sample("eve", &[(1, 2), (0, 3)])];
        let protections = Protections { there: vec!["Landlock 7".into()], missing: vec!["seccomp (no)".into()] };
        let grades = Grades { title: "x", scores: &scores, protections: &protections };
        let text = class(&grades, &file_names(&scores));
        let place = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what} is not in {text}"));
        assert!(place("<td>exercise-1</td>") < place("<td>exercise-0</td>"));
        assert!(text.contains("What is not <small>(2)</small>"), "{text}");
        assert!(text.contains("href=\"feedback/ada.html\"") && text.contains("seccomp (no)"));
    }

    #[test]
    fn every_student_has_a_file() {
        let scores = ["a/b", "a b", "A-B", "../../etc/passwd"].map(|name| sample(name, &[]));
        assert_eq!(file_names(&scores), ["a-b.html", "a-b-2.html", "A-B-3.html", "------etc-passwd.html"]);
    }
}
