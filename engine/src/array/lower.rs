//! From expressions to tasks: one for each block that is needed.
//!
//! Elementwise expressions are part of the task that needs their elements: they are calculated again for each of them,
//! which costs less than to write a chunk to memory and to read it back, and keeps what is alive small. Reductions of the
//! same elements share one pass.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::Arc;

use super::codec::{Blocks, know_blocks};
use super::depth::with_room;
use super::dispatch::with_type;
use super::element::{DType, Element};
use super::folds::{folded_together, merged_together};
use super::fused::{AnyReducer, Program};
use super::long_runs::in_long_runs;
use super::node::{Block, Node, NodeRef, Op, Reduction};
use super::rereads::{Reader, Rereads};
use super::spare::done_with_value;
use super::work::body_of_blocks;
use crate::delayed::Lowered;
use crate::task::{Body, Data, Failure, Inputs, Made, Pack, Packer, ResultType, Step, TypeOf, Unpacker, Value};

impl Lowered for Node {
    fn lower(all: &[&NodeRef]) -> Vec<Vec<Arc<Step>>> {
        let nodes = || all.iter().copied();
        with_room(nodes(), || {
            let mut lowering = Lowering::new(nodes());
            nodes().map(|node| lowering.all(node)).collect()
        })
    }
}

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
    reducers: Vec<Made<dyn AnyReducer>>,
    program: Option<Arc<Program>>,
    /// For each axis, the chunks whose blocks one task folds.
    together: Vec<usize>,
    /// The tasks that fold blocks.
    folds: Vec<Option<Arc<Step>>>,
}

impl Group {
    fn of(reduction: &Reduction) -> Group {
        let input = in_long_runs(&reduction.input, &reduction.folded);
        Group {
            together: folded_together(&input, &reduction.folded),
            input,
            members: Vec::new(),
            reducers: Vec::new(),
            program: None,
            folds: Vec::new(),
        }
    }
}

impl Group {
    /// The tasks along each axis.
    fn tasks(&self) -> Vec<usize> {
        let chunks = self.input.grid.axes().iter().map(|axis| axis.count());
        chunks.zip(&self.together).map(|(chunks, &together)| chunks.div_ceil(together)).collect()
    }
}

/// One lowering: what it makes is made once, however many need it.
pub(crate) struct Lowering {
    /// Of each array, and of each pass over it.
    blocks: HashMap<(u64, u32), Vec<Option<Arc<Step>>>>,
    programs: HashMap<u64, Arc<Program>>,
    groups: HashMap<GroupKey, Group>,
    rereads: Rereads,
    /// Whose task is being made.
    reader: Reader,
}

impl Lowering {
    /// Looks at everything that the outputs need.
    pub(crate) fn new<'n>(outputs: impl IntoIterator<Item = &'n NodeRef>) -> Lowering {
        Lowering::with(outputs, Rereads::of)
    }

    /// As [`new`](Lowering::new); `rereads` says what is read again, of all arrays and those that are outputs.
    pub(super) fn with<'n>(
        outputs: impl IntoIterator<Item = &'n NodeRef>,
        rereads: impl FnOnce(&[&NodeRef], &[u64]) -> Rereads,
    ) -> Lowering {
        know_blocks();
        let mut lowering = Lowering {
            blocks: HashMap::new(),
            programs: HashMap::new(),
            groups: HashMap::new(),
            rereads: Rereads::default(),
            reader: Reader::default(),
        };
        let mut seen = std::collections::HashSet::new();
        let mut left: Vec<&NodeRef> = outputs.into_iter().collect();
        let outputs: Vec<u64> = left.iter().map(|node| node.id).collect();
        let mut all = Vec::new();
        while let Some(node) = left.pop() {
            if !seen.insert(node.id) {
                continue;
            }
            all.push(node);
            if let Op::Reduction(reduction) = &node.op {
                let key = GroupKey { input: reduction.input.id, folded: reduction.folded.clone() };
                let group = lowering.groups.entry(key).or_insert_with(|| Group::of(reduction));
                group.members.push(node.id);
                group.reducers.push(reduction.reducer.clone());
            }
            left.extend(node.inputs());
        }
        lowering.rereads = rereads(&all, &outputs);
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
        let pass = self.rereads.pass(node.id, self.reader);
        let key = (node.id, pass);
        let known = self.blocks.get(&key).and_then(|blocks| blocks[block].as_ref());
        if let Some(step) = known {
            return Arc::clone(step);
        }
        let before = std::mem::replace(&mut self.reader, Reader { id: Some(node.id), pass });
        let step = self.make(node, block);
        self.reader = before;
        let blocks = self.blocks.entry(key).or_insert_with(|| vec![None; node.grid.blocks()]);
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
                self.fused(program, block)
            }
            Op::Reduction(reduction) => self.reduced(node, reduction, block),
            Op::Blocks(operation) => operation.step(&node.grid.place(block), self),
        }
    }

    fn fused(&mut self, program: Arc<Program>, task: usize) -> Arc<Step> {
        let inputs = program.reads(task).into_iter().map(|(node, place)| self.block(node, &place)).collect();
        Step::new(Fused { program, task, inputs })
    }

    /// The block of a reduction: blocks are folded one by one, and their states merged by a tree.
    fn reduced(&mut self, node: &NodeRef, reduction: &Reduction, block: usize) -> Arc<Step> {
        let place = node.grid.place(block);
        let (key, member) = self.group(node, reduction);
        let tasks = self.groups[&key].tasks();
        // The tasks whose blocks are folded into this one, in row-major order.
        let mut kept = place.iter();
        let ranges: Vec<std::ops::Range<usize>> = reduction
            .folded
            .iter()
            .zip(&tasks)
            .map(|(&folded, &tasks)| match (folded, reduction.keepdims) {
                (true, false) => 0..tasks,
                (true, true) => {
                    kept.next();
                    0..tasks
                }
                (false, _) => {
                    let chunk = kept.next().copied().unwrap_or(0);
                    chunk..chunk + 1
                }
            })
            .collect();
        let (mut steps, is_group) = self.folds(&key, &reduction.folded, &ranges);
        let mut pick = is_group.then_some(member);
        let merge = |steps: &[Arc<Step>], pick, last| {
            Step::new(Merge { reducer: reduction.reducer.clone(), inputs: steps.into(), pick, last })
        };
        let at_once = merged_together(node);
        while steps.len() > at_once {
            steps = steps.chunks(at_once).map(|steps| merge(steps, pick, None)).collect();
            pick = None;
        }
        let remove = if reduction.keepdims { Vec::new() } else { reduction.folded.clone() };
        merge(&steps, pick, Some(remove))
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
            reducers: vec![reduction.reducer.clone()],
            ..Group::of(reduction)
        });
        (alone, 0)
    }

    /// The tasks that fold the blocks of a group, and whether each gives several values.
    fn folds(&mut self, key: &GroupKey, folded: &[bool], ranges: &[std::ops::Range<usize>]) -> (Vec<Arc<Step>>, bool) {
        let Some(group) = self.groups.get_mut(key) else { unreachable!("every reduction has a group") };
        let tasks = group.tasks();
        let program = group.program.get_or_insert_with(|| {
            Arc::new(Program::reducing(&group.input, group.reducers.clone(), folded, group.together.clone()))
        });
        let (program, input) = (Arc::clone(program), group.input.id);
        let is_group = program.is_group();
        if group.folds.is_empty() {
            group.folds = vec![None; tasks.iter().product()];
        }
        let mut steps = Vec::with_capacity(ranges.iter().map(|range| range.len()).product());
        let mut place: Vec<usize> = ranges.iter().map(|range| range.start).collect();
        loop {
            let task = place.iter().zip(&tasks).fold(0, |number, (&place, &tasks)| number * tasks + place);
            let known = self.groups.get(key).and_then(|group| group.folds[task].clone());
            let step = known.unwrap_or_else(|| {
                // What is folded is calculated by the task that folds it: this reads for it.
                let before = std::mem::replace(&mut self.reader, Reader { id: Some(input), pass: 0 });
                let step = self.fused(Arc::clone(&program), task);
                self.reader = before;
                if let Some(group) = self.groups.get_mut(key) {
                    group.folds[task] = Some(Arc::clone(&step));
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
    Step::new(Data::<Block<T>, Blocks>::new(block))
}

/// The type of a task's result that is a block.
pub(crate) fn result_of(dtype: DType) -> ResultType {
    with_type!(dtype, T => TypeOf::of::<Block<T>>())
}

/// One task of a program.
struct Fused {
    program: Arc<Program>,
    task: usize,
    inputs: Box<[Arc<Step>]>,
}

impl Body for Fused {
    fn name(&self) -> &str {
        &self.program.name
    }
    fn result_type(&self) -> ResultType {
        self.program.result()
    }
    fn function(&self) -> TypeId {
        TypeId::of::<Self>()
    }
    fn run(&self, inputs: &mut Inputs<'_>) -> Result<Value, Failure> {
        let values: Vec<Value> = self.inputs.iter().map(|_| inputs.next_value()).collect();
        let made = self.program.run(self.task, &values);
        values.into_iter().for_each(done_with_value);
        made
    }
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        self.program.pack(self.task, packer)
    }
    body_of_blocks!(|_| revive_fused);
}

fn revive_fused(unpacker: &mut Unpacker<'_>) -> Result<Arc<Step>, String> {
    unpacker.results_by(|| {
        super::codec::know_blocks();
        None
    })?;
    let program = Arc::new(Program::unpack(unpacker)?);
    Ok(Step::new(Fused { program, task: 0, inputs: unpacker.inputs().into() }))
}

/// Merges the states of several blocks.
struct Merge {
    reducer: Made<dyn AnyReducer>,
    inputs: Box<[Arc<Step>]>,
    /// Which of their values it is, where blocks are folded for several reductions at once.
    pick: Option<usize>,
    /// For the last merge, which makes the block: the axes to remove, none or all that there are.
    last: Option<Vec<bool>>,
}

impl Body for Merge {
    fn name(&self) -> &str {
        self.reducer.name()
    }
    fn result_type(&self) -> ResultType {
        match self.last {
            Some(_) => result_of(self.reducer.output()),
            None => TypeOf::of::<Value>(),
        }
    }
    fn function(&self) -> TypeId {
        TypeId::of::<Self>()
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
            Some(remove) => self.reducer.finish(merged, (!remove.is_empty()).then_some(&remove[..])),
        })
    }
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        self.reducer.pack(packer)?;
        self.pick.pack(packer)?;
        self.last.pack(packer)
    }
    body_of_blocks!(|_| revive_merge);
}

fn revive_merge(unpacker: &mut Unpacker<'_>) -> Result<Arc<Step>, String> {
    unpacker.results_by(|| {
        super::codec::know_blocks();
        None
    })?;
    let (reducer, pick, last) = (Pack::unpack(unpacker)?, Pack::unpack(unpacker)?, Pack::unpack(unpacker)?);
    Ok(Step::new(Merge { reducer, inputs: unpacker.inputs().into(), pick, last }))
}
