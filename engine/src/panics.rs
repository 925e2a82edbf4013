//! Panics inside tasks: caught, described in one sentence, and kept from the process's own panic output.

use std::any::Any;
use std::cell::{Cell, RefCell};

thread_local! {
    static IN_TASK: Cell<u32> = const { Cell::new(0) };
    static LOCATION: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `body` with the mark that a panic belongs to a task, so that a hook can leave it to the scheduler.
pub(crate) fn in_task<T>(body: impl FnOnce() -> T) -> T {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            IN_TASK.with(|depth| depth.set(depth.get() - 1));
        }
    }
    IN_TASK.with(|depth| depth.set(depth.get() + 1));
    let _leave = Leave;
    body()
}

/// Whether this thread is inside a task: its panic will be reported with the task's name.
pub(crate) fn is_in_task() -> bool {
    IN_TASK.with(Cell::get) > 0
}

/// Drops values of the user's where a panic of theirs would hit somebody who has nothing to do with it.
pub(crate) fn drop_quietly<T>(value: T) {
    // What the panic carries is not dropped: that could panic again.
    if let Err(payload) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(value))) {
        std::mem::forget(payload);
    }
}

/// Remembers where a task's panic came from; called by the notebook's panic hook.
pub(crate) fn set_location(location: String) {
    LOCATION.with(|slot| *slot.borrow_mut() = Some(location));
}

/// The text of a panic's payload, with its place where it is known.
pub(crate) fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload_text(payload);
    match LOCATION.with(|slot| slot.borrow_mut().take()) {
        Some(location) => format!("{text} ({location})"),
        None => text,
    }
}

/// The text of a panic's payload.
pub(crate) fn payload_text(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without a message".to_owned()
    }
}
