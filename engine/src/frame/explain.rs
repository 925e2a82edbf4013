//! What will be done, in words.

use std::fmt::Write as _;

use super::lower::Lowering;
use super::node::{NodeRef, Op};
use super::rows::{RowStep, in_words};

/// The expression as it was written, and what each task of it reads.
pub(crate) fn explained(node: &NodeRef) -> String {
    let mut text = String::from("Written:\n");
    written(node, 1, &mut text);
    text.push_str("\nTasks:\n");
    let lowering = Lowering::new(&[node]);
    planned(node, &lowering, 1, &mut text);
    text
}

fn line(depth: usize, words: &str, text: &mut String) {
    _ = writeln!(text, "{:indent$}{words}", "", indent = 2 * depth);
}

fn partitions(node: &NodeRef) -> String {
    format!("{} partition{}", node.npartitions, if node.npartitions == 1 { "" } else { "s" })
}

fn about(node: &NodeRef) -> String {
    match &node.op {
        Op::Memory(_) => format!("{}: {} in memory", node.name, partitions(node)),
        Op::Source(source) => format!("{}: {}", source.about(), partitions(node)),
        Op::Rows { step, .. } => step.about(),
        Op::Across(operation) => format!("{}: {}", operation.about(), partitions(node)),
    }
}

fn written(node: &NodeRef, depth: usize, text: &mut String) {
    let mut inputs = node.inputs();
    match &node.op {
        Op::Across(operation) if let Some(words) = operation.written() => {
            line(depth, &words, text);
            // Its parts belong to it.
            if let [part] = inputs[..]
                && let Op::Rows { input, step: RowStep::Partial(..) } = &part.op
            {
                inputs = vec![input];
            }
        }
        _ => line(depth, &about(node), text),
    }
    inputs.into_iter().for_each(|input| written(input, depth + 1, text));
}

/// A line for what becomes a task, with the steps that it does after one another.
fn planned(node: &NodeRef, lowering: &Lowering, depth: usize, text: &mut String) {
    let (mut at, mut steps) = (node, Vec::new());
    while let Op::Rows { input, step } = &at.op {
        steps.push(step.about());
        at = input;
        if lowering.is_shared(at) {
            break;
        }
    }
    steps.reverse();
    let mut words = about(at);
    if let Some((columns, predicate)) = lowering.wanted(at) {
        if let Some(columns) = columns {
            _ = write!(words, ", {} of {} columns ({})", columns.len(), at.schema.len(), columns.join(", "));
        }
        if let Some(predicate) = predicate {
            _ = write!(words, ", rows where {}", in_words(&predicate));
        }
    }
    if !steps.is_empty() {
        words = format!("{words} → {}", steps.join(" → "));
    }
    if lowering.is_shared(at) {
        words.push_str(" (once, for all that need it)");
    }
    line(depth, &words, text);
    if !matches!(at.op, Op::Rows { .. }) {
        at.inputs().into_iter().for_each(|input| planned(input, lowering, depth + 1, text));
    }
}
