//! `%history`: what has been run, in this session and in earlier ones.

use super::arguments::Call;
use super::context::Context;
use super::{Magic, Magics, usage};
use crate::history::magic;
use crate::history::ranges::range_spec;
use crate::session::Failure;

pub(super) const MAGICS: [Magic; 1] = [Magic {
    name: "%history",
    usage: "%history [-n] [-o] [-u] [-l [N]] [-g [PATTERN]] [-f FILE [-y]] [-s] [RANGE …]",
    summary: "Prints the cells that have been run.",
    details: magic::HELP,
    example: "%history -n 1-3",
    run: Magics::show_history,
}];

impl Magics {
    /// The cells of a range such as `3-5`, one below the other.
    pub(super) fn earlier_cells(&self, range: &str) -> Option<String> {
        let spans = range_spec(range).ok()?;
        let cells = self.history.as_ref()?.spans(&spans, None);
        let inputs: Vec<String> = cells.into_iter().map(|entry| entry.source).collect();
        (!inputs.is_empty()).then(|| inputs.join("\n"))
    }

    /// The cells of this session, newest first.
    pub(super) fn cells_of_session(&self) -> Vec<String> {
        let cells = self.history.as_ref().map(|history| history.range(0, 0, None)).unwrap_or_default();
        cells.into_iter().rev().map(|entry| entry.source).collect()
    }

    fn show_history(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        let Some(history) = &self.history else {
            return Err(Failure::message("no history is kept here: that is for notebooks and consoles"));
        };
        let folder = context.session.current_directory();
        let text = magic::run(history, &call.arguments, context.number, &folder)
            .map_err(|error| usage(call, &error.to_string()))?;
        if !text.is_empty() {
            context.print(&text);
        }
        Ok(())
    }
}
