//! Ranges of cells as IPython writes them: `4`, `4-6`, `~1/`, `243/1-5`, `~8/1-~6/5`.

/// Cells `start..stop` of one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The session's number, 0 for this one, negative for one before it.
    pub session: i64,
    /// The first line.
    pub start: i64,
    /// The line after the last one; `None` to the end of the session.
    pub stop: Option<i64>,
}

/// Why a range of cells cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// Not written as a range.
    #[error(
        "`{0}` is not a range of cells. A range is a line (`4`), lines (`4-6`, `4-`), lines of an earlier session (`~1/4-6`, all of it: `~1/`) or of a session by its number (`243/1-5`)."
    )]
    Malformed(String),
    /// No first line.
    #[error("`{0}` does not say where it begins: `1{0}` begins with the first line.")]
    NoStart(String),
    /// A number that no line or session has.
    #[error("`{number}` in `{range}` is too large for a line or a session.")]
    TooLarge {
        /// The number.
        number: String,
        /// The range it stands in.
        range: String,
    },
    /// The end comes before the beginning.
    #[error("`{0}` ends before it begins: the earlier session comes first, as in `~8/1-~6/5`.")]
    Backwards(String),
    /// One end by number, the other counted from now.
    #[error("`{0}` names one session by its number and the other by counting back: name both the same way.")]
    Mixed(String),
    /// More sessions than anybody has.
    #[error("`{0}` reaches over more than {MOST_SESSIONS} sessions: name fewer.")]
    TooMany(String),
}

/// Each session of a range becomes a span, so a range must not name a milliard of them.
const MOST_SESSIONS: i64 = 10_000;

/// Reads ranges separated by spaces. Nothing means all of this session.
///
/// # Errors
/// When a range is not one, or its end comes before its beginning.
///
/// ```text
/// ~1/3-5  →  lines 3, 4, 5 of the session before this one
/// 4:6     →  lines 4 and 5
/// ```
pub fn range_spec(text: &str) -> Result<Vec<Span>, RangeError> {
    let mut spans = Vec::new();
    for range in text.split_whitespace() {
        one_range(range, &mut spans)?;
    }
    if spans.is_empty() {
        spans.push(Span { session: 0, start: 1, stop: None });
    }
    Ok(spans)
}

fn one_range(range: &str, spans: &mut Vec<Span>) -> Result<(), RangeError> {
    let malformed = || RangeError::Malformed(range.to_owned());
    let (begin, end) = match range.split_once(['-', ':']) {
        Some((begin, end)) => (begin, Some(end)),
        None => (range, None),
    };
    let exclusive = range[begin.len()..].starts_with(':');
    let begin = Place::read(begin, range)?;
    if begin.session.is_none() && begin.line.is_none() {
        return Err(if end.is_some_and(|end| !end.is_empty()) {
            RangeError::NoStart(range.to_owned())
        } else {
            malformed()
        });
    }
    let end = end.map(|end| Place::read(end, range)).transpose()?;
    let first = begin.session.unwrap_or(0);
    let last = end.as_ref().and_then(|end| end.session).unwrap_or(first);
    let start = begin.line.unwrap_or(1);
    let stop = match end {
        // A session alone is all of it, a line alone is itself.
        None => begin.line.map(|line| line + 1),
        Some(Place { line: Some(line), .. }) => Some(if exclusive { line } else { line + 1 }),
        // As IPython reads it: `4:` is line 4, `4-` goes on to the end.
        Some(Place { line: None, .. }) => begin.line.filter(|_| exclusive).map(|line| line + 1),
    };
    if (first > 0) != (last > 0) {
        return Err(RangeError::Mixed(range.to_owned()));
    }
    if last < first {
        return Err(RangeError::Backwards(range.to_owned()));
    }
    if last - first >= MOST_SESSIONS {
        return Err(RangeError::TooMany(range.to_owned()));
    }
    // A stop of 0 would mean "to the end" where a span is looked up; nothing lies before line 1.
    let stop = stop.map(|stop| stop.max(1));
    for session in first..=last {
        let start = if session == first { start } else { 1 };
        let stop = if session == last { stop } else { None };
        spans.push(Span { session, start, stop });
    }
    Ok(())
}

/// `~2/7`: a session, a line, either or both.
struct Place {
    session: Option<i64>,
    line: Option<i64>,
}

impl Place {
    fn read(text: &str, range: &str) -> Result<Self, RangeError> {
        let (session, line) = match text.split_once('/') {
            Some((session, line)) => (Some(session), line),
            None => (None, text),
        };
        let session = session
            .map(|session| match session.strip_prefix('~') {
                Some(back) => number(back, range).map(|back| -back),
                None => number(session, range),
            })
            .transpose()?;
        let line = if line.is_empty() { None } else { Some(number(line, range)?) };
        Ok(Self { session, line })
    }
}

fn number(digits: &str, range: &str) -> Result<i64, RangeError> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(RangeError::Malformed(range.to_owned()));
    }
    match digits.parse::<u32>() {
        Ok(number) => Ok(number.into()),
        Err(_) => Err(RangeError::TooLarge { number: digits.to_owned(), range: range.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(text: &str) -> Vec<(i64, i64, Option<i64>)> {
        range_spec(text).unwrap().into_iter().map(|span| (span.session, span.start, span.stop)).collect()
    }

    #[test]
    fn ranges_are_read_as_in_ipython() {
        assert_eq!(spans(""), [(0, 1, None)]);
        assert_eq!(spans("4"), [(0, 4, Some(5))]);
        assert_eq!(spans("4-6"), [(0, 4, Some(7))]);
        assert_eq!(spans("4:6"), [(0, 4, Some(6))]);
        assert_eq!(spans("4-"), [(0, 4, None)]);
        assert_eq!(spans("4:"), [(0, 4, Some(5))]);
        assert_eq!(spans("243/1-5"), [(243, 1, Some(6))]);
        assert_eq!(spans("~1/"), [(-1, 1, None)]);
        assert_eq!(spans("~4/4-"), [(-4, 4, None)]);
        assert_eq!(spans("~2/7"), [(-2, 7, Some(8))]);
        assert_eq!(spans("~8/5-~7/4  2"), [(-8, 5, None), (-7, 1, Some(5)), (0, 2, Some(3))]);
        assert_eq!(spans("~8/1-~6/5"), [(-8, 1, None), (-7, 1, None), (-6, 1, Some(6))]);
        assert_eq!(spans("~1/2-~0/3"), [(-1, 2, None), (0, 1, Some(4))]);
    }

    #[test]
    fn what_is_no_range_is_explained() {
        let error = |text: &str| range_spec(text).unwrap_err();
        assert_eq!(error("x"), RangeError::Malformed("x".into()));
        assert_eq!(error("4-6-8"), RangeError::Malformed("4-6-8".into()));
        assert_eq!(error("~/3"), RangeError::Malformed("~/3".into()));
        assert_eq!(error("/3"), RangeError::Malformed("/3".into()));
        assert_eq!(error("~3"), RangeError::Malformed("~3".into()));
        assert_eq!(error("-"), RangeError::Malformed("-".into()));
        assert_eq!(error("2 ４"), RangeError::Malformed("４".into()));
        assert_eq!(error("-5").to_string(), "`-5` does not say where it begins: `1-5` begins with the first line.");
        assert_eq!(error("~6/1-~8/5"), RangeError::Backwards("~6/1-~8/5".into()));
        assert_eq!(error("~2/1-7/5"), RangeError::Mixed("~2/1-7/5".into()));
        assert_eq!(error("1/1-4000000000/5"), RangeError::TooMany("1/1-4000000000/5".into()));
        assert!(matches!(error("99999999999999999999"), RangeError::TooLarge { .. }));
    }

    #[test]
    fn line_nought_holds_nothing_rather_than_everything() {
        assert_eq!(spans("0:0"), [(0, 0, Some(1))]);
    }
}
