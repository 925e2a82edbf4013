//! What the tasks of a random graph do: mix their inputs, compute graphs of their own, wait for each other, fail.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};

use taskloom::prelude::*;
use taskloom::{BoxError, blocking, interrupt};

use super::Seen;
use super::ledger::{Ledger, Tracked};
use crate::common::purpose::{Broken, mix};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fate {
    Works,
    Fails,
    Panics,
}

impl Fate {
    fn come(self, id: usize, shared: &Shared) -> Result<(), Broken> {
        if self != Fate::Works {
            shared.give_up();
        }
        match self {
            Fate::Works => Ok(()),
            Fate::Fails => Err(Broken(id)),
            Fate::Panics => panic!("{}", Broken(id)),
        }
    }
}

/// What one task tells another that waits for it: its result, or that there will be none.
type Message = Option<u64>;

/// What all tasks of a graph know.
#[derive(Debug)]
pub struct Shared {
    ledger: Arc<Ledger>,
    /// The task that begins as this one, counted from 0, interrupts everything.
    interrupt_at: Option<usize>,
    pub interrupted: AtomicBool,
    ended: AtomicUsize,
    seen: Mutex<Vec<(usize, usize)>>,
    /// A second end of each channel, so that nobody waits for a task that will not run.
    channels: Mutex<Vec<Sender<Message>>>,
}

impl Shared {
    pub fn new(ledger: &Arc<Ledger>, interrupt_at: Option<u32>) -> Self {
        Shared {
            ledger: Arc::clone(ledger),
            interrupt_at: interrupt_at.map(|at| at as usize),
            interrupted: AtomicBool::new(false),
            ended: AtomicUsize::new(0),
            seen: Mutex::default(),
            channels: Mutex::default(),
        }
    }

    pub fn channel(&self) -> (Sender<Message>, Receiver<Message>) {
        let (send, receive) = channel();
        lock(&self.channels).push(send.clone());
        (send, receive)
    }

    /// The compute is about to stop: whoever waits, or is going to, goes on.
    pub fn give_up(&self) {
        lock(&self.channels).iter().for_each(|channel| _ = channel.send(None));
    }

    pub fn begun_and_ended(&self) -> (usize, usize) {
        let ended = self.ended.load(SeqCst);
        (lock(&self.seen).len(), ended)
    }

    pub fn seen(&self) -> Seen {
        let (order, alive) = lock(&self.seen).iter().copied().unzip();
        Seen { order, alive }
    }

    fn begin(&self, id: usize) {
        let alive = self.ledger.alive();
        let mut seen = lock(&self.seen);
        let place = seen.len();
        seen.push((id, alive));
        drop(seen);
        if self.interrupt_at == Some(place) {
            self.interrupted.store(true, SeqCst);
            interrupt();
            self.give_up();
        }
    }
}

/// A graph that a task computes: a task for each of `width` numbers, of which the first computes such a graph again
/// until there are `depth` of them, and their sum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Inner {
    pub depth: usize,
    pub width: usize,
    pub scheduler: Scheduler,
    /// The first leaf of each level waits for the last.
    pub waits: bool,
}

/// What a task of a random graph knows about itself.
#[derive(Debug)]
pub struct Job {
    pub id: usize,
    pub fate: Fate,
    inner: Option<Inner>,
    waits: Vec<(Mutex<Receiver<Message>>, u64)>,
    announces: Vec<Sender<Message>>,
    shared: Arc<Shared>,
    runs: AtomicUsize,
    inner_runs: Arc<AtomicUsize>,
}

impl Job {
    pub fn new(id: usize, fate: Fate, inner: Option<Inner>, shared: &Arc<Shared>) -> Job {
        let (waits, announces) = (Vec::new(), Vec::new());
        let (runs, inner_runs) = (AtomicUsize::new(0), Arc::default());
        Job { id, fate, inner, waits, announces, shared: Arc::clone(shared), runs, inner_runs }
    }

    pub fn announce_to(&mut self, channel: Sender<Message>) {
        self.announces.push(channel);
    }

    pub fn wait_for(&mut self, channel: Receiver<Message>, expected: u64) {
        self.waits.push((Mutex::new(channel), expected));
    }

    pub fn runs(&self) -> usize {
        self.runs.load(SeqCst)
    }

    pub fn inner_runs(&self) -> usize {
        self.inner_runs.load(SeqCst)
    }

    /// How many tasks a run of this one consists of, beside itself.
    pub fn inner_tasks(&self) -> usize {
        self.inner.map_or(0, |inner| inner.depth * inner.width)
    }

    /// The result, by plain sequential code.
    pub fn expected(&self, inputs: impl IntoIterator<Item = u64>) -> u64 {
        let mixed = mix(self.id, inputs);
        self.inner.map_or(mixed, |inner| plain_sum(inner.depth, inner.width, mixed))
    }

    pub fn run(&self, inputs: &[&Tracked]) -> Result<Tracked, BoxError> {
        self.shared.begin(self.id);
        self.runs.fetch_add(1, SeqCst);
        for (channel, expected) in &self.waits {
            if blocking(|| lock(channel).recv())?.is_some_and(|number| number != *expected) {
                self.shared.ledger.mistake();
            }
        }
        let mixed = mix(self.id, inputs.iter().map(|input| input.number()));
        let number = match self.inner {
            None => {
                self.fate.come(self.id, &self.shared)?;
                mixed
            }
            Some(inner) => inner_sum(inner, mixed, &Within::of(self))?,
        };
        let result = Tracked::new(number, &self.shared.ledger);
        self.announces.iter().for_each(|channel| _ = channel.send(Some(number)));
        self.shared.ended.fetch_add(1, SeqCst);
        Ok(result)
    }
}

/// What the inner tasks know of the task that they are computed in.
#[derive(Debug, Clone)]
pub struct Within {
    id: usize,
    fate: Fate,
    shared: Arc<Shared>,
    runs: Arc<AtomicUsize>,
}

impl Within {
    fn of(job: &Job) -> Within {
        let (shared, runs) = (Arc::clone(&job.shared), Arc::clone(&job.inner_runs));
        Within { id: job.id, fate: job.fate, shared, runs }
    }
}

fn plain_sum(depth: usize, width: usize, seed: u64) -> u64 {
    (0..width).fold(0, |sum: u64, leaf| {
        let own = mix(leaf, [seed]);
        sum.wrapping_add(if leaf == 0 && depth > 1 { plain_sum(depth - 1, width, own) } else { own })
    })
}

fn leaf(inner: Inner, index: usize, seed: u64, within: &Within) -> Result<u64, BoxError> {
    within.runs.fetch_add(1, SeqCst);
    let number = mix(index, [seed]);
    if index == 0 && inner.depth > 1 {
        return Ok(inner_sum(Inner { depth: inner.depth - 1, ..inner }, number, within)?);
    }
    // Of the innermost graph the middle leaf has the fate of the whole.
    if inner.depth == 1 && index == inner.width / 2 {
        within.fate.come(within.id, &within.shared)?;
    }
    Ok(number)
}

fn wait(number: u64, channel: &Arc<Mutex<Receiver<Message>>>) -> Result<u64, BoxError> {
    blocking(|| lock(channel).recv())?;
    Ok(number)
}

fn announce(number: u64, channel: &Sender<Message>) -> u64 {
    // The waiting task may have gone: the compute was stopped.
    _ = channel.send(Some(number));
    number
}

fn sum(numbers: Vec<u64>) -> u64 {
    numbers.into_iter().fold(0, u64::wrapping_add)
}

pub fn inner_sum(inner: Inner, seed: u64, within: &Within) -> taskloom::Result<u64> {
    let within = within.clone();
    let mut leaves: Vec<_> = (0..inner.width).map(|index| delayed!(leaf(inner, index, seed, &within))).collect();
    if inner.waits && leaves.len() > 1 {
        let (send, receive) = within.shared.channel();
        let (first, last) = (&leaves[0], &leaves[leaves.len() - 1]);
        let receive = Arc::new(Mutex::new(receive));
        let waiting = delayed!(wait(first, &receive));
        let announcing = delayed!(announce(last, &send));
        leaves[0] = waiting;
        leaves.pop();
        leaves.push(announcing);
    }
    delayed!(sum(leaves)).compute_with(inner.scheduler)
}
