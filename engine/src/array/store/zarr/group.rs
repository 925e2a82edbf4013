//! Folders: groups, arrays, and what tells that a store is not complete.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json, json};

use super::meta::Meta;
use crate::array::chunks::shape_text;
use crate::array::store::error::{StoreError, Stored};
use crate::array::store::file::{put, whole};

/// A folder inside an array's while it is written; what is in it says what is written.
const WRITING: &str = ".taskloom-writing";
/// Metadata is a page; what is longer is not read.
const LONGEST: usize = 64 << 20;

/// What a folder is.
pub(super) enum Node {
    Array(Box<Meta>),
    /// With the version and the attributes.
    Group(u8, Map<String, Json>),
    /// Nothing of Zarr.
    Other,
}

/// The folder of a name in a group.
pub(super) fn within(path: &Path, name: &str) -> PathBuf {
    name.split('/').filter(|part| !part.is_empty()).fold(path.to_owned(), |path, part| path.join(part))
}

fn parsed(path: &Path) -> Stored<Option<Map<String, Json>>> {
    let Some(bytes) = whole(path)? else { return Ok(None) };
    if bytes.len() > LONGEST {
        return Err(StoreError::damaged(path, "it is too long to be metadata"));
    }
    match serde_json::from_slice(&bytes) {
        Ok(Json::Object(map)) => Ok(Some(map)),
        Ok(_) => Err(StoreError::damaged(path, "it is not a JSON object")),
        Err(error) => Err(StoreError::damaged(path, format!("it is not JSON: {error}"))),
    }
}

/// What is in a folder, whether or not it is complete.
pub(super) fn node_at(folder: &Path) -> Stored<Node> {
    let path = folder.join("zarr.json");
    if let Some(map) = parsed(&path)? {
        return match map.get("node_type").and_then(Json::as_str) {
            Some("array") => Ok(Node::Array(Box::new(Meta::third(&path, &map)?))),
            Some("group") => {
                Ok(Node::Group(3, map.get("attributes").and_then(Json::as_object).cloned().unwrap_or_default()))
            }
            _ => Err(StoreError::damaged(&path, "it is neither an array's nor a group's")),
        };
    }
    let path = folder.join(".zarray");
    if let Some(map) = parsed(&path)? {
        let attributes = parsed(&folder.join(".zattrs"))?.unwrap_or_default();
        return Ok(Node::Array(Box::new(Meta::second(&path, &map, attributes)?)));
    }
    if parsed(&folder.join(".zgroup"))?.is_some() {
        return Ok(Node::Group(2, parsed(&folder.join(".zattrs"))?.unwrap_or_default()));
    }
    Ok(Node::Other)
}

/// The metadata of the array in a folder, when nothing is being written there.
pub(super) fn array_at(folder: &Path) -> Stored<Meta> {
    let node = node_at(folder)?;
    if let Some(what) = unfinished(folder)? {
        let what = format!("{what} was interrupted, or goes on; it has to be stored again");
        return Err(StoreError::Incomplete { path: folder.display().to_string(), what });
    }
    match node {
        Node::Array(meta) => Ok(*meta),
        Node::Group(..) => Err(StoreError::no_such_array(folder, "", &arrays(folder)?)),
        Node::Other => {
            std::fs::read_dir(folder).map_err(|error| StoreError::io("open", folder, &error))?;
            Err(StoreError::unsupported(folder, "there is no Zarr array in it: no zarr.json, no .zarray"))
        }
    }
}

/// What was being written into an array and is not finished.
fn unfinished(folder: &Path) -> Stored<Option<String>> {
    match std::fs::read_dir(folder.join(WRITING)) {
        Ok(mut entries) => {
            let first = entries.find_map(Result::ok);
            Ok(first.map(|entry| entry.file_name().to_string_lossy().replace('_', " ")))
        }
        Err(_) => Ok(None),
    }
}

/// Says that something is written into an array, until it is told that it is done.
pub(super) struct Writing {
    folder: PathBuf,
    mark: PathBuf,
}

impl Writing {
    pub(super) fn whole(folder: &Path) -> Stored<Writing> {
        Writing::begin(folder, "storing_it")
    }

    pub(super) fn region(folder: &Path, start: &[usize], shape: &[usize]) -> Stored<Writing> {
        let (start, shape) = (shape_text(start), shape_text(shape));
        Writing::begin(folder, &format!("writing the region of shape {shape} from {start} on").replace(' ', "_"))
    }

    fn begin(folder: &Path, name: &str) -> Stored<Writing> {
        let marks = folder.join(WRITING);
        let mark = marks.join(name);
        let done = std::fs::create_dir_all(&marks).and_then(|()| std::fs::write(&mark, b""));
        done.map_err(|error| StoreError::io("write", &mark, &error))?;
        Ok(Writing { folder: folder.to_owned(), mark })
    }

    pub(super) fn done(self) -> Stored<()> {
        std::fs::remove_file(&self.mark).map_err(|error| StoreError::io("remove", &self.mark, &error))?;
        // Another region may be written at the same time; the last one takes the folder away.
        let _ = std::fs::remove_dir(self.folder.join(WRITING));
        Ok(())
    }
}

/// Makes a folder ready for an array that is written as a whole.
pub(super) fn cleared(folder: &Path, overwrite: bool) -> Stored<Writing> {
    let wrong = |error: std::io::Error| StoreError::io("write", folder, &error);
    let begun = unfinished(folder)?.is_some();
    // Damaged metadata can be overwritten, too.
    let node = match node_at(folder) {
        Err(StoreError::Damaged { .. } | StoreError::Unsupported { .. }) if overwrite || begun => None,
        node => Some(node?),
    };
    match node {
        Some(Node::Group(..)) => {
            return Err(StoreError::in_the_way(folder, "is a group of arrays; remove it, or store into it by a name"));
        }
        Some(Node::Array(_)) if !overwrite && !begun => {
            return Err(StoreError::in_the_way(folder, "holds an array already; the option `overwrite` replaces it"));
        }
        Some(Node::Other) if !begun => match std::fs::read_dir(folder) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    return Err(StoreError::in_the_way(folder, "has files in it that are not of a Zarr array"));
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(wrong(error)),
        },
        _ => {}
    }
    std::fs::create_dir_all(folder).map_err(wrong)?;
    let writing = Writing::whole(folder)?;
    // The metadata goes first, so that what is left after an interruption is no array.
    for name in ["zarr.json", ".zarray", ".zattrs"] {
        remove(&folder.join(name))?;
    }
    for entry in std::fs::read_dir(folder).map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        if entry.file_name() != WRITING {
            remove(&entry.path())?;
        }
    }
    let marks = folder.join(WRITING);
    for entry in std::fs::read_dir(&marks).map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        if entry.path() != writing.mark {
            remove(&entry.path())?;
        }
    }
    Ok(writing)
}

fn remove(path: &Path) -> Stored<()> {
    let removed = match path.symlink_metadata() {
        Ok(about) if about.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(_) => Ok(()),
    };
    removed.map_err(|error| StoreError::io("remove", path, &error))
}

/// Writes metadata as JSON.
pub(super) fn write_json(path: &Path, content: &Json) -> Stored<()> {
    put(path, format!("{content:#}").as_bytes())
}

/// Makes the group, and those above a name in it, where they are not there.
pub(super) fn made(path: &Path, name: &str, version: u8) -> Stored<()> {
    let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty()).collect();
    let Some((_, above)) = parts.split_last() else {
        return Err(StoreError::not_stored(path, "an array in a group needs a name"));
    };
    for depth in 0..=above.len() {
        let folder = above[..depth].iter().fold(path.to_owned(), |path, part| path.join(part));
        match node_at(&folder)? {
            Node::Group(has, _) if has == version => {}
            Node::Group(has, _) => {
                let what = format!("is a group of version {has}, and an array of version {version} is to go into it");
                return Err(StoreError::in_the_way(&folder, what));
            }
            Node::Array(_) => return Err(StoreError::in_the_way(&folder, "is an array, and not a group")),
            Node::Other => {
                std::fs::create_dir_all(&folder).map_err(|error| StoreError::io("write", &folder, &error))?;
                match version {
                    2 => write_json(&folder.join(".zgroup"), &json!({"zarr_format": 2}))?,
                    _ => {
                        let group = json!({"zarr_format": 3, "node_type": "group", "attributes": {}});
                        write_json(&folder.join("zarr.json"), &group)?;
                    }
                }
            }
        }
        // What was gathered of all arrays does not know of the new one.
        remove(&folder.join(".zmetadata"))?;
        let file = folder.join("zarr.json");
        if let Some(mut map) = parsed(&file)?
            && map.remove("consolidated_metadata").is_some()
        {
            write_json(&file, &Json::Object(map))?;
        }
    }
    Ok(())
}

/// Writes the attributes of a group.
pub(super) fn describe(path: &Path, version: u8, attributes: &Map<String, Json>) -> Stored<()> {
    match version {
        2 if attributes.is_empty() => Ok(()),
        2 => write_json(&path.join(".zattrs"), &Json::Object(attributes.clone())),
        _ => {
            let group = json!({"zarr_format": 3, "node_type": "group", "attributes": attributes});
            write_json(&path.join("zarr.json"), &group)
        }
    }
}

/// The names of the arrays in a group.
pub(super) fn arrays(path: &Path) -> Stored<Vec<String>> {
    if matches!(node_at(path)?, Node::Other) {
        std::fs::read_dir(path).map_err(|error| StoreError::io("open", path, &error))?;
    }
    let mut names = Vec::new();
    let mut left = vec![(path.to_owned(), String::new())];
    while let Some((folder, prefix)) = left.pop() {
        let wrong = |error| StoreError::io("read", &folder, &error);
        for entry in std::fs::read_dir(&folder).map_err(wrong)? {
            let entry = entry.map_err(wrong)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') || !entry.file_type().map_err(wrong)?.is_dir() {
                continue;
            }
            let name = format!("{prefix}{name}");
            match node_at(&entry.path()) {
                Ok(Node::Group(..)) => left.push((entry.path(), format!("{name}/"))),
                Ok(Node::Other) => {}
                // What is there and cannot be read is named, too: opening it says why.
                Ok(Node::Array(_)) | Err(_) => names.push(name),
            }
        }
    }
    names.sort();
    Ok(names)
}

pub(super) fn attributes(path: &Path) -> Stored<Map<String, Json>> {
    match node_at(path)? {
        Node::Group(_, attributes) => Ok(attributes),
        Node::Array(meta) => Ok(meta.attributes),
        Node::Other => {
            std::fs::read_dir(path).map_err(|error| StoreError::io("open", path, &error))?;
            Err(StoreError::unsupported(path, "there is no Zarr group in it: no zarr.json, no .zgroup"))
        }
    }
}
