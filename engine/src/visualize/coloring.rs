//! What the colours of a drawing say.

use std::collections::HashMap;
use std::fmt::Write;

use super::Appearance;
use crate::diagnostics::Profile;
use crate::draw::{DRAWN_IN_FULL, Kind, Node};

/// What the colours of a [`Drawing`](crate::Drawing) say.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub enum ColorBy<'a> {
    /// Which function a task runs: each has its own colour.
    #[default]
    Function,
    /// When a task's turn is, if one thread ran all; its box carries the number. As `color="order"` in Dask.
    Order,
    /// How long a task took in all its runs that the profile recorded.
    Time(&'a Profile),
    /// How large a task's result was, at most.
    Memory(&'a Profile),
}

/// [`ColorBy`] with what it takes from a profile.
#[derive(Debug)]
pub(super) enum Coloring {
    Function,
    Order,
    /// For the keys of steps, nanoseconds or bytes.
    Measured {
        unit: Unit,
        of: HashMap<u64, u64>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Unit {
    Nanoseconds,
    Bytes,
}

/// From the first task to the last. The light end of Paul Tol's "iridescent" sequential scheme ("Colour Schemes",
/// SRON/EPS/TN/09-002): its colours are told apart with every common form of colour blindness, and dark text is legible
/// on these.
const ORDER: [[u8; 3]; 8] = [
    [0xfe, 0xfb, 0xe9],
    [0xf5, 0xf3, 0xc1],
    [0xdd, 0xec, 0xbf],
    [0xc2, 0xe3, 0xd2],
    [0xa8, 0xd8, 0xdc],
    [0x8d, 0xcb, 0xe4],
    [0x7b, 0xbc, 0xe7],
    [0x88, 0xa5, 0xdd],
];
/// From nothing to the most: the light end of the scheme "YlOrBr", as Paul Tol changed it for the colour blind.
const AMOUNT: [[u8; 3]; 6] = [
    [0xff, 0xff, 0xe5],
    [0xff, 0xf7, 0xbc],
    [0xfe, 0xe3, 0x91],
    [0xfe, 0xc4, 0x4f],
    [0xfb, 0x9a, 0x29],
    [0xec, 0x70, 0x14],
];
/// What was not measured.
const UNKNOWN: &str = "#e5e7eb";
/// What is not there.
const MISSING: &str = "#f8c9c4";

impl Coloring {
    pub(super) fn new(by: ColorBy<'_>) -> Coloring {
        let measured = |unit, profile: &Profile| {
            let mut of: HashMap<u64, u64> = HashMap::new();
            for record in &profile.tasks {
                let kept = of.entry(record.key).or_default();
                *kept = match unit {
                    Unit::Nanoseconds => kept.saturating_add(record.length()),
                    Unit::Bytes => record.result_bytes.max(*kept),
                };
            }
            Coloring::Measured { unit, of }
        };
        match by {
            ColorBy::Function => Coloring::Function,
            ColorBy::Order => Coloring::Order,
            ColorBy::Time(profile) => measured(Unit::Nanoseconds, profile),
            ColorBy::Memory(profile) => measured(Unit::Bytes, profile),
        }
    }

    /// The nodes as they are drawn, and a line that explains them.
    pub(super) fn apply(&self, nodes: Vec<Appearance>) -> (Vec<Node>, Option<String>) {
        match self {
            Coloring::Function => (nodes.into_iter().map(|node| drawn(node, None)).collect(), None),
            Coloring::Order => by_order(nodes),
            Coloring::Measured { unit, of } => by_amount(nodes, *unit, of),
        }
    }
}

fn drawn(node: Appearance, color: Option<String>) -> Node {
    let color = if node.is_missing { Some(MISSING.to_owned()) } else { color };
    Node { label: node.label, kind: node.kind, detail: node.detail, color }
}

fn by_order(nodes: Vec<Appearance>) -> (Vec<Node>, Option<String>) {
    // Numbered among the tasks: values that are already there have no turn.
    let mut turns: Vec<usize> = nodes.iter().filter_map(|node| node.order).collect();
    turns.sort_unstable();
    if turns.is_empty() {
        let is_any = nodes.iter().any(|node| node.kind == Kind::Task);
        let caption = is_any.then(|| "no colours: there is no order in which these tasks could run".to_owned());
        return (nodes.into_iter().map(|node| drawn(node, None)).collect(), caption);
    }
    // In a bigger picture boxes are drawn together by their labels, and numbers would keep them apart.
    let numbered = nodes.len() <= DRAWN_IN_FULL;
    let last = (turns.len() - 1).max(1) as f64;
    let nodes = nodes.into_iter().map(|mut node| {
        let turn = node.order.and_then(|order| turns.binary_search(&order).ok());
        let color = turn.map(|turn| gradient(&ORDER, turn as f64 / last));
        if let Some(turn) = turn {
            if numbered {
                node.label = format!("#{} {}", turn + 1, node.label);
            }
            let _ = write!(node.detail, "\nnumber {} of {} in the order", turn + 1, turns.len());
        }
        drawn(node, color)
    });
    let caption = "from pale to blue: the order in which tasks run".to_owned();
    (nodes.collect(), Some(caption))
}

fn by_amount(nodes: Vec<Appearance>, unit: Unit, of: &HashMap<u64, u64>) -> (Vec<Node>, Option<String>) {
    let amount = |node: &Appearance| {
        let parts = || node.keys.iter().filter_map(|key| of.get(key)).copied();
        match unit {
            // All parts of a fused task; a record of the fused task itself is that of its last part.
            Unit::Nanoseconds => parts().reduce(u64::saturating_add),
            Unit::Bytes => node.keys.last().and_then(|key| of.get(key)).copied(),
        }
    };
    let amounts: Vec<Option<u64>> = nodes.iter().map(amount).collect();
    let most = amounts.iter().flatten().copied().max();
    let is_task = |node: &Appearance| node.kind == Kind::Task;
    let unknown = nodes.iter().zip(&amounts).filter(|(node, amount)| is_task(node) && amount.is_none()).count();
    let nodes = nodes.into_iter().zip(&amounts).map(|(mut node, amount)| {
        let color = match amount {
            Some(amount) => {
                let _ = write!(node.detail, "\n{}", written(*amount, unit));
                Some(gradient(&AMOUNT, *amount as f64 / most.unwrap_or(1).max(1) as f64))
            }
            None if is_task(&node) => {
                node.detail.push_str("\nnot recorded");
                Some(UNKNOWN.to_owned())
            }
            None => None,
        };
        drawn(node, color)
    });
    let nodes = nodes.collect();
    let what = match unit {
        Unit::Nanoseconds => "time of each task",
        Unit::Bytes => "size of each result",
    };
    let caption = match (most, unknown) {
        (None, _) => format!("colours: {what}; the profile has none of these tasks"),
        (Some(most), 0) => format!("colours: {what}, from pale (0) to dark ({})", written(most, unit)),
        (Some(most), unknown) => {
            format!("colours: {what}, from pale (0) to dark ({}); grey: not recorded ({unknown})", written(most, unit))
        }
    };
    (nodes, Some(caption))
}

/// The colour at a place from 0 to 1, between the two stops next to it.
fn gradient(stops: &[[u8; 3]], place: f64) -> String {
    let at = place.clamp(0.0, 1.0) * (stops.len() - 1) as f64;
    let below = (at as usize).min(stops.len() - 2);
    let share = at - below as f64;
    let mix = |channel: usize| {
        let (from, to) = (f64::from(stops[below][channel]), f64::from(stops[below + 1][channel]));
        (from + (to - from) * share).round() as u8
    };
    format!("#{:02x}{:02x}{:02x}", mix(0), mix(1), mix(2))
}

/// An amount with three digits, in the largest unit that it fills.
fn written(amount: u64, unit: Unit) -> String {
    let units: &[(&str, f64)] = match unit {
        Unit::Nanoseconds => &[("s", 1e9), ("ms", 1e6), ("µs", 1e3), ("ns", 1.0)],
        Unit::Bytes => &[("GiB", 1_073_741_824.0), ("MiB", 1_048_576.0), ("KiB", 1024.0), ("B", 1.0)],
    };
    let amount = amount as f64;
    let fits = units.iter().find(|(_, size)| amount >= *size);
    let &(name, size) = fits.unwrap_or(&units[units.len() - 1]);
    let count = amount / size;
    let digits = if size == 1.0 || count >= 99.95 {
        0
    } else if count >= 9.995 {
        1
    } else {
        2
    };
    format!("{count:.digits$} {name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::recorder::Recorder;
    use crate::prelude::*;

    #[test]
    fn gradients_begin_and_end_at_their_stops() {
        assert_eq!(gradient(&AMOUNT, 0.0), "#ffffe5");
        assert_eq!(gradient(&AMOUNT, 1.0), "#ec7014");
        assert_eq!(gradient(&AMOUNT, f64::INFINITY), "#ec7014");
        assert_eq!(gradient(&[[0, 0, 0], [100, 200, 50]], 0.5), "#326419");
    }

    #[test]
    fn amounts_have_three_digits() {
        let seconds = [0, 999, 1_000, 1_234_567, 99_960_000, 12_345_678_901].map(|n| written(n, Unit::Nanoseconds));
        assert_eq!(seconds, ["0 ns", "999 ns", "1.00 µs", "1.23 ms", "100 ms", "12.3 s"]);
        assert_eq!([7, 2_048, 1 << 30].map(|n| written(n, Unit::Bytes)), ["7 B", "2.00 KiB", "1.00 GiB"]);
    }

    fn quick(x: i64) -> i64 {
        x + 1
    }

    fn slow(x: i64) -> i64 {
        sleep_ms(20);
        x
    }

    #[test]
    fn time_is_that_of_the_node_fused_or_not() {
        let x = delayed!(quick(1));
        let y = delayed!(slow(x));
        let recorder = Recorder::start(std::time::Instant::now());
        assert_eq!(y.compute_with(Scheduler::Sync).ok(), Some(2));
        let profile = recorder.stop();

        let drawing = y.visualize().color_by(ColorBy::Time(&profile));
        assert!(drawing.dot().contains("#ec7014"), "{}", drawing.dot());
        assert!(drawing.svg().contains("time of each task, from pale (0) to dark (2"), "{}", drawing.svg());
        let fused = drawing.optimized();
        assert!(fused.dot().contains("quick-slow") && fused.dot().contains("#ec7014"), "{}", fused.dot());

        // What was not recorded says so.
        let later = (&y + 1).visualize().color_by(ColorBy::Time(&profile)).svg();
        assert!(later.contains("grey: not recorded (1)") && later.contains(UNKNOWN));
        let other = delayed!(quick(1)).visualize().color_by(ColorBy::Memory(&profile)).svg();
        assert!(other.contains("the profile has none of these tasks"));
    }
}
