//! Going back to before a cell: the runner has a copy of the process, and this is the rest.

use std::time::Duration;

use evcxr::EvalContext;

use super::{Failure, Session, State};

/// Puts back what evcxr knew of variables; its state is of a type that has no public name.
pub(super) type Restore = Box<dyn FnOnce(&mut EvalContext) + Send>;

/// A cell that can be undone.
pub(super) struct Step {
    pub(super) number: u32,
    pub(super) state: State,
    pub(super) evaluator: Restore,
    /// How often compiled code ran.
    pub(super) runs: usize,
    /// Whether there was a copy of the process before each of them.
    pub(super) copied: bool,
}

impl Session {
    /// What happened to the runner since the last cell.
    pub(super) fn notice_death(&mut self) -> Option<Failure> {
        self.events.fence();
        let report = self.events.take_report();
        self.worker = report.worker.or(self.worker);
        let death = report.death?;
        if death.restored {
            // The copy is from before the newest cell that ran.
            while let Some(step) = self.before.pop_back() {
                let runs = step.runs;
                self.restore(step);
                if runs > 0 {
                    break;
                }
            }
        }
        Some(Failure::death_between(&death))
    }

    /// Goes back to how everything was before the newest cell that did something. Says what was undone.
    ///
    /// # Errors
    /// Why that cannot be done.
    pub fn undo(&mut self) -> Result<String, Failure> {
        if let Some(failure) = self.notice_death() {
            return Err(failure);
        }
        let Some(number) = self.before.back().map(|step| step.number) else {
            return Err(Failure::message("there is no cell to undo"));
        };
        let from = self.before.iter().rposition(|step| step.number != number).map_or(0, |at| at + 1);
        let runs: usize = self.before.iter().skip(from).map(|step| step.runs).sum();
        if !self.before.iter().skip(from).all(|step| step.copied) {
            return Err(Failure::message(&format!(
                "cell [{number}] cannot be undone: the process could not be copied before it ran"
            )));
        }
        if runs > 0 {
            self.events.control().send(&format!("undo {runs}"));
            let undone = (0..500).find_map(|_| {
                self.events.fence();
                let undone = self.events.take_report().undone;
                if undone.is_none() {
                    std::thread::sleep(Duration::from_millis(2));
                }
                undone
            });
            if undone != Some(runs) {
                return Err(Failure::message(&format!(
                    "cell [{number}] cannot be undone any more: only the last {} are kept (`%config undo = 20` keeps more)",
                    self.undo_steps
                )));
            }
        }
        self.before.truncate(from + 1);
        if let Some(step) = self.before.pop_back() {
            self.restore(step);
        }
        Ok(format!("cell [{number}] is undone: variables, functions, types and imports are as they were before it"))
    }

    pub(super) fn restore(&mut self, step: Step) {
        self.state = step.state;
        (step.evaluator)(&mut self.context);
    }

    pub(super) fn evaluator_state(&self) -> Restore {
        let state = self.context.state();
        Box::new(move |context| {
            // Nothing is to be compiled, so this only makes the state evcxr's own again.
            let _ = context.eval_with_state("", state);
        })
    }
}
