//! From handles to the arena.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use super::{Graph, NodeId};
use crate::task::Step;

/// The ids that one lowering has given.
///
/// A step has room for a mark: the number of a lowering and the id it gave. That is an array lookup where a hash map
/// would be a cache miss or two for each edge, but two lowerings at once would overwrite each other's marks. So one
/// lowering of the process uses the marks, and any that comes meanwhile uses a map.
enum Ids<'a> {
    Marks { lowering: u64, _turn: MutexGuard<'a, ()> },
    Map(HashMap<*const Step, NodeId>),
}

/// Held by the lowering that uses the marks.
static TURN: Mutex<()> = Mutex::new(());

impl Ids<'_> {
    fn new() -> Self {
        static LOWERINGS: AtomicU32 = AtomicU32::new(1);
        let turn = match TURN.try_lock() {
            Ok(turn) => turn,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Ids::Map(HashMap::new()),
        };
        // Under the lock, so nobody else counts. After 2^32 lowerings an old mark could look like a new one.
        match LOWERINGS.load(Ordering::Relaxed) {
            u32::MAX => Ids::Map(HashMap::new()),
            lowering => {
                LOWERINGS.store(lowering + 1, Ordering::Relaxed);
                Ids::Marks { lowering: u64::from(lowering), _turn: turn }
            }
        }
    }

    fn get(&self, step: &Arc<Step>) -> Option<NodeId> {
        match self {
            Ids::Marks { lowering, .. } => {
                let mark = step.mark.load(Ordering::Relaxed);
                (mark >> 32 == *lowering).then_some(mark as NodeId)
            }
            Ids::Map(map) => map.get(&Arc::as_ptr(step)).copied(),
        }
    }

    fn set(&mut self, step: &Arc<Step>, id: NodeId) {
        match self {
            Ids::Marks { lowering, .. } => step.mark.store(*lowering << 32 | u64::from(id), Ordering::Relaxed),
            Ids::Map(map) => {
                map.insert(Arc::as_ptr(step), id);
            }
        }
    }
}

/// A step whose inputs are being numbered: they are `pending[next..end]`.
struct Frame<'a> {
    step: &'a Arc<Step>,
    start: usize,
    next: usize,
}

impl Graph {
    /// Flattens all that `outputs` need, in depth-first post-order: every node after its inputs, and a branch finished
    /// before the next is begun. Pure steps with equal tokens become one node.
    pub(crate) fn lower(outputs: &[Arc<Step>]) -> Graph {
        let mut graph = Graph { steps: Vec::new(), starts: vec![0], inputs: Vec::new(), outputs: Vec::new() };
        let mut ids = Ids::new();
        let mut tokens: HashMap<u128, NodeId> = HashMap::new();
        // Explicit stacks, since chains may be millions long: the steps on the way down, and the inputs of each.
        let mut stack: Vec<Frame<'_>> = Vec::new();
        let mut pending: Vec<&Arc<Step>> = Vec::new();
        for output in outputs {
            if ids.get(output).is_none() && !graph.recall(output, &mut ids, &mut tokens) {
                stack.push(Frame { step: output, start: 0, next: 0 });
                output.body().inputs(&mut |input| pending.push(input));
            }
            while let Some(frame) = stack.last_mut() {
                if let Some(&input) = pending.get(frame.next) {
                    frame.next += 1;
                    if ids.get(input).is_none() && !graph.recall(input, &mut ids, &mut tokens) {
                        let start = pending.len();
                        input.body().inputs(&mut |input| pending.push(input));
                        // A leaf needs no visit of its own.
                        if pending.len() == start {
                            graph.add(input, &[], &mut ids, &mut tokens);
                        } else {
                            stack.push(Frame { step: input, start, next: start });
                        }
                    }
                } else if let Some(Frame { step, start, .. }) = stack.pop() {
                    graph.add(step, &pending[start..], &mut ids, &mut tokens);
                    pending.truncate(start);
                }
            }
            graph.outputs.push(ids.get(output).expect("an output has just been numbered"));
        }
        graph
    }

    /// Puts the kept result of a pure step in its place, if there is one.
    fn recall(&mut self, step: &Arc<Step>, ids: &mut Ids<'_>, tokens: &mut HashMap<u128, NodeId>) -> bool {
        let Some(token) = step.body().token() else { return false };
        if let Some(&id) = tokens.get(&token) {
            ids.set(step, id);
            return true;
        }
        let Some(data) = super::keys::recall(token) else { return false };
        let id = self.next_id();
        self.starts.push(self.inputs.len() as u32);
        self.steps.push(data);
        tokens.insert(token, id);
        ids.set(step, id);
        true
    }

    fn next_id(&self) -> NodeId {
        NodeId::try_from(self.steps.len()).expect("a graph has fewer than 2^32 nodes")
    }

    fn add(&mut self, step: &Arc<Step>, inputs: &[&Arc<Step>], ids: &mut Ids<'_>, tokens: &mut HashMap<u128, NodeId>) {
        let id = self.next_id();
        if let Some(token) = step.body().token() {
            tokens.insert(token, id);
        }
        ids.set(step, id);
        self.inputs.extend(inputs.iter().map(|input| ids.get(input).expect("inputs are numbered first")));
        self.starts.push(u32::try_from(self.inputs.len()).expect("a graph has fewer than 2^32 edges"));
        self.steps.push(Arc::clone(step));
    }
}
