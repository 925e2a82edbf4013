//! What earlier cells defined, as one piece of Rust.

use ra_ap_syntax::ast::{self, AstNode, HasName};
use ra_ap_syntax::{Edition, SourceFile};

use super::cells::masked;

/// Cells are parsed inside a function.
const FRAME: &str = "fn f(){";

/// The `use`s and items of the cells that have run. A newer definition takes the place of an older one.
#[derive(Debug, Clone, Default)]
pub struct Prelude {
    /// What each defines, and its text, oldest first.
    items: Vec<(String, String)>,
}

impl Prelude {
    /// Adds what a cell defines; magics in it are left out.
    pub fn add(&mut self, cell: &str) {
        let (rust, _) = masked(cell);
        let parsed = SourceFile::parse(&format!("{FRAME}{rust}\n}}"), Edition::CURRENT);
        let body = parsed.syntax_node().children().find_map(ast::Fn::cast).and_then(|function| function.body());
        let Some(list) = body.and_then(|body| body.stmt_list()) else { return };
        for item in list.syntax().children().filter_map(ast::Item::cast) {
            if let Some(key) = key(&item) {
                self.items.retain(|(other, _)| *other != key);
                self.items.push((key, item.syntax().text().to_string()));
            }
        }
    }

    /// The definitions as a piece of Rust.
    pub fn text(&self) -> String {
        self.items.iter().map(|(_, text)| format!("{text}\n")).collect()
    }
}

/// What an item defines: of two with the same key, the older one is gone.
fn key(item: &ast::Item) -> Option<String> {
    let named = |what: &str, name: Option<ast::Name>| name.map(|name| format!("{what} {}", name.text()));
    match item {
        ast::Item::Fn(item) => named("value", item.name()),
        ast::Item::Const(item) => named("value", item.name()),
        ast::Item::Static(item) => named("value", item.name()),
        ast::Item::Struct(item) => named("type", item.name()),
        ast::Item::Enum(item) => named("type", item.name()),
        ast::Item::Union(item) => named("type", item.name()),
        ast::Item::Trait(item) => named("type", item.name()),
        ast::Item::TypeAlias(item) => named("type", item.name()),
        ast::Item::Module(item) => named("type", item.name()),
        ast::Item::MacroRules(item) => named("macro", item.name()),
        // Two blocks with the same head are two versions of one.
        ast::Item::Impl(item) => {
            let text = item.syntax().text().to_string();
            let comments = item.syntax().text_range().start();
            let head = item.impl_token().map_or(0, |token| usize::from(token.text_range().start() - comments));
            let body = item
                .assoc_item_list()
                .map_or(text.len(), |list| usize::from(list.syntax().text_range().start() - comments));
            Some(text.get(head..body)?.split_whitespace().collect::<Vec<_>>().join(" "))
        }
        ast::Item::Use(item) => Some(item.syntax().text().to_string()),
        ast::Item::ExternCrate(item) => Some(item.syntax().text().to_string()),
        // A macro at this place is a statement more often than it defines something.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prelude(cells: &[&str]) -> String {
        let mut prelude = Prelude::default();
        cells.iter().for_each(|cell| prelude.add(cell));
        prelude.text()
    }

    #[test]
    fn items_are_kept_and_statements_are_not() {
        let cells = ["use std::fmt;\nlet x = 1;\n/// Doubles.\nfn double(x: i64) -> i64 { x * 2 }\ndouble(x)"];
        assert_eq!(prelude(&cells), "use std::fmt;\n/// Doubles.\nfn double(x: i64) -> i64 { x * 2 }\n");
        assert_eq!(prelude(&["println!(\"hello\");"]), "");
    }

    #[test]
    fn the_newest_definition_wins() {
        assert_eq!(prelude(&["fn f() {}", "struct P;", "fn f() -> i64 { 1 }"]), "struct P;\nfn f() -> i64 { 1 }\n");
        assert_eq!(prelude(&["use std::fmt;", "use std::fmt;"]), "use std::fmt;\n");
        let blocks = ["impl P { fn a() {} }", "impl  P { fn b() {} }", "impl Clone for P {}"];
        assert_eq!(prelude(&blocks), "impl  P { fn b() {} }\nimpl Clone for P {}\n");
    }

    #[test]
    fn magics_do_not_hide_the_items_beside_them() {
        assert_eq!(prelude(&["%who\nfn f() {}\n!ls"]), "fn f() {}\n");
    }
}
