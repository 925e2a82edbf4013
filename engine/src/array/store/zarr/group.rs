//! Folders: groups, arrays, and what tells that a store is not complete.

use std::io::ErrorKind;

use serde_json::{Map, Value as Json, json};

use super::meta::Meta;
use crate::array::chunks::shape_text;
use crate::array::store::error::{StoreError, Stored};
use crate::array::store::path::{StorePath, read_each};

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

/// The files that say what a folder is.
const FILES: [&str; 4] = ["zarr.json", ".zarray", ".zattrs", ".zgroup"];

fn parsed(path: &StorePath, bytes: Option<Vec<u8>>) -> Stored<Option<Map<String, Json>>> {
    let (path, Some(bytes)) = (path.as_path(), bytes) else { return Ok(None) };
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
pub(super) fn node_at(folder: &StorePath) -> Stored<Node> {
    let mut nodes = nodes_at(std::slice::from_ref(folder))?;
    nodes.pop().unwrap_or_else(|| unreachable!("one for each folder"))
}

/// What is in folders. What is wrong with one of them is no matter of the others.
fn nodes_at(folders: &[StorePath]) -> Stored<Vec<Stored<Node>>> {
    let wanted: Vec<StorePath> = folders.iter().flat_map(|folder| FILES.map(|name| folder.join(name))).collect();
    let mut found: Vec<Stored<Option<Vec<u8>>>> = vec![Ok(None); wanted.len()];
    read_each(&wanted, 0, |number, bytes| {
        found[number] = bytes;
        Ok(())
    })?;
    let node = |paths: &[StorePath], found: &mut [Stored<Option<Vec<u8>>>]| {
        let is_there = found.iter().any(|found| matches!(found, Ok(Some(_))));
        let mut file = |at: usize| match std::mem::replace(&mut found[at], Ok(None)) {
            Ok(bytes) => parsed(&paths[at], bytes),
            // Who may not list a bucket is forbidden what is not there.
            Err(StoreError::Io { kind: ErrorKind::PermissionDenied, .. }) if is_there && paths[at].is_remote() => {
                Ok(None)
            }
            Err(error) => Err(error),
        };
        if let Some(map) = file(0)? {
            return match map.get("node_type").and_then(Json::as_str) {
                Some("array") => Ok(Node::Array(Box::new(Meta::third(paths[0].as_path(), &map)?))),
                Some("group") => {
                    Ok(Node::Group(3, map.get("attributes").and_then(Json::as_object).cloned().unwrap_or_default()))
                }
                _ => Err(StoreError::damaged(paths[0].as_path(), "it is neither an array's nor a group's")),
            };
        }
        if let Some(map) = file(1)? {
            let attributes = file(2)?.unwrap_or_default();
            return Ok(Node::Array(Box::new(Meta::second(paths[1].as_path(), &map, attributes)?)));
        }
        match file(3)? {
            Some(_) => Ok(Node::Group(2, file(2)?.unwrap_or_default())),
            None => Ok(Node::Other),
        }
    };
    Ok(wanted.chunks(FILES.len()).zip(found.chunks_mut(FILES.len())).map(|(paths, found)| node(paths, found)).collect())
}

/// The metadata of the array in a folder, when nothing is being written there.
pub(super) fn array_at(folder: &StorePath) -> Stored<Meta> {
    let node = node_at(folder)?;
    if let Some(what) = unfinished(folder)? {
        let what = format!("{what} was interrupted, or goes on; it has to be stored again");
        return Err(StoreError::Incomplete { path: folder.as_path().display().to_string(), what });
    }
    match node {
        Node::Array(meta) => Ok(*meta),
        Node::Group(..) => Err(StoreError::no_such_array(folder.as_path(), "", &arrays(folder)?)),
        Node::Other => {
            folder.must_be_there()?;
            Err(StoreError::unsupported(folder.as_path(), "there is no Zarr array in it: no zarr.json, no .zarray"))
        }
    }
}

/// What was being written into an array and is not finished.
fn unfinished(folder: &StorePath) -> Stored<Option<String>> {
    let marks = folder.join(WRITING);
    if !marks.is_listed() {
        // A web server answers for a folder that is there.
        return Ok(marks.exists().unwrap_or(false).then(|| "a store".to_owned()));
    }
    let marks = match marks.entries() {
        // Who may read a bucket and not list it cannot know.
        Err(StoreError::Io { kind: ErrorKind::PermissionDenied, .. }) if folder.is_remote() => None,
        marks => marks?,
    };
    let first = marks.and_then(|marks| marks.into_iter().next());
    Ok(first.map(|mark| mark.name.replace('_', " ")))
}

/// Says that something is written into an array, until it is told that it is done.
pub(super) struct Writing {
    folder: StorePath,
    name: String,
}

impl Writing {
    pub(super) fn whole(folder: &StorePath) -> Stored<Writing> {
        Writing::begin(folder, "storing_it".to_owned())
    }

    pub(super) fn region(folder: &StorePath, start: &[usize], shape: &[usize]) -> Stored<Writing> {
        let (start, shape) = (shape_text(start), shape_text(shape));
        Writing::begin(folder, format!("writing the region of shape {shape} from {start} on").replace(' ', "_"))
    }

    fn begin(folder: &StorePath, name: String) -> Stored<Writing> {
        let marks = folder.join(WRITING);
        marks.make_folder()?;
        marks.join(&name).write(Vec::new())?;
        Ok(Writing { folder: folder.clone(), name })
    }

    pub(super) fn done(self) -> Stored<()> {
        let marks = self.folder.join(WRITING);
        marks.join(&self.name).remove_file()?;
        // Another region may be written at the same time; the last one takes the folder away.
        marks.remove_empty_folder();
        Ok(())
    }
}

/// Makes a folder ready for an array that is written as a whole.
pub(super) fn cleared(folder: &StorePath, overwrite: bool) -> Stored<Writing> {
    let in_the_way = |what: &str| Err(StoreError::in_the_way(folder.as_path(), what));
    let begun = unfinished(folder)?.is_some();
    // Damaged metadata can be overwritten, too.
    let node = match node_at(folder) {
        Err(StoreError::Damaged { .. } | StoreError::Unsupported { .. }) if overwrite || begun => None,
        node => Some(node?),
    };
    match node {
        Some(Node::Group(..)) => return in_the_way("is a group of arrays; remove it, or store into it by a name"),
        Some(Node::Array(_)) if !overwrite && !begun => {
            return in_the_way("holds an array already; the option `overwrite` replaces it");
        }
        Some(Node::Other) if !begun && folder.entries()?.is_some_and(|entries| !entries.is_empty()) => {
            return in_the_way("has files in it that are not of a Zarr array");
        }
        _ => {}
    }
    folder.make_folder()?;
    let writing = Writing::whole(folder)?;
    // The metadata goes first, so that what is left after an interruption is no array.
    for name in ["zarr.json", ".zarray", ".zattrs"] {
        folder.join(name).remove_file()?;
    }
    for entry in folder.entries()?.unwrap_or_default() {
        let path = folder.join(&entry.name);
        match entry.folder {
            true if entry.name == WRITING => {}
            true => path.remove_folder()?,
            false => path.remove_file()?,
        }
    }
    let marks = folder.join(WRITING);
    for mark in marks.entries()?.unwrap_or_default() {
        if mark.name != writing.name {
            marks.join(&mark.name).remove_file()?;
        }
    }
    Ok(writing)
}

/// Writes metadata as JSON.
pub(super) fn write_json(path: &StorePath, content: &Json) -> Stored<()> {
    path.write(format!("{content:#}").into_bytes())
}

/// Makes the group, and those above a name in it, where they are not there.
pub(super) fn made(path: &StorePath, name: &str, version: u8) -> Stored<()> {
    let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty()).collect();
    let Some((_, above)) = parts.split_last() else {
        return Err(StoreError::not_stored(path.as_path(), "an array in a group needs a name"));
    };
    for depth in 0..=above.len() {
        let folder = path.join(&above[..depth].join("/"));
        let in_the_way = |what: &str| StoreError::in_the_way(folder.as_path(), what);
        match node_at(&folder)? {
            Node::Group(has, _) if has == version => {}
            Node::Group(has, _) => {
                let what = format!("is a group of version {has}, and an array of version {version} is to go into it");
                return Err(in_the_way(&what));
            }
            Node::Array(_) => return Err(in_the_way("is an array, and not a group")),
            Node::Other => {
                folder.make_folder()?;
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
        folder.join(".zmetadata").remove_file()?;
        let file = folder.join("zarr.json");
        if let Some(mut map) = parsed(&file, file.read()?)?
            && map.remove("consolidated_metadata").is_some()
        {
            write_json(&file, &Json::Object(map))?;
        }
    }
    Ok(())
}

/// Writes the attributes of a group.
pub(super) fn describe(path: &StorePath, version: u8, attributes: &Map<String, Json>) -> Stored<()> {
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
pub(super) fn arrays(path: &StorePath) -> Stored<Vec<String>> {
    if !path.is_listed() {
        return gathered(path);
    }
    if matches!(node_at(path)?, Node::Other) {
        path.must_be_there()?;
    }
    let mut names = Vec::new();
    let mut left = vec![(path.clone(), String::new())];
    while let Some((folder, prefix)) = left.pop() {
        let entries = folder.entries()?.unwrap_or_default().into_iter();
        let entries = entries.filter(|entry| entry.folder && !entry.name.starts_with('.'));
        let inner: Vec<String> = entries.map(|entry| entry.name).collect();
        let folders: Vec<StorePath> = inner.iter().map(|name| folder.join(name)).collect();
        for ((name, folder), node) in inner.iter().zip(&folders).zip(nodes_at(&folders)?) {
            let name = format!("{prefix}{name}");
            match node {
                Ok(Node::Group(..)) => left.push((folder.clone(), format!("{name}/"))),
                Ok(Node::Other) => {}
                // What is there and cannot be read is named, too: opening it says why.
                Ok(Node::Array(_)) | Err(_) => names.push(name),
            }
        }
    }
    names.sort();
    Ok(names)
}

/// The names of the arrays in a group whose folders cannot be listed, from the metadata that was gathered when it was
/// written.
fn gathered(path: &StorePath) -> Stored<Vec<String>> {
    let (third, second) = (path.join("zarr.json"), path.join(".zmetadata"));
    let field = |map: Option<Map<String, Json>>, key: &str| map.and_then(|mut map| map.remove(key));
    let third = field(parsed(&third, third.read()?)?, "consolidated_metadata");
    let mut names: Vec<String> = match third.as_ref().and_then(|found| found.get("metadata")?.as_object()) {
        Some(found) => {
            let arrays = found.iter().filter(|(_, node)| node.get("node_type") == Some(&json!("array")));
            arrays.map(|(name, _)| name.clone()).collect()
        }
        None => match field(parsed(&second, second.read()?)?, "metadata") {
            Some(Json::Object(found)) => {
                found.keys().filter_map(|key| key.strip_suffix("/.zarray")).map(str::to_owned).collect()
            }
            _ => {
                let what = "the folders of a web server cannot be listed, and there is no consolidated metadata; \
                            its arrays can be opened by their names";
                return Err(StoreError::unsupported(path.as_path(), what));
            }
        },
    };
    names.sort();
    Ok(names)
}

pub(super) fn attributes(path: &StorePath) -> Stored<Map<String, Json>> {
    match node_at(path)? {
        Node::Group(_, attributes) => Ok(attributes),
        Node::Array(meta) => Ok(meta.attributes),
        Node::Other => {
            path.must_be_there()?;
            Err(StoreError::unsupported(path.as_path(), "there is no Zarr group in it: no zarr.json, no .zgroup"))
        }
    }
}
