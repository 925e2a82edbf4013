//! Times: seconds since 1970 in a calendar, their parts, and what a text says of them.

use std::sync::Arc;

use super::error::{LabelError, built};
use super::frequency::Frequency;
use crate::array::store::{Calendar, DateTime};
pub(crate) use crate::calendar::{DAY, Precision};
use crate::calendar::{days_before, moments};

/// Points in time, in whole seconds since 1970-01-01, both counted in a calendar: see [`Calendar`].
#[derive(Debug, Clone, PartialEq)]
pub struct Times {
    seconds: Arc<[i64]>,
    calendar: Calendar,
}

impl Times {
    /// Points in time, in seconds since 1970-01-01 of the calendar.
    pub fn new(seconds: impl Into<Vec<i64>>, calendar: Calendar) -> Times {
        Times { seconds: seconds.into().into(), calendar }
    }

    /// From texts: `"2000-02-29"`, `"2000-02-29 12:30"`, `"2000-02-29T12:30:15"`, in the Gregorian calendar.
    ///
    /// ```
    /// use taskloom::labelled::Times;
    /// let times = Times::parse(["2000-02-29", "2000-03-01 12:00"]);
    /// assert_eq!(times.seconds()[1] - times.seconds()[0], 36 * 3600);
    /// ```
    ///
    /// # Panics
    /// When a text is no time.
    #[track_caller]
    pub fn parse<S: AsRef<str>>(texts: impl IntoIterator<Item = S>) -> Times {
        let calendar = Calendar::ProlepticGregorian;
        let seconds = texts.into_iter().map(|text| built(time("Times::parse", text.as_ref(), calendar)));
        Times { seconds: seconds.collect(), calendar }
    }

    /// The seconds since 1970-01-01.
    pub fn seconds(&self) -> &[i64] {
        &self.seconds
    }

    /// The calendar.
    pub fn calendar(&self) -> Calendar {
        self.calendar
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.seconds.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.seconds.is_empty()
    }

    /// The dates.
    pub fn dates(&self) -> impl ExactSizeIterator<Item = DateTime> + '_ {
        self.seconds.iter().map(|&seconds| self.calendar.date(seconds))
    }

    /// Other times of the same calendar.
    pub(crate) fn with(&self, seconds: Arc<[i64]>) -> Times {
        Times { seconds, calendar: self.calendar }
    }

    /// Whether both count alike. All that differ only before 1582 do.
    pub(crate) fn same_calendar(&self, other: &Times) -> bool {
        let modern = |calendar| matches!(calendar, Calendar::Standard | Calendar::ProlepticGregorian);
        self.calendar == other.calendar || (modern(self.calendar) && modern(other.calendar))
    }

    /// A time as a person reads it: without the time of day where all are at midnight.
    pub(crate) fn text(&self, place: usize) -> String {
        let date = self.calendar.date(self.seconds[place]);
        let text = date.to_string();
        match self.seconds[place].rem_euclid(DAY) == 0 {
            true => text.trim_end_matches(" 00:00:00").to_owned(),
            false => text,
        }
    }

    /// How precisely the times are given, as pandas finds it: by the time of day.
    pub(crate) fn precision(&self) -> Precision {
        let all = |unit: i64| self.seconds.iter().all(|seconds| seconds.rem_euclid(unit) == 0);
        match () {
            () if all(DAY) => Precision::Day,
            () if all(3600) => Precision::Hour,
            () if all(60) => Precision::Minute,
            () => Precision::Second,
        }
    }
}

/// Points in time from a start on, by a step: see [`resample`](super::DataArray::resample) for how steps are written.
///
/// ```
/// use taskloom::labelled::{Labels, date_range};
/// let months = Labels::from(date_range("2000-01-15", 3, "MS"));
/// assert_eq!((months.text(0), months.text(2)), ("2000-02-01".to_owned(), "2000-04-01".to_owned()));
/// assert_eq!(date_range("2000-01-01 06:00", 5, "6h").len(), 5);
/// ```
///
/// # Panics
/// When the start is no time, or the step is none.
#[track_caller]
pub fn date_range(start: &str, count: usize, step: &str) -> Times {
    date_range_in(Calendar::ProlepticGregorian, start, count, step)
}

/// As [`date_range`], in a calendar.
///
/// # Panics
/// As [`date_range`].
#[track_caller]
pub fn date_range_in(calendar: Calendar, start: &str, count: usize, step: &str) -> Times {
    let first = built(time("date_range", start, calendar));
    let frequency = built(Frequency::parse("date_range", step));
    Times { seconds: frequency.range(first, count, calendar).into(), calendar }
}

fn time(operation: &str, text: &str, calendar: Calendar) -> Result<i64, LabelError> {
    let wrong = || LabelError::parameter(operation, format!("`{text}` is no time: write `2000-02-29 12:30:00`"));
    parse(text, calendar).map(|(first, _, _)| first).ok_or_else(wrong)
}

/// The first and last second of what a text says, and how precisely.
pub(crate) fn parse(text: &str, calendar: Calendar) -> Option<(i64, i64, Precision)> {
    let day_of = |year, month, day| {
        let number = calendar.days(year, month, day);
        let date = calendar.date(number * DAY);
        ((date.month, date.day) == (month, day)).then_some(number)
    };
    moments(text, day_of).map(|(first, behind, precision)| (first, behind - 1, precision))
}

/// The second that a date is, where there is such a date in the calendar.
pub(crate) fn seconds_of(time: &DateTime, calendar: Calendar) -> Option<i64> {
    let text = format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        time.year, time.month, time.day, time.hour, time.minute, time.second
    );
    parse(&text, calendar).map(|(first, _, _)| first)
}

/// A date as milliseconds since 1970 of the Gregorian calendar, as plots have it; a date that it has not is the next.
pub(crate) fn milliseconds(date: &DateTime) -> f64 {
    let day = days_before(date.year, date.month) + i64::from(date.day) - 1;
    let clock = i64::from(date.hour) * 3600 + i64::from(date.minute) * 60 + i64::from(date.second);
    ((day * DAY + clock) * 1000) as f64
}

/// Months are counted from the year 0.
pub(crate) fn month_index(year: i64, month: u32) -> i64 {
    year * 12 + i64::from(month) - 1
}

/// The day that a month begins with.
pub(crate) fn month_start(calendar: Calendar, month: i64) -> i64 {
    calendar.days(month.div_euclid(12), month.rem_euclid(12) as u32 + 1, 1)
}

/// A part of times: `time.month`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    DayOfYear,
    DayOfWeek,
    Quarter,
    Season,
}

impl Part {
    pub(crate) const NAMES: [&'static str; 11] =
        ["year", "month", "day", "hour", "minute", "second", "dayofyear", "dayofweek", "weekday", "quarter", "season"];

    pub(crate) fn named(name: &str) -> Option<Part> {
        Some(match name {
            "year" => Part::Year,
            "month" => Part::Month,
            "day" => Part::Day,
            "hour" => Part::Hour,
            "minute" => Part::Minute,
            "second" => Part::Second,
            "dayofyear" => Part::DayOfYear,
            "dayofweek" | "weekday" => Part::DayOfWeek,
            "quarter" => Part::Quarter,
            "season" => Part::Season,
            _ => return None,
        })
    }

    fn of(self, seconds: i64, calendar: Calendar) -> i64 {
        let date = calendar.date(seconds);
        match self {
            Part::Year => date.year,
            Part::Month => date.month.into(),
            Part::Day => date.day.into(),
            Part::Hour => date.hour.into(),
            Part::Minute => date.minute.into(),
            Part::Second => date.second.into(),
            Part::DayOfYear => seconds.div_euclid(DAY) - calendar.days(date.year, 1, 1) + 1,
            // 1970-01-01 was a Thursday, and Monday is 0.
            Part::DayOfWeek => (seconds.div_euclid(DAY) + 3).rem_euclid(7),
            Part::Quarter => i64::from(date.month - 1) / 3 + 1,
            Part::Season => i64::from(date.month % 12 / 3),
        }
    }

    /// The part of each time; seasons are `DJF`, `MAM`, `JJA`, `SON`.
    pub(crate) fn labels(self, times: &Times) -> super::Labels {
        let values = times.seconds.iter().map(|&seconds| self.of(seconds, times.calendar));
        match self {
            Part::Season => {
                let name = |season: i64| ["DJF", "MAM", "JJA", "SON"][season as usize].to_owned();
                super::Labels::Texts(values.map(name).collect())
            }
            _ => super::Labels::Integers(values.collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(seconds: i64) -> String {
        Calendar::ProlepticGregorian.date(seconds).to_string()
    }

    #[test]
    fn a_text_says_a_stretch_of_time() {
        for (say, first, last) in [
            ("2015", "2015-01-01 00:00:00", "2015-12-31 23:59:59"),
            ("2016-02", "2016-02-01 00:00:00", "2016-02-29 23:59:59"),
            ("2016-02-29", "2016-02-29 00:00:00", "2016-02-29 23:59:59"),
            ("2016-02-29T07", "2016-02-29 07:00:00", "2016-02-29 07:59:59"),
            ("2016-02-29 07:30", "2016-02-29 07:30:00", "2016-02-29 07:30:59"),
            ("2016-02-29 07:30:01", "2016-02-29 07:30:01", "2016-02-29 07:30:01"),
        ] {
            let (start, end, _) = parse(say, Calendar::ProlepticGregorian).unwrap();
            assert_eq!((text(start).as_str(), text(end).as_str()), (first, last));
        }
        for wrong in
            ["", "march", "2015-13", "2015-02-29", "15-02-01", "2015-02-01-03", "2015-02 12", "2015-02-01 24:00"]
        {
            assert_eq!(parse(wrong, Calendar::ProlepticGregorian), None, "{wrong}");
        }
        assert!(parse("2016-02-29", Calendar::NoLeap).is_none());
        assert!(parse("2015-02-30", Calendar::Day360).is_some());
    }

    #[test]
    fn parts_of_times() {
        let times = Times::parse(["2000-12-31 13:14:15", "2001-03-01"]);
        let part = |name: &str| Part::named(name).unwrap().labels(&times);
        assert_eq!(part("dayofyear"), super::super::Labels::from([366, 60]));
        assert_eq!(part("weekday"), super::super::Labels::from([6, 3]));
        assert_eq!(part("quarter"), super::super::Labels::from([4, 1]));
        assert_eq!(part("season"), super::super::Labels::from(["DJF", "MAM"]));
        assert!(Part::NAMES.iter().all(|name| Part::named(name).is_some()));
    }
}
