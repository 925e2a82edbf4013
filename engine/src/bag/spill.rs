//! Groups on disk, on their way from partitions to others.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::frame::exchange::Budget;

/// Names the folder for files of what has no room in memory.
const FOLDER: &str = "TASKLOOM_SPILL_DIR";
/// A file without a name: it is gone with whoever has it open, also when the process is killed.
#[derive(Debug)]
struct Store {
    file: File,
    end: AtomicU64,
}

/// Bytes on disk.
#[derive(Debug)]
pub(crate) struct OnDisk {
    store: Arc<Store>,
    offset: u64,
    len: usize,
}

/// Writes bytes. The file lasts as long as any of them.
pub(crate) fn write(bytes: &[u8]) -> Result<OnDisk, String> {
    static STORE: Mutex<Weak<Store>> = Mutex::new(Weak::new());
    let folder =
        std::env::var_os(FOLDER).filter(|path| !path.is_empty()).map(Into::into).unwrap_or_else(std::env::temp_dir);
    let wrong = |error: io::Error| {
        format!(
            "there is no room for all groups in memory, and they cannot be written to {}: {error}; `{FOLDER}` names \
             another folder",
            folder.display()
        )
    };
    let store = {
        let mut slot = STORE.lock().unwrap_or_else(PoisonError::into_inner);
        match slot.upgrade() {
            Some(store) => store,
            None => {
                let store =
                    Arc::new(Store { file: tempfile::tempfile_in(&folder).map_err(wrong)?, end: AtomicU64::new(0) });
                *slot = Arc::downgrade(&store);
                store
            }
        }
    };
    Budget::global().note_spilled(bytes.len() as u64);
    let offset = store.end.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    store.file.write_all_at(bytes, offset).map_err(wrong)?;
    Ok(OnDisk { store, offset, len: bytes.len() })
}

impl OnDisk {
    /// The bytes again.
    pub(crate) fn read(&self) -> Result<Vec<u8>, String> {
        let mut bytes = vec![0; self.len];
        let read = self.store.file.read_exact_at(&mut bytes, self.offset);
        read.map_err(|error| format!("groups that were written to disk cannot be read back: {error}"))?;
        Ok(bytes)
    }
}
