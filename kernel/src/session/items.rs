//! The items of a session: functions, types, `impl`s and the rest that outlives the cell it was written in.
//!
//! evcxr would compile all of them again with every cell. Here they are crates of their own (see [`division`]), each
//! compiled when a cell changes it and linked to by all others. So a cell costs the same at the end of a day as at its
//! beginning.
//!
//! A crate has the same name and the same `metadata` in all its versions. Hence a type that has not changed is the same
//! type in all of them, and variables of it live on when, say, an `impl` is added. A type that is written anew moves into
//! a module of its own, together with all types that mention it: these are other types then, and the store of variables
//! notices.

mod division;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;

pub use division::{ItemCrate, words_in};

use super::cell::{Import, Outline, Unit, UnitKind};
use super::rewrite::Edited;

/// The name of the crate of types, and how the names of the others begin.
pub const CRATE: &str = "taskloom_cells";

/// What a cell has given to the session.
#[derive(Debug, Clone)]
struct Placed {
    unit: Unit,
    /// The cell it was written in.
    cell: usize,
    /// How often its names have been defined anew.
    version: u32,
    /// The names of the session that it may refer to. One that came later is none: it was understood without.
    mentions: Vec<String>,
    /// Members that a later `impl` has replaced.
    replaced: Vec<std::ops::Range<usize>>,
}

/// The text of a cell, kept while items of it are.
#[derive(Debug)]
struct CellText {
    code: String,
    number: u32,
}

/// All items and imports of a session. A copy is cheap: it is how a cell that fails, or is undone, leaves nothing.
#[derive(Debug, Clone, Default)]
pub struct Items {
    cells: BTreeMap<usize, Arc<CellText>>,
    placed: Vec<Arc<Placed>>,
    /// `use` statements by the name that they bring in.
    named: BTreeMap<String, String>,
    /// Those with `*` and `as _`.
    unnamed: Vec<String>,
    attributes: Vec<String>,
    /// The cells that came so far.
    count: usize,
    /// How often each type has been written anew.
    versions: BTreeMap<String, u32>,
    /// What code may refer to, when that is not everything.
    scope: Option<Arc<Scope>>,
}

/// What of a session's names code can refer to that shall not be misled by them: a name, an import or an attribute of the
/// session may give another meaning to what the code says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scope {
    /// Items, by name.
    pub items: BTreeSet<String>,
    /// `use` statements, which stand in the place of the session's.
    pub imports: Vec<String>,
}

/// A file of the crate.
pub struct SourceFile {
    /// Its name, without folder.
    pub name: String,
    /// The execution count of the cell that it is a part of.
    pub number: u32,
    /// As the user wrote it.
    pub original: String,
    /// As rustc gets it.
    pub edited: Edited,
}

impl Items {
    /// The next cell has at least this number.
    pub fn number_from(&mut self, cell: usize) {
        self.count = self.count.max(cell.saturating_sub(1));
    }

    /// Takes in a cell. Gives whether there are items in it.
    pub fn add(&mut self, code: &str, number: u32, outline: &Outline) -> bool {
        self.count += 1;
        let cell = self.count;
        for import in &outline.imports {
            self.import(import);
        }
        for range in &outline.attributes {
            let text = code[range.clone()].to_owned();
            if !self.attributes.contains(&text) {
                self.attributes.push(text);
            }
        }
        if outline.units.is_empty() {
            return false;
        }
        self.cells.insert(cell, Arc::new(CellText { code: code.to_owned(), number }));
        let defined: BTreeSet<&str> = outline.units.iter().flat_map(|unit| &unit.names).map(String::as_str).collect();
        for name in &defined {
            self.named.remove(*name);
        }
        let changed = self.changed_types(&outline.units, code);
        for name in &changed {
            *self.versions.entry(name.clone()).or_default() += 1;
        }
        for unit in &outline.units {
            self.replace(unit);
        }
        let earlier = self.placed.iter().map(|placed| &placed.unit);
        let known: HashSet<String> =
            earlier.chain(&outline.units).flat_map(|unit| unit.names.iter().chain(&unit.methods)).cloned().collect();
        for unit in &outline.units {
            let mentions = unit.words.iter().filter(|word| known.contains(*word)).cloned().collect();
            let placed = Placed { unit: unit.clone(), cell, version: 0, mentions, replaced: Vec::new() };
            self.placed.push(Arc::new(placed));
        }
        for placed in &mut self.placed {
            let version = placed.unit.names.iter().filter_map(|name| self.versions.get(name)).max().copied();
            let version = version.filter(|_| placed.unit.kind == UnitKind::Type).unwrap_or(0);
            if placed.version != version {
                Arc::make_mut(placed).version = version;
            }
        }
        let living: BTreeSet<usize> = self.placed.iter().map(|placed| placed.cell).collect();
        self.cells.retain(|cell, _| living.contains(cell));
        true
    }

    fn import(&mut self, import: &Import) {
        match &import.name {
            Some(name) => {
                self.placed.retain(|placed| !placed.unit.names.contains(name));
                self.named.insert(name.clone(), import.text.clone());
            }
            None if self.unnamed.contains(&import.text) => {}
            None => self.unnamed.push(import.text.clone()),
        }
    }

    /// Types that are something else now: those that are written anew in other words, and those that mention them.
    fn changed_types(&self, units: &[Unit], code: &str) -> BTreeSet<String> {
        let mut changed = BTreeSet::new();
        for unit in units.iter().filter(|unit| unit.kind == UnitKind::Type) {
            for old in self.placed.iter().filter(|old| old.unit.names.iter().any(|name| unit.names.contains(name))) {
                let text = &self.cells[&old.cell].code[old.unit.range.clone()];
                if text != &code[unit.range.clone()] {
                    changed.extend(unit.names.iter().cloned());
                }
            }
        }
        loop {
            let before = changed.len();
            let types = self.placed.iter().map(|placed| &placed.unit).chain(units);
            for unit in types.filter(|unit| unit.kind == UnitKind::Type) {
                if unit.words.iter().any(|word| changed.contains(word)) {
                    changed.extend(unit.names.iter().cloned());
                }
            }
            if changed.len() == before {
                return changed;
            }
        }
    }

    /// Takes out what a unit stands in the place of.
    fn replace(&mut self, unit: &Unit) {
        match unit.kind {
            UnitKind::TraitImpl => self.placed.retain(|old| old.unit.header != unit.header),
            UnitKind::OwnImpl => self.replace_members(unit),
            UnitKind::Other if unit.names.is_empty() => {
                self.placed.retain(|old| old.unit.kind != UnitKind::Other || old.unit.words != unit.words);
            }
            _ => {
                let has_name = |old: &Placed| old.unit.names.iter().any(|name| unit.names.contains(name));
                // With a type go the `impl`s that stood beside it: the new cell has its own. One that was added in a cell
                // of its own stays, and is an error if it does not fit any more.
                let homes: Vec<usize> = self
                    .placed
                    .iter()
                    .filter(|old| old.unit.kind == UnitKind::Type && has_name(old))
                    .map(|old| old.cell)
                    .collect();
                let is_about_it = |old: &Placed| {
                    matches!(old.unit.kind, UnitKind::TraitImpl | UnitKind::OwnImpl)
                        && homes.contains(&old.cell)
                        && unit.names.iter().any(|name| subject(&old.unit.header) == name)
                };
                self.placed.retain(|old| !has_name(old) && !is_about_it(old));
            }
        }
    }

    /// Takes out the members of earlier `impl`s that this one has too.
    fn replace_members(&mut self, unit: &Unit) {
        let again = |name: &String| unit.members.iter().any(|(member, _)| member == name);
        for old in &mut self.placed {
            if old.unit.kind == UnitKind::OwnImpl
                && old.unit.header == unit.header
                && old.unit.members.iter().any(|(name, _)| again(name))
            {
                let old = Arc::make_mut(old);
                let members = std::mem::take(&mut old.unit.members);
                let (gone, left): (Vec<_>, Vec<_>) = members.into_iter().partition(|(name, _)| again(name));
                old.unit.members = left;
                old.replaced.extend(gone.into_iter().map(|(_, range)| range));
            }
        }
        self.placed.retain(|old| old.replaced.is_empty() || !old.unit.members.is_empty());
    }

    /// Takes out the items of earlier cells in which rustc finds something wrong: what they are about has been defined
    /// anew. `places` are file names and byte offsets in the files. Gives what was taken out and the cell it was in, or
    /// nothing when one of the places is in the newest cell: that is an error of the person who wrote it.
    pub fn take_misfits(&mut self, places: &[(String, usize)]) -> Vec<(String, u32)> {
        let mut misfits = Vec::new();
        for (file, offset) in places {
            let cell = file.strip_prefix("cell_").and_then(|rest| rest.split('_').next()?.parse::<usize>().ok());
            let Some(cell) = cell.filter(|cell| *cell != self.count) else { return Vec::new() };
            let Some(text) = self.cells.get(&cell).cloned() else { return Vec::new() };
            // The file has texts put in; it is the line that counts, and items rarely share one.
            let found = self.placed.iter().position(|placed| placed.cell == cell && placed.unit.range.contains(offset));
            let Some(found) = found else { continue };
            let unit = &self.placed[found].unit;
            let name = unit.names.first().cloned().unwrap_or_else(|| unit.header.clone());
            misfits.push((name, text.number));
            self.placed.remove(found);
        }
        misfits
    }

    /// Whether there is anything to compile.
    pub fn is_empty(&self) -> bool {
        self.placed.is_empty()
    }

    /// The names of all items, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.placed.iter().flat_map(|placed| placed.unit.names.clone()).collect();
        names.sort();
        names
    }

    /// All that later code can see, as Rust source: imports and items.
    pub fn text(&self) -> String {
        let mut text = self.imports(&[]);
        for placed in &self.placed {
            if let Some(cell) = self.cells.get(&placed.cell) {
                text.push_str(&cell.code[placed.unit.range.clone()]);
                text.push('\n');
            }
        }
        text
    }

    /// The `use`s, each on its line, but for those of names that are in `except`.
    fn imports(&self, except: &[String]) -> String {
        let lines: Vec<&String> = match &self.scope {
            Some(scope) => scope.imports.iter().collect(),
            None => {
                let named = self.named.iter().filter(|(name, _)| !except.contains(name)).map(|(_, text)| text);
                named.chain(&self.unnamed).collect()
            }
        };
        lines.into_iter().fold(String::new(), |text, line| text + line + "\n")
    }

    /// What stands around a cell that uses the session, on one line: the imports, and by name the items of the crates that
    /// it links to. `fresh` are the imports that the cell itself still holds.
    pub fn preamble<'a>(&self, fresh: &[Import], linked: impl Iterator<Item = &'a ItemCrate>) -> String {
        let names: Vec<String> = fresh.iter().filter_map(|import| import.name.clone()).collect();
        let mut text = self.imports(&names).replace('\n', " ");
        for ItemCrate { name, names, .. } in linked {
            let in_scope = |name: &&String| self.scope.as_ref().is_none_or(|scope| scope.items.contains(*name));
            let names: Vec<&str> = names.iter().filter(in_scope).map(String::as_str).collect();
            if !names.is_empty() {
                let _ = write!(text, "use ::{name}::{{{}}};", names.join(", "));
            }
        }
        text
    }

    /// Attributes for the whole of a crate.
    pub fn attributes(&self) -> String {
        if self.scope.is_some() {
            return String::new();
        }
        self.attributes.join(" ")
    }

    /// From now on code can refer only to what is in the scope; to everything again without one.
    pub fn set_scope(&mut self, scope: Option<Arc<Scope>>) {
        self.scope = scope;
    }

    /// An item as it was written last.
    pub fn source(&self, name: &str) -> Option<&str> {
        let placed = self.placed.iter().rev().find(|placed| placed.unit.names.iter().any(|own| own == name))?;
        self.cells.get(&placed.cell)?.code.get(placed.unit.range.clone())
    }

    /// How the root of each crate begins.
    fn root(&self) -> String {
        format!(
            "#![allow(unused, private_interfaces, private_bounds, dead_code, static_mut_refs, macro_expanded_macro_exports_accessed_by_absolute_paths)]\n{}\nextern crate taskloom;\n{}",
            self.attributes(),
            self.imports(&[])
        )
    }

    /// What of a cell is `living`, as a file.
    fn file(&self, cell: usize, part: &str, living: &[&Placed]) -> Option<SourceFile> {
        let text = self.cells.get(&cell).filter(|_| !living.is_empty())?;
        // All is blank but what lives.
        let mut ranges: Vec<std::ops::Range<usize>> = living.iter().map(|placed| placed.unit.range.clone()).collect();
        ranges.sort_by_key(|range| range.start);
        let mut blank = Vec::new();
        let mut from = 0;
        for range in ranges {
            blank.push(from..range.start);
            from = range.end;
        }
        blank.push(from..text.code.len());
        blank.extend(living.iter().flat_map(|placed| placed.unit.restrictions.iter().chain(&placed.replaced).cloned()));
        let edits = living.iter().flat_map(|placed| placed.unit.publish.clone()).collect();
        Some(SourceFile {
            name: format!("cell_{cell}_{part}.rs"),
            number: text.number,
            original: text.code.clone(),
            edited: Edited::masked(&text.code, edits, &blank),
        })
    }
}

/// The type that an `impl` is about, without its parameters: what stands behind `for`, or behind `impl<…>`.
fn subject(header: &str) -> &str {
    let mut words: Vec<&str> = header.split(' ').collect();
    if let Some(at) = words.iter().position(|word| *word == "where") {
        words.truncate(at);
    }
    if let Some(at) = words.iter().rposition(|word| *word == "for") {
        return words.get(at + 1).copied().unwrap_or_default();
    }
    // Behind `impl`, and its parameters where there are any.
    let mut depth = 0;
    for word in words.iter().skip(1) {
        match *word {
            "<" => depth += 1,
            ">" => depth -= 1,
            "unsafe" | "impl" => {}
            word if depth == 0 => return word,
            _ => {}
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::cell::outline;
    use super::*;

    pub(super) fn items(cells: &[&str]) -> Items {
        let mut items = Items::default();
        for (index, code) in cells.iter().enumerate() {
            items.add(code, index as u32 + 1, &outline(code));
        }
        items
    }

    fn all_text(items: &Items) -> String {
        let lines =
            |text: &str| text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
        let crates = items.crates();
        let sources = crates.iter().map(|one| items.source_of(one, &crates, Path::new("/s")));
        sources.fold(String::new(), |all, (root, files)| {
            files.iter().fold(all + &lines(&root), |text, file| format!("{text}\n{}", lines(&file.edited.text)))
        })
    }

    #[test]
    fn the_newest_definition_counts() {
        let items = items(&["fn f() -> i32 { 1 }\nfn g() {}", "fn f() -> i32 { 2 }"]);
        let text = all_text(&items);
        assert!(text.contains("{ 2 }") && text.contains("fn g()") && !text.contains("{ 1 }"), "{text}");
        assert_eq!(items.names(), ["f", "g"]);
    }

    #[test]
    fn an_item_and_an_import_of_one_name_replace_each_other() {
        assert!(!all_text(&items(&["use a::f;", "fn f() {}"])).contains("use a::f"));
        let text = items(&["fn f() {}", "use a::f;"]).text();
        assert!(text.contains("use a::f;") && !text.contains("fn f()"), "{text}");
    }

    #[test]
    fn methods_are_replaced_one_by_one() {
        let text = all_text(&items(&[
            "struct S;",
            "impl S { fn a(&self) -> i32 { 1 } fn b(&self) -> i32 { 2 } }",
            "impl S { fn a(&self) -> i32 { 3 } }",
        ]));
        assert!(!text.contains("{ 1 }") && text.contains("{ 2 }") && text.contains("{ 3 }"), "{text}");
    }

    #[test]
    fn a_type_that_changes_is_another_type_and_so_is_what_holds_it() {
        let same = items(&["struct S(i32);", "struct H { s: S }", "struct S(i32);"]);
        assert!(!all_text(&same).contains("__v"));
        let text = all_text(&items(&["struct S(i32);", "struct H { s: S }\nstruct U;", "struct S(f64);"]));
        assert!(text.contains("pub mod __v1_S ") && text.contains("pub mod __v1_H "), "{text}");
        assert!(!text.contains("__v1_U"), "{text}");
    }

    #[test]
    fn impls_beside_a_type_go_with_it() {
        let text = all_text(&items(&[
            "struct S(i32);\nimpl S { fn old(&self) {} }\nimpl Drop for S { fn drop(&mut self) {} }",
            "struct S(f64);",
        ]));
        assert!(!text.contains("old") && !text.contains("Drop"), "{text}");
        assert_eq!(subject("impl < T : Clone > Stack < T >"), "Stack");
        assert_eq!(subject("impl Display for S where S : Sized"), "S");
    }

    #[test]
    fn in_a_scope_only_what_is_named_can_be_referred_to() {
        let mut items = items(&["#![allow(unused)]\nuse std::fmt as f;\nfn given() {}\nfn own() {}\ntrait Bent {}"]);
        items.set_scope(Some(Arc::new(Scope {
            items: BTreeSet::from(["given".to_owned()]),
            imports: vec!["use taskloom::prelude::*;".to_owned()],
        })));
        let text = items.preamble(&[], items.crates().iter());
        assert_eq!(text, "use taskloom::prelude::*; use ::taskloom_cells_1::{given};");
        assert_eq!(items.attributes(), "");
        items.set_scope(None);
        let text = items.preamble(&[], items.crates().iter());
        assert!(text.contains("std::fmt") && text.contains("own") && text.contains("Bent"), "{text}");
        assert_eq!(items.source("given"), Some("fn given() {}"));
    }

    #[test]
    fn cells_refer_to_the_crate_by_name() {
        let items = items(&["use std::collections::HashMap;\nuse taskloom::prelude::*;\nfn f() {}\nstruct S;"]);
        assert_eq!(
            items.preamble(&[], items.crates().iter()),
            "use std::collections::HashMap; use taskloom::prelude::*; use ::taskloom_cells::{S};use ::taskloom_cells_1::{f};"
        );
    }
}
