//! What stands at a place.

use ra_ap_ide::{
    Analysis, Cancellable, FilePosition, FileRange, GotoDefinitionConfig, HoverConfig, HoverDocFormat,
    NavigationTarget, RaFixtureConfig, SubstTyLen, SymbolKind, TextRange,
};
use ra_ap_syntax::ast::{self, AstNode};
use ra_ap_syntax::{SyntaxKind, SyntaxNode, SyntaxToken, TextSize};

use crate::completion::text_size;
use crate::plain::{plain, without_dead_links};
use crate::protocol::Description;
use crate::world::CELL;

/// The longest definition that is shown whole, in lines.
const SOURCE_LINES: usize = 120;

/// What there is to say about the name at an offset of the session's text, or about the function whose arguments the
/// offset is in.
///
/// # Errors
/// When the text has changed meanwhile.
pub fn inspect(analysis: &Analysis, offset: usize) -> Cancellable<Option<Description>> {
    let file = analysis.parse(CELL)?;
    let Some(offset) = name_at(file.syntax(), text_size(offset)) else { return Ok(None) };
    let range = FileRange { file_id: CELL, range: TextRange::empty(offset) };
    let Some(marked) = analysis.hover(&config(), range)? else { return Ok(None) };
    let (signature, markdown) = split(&without_dead_links(marked.info.markup.as_str()));
    let plain = plain(&markdown);
    let source = source(analysis, offset)?;
    Ok(Some(Description { signature, markdown, plain, source }))
}

fn config() -> HoverConfig<'static> {
    HoverConfig {
        links_in_hover: true,
        memory_layout: None,
        documentation: true,
        keywords: true,
        format: HoverDocFormat::Markdown,
        max_trait_assoc_items_count: Some(12),
        max_fields_count: Some(12),
        max_enum_variants_count: Some(12),
        max_subst_ty_len: SubstTyLen::LimitTo(60),
        show_drop_glue: false,
        ra_fixture: RaFixtureConfig::default(),
    }
}

/// Where to look: the name that the offset touches, else the name of the function or macro that is called around it.
fn name_at(file: &SyntaxNode, offset: TextSize) -> Option<TextSize> {
    if offset > file.text_range().end() {
        return None;
    }
    let touched: Vec<SyntaxToken> = file.token_at_offset(offset).collect();
    let is_name = |token: &&SyntaxToken| token.kind() == SyntaxKind::IDENT || token.kind().is_any_identifier();
    if let Some(name) = touched.iter().find(is_name) {
        return Some(name.text_range().start());
    }
    let before = touched.first()?;
    let call = before.parent_ancestors().find_map(called);
    let keyword = touched.iter().find(|token| token.kind().is_keyword(ra_ap_ide::Edition::CURRENT));
    call.or_else(|| keyword.map(|token| token.text_range().start()))
}

/// The name of what is called, if the node is a list of arguments.
fn called(node: SyntaxNode) -> Option<TextSize> {
    if let Some(arguments) = ast::ArgList::cast(node.clone()) {
        let call = arguments.syntax().parent()?;
        if let Some(method) = ast::MethodCallExpr::cast(call.clone()) {
            return Some(method.name_ref()?.syntax().text_range().start());
        }
        return last_name(ast::CallExpr::cast(call)?.expr()?.syntax());
    }
    let tokens = ast::TokenTree::cast(node)?;
    last_name(ast::MacroCall::cast(tokens.syntax().parent()?)?.path()?.syntax())
}

fn last_name(node: &SyntaxNode) -> Option<TextSize> {
    node.descendants().filter_map(ast::NameRef::cast).last().map(|name| name.syntax().text_range().start())
}

/// The declarations in front of the rule, without their fences, and the documentation behind it.
fn split(markup: &str) -> (String, String) {
    let (head, docs) = markup.split_once("\n---\n").unwrap_or((markup, ""));
    let lines = head.lines().filter(|line| !line.starts_with("```"));
    let mut signature = String::new();
    for line in lines {
        if !(line.is_empty() && (signature.is_empty() || signature.ends_with("\n\n"))) {
            signature.push_str(line);
            signature.push('\n');
        }
    }
    (signature.trim_end().replace("\n\n", "\n"), docs.trim().to_owned())
}

/// The definition of what stands at an offset, unless it is a variable, whose declaration says it all.
fn source(analysis: &Analysis, offset: TextSize) -> Cancellable<Option<String>> {
    let config = GotoDefinitionConfig { ra_fixture: RaFixtureConfig::default() };
    let targets = analysis.goto_definition(FilePosition { file_id: CELL, offset }, &config)?;
    let has_body = |target: &&NavigationTarget| {
        !matches!(
            target.kind,
            None | Some(
                SymbolKind::Local
                    | SymbolKind::ValueParam
                    | SymbolKind::SelfParam
                    | SymbolKind::Module
                    | SymbolKind::CrateRoot
            )
        )
    };
    let Some(target) = targets.as_ref().and_then(|found| found.info.iter().find(has_body)) else { return Ok(None) };
    let text = analysis.file_text(target.file_id)?;
    let range = usize::from(target.full_range.start())..usize::from(target.full_range.end());
    Ok(text.get(range.clone()).map(|source| tidy(&text, range.start, source)))
}

/// A definition without the indentation of the place it stands at, and cut where it is very long.
fn tidy(text: &str, start: usize, source: &str) -> String {
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let indent = &text[line_start..start];
    let indent = if indent.trim().is_empty() { indent } else { "" };
    let count = source.lines().count();
    let mut lines: Vec<&str> =
        source.lines().take(SOURCE_LINES).map(|line| line.strip_prefix(indent).unwrap_or(line)).collect();
    let rest = format!("// … and {} more lines", count.saturating_sub(SOURCE_LINES));
    if count > SOURCE_LINES {
        lines.push(&rest);
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ra_ap_syntax::{Edition, SourceFile};

    fn name(code: &str) -> Option<String> {
        let offset = code.find('|').expect("a cursor");
        let code = code.replacen('|', "", 1);
        let file = SourceFile::parse(&code, Edition::CURRENT).tree();
        let at = usize::from(name_at(file.syntax(), text_size(offset))?);
        Some(code[at..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
    }

    #[test]
    fn the_name_that_is_touched_or_the_function_that_is_called() {
        assert_eq!(name("fn f() { v.pu|sh(1) }").as_deref(), Some("push"));
        assert_eq!(name("fn f() { v.push|(1) }").as_deref(), Some("push"));
        assert_eq!(name("fn f() { v.push(|1) }").as_deref(), Some("push"));
        assert_eq!(name("fn f() { a::open(\"x|\", 1) }").as_deref(), Some("open"));
        assert_eq!(name("fn f() { println!(\"{}|\", 1) }").as_deref(), Some("println"));
        assert_eq!(name("fn f() { v.push(x|) }").as_deref(), Some("x"));
        assert_eq!(name("fn f() { 1 +| 2 }"), None);
    }

    #[test]
    fn declarations_and_documentation_are_told_apart() {
        let markup = "\n```rust\nalloc::vec::Vec\n```\n\n```rust\npub fn push(&mut self, value: T)\n```\n\n---\n\nAppends.\n\n---\nmore";
        let (signature, docs) = split(markup);
        assert_eq!(signature, "alloc::vec::Vec\npub fn push(&mut self, value: T)");
        assert_eq!(docs, "Appends.\n\n---\nmore");
    }
}
