//! Names of nodes: unique for an impure step, derived from the work itself for a pure one.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use crate::task::{Packer, Step};

/// What a person reads: the function, and a number or a token.
pub(crate) fn key(step: &Step) -> String {
    match step.body().token() {
        Some(token) => format!("{}-{token:032x}", step.name()),
        None => format!("{}-{}", step.name(), step.key),
    }
}

/// A token that equal work shares: of the compiled function, the arguments that are there, and the tokens of the tasks
/// that make the others (an impure one stands for itself alone).
///
/// # Errors
/// Why nobody can tell whether two such tasks are equal.
pub(crate) fn token(step: &Arc<Step>) -> Result<u128, String> {
    let body = step.body();
    let (_, arguments) = body.code()?;
    let mut packer = Packer::default();
    body.pack(&mut packer)?;
    let packed = packer.into_parts();
    let mut halves = [0_u64; 2];
    for (salt, half) in halves.iter_mut().enumerate() {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        // The type of the body names the function and everything it is generic over.
        body.type_name().hash(&mut hasher);
        arguments.hash(&mut hasher);
        body.function().hash(&mut hasher);
        packed.hash(&mut hasher);
        body.inputs(&mut |input| match input.body().token() {
            Some(token) => token.hash(&mut hasher),
            None => (u64::MAX, input.key).hash(&mut hasher),
        });
        *half = hasher.finish();
    }
    Ok(u128::from(halves[0]) << 64 | u128::from(halves[1]))
}

/// Results of pure tasks that somebody persisted and still holds.
static PERSISTED: OnceLock<Mutex<HashMap<u128, Weak<Step>>>> = OnceLock::new();
static PERSISTED_COUNT: AtomicUsize = AtomicUsize::new(0);

/// Whoever needs the work of this token again, while the value is kept, gets the value.
pub(crate) fn remember(token: u128, data: &Arc<Step>) {
    let mut persisted = PERSISTED.get_or_init(Mutex::default).lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    persisted.retain(|_, step| step.strong_count() > 0);
    persisted.insert(token, Arc::downgrade(data));
    PERSISTED_COUNT.store(persisted.len(), Ordering::Release);
}

/// The value of this token, if it is kept.
pub(super) fn recall(token: u128) -> Option<Arc<Step>> {
    if PERSISTED_COUNT.load(Ordering::Acquire) == 0 {
        return None;
    }
    let persisted = PERSISTED.get()?.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    persisted.get(&token)?.upgrade()
}
