//! The comm target `taskloom.session`: a front end that opens it is told the session's variables, now and after each
//! cell. For variable inspectors.

use serde_json::{Value, json};

use super::comms::Target;
use super::facts::Facts;

/// The target's name.
pub const NAME: &str = "taskloom.session";

/// The kernel's end.
pub struct SessionFeed(pub Facts);

impl Target for SessionFeed {
    fn answer(&self, _: &Value) -> Option<Value> {
        Some(content(&self.0))
    }
}

/// What is told.
pub fn content(facts: &Facts) -> Value {
    let facts = facts.lock();
    let variables: Vec<Value> = facts.variables.iter().map(|(name, ty)| json!({"name": name, "type": ty})).collect();
    json!({"execution_count": facts.count, "variables": variables, "items": facts.items})
}
