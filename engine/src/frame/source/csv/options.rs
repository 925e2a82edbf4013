//! How CSV is to be read.

use polars::prelude::{DataType, PlSmallStr};

/// How files of CSV are to be read.
///
/// ```
/// use taskloom::dataframe::CsvOptions;
/// use taskloom::polars::prelude::DataType;
/// let options = CsvOptions::new().separator(';').null_values(["NA"]).dtype("zip", DataType::String);
/// # let _ = options;
/// ```
#[derive(Debug, Clone)]
pub struct CsvOptions {
    pub(super) separator: u8,
    pub(super) quote: Option<u8>,
    pub(super) comment: Option<String>,
    pub(super) has_header: bool,
    pub(super) names: Option<Vec<PlSmallStr>>,
    pub(super) dtypes: Vec<(PlSmallStr, DataType)>,
    pub(super) null_values: Vec<String>,
    pub(super) dates: bool,
    pub(super) skip_rows: usize,
    pub(super) blocksize: Blocksize,
    pub(super) sample: usize,
    pub(super) truncates: bool,
    pub(super) is_lossy: bool,
}

/// How much of a file is a partition.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Blocksize {
    Chosen,
    Bytes(u64),
    Files,
}

impl Default for CsvOptions {
    fn default() -> CsvOptions {
        CsvOptions::new()
    }
}

impl CsvOptions {
    /// Commas, double quotes, a header, types from a sample.
    pub fn new() -> CsvOptions {
        CsvOptions {
            separator: b',',
            quote: Some(b'"'),
            comment: None,
            has_header: true,
            names: None,
            dtypes: Vec::new(),
            null_values: Vec::new(),
            dates: true,
            skip_rows: 0,
            blocksize: Blocksize::Chosen,
            sample: 256 << 10,
            truncates: false,
            is_lossy: false,
        }
    }

    /// What stands between fields.
    ///
    /// # Panics
    /// When it is not an ASCII character, or ends lines.
    #[track_caller]
    pub fn separator(mut self, separator: char) -> CsvOptions {
        self.separator = ascii("separator", separator);
        self
    }

    /// What stands around fields that have separators or line ends in them; nothing when that is no character's meaning.
    ///
    /// # Panics
    /// When it is not an ASCII character, or ends lines.
    #[track_caller]
    pub fn quote(mut self, quote: impl Into<Option<char>>) -> CsvOptions {
        self.quote = quote.into().map(|quote| ascii("quote", quote));
        self
    }

    /// What lines begin with that are no rows.
    pub fn comment(mut self, prefix: impl Into<String>) -> CsvOptions {
        self.comment = Some(prefix.into()).filter(|prefix: &String| !prefix.is_empty());
        self
    }

    /// Whether the first row of each file has the names of the columns. Without one they are `column_1`, `column_2`, ….
    pub fn has_header(mut self, has_header: bool) -> CsvOptions {
        self.has_header = has_header;
        self
    }

    /// The names of the columns, in the place of those that the header has.
    pub fn names<N: AsRef<str>>(mut self, names: impl IntoIterator<Item = N>) -> CsvOptions {
        self.names = Some(names.into_iter().map(|name| name.as_ref().into()).collect());
        self
    }

    /// The type of a column, in the place of what a sample of the values says.
    pub fn dtype(mut self, column: impl AsRef<str>, dtype: DataType) -> CsvOptions {
        self.dtypes.push((column.as_ref().into(), dtype));
        self
    }

    /// The types of columns, as [`dtype`](CsvOptions::dtype) has them one by one.
    pub fn dtypes<N: AsRef<str>>(self, dtypes: impl IntoIterator<Item = (N, DataType)>) -> CsvOptions {
        dtypes.into_iter().fold(self, |options, (column, dtype)| options.dtype(column, dtype))
    }

    /// Texts that stand for no value, such as `NA`. An empty field always does.
    pub fn null_values<N: Into<String>>(mut self, values: impl IntoIterator<Item = N>) -> CsvOptions {
        self.null_values = values.into_iter().map(Into::into).collect();
        self
    }

    /// Whether columns of dates and times become such, if they are written as `2015-01-31`, `2015-01-31 23:59:59` or
    /// `2015-01-31T23:59:59Z`. They do unless this says otherwise.
    pub fn try_parse_dates(mut self, parse: bool) -> CsvOptions {
        self.dates = parse;
        self
    }

    /// How many lines at the beginning of each file are left out.
    pub fn skip_rows(mut self, lines: usize) -> CsvOptions {
        self.skip_rows = lines;
        self
    }

    /// About how many bytes of a file are a partition; `None`: each file is one. Between 8 and 32 MB unless this says
    /// otherwise. A file that is packed (gzip, zstd) is always one.
    pub fn blocksize(mut self, bytes: impl Into<Option<usize>>) -> CsvOptions {
        self.blocksize = bytes.into().map_or(Blocksize::Files, |bytes| Blocksize::Bytes(bytes.max(1) as u64));
        self
    }

    /// How many bytes at the beginning are looked at to find the types of columns. Less is looked at in other places.
    pub fn sample(mut self, bytes: usize) -> CsvOptions {
        self.sample = bytes.max(1);
        self
    }

    /// Whether fields that are too many are left out; otherwise they are an error.
    pub fn truncate_ragged_lines(mut self, truncate: bool) -> CsvOptions {
        self.truncates = truncate;
        self
    }

    /// Whether bytes that are not UTF-8 become `�`; otherwise they are an error.
    pub fn lossy(mut self, lossy: bool) -> CsvOptions {
        self.is_lossy = lossy;
        self
    }
}

#[track_caller]
fn ascii(what: &str, character: char) -> u8 {
    match u8::try_from(character) {
        Ok(byte) if byte.is_ascii() && !matches!(byte, b'\n' | b'\r') => byte,
        _ => panic!("the {what} of CSV is an ASCII character that ends no line, and {character:?} is not"),
    }
}
