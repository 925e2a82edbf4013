//! Where labels are along a dimension.

use super::core::Coord;
use super::error::{Built, LabelError};
use super::labels::{Key, Label, Labels};
use super::time::Precision;

/// What to take where a label is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// Nothing: that is a mistake.
    Exact,
    /// The nearest one; of two that are as near, the larger.
    Nearest,
    /// The last one before.
    Pad,
    /// The first one after.
    Backfill,
}

/// What is selected: one place, or several.
pub(super) enum Chosen {
    One(usize),
    Several(Vec<usize>),
}

/// The labels of a dimension, to be searched.
pub(super) struct Search<'a> {
    pub(super) operation: &'a str,
    pub(super) coord: &'a Coord,
}

impl Search<'_> {
    fn labels(&self) -> &Labels {
        &self.coord.labels
    }

    pub(super) fn kind(&self, label: &Label) -> LabelError {
        let (operation, dim) = (self.operation.to_owned(), self.coord.name.clone());
        LabelError::Kind { operation, dim, has: self.labels().kind(), label: label.to_string() }
    }

    pub(super) fn missing(&self, label: &Label) -> LabelError {
        let labels = self.labels();
        if labels.is_empty() {
            return LabelError::parameter(self.operation, format!("`{}` has no labels at all", self.coord.name));
        }
        let hint = match (self.number(label), labels) {
            (_, Labels::Texts(texts)) => {
                let Label::Text(wanted) = label else { return self.kind(label) };
                let similar = crate::similar::most_similar(wanted, texts.iter(), |text| text.as_str());
                similar.map_or(String::new(), |similar| format!("; did you mean \"{similar}\"?"))
            }
            (Some(wanted), _) => match self.nearest(wanted, Method::Nearest) {
                Some(place) => format!("; the nearest is {}, which `sel_nearest` takes", labels.text(place)),
                None => String::new(),
            },
            (None, _) => String::new(),
        };
        let (first, last) = (labels.text(0), labels.text(labels.len() - 1));
        LabelError::NoLabel {
            operation: self.operation.to_owned(),
            dim: self.coord.name.clone(),
            label: label.to_string(),
            there: format!("it goes from {first} to {last}{hint}"),
        }
    }

    /// A label as a number that can be compared with the coordinate's.
    pub(super) fn number(&self, label: &Label) -> Option<f64> {
        match (self.labels(), label) {
            (Labels::Texts(_), _) => None,
            (Labels::Times(times), label) => label.seconds(times.calendar()).map(|(first, _, _)| first as f64),
            (_, Label::Number(value)) => Some(*value),
            _ => None,
        }
    }

    pub(super) fn nearest(&self, wanted: f64, method: Method) -> Option<usize> {
        let numbers = self.labels().numbers()?;
        let allowed = |&(_, value): &(usize, f64)| match method {
            Method::Exact => value == wanted,
            Method::Nearest => !value.is_nan(),
            Method::Pad => value <= wanted,
            Method::Backfill => value >= wanted,
        };
        let candidates = numbers.into_iter().enumerate().filter(allowed);
        let nearer = |one: &(usize, f64), other: &(usize, f64)| {
            let (near, far) = ((one.1 - wanted).abs(), (other.1 - wanted).abs());
            near.total_cmp(&far).then(other.1.total_cmp(&one.1)).then(one.0.cmp(&other.0))
        };
        candidates.min_by(nearer).map(|(place, _)| place)
    }

    /// All places of one label, and whether it is a single one that takes the dimension away.
    pub(super) fn one(&self, label: &Label) -> Built<Chosen> {
        let labels = self.labels();
        let places: Vec<usize> = match (labels, label) {
            (Labels::Times(times), label) => {
                let Some((first, last, precision)) = label.seconds(times.calendar()) else {
                    return Err(self.kind(label));
                };
                let within = |seconds: &i64| (first..=last).contains(seconds);
                // What is said less precisely than the times are is a range.
                let is_range = precision < times.precision().max(Precision::Day);
                let places: Vec<usize> =
                    times.seconds().iter().enumerate().filter(|(_, at)| within(at)).map(|(place, _)| place).collect();
                if is_range && !places.is_empty() {
                    return Ok(Chosen::Several(places));
                }
                if is_range {
                    places
                } else {
                    places.into_iter().filter(|&place| times.seconds()[place] == first).collect()
                }
            }
            (Labels::Texts(texts), Label::Text(wanted)) => {
                texts.iter().enumerate().filter(|(_, text)| *text == wanted).map(|(place, _)| place).collect()
            }
            (Labels::Singles(values), Label::Number(wanted)) => {
                let is = |value: f32| f64::from(value) == *wanted || value == *wanted as f32;
                values.iter().enumerate().filter(|(_, value)| is(**value)).map(|(place, _)| place).collect()
            }
            (Labels::Numbers(_) | Labels::Integers(_), Label::Number(wanted)) => {
                let wanted = Key::number(*wanted);
                labels.keys().enumerate().filter(|(_, key)| *key == wanted).map(|(place, _)| place).collect()
            }
            _ => return Err(self.kind(label)),
        };
        match places[..] {
            [] => Err(self.missing(label)),
            [place] => Ok(Chosen::One(place)),
            _ => Ok(Chosen::Several(places)),
        }
    }

    /// The places of all labels from one to another. It does not matter which way the labels go.
    pub(super) fn range(&self, start: Option<&Label>, end: Option<&Label>) -> Built<Vec<usize>> {
        if let Labels::Texts(texts) = self.labels() {
            let text = |label: Option<&Label>| match label {
                None => Ok(None),
                Some(Label::Text(text)) => Ok(Some(text.clone())),
                Some(other) => Err(self.kind(other)),
            };
            let (start, end) = (text(start)?, text(end)?);
            self.in_order(texts.is_sorted() || texts.is_sorted_by(|one, other| one >= other))?;
            let within = |text: &String| {
                start.as_ref().is_none_or(|start| text >= start) && end.as_ref().is_none_or(|end| text <= end)
            };
            return Ok(texts.iter().enumerate().filter(|(_, text)| within(text)).map(|(place, _)| place).collect());
        }
        let edge = |label: &Label, at_end: bool| match (self.labels(), label) {
            (Labels::Times(times), label) => {
                let said = label.seconds(times.calendar()).map(|(first, last, _)| if at_end { last } else { first });
                said.map(|seconds| seconds as f64).ok_or_else(|| self.kind(label))
            }
            // A bound that is a label is one also when it was rounded to be stored.
            (Labels::Singles(values), Label::Number(value)) => {
                Ok(if values.contains(&(*value as f32)) { f64::from(*value as f32) } else { *value })
            }
            (_, Label::Number(value)) => Ok(*value),
            _ => Err(self.kind(label)),
        };
        let numbers = self.labels().numbers().unwrap_or_default();
        let rises = numbers.is_sorted();
        let falls = !rises && numbers.is_sorted_by(|one, other| one >= other);
        self.in_order(rises || falls)?;
        // Times are said from the earlier to the later; where numbers fall, both ways are meant.
        let mut low = start.map(|label| edge(label, false)).transpose()?;
        let mut high = end.map(|label| edge(label, true)).transpose()?;
        let open_end_first = falls && (low.is_none() != high.is_none());
        let turned = low.zip(high).is_some_and(|(low, high)| low > high);
        if falls && (turned || open_end_first) {
            (low, high) = match self.labels() {
                Labels::Times(_) => (
                    end.map(|label| edge(label, false)).transpose()?,
                    start.map(|label| edge(label, true)).transpose()?,
                ),
                _ => (high, low),
            };
        }
        let within = |value: f64| low.is_none_or(|low| value >= low) && high.is_none_or(|high| value <= high);
        Ok(numbers.iter().enumerate().filter(|(_, value)| within(**value)).map(|(place, _)| place).collect())
    }

    fn in_order(&self, is_sorted: bool) -> Built<()> {
        let why = || {
            format!(
                "the labels of `{}` neither rise nor fall, so a range of them says nothing; name them all",
                self.coord.name
            )
        };
        if is_sorted { Ok(()) } else { Err(LabelError::parameter(self.operation, why())) }
    }
}
