use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why Taskloom could not be set up.
///
/// Shown with `{}`, each is one sentence that says what was wrong, where, and what to do about it.
///
/// ```
/// use taskloom_setup::SetupError;
///
/// let error = SetupError::PortTaken { port: 8888, free: Some(8891) };
/// assert_eq!(
///     error.to_string(),
///     "port 8888 is taken by another program; port 8891 is free: use `--port 8891`, or leave `--port` out"
/// );
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum SetupError {
    /// The command line holds something that is not understood.
    Usage(String),
    /// Neither the current folder nor the one this was compiled in is a checkout of Taskloom.
    NoCheckout,
    /// There is no home directory to put things into.
    NoHome,
    /// The folder `python` in Taskloom's home holds something that Taskloom did not put there.
    NotOurs {
        /// The folder.
        path: PathBuf,
    },
    /// `cargo` or `rustc` is missing or does not run.
    NoRust {
        /// The program that was looked for.
        tool: String,
    },
    /// The Rust toolchain is older than the workspace needs.
    OldRust {
        /// The version that is there.
        found: String,
        /// The oldest version that works.
        needed: String,
    },
    /// There is no C compiler, and so no linker.
    NoCompiler,
    /// There is no Python, or none that is new enough.
    NoPython {
        /// The newest version that was found, and where.
        found: Option<(String, PathBuf)>,
    },
    /// Python is there without its modules `venv` and `ensurepip`.
    NoVenv {
        /// The Python that was asked.
        python: PathBuf,
        /// Its version: major and minor.
        version: (u32, u32),
    },
    /// The port that was asked for is in use.
    PortTaken {
        /// The port that was asked for.
        port: u16,
        /// The next port that is free, when there is one.
        free: Option<u16>,
    },
    /// The port or address that was asked for cannot be used.
    BadAddress {
        /// The address, as `ip:port`.
        address: String,
        /// What the system says.
        why: String,
    },
    /// Something has to be downloaded, and cannot be.
    NoNetwork {
        /// What was being done.
        doing: String,
    },
    /// Something has to be downloaded, and `--offline` forbids it.
    Offline {
        /// What was being done.
        doing: String,
    },
    /// There is too little free space, or none is left.
    DiskFull {
        /// A folder on the disk.
        at: PathBuf,
        /// Free space, in bytes, when it is known.
        free: Option<u64>,
        /// Space that is needed, in bytes, when it is known.
        needed: Option<u64>,
    },
    /// Ctrl-C, or another request to stop.
    Interrupted {
        /// What was being done.
        doing: String,
    },
    /// A command failed.
    Failed {
        /// What was being done.
        doing: String,
        /// How the command ended, and where its own words are.
        why: String,
        /// What to do about it.
        advice: String,
    },
    /// A command failed and said why in a sentence of its own.
    Told {
        /// What was being done.
        doing: String,
        /// The command's sentence.
        sentence: String,
    },
    /// A file or folder could not be read or written.
    Io {
        /// What was being done.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl SetupError {
    /// An error about a file; a full disk is recognised.
    pub(crate) fn io(doing: &'static str, path: &Path, source: io::Error) -> SetupError {
        if source.kind() == io::ErrorKind::StorageFull {
            return SetupError::DiskFull { at: path.to_owned(), free: None, needed: None };
        }
        SetupError::Io { doing, path: path.to_owned(), source }
    }
}

/// Bytes as "1.5 GB" or "200 MB".
pub(crate) fn size(bytes: u64) -> String {
    let mb = bytes as f64 / 1e6;
    if mb < 999.5 { format!("{mb:.0} MB") } else { format!("{:.1} GB", mb / 1e3) }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetupError::Usage(what) => write!(f, "{what}; `cargo lab --help` lists what there is"),
            SetupError::NoCheckout => {
                write!(f, "no checkout of Taskloom is here: change into the folder that you cloned and try again")
            }
            SetupError::NoHome => write!(
                f,
                "the environment has no HOME, so there is no place for Taskloom's files: set HOME, or say where with `--home DIR`"
            ),
            SetupError::NotOurs { path } => write!(
                f,
                "{} exists and was not made by Taskloom: move it away, or choose another place with `--home DIR`",
                path.display()
            ),
            SetupError::NoRust { tool } => write!(
                f,
                "`{tool}` is not on the PATH or does not run: install Rust from https://rustup.rs, open a new terminal and try again"
            ),
            SetupError::OldRust { found, needed } => write!(
                f,
                "this is Rust {found}, and Taskloom needs {needed} or later: run `rustup update stable` and try again"
            ),
            SetupError::NoCompiler => write!(
                f,
                "no C compiler is here (looked for cc, gcc and clang), and Rust needs one to link: install it with {}",
                if cfg!(target_os = "macos") {
                    "`xcode-select --install`"
                } else {
                    "`sudo apt install build-essential` (Debian, Ubuntu) or `sudo dnf install gcc` (Fedora)"
                }
            ),
            SetupError::NoPython { found: None } => {
                write!(
                    f,
                    "no Python is on the PATH, and JupyterLab needs 3.9 or later: install it with {}",
                    python_advice()
                )
            }
            SetupError::NoPython { found: Some((version, path)) } => write!(
                f,
                "the newest Python here is {version} ({}), and JupyterLab needs 3.9 or later: install one with {}, or name one with `--python FILE`",
                path.display(),
                python_advice()
            ),
            SetupError::NoVenv { python, version: (major, minor) } => write!(
                f,
                "Python {major}.{minor} is here ({}) without its modules venv and ensurepip: on Debian and Ubuntu \
                 `sudo apt install python{major}.{minor}-venv` brings them; elsewhere name a complete Python with `--python FILE`",
                python.display()
            ),
            SetupError::PortTaken { port, free: Some(free) } => write!(
                f,
                "port {port} is taken by another program; port {free} is free: use `--port {free}`, or leave `--port` out"
            ),
            SetupError::PortTaken { port, free: None } => {
                write!(f, "port {port} is taken by another program: leave `--port` out and a free one is found")
            }
            SetupError::BadAddress { address, why } => {
                write!(f, "JupyterLab cannot listen at {address} ({why}): choose another `--ip` or `--port`")
            }
            SetupError::NoNetwork { doing } => write!(
                f,
                "no network while {doing}: connect to the internet (behind a proxy, set HTTPS_PROXY) and run the same command again; what was downloaded is kept"
            ),
            SetupError::Offline { doing } => write!(
                f,
                "{doing} needs something that was never downloaded on this machine: run once without `--offline`"
            ),
            SetupError::DiskFull { at, free, needed } => {
                match free {
                    Some(free) => write!(f, "the disk that holds {} has only {} free", at.display(), size(*free))?,
                    None => write!(f, "the disk that holds {} is full", at.display())?,
                }
                if let Some(needed) = needed {
                    write!(f, ", and {} are needed", size(*needed))?;
                }
                write!(
                    f,
                    ": make room and run the same command again, or choose other places with `--home DIR` and CARGO_TARGET_DIR"
                )
            }
            SetupError::Interrupted { doing } => {
                write!(f, "interrupted while {doing}: run the same command again, and it goes on from there")
            }
            SetupError::Failed { doing, why, advice } => {
                write!(f, "{doing} failed, {why}: {advice}")
            }
            SetupError::Told { doing, sentence } => write!(f, "{doing}: {sentence}"),
            SetupError::Io { doing, path, source } => write!(
                f,
                "{doing} {} failed ({source}): check that the path is right and that you may write there",
                path.display()
            ),
        }
    }
}

fn python_advice() -> &'static str {
    if cfg!(target_os = "macos") {
        "`brew install python` or from https://www.python.org"
    } else {
        "`sudo apt install python3 python3-venv` (Debian, Ubuntu) or `sudo dnf install python3` (Fedora)"
    }
}

impl std::error::Error for SetupError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            SetupError::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        assert_eq!(size(0), "0 MB");
        assert_eq!(size(214_600_000), "215 MB");
        assert_eq!(size(8_000_000_000), "8.0 GB");
    }

    #[test]
    fn a_full_disk_is_recognised() {
        let error = SetupError::io("writing", Path::new("/somewhere/file"), io::ErrorKind::StorageFull.into());
        assert!(matches!(error, SetupError::DiskFull { .. }));
        assert!(error.to_string().contains("/somewhere/file is full: make room"), "{error}");
    }

    #[test]
    fn each_error_is_one_line() {
        let at = || PathBuf::from("/x");
        for error in [
            SetupError::NoCheckout,
            SetupError::NoHome,
            SetupError::NoCompiler,
            SetupError::NoPython { found: None },
            SetupError::NoPython { found: Some(("3.8.10".into(), at())) },
            SetupError::NoVenv { python: at(), version: (3, 11) },
            SetupError::DiskFull { at: at(), free: Some(1), needed: Some(2_000_000_000) },
        ] {
            let text = error.to_string();
            assert!(!text.contains('\n') && !text.contains("  "), "{text}");
            assert!(text.contains(':'), "says what to do: {text}");
        }
    }
}
