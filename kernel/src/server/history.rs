//! The cells of this session, as clients ask for them.

use serde::Deserialize;
use serde_json::{Value, json};

/// What a client asks of the history.
#[derive(Debug, Deserialize)]
pub struct Asked {
    #[serde(default)]
    output: bool,
    hist_access_type: Access,
    session: Option<i64>,
    start: Option<i64>,
    stop: Option<i64>,
    n: Option<i64>,
    pattern: Option<String>,
    unique: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Access {
    Tail,
    Range,
    Search,
}

/// The number that this session has among those that are kept.
const SESSION: i64 = 1;

/// The entries that are asked for, oldest first.
pub fn answer(asked: &Asked, cells: &[(u32, String)]) -> Value {
    let most = asked.n.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(0));
    let mut found: Vec<&(u32, String)> = match asked.hist_access_type {
        Access::Tail => cells.iter().rev().take(most).collect(),
        Access::Range => {
            // 0 is the session that asks, and so is its own number; of others nothing is kept.
            let here = matches!(asked.session, None | Some(0 | SESSION));
            let (start, stop) = (asked.start.unwrap_or(0), asked.stop.unwrap_or(i64::MAX));
            let wanted = |number: u32| here && (start..stop).contains(&i64::from(number));
            cells.iter().rev().filter(|(number, _)| wanted(*number)).collect()
        }
        Access::Search => {
            let pattern = asked.pattern.as_deref().unwrap_or("*");
            let mut seen = std::collections::HashSet::new();
            let matching = cells.iter().rev().filter(|(_, code)| matches_glob(pattern, code));
            let new = matching.filter(|(_, code)| asked.unique != Some(true) || seen.insert(code.as_str()));
            new.take(most).collect()
        }
    };
    found.reverse();
    let entry = |(number, code): &(u32, String)| match asked.output {
        // Outputs are not kept, which the protocol allows.
        true => json!([SESSION, number, [code, null]]),
        false => json!([SESSION, number, code]),
    };
    json!({"status": "ok", "history": found.into_iter().map(entry).collect::<Vec<_>>()})
}

/// `*` stands for anything, `?` for one character.
fn matches_glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == '?' || pattern[p] == text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            (p, t) = (at + 1, from + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_is_searched_as_in_ipython() {
        assert!(matches_glob("let*x", "let y = x"));
        assert!(matches_glob("*sum*", "a.sum()"));
        assert!(matches_glob("a?c", "abc"));
        assert!(!matches_glob("a?c", "abbc"));
        assert!(!matches_glob("x", "xy"));
    }

    #[test]
    fn the_three_ways_to_ask() {
        let cells: Vec<(u32, String)> = [(1, "a"), (2, "b"), (3, "a"), (4, "c")].map(|(n, c)| (n, c.to_owned())).into();
        let numbers = |asked: Value| {
            let answer = answer(&serde_json::from_value(asked).unwrap(), &cells);
            answer["history"].as_array().unwrap().iter().map(|entry| entry[1].as_u64().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(numbers(json!({"hist_access_type": "tail", "n": 2})), [3, 4]);
        assert_eq!(numbers(json!({"hist_access_type": "range", "session": 0, "start": 2, "stop": 4})), [2, 3]);
        assert_eq!(numbers(json!({"hist_access_type": "range", "session": 7, "start": 1})), [0u64; 0]);
        assert_eq!(numbers(json!({"hist_access_type": "search", "pattern": "a"})), [1, 3]);
        assert_eq!(numbers(json!({"hist_access_type": "search", "pattern": "a", "unique": true})), [3]);
        assert_eq!(numbers(json!({"hist_access_type": "search", "n": -1})), [0u64; 0]);
    }
}
