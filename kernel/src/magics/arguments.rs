//! What stands behind a magic's name, taken apart as IPython does it.

use std::path::PathBuf;

/// A magic as it is written in a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// With its `%` or `%%`.
    pub name: String,
    /// The rest of its line, trimmed.
    pub arguments: String,
    /// The lines below it, for a magic that takes the whole cell.
    pub body: String,
    /// Its line in the cell, from 1.
    pub line: usize,
    /// Characters in front of the arguments.
    pub column: usize,
}

impl Call {
    /// A part of the arguments as a cell of its own in which it stands where it stands in the user's, so that what is
    /// said about it names the right line and column.
    pub fn in_place(&self, part: &str) -> String {
        let before = match part.as_ptr().addr().checked_sub(self.arguments.as_ptr().addr()) {
            Some(at) if at <= self.arguments.len() => self.arguments[..at].chars().count(),
            _ => 0,
        };
        format!("{}{}{part}", "\n".repeat(self.line - 1), " ".repeat(self.column + before))
    }

    /// The lines below as a cell of their own, with the numbers they have in the user's.
    pub fn body_in_place(&self) -> String {
        format!("{}{}", "\n".repeat(self.line), self.body)
    }
}

/// Options, and what comes behind them.
#[derive(Debug, PartialEq)]
pub struct Options<'a> {
    given: Vec<(char, &'a str)>,
    /// What is no option.
    pub rest: &'a str,
}

impl<'a> Options<'a> {
    /// Reads the options at the beginning of a text. `known` is a letter for each, with a `:` behind those that take a
    /// value: `-n 10` or `-n10`. A `--` ends them.
    ///
    /// # Errors
    /// A sentence about an option that is not known or lacks its value.
    pub fn parse(text: &'a str, known: &str) -> Result<Options<'a>, String> {
        let mut given = Vec::new();
        let mut rest = text.trim_start();
        loop {
            let (word, after) = first_word(rest);
            if word == "--" {
                return Ok(Options { given, rest: after });
            }
            let letters = match word.strip_prefix('-') {
                // A number, a parenthesis and so on: an expression with a minus.
                Some(letters) if letters.starts_with(|c: char| c.is_ascii_alphabetic()) => letters,
                _ => return Ok(Options { given, rest }),
            };
            rest = after;
            for (at, letter) in letters.char_indices() {
                let takes_value = match known.find(letter) {
                    Some(place) => known[place..].chars().nth(1) == Some(':'),
                    None => {
                        return Err(format!(
                            "there is no option -{letter}; what begins with a minus and is no option goes behind `--`"
                        ));
                    }
                };
                if !takes_value {
                    given.push((letter, ""));
                    continue;
                }
                let attached = &word[1 + at + letter.len_utf8()..];
                let value = if attached.is_empty() {
                    let (value, after) = first_word(rest);
                    rest = after;
                    value
                } else {
                    attached
                };
                if value.is_empty() {
                    return Err(format!("the option -{letter} needs a value behind it"));
                }
                given.push((letter, value));
                break;
            }
        }
    }

    /// Whether an option is given.
    pub fn has(&self, letter: char) -> bool {
        self.value(letter).is_some()
    }

    /// The value of an option, the last one if there are several.
    pub fn value(&self, letter: char) -> Option<&'a str> {
        self.given.iter().rev().find(|(given, _)| *given == letter).map(|(_, value)| *value)
    }

    /// The value of an option as a whole number.
    ///
    /// # Errors
    /// When it is something else.
    pub fn number(&self, letter: char) -> Result<Option<u64>, String> {
        let parse = |value: &str| {
            value.parse().map_err(|_| format!("the option -{letter} takes a whole number, and `{value}` is not one"))
        };
        self.value(letter).map(parse).transpose()
    }
}

fn first_word(text: &str) -> (&str, &str) {
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

/// The words of a text. Quotes of either kind keep a word with spaces together, and a backslash makes the next character
/// an ordinary one.
///
/// # Errors
/// When a quote is not closed.
pub fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(characters.next()),
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if let Some(open) = quote {
        return Err(format!("the quote {open} is not closed"));
    }
    words.extend(word);
    Ok(words)
}

/// A path as a person writes it: `~` is their own folder.
pub fn path(text: &str) -> PathBuf {
    let home = || std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
    match text.strip_prefix('~').map(|rest| (rest, home())) {
        Some(("", Some(home))) => home,
        Some((rest, Some(home))) if rest.starts_with('/') => home.join(&rest[1..]),
        _ => PathBuf::from(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_end_where_the_code_begins() {
        let options = Options::parse("-n10 -r 3 -q -5 + x", "n:r:q").unwrap();
        assert_eq!((options.number('n'), options.number('r'), options.has('q')), (Ok(Some(10)), Ok(Some(3)), true));
        assert_eq!(options.rest, "-5 + x");
        assert_eq!(Options::parse("-- -x", "q").unwrap().rest, "-x");
        assert_eq!(Options::parse("(-x)", "q").unwrap().rest, "(-x)");
        assert_eq!(Options::parse("-gu let*", "gu").unwrap().rest, "let*");
        assert!(Options::parse("-x", "q").unwrap_err().contains("-x"));
        assert!(Options::parse("-n", "n:").unwrap_err().contains("needs a value"));
        assert!(Options::parse("-n many", "n:").unwrap().number('n').unwrap_err().contains("`many`"));
    }

    #[test]
    fn words_may_be_quoted() {
        assert_eq!(words("a 'b c'  \"d\\\" e\" f\\ g ''").unwrap(), ["a", "b c", "d\" e", "f g", ""]);
        assert!(words("'a").unwrap_err().contains("not closed"));
    }

    #[test]
    fn code_stays_where_it_is_written() {
        let call =
            Call { name: "%timeit".into(), arguments: "-q é + 1".into(), body: String::new(), line: 3, column: 8 };
        let options = Options::parse(&call.arguments, "q").unwrap();
        assert_eq!(call.in_place(options.rest), format!("\n\n{}é + 1", " ".repeat(11)));
    }
}
