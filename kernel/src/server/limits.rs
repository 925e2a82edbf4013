//! What code is taken in at all. Parsers work by recursion, and a stack is the one thing a process cannot do without.

/// The longest code.
const LONGEST: usize = 4 << 20;
/// The deepest nesting of brackets, and the longest run of prefix operators.
const DEEPEST: usize = 500;
/// Operators in one statement: each is one level more of the tree that a parser makes.
const OPERATORS: usize = 50_000;

/// Why this code is not even looked at, as a sentence; nothing for code that is.
pub fn refuses(code: &str) -> Option<String> {
    if code.len() > LONGEST {
        return Some(format!(
            "the cell has {:.1} MB of code; more than {} MB are not compiled. Data of this size belongs in a file",
            code.len() as f64 / 1e6,
            LONGEST >> 20
        ));
    }
    let (mut depth, mut run, mut operators) = (0usize, 0usize, 0usize);
    for byte in code.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        match byte {
            b'!' | b'-' | b'&' | b'*' | b'<' | b'|' | b'=' | b'?' | b'.' => run += 1,
            b' ' | b'\t' => {}
            _ => run = 0,
        }
        match byte {
            b'+' | b'-' | b'*' | b'/' | b'%' | b'&' | b'|' | b'^' | b'<' | b'>' | b'=' | b'.' | b'?' => operators += 1,
            b';' | b',' | b'\n' => operators = 0,
            _ => {}
        }
        if depth > DEEPEST || run > DEEPEST || operators > OPERATORS {
            return Some(format!(
                "the code is nested too deeply: more than {DEEPEST} brackets or prefix operators, or more than \
                 {OPERATORS} operators in one line, are not compiled"
            ));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_taken() {
        for code in ["", "let x = ((1 + 2) * 3);", "// ------------------------------------------------------------"] {
            assert_eq!(refuses(code), None);
        }
        assert_eq!(refuses(&"fn f() { g(); }\n".repeat(10_000)), None);
        assert_eq!(refuses(&format!("let v = [{}];", "-1.5, ".repeat(50_000))), None);
    }

    #[test]
    fn what_breaks_parsers_is_not() {
        for code in ["(".repeat(100_000), "[{".repeat(1000), "!".repeat(600), "- ".repeat(600), "1+".repeat(60_000)] {
            assert!(refuses(&code).is_some(), "{code:.10}");
        }
        assert!(refuses(&"x".repeat(5 << 20)).unwrap().contains("5.2 MB"));
    }
}
