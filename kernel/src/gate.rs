//! A gate in front of the compiler, for all kernels of a home folder.
//!
//! A compiler takes a core and a few hundred megabytes. When a whole class runs a cell at the same time, as many
//! compilers as there are people would make the machine swap, and nobody's cell would end. So there are as many places as
//! cores, and one more for those who wait for the disk: files, of which a compiler's caller holds the lock of one. The
//! system gives a lock back when its holder ends, however it ends.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

/// How often someone who has just come looks for a free place.
const RARELY: Duration = Duration::from_millis(16);
/// How often someone who has waited long does. In this way, who came first mostly goes first.
const OFTEN: Duration = Duration::from_millis(1);
/// What counts as long.
const LONG: Duration = Duration::from_secs(4);

/// A place. It is free again once this is dropped.
pub struct Place {
    /// None where the file system knows no locks: then everybody goes in.
    _file: Option<File>,
}

/// Waits for a place in `folder`. Gives none when `given_up` says that it is not wanted any more.
pub fn enter(folder: &Path, given_up: impl Fn() -> bool) -> Option<Place> {
    let places = std::thread::available_parallelism().map_or(1, usize::from) + 1;
    // Not all begin with the same place: nobody else is the usual case, and then it is one call.
    let first = std::process::id() as usize;
    let began = Instant::now();
    loop {
        for place in 0..places {
            match try_place(folder, (first + place) % places) {
                Ok(file) => return Some(Place { _file: Some(file) }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(_)) => return Some(Place { _file: None }),
            }
        }
        if given_up() {
            return None;
        }
        let patience = 1.0 - (began.elapsed().as_secs_f64() / LONG.as_secs_f64()).min(1.0);
        std::thread::sleep(OFTEN + (RARELY - OFTEN).mul_f64(patience));
    }
}

fn try_place(folder: &Path, place: usize) -> Result<File, TryLockError> {
    let path = folder.join(place.to_string());
    let open = || File::options().create(true).truncate(false).write(true).open(&path);
    // The folder is missing only once.
    let file = open().or_else(|_| std::fs::create_dir_all(folder).and_then(|()| open())).map_err(TryLockError::Error)?;
    file.try_lock()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn who_finds_no_place_waits_until_one_is_free_or_it_is_not_wanted_any_more() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("places");
        let never = || panic!("there are places");
        let count = std::thread::available_parallelism().map_or(1, usize::from) + 1;
        let mut taken: Vec<Option<Place>> = (0..count).map(|_| enter(&folder, never)).collect();
        assert!(taken.iter().all(Option::is_some));
        let asked = Cell::new(0);
        let third_time = || {
            asked.set(asked.get() + 1);
            asked.get() == 3
        };
        assert!(enter(&folder, third_time).is_none());
        taken.pop();
        assert!(enter(&folder, never).is_some());
    }

    #[test]
    fn where_there_can_be_no_places_nobody_waits() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        assert!(enter(file.path(), || panic!("nobody waits")).is_some());
    }
}
