//! The thread that owns the session and runs cells, one after the other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};

use jupyter_protocol::{JupyterMessage, JupyterMessageContent};
use serde_json::json;
use tokio::sync::mpsc;

use super::messages::{Iopub, child, error_content, status};
use super::tables;
use crate::analysis::{Facts, Prelude};
use crate::installation::Installation;
use crate::magics::Magics;
use crate::session::{Event, Failure, Interrupter, Session};

/// Work for the evaluator.
pub enum Job {
    /// A cell.
    Execute(Box<JupyterMessage>),
    /// End the thread.
    End,
}

/// What other tasks may know of the evaluator while it is busy.
#[derive(Default)]
struct State {
    /// The request whose cell runs.
    running: Option<JupyterMessage>,
    interrupter: Option<Interrupter>,
    variables: Vec<(String, String)>,
    items: Vec<String>,
    history: Vec<(u32, String)>,
    /// What the cells that ran have defined.
    prelude: Prelude,
}

/// A handle on the evaluator's thread.
#[derive(Default)]
pub struct Evaluator {
    state: Mutex<State>,
    jobs: Mutex<Option<Sender<Job>>>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
    /// No further cell is to run.
    ending: AtomicBool,
}

impl Evaluator {
    /// Starts the thread, which starts the session.
    pub fn spawn(
        installation: Installation,
        folder: tempfile::TempDir,
        iopub: Iopub,
        replies: mpsc::UnboundedSender<JupyterMessage>,
    ) -> Result<(Arc<Evaluator>, Sender<Job>), String> {
        let (jobs, queue) = channel();
        let evaluator = Arc::new(Evaluator { jobs: Mutex::new(Some(jobs.clone())), ..Evaluator::default() });
        let work =
            Work { evaluator: Arc::clone(&evaluator), iopub, replies, count: 0, magics: Magics::new(&installation) };
        let thread = std::thread::Builder::new()
            .name("evaluator".to_owned())
            // evcxr parses whole cells by recursion.
            .stack_size(64 << 20)
            .spawn(move || work.run(&installation, folder, queue))
            .map_err(|error| format!("cannot start a thread: {error}"))?;
        *lock(&evaluator.thread) = Some(thread);
        Ok((evaluator, jobs))
    }

    /// The request whose cell runs, if one does.
    pub fn running(&self) -> Option<JupyterMessage> {
        lock(&self.state).running.clone()
    }

    /// What completion and inspection may know while a cell runs.
    pub fn facts(&self) -> Facts {
        let state = lock(&self.state);
        let variables = state.variables.iter().map(|(name, ty)| (name.clone(), ty.clone(), false)).collect();
        Facts { prelude: state.prelude.text(), variables, items: state.items.clone(), ..Facts::default() }
    }

    pub fn history(&self) -> Vec<(u32, String)> {
        lock(&self.state).history.clone()
    }

    /// Stops the cell that runs.
    pub fn interrupt(&self) {
        let interrupter = lock(&self.state).interrupter.clone();
        if let Some(interrupter) = interrupter {
            interrupter.interrupt();
        }
    }

    /// Ends the session with its processes and files. A cell that runs is killed.
    pub fn end(&self) {
        self.ending.store(true, Ordering::SeqCst);
        if let Some(jobs) = lock(&self.jobs).take() {
            let _ = jobs.send(Job::End);
        }
        if let Some(interrupter) = lock(&self.state).interrupter.clone() {
            interrupter.kill();
        }
        if let Some(thread) = lock(&self.thread).take() {
            let _ = thread.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

struct Work {
    evaluator: Arc<Evaluator>,
    iopub: Iopub,
    replies: mpsc::UnboundedSender<JupyterMessage>,
    count: u32,
    magics: Magics,
}

impl Work {
    fn run(mut self, installation: &Installation, folder: tempfile::TempDir, queue: Receiver<Job>) {
        let output = Arc::new(Mutex::new(Output {
            parent: None,
            count: 0,
            iopub: self.iopub.clone(),
            bars: Default::default(),
        }));
        let sink = Arc::clone(&output);
        let session = Session::start(installation, folder, move |event| lock(&sink).show(event));
        let mut session = match session {
            Ok(session) => session,
            Err(message) => return self.refuse(&message, queue),
        };
        lock(&self.evaluator.state).interrupter = Some(session.interrupter());
        while let Ok(job) = queue.recv() {
            match job {
                Job::Execute(_) if self.evaluator.ending.load(Ordering::SeqCst) => return,
                Job::Execute(request) => {
                    for job in self.execute(&request, &mut session, &output, &queue) {
                        match job {
                            Job::Execute(request) => self.abort(&request),
                            Job::End => return,
                        }
                    }
                }
                Job::End => return,
            }
        }
    }

    /// Answers every cell with the reason why there is no session.
    fn refuse(mut self, message: &str, queue: Receiver<Job>) {
        let failure = Failure::message(message);
        while let Ok(job) = queue.recv() {
            match job {
                Job::Execute(request) => {
                    self.iopub.send_from_thread(status(&request, "busy"));
                    self.iopub.send_from_thread(child(&request, "error", error_content(&failure)));
                    self.reply(&request, Some(&failure));
                    self.iopub.send_from_thread(status(&request, "idle"));
                }
                Job::End => return,
            }
        }
    }

    /// Runs a cell and says all that has to be said about it. Gives what was waiting behind it, if it failed and so
    /// nothing behind it shall run.
    fn execute(
        &mut self,
        request: &JupyterMessage,
        session: &mut Session,
        output: &Arc<Mutex<Output>>,
        queue: &Receiver<Job>,
    ) -> Vec<Job> {
        let JupyterMessageContent::ExecuteRequest(asked) = &request.content else { return Vec::new() };
        let counts = asked.store_history && !asked.silent && !asked.code.trim().is_empty();
        if counts {
            self.count += 1;
        }
        {
            let mut state = lock(&self.evaluator.state);
            state.running = Some(request.clone());
            if counts {
                state.history.push((self.count, asked.code.clone()));
            }
        }
        self.iopub.send_from_thread(status(request, "busy"));
        if !asked.silent {
            let input = json!({"code": asked.code, "execution_count": self.count});
            self.iopub.send_from_thread(child(request, "execute_input", input));
        }
        {
            let mut output = lock(output);
            output.parent = (!asked.silent).then(|| request.clone());
            output.count = self.count;
            output.bars.clear();
        }
        let show = |event: Event| lock(output).show(event);
        // A fault of the evaluator costs a cell, never the kernel.
        let run = || self.magics.run_cell(session, &asked.code, self.count, &show);
        let result = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
            Err(Failure::message("the evaluator itself failed on this cell; its log says where. The next cell can run"))
        });
        if let Err(failure) = &result {
            self.iopub.send_from_thread(child(request, "error", error_content(failure)));
        }
        {
            let mut state = lock(&self.evaluator.state);
            state.variables = session.variables();
            state.items = session.items();
            if result.is_ok() {
                state.prelude.add(&asked.code);
            }
            state.running = None;
        }
        // Before the reply: a client that has seen it may send the next cell, which is not to be thrown away.
        let waiting = if result.is_err() && asked.stop_on_error { queue.try_iter().collect() } else { Vec::new() };
        self.reply(request, result.as_ref().err());
        self.iopub.send_from_thread(status(request, "idle"));
        waiting
    }

    fn reply(&mut self, request: &JupyterMessage, failure: Option<&Failure>) {
        let mut content = match failure {
            None => json!({"status": "ok", "payload": [], "user_expressions": {}}),
            Some(failure) => {
                let mut content = error_content(failure);
                content["status"] = "error".into();
                content
            }
        };
        content["execution_count"] = self.count.into();
        let _ = self.replies.send(child(request, "execute_reply", content));
    }

    /// Says of a cell that was queued behind one that failed that it does not run.
    fn abort(&mut self, request: &JupyterMessage) {
        self.iopub.send_from_thread(status(request, "busy"));
        let content = json!({"status": "aborted", "execution_count": self.count});
        let _ = self.replies.send(child(request, "execute_reply", content));
        self.iopub.send_from_thread(status(request, "idle"));
    }
}

/// Turns what a cell shows into messages.
struct Output {
    /// The cell that shows; none for a silent one.
    parent: Option<JupyterMessage>,
    count: u32,
    iopub: Iopub,
    /// Computations whose progress bar is on the screen.
    bars: std::collections::HashSet<u64>,
}

impl Output {
    fn show(&mut self, event: Event) {
        let Some(parent) = &self.parent else { return };
        let message = match event {
            Event::Stream { name, text } => child(parent, "stream", json!({"name": name, "text": text})),
            Event::Display { data, display_id, update } => {
                let message_type = if update { "update_display_data" } else { "display_data" };
                let transient = display_id.map_or_else(|| json!({}), |id| json!({"display_id": id}));
                child(parent, message_type, json!({"data": data, "metadata": {}, "transient": transient}))
            }
            Event::Result(data) => {
                let content = json!({"data": data, "metadata": {}, "execution_count": self.count});
                child(parent, "execute_result", content)
            }
            Event::Progress(progress) => {
                // The process can be a new one that counts from zero, so the cell is part of the name.
                let id = format!("taskloom-progress-{}-{}", parent.header.msg_id, progress.id);
                let message_type = if self.bars.insert(progress.id) { "display_data" } else { "update_display_data" };
                let content =
                    json!({"data": tables::progress_bar(&progress), "metadata": {}, "transient": {"display_id": id}});
                child(parent, message_type, content)
            }
        };
        self.iopub.send_from_thread(message);
    }
}
