//! What a lazy bag looks like: what it holds, in how many partitions, and how much there is to do. It never computes.

use super::Bag;
use super::collect::collect;
use crate::delayed::Lowered;
use crate::display::{MimeBundle, Show, escape, short_type};
use crate::draw::grouped;
use crate::graph::Graph;

/// A bag of more partitions is not lowered just to be shown.
const COUNTED: usize = 1_000;

fn counted(count: usize, one: &str) -> String {
    format!("{} {one}{}", grouped(count as u64), if count == 1 { "" } else { "s" })
}

impl<T> Bag<T> {
    fn names(&self) -> String {
        let mut names = Vec::new();
        self.node.names(&mut names);
        names.join(" → ")
    }
}

impl<T> std::fmt::Debug for Bag<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (item, partitions) =
            (short_type(std::any::type_name::<T>()), counted(self.node.npartitions(), "partition"));
        write!(f, "Bag<{item}>({}, {partitions})", self.names())
    }
}

impl<T: Clone + Send + Sync + 'static> Show for Bag<T> {
    fn show(&self) -> MimeBundle {
        let partitions = self.npartitions();
        let tasks =
            (partitions <= COUNTED).then(|| Graph::lower(&super::node::Want::lower(&[&collect(&self.node)]).concat()));
        let tasks = match tasks {
            Some(graph) if graph.is_empty() => "all in memory".to_owned(),
            Some(graph) => format!("{}, none has run", counted(graph.len(), "task")),
            None => "none has run".to_owned(),
        };
        let rows = [
            ("Items", short_type(std::any::type_name::<T>())),
            ("Steps", self.names()),
            ("Partitions", grouped(partitions as u64)),
            ("Tasks", tasks.clone()),
        ];
        let mut html = String::from("<table class=\"taskloom-handle\"><caption>Bag: nothing has run yet</caption>");
        for (label, value) in rows {
            html.push_str(&format!("<tr><th>{label}</th><td>{}</td></tr>", escape(&value)));
        }
        html.push_str("</table>");
        MimeBundle::new().with("text/plain", format!("{self:?}\n{tasks}")).with("text/html", html)
    }
}
