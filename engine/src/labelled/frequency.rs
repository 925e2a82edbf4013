//! Steps of time as pandas writes them, and the bins that they make.

use super::error::{Built, LabelError};
use super::time::{DAY, month_index, month_start};
use crate::array::store::Calendar;

/// A step of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Frequency {
    /// So many seconds.
    Fixed(i64),
    /// So many weeks that end on a day; Monday is 0.
    Weeks { count: i64, last: i64 },
    /// So many months. They begin, or end, with a month whose number, counted from 0, leaves `anchor` of `unit`.
    Months { count: i64, unit: i64, anchor: i64, ends: bool },
}

/// Which bin each time is in, and the bins' labels.
#[derive(Debug, PartialEq)]
pub(crate) struct TimeBins {
    pub(crate) codes: Vec<usize>,
    pub(crate) labels: Vec<i64>,
}

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];

impl Frequency {
    pub(crate) fn parse(operation: &str, text: &str) -> Built<Frequency> {
        Frequency::read(text).ok_or_else(|| {
            let why = format!(
                "`{text}` is no step of time: write a number and one of s, min, h, D, W, MS, ME, QS, QE, YS, YE, as in \
                 `6h`, `MS`, `QS-DEC`"
            );
            LabelError::parameter(operation, why)
        })
    }

    fn read(text: &str) -> Option<Frequency> {
        let text = text.trim();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let count: i64 = if digits == 0 { 1 } else { text[..digits].parse().ok()? };
        let (unit, anchor) =
            text[digits..].split_once('-').map_or((&text[digits..], None), |(unit, at)| (unit, Some(at)));
        if !(1..=1_000_000).contains(&count) {
            return None;
        }
        let of = |names: &[&str], otherwise: i64| match anchor {
            None => Some(otherwise),
            Some(name) => names.iter().position(|known| known.eq_ignore_ascii_case(name)).map(|place| place as i64),
        };
        let fixed = |seconds: i64| anchor.is_none().then_some(Frequency::Fixed(count * seconds));
        let months = |unit: i64, ends: bool| {
            let first = if ends { 11 } else { 0 };
            let anchor = if unit == 1 { anchor.is_none().then_some(0) } else { of(&MONTHS, first) }?;
            Some(Frequency::Months { count: count * unit, unit, anchor: anchor.rem_euclid(unit), ends })
        };
        match unit {
            "s" | "S" => fixed(1),
            "min" | "T" => fixed(60),
            "h" | "H" => fixed(3600),
            "D" | "d" => fixed(DAY),
            "W" => Some(Frequency::Weeks { count, last: of(&DAYS, 6)? }),
            "MS" => months(1, false),
            "ME" | "M" => months(1, true),
            "QS" => months(3, false),
            "QE" | "Q" => months(3, true),
            "YS" | "AS" => months(12, false),
            "YE" | "Y" | "A" => months(12, true),
            _ => None,
        }
    }

    /// The bins of times that do not go backwards.
    pub(crate) fn bins(self, seconds: &[i64], calendar: Calendar) -> TimeBins {
        let (Some(&first), Some(&last)) = (seconds.first(), seconds.last()) else {
            return TimeBins { codes: Vec::new(), labels: Vec::new() };
        };
        // What is counted, in which bin the first one begins, how long bins are, and what a bin is called.
        let counted: Box<dyn Fn(i64) -> i64>;
        let (begin, step): (i64, i64);
        let label: Box<dyn Fn(i64) -> i64>;
        match self {
            Frequency::Fixed(length) => {
                let midnight = first.div_euclid(DAY) * DAY;
                begin = midnight + (first - midnight).div_euclid(length) * length;
                step = length;
                counted = Box::new(|seconds| seconds);
                label = Box::new(move |bin| begin + bin * length);
            }
            Frequency::Weeks { count, last } => {
                // The weekday of a day is `(day + 3) % 7`.
                let end = |day: i64| day + (last - (day + 3)).rem_euclid(7);
                let first_end = end(first.div_euclid(DAY));
                step = 7 * count;
                begin = first_end - step + 1;
                counted = Box::new(|seconds| seconds.div_euclid(DAY));
                label = Box::new(move |bin| (first_end + bin * step) * DAY);
            }
            Frequency::Months { count, unit, anchor, ends } => {
                let month = move |seconds: i64| {
                    let date = calendar.date(seconds);
                    month_index(date.year, date.month)
                };
                let at = month(first);
                step = count;
                if ends {
                    let first_end = at + (anchor - at).rem_euclid(unit);
                    begin = first_end - step + 1;
                    label = Box::new(move |bin| (month_start(calendar, first_end + bin * step + 1) - 1) * DAY);
                } else {
                    begin = at - (at - anchor).rem_euclid(unit);
                    label = Box::new(move |bin| month_start(calendar, begin + bin * step) * DAY);
                }
                counted = Box::new(month);
            }
        }
        let bin = |seconds: i64| (counted(seconds) - begin).div_euclid(step);
        let count = bin(last) + 1;
        TimeBins {
            codes: seconds.iter().map(|&seconds| bin(seconds) as usize).collect(),
            labels: (0..count).map(label).collect(),
        }
    }

    /// Times from a first one on; the first that the step allows where it is anchored.
    pub(crate) fn range(self, first: i64, count: usize, calendar: Calendar) -> Vec<i64> {
        let clock = first.rem_euclid(DAY);
        let day = first.div_euclid(DAY);
        let nth = |nth: usize| nth as i64;
        match self {
            Frequency::Fixed(length) => (0..count).map(|at| first + nth(at) * length).collect(),
            Frequency::Weeks { count: weeks, last } => {
                let start = day + (last - (day + 3)).rem_euclid(7);
                (0..count).map(|at| (start + nth(at) * 7 * weeks) * DAY + clock).collect()
            }
            Frequency::Months { count: months, unit, anchor, ends } => {
                let date = calendar.date(first);
                let day_of = |month: i64| match ends {
                    true => month_start(calendar, month + 1) - 1,
                    false => month_start(calendar, month),
                };
                let mut month = month_index(date.year, date.month);
                month += (anchor - month).rem_euclid(unit);
                if day_of(month) < day {
                    month += unit;
                }
                (0..count).map(|at| day_of(month + nth(at) * months) * DAY + clock).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Times;
    use super::*;

    fn labels(text: &str, times: &[&str]) -> (Vec<usize>, Vec<String>) {
        let times = Times::parse(times);
        let bins = Frequency::parse("test", text).unwrap().bins(times.seconds(), times.calendar());
        let labels = Times::new(bins.labels, times.calendar());
        (bins.codes, (0..labels.len()).map(|place| labels.text(place)).collect())
    }

    #[test]
    fn bins_are_those_of_pandas() {
        let times = ["2000-11-15", "2000-11-30", "2000-12-01", "2001-03-05"];
        for (step, codes, first, last) in [
            ("MS", [0, 0, 1, 4], "2000-11-01", "2001-03-01"),
            ("1M", [0, 0, 1, 4], "2000-11-30", "2001-03-31"),
            ("2MS", [0, 0, 0, 2], "2000-11-01", "2001-03-01"),
            ("2ME", [0, 0, 1, 2], "2000-11-30", "2001-03-31"),
            ("QS", [0, 0, 0, 1], "2000-10-01", "2001-01-01"),
            ("QS-DEC", [0, 0, 1, 2], "2000-09-01", "2001-03-01"),
            ("QE", [0, 0, 0, 1], "2000-12-31", "2001-03-31"),
            ("YS", [0, 0, 0, 1], "2000-01-01", "2001-01-01"),
            ("W", [0, 2, 2, 16], "2000-11-19", "2001-03-11"),
            ("7D", [0, 2, 2, 15], "2000-11-15", "2001-02-28"),
        ] {
            let (found, named) = labels(step, &times);
            assert_eq!(found, codes, "{step}");
            assert_eq!((named[0].as_str(), named[named.len() - 1].as_str()), (first, last), "{step}");
        }
        for wrong in ["", "3", "0D", "X", "D-JAN", "QS-FOO", "MS-JAN"] {
            assert!(Frequency::parse("test", wrong).is_err(), "{wrong}");
        }
    }
}
