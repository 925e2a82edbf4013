//! Names of files: in which order they come, and how they are told to a person.

use std::cmp::Ordering;
use std::fmt::Display;

use crate::similar::most_similar;

/// Names, the nearest first: at most a few.
pub(super) fn near(wanted: &str, names: &[String]) -> String {
    const MOST: usize = 5;
    let mut names: Vec<&String> = names.iter().filter(|name| !name.starts_with('.')).collect();
    names.sort_by(|one, other| natural(one, other));
    let nearest = most_similar(wanted, names.iter().copied(), |name| name.as_str()).map(|name| name.as_str());
    if let Some(nearest) = nearest {
        let others = names.len() - 1;
        return match others {
            0 => format!("`{nearest}`"),
            _ => format!("`{nearest}` and {others} more"),
        };
    }
    match names.len() {
        0 => "nothing".to_owned(),
        count => {
            let shown: Vec<String> = names.iter().take(MOST).map(|name| format!("`{name}`")).collect();
            let more = if count > MOST { format!(" and {} more", count - MOST) } else { String::new() };
            format!("{}{more}", shown.join(", "))
        }
    }
}

/// By name, with numbers in names by value: `part-2` before `part-10`.
pub(crate) fn natural(one: &str, other: &str) -> Ordering {
    fn number(text: &str) -> (&str, &str) {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        text.split_at(digits)
    }
    let (mut left, mut right) = (one, other);
    loop {
        let ((a, rest_a), (b, rest_b)) = (number(left), number(right));
        if !a.is_empty() && !b.is_empty() {
            let (short_a, short_b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
            match short_a.len().cmp(&short_b.len()).then_with(|| short_a.cmp(short_b)) {
                Ordering::Equal => (left, right) = (rest_a, rest_b),
                order => return order,
            }
            continue;
        }
        let (mut next, mut others) = (left.chars(), right.chars());
        match (next.next(), others.next()) {
            (Some(a), Some(b)) if a == b => (left, right) = (next.as_str(), others.as_str()),
            (Some(a), Some(b)) => return a.cmp(&b),
            (None, None) => return one.cmp(other),
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
        }
    }
}

/// What files are called: by the first of them.
pub(super) fn named(first: &impl Display, count: usize) -> String {
    match count {
        0 | 1 => first.to_string(),
        count => format!("{first} and {} more files", count - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_count_by_value() {
        let mut names = ["part-10", "part-2", "part-1", "part-02", "a", "part-2b"];
        names.sort_by(|one, other| natural(one, other));
        assert_eq!(names, ["a", "part-1", "part-02", "part-2", "part-2b", "part-10"]);
    }
}
