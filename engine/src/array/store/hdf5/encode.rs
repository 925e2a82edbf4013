//! The parts of an HDF5 file as bytes: what HDF5 1.8 and everything since reads.

use serde_json::Value as Json;

use crate::array::element::DType;

/// An address where nothing is.
pub(super) const UNDEFINED: u64 = u64::MAX;
/// Entries of an index node: the library's own number where the superblock says nothing.
const ENTRIES: usize = 64;

/// A message of an object's header.
pub(super) struct Message {
    kind: u8,
    flags: u8,
    body: Vec<u8>,
}

impl Message {
    fn new(kind: u8, body: Vec<u8>) -> Message {
        Message { kind, flags: 0, body }
    }
}

/// An attribute as it is stored.
#[derive(Clone)]
pub(super) struct Attribute {
    pub(super) name: String,
    pub(super) datatype: Vec<u8>,
    pub(super) dataspace: Vec<u8>,
    pub(super) data: Vec<u8>,
}

impl Attribute {
    /// A text with a zero at its end, which the library asks for where it looks for dimensions.
    pub(super) fn text(name: &str, text: &str) -> Attribute {
        let mut data = text.as_bytes().to_vec();
        data.push(0);
        Attribute {
            name: name.into(),
            datatype: string(data.len(), text.is_ascii()),
            dataspace: dataspace(&[], true),
            data,
        }
    }

    /// The scalar or list that a JSON value is; nothing where it is neither.
    pub(super) fn json(name: &str, value: &Json) -> Option<Attribute> {
        let values = match value {
            Json::Array(values) => &values[..],
            one => std::slice::from_ref(one),
        };
        let dataspace = dataspace(&[values.len()], !value.is_array());
        let named = |datatype: Vec<u8>, data: Vec<u8>| Some(Attribute { name: name.into(), datatype, dataspace, data });
        if let Some(texts) = values.iter().map(Json::as_str).collect::<Option<Vec<_>>>() {
            let len = texts.iter().map(|text| text.len()).max()?.max(1);
            let mut data = Vec::new();
            for (at, text) in texts.iter().enumerate() {
                data.extend(text.bytes());
                data.resize(len * (at + 1), 0);
            }
            return named(string(len, texts.iter().all(|text| text.is_ascii())), data);
        }
        if let Some(flags) = values.iter().map(Json::as_bool).collect::<Option<Vec<_>>>() {
            return named(datatype(DType::U8), flags.into_iter().map(u8::from).collect());
        }
        if let Some(whole) = values.iter().map(Json::as_i64).collect::<Option<Vec<_>>>() {
            return named(datatype(DType::I64), whole.into_iter().flat_map(i64::to_le_bytes).collect());
        }
        let floats = values.iter().map(Json::as_f64).collect::<Option<Vec<_>>>()?;
        named(datatype(DType::F64), floats.into_iter().flat_map(f64::to_le_bytes).collect())
    }

    pub(super) fn message(&self) -> Message {
        let mut body = vec![3, 0];
        body.extend((self.name.len() as u16 + 1).to_le_bytes());
        body.extend((self.datatype.len() as u16).to_le_bytes());
        body.extend((self.dataspace.len() as u16).to_le_bytes());
        body.push(u8::from(!self.name.is_ascii()));
        body.extend(self.name.bytes());
        body.push(0);
        body.extend(&self.datatype);
        body.extend(&self.dataspace);
        body.extend(&self.data);
        Message::new(0x0c, body)
    }

    /// Whether a header has room for it.
    pub(super) fn fits(&self) -> bool {
        self.name.len() < 60_000 && self.name.len() + self.data.len() < 60_000
    }
}

/// A text of a fixed length.
pub(super) fn string(len: usize, ascii: bool) -> Vec<u8> {
    let mut bytes = vec![0x13, u8::from(!ascii) << 4, 0, 0];
    bytes.extend((len as u32).to_le_bytes());
    bytes
}

pub(super) fn dataspace(shape: &[usize], scalar: bool) -> Vec<u8> {
    if scalar || shape.is_empty() {
        return vec![2, 0, 0, 0];
    }
    let mut bytes = vec![2, shape.len() as u8, 0, 1];
    bytes.extend(shape.iter().flat_map(|&len| (len as u64).to_le_bytes()));
    bytes
}

pub(super) fn datatype(dtype: DType) -> Vec<u8> {
    let whole = |size: u32, signed: bool| {
        let mut bytes = vec![0x10, u8::from(signed) << 3, 0, 0];
        bytes.extend(size.to_le_bytes());
        bytes.extend([0, 0, (size * 8) as u8, 0]);
        bytes
    };
    let float = |size: u32, [sign, exponent_at, exponent, mantissa]: [u8; 4], bias: u32| {
        let mut bytes = vec![0x11, 0x20, sign, 0];
        bytes.extend(size.to_le_bytes());
        bytes.extend([0, 0, (size * 8) as u8, 0, exponent_at, exponent, 0, mantissa]);
        bytes.extend(bias.to_le_bytes());
        bytes
    };
    let complex = |size: u8, half: DType| {
        let mut bytes = vec![0x36, 2, 0, 0];
        bytes.extend(u32::from(size).to_le_bytes());
        for (name, at) in [(b'r', 0), (b'i', size / 2)] {
            bytes.extend([name, 0, at]);
            bytes.extend(datatype(half));
        }
        bytes
    };
    match dtype {
        DType::Bool => {
            let mut bytes = vec![0x38, 2, 0, 0, 1, 0, 0, 0];
            bytes.extend(whole(1, true));
            bytes.extend(b"FALSE\0TRUE\0\0\x01");
            bytes
        }
        DType::I8 => whole(1, true),
        DType::I16 => whole(2, true),
        DType::I32 => whole(4, true),
        DType::I64 => whole(8, true),
        DType::U8 => whole(1, false),
        DType::U16 => whole(2, false),
        DType::U32 => whole(4, false),
        DType::U64 => whole(8, false),
        DType::F32 => float(4, [31, 23, 8, 23], 127),
        DType::F64 => float(8, [63, 52, 11, 52], 1023),
        DType::Complex32 => complex(8, DType::F32),
        DType::Complex64 => complex(16, DType::F64),
    }
}

/// The attribute that says which dimension each axis is: a list of references for each, in the heap.
pub(super) fn dimension_list(heap: u64, first: usize, rank: usize) -> Attribute {
    let mut datatype = vec![0x19, 0, 0, 0, 16, 0, 0, 0];
    datatype.extend([0x17, 0, 0, 0, 8, 0, 0, 0]);
    let entry = |axis: usize| {
        let mut bytes = 1u32.to_le_bytes().to_vec();
        bytes.extend(heap.to_le_bytes());
        bytes.extend(((first + axis + 1) as u32).to_le_bytes());
        bytes
    };
    let data = (0..rank).flat_map(entry).collect();
    Attribute { name: "DIMENSION_LIST".into(), datatype, dataspace: dataspace(&[rank], false), data }
}

/// A heap of references, which are numbered from 1 on.
pub(super) fn heap(references: &[u64]) -> Vec<u8> {
    let len = (16 + references.len() * 24 + 16).max(4096).next_multiple_of(8);
    let mut bytes = b"GCOL\x01\0\0\0".to_vec();
    bytes.extend((len as u64).to_le_bytes());
    for (at, reference) in references.iter().enumerate() {
        bytes.extend((at as u16 + 1).to_le_bytes());
        bytes.extend([1, 0, 0, 0, 0, 0]);
        bytes.extend(8u64.to_le_bytes());
        bytes.extend(reference.to_le_bytes());
    }
    // What is left is an object, too.
    let rest = (len - bytes.len()) as u64;
    bytes.extend([0; 8]);
    bytes.extend(rest.to_le_bytes());
    bytes.resize(len, 0);
    bytes
}

/// Where the elements of a dataset are.
pub(super) enum Storage<'a> {
    Run { address: u64, len: u64 },
    Chunks { index: u64, chunks: &'a [usize], deflate: Option<u32>, shuffle: bool },
}

/// The messages of a dataset's header, but for attributes.
pub(super) fn dataset(
    datatype: &[u8],
    size: usize,
    shape: &[usize],
    fill: &[u8],
    storage: &Storage<'_>,
) -> Vec<Message> {
    let mut messages = vec![
        Message::new(0x01, dataspace(shape, false)),
        Message { flags: 1, ..Message::new(0x03, datatype.to_vec()) },
    ];
    let chunked = matches!(storage, Storage::Chunks { .. });
    // Allocated as it is written or late; the fill value is written if there is one.
    let mut body = vec![3, if chunked { 3 } else { 2 } | 2 << 2 | 1 << 5];
    body.extend((fill.len() as u32).to_le_bytes());
    body.extend(fill);
    messages.push(Message::new(0x05, body));
    let mut body = vec![3];
    match storage {
        Storage::Run { address, len } => {
            body.push(1);
            body.extend(address.to_le_bytes());
            body.extend(len.to_le_bytes());
        }
        Storage::Chunks { index, chunks, deflate, shuffle } => {
            body.extend([2, chunks.len() as u8 + 1]);
            body.extend(index.to_le_bytes());
            body.extend(chunks.iter().chain([&size]).flat_map(|&len| (len as u32).to_le_bytes()));
            let filters: Vec<(u16, u32)> =
                shuffle.then_some((2, size as u32)).into_iter().chain(deflate.map(|level| (1, level))).collect();
            if !filters.is_empty() {
                let mut pipeline = vec![2, filters.len() as u8];
                for (id, setting) in filters {
                    pipeline.extend(id.to_le_bytes());
                    pipeline.extend([1, 0, 1, 0]);
                    pipeline.extend(setting.to_le_bytes());
                }
                messages.push(Message::new(0x0b, pipeline));
            }
        }
    }
    messages.push(Message::new(0x08, body));
    messages
}

/// The messages of a group's header: its members, by name and address.
pub(super) fn group<'a>(members: impl Iterator<Item = (&'a str, u64)>) -> Vec<Message> {
    let mut links = vec![0, 0];
    links.extend([0xff; 16]);
    let mut messages = vec![Message::new(0x02, links), Message::new(0x0a, vec![0, 0])];
    for (name, address) in members {
        let mut body = vec![1, 0x11, 1];
        body.extend((name.len() as u16).to_le_bytes());
        body.extend(name.bytes());
        body.extend(address.to_le_bytes());
        messages.push(Message::new(0x06, body));
    }
    messages
}

/// The header of an object.
pub(super) fn header(messages: &[Message]) -> Vec<u8> {
    let mut bytes = b"OHDR\x02\x02".to_vec();
    let len: usize = messages.iter().map(|message| 4 + message.body.len()).sum();
    bytes.extend((len as u32).to_le_bytes());
    for message in messages {
        bytes.push(message.kind);
        bytes.extend((message.body.len() as u16).to_le_bytes());
        bytes.push(message.flags);
        bytes.extend(&message.body);
    }
    let sum = checksum(&bytes);
    bytes.extend(sum.to_le_bytes());
    bytes
}

/// The beginning of the file.
pub(super) const SUPERBLOCK: u64 = 48;

pub(super) fn superblock(root: u64, end: u64) -> Vec<u8> {
    let mut bytes = b"\x89HDF\r\n\x1a\n\x02\x08\x08\0".to_vec();
    for address in [0, UNDEFINED, end, root] {
        bytes.extend(address.to_le_bytes());
    }
    let sum = checksum(&bytes);
    bytes.extend(sum.to_le_bytes());
    bytes
}

/// A chunk that was written.
pub(super) struct Written {
    pub(super) place: Vec<usize>,
    pub(super) address: u64,
    pub(super) len: u32,
}

/// The index of chunks, as nodes that lie one after another from `at` on, and the address of the first of all. The chunks
/// are in row-major order, and there is at least one.
pub(super) fn index(written: &[Written], chunks: &[usize], at: u64) -> (Vec<u8>, u64) {
    let offsets = |place: &[usize]| -> Vec<u8> {
        let offsets = place.iter().zip(chunks).map(|(at, len)| (at * len) as u64).chain([0]);
        offsets.flat_map(u64::to_le_bytes).collect()
    };
    let key = |chunk: &Written| -> Vec<u8> {
        let mut bytes = chunk.len.to_le_bytes().to_vec();
        bytes.extend([0; 4]);
        bytes.extend(offsets(&chunk.place));
        bytes
    };
    // A key that is after all chunks.
    let last = |chunk: &Written| {
        let place: Vec<usize> = chunk.place.iter().map(|at| at + 1).collect();
        let mut bytes = vec![0; 8];
        bytes.extend(offsets(&place));
        bytes
    };
    let key_len = 8 + 8 * (chunks.len() + 1);
    let node_len = 24 + (ENTRIES + 1) * key_len + ENTRIES * 8;
    let mut bytes = Vec::new();
    // What the nodes of a level point at: the address, and the first chunk.
    let mut below: Vec<(u64, usize)> =
        written.iter().enumerate().map(|(first, chunk)| (chunk.address, first)).collect();
    let mut level = 0;
    loop {
        let begin = at + bytes.len() as u64;
        let count = below.len().div_ceil(ENTRIES);
        let address = |node: usize| begin + (node * node_len) as u64;
        let mut nodes = Vec::with_capacity(count);
        for (node, entries) in below.chunks(ENTRIES).enumerate() {
            let start = bytes.len();
            bytes.extend(b"TREE\x01");
            bytes.push(level);
            bytes.extend((entries.len() as u16).to_le_bytes());
            bytes.extend(if node > 0 { address(node - 1) } else { UNDEFINED }.to_le_bytes());
            bytes.extend(if node + 1 < count { address(node + 1) } else { UNDEFINED }.to_le_bytes());
            for (child, first) in entries {
                bytes.extend(key(&written[*first]));
                bytes.extend(child.to_le_bytes());
            }
            let next = below.get((node + 1) * ENTRIES);
            bytes.extend(match next {
                Some((_, first)) => key(&written[*first]),
                None => last(&written[written.len() - 1]),
            });
            bytes.resize(start + node_len, 0);
            nodes.push((address(node), entries[0].1));
        }
        if nodes.len() == 1 {
            return (bytes, nodes[0].0);
        }
        below = nodes;
        level += 1;
    }
}

/// Bob Jenkins' `lookup3`, which HDF5 checks its metadata by.
fn checksum(bytes: &[u8]) -> u32 {
    let begin = 0xdead_beef_u32.wrapping_add(bytes.len() as u32);
    let (mut a, mut b, mut c) = (begin, begin, begin);
    let word = |part: &[u8], at: usize| {
        let byte = |at: usize| u32::from(part.get(at).copied().unwrap_or(0));
        byte(at) | byte(at + 1) << 8 | byte(at + 2) << 16 | byte(at + 3) << 24
    };
    let mut rest = bytes;
    while rest.len() > 12 {
        a = a.wrapping_add(word(rest, 0));
        b = b.wrapping_add(word(rest, 4));
        c = c.wrapping_add(word(rest, 8));
        for (shift, turn) in [(4, 0), (6, 1), (8, 2), (16, 0), (19, 1), (4, 2)] {
            let (x, y, z) = match turn {
                0 => (&mut a, &mut c, &mut b),
                1 => (&mut b, &mut a, &mut c),
                _ => (&mut c, &mut b, &mut a),
            };
            *x = x.wrapping_sub(*y) ^ y.rotate_left(shift);
            *y = y.wrapping_add(*z);
        }
        rest = &rest[12..];
    }
    if rest.is_empty() {
        return c;
    }
    a = a.wrapping_add(word(rest, 0));
    b = b.wrapping_add(word(rest, 4));
    c = c.wrapping_add(word(rest, 8));
    for (shift, turn) in [(14, 0), (11, 1), (25, 2), (16, 0), (4, 1), (14, 2), (24, 0)] {
        let (x, y) = match turn {
            0 => (&mut c, b),
            1 => (&mut a, c),
            _ => (&mut b, a),
        };
        *x = (*x ^ y).wrapping_sub(y.rotate_left(shift));
    }
    c
}
