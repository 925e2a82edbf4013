//! Blocks of files that are read again, where they would all wait for a reduction of the same file.
//!
//! `x - x.mean_axis(0)` needs every block of `x` twice: for the mean, and when the mean is there. As long as what is read
//! between the two fits into memory a block is read once and kept, which costs nothing. Where it does not fit, keeping ends
//! the process, or has the system move to disk what was on disk before; so the blocks are let go, and read again when their
//! time has come.
//!
//! How much waits is known before anything runs: to make one block of the mean, all blocks in a column of `x` are read. Is
//! that more than a part of the memory that there is ([`room`]), then the mean ends a **pass** over `x`, and what is made with
//! it belongs to the next. Within a pass each block is read once, however many need it (a mean and a standard deviation);
//! in the next it is read anew. So a mean over rows of a file that is cut into rows ends no pass, nor does anything of a file
//! that is small beside the memory.
//!
//! What moves elements of files and does nothing else (parts, joined files, other chunks) counts as read. What a function
//! makes of them is kept as before: it may have taken long.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::node::{Node, NodeRef, Op};
use super::room;

/// One of so many parts of the memory that is left may be waiting blocks of one file: other threads have begun elsewhere, and
/// results need room too.
const PART_OF_MEMORY: u64 = 4;

/// What is read again, and when.
#[derive(Default)]
pub(crate) struct Rereads {
    /// The arrays that are made by reading alone.
    stored: HashSet<u64>,
    /// For an array that is read and the one whose task reads it, which pass over it that is; where it is not the first.
    passes: HashMap<(u64, u64), u32>,
}

/// An array whose task is being made, and in which pass, if that reads for another.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reader {
    pub(crate) id: Option<u64>,
    pub(crate) pass: u32,
}

/// How an array depends on one that is read.
#[derive(Debug, Clone, Copy)]
struct Dependence {
    /// The pass in which it can be made.
    pass: u32,
    /// The bytes that are read in this pass for one of its blocks.
    waiting: u64,
}

impl Rereads {
    /// Looks at all arrays that outputs are made of.
    pub(crate) fn of(nodes: &[&NodeRef], outputs: &[u64]) -> Rereads {
        Rereads::within(nodes, outputs, || room::left().map_or(u64::MAX, |left| left / PART_OF_MEMORY))
    }

    /// As [`of`](Rereads::of), where so many bytes of one array may wait.
    pub(crate) fn within(nodes: &[&NodeRef], outputs: &[u64], room: impl FnOnce() -> u64) -> Rereads {
        let is_read = |node: &&NodeRef| matches!(&node.op, Op::Blocks(operation) if operation.reads().is_some());
        if !nodes.iter().any(is_read) {
            return Rereads::default();
        }
        // An array is made after those it is made of, and numbers are given in this order.
        let nodes: BTreeMap<u64, &Node> = nodes.iter().map(|node| (node.id, &***node)).collect();
        let mut stored = HashSet::new();
        let mut readers: HashMap<u64, usize> = HashMap::new();
        for (&id, node) in &nodes {
            let inputs = node.inputs();
            if let Op::Blocks(operation) = &node.op {
                let moves = || operation.only_moves() && inputs.iter().all(|input| stored.contains(&input.id));
                if operation.reads().is_some() || moves() {
                    stored.insert(id);
                }
            }
            for input in inputs.iter().filter(|input| stored.contains(&input.id)) {
                *readers.entry(input.id).or_default() += 1;
            }
        }
        // Blocks that are results stay in any case.
        let is_shared = |id: &&u64| readers.get(*id).is_some_and(|&readers| readers > 1) && !outputs.contains(*id);
        let shared: Vec<&Node> = stored.iter().filter(is_shared).map(|id| nodes[id]).collect();
        let mut rereads = Rereads { stored, passes: HashMap::new() };
        if !shared.is_empty() {
            let room = room();
            shared
                .into_iter()
                .filter(|array| bytes(array) > room)
                .for_each(|array| rereads.follow(array, &nodes, room));
        }
        if rereads.passes.is_empty() { Rereads::default() } else { rereads }
    }

    /// Finds in which passes over one array it is read, and what moves its elements.
    fn follow(&mut self, array: &Node, nodes: &BTreeMap<u64, &Node>, room: u64) {
        let whole = bytes(array);
        let block = array.grid.largest().into_iter().fold(array.dtype.size(), usize::saturating_mul) as u64;
        let mut known = HashMap::from([(array.id, Dependence { pass: 0, waiting: block })]);
        let mut same = vec![array.id];
        for (&id, node) in nodes.range(array.id + 1..) {
            let inputs = node.inputs();
            let needs: Vec<(u64, Dependence)> =
                inputs.iter().filter_map(|input| Some((input.grid.blocks() as u64, *known.get(&input.id)?))).collect();
            let Some(pass) = needs.iter().map(|(_, needs)| needs.pass).max() else { continue };
            if self.stored.contains(&id) {
                same.push(id);
            } else if pass > 0 {
                self.passes.extend(same.iter().map(|&stored| ((stored, id), pass)));
            }
            let blocks = node.grid.blocks().max(1) as u64;
            let each = needs.iter().map(|(all, needs)| needs.waiting.saturating_mul(all.div_ceil(blocks).max(1)));
            let waiting = each.max().unwrap_or(0).min(whole);
            // What comes after waits for this one, whose blocks are small beside what they are made from.
            let ends_pass = waiting > room && !self.stored.contains(&id);
            let after = if ends_pass { (pass + 1, 0) } else { (pass, waiting) };
            known.insert(id, Dependence { pass: after.0, waiting: after.1 });
        }
    }

    /// The pass over an array in which a block of it is read.
    pub(crate) fn pass(&self, id: u64, reader: Reader) -> u32 {
        let Some(by) = reader.id.filter(|_| !self.passes.is_empty() && self.stored.contains(&id)) else { return 0 };
        let inherited = || if self.stored.contains(&by) { reader.pass } else { 0 };
        self.passes.get(&(id, by)).copied().unwrap_or_else(inherited)
    }
}

fn bytes(node: &Node) -> u64 {
    node.grid.shape().iter().fold(node.dtype.size() as u64, |bytes, &len| bytes.saturating_mul(len as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::lower::Lowering;
    use crate::array::{Array, Axes};
    use crate::graph::Graph;
    use crate::scheduler::{Scheduler, run};

    /// Days of a map, a block each; four blocks a day.
    const DAYS: usize = 128;
    /// The bytes of a block, and of all.
    const BLOCK: u64 = 4 * 4 * 8;
    const ALL: u64 = BLOCK * 4 * DAYS as u64;

    fn days(folder: &tempfile::TempDir) -> Array<f64> {
        let path = folder.path().join("days.npy");
        if !path.exists() {
            let made = Array::<f64>::random((DAYS, 8, 8), 8).seed(3).uniform(0.0, 1.0);
            made.to_npy(path.to_str().expect("a name in ASCII")).expect("there is room");
        }
        Array::open_npy(path.to_str().expect("a name in ASCII"), (1, 4, 4)).expect("it was written above")
    }

    /// The graph where so many bytes may wait.
    fn graph(outputs: &[&Array<f64>], room: u64) -> Graph {
        let nodes: Vec<&NodeRef> = outputs.iter().map(|output| output.node()).collect();
        let mut lowering =
            Lowering::with(nodes.iter().copied(), |nodes, outputs| Rereads::within(nodes, outputs, || room));
        let steps: Vec<_> = nodes.iter().flat_map(|node| lowering.all(node)).collect();
        Graph::lower(&steps)
    }

    fn reads(graph: &Graph) -> usize {
        graph.ids().filter(|&id| graph.name(id) == "read_npy").count()
    }

    /// How often each block is read, with room for all and with room for a few; and the most results at once.
    fn compared(output: &Array<f64>) -> [(usize, usize); 2] {
        [u64::MAX, 5 * BLOCK].map(|room| {
            let graph = graph(&[output], room);
            (reads(&graph) / (DAYS * 4), graph.most_alive())
        })
    }

    #[test]
    fn what_waits_for_its_own_mean_is_read_again_where_there_is_no_room() {
        let folder = tempfile::tempdir().expect("there is room");
        let x = days(&folder);
        let [(once, kept), (twice, few)] = compared(&(&x - x.mean_axis(0)).abs().max());
        assert_eq!((once, twice), (1, 2));
        assert!(kept > DAYS && few < DAYS / 2, "{kept} results at once, and {few}");
    }

    #[test]
    fn each_reduction_of_what_waits_is_a_pass_more() {
        let folder = tempfile::tempdir().expect("there is room");
        let x = days(&folder);
        let away = &x - x.mean_axis(0);
        let [(once, _), (thrice, few)] = compared(&(&away / away.std_axis(0)).max());
        assert_eq!((once, thrice), (1, 3));
        assert!(few < DAYS / 2, "{few} results at once");
    }

    #[test]
    fn reductions_side_by_side_share_what_is_read() {
        let folder = tempfile::tempdir().expect("there is room");
        let x = days(&folder);
        let [_, (reads, _)] = compared(&((&x - x.mean_axis(0)) / x.std_axis(0)).max());
        assert_eq!(reads, 2);
        // Nothing waits here.
        let two = [&x.mean_axis(0), &x.square().max_axis(0)];
        assert_eq!(self::reads(&graph(&two, 5 * BLOCK)), DAYS * 4);
    }

    #[test]
    fn what_waits_for_little_is_kept() {
        let folder = tempfile::tempdir().expect("there is room");
        let x = days(&folder);
        // A day's mean needs the day.
        let [_, (reads, _)] = compared(&(&x - x.mean_axis(Axes::from([1, 2]).keepdims())).abs().max());
        assert_eq!(reads, 1);
        // All days of a place fit.
        assert_eq!(self::reads(&graph(&[&(&x - x.mean_axis(0)).max()], ALL / 4)), DAYS * 4);
        // Another file's mean is waited for by this one's blocks, which nothing else needs.
        let y = days(&folder);
        assert_eq!(self::reads(&graph(&[&(&x - y.mean_axis(0)).max()], 5 * BLOCK)), 2 * DAYS * 4);
        // What is a result is there in any case.
        assert_eq!(self::reads(&graph(&[&x, &(&x - x.mean_axis(0))], 5 * BLOCK)), DAYS * 4);
    }

    #[test]
    fn what_only_moves_elements_is_read_through() {
        let folder = tempfile::tempdir().expect("there is room");
        let (x, y) = (days(&folder), days(&folder));
        let both = Array::concatenate(&[x.clone(), y], 0).roll(3, 0);
        let [(once, _), (again, _)] = compared(&(&both - both.mean_axis(0)).max());
        assert_eq!((once, again), (2, 4));
        // A file and the same file moved.
        let [(once, _), (again, _)] = compared(&(&x.roll(1, 0) - x.mean_axis(0)).max());
        assert_eq!((once, again), (1, 2));
    }

    #[test]
    fn it_is_the_same_however_often_it_is_read() {
        let folder = tempfile::tempdir().expect("there is room");
        let x = days(&folder);
        let away = &x - x.mean_axis(0);
        let scaled = &away / away.std_axis(0);
        let wanted = scaled.compute().expect("it is there");
        let values = run(graph(&[&scaled], BLOCK), Scheduler::Threads(2)).expect("it is there");
        let block = crate::array::work::as_block::<f64>(std::sync::Arc::clone(&values[5]));
        let (start, lengths) = scaled.node().grid.region(&scaled.node().grid.place(5));
        let part = wanted.slice_each_axis(|axis| {
            let axis = axis.axis.index();
            ndarray::Slice::from(start[axis]..start[axis] + lengths[axis])
        });
        assert_eq!(block.view(), part);
    }
}
