//! Which columns and rows of each partition matter, by Polars' own optimiser.
//!
//! The expression is cut where partitions become tasks: at operations across partitions, and at what several need. Each
//! part between is one plan of Polars, whose inputs are placeholders; optimised, it says what it wants of them.

use std::any::Any;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use polars::prelude::{
    AnonymousScan, AnonymousScanArgs, DataFrame, Expr, LazyFrame, PlSmallStr, PolarsResult, ScanArgsAnonymous, col,
};
use polars_plan::dsl::FileScanIR;
use polars_plan::plans::{IR, node_to_expr};

use super::boundaries::is_read_again;
use super::exchange::total_memory;
use super::node::{Node, NodeRef, Op};
use super::size::{most_rows, width};

/// What is needed of a node.
#[derive(Default, Clone)]
pub(crate) struct Need {
    /// The columns; `None` for all.
    columns: Option<BTreeSet<PlSmallStr>>,
    /// What the rows have to fulfil, of each reader; `None` for one that takes all rows.
    predicates: Vec<Option<Expr>>,
}

/// What is needed of every node that others read.
pub(crate) struct Needs {
    /// Several read them.
    shared: HashSet<u64>,
    /// Plans end there: what several read, and what operations across partitions read.
    boundaries: HashSet<u64>,
    needs: HashMap<u64, Need>,
}

/// A node in a plan of Polars that ends there.
struct Placeholder(u64);

impl AnonymousScan for Placeholder {
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn scan(&self, _: AnonymousScanArgs) -> PolarsResult<DataFrame> {
        unreachable!("a plan that is looked at does not run")
    }
    fn allows_predicate_pushdown(&self) -> bool {
        true
    }
    fn allows_projection_pushdown(&self) -> bool {
        true
    }
}

fn placeholder(node: &Node) -> PolarsResult<LazyFrame> {
    let schema = Some(Arc::clone(&node.schema));
    LazyFrame::anonymous_scan(Arc::new(Placeholder(node.id)), ScanArgsAnonymous { schema, ..Default::default() })
}

/// The nodes from which these are made, each before what it is made of.
pub(crate) fn in_order<'n>(outputs: &[&'n NodeRef]) -> Vec<&'n NodeRef> {
    let (mut seen, mut order) = (HashSet::new(), Vec::new());
    // Twice each: before its inputs are looked at, and after.
    let mut left: Vec<(&NodeRef, bool)> = outputs.iter().map(|node| (*node, false)).collect();
    while let Some((node, is_done)) = left.pop() {
        if is_done {
            order.push(node);
        } else if seen.insert(node.id) {
            left.push((node, true));
            left.extend(node.inputs().into_iter().map(|input| (input, false)));
        }
    }
    order.reverse();
    order
}

impl Needs {
    pub(crate) fn of(outputs: &[&NodeRef]) -> Needs {
        let order = in_order(outputs);
        let mut readers: HashMap<u64, usize> = HashMap::new();
        for node in &order {
            node.inputs().into_iter().for_each(|input| *readers.entry(input.id).or_default() += 1);
        }
        for output in outputs {
            *readers.entry(output.id).or_default() += 1;
        }
        let shared = order.iter().filter(|node| readers[&node.id] > 1 && !matches!(node.op, Op::Memory(_)));
        let shared = shared.filter(|node| !is_too_large(node) || !meets_itself(node, &order));
        let shared: HashSet<u64> = shared.map(|node| node.id).collect();
        let across = order.iter().filter(|node| matches!(node.op, Op::Across(_))).flat_map(|node| node.inputs());
        let boundaries = shared.iter().copied().chain(across.map(|input| input.id)).collect();
        let mut needs = Needs { shared, boundaries, needs: HashMap::new() };
        for output in outputs {
            needs.all_of(output);
        }
        for node in order {
            needs.look(node);
        }
        needs
    }

    /// Whether several read it.
    pub(crate) fn is_shared(&self, node: &Node) -> bool {
        self.shared.contains(&node.id)
    }

    /// The columns that are needed of a node; `None` for all.
    pub(crate) fn columns(&self, node: &Node) -> Option<&BTreeSet<PlSmallStr>> {
        self.needs.get(&node.id).and_then(|need| need.columns.as_ref())
    }

    /// What the rows of a node have to fulfil, when every reader says so.
    pub(crate) fn predicate(&self, node: &Node) -> Option<Expr> {
        let need = self.needs.get(&node.id)?;
        need.predicates.iter().cloned().collect::<Option<Vec<_>>>()?.into_iter().reduce(|one, other| one.or(other))
    }

    fn all_of(&mut self, node: &Node) {
        self.needs.insert(node.id, Need { columns: None, predicates: vec![None] });
    }

    /// One more that reads a node.
    fn also(&mut self, node: u64, columns: Option<BTreeSet<PlSmallStr>>, predicate: Option<Expr>) {
        match self.needs.get_mut(&node) {
            None => {
                self.needs.insert(node, Need { columns, predicates: vec![predicate] });
            }
            Some(need) => {
                need.columns = match (need.columns.take(), columns) {
                    (Some(mut one), Some(other)) => {
                        one.extend(other);
                        Some(one)
                    }
                    _ => None,
                };
                need.predicates.push(predicate);
            }
        }
    }

    /// Whether a node becomes tasks, so that a plan ends there.
    fn is_boundary(&self, node: &Node) -> bool {
        self.boundaries.contains(&node.id) || !matches!(node.op, Op::Rows { .. })
    }

    /// What the part of the expression that ends in `node` needs of those where it begins. Parts that begin between two
    /// boundaries were looked at with the part they belong to.
    fn look(&mut self, node: &NodeRef) {
        let Some(need) = self.needs.get(&node.id) else { return };
        let wanted: Option<Vec<PlSmallStr>> = need.columns.as_ref().map(|columns| columns.iter().cloned().collect());
        let begins = match &node.op {
            Op::Memory(_) | Op::Source(_) => return,
            Op::Rows { input, .. } => vec![self.begin(input)],
            Op::Across(operation) => operation.inputs().into_iter().map(|input| self.begin(input)).collect(),
        };
        let found = begins
            .iter()
            .map(|begin| begin.plan())
            .collect::<PolarsResult<Vec<_>>>()
            .and_then(|mut inputs| match &node.op {
                Op::Rows { step, .. } if step.is_transparent() => step.apply(inputs.remove(0)).map(Some),
                Op::Across(operation) => {
                    // Where partitions have the rows of others, so have the conditions.
                    let condition = self.predicate(node).filter(|_| operation.part_of(0).is_some());
                    Ok(operation.logical(inputs).map(|plan| match condition {
                        Some(condition) => plan.filter(condition),
                        None => plan,
                    }))
                }
                _ => Ok(None),
            })
            .and_then(|plan| match plan {
                Some(plan) => wants(match wanted {
                    Some(columns) => plan.select(columns.into_iter().map(col).collect::<Vec<_>>()),
                    None => plan,
                })
                .map(Some),
                None => Ok(None),
            });
        match found {
            Ok(Some(found)) => {
                for begin in &begins {
                    match found.get(&begin.node.id) {
                        Some((columns, predicate)) => self.also(begin.node.id, columns.clone(), predicate.clone()),
                        // It does not matter at all, but that there are rows.
                        None => self.also(begin.node.id, Some(BTreeSet::new()), None),
                    }
                }
            }
            // What cannot be looked through needs all that its inputs give. An error shows up where it runs.
            Ok(None) | Err(_) => {
                for begin in begins {
                    let found = begin.plan().and_then(wants).unwrap_or_default();
                    let (columns, predicate) = found.get(&begin.node.id).cloned().unwrap_or_default();
                    self.also(begin.node.id, columns, predicate);
                }
            }
        }
    }

    /// The way from an input down to where the plan begins that it is part of.
    fn begin<'n>(&self, input: &'n NodeRef) -> Begin<'n> {
        let (mut node, mut rows) = (input, Vec::new());
        while let Op::Rows { input, step } = &node.op
            && !self.is_boundary(node)
            && step.is_transparent()
        {
            rows.push(node);
            node = input;
        }
        rows.reverse();
        Begin { node, rows }
    }
}

/// A node where a plan begins, and the steps on it.
struct Begin<'n> {
    node: &'n NodeRef,
    rows: Vec<&'n NodeRef>,
}

impl Begin<'_> {
    fn plan(&self) -> PolarsResult<LazyFrame> {
        self.rows.iter().try_fold(placeholder(self.node)?, |plan, node| match &node.op {
            Op::Rows { step, .. } => step.apply(plan),
            _ => unreachable!("only steps on rows are between"),
        })
    }
}

/// Whether the partitions of a frame are better read again than kept, when all of them would have to be there at once.
fn is_too_large(node: &Node) -> bool {
    let bytes = || most_rows(node).map(|rows| rows.saturating_mul(width(node)));
    is_read_again(node) && bytes().is_some_and(|bytes| bytes > total_memory() / 8)
}

/// Whether something is made of a frame and of what all of its partitions led to: `order` has each node before what it is
/// made of. None of the partitions could go before the last had come.
fn meets_itself(node: &Node, order: &[&NodeRef]) -> bool {
    // Whether all partitions come before one of those that are made of the frame.
    let mut made_of: HashMap<u64, bool> = HashMap::from([(node.id, false)]);
    for other in order.iter().rev().filter(|other| other.id != node.id) {
        let found: Vec<bool> = other.inputs().into_iter().filter_map(|input| made_of.get(&input.id).copied()).collect();
        let is_behind = found.contains(&true);
        if found.len() > 1 && is_behind {
            return true;
        }
        if !found.is_empty() {
            made_of.insert(other.id, is_behind || matches!(other.op, Op::Across(_)));
        }
    }
    false
}

type Found = HashMap<u64, (Option<BTreeSet<PlSmallStr>>, Option<Expr>)>;

/// What a plan wants of its placeholders once it is optimised.
fn wants(plan: LazyFrame) -> PolarsResult<Found> {
    let plan = plan.to_alp_optimized()?;
    let mut found: Found = HashMap::new();
    let mut left = vec![plan.lp_top];
    while let Some(node) = left.pop() {
        let ir = plan.lp_arena.get(node);
        left.extend(ir.inputs());
        let IR::Scan { scan_type, unified_scan_args, predicate, .. } = ir else { continue };
        let FileScanIR::Anonymous { function, .. } = &**scan_type else { continue };
        let Some(&Placeholder(id)) = function.as_any().downcast_ref::<Placeholder>() else { continue };
        let predicate = predicate.as_ref().map(|predicate| node_to_expr(predicate.node(), &plan.expr_arena));
        let mut columns: Option<BTreeSet<PlSmallStr>> =
            unified_scan_args.projection.as_ref().map(|columns| columns.iter().cloned().collect());
        if let (Some(columns), Some(predicate)) = (&mut columns, &predicate) {
            columns.extend(predicate.clone().meta().root_names());
        }
        match found.get_mut(&id) {
            None => {
                found.insert(id, (columns, predicate));
            }
            Some((known, rows)) => {
                *known = match (known.take(), columns) {
                    (Some(mut one), Some(other)) => {
                        one.extend(other);
                        Some(one)
                    }
                    _ => None,
                };
                *rows = rows.take().zip(predicate).map(|(one, other)| one.or(other));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use polars::prelude::{df, lit};

    use super::super::{DataFrame, How};
    use super::*;

    #[test]
    fn what_is_made_of_a_frame_and_of_all_its_partitions_is_found() {
        let rows = df!("k" => [1, 2, 1, 2, 3, 1], "x" => [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        let frame = DataFrame::from_polars(rows, 3).filter(col("x").gt(lit(1.5)));
        let meets = |outputs: &[&DataFrame]| {
            let nodes: Vec<&NodeRef> = outputs.iter().map(|frame| frame.node()).collect();
            meets_itself(frame.node(), &in_order(&nodes))
        };
        let usual = frame.groupby("k").agg(col("x").mean().alias("usual"));
        let beside = frame.join(&usual, "k", "k", How::Inner);
        assert!(meets(&[&beside]) && meets(&[&beside.filter(col("x").gt(col("usual")))]));
        // Each partition can go when it was looked at by both.
        assert!(!meets(&[&usual, &frame.agg([col("x").sum()])]));
        assert!(!meets(&[&frame.select([col("k")]).join(&frame, "k", "k", How::Inner)]));
    }
}
