//! What is made of texts, times and categories: pandas' `.str`, `.dt` and `.cat`.

use polars::prelude::{DataType, Expr, StrptimeOptions, TimeUnit, lit};

use super::Series;

/// Methods of texts: [`Series::str`].
#[derive(Debug, Clone)]
pub struct Strings(Series);

/// Methods of dates, times and durations: [`Series::dt`].
#[derive(Debug, Clone)]
pub struct Dates(Series);

/// Methods of categories: [`Series::cat`].
#[derive(Debug, Clone)]
pub struct Categories(Series);

impl Series {
    /// What is made of texts.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let people = DataFrame::from_polars(taskloom::polars::df!("name" => ["Ada", "Grace"])?, 1);
    /// let names = people.col("name");
    /// assert_eq!(names.str().len().sum().of::<u32>().compute()?, 8);
    /// assert_eq!(names.str().starts_with("A").sum().of::<u32>().compute()?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// When the series holds no texts.
    #[track_caller]
    pub fn str(&self) -> Strings {
        self.is_of("str", "texts", |dtype| dtype.is_string());
        Strings(self.clone())
    }

    /// What is made of dates, times and durations.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let rows = taskloom::polars::df!("day" => [0, 31, 59])?;
    /// let days = DataFrame::from_polars(rows, 1).col("day").astype(DataType::Date);
    /// assert_eq!(days.dt().month().max().of::<i64>().compute()?, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// When the series holds no dates, times or durations.
    #[track_caller]
    pub fn dt(&self) -> Dates {
        self.is_of("dt", "dates, times or durations", |dtype| dtype.is_temporal());
        Dates(self.clone())
    }

    /// What is made of categories.
    ///
    /// # Panics
    /// When the series holds no categories.
    #[track_caller]
    pub fn cat(&self) -> Categories {
        self.is_of("cat", "categories", |dtype| dtype.is_categorical() || dtype.is_enum());
        Categories(self.clone())
    }

    #[track_caller]
    fn is_of(&self, accessor: &str, what: &str, is_right: impl FnOnce(&DataType) -> bool) {
        let dtype = self.dtype();
        assert!(
            is_right(&dtype),
            "`{accessor}`: the column \"{}\" is of type {dtype}, and `.{accessor}()` is for {what}",
            self.name()
        );
    }
}

macro_rules! methods {
    ($of:ident, $space:literal { $($(#[$about:meta])* $method:ident($($argument:ident: $type:ty),*) => $make:expr;)* }) => {
        impl $of { $(
            $(#[$about])*
            ///
            /// # Panics
            /// When the series is of a type that has no such method.
            #[track_caller]
            pub fn $method(&self $(, $argument: $type)*) -> Series {
                let make: fn(Expr $(, $type)*) -> Expr = $make;
                self.0.made(concat!($space, ".", stringify!($method)), |expr| make(expr $(, $argument)*))
            }
        )* }
    };
}

methods! { Strings, "str" {
    /// The number of characters.
    len() => |text| text.str().len_chars();
    /// The text in small letters.
    lower() => |text| text.str().to_lowercase();
    /// The text in capitals.
    upper() => |text| text.str().to_uppercase();
    /// The text without white space at its ends.
    strip() => |text| text.str().strip_chars(lit(polars::prelude::NULL));
    /// Whether the text has a match of a regular expression.
    contains(pattern: &str) => |text, pattern| text.str().contains(lit(pattern), true);
    /// Whether the text has this part, taken as it is.
    contains_literal(part: &str) => |text, part| text.str().contains_literal(lit(part));
    /// Whether the text begins so.
    starts_with(start: &str) => |text, start| text.str().starts_with(lit(start));
    /// Whether the text ends so.
    ends_with(end: &str) => |text, end| text.str().ends_with(lit(end));
    /// The text with each match of a regular expression replaced.
    replace(pattern: &str, with: &str) => |text, pattern, with| text.str().replace_all(lit(pattern), lit(with), false);
    /// What a group of a regular expression matches.
    extract(pattern: &str, group: usize) => |text, pattern, group| text.str().extract(lit(pattern), group);
    /// So many characters from a place, which is counted from the end when it is negative.
    slice(from: i64, length: u64) => |text, from, length| text.str().slice(lit(from), lit(length));
    /// The parts between separators, as a list.
    split(separator: &str) => |text, separator| text.str().split(lit(separator));
    /// The number of matches of a regular expression.
    count(pattern: &str) => |text, pattern| text.str().count_matches(lit(pattern), false);
    /// The text with zeros before it, up to a length.
    zfill(length: u64) => |text, length| text.str().zfill(lit(length));
    /// The time that the text writes in this format, as `strftime` writes formats.
    to_datetime(format: &str) => |text, format| {
        let options = StrptimeOptions { format: Some(format.into()), ..Default::default() };
        text.str().to_datetime(Some(TimeUnit::Microseconds), None, options, lit("raise"))
    };
    /// The day that the text writes in this format, as `strftime` writes formats.
    to_date(format: &str) => |text, format| {
        text.str().to_date(StrptimeOptions { format: Some(format.into()), ..Default::default() })
    };
} }

methods! { Dates, "dt" {
    /// The year.
    year() => |time| time.dt().year();
    /// The quarter of the year, from 1.
    quarter() => |time| time.dt().quarter();
    /// The month, from 1.
    month() => |time| time.dt().month();
    /// The day of the month, from 1.
    day() => |time| time.dt().day();
    /// The hour.
    hour() => |time| time.dt().hour();
    /// The minute.
    minute() => |time| time.dt().minute();
    /// The second.
    second() => |time| time.dt().second();
    /// The day of the week: Monday is 1, as in ISO 8601 and in Polars.
    weekday() => |time| time.dt().weekday();
    /// The week of the year, as in ISO 8601.
    week() => |time| time.dt().week();
    /// The day of the year, from 1.
    day_of_year() => |time| time.dt().ordinal_day();
    /// The day.
    date() => |time| time.dt().date();
    /// The time of the day.
    time() => |time| time.dt().time();
    /// The time, down to a multiple of a duration: `"15m"`, `"1d"`, `"1mo"`.
    floor(every: &str) => |time, every| time.dt().truncate(lit(every));
    /// The time as text in this format, as `strftime` writes formats.
    strftime(format: &str) => |time, format| time.dt().to_string(format);
    /// The first day of the month.
    month_start() => |time| time.dt().month_start();
    /// The time so much later, or earlier: `"1d"`, `"-3mo"`.
    offset_by(by: &str) => |time, by| time.dt().offset_by(lit(by));
    /// A duration in seconds, with their parts.
    total_seconds() => |took| took.dt().total_seconds(true);
    /// A duration in whole days.
    total_days() => |took| took.dt().total_days(false);
} }

methods! { Categories, "cat" {
    /// The texts of the categories.
    to_strings() => |category| category.cast(DataType::String);
    /// The number that stands for each category in memory. It may be another one in another process.
    codes() => |category| category.to_physical();
} }
