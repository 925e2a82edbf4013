//! Recording, from start to stop.

use std::sync::Arc;
use std::time::Instant;

use super::ResourceSampler;
use super::record::Profile;
use super::recorder::Recorder;

/// Records every task that runs in this process, and what the process uses, until it is stopped.
///
/// One records at a time: a profiler that is started while another is on takes over from it, and the first one gives
/// what it had by then. Only computations that begin while a profiler is on are recorded.
#[derive(Debug)]
pub struct Profiler {
    recorder: Arc<Recorder>,
    sampler: ResourceSampler,
}

impl Profiler {
    /// Starts to record.
    pub fn start() -> Profiler {
        let origin = Instant::now();
        Profiler { recorder: Recorder::start(origin), sampler: ResourceSampler::start(origin) }
    }

    /// Stops, and gives what was recorded.
    pub fn stop(self) -> Profile {
        let mut profile = self.recorder.stop();
        profile.notes.extend(self.sampler.note().map(str::to_owned));
        profile.resources = self.sampler.stop();
        profile
    }
}

/// Runs `body` and records it.
///
/// ```
/// use taskloom::diagnostics::profile;
/// use taskloom::prelude::*;
/// let (sum, profile) = profile(|| (delayed!(i64::pow(2, 3)) + 1).compute());
/// assert_eq!(sum?, 9);
/// assert_eq!(profile.summary().len(), 2); // `pow` and `add`
/// # Ok::<(), taskloom::Error>(())
/// ```
pub fn profile<T>(body: impl FnOnce() -> T) -> (T, Profile) {
    let profiler = Profiler::start();
    let value = body();
    (value, profiler.stop())
}
