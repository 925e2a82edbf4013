//! A value for each group: one pass over a column each.

use polars::prelude::*;
use polars_arrow::bitmap::Bitmap;

use super::ids::Groups;
use super::known::State;

/// The states as columns with a row for each group. The inputs are in one run of memory each.
pub(super) fn computed(
    states: &[(PlSmallStr, State)],
    inputs: &[&Series],
    groups: &Groups,
) -> PolarsResult<Vec<Column>> {
    // Means and squares are found together.
    let mut moments: Vec<Option<Moments>> = (0..inputs.len()).map(|_| None).collect();
    for (_, state) in states {
        if let State::Squares(input) = *state
            && moments[input].is_none()
        {
            moments[input] = Some(Moments::of(inputs[input].f64()?, groups));
        }
    }
    let column = |(name, state): &(PlSmallStr, State)| {
        let values = match *state {
            State::Len => Series::from_vec(name.clone(), counts(None, groups)),
            State::Count(input) => Series::from_vec(name.clone(), counts(validity(inputs[input]), groups)),
            State::Sum(input) => sums(inputs[input], groups)?,
            State::Min(input) => least(inputs[input], groups, false)?,
            State::Max(input) => least(inputs[input], groups, true)?,
            State::First(input) => taken(inputs[input], groups.first.iter().map(|&row| Some(row)))?,
            State::FirstNonNull(input) => taken(inputs[input], rows(validity(inputs[input]), groups, false))?,
            State::Last(input) => taken(inputs[input], rows(None, groups, true))?,
            State::LastNonNull(input) => taken(inputs[input], rows(validity(inputs[input]), groups, true))?,
            State::Mean(input) => match &moments[input] {
                Some(moments) => optional(&moments.means, &moments.counts),
                None => mean(inputs[input].f64()?, groups),
            },
            State::Squares(input) => match &moments[input] {
                Some(moments) => optional(&moments.squares, &moments.counts),
                None => unreachable!("they were computed before"),
            },
            State::MergedMean { mean, count } => Merged::of(inputs[mean].f64()?, inputs[count].u64()?, groups).mean(),
            State::MergedSquares { squares, mean, count } => {
                let merged = Merged::of(inputs[mean].f64()?, inputs[count].u64()?, groups);
                merged.squares(inputs[squares].f64()?, groups)
            }
        };
        Ok(values.with_name(name.clone()).into_column())
    };
    states.iter().map(column).collect()
}

/// Calls with each row that is there, and its group.
#[inline(always)]
fn each(validity: Option<&Bitmap>, groups: &Groups, mut call: impl FnMut(usize, usize)) {
    match validity {
        None => groups.of_rows.iter().enumerate().for_each(|(row, &group)| call(row, group as usize)),
        Some(validity) => {
            for ((row, &group), is_there) in groups.of_rows.iter().enumerate().zip(validity.iter()) {
                if is_there {
                    call(row, group as usize);
                }
            }
        }
    }
}

fn counts(validity: Option<&Bitmap>, groups: &Groups) -> Vec<u64> {
    let mut counts = vec![0; groups.first.len()];
    each(validity, groups, |_, group| counts[group] += 1);
    counts
}

/// The values of a column in one run, and which of them are there.
pub(super) fn parts<T: PolarsNumericType>(values: &ChunkedArray<T>) -> (&[T::Native], Option<&Bitmap>) {
    let array = values.downcast_iter().next().unwrap_or_else(|| unreachable!("a column has a run of memory"));
    debug_assert_eq!(array.len(), values.len());
    (array.values().as_slice(), array.validity().filter(|validity| validity.unset_bits() > 0))
}

/// Sums; of nothing they are 0. Whole numbers go round at the ends of their type, as Polars' do.
fn sums(input: &Series, groups: &Groups) -> PolarsResult<Series> {
    let physical = input.to_physical_repr();
    macro_rules! whole {
        ($values:expr) => {{
            let (values, validity) = parts($values?);
            let mut sums = vec![0; groups.first.len()];
            each(validity, groups, |row, group| {
                let sum: &mut _ = &mut sums[group];
                *sum = values[row].wrapping_add(*sum);
            });
            Series::from_vec(PlSmallStr::EMPTY, sums)
        }};
    }
    macro_rules! floats {
        ($values:expr) => {{
            let (values, validity) = parts($values?);
            let mut sums = vec![0.0_f64; groups.first.len()];
            each(validity, groups, |row, group| sums[group] += f64::from(values[row]));
            Series::from_vec(PlSmallStr::EMPTY, sums)
        }};
    }
    let sums = match physical.dtype() {
        DataType::Int32 => whole!(physical.i32()),
        DataType::Int64 => whole!(physical.i64()),
        DataType::UInt32 => whole!(physical.u32()),
        DataType::UInt64 => whole!(physical.u64()),
        DataType::Float32 => floats!(physical.f32()),
        _ => floats!(physical.f64()),
    };
    sums.cast(input.dtype())
}

/// The least value of each group, or the greatest; `NaN` only where there is nothing else.
fn least(input: &Series, groups: &Groups, greatest: bool) -> PolarsResult<Series> {
    let physical = input.to_physical_repr();
    macro_rules! of {
        ($values:expr, $chunked:ty, $better:expr) => {{
            let (values, validity) = parts($values?);
            // Of a group nothing is known yet, but of its first row, which may not be there.
            let mut found: Vec<_> = groups.first.iter().map(|&row| values[row as usize]).collect();
            let mut is_there = validity
                .map(|validity| groups.first.iter().map(|&row| validity.get_bit(row as usize)).collect::<Vec<bool>>());
            let better = $better;
            each(validity, groups, |row, group| {
                let value = values[row];
                let is_first = is_there.as_mut().is_some_and(|is_there| !std::mem::replace(&mut is_there[group], true));
                if is_first || better(value, found[group]) {
                    found[group] = value;
                }
            });
            match is_there {
                None => Series::from_vec(PlSmallStr::EMPTY, found),
                Some(is_there) => {
                    let found = found.into_iter().zip(is_there).map(|(value, is_there)| is_there.then_some(value));
                    found.collect::<$chunked>().into_series()
                }
            }
        }};
    }
    macro_rules! whole {
        ($values:expr, $chunked:ty) => {
            match greatest {
                false => of!($values, $chunked, |value, found| value < found),
                true => of!($values, $chunked, |value, found| value > found),
            }
        };
    }
    macro_rules! floats {
        ($values:expr, $chunked:ty) => {
            match greatest {
                false => of!($values, $chunked, |value, found: _| value < found || is_nan(found)),
                true => of!($values, $chunked, |value, found: _| value > found || is_nan(found)),
            }
        };
    }
    let found = match physical.dtype() {
        DataType::Int8 => whole!(physical.i8(), Int8Chunked),
        DataType::Int16 => whole!(physical.i16(), Int16Chunked),
        DataType::Int32 => whole!(physical.i32(), Int32Chunked),
        DataType::Int64 => whole!(physical.i64(), Int64Chunked),
        DataType::UInt8 => whole!(physical.u8(), UInt8Chunked),
        DataType::UInt16 => whole!(physical.u16(), UInt16Chunked),
        DataType::UInt32 => whole!(physical.u32(), UInt32Chunked),
        DataType::UInt64 => whole!(physical.u64(), UInt64Chunked),
        DataType::Float32 => floats!(physical.f32(), Float32Chunked),
        _ => floats!(physical.f64(), Float64Chunked),
    };
    // SAFETY: what a time is held as may be any number, and these are numbers of the column.
    unsafe { found.from_physical_unchecked(input.dtype()) }
}

#[allow(clippy::eq_op, reason = "only `NaN` is not equal to itself, in floats of any width")]
fn is_nan<T: PartialEq + Copy>(value: T) -> bool {
    value != value
}

/// The row of each group that comes first or last of those that are there.
fn rows(validity: Option<&Bitmap>, groups: &Groups, last: bool) -> impl Iterator<Item = Option<IdxSize>> {
    let mut rows: Vec<Option<IdxSize>> = vec![None; groups.first.len()];
    each(validity, groups, |row, group| {
        if last || rows[group].is_none() {
            rows[group] = Some(row as IdxSize);
        }
    });
    rows.into_iter()
}

fn taken(input: &Series, rows: impl Iterator<Item = Option<IdxSize>>) -> PolarsResult<Series> {
    input.take(&rows.collect::<IdxCa>())
}

/// Which values are there, of a column in one run; `None` for all.
fn validity(input: &Series) -> Option<&Bitmap> {
    input.chunks().first()?.validity().filter(|validity| validity.unset_bits() > 0)
}

/// Values, but nulls where nothing was counted.
fn optional(values: &[f64], counts: &[u64]) -> Series {
    let values = values.iter().zip(counts).map(|(&value, &count)| (count > 0).then_some(value));
    values.collect::<Float64Chunked>().into_series()
}

fn mean(values: &Float64Chunked, groups: &Groups) -> Series {
    let (values, validity) = parts(values);
    let counts = counts(validity, groups);
    let mut sums = vec![0.0; counts.len()];
    each(validity, groups, |row, group| sums[group] += values[row]);
    sums.iter_mut().zip(&counts).for_each(|(sum, &count)| *sum /= count as f64);
    optional(&sums, &counts)
}

/// Means, and squares about them: in a second pass, so that no large numbers are subtracted that are nearly equal.
struct Moments {
    counts: Vec<u64>,
    means: Vec<f64>,
    squares: Vec<f64>,
}

impl Moments {
    fn of(values: &Float64Chunked, groups: &Groups) -> Moments {
        let (values, validity) = parts(values);
        let counts = counts(validity, groups);
        let mut means = vec![0.0; counts.len()];
        each(validity, groups, |row, group| means[group] += values[row]);
        means.iter_mut().zip(&counts).for_each(|(sum, &count)| *sum /= count as f64);
        let mut sums = vec![(0.0, 0.0); counts.len()];
        each(validity, groups, |row, group| {
            let distance = values[row] - means[group];
            let (sum, squares) = &mut sums[group];
            *sum += distance;
            *squares += distance * distance;
        });
        // The means were rounded; what they are off by is the mean of the distances.
        let squares = sums.iter().zip(&mut means).zip(&counts).map(|((&(sum, squares), mean), &count)| {
            let off = sum / count as f64;
            if off.is_finite() {
                *mean += off;
            }
            let squares = squares - sum * off;
            // `NaN` stays what it is.
            if squares < 0.0 { 0.0 } else { squares }
        });
        let squares = squares.collect();
        Moments { counts, means, squares }
    }
}

/// Counts and means of the parts of each group, put together.
struct Merged<'m> {
    means: &'m [f64],
    weights: &'m [u64],
    validity: Option<&'m Bitmap>,
    counts: Vec<u64>,
    merged: Vec<f64>,
}

impl<'m> Merged<'m> {
    fn of(means: &'m Float64Chunked, weights: &'m UInt64Chunked, groups: &Groups) -> Merged<'m> {
        let ((means, validity), (weights, _)) = (parts(means), parts(weights));
        let mut counts = vec![0_u64; groups.first.len()];
        // About the first mean of each group: what is added up is small where the means are near one another.
        let mut firsts = vec![0.0; counts.len()];
        let mut sums = vec![0.0; counts.len()];
        each(validity, groups, |row, group| {
            if counts[group] == 0 {
                firsts[group] = means[row];
            } else {
                sums[group] += (means[row] - firsts[group]) * weights[row] as f64;
            }
            counts[group] += weights[row];
        });
        let merged = firsts.iter().zip(&sums).zip(&counts).map(|((first, sum), &count)| first + sum / count as f64);
        Merged { means, weights, validity, merged: merged.collect(), counts }
    }

    fn mean(&self) -> Series {
        optional(&self.merged, &self.counts)
    }

    fn squares(&self, own: &Float64Chunked, groups: &Groups) -> Series {
        let (own, own_validity) = parts(own);
        let mut squares = vec![0.0; self.counts.len()];
        each(own_validity, groups, |row, group| squares[group] += own[row]);
        each(self.validity, groups, |row, group| {
            let distance = self.means[row] - self.merged[group];
            squares[group] += self.weights[row] as f64 * distance * distance;
        });
        Series::from_vec(PlSmallStr::EMPTY, squares)
    }
}
