//! Which function has which colour.

use std::collections::HashMap;

use super::{Kind, Node};

/// Fill and outline of a function's boxes. The fills are the light qualitative scheme that Paul Tol made for labels in
/// dark text ("Colour Schemes", SRON/EPS/TN/09-002), told apart with every common form of colour blindness, without
/// its grey.
const PALETTE: [(&str, &str); 8] = [
    ("#77aadd", "#2f618f"),
    ("#ee8866", "#a1482a"),
    ("#44bb99", "#1a6e57"),
    ("#eedd88", "#8f7d1f"),
    ("#ffaabb", "#b04c62"),
    ("#99ddff", "#2e7fa3"),
    ("#bbcc33", "#68731a"),
    ("#aaaa00", "#5f5f0a"),
];
const DATA_COLOR: (&str, &str) = ("#ffffff", "#8a8f98");

/// Which function has which colour.
///
/// The colour follows from the name, so a function keeps it from picture to picture. Where two functions of a picture
/// would share one while another is free, the later function moves on to the next free colour.
pub(super) struct Colors<'a> {
    of: HashMap<&'a str, usize>,
}

impl<'a> Colors<'a> {
    pub(super) fn new(nodes: impl Iterator<Item = &'a Node>) -> Self {
        let tasks = nodes.filter(|node| node.kind == Kind::Task && node.color.is_none());
        Colors::of_labels(tasks.map(|node| node.label.as_str()))
    }

    fn of_labels(labels: impl Iterator<Item = &'a str>) -> Self {
        let mut of = HashMap::new();
        let mut taken = [false; PALETTE.len()];
        for label in labels {
            if of.contains_key(label) {
                continue;
            }
            let own = (fnv(label) % PALETTE.len() as u64) as usize;
            let place = (0..PALETTE.len()).map(|step| (own + step) % PALETTE.len()).find(|&place| !taken[place]);
            let place = place.unwrap_or(own);
            taken[place] = true;
            of.insert(label, place);
        }
        Colors { of }
    }

    pub(super) fn of(&self, node: &Node) -> (String, String) {
        let (fill, stroke) = match (node.kind, self.of.get(node.label.as_str())) {
            (Kind::Task, Some(&place)) => PALETTE[place],
            _ => DATA_COLOR,
        };
        match &node.color {
            Some(color) => (color.clone(), "#555555".to_owned()),
            None => (fill.to_owned(), stroke.to_owned()),
        }
    }
}

/// The FNV-1a hash: the same on every machine and in every version, unlike the standard library's.
fn fnv(text: &str) -> u64 {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    // The low bits of FNV alone say little about short names.
    hash ^ (hash >> 32) ^ (hash >> 17)
}

/// Fill and outline for each label, as the drawing of a graph with tasks of these names in this order has them.
pub(crate) fn colors_of<'a>(labels: impl Iterator<Item = &'a str>) -> Vec<(&'static str, &'static str)> {
    let labels: Vec<&str> = labels.collect();
    let colors = Colors::of_labels(labels.iter().copied());
    labels.iter().map(|label| colors.of.get(*label).map_or(DATA_COLOR, |&place| PALETTE[place])).collect()
}
