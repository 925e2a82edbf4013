//! Frames as arrays, and arrays as frames: partitions are blocks of rows.

use std::sync::Arc;

use ndarray::{Array2, Axis};
use polars::prelude::{Column, DataFrame as Rows, DataType, Field, NamedFrom, PolarsResult, Schema, Series};

use super::Array;
use super::chunks::{AxisChunks, Grid};
use super::create::Held;
use super::element::Number;
use super::error::{ArrayError, Built, built};
use super::lower::Lowering;
use super::node::Block;
use super::work::{as_block, block_task};
use crate::error::BoxError;
use crate::frame::{Chunk, DataFrame, Lowering as Frames, Names, Node as FrameNode, NodeRef as FrameRef, Operation};
use crate::frame::{frame_task, known_rows};
use crate::task::{Failure, Step, taken};

/// Numbers that columns of frames can hold.
pub trait InFrame: Number {
    #[doc(hidden)]
    fn kind() -> DataType;
    /// What stands for no value.
    #[doc(hidden)]
    fn missing() -> Option<Self>;
    #[doc(hidden)]
    fn read(column: &Column, put: &mut dyn FnMut(usize, Self)) -> PolarsResult<()>;
    #[doc(hidden)]
    fn column(name: &str, values: Vec<Self>) -> Column;
}

macro_rules! in_frame {
    ($($type:ty, $kind:ident, $values:ident, $missing:expr;)*) => { $(
        impl InFrame for $type {
            fn kind() -> DataType {
                DataType::$kind
            }
            fn missing() -> Option<Self> {
                $missing
            }
            fn read(column: &Column, put: &mut dyn FnMut(usize, Self)) -> PolarsResult<()> {
                let column = column.strict_cast(&DataType::$kind)?;
                for (row, value) in column.$values()?.iter().enumerate() {
                    match value.or($missing) {
                        Some(value) => put(row, value),
                        None => polars::prelude::polars_bail!(
                            ComputeError: "column \"{}\" has no value in row {row} of the partition, and {} cannot say so: \
                             fill it first (`fill_null`), or make an array of f64, where it is NaN", column.name(), stringify!($type)
                        ),
                    }
                }
                Ok(())
            }
            fn column(name: &str, values: Vec<Self>) -> Column {
                Series::new(name.into(), values).into()
            }
        }
    )* };
}
in_frame! {
    f32, Float32, f32, Some(f32::NAN); f64, Float64, f64, Some(f64::NAN);
    i8, Int8, i8, None; i16, Int16, i16, None; i32, Int32, i32, None; i64, Int64, i64, None;
    u8, UInt8, u8, None; u16, UInt16, u16, None; u32, UInt32, u32, None; u64, UInt64, u64, None;
}

impl DataFrame {
    /// The columns as an array of numbers, a row for each row; a partition becomes a block. How long the blocks are is not
    /// known before they are computed, unless files say it: see [`Array::compute_chunk_sizes`].
    ///
    /// What is missing is NaN in an array of floats; in one of integers it fails the computation.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let frame = DataFrame::from_polars(df!("x" => [1.0, 2.0, 3.0], "y" => [10, 20, 30])?, 2);
    /// let array = frame.to_array::<f64>();
    /// assert_eq!(array.mean_axis(0).compute()?.as_slice(), Some(&[2.0, 20.0][..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// When a column does not hold numbers, with its name.
    #[track_caller]
    pub fn to_array<T: InFrame>(&self) -> Array<T> {
        built(to_array(self))
    }
}

fn to_array<T: InFrame>(frame: &DataFrame) -> Built<Array<T>> {
    let schema = frame.schema();
    let other = schema.iter().find(|(_, kind)| !kind.is_primitive_numeric() && !kind.is_bool());
    if let Some((name, kind)) = other {
        let why = format!(
            "column \"{name}\" holds {kind}, not numbers; select the columns that do, or cast it with an expression"
        );
        return Err(ArrayError::Parameter { operation: "to_array".to_owned(), why });
    }
    let steps = Frames::new(&[frame.node()]).all(frame.node());
    let blocks = steps
        .into_iter()
        .map(|step| {
            block_task::<T, _, _>("to_array", vec![step], (), |(), mut values| {
                let rows = taken::<Rows>(values.remove(0));
                block::<T>(&rows).map_err(|error| Failure::Error(BoxError::from(error.to_string())))
            })
        })
        .collect();
    let rows = match known_rows(frame.node()) {
        Some(rows) => AxisChunks::new(rows),
        None => AxisChunks::unknown(frame.npartitions()),
    };
    let grid = Grid::new(vec![rows, AxisChunks::whole(schema.len())]);
    Ok(Array::of(Held::node("to_array", T::DTYPE, grid, blocks)))
}

fn block<T: InFrame>(rows: &Rows) -> PolarsResult<Block<T>> {
    let mut block = Array2::from_elem((rows.height(), rows.width()), T::default());
    for (mut into, column) in block.axis_iter_mut(Axis(1)).zip(rows.columns()) {
        <T as InFrame>::read(column, &mut |row, value| into[row] = value)?;
    }
    Ok(block.into_dyn().into_shared())
}

impl<T: InFrame> Array<T> {
    /// The array as a frame whose columns have these names: those of an array of two axes, or the only one of an array of
    /// one. A row of blocks becomes a partition.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let frame = Array::<f64>::arange(6, 2).reshape((3, 2)).to_frame(["x", "y"]);
    /// assert_eq!(frame.columns(), ["x", "y"]);
    /// assert_eq!(frame.compute()?.height(), 3);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the array has more axes, or not so many columns.
    #[track_caller]
    pub fn to_frame(&self, names: impl Names) -> DataFrame {
        built(to_frame(self, names.names()))
    }
}

fn to_frame<T: InFrame>(array: &Array<T>, names: Vec<String>) -> Built<DataFrame> {
    let operation = || "to_frame".to_owned();
    let shape = array.node().grid.shape_text();
    let grid = &array.node().grid;
    if grid.rank() == 0 || grid.rank() > 2 {
        let why = "a frame is made of an array of one axis or two".to_owned();
        return Err(ArrayError::Shape { operation: operation(), why, shape });
    }
    let columns = if grid.rank() == 2 { grid.axis(1).len() } else { 1 };
    if columns != names.len() {
        let why = format!("{} names for {columns} columns", names.len());
        return Err(ArrayError::Shape { operation: operation(), why, shape });
    }
    let whole = if grid.rank() == 2 && grid.axis(1).count() > 1 {
        let rows = grid.axis(0).clone();
        super::node::rechunked(array.node(), &Grid::new(vec![rows, AxisChunks::whole(columns)]))
    } else {
        Arc::clone(array.node())
    };
    let schema = Schema::from_iter(names.iter().map(|name| Field::new(name.as_str().into(), T::kind())));
    let blocks = Lowering::blocks_of(&whole);
    let count = blocks.len();
    let of_blocks = OfBlocks::<T> { blocks, names, shape, element: std::marker::PhantomData };
    Ok(FrameNode::across("to_frame", Arc::new(schema), count, of_blocks).into())
}

/// The partitions that blocks of rows are.
struct OfBlocks<T> {
    blocks: Vec<Arc<Step>>,
    names: Vec<String>,
    shape: String,
    element: std::marker::PhantomData<fn() -> T>,
}

impl<T: InFrame> Operation for OfBlocks<T> {
    fn inputs(&self) -> Vec<&FrameRef> {
        Vec::new()
    }
    fn chunk(&self, partition: usize, _: &mut Frames) -> Chunk {
        let block = Arc::clone(&self.blocks[partition]);
        Chunk::of_step(frame_task::<Rows, _, _>("to_frame", vec![block], self.names.clone(), |names, mut values| {
            rows(&as_block::<T>(values.remove(0)), names)
        }))
    }
    fn about(&self) -> String {
        format!("the rows of an array of shape {}", self.shape)
    }
}

fn rows<T: InFrame>(block: &Block<T>, names: &[String]) -> PolarsResult<Rows> {
    let column = |place: usize, name: &String| {
        let values = if block.ndim() == 2 { block.index_axis(Axis(1), place) } else { block.view() };
        T::column(name, values.iter().copied().collect())
    };
    let columns = names.iter().enumerate().map(|(place, name)| column(place, name)).collect();
    Rows::new(block.shape()[0], columns)
}
