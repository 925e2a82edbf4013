//! From expressions to tasks: one for each block that is needed.
//!
//! Elementwise expressions are part of the task that needs their elements: they are calculated again for each of them,
//! which costs less than to write a chunk to memory and to read it back, and keeps what is alive small. Reductions of the
//! same elements share one pass.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::Arc;

use super::codec::know_blocks;
use super::depth::with_room;
use super::dispatch::with_type;
use super::element::Element;
use super::fused::{AnyReducer, Program};
use super::long_runs::in_long_runs;
use super::node::{Block, Node, NodeRef, Op, Reduction};
use crate::task::{Body, Failure, Inputs, Packer, Registered, ResultType, Revive, Step, TypeOf, Value};
use crate::travel::Codec;

/// So many states are merged by one task.
const MERGED_AT_ONCE: usize = 16;

/// Reductions of the same elements over the same axes.
#[derive(Debug, PartialEq, Eq, Hash, Clone)]
struct GroupKey {
    input: u64,
    folded: Vec<bool>,
}

struct Group {
    /// What is folded, cut as it is best read.
    input: NodeRef,
    members: Vec<u64>,
    reducers: Vec<Arc<dyn AnyReducer>>,
    program: Option<Arc<Program>>,
    /// The tasks that fold single blocks.
    folds: Vec<Option<Arc<Step>>>,
}

impl Group {
    fn of(reduction: &Reduction) -> Group {
        Group {
            input: in_long_runs(&reduction.input, &reduction.folded),
            members: Vec::new(),
            reducers: Vec::new(),
            program: None,
            folds: Vec::new(),
        }
    }
}

/// One lowering: what it makes is made once, however many need it.
pub(crate) struct Lowering {
    blocks: HashMap<u64, Vec<Option<Arc<Step>>>>,
    programs: HashMap<u64, Arc<Program>>,
    groups: HashMap<GroupKey, Group>,
}

impl Lowering {
    /// Looks at everything that the outputs need.
    pub(crate) fn new<'n>(outputs: impl IntoIterator<Item = &'n NodeRef>) -> Lowering {
        know_blocks();
        let mut lowering = Lowering { blocks: HashMap::new(), programs: HashMap::new(), groups: HashMap::new() };
        let mut seen = std::collections::HashSet::new();
        let mut left: Vec<&NodeRef> = outputs.into_iter().collect();
        while let Some(node) = left.pop() {
            if !seen.insert(node.id) {
                continue;
            }
            if let Op::Reduction(reduction) = &node.op {
                let key = GroupKey { input: reduction.input.id, folded: reduction.folded.clone() };
                let group = lowering.groups.entry(key).or_insert_with(|| Group::of(reduction));
                group.members.push(node.id);
                group.reducers.push(Arc::clone(&reduction.reducer));
            }
            left.extend(node.inputs());
        }
        lowering
    }

    /// The tasks of all blocks of a node, in row-major order, with nothing else beside.
    pub(crate) fn blocks_of(node: &NodeRef) -> Vec<Arc<Step>> {
        with_room([node], || Lowering::new([node]).all(node))
    }

    /// The tasks of all blocks, in row-major order.
    pub(crate) fn all(&mut self, node: &NodeRef) -> Vec<Arc<Step>> {
        (0..node.grid.blocks()).map(|block| self.numbered(node, block)).collect()
    }

    /// The task that makes the block at a place.
    pub(crate) fn block(&mut self, node: &NodeRef, place: &[usize]) -> Arc<Step> {
        self.numbered(node, node.grid.number(place))
    }

    fn numbered(&mut self, node: &NodeRef, block: usize) -> Arc<Step> {
        let known = self.blocks.get(&node.id).and_then(|blocks| blocks[block].as_ref());
        if let Some(step) = known {
            return Arc::clone(step);
        }
        let step = self.make(node, block);
        let blocks = self.blocks.entry(node.id).or_insert_with(|| vec![None; node.grid.blocks()]);
        blocks[block] = Some(Arc::clone(&step));
        step
    }

    fn make(&mut self, node: &NodeRef, block: usize) -> Arc<Step> {
        match &node.op {
            Op::Memory(array) => {
                let (start, lengths) = node.grid.region(&node.grid.place(block));
                let value = array.block(&start, &lengths);
                with_type!(node.dtype, T => data_step::<T>(value))
            }
            Op::Generated { .. } | Op::Elementwise { .. } => {
                let program = match self.programs.get(&node.id) {
                    Some(program) => Arc::clone(program),
                    None => {
                        let program = Arc::new(Program::collecting(node));
                        self.programs.insert(node.id, Arc::clone(&program));
                        program
                    }
                };
                let result = with_type!(node.dtype, T => TypeOf::of::<Block<T>>());
                self.fused(program, block, result)
            }
            Op::Reduction(reduction) => self.reduced(node, reduction, block),
            Op::Blocks(operation) => operation.step(&node.grid.place(block), self),
        }
    }

    fn fused(&mut self, program: Arc<Program>, block: usize, result: ResultType) -> Arc<Step> {
        let inputs: Box<[Arc<Step>]> = match program.inputs() {
            [] => Box::default(),
            inputs => {
                let place = program.grid().place(block);
                inputs.iter().map(|input| self.block(&input.node, &input.place(&place))).collect()
            }
        };
        Step::new(Fused { program, block, inputs, result })
    }

    /// The block of a reduction: blocks are folded one by one, and their states merged by a tree.
    fn reduced(&mut self, node: &NodeRef, reduction: &Reduction, block: usize) -> Arc<Step> {
        let place = node.grid.place(block);
        let (key, member) = self.group(node, reduction);
        let input = NodeRef::clone(&self.groups[&key].input);
        let grid = &input.grid;
        // The blocks that are folded into this one, in row-major order.
        let mut kept = place.iter();
        let ranges: Vec<std::ops::Range<usize>> = reduction
            .folded
            .iter()
            .enumerate()
            .map(|(axis, &folded)| match (folded, reduction.keepdims) {
                (true, false) => 0..grid.axis(axis).count(),
                (true, true) => {
                    kept.next();
                    0..grid.axis(axis).count()
                }
                (false, _) => {
                    let chunk = kept.next().copied().unwrap_or(0);
                    chunk..chunk + 1
                }
            })
            .collect();
        let (mut steps, is_group) = self.folds(&key, &reduction.folded, &ranges);
        let mut pick = is_group.then_some(member);
        while steps.len() > MERGED_AT_ONCE {
            steps = steps
                .chunks(MERGED_AT_ONCE)
                .map(|steps| Step::new(Merge::new(&reduction.reducer, steps.to_vec(), pick, None)))
                .collect();
            pick = None;
        }
        let remove = if reduction.keepdims { Vec::new() } else { reduction.folded.clone() };
        let result = with_type!(node.dtype, T => TypeOf::of::<Block<T>>());
        Step::new(Merge::new(&reduction.reducer, steps, pick, Some(Last { remove, result })))
    }

    /// The group of a reduction, and its number there.
    fn group(&mut self, node: &Node, reduction: &Reduction) -> (GroupKey, usize) {
        let key = GroupKey { input: reduction.input.id, folded: reduction.folded.clone() };
        let known = self.groups.get(&key).and_then(|group| group.members.iter().position(|&id| id == node.id));
        if let Some(member) = known {
            return (key, member);
        }
        // A reduction that was not there when the lowering began has a group of its own.
        let alone = GroupKey { input: node.id, folded: Vec::new() };
        self.groups.entry(alone.clone()).or_insert_with(|| Group {
            members: vec![node.id],
            reducers: vec![Arc::clone(&reduction.reducer)],
            ..Group::of(reduction)
        });
        (alone, 0)
    }

    /// The tasks that fold the blocks of a group, and whether each gives several values.
    fn folds(&mut self, key: &GroupKey, folded: &[bool], ranges: &[std::ops::Range<usize>]) -> (Vec<Arc<Step>>, bool) {
        let Some(group) = self.groups.get_mut(key) else { unreachable!("every reduction has a group") };
        let grid = &NodeRef::clone(&group.input).grid;
        let program = group
            .program
            .get_or_insert_with(|| Arc::new(Program::reducing(&group.input, group.reducers.clone(), folded)));
        let program = Arc::clone(program);
        let is_group = program.is_group();
        if group.folds.is_empty() {
            group.folds = vec![None; grid.blocks()];
        }
        let mut steps = Vec::with_capacity(ranges.iter().map(|range| range.len()).product());
        let mut place: Vec<usize> = ranges.iter().map(|range| range.start).collect();
        loop {
            let block = grid.number(&place);
            let known = self.groups.get(key).and_then(|group| group.folds[block].clone());
            let step = known.unwrap_or_else(|| {
                let step = self.fused(Arc::clone(&program), block, TypeOf::of::<Value>());
                if let Some(group) = self.groups.get_mut(key) {
                    group.folds[block] = Some(Arc::clone(&step));
                }
                step
            });
            steps.push(step);
            let Some(axis) = (0..place.len()).rev().find(|&axis| place[axis] + 1 < ranges[axis].end) else {
                return (steps, is_group);
            };
            place[axis] += 1;
            (axis + 1..place.len()).for_each(|later| place[later] = ranges[later].start);
        }
    }
}

/// A block that is there already.
fn data_step<T: Element>(value: Value) -> Arc<Step> {
    let block = value.downcast::<Block<T>>().unwrap_or_else(|_| unreachable!("a handle's type is its node's type"));
    Step::new(crate::task::Data::<Block<T>, Registered>::new(block))
}

/// One block of a program.
struct Fused {
    program: Arc<Program>,
    block: usize,
    inputs: Box<[Arc<Step>]>,
    result: ResultType,
}

fn stays(name: &str) -> String {
    format!("`{name}` is a block of an array, and those stay in this process")
}

/// What the bodies of arrays have in common: they are of this process, and equal only to themselves.
macro_rules! body_of_blocks {
    () => {
        fn type_name(&self) -> &'static str {
            self.result_type().name()
        }
        fn inputs<'a>(&'a self, visit: &mut dyn FnMut(&'a Arc<Step>)) {
            self.inputs.iter().for_each(visit);
        }
        fn release(&mut self, into: &mut Vec<Arc<Step>>) {
            into.extend(std::mem::take(&mut self.inputs));
        }
        fn arguments(&self, inputs: &mut Inputs<'_>) -> Vec<(Value, &'static str)> {
            self.inputs.iter().map(|step| (inputs.next_value(), step.body().type_name())).collect()
        }
        fn code(&self) -> Result<(Revive, &'static str), String> {
            Err(stays(self.name()))
        }
        fn function(&self) -> TypeId {
            TypeId::of::<Self>()
        }
        fn pack(&self, _packer: &mut Packer) -> Result<(), String> {
            Err(stays(self.name()))
        }
        fn result_codec(&self) -> Option<Codec> {
            crate::travel::codec_of(self.result_type().id())
        }
    };
}

impl Body for Fused {
    fn name(&self) -> &str {
        &self.program.name
    }
    fn result_type(&self) -> ResultType {
        self.result
    }
    fn run(&self, inputs: &mut Inputs<'_>) -> Result<Value, Failure> {
        let values: Vec<Value> = self.inputs.iter().map(|_| inputs.next_value()).collect();
        self.program.run(self.block, &values)
    }
    body_of_blocks!();
}

/// What the last merge of a reduction does beside: it makes the block.
struct Last {
    remove: Vec<bool>,
    result: ResultType,
}

/// Merges the states of several blocks.
struct Merge {
    reducer: Arc<dyn AnyReducer>,
    inputs: Box<[Arc<Step>]>,
    pick: Option<usize>,
    last: Option<Last>,
}

impl Merge {
    fn new(reducer: &Arc<dyn AnyReducer>, steps: Vec<Arc<Step>>, pick: Option<usize>, last: Option<Last>) -> Merge {
        Merge { reducer: Arc::clone(reducer), inputs: steps.into(), pick, last }
    }
}

impl Body for Merge {
    fn name(&self) -> &str {
        self.reducer.name()
    }
    fn result_type(&self) -> ResultType {
        self.last.as_ref().map_or_else(TypeOf::of::<Value>, |last| last.result)
    }
    fn run(&self, inputs: &mut Inputs<'_>) -> Result<Value, Failure> {
        let picked = |value: Value| match self.pick {
            None => value,
            Some(member) => {
                let group = value.downcast_ref::<Vec<Value>>();
                group.map_or_else(|| unreachable!("a group gives a list"), |values| Arc::clone(&values[member]))
            }
        };
        let parts: Vec<Value> = self.inputs.iter().map(|_| picked(inputs.next_value())).collect();
        let merged = self.reducer.merge(parts);
        Ok(match &self.last {
            None => merged,
            Some(last) => self.reducer.finish(merged, (!last.remove.is_empty()).then_some(&last.remove[..])),
        })
    }
    body_of_blocks!();
}

/// A task that makes one block from others by a function of their values.
pub(crate) struct BlockTask<F> {
    name: String,
    inputs: Box<[Arc<Step>]>,
    result: ResultType,
    function: F,
}

/// A task whose function gets the blocks of `inputs`, in that order, and gives a block of `T`.
pub(crate) fn block_task<T, F>(name: &str, inputs: Vec<Arc<Step>>, function: F) -> Arc<Step>
where
    T: Element,
    F: Fn(Vec<Value>) -> Result<Block<T>, Failure> + Send + Sync + 'static,
{
    value_task::<Block<T>, F>(name, inputs, function)
}

/// A task whose function gets the values of `inputs`, in that order, and gives what the tasks after it know how to read:
/// factors, partial sums.
pub(crate) fn value_task<V, F>(name: &str, inputs: Vec<Arc<Step>>, function: F) -> Arc<Step>
where
    V: Send + Sync + 'static,
    F: Fn(Vec<Value>) -> Result<V, Failure> + Send + Sync + 'static,
{
    let function = move |values: Vec<Value>| function(values).map(|value| Arc::new(value) as Value);
    Step::new(BlockTask { name: name.to_owned(), inputs: inputs.into(), result: TypeOf::of::<V>(), function })
}

/// The value that a task gave to [`value_task`]; it is moved when nobody else reads it.
pub(crate) fn taken<V: Clone + Send + Sync + 'static>(value: Value) -> V {
    let value = value.downcast::<V>().unwrap_or_else(|_| unreachable!("a task reads what it asked for"));
    Arc::unwrap_or_clone(value)
}

/// One value from those of many tasks, so many at a time.
pub(crate) fn merged<V, F>(name: &str, mut steps: Vec<Arc<Step>>, merge: F) -> Arc<Step>
where
    V: Clone + Send + Sync + 'static,
    F: Fn(Vec<V>) -> V + Clone + Send + Sync + 'static,
{
    while steps.len() > 1 {
        steps = steps
            .chunks(MERGED_AT_ONCE)
            .map(|steps| match steps {
                [one] => Arc::clone(one),
                more => {
                    let merge = merge.clone();
                    value_task::<V, _>(name, more.to_vec(), move |values| {
                        Ok(merge(values.into_iter().map(taken::<V>).collect()))
                    })
                }
            })
            .collect();
    }
    steps.pop().unwrap_or_else(|| unreachable!("there is at least one task: a grid has no axis without chunks"))
}

impl<F: Fn(Vec<Value>) -> Result<Value, Failure> + Send + Sync + 'static> Body for BlockTask<F> {
    fn name(&self) -> &str {
        &self.name
    }
    fn result_type(&self) -> ResultType {
        self.result
    }
    fn run(&self, inputs: &mut Inputs<'_>) -> Result<Value, Failure> {
        (self.function)(self.inputs.iter().map(|_| inputs.next_value()).collect())
    }
    body_of_blocks!();
}

/// The block that a value is; blocks share memory, so this copies nothing.
pub(crate) fn as_block<T: Element>(value: Value) -> Block<T> {
    let block = value.downcast::<Block<T>>().unwrap_or_else(|_| unreachable!("a handle's type is its node's type"));
    Arc::unwrap_or_clone(block)
}
