//! What a lazy array looks like: shape, chunks and bytes, as text, as a table and as a drawing of its chunks.

mod blocks;
mod picture;

use std::collections::HashSet;

use super::Array;
use super::chunks::{Grid, shape_text};
use super::lower::Lowering;
use super::node::{Node, NodeRef, Op};
use crate::diagnostics::units::bytes;
use crate::display::{MimeBundle, Show, escape};
use crate::draw::grouped;
use crate::graph::Graph;

pub use blocks::BlockDrawing;

impl<T> Show for Array<T> {
    fn show(&self) -> MimeBundle {
        bundle(self.node())
    }
}

impl<T> Array<T> {
    /// A drawing of the chunks: each axis as long as the array is along it, cut where the chunks are.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<f64>::ones((300, 200), (100, 100));
    /// assert!(x.visualize_blocks().svg().starts_with("<svg"));
    /// ```
    pub fn visualize_blocks(&self) -> BlockDrawing {
        BlockDrawing::of(&self.node().grid)
    }
}

/// The rest does not depend on the element type, so a cell that shows an array has nothing to compile for it.
fn bundle(node: &NodeRef) -> MimeBundle {
    let facts = Facts::of(node);
    MimeBundle::new().with("text/plain", facts.text(node)).with("text/html", facts.html(node))
}

/// The parts of what is shown, for what has an array inside.
pub(crate) mod shown {
    use super::{Facts, NodeRef};

    /// Name, shape, chunks, bytes and tasks.
    pub(crate) fn text(node: &NodeRef) -> String {
        Facts::of(node).text(node)
    }

    /// The table and the drawing.
    pub(crate) fn html(node: &NodeRef) -> String {
        Facts::of(node).html(node)
    }

    /// `12 chunks of (100, 20)`.
    pub(crate) fn chunks(node: &NodeRef) -> String {
        format!("{} of {}", super::counted(node.grid.blocks(), "chunk"), node.grid.largest_text())
    }
}

/// What is told of an array, of its parts, and of the work.
struct Facts {
    bytes: Option<String>,
    chunk_bytes: Option<String>,
    chunk_shape: String,
    chunks: String,
    tasks: Option<String>,
}

/// An array that may need more tasks than this is not lowered just to be shown.
const COUNTED_TASKS: usize = 4_000;

/// What is told of an array all of whose blocks are there.
const IN_MEMORY: &str = "in memory";

fn counted(count: usize, one: &str) -> String {
    format!("{} {one}{}", grouped(count as u64), if count == 1 { "" } else { "s" })
}

/// Bytes of so many elements, if a `u64` holds them.
fn size(shape: &[usize], element: usize) -> Option<String> {
    let elements = shape.iter().try_fold(element as u64, |product, &len| product.checked_mul(len as u64))?;
    Some(bytes(elements))
}

impl Facts {
    fn of(node: &NodeRef) -> Facts {
        let grid = &node.grid;
        let is_known = grid.first_unknown().is_none();
        let element = node.dtype.size();
        Facts {
            bytes: if is_known { size(&grid.shape(), element) } else { None },
            chunk_bytes: if is_known { size(&grid.largest(), element) } else { None },
            chunk_shape: grid.largest_text(),
            chunks: counted(grid.blocks(), "chunk"),
            tasks: tasks(node),
        }
    }

    fn text(&self, node: &Node) -> String {
        let grid = &node.grid;
        let mut text = format!("Array<{}>({}, shape {}, ", node.dtype, node.name, grid.shape_text());
        text.push_str(&format!("chunks {})\n", self.chunk_shape));
        if let Some(bytes) = &self.bytes {
            text.push_str(&format!("{bytes} in "));
        }
        text.push_str(&self.chunks);
        match &self.chunk_bytes {
            Some(bytes) if grid.blocks() > 1 => text.push_str(&format!(" of at most {bytes}")),
            Some(_) => {}
            None => text.push_str(" of lengths that depend on values"),
        }
        match &self.tasks {
            Some(tasks) if tasks == IN_MEMORY => text.push_str("; all in memory"),
            Some(tasks) => text.push_str(&format!("; {tasks}, none has run")),
            None => {}
        }
        text
    }

    fn html(&self, node: &Node) -> String {
        let unknown = || "unknown".to_owned();
        let rows = [
            ("Bytes", self.bytes.clone().unwrap_or_else(unknown), self.chunk_bytes.clone().unwrap_or_else(unknown)),
            ("Shape", node.grid.shape_text(), self.chunk_shape.clone()),
            ("Count", self.tasks.clone().unwrap_or_else(|| "many tasks".to_owned()), self.chunks.clone()),
            ("Type", node.dtype.to_string(), "ndarray".to_owned()),
        ];
        let mut html = String::from(
            "<div class=\"taskloom-array\" style=\"display:flex;flex-wrap:wrap;gap:2em;align-items:center\"><table>",
        );
        html.push_str(&format!("<caption style=\"text-align:left;opacity:.7\">{}</caption>", escape(&node.name)));
        html.push_str("<thead><tr><th></th><th>Array</th><th>Chunk</th></tr></thead><tbody>");
        for (label, array, chunk) in rows {
            let (array, chunk) = (escape(&array), escape(&chunk));
            html.push_str(&format!("<tr><th>{label}</th><td>{array}</td><td>{chunk}</td></tr>"));
        }
        html.push_str("</tbody></table>");
        html.push_str(&picture::inline(&node.grid));
        html.push_str("</div>");
        html
    }
}

/// How many tasks there are: counted where that is quick, and otherwise about how many.
fn tasks(node: &NodeRef) -> Option<String> {
    let about = expected(node)?;
    if about > COUNTED_TASKS {
        return Some(format!("about {}", counted(rounded(about), "task")));
    }
    let tasks = Graph::lower(&Lowering::blocks_of(node)).len();
    Some(if tasks == 0 { IN_MEMORY.to_owned() } else { counted(tasks, "task") })
}

/// Two digits that count.
fn rounded(count: usize) -> usize {
    let unit = 10_usize.pow(count.checked_ilog10().unwrap_or(0).saturating_sub(1));
    (count + unit / 2) / unit * unit
}

/// The tasks that all blocks of all parts of an expression need; fewer when only some blocks are. Nothing when there are
/// more than can be counted.
fn expected(node: &NodeRef) -> Option<usize> {
    let mut seen = HashSet::from([node.id]);
    // Elementwise parts and generators are part of the task that reads them, but for the last.
    let mut left: Vec<(&NodeRef, bool)> = vec![(node, true)];
    let mut tasks = 0_usize;
    while let Some((node, has_tasks)) = left.pop() {
        let blocks = blocks(&node.grid)?;
        let reads_blocks = match &node.op {
            Op::Memory(_) => false,
            Op::Generated { .. } | Op::Elementwise { .. } => {
                tasks = tasks.checked_add(if has_tasks { blocks } else { 0 })?;
                false
            }
            Op::Reduction(reduction) => {
                // A task folds each block, and a tree merges them.
                let folded = self::blocks(&reduction.input.grid)?;
                tasks = tasks.checked_add(folded)?.checked_add(folded / 15)?.checked_add(blocks)?;
                false
            }
            Op::Blocks(_) => {
                tasks = tasks.checked_add(blocks)?;
                true
            }
        };
        for input in node.inputs() {
            if seen.insert(input.id) {
                left.push((input, reads_blocks));
            }
        }
    }
    Some(tasks)
}

fn blocks(grid: &Grid) -> Option<usize> {
    grid.axes().iter().try_fold(1_usize, |product, axis| product.checked_mul(axis.count()))
}

/// What a drawing says of a grid beside its lines.
fn about(grid: &Grid) -> String {
    let counts = shape_text(&grid.counts());
    format!("shape {} in {}: {counts}", grid.shape_text(), counted(grid.blocks(), "chunk"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::chunks::AxisChunks;

    fn html(shown: &impl Show) -> String {
        shown.show().get("text/html").expect("arrays have HTML").to_owned()
    }

    #[test]
    fn an_array_tells_its_size_and_its_work() {
        let x = Array::<f64>::ones((2000, 1000), (500, 1000));
        let shown = (&x + 1.0).sum_axis(0).show();
        assert_eq!(
            shown.get("text/plain"),
            Some("Array<f64>(sum, shape (1000,), chunks (1000,))\n7.81 KiB in 1 chunk; 5 tasks, none has run")
        );
        let html = html(&x);
        for part in ["15.3 MiB", "3.81 MiB", "(2000, 1000)", "(500, 1000)", "4 tasks", "4 chunks", "f64", "<svg"] {
            assert!(html.contains(part), "{part} is not in {html}");
        }
    }

    #[test]
    fn a_large_graph_is_not_built_to_be_shown() {
        let x = Array::<f64>::ones((1_000_000, 1_000_000), (1000, 1000));
        let y = (&x + x.t()).map_blocks(|block| block.to_owned());
        let shown = y.show();
        let text = shown.get("text/plain").unwrap();
        assert!(text.contains("about 2,000,000 tasks") && text.contains("7.28 TiB in 1,000,000 chunks"), "{text}");
        assert!(shown.get("text/html").unwrap().len() < 60_000);
    }

    #[test]
    fn what_is_not_known_is_said() {
        let grid = Grid::new(vec![AxisChunks::unknown(3), AxisChunks::whole(5)]);
        let blocks = x_blocks(&grid);
        let shown = blocks.show();
        let text = shown.get("text/plain").unwrap();
        assert!(text.contains("shape (?, 5), chunks (?, 5)") && text.contains("3 chunks of lengths"), "{text}");
        let html = shown.get("text/html").unwrap();
        assert!(html.contains("unknown") && html.contains("stroke-dasharray"), "{html}");
    }

    fn x_blocks(grid: &Grid) -> Array<f64> {
        let step = |_| crate::delayed::delayed_value(0_i64).step().clone();
        let steps = (0..grid.blocks()).map(step).collect();
        Array::of(crate::array::create::Held::node("nonzero", crate::array::DType::F64, grid.clone(), steps))
    }

    #[test]
    fn every_shape_can_be_drawn() {
        let shapes: [&[usize]; 9] = [
            &[],
            &[0],
            &[7],
            &[1, 1_000_000],
            &[4, 0, 3],
            &[300, 200, 100],
            &[5, 4, 3, 2],
            &[1; 9],
            &[usize::MAX / 8, 2],
        ];
        for shape in shapes {
            let lengths: Vec<usize> = shape.iter().map(|len| len.div_ceil(3).max(1)).collect();
            let x = Array::<u8>::zeros(ndarray::IxDyn(shape), lengths);
            let html = html(&x);
            assert!(!html.contains("NaN") && !html.contains("inf"), "{html}");
            assert_eq!(html.matches("<svg").count(), 1);
            assert!(x.visualize_blocks().svg().starts_with("<svg"));
        }
    }
}
