//! Patterns of names.

/// Whether a text is a pattern.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

/// A pattern of one name.
#[derive(Debug)]
pub(super) struct Pattern {
    /// One of them has to match.
    forms: Vec<Vec<Part>>,
}

#[derive(Debug, Clone)]
enum Part {
    Any,
    One,
    Is(char),
    Among { ranges: Vec<(char, char)>, not: bool },
}

/// `{a,b}{c,d}` has four forms; no pattern has more than so many.
const MOST_FORMS: usize = 1024;

impl Pattern {
    pub(super) fn new(text: &str) -> Pattern {
        let mut forms = Vec::new();
        expand(text, &mut forms);
        Pattern { forms: forms.iter().map(|form| parts(form)).collect() }
    }

    pub(super) fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        self.forms.iter().any(|form| matches(form, &name))
    }
}

/// The texts that braces stand for.
fn expand(text: &str, forms: &mut Vec<String>) {
    let alternatives = text.find('{').and_then(|open| {
        let mut depth = 0;
        let close = text[open..].char_indices().find(|&(_, character)| {
            depth += i32::from(character == '{') - i32::from(character == '}');
            depth == 0
        });
        close.map(|(close, _)| (open, open + close))
    });
    let Some((open, close)) = alternatives.filter(|_| forms.len() < MOST_FORMS) else {
        forms.push(text.to_owned());
        return;
    };
    let (mut depth, mut start) = (0, open + 1);
    for (at, character) in text[..close].char_indices().skip_while(|(at, _)| *at <= open).chain([(close, ',')]) {
        depth += i32::from(character == '{') - i32::from(character == '}');
        if character == ',' && depth == 0 {
            expand(&format!("{}{}{}", &text[..open], &text[start..at], &text[close + 1..]), forms);
            start = at + 1;
        }
    }
}

fn parts(form: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut left = form.chars();
    while let Some(character) = left.next() {
        match character {
            '*' if matches!(parts.last(), Some(Part::Any)) => {}
            '*' => parts.push(Part::Any),
            '?' => parts.push(Part::One),
            '[' => match among(left.as_str()) {
                Some((part, rest)) => {
                    parts.push(part);
                    left = rest.chars();
                }
                None => parts.push(Part::Is('[')),
            },
            other => parts.push(Part::Is(other)),
        }
    }
    parts
}

/// `a-z]…`, and what follows.
fn among(text: &str) -> Option<(Part, &str)> {
    let not = text.starts_with(['!', '^']);
    let inner = if not { &text[1..] } else { text };
    // A bracket that comes first is one of them.
    let close = inner.char_indices().skip(1).find(|&(_, character)| character == ']')?.0;
    let characters: Vec<char> = inner[..close].chars().collect();
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < characters.len() {
        if at + 2 < characters.len() && characters[at + 1] == '-' {
            ranges.push((characters[at], characters[at + 2]));
            at += 3;
        } else {
            ranges.push((characters[at], characters[at]));
            at += 1;
        }
    }
    Some((Part::Among { ranges, not }, &inner[close + 1..]))
}

fn matches(parts: &[Part], name: &[char]) -> bool {
    // Where to go on when the last star has to stand for one more.
    let (mut part, mut at) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at < name.len() || part < parts.len() {
        let fits = match (parts.get(part), name.get(at)) {
            (Some(Part::Any), _) => {
                star = Some((part, at));
                part += 1;
                continue;
            }
            (Some(Part::One), Some(_)) => true,
            (Some(Part::Is(wanted)), Some(found)) => wanted == found,
            (Some(Part::Among { ranges, not }), Some(found)) => {
                ranges.iter().any(|(from, to)| from <= found && found <= to) != *not
            }
            _ => false,
        };
        if fits {
            (part, at) = (part + 1, at + 1);
            continue;
        }
        match star {
            Some((place, taken)) if taken < name.len() => {
                star = Some((place, taken + 1));
                (part, at) = (place + 1, taken + 1);
            }
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_names() {
        let cases = [
            ("*.csv", "a.csv", true),
            ("*.csv", "a.csv.gz", false),
            ("a*b*c", "aXbXbc", true),
            ("a*b*c", "aXbXb", false),
            ("?.csv", "é.csv", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]]x", "]x", true),
            ("[x", "[x", true),
            ("{a,b}.c", "b.c", true),
            ("{a,b{1,2}}", "b2", true),
            ("{a,b{1,2}}", "b", false),
            ("{a", "{a", true),
            ("*", "", true),
            ("a{,b}", "a", true),
            ("**", "abc", true),
            ("2015-0[1-3]*", "2015-02-01.csv", true),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(Pattern::new(pattern).matches(name), expected, "{pattern} {name}");
        }
    }
}
