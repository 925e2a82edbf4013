//! The folder that a session keeps its files in.

use std::path::Path;

/// What the folders of sessions are called, before the number of the process.
const FOLDER_PREFIX: &str = "taskloom-";

/// A folder for one session's files. Those of kernels that were killed are removed on the way.
///
/// # Errors
/// When the system's folder for temporary files cannot be written.
pub fn session_folder() -> Result<tempfile::TempDir, String> {
    let parent = std::env::temp_dir();
    remove_abandoned(&parent);
    tempfile::Builder::new()
        .prefix(&format!("{FOLDER_PREFIX}{}-", std::process::id()))
        .tempdir_in(&parent)
        .map_err(|error| format!("cannot make a folder in {}: {error}", parent.display()))
}

/// Removes the folders of sessions whose process has gone, as far as they are ours.
fn remove_abandoned(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(FOLDER_PREFIX)?.split_once('-')?.0.parse().ok());
        let Some(process) = process else { continue };
        // SAFETY: signal 0 only asks whether the process is there.
        let gone = unsafe { libc::kill(process, 0) } < 0
            && std::io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH);
        if gone {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether a path can be used by evcxr, which speaks of files in text separated by spaces.
pub(crate) fn has_plain_path(path: &Path) -> bool {
    path.to_str().is_some_and(|path| !path.contains(char::is_whitespace))
}
