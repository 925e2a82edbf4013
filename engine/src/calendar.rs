//! Days and dates of the Gregorian calendar, which is taken to have always been there, and what texts say of times.
//!
//! The arithmetic is Howard Hinnant's ("chrono-Compatible Low-Level Date Algorithms"): years begin in March, so that the
//! leap day comes last.

/// Days from 1 March of the year 0 to 1970.
const TO_1970: i64 = 719_468;
/// Days of 400 years, after which leap years come in the same order again.
const ERA: i64 = 146_097;

/// Year, month and day of a day, counted from 1 January 1970.
pub(crate) fn date_of_day(day: i64) -> (i64, u32, u32) {
    let since = day.saturating_add(TO_1970);
    let era = since.div_euclid(ERA);
    let of_era = since.rem_euclid(ERA);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month as u32, day as u32)
}

/// Days from 1 January 1970 to the first of a month.
pub(crate) fn days_before(year: i64, month: u32) -> i64 {
    let (year, month) = if month <= 2 { (year - 1, i64::from(month) + 9) } else { (year, i64::from(month) - 3) };
    let of_era = year.rem_euclid(400);
    let of_year = (153 * month + 2) / 5;
    year.div_euclid(400) * ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year - TO_1970
}

/// What a text says of a time: the shorter it is, the more it covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Precision {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
}

/// The seconds of a day.
pub(crate) const DAY: i64 = 86_400;

/// The first second that a text such as `2000-02` or `2000-02-29 12:30` speaks of, the first one behind, and how precise it
/// is; parts of seconds are left away. `day_of` gives the day of a date, counted from 1970, where the calendar has it.
pub(crate) fn moments(text: &str, day_of: impl Fn(i64, u32, u32) -> Option<i64>) -> Option<(i64, i64, Precision)> {
    let text = text.trim().trim_end_matches('Z');
    let (before, text) = text.strip_prefix('-').map_or((1, text), |text| (-1, text));
    let (date, clock) = text.split_once(['T', ' ']).map_or((text, None), |(date, clock)| (date, Some(clock)));
    let number = |part: &str| part.parse::<u32>().ok().filter(|_| part.bytes().all(|byte| byte.is_ascii_digit()));
    let mut parts = date.split('-').map(number);
    let year = i64::from(parts.next()??) * before;
    if date.split('-').next()?.len() < 4 || year.abs() > 999_999 {
        return None;
    }
    let (month, day) = (parts.next(), parts.next());
    if parts.next().is_some() || (clock.is_some() && day.is_none()) {
        return None;
    }
    let (month_number, day_number) = (month.unwrap_or(Some(1))?, day.unwrap_or(Some(1))?);
    if !(1..=12).contains(&month_number) || !(1..=31).contains(&day_number) {
        return None;
    }
    let first = day_of(year, month_number, day_number)?;
    let Some(clock) = clock else {
        let (behind, precision) = match (month, day) {
            (None, _) => (day_of(year + 1, 1, 1)?, Precision::Year),
            (Some(_), None) if month_number == 12 => (day_of(year + 1, 1, 1)?, Precision::Month),
            (Some(_), None) => (day_of(year, month_number + 1, 1)?, Precision::Month),
            _ => (first + 1, Precision::Day),
        };
        return Some((first * DAY, behind * DAY, precision));
    };
    let mut parts = clock.split(':').map(|part| number(part.split('.').next()?));
    let hour = parts.next()??;
    let (minute, second) = (parts.next(), parts.next());
    let (minutes, seconds) = (minute.unwrap_or(Some(0))?, second.unwrap_or(Some(0))?);
    if hour > 23 || minutes > 59 || seconds > 59 || parts.next().is_some() {
        return None;
    }
    let at = first * DAY + i64::from(hour) * 3600 + i64::from(minutes) * 60 + i64::from(seconds);
    Some(match (minute, second) {
        (None, _) => (at, at + 3600, Precision::Hour),
        (Some(_), None) => (at, at + 60, Precision::Minute),
        _ => (at, at + 1, Precision::Second),
    })
}

/// The day of a date, counted from 1 January 1970, where there is such a date.
pub(crate) fn day_of_date(year: i64, month: u32, day: u32) -> Option<i64> {
    let number = days_before(year, month) + i64::from(day) - 1;
    (date_of_day(number) == (year, month, day)).then_some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_days_have_their_dates() {
        assert_eq!(date_of_day(0), (1970, 1, 1));
        assert_eq!(date_of_day(-1), (1969, 12, 31));
        assert_eq!(date_of_day(11_016), (2000, 2, 29));
        assert_eq!(date_of_day(days_before(2100, 3) - 1), (2100, 2, 28));
    }

    proptest! {
        #[test]
        fn dates_come_back(month in -20_000i64..20_000) {
            let (year, month) = (month.div_euclid(12), month.rem_euclid(12) as u32 + 1);
            prop_assert_eq!(date_of_day(days_before(year, month)), (year, month, 1));
        }
    }
}
