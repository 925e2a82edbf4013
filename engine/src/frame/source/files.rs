//! Which files are meant: one, several, a pattern, or all in a folder.

use std::path::{Path, PathBuf};

use polars::prelude::{PolarsError, PolarsResult, polars_bail, polars_err};

use super::glob::{Pattern, is_pattern};
use super::names::{natural, near};
use super::stored;
use crate::store::Location;
use crate::store::path::StorePath;

/// What names files: a path or an address, a pattern such as `data/2015-*.csv`, a folder, or a list of those.
///
/// In a pattern `*` stands for any characters of a name, `?` for one, `[0-9]` for one of some, `{a,b}` for one of several
/// texts, and `**` for any number of folders. Files are taken in the order of their names, with numbers in them by value.
#[derive(Debug, Clone)]
pub struct Paths(Vec<Location>);

macro_rules! single {
    ($($type:ty)*) => { $(
        impl From<$type> for Paths {
            fn from(path: $type) -> Paths {
                Paths(vec![Location::from(path)])
            }
        }
    )* };
}
single!(&str String &String &Path PathBuf &PathBuf &Location);

impl From<Location> for Paths {
    fn from(location: Location) -> Paths {
        Paths(vec![location])
    }
}

impl<P: Into<Location>> From<Vec<P>> for Paths {
    fn from(paths: Vec<P>) -> Paths {
        Paths(paths.into_iter().map(Into::into).collect())
    }
}

impl<P: Into<Location> + Clone> From<&[P]> for Paths {
    fn from(paths: &[P]) -> Paths {
        Paths(paths.iter().cloned().map(Into::into).collect())
    }
}

impl<P: Into<Location>, const N: usize> From<[P; N]> for Paths {
    fn from(paths: [P; N]) -> Paths {
        Paths(paths.into_iter().map(Into::into).collect())
    }
}

/// A file that was found.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) place: StorePath,
    /// The folders with `name=value` between what was asked for and the file.
    pub(crate) hive: Vec<(String, String)>,
}

/// The files that are meant. In folders those count whose names end with one of `endings`.
pub(crate) fn find(paths: &Paths, endings: &[&str]) -> PolarsResult<Vec<Found>> {
    let mut all = Vec::new();
    if paths.0.is_empty() {
        polars_bail!(ComputeError: "no files are named: the list of paths is empty");
    }
    for location in &paths.0 {
        let place = location.resolved().map_err(stored)?;
        let shown = place.as_path().to_string_lossy().into_owned();
        let found = match is_pattern(&shown) && !is_there(&place) {
            true => matching(location, &shown, endings)?,
            false => one_or_folder(place, endings)?,
        };
        all.extend(found);
    }
    Ok(all)
}

fn is_there(place: &StorePath) -> bool {
    match place {
        StorePath::Local(path) => path.exists(),
        // Whoever writes a pattern rarely means an object of that name.
        StorePath::Remote(_) => false,
    }
}

fn one_or_folder(place: StorePath, endings: &[&str]) -> PolarsResult<Vec<Found>> {
    let is_folder = match &place {
        StorePath::Local(path) => path.is_dir(),
        StorePath::Remote(_) => {
            place.is_listed() && !place.exists().map_err(stored)? && place.entries().map_err(stored)?.is_some()
        }
    };
    if !is_folder {
        if let StorePath::Local(path) = &place
            && !path.exists()
        {
            return Err(nothing(path));
        }
        return Ok(vec![Found { place, hive: Vec::new() }]);
    }
    let mut found = Vec::new();
    below(&place, &[], endings, 0, &mut found)?;
    if found.is_empty() {
        let endings = endings.join(", ");
        polars_bail!(ComputeError: "the folder {} has no files that end with {endings}", place.as_path().display());
    }
    Ok(found)
}

/// Folders are not looked into more deeply: there may be circles of links.
const DEEPEST: usize = 32;

/// All files below a folder, in order.
fn below(
    folder: &StorePath,
    hive: &[(String, String)],
    endings: &[&str],
    depth: usize,
    found: &mut Vec<Found>,
) -> PolarsResult<()> {
    for (name, is_folder) in entries(folder)? {
        // Names that begin so belong to whoever wrote the folder: `_SUCCESS`, `_metadata`, `.crc`, files that are not whole.
        if name.starts_with(['.', '_']) && !name.contains('=') {
            continue;
        }
        let place = folder.join(&name);
        if is_folder {
            let mut hive = hive.to_vec();
            hive.extend(key_of(&name));
            if depth < DEEPEST {
                below(&place, &hive, endings, depth + 1, found)?;
            }
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(Found { place, hive: hive.to_vec() });
        }
    }
    Ok(())
}

/// What is in a folder, by name, and whether each is a folder; links are what they lead to.
fn entries(folder: &StorePath) -> PolarsResult<Vec<(String, bool)>> {
    let entries = folder.entries().map_err(stored)?.unwrap_or_default();
    let is_folder = |name: &str, is_folder: bool| match folder {
        StorePath::Local(path) => is_folder || path.join(name).is_dir(),
        StorePath::Remote(_) => is_folder,
    };
    let mut entries: Vec<(String, bool)> = entries
        .into_iter()
        .map(|entry| (is_folder(&entry.name, entry.folder), entry.name))
        .map(|(f, n)| (n, f))
        .collect();
    entries.sort_by(|(one, _), (other, _)| natural(one, other));
    Ok(entries)
}

/// `year=2019`, as it is written by Hive and Spark.
fn key_of(name: &str) -> Option<(String, String)> {
    let (key, value) = name.split_once('=')?;
    (!key.is_empty()).then(|| (unescaped(key), unescaped(value)))
}

/// Without `%20` and the like.
fn unescaped(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

/// The files that match a pattern.
fn matching(location: &Location, shown: &str, endings: &[&str]) -> PolarsResult<Vec<Found>> {
    // What comes before the first pattern is a folder.
    let names: Vec<&str> = shown.split('/').collect();
    let first = names.iter().position(|name| is_pattern(name)).unwrap_or(names.len());
    let base = names[..first].join("/");
    let base = match first {
        0 => ".".to_owned(),
        1 if base.is_empty() => "/".to_owned(),
        _ => base,
    };
    let folder = location.at(&base).resolved().map_err(stored)?;
    if !folder.is_listed() {
        polars_bail!(ComputeError: "what is in a folder of a web server is not known: name the files of {shown} one by one");
    }
    let patterns: Vec<&str> = names[first..].iter().filter(|name| !name.is_empty()).copied().collect();
    let mut found = Vec::new();
    let there = folder.entries().map_err(stored)?;
    if there.is_none() {
        polars_bail!(ComputeError: "nothing matches {shown}: there is no folder {}", folder.as_path().display());
    }
    walk(&folder, &patterns, &[], endings, 0, &mut found)?;
    if found.is_empty() {
        let names: Vec<String> = there.unwrap_or_default().into_iter().map(|entry| entry.name).collect();
        let nearest = near(patterns.first().copied().unwrap_or_default(), &names);
        polars_bail!(ComputeError: "nothing matches {shown}: {} has {nearest}", folder.as_path().display());
    }
    Ok(found)
}

fn walk(
    folder: &StorePath,
    patterns: &[&str],
    hive: &[(String, String)],
    endings: &[&str],
    depth: usize,
    found: &mut Vec<Found>,
) -> PolarsResult<()> {
    let Some((first, rest)) = patterns.split_first() else { return Ok(()) };
    if *first == "**" {
        walk(folder, if rest.is_empty() { &["*"] } else { rest }, hive, endings, depth, found)?;
        for (name, is_folder) in entries(folder)? {
            if is_folder && !name.starts_with('.') && depth < DEEPEST {
                let hive: Vec<_> = hive.iter().cloned().chain(key_of(&name)).collect();
                walk(&folder.join(&name), patterns, &hive, endings, depth + 1, found)?;
            }
        }
        return Ok(());
    }
    let pattern = Pattern::new(first);
    for (name, is_folder) in entries(folder)? {
        if !pattern.matches(&name) || (name.starts_with('.') && !first.starts_with('.')) {
            continue;
        }
        let place = folder.join(&name);
        match (rest.is_empty(), is_folder) {
            (true, false) => found.push(Found { place, hive: hive.to_vec() }),
            (true, true) => {
                let hive: Vec<_> = hive.iter().cloned().chain(key_of(&name)).collect();
                below(&place, &hive, endings, depth, found)?;
            }
            (false, true) => {
                let hive: Vec<_> = hive.iter().cloned().chain(key_of(&name)).collect();
                walk(&place, rest, &hive, endings, depth, found)?;
            }
            (false, false) => {}
        }
    }
    Ok(())
}

/// That there is no such file, and what there is.
fn nothing(path: &Path) -> PolarsError {
    let folder = match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => return polars_err!(ComputeError: "there is no file {}", path.display()),
    };
    let wanted = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match std::fs::read_dir(folder) {
        Ok(there) => {
            let names: Vec<String> =
                there.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
            polars_err!(ComputeError: "there is no file {}: {} has {}", path.display(), folder.display(), near(&wanted, &names))
        }
        Err(_) => {
            polars_err!(ComputeError: "there is no file {}: there is no folder {} either", path.display(), folder.display())
        }
    }
}

/// Does something for each file, several at the same time: most of it is waiting. The first error in the order of the
/// files is the one.
pub(crate) fn each<T: Send, R: Send>(
    files: Vec<T>,
    work: impl Fn(T) -> PolarsResult<R> + Sync,
) -> PolarsResult<Vec<R>> {
    use std::sync::Mutex;
    const AT_ONCE: usize = 8;
    let count = files.len();
    if count <= 1 {
        return files.into_iter().map(work).collect();
    }
    let left = Mutex::new(files.into_iter().enumerate());
    let done = Mutex::new(Vec::with_capacity(count));
    let take = || left.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).next();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(count) {
            scope.spawn(|| {
                while let Some((number, file)) = take() {
                    let result = work(file);
                    done.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push((number, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_and_folders_name_files() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["year=2019/b.csv", "year=2019/a.csv", "year=2020/x%201/a.csv", "year=2020/_SUCCESS", "z.txt"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("it has one")).expect("it is made");
            std::fs::write(path, "x").expect("it is written");
        }
        let all = |pattern: &str| -> Vec<String> {
            let found = find(&folder.path().join(pattern).into(), &[".csv"]);
            let short = |found: &Found| {
                let path = found.place.as_path().strip_prefix(folder.path()).expect("it is below").to_owned();
                format!(
                    "{} {:?}",
                    path.display(),
                    found.hive.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>()
                )
            };
            match found {
                Ok(found) => found.iter().map(short).collect(),
                Err(error) => vec![error.to_string().replace(&folder.path().display().to_string(), "F")],
            }
        };
        let both = ["year=2019/a.csv [\"year=2019\"]", "year=2019/b.csv [\"year=2019\"]"];
        assert_eq!(all("year=2019"), ["year=2019/a.csv []", "year=2019/b.csv []"]);
        assert_eq!(all("year=2019/*.csv"), ["year=2019/a.csv []", "year=2019/b.csv []"]);
        assert_eq!(all("")[..2], both);
        assert_eq!(all("*")[..2], both);
        assert_eq!(all("**/*.csv").len(), 3);
        assert_eq!(all("year=20{19,21}/[!b].csv"), ["year=2019/a.csv [\"year=2019\"]"]);
        assert_eq!(all("y*/b.csv"), ["year=2019/b.csv [\"year=2019\"]"]);
        assert_eq!(all("year=2020")[0], "year=2020/x%201/a.csv []");
        assert_eq!(all("z.tx"), ["there is no file F/z.tx: F has `z.txt` and 2 more"]);
        assert_eq!(
            all("year=2019/aa.csv")[0],
            "there is no file F/year=2019/aa.csv: F/year=2019 has `a.csv` and 1 more"
        );
        assert_eq!(all("q/*.csv"), ["nothing matches F/q/*.csv: there is no folder F/q"]);
        assert_eq!(all("*.parquet"), ["nothing matches F/*.parquet: F has `year=2019`, `year=2020`, `z.txt`"]);
    }
}
