//! Systems whose loader this crate does not know: there are no images, and nothing can be loaded.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::Image;

pub(super) fn images() -> Vec<Image> {
    Vec::new()
}

pub(super) fn files_of(_image: &Image) -> Vec<PathBuf> {
    Vec::new()
}

pub(super) fn shown_name(_image: &Image) -> PathBuf {
    PathBuf::new()
}

pub(super) struct Handle;

impl Handle {
    pub(super) fn keep(self) {}

    pub(super) fn is(&self, _image: &Image) -> bool {
        false
    }
}

pub(super) fn open(_path: &Path) -> Result<Handle, String> {
    Err("loading code is not supported on this system".to_owned())
}

pub(super) fn hold(_image: &Image) -> Option<Handle> {
    None
}

pub(super) trait ReadAt {}
impl ReadAt for File {}
impl ReadAt for &[u8] {}

pub(super) fn is_made_of(_image: &Image, _file: &dyn ReadAt) -> io::Result<Option<bool>> {
    Ok(None)
}

pub(super) fn file_in_memory(_bytes: &[u8]) -> io::Result<(File, PathBuf)> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(super) fn check_format(_bytes: &[u8]) -> Result<(), String> {
    Err("loading code is not supported on this system".to_owned())
}
