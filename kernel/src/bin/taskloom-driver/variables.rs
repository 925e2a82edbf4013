//! Leaving alone the variables that a cell does not mention.
//!
//! evcxr takes every variable of the session out of its store when a cell begins and puts it back when the cell ends,
//! each with code of its own, so that a cell takes longer to compile the more variables there are. A variable whose name
//! does not occur in the cell can stay where it is.

/// What a cell's object has in it when the cell takes variables and does not give them back: the runner then goes back
/// to before the cell if the cell fails.
const TAKES_VARIABLES: &str = "#[unsafe(no_mangle)] pub static TASKLOOM_TAKES_VARIABLES: u8 = 1;";

/// What a line of evcxr's does with the variable that it names last.
#[derive(PartialEq)]
enum Access {
    Check,
    Take,
    Put,
}

/// The statements about variables that are not mentioned anywhere else become blank lines.
pub fn without_unused(source: &str) -> String {
    let lines: Vec<&str> = source.lines().collect();
    let accesses: Vec<Option<(Access, &str)>> = lines.iter().map(|line| access(line)).collect();
    let named: std::collections::HashSet<&str> = lines
        .iter()
        .zip(&accesses)
        .filter(|(_, access)| access.is_none())
        .flat_map(|(line, _)| line.split(|c: char| !(c.is_alphanumeric() || c == '_')))
        .collect();
    let taken = |name: &str| accesses.iter().flatten().any(|(access, other)| *access == Access::Take && *other == name);
    let put = |name: &str| accesses.iter().flatten().any(|(access, other)| *access == Access::Put && *other == name);
    let mut kept = String::with_capacity(source.len());
    for (line, access) in lines.iter().zip(&accesses) {
        // New variables are put without having been taken.
        let is_idle = |name: &str| taken(name) && !named.contains(name);
        if !access.as_ref().is_some_and(|(_, name)| is_idle(name)) {
            kept.push_str(line);
        }
        kept.push('\n');
    }
    let takes =
        accesses.iter().flatten().any(|(access, name)| *access == Access::Take && named.contains(name) && !put(name));
    if takes {
        kept.push_str(TAKES_VARIABLES);
    }
    kept
}

fn access(line: &str) -> Option<(Access, &str)> {
    let line = line.trim();
    let name = |rest: &str| {
        rest.split_once("(stringify!(").and_then(|_| line.rsplit_once("(stringify!(")).map(|(_, name)| name)
    };
    let kind = if line.starts_with("vars_ok &= evcxr_variable_store.check_variable::<") {
        Access::Check
    } else if line.starts_with("let ") && line.contains(" = evcxr_variable_store.take_variable::<") {
        Access::Take
    } else if line.starts_with("evcxr_variable_store.put_variable::<") {
        Access::Put
    } else {
        return None;
    };
    let name = name(line)?;
    Some((kind, name.split(')').next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CELL: &str = "fn run() {
{let mut vars_ok = true;
vars_ok &= evcxr_variable_store.check_variable::<i32>(stringify!(used));
vars_ok &= evcxr_variable_store.check_variable::<Vec<(i32, i32)>>(stringify!(idle));
if !vars_ok {return evcxr_variable_store;}}
let mut used = evcxr_variable_store.take_variable::<i32>(stringify!(used));
let idle = evcxr_variable_store.take_variable::<Vec<(i32, i32)>>(stringify!(idle));
println!(\"{used}\");
let fresh: i32 = 1;
evcxr_variable_store.put_variable::<i32>(stringify!(fresh), fresh);
evcxr_variable_store.put_variable::<i32>(stringify!(used), used);
evcxr_variable_store.put_variable::<Vec<(i32, i32)>>(stringify!(idle), idle);
evcxr_variable_store
}
";

    #[test]
    fn variables_that_are_not_mentioned_stay_in_the_store() {
        let kept = without_unused(CELL);
        assert!(!kept.contains("idle"), "{kept}");
        assert_eq!(kept.matches("stringify!(used)").count(), 3);
        assert_eq!(kept.matches("stringify!(fresh)").count(), 1);
        assert_eq!(kept.lines().count(), CELL.lines().count());
        assert!(!kept.contains(TAKES_VARIABLES));
    }

    #[test]
    fn a_cell_that_consumes_a_variable_says_so() {
        let consuming = CELL.replace("evcxr_variable_store.put_variable::<i32>(stringify!(used), used);", "");
        assert!(without_unused(&consuming).contains(TAKES_VARIABLES));
    }
}
