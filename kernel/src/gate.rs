//! A gate in front of the compiler, for all kernels of a home folder.
//!
//! A compiler takes a core and a few hundred megabytes. When a whole class runs a cell at the same time, as many
//! compilers as there are people would make the machine swap, and nobody's cell would end. So there are as many places as
//! cores, and one more for those who wait for the disk. Places are files, and who goes in holds the lock of one; who has
//! to wait holds the lock of another file, or waits for it, so that all but the first of the queue sleep. The system
//! gives a lock back when its holder ends, however it ends.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// How often the first of the queue looks for a free place.
const LOOK: Duration = Duration::from_millis(4);
/// How often the others ask whether they still want one.
const ASK: Duration = Duration::from_millis(30);
/// The file that stands for the head of the queue.
const QUEUE: &str = "queue";

/// A place. It is free again once this is dropped.
pub struct Place {
    /// None where the file system knows no locks: then everybody goes in.
    _file: Option<File>,
}

/// Waits for a place in `folder`. Gives none when `given_up` says that it is not wanted any more.
pub fn enter(folder: &Path, given_up: impl Fn() -> bool) -> Option<Place> {
    let without_locks = || Some(Place { _file: None });
    let Ok(queue) = open(&folder.join(QUEUE)) else { return without_locks() };
    let _head = match queue.try_lock() {
        Ok(()) => queue,
        Err(TryLockError::WouldBlock) => match wait_in_queue(queue, &given_up)? {
            Ok(queue) => queue,
            Err(_) => return without_locks(),
        },
        Err(TryLockError::Error(_)) => return without_locks(),
    };
    let places = std::thread::available_parallelism().map_or(1, usize::from) + 1;
    loop {
        for place in 0..places {
            match try_place(&folder.join(place.to_string())) {
                Ok(file) => return Some(Place { _file: Some(file) }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(_)) => return without_locks(),
            }
        }
        if given_up() {
            return None;
        }
        std::thread::sleep(LOOK);
    }
}

/// The head of the queue, once it is ours; nothing when that is not wanted any more.
fn wait_in_queue(queue: File, given_up: &impl Fn() -> bool) -> Option<std::io::Result<File>> {
    let (tell, told) = mpsc::channel();
    // Nothing but the lock itself ends the wait for it. Where nobody listens any more, the file is closed at once.
    std::thread::spawn(move || {
        let _ = tell.send(queue.lock().map(|()| queue));
    });
    loop {
        match told.recv_timeout(ASK) {
            Ok(queue) => return Some(queue),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) if given_up() => return None,
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

fn try_place(path: &Path) -> Result<File, TryLockError> {
    let file = open(path).map_err(TryLockError::Error)?;
    file.try_lock()?;
    Ok(file)
}

fn open(path: &Path) -> std::io::Result<File> {
    let open = || File::options().create(true).truncate(false).write(true).open(path);
    // The folder is missing only once.
    open().or_else(|_| {
        std::fs::create_dir_all(path.parent().map(PathBuf::from).unwrap_or_default())?;
        open()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn never() -> bool {
        panic!("nobody has to wait")
    }

    /// Takes all places there are.
    fn take_all(folder: &Path) -> Vec<Place> {
        let places = std::thread::available_parallelism().map_or(1, usize::from) + 1;
        (0..places).map(|_| enter(folder, never).expect("a place")).collect()
    }

    #[test]
    fn who_finds_no_place_waits_until_it_is_not_wanted_any_more_or_one_is_free() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("places");
        let mut taken = take_all(&folder);
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
    fn all_who_wait_come_in_one_after_the_other() {
        let home = tempfile::tempdir().expect("a folder");
        let taken = take_all(home.path());
        std::thread::scope(|scope| {
            let waiting: Vec<_> = (0..6).map(|_| scope.spawn(|| enter(home.path(), || false).is_some())).collect();
            let given_up = scope.spawn(|| enter(home.path(), || true).is_none());
            assert!(given_up.join().expect("no panic"));
            drop(taken);
            assert!(waiting.into_iter().all(|one| one.join().expect("no panic")));
        });
    }

    #[test]
    fn where_there_can_be_no_places_nobody_waits() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        assert!(enter(file.path(), never).is_some());
    }
}
