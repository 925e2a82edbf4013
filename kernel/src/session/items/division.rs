//! Which crates the items of a session are divided into.
//!
//! Types, traits and `impl`s have to be together, and have to stay where they are: they make up the shared crate,
//! `taskloom_cells`. What has no such ties, a function, a constant or a second name for a type, is in a crate of its
//! cell, `taskloom_cells_3`. So one more function costs the compilation of that function, whatever came before it. What
//! the shared crate mentions is in the shared crate too, and so are functions of several cells that call each other in a
//! circle: crates cannot.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;
use std::path::Path;

use super::{CRATE, Items, Placed, SourceFile};
use crate::session::cell::UnitKind;

/// Stands for the shared crate among the numbers of cells, which begin with 1.
const SHARED: usize = 0;

/// One crate of items.
#[derive(Debug, Clone)]
pub struct ItemCrate {
    /// Its name in Rust.
    pub name: String,
    /// What it depends on beside the crates that it links to: while that stays, it need not be compiled anew.
    pub key: String,
    /// The crates of items that it links to, which come before it.
    pub links: Vec<String>,
    /// What it defines that has a name.
    pub names: Vec<String>,
    /// The cell whose crate it is, or [`SHARED`].
    node: usize,
    /// What is in it, as positions in the list of all items.
    placed: Vec<usize>,
}

impl ItemCrate {
    /// Whether types and the like are in it.
    pub fn is_shared(&self) -> bool {
        self.node == SHARED
    }
}

/// The identifiers in a text, be it code or not.
pub fn words_in(text: &str) -> HashSet<&str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty()).collect()
}

impl Items {
    /// The crates, each behind those that it links to.
    pub fn crates(&self) -> Vec<ItemCrate> {
        let mut in_shared: Vec<bool> = self.placed.iter().map(|placed| !is_free(placed)).collect();
        let places = self.places_by_name();
        let imports: HashSet<&str> = self.named.values().chain(&self.unnamed).flat_map(|text| words_in(text)).collect();
        // What a macro or an import mentions is looked up where these are used, which is everywhere.
        let macros = self.placed.iter().filter(|placed| placed.unit.kind == UnitKind::Macro);
        let everywhere =
            macros.flat_map(|placed| &placed.unit.words).map(String::as_str).chain(imports.iter().copied());
        for at in everywhere.filter_map(|word| places.get(word)).flatten() {
            in_shared[*at] = true;
        }
        let links = loop {
            let links = self.links(&in_shared, &places, &imports);
            let circle = in_circles(&links);
            if circle.is_empty() {
                break links;
            }
            for (placed, shared) in self.placed.iter().zip(&mut in_shared) {
                *shared |= circle.contains(&placed.cell);
            }
        };
        let mut crates = Vec::new();
        for node in sorted(&links) {
            let is_in = |at: &usize| {
                if node == SHARED { in_shared[*at] } else { !in_shared[*at] && self.placed[*at].cell == node }
            };
            let placed: Vec<usize> = (0..self.placed.len()).filter(is_in).collect();
            if !placed.is_empty() {
                crates.push(self.item_crate(node, placed, links[&node].iter().map(|&link| name_of(link)).collect()));
            }
        }
        crates
    }

    /// A crate as source: its root, and the files that the root takes in. `known` are all crates.
    pub fn source_of(&self, item_crate: &ItemCrate, known: &[ItemCrate], folder: &Path) -> (String, Vec<SourceFile>) {
        let placed: Vec<&Placed> = item_crate.placed.iter().map(|&at| self.placed[at].as_ref()).collect();
        let mut root = self.root();
        for linked in known.iter().filter(|known| item_crate.links.contains(&known.name) && !known.names.is_empty()) {
            let _ = writeln!(root, "use ::{}::{{{}}};", linked.name, linked.names.join(", "));
        }
        let mut files = Vec::new();
        let part = |kind: &str| if item_crate.is_shared() { kind.to_owned() } else { format!("free_{kind}") };
        let mut include = |cell: usize, kind: &str, living: &dyn Fn(&Placed) -> bool| {
            let living: Vec<&Placed> =
                placed.iter().filter(|placed| placed.cell == cell && living(placed)).copied().collect();
            let file = self.file(cell, &part(kind), &living)?;
            let line = format!("include!({:?});", folder.join(&file.name));
            files.push(file);
            Some(line)
        };
        let cells: BTreeSet<usize> = placed.iter().map(|placed| placed.cell).collect();
        // Macros first: they are known below their definition only.
        for &cell in &cells {
            if let Some(line) = include(cell, "macros", &|placed| placed.unit.kind == UnitKind::Macro) {
                let _ = writeln!(root, "{line}");
            }
        }
        for &cell in &cells {
            let plain = |placed: &Placed| placed.unit.kind != UnitKind::Macro && placed.version == 0;
            if let Some(line) = include(cell, "items", &plain) {
                let _ = writeln!(root, "{line}");
            }
            let versions: BTreeSet<u32> =
                placed.iter().filter(|placed| placed.cell == cell).map(|placed| placed.version).collect();
            for version in versions.into_iter().filter(|&version| version > 0) {
                let of_version = |placed: &Placed| placed.unit.kind != UnitKind::Macro && placed.version == version;
                let Some(line) = include(cell, &format!("v{version}"), &of_version) else { continue };
                let inside = placed.iter().filter(|placed| placed.cell == cell && of_version(placed));
                let names: Vec<String> = inside.flat_map(|placed| placed.unit.names.clone()).collect();
                let module = format!("__v{version}_{}", names.join("_"));
                let names = names.join(", ");
                let _ = writeln!(root, "pub mod {module} {{ use super::*; {line} }} pub use {module}::{{{names}}};");
            }
        }
        (root, files)
    }

    /// Where what a name stands for is in the list of all items.
    fn places_by_name(&self) -> HashMap<&str, Vec<usize>> {
        let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, placed) in self.placed.iter().enumerate() {
            for name in &placed.unit.names {
                places.entry(name).or_default().push(at);
            }
        }
        places
    }

    /// The nodes, which are the shared crate and the cells with a crate of their own, and what each of them mentions of
    /// the others.
    fn links(
        &self,
        in_shared: &[bool],
        places: &HashMap<&str, Vec<usize>>,
        imports: &HashSet<&str>,
    ) -> BTreeMap<usize, BTreeSet<usize>> {
        let node = |at: usize| if in_shared[at] { SHARED } else { self.placed[at].cell };
        let shared = self.placed.iter().zip(in_shared).filter(|(_, shared)| **shared).map(|(placed, _)| &placed.unit);
        let brought: HashSet<&str> =
            shared.flat_map(|unit| unit.names.iter().chain(&unit.methods)).map(String::as_str).collect();
        // An import may be of something that the session has defined, such as the variants of an enum.
        let all_need_shared = imports.iter().any(|word| brought.contains(word));
        let mut links: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for (at, placed) in self.placed.iter().enumerate() {
            let of_node = links.entry(node(at)).or_default();
            for word in &placed.mentions {
                of_node.extend(places.get(word.as_str()).into_iter().flatten().map(|&at| node(at)));
                of_node.extend(brought.contains(word.as_str()).then_some(SHARED));
            }
            of_node.extend(all_need_shared.then_some(SHARED));
            of_node.remove(&node(at));
        }
        links
    }

    fn item_crate(&self, node: usize, placed: Vec<usize>, links: Vec<String>) -> ItemCrate {
        let units = || placed.iter().map(|&at| &self.placed[at]);
        let mut names: Vec<String> = units().flat_map(|placed| placed.unit.names.clone()).collect();
        names.sort();
        // A cell's text never changes, so ranges of it say what is written there.
        let mut key = self.attributes();
        for placed in units() {
            let _ = write!(key, ";{}:{:?}:{}:{:?}", placed.cell, placed.unit.range, placed.version, placed.replaced);
        }
        let words: BTreeSet<&String> = units().flat_map(|placed| &placed.unit.words).collect();
        // Other imports than those it names may have come since; it was compiled without.
        for (_, import) in self.named.iter().filter(|(name, _)| words.contains(name)) {
            key.push_str(import);
        }
        ItemCrate { name: name_of(node), key, links, names, node, placed }
    }
}

fn name_of(node: usize) -> String {
    if node == SHARED { CRATE.to_owned() } else { format!("{CRATE}_{node}") }
}

/// Whether it is the same wherever it stands.
fn is_free(placed: &Placed) -> bool {
    placed.unit.free && placed.version == 0
}

/// The nodes of a graph without circles, each behind those that it links to.
fn sorted(links: &BTreeMap<usize, BTreeSet<usize>>) -> Vec<usize> {
    let mut order: Vec<usize> = Vec::new();
    let mut left: Vec<usize> = links.keys().copied().collect();
    while !left.is_empty() {
        let is_ready = |node: &usize| links[node].iter().all(|link| order.contains(link));
        let (ready, rest): (Vec<usize>, Vec<usize>) = left.into_iter().partition(is_ready);
        if ready.is_empty() {
            return order;
        }
        order.extend(ready);
        left = rest;
    }
    order
}

/// The nodes from which one comes back to them.
fn in_circles(links: &BTreeMap<usize, BTreeSet<usize>>) -> BTreeSet<usize> {
    let order: BTreeSet<usize> = sorted(links).into_iter().collect();
    let comes_back = |node: usize| {
        let (mut seen, mut waiting) = (BTreeSet::new(), vec![node]);
        while let Some(at) = waiting.pop() {
            waiting.extend(links[&at].iter().filter(|&&next| !order.contains(&next) && seen.insert(next)));
        }
        seen.contains(&node)
    };
    links.keys().copied().filter(|node| !order.contains(node) && comes_back(*node)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::items;

    /// Each crate: its names, and what it links to.
    fn division(cells: &[&str]) -> Vec<String> {
        let crates = items(cells).crates();
        crates.iter().map(|one| format!("{}: {} <- {}", one.name, one.names.join(" "), one.links.join(" "))).collect()
    }

    #[test]
    fn functions_are_in_crates_of_their_cells() {
        assert_eq!(
            division(&["fn f() {}\nconst N: i64 = 1;", "fn g() { f() }", "struct S;", "fn h(s: S) { g() }"]),
            [
                "taskloom_cells: S <- ",
                "taskloom_cells_1: N f <- ",
                "taskloom_cells_2: g <- taskloom_cells_1",
                "taskloom_cells_4: h <- taskloom_cells taskloom_cells_2",
            ]
        );
    }

    #[test]
    fn what_types_and_macros_need_is_there_for_them() {
        assert_eq!(
            division(&[
                "const N: usize = 2;",
                "struct S([i64; N]);",
                "fn f() -> S { S([0; N]) }",
                "impl S { fn m() { f(); } }"
            ]),
            ["taskloom_cells_1: N <- ", "taskloom_cells: S f <- taskloom_cells_1"]
        );
        // The macro is expanded in other crates, which find what it mentions where they find the macro.
        assert_eq!(division(&["fn f() {}", "macro_rules! call { () => { f() } }"]), ["taskloom_cells: call f <- "]);
    }

    #[test]
    fn a_name_inside_a_format_string_is_mentioned() {
        assert_eq!(
            division(&["const N: i64 = 1;", "fn f() { println!(\"{N}\") }"]),
            ["taskloom_cells_1: N <- ", "taskloom_cells_2: f <- taskloom_cells_1"]
        );
    }

    #[test]
    fn functions_in_a_circle_are_together() {
        assert_eq!(
            division(&[
                "fn odd(n: u32) -> bool { n > 0 }",
                "fn even(n: u32) -> bool { odd(n) }",
                "fn odd(n: u32) -> bool { even(n) }"
            ]),
            ["taskloom_cells: even odd <- "]
        );
    }

    #[test]
    fn imports_of_the_sessions_own_types_need_the_shared_crate() {
        assert_eq!(
            division(&["enum E { A, B }", "use E::*;", "fn f() {}"]),
            ["taskloom_cells: E <- ", "taskloom_cells_3: f <- taskloom_cells"]
        );
    }

    #[test]
    fn what_came_later_is_not_meant() {
        assert_eq!(
            division(&["fn f(count: i64) -> i64 { count }", "fn count() {}", "fn g() { count() }"]),
            ["taskloom_cells_1: f <- ", "taskloom_cells_2: count <- ", "taskloom_cells_3: g <- taskloom_cells_2"]
        );
    }

    #[test]
    fn one_more_function_changes_no_other_crate() {
        let keys = |cells: &[&str]| -> Vec<String> { items(cells).crates().into_iter().map(|one| one.key).collect() };
        let before = keys(&["fn f() {}", "struct S;"]);
        let after = keys(&["fn f() {}", "struct S;", "use std::collections::HashMap;", "fn g() { f() }"]);
        assert_eq!(after[..2], before);
        assert_ne!(keys(&["use a::X;", "fn f(x: X) {}"]), keys(&["use b::X;", "fn f(x: X) {}"]));
    }
}
