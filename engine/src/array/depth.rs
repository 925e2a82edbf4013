//! Expressions of any length: neither building, viewing, lowering nor dropping one may overflow the stack.
//!
//! Views and programs walk elementwise operations and reductions by recursion, so every few hundred of them there is a
//! boundary, whose blocks are computed before they are read; lowering walks everything, and gets a larger stack where it
//! needs one; and nodes are dropped one after the other, never one inside another.

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::Arc;

use super::lower::Lowering;
use super::node::{Node, NodeRef, Op, Operation};
use crate::task::Step;

/// How much an expression is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Depth {
    /// Elementwise operations and reductions since blocks were last computed, those that are used twice counted twice.
    seen_through: u32,
    /// Nodes one behind the other.
    whole: u32,
}

/// So many operations that views go through may be in one expression. Each view makes them anew, so without a bound
/// `x = &x + x.t()` would double the expression each time; and a pass of as many kernels takes far longer than the
/// writing and reading of a block that a boundary costs.
const LARGEST: usize = 256;

impl Depth {
    pub(crate) fn of(op: &Op) -> Depth {
        let mut depth = Depth::default();
        let is_seen_through = is_seen_through(op);
        for input in op.inputs() {
            if is_seen_through {
                depth.seen_through = depth.seen_through.saturating_add(input.depth.seen_through);
            }
            depth.whole = depth.whole.max(input.depth.whole);
        }
        if is_seen_through {
            depth.seen_through = depth.seen_through.saturating_add(1);
        }
        Depth { whole: depth.whole.saturating_add(1), ..depth }
    }
}

fn is_seen_through(op: &Op) -> bool {
    matches!(op, Op::Elementwise { .. } | Op::Reduction(_))
}

/// The same array, behind a boundary where there are too many operations.
pub(crate) fn bounded(node: NodeRef) -> NodeRef {
    if node.depth.seen_through as usize <= LARGEST || has_few_operations(&node) {
        return node;
    }
    Node::blocks(node.name.clone(), node.dtype, node.grid.clone(), Boundary { input: node })
}

/// Whether it is not too many operations, when each counts once.
fn has_few_operations(node: &NodeRef) -> bool {
    let mut seen = HashSet::from([node.id]);
    let mut left = vec![node];
    while let Some(node) = left.pop() {
        for input in node.inputs() {
            if is_seen_through(&input.op) && seen.insert(input.id) {
                if seen.len() > LARGEST {
                    return false;
                }
                left.push(input);
            }
        }
    }
    true
}

/// Nothing but blocks that are there before they are read.
struct Boundary {
    input: NodeRef,
}

impl Operation for Boundary {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.input]
    }
    fn step(&self, place: &[usize], lowering: &mut Lowering) -> Arc<Step> {
        lowering.block(&self.input, place)
    }
}

/// Nodes one behind the other that the stack of any thread has room for.
const SHALLOW: u32 = 400;
/// Stack for one node: a few calls of small functions, in a build without optimisation.
const STACK_PER_NODE: usize = 16 << 10;

/// Runs work that goes as deep as the nodes do, on a stack that is large enough.
pub(crate) fn with_room<'n, R: Send>(
    nodes: impl IntoIterator<Item = &'n NodeRef>,
    work: impl FnOnce() -> R + Send,
) -> R {
    let depth = nodes.into_iter().map(|node| node.depth.whole).max().unwrap_or(0);
    if depth <= SHALLOW {
        return work();
    }
    // Memory that the system only gives where it is touched.
    let stack = (depth as usize).saturating_mul(STACK_PER_NODE).saturating_add(1 << 20);
    let work = std::sync::Mutex::new(Some(work));
    let take = || work.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
    let run = || take().map(|work| work());
    let result = std::thread::scope(|scope| {
        let thread =
            std::thread::Builder::new().name("taskloom-lower".into()).stack_size(stack).spawn_scoped(scope, run);
        match thread.map(|thread| thread.join()) {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            // No such stack is to be had: the one that is there may be large enough.
            Err(_) => None,
        }
    });
    match result.or_else(run) {
        Some(result) => result,
        None => unreachable!("the work is taken once"),
    }
}

thread_local! {
    /// What is still to be dropped, while something is.
    static DOOMED: RefCell<Option<Vec<Op>>> = const { RefCell::new(None) };
}

/// What a node is left with when its own operation has been taken out.
struct Nothing;

impl Operation for Nothing {
    fn inputs(&self) -> Vec<&NodeRef> {
        Vec::new()
    }
    fn step(&self, _place: &[usize], _lowering: &mut Lowering) -> Arc<Step> {
        unreachable!("a node that is dropped is not lowered")
    }
}

impl Drop for Node {
    /// Dropping the last handle of a long expression must not use a stack frame for each of its nodes.
    fn drop(&mut self) {
        let holds_nothing = matches!(&self.op, Op::Memory(_) | Op::Generated { .. });
        if holds_nothing {
            return;
        }
        // A box of nothing allocates nothing.
        let mut own = Some(std::mem::replace(&mut self.op, Op::Blocks(Box::new(Nothing))));
        let mut put = |doomed: &RefCell<Option<Vec<Op>>>| match &mut *doomed.borrow_mut() {
            Some(doomed) => {
                doomed.extend(own.take());
                false
            }
            none => {
                *none = Some(Vec::new());
                true
            }
        };
        // A thread that ends has no queue any more; what it drops then drops by itself.
        if !DOOMED.try_with(&mut put).unwrap_or(false) {
            return;
        }
        while let Some(op) = own.take() {
            drop(op);
            own = DOOMED.try_with(|doomed| doomed.borrow_mut().as_mut().and_then(Vec::pop)).unwrap_or(None);
        }
        let _ = DOOMED.try_with(|doomed| doomed.borrow_mut().take());
    }
}

#[cfg(test)]
mod tests {
    use crate::array::Array;
    use crate::scheduler::Scheduler;
    use ndarray::s;

    #[test]
    fn long_chains_are_built_viewed_run_and_dropped() {
        let mut x = Array::<f64>::zeros((50,), 25);
        for _ in 0..10_000 {
            x = x + 1.0;
        }
        let some = x.slice(s![..;-7]).rechunk(3);
        assert!(some.compute_with(Scheduler::Sync).unwrap().iter().all(|&value| value == 10_000.0));
        assert!(x.t().sum().item().unwrap() == 500_000.0);
        drop((x, some));
    }

    #[test]
    fn long_chains_of_blocks_are_lowered() {
        let mut x = Array::<i64>::zeros((4,), 2);
        for _ in 0..3_000 {
            x = x.map_blocks(|block| block.mapv(|value| value + 1)) - x.min();
        }
        assert_eq!(x.compute_with(Scheduler::Threads(2)).unwrap().sum(), 4);
    }

    #[test]
    fn what_depends_on_its_own_mean_again_and_again_ends() {
        let mut x = Array::<f64>::arange(8, 4);
        for _ in 0..1_000 {
            x = &x - x.mean();
        }
        let values = x.slice(s![1..3]).compute().unwrap();
        assert_eq!(values.as_slice(), Some(&[-2.5, -1.5][..]));
    }

    #[test]
    #[allow(clippy::reversed_empty_ranges)] // for a slice, -1 is the end less 1
    fn views_of_views_do_not_double() {
        let mut x = Array::<f64>::ones((6, 6), 4);
        for _ in 0..100 {
            x = (&x + x.t()) * 0.5;
        }
        assert_eq!(x.sum().item().unwrap(), 36.0);
        let mut line = Array::<f64>::ones((200,), 50);
        for _ in 0..20 {
            line = line.slice(s![2..]) + line.slice(s![1..-1]) - line.slice(s![..-2]);
        }
        assert_eq!(line.compute().unwrap().sum(), 160.0);
    }

    #[test]
    fn sharing_stays_linear() {
        let mut x = Array::<u64>::ones((6,), 4);
        for _ in 0..63 {
            x = &x + &x;
        }
        assert_eq!(x.slice(s![..;2]).rechunk(2).max().item().unwrap(), 1 << 63);
        assert_eq!(x.graph().len(), 2);
    }
}
