//! Frames on disk: one file for all of them, which has no name and is gone with the last of them, or with the process.

use std::fs::File;
use std::io::{self, Cursor};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use polars::prelude::*;

use super::budget::Budget;

/// Names the folder for such files.
const FOLDER: &str = "TASKLOOM_SPILL_DIR";

/// The file, and where it ends.
#[derive(Debug)]
struct Store {
    file: File,
    folder: PathBuf,
    end: AtomicU64,
}

/// The file that is in use at the moment.
static CURRENT: Mutex<Weak<Store>> = Mutex::new(Weak::new());

impl Store {
    fn current() -> PolarsResult<Arc<Store>> {
        let mut current = CURRENT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(store) = current.upgrade() {
            return Ok(store);
        }
        let folder = folder();
        let file = tempfile::tempfile_in(&folder).map_err(|error| trouble("make a file", &folder, error))?;
        let store = Arc::new(Store { file, folder, end: AtomicU64::new(0) });
        *current = Arc::downgrade(&store);
        Ok(store)
    }
}

fn trouble(what: &str, folder: &Path, error: io::Error) -> PolarsError {
    polars_err!(
        ComputeError: "cannot {} for pieces of a shuffle that do not fit in memory, in {}: {}; set {} to a folder with room",
        what, folder.display(), error, FOLDER
    )
}

/// The folder that was set, or the one for temporary files, unless that is in memory itself.
fn folder() -> PathBuf {
    if let Some(folder) = std::env::var_os(FOLDER).filter(|folder| !folder.is_empty()) {
        return PathBuf::from(folder);
    }
    let usual = std::env::temp_dir();
    let lasting = Path::new("/var/tmp");
    if in_memory(&usual) && !in_memory(lasting) && tempfile::tempfile_in(lasting).is_ok() {
        return lasting.to_owned();
    }
    usual
}

#[cfg(target_os = "linux")]
fn in_memory(folder: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt;
    let Ok(path) = std::ffi::CString::new(folder.as_os_str().as_bytes()) else { return false };
    let mut facts = std::mem::MaybeUninit::<libc::statfs>::zeroed();
    // SAFETY: the path ends in a zero, and the struct is there to be written.
    let known = unsafe { libc::statfs(path.as_ptr(), facts.as_mut_ptr()) } == 0;
    // SAFETY: all zeros are valid, and the call has written it when it says so.
    known && unsafe { facts.assume_init() }.f_type == libc::TMPFS_MAGIC
}

#[cfg(not(target_os = "linux"))]
fn in_memory(_folder: &Path) -> bool {
    false
}

/// A frame on disk. Dropping it gives its place back.
#[derive(Debug)]
pub(crate) struct Stored {
    store: Arc<Store>,
    start: u64,
    len: u64,
    sum: u32,
    schema: SchemaRef,
}

impl Stored {
    /// Writes a frame as Arrow IPC, compressed by LZ4. `buffer` is memory to use again.
    pub(crate) fn write(frame: DataFrame, buffer: &mut Vec<u8>, budget: &Budget) -> PolarsResult<Stored> {
        let schema = Arc::clone(frame.schema());
        buffer.clear();
        let mut physical = as_physical(frame)?;
        IpcWriter::new(&mut *buffer)
            .with_compression(Some(IpcCompression::LZ4))
            .with_parallel(false)
            .finish(&mut physical)?;
        drop(physical);
        let store = Store::current()?;
        let len = buffer.len() as u64;
        let start = store.end.fetch_add(len, Ordering::Relaxed);
        store.file.write_all_at(buffer, start).map_err(|error| trouble("write", &store.folder, error))?;
        budget.note_spilled(len);
        Ok(Stored { store, start, len, sum: crc32fast::hash(buffer), schema })
    }

    /// Reads it back.
    pub(crate) fn read(&self) -> PolarsResult<DataFrame> {
        let mut bytes = vec![0; self.len as usize];
        self.store
            .file
            .read_exact_at(&mut bytes, self.start)
            .map_err(|error| trouble("read the file", &self.store.folder, error))?;
        if crc32fast::hash(&bytes) != self.sum {
            polars_bail!(
                ComputeError: "a piece of a shuffle came back from {} with other bytes than were written: the disk is damaged",
                self.store.folder.display()
            );
        }
        as_logical(IpcReader::new(Cursor::new(bytes)).finish()?, &self.schema)
    }

    /// Bytes on disk.
    #[cfg(test)]
    pub(crate) fn len(&self) -> u64 {
        self.len
    }
}

impl Drop for Stored {
    fn drop(&mut self) {
        #[cfg(target_os = "linux")]
        {
            use std::os::fd::AsRawFd;
            let flags = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
            let file = self.store.file.as_raw_fd();
            // SAFETY: the file is open, and nobody else has this range. Where the file system cannot do it, the place comes
            // back when the file is closed.
            unsafe { libc::fallocate(file, flags, self.start as libc::off_t, self.len as libc::off_t) };
        }
    }
}

/// Categories as their numbers: the texts are in this process's memory anyway, and every piece would carry them all.
fn as_physical(mut frame: DataFrame) -> PolarsResult<DataFrame> {
    if frame.schema().iter_values().any(has_categories) {
        let columns = frame.columns().iter().map(|column| match has_categories(column.dtype()) {
            true => column.as_materialized_series().to_physical_repr().into_owned().into_column(),
            false => column.clone(),
        });
        frame = DataFrame::new(frame.height(), columns.collect())?;
    }
    Ok(frame)
}

fn as_logical(frame: DataFrame, schema: &SchemaRef) -> PolarsResult<DataFrame> {
    if !schema.iter_values().any(has_categories) {
        return Ok(frame);
    }
    let columns = frame.columns().iter().zip(schema.iter_values()).map(|(column, dtype)| match has_categories(dtype) {
        // SAFETY: the numbers are those that this process wrote, of a mapping that the type holds.
        true => unsafe { column.as_materialized_series().from_physical_unchecked(dtype) }.map(IntoColumn::into_column),
        false => Ok(column.clone()),
    });
    DataFrame::new(frame.height(), columns.collect::<PolarsResult<_>>()?)
}

fn has_categories(dtype: &DataType) -> bool {
    match dtype {
        DataType::Categorical(..) | DataType::Enum(..) => true,
        DataType::List(inner) => has_categories(inner),
        DataType::Struct(fields) => fields.iter().any(|field| has_categories(field.dtype())),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_as_they_were() {
        let categories = DataType::from_categories(Categories::global());
        let names = Series::new("name".into(), [Some("b"), None, Some("a")]);
        let dates = Series::new("day".into(), [1, 2, 3]).cast(&DataType::Date).unwrap();
        let lists = Series::new("list".into(), [names.clone(), names.slice(0, 1), names.slice(1, 0)]);
        let frame = DataFrame::new(
            3,
            vec![
                names.cast(&categories).unwrap().into_column(),
                dates.into_column(),
                lists.cast(&DataType::List(Box::new(categories))).unwrap().into_column(),
                Series::new("x".into(), [Some(f64::NAN), Some(-0.0), None]).into_column(),
            ],
        )
        .unwrap();
        let budget = Budget::new(0);
        let mut buffer = Vec::new();
        let stored: Vec<Stored> =
            (0..3).map(|n| Stored::write(frame.slice(n, 2), &mut buffer, &budget).unwrap()).collect();
        for (n, stored) in stored.iter().enumerate() {
            let found = stored.read().unwrap();
            assert_eq!(found.schema(), frame.schema());
            assert!(found.equals_missing(&frame.slice(n as i64, 2)), "{found}");
        }
        assert_eq!(budget.spilled(), stored.iter().map(Stored::len).sum::<u64>());
    }

    #[test]
    fn damage_is_noticed() {
        let frame = df!("a" => [1, 2, 3]).unwrap();
        let stored = Stored::write(frame, &mut Vec::new(), &Budget::new(0)).unwrap();
        stored.store.file.write_all_at(b"damage", stored.start + stored.len / 2).unwrap();
        assert!(stored.read().unwrap_err().to_string().contains("the disk is damaged"));
    }
}
