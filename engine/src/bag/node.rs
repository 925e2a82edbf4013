//! What a bag is made of: a root where items come from, and steps after it.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use super::pass::{Pass, picked};
use super::stream::{Ends, Forks, Leads, Over, Reducer, Source, Tail, Then};
use crate::delayed::Lowered;
use crate::task::{Made, Step};

/// What an item of a bag has to be.
pub(crate) trait Datum: Clone + Send + Sync + 'static {}
impl<T: Clone + Send + Sync + 'static> Datum for T {}

/// A source, and the steps whose results it reads.
pub(crate) type Sourced<T> = (Made<dyn Source<T>>, Vec<Arc<Step>>);

/// What a bag is.
pub(crate) trait Node<T>: Send + Sync {
    fn npartitions(&self) -> usize;
    /// The names of the steps, first to last.
    fn names(&self, into: &mut Vec<&'static str>);
    /// Where a pass over it begins.
    fn root(&self) -> usize;
    /// One more wants its items.
    fn count(&self, lowering: &mut Lowering);
    /// What one of those does with them, who were counted.
    fn attach(self: Arc<Self>, tail: Tailed<T>, lowering: &mut Lowering);
    /// A partition's items, to be read inside another pass.
    fn source(&self, partition: usize, lowering: &mut Lowering) -> Sourced<T>;
    /// What has to be computed before that.
    fn needs(&self) -> Vec<Arc<Want>>;
}

/// A tail, and what a task that ends with it is called.
pub(crate) struct Tailed<T: 'static> {
    tail: Made<dyn Tail<T>>,
    name: String,
}

fn called(name: &str, rest: &str) -> String {
    if rest.is_empty() || name.is_empty() { format!("{name}{rest}") } else { format!("{name}-{rest}") }
}

fn address<T: ?Sized>(object: &T) -> usize {
    std::ptr::from_ref(object).cast::<()>() as usize
}

/// Items that go through a step.
pub(crate) struct Stepped<S: 'static, R: 'static> {
    pub(crate) name: &'static str,
    pub(crate) input: Arc<dyn Node<S>>,
    pub(crate) over: Made<dyn Over<S, R>>,
}

impl<S: Datum, R: Datum> Node<R> for Stepped<S, R> {
    fn npartitions(&self) -> usize {
        self.input.npartitions()
    }
    fn names(&self, into: &mut Vec<&'static str>) {
        self.input.names(into);
        into.push(self.name);
    }
    fn root(&self) -> usize {
        self.input.root()
    }
    fn count(&self, lowering: &mut Lowering) {
        if lowering.is_first(address(self)) {
            self.input.count(lowering);
        }
    }
    fn attach(self: Arc<Self>, tail: Tailed<R>, lowering: &mut Lowering) {
        let Some(tail) = lowering.all_attached(address(&*self), tail) else { return };
        let name = called(self.name, &tail.name);
        let leads = Made::<dyn Tail<S>>::by((self.over.clone(), tail.tail), |(over, tail)| {
            Arc::new(Leads { over: over.clone(), tail: tail.clone() })
        });
        Arc::clone(&self.input).attach(Tailed { tail: leads, name }, lowering);
    }
    fn source(&self, partition: usize, lowering: &mut Lowering) -> Sourced<R> {
        let (source, inputs) = self.input.source(partition, lowering);
        let then = Made::<dyn Source<R>>::by((source, self.over.clone()), |(source, over)| {
            Arc::new(Then { source: source.clone(), over: over.clone() })
        });
        (then, inputs)
    }
    fn needs(&self) -> Vec<Arc<Want>> {
        self.input.needs()
    }
}

/// Where items come from.
pub(crate) trait Roots<T>: Send + Sync {
    /// What is computed before, and counted with it.
    fn wants(&self) -> Vec<Arc<Want>> {
        Vec::new()
    }
    /// The items of a partition.
    fn source(&self, partition: usize, lowering: &mut Lowering) -> Sourced<T>;
}

/// The first node of a bag.
pub(crate) struct Root<T> {
    pub(crate) name: &'static str,
    pub(crate) npartitions: usize,
    pub(crate) roots: Box<dyn Roots<T>>,
}

impl<T: Datum> Node<T> for Root<T> {
    fn npartitions(&self) -> usize {
        self.npartitions
    }
    fn names(&self, into: &mut Vec<&'static str>) {
        into.push(self.name);
    }
    fn root(&self) -> usize {
        address(self)
    }
    fn count(&self, lowering: &mut Lowering) {
        if lowering.is_first(address(self)) {
            self.roots.wants().iter().for_each(|want| lowering.count(want));
        }
    }
    fn attach(self: Arc<Self>, tail: Tailed<T>, lowering: &mut Lowering) {
        let Some(tail) = lowering.all_attached(address(&*self), tail) else { return };
        let name = called(self.name, &tail.name);
        let (steps, root) = (vec![None; self.npartitions], address(&*self));
        let build = move |partition: usize, lowering: &mut Lowering| {
            let (source, inputs) = self.roots.source(partition, lowering);
            let (name, inputs) = (name.clone().into(), inputs.into());
            Step::new(Pass { name, inputs, partition, source, tail: tail.tail.clone() })
        };
        lowering.passes.insert(root, Passes { build: Arc::new(build), steps });
    }
    fn source(&self, partition: usize, lowering: &mut Lowering) -> Sourced<T> {
        self.roots.source(partition, lowering)
    }
    fn needs(&self) -> Vec<Arc<Want>> {
        self.roots.wants()
    }
}

/// What becomes of each partition of a bag.
trait AnyEnd: Send + Sync {
    fn count(&self, lowering: &mut Lowering);
    fn attach(&self, slot: usize, lowering: &mut Lowering);
    fn root(&self) -> usize;
    fn npartitions(&self) -> usize;
    fn picked(&self, pass: &Arc<Step>, slot: usize) -> Arc<Step>;
}

struct End<T: 'static> {
    node: Arc<dyn Node<T>>,
    name: &'static str,
    reducer: Made<dyn Reducer<T>>,
    pick: fn(&Arc<Step>, usize) -> Arc<Step>,
}

impl<T: Datum> AnyEnd for End<T> {
    fn count(&self, lowering: &mut Lowering) {
        self.node.count(lowering);
    }
    fn attach(&self, slot: usize, lowering: &mut Lowering) {
        let tail = Made::<dyn Tail<T>>::by((self.reducer.clone(), slot), |(reducer, slot)| {
            Arc::new(Ends { reducer: reducer.clone(), slot: *slot })
        });
        Arc::clone(&self.node).attach(Tailed { tail, name: self.name.to_owned() }, lowering);
    }
    fn root(&self) -> usize {
        self.node.root()
    }
    fn npartitions(&self) -> usize {
        self.node.npartitions()
    }
    fn picked(&self, pass: &Arc<Step>, slot: usize) -> Arc<Step> {
        (self.pick)(pass, slot)
    }
}

/// Makes one step, or several others, of those of the partitions.
type Finish = Box<dyn Fn(Vec<Arc<Step>>) -> Vec<Arc<Step>> + Send + Sync>;

/// Something that is computed from a bag: its partitions, or a value.
pub(crate) struct Want {
    end: Box<dyn AnyEnd>,
    finish: Option<Finish>,
}

impl Want {
    /// The value of the reducer, a `V`, for each partition.
    pub(crate) fn of<T: Datum, V: Send + Sync + 'static>(
        node: &Arc<dyn Node<T>>,
        name: &'static str,
        reducer: Made<dyn Reducer<T>>,
        finish: Option<Finish>,
    ) -> Arc<Want> {
        let end = End { node: Arc::clone(node), name, reducer, pick: picked::<V> };
        Arc::new(Want { end: Box::new(end), finish })
    }
}

impl Lowered for Want {
    fn lower(all: &[&Arc<Want>]) -> Vec<Vec<Arc<Step>>> {
        let mut lowering = Lowering::default();
        all.iter().for_each(|want| lowering.count(want));
        for number in 0..lowering.order.len() {
            let want = Arc::clone(&lowering.order[number]);
            let slot = lowering.slots.entry(want.end.root()).or_default();
            let own = *slot;
            *slot += 1;
            lowering.slot_of.insert(address(&*want), own);
            want.end.attach(own, &mut lowering);
        }
        all.iter().map(|want| lowering.steps(want)).collect()
    }
}

type Build = Arc<dyn Fn(usize, &mut Lowering) -> Arc<Step>>;

/// The passes over the partitions of a root.
struct Passes {
    build: Build,
    steps: Vec<Option<Arc<Step>>>,
}

/// What is to be computed together: each root is read once, whatever becomes of it.
///
/// First all who want items are counted, then their tails are attached from the ends to the roots, where a node passes on
/// what all of its followers do; then tasks are made, from what is asked for to what it needs.
#[derive(Default)]
pub(crate) struct Lowering {
    wanted: HashMap<usize, usize>,
    order: Vec<Arc<Want>>,
    pending: HashMap<usize, Vec<Box<dyn Any>>>,
    slots: HashMap<usize, usize>,
    slot_of: HashMap<usize, usize>,
    passes: HashMap<usize, Passes>,
    done: HashMap<usize, Vec<Arc<Step>>>,
}

impl Lowering {
    fn count(&mut self, want: &Arc<Want>) {
        if self.is_first(address(&**want)) {
            want.end.count(self);
            self.order.push(Arc::clone(want));
        }
    }

    fn is_first(&mut self, address: usize) -> bool {
        let count = self.wanted.entry(address).or_default();
        *count += 1;
        *count == 1
    }

    /// What all do who want the items of a node, once the last has said so.
    fn all_attached<T: Datum>(&mut self, address: usize, tail: Tailed<T>) -> Option<Tailed<T>> {
        let wanted = self.wanted.get(&address).copied().unwrap_or(1);
        if wanted == 1 {
            return Some(tail);
        }
        let pending = self.pending.entry(address).or_default();
        pending.push(Box::new(tail));
        if pending.len() < wanted {
            return None;
        }
        let all = self.pending.remove(&address).unwrap_or_default();
        let (mut tails, mut names) = (Vec::new(), Vec::new());
        for tail in all {
            let tail = *tail.downcast::<Tailed<T>>().unwrap_or_else(|_| unreachable!("a node has one type of items"));
            tails.push(tail.tail);
            names.push(tail.name);
        }
        let forks = Made::<dyn Tail<T>>::by(tails, |tails| Arc::new(Forks(tails.clone())));
        Some(Tailed { tail: forks, name: format!("({})", names.join(", ")) })
    }

    /// The steps that give what is wanted.
    pub(crate) fn steps(&mut self, want: &Arc<Want>) -> Vec<Arc<Step>> {
        let address = address(&**want);
        if let Some(steps) = self.done.get(&address) {
            return steps.clone();
        }
        let (root, slot) = (want.end.root(), self.slot_of[&address]);
        let parts = (0..want.end.npartitions()).map(|partition| {
            let pass = self.pass(root, partition);
            if self.slots[&root] == 1 { pass } else { want.end.picked(&pass, slot) }
        });
        let parts: Vec<Arc<Step>> = parts.collect();
        let steps = match &want.finish {
            Some(finish) => finish(parts),
            None => parts,
        };
        self.done.insert(address, steps.clone());
        steps
    }

    fn pass(&mut self, root: usize, partition: usize) -> Arc<Step> {
        let passes = &self.passes[&root];
        if let Some(step) = &passes.steps[partition] {
            return Arc::clone(step);
        }
        let build = Arc::clone(&passes.build);
        let step = build(partition, self);
        if let Some(passes) = self.passes.get_mut(&root) {
            passes.steps[partition] = Some(Arc::clone(&step));
        }
        step
    }
}
