//! `name?`: what a name stands for.

use ra_ap_syntax::ast::{self, AstNode, HasModuleItem, HasName};
use ra_ap_syntax::{Edition, SourceFile};
use serde_json::json;

use super::context::Context;
use super::variables::short;
use super::{Magics, all, find, help};
use crate::session::Failure;

impl Magics {
    /// Shows what is known of a name; `more` asks for the code as well.
    ///
    /// # Errors
    /// When nothing is known of it.
    pub(super) fn inspect(&mut self, context: &mut Context, name: &str, more: bool) -> Result<(), Failure> {
        if name.is_empty() {
            self.page(help::ABOUT.to_owned());
            return Ok(());
        }
        if let Some(text) = self.describe(context, name, more) {
            self.page(text);
            return Ok(());
        }
        if name.starts_with('%') {
            return Err(Failure::message(&help::unknown(name)));
        }
        match self.library.as_ref().and_then(|library| library(name, more)) {
            Some(known) => {
                self.payload.push(json!({"source": "page", "data": known, "start": 0}));
                Ok(())
            }
            None => Err(Failure::message(&format!(
                "nothing is known of `{name}`: it is no variable, function or type of this session, no magic, and of no library"
            ))),
        }
    }

    fn describe(&self, context: &Context, name: &str, more: bool) -> Option<String> {
        if find(name).is_some() {
            return super::help(name);
        }
        let variable = context.session.variables().into_iter().find(|(variable, _)| variable == name);
        if let Some((_, ty)) = variable {
            let mut text = format!("let {name}: {}", short(&ty));
            if short(&ty) != ty {
                text.push_str(&format!("\n\nThe type in full: {ty}"));
            }
            if more && let Some(code) = self.code_of(&base_name(&ty)) {
                text.push_str(&format!("\n\n{code}"));
            }
            return Some(text);
        }
        if context.session.items().iter().any(|item| item == name) {
            let code = self.code_of(name)?;
            return Some(if more { code } else { head(&code) });
        }
        // As in IPython, a magic answers without its `%` where nothing else has the name.
        let bare = |magic: &&super::Magic| magic.name.trim_start_matches('%') == name.trim_start_matches('%');
        all().find(bare).and_then(|magic| super::help(magic.name))
    }

    /// The newest definition of a function or type, as it stands in its cell.
    fn code_of(&self, name: &str) -> Option<String> {
        self.cells_of_session().iter().find_map(|cell| definition(cell, name))
    }
}

/// The last definition of an item in a cell, with its comments.
fn definition(cell: &str, name: &str) -> Option<String> {
    let file = SourceFile::parse(cell, Edition::Edition2024).tree();
    let is_named = |item: &ast::Item| {
        let found = match item {
            ast::Item::Fn(item) => item.name(),
            ast::Item::Struct(item) => item.name(),
            ast::Item::Enum(item) => item.name(),
            ast::Item::Union(item) => item.name(),
            ast::Item::Trait(item) => item.name(),
            ast::Item::TypeAlias(item) => item.name(),
            ast::Item::Const(item) => item.name(),
            ast::Item::Static(item) => item.name(),
            ast::Item::Module(item) => item.name(),
            ast::Item::MacroRules(item) => item.name(),
            _ => None,
        };
        found.is_some_and(|found| found.text() == name)
    };
    file.items().filter(is_named).last().map(|item| item.syntax().text().to_string().trim().to_owned())
}

/// What stands in front of a function's body; of anything else the whole.
fn head(code: &str) -> String {
    let file = SourceFile::parse(code, Edition::Edition2024).tree();
    let body = file.items().find_map(|item| match item {
        ast::Item::Fn(function) => function.body(),
        _ => None,
    });
    match body {
        Some(body) => code[..usize::from(body.syntax().text_range().start())].trim_end().to_owned(),
        None => code.to_owned(),
    }
}

/// The name of the type itself: of `Vec<Point>` it is `Vec`.
fn base_name(ty: &str) -> String {
    let ty = short(ty);
    ty.trim_start_matches('&').split('<').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_found_with_their_comments() {
        let cell =
            "let x = 1;\n/// Adds one.\n#[inline]\nfn inc(x: i64) -> i64 {\n    x + 1\n}\nstruct P { x: f64 }\nx";
        let code = definition(cell, "inc").expect("it is there");
        assert!(code.starts_with("/// Adds one.\n#[inline]\nfn inc") && code.ends_with('}'), "{code}");
        assert_eq!(head(&code), "/// Adds one.\n#[inline]\nfn inc(x: i64) -> i64");
        assert_eq!(definition(cell, "P").as_deref(), Some("struct P { x: f64 }"));
        assert_eq!(definition(cell, "Q"), None);
    }
}
