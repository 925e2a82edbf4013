//! Names of files, as a shell completes them.

use std::path::{Path, PathBuf};

use super::protocol::{Completions, Item};

/// More would help nobody.
const MOST: usize = 500;

/// What a path that has been written so far could become. `start` is where in the code it begins.
pub fn complete(written: &str, start: usize, folders: bool, shell: bool) -> Completions {
    let name_at = written.rfind('/').map_or(0, |at| at + 1);
    let (folder, name) = (unescaped(&written[..name_at], shell), unescaped(&written[name_at..], shell));
    let replaces = start + name_at..start + written.len();
    let mut items: Vec<Item> = entries(&folder_of(&folder))
        .into_iter()
        .filter(|(entry, is_folder)| entry.starts_with(&name) && (*is_folder || !folders))
        // As a shell does: hidden files only for whoever writes the dot.
        .filter(|(entry, _)| !entry.starts_with('.') || name.starts_with('.'))
        .map(|(entry, is_folder)| {
            let text = if is_folder { format!("{entry}/") } else { entry };
            Item {
                insert: if shell { escaped(&text) } else { text.clone() },
                label: text,
                kind: "path".to_owned(),
                detail: String::new(),
            }
        })
        .collect();
    items.sort_by(|a, b| a.label.cmp(&b.label));
    items.truncate(MOST);
    Completions { replaces, items }
}

fn folder_of(written: &str) -> PathBuf {
    match (written.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ if written.is_empty() => PathBuf::from("."),
        _ => PathBuf::from(written),
    }
}

fn entries(folder: &Path) -> Vec<(String, bool)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    // A link to a folder is one, too.
    entries.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path().is_dir()))).collect()
}

fn unescaped(text: &str, shell: bool) -> String {
    if shell { text.replace("\\ ", " ") } else { text.to_owned() }
}

fn escaped(text: &str) -> String {
    text.replace(' ', "\\ ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_completed_from_their_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("data one.csv"), "").expect("written");
        std::fs::write(folder.path().join(".data"), "").expect("written");
        std::fs::create_dir(folder.path().join("dates")).expect("made");
        let written = format!("{}/da", folder.path().display());
        let names = |folders, shell| -> Vec<String> {
            complete(&written, 3, folders, shell).items.into_iter().map(|item| item.insert).collect()
        };
        assert_eq!(names(false, false), ["data one.csv", "dates/"]);
        assert_eq!(names(false, true), ["data\\ one.csv", "dates/"]);
        assert_eq!(names(true, false), ["dates/"]);
        assert_eq!(complete(&written, 3, false, false).replaces, written.len() + 1..written.len() + 3);
    }
}
