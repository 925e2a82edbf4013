//! Compile errors in a sentence or two, for a person in a notebook, about their own names.
//!
//! rustc explains itself to someone who knows Rust. What it cannot know is that a name was moved away by cell `[3]`, that
//! a function of a cell does not see the notebook's variables, or that whoever writes `len(v)` comes from Python.

mod arrays;
mod frames;
mod habits;
mod inference;
mod known;
mod methods;
mod mismatches;
mod names;
mod operators;
mod ownership;
mod structure;
mod syntax;
mod tasks;
mod traits;
mod visible;

use super::diagnostics::Diagnostic;

pub use visible::{SHOWN, visible};

/// What the session knows, as far as it helps to explain an error.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The cell as the user wrote it.
    pub code: String,
    /// Variables of earlier cells with their types.
    pub variables: Vec<(String, String)>,
    /// Functions and types of earlier cells.
    pub items: Vec<String>,
    /// Variables that are gone because a cell moved them, with that cell's number.
    pub moved: Vec<(String, u32)>,
    /// Names that a cell would have defined had it not failed, with that cell's number.
    pub failed: Vec<(String, u32)>,
}

impl Facts {
    /// The type of a variable of an earlier cell.
    fn type_of(&self, name: &str) -> Option<&str> {
        self.variables.iter().rev().find(|(known, _)| known == name).map(|(_, ty)| ty.as_str())
    }

    /// Whether a variable is an earlier cell's, and not one that this cell makes anew.
    fn is_earlier(&self, name: &str) -> bool {
        self.type_of(name).is_some() && !visible::lets(&self.code).any(|(known, _)| known == name)
    }
}

/// What a person new to Rust, or to notebooks in Rust, should know about an error; `None` when there is nothing to add to
/// the compiler's words.
pub fn explain(diagnostic: &Diagnostic, facts: &Facts) -> Option<String> {
    if let Some(variable) = kept_reference(&diagnostic.message) {
        return Some(ownership::kept_reference(variable));
    }
    let library = || arrays::explain(diagnostic, facts).or_else(|| frames::explain(diagnostic, facts));
    if let Some(said) = library().or_else(|| tasks::explain(diagnostic)) {
        return Some(said);
    }
    let Some(code) = diagnostic.code.as_deref() else {
        return names::missing_macro(diagnostic, facts).or_else(|| syntax::explain(diagnostic, facts));
    };
    match code {
        "E0425" | "E0412" | "E0405" | "E0423" | "E0424" | "E0432" | "E0433" => names::explain(diagnostic, facts),
        "E0382" | "E0384" | "E0594" | "E0596" | "E0597" | "E0716" | "E0499" | "E0502" | "E0505" | "E0506" | "E0507"
        | "E0373" | "E0521" | "E0515" | "E0381" => ownership::explain(diagnostic, facts),
        "E0277" => traits::unsatisfied(diagnostic, facts),
        "E0369" | "E0600" | "E0614" | "E0368" | "E0689" => operators::explain(diagnostic, facts),
        "E0282" | "E0283" | "E0284" | "E0790" => inference::explain(diagnostic),
        "E0308" | "E0317" => mismatches::explain(diagnostic, facts),
        "E0599" => methods::explain(diagnostic, facts),
        "E0765" | "E0762" | "E0758" | "E0748" => syntax::explain(diagnostic, facts),
        _ => structure::explain(diagnostic),
    }
}

/// evcxr's own words for a variable that cannot be stored.
fn kept_reference(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("he variable `")?;
    let (variable, rest) = rest.split_once('`')?;
    rest.contains("contains a reference with a non-static lifetime").then_some(variable)
}

/// The pieces of a text between backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// What stands between two texts.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after)?.0)
}

/// A type without its references.
fn bare(ty: &str) -> &str {
    ty.trim_start_matches('&').trim_start_matches("mut ").trim_start_matches("'static ").trim()
}

/// A type with its article: rustc says "an `i64`" and "an `f64`" too.
fn a(ty: &str) -> String {
    let ty = bare(ty);
    let vowel =
        ty.starts_with(['a', 'e', 'i', 'o', 'A', 'E', 'I', 'O']) || matches!(ty, "f16" | "f32" | "f64" | "f128");
    format!("{} `{ty}`", if vowel { "an" } else { "a" })
}

/// A text with a capital at its beginning.
fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// `Delayed<i64>` has the argument `i64`.
fn argument_of<'a>(ty: &'a str, of: &str) -> Option<&'a str> {
    bare(ty).strip_prefix(of)?.strip_prefix('<')?.strip_suffix('>')
}

fn is_integer(ty: &str) -> bool {
    let ty = bare(ty);
    matches!(ty, "integer" | "{integer}" | "usize" | "isize")
        || ty.strip_prefix(['i', 'u']).is_some_and(|bits| matches!(bits, "8" | "16" | "32" | "64" | "128"))
}

fn is_float(ty: &str) -> bool {
    matches!(bare(ty), "f32" | "f64" | "{float}" | "floating-point number")
}

fn is_number(ty: &str) -> bool {
    is_integer(ty) || is_float(ty)
}

/// Whether a text is one name.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_') && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// A piece of source that is short enough to be said in a sentence, or else other words for it.
fn said<'a>(source: &'a str, otherwise: &'a str) -> String {
    const MOST: usize = 40;
    let source = source.trim();
    let fits = !source.is_empty() && source.chars().count() <= MOST && !source.contains(['\n', '`']);
    if fits { format!("`{source}`") } else { otherwise.to_owned() }
}

/// Something as it can be written in a sentence's code, or `…` when it is long.
fn piece(source: &str) -> &str {
    const MOST: usize = 30;
    let source = source.trim();
    if source.is_empty() || source.chars().count() > MOST || source.contains(['\n', '`']) { "…" } else { source }
}

#[cfg(test)]
mod tests;
