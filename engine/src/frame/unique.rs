//! Rows that differ.

use std::sync::Arc;

use polars::prelude::{LazyFrame, PlSmallStr, UniqueKeepStrategy, cols};

use super::DataFrame;
use super::error::built;
use super::exchange::distinct;
use super::given::Names;
use super::lower::{Chunk, Lowering, partition_task};
use super::node::{Node, NodeRef, Operation};
use super::rows::{OnPartition, RowStep};
use super::shuffle::shuffled;
use crate::task::{Made, packed};

/// Which of several equal rows stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// The first in the order of the frame.
    #[default]
    First,
    /// The last in the order of the frame.
    Last,
    /// None of them: rows that are there only once.
    None,
    /// Whichever is at hand.
    Any,
}

packed!(
    enum Keep {
        First,
        Last,
        None,
        Any,
    }
);

impl Keep {
    fn strategy(self) -> UniqueKeepStrategy {
        match self {
            Keep::First => UniqueKeepStrategy::First,
            Keep::Last => UniqueKeepStrategy::Last,
            Keep::None => UniqueKeepStrategy::None,
            Keep::Any => UniqueKeepStrategy::Any,
        }
    }
}

impl DataFrame {
    /// The rows that differ in these columns, or in any when none is named: the first of those that are equal.
    ///
    /// Partitions have other rows than before: those that are equal come together. Within a partition they stay in order.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let rows = taskloom::polars::df!("user" => ["a", "b", "a", "c"], "n" => [1, 2, 3, 4])?;
    /// let users = DataFrame::from_polars(rows, 2).drop_duplicates("user").sort_values("user").compute()?;
    /// assert_eq!(users.column("n")?.i32()?.into_no_null_iter().collect::<Vec<_>>(), [1, 2, 4]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such column.
    #[track_caller]
    pub fn drop_duplicates(&self, subset: impl Names) -> DataFrame {
        self.drop_duplicates_with(subset, Keep::First)
    }

    /// As [`drop_duplicates`](DataFrame::drop_duplicates), and says which of equal rows stays.
    ///
    /// # Panics
    /// When there is no such column.
    #[track_caller]
    pub fn drop_duplicates_with(&self, subset: impl Names, keep: Keep) -> DataFrame {
        let mut on = subset.names();
        built(self.has("drop_duplicates", &on));
        if on.is_empty() {
            on = self.columns();
        }
        differing("drop_duplicates", self.node(), on, keep).into()
    }

    /// The rows that differ. See [`drop_duplicates`](DataFrame::drop_duplicates).
    #[track_caller]
    pub fn unique(&self) -> DataFrame {
        differing("unique", self.node(), self.columns(), Keep::Any).into()
    }
}

fn differing(name: &str, input: &NodeRef, on: Vec<String>, keep: Keep) -> NodeRef {
    let schema = || Arc::clone(&input.schema);
    if on.is_empty() {
        return Arc::clone(input);
    }
    // Most are left out before anything moves; not where it matters whether there are others elsewhere.
    let few = match keep {
        Keep::None => Arc::clone(input),
        _ => Node::rows_of("distinct", input, RowStep::Call(distinct_rows(on.clone(), keep)), schema()),
    };
    let together = match input.npartitions {
        1 => few,
        n => shuffled("shuffle", &few, on.clone(), n),
    };
    let operation = Distinct { together, on, keep };
    Node::across(name, schema(), input.npartitions, operation)
}

fn distinct_rows(on: Vec<String>, keep: Keep) -> Made<OnPartition> {
    Made::<OnPartition>::by((on, keep), |(on, keep): &(Vec<String>, Keep)| {
        let keep = *keep;
        let on: Vec<PlSmallStr> = on.iter().map(PlSmallStr::from).collect();
        Arc::new(move |rows: polars::prelude::DataFrame| distinct(&rows, &on, keep.strategy()))
    })
}

struct Distinct {
    together: NodeRef,
    on: Vec<String>,
    keep: Keep,
}

impl Operation for Distinct {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.together]
    }
    fn logical(&self, mut inputs: Vec<LazyFrame>) -> Option<LazyFrame> {
        let on = cols(self.on.iter().map(String::as_str));
        Some(inputs.remove(0).unique_stable(Some(on), self.keep.strategy()))
    }
    fn chunk(&self, partition: usize, lowering: &mut Lowering) -> Chunk {
        let input = vec![lowering.step(&self.together, partition)];
        Chunk::of_step(partition_task("distinct", input, (self.on.clone(), self.keep), |(on, keep), mut rows| {
            let on: Vec<PlSmallStr> = on.iter().map(PlSmallStr::from).collect();
            distinct(&rows.remove(0), &on, keep.strategy())
        }))
    }
    fn about(&self) -> String {
        format!("distinct rows by {}", self.on.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use polars::prelude::{
        DataFrame as Rows, DataType, Expr, PlSmallStr, PolarsResult, Schema, SchemaRef, col, df, lit,
    };

    use super::*;
    use crate::frame::source::Source;

    /// What was asked for.
    static ASKED: Mutex<Vec<Option<Vec<PlSmallStr>>>> = Mutex::new(Vec::new());

    struct Wide(SchemaRef);

    impl Source for Wide {
        fn name(&self) -> &str {
            "wide"
        }
        fn schema(&self) -> &SchemaRef {
            &self.0
        }
        fn npartitions(&self) -> usize {
            3
        }
        fn read(&self, partition: usize, columns: Option<&[PlSmallStr]>, _: Option<&Expr>) -> PolarsResult<Rows> {
            ASKED.lock().unwrap().push(columns.map(<[_]>::to_vec));
            let first = partition as i32;
            let rows = df!("a" => [first, 1], "b" => [2, 2], "c" => ["x", "y"], "d" => [0.5, 1.5])?;
            columns.map_or(Ok(rows.clone()), |columns| rows.select(columns.iter().cloned()))
        }
    }

    #[test]
    fn only_what_is_needed_is_read_for_an_exchange() {
        let source = Made::<dyn Source>::by((), |()| {
            let fields =
                [("a", DataType::Int32), ("b", DataType::Int32), ("c", DataType::String), ("d", DataType::Float64)];
            let schema = fields.into_iter().map(|(name, dtype)| polars::prelude::Field::new(name.into(), dtype));
            Arc::new(Wide(Arc::new(Schema::from_iter(schema))))
        });
        let frame = DataFrame::from_source(source).filter(col("a").lt(lit(10)));
        let other = DataFrame::from_polars(df!("a" => [1, 2], "e" => [1, 2]).unwrap(), 2);
        let width = |frame: DataFrame, height: usize| {
            assert_eq!(frame.compute().unwrap().height(), height);
            std::mem::take(&mut *ASKED.lock().unwrap())
                .into_iter()
                .map(|columns| columns.map_or(4, |columns| columns.len()))
                .max()
        };
        assert_eq!(width(frame.shuffle("a", 2).select(["b"]), 6), Some(2));
        assert_eq!(width(frame.sort_values("a").select(["b"]), 6), Some(2));
        assert_eq!(width(frame.join(&other, "a", "a", crate::dataframe::How::Inner).select(["b", "e"]), 5), Some(2));
        assert_eq!(width(frame.select(["a"]).unique(), 3), Some(1));
        assert_eq!(width(frame.repartition(5).select(["d"]), 6), Some(2));
    }
}
