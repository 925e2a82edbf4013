//! What could stand at a place.

use std::collections::HashSet;

use ra_ap_hir::PrefixKind;
use ra_ap_ide::{
    Analysis, Cancellable, CompletionConfig, CompletionFieldsToResolve, CompletionItem, CompletionItemKind,
    FilePosition, RaFixtureConfig, SymbolKind, TextSize,
};
use ra_ap_ide_db::imports::insert_use::{ImportGranularity, InsertUseConfig};

use crate::protocol::{Completions, Item};
use crate::scene::FUNCTION;
use crate::world::CELL;

/// Paths into a crate that the user does not know of, as there are only cells, and what no cell can use.
const NEVER: [&str; 5] = ["self::", "super::", "crate::", "await", "letm"];

/// The candidates at `offset` of the session's text, in which the code begins at `start`.
///
/// # Errors
/// When the text has changed meanwhile.
pub fn complete(analysis: &Analysis, text: &str, start: usize, offset: usize) -> Cancellable<Completions> {
    let position = FilePosition { file_id: CELL, offset: text_size(offset) };
    let mut found = analysis.completions(&config(), position, None)?.unwrap_or_default();
    let Some(range) = found.first().map(|item| item.source_range) else {
        return Ok(Completions { replaces: offset - start..offset - start, items: Vec::new() });
    };
    found.retain(|item| item.source_range == range && is_offered(item));
    let (from, to) = (usize::from(range.start()), usize::from(range.end()));
    let typed = text.get(from..offset).unwrap_or_default();
    let fits = |item: &CompletionItem, lower: bool| {
        let name = item.lookup();
        if lower { name.to_lowercase().starts_with(&typed.to_lowercase()) } else { name.starts_with(typed) }
    };
    // Names that fit but for their case come last: `vec` may have been meant for `Vec`.
    let hidden = |item: &CompletionItem| item.lookup().starts_with('_') && !typed.starts_with('_');
    found.retain(|item| fits(item, true) && !hidden(item));
    found.sort_by(|a, b| {
        let key = |item: &CompletionItem| (!fits(item, false), std::cmp::Reverse(item.relevance.score()));
        key(a).cmp(&key(b))
    });
    let mut seen = HashSet::new();
    let items = found.iter().filter_map(item).filter(|item| seen.insert(item.insert.clone())).collect();
    Ok(Completions { replaces: from.saturating_sub(start)..to.saturating_sub(start), items })
}

fn config() -> CompletionConfig<'static> {
    CompletionConfig {
        enable_postfix_completions: false,
        // An import would have to go to another place in the code, which Jupyter has no message for.
        enable_imports_on_the_fly: false,
        enable_self_on_the_fly: false,
        enable_auto_iter: false,
        enable_auto_await: false,
        enable_private_editable: false,
        enable_term_search: false,
        term_search_fuel: 0,
        full_function_signatures: true,
        callable: None,
        add_colons_to_module: false,
        add_semicolon_to_unit: false,
        snippet_cap: None,
        insert_use: InsertUseConfig {
            granularity: ImportGranularity::Item,
            enforce_granularity: false,
            prefix_kind: PrefixKind::ByCrate,
            group: false,
            skip_glob_imports: false,
        },
        prefer_no_std: false,
        prefer_prelude: true,
        prefer_absolute: false,
        snippets: Vec::new(),
        limit: None,
        fields_to_resolve: CompletionFieldsToResolve::empty(),
        exclude_flyimport: Vec::new(),
        exclude_traits: &[],
        ra_fixture: RaFixtureConfig::default(),
    }
}

/// Whether a person could want it.
fn is_offered(item: &CompletionItem) -> bool {
    !(item.deprecated || NEVER.contains(&item.lookup()) || item.lookup() == FUNCTION)
}

fn item(found: &CompletionItem) -> Option<Item> {
    let mut edits = found.text_edit.iter();
    let edit = edits.next().filter(|edit| edit.delete == found.source_range)?;
    if edits.next().is_some() {
        return None;
    }
    Some(Item {
        label: found.label.primary.to_string(),
        insert: edit.insert.clone(),
        kind: kind(found.kind).to_owned(),
        detail: found.detail.as_deref().map(|detail| signature(found.lookup(), detail)).unwrap_or_default(),
    })
}

/// What follows the name in the declaration of a function; a type as it is.
pub fn signature(name: &str, detail: &str) -> String {
    let detail = detail.trim_end().trim_end_matches(',');
    let behind = detail.split_once("fn ").and_then(|(_, declaration)| declaration.strip_prefix(name));
    match behind {
        Some(parameters) if parameters.starts_with(['(', '<']) => parameters.to_owned(),
        _ if detail == name => String::new(),
        _ => detail.to_owned(),
    }
}

/// The words of Jupyter's front ends for rust-analyzer's kinds.
fn kind(kind: CompletionItemKind) -> &'static str {
    use CompletionItemKind as K;
    match kind {
        K::SymbolKind(symbol) => match symbol {
            SymbolKind::Function
            | SymbolKind::Method
            | SymbolKind::Macro
            | SymbolKind::ProcMacro
            | SymbolKind::Derive
            | SymbolKind::DeriveHelper
            | SymbolKind::Attribute
            | SymbolKind::BuiltinAttr => "function",
            SymbolKind::Struct
            | SymbolKind::Enum
            | SymbolKind::Union
            | SymbolKind::Trait
            | SymbolKind::TypeAlias
            | SymbolKind::TypeParam
            | SymbolKind::SelfType => "class",
            SymbolKind::Module | SymbolKind::CrateRoot | SymbolKind::ToolModule => "module",
            SymbolKind::Field => "property",
            SymbolKind::ValueParam | SymbolKind::SelfParam => "param",
            _ => "instance",
        },
        K::BuiltinType => "class",
        K::Keyword => "keyword",
        _ => "instance",
    }
}

/// An offset as rust-analyzer counts, which stops at 4 GiB.
pub fn text_size(offset: usize) -> TextSize {
    TextSize::new(u32::try_from(offset).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_leave_out_what_is_in_front_of_them() {
        assert_eq!(signature("push", "pub fn push(&mut self, value: T)"), "(&mut self, value: T)");
        assert_eq!(
            signature("map", "fn map<B>(self, f: F) -> Map<Self, F> where Self: Sized,"),
            "<B>(self, f: F) -> Map<Self, F> where Self: Sized"
        );
        assert_eq!(signature("len", "usize"), "usize");
        assert_eq!(signature("None", "None"), "");
    }
}
