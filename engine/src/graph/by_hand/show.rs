//! A graph written by hand, for people to read.

use std::fmt;

use super::entry::Need;
use super::{Entry, GraphError, Key, TaskGraph};
use crate::display::{MimeBundle, Show, escape, short_type};
use crate::draw::Kind;
use crate::graph::{Graph, NodeId};
use crate::visualize::{Appearance, Drawing, Sketch};

/// A table of more keys than this is cut.
const ROWS: usize = 50;

impl TaskGraph {
    /// What stands behind a key, as a line: `z = add(y, 10) → i64`.
    ///
    /// A long text or list is cut, and a value that cannot be written in a few words is shown as its type.
    ///
    /// # Errors
    /// [`GraphError::Unknown`] when the key is not there.
    pub fn describe(&self, key: &str) -> Result<String, GraphError> {
        let (key, entry) = self.at(self.known(key)?);
        Ok(described(key, entry))
    }

    /// A drawing of the graph, also of one that would not run: a key that is missing is red, and a circle is a circle.
    ///
    /// Tasks carry the names of their functions, values and other names their keys.
    pub fn visualize(&self) -> Drawing {
        Drawing::of_keys(self.clone())
    }

    /// What a drawing of the graph shows.
    pub(crate) fn sketch(&self) -> Sketch {
        let mut order: Vec<Option<usize>> = vec![None; self.places()];
        for (key, place) in self.order().unwrap_or_default() {
            if let Some(at) = self.place(key.as_str()) {
                order[at as usize] = Some(place);
            }
        }
        let mut nodes: Vec<Appearance> = Vec::with_capacity(self.len());
        let mut edges = Vec::new();
        // Places without a key have no node.
        let mut node_of = vec![0; self.places()];
        for place in self.all() {
            node_of[place as usize] = nodes.len();
            nodes.push(self.appearance(place, order[place as usize]));
        }
        let mut handles = Vec::new();
        let mut missing: std::collections::HashMap<&Key, usize> = std::collections::HashMap::new();
        for place in self.all() {
            let consumer = node_of[place as usize];
            for need in self.at(place).1.needs.iter() {
                let producer = match need {
                    Need::Step(step) => {
                        handles.push((std::sync::Arc::clone(step), consumer));
                        continue;
                    }
                    Need::Key(key, _) => match self.place(key.as_str()) {
                        Some(place) => node_of[place as usize],
                        None => *missing.entry(key).or_insert_with(|| {
                            nodes.push(Appearance::missing(key.to_string()));
                            nodes.len() - 1
                        }),
                    },
                };
                edges.push((producer, consumer));
            }
        }
        // Handles from outside are drawn with all that they need.
        let steps: Vec<_> = handles.iter().map(|(step, _)| std::sync::Arc::clone(step)).collect();
        let outside = Graph::lower(&steps);
        let first = nodes.len();
        let sketch = Sketch::of(&outside, false);
        nodes.extend(sketch.nodes);
        edges.extend(sketch.edges.into_iter().map(|(from, to)| (first + from, first + to)));
        let node_of_handle = |&id: &NodeId| first + id as usize;
        edges.extend(outside.outputs().iter().map(node_of_handle).zip(handles.iter().map(|&(_, consumer)| consumer)));
        Sketch { nodes, edges }
    }

    fn appearance(&self, place: u32, order: Option<usize>) -> Appearance {
        let (key, entry) = self.at(place);
        let task = entry.step.as_ref().filter(|step| step.is_task());
        Appearance {
            label: task.map_or_else(|| key.to_string(), |step| step.name().to_owned()),
            kind: if task.is_some() { Kind::Task } else { Kind::Data },
            detail: described(key, entry),
            keys: entry.step.as_ref().map(|step| step.keys()).unwrap_or_default(),
            order: task.and(order),
            is_missing: false,
        }
    }
}

fn described(key: &Key, entry: &Entry) -> String {
    match &entry.step {
        None => format!("{key} = {}, another name for it", entry.written()),
        Some(step) => {
            let (written, type_name) = (entry.written(), short_type(step.body().type_name()));
            // A value that is shown as its type needs not say it twice.
            if written == type_name && !step.is_task() {
                return format!("{key} = a value of type {type_name}");
            }
            format!("{key} = {written} → {type_name}")
        }
    }
}

impl fmt::Debug for TaskGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Show for TaskGraph {
    fn show(&self) -> MimeBundle {
        let plural = if self.len() == 1 { "" } else { "s" };
        let caption = format!("a graph of {} key{plural}", self.len());
        let mut text = caption.clone();
        let mut html = format!(
            "<table class=\"taskloom-keys\"><caption>{caption}</caption>\
             <thead><tr><th>key</th><th>is</th><th>from</th><th>type</th><th>needs</th></tr></thead><tbody>"
        );
        for (key, entry) in self.iter().take(ROWS) {
            text.push_str(&format!("\n  {}", described(key, entry)));
            let (is, type_name) = match &entry.step {
                None => ("another name", String::new()),
                Some(step) if step.is_task() => ("a task", short_type(step.body().type_name())),
                Some(step) => ("a value", short_type(step.body().type_name())),
            };
            let needs: Vec<String> = self
                .dependencies(key.as_str())
                .unwrap_or_default()
                .iter()
                .map(|needed| match self.contains(needed.as_str()) {
                    true => escape(needed.as_str()),
                    false => format!("{} (missing)", escape(needed.as_str())),
                })
                .collect();
            html.push_str(&format!(
                "<tr><th>{}</th><td>{is}</td><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
                escape(key.as_str()),
                escape(&entry.written()),
                escape(&type_name),
                shortened(&needs)
            ));
        }
        html.push_str("</tbody></table>");
        if let Some(more) = self.len().checked_sub(ROWS).filter(|&more| more > 0) {
            text.push_str(&format!("\n  … and {more} more"));
            html.push_str(&format!("<small>… and {more} more</small>"));
        }
        MimeBundle::new().with("text/plain", text).with("text/html", html)
    }
}

/// The first of a long list, and how many more there are.
fn shortened(names: &[String]) -> String {
    const LISTED: usize = 8;
    match names.len().checked_sub(LISTED) {
        Some(more) if more > 0 => format!("{} and {more} more", names[..LISTED].join(", ")),
        _ => names.join(", "),
    }
}
