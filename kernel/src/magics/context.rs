//! What a magic works with.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Show;
use crate::session::{Event, Failure, Mime, Session};

/// The session, the screen, and the clock of a cell.
pub struct Context<'a> {
    pub session: &'a mut Session,
    pub show: Show<'a>,
    /// The cell's execution count.
    pub number: u32,
    /// What compiling has taken so far.
    pub compiled: Duration,
}

impl<'a> Context<'a> {
    pub fn new(session: &'a mut Session, show: Show<'a>, number: u32) -> Context<'a> {
        Context { session, show, number, compiled: Duration::ZERO }
    }

    /// Runs Rust.
    pub fn execute(&mut self, code: &str) -> Result<(), Failure> {
        let (session, number) = (&mut *self.session, self.number);
        let began = Instant::now();
        let result = session.execute(code, number);
        let running = session.last_run_time().unwrap_or_default();
        self.compiled += began.elapsed().saturating_sub(running);
        result
    }

    /// Runs one of evcxr's commands.
    pub fn command(&mut self, line: &str) -> Result<(), Failure> {
        if line.split_whitespace().next() == Some(":quit") {
            return Err(Failure::message(
                "`:quit` would end the kernel under your notebook; Kernel → Shut Down Kernel does that",
            ));
        }
        self.session.command(line)
    }

    /// Runs the user's code with code of ours around it. `plain` is the user's alone, where it stands in the cell: what is
    /// wrong with it is told as if nothing were around it.
    ///
    /// `explain` puts into words what goes wrong only with the code around, such as a value that a loop moves twice.
    pub fn execute_wrapped(
        &mut self,
        plain: &str,
        wrapped: &str,
        optimised: bool,
        explain: impl FnOnce(Failure) -> Failure,
    ) -> Result<(), Failure> {
        let began = Instant::now();
        let result = match optimised {
            true => self.session.execute_optimised(wrapped, self.number),
            false => self.session.execute(wrapped, self.number),
        };
        self.compiled += began.elapsed().saturating_sub(self.session.last_run_time().unwrap_or_default());
        result.map_err(|failure| {
            if failure.name == "CompileError" {
                return match self.session.check(plain, self.number) {
                    Err(failure) => failure,
                    Ok(()) => explain(failure),
                };
            }
            in_users_words(failure, plain, wrapped)
        })
    }

    /// Shows one thing in several forms.
    pub fn display<const N: usize>(&self, forms: [(&str, Value); N]) {
        let data: Mime = forms.into_iter().map(|(mime, value)| (mime.to_owned(), value)).collect();
        (self.show)(Event::Display { data, metadata: Mime::new(), display_id: None, update: false });
    }

    /// Gives the cell its value, in several forms.
    pub fn result<const N: usize>(&self, forms: [(&str, Value); N]) {
        let data: Mime = forms.into_iter().map(|(mime, value)| (mime.to_owned(), value)).collect();
        (self.show)(Event::Result(data, Mime::new()));
    }

    /// Prints a line, or several.
    pub fn print(&self, text: &str) {
        self.stream("stdout", &format!("{}\n", text.trim_end_matches('\n')));
    }

    /// Prints text as it is.
    pub fn stream(&self, name: &str, text: &str) {
        (self.show)(Event::Stream { name: name.to_owned(), text: text.to_owned() });
    }
}

/// A failure that shows lines of the user's, rather than those with our code in them.
fn in_users_words(mut failure: Failure, plain: &str, wrapped: &str) -> Failure {
    for (ours, users) in wrapped.lines().zip(plain.lines()).filter(|(ours, users)| ours != users) {
        for text in &mut failure.traceback {
            *text = text.replace(ours.trim_start(), users.trim_start());
        }
    }
    failure
}

/// A failure whose message alone is for the user, because the code that it shows is ours.
pub fn only_message(failure: &Failure) -> Failure {
    let first = failure.value.lines().next().unwrap_or_default();
    Failure { code: failure.code.clone(), ..Failure::message(first) }
}

/// How long a cell may be compiled beside the time that it may run: the compiler is shared with everybody here.
const COMPILING: Duration = Duration::from_secs(300);
/// How often it is looked which of the two it is.
const TICK: Duration = Duration::from_millis(100);

/// Interrupts a session when its time is over. The time in which cells are compiled does not count.
pub struct Watchdog {
    done: mpsc::Sender<()>,
    thread: std::thread::JoinHandle<bool>,
}

impl Watchdog {
    /// Watches from now on.
    pub fn start(session: &Session, limit: Duration) -> Watchdog {
        let interrupter = session.interrupter();
        let (done, finished) = mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            let is_over = |limit| finished.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout);
            let (mut ran, mut compiled) = (Duration::ZERO, Duration::ZERO);
            while ran < limit && compiled < limit + COMPILING {
                let (began, compiles) = (Instant::now(), interrupter.is_compiling());
                if !is_over(TICK.min(limit - ran)) {
                    return false;
                }
                *(if compiles { &mut compiled } else { &mut ran }) += began.elapsed();
            }
            interrupter.interrupt();
            // What was just between two pieces of the cell did not notice.
            while is_over(Duration::from_secs(1)) {
                interrupter.interrupt();
            }
            true
        });
        Watchdog { done, thread }
    }

    /// Ends the watch; says whether time was over.
    pub fn stop(self) -> bool {
        drop(self.done);
        self.thread.join().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_quote_the_user() {
        let mut failure = Failure::message("no");
        failure.traceback.push("  1 | { let clock = x; f(3)".to_owned());
        let failure = in_users_words(failure, "        f(3)", "{ let clock = x; f(3)\n}");
        assert_eq!(failure.traceback[1], "  1 | f(3)");
    }
}
