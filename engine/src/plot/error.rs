//! What can be wrong with a plot.

use std::path::PathBuf;

use crate::draw::DrawError;

/// Why a plot cannot be drawn or saved.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// Two things that go together have different lengths.
    #[error("{what} has {has} values where x and y have {expected}: give as many of each")]
    Lengths {
        /// What is too long or too short.
        what: &'static str,
        /// Its length.
        has: usize,
        /// The length that it should have.
        expected: usize,
    },
    /// x and y have different lengths.
    #[error("x has {x} values and y has {y}: give as many of each")]
    Pair {
        /// The length of x.
        x: usize,
        /// The length of y.
        y: usize,
    },
    /// There is nothing to draw.
    #[error("there is nothing to draw: {0}")]
    Empty(String),
    /// The values are of a kind that cannot stand there.
    #[error("{what} cannot be {is}: {help}")]
    Kind {
        /// An axis, or a colour or size.
        what: &'static str,
        /// What was given.
        is: String,
        /// What to do.
        help: &'static str,
    },
    /// Plots that share an axis differ in what is on it.
    #[error(
        "the plots cannot be laid over one another: x is {one} in one of them and {other} in another; draw two plots"
    )]
    Mixed {
        /// What is on the axis in one plot.
        one: &'static str,
        /// What is on it in another.
        other: &'static str,
    },
    /// The rows of a matrix have different lengths.
    #[error("row {row} of the matrix has {has} values where the rows before have {expected}: make them equally long")]
    Ragged {
        /// The row, counted from 0.
        row: usize,
        /// Its length.
        has: usize,
        /// The length of the rows before.
        expected: usize,
    },
    /// An option has a value that it cannot have.
    #[error("{option} was {was}: {help}")]
    Option {
        /// The method's name.
        option: &'static str,
        /// What was given.
        was: String,
        /// What it can be.
        help: &'static str,
    },
    /// An option is for another mark.
    #[error("{option} does nothing for a {mark}: {help}")]
    Mark {
        /// The method's name.
        option: &'static str,
        /// What the plot is.
        mark: &'static str,
        /// Where it belongs.
        help: &'static str,
    },
    /// The file's extension is not that of a format we can write.
    #[error("cannot tell what to write to {}: end the name in .svg, .png, .html or .json", .path.display())]
    Extension {
        /// The path as it was given.
        path: PathBuf,
    },
    /// The file could not be made or written.
    #[error("{0}")]
    Save(String),
}

impl From<DrawError> for PlotError {
    fn from(error: DrawError) -> Self {
        PlotError::Save(error.to_string())
    }
}
