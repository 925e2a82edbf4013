//! How files are to be written.

use polars::prelude::PlSmallStr;

use super::target::Present;
use crate::task::{Pack, Packer, Unpacker, packed};

/// How text is packed, from the end of the files' names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Packing {
    None,
    Gzip,
    Zstd,
}

packed!(
    enum Packing {
        None,
        Gzip,
        Zstd,
    }
);

/// What is written in a file.
#[derive(Debug, Clone)]
pub(super) enum Format {
    Csv { separator: u8, header: bool, null: String, packing: Packing },
    Json { packing: Packing },
    Ipc { compression: u8 },
    Parquet { compression: u8, group: usize, keys: Vec<String> },
}

packed!(
    enum Format {
        Csv { separator, header, null, packing },
        Json { packing },
        Ipc { compression },
        Parquet { compression, group, keys },
    }
);

/// A format and what to do with files that are there; that is what tasks get.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub(super) format: Format,
    pub(super) present: Present,
}

macro_rules! presence {
    ($type:ident) => {
        impl $type {
            /// Whether files that are there are replaced: they stay until all new ones are written.
            pub fn overwrite(mut self, overwrite: bool) -> $type {
                self.present = if overwrite { Present::Replaced } else { Present::Refused };
                self
            }

            /// Whether new files are added to those that are there.
            pub fn append(mut self, append: bool) -> $type {
                self.present = if append { Present::Kept } else { Present::Refused };
                self
            }
        }

        impl Default for $type {
            fn default() -> $type {
                $type::new()
            }
        }
    };
}

/// How [`DataFrame::to_csv_with`](crate::DataFrame) writes.
///
/// ```
/// let options = taskloom::dataframe::ToCsv::new().separator(';').null_value("NA").overwrite(true);
/// # let _ = options;
/// ```
#[derive(Debug, Clone)]
pub struct ToCsv {
    pub(super) separator: u8,
    pub(super) header: bool,
    pub(super) null: String,
    pub(super) present: Present,
}
presence!(ToCsv);

impl ToCsv {
    /// Commas and a header.
    pub fn new() -> ToCsv {
        ToCsv { separator: b',', header: true, null: String::new(), present: Present::Refused }
    }

    /// What stands between fields.
    ///
    /// # Panics
    /// When it is not an ASCII character, or ends lines.
    #[track_caller]
    pub fn separator(mut self, separator: char) -> ToCsv {
        let is_one = separator.is_ascii() && !matches!(separator, '\n' | '\r');
        assert!(is_one, "the separator of CSV is an ASCII character that ends no line, and {separator:?} is not");
        self.separator = separator as u8;
        self
    }

    /// Whether each file begins with the names of the columns.
    pub fn header(mut self, header: bool) -> ToCsv {
        self.header = header;
        self
    }

    /// What stands for no value: nothing unless this says otherwise.
    pub fn null_value(mut self, text: impl Into<String>) -> ToCsv {
        self.null = text.into();
        self
    }
}

/// How lines of JSON are written.
#[derive(Debug, Clone)]
pub struct ToJson {
    pub(super) present: Present,
}
presence!(ToJson);

impl ToJson {
    /// A line for each row.
    pub fn new() -> ToJson {
        ToJson { present: Present::Refused }
    }
}

/// How files of Arrow's IPC format are written.
#[derive(Debug, Clone)]
pub struct ToIpc {
    pub(super) compression: u8,
    pub(super) present: Present,
}
presence!(ToIpc);

impl ToIpc {
    /// Not packed, so that it is quick to read.
    pub fn new() -> ToIpc {
        ToIpc { compression: 0, present: Present::Refused }
    }

    /// `none`, `lz4` or `zstd`.
    ///
    /// # Panics
    /// When it is another.
    #[track_caller]
    pub fn compression(mut self, name: &str) -> ToIpc {
        self.compression = named(name, &["none", "lz4", "zstd"]);
        self
    }
}

/// How files of Parquet are written.
///
/// ```
/// let options = taskloom::dataframe::ToParquet::new().partition_on(["year"]).compression("snappy").append(true);
/// # let _ = options;
/// ```
#[derive(Debug, Clone)]
pub struct ToParquet {
    pub(super) compression: u8,
    pub(super) group: usize,
    pub(super) keys: Vec<PlSmallStr>,
    pub(super) present: Present,
}
presence!(ToParquet);

/// How Parquet may be packed, in the order of their numbers.
pub(super) const PARQUET: [&str; 6] = ["zstd", "snappy", "gzip", "lz4", "brotli", "none"];

impl ToParquet {
    /// Packed with zstd, in row groups of a quarter of a million rows.
    pub fn new() -> ToParquet {
        ToParquet { compression: 0, group: 1 << 18, keys: Vec::new(), present: Present::Refused }
    }

    /// `zstd`, `snappy`, `gzip`, `lz4`, `brotli` or `none`.
    ///
    /// # Panics
    /// When it is another.
    #[track_caller]
    pub fn compression(mut self, name: &str) -> ToParquet {
        self.compression = named(name, &PARQUET);
        self
    }

    /// How many rows a row group has, at most.
    ///
    /// # Panics
    /// When it is 0.
    #[track_caller]
    pub fn row_group_size(mut self, rows: usize) -> ToParquet {
        assert!(rows > 0, "a row group has at least one row");
        self.group = rows;
        self
    }

    /// Columns whose values are folders, as `year=2019/month=1`: rows with the same values go to the same folder.
    pub fn partition_on<N: AsRef<str>>(mut self, columns: impl IntoIterator<Item = N>) -> ToParquet {
        self.keys = columns.into_iter().map(|name| name.as_ref().into()).collect();
        self
    }
}

#[track_caller]
fn named(name: &str, all: &[&str]) -> u8 {
    match all.iter().position(|known| known.eq_ignore_ascii_case(name)) {
        Some(place) => place as u8,
        None => panic!("there is no compression `{name}` here: it is one of {}", all.join(", ")),
    }
}

/// Nothing of a format stays in the process.
impl Pack for Choice {
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        (self.format.clone(), self.present).pack(packer)
    }
    fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
        let (format, present) = Pack::unpack(unpacker)?;
        Ok(Choice { format, present })
    }
}
