//! Polars series on axes: numbers, text, dates and times.

use polars::prelude::{Column as PolarsColumn, DataType, Series, TimeUnit};

use super::values::{Column, Values};

impl Values for Series {
    fn values(&self) -> Column {
        match self.dtype() {
            DataType::String => names(self),
            DataType::Boolean | DataType::Null => numbers(self, 1.0).map_or_else(other(self), Column::Numbers),
            kind if kind.is_primitive_numeric() => numbers(self, 1.0).map_or_else(other(self), Column::Numbers),
            DataType::Date => numbers(self, 86_400_000.0).map_or_else(other(self), Column::Times),
            DataType::Datetime(unit, _) => numbers(self, milliseconds(*unit)).map_or_else(other(self), Column::Times),
            // A duration is a length of time: its number of seconds.
            DataType::Duration(unit) => {
                numbers(self, milliseconds(*unit) / 1e3).map_or_else(other(self), Column::Numbers)
            }
            _ => other(self)(()),
        }
    }
}

impl Values for PolarsColumn {
    fn values(&self) -> Column {
        self.as_materialized_series().values()
    }
}

fn milliseconds(unit: TimeUnit) -> f64 {
    match unit {
        TimeUnit::Nanoseconds => 1e-6,
        TimeUnit::Microseconds => 1e-3,
        TimeUnit::Milliseconds => 1.0,
    }
}

/// The physical numbers, times a factor; nothing when Polars cannot turn them into numbers.
fn numbers(series: &Series, factor: f64) -> Result<Vec<f64>, ()> {
    let floats = series.to_physical_repr().cast(&DataType::Float64).map_err(drop)?;
    let values = floats.f64().map_err(drop)?;
    Ok(values.iter().map(|value| value.map_or(f64::NAN, |value| value * factor)).collect())
}

fn names(series: &Series) -> Column {
    match series.str() {
        Ok(texts) => Column::Names(texts.iter().map(|text| text.unwrap_or("null").to_owned()).collect()),
        Err(_) => other(series)(()),
    }
}

fn other(series: &Series) -> impl Fn(()) -> Column {
    let what = format!("the series `{}` of type {}", series.name(), series.dtype());
    move |()| Column::Other(what.clone())
}

#[cfg(test)]
mod tests {
    use polars::prelude::NamedFrom;

    use super::*;

    #[test]
    fn series_of_numbers_text_and_dates_can_be_plotted() {
        let Column::Numbers(values) = Series::new("n".into(), [Some(3i32), None]).values() else { panic!("numbers") };
        assert!(values[0] == 3.0 && values[1].is_nan());
        let text = Series::new("t".into(), ["a", "b"]);
        assert_eq!(text.values(), Column::Names(vec!["a".into(), "b".into()]));
        let days = Series::new("d".into(), [0i32, 1]).cast(&DataType::Date).unwrap();
        assert_eq!(days.values(), Column::Times(vec![0.0, 86_400_000.0]));
        let unit = DataType::Datetime(TimeUnit::Microseconds, None);
        let times = Series::new("d".into(), [5_000i64]).cast(&unit).unwrap();
        assert_eq!(PolarsColumn::from(times).values(), Column::Times(vec![5.0]));
        let lists = Series::new("l".into(), [text]).values();
        assert!(matches!(lists, Column::Other(what) if what.contains("the series `l` of type list")));
    }
}
