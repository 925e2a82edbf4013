//! Round numbers and dates along an axis, and how they are written.

use crate::calendar::{date_of_day, days_before};
use crate::draw::grouped;

/// The smallest of 1, 2, 5, 10, 20, … times a power of ten that is not below.
pub(super) fn round_step(least: f64) -> f64 {
    if !(least.is_finite() && least > 0.0) {
        return 1.0;
    }
    let power = 10f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|&step| step >= least * (1.0 - 1e-9))
        .unwrap_or(10.0 * power)
}

/// The multiples of a step from `lo` to `hi`, both included where they are multiples.
pub(super) fn multiples(lo: f64, hi: f64, step: f64) -> Vec<f64> {
    // Counted, so that rounding does not add up; the bound is against steps that are lost in the numbers' own precision.
    let (first, last) = ((lo / step - 1e-9).ceil(), (hi / step + 1e-9).floor());
    let count = ((last - first) as usize).min(1000);
    if last < first {
        return Vec::new();
    }
    (0..=count).map(|place| clean((first + place as f64) * step, step)).collect()
}

/// A multiple of a step without the dust of binary fractions: 0.3, not 0.30000000000000004.
pub(super) fn clean(value: f64, step: f64) -> f64 {
    let digits = -step.abs().log10().floor();
    if !(0.0..=300.0).contains(&digits) {
        return value;
    }
    let scale = 10f64.powf(digits);
    let cleaned = (value * scale).round() / scale;
    if cleaned.is_finite() { cleaned + 0.0 } else { value }
}

/// How the numbers of an axis are written, in the notation of d3, which Vega uses too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notation {
    /// 10,000 and 0.25.
    Plain,
    /// 250k and 1.5M.
    Prefix,
    /// 5e−7.
    Exponent,
}

impl Notation {
    /// What suits numbers up to this size.
    pub(super) fn of(largest: f64) -> Self {
        match largest.abs() {
            size if (1e6..1e15).contains(&size) => Notation::Prefix,
            size if size >= 1e15 || (size > 0.0 && size < 1e-3) => Notation::Exponent,
            _ => Notation::Plain,
        }
    }

    /// d3's name for it; none for its own default.
    pub(super) fn d3(self) -> Option<&'static str> {
        match self {
            Notation::Plain => None,
            Notation::Prefix => Some("~s"),
            Notation::Exponent => Some("~e"),
        }
    }

    /// The text of a number on an axis with this step.
    pub(super) fn write(self, value: f64, step: f64) -> String {
        let text = match self {
            Notation::Plain => {
                let decimals = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
                let text = format!("{:.decimals$}", value.abs());
                match text.split_once('.') {
                    Some((whole, part)) => format!("{}.{part}", thousands(whole)),
                    None => thousands(&text),
                }
            }
            Notation::Prefix => {
                let size = value.abs();
                let units = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
                let (unit, prefix) = units.into_iter().find(|(unit, _)| size >= *unit).unwrap_or((1.0, ""));
                format!("{}{prefix}", trimmed(&format!("{:.3}", size / unit)))
            }
            Notation::Exponent if value == 0.0 => "0".to_owned(),
            Notation::Exponent => {
                let text = format!("{:.3e}", value.abs());
                let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
                format!("{}e{}", trimmed(digits), exponent.replace('-', "−"))
            }
        };
        let is_zero = text.chars().all(|digit| matches!(digit, '0' | '.'));
        if value < 0.0 && !is_zero { format!("−{text}") } else { text }
    }
}

fn thousands(whole: &str) -> String {
    whole.parse().map_or_else(|_| whole.to_owned(), grouped)
}

fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// A number for a person to read, with four significant digits.
pub(super) fn short(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let size = value.abs();
    let notation = Notation::of(value);
    let step = if size > 0.0 { 10f64.powf(size.log10().floor() - 3.0) } else { 1.0 };
    let text = notation.write(value, step.min(1.0));
    if notation == Notation::Plain { trimmed(&text).to_owned() } else { text }
}

const SECOND: f64 = 1e3;
const MINUTE: f64 = 60.0 * SECOND;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;
const MONTH: f64 = 30.4 * DAY;
const YEAR: f64 = 365.25 * DAY;
/// Steps below a month that people count in.
const TIME_STEPS: [f64; 16] = [
    SECOND,
    5.0 * SECOND,
    15.0 * SECOND,
    30.0 * SECOND,
    MINUTE,
    5.0 * MINUTE,
    15.0 * MINUTE,
    30.0 * MINUTE,
    HOUR,
    3.0 * HOUR,
    6.0 * HOUR,
    12.0 * HOUR,
    DAY,
    2.0 * DAY,
    7.0 * DAY,
    14.0 * DAY,
];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Round points in time, in milliseconds since 1970, and how they are written.
pub(super) fn times(lo: f64, hi: f64, about: usize) -> Vec<(f64, String)> {
    let least = (hi - lo) / about.max(1) as f64;
    if least <= SECOND / 2.0 {
        let step = round_step(least);
        return multiples(lo, hi, step).into_iter().map(|time| (time, sub_second(time))).collect();
    }
    if let Some(step) = TIME_STEPS.into_iter().find(|&step| step >= least) {
        return multiples(lo, hi, step).into_iter().map(|time| (time, clock(time, step))).collect();
    }
    // Months and years are not equally long: count them in the calendar.
    let months = [1, 3, 6].into_iter().find(|&months| f64::from(months) * MONTH >= least);
    let months = months.map_or_else(|| 12 * round_step(least / YEAR).max(1.0) as i64, i64::from);
    let (year, month, _) = date(lo);
    let first = (year * 12 + i64::from(month) - 1).div_euclid(months) * months;
    (0..)
        .map(|place| first + place * months)
        .map(|month| (days_before(month.div_euclid(12), month.rem_euclid(12) as u32 + 1) as f64 * DAY, month))
        .skip_while(|(time, _)| *time < lo)
        .take_while(|(time, _)| *time <= hi)
        .map(|(time, month)| {
            let (year, name) = (month.div_euclid(12), MONTHS[month.rem_euclid(12) as usize]);
            (time, if months < 12 { format!("{name} {year}") } else { year.to_string() })
        })
        .take(100)
        .collect()
}

fn sub_second(time: f64) -> String {
    format!("{}s", trimmed(&format!("{:.3}", time.rem_euclid(MINUTE) / SECOND)))
}

fn clock(time: f64, step: f64) -> String {
    let (_, month, day) = date(time);
    let within = time.rem_euclid(DAY);
    let (hour, minute, second) = (within / HOUR, within % HOUR / MINUTE, within % MINUTE / SECOND);
    if step >= DAY || within == 0.0 {
        format!("{day} {}", MONTHS[month as usize - 1])
    } else if step >= MINUTE {
        format!("{:02}:{:02}", hour as u32, minute as u32)
    } else {
        format!("{:02}:{:02}:{:02}", hour as u32, minute as u32, second as u32)
    }
}

/// Year, month and day of a point in time.
fn date(time: f64) -> (i64, u32, u32) {
    date_of_day((time / DAY).floor() as i64)
}

/// A point in time as ISO 8601 has it, without what is zero at its end.
pub(super) fn iso(time: f64) -> String {
    if !time.is_finite() {
        return "–".to_owned();
    }
    let (year, month, day) = date(time);
    let within = time.rem_euclid(DAY);
    let day = format!("{year:04}-{month:02}-{day:02}");
    if within == 0.0 {
        day
    } else {
        format!("{day} {}", clock(time, if within % MINUTE == 0.0 { MINUTE } else { SECOND }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(lo: f64, hi: f64) -> Vec<String> {
        let step = round_step((hi - lo) / 5.0);
        multiples(lo, hi, step)
            .into_iter()
            .map(|value| Notation::of(lo.abs().max(hi.abs())).write(value, step))
            .collect()
    }

    #[test]
    fn ticks_are_round_and_written_as_people_do() {
        assert_eq!(labels(0.0, 1.0), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(-10.0, 10.0), ["−10", "−5", "0", "5", "10"]);
        assert_eq!(labels(0.0, 40_000.0), ["0", "10,000", "20,000", "30,000", "40,000"]);
        assert_eq!(labels(0.0, 2.5e6), ["0", "500k", "1M", "1.5M", "2M", "2.5M"]);
        assert_eq!(labels(0.0, 4e-7), ["0", "1e−7", "2e−7", "3e−7", "4e−7"]);
    }

    #[test]
    fn numbers_for_people_are_short() {
        let texts = [0.0, 3.0, -1.0 / 3.0, 1234.56, 2.5e7, 1e-9, f64::NAN].map(short);
        assert_eq!(texts, ["0", "3", "−0.3333", "1,235", "25M", "1e−9", "–"]);
    }

    #[test]
    fn times_stand_at_round_places_of_the_calendar() {
        let written = |lo: f64, hi: f64| times(lo, hi, 6).into_iter().map(|tick| tick.1).collect::<Vec<_>>();
        let leap = days_before(2024, 2) as f64 * DAY;
        assert_eq!(written(leap + 26.0 * DAY, leap + 30.0 * DAY), ["27 Feb", "28 Feb", "29 Feb", "1 Mar", "2 Mar"]);
        assert_eq!(written(0.0, DAY), ["1 Jan", "06:00", "12:00", "18:00", "2 Jan"]);
        assert_eq!(written(leap, leap + 300.0 * DAY), ["Apr 2024", "Jul 2024", "Oct 2024"]);
        assert_eq!(written(0.0, 50.0 * YEAR), ["1970", "1980", "1990", "2000", "2010", "2020"]);
        assert_eq!(iso(leap + 28.0 * DAY + 90.0 * MINUTE), "2024-02-29 01:30");
        assert_eq!(written(0.0, 10_000.0)[1], "00:00:05");
    }

    proptest! {
        #[test]
        fn there_are_always_a_few_ticks_within_the_axis(lo in -1e9..1e9f64, span in 1e-6..1e9f64) {
            let step = round_step(span / 6.0);
            let ticks = multiples(lo, lo + span, step);
            prop_assert!((2..=7).contains(&ticks.len()), "{ticks:?}");
            prop_assert!(ticks.iter().all(|&tick| tick >= lo - step * 1e-3 && tick <= lo + span + step * 1e-3));
        }

        #[test]
        fn time_ticks_are_few(lo in -1e13..1e13f64, exponent in 0.0..14.0f64) {
            let hi = lo + 10f64.powf(exponent);
            let ticks = times(lo, hi, 6);
            prop_assert!(ticks.len() <= 16, "{}", ticks.len());
            prop_assert!(ticks.iter().all(|(time, _)| *time >= lo - 1.0 && *time <= hi + 1.0));
        }
    }
}
