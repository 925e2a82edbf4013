//! The process between the kernel and the worker.
//!
//! It has one thread and waits for five things: an instruction on standard input, a line on the control pipe, a report
//! of the worker, the end of a child, and deadlines. Only it knows which of its children is the worker; the others are
//! copies, asleep.

mod start;

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::lines::Lines;
use crate::memory::{memory_of, part_of_memory_left};
use crate::snapshot::WakeWords;
use crate::system::poll;

pub use start::run;

/// What evcxr waits for after `LOAD_AND_RUN`.
const COMPLETE: &[u8] = b"EVCXR_EXECUTION_COMPLETE\n";
/// What makes evcxr forget a cell: it reads text, and a line that is not UTF-8 is an error to it, upon which it keeps the
/// state from before the cell and the process it has. The newline ends a line that the dead worker may have begun.
const FORGET: &[u8] = b"\n\xff\n";
/// How long an interrupted cell may go on before its process is ended.
const GRACE: Duration = Duration::from_millis(1500);
/// How often memory is looked at while a cell runs, when there is a limit.
const MEMORY_INTERVAL: Duration = Duration::from_millis(50);
/// How often it is looked whether the machine has memory left, while copies of earlier cells could give some back.
const SHORTAGE_INTERVAL: Duration = Duration::from_secs(1);
/// With less than this part of its memory left, the machine is short of it.
const SHORTAGE: f64 = 0.2;
/// How the copy that a probe makes ends, when its threads live.
const PROBE_SUCCESS: i32 = 42;

/// A sleeping copy of the worker.
struct Copy {
    process: libc::pid_t,
    slot: usize,
}

/// Why the supervisor ended the worker.
#[derive(Clone, Copy, PartialEq)]
enum Ended {
    Interrupted,
    MemoryLimit,
    /// The cell failed, and took variables with it that were there before.
    TookVariables,
    Undone(usize),
}

/// Whether copies can be made here.
enum Copies {
    /// A test is on its way.
    Probing {
        process: libc::pid_t,
        deadline: Instant,
    },
    Work,
    Fail(String),
}

struct Supervisor {
    words: WakeWords,
    events: File,
    protocol: File,
    instructions: Lines,
    control: Option<Lines>,
    reports: Lines,
    to_worker: File,
    children: File,
    worker: libc::pid_t,
    /// A cell runs.
    running: bool,
    /// The copy from before the cell that runs.
    current: Option<Copy>,
    /// Why there is none.
    no_copy: Option<String>,
    /// Copies from before earlier cells, newest last; `None` where a cell had none.
    earlier: VecDeque<Option<Copy>>,
    /// How many of those there may be. The kernel says it before the first cell.
    keep: usize,
    copies: Copies,
    ended: Option<Ended>,
    deadline: Option<Instant>,
    /// In bytes; 0 where there is none, and until the kernel says it.
    memory_limit: u64,
    looked_for_shortage: Instant,
}

impl Supervisor {
    /// Gives the code to exit with.
    fn serve(&mut self) -> i32 {
        loop {
            let control = self.control.as_ref().map_or(-1, Lines::descriptor);
            let [reported, ended, told, controlled] = poll(
                [self.reports.descriptor(), self.children.as_raw_fd(), self.instructions.descriptor(), control],
                self.next_wait(),
            );
            // What the worker said before it ended comes first.
            if reported != 0 {
                self.take_reports();
            }
            if ended != 0 {
                let mut bytes = [0; 64];
                let _ = self.children.read(&mut bytes);
                if let Some(code) = self.reap() {
                    return code;
                }
            }
            if controlled != 0 {
                for line in self.control.as_mut().map(Lines::read).unwrap_or_default() {
                    self.control(&line);
                }
            }
            if told != 0 {
                for line in self.instructions.read() {
                    self.instruct(&line);
                }
                if self.instructions.closed {
                    return 0;
                }
            }
            self.look_at_clock();
        }
    }

    fn next_wait(&self) -> libc::c_int {
        let probing = match &self.copies {
            Copies::Probing { deadline, .. } => Some(*deadline),
            _ => None,
        };
        let memory = (self.memory_limit > 0 && self.running).then(|| Instant::now() + MEMORY_INTERVAL);
        let shortage = (self.running && self.steps() > 0).then(|| Instant::now() + SHORTAGE_INTERVAL);
        let next = [probing, self.deadline, memory, shortage].into_iter().flatten().min();
        next.map_or(-1, |next| next.saturating_duration_since(Instant::now()).as_millis() as libc::c_int + 1)
    }

    fn look_at_clock(&mut self) {
        if let Copies::Probing { process, deadline } = self.copies
            && Instant::now() > deadline
        {
            kill_group(process);
            self.copies = Copies::Fail("a test copy of a process did not answer".to_owned());
        }
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            self.deadline = None;
            self.end_worker(Ended::Interrupted);
        }
        if self.memory_limit > 0 && self.running && self.ended.is_none() && memory_of(self.worker) > self.memory_limit {
            self.end_worker(Ended::MemoryLimit);
        }
        if self.running && self.steps() > 0 && self.looked_for_shortage.elapsed() >= SHORTAGE_INTERVAL {
            self.make_room();
        }
    }

    /// Copies keep what the session has freed since. Those that are only there for `%undo` go when memory is short.
    fn make_room(&mut self) {
        self.looked_for_shortage = Instant::now();
        if part_of_memory_left().is_some_and(|left| left < SHORTAGE) {
            for copy in self.earlier.iter_mut().filter_map(Option::take) {
                kill_group(copy.process);
            }
        }
    }

    fn end_worker(&mut self, why: Ended) {
        self.ended = Some(why);
        kill_group(self.worker);
    }

    /// A line of evcxr's: a cell to run.
    fn instruct(&mut self, line: &str) {
        self.wait_for_probe();
        let slot = self.free_slot();
        if let Some(slot) = slot {
            self.words.prepare(slot);
        }
        self.running = true;
        self.no_copy = match &self.copies {
            Copies::Fail(reason) => Some(reason.clone()),
            _ => None,
        };
        let slot = slot.filter(|_| self.no_copy.is_none());
        let line = match slot {
            Some(slot) => format!("{line} {slot}\n"),
            None => format!("{line}\n"),
        };
        // A worker that has gone is noticed by its end.
        let _ = self.to_worker.write_all(line.as_bytes());
    }

    fn wait_for_probe(&mut self) {
        while let Copies::Probing { .. } = self.copies {
            poll([self.children.as_raw_fd()], 20);
            let mut bytes = [0; 64];
            if poll([self.children.as_raw_fd()], 0)[0] != 0 {
                let _ = self.children.read(&mut bytes);
            }
            self.reap();
            self.look_at_clock();
        }
    }

    fn free_slot(&mut self) -> Option<usize> {
        let used = |slot: &usize| self.earlier.iter().flatten().any(|copy| copy.slot == *slot);
        // The first is the probe's.
        (1..self.words.len()).find(|slot| !used(slot))
    }

    /// Lines of the worker: `copy <pid> <slot>`, `no-copy <reason>`, `done`, `failed` (the cell failed and took variables).
    fn take_reports(&mut self) {
        for line in self.reports.read() {
            let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match word {
                "copy" => {
                    let mut numbers = rest.split(' ').map(|number| number.parse::<i32>().unwrap_or(0));
                    let (process, slot) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
                    // It does so itself, but on a busy machine perhaps not before the worker's group is ended, which it
                    // would still be in.
                    // SAFETY: a system call on a child that has not been reaped.
                    unsafe { libc::setpgid(process, process) };
                    self.current = Some(Copy { process, slot: slot.unsigned_abs() as usize });
                }
                "no-copy" => self.no_copy = Some(rest.to_owned()),
                "done" => self.complete(),
                "failed" if self.current.is_some() => self.end_worker(Ended::TookVariables),
                "failed" => self.complete(),
                _ => {}
            }
        }
    }

    /// The cell has ended by itself.
    fn complete(&mut self) {
        // It was told to stop, and took its time.
        self.deadline = None;
        self.running = false;
        let copy = self.current.take();
        let kept = copy.is_some();
        self.earlier.push_back(copy);
        self.forget_oldest();
        self.make_room();
        self.send(&json!({"type": "ready", "copied": kept, "process": self.worker}));
        let _ = self.protocol.write_all(COMPLETE);
    }

    fn forget_oldest(&mut self) {
        while self.earlier.len() > self.keep {
            if let Some(copy) = self.earlier.pop_front().flatten() {
                kill_group(copy.process);
            }
        }
    }

    /// How many cells can be undone.
    fn steps(&self) -> usize {
        self.earlier.iter().rev().take_while(|copy| copy.is_some()).count()
    }

    fn control(&mut self, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (word, rest.parse::<u64>()) {
            ("interrupt", _) if self.running => {
                // SAFETY: the worker has not been reaped.
                unsafe { libc::kill(self.worker, libc::SIGINT) };
                // Who interrupts again does not wait longer for it.
                self.deadline.get_or_insert(Instant::now() + GRACE);
            }
            ("undo", Ok(steps)) => {
                let steps = steps as usize;
                if self.running || steps == 0 || steps > self.steps() {
                    self.send(&json!({"type": "undone", "steps": 0, "process": self.worker}));
                } else {
                    self.end_worker(Ended::Undone(steps));
                }
            }
            ("keep", Ok(keep)) => {
                self.keep = (keep as usize).min(self.words.len().saturating_sub(2));
                self.forget_oldest();
            }
            ("memory", Ok(limit)) => self.memory_limit = limit,
            _ => {}
        }
    }

    /// Takes the ends of children. Gives a code when it is time to exit.
    fn reap(&mut self) -> Option<i32> {
        loop {
            let mut status = 0;
            // SAFETY: `status` is where the system writes.
            let process = unsafe { libc::waitpid(-1, &mut status, libc::WNOHANG) };
            if process <= 0 {
                return None;
            }
            if process == self.worker {
                self.take_reports();
                if let Some(code) = self.worker_ended(status) {
                    return Some(code);
                }
            } else if let Copies::Probing { process: probe, .. } = self.copies {
                if libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == PROBE_SUCCESS {
                    self.copies = Copies::Work;
                } else if process != probe || status != 0 {
                    self.copies = Copies::Fail("a test copy of a process did not work".to_owned());
                }
            } else {
                // A copy that the system ended, perhaps for its memory.
                for copy in &mut self.earlier {
                    copy.take_if(|copy| copy.process == process);
                }
                self.current.take_if(|copy| copy.process == process);
            }
        }
    }

    fn worker_ended(&mut self, status: i32) -> Option<i32> {
        let ended = self.ended.take();
        self.deadline = None;
        // What the cell has started and left.
        end_group(self.worker);
        let copy = match ended {
            Some(Ended::Undone(steps)) => {
                for _ in 1..steps {
                    if let Some(copy) = self.earlier.pop_back().flatten() {
                        kill_group(copy.process);
                    }
                }
                self.earlier.pop_back().flatten()
            }
            _ if self.running => self.current.take(),
            // Between cells: the work of the newest cell goes too.
            _ => self.earlier.pop_back().flatten(),
        };
        let restored = copy.is_some();
        if let Some(copy) = copy {
            self.worker = copy.process;
            self.words.wake(copy.slot);
        }
        match ended {
            Some(Ended::Undone(steps)) => self.send(&json!({"type": "undone", "steps": steps, "process": self.worker})),
            _ => self.send(&json!({
                "type": "died",
                "signal": libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status)),
                "code": libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status)),
                "why": match ended {
                    Some(Ended::Interrupted) => "interrupted",
                    Some(Ended::MemoryLimit) => "memory",
                    Some(Ended::TookVariables) => "rolled_back",
                    _ => "itself",
                },
                "limit": self.memory_limit,
                "running": self.running,
                "restored": restored,
                "process": self.worker,
                "reason": self.no_copy,
            })),
        }
        if !restored {
            return Some(98);
        }
        if std::mem::take(&mut self.running) {
            let _ = self.protocol.write_all(FORGET);
        }
        None
    }

    fn end_all(&mut self) {
        kill_group(self.worker);
        for copy in self.earlier.drain(..).flatten().chain(self.current.take()) {
            kill_group(copy.process);
        }
        // SAFETY: takes the ends of children until there is none.
        while unsafe { libc::waitpid(-1, std::ptr::null_mut(), 0) } > 0 {}
    }

    fn send(&mut self, event: &Value) {
        let _ = self.events.write_all(format!("\n{event}\n").as_bytes());
    }
}

/// Ends a child that has not been reaped, and what was started from it.
fn kill_group(process: libc::pid_t) {
    end_group(process);
    // It may not have come so far as to have a group.
    // SAFETY: the number is still the child's.
    unsafe { libc::kill(process, libc::SIGKILL) };
}

/// Ends what was started from a child.
fn end_group(leader: libc::pid_t) {
    // SAFETY: no other group can have this number while a process is left in it.
    unsafe { libc::kill(-leader, libc::SIGKILL) };
}
