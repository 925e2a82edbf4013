//! What can be wrong with an expression of frames, found when it is written.

use polars::prelude::{PolarsError, Schema};

use crate::similar::most_similar;

/// Why an expression of frames cannot be.
///
/// Methods that build expressions panic with this sentence, at the place where the expression stands.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A column that is not there.
    #[error("`{operation}`: there is no column \"{column}\"{nearest}; the columns are {columns}")]
    #[allow(missing_docs)]
    Column { operation: String, column: String, nearest: String, columns: String },
    /// An expression that needs more than the rows of one partition.
    #[error("`{operation}`: `{expression}` {why}")]
    #[allow(missing_docs)]
    Rows { operation: String, expression: String, why: String },
    /// What Polars says to the expression.
    #[error("`{operation}`: {why}")]
    #[allow(missing_docs)]
    Expression { operation: String, why: String },
}

/// What building an expression gives.
pub(crate) type Built<T> = std::result::Result<T, FrameError>;

/// The value, or a panic with the sentence, at the caller's place.
#[track_caller]
pub(crate) fn built<T>(result: Built<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}

/// The names of columns as one reads them: at most so many.
pub(crate) fn names(schema: &Schema) -> String {
    const MOST: usize = 20;
    let mut names: Vec<String> = schema.iter_names().take(MOST).map(|name| format!("\"{name}\"")).collect();
    if schema.len() > MOST {
        names.push(format!("and {} more", schema.len() - MOST));
    }
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

impl FrameError {
    /// A column that is not among those of `schema`.
    pub(crate) fn column(operation: &str, column: &str, schema: &Schema) -> FrameError {
        let all: Vec<String> = schema.iter_names().map(|name| name.to_string()).collect();
        let nearest = most_similar(column, &all, |name| name.as_str());
        let nearest = nearest.map_or(String::new(), |name| format!(" (is \"{name}\" meant?)"));
        FrameError::Column {
            operation: operation.to_owned(),
            column: column.to_owned(),
            nearest,
            columns: names(schema),
        }
    }

    /// What Polars found wrong, in a sentence.
    pub(crate) fn polars(operation: &str, error: &PolarsError, schema: &Schema) -> FrameError {
        let text = sentence(error);
        // The name stands in the text alone, in one of two forms.
        let column = text.split_once("unable to find column \"").and_then(|(_, rest)| rest.split_once('"'));
        let column = column.or_else(|| {
            text.rsplit_once("\" not found").and_then(|(head, _)| head.split_once('"')).map(|(_, name)| (name, ""))
        });
        match column {
            Some((column, _)) if !schema.contains(column) => FrameError::column(operation, column, schema),
            _ => FrameError::Expression { operation: operation.to_owned(), why: text },
        }
    }
}

/// The first lines of what Polars says: behind them it prints plans.
pub(crate) fn sentence(error: &PolarsError) -> String {
    let text = error.to_string();
    let text = text.split("\n\nResolved plan until failure").next().unwrap_or(&text);
    text.split("\n\nThis error occurred with the following context stack").next().unwrap_or(text).trim().to_owned()
}
