//! Magics: `%name` for a line, `%%name` for a cell, in IPython's manner.
//!
//! ```text
//!  cell ─► split ─┬─► Rust ─────────► session
//!                 ├─► %magic ─► table ─► timing, variables, files, shell, display, exercises, graphs,
//!                 │                      dependencies, settings, history, help
//!                 ├─► !command ─► shell
//!                 └─► :command ─► session (evcxr)
//! ```
//! A magic is a row of its file's table. The tables together are what `%lsmagic` lists, what `?` explains and what
//! completion offers.

mod arguments;
mod context;
mod dependencies;
mod dependency_words;
mod display;
mod exercises;
mod files;
mod graphs;
mod help;
pub mod history;
mod inspect;
mod notebook;
mod settings;
mod sheet;
mod shell;
mod split;
mod timing;
mod variables;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

pub use context::Watchdog;
pub use exercises::Checking;
pub use notebook::Place;

use crate::history::History;
use crate::installation::Installation;
use crate::progress::Progress;
use crate::session::{Event, Failure, Mime, Session};
use arguments::Call;
use context::Context;
use split::{Names, Piece};

/// Where a magic sends what it shows.
pub type Show<'a> = &'a dyn Fn(Event);

type Action = fn(&mut Magics, &mut Context, &Call) -> Result<(), Failure>;

/// A row of a table.
struct Magic {
    /// With its `%` or `%%`.
    name: &'static str,
    usage: &'static str,
    /// One sentence, for the list.
    summary: &'static str,
    /// What else there is to know.
    details: &'static str,
    /// A cell that can be run.
    example: &'static str,
    run: Action,
}

/// All magics by subject, in the order in which `%lsmagic` shows them.
const SUBJECTS: [(&str, &[Magic]); 11] = [
    ("Exercises", &exercises::MAGICS),
    ("Graphs and computations", &graphs::MAGICS),
    ("Time", &timing::MAGICS),
    ("Variables", &variables::MAGICS),
    ("Crates", &dependencies::MAGICS),
    ("Files", &files::MAGICS),
    ("The shell", &shell::MAGICS),
    ("Display", &display::MAGICS),
    ("Settings", &settings::MAGICS),
    ("History", &history::MAGICS),
    ("Help", &help::MAGICS),
];

fn all() -> impl Iterator<Item = &'static Magic> {
    SUBJECTS.iter().flat_map(|(_, magics)| magics.iter())
}

fn find(name: &str) -> Option<&'static Magic> {
    all().find(|magic| magic.name == name)
}

/// The names of all magics.
pub fn names() -> Vec<String> {
    all().map(|magic| magic.name.to_owned()).collect()
}

/// Usage, explanation and example of one magic.
pub fn help(name: &str) -> Option<String> {
    let magic = find(name)?;
    let example = magic.example.replace('\n', "\n    ");
    let details = if magic.details.is_empty() { String::new() } else { format!("\n\n{}", magic.details) };
    Some(format!("{}\n\n{}{details}\n\nExample:\n    {example}", magic.usage, magic.summary))
}

pub use exercises::names_of as exercises;

/// Tells, in several forms, what is known of a name of the standard library, the engine or another crate; with its code
/// too if the second argument says so.
pub type Library = Box<dyn Fn(&str, bool) -> Option<Mime> + Send>;

/// What magics remember between cells.
pub struct Magics {
    /// The installation's course.
    course: Option<PathBuf>,
    hints_shown: HashMap<String, usize>,
    payload: Vec<Value>,
    history: Option<Arc<History>>,
    library: Option<Library>,
    /// The folder before the last `%cd`.
    previous_folder: Option<PathBuf>,
    /// How many files deep `%run` is.
    depth: usize,
    /// Displays that are replaced have names, which are counted.
    displays: u64,
    progress: Progress,
    /// Where the cell that runs stands, if its client says so.
    place: Option<Place>,
}

impl Magics {
    /// Magics that find exercises in the installation's course, unless the current folder lies in one.
    pub fn new(installation: &Installation) -> Self {
        Magics {
            course: installation.course.clone(),
            hints_shown: HashMap::new(),
            payload: Vec::new(),
            history: None,
            library: None,
            previous_folder: None,
            depth: 0,
            displays: 0,
            progress: Progress::in_home(&installation.home()),
            place: None,
        }
    }

    /// Says where the next cell stands.
    pub fn set_place(&mut self, place: Option<Place>) {
        self.place = place;
    }

    /// Who is asked about names that the session does not know.
    pub fn set_library(&mut self, library: Library) {
        self.library = Some(library);
    }

    /// What `%history` shows.
    pub fn set_history(&mut self, history: Arc<History>) {
        self.history = Some(history);
    }

    /// What the reply to the cell has to carry, as the protocol's `payload`: pages of help, a text for the cell.
    pub fn take_payload(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.payload)
    }

    /// Runs a cell, magics and Rust in the order written.
    ///
    /// # Errors
    /// Why it did not finish.
    pub fn run_cell(&mut self, session: &mut Session, code: &str, number: u32, show: Show) -> Result<(), Failure> {
        session.begin_cell(number);
        self.payload.clear();
        self.depth = 0;
        let limit = settings::time_limit(session);
        let watch = limit.map(|limit| (limit, context::Watchdog::start(session, limit)));
        let result = self.run_code(&mut Context::new(session, show, number), code);
        match watch.and_then(|(limit, watch)| watch.stop().then_some(limit)) {
            Some(limit) if result.is_err() => Err(Failure::message(&format!(
                "the cell ran longer than its limit of {} s and was stopped; `%config time_limit = off` lets cells run on",
                limit.as_secs()
            ))),
            _ => result,
        }
    }

    /// Runs code that may hold magics.
    fn run_code(&mut self, context: &mut Context, code: &str) -> Result<(), Failure> {
        if let Some(call) = split::cell_magic(code)
            && !call.name.ends_with('?')
        {
            return self.magic(context, &call);
        }
        let variables = context.session.variables();
        let items = context.session.items();
        let names = Names {
            is_magic: &|name| find(name).is_some() || help::advice(name).is_some(),
            type_of: &|name| {
                let variable = variables.iter().find(|(variable, _)| variable == name);
                variable.map(|(_, ty)| ty.clone()).or_else(|| items.iter().any(|item| item == name).then(String::new))
            },
        };
        let pieces = split::pieces(code, &names);
        for piece in pieces {
            match piece {
                Piece::Rust(rust) => context.execute(&rust)?,
                Piece::Magic(call) => self.magic(context, &call)?,
                Piece::Shell(command) => shell::run(context, &command)?,
                Piece::Command(line) => context.command(&line)?,
                Piece::Question { name, more } => self.inspect(context, &name, more)?,
            }
        }
        Ok(())
    }

    fn magic(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        match find(&call.name) {
            Some(magic) if magic.name.starts_with("%%") && call.line > 1 && call.body.is_empty() => {
                Err(Failure::message(&format!(
                    "{} takes the whole cell below it, so it has to be the cell's first line, with something below",
                    magic.name
                )))
            }
            Some(magic) => (magic.run)(self, context, call),
            None => Err(Failure::message(&help::unknown(&call.name))),
        }
    }
}

/// A failure that reminds of how a magic is used.
fn usage(call: &Call, wrong: &str) -> Failure {
    let usage = find(&call.name).map_or(call.name.as_str(), |magic| magic.usage);
    Failure::message(&format!("{wrong}.\nusage: {usage}"))
}
