//! Schedulers that are not in this process. They are known here by what they do and by a number, so that a
//! [`Scheduler`](super::Scheduler) stays a small value to copy.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, Weak};

use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::task::Value;

/// Runs graphs somewhere else.
pub(crate) trait Elsewhere: Send + Sync {
    /// All that the outputs need; their values, in order.
    fn run(&self, graph: Graph) -> Result<Vec<Value>>;

    /// How many tasks run there at once.
    fn threads(&self) -> usize;
}

/// Names a cluster that this process is connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClusterId(u32);

#[derive(Default)]
struct Known {
    places: HashMap<u32, Weak<dyn Elsewhere>>,
    last: u32,
}

fn known() -> MutexGuard<'static, Known> {
    static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);
    KNOWN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Makes a place known for as long as somebody holds it.
pub(crate) fn register_elsewhere(place: Weak<dyn Elsewhere>) -> ClusterId {
    let mut known = known();
    known.places.retain(|_, place| place.strong_count() > 0);
    known.last += 1;
    let id = known.last;
    known.places.insert(id, place);
    ClusterId(id)
}

pub(super) fn find(id: ClusterId) -> Result<Arc<dyn Elsewhere>> {
    known().places.get(&id.0).and_then(Weak::upgrade).ok_or_else(|| Error::Cluster {
        message: "the client of this cluster has been dropped: connect again, or compute here with \
                  `Scheduler::Default.set_global()`"
            .to_owned(),
    })
}
