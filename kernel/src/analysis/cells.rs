//! What kind of text the cursor is in: Rust, a magic, a shell's line, a file's name.

use std::ops::Range;

use ra_ap_syntax::ast::{self, AstToken};
use ra_ap_syntax::{Edition, SourceFile, SyntaxKind, TextSize};

/// Code is parsed inside a function.
const PRELUDE: &str = "fn f(){";
/// Magics whose arguments are Rust.
const RUST_MAGICS: [&str; 10] =
    ["time", "timeit", "visualize", "progress", "profile", "prun", "type", "memit", "opt", "debug"];
/// Magics whose arguments are names of files or folders.
const FILE_MAGICS: [&str; 8] = ["cd", "load", "run", "writefile", "ls", "cat", "save", "file"];
/// Magics whose argument is an exercise.
const EXERCISE_MAGICS: [&str; 3] = ["check", "hint", "solution"];

/// Where the cursor is.
#[derive(Debug, PartialEq)]
pub enum Place {
    /// In the name of a magic: its bytes so far, with the `%`.
    Magic(Range<usize>),
    /// In the name of an exercise.
    Exercise(Range<usize>),
    /// In the name of a file, as it has been written so far.
    File {
        written: Range<usize>,
        /// Only folders fit.
        folders: bool,
        /// Blanks need a backslash.
        shell: bool,
    },
    /// In Rust: the cell with everything else blanked out, byte for byte.
    Rust(String),
    /// In a place where there is nothing to say.
    Nothing,
}

/// Where the cursor is in a cell. `offset` must lie between two characters.
pub fn place(code: &str, offset: usize) -> Place {
    let line_start = code[..offset].rfind('\n').map_or(0, |at| at + 1);
    let line_end = code[offset..].find('\n').map_or(code.len(), |at| offset + at);
    let line = &code[line_start..line_end];
    let (rust, cell_is_rust) = masked(code);
    if let Some(name) = magic_name(line) {
        let name_end = line_start + line.find(char::is_whitespace).unwrap_or(line.len());
        if offset <= name_end {
            return Place::Magic(line_start..offset);
        }
        let word = word_start(code, name_end, offset)..offset;
        if EXERCISE_MAGICS.contains(&name) {
            return Place::Exercise(word);
        } else if FILE_MAGICS.contains(&name) {
            return Place::File { written: word, folders: name == "cd", shell: false };
        } else if !RUST_MAGICS.contains(&name) {
            return Place::Nothing;
        }
    } else if line.starts_with('!') {
        return Place::File { written: word_start(code, line_start + 1, offset)..offset, folders: false, shell: true };
    } else if is_command(line) || !cell_is_rust {
        return Place::Nothing;
    }
    match string_at(&rust, offset) {
        Within::Code => Place::Rust(rust),
        Within::Comment => Place::Nothing,
        Within::String(start) => {
            let written = &rust[start..offset];
            // What stands in braces is a variable of the format.
            let in_braces = written.rfind('{').is_some_and(|at| !written[at..].contains('}'));
            if in_braces {
                Place::Rust(rust)
            } else {
                Place::File { written: start..offset, folders: false, shell: false }
            }
        }
    }
}

/// The cell with what is not Rust blanked out, and whether its last part is Rust.
pub fn masked(code: &str) -> (String, bool) {
    let mut rust = String::with_capacity(code.len());
    let mut is_rust = true;
    let mut is_first = true;
    for line in code.split_inclusive('\n') {
        let blank =
            |text: &str| -> String { text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect() };
        let name = magic_name(line.trim_end_matches('\n'));
        if let Some(name) = name {
            let takes_rust = RUST_MAGICS.contains(&name);
            if is_first && line.starts_with("%%") {
                is_rust = takes_rust;
            }
            // In `%time f()` all but the name is Rust.
            let end = if takes_rust { line.find(char::is_whitespace).unwrap_or(line.len()) } else { line.len() };
            rust.push_str(&blank(&line[..end]));
            rust.push_str(&line[end..]);
        } else if !is_rust || line.starts_with('!') || is_command(line) {
            rust.push_str(&blank(line));
        } else {
            rust.push_str(line);
        }
        is_first &= line.trim().is_empty();
    }
    (rust, is_rust)
}

/// The name of a line's magic, without its `%`s.
fn magic_name(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("%%").or_else(|| line.strip_prefix('%'))?;
    let name = rest.split(char::is_whitespace).next().unwrap_or_default();
    // A line that goes on with a remainder has a blank behind the sign.
    let is_magic = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '?')) && !rest.starts_with(' ');
    is_magic.then_some(name)
}

/// A line of evcxr's, such as `:dep`.
fn is_command(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with(':') && !line.starts_with("::")
}

/// Where the word before the cursor begins, not before `from`.
fn word_start(code: &str, from: usize, offset: usize) -> usize {
    let mut start = from.min(offset);
    let mut escaped = false;
    for (at, c) in code[start..offset].char_indices() {
        if c.is_whitespace() && !escaped {
            start = from + at + c.len_utf8();
        }
        escaped = c == '\\';
    }
    start
}

enum Within {
    Code,
    Comment,
    /// A string whose text begins at the offset.
    String(usize),
}

fn string_at(code: &str, offset: usize) -> Within {
    let parsed = SourceFile::parse(&format!("{PRELUDE}{code}\n}}"), Edition::CURRENT);
    let at = TextSize::try_from(offset + PRELUDE.len()).unwrap_or_default();
    let Some(token) = parsed.syntax_node().token_at_offset(at).left_biased() else { return Within::Code };
    let range = token.text_range();
    match token.kind() {
        SyntaxKind::COMMENT if at > range.start() => Within::Comment,
        SyntaxKind::STRING => {
            let Some(string) = ast::String::cast(token) else { return Within::Code };
            let is_open = string.syntax().text().len() < 2 || !string.syntax().text().ends_with('"');
            let start = usize::from(range.start()) + string.syntax().text().find('"').unwrap_or(0) + 1 - PRELUDE.len();
            if offset >= start && (at < range.end() || is_open) { Within::String(start) } else { Within::Code }
        }
        _ => Within::Code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place_of(code: &str) -> (Place, String) {
        let offset = code.find('|').expect("a cursor");
        let code = code.replacen('|', "", 1);
        let place = place(&code, offset);
        let word = match &place {
            Place::Magic(range) | Place::Exercise(range) | Place::File { written: range, .. } => {
                code[range.clone()].to_owned()
            }
            _ => String::new(),
        };
        (place, word)
    }

    #[test]
    fn magics_and_their_arguments_are_told_from_rust() {
        assert!(matches!(place_of("%ti|"), (Place::Magic(_), word) if word == "%ti"));
        assert!(matches!(place_of("let x = 1;\n%%|"), (Place::Magic(_), word) if word == "%%"));
        assert!(matches!(place_of("%check 01|"), (Place::Exercise(_), word) if word == "01"));
        assert!(matches!(place_of("%cd no|"), (Place::File { folders: true, .. }, word) if word == "no"));
        assert!(matches!(place_of("!cat a\\ b|"), (Place::File { shell: true, .. }, word) if word == "a\\ b"));
        assert!(matches!(place_of("!cat a b|"), (Place::File { .. }, word) if word == "b"));
        assert!(matches!(place_of("%%bash\nls |"), (Place::Nothing, _)));
        assert!(matches!(place_of(":dep ra|"), (Place::Nothing, _)));
        assert!(matches!(place_of("let y = 7\n% x|;"), (Place::Rust(_), _)));
    }

    #[test]
    fn the_rust_of_a_cell_keeps_its_place() {
        let code = "%time é();\n%who\n!ls\nlet x = v.";
        let (rust, is_rust) = masked(code);
        assert_eq!(rust, "      é();\n    \n   \nlet x = v.");
        assert!(is_rust);
        assert_eq!(masked("%%time\nf()").0, "      \nf()");
        assert_eq!(masked("%%bash\nls").0, "      \n  ");
    }

    #[test]
    fn strings_name_files() {
        assert!(matches!(place_of("read(\"da|\")"), (Place::File { .. }, word) if word == "da"));
        assert!(matches!(place_of("read(\"da|"), (Place::File { .. }, word) if word == "da"));
        assert!(matches!(place_of("println!(\"{na|}\")"), (Place::Rust(_), _)));
        assert!(matches!(place_of("read(\"data\")|"), (Place::Rust(_), _)));
        assert!(matches!(place_of("read(|\"data\")"), (Place::Rust(_), _)));
        assert!(matches!(place_of("// what is it|"), (Place::Nothing, _)));
    }
}
