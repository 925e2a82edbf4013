//! The SQLite file: its schema, how it is opened, and what is done when it is not what it should be.
//!
//! The journal is SQLite's ordinary rollback journal, not a write-ahead log: homes on shared hubs are often network
//! drives, where a write-ahead log must not be used, and a cell a second from each of 20 kernels needs no more. Nothing
//! is left beside the file when a kernel ends, and what a killed one leaves is cleared by the next to open it.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior, params};

/// The version of the tables below. A file with a later one is left alone.
const VERSION: i64 = 1;
/// "Tlom": says that the file is a history of ours, whatever it is called.
const APPLICATION: i64 = 0x546c_6f6d;
const TABLES: &str = "
    CREATE TABLE sessions (session INTEGER PRIMARY KEY AUTOINCREMENT, start INTEGER NOT NULL, end INTEGER);
    CREATE TABLE history (session INTEGER NOT NULL, line INTEGER NOT NULL, source TEXT NOT NULL,
                          PRIMARY KEY (session, line));
    CREATE TABLE output_history (session INTEGER NOT NULL, line INTEGER NOT NULL, output TEXT NOT NULL,
                                 PRIMARY KEY (session, line));";

/// How long the kernels that find the same damaged file wait for the one that moves it aside.
const MOVING: Duration = Duration::from_secs(2);

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("{} cannot be made: {cause}", path.display())]
    Folder { path: PathBuf, cause: io::Error },
    #[error("{} cannot be written: {cause}", path.display())]
    Create { path: PathBuf, cause: io::Error },
    #[error("{} was written by a later version of Taskloom (its tables have version {version}, this one knows {VERSION})", path.display())]
    Newer { path: PathBuf, version: i64 },
    #[error("{} is a database of another program", path.display())]
    Foreign { path: PathBuf },
    #[error("{} is damaged and cannot be moved aside: {cause}", path.display())]
    Stuck { path: PathBuf, cause: io::Error },
    #[error("{} cannot be used: {cause}", path.display())]
    Sqlite { path: PathBuf, cause: rusqlite::Error },
}

/// The open file, and which file it is.
pub struct HistoryFile {
    pub connection: Connection,
    pub session: i64,
    /// Where the file that was there before went.
    pub moved: Option<PathBuf>,
    identity: Option<(u64, u64)>,
}

impl HistoryFile {
    /// Opens the file, makes it where there is none, moves a damaged one aside, and registers a session in it: `wanted`
    /// if that number is free or was ours, the next one otherwise.
    pub fn open(path: &Path, wanted: Option<i64>, patience: Duration) -> Result<Self, FileError> {
        match Self::attempt(path, wanted, patience, false) {
            Err(FileError::Sqlite { cause, .. }) if is_damage(&cause) => {}
            outcome => return outcome,
        }
        // One kernel at a time moves a file aside, or the second would move the first one's new file.
        let _turn = folder_of(path).and_then(turn);
        match Self::attempt(path, wanted, patience, true) {
            Err(FileError::Sqlite { cause, .. }) if is_damage(&cause) => {}
            outcome => return outcome,
        }
        let moved = move_aside(path).map_err(|cause| FileError::Stuck { path: path.to_owned(), cause })?;
        let mut file = Self::attempt(path, wanted, patience, false)?;
        file.moved = Some(moved);
        Ok(file)
    }

    /// As [`HistoryFile::open`] after SQLite reported damage while the file was in use: it is looked through first, for
    /// the damage may be in a page that opening does not read, or another kernel may have dealt with it.
    pub fn reopen_damaged(path: &Path, wanted: Option<i64>, patience: Duration) -> Result<Self, FileError> {
        let _turn = folder_of(path).and_then(turn);
        let moved = match Self::attempt(path, wanted, patience, true) {
            Err(FileError::Sqlite { cause, .. }) if is_damage(&cause) => {
                move_aside(path).map_err(|cause| FileError::Stuck { path: path.to_owned(), cause })?
            }
            outcome => return outcome,
        };
        let mut file = Self::attempt(path, wanted, patience, false)?;
        file.moved = Some(moved);
        Ok(file)
    }

    /// Whether `path` is no longer the file that is open: deleted, or moved aside by another kernel.
    pub fn is_replaced(&self, path: &Path) -> bool {
        identity(path) != self.identity
    }

    fn attempt(path: &Path, wanted: Option<i64>, patience: Duration, thorough: bool) -> Result<Self, FileError> {
        create(path)?;
        let identity = identity(path);
        let failed = |cause| FileError::Sqlite { path: path.to_owned(), cause };
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        connection.busy_timeout(patience).map_err(failed)?;
        if thorough {
            let verdict: String =
                connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(failed)?;
            if verdict != "ok" {
                return Err(failed(damage(&verdict)));
            }
        }
        let session = set_up(&mut connection, path, wanted)?;
        Ok(Self { connection, session, moved: None, identity })
    }
}

/// Tables the memory of this session has as well, so that the same queries serve both.
pub fn create_tables(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(TABLES)
}

/// Whether SQLite says that the file is not a database, or not a sound one.
pub fn is_damage(problem: &rusqlite::Error) -> bool {
    matches!(problem.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// Whether another process holds the file.
pub fn is_busy(problem: &rusqlite::Error) -> bool {
    matches!(problem.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Milliseconds since 1970, as the sessions' times are kept.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn set_up(connection: &mut Connection, path: &Path, wanted: Option<i64>) -> Result<i64, FileError> {
    let failed = |cause| FileError::Sqlite { path: path.to_owned(), cause };
    // A power cut may cost the last cell, as it may with any editor; a killed kernel costs nothing.
    connection.execute_batch("PRAGMA synchronous = NORMAL").map_err(failed)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let number = |sql: &str| transaction.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(failed);
    let version = number("PRAGMA user_version")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    let application = number("PRAGMA application_id")?;
    if tables == 0 && version == 0 {
        create_tables(&transaction).map_err(failed)?;
        transaction
            .execute_batch(&format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION};"))
            .map_err(failed)?;
    } else if application != APPLICATION {
        return Err(FileError::Foreign { path: path.to_owned() });
    } else if version > VERSION {
        return Err(FileError::Newer { path: path.to_owned(), version });
    } else if version != VERSION || !has_tables(&transaction).map_err(failed)? {
        return Err(failed(damage("tables are missing")));
    }
    let session = register(&transaction, wanted).map_err(failed)?;
    transaction.commit().map_err(failed)?;
    Ok(session)
}

fn has_tables(connection: &Connection) -> rusqlite::Result<bool> {
    for columns in
        ["session, start, end FROM sessions", "session, line, source FROM history", "output FROM output_history"]
    {
        match connection.prepare(&format!("SELECT {columns}")) {
            Ok(_) => {}
            Err(problem) if problem.sqlite_error_code() == Some(ErrorCode::Unknown) => return Ok(false),
            Err(problem) => return Err(problem),
        }
    }
    Ok(true)
}

fn register(connection: &Connection, wanted: Option<i64>) -> rusqlite::Result<i64> {
    if let Some(session) = wanted {
        let taken = "SELECT 1 FROM sessions WHERE session = ?1";
        if connection.query_row(taken, [session], |_| Ok(())).optional()?.is_none() {
            connection.execute("INSERT INTO sessions VALUES (?1, ?2, NULL)", params![session, now()])?;
            return Ok(session);
        }
    }
    connection.execute("INSERT INTO sessions VALUES (NULL, ?1, NULL)", [now()])?;
    Ok(connection.last_insert_rowid())
}

/// Makes the file, readable by the user alone, where there is none.
///
/// SQLite would make it with the permissions of the umask. Only a file that is not there is ever opened here: closing
/// any handle of a file drops all locks that this process, SQLite included, holds on it.
fn create(path: &Path) -> Result<(), FileError> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(folder) = folder_of(path).filter(|folder| !folder.is_dir()) {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|cause| FileError::Folder { path: folder.to_owned(), cause })?;
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => return Ok(()),
        Err(problem) if problem.kind() == io::ErrorKind::AlreadyExists => {}
        Err(cause) => return Err(FileError::Create { path: path.to_owned(), cause }),
    }
    let loose = fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o077 != 0);
    if loose {
        // If it cannot be made private it is another's file, and writing it will fail with a better message.
        let _ = fs::set_permissions(path, Permissions::from_mode(0o600));
    }
    Ok(())
}

fn folder_of(path: &Path) -> Option<&Path> {
    path.parent().map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

/// A lock on the folder, so that no lock file is left in it. Where a drive has no such locks, or another keeps it too
/// long, the work goes on without: moving aside is also safe, only not tidy, when two do it.
fn turn(folder: &Path) -> Option<File> {
    let handle = File::open(folder).ok()?;
    let until = Instant::now() + MOVING;
    loop {
        match handle.try_lock() {
            Ok(()) => return Some(handle),
            Err(TryLockError::WouldBlock) if Instant::now() < until => thread::sleep(Duration::from_millis(20)),
            Err(_) => return None,
        }
    }
}

/// Renames the file to the first free `….damaged-N`, and its journal with it, without which it could not be mended.
fn move_aside(path: &Path) -> io::Result<PathBuf> {
    let with = |suffix: &str, path: &Path| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let mut target = with(".damaged-1", path);
    for number in 2.. {
        if fs::symlink_metadata(&target).is_err() {
            break;
        }
        target = with(&format!(".damaged-{number}"), path);
    }
    fs::rename(path, &target)?;
    for suffix in ["-journal", "-wal", "-shm"] {
        let (from, to) = (with(suffix, path), with(suffix, &target));
        if fs::symlink_metadata(&from).is_ok() {
            fs::rename(from, to)?;
        }
    }
    Ok(target)
}

fn damage(what: &str) -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    rusqlite::Error::SqliteFailure(code, Some(what.to_owned()))
}
