//! How much processor time and memory this process uses, sampled on a thread of its own.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::record::ResourceSample;

/// Time between two samples, until there are very many.
const INTERVAL: Duration = Duration::from_millis(50);
/// One hour of samples. Beyond it every other one is dropped, and half as many are taken from then on.
const MOST_SAMPLES: usize = 72_000;

/// Samples this process's processor time and resident memory every 50 ms, until it is stopped or dropped.
///
/// Processor time is that of all threads. It is read from the system's clock of the process on Linux and macOS, memory
/// from `/proc/self/status` on Linux. Elsewhere there are no samples, and [`note`](Self::note) says so. After each hour
/// of samples every other one is dropped and the interval doubles, so that nothing grows without end.
///
/// ```
/// use std::time::{Duration, Instant};
/// use taskloom::diagnostics::ResourceSampler;
///
/// let sampler = ResourceSampler::start(Instant::now());
/// std::thread::sleep(Duration::from_millis(60));
/// let samples = sampler.stop();
/// # if cfg!(target_os = "linux") {
/// assert!(samples.len() >= 2 && samples[0].memory_bytes > 0);
/// # }
/// ```
#[derive(Debug)]
pub struct ResourceSampler {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    note: Option<&'static str>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    stop: Condvar,
}

#[derive(Debug)]
struct State {
    samples: Vec<ResourceSample>,
    interval: Duration,
    stopped: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl ResourceSampler {
    /// Starts to sample. The samples' times count from `origin`, which should be when the profile began.
    ///
    /// Where samples cannot be had, or no thread can be started, there are none, and [`note`](Self::note) says why.
    pub fn start(origin: Instant) -> Self {
        let state = State { samples: Vec::new(), interval: INTERVAL, stopped: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), stop: Condvar::new() });
        let (cpu, memory) = (system::cpu_time(), system::memory());
        let mut note = match (cpu, memory) {
            (Some(_), Some(_)) => None,
            (Some(_), None) => Some("Memory is not sampled on this system."),
            (None, Some(_)) => Some("Processor time is not sampled on this system."),
            (None, None) => Some("Processor time and memory are not sampled on this system."),
        };
        let mut thread = None;
        if cpu.is_some() || memory.is_some() {
            let for_thread = Arc::clone(&shared);
            let started = std::thread::Builder::new()
                .name("taskloom-resources".to_owned())
                .spawn(move || sample_until_stopped(&for_thread, origin));
            match started {
                Ok(handle) => thread = Some(handle),
                Err(_) => note = Some("Processor time and memory were not sampled: no thread could be started."),
            }
        }
        ResourceSampler { shared, thread, note }
    }

    /// Why some or all samples are missing, as a sentence for [`Profile::notes`](super::Profile::notes).
    pub fn note(&self) -> Option<&'static str> {
        self.note
    }

    /// The samples so far.
    pub fn samples(&self) -> Vec<ResourceSample> {
        self.shared.lock().samples.clone()
    }

    /// Takes a last sample, stops, and gives all samples.
    pub fn stop(mut self) -> Vec<ResourceSample> {
        self.end();
        std::mem::take(&mut self.shared.lock().samples)
    }

    fn end(&mut self) {
        self.shared.lock().stopped = true;
        self.shared.stop.notify_all();
        if let Some(thread) = self.thread.take() {
            // The thread does nothing that panics; were it to, the samples up to then are still good.
            let _ = thread.join();
        }
    }
}

impl Drop for ResourceSampler {
    fn drop(&mut self) {
        self.end();
    }
}

fn sample_until_stopped(shared: &Shared, origin: Instant) {
    let mut last = Reading::now();
    let mut state = shared.lock();
    state.samples.push(last.sample(None, origin));
    loop {
        let interval = state.interval;
        let due = last.at + interval;
        while !state.stopped {
            let Some(left) = due.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else { break };
            state = shared.stop.wait_timeout(state, left).unwrap_or_else(|poisoned| poisoned.into_inner()).0;
        }
        let stopped = state.stopped;
        // Reading files can take its time; whoever asks for the samples need not wait for that.
        drop(state);
        let reading = Reading::now();
        let sample = reading.sample(Some(&last), origin);
        state = shared.lock();
        // A last sample right after another would be mostly noise.
        if !stopped || reading.at.duration_since(last.at) >= Duration::from_millis(5) {
            state.samples.push(sample);
            last = reading;
        }
        if stopped {
            return;
        }
        if state.samples.len() >= MOST_SAMPLES {
            state.samples = thin_out(&state.samples);
            state.interval *= 2;
        }
    }
}

/// Half as many samples: each pair becomes its later moment, with the mean processor time and the higher memory.
fn thin_out(samples: &[ResourceSample]) -> Vec<ResourceSample> {
    let pair = |pair: &[ResourceSample]| {
        let last = pair[pair.len() - 1];
        ResourceSample {
            at: last.at,
            cpu_percent: pair.iter().map(|sample| sample.cpu_percent).sum::<f32>() / pair.len() as f32,
            memory_bytes: pair.iter().map(|sample| sample.memory_bytes).max().unwrap_or(0),
        }
    };
    samples.chunks(2).map(pair).collect()
}

/// What the system said at one moment.
struct Reading {
    at: Instant,
    cpu: Option<Duration>,
    memory: Option<u64>,
}

impl Reading {
    fn now() -> Self {
        Reading { at: Instant::now(), cpu: system::cpu_time(), memory: system::memory() }
    }

    fn sample(&self, before: Option<&Reading>, origin: Instant) -> ResourceSample {
        let cpu_percent = before.and_then(|before| {
            let used = self.cpu?.checked_sub(before.cpu?)?;
            let passed = self.at.duration_since(before.at);
            (!passed.is_zero()).then(|| (100.0 * used.as_secs_f64() / passed.as_secs_f64()) as f32)
        });
        ResourceSample {
            at: u64::try_from(self.at.saturating_duration_since(origin).as_nanos()).unwrap_or(u64::MAX),
            cpu_percent: cpu_percent.unwrap_or(0.0),
            memory_bytes: self.memory.unwrap_or(0),
        }
    }
}

mod system {
    use std::time::Duration;

    /// Processor time of all threads of this process, those that have ended among them.
    ///
    /// `/proc/self/stat` has the same number, but in hundredths of a second: too coarse for samples 50 ms apart.
    #[cfg(all(any(target_os = "linux", target_os = "macos"), target_pointer_width = "64"))]
    pub(super) fn cpu_time() -> Option<Duration> {
        use std::ffi::{c_int, c_long};

        /// `struct timespec` of 64-bit Linux and macOS.
        #[repr(C)]
        struct Timespec {
            seconds: i64,
            nanoseconds: c_long,
        }
        unsafe extern "C" {
            fn clock_gettime(clock: c_int, time: *mut Timespec) -> c_int;
        }
        /// `CLOCK_PROCESS_CPUTIME_ID`.
        const CLOCK: c_int = if cfg!(target_os = "macos") { 12 } else { 2 };

        let mut time = Timespec { seconds: 0, nanoseconds: 0 };
        // SAFETY: The signature is that of POSIX, the struct has the layout of the targets this is compiled for, and the
        // pointer is to a live, exclusive value, which the call does not keep.
        let status = unsafe { clock_gettime(CLOCK, &raw mut time) };
        (status == 0).then(|| Duration::new(time.seconds.max(0) as u64, time.nanoseconds.clamp(0, 999_999_999) as u32))
    }

    #[cfg(not(all(any(target_os = "linux", target_os = "macos"), target_pointer_width = "64")))]
    pub(super) fn cpu_time() -> Option<Duration> {
        None
    }

    /// Resident memory in bytes.
    ///
    /// Read from `status`, which counts in kilobytes; `statm` counts in pages, whose size differs between machines.
    #[cfg(target_os = "linux")]
    pub(super) fn memory() -> Option<u64> {
        parse_status(&std::fs::read_to_string("/proc/self/status").ok()?)
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn memory() -> Option<u64> {
        None
    }

    #[cfg(any(target_os = "linux", test))]
    pub(super) fn parse_status(status: &str) -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        kilobytes.checked_mul(1024)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_is_read_as_the_kernel_writes_it() {
        let status = "Name:\tcell\nVmPeak:\t  9000 kB\nVmRSS:\t    1536 kB\nThreads:\t4\n";
        assert_eq!(system::parse_status(status), Some(1536 * 1024));
        assert_eq!(system::parse_status("Name:\tVmRSS: 5 kB\n"), None);
        assert_eq!(system::parse_status("VmRSS:\tmany kB\n"), None);
    }

    #[test]
    fn thinning_keeps_peaks_and_means() {
        let sample = |at, cpu_percent, memory_bytes| ResourceSample { at, cpu_percent, memory_bytes };
        let thin = thin_out(&[sample(1, 100.0, 7), sample(2, 50.0, 5), sample(3, 10.0, 1)]);
        assert_eq!(thin, [sample(2, 75.0, 7), sample(3, 10.0, 1)]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn work_and_memory_show_up_and_stopping_is_quick() {
        let origin = Instant::now();
        let sampler = ResourceSampler::start(origin);
        assert_eq!(sampler.note(), None);
        let held = vec![1_u8; 64 << 20];
        let mut sum = 0_u64;
        while origin.elapsed() < Duration::from_millis(300) {
            sum = sum.wrapping_add(std::hint::black_box(&held).iter().map(|&byte| u64::from(byte)).sum::<u64>());
        }
        std::hint::black_box(sum);
        assert!(sampler.samples().len() >= 3);
        let samples = sampler.stop();
        assert!(samples.windows(2).all(|pair| pair[0].at < pair[1].at));
        assert!(samples.iter().any(|sample| sample.cpu_percent > 20.0), "{samples:?}");
        assert!(samples.iter().any(|sample| sample.memory_bytes > 60 << 20), "{samples:?}");

        let idle = ResourceSampler::start(Instant::now());
        let stopping = Instant::now();
        drop(idle);
        assert!(stopping.elapsed() < Duration::from_secs(1));
    }
}
