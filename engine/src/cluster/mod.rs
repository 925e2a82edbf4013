//! The same graph on a Dask cluster: its scheduler, workers, dashboard, spilling and fault tolerance, and this program's
//! compiled code.
//!
//! ```no_run
//! use taskloom::prelude::*;
//!
//! fn square(x: i64) -> i64 { x * x }
//!
//! let client = Client::local_cluster(4)?;             // or Client::connect("tcp://scheduler:8786")?
//! client.set_default()?;
//! let sum: Delayed<i64> = (1..100).map(|n| delayed!(square({ n }))).sum();
//! println!("{}", sum.compute()?);                     // on four processes
//! println!("{}", client.submit(square, (7,)).result()?);
//! # Ok::<(), taskloom::Error>(())
//! ```
//!
//! # How a task runs
//! ```text
//!  this program                    Dask                              a worker of Dask's
//!  ┌───────────────────┐  stdio   ┌────────────────┐   ┌───────────┐  ┌─────────────────────┐ socket ┌──────────────┐
//!  │ run: graph        │ ───────► │ client.py:     │ ► │ scheduler │ ►│ worker.py: thread,  │ ─────► │ this program │
//!  │   └ piece, value  │ ◄─────── │ distributed's  │   │           │  │ Value(handle)       │ ◄───── │ once more    │
//!  │ helper            │  frames  │ Client         │   └───────────┘  │ pickle, spill, move │ frames │ worker, piece│
//!  └───────────────────┘          └────────────────┘                  └─────────────────────┘        └──────────────┘
//! ```
//! - `client`: futures of a [`Client`](crate::Client) whose tasks run there;
//! - `piece`: a task as bytes (code by content and offset, encoded arguments, how its inputs are read), and running one;
//! - `value`: results as bytes;
//! - `worker`: the server that this program is when a Dask worker has started it, before `main`;
//! - `helper`: the Python process on the client's side; `wire`: frames of both;
//! - `run`, here: a graph there and its results back.
//!
//! All of them use `travel`, `task`, `graph` and `scheduler`; nothing uses them but whoever asks for a cluster. The
//! scheduler knows a cluster as something that [runs graphs](crate::scheduler).
//!
//! What crosses: to Dask, keys with the names of functions, bytes, and which key needs which. Dask never looks into the
//! bytes. A result stays in the memory of the worker's program as a value, with a handle and a size for Dask; only when
//! Dask moves or spills it does it become bytes. What one worker computes and uses is never encoded.
//!
//! # Who may run what
//! Tasks are compiled code, so whoever reaches the scheduler can run anything on the workers, as with Dask itself.

mod client;
mod helper;
mod piece;
mod value;
mod wire;
#[cfg(unix)]
mod worker;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use client::There;
use helper::{Failure, Helper, Pending, Unanswered, trouble};
use piece::{Packing, engine};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wire::Bytes;

use crate::client::held_by;
use crate::error::{Error, Result, TaskError};
use crate::graph::{Graph, NodeId};
use crate::recreate::Scene;
use crate::scheduler::{ClusterId, Elsewhere, InterruptCheck, Scheduler, blocking, register_elsewhere};
use crate::task::Value;
use crate::travel::objects::{self, ObjectId};

/// Names the scheduler, as for Dask's own clients.
const ADDRESS: &str = "DASK_SCHEDULER_ADDRESS";

/// How often a wait looks whether it was interrupted.
const LOOK: Duration = Duration::from_millis(20);

/// A connection to a Dask cluster. Cloning shares it; the last one closes it, and ends a local cluster.
#[derive(Clone)]
pub struct Cluster {
    connection: Arc<Connection>,
}

struct Connection {
    this: Weak<Connection>,
    helper: Helper,
    id: ClusterId,
    status: ClusterStatus,
    /// The engine's object here: the program's name on the workers.
    engine: ObjectId,
    /// What the workers have been given.
    sent: Mutex<BTreeSet<ObjectId>>,
}

/// A cluster as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ClusterStatus {
    /// Of the scheduler.
    pub address: String,
    /// Dask's dashboard, where there is one.
    pub dashboard: Option<String>,
    /// Worker processes.
    pub workers: usize,
    /// Tasks that can run at once.
    pub threads: usize,
    /// Bytes of memory that the workers may use; those without a limit do not count.
    pub memory: u64,
}

#[derive(Serialize)]
struct Connect<'a> {
    address: &'a str,
    workers: Option<usize>,
    threads: usize,
    timeout: f64,
}

/// What a machine must have to run this program.
#[derive(Serialize)]
struct Needs {
    arch: &'static str,
    os: &'static str,
    libc: String,
    features: Vec<&'static str>,
}

#[derive(Serialize)]
struct Program {
    identity: String,
    path: String,
    content: Option<Bytes>,
    environment: BTreeMap<&'static str, String>,
    needs: Needs,
}

#[derive(Serialize)]
struct Object {
    identity: String,
    content: Bytes,
}

#[derive(Serialize)]
struct Tasks {
    /// Key, piece, and the keys that it needs.
    tasks: Vec<(String, Bytes, Vec<String>)>,
    outputs: Vec<String>,
}

#[derive(Serialize)]
struct Submit {
    tasks: Vec<(String, Bytes, Vec<String>)>,
    output: String,
    priority: i64,
    retries: u32,
    resources: BTreeMap<String, f64>,
}

#[derive(Serialize)]
struct Number {
    number: u64,
}

#[derive(Serialize)]
struct Key<'a> {
    key: &'a str,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ClusterStatus { address, workers, threads, .. } = &self.connection.status;
        write!(f, "Cluster({address}, {workers} workers, {threads} threads)")
    }
}

impl Cluster {
    /// Connects to a scheduler; an empty address is the one in `DASK_SCHEDULER_ADDRESS`.
    ///
    /// The Python that `TASKLOOM_DASK_PYTHON` names, or `python3`, must have `distributed`, in the version of the cluster.
    /// Its workers and its scheduler must have the package `taskloom-dask`.
    ///
    /// # Errors
    /// [`Error::Cluster`] when there is no such Python, nobody answers there, or this program does not run on the workers.
    pub fn connect(address: &str) -> Result<Cluster> {
        let named = std::env::var(ADDRESS).unwrap_or_default();
        let address = if address.is_empty() { &named } else { address };
        if address.is_empty() {
            let example = "`tcp://scheduler:8786`";
            return Err(trouble(format!(
                "no address of a Dask scheduler: give one such as {example}, or set {ADDRESS}"
            )));
        }
        Cluster::open(&Connect { address, workers: None, threads: 0, timeout: 10.0 })
    }

    /// Starts a scheduler and so many worker processes on this machine, with its cores divided among them.
    ///
    /// # Errors
    /// [`Error::Cluster`] when there is no Python with `distributed`, or the processes do not start.
    pub fn local(workers: usize) -> Result<Cluster> {
        if workers == 0 {
            return Err(trouble("a cluster of 0 workers computes nothing: ask for at least 1"));
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Cluster::open(&Connect {
            address: "",
            workers: Some(workers),
            threads: (cores / workers).max(1),
            timeout: 30.0,
        })
    }

    fn open(request: &Connect<'_>) -> Result<Cluster> {
        let engine = engine()?;
        let helper = Helper::start()?;
        let status: ClusterStatus = helper.call("connect", request)?;
        let program = program(engine, is_here(&status.address))?;
        let () = helper.call("program", &program)?;
        let connection = Arc::new_cyclic(|this: &Weak<Connection>| {
            let id = register_elsewhere(Weak::clone(this) as Weak<dyn Elsewhere>);
            Connection {
                this: Weak::clone(this),
                helper,
                id,
                status,
                engine,
                sent: Mutex::new(BTreeSet::from([engine])),
            }
        });
        Ok(Cluster { connection })
    }

    /// The scheduler that runs graphs there, for `compute_with` and `scope`. It is good for as long as the cluster is held.
    pub fn scheduler(&self) -> Scheduler {
        Scheduler::Cluster(self.connection.id)
    }

    /// Makes every compute in the process run there that does not name another scheduler.
    pub fn set_default(&self) {
        /// Holds the default cluster, so that it is there when nobody else holds it.
        static DEFAULT: Mutex<Option<Cluster>> = Mutex::new(None);
        let before = DEFAULT.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).replace(self.clone());
        self.scheduler().set_global();
        drop(before);
    }

    /// Workers, threads and memory as they are now.
    ///
    /// # Errors
    /// [`Error::Cluster`] when the connection is gone.
    pub fn status(&self) -> Result<ClusterStatus> {
        self.connection.helper.call("status", &())
    }
}

/// Whether an address is on this machine, so that its workers see the same files.
fn is_here(address: &str) -> bool {
    let host = address.split_once("://").map_or(address, |(_, rest)| rest);
    host.starts_with("127.0.0.1")
        || host.starts_with("localhost")
        || host.starts_with("[::1]")
        || address.starts_with("inproc")
}

/// This program, as a worker is to start it.
fn program(engine: ObjectId, same_files: bool) -> Result<Program> {
    if !objects::is_of_program(program as *const ()) {
        return Err(trouble(
            "the engine is a library of this process, as in a notebook, and a worker can only start a program that holds \
             the engine itself: connect from an ordinary Rust program",
        ));
    }
    let path =
        std::env::current_exe().map_err(|error| trouble(format!("this program's file is not known: {error}")))?;
    let content = match same_files {
        true => None,
        false => {
            let read = std::fs::read(&path);
            Some(Bytes(read.map_err(|error| trouble(format!("cannot read {}: {error}", path.display())))?))
        }
    };
    // Where the engine is a library, the program needs to find it there as it did here.
    let variables = ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"];
    let environment = variables.into_iter().filter_map(|name| Some((name, std::env::var(name).ok()?))).collect();
    Ok(Program { identity: engine.to_string(), path: path.display().to_string(), content, environment, needs: needs() })
}

fn needs() -> Needs {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it gives a constant C string.
    let libc = unsafe { std::ffi::CStr::from_ptr(libc::gnu_get_libc_version()) }.to_string_lossy().into_owned();
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    let libc = String::new();
    let mut features = Vec::new();
    macro_rules! feature {
        ($($name:tt as $shown:literal),*) => { $( if cfg!(target_feature = $name) { features.push($shown); } )* };
    }
    feature!(
        "sse4.2" as "sse4_2", "avx" as "avx", "avx2" as "avx2", "fma" as "fma", "bmi2" as "bmi2",
        "avx512f" as "avx512f", "avx512vl" as "avx512vl", "sve" as "sve"
    );
    let os = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
    // Python calls the processor of Apple's machines otherwise.
    let arch = if cfg!(all(target_os = "macos", target_arch = "aarch64")) { "arm64" } else { std::env::consts::ARCH };
    Needs { arch, os, libc, features }
}

impl Connection {
    /// Gives the workers the objects that they do not have, each once.
    fn send(&self, needed: &BTreeSet<ObjectId>) -> Result<()> {
        let mut sent = self.sent.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        for &object in needed {
            if sent.contains(&object) {
                continue;
            }
            let content = objects::bytes_of(&object).map_err(|error| trouble(error.to_string()))?;
            let () = self.helper.call("object", &Object { identity: object.to_string(), content: Bytes(content) })?;
            sent.insert(object);
        }
        Ok(())
    }

    /// The graph as tasks of Dask's. Nodes that are there already become keys that the others need.
    fn pack(&self, graph: &Graph, run: u64) -> Result<(Tasks, Packing)> {
        let mut packing = Packing::default();
        let mut keys = Vec::with_capacity(graph.node_count());
        for id in graph.ids() {
            keys.push(match held_by(graph.step(id)) {
                None => key(graph, run, id),
                Some(held) => {
                    let there = held.as_any().downcast_ref::<There>().filter(|there| there.is_of(self));
                    let elsewhere = "it is the result of a future of another client; gather it and pass the value";
                    let there = there.ok_or_else(|| piece::stays(graph.name(id), elsewhere))?;
                    packing.there.insert(id, there.reading.clone());
                    there.key.clone()
                }
            });
        }
        let mut tasks = Vec::with_capacity(graph.node_count());
        for id in graph.ids().filter(|id| !packing.there.contains_key(id)).collect::<Vec<_>>() {
            let mut bytes = self.engine.as_bytes().to_vec();
            bytes.extend(packing.piece(graph, id)?.to_bytes());
            let needs = graph.inputs(id).iter().map(|&input| keys[input as usize].clone()).collect();
            tasks.push((keys[id as usize].clone(), Bytes(bytes), needs));
        }
        self.send(&packing.objects)?;
        let outputs = graph.outputs().iter().map(|&output| keys[output as usize].clone()).collect();
        Ok((Tasks { tasks, outputs }, packing))
    }

    /// What a person hears of a computation that failed there.
    fn explain(graph: &Graph, run: u64, unanswered: Unanswered) -> Error {
        let failure = match unanswered {
            Unanswered::Failed(failure) => failure,
            Unanswered::Broken(error) => return error,
            Unanswered::NotYet => return trouble("the cluster has not answered yet"),
        };
        let Failure { kind, message, key: failed, task, panicked } = failure;
        match kind.as_str() {
            "task" => {
                let node = graph.ids().find(|&id| key(graph, run, id) == failed);
                let waiting = || graph.outputs().iter().map(|&output| graph.name(output).to_owned()).collect();
                let needed_by: Vec<String> = node.map_or_else(waiting, |node| graph.needed_by(node));
                let scene = node.map(|node| Scene::of(graph, node));
                Error::Task(TaskError { task, message, panicked, needed_by: needed_by.into(), source: None, scene })
            }
            "refused" => trouble(message),
            "KilledWorker" => trouble(format!(
                "{message} Every worker that began this task ended before it did: it may need more memory than a worker has, \
                 or it ends the process, as a segmentation fault does"
            )),
            "CancelledError" | "FutureCancelledError" | "FuturesCancelledError" => {
                let task = graph.outputs().first().map_or_else(String::new, |&output| graph.name(output).to_owned());
                let because = ", here or on the cluster, or the cluster lost what it needs".to_owned();
                Error::FutureCancelled { task, because }
            }
            _ => trouble(format!("the cluster did not give a result: {kind}: {message}")),
        }
    }

    /// Waits for an answer, and looks out for interrupts.
    fn wait<T: DeserializeOwned>(
        &self,
        pending: &Pending<'_>,
        interrupted: impl Fn() -> Error,
    ) -> std::result::Result<T, Unanswered> {
        let interrupts = InterruptCheck::new();
        blocking(|| {
            loop {
                match pending.wait(LOOK) {
                    Err(Unanswered::NotYet) if interrupts.is_interrupted() => {
                        return Err(Unanswered::Broken(interrupted()));
                    }
                    Err(Unanswered::NotYet) => {}
                    answer => return answer,
                }
            }
        })
    }
}

/// Dask's key of a node: the function's name first, since that is what its dashboard shows.
fn key(graph: &Graph, run: u64, id: NodeId) -> String {
    // The digit keeps Dask from taking the number for a part of the name.
    format!("{}-0{run:x}-{id}", graph.name(id))
}

fn new_run() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

impl Elsewhere for Connection {
    fn run(&self, graph: Graph) -> Result<Vec<Value>> {
        if graph.is_empty() {
            let values = graph.outputs().iter().map(|&output| graph.data(output).cloned());
            return Ok(values.map(|value| value.unwrap_or_else(|| unreachable!("there are no tasks"))).collect());
        }
        let run = new_run();
        let (request, _) = self.pack(&graph, run)?;
        let pending = self.helper.ask("compute", &request)?;
        drop(request);
        let interrupted = || {
            let cancelled = self.helper.tell("cancel", &Number { number: pending.number });
            cancelled.err().unwrap_or(Error::Cancelled { done: 0, total: graph.len() })
        };
        let encoded: std::result::Result<Vec<Bytes>, _> = self.wait(&pending, interrupted);
        let encoded = encoded.map_err(|why| Connection::explain(&graph, run, why))?;
        let decode = |(&output, bytes): (&NodeId, Bytes)| {
            let codec = graph.step(output).body().result_codec();
            value::decode(&bytes.0, codec).map_err(|why| piece::stays(graph.name(output), why))
        };
        graph.outputs().iter().zip(encoded).map(decode).collect()
    }

    fn threads(&self) -> usize {
        self.status.threads.max(1)
    }
}
