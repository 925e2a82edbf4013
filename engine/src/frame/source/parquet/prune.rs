//! Row groups that cannot have rows which a predicate is true for.

use polars::prelude::{AnyValue, DataType, PlSmallStr, Series};
use polars_parquet::read::statistics::deserialize_all;

use super::super::extent::Comparison;
use super::super::guard::guarded;
use super::footer::ParquetFile;

/// What is known of a column in a row group.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) least: Option<AnyValue<'static>>,
    pub(super) greatest: Option<AnyValue<'static>>,
    pub(super) nulls: Option<u64>,
}

/// What is known of a column in some row groups, one after the other; nothing when nothing is known.
pub(super) fn known(file: &ParquetFile, groups: std::ops::Range<usize>, column: &str) -> Option<Vec<Known>> {
    let field = file.fields.get(column)?;
    let groups = file.metadata.row_groups.get(groups)?;
    let leaf = match groups.first()?.columns_idxs_under_root_iter(column)? {
        &[leaf] => leaf,
        _ => return None,
    };
    let read = guarded(|| {
        let Some(found) = deserialize_all(field, groups, leaf, &file.metadata.footer_buf)? else { return Ok(None) };
        let dtype = DataType::from_arrow_field(field);
        if dtype.is_decimal() {
            return Ok(None);
        }
        // Dates and the like are whole numbers there.
        let typed = |array| Series::try_from((field.name.clone(), vec![array]))?.cast(&dtype);
        let (least, greatest) = (typed(found.min_value)?, typed(found.max_value)?);
        let nulls = Series::try_from((PlSmallStr::EMPTY, vec![found.null_count.boxed()]))?;
        let value = |series: &Series, place: usize| {
            series.get(place).ok().map(AnyValue::into_static).filter(|value| !value.is_null())
        };
        let known = (0..groups.len()).map(|place| Known {
            least: value(&least, place),
            greatest: value(&greatest, place),
            nulls: value(&nulls, place).and_then(|nulls| nulls.try_extract::<u64>().ok()),
        });
        Ok(Some(known.collect()))
    });
    read.ok().flatten()
}

impl Known {
    /// Whether a comparison may be true for one of so many rows.
    pub(super) fn may_fulfil(&self, comparison: &Comparison, rows: usize, dtype: &DataType) -> bool {
        self.nulls != Some(rows as u64) && comparison.may_hold(self.least.as_ref(), self.greatest.as_ref(), dtype)
    }
}
