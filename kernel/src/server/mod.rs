//! The Jupyter side: five sockets, and who answers what.
//!
//! ```text
//!  zmtp ─► message (checked) ─► dispatch ─┬─► queue ─► evaluator thread (owns the session) ─► output ─► iopub
//!  one task for each                      ├─► desk ──► assistant thread (completion, inspection)
//!  connection                             └─► everything else, at once
//!  stdin ─► prompts ─► the cell that asks          heartbeat: a thread of its own
//! ```
//! Nothing that a client sends, or fails to read, makes anything here wait or grow without bound: messages are limited
//! in size, those that wait share a budget, what is sent waits in queues that are bounded in bytes, and text is
//! throttled (see [`throttle`]). Messages must be signed with the connection file's key; signatures are compared in
//! constant time, and a message counts once. CURVE, ZeroMQ's encryption, is not offered: the sockets belong on this
//! machine's own address, or on `ipc`.

mod assist;
mod comms;
mod connection;
mod dispatch;
mod evaluator;
mod facts;
mod info;
mod iopub;
mod limits;
mod message;
mod output;
mod prompts;
mod queue;
mod receive;
mod session_feed;
mod subshells;
mod tables;
mod throttle;
mod zmtp;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::history::History;
use crate::installation::Installation;
use crate::session::{self, MemoryLimit};
use assist::{Analysing, Assistant, Desk};
use comms::Comms;
use connection::Connection;
use dispatch::{Channel, Dispatcher};
use evaluator::{Evaluator, Surroundings};
use facts::Facts;
use iopub::Iopub;
use message::{Replies, Wire};
use output::Output;
use prompts::Prompts;
use queue::Queue;
use receive::{Answers, Complaints, Heartbeat, Requests, Subscribers};
use session_feed::SessionFeed;
use zmtp::{Budget, MAX_MESSAGE, Socket};

/// How long the last messages may take to be sent.
const FAREWELL: Duration = Duration::from_millis(500);

/// Serves the clients of a connection file until one asks for a shutdown. The session begins with this limit of memory.
///
/// # Errors
/// A sentence about what keeps the kernel from starting.
pub fn serve(connection_file: &Path, installation: Installation, memory_limit: MemoryLimit) -> Result<(), String> {
    let connection = Connection::read(connection_file)?;
    let folder = session::session_folder()?;
    // Before any thread is started, tokio's among them.
    session::prepare_environment(&installation, folder.path())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start threads: {error}"))?;
    let files = connection.files();
    let outcome = runtime.block_on(run(connection, installation, folder, memory_limit));
    for file in files {
        let _ = std::fs::remove_file(file);
    }
    // The evaluator may be in the middle of a cell; nobody waits for it any more.
    runtime.shutdown_background();
    outcome
}

async fn run(
    connection: Connection,
    installation: Installation,
    folder: tempfile::TempDir,
    memory_limit: MemoryLimit,
) -> Result<(), String> {
    let failed = |what: &'static str| move |error| format!("cannot open the {what} socket: {error}");
    let wire = Arc::new(Wire::new(&connection.key, &uuid::Uuid::new_v4().to_string()));
    let budget = Budget::new(2 * MAX_MESSAGE);
    let complaints = Arc::new(Complaints::default());
    let (shell, control, stdin, publisher) =
        (Socket::default(), Socket::default(), Socket::default(), Socket::default());
    let iopub = Iopub::new(&wire, &publisher);
    let prompts = Prompts::new(&wire, &stdin);
    let comms = Comms::new(iopub.clone());
    let (facts, queue) = (Facts::default(), Arc::new(Queue::default()));
    comms.register(session_feed::NAME, Arc::new(SessionFeed(facts.clone())));
    let assistant: Arc<dyn Assistant> = Arc::new(Analysing::new(&installation, facts.clone()));
    let history = Arc::new(History::open(installation.home().join("history.sqlite")));
    let no_thread = |error| format!("cannot start a thread: {error}");
    let surroundings = Surroundings {
        iopub: iopub.clone(),
        output: Output::start(iopub.clone(), Arc::clone(&prompts), Arc::clone(&comms)).map_err(no_thread)?,
        prompts: Arc::clone(&prompts),
        comms: Arc::clone(&comms),
        facts: facts.clone(),
        queue: Arc::clone(&queue),
        assistant: Arc::clone(&assistant),
        history: Arc::clone(&history),
        memory_limit,
    };

    // Before anybody can send a request, so that nobody who sends one can miss what is said about it.
    let subscribers = Subscribers { wire: Arc::clone(&wire), complaints: Arc::clone(&complaints) };
    publisher
        .bind(&connection.endpoint(connection.iopub_port), &budget, Arc::new(subscribers))
        .await
        .map_err(failed("iopub"))?;
    beat(&connection, &complaints)?;
    let answers = Answers { wire: Arc::clone(&wire), prompts, complaints: Arc::clone(&complaints) };
    stdin
        .bind(&connection.endpoint(connection.stdin_port), &budget, Arc::new(answers))
        .await
        .map_err(failed("stdin"))?;
    let evaluator = Evaluator::spawn(installation, folder, surroundings)?;
    let dispatcher = Arc::new(Dispatcher {
        iopub,
        facts,
        queue,
        evaluator: Arc::clone(&evaluator),
        comms,
        subshells: Default::default(),
        assistant,
        history: Arc::clone(&history),
        desk: Desk::start().map_err(no_thread)?,
        connection: connection.clone(),
        shutdown: Notify::new(),
    });
    for (socket, port, channel, name) in [
        (&shell, connection.shell_port, Channel::Shell, "shell"),
        (&control, connection.control_port, Channel::Control, "control"),
    ] {
        let requests = Requests {
            wire: Arc::clone(&wire),
            dispatcher: Arc::clone(&dispatcher),
            channel,
            replies: Replies::new(&wire, socket),
            complaints: Arc::clone(&complaints),
        };
        socket.bind(&connection.endpoint(port), &budget, Arc::new(requests)).await.map_err(failed(name))?;
    }

    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .map_err(|error| format!("cannot listen to signals: {error}"))?;
    tokio::select! {
        () = dispatcher.shutdown.notified() => {}
        () = orphaned() => {}
        _ = terminated.recv() => {}
    }
    // The evaluator's thread may be in the middle of a cell; ending it blocks.
    let _ = tokio::task::spawn_blocking(move || evaluator.end()).await;
    tokio::task::spawn_blocking(move || history.flush()).await.ok();
    for socket in [&shell, &control, &publisher] {
        socket.drain(FAREWELL).await;
    }
    // What was written last is still on its way to a client that is about to see the connection end.
    tokio::time::sleep(Duration::from_millis(20)).await;
    Ok(())
}

/// Starts the heartbeat, on a thread of its own: it must beat while everything else is at work.
fn beat(connection: &Connection, complaints: &Arc<Complaints>) -> Result<(), String> {
    let endpoint = connection.endpoint(connection.hb_port);
    let heartbeat = Arc::new(Heartbeat { complaints: Arc::clone(complaints) });
    let (bound, told) = std::sync::mpsc::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start the heartbeat: {error}"))?;
    let work = move || {
        runtime.block_on(async {
            let socket = Socket::default();
            let outcome = socket.bind(&endpoint, &Budget::new(MAX_MESSAGE), heartbeat).await;
            let go_on = outcome.is_ok();
            let _ = bound.send(outcome);
            if go_on {
                std::future::pending::<()>().await;
            }
        });
    };
    let thread = std::thread::Builder::new().name("heartbeat".to_owned()).spawn(work);
    thread.map_err(|error| format!("cannot start a thread: {error}"))?;
    match told.recv() {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(format!("cannot open the heartbeat socket: {error}")),
        Err(_) => Err("the heartbeat's thread ended at once".to_owned()),
    }
}

/// Ends when the process that started the kernel has gone: nobody is left to ask for a shutdown.
async fn orphaned() {
    let parent = std::os::unix::process::parent_id();
    while std::os::unix::process::parent_id() == parent {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
