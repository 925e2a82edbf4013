//! Who answers what: every request on shell and control comes through here.
//!
//! Nothing here waits. Cells go to the queue, completion, inspection and completeness to the desk, and the rest is
//! answered at once.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::assist::{self, Assistant, Desk, Question};
use super::comms::Comms;
use super::connection::Connection;
use super::evaluator::{Evaluator, abort};
use super::facts::Facts;
use super::info::kernel_info;
use super::iopub::Iopub;
use super::message::{Replies, Request, error};
use super::queue::{Cell, Queue};
use super::subshells::Subshells;
use crate::history::{History, HistoryRequest};

/// The channel that a request came on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    Shell,
    Control,
}

/// What requests are answered with.
pub struct Dispatcher {
    pub iopub: Iopub,
    pub facts: Facts,
    pub queue: Arc<Queue>,
    pub evaluator: Arc<Evaluator>,
    pub comms: Arc<Comms>,
    pub subshells: Subshells,
    pub assistant: Arc<dyn Assistant>,
    pub history: Arc<History>,
    pub desk: Desk,
    pub connection: Connection,
    /// Told when a client wants the kernel to end.
    pub shutdown: Notify,
}

#[derive(Deserialize)]
struct Code {
    code: String,
    cursor_pos: Option<i64>,
    detail_level: Option<u8>,
}

#[derive(Deserialize)]
struct Shutdown {
    restart: Option<bool>,
}

#[derive(Deserialize)]
struct CommInfo {
    target_name: Option<String>,
}

#[derive(Deserialize)]
struct Subshell {
    subshell_id: String,
}

impl Dispatcher {
    /// Handles a request.
    pub fn handle(self: &Arc<Self>, request: Request, channel: Channel, replies: &Replies) {
        let request = Arc::new(request);
        let Some(reply_kind) = reply_kind(&request.kind) else {
            if std::env::var_os("TASKLOOM_DEBUG").is_some() {
                eprintln!("taskloom: a message of the unknown kind {:?} was ignored", request.kind);
            }
            return;
        };
        if channel == Channel::Shell
            && let Err(sentence) = self.subshells.check(request.subshell.as_deref())
        {
            return self.answered(&request, replies, &reply_kind, Some(error("UnknownSubshell", &sentence)));
        }
        match request.kind.as_str() {
            "execute_request" => self.execute(request, channel, replies, &reply_kind),
            "complete_request" | "inspect_request" | "is_complete_request" => self.ask(request, replies, reply_kind),
            _ => {
                self.iopub.status(Some(&request), "busy");
                let content = self.answer(&request).unwrap_or_else(|wrong| Some(error("BadRequest", &wrong)));
                self.finish(&request, replies, &reply_kind, content);
            }
        }
    }

    fn execute(&self, request: Arc<Request>, channel: Channel, replies: &Replies, reply_kind: &str) {
        let refused = |sentence: &str| {
            let mut content = error("BadRequest", sentence);
            content["execution_count"] = self.facts.lock().count.into();
            self.answered(&request, replies, reply_kind, Some(content));
        };
        if channel == Channel::Control {
            return refused("cells are run by requests on the shell channel, not on control");
        }
        match request.content() {
            Err(wrong) => refused(&wrong),
            Ok(asked) => {
                let cell = Cell { request: Arc::clone(&request), asked, replies: replies.clone() };
                if self.queue.push(cell).is_err() {
                    refused("too many cells wait already, or the kernel is ending; this one does not run");
                }
            }
        }
    }

    fn ask(self: &Arc<Self>, request: Arc<Request>, replies: &Replies, reply_kind: String) {
        let (this, replies) = (Arc::clone(self), replies.clone());
        let mut from = request.identities.concat();
        from.extend_from_slice(request.kind.as_bytes());
        self.iopub.status(Some(&request), "busy");
        let answer = move |newest: bool| {
            let answer = |asked: Code| match request.kind.as_str() {
                "is_complete_request" => assist::is_complete(&asked.code),
                "inspect_request" if newest => {
                    let detail = asked.detail_level.unwrap_or(0);
                    assist::inspect(&*this.assistant, &asked.code, asked.cursor_pos, detail)
                }
                "inspect_request" => json!({"status": "ok", "found": false, "data": {}, "metadata": {}}),
                _ if newest => assist::complete(&*this.assistant, &asked.code, asked.cursor_pos),
                _ => json!({"status": "ok", "matches": [], "cursor_start": 0, "cursor_end": 0, "metadata": {}}),
            };
            let run = || match request.content() {
                Ok(asked) => answer(asked),
                Err(wrong) => error("BadRequest", &wrong),
            };
            let failed = |_| error("Error", "the analysis of the code failed; the kernel's log says where");
            let content = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_or_else(failed);
            this.finish(&request, &replies, &reply_kind, Some(content));
        };
        self.desk.put(Question { from, answer: Box::new(answer) });
    }

    /// The content of the reply, if the message is one that has a reply.
    fn answer(&self, request: &Arc<Request>) -> Result<Option<Value>, String> {
        let ok = || json!({"status": "ok"});
        Ok(Some(match request.kind.as_str() {
            "kernel_info_request" => kernel_info(),
            "history_request" => request.content::<HistoryRequest>()?.reply(&self.history),
            "comm_info_request" => self.comms.info(request.content::<CommInfo>()?.target_name.as_deref()),
            "comm_open" | "comm_msg" | "comm_close" => {
                self.comms.receive(request);
                return Ok(None);
            }
            "connect_request" => json!({
                "status": "ok",
                "shell_port": self.connection.shell_port,
                "iopub_port": self.connection.iopub_port,
                "stdin_port": self.connection.stdin_port,
                "hb_port": self.connection.hb_port,
                "control_port": self.connection.control_port,
            }),
            "interrupt_request" => {
                self.evaluator.interrupt();
                ok()
            }
            "shutdown_request" => {
                let restart = request.content::<Shutdown>()?.restart == Some(true);
                let content = json!({"status": "ok", "restart": restart});
                self.iopub.send(Some(request), "shutdown_reply", &content);
                content
            }
            "create_subshell_request" => {
                let id = self.subshells.create()?;
                json!({"status": "ok", "subshell_id": id})
            }
            "delete_subshell_request" => {
                let id = request.content::<Subshell>()?.subshell_id;
                self.subshells.delete(&id)?;
                for cell in self.queue.take(Some(&id)) {
                    abort(&self.iopub, &cell, self.facts.lock().count);
                }
                ok()
            }
            "list_subshell_request" => json!({"status": "ok", "subshell_id": self.subshells.list()}),
            "debug_request" => return Ok(Some(no_debugger(request))),
            _ => return Ok(None),
        }))
    }

    /// Answers a request that nothing has been done about yet.
    fn answered(&self, request: &Arc<Request>, replies: &Replies, reply_kind: &str, content: Option<Value>) {
        self.iopub.status(Some(request), "busy");
        self.finish(request, replies, reply_kind, content);
    }

    fn finish(&self, request: &Arc<Request>, replies: &Replies, reply_kind: &str, content: Option<Value>) {
        let ends = request.kind == "shutdown_request" && content.as_ref().is_some_and(|it| it["status"] == "ok");
        if let Some(content) = content.filter(|_| !reply_kind.is_empty()) {
            replies.send(request, reply_kind, &content);
        }
        self.iopub.status(Some(request), "idle");
        // Front ends take any status for the kernel's; the cell that runs is what they should show.
        if let Some(running) = self.facts.running() {
            self.iopub.status(Some(&running), "busy");
        }
        if ends {
            self.shutdown.notify_one();
        }
    }
}

/// What the reply to a message of this kind is called: empty if there is none, nothing if the kind is unknown.
fn reply_kind(kind: &str) -> Option<String> {
    match kind {
        "comm_open" | "comm_msg" | "comm_close" => Some(String::new()),
        "execute_request"
        | "complete_request"
        | "inspect_request"
        | "is_complete_request"
        | "kernel_info_request"
        | "history_request"
        | "comm_info_request"
        | "connect_request"
        | "interrupt_request"
        | "shutdown_request"
        | "create_subshell_request"
        | "delete_subshell_request"
        | "list_subshell_request"
        | "debug_request" => Some(kind.replace("_request", "_reply")),
        _ => None,
    }
}

/// The debug adapter protocol's way to say no.
fn no_debugger(request: &Request) -> Value {
    let asked: Value = request.content().unwrap_or_default();
    let sentence = "this kernel has no debugger";
    let mut content = error("NoDebugger", sentence);
    for (field, value) in [
        ("type", "response".into()),
        ("request_seq", asked["seq"].clone()),
        ("command", asked["command"].clone()),
        ("seq", asked["seq"].clone()),
        ("success", false.into()),
        ("message", sentence.into()),
    ] {
        content[field] = value;
    }
    content
}
