//! Which of several errors to show: one mistake often has many.

use super::super::diagnostics::Diagnostic;
use super::{arrays, quoted};

/// Of the errors that are shown, so many are explained.
pub const SHOWN: usize = 3;

/// The errors that say something new, in rustc's order. Left out are those that follow from another: a name that is
/// missing because its `let` failed, a type that cannot be found because a name in the line is unknown, the same
/// missing name again, and what the parser says about a line after its first complaint.
pub fn visible(diagnostics: &[Diagnostic]) -> Vec<&Diagnostic> {
    let mut shown: Vec<&Diagnostic> = Vec::new();
    for diagnostic in diagnostics {
        let follows = shown.iter().any(|earlier| follows(diagnostic, earlier))
            || diagnostics.iter().any(|other| !std::ptr::eq(other, diagnostic) && explains_away(other, diagnostic));
        if !follows {
            shown.push(diagnostic);
        }
    }
    // Errors that explain one another away would leave nothing.
    if shown.is_empty() { diagnostics.iter().take(1).collect() } else { shown }
}

/// Whether a later error says no more than an earlier one.
fn follows(later: &Diagnostic, earlier: &Diagnostic) -> bool {
    let same_line = line_of(later).is_some() && line_of(later) == line_of(earlier);
    let same_words = later.message == earlier.message;
    let same_name = missing_name(later).is_some() && missing_name(later) == missing_name(earlier);
    // The parser goes on with half a line, and an unfinished feature with a guess.
    let half_read = earlier.code.is_none() || earlier.code.as_deref() == Some("E0658");
    let bound = |diagnostic: &Diagnostic| {
        Some(diagnostic.message.strip_prefix("the trait bound `")?.split(':').next()?.to_owned())
    };
    let same_bound = bound(later).is_some() && bound(later) == bound(earlier);
    // `a + b` of two kinds of numbers is both a mismatch and a missing operator.
    let same_sum = later.code.as_deref() == Some("E0277")
        && later.label().starts_with("no implementation for")
        && earlier.code.as_deref() == Some("E0308");
    let thread = |diagnostic: &Diagnostic| {
        let ty = diagnostic.message.strip_suffix(" between threads safely")?;
        quoted(ty).first().map(|ty| (*ty).to_owned())
    };
    // `f(x = 1)`: the names of arguments are unknown, and the call has too many.
    let same_call = missing_name(earlier).is_some()
        && (is_named_argument(later) || is_named_argument(earlier) && later.code.as_deref() == Some("E0061"))
        || earlier.code.as_deref() == Some("E0423") && later.code.as_deref() == Some("E0061");
    // Of what another language's library is asked for, nothing is right.
    let same_library = missing_name(earlier).is_some_and(|name| arrays::LIBRARIES.contains(&name));
    // An array in memory beside a lazy one, and a type that no array holds: each is asked for in two ways.
    let same_array = later.message.contains(": ScalarOperand`") && earlier.code.as_deref() == Some("E0271")
        || later.code.as_deref() == Some("E0061")
            && ["`Bins: From<", "`Indices: From<"].iter().any(|bound| earlier.message.contains(bound))
        || later.message.contains(" do not become ") && earlier.message.starts_with("an array cannot hold");
    let same_thread = thread(later).is_some() && thread(later) == thread(earlier);
    let same = half_read || same_sum || same_bound || same_call || same_library || same_array || same_thread;
    same_words && same_line || same_name || same_line && same
}

/// Whether one error is the reason of another, in whatever order they come.
fn explains_away(reason: &Diagnostic, other: &Diagnostic) -> bool {
    let code = other.code.as_deref().unwrap_or_default();
    let is_missing_type = matches!(code, "E0282" | "E0283" | "E0284");
    if is_missing_type && missing_name(reason).is_some() && line_of(reason) == line_of(other) {
        return true;
    }
    let reason_is_missing_type = matches!(reason.code.as_deref(), Some("E0282" | "E0283" | "E0284"));
    let Some(name) = missing_name(other) else { return false };
    // The name's own `let` is what failed. A missing name in its own `let` is no reason for itself.
    !reason_is_missing_type
        && line_of(reason) != line_of(other)
        && lets(reason.line()).any(|(bound, _)| bound == name)
        && missing_name(reason) != Some(name)
}

/// The file and the line that an error is about.
fn line_of(diagnostic: &Diagnostic) -> Option<(&str, usize)> {
    diagnostic.primary().map(|span| (span.file.as_str(), span.start.line))
}

/// Whether a name that does not exist is that of an argument: `axis` in `f(axis = 0)`.
fn is_named_argument(diagnostic: &Diagnostic) -> bool {
    missing_name(diagnostic).is_some()
        && arrays::around(diagnostic).is_some_and(|(before, after)| arrays::is_argument(before, after))
}

/// The name that an error says does not exist.
pub(super) fn missing_name(diagnostic: &Diagnostic) -> Option<&str> {
    let missing = matches!(diagnostic.code.as_deref(), Some("E0425" | "E0412" | "E0433" | "E0405"))
        && diagnostic.message.starts_with("cannot find");
    missing.then(|| quoted(&diagnostic.message).first().copied()).flatten()
}

/// The names that `let`s in a text bind, each with whether it is `mut`. A search in the text: it also has to work on
/// cells that no parser reads.
pub(super) fn lets(code: &str) -> impl Iterator<Item = (&str, bool)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices("let ").filter(move |(at, _)| !code[..*at].ends_with(is_word)).flat_map(move |(at, found)| {
        let pattern = &code[at + found.len()..];
        let end = pattern.find(['=', ';', ':', '\n']).unwrap_or(pattern.len());
        let mut mutable = false;
        pattern[..end]
            .split(|c: char| !is_word(c))
            .filter(|word| word.starts_with(|c: char| c.is_lowercase() || c == '_'))
            .filter_map(move |word| {
                if word == "mut" || word == "ref" {
                    mutable = word == "mut";
                    return None;
                }
                Some((word, std::mem::take(&mut mutable)))
            })
            .collect::<Vec<_>>()
    })
}
