//! The labels of a dimension: numbers, texts or times.

use std::collections::HashMap;
use std::sync::Arc;

use super::time::{Times, parse};
use crate::array::store::{Calendar, DateTime};

/// The labels along a dimension. They are in memory, and cloning shares them.
///
/// Made from vectors, slices and arrays of numbers or texts, and from [`Times`].
///
/// ```
/// use taskloom::labelled::{Labels, Times};
/// assert_eq!(Labels::from([0.0, 2.5]).len(), 2);
/// assert_eq!(Labels::from(["warp", "weft"]).text(1), "weft");
/// assert_eq!(Labels::from(Times::parse(["2000-01-01", "2000-02-01"])).text(0), "2000-01-01");
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Labels {
    /// Numbers.
    Numbers(Arc<[f64]>),
    /// Numbers that are stored as `f32`.
    Singles(Arc<[f32]>),
    /// Whole numbers.
    Integers(Arc<[i64]>),
    /// Texts.
    Texts(Arc<[String]>),
    /// Times.
    Times(Times),
}

/// What a label is equal by: whole numbers are equal whatever their type.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Key {
    Integer(i64),
    /// The bits of a number that is not whole.
    Bits(u64),
    Text(String),
    Time(i64),
}

impl Key {
    pub(crate) fn number(value: f64) -> Key {
        match value.fract() == 0.0 && value.abs() < 9e15 {
            true => Key::Integer(value as i64),
            false => Key::Bits(value.to_bits()),
        }
    }
}

impl Labels {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Labels::Numbers(values) => values.len(),
            Labels::Singles(values) => values.len(),
            Labels::Integers(values) => values.len(),
            Labels::Texts(values) => values.len(),
            Labels::Times(times) => times.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What they are, as in "the labels are numbers".
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Labels::Numbers(_) | Labels::Singles(_) => "numbers",
            Labels::Integers(_) => "whole numbers",
            Labels::Texts(_) => "texts",
            Labels::Times(_) => "times",
        }
    }

    /// The type's name, as arrays have it.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Labels::Numbers(_) => "f64",
            Labels::Singles(_) => "f32",
            Labels::Integers(_) => "i64",
            Labels::Texts(_) => "text",
            Labels::Times(_) => "time",
        }
    }

    /// Bytes of all labels; of texts about.
    pub(crate) fn nbytes(&self) -> usize {
        match self {
            Labels::Singles(values) => values.len() * 4,
            Labels::Texts(values) => values.iter().map(String::len).sum(),
            other => other.len() * 8,
        }
    }

    /// One label, as a person reads it.
    ///
    /// # Panics
    /// When there are not so many.
    pub fn text(&self, place: usize) -> String {
        match self {
            Labels::Numbers(values) => format!("{:?}", values[place]),
            Labels::Singles(values) => format!("{:?}", values[place]),
            Labels::Integers(values) => values[place].to_string(),
            Labels::Texts(values) => values[place].clone(),
            Labels::Times(times) => times.text(place),
        }
    }

    /// The labels as numbers; times are seconds since 1970. Nothing of texts.
    ///
    /// ```
    /// use taskloom::labelled::Labels;
    /// assert_eq!(Labels::from([1, 2]).numbers(), Some(vec![1.0, 2.0]));
    /// assert_eq!(Labels::from(["a"]).numbers(), None);
    /// ```
    pub fn numbers(&self) -> Option<Vec<f64>> {
        Some(match self {
            Labels::Numbers(values) => values.to_vec(),
            Labels::Singles(values) => values.iter().map(|&value| value.into()).collect(),
            Labels::Integers(values) => values.iter().map(|&value| value as f64).collect(),
            Labels::Times(times) => times.seconds().iter().map(|&value| value as f64).collect(),
            Labels::Texts(_) => return None,
        })
    }

    pub(crate) fn key(&self, place: usize) -> Key {
        match self {
            Labels::Numbers(values) => Key::number(values[place]),
            Labels::Singles(values) => Key::number(values[place].into()),
            Labels::Integers(values) => Key::Integer(values[place]),
            Labels::Texts(values) => Key::Text(values[place].clone()),
            Labels::Times(times) => Key::Time(times.seconds()[place]),
        }
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        (0..self.len()).map(|place| self.key(place))
    }

    /// Whether both say the same.
    pub(crate) fn same(&self, other: &Labels) -> bool {
        self == other || (self.len() == other.len() && self.keys().eq(other.keys()))
    }

    /// The labels at some places.
    pub(crate) fn take(&self, places: &[usize]) -> Labels {
        fn of<V: Clone>(values: &[V], places: &[usize]) -> Arc<[V]> {
            places.iter().map(|&place| values[place].clone()).collect()
        }
        match self {
            Labels::Numbers(values) => Labels::Numbers(of(values, places)),
            Labels::Singles(values) => Labels::Singles(of(values, places)),
            Labels::Integers(values) => Labels::Integers(of(values, places)),
            Labels::Texts(values) => Labels::Texts(of(values, places)),
            Labels::Times(times) => Labels::Times(times.with(of(times.seconds(), places))),
        }
    }

    /// One after the other; nothing where they are of different kinds.
    pub(crate) fn joined(parts: &[&Labels]) -> Option<Labels> {
        fn of<V: Clone>(parts: &[&Labels], values: impl Fn(&Labels) -> Option<Vec<V>>) -> Option<Arc<[V]>> {
            let parts: Option<Vec<Vec<V>>> = parts.iter().map(|part| values(part)).collect();
            Some(parts?.concat().into())
        }
        Some(match parts.first()? {
            Labels::Texts(_) => Labels::Texts(of(parts, |part| match part {
                Labels::Texts(values) => Some(values.to_vec()),
                _ => None,
            })?),
            Labels::Times(first) => Labels::Times(first.with(of(parts, |part| match part {
                Labels::Times(times) if times.same_calendar(first) => Some(times.seconds().to_vec()),
                _ => None,
            })?)),
            Labels::Integers(_) if parts.iter().all(|part| matches!(part, Labels::Integers(_))) => {
                Labels::Integers(of(parts, |part| match part {
                    Labels::Integers(values) => Some(values.to_vec()),
                    _ => None,
                })?)
            }
            Labels::Singles(_) if parts.iter().all(|part| matches!(part, Labels::Singles(_))) => {
                Labels::Singles(of(parts, |part| match part {
                    Labels::Singles(values) => Some(values.to_vec()),
                    _ => None,
                })?)
            }
            _ => Labels::Numbers(of(parts, |part| match part {
                Labels::Times(_) => None,
                part => part.numbers(),
            })?),
        })
    }

    /// Where each label is; the first place of one that is there twice.
    pub(crate) fn places(&self) -> HashMap<Key, usize> {
        let mut places = HashMap::with_capacity(self.len());
        for (place, key) in self.keys().enumerate() {
            places.entry(key).or_insert(place);
        }
        places
    }

    /// The means of so many neighbours each; of texts the first.
    pub(crate) fn coarsened(&self, window: usize) -> Labels {
        let count = self.len() / window;
        let firsts: Vec<usize> = (0..count).map(|place| place * window).collect();
        match self {
            Labels::Texts(_) => self.take(&firsts),
            Labels::Times(times) => {
                let mean = |&first: &usize| {
                    let part = &times.seconds()[first..first + window];
                    (part.iter().map(|&value| i128::from(value)).sum::<i128>() / window as i128) as i64
                };
                Labels::Times(times.with(firsts.iter().map(mean).collect()))
            }
            _ => {
                let numbers = self.numbers().unwrap_or_default();
                let mean = |&first: &usize| numbers[first..first + window].iter().sum::<f64>() / window as f64;
                match self {
                    Labels::Singles(_) => Labels::Singles(firsts.iter().map(|first| mean(first) as f32).collect()),
                    _ => Labels::Numbers(firsts.iter().map(mean).collect()),
                }
            }
        }
    }
}

macro_rules! labels_from {
    ($($type:ty => $variant:ident $into:ty;)*) => { $(
        impl From<Vec<$type>> for Labels {
            fn from(values: Vec<$type>) -> Labels {
                Labels::$variant(values.into_iter().map(<$into>::from).collect())
            }
        }
        impl From<&Vec<$type>> for Labels {
            fn from(values: &Vec<$type>) -> Labels {
                Labels::from(values.clone())
            }
        }
        impl From<&[$type]> for Labels {
            fn from(values: &[$type]) -> Labels {
                Labels::from(values.to_vec())
            }
        }
        impl<const N: usize> From<[$type; N]> for Labels {
            fn from(values: [$type; N]) -> Labels {
                Labels::from(values.to_vec())
            }
        }
    )* };
}
labels_from! {
    f64 => Numbers f64;
    f32 => Singles f32;
    i64 => Integers i64;
    i32 => Integers i64;
    u8 => Integers i64;
    &str => Texts String;
    String => Texts String;
}

macro_rules! labels_from_iterators {
    ($($type:ty)*) => { $(
        impl From<$type> for Labels {
            fn from(values: $type) -> Labels {
                Labels::Integers(values.map(|value| value as i64).collect())
            }
        }
    )* };
}
labels_from_iterators!(std::ops::Range<i32> std::ops::Range<i64> std::ops::Range<usize>
    std::ops::RangeInclusive<i32> std::ops::RangeInclusive<i64>);

impl From<Times> for Labels {
    fn from(times: Times) -> Labels {
        Labels::Times(times)
    }
}

/// One label: a number, a text, or a time, which can be written as a text: `"2015-03-02"`, `"2015-03"`, `"2015"`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Label {
    /// A number.
    Number(f64),
    /// A text, or a time.
    Text(String),
    /// A time.
    Time(DateTime),
}

impl std::fmt::Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Label::Number(value) => write!(f, "{value}"),
            Label::Text(text) => write!(f, "\"{text}\""),
            Label::Time(time) => write!(f, "{time}"),
        }
    }
}

macro_rules! label_from_numbers {
    ($($type:ty)*) => { $(
        impl From<$type> for Label {
            fn from(value: $type) -> Label {
                Label::Number(value as f64)
            }
        }
    )* };
}
label_from_numbers!(f64 f32 i64 i32 usize u32);

impl From<&str> for Label {
    fn from(text: &str) -> Label {
        Label::Text(text.to_owned())
    }
}

impl From<&String> for Label {
    fn from(text: &String) -> Label {
        Label::Text(text.clone())
    }
}

impl From<String> for Label {
    fn from(text: String) -> Label {
        Label::Text(text)
    }
}

impl From<DateTime> for Label {
    fn from(time: DateTime) -> Label {
        Label::Time(time)
    }
}

impl Label {
    /// The first and the last second of what it says, and how precisely it says it.
    pub(crate) fn seconds(&self, calendar: Calendar) -> Option<(i64, i64, super::time::Precision)> {
        match self {
            Label::Text(text) => parse(text, calendar),
            Label::Time(time) => {
                let seconds = super::time::seconds_of(time, calendar)?;
                Some((seconds, seconds, super::time::Precision::Second))
            }
            Label::Number(_) => None,
        }
    }
}
