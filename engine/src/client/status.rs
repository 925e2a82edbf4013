//! For people who look: what a client has, does, and holds.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::job::Status;
use super::running::{self, Running};
use super::{Client, Future, SpillStats, lock};
use crate::display::{MimeBundle, Show};

/// How a client stands at one moment: what [`Client::status`] gives.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ClientStatus {
    /// Threads that tasks run on.
    pub threads: usize,
    /// Tasks that wait.
    pub pending: usize,
    /// Tasks that run.
    pub processing: usize,
    /// Results that somebody holds a future of.
    pub finished: usize,
    /// Failed tasks that somebody holds a future of.
    pub errors: usize,
    /// Cancelled tasks that somebody holds a future of.
    pub cancelled: usize,
    /// What is in memory and on disk; all zeros without a memory limit.
    pub memory: SpillStats,
    /// Whether nothing new begins because memory is short.
    pub paused: bool,
    /// Of a client whose tasks run on a cluster: what the cluster has, as a person reads it.
    pub cluster: Vec<(&'static str, String)>,
}

impl ClientStatus {
    fn rows(&self) -> Vec<(&'static str, String)> {
        let mut rows = self.cluster.clone();
        rows.extend([
            ("threads", self.threads.to_string()),
            ("pending", self.pending.to_string()),
            ("processing", self.processing.to_string()),
            ("finished", self.finished.to_string()),
            ("error", self.errors.to_string()),
            ("cancelled", self.cancelled.to_string()),
        ]);
        let (here, there) = (&self.memory.in_memory, &self.memory.spilled);
        if here.count + there.count > 0 {
            rows.push(("in memory", format!("{} results, {} bytes", here.count, here.bytes)));
            rows.push(("on disk", format!("{} results, {} bytes", there.count, there.bytes)));
        }
        if let Some(problem) = &self.memory.problem {
            rows.push(("problem", problem.to_string()));
        }
        if self.paused {
            rows.push(("paused", "memory is short: nothing new begins until some is free".to_owned()));
        }
        rows
    }
}

impl std::fmt::Display for ClientStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rows: Vec<String> = self.rows().iter().map(|(label, value)| format!("{label} {value}")).collect();
        write!(f, "Client({})", rows.join(", "))
    }
}

pub(super) fn table(caption: &str, rows: &[(&'static str, String)]) -> String {
    let mut html = format!("<table class=\"taskloom-handle\"><caption>{caption}</caption>");
    for (label, value) in rows {
        let shown = crate::display::escape(value);
        let cell = match value.starts_with("http://") || value.starts_with("https://") {
            true => format!("<a href=\"{shown}\" target=\"_blank\">{shown}</a>"),
            false => shown.to_string(),
        };
        html.push_str(&format!("<tr><th>{label}</th><td>{cell}</td></tr>"));
    }
    html.push_str("</table>");
    html
}

impl Show for ClientStatus {
    fn show(&self) -> MimeBundle {
        MimeBundle::new().with("text/plain", self.to_string()).with("text/html", table("Client", &self.rows()))
    }
}

impl Show for Client {
    fn show(&self) -> MimeBundle {
        self.status().show()
    }
}

impl Client {
    /// How the client stands.
    pub fn status(&self) -> ClientStatus {
        let dispatcher = self.dispatcher();
        let count = |status| dispatcher.counts.of(status);
        ClientStatus {
            threads: dispatcher.threads(),
            pending: count(Status::Pending),
            processing: count(Status::Processing),
            finished: count(Status::Finished),
            errors: count(Status::Error),
            cancelled: count(Status::Cancelled),
            memory: dispatcher.spill.stats(),
            paused: dispatcher.spill.should_pause(),
            cluster: dispatcher.remote.as_ref().map_or_else(Vec::new, |remote| remote.rows()),
        }
    }

    /// The keys of the tasks that run at this moment, the longest submitted first; calls of actors and graphs too.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let client = Client::new()?;
    /// let (started, go_on) = (client.event("started"), client.event("go on"));
    /// let task = client.submit({ let (s, g) = (started.clone(), go_on.clone()); move || { s.set(); g.wait().is_ok() } }, ());
    /// started.wait()?;
    /// assert_eq!(client.processing(), [task.key()]);
    /// go_on.set();
    /// assert!(task.result()?);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn processing(&self) -> Vec<String> {
        self.running().iter().map(|running| running.job.key()).collect()
    }

    fn running(&self) -> Vec<Running> {
        let graphs: Vec<Running> = lock(&self.dispatcher().graphs).values().cloned().collect();
        let mut all = running::everywhere();
        all.extend(graphs);
        let mut seen = HashSet::new();
        all.retain(|running| Arc::ptr_eq(&running.job.dispatcher, self.dispatcher()) && seen.insert(running.job.key));
        all.sort_by_key(|running| running.job.key);
        all
    }

    /// Cancels all that is pending or runs, as [`Future::cancel`] does, and forgets the datasets. Results that are
    /// there, and the state of actors, stay.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let client = Client::new()?;
    /// let slow = client.submit(|| while !taskloom::is_cancelled() { sleep_ms(1) }, ());
    /// client.restart();
    /// assert!(slow.cancelled());
    /// assert_eq!(client.submit(|| 1, ()).result()?, 1);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn restart(&self) {
        self.dispatcher().cancel_pending();
        for running in self.running() {
            self.dispatcher().cancel(&running.job);
        }
        if let Some(remote) = self.remote() {
            remote.cancel_all();
        }
        let datasets = std::mem::take(&mut *lock(&self.inner.datasets));
        drop(datasets);
    }

    /// Where the results of these futures are, by key: `memory`, `disk`, `cluster`, or nowhere yet.
    pub fn who_has<T>(&self, futures: &[Future<T>]) -> BTreeMap<String, Option<&'static str>> {
        let place = |future: &Future<T>| match future.job().size() {
            Some((_, disk)) => Some(if disk { "disk" } else { "memory" }),
            None => (future.status() == Status::Finished && future.job().there().is_some()).then_some("cluster"),
        };
        futures.iter().map(|future| (future.key(), place(future))).collect()
    }

    /// The size of the results of these futures in bytes, by key; without those that are not there.
    pub fn nbytes<T: Send + Sync + 'static>(&self, futures: &[Future<T>]) -> BTreeMap<String, u64> {
        let size = |future: &Future<T>| match future.job().size()? {
            // Without a limit nobody has measured it yet.
            (0, false) => future.shared().ok().map(|value| crate::nbytes(&*value)),
            (bytes, _) => Some(bytes),
        };
        futures.iter().filter_map(|future| Some((future.key(), size(future)?))).collect()
    }
}
