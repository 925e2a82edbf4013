//! HyperLogLog: about how many different values there are, in a fixed amount of memory.
//!
//! The registers are those of Flajolet, Fusy, Gandouet and Meunier (2007), the estimate is Otmar Ertl's ("New cardinality
//! estimation algorithms for HyperLogLog sketches", 2017), which is right for small and large numbers without tables. Few
//! values are kept as they are, so that small numbers are exact and small groups take little memory.

/// Bits of a hash that choose a register: 2¹⁴ registers of a byte.
const PRECISION: u32 = 14;
const REGISTERS: usize = 1 << PRECISION;
/// The longest run of zeros, plus one, that the other bits can have.
const LONGEST: usize = 64 - PRECISION as usize + 1;
/// So many hashes are kept as they are.
const KEPT: usize = 1024;

/// What is known of a set of values by their hashes.
///
/// With 2¹⁴ registers the standard error is 1.04 / √2¹⁴ = 0.8 %; up to 1024 values are counted exactly.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum HyperLogLog {
    /// The hashes, sorted, without repetitions.
    Few(Vec<u64>),
    Registers(Vec<u8>),
}

impl HyperLogLog {
    pub(super) fn new() -> Self {
        HyperLogLog::Few(Vec::new())
    }

    /// Takes in hashes of values.
    pub(super) fn extend(&mut self, hashes: impl IntoIterator<Item = u64>) {
        let mut hashes = hashes.into_iter().map(mixed);
        if let HyperLogLog::Few(few) = self {
            // In batches, so that repetitions do not pile up.
            while few.len() <= KEPT {
                let before = few.len();
                few.extend(hashes.by_ref().take(4 * KEPT));
                let has_more = few.len() == before + 4 * KEPT;
                few.sort_unstable();
                few.dedup();
                if !has_more {
                    break;
                }
            }
        }
        self.settle();
        if let HyperLogLog::Registers(registers) = self {
            hashes.for_each(|hash| note(registers, hash));
        }
    }

    /// Takes in what another has seen.
    pub(super) fn merge(&mut self, other: HyperLogLog) {
        match (&mut *self, other) {
            (HyperLogLog::Few(few), HyperLogLog::Few(other)) => {
                few.extend(other);
                few.sort_unstable();
                few.dedup();
            }
            (HyperLogLog::Registers(registers), HyperLogLog::Few(other)) => {
                other.into_iter().for_each(|hash| note(registers, hash));
            }
            (HyperLogLog::Few(few), HyperLogLog::Registers(mut registers)) => {
                few.iter().for_each(|&hash| note(&mut registers, hash));
                *self = HyperLogLog::Registers(registers);
            }
            (HyperLogLog::Registers(registers), HyperLogLog::Registers(other)) => {
                registers.iter_mut().zip(other).for_each(|(own, other)| *own = (*own).max(other));
            }
        }
        self.settle();
    }

    /// Goes over to registers when there are many.
    fn settle(&mut self) {
        if let HyperLogLog::Few(few) = self
            && few.len() > KEPT
        {
            let mut registers = vec![0; REGISTERS];
            few.iter().for_each(|&hash| note(&mut registers, hash));
            *self = HyperLogLog::Registers(registers);
        }
    }

    /// How many different values there were.
    pub(super) fn count(&self) -> u64 {
        match self {
            HyperLogLog::Few(few) => few.len() as u64,
            HyperLogLog::Registers(registers) => estimate(registers),
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        match self {
            HyperLogLog::Few(few) => few.iter().flat_map(|hash| hash.to_le_bytes()).collect(),
            HyperLogLog::Registers(registers) => [&registers[..], &[1]].concat(),
        }
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote: registers are one byte longer than a multiple of eight.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (hashes, rest) = bytes.as_chunks::<8>();
        match rest {
            [] => Some(HyperLogLog::Few(hashes.iter().map(|hash| u64::from_le_bytes(*hash)).collect())),
            [1] if bytes.len() == REGISTERS + 1 => Some(HyperLogLog::Registers(bytes[..REGISTERS].to_vec())),
            _ => None,
        }
    }
}

/// A hash whose bits are all as good as the best of the given one (the finaliser of MurmurHash3).
fn mixed(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

fn note(registers: &mut [u8], hash: u64) {
    let place = (hash >> (64 - PRECISION)) as usize;
    // The lowest bit stands for an end that the bits themselves may not have.
    let zeros = ((hash << PRECISION) | (1 << (PRECISION - 1))).leading_zeros() as u8;
    registers[place] = registers[place].max(zeros + 1);
}

fn estimate(registers: &[u8]) -> u64 {
    let mut counts = [0_u32; LONGEST + 1];
    registers.iter().for_each(|&register| counts[usize::from(register).min(LONGEST)] += 1);
    let share = |count: u32| f64::from(count) / REGISTERS as f64;
    let mut sum = REGISTERS as f64 * tau(1.0 - share(counts[LONGEST]));
    for &count in counts[1..LONGEST].iter().rev() {
        sum = 0.5 * (sum + f64::from(count));
    }
    sum += REGISTERS as f64 * sigma(share(counts[0]));
    let alpha = 0.5 / std::f64::consts::LN_2;
    (alpha * (REGISTERS * REGISTERS) as f64 / sum).round() as u64
}

/// x + Σ 2^(k-1) x^(2^k), for registers that nobody has touched.
fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut power, mut sum) = (1.0, x);
    loop {
        x *= x;
        let before = sum;
        sum += x * power;
        power += power;
        if sum == before {
            return sum;
        }
    }
}

/// (1 - x - Σ 2^-k (1 - x^(2^-k))²) / 3, for registers that are full.
fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut power, mut sum) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = sum;
        power *= 0.5;
        sum -= (1.0 - x).powi(2) * power;
        if sum == before {
            return sum / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: std::ops::Range<u64>) -> HyperLogLog {
        let mut sketch = HyperLogLog::new();
        sketch.extend(range.clone().chain(range));
        sketch
    }

    #[test]
    fn few_values_are_counted_exactly() {
        for n in [0, 1, 2, 1000, 1024] {
            assert_eq!(of(0..n).count(), n);
        }
    }

    #[test]
    fn many_are_counted_within_four_standard_errors() {
        for n in [1025_u64, 2000, 10_000, 50_000, 100_000, 1_000_000] {
            let found = of(0..n).count() as f64;
            assert!((found / n as f64 - 1.0).abs() < 4.0 * 0.0082, "{n}: {found}");
        }
    }

    #[test]
    fn merging_is_counting_together() {
        for (first, second) in [(10, 20), (10, 5000), (5000, 10), (600, 600), (40_000, 70_000)] {
            let mut merged = of(0..first);
            merged.merge(of(first / 2..first / 2 + second));
            assert_eq!(merged, of(0..first.max(first / 2 + second)), "{first} {second}");
        }
    }

    #[test]
    fn bytes_bring_it_back() {
        for n in [0, 7, 5000] {
            let sketch = of(0..n);
            assert_eq!(HyperLogLog::from_bytes(&sketch.to_bytes()), Some(sketch));
        }
        assert_eq!(HyperLogLog::from_bytes(&[1, 2, 3]), None);
    }
}
