//! Files as cells.

use std::path::{Path, PathBuf};

use ra_ap_syntax::ast::{self, AstNode, HasModuleItem, HasName};
use ra_ap_syntax::{Edition, SourceFile};
use serde_json::Value;

/// Where a cell stands: in which notebook, and under which id.
///
/// Jupyter's server tells a kernel the one when it starts it, and JupyterLab the other with each cell.
#[derive(Debug, Clone)]
pub struct Place {
    notebook: PathBuf,
    cell: String,
}

impl Place {
    /// The place of a cell, where the kernel was started for a notebook.
    pub fn of(cell: &str) -> Option<Place> {
        let notebook = PathBuf::from(std::env::var_os("JPY_SESSION_NAME")?);
        Some(Place { notebook, cell: cell.to_owned() })
    }

    /// The exercise that the cell belongs to: its own, or that of the nearest exercise's cell above. The notebook is read as
    /// it was saved last.
    pub fn exercise(&self) -> Option<String> {
        let text = std::fs::read_to_string(&self.notebook).ok()?;
        exercise_at(&serde_json::from_str(&text).ok()?, &self.cell)
    }
}

fn exercise_at(notebook: &Value, id: &str) -> Option<String> {
    let cells = notebook["cells"].as_array()?;
    let at = cells.iter().position(|cell| cell["id"] == id)?;
    let exercise = |cell: &Value| cell["metadata"]["taskloom"]["exercise"].as_str().map(str::to_owned);
    cells[..=at].iter().rev().find_map(exercise)
}

/// What begins a cell in a Rust file, as other editors have it too.
const MARKS: [&str; 2] = ["// %%", "//%%"];

/// The code cells of a notebook, or of a Rust file.
///
/// # Errors
/// When the file cannot be read, or is neither.
pub fn cells_of_file(path: &Path) -> Result<Vec<String>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => format!("there is no file {}", path.display()),
        std::io::ErrorKind::InvalidData => format!("{} is not text", path.display()),
        _ => format!("cannot read {}: {error}", path.display()),
    })?;
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("ipynb") => {
            let notebook = serde_json::from_str(&text)
                .map_err(|error| format!("{} is not a notebook: {error}", path.display()))?;
            Ok(code_cells(&notebook))
        }
        _ => Ok(cells_of_program(&text)),
    }
}

fn code_cells(notebook: &Value) -> Vec<String> {
    let cells = notebook["cells"].as_array().into_iter().flatten();
    let code = cells.filter(|cell| cell["cell_type"] == "code").map(|cell| match &cell["source"] {
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        text => text.as_str().unwrap_or_default().to_owned(),
    });
    code.filter(|code: &String| !code.trim().is_empty()).collect()
}

/// A Rust file at the lines that begin cells. What is said to the whole crate, as `#![allow(…)]` is, means nothing in a
/// cell and is left out; lines keep their numbers in the file.
fn cells_of_program(text: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    for (index, line) in text.lines().enumerate() {
        if MARKS.iter().any(|mark| line.starts_with(mark)) {
            cells.push("\n".repeat(index));
        }
        if let Some(cell) = cells.last_mut() {
            let is_for_the_crate =
                (line.starts_with("#![") && line.trim_end().ends_with(']')) || line.starts_with("#!/");
            if !is_for_the_crate {
                cell.push_str(line);
            }
            cell.push('\n');
        }
    }
    let says_something = |cell: &String| cell.lines().any(|line| !line.trim().is_empty() && !line.starts_with("//"));
    cells.retain(says_something);
    cells
}

/// The call of a program's `main`, if it has one.
pub fn call_of_main(program: &str) -> Option<String> {
    let file = SourceFile::parse(program, Edition::Edition2024).ok().ok()?;
    let main = file.items().find_map(|item| match item {
        ast::Item::Fn(function) if function.name().is_some_and(|name| name.text() == "main") => Some(function),
        _ => None,
    })?;
    let has_parameters = main.param_list().is_some_and(|list| list.params().next().is_some());
    let returned = main.ret_type().map(|ty| ty.syntax().text().to_string());
    match returned {
        _ if has_parameters || main.async_token().is_some() => None,
        Some(ty) if ty.contains("Result") => Some("main()?;".to_owned()),
        _ => Some("main();".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_cell_belongs_to_the_exercise_above_it() {
        let notebook = serde_json::json!({"cells": [
            {"id": "a", "metadata": {}},
            {"id": "b", "metadata": {"taskloom": {"exercise": "first"}}},
            {"id": "c", "metadata": {}},
            {"id": "d", "metadata": {"taskloom": {"exercise": "second"}}},
        ]});
        let found = |id| super::exercise_at(&notebook, id);
        assert_eq!(found("a"), None);
        assert_eq!(found("b").as_deref(), Some("first"));
        assert_eq!(found("c").as_deref(), Some("first"));
        assert_eq!(found("d").as_deref(), Some("second"));
        assert_eq!(found("e"), None, "not saved yet");
    }

    use super::*;

    #[test]
    fn a_program_is_split_at_its_marks() {
        let text = "#![allow(unused)]\nfn f() {}\n// %% second\nf();\n//%%\n// nothing\n";
        assert_eq!(cells_of_program(text), ["\nfn f() {}\n", "\n\n// %% second\nf();\n"]);
    }

    #[test]
    fn main_is_called_as_it_wants_to_be() {
        assert_eq!(call_of_main("fn main() {}").as_deref(), Some("main();"));
        assert_eq!(call_of_main("fn main() -> taskloom::Result<()> { Ok(()) }").as_deref(), Some("main()?;"));
        assert_eq!(call_of_main("fn other() { fn main() {} }"), None);
        assert_eq!(call_of_main("fn main(x: i32) {}"), None);
    }

    #[test]
    fn code_cells_are_read_in_both_forms() {
        let notebook = serde_json::json!({"cells": [
            {"cell_type": "markdown", "source": "# Title"},
            {"cell_type": "code", "source": ["let a = 1;\n", "a"]},
            {"cell_type": "code", "source": ""},
            {"cell_type": "code", "source": "a + 1"},
        ]});
        assert_eq!(code_cells(&notebook), ["let a = 1;\na", "a + 1"]);
    }
}
