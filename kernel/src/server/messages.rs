//! Messages that this kernel sends.

use jupyter_protocol::{JupyterMessage, UnknownMessage};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::session::Failure;

/// A message that answers, or belongs to, `parent`.
///
/// Content is plain JSON rather than the protocol crate's types: outputs carry MIME types that it does not know.
pub fn child(parent: &JupyterMessage, message_type: &str, content: Value) -> JupyterMessage {
    UnknownMessage { msg_type: message_type.to_owned(), content }.as_child_of(parent)
}

pub fn status(parent: &JupyterMessage, state: &str) -> JupyterMessage {
    child(parent, "status", json!({"execution_state": state}))
}

pub fn error_content(failure: &Failure) -> Value {
    json!({"ename": failure.name, "evalue": failure.value, "traceback": failure.traceback})
}

/// Where outputs go.
#[derive(Clone)]
pub struct Iopub(mpsc::Sender<JupyterMessage>);

impl Iopub {
    pub fn new(sender: mpsc::Sender<JupyterMessage>) -> Self {
        Iopub(sender)
    }

    pub async fn send(&self, message: JupyterMessage) {
        // The receiver ends only with the process.
        let _ = self.0.send(message).await;
    }

    /// For threads that are not tokio's. Waits while the queue is full: a cell that prints without end is slowed down
    /// to what the client's connection takes.
    pub fn send_from_thread(&self, message: JupyterMessage) {
        let _ = self.0.blocking_send(message);
    }
}
