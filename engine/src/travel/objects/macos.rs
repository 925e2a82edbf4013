//! Loaded objects on macOS, found through dyld.

use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_ulong, c_void};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::{Image, Segment};

unsafe extern "C" {
    fn _dyld_image_count() -> u32;
    fn _dyld_get_image_header(index: u32) -> *const c_void;
    fn _dyld_get_image_name(index: u32) -> *const c_char;
    /// From `mach-o/getsect.h`: the address of a segment as it is loaded, and its size.
    fn getsegmentdata(header: *const c_void, segment: *const c_char, size: *mut c_ulong) -> *const u8;
}

/// Every object in this process; the executable is the first that dyld has.
pub(super) fn images() -> Vec<Image> {
    // SAFETY: takes nothing.
    let count = unsafe { _dyld_image_count() };
    let image = |index| {
        // SAFETY: an index that has gone out of range meanwhile gives null.
        let (header, name) = unsafe { (_dyld_get_image_header(index), _dyld_get_image_name(index)) };
        if header.is_null() || name.is_null() {
            return None;
        }
        let mut len: c_ulong = 0;
        // SAFETY: the header is of a loaded image, and the size is written to `len`.
        let text = unsafe { getsegmentdata(header, c"__TEXT".as_ptr(), &raw mut len) };
        let start = (text as usize).checked_sub(header as usize)?;
        let text = Segment { start: start as u64, len, file_offset: 0, file_len: 0, executable: true, constant: false };
        // SAFETY: a name that is not null is a C string.
        let name = unsafe { CStr::from_ptr(name) }.to_owned();
        Some(Image { base: header as usize, segments: vec![text], is_program: index == 0, name })
    };
    (0..count).filter_map(image).collect()
}

/// Files that the image may have come from.
pub(super) fn files_of(image: &Image) -> Vec<PathBuf> {
    if image.is_program {
        return std::env::current_exe().into_iter().collect();
    }
    vec![shown_name(image)]
}

/// How the image is called in messages.
pub(super) fn shown_name(image: &Image) -> PathBuf {
    OsStr::from_bytes(image.name.to_bytes()).into()
}

/// A counted reference to a loaded object, and the path it was opened by.
pub(super) struct Handle(*mut c_void, CString);

impl Handle {
    /// Gives the reference up without ending it: the object stays for the life of the process.
    pub(super) fn keep(self) {
        std::mem::forget(self);
    }

    /// Whether this is a reference to `image`. dyld has no call for that, but its paths are unique.
    pub(super) fn is(&self, image: &Image) -> bool {
        let real = |name: &CStr| std::fs::canonicalize(OsStr::from_bytes(name.to_bytes()));
        self.1 == image.name || matches!((real(&self.1), real(&image.name)), (Ok(one), Ok(other)) if one == other)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle came from `dlopen` and is closed once.
        unsafe { libc::dlclose(self.0) };
    }
}

fn open_flags(name: &CStr, flags: c_int) -> Result<Handle, String> {
    // SAFETY: opening an object runs its initialisers; whoever asks for that vouches for them, as `Objects::load` says.
    let handle = unsafe { libc::dlopen(name.as_ptr(), flags) };
    if !handle.is_null() {
        return Ok(Handle(handle, name.to_owned()));
    }
    // SAFETY: `dlerror` returns null or a C string that stays valid until this thread's next call of the family.
    let message = unsafe { libc::dlerror() };
    Err(if message.is_null() {
        "the dynamic linker gave no reason".to_owned()
    } else {
        // SAFETY: see above.
        unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned()
    })
}

/// Loads the object in `path`; names are bound at once, so that a missing one is an error here.
pub(super) fn open(path: &Path) -> Result<Handle, String> {
    let name = CString::new(path.as_os_str().as_bytes()).map_err(|_| "its path has a zero byte".to_owned())?;
    open_flags(&name, libc::RTLD_NOW | libc::RTLD_LOCAL)
}

/// A reference to an image that is loaded already, so that nobody unloads it meanwhile.
pub(super) fn hold(image: &Image) -> Option<Handle> {
    open_flags(&image.name, libc::RTLD_NOW | libc::RTLD_NOLOAD | libc::RTLD_NODELETE).ok()
}

/// The loader changes pages of a Mach-O image in memory, so there is nothing to compare: the file is taken at its word.
pub(super) fn is_made_of(_image: &Image, _file: &dyn ReadAt) -> io::Result<Option<bool>> {
    Ok(None)
}

/// A file, or bytes in memory.
pub(super) trait ReadAt {}
impl ReadAt for File {}
impl ReadAt for &[u8] {}

/// dyld takes no anonymous files.
pub(super) fn file_in_memory(_bytes: &[u8]) -> io::Result<(File, PathBuf)> {
    Err(io::ErrorKind::Unsupported.into())
}

/// dyld checks for itself that a file is whole.
pub(super) fn check_format(_bytes: &[u8]) -> Result<(), String> {
    Ok(())
}
