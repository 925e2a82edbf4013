//! Durations, sizes and dates as people read them. The script of the task stream has the same rules.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::calendar::date_of_day;

/// A duration in nanoseconds, with three digits that count: `640 ns`, `12.5 µs`, `3.20 s`, `4 min 05 s`.
pub(super) fn duration(nanoseconds: u64) -> String {
    let value = nanoseconds as f64;
    match nanoseconds {
        0 => "0 s".to_owned(),
        1..1_000 => format!("{nanoseconds} ns"),
        1_000..999_500 => format!("{} µs", three_digits(value / 1e3)),
        999_500..999_500_000 => format!("{} ms", three_digits(value / 1e6)),
        999_500_000..99_500_000_000 => format!("{} s", three_digits(value / 1e9)),
        _ => {
            let seconds = nanoseconds.saturating_add(500_000_000) / 1_000_000_000;
            let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
            if hours > 0 { format!("{hours} h {minutes:02} min") } else { format!("{minutes} min {seconds:02} s") }
        }
    }
}

/// A size in bytes, in binary units: `640 B`, `1.50 MiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{} {}", three_digits(value), UNITS[unit])
}

/// The bytes that `64 MiB`, `64MiB`, `1.5 GB` or `100 kB` are; nothing for a number without a unit, which would rather be a
/// length.
pub(crate) fn bytes_in(text: &str) -> Option<u64> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|letter: char| letter.is_ascii_alphabetic())?);
    let one = match unit.to_ascii_lowercase().as_str() {
        "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    let bytes = number.trim().parse::<f64>().ok()? * one;
    (bytes >= 1.0 && bytes < u64::MAX as f64).then_some(bytes as u64)
}

fn three_digits(value: f64) -> String {
    match value {
        ..9.995 => format!("{value:.2}"),
        ..99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// A share of 1 as a percentage; what is there but rounds to nothing is `<0.1%`.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.1 { "<0.1%".to_owned() } else { format!("{percent:.1}%") }
}

/// A key as a hover shows it: small ones are places in a graph and decimal, large ones are hashes and hexadecimal.
pub(super) fn key(key: u64) -> String {
    if u32::try_from(key).is_ok() { key.to_string() } else { format!("{key:016x}") }
}

/// `2026-03-01 14:05:09 UTC`.
pub(super) fn date(time: SystemTime) -> String {
    let seconds = match time.duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_secs() as i64,
        Err(before) => -(before.duration().as_secs() as i64),
    };
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date_of_day(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// A moment, with as many digits as it takes to tell it from one that is `resolution` nanoseconds later: `20.215 s`.
pub(super) fn moment(at: u64, resolution: u64) -> String {
    if at == 0 {
        return "0 s".to_owned();
    }
    let (unit, name) = unit_for(at);
    format!("{:.*} {name}", decimals(unit, resolution.max(1)), at as f64 / unit as f64)
}

/// The unit in which moments up to `to` are written: its nanoseconds and its name.
fn unit_for(to: u64) -> (u64, &'static str) {
    match to {
        0..2_000 => (1, "ns"),
        2_000..2_000_000 => (1_000, "µs"),
        2_000_000..2_000_000_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    }
}

/// Decimals that show a difference of `step` nanoseconds.
fn decimals(unit: u64, step: u64) -> usize {
    let mut decimals = 0;
    let mut shown = unit;
    while step < shown && decimals < 9 {
        shown /= 10;
        decimals += 1;
    }
    decimals
}

/// Moments for an axis from `from` to `to` nanoseconds: about `wanted` of them, at steps of 1, 2 or 5 times a power of
/// ten, with their texts, all in one unit.
pub(super) fn ticks(from: u64, to: u64, wanted: usize) -> Vec<(u64, String)> {
    let length = to.saturating_sub(from).max(1);
    let rough = (length / wanted.max(1) as u64).max(1);
    let mut power = 1_u64;
    while rough / power >= 10 {
        power *= 10;
    }
    let step = [1, 2, 5, 10].into_iter().map(|times| power.saturating_mul(times)).find(|&step| step >= rough);
    let step = step.unwrap_or(rough).max(1);
    let (unit, name) = unit_for(to);
    let decimals = decimals(unit, step);
    let mut ticks = Vec::new();
    let mut at = from.div_ceil(step).saturating_mul(step);
    while at <= to && ticks.len() <= 4 * wanted + 4 {
        let text = if at == 0 { "0 s".to_owned() } else { format!("{:.decimals$} {name}", at as f64 / unit as f64) };
        ticks.push((at, text));
        match at.checked_add(step) {
            Some(next) => at = next,
            None => break,
        }
    }
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn durations_have_three_digits() {
        let cases = [0, 640, 12_500, 999_499, 999_500, 3_204_000_000, 99_400_000_000, 245_000_000_000, u64::MAX];
        let texts = ["0 s", "640 ns", "12.5 µs", "999 µs", "1.00 ms", "3.20 s", "99.4 s", "4 min 05 s"];
        for (nanoseconds, text) in cases.into_iter().zip(texts) {
            assert_eq!(duration(nanoseconds), text);
        }
        assert!(duration(u64::MAX).contains(" h "));
    }

    #[test]
    fn sizes_are_binary() {
        assert_eq!([0, 640, 1024, 1_572_864].map(bytes), ["0 B", "640 B", "1.00 KiB", "1.50 MiB"]);
        assert_eq!(bytes(u64::MAX), "16.0 EiB");
        assert_eq!([0.0, 0.0001, 0.5].map(percent), ["0.0%", "<0.1%", "50.0%"]);
        assert_eq!(key(12), "12");
        assert_eq!(key(u64::MAX - 1), "fffffffffffffffe");
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        let after = |seconds| date(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(after(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(after(951_782_399), "2000-02-28 23:59:59 UTC");
        assert_eq!(after(951_782_400), "2000-02-29 00:00:00 UTC");
        assert_eq!(after(1_772_373_909), "2026-03-01 14:05:09 UTC");
        assert_eq!(date(UNIX_EPOCH - Duration::from_secs(1)), "1969-12-31 23:59:59 UTC");
    }

    #[test]
    fn ticks_are_round_and_few() {
        let texts: Vec<_> = ticks(0, 1_000_000_000, 5).into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, ["0 s", "200 ms", "400 ms", "600 ms", "800 ms", "1000 ms"]);
        for (from, to) in [(0, 0), (0, 1), (5, 7), (0, u64::MAX), (u64::MAX - 1, u64::MAX), (9, 3)] {
            assert!(ticks(from, to, 6).len() <= 28, "{from} to {to}");
        }
        assert_eq!(ticks(3_000_000_000, 3_200_000_000, 4)[1].1, "3.05 s");
    }

    #[test]
    fn moments_are_told_apart() {
        assert_eq!(moment(20_215_400_000, 1_000_000), "20.215 s");
        assert_eq!(moment(20_215_400_000, 60_000_000_000), "20 s");
        assert_eq!([moment(0, 1), moment(1_500, 1), moment(1_768_000, 800)], ["0 s", "1500 ns", "1768.0 µs"]);
    }
}
