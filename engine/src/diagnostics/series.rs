//! Samples over time, thinned to what a chart can show.

use super::record::Profile;

/// How a chart's numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Percent,
    Bytes,
    Count,
}

impl Unit {
    /// The name by which the script knows it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Unit::Percent => "percent",
            Unit::Bytes => "bytes",
            Unit::Count => "count",
        }
    }

    pub(super) fn text(self, value: f64) -> String {
        match self {
            Unit::Percent => format!("{value:.0}%"),
            Unit::Bytes => super::units::bytes(value as u64),
            Unit::Count => crate::draw::grouped(value as u64),
        }
    }
}

/// One chart: points in the order of time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    pub(super) title: &'static str,
    pub(super) unit: Unit,
    /// Whether each value holds until the next, rather than leading up to it.
    pub(super) steps: bool,
    pub(super) color: &'static str,
    pub(super) points: Vec<(u64, f64)>,
    /// The top of the scale.
    pub(super) top: f64,
}

/// A chart is some 700 pixels wide; each stretch keeps its lowest and its highest value.
const STRETCHES: usize = 500;

/// The charts that there are samples for.
pub(super) fn all(profile: &Profile) -> Vec<Series> {
    let resources = profile.resources.iter();
    let cpu = resources.clone().map(|sample| (sample.at, f64::from(sample.cpu_percent))).collect();
    let memory = resources.filter(|sample| sample.memory_bytes > 0);
    let memory = memory.map(|sample| (sample.at, sample.memory_bytes as f64)).collect();
    let live =
        |value: fn(&super::CacheSample) -> f64| profile.live.iter().map(|s| (s.at, value(s))).collect::<Vec<_>>();
    let counts = live(|sample| f64::from(sample.live_results));
    let mut sizes = live(|sample| sample.live_bytes as f64);
    if sizes.iter().all(|&(_, bytes)| bytes == 0.0) {
        sizes.clear();
    }
    [
        series("Processor, 100% is one core", Unit::Percent, false, "#2f618f", cpu),
        series("Memory of the process", Unit::Bytes, false, "#a1482a", memory),
        series("Results held", Unit::Count, true, "#1a6e57", counts),
        series("Size of the results held, where known", Unit::Bytes, true, "#8f7d1f", sizes),
    ]
    .into_iter()
    .filter(|series| !series.points.is_empty())
    .collect()
}

fn series(title: &'static str, unit: Unit, steps: bool, color: &'static str, mut points: Vec<(u64, f64)>) -> Series {
    points.retain(|(_, value)| value.is_finite());
    if !points.is_sorted_by_key(|&(at, _)| at) {
        points.sort_by_key(|&(at, _)| at);
    }
    let points = thin(points);
    let most = points.iter().fold(0.0, |most, &(_, value)| f64::max(most, value));
    let top = match unit {
        Unit::Percent => (most / 100.0 - 0.02).ceil().max(1.0) * 100.0,
        Unit::Bytes | Unit::Count => most.max(1.0),
    };
    Series { title, unit, steps, color, points, top }
}

fn thin(points: Vec<(u64, f64)>) -> Vec<(u64, f64)> {
    if points.len() <= 4 * STRETCHES {
        return points;
    }
    let (first, last) = (points[0].0, points[points.len() - 1].0);
    let length = ((last - first) / STRETCHES as u64).max(1);
    let mut thin = Vec::with_capacity(4 * STRETCHES + 2);
    for stretch in points.chunk_by(|one, other| (one.0 - first) / length == (other.0 - first) / length) {
        let (mut low, mut high) = (0, 0);
        for (place, point) in stretch.iter().enumerate() {
            low = if point.1 < stretch[low].1 { place } else { low };
            high = if point.1 > stretch[high].1 { place } else { high };
        }
        // In the order of time, with the value that the stretch leaves behind.
        let mut kept = [0, low, high, stretch.len() - 1];
        kept.sort_unstable();
        thin.extend(
            kept.iter().enumerate().filter(|&(i, at)| i == 0 || kept[i - 1] != *at).map(|(_, &at)| stretch[at]),
        );
    }
    thin
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::{CacheSample, ResourceSample};
    use std::time::SystemTime;

    #[test]
    fn peaks_survive_thinning() {
        let mut points: Vec<_> = (0..1_000_000).map(|at| (at, (at % 100) as f64)).collect();
        points[123_456].1 = 9e9;
        points[654_321].1 = -5.0;
        let thin = thin(points);
        assert!(thin.len() <= 4 * (STRETCHES + 1), "{}", thin.len());
        assert!(thin.contains(&(123_456, 9e9)) && thin.contains(&(654_321, -5.0)));
        assert!(thin.is_sorted_by_key(|&(at, _)| at));
        assert_eq!(thin.last(), Some(&(999_999, 99.0)));
    }

    #[test]
    fn only_what_was_sampled_has_a_chart() {
        let mut profile = Profile::new(SystemTime::UNIX_EPOCH, 1);
        assert!(all(&profile).is_empty());
        profile.resources.push(ResourceSample { at: 9, cpu_percent: 140.0, memory_bytes: 0 });
        profile.resources.push(ResourceSample { at: 3, cpu_percent: f32::NAN, memory_bytes: 0 });
        profile.live.push(CacheSample { at: 1, live_results: 3, live_bytes: 0 });
        let all = all(&profile);
        assert_eq!(all.iter().map(|series| series.unit).collect::<Vec<_>>(), [Unit::Percent, Unit::Count]);
        assert_eq!((all[0].top, all[0].points.len()), (200.0, 1));
    }
}
