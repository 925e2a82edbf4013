//! Frames in an order: sorted by columns, and by an index whose values each partition's place is known by.

use std::sync::Arc;

use polars::prelude::{AnyValue, Column, DataFrame as Rows, DataType, LazyFrame, PlSmallStr, Schema, SeriesMethods};

use super::DataFrame;
use super::boundaries::{bounds_node, sampled};
use super::error::{FrameError, built};
use super::exchange::{Order, boundaries, extremes};
use super::given::Names;
use super::lower::{Chunk, Lowering, frame_task};
use super::node::{Divisions, Node, NodeRef, Operation};
use super::prune::divisions_in_order;
use super::rows::{OnPartition, RowStep};
use super::shuffle::{Bounds, By, Gather, split_node};
use super::top::top;
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::scheduler::{self, Scheduler};
use crate::task::{Made, Step, taken};

/// How rows are sorted.
///
/// ```
/// use taskloom::dataframe::SortOptions;
/// let options = SortOptions::default().descending([true, false]).nulls_last(true).npartitions(8);
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct SortOptions {
    descending: Vec<bool>,
    nulls_last: Vec<bool>,
    npartitions: Option<usize>,
}

/// One answer for all columns, or one for each.
pub trait ForEach {
    /// The answers.
    fn for_each(self) -> Vec<bool>;
}

impl ForEach for bool {
    fn for_each(self) -> Vec<bool> {
        vec![self]
    }
}

impl<const N: usize> ForEach for [bool; N] {
    fn for_each(self) -> Vec<bool> {
        self.to_vec()
    }
}

impl ForEach for Vec<bool> {
    fn for_each(self) -> Vec<bool> {
        self
    }
}

impl SortOptions {
    /// The largest values first: for all columns, or for each.
    pub fn descending(mut self, descending: impl ForEach) -> SortOptions {
        self.descending = descending.for_each();
        self
    }

    /// What is missing comes last: for all columns, or for each. Otherwise it comes first, as in Polars.
    pub fn nulls_last(mut self, last: impl ForEach) -> SortOptions {
        self.nulls_last = last.for_each();
        self
    }

    /// How many partitions there will be; otherwise as many as there are.
    pub fn npartitions(mut self, npartitions: usize) -> SortOptions {
        self.npartitions = Some(npartitions);
        self
    }

    fn order(&self, by: &[String]) -> std::result::Result<Order, String> {
        let each = |what: &str, given: &[bool]| match given {
            [] => Ok(vec![false; by.len()]),
            [one] => Ok(vec![*one; by.len()]),
            all if all.len() == by.len() => Ok(all.to_vec()),
            all => Err(format!("`{what}` has {} values for {} columns", all.len(), by.len())),
        };
        Ok(Order {
            keys: by.iter().map(PlSmallStr::from).collect(),
            descending: each("descending", &self.descending)?,
            nulls_last: each("nulls_last", &self.nulls_last)?,
        })
    }
}

impl DataFrame {
    /// The rows in the order of these columns, ascending, what is missing first. Rows that are equal in them keep their order.
    ///
    /// Samples of the columns decide where partitions begin; then each partition is sorted by itself. What does not fit in
    /// memory on the way goes to disk.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let rows = taskloom::polars::df!("n" => [3, 1, 2, 5, 4], "x" => ["c", "a", "b", "e", "d"])?;
    /// let sorted = DataFrame::from_polars(rows, 2).sort_values("n").compute()?;
    /// assert_eq!(sorted.column("n")?.i32()?.into_no_null_iter().collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such column, or when no column is named.
    #[track_caller]
    pub fn sort_values(&self, by: impl Names) -> DataFrame {
        self.sort_values_with(by, SortOptions::default())
    }

    /// As [`sort_values`](DataFrame::sort_values), in another order.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::dataframe::SortOptions;
    /// let rows = taskloom::polars::df!("n" => [Some(3), None, Some(2)])?;
    /// let down = SortOptions::default().descending(true).nulls_last(true);
    /// let sorted = DataFrame::from_polars(rows, 2).sort_values_with("n", down).compute()?;
    /// assert_eq!(sorted.column("n")?.i32()?.iter().collect::<Vec<_>>(), [Some(3), Some(2), None]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// As [`sort_values`](DataFrame::sort_values), and when the options are for another number of columns.
    #[track_caller]
    pub fn sort_values_with(&self, by: impl Names, options: SortOptions) -> DataFrame {
        let by = by.names();
        assert!(!by.is_empty(), "`sort_values`: name the columns to sort by");
        assert!(
            options.npartitions != Some(0),
            "`sort_values`: a frame has at least one partition, and 0 were asked for"
        );
        built(self.has("sort_values", &by));
        built(comparable("sort_values", &self.node().schema, &by));
        let order = options.order(&by).unwrap_or_else(|why| panic!("`sort_values`: {why}"));
        let input = self.node();
        let npartitions = options.npartitions.unwrap_or(input.npartitions);
        let sampled = sampled(input, &order, npartitions);
        let bounds = Bounds::Found(bounds_node(&sampled.samples, &order, npartitions, false));
        let splits = split_node(&sampled.rows, By::Range { order: order.clone(), bounds, together: false });
        let operation = Gather { input: Arc::clone(input), splits, on: by, order: Some(order) };
        Node::across("sort_values", Arc::clone(&input.schema), npartitions, operation).into()
    }

    /// The rows with the largest values of these columns, the largest first.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let frame = DataFrame::from_polars(taskloom::polars::df!("n" => [3, 1, 2, 5, 4])?, 2);
    /// let largest = frame.nlargest(2, "n").compute()?;
    /// assert_eq!(largest.column("n")?.i32()?.into_no_null_iter().collect::<Vec<_>>(), [5, 4]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// As [`sort_values`](DataFrame::sort_values).
    #[track_caller]
    pub fn nlargest(&self, rows: usize, by: impl Names) -> DataFrame {
        self.extreme("nlargest", rows, by.names(), true)
    }

    /// The rows with the smallest values of these columns, the smallest first; what is missing comes last.
    ///
    /// # Panics
    /// As [`sort_values`](DataFrame::sort_values).
    #[track_caller]
    pub fn nsmallest(&self, rows: usize, by: impl Names) -> DataFrame {
        self.extreme("nsmallest", rows, by.names(), false)
    }

    #[track_caller]
    fn extreme(&self, operation: &str, rows: usize, by: Vec<String>, descending: bool) -> DataFrame {
        assert!(!by.is_empty(), "`{operation}`: name the columns to sort by");
        built(self.has(operation, &by));
        built(comparable(operation, &self.node().schema, &by));
        let options = SortOptions::default().descending(descending).nulls_last(true);
        let order = options.order(&by).unwrap_or_else(|why| panic!("`{operation}`: {why}"));
        top(operation, self.node(), &order, rows).into()
    }

    /// The rows in the order of a column, the index, with the values known between which those of each partition lie:
    /// [`divisions`](DataFrame::divisions). Selections by the index ([`loc`](DataFrame::loc)), and joins on it, then need
    /// not look at all partitions. Equal values are in one partition.
    ///
    /// The column is read now, to find the divisions; the rows are sorted when they are computed. Where Parquet's statistics
    /// say that partitions are in the order of the column, nothing is read now, and nothing moves between partitions.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let rows = taskloom::polars::df!("n" => [3, 1, 2, 5, 4, 6], "x" => ["c", "a", "b", "e", "d", "f"])?;
    /// let frame = DataFrame::from_polars(rows, 2).set_index("n")?;
    /// assert_eq!(frame.divisions().unwrap().len(), frame.npartitions() + 1);
    /// assert_eq!(frame.loc(2..=4).compute()?.height(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`compute`](DataFrame::compute), for the samples of the column.
    ///
    /// # Panics
    /// When there is no such column, or when its values have no order.
    #[track_caller]
    pub fn set_index(&self, column: &str) -> Result<DataFrame> {
        let by = [column.to_owned()];
        built(self.has("set_index", &by));
        built(index_type(&self.node().schema, column));
        let input = self.node();
        let order = Order::ascending(&[column.into()]);
        if let Some(divisions) = divisions_in_order(input, column) {
            let (schema, count) = (Arc::clone(&input.schema), input.npartitions);
            let sorted = Sorted { input: Arc::clone(input), order };
            return Ok(DataFrame::of(Node::divided("set_index", schema, count, divisions, sorted)));
        }
        // The column alone is read now.
        let keys = self.select([column]);
        let sampled = sampled(keys.node(), &order, input.npartitions);
        let samples = samples_now(keys.node(), &sampled.samples)?;
        let bounds = boundaries(&samples, input.npartitions, &order, true)?;
        let key = bounds.column(column)?.drop_nulls();
        let known = Rows::new(key.len(), vec![key.clone()])?;
        let ends = extremes(&samples, &order)?;
        let values: Vec<AnyValue<'static>> = values_of(&key)?;
        let npartitions = known.height() + 1;
        let by_range = By::Range { order: order.clone(), bounds: Bounds::Known(known), together: true };
        let splits = split_node(input, by_range);
        let operation = Gather { input: Arc::clone(input), splits, on: by.to_vec(), order: Some(order) };
        let schema = Arc::clone(&input.schema);
        Ok(DataFrame::of(match ends {
            Some((least, greatest)) => {
                let values = std::iter::once(least).chain(values).chain([greatest]).collect();
                let divisions = Divisions { column: column.to_owned(), values };
                Node::divided("set_index", schema, npartitions, divisions, operation)
            }
            None => Node::across("set_index", schema, npartitions, operation),
        }))
    }

    /// As [`set_index`](DataFrame::set_index), for rows that are in the order of the column already: nothing moves. The
    /// column is read now, to find the divisions and to make sure of the order.
    ///
    /// # Errors
    /// [`Error::Frame`] when the rows are not in that order; it names the partition. Otherwise as
    /// [`compute`](DataFrame::compute).
    ///
    /// # Panics
    /// As [`set_index`](DataFrame::set_index).
    #[track_caller]
    pub fn set_index_sorted(&self, column: &str) -> Result<DataFrame> {
        built(self.has("set_index_sorted", &[column.to_owned()]));
        built(index_type(&self.node().schema, column));
        let keys = self.select([column]);
        let mut lowering = Lowering::new(&[keys.node()]);
        let ends: Vec<Arc<Step>> = lowering
            .all(keys.node())
            .into_iter()
            .map(|step| {
                frame_task::<Rows, _, _>("order", vec![step], (), |(), mut values| ends(taken(values.remove(0))))
            })
            .collect();
        let found = scheduler::run(Graph::lower(&ends), Scheduler::default())?;
        let found: Vec<Rows> = found.into_iter().map(taken::<Rows>).collect();
        let values = sorted_divisions(column, &found)?;
        let Some(values) = values else { return Ok(self.clone()) };
        let divisions = Divisions { column: column.to_owned(), values };
        Ok(DataFrame::of(super::divisions::with_divisions("set_index_sorted", self.node(), Some(divisions))))
    }
}

/// Partitions that are in an order already, each sorted by itself.
struct Sorted {
    input: NodeRef,
    order: Order,
}

impl Operation for Sorted {
    fn inputs(&self) -> Vec<&NodeRef> {
        vec![&self.input]
    }
    fn logical(&self, mut inputs: Vec<LazyFrame>) -> Option<LazyFrame> {
        inputs.pop().map(|rows| rows.sort(self.order.keys.clone(), Default::default()))
    }
    fn part_of(&self, partition: usize) -> Option<usize> {
        Some(partition)
    }
    fn chunk(&self, partition: usize, lowering: &mut Lowering) -> Chunk {
        let sort = RowStep::Call(Made::<OnPartition>::by(self.order.clone(), |order: &Order| {
            let order = order.clone();
            Arc::new(move |rows: Rows| order.sort(&rows))
        }));
        lowering.chunk(&self.input, partition).then("sort", sort)
    }
    fn about(&self) -> String {
        format!("each partition in the order of {}, as the partitions are", self.order.keys.join(", "))
    }
}

/// The samples, computed at once.
fn samples_now(input: &NodeRef, samples: &NodeRef) -> Result<Vec<Rows>> {
    let steps = Lowering::new(&[input]).all(samples);
    let values = scheduler::run(Graph::lower(&steps), Scheduler::default())?;
    Ok(values.into_iter().map(taken::<Rows>).collect())
}

fn values_of(column: &Column) -> Result<Vec<AnyValue<'static>>> {
    (0..column.len()).map(|row| Ok(column.get(row)?.into_static())).collect()
}

/// The first and the last value of a column that is in order; no rows when it is not.
fn ends(rows: Rows) -> polars::prelude::PolarsResult<Rows> {
    let key = rows.columns()[0].as_materialized_series();
    let there = key.drop_nulls();
    let in_order =
        there.is_sorted(Default::default())? && key.slice(0, key.null_count()).null_count() == key.null_count();
    let ends = match (in_order, there.len()) {
        (false, _) => there.clear(),
        (true, 0) => polars::prelude::Series::full_null(key.name().clone(), 2, key.dtype()),
        (true, len) => {
            let mut ends = there.slice(0, 1);
            ends.append(&there.slice(len as i64 - 1, 1))?;
            ends
        }
    };
    Rows::new(ends.len(), vec![ends.into()])
}

fn sorted_divisions(column: &str, ends: &[Rows]) -> Result<Option<Vec<AnyValue<'static>>>> {
    let wrong = |why: String| Err(Error::Frame { message: format!("`set_index_sorted`: {why}; `set_index` sorts") });
    let mut values: Vec<Option<(AnyValue<'static>, AnyValue<'static>)>> = Vec::new();
    let mut before: Option<AnyValue<'static>> = None;
    for (partition, rows) in ends.iter().enumerate() {
        if rows.height() == 0 {
            return wrong(format!("the rows of partition {partition} are not in the order of \"{column}\""));
        }
        let key = rows.column(column)?;
        let (first, last) = (key.get(0)?.into_static(), key.get(1)?.into_static());
        if first.is_null() {
            values.push(None);
            continue;
        }
        if before.as_ref().is_some_and(|before| super::divisions::compare(before, &first).is_ge()) {
            return wrong(format!(
                "partition {partition} begins with \"{column}\" = {first}, and the one before it ends with {}: values of \
                 partitions must not overlap",
                before.unwrap_or(AnyValue::Null)
            ));
        }
        before = Some(last.clone());
        values.push(Some((first, last)));
    }
    let Some(greatest) = before else { return Ok(None) };
    // A partition without values is one between its neighbours.
    let mut divisions = vec![greatest];
    for value in values.into_iter().rev() {
        let first = value.map_or_else(|| divisions[divisions.len() - 1].clone(), |(first, _)| first);
        divisions.push(first);
    }
    divisions.reverse();
    Ok(Some(divisions))
}

/// Whether values of these columns can be compared.
fn comparable(operation: &str, schema: &Schema, by: &[String]) -> super::error::Built<()> {
    let unordered = |name: &&String| matches!(schema.get(name), Some(DataType::List(_) | DataType::Struct(_)));
    match by.iter().find(unordered) {
        None => Ok(()),
        Some(name) => Err(FrameError::Expression {
            operation: operation.to_owned(),
            why: format!(
                "\"{name}\" holds {}, which has no order",
                schema.get(name).map_or_else(String::new, DataType::to_string)
            ),
        }),
    }
}

/// Whether a column can be an index.
fn index_type(schema: &Schema, column: &str) -> super::error::Built<()> {
    let dtype = schema.get(column).cloned().unwrap_or(DataType::Null);
    match dtype.is_primitive_numeric() || dtype.is_temporal() || matches!(dtype, DataType::String | DataType::Boolean) {
        true => Ok(()),
        false => Err(FrameError::Expression {
            operation: "set_index".to_owned(),
            why: format!("\"{column}\" holds {dtype}; an index has numbers, times or strings"),
        }),
    }
}
