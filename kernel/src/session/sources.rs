//! Which line of which cell a line of generated code came from.

use std::path::PathBuf;

use super::rewrite::Edited;

/// How evcxr's crate calls its only file.
const GENERATED: &str = "src/lib.rs";

/// The cells of a session, as far as messages have to speak about them.
#[derive(Debug)]
pub struct Sources {
    /// The file that evcxr writes for each cell.
    generated: PathBuf,
    /// (execution count, the cell as written, the cell as edited), oldest first.
    cells: Vec<(u32, String, Edited)>,
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
}

impl Sources {
    pub fn new(generated: PathBuf) -> Self {
        Sources { generated, cells: Vec::new() }
    }

    /// A cell begins, or the same cell in another edition.
    pub fn begin(&mut self, original: &str, edited: &Edited, number: u32) {
        if self.cells.last().is_some_and(|(last, text, _)| *last == number && text == original) {
            self.cells.pop();
        }
        self.cells.push((number, original.to_owned(), edited.clone()));
    }

    /// The edited form of the cell that runs.
    pub fn current(&self) -> Option<(&str, &Edited)> {
        self.cells.last().map(|(_, original, edited)| (original.as_str(), edited))
    }

    /// The user's line behind a line of the generated file.
    ///
    /// evcxr copies statements as they are, so the line is looked for by its text: in this cell first, then in earlier
    /// ones, whose functions are part of the generated file too.
    pub fn place(&self, file: &str, line: u32) -> Option<Place> {
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
            Some(Place { name, text: original.lines().nth(at)?.to_owned(), line: at + 1 })
        })
    }

    /// Replaces places in the generated file by places in cells.
    pub fn translate(&self, text: &str) -> String {
        let mut translated = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(GENERATED) {
            let after = &rest[at + GENERATED.len()..];
            let digits = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let number = after.strip_prefix(':').map(|number| &number[..digits(number)]);
            let place = number.and_then(|number| self.place(GENERATED, number.parse().ok()?));
            translated.push_str(&rest[..at]);
            match (place, number) {
                (Some(place), Some(number)) => {
                    translated.push_str(&place.name);
                    rest = &after[1 + number.len()..];
                }
                _ => {
                    translated.push_str(GENERATED);
                    rest = after;
                }
            }
        }
        translated.push_str(rest);
        translated
    }
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
