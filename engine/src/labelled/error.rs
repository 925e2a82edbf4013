//! What can be wrong with names and labels.

use crate::array::ArrayError;
use crate::similar::most_similar;

/// Why an expression of labelled arrays cannot be.
///
/// As with arrays, methods that build expressions panic with this sentence where the expression stands; what reads files
/// and what is called `try_` returns it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelError {
    /// A name of nothing.
    #[error("`{operation}`: there is no {what} `{name}`{hint}")]
    #[allow(missing_docs)]
    Unknown { operation: String, what: &'static str, name: String, hint: String },
    /// A label that a coordinate has not.
    #[error("`{operation}`: `{dim}` has no label {label}; {there}")]
    #[allow(missing_docs)]
    NoLabel { operation: String, dim: String, label: String, there: String },
    /// A label of another kind than the coordinate's.
    #[error("`{operation}`: the labels of `{dim}` are {has}, and {label} is none of them")]
    #[allow(missing_docs)]
    Kind { operation: String, dim: String, has: &'static str, label: String },
    /// Lengths that differ where nothing says which elements belong together.
    #[error(
        "`{operation}`: the dimension `{dim}` has length {left} in one array and {right} in the other, and no labels on both \
         sides that would say which elements belong together"
    )]
    #[allow(missing_docs)]
    Sizes { operation: String, dim: String, left: usize, right: usize },
    /// Something that makes no sense.
    #[error("`{operation}`: {why}")]
    #[allow(missing_docs)]
    Parameter { operation: String, why: String },
    /// What is wrong with the array inside.
    #[error("{0}")]
    Array(Box<ArrayError>),
}

/// What building an expression gives.
pub(crate) type Built<T> = std::result::Result<T, LabelError>;

/// The value, or a panic with the sentence, at the caller's place.
#[track_caller]
pub(crate) fn built<T>(result: Built<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}

impl From<ArrayError> for LabelError {
    fn from(error: ArrayError) -> LabelError {
        LabelError::Array(Box::new(error))
    }
}

impl LabelError {
    /// A name that is not there, with the names that are, and the one that may be meant.
    pub(crate) fn unknown(operation: &str, what: &'static str, name: &str, there: &[&str]) -> LabelError {
        let list = there.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let mut hint = match there {
            [] => "; there are none".to_owned(),
            [_] => format!("; there is {list}"),
            _ => format!("; there are {list}"),
        };
        if let Some(similar) = most_similar(name, there, |name| *name) {
            hint = format!(
                "; did you mean `{similar}`?{}",
                if there.len() > 1 { format!(" (there are {list})") } else { String::new() }
            );
        }
        LabelError::Unknown { operation: operation.into(), what, name: name.into(), hint }
    }

    pub(crate) fn parameter(operation: &str, why: impl Into<String>) -> LabelError {
        LabelError::Parameter { operation: operation.into(), why: why.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_meant_is_said() {
        let text =
            LabelError::unknown("mean", "dimension", "lattitude", &["time", "latitude", "longitude"]).to_string();
        assert_eq!(
            text,
            "`mean`: there is no dimension `lattitude`; did you mean `latitude`? (there are `time`, `latitude`, `longitude`)"
        );
        let text = LabelError::unknown("mean", "dimension", "q", &["time", "y"]).to_string();
        assert_eq!(text, "`mean`: there is no dimension `q`; there are `time`, `y`");
    }
}
