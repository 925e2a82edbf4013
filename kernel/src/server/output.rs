//! What a cell shows, on its way to the clients.
//!
//! Text is joined and throttled, see [`super::throttle`]. What replaces a display goes out at most every twentieth of a
//! second, the newest each time. Displays are never dropped: a cell that shows more of them than a browser can take has
//! to wait.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::comms::Comms;
use super::iopub::Iopub;
use super::message::Request;
use super::prompts::Prompts;
use super::tables;
use super::throttle::{Limits, Throttle};
use crate::session::{Event, Mime, Progress};

/// How long text is gathered.
const GATHER: Duration = Duration::from_millis(50);
/// Displays that may come at once, and in each second after that.
const DISPLAYS: (f64, f64) = (1000.0, 200.0);
/// Their bytes.
const DISPLAY_BYTES: (f64, f64) = (64e6, 16e6);
/// The longest that one display waits.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// A handle on the output.
#[derive(Clone)]
pub struct Output(Arc<Shared>);

struct Shared {
    iopub: Iopub,
    prompts: Arc<Prompts>,
    comms: Arc<Comms>,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// The cell that shows; none for a silent one.
    parent: Option<Arc<Request>>,
    /// Whether its sender wants to be asked for input.
    asks: bool,
    count: u32,
    /// Whether both streams are one.
    joined: bool,
    text: Throttle,
    /// Displays that were replaced, by id: when last, and what is still to be sent.
    updates: HashMap<String, (Instant, Option<Value>)>,
    pace: Pace,
    /// Computations whose progress bar is on the screen.
    bars: HashSet<u64>,
    /// Results, while they are collected instead of shown.
    collected: Option<Vec<Mime>>,
    /// The value of the cell, as text.
    value: Option<String>,
}

impl Output {
    /// Starts the thread that sends what has been gathered.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start(iopub: Iopub, prompts: Arc<Prompts>, comms: Arc<Comms>) -> std::io::Result<Output> {
        let now = Instant::now();
        let state = State {
            parent: None,
            asks: false,
            count: 0,
            joined: false,
            text: Throttle::new(Limits::default(), now),
            updates: HashMap::new(),
            pace: Pace::new(now),
            bars: HashSet::new(),
            collected: None,
            value: None,
        };
        let output =
            Output(Arc::new(Shared { iopub, prompts, comms, state: Mutex::new(state), changed: Condvar::new() }));
        let sending = output.clone();
        std::thread::Builder::new().name("output".to_owned()).spawn(move || sending.send_for_ever())?;
        Ok(output)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// From now on what is shown is shown by this cell.
    pub fn begin(&self, request: &Arc<Request>, silent: bool, asks: bool, count: u32) {
        let now = Instant::now();
        let mut state = self.lock();
        // What a thread of an earlier cell has printed since is still that cell's.
        self.flush(&mut state, Throttle::finish);
        state.parent = (!silent).then(|| Arc::clone(request));
        state.asks = asks && !silent;
        state.count = count;
        state.joined = false;
        state.text = Throttle::new(Limits::default(), now);
        state.updates.clear();
        state.bars.clear();
        state.value = None;
    }

    /// Sends everything that the cell has shown. Gives its value as text, if it had one.
    pub fn end(&self) -> Option<String> {
        let mut state = self.lock();
        self.flush(&mut state, Throttle::finish);
        self.0.prompts.end();
        state.value.take()
    }

    /// Runs something whose results are given back instead of shown, and which shows nothing else.
    pub fn collect<T>(&self, run: impl FnOnce() -> T) -> (T, Vec<Mime>) {
        self.lock().collected = Some(Vec::new());
        let value = run();
        (value, self.lock().collected.take().unwrap_or_default())
    }

    /// Shows something.
    pub fn show(&self, event: Event) {
        if let Some(wait) = self.show_at_once(event) {
            if !wait.is_zero() {
                std::thread::sleep(wait);
            }
            self.0.iopub.wait_for_room();
        }
    }

    /// Gives how long whoever shows something should wait afterwards, if at all.
    fn show_at_once(&self, event: Event) -> Option<Duration> {
        let mut guard = self.lock();
        let state = &mut *guard;
        if let Some(collected) = &mut state.collected {
            match event {
                Event::Result(data, _) => collected.push(data),
                Event::Input { .. } => self.0.prompts.ask(None, "", false),
                _ => {}
            }
            return None;
        }
        if let Event::Input { prompt, password } = event {
            self.flush(state, Throttle::finish);
            let parent = state.parent.clone().filter(|_| state.asks);
            drop(guard);
            self.0.prompts.ask(parent.as_ref(), &prompt, password);
            return None;
        }
        let parent = state.parent.clone()?;
        match event {
            Event::Stream { name, text } => {
                state.text.write(if state.joined { "stdout" } else { &name }, &text);
                self.0.changed.notify_one();
                None
            }
            Event::Display { data, metadata, display_id, update } => {
                let transient = display_id.as_ref().map_or_else(|| json!({}), |id| json!({"display_id": id}));
                let content = json!({"data": data, "metadata": metadata, "transient": transient});
                match display_id.filter(|_| update) {
                    Some(id) => self.update(state, id, content),
                    None => Some(self.publish(state, &parent, if update { UPDATE } else { "display_data" }, &content)),
                }
            }
            Event::Result(data, metadata) => {
                state.value = data.get("text/plain").and_then(Value::as_str).map(str::to_owned);
                let content = json!({"data": data, "metadata": metadata, "execution_count": state.count});
                Some(self.publish(state, &parent, "execute_result", &content))
            }
            Event::Progress(progress) => self.progress(state, &parent, &progress),
            Event::ClearOutput { wait } => Some(self.publish(state, &parent, "clear_output", &json!({"wait": wait}))),
            Event::Comm(comm) => {
                self.0.comms.do_for_cell(Some(&parent), &comm);
                Some(state.pace.wait(weight(&comm.data), Instant::now()))
            }
            Event::JoinStreams => {
                state.joined = true;
                None
            }
            Event::Input { .. } => None,
        }
    }

    fn progress(&self, state: &mut State, parent: &Request, progress: &Progress) -> Option<Duration> {
        // The process can be a new one that counts from zero, so the cell is part of the name.
        let id = format!("taskloom-progress-{}-{}", parent.id, progress.id);
        let transient = json!({"display_id": id});
        let content = json!({"data": tables::progress_bar(progress), "metadata": {}, "transient": transient});
        if state.bars.insert(progress.id) {
            Some(self.publish(state, parent, "display_data", &content))
        } else {
            self.update(state, id, content)
        }
    }

    /// Sends an output after all that was printed before it.
    fn publish(&self, state: &mut State, parent: &Request, kind: &str, content: &Value) -> Duration {
        self.flush(state, Throttle::give_way);
        self.0.iopub.output(Some(parent), kind, content);
        state.pace.wait(weight(content), Instant::now())
    }

    /// Replaces a display: at once if it has not been replaced lately, else soon.
    fn update(&self, state: &mut State, id: String, content: Value) -> Option<Duration> {
        let now = Instant::now();
        match state.updates.get_mut(&id) {
            Some((last, pending)) if pending.is_some() || now.duration_since(*last) < GATHER => {
                *pending = Some(content);
                self.0.changed.notify_one();
                None
            }
            _ => {
                if state.updates.len() >= 1000 {
                    self.flush(state, Throttle::give_way);
                    state.updates.clear();
                }
                let parent = state.parent.clone()?;
                let wait = self.publish(state, &parent, UPDATE, &content);
                state.updates.insert(id, (now, None));
                Some(wait)
            }
        }
    }

    /// Sends what is waiting: text as far as `take` gives it, and all replacements.
    fn flush(&self, state: &mut State, take: impl FnOnce(&mut Throttle) -> Vec<(String, String)>) {
        let Some(parent) = state.parent.clone() else { return };
        for (name, text) in take(&mut state.text) {
            self.0.iopub.output(Some(&parent), "stream", &json!({"name": name, "text": text}));
        }
        let now = Instant::now();
        for (last, pending) in state.updates.values_mut() {
            if let Some(content) = pending.take() {
                *last = now;
                self.0.iopub.output(Some(&parent), UPDATE, &content);
            }
        }
    }

    fn send_for_ever(&self) {
        loop {
            let mut state = self.lock();
            while state.text.is_empty() && state.updates.values().all(|(_, pending)| pending.is_none()) {
                state = self.0.changed.wait(state).unwrap_or_else(|poisoned| poisoned.into_inner());
            }
            drop(state);
            std::thread::sleep(GATHER);
            self.flush(&mut self.lock(), |text| text.take(Instant::now()));
        }
    }
}

const UPDATE: &str = "update_display_data";

/// About how many bytes a value is as JSON.
fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(values) => values.iter().map(weight).sum::<usize>() + 2,
        Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + 4 + weight(value)).sum::<usize>() + 2,
        _ => 8,
    }
}

/// How many displays, and how many bytes of them, may still come at once. Debts are waited for.
struct Pace {
    displays: f64,
    bytes: f64,
    refilled: Instant,
}

impl Pace {
    fn new(now: Instant) -> Pace {
        Pace { displays: DISPLAYS.0, bytes: DISPLAY_BYTES.0, refilled: now }
    }

    fn wait(&mut self, bytes: usize, now: Instant) -> Duration {
        let since = now.saturating_duration_since(self.refilled).as_secs_f64();
        self.refilled = now;
        // Nobody pays for more than the longest wait: one huge picture does not slow down the next ten.
        let spend = |left: f64, (most, rate): (f64, f64), cost: f64| {
            ((left + since * rate).min(most) - cost).max(-rate * LONGEST_WAIT.as_secs_f64())
        };
        self.displays = spend(self.displays, DISPLAYS, 1.0);
        self.bytes = spend(self.bytes, DISPLAY_BYTES, bytes as f64);
        let debt = (-self.displays / DISPLAYS.1).max(-self.bytes / DISPLAY_BYTES.1);
        Duration::from_secs_f64(debt.max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_are_free_until_they_are_a_flood() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        assert!((0..1000).all(|_| pace.wait(100, now).is_zero()));
        assert!((0..200).map(|_| pace.wait(100, now)).last().unwrap() >= Duration::from_millis(900));
        assert!(pace.wait(100, now + Duration::from_secs(20)).is_zero());
        let mut pace = Pace::new(now);
        assert!(pace.wait(50_000_000, now).is_zero());
        assert_eq!(pace.wait(500_000_000, now), LONGEST_WAIT);
    }
}
