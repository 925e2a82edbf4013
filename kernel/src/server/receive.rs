//! What the five sockets do with what arrives.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use serde_json::json;

use super::dispatch::{Channel, Dispatcher};
use super::message::{Refusal, Replies, Request, Wire};
use super::prompts::Prompts;
use super::zmtp::{Connection, Frames, Held, Receive, WireError};

/// Messages of this size are parsed where nothing else waits for the thread.
const LARGE: usize = 256 << 10;

/// Lines on standard error about peers that do not behave. They are counted, so that whoever sends garbage fills no log.
#[derive(Default)]
pub struct Complaints(AtomicU64);

impl Complaints {
    fn about(&self, channel: &str, text: &str) {
        let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        if number <= 20 {
            eprintln!("taskloom: {channel}: {text}");
        } else if number.is_power_of_two() {
            eprintln!("taskloom: {channel}: {text} (complaint number {number}; most are no longer printed)");
        }
    }
}

/// Parses a message that came on a router socket.
fn parse(wire: &Wire, from: &Connection, mut frames: Frames, held: Held) -> Result<Request, Refusal> {
    frames.insert(0, from.identity.clone());
    let size: usize = frames.iter().map(Bytes::len).sum();
    if size > LARGE {
        tokio::task::block_in_place(|| wire.parse(frames, Some(held)))
    } else {
        wire.parse(frames, Some(held))
    }
}

/// Shell and control.
pub struct Requests {
    pub wire: Arc<Wire>,
    pub dispatcher: Arc<Dispatcher>,
    pub channel: Channel,
    pub replies: Replies,
    pub complaints: Arc<Complaints>,
}

impl Receive for Requests {
    const TYPE: &'static str = "ROUTER";
    const FITTING: &'static [&'static str] = &["DEALER", "REQ", "ROUTER"];

    async fn message(&self, from: &Connection, frames: Frames, held: Held) -> Result<(), WireError> {
        match parse(&self.wire, from, frames, held) {
            Ok(request) => self.dispatcher.handle(request, self.channel, &self.replies),
            Err(refusal) => self.complain(&format!("a message was ignored: {refusal}")),
        }
        Ok(())
    }

    fn complain(&self, text: &str) {
        self.complaints.about(if self.channel == Channel::Shell { "shell" } else { "control" }, text);
    }
}

/// Stdin.
pub struct Answers {
    pub wire: Arc<Wire>,
    pub prompts: Arc<Prompts>,
    pub complaints: Arc<Complaints>,
}

impl Receive for Answers {
    const TYPE: &'static str = "ROUTER";
    const FITTING: &'static [&'static str] = &["DEALER", "REQ", "ROUTER"];

    async fn message(&self, from: &Connection, frames: Frames, held: Held) -> Result<(), WireError> {
        match parse(&self.wire, from, frames, held) {
            Ok(reply) => self.prompts.reply(&reply),
            Err(refusal) => self.complain(&format!("a message was ignored: {refusal}")),
        }
        Ok(())
    }

    fn complain(&self, text: &str) {
        self.complaints.about("stdin", text);
    }
}

/// Iopub. Who subscribes is told so at once, and knows then that it misses nothing (Jupyter's JEP 65).
pub struct Subscribers {
    pub wire: Arc<Wire>,
    pub complaints: Arc<Complaints>,
}

impl Receive for Subscribers {
    const TYPE: &'static str = "PUB";
    const FITTING: &'static [&'static str] = &["SUB", "XSUB"];

    async fn message(&self, _: &Connection, _: Frames, _: Held) -> Result<(), WireError> {
        Ok(())
    }

    fn subscribed(&self, from: &Connection, topic: &Bytes) {
        let content = json!({"subscription": String::from_utf8_lossy(topic)});
        from.send(self.wire.frames(topic, "iopub_welcome", None, &content));
    }

    fn complain(&self, text: &str) {
        self.complaints.about("iopub", text);
    }
}

/// The heartbeat: everything is sent back.
pub struct Heartbeat {
    pub complaints: Arc<Complaints>,
}

impl Receive for Heartbeat {
    const TYPE: &'static str = "REP";
    const FITTING: &'static [&'static str] = &["REQ", "DEALER", "ROUTER"];

    async fn message(&self, from: &Connection, frames: Frames, _: Held) -> Result<(), WireError> {
        from.send(frames);
        Ok(())
    }

    fn complain(&self, text: &str) {
        self.complaints.about("heartbeat", text);
    }
}
