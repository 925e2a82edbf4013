//! What schedulers do with result cells, in small: each model is one graph, run by two to four threads.
//!
//! Compiled twice by `tests/loom.rs`, with loom's types and with the standard library's.

use std::sync::atomic::{AtomicU32 as Counter, Ordering::SeqCst};

use super::result_cell::ResultCell;
use super::sync::{AtomicU32, Ordering, UnsafeCell};
use super::{Arc, explore, thread};

/// A task's result. Its number is not atomic, so that loom and Miri notice whoever reads it without having been told
/// that it is there.
struct Payload {
    number: UnsafeCell<u32>,
    drops: std::sync::Arc<Counter>,
}

// SAFETY: the number is written once, before the payload is shared.
unsafe impl Sync for Payload {}
// SAFETY: nothing in it belongs to a thread.
unsafe impl Send for Payload {}

impl Drop for Payload {
    fn drop(&mut self) {
        self.drops.fetch_add(1, SeqCst);
    }
}

type Shared = Arc<Payload>;

fn number(value: &Shared) -> u32 {
    // SAFETY: nobody writes it any more, if the cell keeps its promise.
    value.number.with(|number| unsafe { *number })
}

/// A graph of numbered nodes that are run by hand; in each model a thread runs what it has made ready.
struct Graph<const N: usize> {
    cells: [ResultCell<Shared>; N],
    /// For each node, the nodes it reads.
    inputs: [&'static [usize]; N],
    outputs: &'static [usize],
    ran: [Counter; N],
    drops: [std::sync::Arc<Counter>; N],
    /// Nodes that have not been counted as done, as a run counts them.
    left: AtomicU32,
}

impl<const N: usize> Graph<N> {
    fn new(inputs: [&'static [usize]; N], outputs: &'static [usize]) -> Self {
        let readers = |node| inputs.iter().flat_map(|of| of.iter()).filter(|&&input| input == node).count() as u32;
        let mut cells = std::array::from_fn(|node| ResultCell::new(inputs[node].len() as u32, readers(node)));
        outputs.iter().for_each(|&output| cells[output].add_reader());
        for (cell, inputs) in cells.iter().zip(inputs) {
            assert_eq!(cell.is_ready(), inputs.is_empty());
        }
        Graph {
            cells,
            inputs,
            outputs,
            ran: std::array::from_fn(|_| Counter::new(0)),
            drops: std::array::from_fn(|_| std::sync::Arc::default()),
            left: AtomicU32::new(N as u32),
        }
    }

    /// Runs a ready node, and all that thereby becomes ready, as a member of a crew does. `look` sees each node's
    /// arguments before they are dropped.
    fn run(&self, node: usize, look: &dyn Fn(usize, &mut [Shared])) {
        assert_eq!(self.ran[node].fetch_add(1, SeqCst), 0, "node {node} runs once");
        let inputs = self.inputs[node];
        for &input in inputs {
            // Where they lie, and what they are, for the prefetches.
            assert!(!self.cells[input].hint().is_null());
            // SAFETY: the inputs have been put, and this node's own reads are still to come.
            unsafe { self.cells[input].peek(|value| assert_eq!(number(value), input as u32)) };
        }
        // SAFETY: as above, once for each edge.
        let mut arguments: Vec<Shared> = inputs.iter().map(|&input| unsafe { self.cells[input].read() }).collect();
        for (argument, &input) in arguments.iter().zip(inputs) {
            assert_eq!(number(argument), input as u32, "node {node} reads its inputs, in order");
        }
        look(node, &mut arguments);
        drop(arguments);

        self.put(node);
        let edges = self.inputs.iter().enumerate().flat_map(|(to, inputs)| inputs.iter().map(move |&from| (from, to)));
        let dependents: Vec<usize> = edges.filter(|&(from, _)| from == node).map(|(_, to)| to).collect();
        dependents.iter().for_each(|&dependent| assert!(!self.cells[dependent].hint().is_null()));
        for dependent in dependents {
            if self.cells[dependent].input_finished() {
                self.run(dependent, look);
            }
        }
    }

    fn put(&self, node: usize) {
        let payload = Payload { number: UnsafeCell::new(0), drops: std::sync::Arc::clone(&self.drops[node]) };
        // SAFETY: nobody else knows the payload yet.
        payload.number.with_mut(|number| unsafe { *number = node as u32 });
        // SAFETY: once, by the thread that ran the node.
        unsafe { self.cells[node].put(Arc::new(payload)) };
    }

    /// Reads the outputs, as whoever knows that all nodes are done.
    fn read_outputs(&self) {
        for &output in self.outputs {
            // SAFETY: the output has been put, and was announced as one more reader.
            assert_eq!(number(&unsafe { self.cells[output].read() }), output as u32);
        }
    }

    /// Counts nodes as done, as a run does; true for whoever counts the last.
    fn count(&self, done: u32) -> bool {
        self.left.fetch_sub(done, Ordering::AcqRel) == done
    }

    /// Each node has run once, and its result is gone.
    fn assert_over(&self) {
        for node in 0..N {
            assert_eq!(self.ran[node].load(SeqCst), 1, "runs of node {node}");
            assert_eq!(self.drops[node].load(SeqCst), 1, "drops of the result of node {node}");
        }
    }
}

fn nothing(_: usize, _: &mut [Shared]) {}

/// Runs the nodes that are ready from the start, each on a thread of its own, the first on this one. `look` sees what
/// each node reads.
fn run_all<const N: usize>(
    inputs: [&'static [usize]; N],
    outputs: &'static [usize],
    look: impl Fn(usize, &mut [Shared]) + Copy + Send + 'static,
) {
    let graph = Arc::new(Graph::new(inputs, outputs));
    let mut roots = (0..N).filter(|&node| inputs[node].is_empty());
    let first = roots.next().expect("a graph has a first node");
    let start = |root: usize| {
        let graph = Arc::clone(&graph);
        thread::spawn(move || graph.run(root, &look))
    };
    let threads: Vec<_> = roots.map(start).collect();
    graph.run(first, &look);
    threads.into_iter().for_each(|thread| thread.join().expect("no node panics"));
    graph.read_outputs();
    graph.assert_over();
}

#[test]
fn two_readers_on_two_threads() {
    // Nodes 2 and 3 both read 0. Node 3 needs another thread's node as well, so either thread may run it.
    explore(|| run_all([&[], &[], &[0], &[0, 1]], &[2, 3], nothing));
}

#[test]
fn two_readers_on_three_threads() {
    explore(|| run_all([&[], &[], &[], &[0, 1], &[0, 2]], &[3, 4], nothing));
}

#[test]
fn three_readers_at_once() {
    explore(|| {
        let graph = Arc::new(Graph::new([&[], &[0], &[0], &[0]], &[1, 2, 3]));
        // The producer has put; whoever steals a node from its stack learns of the value by that.
        graph.ran[0].store(1, SeqCst);
        graph.put(0);
        let read = |graph: &Graph<4>, node: usize| {
            assert!(graph.cells[node].input_finished());
            graph.run(node, &nothing);
        };
        let start = |node: usize| {
            let graph = Arc::clone(&graph);
            thread::spawn(move || read(&graph, node))
        };
        let threads = [2, 3].map(start);
        read(&graph, 1);
        threads.into_iter().for_each(|thread| thread.join().expect("no node panics"));
        assert_eq!(graph.drops[0].load(SeqCst), 1, "the last of the three took it out");
        graph.read_outputs();
        graph.assert_over();
    });
}

#[test]
fn the_last_of_two_producers_releases_a_consumer_of_both() {
    explore(|| run_all([&[], &[], &[1, 0]], &[2], nothing));
}

#[test]
fn the_last_of_three_producers_releases_a_consumer_of_all() {
    explore(|| run_all([&[], &[], &[], &[2, 0, 1]], &[3], nothing));
}

#[test]
fn a_consumer_may_take_one_result_twice() {
    explore(|| run_all([&[], &[], &[0, 0, 1], &[1, 2]], &[3], nothing));
}

#[test]
fn a_reader_that_comes_after_all_others_gets_the_only_reference() {
    // Node 3 reads 0 after node 2 has, since it reads 2 as well; it runs on whichever thread is later.
    explore(|| {
        run_all([&[], &[], &[0], &[0, 1, 2]], &[3], |node, arguments| {
            if node == 3 {
                arguments.iter_mut().for_each(|value| assert!(Arc::get_mut(value).is_some(), "nobody else holds it"));
            }
        });
    });
}

#[test]
fn whoever_counts_the_last_node_reads_the_outputs() {
    explore(|| {
        // Node 0 is an output although 2 reads it too.
        let graph = Arc::new(Graph::new([&[], &[], &[0, 1]], &[0, 2]));
        let work = |graph: &Graph<3>, root: usize| {
            let done = std::cell::Cell::new(0);
            graph.run(root, &|_, _| done.set(done.get() + 1));
            let last = graph.count(done.get());
            if last {
                graph.read_outputs();
            }
            last
        };
        let other = {
            let graph = Arc::clone(&graph);
            thread::spawn(move || work(&graph, 1))
        };
        let here = work(&graph, 0);
        assert_ne!(here, other.join().expect("no node panics"), "one thread counts the last node");
        graph.assert_over();
    });
}

#[test]
fn what_is_never_read_goes_with_the_graph() {
    // As when a run fails: node 2 does not run although its inputs are there.
    explore(|| {
        let graph = Arc::new(Graph::new([&[], &[], &[0, 1]], &[]));
        let finish = |graph: &Graph<3>, node: usize| {
            graph.put(node);
            graph.cells[2].input_finished()
        };
        let other = {
            let graph = Arc::clone(&graph);
            thread::spawn(move || finish(&graph, 1))
        };
        let here = finish(&graph, 0);
        assert_ne!(here, other.join().expect("nothing panics"), "one of the two is told that node 2 is ready");
        let drops = graph.drops.clone();
        assert!(drops.iter().all(|drops| drops.load(SeqCst) == 0));
        drop(graph);
        assert_eq!(drops.each_ref().map(|drops| drops.load(SeqCst)), [1, 1, 0]);
    });
}
