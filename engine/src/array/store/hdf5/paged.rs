//! The structure of a file in an object store, which is read page by page: its parts are small, and lie near each other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use hdf5_pure::{FormatError, Source};

use crate::array::store::file::Input;

/// So much is read at once.
const PAGE: u64 = 256 << 10;
/// So many pages are kept.
const MOST_PAGES: usize = 64;

/// An object, as the library reads it.
pub(super) struct Paged {
    input: Input,
    pages: Mutex<HashMap<u64, Arc<Vec<u8>>>>,
}

impl Paged {
    pub(super) fn new(input: Input) -> Paged {
        Paged { input, pages: Mutex::default() }
    }

    fn page(&self, number: u64) -> Result<Arc<Vec<u8>>, FormatError> {
        let pages = || self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(page) = pages().get(&number) {
            return Ok(Arc::clone(page));
        }
        let begin = number * PAGE;
        let len = self.input.len().saturating_sub(begin).min(PAGE);
        let page =
            Arc::new(self.input.bytes(begin, len as usize).map_err(|error| FormatError::Source(error.to_string()))?);
        let mut pages = pages();
        if pages.len() >= MOST_PAGES {
            pages.clear();
        }
        pages.insert(number, Arc::clone(&page));
        Ok(page)
    }
}

impl Source for Paged {
    fn len(&self) -> u64 {
        self.input.len()
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<(), FormatError> {
        let len = out.len() as u64;
        let end = offset.checked_add(len).ok_or(FormatError::OffsetOverflow { offset, length: len })?;
        if end > self.input.len() {
            let (expected, available) = (end as usize, self.input.len() as usize);
            return Err(FormatError::UnexpectedEof { expected, available });
        }
        let mut done = 0;
        while done < out.len() {
            let at = offset + done as u64;
            let page = self.page(at / PAGE)?;
            let from = &page[(at % PAGE) as usize..];
            let len = from.len().min(out.len() - done);
            out[done..done + len].copy_from_slice(&from[..len]);
            done += len;
        }
        Ok(())
    }
}
