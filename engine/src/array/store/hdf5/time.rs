//! Times as the CF conventions write them: a number of units since a date, in a calendar.

/// How years are made of days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Calendar {
    /// The Gregorian calendar from 1582-10-15 on, the Julian one before.
    Standard,
    /// The Gregorian calendar also before there was one.
    ProlepticGregorian,
    /// The Julian calendar.
    Julian,
    /// No leap years: `noleap`, `365_day`.
    NoLeap,
    /// Leap years only: `all_leap`, `366_day`.
    AllLeap,
    /// Twelve months of 30 days: `360_day`.
    Day360,
}

/// A date and time of day, in a calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)] // each is what it is called
pub struct DateTime {
    pub year: i64,
    pub month: u32,
    pub day: u32,
    pub hour: u32,
    pub minute: u32,
    pub second: u32,
}

impl std::fmt::Display for DateTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let DateTime { year, month, day, hour, minute, second } = self;
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }
}

const DAY: i64 = 86_400;
/// Years beyond this are no dates.
const FARTHEST: i64 = 1_000_000;

impl Calendar {
    /// From the name that the CF conventions give it.
    pub fn named(name: &str) -> Option<Calendar> {
        Some(match name.to_ascii_lowercase().as_str() {
            "standard" | "gregorian" | "" => Calendar::Standard,
            "proleptic_gregorian" => Calendar::ProlepticGregorian,
            "julian" => Calendar::Julian,
            "noleap" | "365_day" => Calendar::NoLeap,
            "all_leap" | "366_day" => Calendar::AllLeap,
            "360_day" => Calendar::Day360,
            _ => return None,
        })
    }

    /// Days from 1970-01-01 to a date, both in this calendar; the Julian one calls that day 1969-12-19.
    pub(crate) fn days(self, year: i64, month: u32, day: u32) -> i64 {
        let of_year = |leap: bool| {
            const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
            BEFORE[month as usize - 1] + i64::from(leap && month > 2) + i64::from(day) - 1
        };
        match self {
            Calendar::Standard if (year, month, day) < (1582, 10, 15) => Calendar::Julian.days(year, month, day),
            Calendar::Standard | Calendar::ProlepticGregorian => {
                let before = year - 1;
                let leaps = before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400);
                let leap = year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0);
                // 719162 days from 0001-01-01 to 1970-01-01.
                before * 365 + leaps + of_year(leap) - 719_162
            }
            // The first day of the first year was two days earlier.
            Calendar::Julian => {
                (year - 1) * 365 + (year - 1).div_euclid(4) + of_year(year.rem_euclid(4) == 0) - 719_164
            }
            Calendar::NoLeap => (year - 1970) * 365 + of_year(false),
            Calendar::AllLeap => (year - 1970) * 366 + of_year(true),
            Calendar::Day360 => (year - 1970) * 360 + i64::from(month - 1) * 30 + i64::from(day) - 1,
        }
    }

    /// The date that is so many seconds after 1970-01-01, counted in this calendar; the Julian one calls that day
    /// 1969-12-19.
    pub fn date(self, seconds: i64) -> DateTime {
        let (days, rest) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
        let mut year = 1970 + days.div_euclid(366);
        while self.days(year + 1, 1, 1) <= days {
            // At least a year short for each 366 days that are left.
            year += ((days - self.days(year, 1, 1)) / 366).max(1);
        }
        while self.days(year, 1, 1) > days {
            year -= 1;
        }
        let month = (1..=12).rev().find(|&month| self.days(year, month, 1) <= days).unwrap_or(1);
        let first = self.days(year, month, 1);
        let mut day = (days - first) as u32 + 1;
        if self == Calendar::Standard && (year, month) == (1582, 10) && day > 4 {
            // Ten days that never were.
            day += 10;
        }
        let rest = rest as u32;
        DateTime { year, month, day, hour: rest / 3600, minute: rest / 60 % 60, second: rest % 60 }
    }
}

/// What the numbers of a time variable mean: `days since 1850-01-01`, in a calendar.
///
/// ```
/// use taskloom::array::store::TimeUnits;
/// let units = TimeUnits::parse("days since 1850-01-01", "365_day").unwrap();
/// assert_eq!(units.date(59.5).to_string(), "1850-03-01 12:00:00");
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimeUnits {
    unit: f64,
    origin: i64,
    calendar: Calendar,
}

impl TimeUnits {
    /// Reads the attributes `units` and `calendar`; nothing where they are not times, or of months and years, which have no
    /// length.
    pub fn parse(units: &str, calendar: &str) -> Option<TimeUnits> {
        let calendar = Calendar::named(calendar)?;
        let (unit, date) = units.split_once(" since ")?;
        let unit = match unit.trim().to_ascii_lowercase().as_str() {
            "microsecond" | "microseconds" | "us" => 1e-6,
            "millisecond" | "milliseconds" | "msec" | "msecs" | "ms" => 1e-3,
            "second" | "seconds" | "sec" | "secs" | "s" => 1.0,
            "minute" | "minutes" | "min" | "mins" => 60.0,
            "hour" | "hours" | "hr" | "hrs" | "h" => 3600.0,
            "day" | "days" | "d" => 86_400.0,
            "week" | "weeks" => 604_800.0,
            _ => return None,
        };
        let date = date.trim().trim_end_matches("UTC").trim_end_matches('Z').trim();
        let (date, time) = date.split_once(['T', ' ']).unwrap_or((date, ""));
        let (before, date) = date.strip_prefix('-').map_or((1, date), |date| (-1, date));
        let mut parts = date.split('-').map(|part| part.parse::<i64>().ok());
        let (year, month, day) =
            (parts.next()?? * before, parts.next().unwrap_or(Some(1))?, parts.next().unwrap_or(Some(1))?);
        if year.abs() > FARTHEST || !(1..=12).contains(&month) || !(1..=31).contains(&day) || parts.next().is_some() {
            return None;
        }
        let mut words = time.split_whitespace();
        let (clock, zone) = match words.next() {
            None => ("", ""),
            Some(clock) => match clock.rfind(['+', '-']) {
                Some(at) => clock.split_at(at),
                None => (clock, words.next().unwrap_or("")),
            },
        };
        let hours = |text: &str| -> Option<f64> {
            let mut scale = 3600.0;
            text.split(':').filter(|part| !part.is_empty()).try_fold(0.0, |seconds, part| {
                let part: f64 = part.parse().ok()?;
                let more = part * scale;
                scale /= 60.0;
                (0.0..1e6).contains(&part).then_some(seconds + more)
            })
        };
        let zone = match zone.strip_prefix('-') {
            Some(zone) => -hours(zone)?,
            None => hours(zone.trim_start_matches('+'))?,
        };
        let seconds = hours(clock)? - zone;
        let origin = calendar.days(year, month as u32, day as u32) * DAY + seconds.round() as i64;
        Some(TimeUnits { unit, origin, calendar })
    }

    /// The calendar.
    pub fn calendar(&self) -> Calendar {
        self.calendar
    }

    /// A stored number as seconds since 1970-01-01, both counted in the calendar.
    pub fn seconds(&self, value: f64) -> i64 {
        self.origin.saturating_add((value * self.unit).round() as i64)
    }

    /// A stored number as a date.
    pub fn date(&self, value: f64) -> DateTime {
        let farthest = FARTHEST * 366 * DAY;
        self.calendar.date(self.seconds(value).clamp(-farthest, farthest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_cftime() {
        for (units, calendar, value, date) in [
            ("days since 1850-01-01", "standard", 0.0, "1850-01-01 00:00:00"),
            ("days since 1850-01-01 12:00:00", "gregorian", 59.25, "1850-03-01 18:00:00"),
            ("hours since 1900-01-01 00:00:0.0", "", 1_000_000.0, "2014-01-29 16:00:00"),
            ("days since 2000-01-01", "365_day", 59.0, "2000-03-01 00:00:00"),
            ("days since 2000-01-01", "366_day", 59.0, "2000-02-29 00:00:00"),
            ("days since 2000-01-01", "360_day", 359.0, "2000-12-30 00:00:00"),
            ("days since 1582-10-04", "standard", 1.0, "1582-10-15 00:00:00"),
            ("days since 1582-10-15", "standard", -1.0, "1582-10-04 00:00:00"),
            ("days since 1582-10-04", "proleptic_gregorian", 1.0, "1582-10-05 00:00:00"),
            ("days since 0001-01-01", "julian", 719_164.0, "1969-12-19 00:00:00"),
            ("seconds since 1970-01-01T00:00:00Z", "standard", 951_782_400.0, "2000-02-29 00:00:00"),
            ("minutes since 2000-01-01 00:00:00 +01:30", "standard", 90.0, "2000-01-01 00:00:00"),
            ("days since 0000-01-01", "noleap", 365.0, "0001-01-01 00:00:00"),
        ] {
            let units = TimeUnits::parse(units, calendar).unwrap_or_else(|| panic!("{units}"));
            assert_eq!(units.date(value).to_string(), date);
        }
        assert_eq!(TimeUnits::parse("days since 1970-01-02", "standard").unwrap().seconds(0.5), 129_600);
        assert!(TimeUnits::parse("months since 1970-01-02", "standard").is_none());
        assert!(TimeUnits::parse("days since 1970-13-02", "standard").is_none());
        assert!(TimeUnits::parse("K", "standard").is_none());
    }

    #[test]
    fn days_are_counted_and_found_again() {
        use Calendar::*;
        for calendar in [Standard, ProlepticGregorian, Julian, NoLeap, AllLeap, Day360] {
            let mut before = None;
            for day in (-800_000..800_000).step_by(7) {
                let date = calendar.date(day * DAY);
                assert_eq!(calendar.days(date.year, date.month, date.day), day, "{calendar:?} {date}");
                assert!(before.replace(date).is_none_or(|before| before < date));
            }
        }
    }
}
