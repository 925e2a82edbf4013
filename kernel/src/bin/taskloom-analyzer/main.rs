//! `taskloom-analyzer`: knows the types, for completion and inspection.
//!
//! The kernel starts it for whoever presses Tab, asks it in JSON lines on stdin and reads the answers from stdout. It
//! holds the sources of the standard library, of the engine and of what the engine re-exports in rust-analyzer's
//! database, which takes a few hundred megabytes; so it is a process of its own, and ends when it is not asked for a
//! while, or when the kernel closes the pipe.
//!
//! ```text
//!  stdin ─► reader ─► world (owns the database, takes the newest questions) ─► worker (answers) ─► stdout
//! ```
//! A new question changes the database, at which the answer to an older one of its kind is given up.

mod completion;
mod hover;
mod names;
mod plain;
#[path = "../../analysis/protocol.rs"]
mod protocol;
mod scene;
mod sources;
mod world;

use std::collections::VecDeque;
use std::io::{BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use ra_ap_ide::Cancellable;

use protocol::{Answer, Body, Kind, Question};
use sources::{Places, Sources};
use world::{View, World};

/// rust-analyzer goes deep where types are nested.
const STACK: usize = 64 << 20;
/// Why a question has no answer when another came in its place.
const SUPERSEDED: &str = "a newer question came";

/// Answers questions about Rust cells: JSON lines on stdin, JSON lines on stdout.
#[derive(Parser)]
struct Options {
    /// The compiler whose standard library cells see
    #[arg(long, default_value = "rustc")]
    rustc: PathBuf,
    /// The cargo that knows the engine's dependencies
    #[arg(long, default_value = "cargo")]
    cargo: PathBuf,
    /// The folder of the engine's Cargo.toml
    #[arg(long)]
    engine: Option<PathBuf>,
    /// A file that remembers what cargo says of the engine
    #[arg(long)]
    memory: Option<PathBuf>,
    /// End after so many seconds without a question
    #[arg(long, default_value_t = 600)]
    idle: u64,
}

/// What the world hears of.
enum News {
    Asked(Question),
    /// A question is done with.
    Answered(u64),
    /// The libraries are analysed.
    Warm,
    /// Nobody asks any more.
    End,
}

/// What the worker does.
enum Work {
    Warm(Box<dyn FnOnce() + Send>),
    Answer(Box<View>, Question, String, usize),
}

fn main() -> ExitCode {
    let options = Options::parse();
    let (news, hear) = crossbeam_channel::unbounded();
    let (work, orders) = crossbeam_channel::unbounded();
    let (read_news, work_news) = (news.clone(), news);
    let reader = move || read(&read_news);
    let worker = move || answer_all(&orders, &work_news);
    let started = [
        std::thread::Builder::new().name("reader".to_owned()).spawn(reader),
        std::thread::Builder::new().name("worker".to_owned()).stack_size(STACK).spawn(worker),
    ];
    if let Some(error) = started.into_iter().find_map(Result::err) {
        eprintln!("taskloom-analyzer: cannot start a thread: {error}");
        return ExitCode::FAILURE;
    }
    let places = Places {
        rustc: &options.rustc,
        cargo: &options.cargo,
        engine: options.engine.as_deref(),
        standard: std::env::var_os("TASKLOOM_RUST_SRC").map(PathBuf::from),
        memory: options.memory.as_deref(),
    };
    let sources = Sources::find(&places);
    for sentence in &sources.missing {
        eprintln!("taskloom-analyzer: {sentence}");
    }
    serve(World::new(sources), &hear, &work, Duration::from_secs(options.idle));
    ExitCode::SUCCESS
}

/// Reads questions until the pipe is closed.
fn read(news: &Sender<News>) {
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        match serde_json::from_str(&line) {
            Ok(question) => {
                if news.send(News::Asked(question)).is_err() {
                    return;
                }
            }
            Err(error) => eprintln!("taskloom-analyzer: a line is not a question: {error}"),
        }
    }
    let _ = news.send(News::End);
    // The world may be busy; nobody waits for what it finds.
    std::process::exit(0);
}

/// Gives questions to the worker, of each kind only the newest, until there are none for a while.
fn serve(mut world: World, hear: &Receiver<News>, work: &Sender<Work>, idle: Duration) {
    let (mut warm, mut with_frames) = (false, false);
    let mut waiting: VecDeque<Question> = VecDeque::new();
    let mut answering: Option<(u64, Kind)> = None;
    // The process is started by a question, which says what is to be read first.
    if let Ok(News::Asked(question)) = hear.recv_timeout(Duration::from_secs(1)) {
        with_frames = speaks_of_frames(&question);
        waiting.push_back(question);
    }
    world.load(|package| with_frames || !package.is_for_frames());
    let _ = work.send(Work::Warm(world.warming()));
    loop {
        match hear.recv_timeout(idle) {
            Ok(News::Asked(question)) => {
                let older = waiting.iter().position(|older| older.kind == question.kind);
                if let Some(older) = older.and_then(|at| waiting.remove(at)) {
                    answer(older.id, Body::Failed(SUPERSEDED.to_owned()));
                }
                waiting.push_back(question);
            }
            Ok(News::Answered(id)) => answering = answering.filter(|(current, _)| *current != id),
            Ok(News::Warm) => warm = true,
            Ok(News::End) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
        }
        // A change would end the analysis of the libraries, which would have to begin anew.
        if !warm || !hear.is_empty() {
            continue;
        }
        // A change also ends the answer that is in the making, which is right for an older question of the same kind
        // alone: who completes still wants to when a panel beside the notebook inspects.
        let next = match answering {
            None => waiting.pop_front(),
            Some((_, kind)) => {
                let newer = waiting.iter().position(|question| question.kind == kind);
                newer.and_then(|at| waiting.remove(at))
            }
        };
        let Some(question) = next else { continue };
        if !with_frames && speaks_of_frames(&question) {
            (warm, with_frames) = (false, true);
            world.load(|_| true);
            let _ = work.send(Work::Warm(world.warming()));
            waiting.push_front(question);
            continue;
        }
        let (text, start) = scene::text(&question.scene, &question.code);
        world.set_text(text.clone());
        answering = Some((question.id, question.kind));
        let _ = work.send(Work::Answer(Box::new(world.view()), question, text, start));
    }
}

/// Whether Polars is needed for the answer, which takes as long to read as all the rest.
fn speaks_of_frames(question: &Question) -> bool {
    const WORDS: [&str; 6] = ["polars", "Frame", "Series", "col(", "read_csv", "df!"];
    let scene = &question.scene;
    let variables = scene.variables.iter().map(|variable| &variable.ty);
    variables.chain([&scene.prelude, &question.code]).any(|text| WORDS.iter().any(|word| text.contains(word)))
}

fn answer_all(orders: &Receiver<Work>, news: &Sender<News>) {
    for order in orders {
        match order {
            Work::Warm(warm) => {
                let _ = catch_unwind(AssertUnwindSafe(warm));
                let _ = news.send(News::Warm);
            }
            Work::Answer(view, question, text, start) => {
                let found = catch_unwind(AssertUnwindSafe(|| find(&view, &question, &text, start)));
                // The world waits for this before it changes.
                drop(view);
                let body = match found {
                    Ok(Ok(body)) => body,
                    Ok(Err(_)) => Body::Failed(SUPERSEDED.to_owned()),
                    Err(_) => Body::Failed("the analysis of this cell failed".to_owned()),
                };
                answer(question.id, body);
                let _ = news.send(News::Answered(question.id));
            }
        }
    }
}

fn find(view: &View, question: &Question, text: &str, start: usize) -> Cancellable<Body> {
    let offset = start + question.offset.min(question.code.len());
    Ok(match question.kind {
        Kind::Complete => Body::Completions(match names::complete(&view.database, text, start, offset)? {
            Some(found) => found,
            None => completion::complete(&view.analysis, text, start, offset)?,
        }),
        Kind::Inspect => Body::Description(hover::inspect(&view.analysis, offset)?),
    })
}

fn answer(id: u64, body: Body) {
    let mut out = std::io::stdout().lock();
    let written = serde_json::to_writer(&mut out, &Answer { id, body }).map_err(std::io::Error::other);
    let _ = written.and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
}
