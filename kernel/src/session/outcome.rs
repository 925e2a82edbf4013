//! What became of a cell: one failure out of all that rustc, evcxr and the runner have said.

use evcxr::Error;
use serde_json::Value;

use super::cell::Outline;
use super::compiler::CompileError;
use super::events::Report;
use super::explain::Facts;
use super::{Failure, Session, State};

/// Why a cell did not come to its end.
pub(super) enum Stop {
    /// rustc's messages.
    Rejected(Vec<Value>),
    /// The parser's, and where.
    Unreadable(usize, String),
    Said(String),
    Evaluator(Error),
    Interrupted,
}

impl From<CompileError> for Stop {
    fn from(error: CompileError) -> Self {
        match error {
            CompileError::Rejected(messages) => Stop::Rejected(messages),
            CompileError::Interrupted => Stop::Interrupted,
            CompileError::Failed(message) => Stop::Said(message),
        }
    }
}

impl Session {
    /// Makes one failure out of what evcxr said and what the runner told.
    pub(super) fn conclude(&mut self, code: &str, result: Result<(), Stop>, report: Report) -> Result<(), Failure> {
        if let Some(death) = report.death.as_ref().filter(|death| !death.restored) {
            self.forget_process();
            if death.why != "interrupted" {
                return Err(Failure::death(death, &report.stderr));
            }
        }
        if self.interrupter.is_interrupted() {
            return Err(Failure::interrupted(report.death.as_ref()));
        }
        let rolled_back = report.death.as_ref().is_some_and(|death| death.why == "rolled_back");
        let explained = |failure: Failure| match rolled_back {
            true => failure.with_detail(
                "The cell had taken variables that were there before; all of them are as they were before it.",
            ),
            false => failure,
        };
        if let Some(panic) = report.panic {
            return Err(explained(panic));
        }
        if let Some(message) = report.user_error {
            return Err(explained(Failure::question_mark(&message)));
        }
        if let Some(death) = report.death {
            return Err(Failure::death(&death, &report.stderr));
        }
        result.map_err(|stop| self.failure_of(code, stop))
    }

    pub(super) fn failure_of(&mut self, code: &str, stop: Stop) -> Failure {
        match stop {
            Stop::Rejected(messages) => {
                let failure = Failure::rejected(&messages, &self.sources(), &self.facts(code));
                self.last_messages = messages;
                failure
            }
            Stop::Unreadable(at, message) => Failure::syntax(at, &message, &self.facts(code)),
            Stop::Said(message) => Failure::message(&message),
            Stop::Evaluator(Error::CompilationErrors(errors)) => Failure::compilation(&errors, &self.facts(code)),
            Stop::Evaluator(Error::SubprocessTerminated(message)) => {
                self.forget_process();
                Failure::message(&format!("the process that runs cells ended: {message}"))
            }
            Stop::Evaluator(error) => Failure::message(&error.to_string()),
            Stop::Interrupted => Failure::interrupted(None),
        }
    }

    /// What explains a compiler's message to the person.
    pub(super) fn facts(&self, code: &str) -> Facts {
        Facts {
            code: code.to_owned(),
            variables: self.variables(),
            items: self.items(),
            moved: self.moved.iter().map(|(name, cell)| (name.clone(), *cell)).collect(),
            failed: self.failed.iter().map(|(name, cell)| (name.clone(), *cell)).collect(),
        }
    }

    /// Remembers which names a cell has taken away, and which it would have made had it not failed.
    pub(super) fn note_names(&mut self, outline: Outline, number: u32, before: &State, failed: bool) {
        for name in before.variables.keys().filter(|name| !self.state.variables.contains_key(*name)) {
            self.moved.insert(name.clone(), number);
        }
        let bound = outline.bound.into_iter().map(|(name, _)| name);
        for name in bound.chain(outline.units.into_iter().flat_map(|unit| unit.names)) {
            if failed {
                self.failed.insert(name, number);
            } else {
                self.failed.remove(&name);
                self.moved.remove(&name);
            }
        }
    }

    /// A new process has been started, without variables.
    pub(super) fn forget_process(&mut self) {
        self.state.variables.clear();
        self.settle();
    }
}
