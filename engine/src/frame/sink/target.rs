//! Which files are written, and what is there already.

use polars::prelude::{PolarsResult, polars_bail};

use super::super::source::stored;
use crate::store::Location;
use crate::store::path::StorePath;
use crate::task::packed;

/// What is done with files that are there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Present {
    Refused,
    Replaced,
    Kept,
}

packed!(
    enum Present {
        Refused,
        Replaced,
        Kept,
    }
);

/// A folder, and the names of files in it: a number for each partition between two texts.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) folder: Location,
    before: String,
    after: String,
    /// Whether there is one file, whose name has no number.
    is_one: bool,
    /// The number of the first partition.
    first: usize,
    digits: usize,
    /// What the names have in them until all files are there. So those stay that are replaced, which may be those that are
    /// read; and what fails leaves none.
    pub(super) run: Option<String>,
}

packed!(Target { folder, before, after, is_one, first, digits, run });

impl Target {
    /// Looks at what is there, and gives also the names of files that go when all is written.
    pub(super) fn prepare(
        location: &Location,
        endings: &[&str],
        partitions: usize,
        present: Present,
    ) -> PolarsResult<(Target, Vec<String>)> {
        let place = location.resolved().map_err(stored)?;
        let shown = place.as_path().to_string_lossy().into_owned();
        let (folder, name) = shown
            .rsplit_once('/')
            .map_or((".", shown.as_str()), |(folder, name)| (if folder.is_empty() { "/" } else { folder }, name));
        let ending = endings.iter().find(|ending| name.ends_with(*ending) && name.len() > ending.len());
        let mut target = match (name.split_once('*'), ending) {
            (Some((before, after)), _) => Target::new(location.at(folder), before, after, false),
            (None, Some(_)) if partitions == 1 => Target::new(location.at(folder), name, "", true),
            (None, Some(ending)) => polars_bail!(ComputeError:
                "{partitions} partitions are not written to one file: {folder}/{}-*{ending} gives each a number, a folder has one \
                 file for each, and `repartition` makes one partition of them", name.trim_end_matches(ending)),
            (None, None) => Target::new(location.clone(), "part-", endings[0], false),
        };
        let folder = target.folder.resolved().map_err(stored)?;
        // Another process finds it from anywhere.
        target.folder = folder.location().map_err(stored)?;
        let mut there = Vec::new();
        target.collect(&folder, "", 0, &mut there)?;
        let names = || {
            format!(
                "{} has {} such file{}, `{}` among them",
                folder.as_path().display(),
                there.len(),
                if there.len() > 1 { "s" } else { "" },
                there[0].0
            )
        };
        match present {
            Present::Refused if !there.is_empty() => polars_bail!(ComputeError:
                "{}: `.overwrite(true)` replaces them, and `.append(true)` adds to them", names()),
            Present::Kept if !there.is_empty() && target.is_one => polars_bail!(ComputeError:
                "{}: nothing is added to a single file; `.overwrite(true)` replaces it", names()),
            Present::Kept => target.first = there.iter().map(|(_, number)| number + 1).max().unwrap_or(0),
            _ => {}
        }
        if !folder.is_remote() {
            target.run = Some(run());
        }
        target.digits = (target.first + partitions).saturating_sub(1).to_string().len().max(4);
        folder.make_folder().map_err(stored)?;
        Ok((target, there.into_iter().map(|(name, _)| name).collect()))
    }

    fn new(folder: Location, before: &str, after: &str, is_one: bool) -> Target {
        let (before, after) = (before.to_owned(), after.to_owned());
        Target { folder, before, after, is_one, first: 0, digits: 4, run: None }
    }

    /// The name of a partition's file.
    pub(super) fn name(&self, partition: usize) -> String {
        match self.is_one {
            true => self.before.clone(),
            false => {
                let (number, digits) = (self.first + partition, self.digits);
                format!("{}{number:0digits$}{}", self.before, self.after)
            }
        }
    }

    /// The number that a name has, when it is one of these.
    fn number(&self, name: &str) -> Option<usize> {
        if self.is_one {
            return (name == self.before).then_some(0);
        }
        let number = name.strip_prefix(self.before.as_str())?.strip_suffix(self.after.as_str())?;
        number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok()).flatten()
    }

    /// The files that are there, also in folders such as `year=2019`.
    pub(super) fn collect(
        &self,
        folder: &StorePath,
        path: &str,
        depth: usize,
        there: &mut Vec<(String, usize)>,
    ) -> PolarsResult<()> {
        let mut entries = folder.entries().map_err(stored)?.unwrap_or_default();
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        for entry in entries {
            let name = format!("{path}{}", entry.name);
            if !entry.folder {
                there.extend(self.number(&entry.name).map(|number| (name, number)));
            } else if entry.name.contains('=') && depth < 16 {
                self.collect(&folder.join(&entry.name), &format!("{name}/"), depth + 1, there)?;
            }
        }
        Ok(())
    }
}

/// A text that no other run has.
fn run() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_nanos());
    format!("{}-{since:x}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
