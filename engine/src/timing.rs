//! How long a piece of code takes, measured as `%timeit` does: in a loop, often enough to mean something.
//!
//! The loop itself is written where the code is, so that `?` and the variables around it work; a [`Stopwatch`] says how
//! often it goes round.
//!
//! ```
//! use taskloom::timing::Stopwatch;
//!
//! let words = ["warp", "weft"];
//! let mut watch = Stopwatch::new(1000, 3);
//! while let Some(loops) = watch.start() {
//!     for _ in 0..loops {
//!         std::hint::black_box(words.concat());
//!     }
//!     watch.stop();
//! }
//! let timing = watch.finish();
//! assert!(timing.to_string().ends_with("(mean ± std. dev. of 3 runs, 1,000 loops each)"));
//! ```

use std::fmt;
use std::time::{Duration, Instant};

use crate::scheduler::InterruptCheck;

/// A run that takes this long is long enough to measure.
const LONG_ENOUGH: Duration = Duration::from_millis(200);
/// The most loops that are tried: a body that takes no time at all does not become longer.
const MOST_LOOPS: u64 = 1_000_000_000;

/// Says how often a loop goes round, and keeps the times.
///
/// An interrupt ends it before its next run.
#[derive(Debug)]
pub struct Stopwatch {
    /// Loops of a run; while they are still looked for, of the next try.
    loops: u64,
    settled: bool,
    repeats: usize,
    began: Instant,
    runs: Vec<Duration>,
    check: InterruptCheck,
}

impl Stopwatch {
    /// A stopwatch for `repeats` runs (at least one) of `loops` loops each. With no loops, it looks for a round number
    /// that takes a fifth of a second, which also warms the code up.
    pub fn new(loops: u64, repeats: usize) -> Stopwatch {
        Stopwatch {
            loops: loops.max(1),
            settled: loops > 0,
            repeats: repeats.max(1),
            began: Instant::now(),
            runs: Vec::new(),
            check: InterruptCheck::new(),
        }
    }

    /// Begins a run: how often to loop, or none when there are runs enough.
    pub fn start(&mut self) -> Option<u64> {
        if self.runs.len() >= self.repeats || self.check.is_interrupted() {
            return None;
        }
        self.began = Instant::now();
        Some(self.loops)
    }

    /// Ends the run.
    pub fn stop(&mut self) {
        let took = self.began.elapsed();
        if self.settled {
            self.runs.push(took);
        } else if took >= LONG_ENOUGH || self.loops >= MOST_LOOPS {
            self.settled = true;
        } else {
            // 1, 2, 5, 10, 20, 50 …
            self.loops = if self.loops.to_string().starts_with('2') { self.loops / 2 * 5 } else { self.loops * 2 };
        }
    }

    /// What was measured.
    pub fn finish(self) -> Timing {
        let per_loop = |run: &Duration| run.as_secs_f64() / self.loops as f64;
        Timing { loops: self.loops, runs: self.runs.iter().map(per_loop).collect(), digits: 3 }
    }
}

/// What a [`Stopwatch`] has measured. `Display` is the sentence that `%timeit` prints.
#[derive(Debug, Clone, PartialEq)]
pub struct Timing {
    /// Loops in each run.
    pub loops: u64,
    /// Seconds for one loop, by run; empty when an interrupt came before the first was over.
    pub runs: Vec<f64>,
    /// Digits of the times in the sentence.
    pub digits: usize,
}

impl Timing {
    /// Seconds for one loop, on average.
    pub fn mean(&self) -> f64 {
        self.runs.iter().sum::<f64>() / self.runs.len() as f64
    }

    /// The standard deviation of the runs from their mean.
    pub fn deviation(&self) -> f64 {
        let mean = self.mean();
        (self.runs.iter().map(|run| (run - mean).powi(2)).sum::<f64>() / self.runs.len() as f64).sqrt()
    }

    /// A caution about what was measured, where one is due.
    pub fn caution(&self) -> Option<String> {
        let best = self.runs.iter().copied().fold(f64::INFINITY, f64::min);
        let worst = self.runs.iter().copied().fold(0.0, f64::max);
        // Of runs that are shorter than this, even a small pause makes one several times as long as another.
        let tells_something = worst * self.loops as f64 > 1e-6;
        (worst > 4.0 * best && best > 0.0 && tells_something).then(|| {
            format!(
                "The slowest run took {:.1} times as long as the fastest: something may be kept from one loop to the next, \
                 or the machine is busy.",
                worst / best
            )
        })
    }

    /// Prints the sentence, with so many digits, after a caution where one is due.
    pub fn print(mut self, digits: usize) {
        self.digits = digits.max(1);
        if !self.runs.is_empty() {
            if let Some(line) = self.caution() {
                println!("{line}");
            }
            println!("{self}");
        }
    }
}

impl fmt::Display for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (runs, loops) = (self.runs.len(), self.loops);
        write!(
            f,
            "{} ± {} per loop (mean ± std. dev. of {runs} run{}, {} loop{} each)",
            seconds(self.mean(), self.digits),
            seconds(self.deviation(), self.digits),
            if runs == 1 { "" } else { "s" },
            in_thousands(loops),
            if loops == 1 { "" } else { "s" },
        )
    }
}

/// Seconds in the unit that suits them, with so many digits.
fn seconds(time: f64, digits: usize) -> String {
    if time >= 60.0 {
        let whole = time.round() as u64;
        return format!("{} min {} s", whole / 60, whole % 60);
    }
    let (factor, unit) = match time {
        time if time >= 1.0 => (1.0, "s"),
        time if time >= 1e-3 => (1e3, "ms"),
        time if time >= 1e-6 => (1e6, "µs"),
        _ => (1e9, "ns"),
    };
    let scaled = time * factor;
    let before_point = if scaled < 1.0 { 1 } else { scaled.log10() as usize + 1 };
    let text = format!("{scaled:.*}", digits.saturating_sub(before_point));
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} {unit}")
}

fn in_thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_has_the_digits_that_were_asked_for() {
        let timing = Timing { loops: 10_000, runs: vec![1.2e-6, 1.4e-6], digits: 3 };
        assert_eq!(timing.to_string(), "1.3 µs ± 100 ns per loop (mean ± std. dev. of 2 runs, 10,000 loops each)");
        let timing = Timing { loops: 1, runs: vec![83.0], digits: 3 };
        assert_eq!(timing.to_string(), "1 min 23 s ± 0 ns per loop (mean ± std. dev. of 1 run, 1 loop each)");
        assert_eq!(seconds(1.23456, 3), "1.23 s");
        assert_eq!(seconds(0.0123456, 5), "12.346 ms");
        assert_eq!(seconds(123.456e-9, 3), "123 ns");
        assert_eq!(in_thousands(1_000_000), "1,000,000");
    }

    #[test]
    fn loops_are_looked_for_before_runs_are_kept() {
        let mut watch = Stopwatch::new(0, 2);
        let mut asked = Vec::new();
        while let Some(loops) = watch.start() {
            asked.push(loops);
            // A loop that took a millisecond.
            watch.began -= Duration::from_millis(loops);
            watch.stop();
        }
        assert_eq!(asked, [1, 2, 5, 10, 20, 50, 100, 200, 200, 200]);
        assert_eq!(watch.finish().runs.len(), 2);
    }

    #[test]
    fn runs_that_differ_much_are_cautioned_about() {
        let timing = |slow: f64| Timing { loops: 10, runs: vec![1e-3, slow], digits: 3 };
        assert!(timing(9e-3).caution().is_some_and(|text| text.contains("9.0 times")));
        assert_eq!(timing(2e-3).caution(), None);
    }
}
