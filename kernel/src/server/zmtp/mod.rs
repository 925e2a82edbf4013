//! ZeroMQ's wire protocol (ZMTP 3.1, no security mechanism), for the three kinds of socket that a kernel binds.
//!
//! ```text
//!  listener ─► handshake ─► reader ─► receive(identity, frames)         one pair of tasks for each connection
//!                      └──► writer ◄─ queue ◄─ send / publish (never blocks)
//! ```
//! It is written here because a kernel must survive whatever arrives. The crates that speak ZMTP allocate the length
//! that a frame's head promises, so nine bytes from anybody who can connect end the process; and they bound a slow
//! reader's queue by messages, not by bytes.

mod frames;
mod peers;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, BufWriter};
use tokio::net::{TcpListener, UnixListener};

pub use frames::{Budget, Frames, Held, MAX_MESSAGE, WireError};
use frames::{Incoming, handshake, read, write, write_command};
use peers::{Outgoing, Peer, Peers};

/// Connections that one socket takes; a server has a few for each open notebook.
const MAX_CONNECTIONS: usize = 256;
/// A connection that has not introduced itself after so long is closed.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
const BUFFER: usize = 64 << 10;

/// Where a socket listens.
#[derive(Debug, Clone)]
pub enum Endpoint {
    /// An address and a port.
    Tcp(String, u16),
    /// A Unix socket's file.
    Ipc(PathBuf),
}

/// What a socket does with what arrives.
pub trait Receive: Send + Sync + 'static {
    /// ZMTP's name of this kind of socket.
    const TYPE: &'static str;
    /// The kinds that may connect to it.
    const FITTING: &'static [&'static str];

    /// Handles a message. An error closes the connection.
    fn message(
        &self,
        from: &Connection,
        frames: Frames,
        held: Held,
    ) -> impl Future<Output = Result<(), WireError>> + Send;

    /// A peer subscribed to topics with this prefix.
    fn subscribed(&self, _from: &Connection, _topic: &Bytes) {}

    /// A connection was given up, or a listener has trouble.
    fn complain(&self, text: &str);
}

/// A connection, as a receiver sees it.
pub struct Connection {
    /// The peer's identity on this socket.
    pub identity: Bytes,
    peer: Arc<Peer>,
}

impl Connection {
    /// Sends to this peer alone.
    pub fn send(&self, frames: Frames) {
        self.peer.push(Outgoing::Message(Arc::new(frames)), true);
    }
}

/// A bound socket. It listens for as long as its runtime lives.
#[derive(Clone, Default)]
pub struct Socket {
    peers: Arc<Peers>,
}

impl Socket {
    /// Sends to the peer of this identity, if it is there. Never blocks.
    pub fn send(&self, identity: &[u8], frames: Frames) {
        self.peers.send(identity, frames);
    }

    /// Sends to all that subscribed to the first frame. A peer that is too far behind misses what is not `essential`.
    /// Never blocks.
    pub fn publish(&self, frames: Frames, essential: bool) {
        self.peers.publish(frames, essential);
    }

    /// Whether a peer that still reads is far behind, so that whoever can wait should.
    pub fn is_crowded(&self) -> bool {
        self.peers.is_crowded()
    }

    /// Waits until all has been written, so long at most.
    pub async fn drain(&self, patience: Duration) {
        self.peers.drain(patience).await;
    }

    /// Listens, and serves whoever connects.
    ///
    /// # Errors
    /// When the address cannot be listened at.
    pub async fn bind<R: Receive>(
        &self,
        endpoint: &Endpoint,
        budget: &Arc<Budget>,
        receive: Arc<R>,
    ) -> std::io::Result<()> {
        let serving = Serving { peers: Arc::clone(&self.peers), budget: Arc::clone(budget), receive };
        match endpoint {
            Endpoint::Tcp(host, port) => {
                let listener = TcpListener::bind((host.as_str(), *port)).await?;
                tokio::spawn(serving.accept(async move || {
                    let (stream, _) = listener.accept().await?;
                    // Replies are small and waited for.
                    stream.set_nodelay(true)?;
                    Ok(stream)
                }));
            }
            Endpoint::Ipc(path) => {
                let listener = bind_private(path)?;
                tokio::spawn(serving.accept(async move || Ok(listener.accept().await?.0)));
            }
        }
        Ok(())
    }
}

/// A Unix socket that only its user can connect to. A file of that name that nobody listens at is taken away.
fn bind_private(path: &std::path::Path) -> std::io::Result<UnixListener> {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket());
    if is_socket && std::os::unix::net::UnixStream::connect(path).is_err() {
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

struct Serving<R> {
    peers: Arc<Peers>,
    budget: Arc<Budget>,
    receive: Arc<R>,
}

impl<R> Clone for Serving<R> {
    fn clone(&self) -> Self {
        Serving { peers: Arc::clone(&self.peers), budget: Arc::clone(&self.budget), receive: Arc::clone(&self.receive) }
    }
}

impl<R: Receive> Serving<R> {
    async fn accept<S>(self, next: impl AsyncFn() -> std::io::Result<S>)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let open = Arc::new(AtomicUsize::new(0));
        loop {
            let stream = match next().await {
                Ok(stream) => stream,
                Err(error) => {
                    // No descriptors are left, or the client has gone again; the next attempt may succeed.
                    self.receive.complain(&format!("a connection failed: {error}"));
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            if open.fetch_add(1, Ordering::SeqCst) >= MAX_CONNECTIONS {
                open.fetch_sub(1, Ordering::SeqCst);
                self.receive.complain(&format!("there are {MAX_CONNECTIONS} connections already; one more was closed"));
                continue;
            }
            let (serving, open) = (self.clone(), Arc::clone(&open));
            tokio::spawn(async move {
                let served = serving.connection(stream).await;
                open.fetch_sub(1, Ordering::SeqCst);
                match served {
                    Ok(()) => {}
                    // A client that was killed; nobody's fault.
                    Err(WireError::Io(_)) => {}
                    Err(error) => serving.receive.complain(&error.to_string()),
                }
            });
        }
    }

    async fn connection<S>(&self, mut stream: S) -> Result<(), WireError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let introduced = tokio::time::timeout(HANDSHAKE_PATIENCE, handshake(&mut stream, R::TYPE, R::FITTING)).await;
        let identity = introduced.map_err(|_| WireError::Slow("its introduction"))??;
        let (reader, writer) = tokio::io::split(stream);
        let peer = Peer::new();
        let identity = self.peers.insert(identity, &peer);
        let connection = Connection { identity, peer: Arc::clone(&peer) };
        let outcome = tokio::select! {
            read = self.read(&connection, BufReader::with_capacity(BUFFER, reader)) => read,
            written = write_queue(&peer, BufWriter::with_capacity(BUFFER, writer)) => written.map_err(WireError::Io),
            () = peer.closed() => Ok(()),
        };
        self.peers.remove(&connection.identity, &peer);
        outcome
    }

    async fn read(&self, connection: &Connection, mut reader: impl AsyncRead + Unpin + Send) -> Result<(), WireError> {
        while let Some(incoming) = read(&mut reader, &self.budget).await? {
            match incoming {
                Incoming::Message(frames, _) if R::TYPE == "PUB" => {
                    // ZMTP 3.0's way to subscribe; the only message that a subscriber sends.
                    let [frame] = &frames[..] else { continue };
                    match frame.first() {
                        Some(1) => self.subscribe(connection, frame.slice(1..))?,
                        Some(0) => connection.peer.unsubscribe(&frame[1..]),
                        _ => {}
                    }
                }
                Incoming::Message(frames, held) => self.receive.message(connection, frames, held).await?,
                Incoming::Command(name, data) => match &name[..] {
                    b"SUBSCRIBE" => self.subscribe(connection, data)?,
                    b"CANCEL" => connection.peer.unsubscribe(&data),
                    b"PING" => {
                        // Two bytes of patience, and a context of at most 16 that the answer repeats.
                        let context = data.slice(data.len().min(2)..data.len().min(18));
                        connection.peer.push(Outgoing::Pong(context), true);
                    }
                    b"ERROR" => return Err(WireError::Protocol("the peer reported an error")),
                    _ => {}
                },
            }
        }
        Ok(())
    }

    fn subscribe(&self, connection: &Connection, topic: Bytes) -> Result<(), WireError> {
        connection.peer.subscribe(topic.clone()).map_err(WireError::Protocol)?;
        self.receive.subscribed(connection, &topic);
        Ok(())
    }
}

async fn write_queue(peer: &Peer, mut writer: impl AsyncWrite + Unpin) -> std::io::Result<()> {
    let mut written = 0;
    loop {
        let (outgoing, weight) = peer.next(written).await;
        match outgoing {
            Outgoing::Message(frames) => write(&mut writer, &frames).await?,
            Outgoing::Pong(context) => write_command(&mut writer, "PONG", &context).await?,
        }
        if peer.is_drained() {
            writer.flush().await?;
        }
        written = weight;
    }
}
