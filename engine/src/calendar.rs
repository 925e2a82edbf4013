//! Days and dates of the Gregorian calendar, which is taken to have always been there.
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
