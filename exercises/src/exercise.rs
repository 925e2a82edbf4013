//! One exercise: `exercise.toml`, `starter.rs` and `check.rs`.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use crate::CourseError;
use crate::course::read;

/// An exercise as its author wrote it.
#[derive(Debug, Clone)]
pub struct Exercise {
    /// Its name, which is also its folder's.
    pub id: String,
    /// What a person calls it.
    pub title: String,
    /// The notebook it belongs to, without the ending.
    pub notebook: String,
    /// What all its checks are worth.
    pub points: u32,
    /// For all checks together.
    pub time_limit: Duration,
    /// From a nudge to nearly the answer.
    pub hints: Vec<String>,
    /// What the notebook's cell holds at first.
    pub starter: String,
    /// Items that all checks may use.
    pub preamble: String,
    /// The checks, in order.
    pub checks: Vec<Check>,
}

/// One thing that is checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// What a right answer does, as a sentence.
    pub name: String,
    /// What it is worth.
    pub points: u32,
    /// A block of Rust, braces included.
    pub body: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    id: String,
    title: String,
    notebook: String,
    points: u32,
    time_limit: u64,
    hints: Vec<String>,
}

impl Exercise {
    pub(crate) fn read(folder: &Path) -> Result<Exercise, CourseError> {
        let path = folder.join("exercise.toml");
        let malformed = |reason: String| CourseError::Malformed { path: path.clone(), reason };
        let manifest: Manifest = toml::from_str(&read(&path)?).map_err(|error| malformed(error.to_string()))?;
        let checks_path = folder.join("check.rs");
        let (preamble, checks) = parse_checks(&read(&checks_path)?)
            .map_err(|reason| CourseError::Malformed { path: checks_path.clone(), reason })?;
        let sum: u32 = checks.iter().map(|check| check.points).sum();
        if folder.file_name().and_then(|name| name.to_str()) != Some(&manifest.id) {
            return Err(malformed(format!("id = \"{}\" is not the name of the folder", manifest.id)));
        }
        if sum != manifest.points {
            return Err(malformed(format!("points = {}, but the checks add up to {sum}", manifest.points)));
        }
        Ok(Exercise {
            id: manifest.id,
            title: manifest.title,
            notebook: manifest.notebook,
            points: manifest.points,
            time_limit: Duration::from_secs(manifest.time_limit),
            hints: manifest.hints,
            starter: read(&folder.join("starter.rs"))?,
            preamble,
            checks,
        })
    }
}

/// What a check begins with, in the first column.
const OPENING: &str = "check!(";
/// What it ends with, in the first column, or at the end of its only line.
const CLOSING: &str = "});";

/// Splits `check.rs` into what comes before the first check, and the checks.
fn parse_checks(text: &str) -> Result<(String, Vec<Check>), String> {
    let mut preamble = String::new();
    let mut checks = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if !line.starts_with(OPENING) {
            if checks.is_empty() {
                preamble.push_str(line);
                preamble.push('\n');
            } else if !line.trim().is_empty() && !line.trim_start().starts_with("//") {
                return Err(format!("line {}: only checks may follow the first check", number + 1));
            }
            continue;
        }
        let mut source = line.to_owned();
        let mut closed = line.trim_end().ends_with(CLOSING);
        while !closed {
            let Some((_, line)) = lines.next() else {
                return Err(format!("line {}: this check has no `{CLOSING}` in the first column", number + 1));
            };
            source.push('\n');
            source.push_str(line);
            closed = line.trim_end() == CLOSING;
        }
        checks.push(parse_check(&source).map_err(|reason| format!("line {}: {reason}", number + 1))?);
    }
    if checks.is_empty() {
        return Err(
            "there is no check; one looks like check!(\"The total is right\", 1, { ensure!(total == 3, \"…\"); });"
                .into(),
        );
    }
    Ok((preamble, checks))
}

fn parse_check(source: &str) -> Result<Check, String> {
    let expected = "a check is check!(\"a sentence\", points, { … });";
    let rest = source.strip_prefix(OPENING).ok_or(expected)?.trim_start().strip_prefix('"').ok_or(expected)?;
    let end = rest.find('"').ok_or(expected)?;
    let (name, rest) = (&rest[..end], &rest[end + 1..]);
    let (points, body) = rest.trim_start().strip_prefix(',').and_then(|rest| rest.split_once(',')).ok_or(expected)?;
    let points = points.trim().parse().map_err(|_| format!("`{}` is not a number of points", points.trim()))?;
    let body = body.trim().strip_suffix(");").ok_or(expected)?.trim();
    if !(body.starts_with('{') && body.ends_with('}')) {
        return Err(expected.into());
    }
    Ok(Check { name: name.to_owned(), points, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_checks_is_split() {
        let text = "use std::fmt;\n\ncheck!(\"It adds, up\", 2, {\n    ensure!(x == 1, \"no\");\n});\n\n// more\ncheck!(\"One line\", 1, { ensure!(true, \"\"); });\n";
        let (preamble, checks) = parse_checks(text).expect("parsed");
        assert_eq!(preamble.trim(), "use std::fmt;");
        assert_eq!(checks.len(), 2);
        assert_eq!((checks[0].name.as_str(), checks[0].points), ("It adds, up", 2));
        assert_eq!(checks[0].body, "{\n    ensure!(x == 1, \"no\");\n}");
        assert_eq!(checks[1].body, "{ ensure!(true, \"\"); }");
    }

    #[test]
    fn mistakes_of_authors_are_named_with_their_line() {
        assert!(parse_checks("").unwrap_err().contains("no check"));
        assert!(parse_checks("check!(\"a\", 1, {\n").unwrap_err().starts_with("line 1"));
        assert!(parse_checks("\ncheck!(\"a\", x, { });").unwrap_err().starts_with("line 2: `x`"));
        assert!(parse_checks("check!(\"a\", 1, { });\nlet x = 1;").unwrap_err().starts_with("line 2"));
    }
}
