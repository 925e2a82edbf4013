//! Names that mean the same in every process: the hash of an object's bytes, and a place in it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::TravelError;

/// Names a shared object by its content: the BLAKE3 hash of the file's bytes.
///
/// Written as 64 hexadecimal digits, also by serde in formats for people; as 32 plain bytes in compact formats.
///
/// ```
/// use taskloom::travel::objects::ObjectId;
/// let id = ObjectId::of_bytes(b"");
/// assert!(id.to_string().starts_with("af1349b9f5f9a1a6"));
/// assert_eq!(id.to_string().parse::<ObjectId>()?, id);
/// # Ok::<(), taskloom::travel::objects::TravelError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId([u8; 32]);

impl ObjectId {
    /// The name of an object with this content.
    pub fn of_bytes(bytes: &[u8]) -> ObjectId {
        ObjectId(*blake3::hash(bytes).as_bytes())
    }

    pub(super) fn of_reader(reader: impl std::io::Read) -> std::io::Result<ObjectId> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(reader)?;
        Ok(ObjectId(*hasher.finalize().as_bytes()))
    }

    /// The hash itself.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first digits, enough to tell objects apart in a message.
    pub(super) fn short(&self) -> String {
        let mut text = self.to_string();
        text.truncate(12);
        text
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectId({self})")
    }
}

impl FromStr for ObjectId {
    type Err = TravelError;

    fn from_str(text: &str) -> Result<Self, TravelError> {
        let wrong = || TravelError::BadId { text: text.chars().take(80).collect() };
        let digits: Vec<u8> = text
            .chars()
            .map(|digit| digit.to_digit(16).map(|value| value as u8))
            .collect::<Option<_>>()
            .filter(|digits: &Vec<u8>| digits.len() == 64)
            .ok_or_else(wrong)?;
        Ok(ObjectId(std::array::from_fn(|at| digits[2 * at] << 4 | digits[2 * at + 1])))
    }
}

impl Serialize for ObjectId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { self.0.serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for ObjectId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
        } else {
            <[u8; 32]>::deserialize(deserializer).map(ObjectId)
        }
    }
}

/// Names a piece of code in any process: the object that it is in, and where in it.
///
/// The same bytes, loaded elsewhere, have the same code at the same offset. See [`locate`](super::locate) and
/// [`Objects::resolve`](super::Objects::resolve).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CodeAddress {
    /// The object.
    pub object: ObjectId,
    /// Bytes from where the object is loaded to the code.
    pub offset: u64,
}
