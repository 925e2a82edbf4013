//! The iopub channel: what all clients see.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::message::{Request, Wire};
use super::zmtp::Socket;
use crate::session::Failure;

/// How long whoever shows things waits for a client that is behind.
const PATIENCE: Duration = Duration::from_secs(2);

/// Publishes messages. Nothing here ever blocks, but for [`Iopub::wait_for_room`].
#[derive(Clone)]
pub struct Iopub {
    wire: Arc<Wire>,
    socket: Socket,
}

impl Iopub {
    /// Publishes on a socket.
    pub fn new(wire: &Arc<Wire>, socket: &Socket) -> Iopub {
        Iopub { wire: Arc::clone(wire), socket: socket.clone() }
    }

    /// Publishes a message that a client can miss when it is far behind: an output.
    pub fn output(&self, parent: Option<&Request>, kind: &str, content: &Value) {
        self.socket.publish(self.wire.frames(&topic(kind, content), kind, parent, content), false);
    }

    /// Publishes a message that keeps a client in step.
    pub fn send(&self, parent: Option<&Request>, kind: &str, content: &Value) {
        self.socket.publish(self.wire.frames(&topic(kind, content), kind, parent, content), true);
    }

    /// Says whether the kernel is at work on a request.
    pub fn status(&self, parent: Option<&Request>, state: &str) {
        self.send(parent, "status", &json!({"execution_state": state}));
    }

    /// Publishes the error that ended a cell.
    pub fn error(&self, parent: &Request, failure: &Failure) {
        self.send(Some(parent), "error", &error_content(failure));
    }

    /// Waits a little while a client that still reads is far behind.
    pub fn wait_for_room(&self) {
        let end = Instant::now() + PATIENCE;
        while self.socket.is_crowded() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// What clients may subscribe to by: the kind, and of a stream which.
fn topic(kind: &str, content: &Value) -> Vec<u8> {
    match (kind, content["name"].as_str()) {
        ("stream", Some(name)) => format!("stream.{name}").into_bytes(),
        _ => format!("kernel.{kind}").into_bytes(),
    }
}

/// A failure as Jupyter tells it.
pub fn error_content(failure: &Failure) -> Value {
    json!({"ename": failure.name, "evalue": failure.value, "traceback": failure.traceback})
}
