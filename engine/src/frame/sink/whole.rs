//! A file that appears when it is whole.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use polars::prelude::PolarsResult;

use super::super::source::stored;
use crate::store::error::StoreError;
use crate::store::file::beside;
use crate::store::path::StorePath;

/// What is being written.
pub(super) enum Whole {
    /// Under another name, which nobody takes for the file's.
    Local { file: BufWriter<File>, part: PathBuf, path: PathBuf, is_done: bool },
    /// In memory.
    Remote { bytes: Vec<u8>, path: StorePath },
}

impl Whole {
    pub(super) fn create(path: &StorePath) -> PolarsResult<Whole> {
        path.make_parent().map_err(stored)?;
        let StorePath::Local(path) = path else { return Ok(Whole::Remote { bytes: Vec::new(), path: path.clone() }) };
        let part = beside(path).map_err(stored)?;
        let file = File::create(&part).map_err(|error| stored(StoreError::io("write", path, &error)))?;
        Ok(Whole::Local { file: BufWriter::with_capacity(1 << 20, file), part, path: path.clone(), is_done: false })
    }

    /// Gives it its name; the number of bytes.
    pub(super) fn finish(mut self) -> PolarsResult<u64> {
        match &mut self {
            Whole::Local { file, part, path, is_done } => {
                let done = file.flush().and_then(|()| {
                    let len = file.get_ref().metadata()?.len();
                    file.get_ref().sync_data()?;
                    std::fs::rename(&*part, &*path)?;
                    Ok(len)
                });
                *is_done = done.is_ok();
                done.map_err(|error| stored(StoreError::io("write", path, &error)))
            }
            Whole::Remote { bytes, path } => {
                let len = bytes.len() as u64;
                path.write(std::mem::take(bytes)).map_err(stored)?;
                Ok(len)
            }
        }
    }
}

impl Write for Whole {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Whole::Local { file, .. } => file.write(bytes),
            Whole::Remote { bytes: all, .. } => all.write(bytes),
        }
    }
    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Whole::Local { file, .. } => file.flush(),
            Whole::Remote { .. } => Ok(()),
        }
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        if let Whole::Local { part, is_done: false, .. } = self {
            // What cannot be removed has a name that nobody takes for the file's.
            let _ = std::fs::remove_file(part);
        }
    }
}
