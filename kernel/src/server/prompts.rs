//! Cells that ask the person for a line.

use std::sync::{Arc, Mutex, MutexGuard};

use serde::Deserialize;
use serde_json::json;

use super::message::{Request, Wire};
use super::zmtp::Socket;
use crate::session::InputAnswers;

/// The question that waits for its answer, if one does.
pub struct Prompts {
    wire: Arc<Wire>,
    socket: Socket,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    answers: Option<InputAnswers>,
    waiting: Option<Waiting>,
}

struct Waiting {
    /// The cell that asks.
    request: Arc<Request>,
    /// The id of the question.
    id: String,
}

#[derive(Deserialize)]
struct Reply {
    value: String,
}

impl Prompts {
    /// Asks on the stdin channel's socket.
    pub fn new(wire: &Arc<Wire>, socket: &Socket) -> Arc<Prompts> {
        Arc::new(Prompts { wire: Arc::clone(wire), socket: socket.clone(), state: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Where answers go, once there is a session.
    pub fn connect(&self, answers: InputAnswers) {
        self.lock().answers = Some(answers);
    }

    /// Asks whoever sent the cell. Without a cell, or with one whose sender does not want to be asked, the answer is
    /// that nobody answers.
    pub fn ask(&self, request: Option<&Arc<Request>>, prompt: &str, password: bool) {
        let mut state = self.lock();
        let way = request.and_then(|request| Some((request, request.identities.first()?)));
        let Some((request, identity)) = way else {
            if let Some(answers) = &state.answers {
                answers.send(None);
            }
            return;
        };
        let id = uuid::Uuid::new_v4().to_string();
        let content = json!({"prompt": prompt, "password": password});
        let mut frames = request.identities[1..].to_vec();
        frames.extend(self.wire.frames_with_id(&id, b"", "input_request", Some(request), &content).drain(1..));
        state.waiting = Some(Waiting { request: Arc::clone(request), id });
        drop(state);
        self.socket.send(identity, frames);
    }

    /// Takes an answer. One that comes too late, or from somebody else, or answers something else, counts for nothing.
    pub fn reply(&self, reply: &Request) {
        let mut state = self.lock();
        let fits = state.waiting.as_ref().is_some_and(|waiting| {
            // Many clients name no parent; those that do name the question, or the cell.
            let parents = ["", waiting.id.as_str(), waiting.request.id.as_str()];
            reply.kind == "input_reply"
                && reply.identities.first() == waiting.request.identities.first()
                && parents.contains(&reply.parent_id.as_str())
        });
        if !fits {
            return;
        }
        state.waiting = None;
        let value = reply.content::<Reply>().ok().map(|reply| reply.value);
        if let Some(answers) = &state.answers {
            answers.send(value.as_deref());
        }
    }

    /// Ends the waiting, if a cell waits: nobody answers any more.
    pub fn cancel(&self) {
        let mut state = self.lock();
        if state.waiting.take().is_some()
            && let Some(answers) = &state.answers
        {
            answers.send(None);
        }
    }

    /// Forgets the question of a cell that has ended, and an answer that it did not read.
    pub fn end(&self) {
        let mut state = self.lock();
        state.waiting = None;
        if let Some(answers) = &state.answers {
            answers.drain();
        }
    }
}
