//! Which line of which cell a line of generated code came from.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::diagnostics::UserPlace;
use super::items::SourceFile;
use super::rewrite::Edited;

/// How evcxr's crate calls its only file.
const GENERATED: &str = "src/lib.rs";
/// How the files of the items' crate begin.
const CELL_FILE: &str = "cell_";

/// The cells of a session, as far as messages have to speak about them.
#[derive(Debug)]
pub struct Sources {
    /// The file that evcxr writes for each cell.
    generated: PathBuf,
    /// (execution count, the cell as written, the cell as edited), oldest first.
    cells: Vec<(u32, String, Edited)>,
    /// Files that hold parts of cells, line by line, by their names.
    files: HashMap<String, Part>,
}

/// A file whose lines are those of a cell.
#[derive(Debug)]
struct Part {
    number: u32,
    original: String,
    edited: Edited,
    /// Lines in front of the cell's first.
    header: usize,
}

/// A line in a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// `line 3`, or `line 2 of cell [4]` when it is in an earlier cell.
    pub name: String,
    /// The line as the user wrote it.
    pub text: String,
    /// From 1.
    pub line: usize,
    /// In characters from 1, where it is known.
    pub column: Option<usize>,
    /// The execution count of an earlier cell; none for the newest.
    pub cell: Option<u32>,
}

impl Sources {
    pub fn new(generated: PathBuf) -> Self {
        Sources { generated, cells: Vec::new(), files: HashMap::new() }
    }

    /// A cell begins, or the same cell in another edition.
    pub fn begin(&mut self, original: &str, edited: &Edited, number: u32) {
        if self.cells.last().is_some_and(|(last, text, _)| *last == number && text == original) {
            self.cells.pop();
        }
        self.cells.push((number, original.to_owned(), edited.clone()));
    }

    /// A file is a cell with `header` lines in front.
    pub fn add_file(&mut self, name: &str, number: u32, original: &str, edited: &Edited, header: usize) {
        let part = Part { number, original: original.to_owned(), edited: edited.clone(), header };
        self.files.insert(name.to_owned(), part);
    }

    /// Files of the items' crate.
    pub fn add_items(&mut self, files: Vec<SourceFile>) {
        for SourceFile { name, number, original, edited } in files {
            self.files.insert(name, Part { number, original, edited, header: 0 });
        }
    }

    /// As [`Self::exact_place`], but nothing for characters that were put in.
    pub fn user_place(&self, file: &str, line: usize, column: usize) -> Option<UserPlace> {
        let part = self.files.get(Path::new(file).file_name()?.to_str()?)?;
        let at = part.edited.original_column(line.checked_sub(part.header)?, column);
        let is_put_in = at == part.edited.original_column(line - part.header, column + 1);
        let place = self.exact_place(file, line, column)?;
        (!is_put_in && at <= place.text.chars().count() + 1).then_some(UserPlace {
            cell: place.cell,
            line: place.line,
            column: at,
            text: place.text,
        })
    }

    /// The byte offset, in the cell as written, of a place in a file that holds a cell.
    pub fn exact_offset(&self, file: &str, line: usize, column: usize) -> Option<usize> {
        let place = self.exact_place(file, line, column)?;
        let part = self.files.get(Path::new(file).file_name()?.to_str()?)?;
        let before: usize = part.original.split_inclusive('\n').take(place.line - 1).map(str::len).sum();
        let within = place.text.char_indices().nth(place.column? - 1).map_or(place.text.len(), |(at, _)| at);
        Some(before + within)
    }

    /// The user's place behind a place in a file that holds a cell.
    pub fn exact_place(&self, file: &str, line: usize, column: usize) -> Option<Place> {
        let part = self.files.get(Path::new(file).file_name()?.to_str()?)?;
        let line = line.checked_sub(part.header)?;
        let text = part.original.lines().nth(line.checked_sub(1)?)?.to_owned();
        let column = Some(part.edited.original_column(line, column).min(text.chars().count() + 1));
        let newest = self.cells.last().is_none_or(|(newest, _, _)| *newest == part.number);
        let name = if newest { format!("line {line}") } else { format!("line {line} of cell [{}]", part.number) };
        Some(Place { name, text, line, column, cell: (!newest).then_some(part.number) })
    }

    /// The user's line behind a line of a generated file.
    ///
    /// evcxr copies statements as they are, so the line is looked for by its text: in this cell first, then in earlier
    /// ones, whose functions are part of the generated file too.
    pub fn place(&self, file: &str, line: u32) -> Option<Place> {
        if let Some(place) = self.exact_place(file, line as usize, 1) {
            return Some(Place { column: None, ..place });
        }
        if !file.ends_with(GENERATED) {
            return None;
        }
        let generated = std::fs::read_to_string(&self.generated).ok()?;
        let at = line.checked_sub(1)? as usize;
        let text = generated.lines().nth(at)?.trim();
        if text.is_empty() {
            return None;
        }
        // The same line may stand in a cell more than once; order is kept, so the n-th here is the n-th there.
        let earlier = generated.lines().take(at).filter(|line| line.trim() == text).count();
        let (newest, _, _) = self.cells.last()?;
        self.cells.iter().rev().find_map(|(number, original, edited)| {
            let places = |fits: &dyn Fn(&str) -> bool| -> Vec<usize> {
                edited.text.lines().enumerate().filter(|(_, line)| fits(line)).map(|(at, _)| at).collect()
            };
            let mut found = places(&|line| line.trim() == text);
            if found.is_empty() {
                found = places(&|line| line.contains(text));
            }
            let at = *found.get(earlier).or(found.first())?;
            let name = if number == newest {
                format!("line {}", at + 1)
            } else {
                format!("line {} of cell [{number}]", at + 1)
            };
            let cell = (number != newest).then_some(*number);
            Some(Place { name, text: original.lines().nth(at)?.to_owned(), line: at + 1, column: None, cell })
        })
    }

    /// Replaces places in generated files by places in cells.
    pub fn translate(&self, text: &str) -> String {
        let mut translated = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((at, file)) = first_file(rest) {
            let after = &rest[at + file.len()..];
            let digits = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let number = after.strip_prefix(':').map(|number| &number[..digits(number)]);
            let place = number.and_then(|number| self.place(file, number.parse().ok()?));
            translated.push_str(&rest[..at]);
            match (place, number) {
                (Some(place), Some(number)) => {
                    translated.push_str(&place.name);
                    rest = &after[1 + number.len()..];
                }
                _ => {
                    translated.push_str(file);
                    rest = after;
                }
            }
        }
        translated.push_str(rest);
        translated
    }
}

/// The first name of a generated file in a text, and where it begins.
fn first_file(text: &str) -> Option<(usize, &str)> {
    let cells = text.match_indices(CELL_FILE).find_map(|(at, _)| {
        let end = at + text[at..].find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'))?;
        text[at..end].ends_with(".rs").then(|| (at, &text[at..end]))
    });
    let generated = text.find(GENERATED).map(|at| (at, &text[at..at + GENERATED.len()]));
    [cells, generated].into_iter().flatten().min_by_key(|(at, _)| *at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_found_in_the_cell_that_wrote_the_function() {
        let folder = tempfile::tempdir().expect("a folder");
        let generated = folder.path().join("lib.rs");
        std::fs::write(&generated, "#![allow(x)]\nfn f() {\n    panic!(\"no\")\n}\npub extern fn run() {\nf();\n}\n")
            .expect("written");
        let mut sources = Sources::new(generated);
        let plain = |text: &str| Edited::new(text, Vec::new());
        sources.begin(
            "// helpers\nfn f() {\n    panic!(\"no\")\n}",
            &plain("// helpers\nfn f() {\n    panic!(\"no\")\n}"),
            1,
        );
        sources.begin("f();", &plain("f();"), 2);
        let place = sources.place("src/lib.rs", 3).expect("found");
        assert_eq!((place.name.as_str(), place.text.as_str()), ("line 3 of cell [1]", "    panic!(\"no\")"));
        assert_eq!(sources.place("src/lib.rs", 6).expect("found").name, "line 1");
        assert_eq!(sources.place("/rustc/library/core.rs", 6), None);
        assert_eq!(sources.translate("no (src/lib.rs:3), then"), "no (line 3 of cell [1]), then");
    }
}
