//! The shapes of random graphs: as data, so that proptest can make a failing one smaller.

use std::collections::HashSet;

use proptest::prelude::*;
use taskloom::prelude::*;

use super::job::Inner;

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A value that is there from the start.
    Data,
    /// A task that mixes its inputs.
    Mixes,
    /// A task that computes a graph of its own, of so many levels of so many tasks, on a scheduler of this number.
    Computes { depth: usize, width: usize, on: usize },
    /// A task that waits, with `blocking`, until the task of this number has ended, if both can come to an end.
    Waits { until: u32 },
}

impl Kind {
    /// The graph within the task, if the outer one runs on `outer`.
    pub fn nested(self, outer: Scheduler) -> Option<Inner> {
        let Kind::Computes { depth, width, on } = self else { return None };
        let scheduler = [outer, outer, Scheduler::Default, Scheduler::Sync, Scheduler::Threads(2)][on % 5];
        // Default may be Sync, if the environment says so.
        let waits = on.is_multiple_of(2) && matches!(scheduler, Scheduler::Threads(_));
        Some(Inner { depth, width, scheduler, waits })
    }
}

/// One node of a random graph. Inputs pick one of the nodes before it; picks may agree.
#[derive(Debug, Clone)]
pub struct Node {
    pub kind: Kind,
    pub inputs: Vec<u32>,
}

/// A random graph. Numbers of nodes count modulo the number of nodes there are.
#[derive(Debug, Clone)]
pub struct Plan {
    pub nodes: Vec<Node>,
    pub outputs: Vec<u32>,
    /// Nodes that fail (false) or panic (true).
    pub broken: Vec<(u32, bool)>,
    /// The task that begins as this one, counted from 0, interrupts the process.
    pub interrupt_at: Option<u32>,
    /// Tasks take all arguments by reference, so that no result is ever cloned.
    pub only_references: bool,
}

/// How large and how difficult random graphs are.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub nodes: usize,
    pub broken: usize,
    /// Whether tasks compute and wait for each other.
    pub nests: bool,
    pub only_references: bool,
}

impl Plan {
    pub fn inputs(&self, id: usize) -> Vec<usize> {
        let node = &self.nodes[id];
        if node.kind == Kind::Data || id == 0 {
            return Vec::new();
        }
        node.inputs.iter().map(|&input| input as usize % id).collect()
    }

    /// Who waits for whom: as many pairs as can be without a circle.
    pub fn waits(&self, inputs: &[Vec<usize>], needed: &HashSet<usize>) -> Vec<(usize, usize)> {
        let mut before: Vec<Vec<usize>> = inputs.to_vec();
        let mut waits = Vec::new();
        for (waiter, node) in self.nodes.iter().enumerate() {
            let Kind::Waits { until } = node.kind else { continue };
            let sender = until as usize % self.nodes.len();
            let both_run = needed.contains(&waiter) && needed.contains(&sender);
            if both_run && self.nodes[sender].kind != Kind::Data && !comes_after(&before, sender, waiter) {
                before[waiter].push(sender);
                waits.push((waiter, sender));
            }
        }
        waits
    }
}

/// Whether `later` is `earlier`, or cannot end before it.
fn comes_after(before: &[Vec<usize>], later: usize, earlier: usize) -> bool {
    let mut seen = vec![false; before.len()];
    let mut open = vec![later];
    while let Some(id) = open.pop() {
        if id == earlier {
            return true;
        }
        if !std::mem::replace(&mut seen[id], true) {
            open.extend(&before[id]);
        }
    }
    false
}

/// Random graphs for proptest.
pub fn any_plan(limits: Limits) -> impl Strategy<Value = Plan> {
    let nests = u32::from(limits.nests);
    let kind = prop_oneof![
        3 => Just(Kind::Data),
        15 => Just(Kind::Mixes),
        2 * nests => (1..3_usize, 1..5_usize, 0..10_usize)
            .prop_map(|(depth, width, on)| Kind::Computes { depth, width, on }),
        3 * nests => any::<u32>().prop_map(|until| Kind::Waits { until }),
    ];
    let most_inputs = if limits.only_references { 4 } else { 5 };
    let node =
        (kind, prop::collection::vec(any::<u32>(), 0..=most_inputs)).prop_map(|(kind, inputs)| Node { kind, inputs });
    (
        prop::collection::vec(node, 1..=limits.nodes),
        prop::collection::vec(any::<u32>(), 1..6),
        prop::collection::vec((any::<u32>(), any::<bool>()), limits.broken.min(1)..=limits.broken),
    )
        .prop_map(move |(nodes, outputs, broken)| {
            let only_references = limits.only_references;
            Plan { nodes, outputs, broken, interrupt_at: None, only_references }
        })
}

/// Random numbers that are the same in every run (splitmix64, by Sebastiano Vigna), for the tests that make so many
/// graphs that proptest's own would take longer than the graphs.
#[derive(Debug, Clone)]
pub struct Numbers(pub u64);

impl Numbers {
    pub fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 32) as u32
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.next() as usize % end
    }

    /// A random graph of at least one node.
    pub fn plan(&mut self, limits: Limits) -> Plan {
        let nodes = (0..1 + self.below(limits.nodes))
            .map(|_| {
                let kind = match self.below(if limits.nests { 24 } else { 18 }) {
                    0..3 => Kind::Data,
                    3..18 => Kind::Mixes,
                    18..20 => Kind::Computes { depth: 1 + self.below(2), width: 1 + self.below(4), on: self.below(10) },
                    _ => Kind::Waits { until: self.next() },
                };
                Node { kind, inputs: (0..self.below(6)).map(|_| self.next()).collect() }
            })
            .collect();
        let outputs = (0..1 + self.below(5)).map(|_| self.next()).collect();
        let broken = if limits.broken == 0 { 0 } else { self.below(limits.broken) + 1 };
        let broken = (0..broken).map(|_| (self.next(), self.below(2) == 0)).collect();
        Plan { nodes, outputs, broken, interrupt_at: None, only_references: false }
    }
}
