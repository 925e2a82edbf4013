//! What values look like: the types of columns, from a sample.

use polars::prelude::{DataType, TimeUnit};

use super::value::{Integer, LastDay, boolean, date, float, moment};

/// What the values of a column have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Kind {
    /// There are none.
    #[default]
    Nothing,
    Boolean,
    Integer,
    /// Whole numbers too large for `i64`.
    Unsigned,
    Float,
    Date,
    Moment,
    /// Moments that say how far they are from UTC.
    Instant,
    Time,
    Text,
}

impl Kind {
    /// What a value looks like.
    pub(super) fn of(text: &[u8], dates: bool) -> Kind {
        let trimmed = text.trim_ascii();
        match trimmed.first() {
            None => Kind::Text,
            Some(b'0'..=b'9' | b'-' | b'+' | b'.') => number(trimmed).unwrap_or_else(|| temporal(trimmed, dates)),
            Some(b't' | b'T' | b'f' | b'F') if boolean(trimmed).is_some() => Kind::Boolean,
            Some(b'n' | b'N' | b'i' | b'I') if is_special(trimmed) => Kind::Float,
            Some(_) => Kind::Text,
        }
    }

    /// What takes both.
    pub(super) fn with(self, other: Kind) -> Kind {
        use Kind::{Date, Float, Integer, Moment, Nothing, Text, Unsigned};
        match (self, other) {
            (one, other) if one == other => one,
            (Nothing, kind) | (kind, Nothing) => kind,
            (Integer, Float) | (Float, Integer) | (Unsigned, Float) | (Float, Unsigned) => Float,
            // Neither of them takes a negative number beside one that large.
            (Integer, Unsigned) | (Unsigned, Integer) => Unsigned,
            (Date, Moment) | (Moment, Date) => Moment,
            _ => Text,
        }
    }

    /// The type of a column of such values.
    pub(super) fn dtype(self) -> DataType {
        match self {
            Kind::Nothing | Kind::Text => DataType::String,
            Kind::Boolean => DataType::Boolean,
            Kind::Integer => DataType::Int64,
            Kind::Unsigned => DataType::UInt64,
            Kind::Float => DataType::Float64,
            Kind::Date => DataType::Date,
            Kind::Moment => DataType::Datetime(TimeUnit::Microseconds, None),
            Kind::Instant => DataType::Datetime(TimeUnit::Microseconds, Some(polars::prelude::TimeZone::UTC)),
            Kind::Time => DataType::Time,
        }
    }

    /// What values of a column of this type look like.
    pub(super) fn of_type(dtype: &DataType) -> Kind {
        match dtype {
            DataType::Null => Kind::Nothing,
            DataType::Boolean => Kind::Boolean,
            DataType::UInt64 => Kind::Unsigned,
            dtype if dtype.is_integer() => Kind::Integer,
            dtype if dtype.is_float() => Kind::Float,
            DataType::Date => Kind::Date,
            DataType::Datetime(_, None) => Kind::Moment,
            DataType::Datetime(_, Some(_)) => Kind::Instant,
            DataType::Time => Kind::Time,
            _ => Kind::Text,
        }
    }
}

fn number(text: &[u8]) -> Option<Kind> {
    if i64::parse(text).is_some() {
        return Some(Kind::Integer);
    }
    if u64::parse(text).is_some() {
        return Some(Kind::Unsigned);
    }
    float(text).is_some().then_some(Kind::Float)
}

fn is_special(text: &[u8]) -> bool {
    [&b"nan"[..], b"inf", b"infinity"].iter().any(|name| text.eq_ignore_ascii_case(name))
}

fn temporal(text: &[u8], dates: bool) -> Kind {
    if !dates {
        return Kind::Text;
    }
    if date(text).is_some() {
        return Kind::Date;
    }
    match moment(text, &mut LastDay::default()) {
        Some(moment) if moment.offset_seconds.is_some() => return Kind::Instant,
        Some(_) => return Kind::Moment,
        None => {}
    }
    Kind::Text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_what_values_look_like() {
        let of = |text: &str| Kind::of(text.as_bytes(), true);
        let cases = [
            ("1", Kind::Integer),
            ("-1", Kind::Integer),
            (" 7 ", Kind::Integer),
            ("1.0", Kind::Float),
            ("1e3", Kind::Float),
            ("NaN", Kind::Float),
            ("inf", Kind::Float),
            ("nanny", Kind::Text),
            ("true", Kind::Boolean),
            ("TRUE", Kind::Boolean),
            ("t", Kind::Text),
            ("2015-01-01", Kind::Date),
            ("2015-01-01 10:00:00", Kind::Moment),
            ("2015-01-01T10:00:00Z", Kind::Instant),
            ("2015-1-1", Kind::Text),
            ("", Kind::Text),
            ("18446744073709551615", Kind::Unsigned),
            ("1-2", Kind::Text),
            (".", Kind::Text),
            ("-", Kind::Text),
            ("NA", Kind::Text),
        ];
        for (text, kind) in cases {
            assert_eq!(of(text), kind, "{text}");
        }
        assert_eq!(Kind::of(b"2015-01-01", false), Kind::Text);
    }

    #[test]
    fn two_kinds_have_what_takes_both() {
        assert_eq!(Kind::Integer.with(Kind::Float), Kind::Float);
        assert_eq!(Kind::Date.with(Kind::Moment), Kind::Moment);
        assert_eq!(Kind::Nothing.with(Kind::Date), Kind::Date);
        assert_eq!(Kind::Boolean.with(Kind::Integer), Kind::Text);
    }
}
