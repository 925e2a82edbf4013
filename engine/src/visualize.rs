//! From a graph to a picture: what each node is called, and which arrows there are.

use std::path::Path;

use crate::display::{MimeBundle, Show, short_type};
use crate::draw::{DrawError, Kind, Node, Picture};
use crate::graph::Graph;

/// A drawing of a task graph: ends a cell to be shown, or is [saved](Drawing::save) to a file.
#[derive(Debug)]
pub struct Drawing {
    picture: Picture,
    tasks: usize,
}

impl Drawing {
    /// Draws a graph.
    pub fn of(graph: &Graph) -> Drawing {
        let nodes = graph
            .ids()
            .map(|id| Node {
                label: graph.name(id).to_owned(),
                kind: if graph.task(id).is_some() { Kind::Task } else { Kind::Data },
                detail: format!("{} → {}", graph.key(id), short_type(graph.type_name(id))),
                color: None,
            })
            .collect();
        let edges = graph
            .ids()
            .flat_map(|id| graph.inputs(id).iter().map(move |&input| (input as usize, id as usize)))
            .collect();
        Drawing { picture: Picture { nodes, edges }, tasks: graph.len() }
    }

    /// The drawing as SVG.
    pub fn svg(&self) -> String {
        self.picture.svg()
    }

    /// The drawing in Graphviz's language.
    pub fn dot(&self) -> String {
        self.picture.dot()
    }

    /// The drawing as PNG; `scale` 1.0 is one pixel for each unit of the SVG.
    ///
    /// # Errors
    /// When the picture is too large for an image.
    pub fn png(&self, scale: f32) -> Result<Vec<u8>, DrawError> {
        self.picture.png(scale)
    }

    /// Writes the drawing to a file; the ending `.svg`, `.png` or `.dot` says in which form.
    ///
    /// # Errors
    /// When the ending is another, or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), DrawError> {
        self.picture.save(path)
    }
}

impl Show for Drawing {
    fn show(&self) -> MimeBundle {
        let plural = if self.tasks == 1 { "" } else { "s" };
        MimeBundle::new()
            .with("text/plain", format!("a graph of {} task{plural}", self.tasks))
            .with("text/html", self.picture.html())
            .with("image/svg+xml", self.picture.svg())
    }
}
