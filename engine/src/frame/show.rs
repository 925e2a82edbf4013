//! A lazy frame as text and as HTML: its columns, their types, and how it is cut; never its rows.

use std::fmt::Write as _;

use super::DataFrame;
use super::node::NodeRef;
use super::plan::in_order;
use crate::display::table::{self, Cell, Head, MOST_COLUMNS, clipped, shown};
use crate::display::{MimeBundle, Show};
use crate::draw::grouped;

/// The most partitions that are shown, and columns as text, where each takes a line.
const MOST_PARTITIONS: usize = 6;
const MOST_LINES: usize = 40;
/// The most operations that are named.
const MOST_NAMES: usize = 6;
/// A graph of more tasks than this is not built to be counted.
const MOST_COUNTED: usize = 20_000;

/// "1 partition", "12 partitions".
pub(crate) fn plural(count: usize, what: &str) -> String {
    format!("{} {what}{}", grouped(count as u64), if count == 1 { "" } else { "s" })
}

/// What makes it: the names of the last operations.
fn made_by(node: &NodeRef) -> String {
    let (mut names, mut at) = (vec![node.name.clone()], node);
    while let Some(input) = at.inputs().first() {
        if names.len() == MOST_NAMES {
            names.push("…".to_owned());
            break;
        }
        at = input;
        names.push(at.name.clone());
    }
    names.reverse();
    names.join(" → ")
}

/// The partitions of a frame and of all that it is made of: about as many tasks as there are.
fn size(node: &NodeRef) -> usize {
    in_order(&[node]).into_iter().map(|node| node.npartitions).sum()
}

impl DataFrame {
    /// "DataFrame: 12 partitions, 19 columns, 24 tasks (lazy: read_parquet → filter)".
    fn headline(&self) -> String {
        let node = self.node();
        let mut parts = vec![plural(node.npartitions, "partition"), plural(node.schema.len(), "column")];
        if size(node) <= MOST_COUNTED {
            parts.push(plural(self.graph().len(), "task"));
        }
        format!("DataFrame: {} (lazy: {})", parts.join(", "), made_by(node))
    }

    fn text(&self) -> String {
        let node = self.node();
        let mut text = self.headline();
        if let Some(divisions) = &node.divisions {
            let values = shown(divisions.values.len(), MOST_PARTITIONS + 1).into_iter();
            let values =
                values.map(|place| place.map_or("…".to_owned(), |place| divisions.values[place].to_string()));
            _ = write!(text, "\ndivided by {} at {}", divisions.column, values.collect::<Vec<_>>().join(", "));
        }
        let names = || node.schema.iter_names().take(MOST_LINES);
        let width = names().map(|name| name.chars().count()).max().unwrap_or(0);
        for (name, kind) in node.schema.iter().take(MOST_LINES) {
            _ = write!(text, "\n  {name:width$}  {kind}");
        }
        if node.schema.len() > MOST_LINES {
            _ = write!(text, "\n  … and {} more", node.schema.len() - MOST_LINES);
        }
        text
    }

    fn html(&self) -> String {
        let node = self.node();
        let all: Vec<_> = node.schema.iter().collect();
        let columns = shown(all.len(), MOST_COLUMNS);
        let mut heads: Vec<Option<Head>> = columns
            .iter()
            .map(|place| {
                place.map(|place| Head {
                    name: all[place].0.to_string(),
                    kind: all[place].1.to_string(),
                    is_number: all[place].1.is_primitive_numeric(),
                })
            })
            .collect();
        if let Some(divisions) = &node.divisions {
            let name = format!("{} from", divisions.column);
            heads.insert(0, Some(Head { name, kind: "divisions".to_owned(), is_number: false }));
        }
        let row = |partition: Option<usize>| {
            let mut cells: Vec<Cell> = columns.iter().map(|_| Cell::More).collect();
            if let Some(divisions) = &node.divisions {
                let value = partition.map(|partition| clipped(&divisions.values[partition].to_string()));
                cells.insert(0, value.map_or(Cell::More, Cell::Value));
            }
            (partition, cells)
        };
        table::html(&self.headline(), &heads, shown(node.npartitions, MOST_PARTITIONS).into_iter().map(row).collect())
    }
}

impl std::fmt::Debug for DataFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text())
    }
}

impl Show for DataFrame {
    fn show(&self) -> MimeBundle {
        MimeBundle::new().with("text/plain", self.text()).with("text/html", self.html())
    }
}
