//! The thread that owns the session and runs cells, one after the other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Map, Value, json};

use super::assist::Assistant;
use super::comms::Comms;
use super::facts::Facts;
use super::iopub::{Iopub, error_content};
use super::limits;
use super::output::Output;
use super::prompts::Prompts;
use super::queue::{Asked, Cell, Queue};
use super::session_feed;
use crate::history::History;
use crate::installation::Installation;
use crate::magics::{Magics, Place};
use crate::session::{Event, Failure, Interrupter, MemoryLimit, Session};

/// evcxr parses whole cells by recursion. Only what is used of it is memory.
const STACK: usize = 256 << 20;

/// What the evaluator works with.
pub struct Surroundings {
    pub iopub: Iopub,
    pub output: Output,
    pub prompts: Arc<Prompts>,
    pub comms: Arc<Comms>,
    pub facts: Facts,
    pub queue: Arc<Queue>,
    pub assistant: Arc<dyn Assistant>,
    pub history: Arc<History>,
    /// What the session begins with.
    pub memory_limit: MemoryLimit,
}

/// A handle on the evaluator's thread.
pub struct Evaluator {
    queue: Arc<Queue>,
    prompts: Arc<Prompts>,
    interrupter: Arc<Mutex<Option<Interrupter>>>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Evaluator {
    /// Starts the thread, which starts the session.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn spawn(
        installation: Installation,
        folder: tempfile::TempDir,
        surroundings: Surroundings,
    ) -> Result<Arc<Evaluator>, String> {
        let interrupter = Arc::new(Mutex::new(None));
        let (queue, prompts) = (Arc::clone(&surroundings.queue), Arc::clone(&surroundings.prompts));
        let mut magics = Magics::new(&installation);
        magics.set_history(Arc::clone(&surroundings.history));
        let assistant = Arc::clone(&surroundings.assistant);
        magics.set_library(Box::new(move |name, more| {
            Some(assistant.inspect(name, name.len(), u8::from(more))?.bundle())
        }));
        let work = Work { around: surroundings, interrupter: Arc::clone(&interrupter), count: 0, magics };
        let thread = std::thread::Builder::new()
            .name("evaluator".to_owned())
            .stack_size(STACK)
            .spawn(move || work.run(&installation, folder))
            .map_err(|error| format!("cannot start a thread: {error}"))?;
        Ok(Arc::new(Evaluator { queue, prompts, interrupter, thread: Mutex::new(Some(thread)) }))
    }

    /// Stops the cell that runs.
    pub fn interrupt(&self) {
        self.prompts.cancel();
        let interrupter = lock(&self.interrupter).clone();
        if let Some(interrupter) = interrupter {
            interrupter.interrupt();
        }
    }

    /// Ends the session with its processes and files. A cell that runs is killed.
    pub fn end(&self) {
        self.queue.end();
        self.prompts.cancel();
        if let Some(interrupter) = lock(&self.interrupter).clone() {
            interrupter.kill();
        }
        if let Some(thread) = lock(&self.thread).take() {
            let _ = thread.join();
        }
    }
}

struct Work {
    around: Surroundings,
    interrupter: Arc<Mutex<Option<Interrupter>>>,
    count: u32,
    magics: Magics,
}

impl Work {
    fn run(mut self, installation: &Installation, folder: tempfile::TempDir) {
        let output = self.around.output.clone();
        let session = Session::start(installation, folder, move |event| output.show(event));
        let mut session = match session {
            Ok(session) => session,
            Err(message) => return self.refuse(&message),
        };
        session.set_memory_limit(self.around.memory_limit);
        *lock(&self.interrupter) = Some(session.interrupter());
        self.around.prompts.connect(session.input_answers());
        while let Some(cell) = self.around.queue.next() {
            self.execute(&cell, &mut session);
        }
    }

    /// Answers every cell with the reason why there is no session.
    fn refuse(&mut self, message: &str) {
        let failure = Failure::message(message);
        while let Some(cell) = self.around.queue.next() {
            let iopub = &self.around.iopub;
            iopub.status(Some(&cell.request), "busy");
            iopub.error(&cell.request, &failure);
            self.reply(&cell, Err(&failure), Map::new(), Vec::new());
            iopub.status(Some(&cell.request), "idle");
        }
    }

    /// Runs a cell and says all that has to be said about it.
    fn execute(&mut self, cell: &Cell, session: &mut Session) {
        let (request, asked) = (&cell.request, &cell.asked);
        if asked.counts() {
            self.count += 1;
        }
        {
            let mut facts = self.around.facts.lock();
            facts.running = Some(Arc::clone(request));
            facts.count = self.count;
        }
        if asked.counts() {
            self.around.history.add(self.count, &asked.code);
        }
        let iopub = self.around.iopub.clone();
        iopub.status(Some(request), "busy");
        if !asked.silent() {
            let input = json!({"code": asked.code, "execution_count": self.count});
            iopub.send(Some(request), "execute_input", &input);
        }
        self.around.output.begin(request, asked.silent(), asked.allows_stdin(), self.count);
        let mut payload = Vec::new();
        self.magics.set_place(request.cell_id.as_deref().and_then(Place::of));
        let result = self.run_cell(asked, session, &mut payload);
        if let Some(warning) = self.around.history.take_warning() {
            self.around.output.show(Event::Stream { name: "stderr".to_owned(), text: format!("{warning}\n") });
        }
        let shown = self.around.output.end();
        if let Some(text) = shown.filter(|_| asked.counts()) {
            self.around.history.add_output(self.count, &text);
        }
        if let Err(failure) = &result
            && !asked.silent()
        {
            iopub.error(request, failure);
        }
        let expressions = if result.is_ok() { self.expressions(asked, session) } else { Map::new() };
        {
            let mut facts = self.around.facts.lock();
            facts.variables = session.variables();
            facts.items = session.items();
            facts.prelude = session.prelude();
            facts.running = None;
        }
        self.around.comms.tell(Some(request), session_feed::NAME, &session_feed::content(&self.around.facts));
        // Before the reply: a client that has seen it may send the next cell, which is not to be thrown away.
        let behind = match &result {
            Err(_) if asked.stops_on_error() => self.around.queue.take(request.subshell.as_deref()),
            _ => Vec::new(),
        };
        self.reply(cell, result.as_ref().map(|_| ()), expressions, payload);
        iopub.status(Some(request), "idle");
        for cell in behind {
            abort(&self.around.iopub, &cell, self.count);
        }
    }

    fn run_cell(&mut self, asked: &Asked, session: &mut Session, payload: &mut Vec<Value>) -> Result<(), Failure> {
        if let Some(sentence) = limits::refuses(&asked.code) {
            return Err(Failure::message(&sentence));
        }
        let output = self.around.output.clone();
        let show = |event| output.show(event);
        // A fault of the evaluator costs a cell, never the kernel.
        let run = || self.magics.run_cell(session, &asked.code, self.count, &show);
        let result = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
            Err(Failure::message("the evaluator itself failed on this cell; its log says where. The next cell can run"))
        });
        payload.extend(self.magics.take_payload());
        result
    }

    /// Evaluates what the request wants to know after its cell. Nothing of it is shown or counted.
    fn expressions(&mut self, asked: &Asked, session: &mut Session) -> Map<String, Value> {
        let mut answers = Map::new();
        for (name, expression) in asked.expressions() {
            let evaluate = || match expression.as_str() {
                None => Err(Failure::message("a user expression must be a string")),
                Some(code) if limits::refuses(code).is_some() => Err(Failure::message("the expression is too long")),
                Some(code) => session.execute(code, self.count),
            };
            let failed = |_| Err(Failure::message("the evaluator itself failed on this expression"));
            let evaluate = || catch_unwind(AssertUnwindSafe(evaluate)).unwrap_or_else(failed);
            let answer = match self.around.output.collect(evaluate) {
                (Ok(()), results) => {
                    json!({"status": "ok", "data": results.into_iter().last().unwrap_or_default(), "metadata": {}})
                }
                (Err(failure), _) => failed_content(&failure),
            };
            answers.insert(name.clone(), answer);
        }
        self.around.prompts.end();
        answers
    }

    fn reply(&self, cell: &Cell, result: Result<(), &Failure>, expressions: Map<String, Value>, payload: Vec<Value>) {
        let mut content = match result {
            Ok(()) => json!({"status": "ok", "payload": payload, "user_expressions": expressions}),
            Err(failure) => failed_content(failure),
        };
        content["execution_count"] = self.count.into();
        cell.replies.send(&cell.request, "execute_reply", &content);
    }
}

fn failed_content(failure: &Failure) -> Value {
    let mut content = error_content(failure);
    content["status"] = "error".into();
    content
}

/// Says of a cell that waited behind one that failed, or in a subshell that is gone, that it does not run.
pub fn abort(iopub: &Iopub, cell: &Cell, count: u32) {
    iopub.status(Some(&cell.request), "busy");
    let content = json!({"status": "aborted", "execution_count": count});
    cell.replies.send(&cell.request, "execute_reply", &content);
    iopub.status(Some(&cell.request), "idle");
}
