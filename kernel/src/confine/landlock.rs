//! Landlock: which files a process may use, which ports, and whom it may send signals.
//!
//! The numbers are those of `linux/landlock.h`; a kernel that knows fewer says so by its version, and the rest is left
//! out.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::Walls;

const EXECUTE: u64 = 1 << 0;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;
/// Making and removing of all kinds of files, `REMOVE_DIR` to `MAKE_SYM`, but for devices.
const MAKE: u64 = (1 << 4) | (1 << 5) | (1 << 7) | (1 << 8) | (1 << 9) | (1 << 10) | (1 << 12);
const MAKE_DEVICES: u64 = (1 << 6) | (1 << 11);
const REFER: u64 = 1 << 13;
const TRUNCATE: u64 = 1 << 14;
/// What can be allowed for a file that is not a folder.
const OF_FILES: u64 = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE;
const ALL_TCP: u64 = 0b11;
const ALL_SCOPES: u64 = 0b11;

const CREATE_RULESET_VERSION: u32 = 1;
const RULE_PATH_BENEATH: u32 = 1;

#[repr(C)]
struct Ruleset {
    files: u64,
    network: u64,
    scoped: u64,
}

#[repr(C, packed)]
struct PathBeneath {
    allowed: u64,
    parent: i32,
}

/// Leaves this process what the walls name. Gives the version of Landlock.
///
/// # Errors
/// What the system says; `ENOSYS` or `EOPNOTSUPP` where it has no Landlock.
pub fn restrict(walls: &Walls) -> io::Result<i64> {
    // SAFETY: asks for the version; no memory is touched.
    let version = check(unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<Ruleset>(), 0usize, CREATE_RULESET_VERSION)
    })?;
    let mut files = EXECUTE | WRITE_FILE | READ_FILE | READ_DIR | MAKE | MAKE_DEVICES;
    if version >= 2 {
        files |= REFER;
    }
    if version >= 3 {
        files |= TRUNCATE;
    }
    let ruleset = Ruleset {
        files,
        network: if version >= 4 { ALL_TCP } else { 0 },
        scoped: if version >= 6 { ALL_SCOPES } else { 0 },
    };
    // SAFETY: the struct is read, as far as this version knows it.
    let size = match version {
        ..4 => 8,
        4..6 => 16,
        _ => 24usize,
    };
    // SAFETY: reads `size` bytes of the struct.
    let descriptor = check(unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, &ruleset, size, 0u32) })? as i32;
    let read = READ_FILE | READ_DIR;
    let outcome = [
        (&walls.read, read),
        (&walls.execute, read | EXECUTE),
        (&walls.list, READ_DIR),
        (&walls.write, files & !(EXECUTE | MAKE_DEVICES)),
    ]
    .into_iter()
    .try_for_each(|(paths, access)| paths.iter().try_for_each(|path| allow(descriptor, path, access & files)))
    .and_then(|()| {
        // SAFETY: no memory is touched.
        check(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, descriptor, 0u32) })
    });
    // SAFETY: the descriptor is this function's own.
    unsafe { libc::close(descriptor) };
    outcome.map(|_| version)
}

/// What is not there needs no rule.
fn allow(ruleset: i32, path: &Path, access: u64) -> io::Result<()> {
    let Ok(name) = CString::new(path.as_os_str().as_bytes()) else { return Ok(()) };
    // SAFETY: the name is a C string; the descriptor is closed below.
    let parent = unsafe { libc::open(name.as_ptr(), libc::O_PATH | libc::O_CLOEXEC) };
    if parent < 0 {
        return Ok(());
    }
    let access = if path.is_dir() { access } else { access & OF_FILES };
    let rule = PathBeneath { allowed: access, parent };
    let outcome = match access {
        0 => Ok(0),
        // SAFETY: reads the struct.
        _ => check(unsafe { libc::syscall(libc::SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0u32) }),
    };
    // SAFETY: the descriptor is this function's own.
    unsafe { libc::close(parent) };
    outcome.map(drop)
}

fn check(result: libc::c_long) -> io::Result<i64> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
