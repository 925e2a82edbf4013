//! Frames on a connection: ZMTP 3.1's framing, with a limit on everything that a peer chooses.
//!
//! The length in a frame's head is only a promise. Memory grows with what has arrived, never with what was promised.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{BufMut, Bytes};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The frames of one message.
pub type Frames = Vec<Bytes>;

/// What one message may weigh, all frames together.
pub const MAX_MESSAGE: usize = 256 << 20;
/// How many frames it may have.
const MAX_FRAMES: usize = 4096;
/// What a command may weigh; a subscription is the largest that makes sense.
const MAX_COMMAND: usize = 64 << 10;
/// How much is read at once, and so the most that memory runs ahead of what has arrived.
const STEP: usize = 256 << 10;
/// A message that has begun must have come after so long.
const MESSAGE_PATIENCE: Duration = Duration::from_secs(120);
/// Messages up to this size do not count against the [`Budget`].
const SMALL: usize = 64 << 10;
/// How long a reader waits for others to give memory back.
const BUDGET_PATIENCE: Duration = Duration::from_secs(30);

const MORE: u8 = 1;
const LONG: u8 = 2;
const COMMAND: u8 = 4;

/// Why a connection was given up.
#[derive(Debug, Error)]
pub enum WireError {
    /// The connection itself failed, or ended in the middle of a message.
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
    /// The peer does not speak ZMTP 3.
    #[error("the peer does not speak ZMTP 3 ({0})")]
    Greeting(&'static str),
    /// The peer broke the rules of ZMTP.
    #[error("the peer broke the protocol: {0}")]
    Protocol(&'static str),
    /// The message is larger than is allowed.
    #[error("a message of more than {} MB, or of more than {MAX_FRAMES} frames, is refused", MAX_MESSAGE >> 20)]
    TooLarge,
    /// Too many large messages wait at once.
    #[error("too much memory is taken by messages that wait")]
    Budget,
    /// The peer stopped in the middle.
    #[error("the peer stopped in the middle of {0}")]
    Slow(&'static str),
}

/// What all messages that arrive, or wait to be handled, may weigh together.
#[derive(Debug)]
pub struct Budget {
    used: AtomicUsize,
    limit: usize,
}

impl Budget {
    /// A budget of so many bytes.
    pub fn new(limit: usize) -> Arc<Budget> {
        Arc::new(Budget { used: AtomicUsize::new(0), limit })
    }

    fn take(&self, bytes: usize) -> bool {
        let take = |used: usize| used.checked_add(bytes).filter(|&sum| sum <= self.limit);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

/// A part of a [`Budget`], given back when this is dropped.
#[derive(Debug)]
pub struct Held {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Held {
    /// Nothing, so far.
    pub fn none(budget: &Arc<Budget>) -> Held {
        Held { budget: Arc::clone(budget), bytes: 0 }
    }

    async fn grow(&mut self, total: usize) -> Result<(), WireError> {
        let wanted = if total <= SMALL { 0 } else { total };
        let more = wanted.saturating_sub(self.bytes);
        if more == 0 {
            return Ok(());
        }
        let end = tokio::time::Instant::now() + BUDGET_PATIENCE;
        while !self.budget.take(more) {
            if tokio::time::Instant::now() > end {
                return Err(WireError::Budget);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// What a peer sent.
#[derive(Debug)]
pub enum Incoming {
    /// A message, with the memory it holds.
    Message(Frames, Held),
    /// A command: its name, and what follows.
    Command(Bytes, Bytes),
}

/// Reads the next message or command; nothing when the peer has closed the connection between two of them.
///
/// # Errors
/// See [`WireError`]. The connection cannot be used any further.
pub async fn read<R: AsyncRead + Unpin>(reader: &mut R, budget: &Arc<Budget>) -> Result<Option<Incoming>, WireError> {
    // Waiting for a first byte may take for ever: that is a client with nothing to say.
    let first = match reader.read_u8().await {
        Ok(flags) => flags,
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    match tokio::time::timeout(MESSAGE_PATIENCE, read_after(first, reader, budget)).await {
        Ok(read) => read.map(Some),
        Err(_) => Err(WireError::Slow("a message")),
    }
}

async fn read_after<R: AsyncRead + Unpin>(
    mut flags: u8,
    reader: &mut R,
    budget: &Arc<Budget>,
) -> Result<Incoming, WireError> {
    let mut frames = Frames::new();
    let mut held = Held::none(budget);
    let mut total = 0usize;
    loop {
        if flags & !(MORE | LONG | COMMAND) != 0 {
            return Err(WireError::Protocol("a frame with unknown flags"));
        }
        let length = if flags & LONG != 0 { reader.read_u64().await? } else { u64::from(reader.read_u8().await?) };
        let length = usize::try_from(length).map_err(|_| WireError::TooLarge)?;
        if flags & COMMAND != 0 {
            if flags & MORE != 0 || !frames.is_empty() {
                return Err(WireError::Protocol("a command in the middle of a message"));
            }
            if length > MAX_COMMAND {
                return Err(WireError::Protocol("a command too large to be one"));
            }
            let body = read_body(reader, length, 0, &mut held).await?;
            let name = usize::from(*body.first().ok_or(WireError::Protocol("a command without a name"))?);
            if body.len() < 1 + name {
                return Err(WireError::Protocol("a command shorter than its name"));
            }
            return Ok(Incoming::Command(body.slice(1..1 + name), body.slice(1 + name..)));
        }
        let after = total.checked_add(length).ok_or(WireError::TooLarge)?;
        if after > MAX_MESSAGE || frames.len() == MAX_FRAMES {
            return Err(WireError::TooLarge);
        }
        frames.push(read_body(reader, length, total, &mut held).await?);
        total = after;
        if flags & MORE == 0 {
            return Ok(Incoming::Message(frames, held));
        }
        flags = reader.read_u8().await?;
    }
}

async fn read_body<R: AsyncRead + Unpin>(
    reader: &mut R,
    length: usize,
    before: usize,
    held: &mut Held,
) -> Result<Bytes, WireError> {
    let mut body = Vec::with_capacity(length.min(STEP));
    while body.len() < length {
        let step = (length - body.len()).min(STEP);
        held.grow(before + body.len() + step).await?;
        let end = body.len() + step;
        while body.len() < end {
            let left = end - body.len();
            if reader.read_buf(&mut (&mut body).limit(left)).await? == 0 {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
            }
        }
    }
    Ok(body.into())
}

/// Writes one message, without flushing.
///
/// # Errors
/// When the connection fails.
pub async fn write<W: AsyncWrite + Unpin>(writer: &mut W, frames: &[Bytes]) -> std::io::Result<()> {
    for (index, frame) in frames.iter().enumerate() {
        let more = if index + 1 < frames.len() { MORE } else { 0 };
        write_head(writer, more, frame.len()).await?;
        writer.write_all(frame).await?;
    }
    Ok(())
}

async fn write_head<W: AsyncWrite + Unpin>(writer: &mut W, flags: u8, length: usize) -> std::io::Result<()> {
    match u8::try_from(length) {
        Ok(short) => writer.write_all(&[flags, short]).await,
        Err(_) => {
            let mut head = [0; 9];
            head[0] = flags | LONG;
            head[1..].copy_from_slice(&(length as u64).to_be_bytes());
            writer.write_all(&head).await
        }
    }
}

/// Writes a command, without flushing.
///
/// # Errors
/// When the connection fails.
pub async fn write_command<W: AsyncWrite + Unpin>(writer: &mut W, name: &str, data: &[u8]) -> std::io::Result<()> {
    let mut body = Vec::with_capacity(1 + name.len() + data.len());
    // The names are this program's own, and short.
    body.push(name.len() as u8);
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(data);
    write_head(writer, COMMAND, body.len()).await?;
    writer.write_all(&body).await
}

/// The 64 bytes with which each side begins: ZMTP 3.1, no security.
fn greeting() -> [u8; 64] {
    let mut bytes = [0; 64];
    (bytes[0], bytes[9]) = (0xff, 0x7f);
    (bytes[10], bytes[11]) = (3, 1);
    bytes[12..16].copy_from_slice(b"NULL");
    bytes
}

/// Greets, and says what kind of socket this is. Gives the identity that the peer wants, empty for none.
///
/// # Errors
/// When the peer does not speak ZMTP 3, wants security, or is of a kind that does not go with this socket.
pub async fn handshake<S>(stream: &mut S, socket_type: &str, fitting: &[&str]) -> Result<Bytes, WireError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream.write_all(&greeting()).await?;
    stream.flush().await?;
    let mut theirs = [0; 64];
    stream.read_exact(&mut theirs[..1]).await?;
    if theirs[0] != 0xff {
        return Err(WireError::Greeting("another protocol"));
    }
    stream.read_exact(&mut theirs[1..11]).await?;
    if theirs[9] != 0x7f || theirs[10] < 3 {
        return Err(WireError::Greeting("an older version"));
    }
    stream.read_exact(&mut theirs[11..]).await?;
    if theirs[12..32].split(|&byte| byte == 0).next() != Some(b"NULL".as_slice()) {
        return Err(WireError::Greeting("it wants CURVE or another security mechanism, which is not offered"));
    }
    let mut ready = Vec::new();
    property(&mut ready, "Socket-Type", socket_type.as_bytes());
    property(&mut ready, "Identity", b"");
    write_command(stream, "READY", &ready).await?;
    stream.flush().await?;
    let flags = stream.read_u8().await?;
    if flags & COMMAND == 0 {
        return Err(WireError::Protocol("no READY after the greeting"));
    }
    let budget = Budget::new(0);
    let Incoming::Command(name, data) = read_after(flags, stream, &budget).await? else {
        return Err(WireError::Protocol("no READY after the greeting"));
    };
    if &name[..] != b"READY" {
        return Err(WireError::Protocol("no READY after the greeting"));
    }
    let properties = properties(data)?;
    let theirs = properties.get("socket-type").map_or(&b""[..], |value| &value[..]);
    if !fitting.iter().any(|name| name.as_bytes() == theirs) {
        return Err(WireError::Protocol("a socket of a kind that does not go with this one"));
    }
    let identity = properties.get("identity").cloned().unwrap_or_default();
    if identity.len() > 255 {
        return Err(WireError::Protocol("an identity of more than 255 bytes"));
    }
    Ok(identity)
}

fn property(bytes: &mut Vec<u8>, name: &str, value: &[u8]) {
    bytes.put_u8(name.len() as u8);
    bytes.put_slice(name.as_bytes());
    bytes.put_u32(value.len() as u32);
    bytes.put_slice(value);
}

/// Names are compared without case, as the standard says.
fn properties(mut data: Bytes) -> Result<HashMap<String, Bytes>, WireError> {
    const SHORT: WireError = WireError::Protocol("a READY shorter than it says");
    let mut found = HashMap::new();
    while !data.is_empty() {
        let name = usize::from(data.split_to(1)[0]);
        if data.len() < name + 4 {
            return Err(SHORT);
        }
        let name = String::from_utf8_lossy(&data.split_to(name)).to_ascii_lowercase();
        let length = data.split_to(4);
        let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
        if data.len() < length {
            return Err(SHORT);
        }
        found.insert(name, data.split_to(length));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_all(bytes: &[u8]) -> (Vec<Frames>, Option<WireError>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let budget = Budget::new(1 << 20);
            let (mut reader, mut messages) = (bytes, Vec::new());
            loop {
                match read(&mut reader, &budget).await {
                    Ok(Some(Incoming::Message(frames, _))) => messages.push(frames),
                    Ok(Some(Incoming::Command(..))) => {}
                    Ok(None) => return (messages, None),
                    Err(error) => return (messages, Some(error)),
                }
            }
        })
    }

    fn written(messages: &[Frames]) -> Vec<u8> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut bytes = Vec::new();
            for message in messages {
                write(&mut bytes, message).await.unwrap();
            }
            bytes
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(messages in prop::collection::vec(
            prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 1..6), 0..5)) {
            let messages: Vec<Frames> =
                messages.into_iter().map(|frames| frames.into_iter().map(Bytes::from).collect()).collect();
            let (read, error) = read_all(&written(&messages));
            prop_assert!(error.is_none());
            prop_assert_eq!(read, messages);
        }

        #[test]
        fn no_bytes_bring_the_reader_down(bytes in prop::collection::vec(any::<u8>(), 0..4000)) {
            read_all(&bytes);
        }

        #[test]
        fn no_ready_brings_the_handshake_down(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = properties(bytes.into());
        }
    }

    #[test]
    fn a_promised_length_costs_nothing() {
        for length in [MAX_MESSAGE as u64 + 1, 1 << 46, u64::MAX] {
            let mut bytes = vec![LONG];
            bytes.extend_from_slice(&length.to_be_bytes());
            assert!(matches!(read_all(&bytes).1, Some(WireError::TooLarge)), "{length}");
        }
        let mut bytes = vec![LONG];
        bytes.extend_from_slice(&(MAX_MESSAGE as u64).to_be_bytes());
        assert!(matches!(read_all(&bytes).1, Some(WireError::Io(_))));
    }

    #[test]
    fn a_message_has_so_many_frames_and_no_more() {
        let message = vec![Bytes::new(); MAX_FRAMES + 1];
        assert!(matches!(read_all(&written(&[message])).1, Some(WireError::TooLarge)));
    }

    #[test]
    fn memory_is_given_back() {
        let budget = Budget::new(1 << 20);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut held = Held::none(&budget);
            held.grow(1 << 20).await.unwrap();
            assert!(!budget.take(1));
            drop(held);
            assert!(budget.take(1 << 20));
        });
    }
}
