//! Messages that speak of how the engine is built, in words about the user's code.

use super::Diagnostic;

/// What a value is inside while `delayed!` finds out how to pass it, and the methods by which it does.
const WRAPPERS: [&str; 2] = ["Moved<", "Borrowed<"];
const METHODS: [&str; 2] = ["taken", "shared"];

/// An argument of a task that cannot be one: rustc tells of the method that `delayed!` calls on it.
pub(super) fn explain_arguments(diagnostic: &mut Diagnostic) {
    let Some(ty) = passed_type(diagnostic) else { return };
    diagnostic.message = format!("a value of type `{ty}` cannot be an argument of a task");
    // `Lazy` and serde's traits are other ways to pass it, which the user need not take.
    diagnostic.spans.retain(|span| span.primary);
    diagnostic.spans.iter_mut().for_each(|span| span.label = None);
    diagnostic.children.retain(|child| child.message.contains("not satisfied"));
    for child in &mut diagnostic.children {
        let Some((head, bounds)) = child.message.split_once(":\n") else { continue };
        let mut wanted: Vec<&str> = bounds
            .lines()
            .filter(|line| ["Clone`", "Send`", "Sync`"].iter().any(|bound| line.ends_with(bound)))
            .filter(|line| !line.contains("required by"))
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        child.message = format!("{head}:\n{}", wanted.join("\n"));
    }
}

fn passed_type(diagnostic: &Diagnostic) -> Option<String> {
    let mut quoted = diagnostic.message.split('`').skip(1).step_by(2);
    let (method, receiver) = (quoted.next()?, quoted.next()?);
    let receiver = receiver.trim_start_matches('&');
    let inside = WRAPPERS.iter().find_map(|wrapper| receiver.strip_prefix(wrapper))?.strip_suffix('>')?;
    let inside = inside.strip_prefix("'_, ").unwrap_or(inside);
    (METHODS.contains(&method) && diagnostic.code.as_deref() == Some("E0599")).then(|| inside.to_owned())
}
