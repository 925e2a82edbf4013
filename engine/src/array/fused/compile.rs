//! From nodes to a program.

use std::collections::HashMap;
use std::sync::Arc;

use super::program::{BlockSource, End, Instruction, Leaf, Over, Program, Source};
use crate::array::chunks::Grid;
use crate::array::element::DType;
use crate::array::node::{Node, NodeRef, Op};

/// Builds a program from the nodes it is made of.
struct Compiler<'n> {
    program: Program,
    grid: &'n Grid,
    leaves: Vec<Leaf>,
    inputs: Vec<BlockSource>,
    /// What is known already: a node that is used twice runs once.
    known: HashMap<u64, Source>,
    /// How often each node is still to be read; a register is free when nobody will.
    uses: HashMap<u64, usize>,
    free: Vec<usize>,
    names: Vec<&'n str>,
}

impl Program {
    pub(super) fn compile(node: &NodeRef, end: End, together: Vec<usize>) -> Program {
        let program = Program {
            name: String::new(),
            over: Over::Block(Vec::new()),
            leaf_types: Vec::new(),
            instructions: Vec::new(),
            registers: Vec::new(),
            root: Source::Leaf(0),
            end,
        };
        let mut compiler = Compiler {
            program,
            grid: &node.grid,
            leaves: Vec::new(),
            inputs: Vec::new(),
            known: HashMap::new(),
            uses: HashMap::new(),
            free: Vec::new(),
            names: Vec::new(),
        };
        compiler.count(node);
        let root = compiler.source(node);
        let Compiler { mut program, names, leaves, inputs, .. } = compiler;
        program.root = root;
        let known = node.grid.axes().iter().map(|axis| axis.is_known()).collect();
        let (grid, lengths) = (node.grid.clone(), node.grid.shape());
        program.over = Over::Grid { grid, known, lengths, together, leaves, inputs };
        let ends: Vec<&str> = match &program.end {
            End::Collect(_) => Vec::new(),
            End::Reduce(reducers, _) => reducers.iter().map(|reducer| reducer.name()).collect(),
        };
        program.name = joined(names.iter().copied().chain(ends));
        program
    }
}

impl<'n> Compiler<'n> {
    /// Counts how often every node is read.
    fn count(&mut self, node: &'n NodeRef) {
        let uses = self.uses.entry(node.id).or_insert(0);
        *uses += 1;
        if *uses == 1
            && let Op::Elementwise { inputs, .. } = &node.op
        {
            inputs.iter().for_each(|input| self.count(input));
        }
    }

    fn source(&mut self, node: &'n NodeRef) -> Source {
        if let Some(&known) = self.known.get(&node.id) {
            return known;
        }
        let source = match &node.op {
            Op::Elementwise { kernel, inputs } => {
                let sources: Vec<Source> = inputs.iter().map(|input| self.source(input)).collect();
                let register = self.register(kernel.output());
                for (input, source) in inputs.iter().zip(&sources) {
                    self.read(input.id, *source);
                }
                self.names.push(kernel.name());
                self.program.instructions.push(Instruction { kernel: kernel.clone(), sources, register });
                Source::Register(register)
            }
            Op::Memory(array) => {
                let (missing, broadcast) = self.broadcast(node);
                let (array, chunks) = (Arc::clone(array), node.grid.clone());
                self.leaf(node, Leaf::Memory { array, missing, broadcast, chunks })
            }
            Op::Generated { generator, from, strides } => {
                let (missing, broadcast) = self.broadcast(node);
                let mut all = vec![0; missing];
                all.extend(strides.iter().zip(&broadcast).map(|(&stride, &one)| if one { 0 } else { stride }));
                self.names.push(&node.name);
                let (generator, chunks) = (generator.clone(), node.grid.clone());
                self.leaf(node, Leaf::Generated { generator, from: *from, strides: all, missing, chunks })
            }
            Op::Reduction(_) | Op::Blocks(_) => {
                let (missing, broadcast) = self.broadcast(node);
                let input = self.inputs.len();
                self.inputs.push(BlockSource { node: Arc::clone(node), missing, broadcast });
                self.leaf(node, Leaf::Blocks(input))
            }
        };
        self.known.insert(node.id, source);
        source
    }

    fn leaf(&mut self, node: &Node, leaf: Leaf) -> Source {
        self.leaves.push(leaf);
        self.program.leaf_types.push(node.dtype);
        Source::Leaf(self.leaves.len() - 1)
    }

    /// How a node lies in the grid of the program.
    fn broadcast(&self, node: &Node) -> (usize, Vec<bool>) {
        let grid = self.grid;
        let missing = grid.rank() - node.grid.rank();
        let one = |(axis, own): (usize, &crate::array::chunks::AxisChunks)| {
            let whole = grid.axis(axis + missing);
            own.is_known() && own.len() == 1 && !(whole.is_known() && whole.len() == 1)
        };
        (missing, node.grid.axes().iter().enumerate().map(one).collect())
    }

    fn register(&mut self, dtype: DType) -> usize {
        let registers = &mut self.program.registers;
        match self.free.iter().position(|&register| registers[register] == dtype) {
            Some(at) => self.free.swap_remove(at),
            None => {
                registers.push(dtype);
                registers.len() - 1
            }
        }
    }

    /// One reading of a node less.
    fn read(&mut self, id: u64, source: Source) {
        let Some(uses) = self.uses.get_mut(&id) else { return };
        *uses -= 1;
        if *uses == 0
            && let Source::Register(register) = source
        {
            self.free.push(register);
        }
    }
}

/// Longer names are cut.
const NAME_LENGTH: usize = 48;

fn joined<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut name = String::new();
    for part in names {
        if !name.is_empty() {
            name.push('-');
        }
        if name.len() + part.len() > NAME_LENGTH {
            name.push('…');
            break;
        }
        name.push_str(part);
    }
    if name.is_empty() { "copy".to_owned() } else { name }
}
