//! How rows are joined that are near in time.

use polars::prelude::{
    AsOfOptions, AsofStrategy, DataFrame as Rows, IntoLazy, JoinArgs, JoinType, LazyFrame, PlSmallStr, PolarsResult,
    Scalar, col,
};

use crate::frame::given::Names;
use crate::task::packed;

/// Which row is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// The last that is not later.
    #[default]
    Backward,
    /// The first that is not earlier.
    Forward,
    /// The nearest.
    Nearest,
}

packed!(
    enum Direction {
        Backward,
        Forward,
        Nearest,
    }
);

/// How rows are joined that are near in time.
///
/// ```
/// use taskloom::dataframe::{AsOf, Direction};
/// let latest = AsOf::default().by("symbol").direction(Direction::Backward).tolerance("10m");
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct AsOf {
    direction: Direction,
    pub(super) by: Vec<String>,
    tolerance: Option<String>,
    distance: Option<f64>,
    exact: bool,
    suffix: String,
}

packed!(AsOf { direction, by, tolerance, distance, exact, suffix });

impl Default for AsOf {
    fn default() -> AsOf {
        AsOf {
            direction: Direction::Backward,
            by: Vec::new(),
            tolerance: None,
            distance: None,
            exact: true,
            suffix: "_right".to_owned(),
        }
    }
}

impl AsOf {
    /// Which row is taken.
    pub fn direction(mut self, direction: Direction) -> AsOf {
        self.direction = direction;
        self
    }

    /// Columns of both sides that have to be equal.
    pub fn by(mut self, names: impl Names) -> AsOf {
        self.by = names.names();
        self
    }

    /// The most that may be between two times: `"10m"`, `"1d"`, `"500ms"`.
    pub fn tolerance(mut self, tolerance: &str) -> AsOf {
        self.tolerance = Some(tolerance.to_owned());
        self
    }

    /// The most that may be between two numbers.
    pub fn distance(mut self, distance: f64) -> AsOf {
        self.distance = Some(distance);
        self
    }

    /// Whether a row of the very same time is taken; otherwise only earlier or later ones are.
    pub fn exact(mut self, exact: bool) -> AsOf {
        self.exact = exact;
        self
    }

    /// What is added to names of the right side that the left side has as well.
    pub fn suffix(mut self, suffix: &str) -> AsOf {
        suffix.clone_into(&mut self.suffix);
        self
    }
}

#[derive(Clone)]
pub(super) struct Near {
    pub(super) left_on: String,
    pub(super) right_on: String,
    pub(super) options: AsOf,
    /// A tolerance in numbers is one of this type.
    pub(super) by_float: bool,
}

packed!(Near { left_on, right_on, options, by_float });

impl Near {
    /// Both sides are in the order of their times.
    pub(super) fn plan(&self, left: LazyFrame, right: LazyFrame) -> LazyFrame {
        let options = &self.options;
        let by = (!options.by.is_empty()).then(|| options.by.iter().map(PlSmallStr::from).collect::<Vec<_>>());
        let near = AsOfOptions {
            strategy: match options.direction {
                Direction::Backward => AsofStrategy::Backward,
                Direction::Forward => AsofStrategy::Forward,
                Direction::Nearest => AsofStrategy::Nearest,
            },
            tolerance: options.distance.map(|distance| match self.by_float {
                true => Scalar::from(distance),
                false => Scalar::from(distance as i64),
            }),
            tolerance_str: options.tolerance.as_ref().map(PlSmallStr::from),
            left_by: by.clone(),
            right_by: by,
            allow_eq: options.exact,
            check_sortedness: false,
        };
        let args =
            JoinArgs { suffix: Some(options.suffix.as_str().into()), ..JoinArgs::new(JoinType::AsOf(Box::new(near))) };
        left.join(right, [col(self.left_on.as_str())], [col(self.right_on.as_str())], args)
    }

    /// The same of whole frames, the left one and the right one.
    pub(super) fn logical(&self, inputs: Vec<LazyFrame>) -> Option<LazyFrame> {
        let [left, right] = inputs.try_into().ok()?;
        Some(self.plan(left, right))
    }

    pub(super) fn rows(&self, left: Rows, right: Rows) -> PolarsResult<Rows> {
        self.plan(left.lazy(), right.lazy()).collect()
    }
}
