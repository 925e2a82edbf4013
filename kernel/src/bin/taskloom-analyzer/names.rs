//! Names that stand alone, as in `pri|` or `let x: Ve|`: those in scope that begin like it.
//!
//! rust-analyzer's own completion describes every name in scope, with its documentation, before any is left out. After
//! `use polars::prelude::*` that is nearly a thousand, in hundreds of files, with each key that is pressed.

use std::collections::HashSet;

use ra_ap_hir::{Crate, HasAttrs, HirDisplay, Macro, ModuleDef, Name, ScopeDef, Semantics, attach_db_allow_change};
use ra_ap_ide::{Cancellable, Edition};
use ra_ap_ide_db::RootDatabase;
use ra_ap_ide_db::base_db::salsa::Cancelled;
use ra_ap_syntax::ast::{self, AstNode};
use ra_ap_syntax::{SourceFile, SyntaxKind, T};

use crate::completion::{signature, text_size};
use crate::protocol::{Completions, Item};
use crate::scene::FUNCTION;
use crate::world::CELL;

/// Words that can begin an expression or a statement.
const STATEMENTS: [&str; 28] = [
    "async", "break", "const", "continue", "enum", "extern", "false", "fn", "for", "if", "if let", "impl", "let",
    "loop", "match", "mod", "move", "mut", "pub", "return", "static", "struct", "trait", "true", "type", "unsafe",
    "use", "while",
];
/// Words that can begin a type.
const TYPES: [&str; 3] = ["dyn", "fn", "impl"];
/// Put in for the name that may be empty so far.
const MARK: &str = "completion_mark";

/// What fits at a place.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Wanted {
    Expression,
    Type,
}

/// The candidates for a name that stands alone at `offset` of the session's text, in which the code begins at `start`;
/// none if something else stands there.
///
/// # Errors
/// When the text has changed meanwhile.
pub fn complete(db: &RootDatabase, text: &str, start: usize, offset: usize) -> Cancellable<Option<Completions>> {
    let word_start = text[..offset]
        .rfind(|c: char| !(c.is_alphanumeric() || c == '_'))
        .map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    let Some(wanted) = wanted(&text[start..], offset - start, word_start - start) else { return Ok(None) };
    let typed = text[word_start..offset].to_owned();
    let end = offset + text[offset..].find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(0);
    let items = attach_db_allow_change(db, || Cancelled::catch(|| named(db, wanted, &typed, word_start)))?;
    Ok(Some(Completions { replaces: word_start - start..end - start, items }))
}

/// What fits in the place of a name that stands alone; none where something stands before or around it that decides
/// what fits.
fn wanted(code: &str, offset: usize, word_start: usize) -> Option<Wanted> {
    const FRAME: &str = "fn f() {";
    let framed = format!("{FRAME}{}{MARK}{}", &code[..word_start], &code[offset..]);
    let file = SourceFile::parse(&framed, Edition::CURRENT).tree();
    let token = file.syntax().token_at_offset(text_size(FRAME.len() + word_start)).right_biased()?;
    if token.kind() != SyntaxKind::IDENT {
        return None;
    }
    let parent = token.parent()?;
    if ast::TokenTree::can_cast(parent.kind()) {
        // The arguments of a macro are expressions, nearly always.
        let mut before = token.prev_token();
        while let Some(trivia) = before.as_ref().filter(|token| token.kind().is_trivia()) {
            before = trivia.prev_token();
        }
        let decides = before.is_some_and(|token| matches!(token.kind(), T![.] | T![:] | T![::] | T![$]));
        return (!decides).then_some(Wanted::Expression);
    }
    let path = ast::NameRef::cast(parent)?.syntax().parent().and_then(ast::PathSegment::cast)?.parent_path();
    if path.qualifier().is_some() || path.parent_path().is_some() {
        return None;
    }
    let around = path.syntax().parent()?;
    match around.kind() {
        // `Point { x }` names a field.
        SyntaxKind::PATH_EXPR if around.parent().is_some_and(|node| node.kind() == SyntaxKind::RECORD_EXPR_FIELD) => {
            None
        }
        SyntaxKind::PATH_EXPR => Some(Wanted::Expression),
        SyntaxKind::PATH_TYPE => Some(Wanted::Type),
        _ => None,
    }
}

fn named(db: &RootDatabase, wanted: Wanted, typed: &str, word_start: usize) -> Vec<Item> {
    let sema = Semantics::new(db);
    let file = sema.parse_guess_edition(CELL);
    let (Some(scope), Some(here)) =
        (sema.scope_at_offset(file.syntax(), text_size(word_start)), sema.first_crate(CELL))
    else {
        return Vec::new();
    };
    let lower = typed.to_lowercase();
    let mut found: Vec<(u8, Item)> = Vec::new();
    scope.process_all_names(&mut |name, def| {
        let text = name.as_str();
        let hidden = text.starts_with('_') && !typed.starts_with('_');
        if text != FUNCTION && !hidden && text.to_lowercase().starts_with(&lower) {
            found.extend(describe(db, here, wanted, &name, &def));
        }
    });
    let keywords = match wanted {
        Wanted::Expression => &STATEMENTS[..],
        Wanted::Type => &TYPES[..],
    };
    for keyword in keywords.iter().filter(|keyword| keyword.starts_with(&lower) && !typed.is_empty()) {
        found.push((2, item(keyword, keyword, "keyword", String::new())));
    }
    // Names that fit but for their case come last: `vec` may have been meant for `Vec`.
    found.sort_by_cached_key(|(rank, item)| (!item.label.starts_with(typed), *rank, item.label.clone()));
    let mut seen = HashSet::new();
    found.into_iter().map(|(_, item)| item).filter(|item| seen.insert(item.insert.clone())).collect()
}

/// A name with its rank: the cell's own variables first, then what the session defined, then all else.
fn describe(db: &RootDatabase, here: Crate, wanted: Wanted, name: &Name, def: &ScopeDef) -> Option<(u8, Item)> {
    if let Some(attributes) = def.attrs(db)
        && (attributes.is_unstable() || attributes.is_deprecated() || attributes.is_doc_hidden())
    {
        return None;
    }
    let text = name.display(db, Edition::CURRENT).to_string();
    let target = here.to_display_target(db);
    let rank = match def {
        ScopeDef::Local(_) => 0,
        _ if def.krate(db) == Some(here) => 1,
        _ => 3,
    };
    let is_type = wanted == Wanted::Type;
    let described = match def {
        ScopeDef::Local(local) if !is_type => {
            item(&text, &text, "instance", local.ty(db).display(db, target).to_string())
        }
        ScopeDef::GenericParam(_) | ScopeDef::ImplSelfType(_) | ScopeDef::AdtSelfType(_) => {
            item(&text, &text, "class", String::new())
        }
        ScopeDef::ModuleDef(def) => match def {
            ModuleDef::Module(_) => item(&text, &text, "module", String::new()),
            ModuleDef::Adt(_) | ModuleDef::Trait(_) | ModuleDef::TypeAlias(_) | ModuleDef::BuiltinType(_) => {
                item(&text, &text, "class", String::new())
            }
            ModuleDef::Macro(found) => macro_item(db, *found, &text)?,
            _ if is_type => return None,
            ModuleDef::Function(function) => {
                let declared = function.display(db, target).to_string();
                let declared = declared.split_whitespace().collect::<Vec<_>>().join(" ");
                item(&text, &text, "function", signature(function.name(db).as_str(), &declared))
            }
            ModuleDef::Const(found) => item(&text, &text, "instance", found.ty(db).display(db, target).to_string()),
            ModuleDef::Static(found) => item(&text, &text, "instance", found.ty(db).display(db, target).to_string()),
            ModuleDef::EnumVariant(_) => item(&text, &text, "instance", String::new()),
        },
        _ => return None,
    };
    Some((rank, described))
}

fn macro_item(db: &RootDatabase, found: Macro, name: &str) -> Option<Item> {
    let hidden = found.attrs(db).is_doc_hidden();
    (found.is_fn_like(db) && !hidden).then(|| item(&format!("{name}!"), &format!("{name}!"), "function", String::new()))
}

fn item(label: &str, insert: &str, kind: &str, detail: String) -> Item {
    Item { label: label.to_owned(), insert: insert.to_owned(), kind: kind.to_owned(), detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted_at(code: &str) -> Option<Wanted> {
        let offset = code.find('|').expect("a cursor");
        let code = code.replacen('|', "", 1);
        let word = code[..offset].rfind(|c: char| !c.is_alphanumeric()).map_or(0, |at| at + 1);
        wanted(&code, offset, word)
    }

    #[test]
    fn names_that_stand_alone_are_told_from_others() {
        assert_eq!(wanted_at("pri|"), Some(Wanted::Expression));
        assert_eq!(wanted_at("let x = 1;\n|"), Some(Wanted::Expression));
        assert_eq!(wanted_at("f(a, b|)"), Some(Wanted::Expression));
        assert_eq!(wanted_at("println!(\"{}\", na|)"), Some(Wanted::Expression));
        assert_eq!(wanted_at("let x: Ve|"), Some(Wanted::Type));
        assert_eq!(wanted_at("println!(\"{}\", v.na|)"), None);
        assert_eq!(wanted_at("v.it|"), None);
        assert_eq!(wanted_at("use std::fm|"), None);
        assert_eq!(wanted_at("std::fm|"), None);
        assert_eq!(wanted_at("Point { x| }"), None);
        assert_eq!(wanted_at("\"na|me\""), None);
    }
}
