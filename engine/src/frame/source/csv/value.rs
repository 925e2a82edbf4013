//! Values of fields: numbers, truth values, dates and times, from bytes.

/// A whole number that fits into the type.
pub(super) trait Integer: Copy + Default + Send + 'static {
    fn parse(text: &[u8]) -> Option<Self>;
}

macro_rules! integers {
    ($($type:ty)*) => { $(
        impl Integer for $type {
            #[inline]
            fn parse(text: &[u8]) -> Option<$type> {
                whole(text).and_then(|number| <$type>::try_from(number).ok())
            }
        }
    )* };
}
integers!(i8 i16 i32 u8 u16 u32);

impl Integer for i64 {
    #[inline]
    fn parse(text: &[u8]) -> Option<i64> {
        whole(text)
    }
}

impl Integer for u64 {
    #[inline]
    fn parse(text: &[u8]) -> Option<u64> {
        let digits = text.strip_prefix(b"+").unwrap_or(text);
        match digits.len() {
            1..=19 if digits.iter().all(u8::is_ascii_digit) => {
                Some(digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
            }
            20.. if digits.iter().all(u8::is_ascii_digit) => std::str::from_utf8(digits).ok()?.parse().ok(),
            _ => None,
        }
    }
}

#[inline]
fn whole(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    // Nineteen digits may be too many for an `i64`.
    if digits.is_empty() || digits.len() > 18 {
        return long(text, digits);
    }
    let mut number = 0_i64;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number * 10 + i64::from(digit);
    }
    Some(if negative { -number } else { number })
}

#[cold]
fn long(text: &[u8], digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Powers of ten that a double holds exactly.
const TENS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// The double that is nearest to a decimal number.
#[inline]
pub(super) fn float(text: &[u8]) -> Option<f64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    // Up to 15 digits are a number that a double holds exactly, and so is the power of ten: one division rounds once.
    if digits.is_empty() || digits.len() > 16 {
        return any_float(text);
    }
    let (mut number, mut point) = (0_u64, usize::MAX);
    for (place, &byte) in digits.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            number = number * 10 + u64::from(digit);
        } else if byte == b'.' && point == usize::MAX {
            point = place;
        } else {
            return any_float(text);
        }
    }
    let value = match point {
        usize::MAX if digits.len() <= 15 => number as f64,
        usize::MAX => return any_float(text),
        _ if digits.len() == 1 => return None,
        point => number as f64 / TENS[digits.len() - 1 - point],
    };
    Some(if negative { -value } else { value })
}

#[cold]
fn any_float(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// `float` for single precision: rounded once, from the decimal number.
#[inline]
pub(super) fn single(text: &[u8]) -> Option<f32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[inline]
pub(super) fn boolean(text: &[u8]) -> Option<bool> {
    match text.len() {
        4 if text.eq_ignore_ascii_case(b"true") => Some(true),
        5 if text.eq_ignore_ascii_case(b"false") => Some(false),
        _ => None,
    }
}

#[inline]
fn digits(text: &[u8]) -> Option<u32> {
    text.iter().try_fold(0_u32, |number, &byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit <= 9).then(|| number * 10 + u32::from(digit))
    })
}

/// Days from 1970-01-01 to a day of the Gregorian calendar, which reaches back before its beginning.
#[inline]
pub(super) fn days(year: i32, month: u32, day: u32) -> i32 {
    // Years that begin in March have their leap days at the end.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month as i32 + 9) % 12) + 2) / 5 + day as i32 - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn month_len(year: i32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// `2015-01-31`, as days since 1970.
#[inline]
pub(super) fn date(text: &[u8]) -> Option<i32> {
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = *text else { return None };
    let year = digits(&[y0, y1, y2, y3])? as i32;
    let (month, day) = (digits(&[m0, m1])?, digits(&[d0, d1])?);
    if month == 0 || month > 12 || day == 0 || day > month_len(year, month) {
        return None;
    }
    Some(days(year, month, day))
}

/// A point in time: nanoseconds of its day, the day, and how far it is from UTC when the text says so.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Moment {
    pub(super) day: i32,
    pub(super) nanos: i64,
    pub(super) offset_seconds: Option<i32>,
}

impl Moment {
    /// Since 1970, in units of which a second has so many; by UTC where the text says how far it is from that.
    #[inline]
    pub(super) fn ticks(self, a_second: i64) -> Option<i64> {
        let seconds = i64::from(self.day) * 86_400 - i64::from(self.offset_seconds.unwrap_or(0));
        seconds.checked_mul(a_second)?.checked_add(self.nanos / (1_000_000_000 / a_second))
    }
}

/// Remembers the last day: neighbouring rows often have the same.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct LastDay {
    text: [u8; 10],
    day: i32,
}

/// `2015-01-31 23:59`, `2015-01-31T23:59:59.123456Z`, `… 23:59:59+01:00`.
#[inline]
pub(super) fn moment(text: &[u8], last: &mut LastDay) -> Option<Moment> {
    let (first, rest) = text.split_first_chunk::<10>()?;
    if *first != last.text {
        let day = date(first)?;
        *last = LastDay { text: *first, day };
    }
    let day = last.day;
    let [b' ' | b'T', h0, h1, b':', m0, m1, rest @ ..] = rest else { return None };
    let (hour, minute) = (digits(&[*h0, *h1])?, digits(&[*m0, *m1])?);
    let (second, rest) = match rest {
        [b':', s0, s1, rest @ ..] => (digits(&[*s0, *s1])?, rest),
        rest => (0, rest),
    };
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut nanos = i64::from(hour * 3600 + minute * 60 + second) * 1_000_000_000;
    let offset_seconds = match rest {
        [] => None,
        rest => {
            let (part, rest) = fraction(rest)?;
            nanos += part;
            offset(rest)?
        }
    };
    Some(Moment { day, nanos, offset_seconds })
}

/// Nanoseconds after the point, if there is one, and what follows.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let [b'.' | b',', rest @ ..] = text else { return Some((0, text)) };
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (part, rest) = rest.split_at(count);
    // Less than a nanosecond is cut off.
    let part = &part[..count.min(9)];
    (count > 0).then_some(())?;
    Some((i64::from(digits(part)?) * 10_i64.pow(9 - part.len() as u32), rest))
}

fn offset(text: &[u8]) -> Option<Option<i32>> {
    let (sign, rest) = match text {
        [] => return Some(None),
        b"Z" | b"z" => return Some(Some(0)),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match *rest {
        [h0, h1] => (digits(&[h0, h1])?, 0),
        [h0, h1, m0, m1] | [h0, h1, b':', m0, m1] => (digits(&[h0, h1])?, digits(&[m0, m1])?),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then(|| Some(sign * (hours * 3600 + minutes * 60) as i32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_nearest() {
        for text in
            ["0", "-0.0", "12.5", "0.1", "123456789012345", "1.7976931348623157e308", "5.33", ".5", "5.", "-.25"]
        {
            assert_eq!(float(text.as_bytes()).map(f64::to_bits), text.parse::<f64>().ok().map(f64::to_bits), "{text}");
        }
        for text in ["", ".", "-", "1.2.3", "1,5", "0x10", "1_000", "--1"] {
            assert_eq!(float(text.as_bytes()), None, "{text}");
        }
        assert!(float(b"nan").is_some_and(f64::is_nan));
        assert_eq!(i64::parse(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(i64::parse(b"9223372036854775808"), None);
        assert_eq!(u64::parse(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(u64::parse(b"18446744073709551616"), None);
        assert_eq!(u64::parse(b"-1"), None);
        assert_eq!((i8::parse(b"-128"), i8::parse(b"128"), u8::parse(b"-1")), (Some(-128), None, None));
        assert_eq!(
            (i64::parse(b"+7"), i64::parse(b"+-7"), i64::parse(b"1e3"), i64::parse(b"")),
            (Some(7), None, None, None)
        );
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(date(b"1970-01-01"), Some(0));
        assert_eq!(date(b"2000-02-29"), Some(11_016));
        assert_eq!(date(b"1969-12-31"), Some(-1));
        assert_eq!(date(b"0000-01-01"), Some(-719_528));
        for wrong in ["1900-02-29", "2015-13-01", "2015-00-01", "2015-04-31", "2015-1-01", "15-01-01", "2015/01/01"] {
            assert_eq!(date(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn moments_have_parts_of_seconds_and_offsets() {
        let at = |text: &str| moment(text.as_bytes(), &mut LastDay::default());
        let ticks = |text: &str| at(text).and_then(|moment| moment.ticks(1_000_000));
        assert_eq!(ticks("1970-01-01 00:00:01"), Some(1_000_000));
        assert_eq!(ticks("1970-01-01T00:01"), Some(60_000_000));
        assert_eq!(ticks("1970-01-01T00:00:00.25"), Some(250_000));
        assert_eq!(ticks("1970-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(at("1970-01-01T01:00:00Z").map(|moment| moment.offset_seconds), Some(Some(0)));
        assert_eq!(ticks("1969-12-31 23:59:59.5"), Some(-500_000));
        for wrong in
            ["1970-01-01", "1970-01-01 24:00", "1970-01-01 00:60", "1970-01-01 00:00:00.", "1970-01-01 00:00:00 x"]
        {
            assert_eq!(at(wrong), None, "{wrong}");
        }
    }
}
