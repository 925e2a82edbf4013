//! Which piece a row belongs to, by where its keys lie in an order.

use polars::prelude::*;
use row_encode::_get_rows_encoded_ca;

/// An order of rows: columns, and for each whether it goes down, and whether what is missing comes last.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Order {
    pub(crate) keys: Vec<PlSmallStr>,
    pub(crate) descending: Vec<bool>,
    pub(crate) nulls_last: Vec<bool>,
}

crate::task::packed!(OrderParts { keys, descending, nulls_last });

/// An order as it is packed.
struct OrderParts {
    keys: Vec<String>,
    descending: Vec<bool>,
    nulls_last: Vec<bool>,
}

impl crate::task::Pack for Order {
    fn pack(&self, packer: &mut crate::task::Packer) -> Result<(), String> {
        let keys = self.keys.iter().map(|key| key.to_string()).collect();
        OrderParts { keys, descending: self.descending.clone(), nulls_last: self.nulls_last.clone() }.pack(packer)
    }
    fn unpack(unpacker: &mut crate::task::Unpacker<'_>) -> Result<Self, String> {
        let OrderParts { keys, descending, nulls_last } = OrderParts::unpack(unpacker)?;
        Ok(Order { keys: keys.into_iter().map(Into::into).collect(), descending, nulls_last })
    }
}

impl Order {
    /// Ascending, what is missing first: Polars' order when nothing else is said.
    pub(crate) fn ascending(keys: &[PlSmallStr]) -> Order {
        Order { keys: keys.to_vec(), descending: vec![false; keys.len()], nulls_last: vec![false; keys.len()] }
    }

    /// Sorts a frame on the calling thread. Rows with equal keys stay in their order.
    pub(crate) fn sort(&self, frame: &DataFrame) -> PolarsResult<DataFrame> {
        let options = SortMultipleOptions::default()
            .with_order_descending_multi(self.descending.iter().copied())
            .with_nulls_last_multi(self.nulls_last.iter().copied())
            .with_maintain_order(true)
            .with_multithreaded(false);
        frame.sort(self.keys.iter().cloned(), options)
    }

    /// The first rows in the order. Those that are equal stay in theirs.
    pub(crate) fn first(&self, frame: DataFrame, rows: usize) -> PolarsResult<DataFrame> {
        if frame.height() <= rows.saturating_mul(4) {
            return Ok(self.sort(&frame)?.head(Some(rows)));
        }
        // What a sample of the rows has behind the place is left out before anything is sorted.
        let bound = super::boundary_behind(&frame, self, rows)?;
        let numbers = pieces_of(&frame, self, &bound, Ties::Together)?;
        let kept: Vec<IdxSize> = (0..).zip(&numbers).filter(|(_, number)| **number == 0).map(|(row, _)| row).collect();
        if kept.len() < rows {
            return Ok(self.sort(&frame)?.head(Some(rows)));
        }
        // SAFETY: the rows are rows of the frame.
        let few = unsafe { frame._take_unchecked_slice(&kept, false) };
        Ok(self.sort(&few)?.head(Some(rows)))
    }

    fn columns<'a>(&self, frame: &'a DataFrame) -> PolarsResult<Vec<&'a Column>> {
        self.keys.iter().map(|key| frame.column(key)).collect()
    }
}

/// How rows that equal several boundaries are dealt out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Ties {
    /// All to the last piece that may have them: equal keys are in one piece.
    Together,
    /// Evenly, by where this partition stands among so many: a key that most rows have does not make one large piece.
    Spread { partition: usize, of: usize },
}

impl Ties {
    /// Of the pieces from `first` to `last`, which all may have the row.
    fn choose(self, first: usize, last: usize) -> u32 {
        match self {
            Ties::Together => last as u32,
            Ties::Spread { partition, of } => (first + (last - first + 1) * partition / of.max(1)) as u32,
        }
    }
}

/// The piece of each row: rows before the first boundary are in the first, and so on. There is one more piece than there
/// are rows in `boundaries`, which has the columns of `order`, in that order and sorted by it.
pub(crate) fn pieces_of(
    frame: &DataFrame,
    order: &Order,
    boundaries: &DataFrame,
    ties: Ties,
) -> PolarsResult<Vec<u32>> {
    let keys = order.columns(frame)?;
    let bounds = order.columns(boundaries)?;
    for (key, bound) in keys.iter().zip(&bounds) {
        polars_ensure!(
            key.dtype() == bound.dtype(),
            SchemaMismatch: "column `{}` is {}, and the boundaries of the partitions are {}", key.name(), key.dtype(), bound.dtype()
        );
    }
    if let ([key], [bound]) = (&keys[..], &bounds[..])
        && let Some(ranks) = ranks(key.as_materialized_series(), order.descending[0])?
        && let Some(bounds) = self::ranks(bound.as_materialized_series(), order.descending[0])?
    {
        return Ok(by_rank(&ranks, &bounds, order.nulls_last[0], ties));
    }
    let encoded = |columns: Vec<&Column>| {
        let columns: Vec<Column> = columns.into_iter().cloned().collect();
        _get_rows_encoded_ca(PlSmallStr::EMPTY, &columns, &order.descending, &order.nulls_last, false)
    };
    let (rows, bounds) = (encoded(keys)?, encoded(bounds)?);
    let bounds: Vec<&[u8]> = bounds.downcast_iter().flat_map(|array| array.values_iter()).collect();
    let piece = |row: &[u8]| {
        let first = bounds.partition_point(|&bound| bound < row);
        let last = first + bounds[first..].partition_point(|&bound| bound == row);
        ties.choose(first, last)
    };
    Ok(rows.downcast_iter().flat_map(|array| array.values_iter()).map(piece).collect())
}

/// Numbers in the order of the values, and which are missing.
struct Ranks {
    ranks: Vec<u64>,
    missing: Option<Vec<bool>>,
}

/// Of columns whose values are numbers.
fn ranks(series: &Series, descending: bool) -> PolarsResult<Option<Ranks>> {
    const SIGN: u64 = 1 << 63;
    let physical = series.to_physical_repr();
    if matches!(series.dtype(), DataType::Categorical(..)) {
        // In the order of their texts, which the numbers do not have.
        return Ok(None);
    }
    macro_rules! of {
        ($values:expr, |$value:ident| $rank:expr) => {{
            let mut ranks = Vec::with_capacity(series.len());
            for array in $values.downcast_iter() {
                ranks.extend(array.values().iter().map(|&$value| $rank));
            }
            ranks
        }};
    }
    let of_float = |number: f64| {
        let bits = if number.is_nan() { f64::NAN.to_bits() & !SIGN } else { (number + 0.0).to_bits() };
        if bits & SIGN == 0 { bits | SIGN } else { !bits }
    };
    let mut ranks: Vec<u64> = match physical.dtype() {
        DataType::Int8 => of!(physical.i8()?, |n| i64::from(n) as u64 ^ SIGN),
        DataType::Int16 => of!(physical.i16()?, |n| i64::from(n) as u64 ^ SIGN),
        DataType::Int32 => of!(physical.i32()?, |n| i64::from(n) as u64 ^ SIGN),
        DataType::Int64 => of!(physical.i64()?, |n| n as u64 ^ SIGN),
        DataType::UInt8 => of!(physical.u8()?, |n| u64::from(n)),
        DataType::UInt16 => of!(physical.u16()?, |n| u64::from(n)),
        DataType::UInt32 => of!(physical.u32()?, |n| u64::from(n)),
        DataType::UInt64 => of!(physical.u64()?, |n| n),
        DataType::Float32 => of!(physical.f32()?, |n| of_float(f64::from(n))),
        DataType::Float64 => of!(physical.f64()?, |n| of_float(n)),
        _ => return Ok(None),
    };
    if descending {
        ranks.iter_mut().for_each(|rank| *rank = !*rank);
    }
    let missing = (series.null_count() > 0).then(|| series.is_null().iter().map(|null| null == Some(true)).collect());
    Ok(Some(Ranks { ranks, missing }))
}

fn by_rank(rows: &Ranks, bounds: &Ranks, nulls_last: bool, ties: Ties) -> Vec<u32> {
    // Boundaries are sorted, so those that are missing stand together at one end.
    let is_missing = |k: usize| bounds.missing.as_ref().is_some_and(|missing| missing[k]);
    let present: Vec<u64> =
        bounds.ranks.iter().enumerate().filter(|&(k, _)| !is_missing(k)).map(|(_, &rank)| rank).collect();
    let absent = bounds.ranks.len() - present.len();
    let before = if nulls_last { 0 } else { absent };
    let null_piece = match nulls_last {
        true => ties.choose(present.len(), present.len() + absent),
        false => ties.choose(0, absent),
    };
    let repeated = present.windows(2).any(|pair| pair[0] == pair[1]);
    let piece = |rank: u64| {
        let last = before + present.partition_point(|&bound| bound <= rank);
        match ties {
            Ties::Spread { .. } if repeated && last > before && present[last - before - 1] == rank => {
                ties.choose(before + present.partition_point(|&bound| bound < rank), last)
            }
            _ => last as u32,
        }
    };
    match &rows.missing {
        None => rows.ranks.iter().map(|&rank| piece(rank)).collect(),
        Some(missing) => rows
            .ranks
            .iter()
            .zip(missing)
            .map(|(&rank, &missing)| if missing { null_piece } else { piece(rank) })
            .collect(),
    }
}
