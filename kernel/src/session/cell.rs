//! What a cell is made of.
//!
//! A cell is parsed as the body of a function. Its *items* (functions, types, `impl`s …) and its `use`s belong to the
//! session and are kept by [`super::items`]; its statements run once.

use std::ops::Range;

use ra_ap_syntax::ast::{self, AstNode, HasAttrs, HasName};
use ra_ap_syntax::{Edition, NodeOrToken, SourceFile, SyntaxKind, SyntaxNode, TextRange, TextSize};

use super::pace::{Pace, pace};

/// Statements are parsed inside a function.
const PRELUDE: &str = "fn f(){";

/// A variable that a `let` introduces without saying its whole type.
#[derive(Debug, Clone, PartialEq)]
pub struct Binding {
    /// Its name.
    pub name: String,
    /// Whether it is `mut`.
    pub mutable: bool,
    /// Byte offset in the cell behind the `let` statement.
    pub end: usize,
}

/// An item of a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Unit {
    /// What it is.
    pub kind: UnitKind,
    /// The names by which it is known: none for an `impl`, several for an `extern` block.
    pub names: Vec<String>,
    /// For an `impl`: all before its body, in one way of writing.
    pub header: String,
    /// Byte range in the cell, attributes and documentation included.
    pub range: Range<usize>,
    /// Makes it, and what is in it, public: texts to put in at byte offsets of the cell.
    pub publish: Vec<(usize, String)>,
    /// What stands in the way of that, such as the `(crate)` of `pub(crate)`.
    pub restrictions: Vec<Range<usize>>,
    /// For an `impl` of a type's own: its functions and constants.
    pub members: Vec<(String, Range<usize>)>,
    /// For a trait: the names of what it has, which are known wherever the trait is.
    pub methods: Vec<String>,
    /// The words in it: what it may refer to.
    pub words: Vec<String>,
    /// Whether it is the same in whatever crate it stands: a function, a constant, a second name for a type.
    pub free: bool,
}

/// Kinds of items, as far as it matters how they replace one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitKind {
    /// A function, constant, static or module.
    Value,
    /// A type or a trait: variables have it in their type.
    Type,
    /// A `macro_rules!`.
    Macro,
    /// An `impl` of a trait.
    TraitImpl,
    /// An `impl` of a type's own.
    OwnImpl,
    /// An `extern` block, a `const _`.
    Other,
}

/// One name that a `use` brings in.
#[derive(Debug, Clone, PartialEq)]
pub struct Import {
    /// The name; none for `*` and `as _`.
    pub name: Option<String>,
    /// A `use` statement that brings in this name and nothing else.
    pub text: String,
}

/// What a cell is made of.
#[derive(Debug, Default)]
pub struct Outline {
    /// Variables whose type has to be found.
    pub untyped: Vec<Binding>,
    /// Variables that are declared with neither a value nor a whole type; they get their value later.
    pub deferred: Vec<String>,
    /// All variables that are in scope at the end of the cell because of it, and whether each is `mut`.
    pub bound: Vec<(String, bool)>,
    /// Byte range of the last expression, when it has no semicolon.
    pub tail: Option<Range<usize>>,
    /// The items.
    pub units: Vec<Unit>,
    /// The names that `use`s bring in.
    pub imports: Vec<Import>,
    /// Byte ranges of the `use`s.
    pub uses: Vec<Range<usize>>,
    /// Byte ranges of attributes for everything, `#![…]`.
    pub attributes: Vec<Range<usize>>,
    /// Whether there is a statement beside all that.
    pub has_statements: bool,
    /// Whether a statement waits by `.await`, outside of the asynchronous blocks and functions that may do so anyway.
    pub awaits: bool,
    /// How the statements are to be compiled.
    pub pace: Pace,
    /// The first thing the parser could not read: where, and its message.
    pub error: Option<(usize, String)>,
}

/// Reads a cell that holds only Rust.
pub fn outline(code: &str) -> Outline {
    let parsed = SourceFile::parse(&format!("{PRELUDE}{code}\n}}"), Edition::Edition2024);
    let reader = Reader { length: code.len() };
    let mut outline = Outline {
        error: parsed.errors().first().map(|error| (reader.offset(error.range().start()), error.to_string())),
        ..Outline::default()
    };
    let body = parsed.syntax_node().children().find_map(ast::Fn::cast).and_then(|function| function.body());
    let Some(list) = body.and_then(|body| body.stmt_list()) else { return outline };
    outline.awaits = list.syntax().descendants().filter(|node| node.kind() == SyntaxKind::AWAIT_EXPR).any(|node| {
        let around = node.ancestors().take_while(|around| around != list.syntax());
        !around.into_iter().any(|around| may_await(&around))
    });
    outline.attributes = list
        .syntax()
        .children()
        .filter_map(ast::Attr::cast)
        .filter(|attribute| attribute.excl_token().is_some())
        .map(|attribute| reader.range(attribute.syntax().text_range()))
        .collect();
    for statement in list.statements() {
        if !matches!(&statement, ast::Stmt::Item(item) if !matches!(item, ast::Item::MacroCall(_))) {
            outline.pace = outline.pace.max(pace(statement.syntax()));
        }
        match statement {
            ast::Stmt::LetStmt(statement) => reader.read_let(&statement, &mut outline),
            ast::Stmt::Item(item) => reader.read_item(&item, &mut outline),
            ast::Stmt::ExprStmt(_) => outline.has_statements = true,
        }
    }
    if let Some(tail) = list.tail_expr() {
        outline.tail = Some(reader.range(tail.syntax().text_range()));
        outline.pace = outline.pace.max(pace(tail.syntax()));
        outline.has_statements = true;
    }
    outline
}

/// Whether something can hold `.await` by itself.
fn may_await(node: &SyntaxNode) -> bool {
    match node.kind() {
        SyntaxKind::FN => true,
        SyntaxKind::BLOCK_EXPR | SyntaxKind::CLOSURE_EXPR => node
            .children_with_tokens()
            .filter_map(NodeOrToken::into_token)
            .any(|token| token.kind() == SyntaxKind::ASYNC_KW),
        _ => false,
    }
}

/// The names in a pattern or anywhere else that can be bound.
fn bindings(pattern: &SyntaxNode) -> impl Iterator<Item = (String, bool)> {
    pattern
        .descendants()
        .filter_map(ast::IdentPat::cast)
        // `None` in `let Some(x) = y else …` parses like a name; variables begin with a small letter.
        .filter_map(|pat| Some((pat.name()?.text().to_string(), pat.mut_token().is_some())))
        .filter(|(name, _)| name.chars().next().is_some_and(|first| !first.is_uppercase()))
}

/// Whether a type has no `_` in it.
fn is_whole(ty: &SyntaxNode) -> bool {
    !ty.descendants().any(|node| node.kind() == SyntaxKind::INFER_TYPE)
}

/// The identifiers in a piece of code, and in its strings: a `{name}` may be one.
fn words(node: &SyntaxNode) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for token in node.descendants_with_tokens().filter_map(NodeOrToken::into_token) {
        match token.kind() {
            SyntaxKind::IDENT => words.push(token.text().to_owned()),
            SyntaxKind::STRING if token.text().contains('{') => {
                words.extend(super::items::words_in(token.text()).into_iter().map(str::to_owned));
            }
            _ => {}
        }
    }
    words.sort();
    words.dedup();
    words
}

struct Reader {
    length: usize,
}

impl Reader {
    fn offset(&self, at: TextSize) -> usize {
        usize::from(at).saturating_sub(PRELUDE.len()).min(self.length)
    }

    fn range(&self, range: TextRange) -> Range<usize> {
        self.offset(range.start())..self.offset(range.end())
    }

    fn read_let(&self, statement: &ast::LetStmt, outline: &mut Outline) {
        outline.has_statements = true;
        let Some(pattern) = statement.pat() else { return };
        for (name, mutable) in bindings(pattern.syntax()) {
            outline.bound.retain(|(other, _)| *other != name);
            outline.bound.push((name, mutable));
        }
        let is_typed = statement.ty().is_some_and(|ty| is_whole(ty.syntax()));
        if statement.initializer().is_none() {
            if !is_typed {
                outline.deferred.extend(bindings(pattern.syntax()).map(|(name, _)| name));
            }
            return;
        }
        let is_name = matches!(pattern, ast::Pat::IdentPat(_));
        if is_name && is_typed {
            // The type counts for the name from here on; an earlier untyped `let` of it is shadowed.
            if let Some(name) = bindings(pattern.syntax()).next().map(|(name, _)| name) {
                outline.untyped.retain(|binding| binding.name != name);
            }
            return;
        }
        let end = self.offset(statement.syntax().text_range().end());
        for (name, mutable) in bindings(pattern.syntax()) {
            outline.untyped.retain(|binding| binding.name != name);
            outline.untyped.push(Binding { name, mutable, end });
        }
    }

    fn read_item(&self, item: &ast::Item, outline: &mut Outline) {
        match item {
            ast::Item::Use(item) => {
                outline.uses.push(self.range(item.syntax().text_range()));
                let visibility = "";
                if let Some(tree) = item.use_tree() {
                    flatten(&tree, "", &mut |name, path| {
                        outline.imports.push(Import { name, text: format!("{visibility}use {path};") });
                    });
                }
            }
            ast::Item::ExternCrate(item) => {
                outline.uses.push(self.range(item.syntax().text_range()));
                let name = item.rename().and_then(|rename| rename.name()).map(|name| name.text().to_string());
                let name = name.or_else(|| item.name_ref().map(|name| name.text().to_string()));
                outline.imports.push(Import { name, text: item.syntax().text().to_string() });
            }
            // A macro that is called where an item could stand is a statement like others.
            ast::Item::MacroCall(_) => outline.has_statements = true,
            item => outline.units.push(self.unit(item)),
        }
    }

    fn unit(&self, item: &ast::Item) -> Unit {
        let node = item.syntax();
        let mut unit = Unit {
            kind: UnitKind::Value,
            names: Vec::new(),
            header: String::new(),
            range: self.range(node.text_range()),
            publish: Vec::new(),
            restrictions: Vec::new(),
            members: Vec::new(),
            methods: Vec::new(),
            words: words(node),
            free: matches!(item, ast::Item::Fn(_) | ast::Item::Const(_) | ast::Item::TypeAlias(_)),
        };
        let mut names = Vec::new();
        let mut named = |name: Option<ast::Name>| names.extend(name.map(|name| name.text().to_string()));
        match item {
            ast::Item::Fn(item) => named(item.name()),
            ast::Item::Const(item) => named(item.name()),
            ast::Item::Static(item) => named(item.name()),
            ast::Item::Module(item) => named(item.name()),
            ast::Item::Struct(item) => named(item.name()),
            ast::Item::Enum(item) => named(item.name()),
            ast::Item::Union(item) => named(item.name()),
            ast::Item::Trait(item) => named(item.name()),
            ast::Item::TypeAlias(item) => named(item.name()),
            ast::Item::MacroRules(item) => named(item.name()),
            ast::Item::MacroDef(item) => named(item.name()),
            ast::Item::ExternBlock(block) => {
                for item in block.extern_item_list().into_iter().flat_map(|list| list.extern_items()) {
                    match &item {
                        ast::ExternItem::Fn(item) => named(item.name()),
                        ast::ExternItem::Static(item) => named(item.name()),
                        _ => {}
                    }
                    self.publish(item.syntax(), item_visibility(item.syntax()), &mut unit);
                }
                unit.kind = UnitKind::Other;
            }
            _ => {}
        }
        match item {
            ast::Item::Struct(_) | ast::Item::Union(_) => {
                unit.kind = UnitKind::Type;
                for field in node
                    .descendants()
                    .filter(|node| matches!(node.kind(), SyntaxKind::RECORD_FIELD | SyntaxKind::TUPLE_FIELD))
                {
                    self.publish(&field, item_visibility(&field), &mut unit);
                }
            }
            ast::Item::Enum(_) | ast::Item::TypeAlias(_) => unit.kind = UnitKind::Type,
            ast::Item::Trait(item) => {
                unit.kind = UnitKind::Type;
                let inside = item.assoc_item_list().into_iter().flat_map(|list| list.assoc_items());
                unit.methods = inside.filter_map(|inside| Some(member_name(&inside)?.text().to_string())).collect();
            }
            ast::Item::MacroRules(item) => {
                unit.kind = UnitKind::Macro;
                if !item.attrs().any(|attribute| attribute.syntax().text().to_string().contains("macro_export"))
                    && let Some(start) = first_word(node)
                {
                    unit.publish.push((self.offset(start), "#[macro_export] ".to_owned()));
                }
            }
            ast::Item::Impl(item) => {
                unit.kind = if item.trait_().is_some() { UnitKind::TraitImpl } else { UnitKind::OwnImpl };
                unit.header = header(item);
                for member in item.assoc_item_list().into_iter().flat_map(|list| list.assoc_items()) {
                    let name = member_name(&member);
                    if item.trait_().is_none() {
                        let range = self.range(member.syntax().text_range());
                        unit.members.extend(name.map(|name| (name.text().to_string(), range)));
                        self.publish(member.syntax(), item_visibility(member.syntax()), &mut unit);
                    }
                }
            }
            ast::Item::AsmExpr(_) => unit.kind = UnitKind::Other,
            _ => {}
        }
        // `const _` may stand more than once.
        unit.names = names;
        unit.names.retain(|name| name != "_");
        if unit.names.is_empty() && unit.kind == UnitKind::Value {
            unit.kind = UnitKind::Other;
        }
        let is_public_by_itself = matches!(
            item,
            ast::Item::Impl(_) | ast::Item::MacroRules(_) | ast::Item::ExternBlock(_) | ast::Item::AsmExpr(_)
        );
        if !is_public_by_itself {
            self.publish(node, item_visibility(node), &mut unit);
        }
        unit.publish.sort_by_key(|(at, _)| *at);
        unit
    }

    /// Makes an item or a field public for the crates that later cells are.
    fn publish(&self, node: &SyntaxNode, visibility: Option<ast::Visibility>, unit: &mut Unit) {
        match visibility {
            None => {
                if let Some(start) = first_word(node) {
                    unit.publish.push((self.offset(start), "pub ".to_owned()));
                }
            }
            Some(visibility) => {
                // `pub(crate)`: the crate is not the user's to know of.
                let children = visibility.syntax().children_with_tokens();
                let inner = children.skip_while(|part| part.kind() != SyntaxKind::PUB_KW).skip(1);
                let ranges: Vec<TextRange> = inner.map(|part| part.text_range()).collect();
                if let (Some(first), Some(last)) = (ranges.first(), ranges.last()) {
                    unit.restrictions.push(self.offset(first.start())..self.offset(last.end()));
                }
            }
        }
    }
}

fn member_name(member: &ast::AssocItem) -> Option<ast::Name> {
    match member {
        ast::AssocItem::Fn(item) => item.name(),
        ast::AssocItem::Const(item) => item.name(),
        ast::AssocItem::TypeAlias(item) => item.name(),
        ast::AssocItem::MacroCall(_) => None,
    }
}

fn item_visibility(node: &SyntaxNode) -> Option<ast::Visibility> {
    node.children().find_map(ast::Visibility::cast)
}

/// Where an item begins behind its attributes and comments.
fn first_word(node: &SyntaxNode) -> Option<TextSize> {
    node.children_with_tokens()
        .find(|part| !matches!(part.kind(), SyntaxKind::ATTR | SyntaxKind::COMMENT | SyntaxKind::WHITESPACE))
        .map(|part| part.text_range().start())
}

/// All of an `impl` before its body, with single spaces.
fn header(item: &ast::Impl) -> String {
    let end = item.assoc_item_list().map(|list| list.syntax().text_range().start());
    let tokens = item.syntax().descendants_with_tokens().filter_map(NodeOrToken::into_token);
    let attributes: Vec<TextRange> = item.attrs().map(|attribute| attribute.syntax().text_range()).collect();
    tokens
        .filter(|token| !matches!(token.kind(), SyntaxKind::WHITESPACE | SyntaxKind::COMMENT))
        .filter(|token| !attributes.iter().any(|range| range.contains_range(token.text_range())))
        .take_while(|token| end.is_none_or(|end| token.text_range().start() < end))
        .map(|token| token.text().to_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Calls `each` with every name that a tree of a `use` brings in, and the path it stands for.
fn flatten(tree: &ast::UseTree, prefix: &str, each: &mut impl FnMut(Option<String>, String)) {
    let own = tree.path().map(|path| path.syntax().text().to_string()).unwrap_or_default();
    let path = match (prefix.is_empty(), own.is_empty()) {
        (true, _) if tree.coloncolon_token().is_some() && own.is_empty() => "::".to_owned(),
        (true, _) => own.clone(),
        (false, true) => prefix.to_owned(),
        (false, false) => format!("{}::{own}", prefix.trim_end_matches("::")),
    };
    if let Some(list) = tree.use_tree_list() {
        for tree in list.use_trees() {
            flatten(&tree, &path, each);
        }
        return;
    }
    if tree.star_token().is_some() {
        let path = path.trim_end_matches("::");
        return each(None, if path.is_empty() { "*".to_owned() } else { format!("{path}::*") });
    }
    let (parent, last) = path.rsplit_once("::").unwrap_or(("", &path));
    let (path, last) = match last {
        // `use a::{self}` is `use a`.
        "self" if !prefix.is_empty() => (parent.to_owned(), parent.rsplit("::").next().unwrap_or(parent)),
        last => (path.clone(), last),
    };
    match tree.rename() {
        Some(rename) => {
            let name = rename.name().map(|name| name.text().to_string());
            let text = format!("{path} as {}", name.as_deref().unwrap_or("_"));
            each(name, text);
        }
        None => each(Some(last.to_owned()), path.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lets_without_a_whole_type_are_found() {
        let names = |code: &str| {
            outline(code).untyped.into_iter().map(|binding| (binding.name, binding.mutable)).collect::<Vec<_>>()
        };
        assert_eq!(names("let x = 1; let mut y = vec![x];"), [("x".to_owned(), false), ("y".to_owned(), true)]);
        assert_eq!(names("let x: i64 = 1; let y: Vec<_> = vec![x];"), [("y".to_owned(), false)]);
        assert_eq!(names("let (a, mut b) = f();"), [("a".to_owned(), false), ("b".to_owned(), true)]);
        assert_eq!(names("let Some(v) = o else { panic!() };"), [("v".to_owned(), false)]);
        assert_eq!(names("let x = 1; let x = \"a\";"), [("x".to_owned(), false)]);
        assert_eq!(names("let x = 1; let x: u8 = 2;"), []);
        assert_eq!(names("fn f() { let inner = 1; } { let scoped = 2; }"), []);
        assert_eq!(names("let later; later = 1;"), []);
        assert_eq!(outline("let later; later = 1; let t: u8; t = 2;").deferred, ["later"]);
    }

    #[test]
    fn the_last_expression_is_found() {
        let tail = |code: &str| outline(code).tail.map(|range| code[range].to_owned());
        assert_eq!(tail("let x = 1;\nx + 1").as_deref(), Some("x + 1"));
        assert_eq!(tail("x + 1;"), None);
        assert_eq!(tail("x // said\n").as_deref(), Some("x"));
        assert_eq!(tail("match x {\n  _ => 1,\n}").as_deref(), Some("match x {\n  _ => 1,\n}"));
        assert_eq!(tail("fn f() {}"), None);
    }

    #[test]
    fn items_are_told_from_statements() {
        let outline = outline(
            "use a::{b, c as d, e::*};\n/// Doc.\nfn f() {}\nstruct S { x: i32, pub(crate) y: u8 }\nlet v = 1;",
        );
        let names: Vec<_> = outline.units.iter().flat_map(|unit| unit.names.clone()).collect();
        assert_eq!(names, ["f", "S"]);
        let imports: Vec<_> =
            outline.imports.iter().map(|import| (import.name.as_deref(), import.text.as_str())).collect();
        assert_eq!(imports, [(Some("b"), "use a::b;"), (Some("d"), "use a::c as d;"), (None, "use a::e::*;")]);
        assert!(outline.has_statements);
        assert!(!super::outline("fn f() {}").has_statements);
    }

    #[test]
    fn a_cell_that_waits_is_known() {
        let awaits = |code: &str| outline(code).awaits;
        assert!(awaits("let x = f().await;") && awaits("for i in 0..3 { g(i).await?; }") && awaits("f().await"));
        assert!(!awaits("async fn f() { g().await }") && !awaits("let task = async { g().await };"));
        assert!(!awaits("let c = async move |x| g(x).await;") && !awaits("let s = \".await\";"));
    }

    #[test]
    fn everything_in_an_item_becomes_public() {
        let published = |code: &str| {
            let outline = outline(code);
            let edits = outline.units.into_iter().flat_map(|unit| unit.publish).collect();
            crate::session::rewrite::Edited::new(code, edits).text
        };
        assert_eq!(
            published("/// Doc\n#[derive(Debug)]\nstruct S { a: i32, pub b: u8 }"),
            "/// Doc\n#[derive(Debug)]\npub struct S { pub a: i32, pub b: u8 }"
        );
        assert_eq!(published("struct T(i32, u8);"), "pub struct T(pub i32, pub u8);");
        assert_eq!(
            published("impl S { fn f(&self) {} const C: i32 = 1; }"),
            "impl S { pub fn f(&self) {} pub const C: i32 = 1; }"
        );
        assert_eq!(published("impl Display for S { fn fmt(&self) {} }"), "impl Display for S { fn fmt(&self) {} }");
        assert_eq!(
            published("unsafe extern \"C\" { fn abs(x: i32) -> i32; }"),
            "unsafe extern \"C\" { pub fn abs(x: i32) -> i32; }"
        );
        assert_eq!(published("macro_rules! m { () => { 1 } }"), "#[macro_export] macro_rules! m { () => { 1 } }");
        assert_eq!(
            published("async fn f() {}\nmod m { fn hidden() {} }"),
            "pub async fn f() {}\npub mod m { fn hidden() {} }"
        );
    }

    #[test]
    fn an_impl_is_known_by_its_header() {
        let unit = |code: &str| outline(code).units.remove(0);
        let own = unit("impl<T:  Clone> Stack<T> // c\n{ fn push(&mut self) {} }");
        assert_eq!((own.kind, own.members.len()), (UnitKind::OwnImpl, 1));
        assert_eq!(own.header, unit("#[allow(x)] impl<T: Clone> Stack<T> { }").header);
        assert_eq!(unit("impl Drop for S { fn drop(&mut self) {} }").kind, UnitKind::TraitImpl);
    }
}
