//! The connections of one socket, each with a queue of what it is still to be sent.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Notify;

use super::frames::Frames;

/// What may wait for one peer before the rest is not even queued.
pub const QUEUE_LIMIT: usize = 64 << 20;
/// What may wait beyond that if it is small and important; a peer that is behind even this is disconnected.
const ESSENTIAL_LIMIT: usize = QUEUE_LIMIT + (8 << 20);
/// A peer that takes nothing for so long is not waited for.
const STALLED: Duration = Duration::from_secs(2);

/// What waits to be written.
pub enum Outgoing {
    /// A message; its frames may be shared with other peers.
    Message(Arc<Frames>),
    /// The answer to a ping.
    Pong(Bytes),
}

impl Outgoing {
    fn weight(&self) -> usize {
        match self {
            // What a frame costs besides its bytes counts too: a million empty ones are not nothing.
            Outgoing::Message(frames) => frames.iter().map(|frame| frame.len() + 64).sum(),
            Outgoing::Pong(context) => context.len() + 64,
        }
    }
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Outgoing>,
    /// Of what waits, and of what is being written.
    bytes: usize,
    subscriptions: Vec<Bytes>,
}

/// One connection.
pub struct Peer {
    queue: Mutex<Queue>,
    changed: Notify,
    closed: AtomicBool,
    closing: Notify,
    /// When the peer last took something, or had nothing to take; milliseconds after `began`.
    progress: AtomicU64,
    began: Instant,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Peer {
    /// A connection with nothing to write yet.
    pub fn new() -> Arc<Peer> {
        Arc::new(Peer {
            queue: Mutex::default(),
            changed: Notify::new(),
            closed: AtomicBool::new(false),
            closing: Notify::new(),
            progress: AtomicU64::new(0),
            began: Instant::now(),
        })
    }

    fn note_progress(&self) {
        self.progress.store(self.began.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    fn stalled(&self) -> bool {
        let last = Duration::from_millis(self.progress.load(Ordering::Relaxed));
        self.began.elapsed().saturating_sub(last) > STALLED
    }

    /// Queues something, and says whether it did. What is `essential` finds room a little longer; a peer that has none
    /// even for that is disconnected: its client connects again by itself and is none the worse.
    pub fn push(&self, outgoing: Outgoing, essential: bool) -> bool {
        let weight = outgoing.weight();
        let mut queue = lock(&self.queue);
        if queue.bytes == 0 {
            self.note_progress();
        } else if queue.bytes + weight > if essential { ESSENTIAL_LIMIT } else { QUEUE_LIMIT } {
            drop(queue);
            if essential {
                self.close();
            }
            return false;
        }
        queue.bytes += weight;
        queue.waiting.push_back(outgoing);
        drop(queue);
        self.changed.notify_one();
        true
    }

    /// The next thing to write. `written` is the weight of what was given before.
    pub async fn next(&self, written: usize) -> (Outgoing, usize) {
        {
            let mut queue = lock(&self.queue);
            queue.bytes -= written;
        }
        if written > 0 {
            self.note_progress();
        }
        loop {
            if let Some(outgoing) = lock(&self.queue).waiting.pop_front() {
                let weight = outgoing.weight();
                return (outgoing, weight);
            }
            self.changed.notified().await;
        }
    }

    /// Whether nothing waits but what was last given.
    pub fn is_drained(&self) -> bool {
        lock(&self.queue).waiting.is_empty()
    }

    /// Whether all has been written, or nobody takes it.
    fn is_done(&self) -> bool {
        lock(&self.queue).bytes == 0 || self.closed.load(Ordering::SeqCst) || self.stalled()
    }

    /// Ends the connection.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.closing.notify_one();
    }

    /// Waits for [`Peer::close`].
    pub async fn closed(&self) {
        while !self.closed.load(Ordering::SeqCst) {
            self.closing.notified().await;
        }
    }

    /// Adds a prefix of topics that the peer wants.
    ///
    /// # Errors
    /// When it has too many; so long a list would slow down every message.
    pub fn subscribe(&self, topic: Bytes) -> Result<(), &'static str> {
        let mut queue = lock(&self.queue);
        if queue.subscriptions.len() >= 1000 {
            return Err("more than a thousand subscriptions");
        }
        queue.subscriptions.push(topic);
        Ok(())
    }

    /// Takes one subscription back.
    pub fn unsubscribe(&self, topic: &[u8]) {
        let mut queue = lock(&self.queue);
        if let Some(index) = queue.subscriptions.iter().position(|other| &other[..] == topic) {
            queue.subscriptions.swap_remove(index);
        }
    }

    fn wants(&self, topic: &[u8]) -> bool {
        lock(&self.queue).subscriptions.iter().any(|prefix| topic.starts_with(prefix))
    }
}

/// The connections of one socket, by identity.
#[derive(Default)]
pub struct Peers {
    peers: Mutex<HashMap<Bytes, Arc<Peer>>>,
    named: AtomicU64,
}

impl Peers {
    /// Takes in a connection. One that wants an identity which another has takes the other's place: it is a client that
    /// connects again before its old connection is known to be dead. Gives the identity it got.
    pub fn insert(&self, identity: Bytes, peer: &Arc<Peer>) -> Bytes {
        let identity = if identity.is_empty() {
            // A zero byte first, as identities that peers choose must not have.
            let number = self.named.fetch_add(1, Ordering::Relaxed);
            Bytes::from([&[0][..], &number.to_be_bytes()].concat())
        } else {
            identity
        };
        if let Some(before) = lock(&self.peers).insert(identity.clone(), Arc::clone(peer)) {
            before.close();
        }
        identity
    }

    /// Forgets a connection that has ended.
    pub fn remove(&self, identity: &Bytes, peer: &Arc<Peer>) {
        let mut peers = lock(&self.peers);
        if peers.get(identity).is_some_and(|other| Arc::ptr_eq(other, peer)) {
            peers.remove(identity);
        }
    }

    #[cfg(test)]
    fn count(&self) -> usize {
        lock(&self.peers).len()
    }

    /// Sends to one peer. One that is gone, or takes nothing, misses it.
    pub fn send(&self, identity: &[u8], frames: Frames) {
        let peer = lock(&self.peers).get(identity).cloned();
        if let Some(peer) = peer {
            peer.push(Outgoing::Message(Arc::new(frames)), true);
        }
    }

    /// Sends to all that want the topic in the first frame.
    pub fn publish(&self, frames: Frames, essential: bool) {
        let frames = Arc::new(frames);
        let topic = frames.first().cloned().unwrap_or_default();
        let peers: Vec<Arc<Peer>> = lock(&self.peers).values().cloned().collect();
        for peer in peers {
            if peer.wants(&topic) {
                peer.push(Outgoing::Message(Arc::clone(&frames)), essential);
            }
        }
    }

    /// Whether some peer is far behind and still takes what it is sent, so that waiting makes sense.
    pub fn is_crowded(&self) -> bool {
        let peers: Vec<Arc<Peer>> = lock(&self.peers).values().cloned().collect();
        peers.iter().any(|peer| lock(&peer.queue).bytes > QUEUE_LIMIT / 2 && !peer.stalled())
    }

    /// Waits until all has been written, so long at most.
    pub async fn drain(&self, patience: Duration) {
        let end = Instant::now() + patience;
        loop {
            let done = lock(&self.peers).values().all(|peer| peer.is_done());
            if done || Instant::now() > end {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: usize) -> Frames {
        vec![Bytes::from_static(b"topic"), Bytes::from(vec![0; bytes])]
    }

    #[test]
    fn a_peer_that_takes_nothing_holds_so_much_and_no_more() {
        let (peers, peer) = (Peers::default(), Peer::new());
        peers.insert(Bytes::from_static(b"a"), &peer);
        peer.subscribe(Bytes::new()).unwrap();
        for _ in 0..200 {
            peers.publish(message(1 << 20), false);
        }
        assert!(lock(&peer.queue).bytes <= QUEUE_LIMIT);
        assert!(!peer.closed.load(Ordering::SeqCst), "what is not essential costs nobody the connection");
        for _ in 0..20 {
            peers.publish(message(1 << 20), true);
        }
        assert!(lock(&peer.queue).bytes <= ESSENTIAL_LIMIT);
        assert!(peer.closed.load(Ordering::SeqCst));
    }

    #[test]
    fn one_message_of_any_size_can_always_be_sent() {
        let peer = Peer::new();
        assert!(peer.push(Outgoing::Message(Arc::new(message(QUEUE_LIMIT * 2))), false));
        assert!(!peer.push(Outgoing::Message(Arc::new(message(1))), false));
    }

    #[test]
    fn topics_are_prefixes() {
        let peer = Peer::new();
        assert!(!peer.wants(b"stream"));
        peer.subscribe(Bytes::from_static(b"str")).unwrap();
        assert!(peer.wants(b"stream") && !peer.wants(b"status"));
        peer.unsubscribe(b"str");
        assert!(!peer.wants(b"stream"));
    }

    #[test]
    fn a_second_connection_takes_an_identity_over() {
        let (peers, old, new) = (Peers::default(), Peer::new(), Peer::new());
        let name = peers.insert(Bytes::from_static(b"a"), &old);
        peers.insert(name.clone(), &new);
        assert!(old.closed.load(Ordering::SeqCst));
        peers.remove(&name, &old);
        assert_eq!(peers.count(), 1);
    }
}
