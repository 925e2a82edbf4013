//! The text that stands for a session: what earlier cells defined, and a function whose body is the cell.

use crate::protocol::Scene;

/// The function with the cell. No completion offers it.
pub const FUNCTION: &str = "__taskloom_cell";

/// The session's text, and where in it the code begins.
///
/// Variables are declared in front of the code rather than as parameters, so that what is said of them is `let`.
pub fn text(scene: &Scene, code: &str) -> (String, usize) {
    let mut text = String::with_capacity(scene.prelude.len() + code.len() + 256);
    text.push_str(&scene.prelude);
    // `?` in a cell needs a function that returns a result.
    text.push_str("\nfn ");
    text.push_str(FUNCTION);
    text.push_str("() -> ::core::result::Result<(), ::std::boxed::Box<dyn ::std::error::Error>> {\n");
    for variable in &scene.variables {
        let mutable = if variable.mutable { "mut " } else { "" };
        text.push_str(&format!("let {mutable}{}: {};\n", variable.name, variable.ty));
    }
    let start = text.len();
    text.push_str(code);
    text.push_str("\n}\n");
    (text, start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Variable;

    #[test]
    fn code_follows_the_variables_it_can_see() {
        let scene = Scene {
            prelude: "use std::fmt;".to_owned(),
            variables: vec![Variable { name: "n".to_owned(), ty: "i64".to_owned(), mutable: true }],
        };
        let (text, start) = text(&scene, "n += 1");
        assert!(text.starts_with("use std::fmt;\n"));
        assert!(text[..start].ends_with("let mut n: i64;\n"));
        assert!(text[start..].starts_with("n += 1\n}"));
    }
}
