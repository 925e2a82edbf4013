//! Jupyter messages: parsing what arrives without trusting it, and writing what is sent.
//!
//! Content stays plain JSON. What a request must contain is asked for where it is answered, so that a request with
//! nonsense in it gets an answer that says so, rather than none.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use ring::hmac;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::zmtp::{Frames, Held};

/// The version of Jupyter's protocol that is spoken.
pub const PROTOCOL: &str = "5.5";

const DELIMITER: &[u8] = b"<IDS|MSG>";
/// What a header, a parent's header or metadata may weigh. Headers are repeated in every message that answers.
const MAX_HEADER: usize = 64 << 10;
/// What every header has, all of it text.
const HEADER: [&str; 6] = ["msg_id", "msg_type", "username", "session", "date", "version"];
/// Signatures that are remembered, so that a message which somebody has recorded does not count twice.
const REMEMBERED: usize = 1 << 16;

/// Why a message is not handled at all.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// It is not a Jupyter message.
    #[error("it has no delimiter, or too few parts after it")]
    Parts,
    /// It is not signed with this kernel's key.
    #[error("its signature is wrong")]
    Signature,
    /// It has come before.
    #[error("it has come before")]
    Replayed,
    /// Nobody could be answered.
    #[error("its header {0}")]
    Header(&'static str),
}

/// A message from a client.
#[derive(Debug)]
pub struct Request {
    /// The way back: the connection's identity, and what else stood before the delimiter.
    pub identities: Vec<Bytes>,
    /// The header, as it came; answers repeat it.
    header: Bytes,
    /// Names the message.
    pub id: String,
    /// What it asks for.
    pub kind: String,
    /// The subshell it is for; none is the main shell.
    pub subshell: Option<String>,
    /// The id of the message it answers; empty for none.
    pub parent_id: String,
    /// The id of the notebook's cell that it is about, where the client says so.
    pub cell_id: Option<String>,
    content: Result<Value, String>,
    /// How many bytes it came as.
    pub weight: usize,
    /// Gives back the memory that it counts for.
    _held: Option<Held>,
}

impl Request {
    /// The content, as what it should be.
    ///
    /// # Errors
    /// A sentence about what is wrong with it.
    pub fn content<T: DeserializeOwned>(&self) -> Result<T, String> {
        let content = self.content.as_ref().map_err(Clone::clone)?;
        T::deserialize(content).map_err(|error| format!("the content of this {} is wrong: {error}", self.kind))
    }

    #[cfg(test)]
    pub fn example(kind: &str, content: Value) -> Request {
        let wire = Wire::new("", "tests");
        let mut frames = wire.frames(b"", kind, None, &content);
        frames[0] = Bytes::from_static(b"client");
        wire.parse(frames, None).unwrap()
    }
}

/// Signs and checks the messages of one kernel.
pub struct Wire {
    key: Option<hmac::Key>,
    session: String,
    username: String,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    order: VecDeque<[u8; 32]>,
    all: HashSet<[u8; 32]>,
}

impl Wire {
    /// Messages signed with this key by HMAC-SHA256; an empty one means that nobody signs.
    pub fn new(key: &str, session: &str) -> Wire {
        let key = (!key.is_empty()).then(|| hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()));
        let username = std::env::var("USER").unwrap_or_else(|_| "kernel".to_owned());
        Wire { key, session: session.to_owned(), username, seen: Mutex::default() }
    }

    /// Reads a message. Content that is not JSON is kept as what is wrong with it.
    ///
    /// # Errors
    /// Why nothing can be done with it.
    pub fn parse(&self, frames: Frames, held: Option<Held>) -> Result<Request, Refusal> {
        let delimiter = frames.iter().position(|frame| &frame[..] == DELIMITER).ok_or(Refusal::Parts)?;
        // Binary buffers may follow. They are not signed, and nothing here takes any.
        let [signature, header, parent, metadata, content, ..] = &frames[delimiter + 1..] else {
            return Err(Refusal::Parts);
        };
        self.verify(signature, [header, parent, metadata, content])?;
        if [header, parent, metadata].iter().any(|part| part.len() > MAX_HEADER) {
            return Err(Refusal::Header("or metadata is longer than 64 KB"));
        }
        let mut fields: Map<String, Value> =
            serde_json::from_slice(header).map_err(|_| Refusal::Header("is not a JSON object"))?;
        let kind =
            fields.get("msg_type").and_then(Value::as_str).ok_or(Refusal::Header("has no `msg_type`"))?.to_owned();
        // All clients see this header in what answers it, and none expects a list where there should be a text.
        let mut as_it_came = true;
        for name in HEADER {
            if !fields.get(name).is_some_and(Value::is_string) {
                fields.insert(name.to_owned(), "".into());
                as_it_came = false;
            }
        }
        let text = |name| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        let header = if as_it_came { header.clone() } else { Bytes::from(Value::Object(fields.clone()).to_string()) };
        let parent: Value = serde_json::from_slice(parent).unwrap_or_default();
        let metadata: Value = serde_json::from_slice(metadata).unwrap_or_default();
        let content = match serde_json::from_slice::<Value>(content) {
            Ok(value) if value.is_object() => Ok(value),
            Ok(_) => Err("the content is not a JSON object".to_owned()),
            Err(error) => Err(format!("the content is not JSON: {error}")),
        };
        Ok(Request {
            identities: frames[..delimiter].to_vec(),
            id: text("msg_id").unwrap_or_default(),
            kind,
            subshell: text("subshell_id"),
            header,
            parent_id: parent["msg_id"].as_str().unwrap_or_default().to_owned(),
            cell_id: metadata["cellId"].as_str().map(str::to_owned),
            content,
            weight: frames.iter().map(Bytes::len).sum(),
            _held: held,
        })
    }

    fn verify(&self, signature: &Bytes, parts: [&Bytes; 4]) -> Result<(), Refusal> {
        let Some(key) = &self.key else { return Ok(()) };
        let claimed = decode_hex(signature).ok_or(Refusal::Signature)?;
        // Compares in constant time.
        hmac::verify(key, &parts.map(|part| &part[..]).concat(), &claimed).map_err(|_| Refusal::Signature)?;
        let mut seen = self.seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if !seen.all.insert(claimed) {
            return Err(Refusal::Replayed);
        }
        seen.order.push_back(claimed);
        if seen.order.len() > REMEMBERED
            && let Some(oldest) = seen.order.pop_front()
        {
            seen.all.remove(&oldest);
        }
        Ok(())
    }

    /// The answer to a request, for the socket it came on.
    pub fn reply(&self, request: &Request, kind: &str, content: &Value) -> Frames {
        let mut frames = request.identities.clone();
        frames.extend(self.frames(b"", kind, Some(request), content).drain(1..));
        frames
    }

    /// A message that belongs to a request, or to none. The first frame is the topic.
    pub fn frames(&self, topic: &[u8], kind: &str, parent: Option<&Request>, content: &Value) -> Frames {
        self.frames_with_id(&uuid::Uuid::new_v4().to_string(), topic, kind, parent, content)
    }

    /// The same, with an id that the caller knows.
    pub fn frames_with_id(
        &self,
        id: &str,
        topic: &[u8],
        kind: &str,
        parent: Option<&Request>,
        content: &Value,
    ) -> Frames {
        let header = json!({
            "msg_id": id,
            "msg_type": kind,
            "username": self.username,
            "session": self.session,
            "date": now(),
            "version": PROTOCOL,
        });
        let header = Bytes::from(header.to_string());
        let parent = parent.map_or(Bytes::from_static(b"{}"), |parent| parent.header.clone());
        let metadata = Bytes::from_static(b"{}");
        let content = Bytes::from(content.to_string());
        let signature = match &self.key {
            None => Bytes::new(),
            Some(key) => {
                let mut context = hmac::Context::with_key(key);
                for part in [&header, &parent, &metadata, &content] {
                    context.update(part);
                }
                Bytes::from(encode_hex(context.sign().as_ref()))
            }
        };
        let topic = Bytes::copy_from_slice(topic);
        vec![topic, Bytes::from_static(DELIMITER), signature, header, parent, metadata, content]
    }
}

fn now() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let time = chrono::DateTime::from_timestamp(since.as_secs() as i64, since.subsec_nanos());
    time.map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)).unwrap_or_default()
}

fn encode_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn decode_hex(text: &[u8]) -> Option<[u8; 32]> {
    if text.len() != 64 {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
    }
    Some(bytes)
}

/// What an answer to a request that failed holds.
pub fn error(name: &str, sentence: &str) -> Value {
    json!({"status": "error", "ename": name, "evalue": sentence, "traceback": [sentence]})
}

/// Where replies to one channel's requests go.
#[derive(Clone)]
pub struct Replies {
    wire: Arc<Wire>,
    socket: super::zmtp::Socket,
}

impl Replies {
    /// Replies on a socket.
    pub fn new(wire: &Arc<Wire>, socket: &super::zmtp::Socket) -> Replies {
        Replies { wire: Arc::clone(wire), socket: socket.clone() }
    }

    /// Answers a request. A client that has gone misses it.
    pub fn send(&self, request: &Request, kind: &str, content: &Value) {
        // Without an identity there is no way back; requests in tests have none.
        if let Some(identity) = request.identities.first() {
            self.socket.send(identity, self.wire.reply(request, kind, content).split_off(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "5e4d-secret";

    fn signed(header: &str, parent: &str, metadata: &str, content: &str) -> Frames {
        let parts = [header, parent, metadata, content].map(|part| Bytes::from(part.to_owned()));
        let key = hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes());
        let signature = encode_hex(hmac::sign(&key, &parts.concat()).as_ref());
        let mut frames = vec![Bytes::from_static(b"me"), Bytes::from_static(DELIMITER), Bytes::from(signature)];
        frames.extend(parts);
        frames
    }

    fn ask() -> Frames {
        let header = r#"{"msg_id":"1","msg_type":"execute_request","session":"s","subshell_id":"x"}"#;
        signed(header, "{}", "{}", r#"{"code":"1"}"#)
    }

    #[test]
    fn what_is_signed_is_read() {
        let request = Wire::new(KEY, "s").parse(ask(), None).unwrap();
        assert_eq!((request.kind.as_str(), request.id.as_str()), ("execute_request", "1"));
        assert_eq!((request.subshell.as_deref(), &request.identities[0][..]), (Some("x"), &b"me"[..]));
        assert_eq!(request.content::<Value>().unwrap(), json!({"code": "1"}));
    }

    #[test]
    fn what_is_not_signed_or_comes_twice_is_refused() {
        let wire = Wire::new(KEY, "s");
        let refused = |frames: Frames| wire.parse(frames, None).map(|_| ()).unwrap_err();
        for signature in ["", "00", "zz", &"0".repeat(64), &"é".repeat(32)] {
            let mut frames = ask();
            frames[2] = Bytes::from(signature.to_owned());
            assert_eq!(refused(frames), Refusal::Signature, "{signature}");
        }
        for part in 3..7 {
            let mut frames = ask();
            frames[part] = Bytes::from_static(b"{ }");
            assert_eq!(refused(frames), Refusal::Signature);
        }
        assert!(wire.parse(ask(), None).is_ok());
        assert_eq!(refused(ask()), Refusal::Replayed);
        assert_eq!(refused(Frames::new()), Refusal::Parts);
        assert_eq!(refused(ask()[..6].to_vec()), Refusal::Parts);
        assert_eq!(refused(ask()[2..].to_vec()), Refusal::Parts);
    }

    #[test]
    fn nonsense_in_the_content_leaves_a_request_to_answer() {
        let wire = Wire::new(KEY, "s");
        let header = r#"{"msg_type":"execute_request"}"#;
        for content in ["", "{", "[1]", "null", "\"x\"", &"[".repeat(100_000), "{\"code\": NaN}"] {
            let request = wire.parse(signed(header, "null", "[]", content), None).unwrap();
            assert!(request.content::<Value>().is_err(), "{content:.20}");
        }
        let header = "{\"msg_type\":3}";
        assert!(matches!(wire.parse(signed(header, "", "", "{}"), None), Err(Refusal::Header(_))));
        let header = format!("{{\"msg_type\":\"x\",\"y\":\"{}\"}}", "z".repeat(MAX_HEADER));
        assert!(matches!(wire.parse(signed(&header, "", "", "{}"), None), Err(Refusal::Header(_))));
    }

    #[test]
    fn an_answer_is_signed_and_names_its_question() {
        let (kernel, client) = (Wire::new(KEY, "kernel"), Wire::new(KEY, "client"));
        let request = kernel.parse(ask(), None).unwrap();
        let reply = client.parse(kernel.reply(&request, "execute_reply", &json!({"status": "ok"})), None).unwrap();
        assert_eq!((reply.parent_id.as_str(), &reply.identities[0][..]), ("1", &b"me"[..]));
    }

    #[test]
    fn signatures_are_forgotten_in_the_end() {
        let wire = Wire::new(KEY, "s");
        for number in 0..REMEMBERED + 10 {
            let header = format!("{{\"msg_type\":\"x\",\"msg_id\":\"{number}\"}}");
            wire.parse(signed(&header, "", "", "{}"), None).unwrap();
        }
        let seen = wire.seen.lock().unwrap();
        assert_eq!((seen.order.len(), seen.all.len()), (REMEMBERED, REMEMBERED));
    }

    proptest! {
        #[test]
        fn no_frames_bring_the_parser_down(
            frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..9),
            delimiter in 0usize..9,
        ) {
            let mut frames: Frames = frames.into_iter().map(Bytes::from).collect();
            frames.insert(delimiter.min(frames.len()), Bytes::from_static(DELIMITER));
            let _ = Wire::new(KEY, "s").parse(frames.clone(), None);
            let _ = Wire::new("", "s").parse(frames, None);
        }

        #[test]
        fn no_signed_json_brings_the_parser_down(parts in prop::collection::vec("[\\[\\]{}\",:a-z0-9. ]{0,60}", 4)) {
            let frames = signed(&parts[0], &parts[1], &parts[2], &parts[3]);
            let _ = Wire::new(KEY, "s").parse(frames, None);
        }
    }
}
