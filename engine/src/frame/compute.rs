//! Running what was built.

use std::sync::Arc;

use polars::prelude::DataFrame as Rows;

use super::DataFrame;
use super::codec::from_ipc;
use super::explain::explained;
use super::lower::Lowering;
use super::methods::count;
use super::node::{Node, NodeRef, Op, known_rows};
use super::stack::below;
use super::thread;
use crate::delayed::{Delayed, Gathered, Output};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::scheduler::{self, Scheduler};
use crate::task::{Value, taken};
use crate::visualize::Drawing;

impl DataFrame {
    /// Runs the graph on the default scheduler and gives all rows, as a Polars `DataFrame`.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let trips = DataFrame::from_polars(taskloom::polars::df!("zone" => [1, 2, 1], "tip" => [2.0, 0.5, 1.0])?, 2);
    /// assert_eq!(trips.filter(col("tip").gt(0.7)).compute()?.height(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Task`] when a task fails: it names the task, the partition or file, and who needed it.
    /// [`Error::Cancelled`] when the computation was interrupted.
    pub fn compute(&self) -> Result<Rows> {
        self.compute_with(Scheduler::default())
    }

    /// Runs the graph on the scheduler given.
    ///
    /// # Errors
    /// As [`compute`](DataFrame::compute).
    pub fn compute_with(&self, scheduler: Scheduler) -> Result<Rows> {
        assembled(self.node(), scheduler::run(self.graph(), scheduler)?)
    }

    /// Runs the graph now and keeps the partitions in memory: what is built on the frame that comes back starts from them.
    ///
    /// # Errors
    /// As [`compute`](DataFrame::compute).
    pub fn persist(&self) -> Result<DataFrame> {
        Ok(kept(self.node(), scheduler::run(self.graph(), Scheduler::default())?))
    }

    /// The graph: a task for each partition, where all steps on its rows are one.
    pub fn graph(&self) -> Graph {
        Graph::lower(&Lowering::new(&[self.node()]).all(self.node()))
    }

    /// A drawing of the graph; the last expression of a cell shows it.
    pub fn visualize(&self) -> Drawing {
        Drawing::of(&self.graph())
    }

    /// The partitions as delayed values.
    pub fn to_delayed(&self) -> Vec<Delayed<Rows>> {
        Lowering::new(&[self.node()]).all(self.node()).into_iter().map(Delayed::from_step).collect()
    }

    /// The rows, from the bytes of the partitions that a [`Parcel`](crate::travel::Parcel) of this frame gave elsewhere.
    ///
    /// # Errors
    /// [`Error::Travel`] when these are not the bytes of its partitions.
    pub fn decode(&self, partitions: &[Vec<u8>]) -> Result<Rows> {
        let parts: Result<Vec<Rows>> = partitions
            .iter()
            .map(|bytes| {
                let stays = |error: polars::prelude::PolarsError| Error::Travel {
                    task: self.node().name.clone(),
                    why: super::error::sentence(&error),
                };
                from_ipc(bytes.clone()).map_err(stays)
            })
            .collect();
        stacked(parts?)
    }

    /// What will be done, in words: what was written, and below it the tasks with what each reads.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let trips = DataFrame::from_polars(taskloom::polars::df!("zone" => [1, 2, 1], "tip" => [2.0, 0.5, 1.0])?, 2);
    /// let text = trips.filter(col("tip").gt(0.7)).select([col("zone")]).explain();
    /// assert!(text.contains("filter"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn explain(&self) -> String {
        explained(self.node())
    }

    /// The first rows, computed: from the first partition, and from as many more as it takes.
    ///
    /// # Errors
    /// As [`compute`](DataFrame::compute).
    pub fn head(&self, rows: usize) -> Result<Rows> {
        let node = self.node();
        if let Op::Across(operation) = &node.op
            && let Some(first) = operation.first(rows)
        {
            return DataFrame::of(first).compute();
        }
        let mut found: Option<Rows> = None;
        for partition in 0..node.npartitions {
            let have = found.as_ref().map_or(0, Rows::height);
            let part = self.partition(partition).limit_each(rows - have).compute()?;
            found = Some(match found {
                None => part,
                Some(found) => stacked(vec![found, part])?,
            });
            if found.as_ref().map_or(0, Rows::height) >= rows {
                break;
            }
        }
        found.ok_or_else(|| unreachable!("a frame has at least one partition"))
    }

    /// The last rows, computed: from the last partition, and from as many before it as it takes.
    ///
    /// # Errors
    /// As [`compute`](DataFrame::compute).
    pub fn tail(&self, rows: usize) -> Result<Rows> {
        let mut found: Vec<Rows> = Vec::new();
        let mut have = 0;
        for partition in (0..self.npartitions()).rev() {
            let part = self.partition(partition).compute()?.tail(Some(rows - have));
            have += part.height();
            found.insert(0, part);
            if have >= rows {
                break;
            }
        }
        stacked(found)
    }

    /// The number of rows, computed: without reading any where files say it.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(DataFrame::from_polars(taskloom::polars::df!("zone" => [1, 2, 1])?, 2).len()?, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`compute`](DataFrame::compute).
    #[allow(
        clippy::len_without_is_empty,
        reason = "whether a lazy frame is empty takes a computation too: `len()? == 0`"
    )]
    pub fn len(&self) -> Result<usize> {
        if let Some(rows) = known_rows(self.node()) {
            return Ok(rows.into_iter().sum());
        }
        let counts = scheduler::run(count(self.node()), Scheduler::default())?;
        Ok(counts.into_iter().map(|count| taken::<u64>(count) as usize).sum())
    }
}

/// The partitions below one another.
fn stacked(parts: Vec<Rows>) -> Result<Rows> {
    below(parts).map_err(|error| Error::Frame { message: super::error::sentence(&error) })
}

fn assembled(node: &Node, values: Vec<Value>) -> Result<Rows> {
    let mut parts: Vec<Rows> = values.into_iter().map(taken::<Rows>).collect();
    if parts.len() == 1 {
        return Ok(parts.remove(0));
    }
    debug_assert_eq!(parts.len(), node.npartitions);
    thread::wide(|| stacked(parts))
}

/// A frame of partitions that are in memory.
fn kept(node: &NodeRef, values: Vec<Value>) -> DataFrame {
    let parts: Vec<Arc<Rows>> = values.into_iter().map(|value| Arc::new(taken::<Rows>(value))).collect();
    DataFrame::of(Node::memory(&node.name, Arc::clone(&node.schema), parts, node.divisions.clone()))
}

impl Output for DataFrame {
    type Value = Rows;
    type Kept = DataFrame;
    fn gather(&self, into: &mut Gathered) {
        into.expression(self.node());
    }
    fn take(&self, values: &mut std::vec::IntoIter<Value>) -> Rows {
        let values = values.take(self.npartitions()).collect();
        assembled(self.node(), values).unwrap_or_else(|error| panic!("{error}"))
    }
    fn keep(&self, values: &mut std::vec::IntoIter<Value>) -> DataFrame {
        kept(self.node(), values.take(self.npartitions()).collect())
    }
}
