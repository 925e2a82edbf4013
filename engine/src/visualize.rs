//! From a graph to a picture: what each node is called, which arrows there are, and what the colours say.

mod coloring;

use std::path::Path;

use crate::display::{MimeBundle, Show, short_type};
use crate::draw::{DrawError, Kind, Picture};
use crate::graph::{Graph, TaskGraph};

pub use coloring::ColorBy;
use coloring::Coloring;

/// A drawing of a task graph: ends a cell to be shown, or is [saved](Drawing::save) to a file.
///
/// It is of the graph as it was written, each function in its own colour, until it is told otherwise:
///
/// ```
/// use taskloom::ColorBy;
/// use taskloom::prelude::*;
/// fn inc(x: i64) -> i64 { x + 1 }
///
/// let x = delayed!(inc(1));
/// let y = delayed!(inc(x)) * 2;
/// assert!(y.visualize().dot().matches("inc").count() > 1);
/// assert!(y.visualize().optimized().dot().contains("inc-inc-mul"));
/// assert!(y.visualize().color_by(ColorBy::Order).svg().contains("#3 mul"));
/// ```
#[derive(Debug)]
pub struct Drawing {
    source: Source,
    coloring: Coloring,
    picture: Picture,
    caption: Option<String>,
    tasks: usize,
}

/// What is drawn.
#[derive(Debug)]
enum Source {
    Nodes(Graph),
    Keys(TaskGraph),
}

/// What a drawing shows of a node.
#[derive(Debug)]
pub(crate) struct Appearance {
    pub(crate) label: String,
    pub(crate) kind: Kind,
    /// More for the tooltip.
    pub(crate) detail: String,
    /// The keys of the steps that run here, by which a profile knows them.
    pub(crate) keys: Vec<u64>,
    /// The place in the order in which nodes run, of a task.
    pub(crate) order: Option<usize>,
    /// It stands for something that is not there.
    pub(crate) is_missing: bool,
}

impl Appearance {
    pub(crate) fn missing(label: String) -> Self {
        let detail = "missing: the graph has no such key".to_owned();
        Appearance { label, kind: Kind::Data, detail, keys: Vec::new(), order: None, is_missing: true }
    }
}

/// All that is drawn of a graph, before it has colours.
#[derive(Debug)]
pub(crate) struct Sketch {
    pub(crate) nodes: Vec<Appearance>,
    /// From producer to consumer.
    pub(crate) edges: Vec<(usize, usize)>,
}

impl Sketch {
    /// The nodes of a graph, with their places in its order where these mean something.
    pub(crate) fn of(graph: &Graph, ordered: bool) -> Sketch {
        let nodes = graph.ids().map(|id| {
            let step = graph.step(id);
            let mut detail = format!("{} → {}", graph.key(id), short_type(graph.type_name(id)));
            if let Some(composite) = step.body().composite() {
                detail.push_str(&format!("\n{}", parts_line(composite.part_names())));
            }
            let is_task = graph.task(id).is_some();
            Appearance {
                label: graph.name(id).to_owned(),
                kind: if is_task { Kind::Task } else { Kind::Data },
                detail,
                keys: step.keys(),
                order: (ordered && is_task).then_some(id as usize),
                is_missing: false,
            }
        });
        let edges = graph.ids().flat_map(|id| graph.inputs(id).iter().map(move |&input| (input as usize, id as usize)));
        Sketch { nodes: nodes.collect(), edges: edges.collect() }
    }
}

/// What runs inside one task, in order.
fn parts_line<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    const LISTED: usize = 12;
    let count = names.len();
    let mut line = format!("{count} in one: {}", names.take(LISTED).collect::<Vec<_>>().join(", "));
    if count > LISTED {
        line.push_str(&format!(" and {} more", count - LISTED));
    }
    line
}

impl Drawing {
    /// Draws a graph.
    pub fn of(graph: &Graph) -> Drawing {
        Drawing::new(Source::Nodes(graph.clone()), Coloring::Function)
    }

    pub(crate) fn of_keys(graph: TaskGraph) -> Drawing {
        Drawing::new(Source::Keys(graph), Coloring::Function)
    }

    fn new(source: Source, coloring: Coloring) -> Drawing {
        let sketch = match &source {
            Source::Nodes(graph) => Sketch::of(graph, true),
            Source::Keys(graph) => graph.sketch(),
        };
        let tasks = sketch.nodes.iter().filter(|node| node.kind == Kind::Task).count();
        let (nodes, caption) = coloring.apply(sketch.nodes);
        Drawing { picture: Picture { nodes, edges: sketch.edges }, source, coloring, caption, tasks }
    }

    /// The graph with its chains [fused](Graph::fuse), instead of as it was written.
    pub fn optimized(self) -> Drawing {
        let source = match self.source {
            Source::Nodes(graph) => Source::Nodes(graph.optimized()),
            Source::Keys(graph) => Source::Keys(graph.fuse()),
        };
        Drawing::new(source, self.coloring)
    }

    /// Lets the colours say something else than which function a task runs. A line below the graph says what.
    ///
    /// ```
    /// use taskloom::ColorBy;
    /// use taskloom::prelude::*;
    /// let x = delayed!(i64::pow(2, 5)) + 1;
    /// let drawing = x.visualize().color_by(ColorBy::Order);
    /// assert!(drawing.svg().contains("from pale to blue"));
    /// ```
    pub fn color_by(self, by: ColorBy<'_>) -> Drawing {
        Drawing::new(self.source, Coloring::new(by))
    }

    /// The drawing as SVG.
    pub fn svg(&self) -> String {
        self.picture.svg_with(self.caption.as_deref())
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
        self.picture.png_with(scale, self.caption.as_deref())
    }

    /// Writes the drawing to a file; the ending `.svg`, `.png` or `.dot` says in which form.
    ///
    /// # Errors
    /// When the ending is another, or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), DrawError> {
        self.picture.save_with(path.as_ref(), self.caption.as_deref())
    }
}

impl Show for Drawing {
    fn show(&self) -> MimeBundle {
        let plural = if self.tasks == 1 { "" } else { "s" };
        MimeBundle::new()
            .with("text/plain", format!("a graph of {} task{plural}", self.tasks))
            .with("text/html", self.picture.html_with(self.caption.as_deref()))
            .with("image/svg+xml", self.svg())
    }
}
