//! Futures of a [`Client`] whose tasks run on a cluster: the results stay there until somebody asks for them.

use std::any::Any;
use std::sync::{Arc, Weak};

use super::helper::trouble;
use super::piece::{self, Reading};
use super::wire::Bytes;
use super::{Cluster, Connection, Key, Submit, Tasks, new_run, value};
use crate::client::{Client, End, Held, Remote, Wishes};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::task::Value;
use crate::travel::Codec;

/// A task of a client's on the cluster, under Dask's key. The last handle releases it.
pub(super) struct There {
    connection: Arc<Connection>,
    name: String,
    pub(super) key: String,
    pub(super) reading: Reading,
    codec: Option<Codec>,
}

impl There {
    pub(super) fn is_of(&self, connection: &Connection) -> bool {
        std::ptr::eq(&*self.connection, connection)
    }
}

impl Drop for There {
    fn drop(&mut self) {
        // Where the connection is gone, so is what it held.
        let _ = self.connection.helper.tell("release", &Key { key: &self.key });
    }
}

impl Held for There {
    fn fetch(&self) -> Result<Value> {
        let pending = self.connection.helper.ask("fetch", &Key { key: &self.key })?;
        let interrupted = || Error::Interrupted { waiting_for: format!("the result of `{}`", self.name) };
        let bytes: std::result::Result<Bytes, _> = self.connection.wait(&pending, interrupted);
        let bytes = bytes.map_err(|why| match why {
            super::Unanswered::Broken(error) => error,
            super::Unanswered::Failed(failure) => {
                trouble(format!("the result of `{}` did not come from the cluster: {}", self.name, failure.message))
            }
            super::Unanswered::NotYet => trouble("the cluster has not answered yet"),
        })?;
        value::decode(&bytes.0, self.codec).map_err(|why| piece::stays(&self.name, why))
    }

    fn cancel(&self) {
        let _ = self.connection.helper.tell("cancel_key", &Key { key: &self.key });
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Remote for Connection {
    fn submit(&self, graph: &Graph, wishes: Wishes, end: End) -> Result<Arc<dyn Held>> {
        let run = new_run();
        let (Tasks { tasks, outputs }, mut packing) = self.pack(graph, run)?;
        let (Some(&output), Some(output_key)) = (graph.outputs().first(), outputs.into_iter().next()) else {
            return Err(trouble("a graph without a result was submitted"));
        };
        let name = graph.name(output).to_owned();
        let reading = packing.reading(graph, output).map_err(|why| piece::stays(&name, why))?;
        let connection = self.this.upgrade().ok_or(Error::Closed)?;
        let codec = graph.step(output).body().result_codec();
        let there = Arc::new(There { connection, name, key: output_key.clone(), reading, codec });
        let ended: Weak<There> = Arc::downgrade(&there);
        let graph = graph.clone();
        let Wishes { priority, retries, resources } = wishes;
        let resources = resources.into_iter().collect();
        let request = Submit { tasks, output: output_key, priority, retries, resources };
        self.helper.begin("submit", &request, move |answer| {
            // Nobody holds it: nobody wants to hear of it.
            let Some(there) = ended.upgrade() else { return };
            end(match answer {
                Ok(()) => Ok(there as Arc<dyn Held>),
                Err(why) => Err(Connection::explain(&graph, run, why)),
            });
        })?;
        Ok(there)
    }

    fn threads(&self) -> usize {
        self.status.threads.max(1)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn cancel_all(&self) {
        let _ = self.helper.tell("cancel_all", &());
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let status: Result<super::ClusterStatus> = self.helper.call("status", &());
        match status {
            Ok(status) => {
                let mut rows = vec![
                    ("scheduler", status.address),
                    ("workers", status.workers.to_string()),
                    ("memory limit", format!("{:.1} GB", status.memory as f64 / 1e9)),
                ];
                rows.extend(status.dashboard.map(|link| ("dashboard", link)));
                rows
            }
            Err(error) => vec![("cluster", error.to_string())],
        }
    }
}

impl Client {
    /// A client of a Dask cluster: tasks run on its workers, and results stay there until they are asked for.
    ///
    /// An empty address is the one in `DASK_SCHEDULER_ADDRESS`. Functions and their arguments have to be able to travel
    /// (see [`crate::travel`]); a future says so when they cannot. Actors, locks, events, queues, variables and topics of
    /// such a client are in this process, where its tasks cannot reach them.
    ///
    /// # Errors
    /// As [`Cluster::connect`].
    pub fn connect(address: &str) -> Result<Client> {
        Cluster::connect(address)?.client()
    }

    /// A client of a new cluster of so many worker processes on this machine, which ends with it.
    ///
    /// # Errors
    /// As [`Cluster::local`].
    pub fn local_cluster(workers: usize) -> Result<Client> {
        Cluster::local(workers)?.client()
    }

    /// Makes every compute in the process run on this client's cluster that does not name another scheduler.
    ///
    /// # Errors
    /// [`Error::Cluster`] for a client of this machine, on whose threads computes run anyway.
    pub fn set_default(&self) -> Result<()> {
        match self.cluster() {
            Some(cluster) => {
                cluster.set_default();
                Ok(())
            }
            None => Err(trouble(
                "only a client of a cluster can be the default: computes on this machine use its threads already;                  `Client::connect` and `Client::local_cluster` give clients of clusters",
            )),
        }
    }

    /// The cluster that this client's tasks run on; `None` for a client of this machine.
    pub fn cluster(&self) -> Option<Cluster> {
        let connection = self.remote()?.as_any().downcast_ref::<Connection>()?.this.upgrade()?;
        Some(Cluster { connection })
    }
}

impl Cluster {
    /// A client whose tasks run there.
    ///
    /// # Errors
    /// [`Error::Pool`] when the threads that it waits on cannot be started.
    pub fn client(&self) -> Result<Client> {
        Client::of_remote(Arc::clone(&self.connection) as Arc<dyn Remote>)
    }
}
