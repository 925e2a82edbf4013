//! Frames side by side: rows of two with equal keys.
//!
//! ```text
//!  one side small            ─► all of it goes to every partition of the other
//!  both ordered by the key   ─► each partition meets those that its divisions overlap with
//!  otherwise                 ─► both are shuffled by the key
//! ```

mod way;

use std::sync::Arc;

use polars::prelude::{
    DataFrame as Rows, DataType, IntoLazy, JoinArgs, JoinCoalesce, JoinType, LazyFrame, PolarsResult, col,
};

use super::DataFrame;
use super::error::{Built, FrameError, built};
use super::given::Names;
use super::lower::{Chunk, Lowering, partition_task};
use super::node::{Node, NodeRef, Operation};
use super::shuffle::{Then, gather_task};
use crate::task::{Step, packed};
use way::{Way, way_of};
pub(crate) use way::{column_of, split_as};

/// Which rows a join gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Those with a partner on the other side.
    Inner,
    /// All of the left side; nulls where there is no partner.
    Left,
    /// All of the right side; nulls where there is no partner.
    Right,
    /// All of both sides, with one column for each key.
    Outer,
    /// Those of the left side that have a partner, once each, and no columns of the right side.
    Semi,
    /// Those of the left side that have no partner.
    Anti,
    /// Each of the left side with each of the right side.
    Cross,
}

packed!(
    enum How {
        Inner,
        Left,
        Right,
        Outer,
        Semi,
        Anti,
        Cross,
    }
);

/// How a join brings equal keys together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// What fits best by what is known of the sizes.
    #[default]
    Auto,
    /// The right side, or the left where it has to be, goes to every partition of the other.
    Broadcast,
    /// Both sides are shuffled by the key.
    Shuffle,
}

/// A join in detail; [`How`] alone does for most.
///
/// ```
/// use taskloom::dataframe::{How, Join};
/// let join = Join::new(How::Left).suffix("_zone");
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Join {
    how: How,
    suffix: String,
    nulls_equal: bool,
    strategy: Strategy,
    npartitions: Option<usize>,
}

impl Join {
    /// A join of this kind.
    pub fn new(how: How) -> Join {
        Join { how, suffix: "_right".to_owned(), nulls_equal: false, strategy: Strategy::Auto, npartitions: None }
    }

    /// What is added to names of the right side that the left side has as well: `_right` when nothing is said.
    pub fn suffix(mut self, suffix: &str) -> Join {
        suffix.clone_into(&mut self.suffix);
        self
    }

    /// Keys that are missing on both sides are partners too.
    pub fn nulls_equal(mut self, equal: bool) -> Join {
        self.nulls_equal = equal;
        self
    }

    /// How equal keys come together.
    pub fn strategy(mut self, strategy: Strategy) -> Join {
        self.strategy = strategy;
        self
    }

    /// How many partitions there will be where both sides are shuffled: otherwise as many as the larger side has.
    pub fn npartitions(mut self, npartitions: usize) -> Join {
        self.npartitions = Some(npartitions);
        self
    }
}

impl From<How> for Join {
    fn from(how: How) -> Join {
        Join::new(how)
    }
}

/// What a task needs to know of a join.
#[derive(Clone)]
pub(crate) struct Keys {
    how: How,
    left_on: Vec<String>,
    right_on: Vec<String>,
    suffix: String,
    nulls_equal: bool,
}

packed!(Keys { how, left_on, right_on, suffix, nulls_equal });

impl Keys {
    fn plan(&self, left: LazyFrame, right: LazyFrame) -> LazyFrame {
        if self.how == How::Cross {
            return left.cross_join(right, Some(self.suffix.as_str().into()));
        }
        let (how, coalesce) = match self.how {
            How::Inner => (JoinType::Inner, JoinCoalesce::JoinSpecific),
            How::Left => (JoinType::Left, JoinCoalesce::JoinSpecific),
            How::Right => (JoinType::Right, JoinCoalesce::JoinSpecific),
            How::Outer => (JoinType::Full, JoinCoalesce::CoalesceColumns),
            How::Semi => (JoinType::Semi, JoinCoalesce::JoinSpecific),
            How::Anti => (JoinType::Anti, JoinCoalesce::JoinSpecific),
            How::Cross => (JoinType::Cross, JoinCoalesce::JoinSpecific),
        };
        let keys = |names: &[String]| names.iter().map(|name| col(name.as_str())).collect::<Vec<_>>();
        let args = JoinArgs {
            how,
            coalesce,
            suffix: Some(self.suffix.as_str().into()),
            nulls_equal: self.nulls_equal,
            ..JoinArgs::default()
        };
        left.join(right, keys(&self.left_on), keys(&self.right_on), args)
    }

    fn rows(&self, left: Rows, right: Rows) -> PolarsResult<Rows> {
        self.plan(left.lazy(), right.lazy()).collect()
    }
}

impl DataFrame {
    /// The rows of two frames whose keys are equal: columns of this frame, and of `other` without its keys.
    ///
    /// A small side goes to every partition of the other; frames with an index that they are joined on need no shuffle;
    /// otherwise both are shuffled by the keys, through disk where they do not fit in memory. Rows are in no particular order,
    /// unless the left side keeps its partitions.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::dataframe::How;
    /// let trips = taskloom::polars::df!("zone" => [1, 2, 1, 9], "tip" => [2.0, 0.5, 1.0, 0.0])?;
    /// let zones = taskloom::polars::df!("id" => [1, 2, 3], "name" => ["Harlem", "SoHo", "Astoria"])?;
    /// let trips = DataFrame::from_polars(trips, 2);
    /// let named = trips.join(&DataFrame::from_polars(zones, 1), "zone", "id", How::Left);
    /// assert_eq!(named.columns(), ["zone", "tip", "name"]);
    /// assert_eq!(named.compute()?.column("name")?.null_count(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such column, when the numbers of keys differ, or when their types do not fit.
    #[track_caller]
    pub fn join(
        &self,
        other: &DataFrame,
        left_on: impl Names,
        right_on: impl Names,
        join: impl Into<Join>,
    ) -> DataFrame {
        let (left_on, right_on, join) = (left_on.names(), right_on.names(), join.into());
        built(self.has("join", &left_on));
        built(other.has("join", &right_on));
        built(node_of(self.node(), other.node(), left_on, right_on, join)).into()
    }

    /// Each row of this frame with each of `other`.
    ///
    /// # Panics
    /// When Polars cannot tell the columns apart.
    #[track_caller]
    pub fn cross_join(&self, other: &DataFrame) -> DataFrame {
        built(node_of(self.node(), other.node(), Vec::new(), Vec::new(), Join::new(How::Cross))).into()
    }
}

fn node_of(left: &NodeRef, right: &NodeRef, left_on: Vec<String>, right_on: Vec<String>, join: Join) -> Built<NodeRef> {
    let wrong = |why: String| Err(FrameError::Expression { operation: "join".to_owned(), why });
    if left_on.len() != right_on.len() {
        return wrong(format!("{} keys of one side and {} of the other", left_on.len(), right_on.len()));
    }
    if left_on.is_empty() != (join.how == How::Cross) {
        return wrong("name the columns that are to be equal; a cross join has none".to_owned());
    }
    for (one, other) in left_on.iter().zip(&right_on) {
        let (one_type, other_type) = (left.schema.get(one), right.schema.get(other));
        if let (Some(one_type), Some(other_type)) = (one_type, other_type)
            && !fit(one_type, other_type)
        {
            return wrong(format!(
                "the key \"{one}\" of the left side holds {one_type}, and \"{other}\" of the right side {other_type}; cast one of them"
            ));
        }
    }
    let keys = Keys { how: join.how, left_on, right_on, suffix: join.suffix.clone(), nulls_equal: join.nulls_equal };
    let schema = keys
        .plan(left.empty(), right.empty())
        .collect_schema()
        .map_err(|error| FrameError::polars("join", &error, &left.schema))?;
    let way = way_of(left, right, &keys, &join);
    let (npartitions, divisions) = match &way {
        Way::Both => (1, None),
        Way::RightToAll(_) => (left.npartitions, left.divisions.clone()),
        Way::LeftToAll(_) => (right.npartitions, None),
        Way::Divided { .. } => {
            (left.npartitions, left.divisions.clone().filter(|_| !matches!(keys.how, How::Right | How::Outer)))
        }
        Way::Shuffled { left, .. } => (left.npartitions, None),
    };
    let divisions = divisions.filter(|divisions| schema.get(&divisions.column) == left.schema.get(&divisions.column));
    let operation = Joined { left: Arc::clone(left), right: Arc::clone(right), keys, way };
    Ok(match divisions {
        Some(divisions) => Node::divided("join", schema, npartitions, divisions, operation),
        None => Node::across("join", schema, npartitions, operation),
    })
}

/// Whether keys of these types can be equal, and have equal hashes when they are.
fn fit(one: &DataType, other: &DataType) -> bool {
    one == other
        || (one.is_integer() && other.is_integer())
        || (one.is_float() && other.is_float())
        || matches!((one, other), (DataType::Null, _) | (_, DataType::Null))
}

struct Joined {
    left: NodeRef,
    right: NodeRef,
    keys: Keys,
    way: Way,
}

impl Joined {
    fn task(&self, left: Arc<Step>, right: Arc<Step>) -> Chunk {
        Chunk::of_step(partition_task("join", vec![left, right], self.keys.clone(), |keys, mut both| {
            let right = both.remove(1);
            keys.rows(both.remove(0), right)
        }))
    }
}

impl Operation for Joined {
    fn inputs(&self) -> Vec<&NodeRef> {
        match &self.way {
            Way::Shuffled { left, right } => vec![left, right],
            _ => vec![&self.left, &self.right],
        }
    }

    fn logical(&self, mut inputs: Vec<LazyFrame>) -> Option<LazyFrame> {
        let right = inputs.pop()?;
        Some(self.keys.plan(inputs.pop()?, right))
    }

    fn chunk(&self, partition: usize, lowering: &mut Lowering) -> Chunk {
        let (left, right) = match &self.way {
            Way::Both => (lowering.step(&self.left, 0), lowering.step(&self.right, 0)),
            Way::RightToAll(right) => (lowering.step(&self.left, partition), lowering.step(right, 0)),
            Way::LeftToAll(left) => (lowering.step(left, 0), lowering.step(&self.right, partition)),
            Way::Shuffled { left, right } => (lowering.step(left, partition), lowering.step(right, partition)),
            Way::Divided { splits: None, .. } => {
                (lowering.step(&self.left, partition), lowering.step(&self.right, partition))
            }
            Way::Divided { splits: Some(splits), overlaps } => {
                let pieces = overlaps[partition].clone().map(|k| lowering.step(splits, k)).collect::<Vec<_>>();
                let right = match pieces.is_empty() {
                    false => gather_task("gather", pieces, partition, Then::Nothing),
                    // No partition overlaps: the columns are those of any.
                    true => gather_task("gather", vec![lowering.step(splits, 0)], usize::MAX, Then::Nothing),
                };
                (lowering.step(&self.left, partition), right)
            }
        };
        self.task(left, right)
    }

    fn about(&self) -> String {
        let keys: Vec<String> =
            self.keys.left_on.iter().zip(&self.keys.right_on).map(|(one, other)| format!("{one} = {other}")).collect();
        let way = match &self.way {
            Way::Both => "one partition each",
            Way::RightToAll(_) => "the right side goes to every partition of the left",
            Way::LeftToAll(_) => "the left side goes to every partition of the right",
            Way::Divided { splits: None, .. } => "by equal divisions",
            Way::Divided { .. } => "by divisions",
            Way::Shuffled { .. } => "both sides shuffled",
        };
        format!("{:?} join on {}: {way}", self.keys.how, keys.join(", ")).to_lowercase()
    }
}
