//! How an exercise went, for a person and for a program.

use serde::Serialize;
use serde_json::{Value, json};

use crate::Check;

/// The MIME type of a whole report.
pub const CHECK_REPORT: &str = "application/vnd.taskloom.check+json";

/// How one check went.
#[derive(Debug, Clone, Serialize, PartialEq)]
pub struct CheckOutcome {
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

impl CheckOutcome {
    pub(crate) fn passed(check: &Check) -> Self {
        CheckOutcome { name: check.name.clone(), passed: true, points: check.points, of: check.points, message: None }
    }

    pub(crate) fn failed(check: &Check, message: &str) -> Self {
        CheckOutcome {
            name: check.name.clone(),
            passed: false,
            points: 0,
            of: check.points,
            message: Some(message.into()),
        }
    }
}

/// How an exercise went.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The exercise's name.
    pub exercise: String,
    /// What a person calls it.
    pub title: String,
    /// How many hints there are.
    pub hints: usize,
    /// All checks, in order.
    pub checks: Vec<CheckOutcome>,
}

impl Report {
    /// Points earned.
    pub fn points(&self) -> u32 {
        self.checks.iter().map(|check| check.points).sum()
    }

    /// Points there are.
    pub fn of(&self) -> u32 {
        self.checks.iter().map(|check| check.of).sum()
    }

    /// Whether every check passed.
    pub fn has_passed(&self) -> bool {
        self.checks.iter().all(|check| check.passed)
    }

    fn headline(&self) -> String {
        let verdict = if self.has_passed() { "passed" } else { "not yet" };
        format!("{}: {verdict}, {} of {} points", self.title, self.points(), self.of())
    }

    fn next_step(&self) -> Option<String> {
        match (self.has_passed(), self.hints) {
            (true, _) => Some(format!("Compare with another answer: %solution {}", self.exercise)),
            (false, 0) => None,
            (false, _) => Some(format!("Stuck? %hint {}", self.exercise)),
        }
    }

    /// For a terminal.
    pub fn text(&self) -> String {
        let mut text = self.outcome();
        if let Some(step) = self.next_step() {
            text.push_str(&format!("\n{step}"));
        }
        text
    }

    /// For a terminal, without what to do next, which is a magic.
    pub fn outcome(&self) -> String {
        let mut text = self.headline();
        for check in &self.checks {
            let mark = if check.passed { "✓" } else { "✗" };
            text.push_str(&format!("\n  {mark} {} ({}/{})", check.name, check.points, check.of));
            for line in check.message.iter().flat_map(|message| message.lines()) {
                text.push_str(&format!("\n      {line}"));
            }
        }
        text
    }

    /// For a notebook.
    pub fn html(&self) -> String {
        let colour = if self.has_passed() { "#1b7f4b" } else { "#b35900" };
        let mut html = format!(
            "<div class=\"taskloom-check\" style=\"border-left:4px solid {colour};padding:.4em .8em\"><b style=\"color:{colour}\">{}</b>\
             <ul style=\"list-style:none;padding-left:.2em;margin:.4em 0\">",
            escape(&self.headline())
        );
        for check in &self.checks {
            let (mark, colour) = if check.passed { ("✓", "#1b7f4b") } else { ("✗", "#b35900") };
            html.push_str(&format!(
                "<li><span style=\"color:{colour}\">{mark}</span> {} <small>({}/{})</small>",
                escape(&check.name),
                check.points,
                check.of
            ));
            if let Some(message) = &check.message {
                html.push_str(&format!(
                    "<div style=\"margin:.2em 0 .4em 1.4em;white-space:pre-wrap\">{}</div>",
                    escape(message)
                ));
            }
            html.push_str("</li>");
        }
        html.push_str("</ul>");
        if let Some(step) = self.next_step() {
            html.push_str(&format!("<small>{}</small>", escape(&step)));
        }
        html.push_str("</div>");
        html
    }

    /// For a program, under [`CHECK_REPORT`].
    pub fn json(&self) -> Value {
        json!({
            "exercise": self.exercise,
            "title": self.title,
            "passed": self.has_passed(),
            "points": self.points(),
            "of": self.of(),
            "checks": self.checks,
        })
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_what_was_missed_and_escapes_it() {
        let check = Check { name: "The total".into(), points: 2, body: String::new() };
        let report = Report {
            exercise: "loop".into(),
            title: "A loop".into(),
            hints: 2,
            checks: vec![CheckOutcome::passed(&check), CheckOutcome::failed(&check, "expected: Vec<i64>\ngot: 3")],
        };
        assert!(report.text().contains("✗ The total (0/2)\n      expected: Vec<i64>\n      got: 3"));
        assert!(report.text().ends_with("Stuck? %hint loop"));
        assert!(report.html().contains("Vec&lt;i64&gt;"));
        assert_eq!(report.json()["points"], 2);
        assert_eq!(report.json()["passed"], false);
    }
}
