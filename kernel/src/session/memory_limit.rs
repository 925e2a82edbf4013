//! How much memory the user's code may take.

use std::fmt;
use std::str::FromStr;

/// Units, the largest first; a number without one is of [`PLAIN`].
const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", PLAIN), ("KiB", 1 << 10), ("B", 1)];
const PLAIN: u64 = 1 << 20;
const OFF: &str = "off";

/// The most memory that the process of the user's code may have, if there is a limit.
///
/// It is written `2 GiB`, `500 MiB` or `off`, and read in that form again; a number alone is MiB.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemoryLimit {
    /// 0 is no limit.
    bytes: u64,
}

impl MemoryLimit {
    /// A limit of so many bytes; 0 is none.
    pub fn of_bytes(bytes: u64) -> Self {
        MemoryLimit { bytes }
    }

    /// In bytes; 0 where there is no limit.
    pub fn bytes(self) -> u64 {
        self.bytes
    }

    /// Whether there is no limit.
    pub fn is_off(self) -> bool {
        self.bytes == 0
    }
}

impl fmt::Display for MemoryLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_off() {
            return f.write_str(OFF);
        }
        let (unit, size) = UNITS.into_iter().find(|(_, size)| self.bytes.is_multiple_of(*size)).unwrap_or(("B", 1));
        write!(f, "{} {unit}", self.bytes / size)
    }
}

impl FromStr for MemoryLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.eq_ignore_ascii_case(OFF) {
            return Ok(MemoryLimit::default());
        }
        let refused = |why: &str| {
            format!("`{text}` is no limit of memory: {why}. Write `500MiB`, `2GiB`, a whole number of MiB, or `{OFF}`")
        };
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (digits, unit) = (&text[..end], text[end..].trim());
        if digits.is_empty() {
            return Err(refused("it begins with no whole number"));
        }
        let known = UNITS.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).map(|(_, size)| size);
        let size = known.or(unit.is_empty().then_some(PLAIN)).ok_or_else(|| refused("the unit is not known"))?;
        match digits.parse::<u64>().ok().and_then(|number| number.checked_mul(size)) {
            Some(0) => Err(refused("nothing can run in no memory at all")),
            Some(bytes) => Ok(MemoryLimit { bytes }),
            None => Err(refused("no machine has so much")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn limits_are_read_in_the_units_that_people_use() {
        let bytes = |text: &str| text.parse::<MemoryLimit>().map(MemoryLimit::bytes);
        assert_eq!(bytes("300"), Ok(300 << 20));
        assert_eq!(bytes("512KiB"), Ok(512 << 10));
        assert_eq!(bytes(" 2 gib "), Ok(2 << 30));
        assert_eq!(bytes("OFF"), Ok(0));
        for (wrong, why) in [
            ("0", "no memory at all"),
            ("", "no whole number"),
            ("-1", "no whole number"),
            ("1.5GiB", "unit"),
            ("2 GB", "unit"),
            ("99999999999999999999", "no machine"),
            ("99999999999GiB", "no machine"),
        ] {
            let error = bytes(wrong).unwrap_err();
            assert!(error.contains(why) && error.contains("`2GiB`"), "{wrong}: {error}");
        }
    }

    #[test]
    fn limits_are_written_in_the_largest_unit_that_fits() {
        let written = [0, 300 << 20, 2048 << 20, 1536 << 20, 1 << 10, 2_000_000_001].map(MemoryLimit::of_bytes);
        let written = written.map(|limit| limit.to_string());
        assert_eq!(written, ["off", "300 MiB", "2 GiB", "1536 MiB", "1 KiB", "2000000001 B"]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(bytes in 0..u64::MAX) {
            let limit = MemoryLimit::of_bytes(bytes);
            prop_assert_eq!(limit.to_string().parse(), Ok(limit));
        }
    }
}
