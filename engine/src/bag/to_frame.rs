//! Bags of records as frames.

use std::io::Cursor;
use std::sync::Arc;

use polars::io::ndjson::infer_schema;
use polars::prelude::{DataFrame as Rows, DataType, PlSmallStr, Schema, SchemaRef, parse_ndjson};
use serde::Serialize;

use super::Bag;
use super::collect::AtMost;
use super::node::{Datum, Want};
use super::stream::{Done, Flow, Over, Place, Push, Pushed, Reducer};
use super::text::wrong;
use crate::delayed::{Delayed, Lowered};
use crate::error::Result;
use crate::frame::DataFrame;
use crate::task::{Failure, Made, ResultType, TypeOf};

/// So many items are looked at to find columns and types.
const SAMPLE: usize = 1000;
/// So many bytes of JSON are turned into rows at once.
const AT_ONCE: usize = 4 << 20;

/// Appends an item as a line of JSON; it has to be an object.
fn write_line<T: Serialize>(item: &T, lines: &mut Vec<u8>) -> std::result::Result<(), String> {
    let begin = lines.len();
    serde_json::to_writer(&mut *lines, item).map_err(|error| error.to_string())?;
    if lines[begin] != b'{' {
        let shown: String = String::from_utf8_lossy(&lines[begin..]).chars().take(40).collect();
        return Err(format!(
            "`to_dataframe`: rows are made of structs and of JSON objects, and an item is `{shown}`; `map` makes it one"
        ));
    }
    lines.push(b'\n');
    Ok(())
}

struct ToRows {
    schema: SchemaRef,
}

struct Filling<'a> {
    schema: &'a SchemaRef,
    place: &'a Place,
    lines: Vec<u8>,
    rows: Rows,
    failure: Option<String>,
    done: Done<'a>,
}

impl<T: Datum + Serialize> Reducer<T> for ToRows {
    fn begin<'a>(&'a self, place: &'a Place, done: Done<'a>) -> Pushed<'a, T> {
        let (schema, rows) = (&self.schema, Rows::empty_with_schema(&self.schema));
        Box::new(Filling { schema, place, lines: Vec::new(), rows, failure: None, done })
    }
    fn result(&self) -> ResultType {
        TypeOf::of::<Rows>()
    }
}

impl Filling<'_> {
    fn parse(&mut self) -> std::result::Result<(), String> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let said = |error: polars::prelude::PolarsError| {
            format!("`to_dataframe`: {error}, at or before {}", self.place.text())
        };
        let rows = parse_ndjson(&self.lines, None, self.schema, false).map_err(said)?;
        self.lines.clear();
        // The parser leaves out the types that it has not.
        let columns = self.schema.iter().map(|(name, dtype)| match rows.column(name) {
            Ok(column) if column.dtype() != dtype => column.strict_cast(dtype),
            Ok(column) => Ok(column.clone()),
            Err(error) => Err(error),
        });
        let columns = columns.collect::<std::result::Result<Vec<_>, _>>().map_err(said)?;
        let rows = Rows::new(rows.height(), columns).map_err(said)?;
        self.rows.vstack_mut(&rows).map_err(said)?;
        Ok(())
    }

    fn go_on(&mut self, done: std::result::Result<(), String>) -> Flow {
        match done {
            Ok(()) => Flow::Continue(()),
            Err(why) => {
                self.failure = Some(why);
                Flow::Break(())
            }
        }
    }
}

impl<T: Serialize> Push<T> for Filling<'_> {
    fn push(&mut self, item: T) -> Flow {
        let mut done = write_line(&item, &mut self.lines);
        if done.is_ok() && self.lines.len() >= AT_ONCE {
            done = self.parse();
        }
        self.go_on(done)
    }
    fn end(mut self: Box<Self>) -> std::result::Result<(), Failure> {
        if self.failure.is_none() {
            self.failure = self.parse().err();
        }
        match self.failure {
            Some(why) => Err(Failure::Error(why.into())),
            None => {
                self.done.give(Arc::new(self.rows));
                Ok(())
            }
        }
    }
}

impl<T: Serialize + Clone + Send + Sync + 'static> Bag<T> {
    /// A frame with a row for each item, and a partition for each of the bag. Items are structs with serde's `Serialize`,
    /// or JSON objects.
    ///
    /// Columns and types are those of the first thousand items, which are computed for it (keys of JSON objects come in the
    /// order of the alphabet);
    /// [`to_dataframe_as`](Bag::to_dataframe_as) is told them instead.
    ///
    /// # Errors
    /// As [`compute`](Bag::compute), of the first partition; when there are no items, or they are no records.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::serde_json::json;
    /// let people = Bag::from_sequence([json!({"name": "Ann", "age": 31}), json!({"name": "Bob"})], 2);
    /// let frame = people.to_dataframe()?;
    /// assert_eq!((frame.columns(), frame.npartitions()), (vec!["age".to_owned(), "name".to_owned()], 2));
    /// assert_eq!(frame.compute()?.height(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_dataframe(&self) -> Result<DataFrame> {
        let few = Made::<dyn Over<T, T>>::by(SAMPLE, |&most| Arc::new(AtMost(most)));
        let few = self.stepped("sample", few);
        for partition in 0..self.npartitions() {
            let items = few.partition(partition).compute()?;
            if items.is_empty() {
                continue;
            }
            let mut lines = Vec::new();
            items.iter().try_for_each(|item| write_line(item, &mut lines)).map_err(wrong)?;
            let mut schema = infer_schema(&mut Cursor::new(&lines), None).map_err(wrong)?;
            // Of a column without values, text is the guess that fits the most.
            let nulls = schema.iter().filter(|(_, dtype)| dtype.is_null()).map(|(name, _)| name.clone());
            for name in nulls.collect::<Vec<PlSmallStr>>() {
                schema.set_dtype(&name, DataType::String);
            }
            return self.frame_of(schema);
        }
        Err(wrong("`to_dataframe`: the bag is empty, so nobody knows its columns; `to_dataframe_as` is told them"))
    }

    /// As [`to_dataframe`](Bag::to_dataframe), with the columns of `meta`, whose rows do not matter. What an item has no
    /// value for is null; what is in no column is left out. Nothing is computed.
    ///
    /// # Errors
    /// None today.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let numbers = Bag::range(4, 2).map(|n| taskloom::serde_json::json!({"n": n}));
    /// let frame = numbers.to_dataframe_as(&df!("n" => Vec::<i64>::new())?)?;
    /// assert_eq!(frame.compute()?.height(), 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_dataframe_as(&self, meta: &Rows) -> Result<DataFrame> {
        self.frame_of(Schema::clone(meta.schema()))
    }

    fn frame_of(&self, schema: Schema) -> Result<DataFrame> {
        let empty = Rows::empty_with_schema(&schema);
        let reducer = Made::<dyn Reducer<T>>::by(empty.clone(), |empty: &Rows| {
            Arc::new(ToRows { schema: Arc::clone(empty.schema()) })
        });
        let want = Want::of::<T, Rows>(&self.node, "to_dataframe", reducer, None);
        let parts: Vec<Delayed<Rows>> = Want::lower(&[&want]).concat().into_iter().map(Delayed::from_step).collect();
        DataFrame::from_delayed(&parts, &empty)
    }
}
