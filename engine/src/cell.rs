//! What a notebook needs inside the process that runs its cells.
//!
//! The process that runs cells is not linked to this crate: it loads the shared library and calls the `extern "C"`
//! functions here by name. They are the whole of the agreement between the two; events cross it as JSON, one object a
//! call. The macro behind a cell's last expression lives here too.

pub mod profile;
pub mod variables;

use serde_json::{Value, json};

use crate::display::{MimeBundle, Show};
use crate::events::{Event, ProgressState, emit, set_listener};

/// Receives one event as UTF-8 JSON; the memory is the caller's and ends with the call.
type Sink = extern "C" fn(*const u8, usize);

/// Sends this process's events, and the panics of user code, to `sink`.
#[unsafe(no_mangle)]
pub extern "C" fn taskloom_attach(sink: Sink) {
    set_listener(move |event| {
        let text = wire_form(&event).to_string();
        sink(text.as_ptr(), text.len());
    });
    std::panic::set_hook(Box::new(|info| {
        let location = info.location().map(|at| (at.file().to_owned(), at.line(), at.column()));
        if crate::panics::is_in_task() {
            if let Some((file, line, _)) = location {
                crate::panics::set_location(format!("{file}:{line}"));
            }
            return;
        }
        emit(Event::Panic { message: crate::panics::payload_text(info.payload()), location });
    }));
}

/// Writes out what Rust's standard output still holds.
#[unsafe(no_mangle)]
pub extern "C" fn taskloom_flush() {
    use std::io::Write;
    let _ = std::io::stdout().flush();
}

/// A cell begins: an interrupt from now on ends everything that it runs.
#[unsafe(no_mangle)]
pub extern "C" fn taskloom_begin_cell() {
    crate::scheduler::begin_cell();
}

/// Stops the computations that are running; only touches an atomic, so a signal handler may call it.
#[unsafe(no_mangle)]
pub extern "C" fn taskloom_interrupt() {
    crate::scheduler::interrupt();
}

/// Tells of the error at which a `?` ended the cell.
pub fn user_error(error: &dyn std::fmt::Display) {
    emit(Event::UserError(error.to_string()));
}

/// Where evcxr keeps a session's variables between cells.
///
/// evcxr puts a module with this interface into every cell. Taking it from here instead means that a cell need not
/// compile a hash map each time, which was a third of the time it took.
pub mod store {
    use std::any::{Any, TypeId};
    use std::collections::HashMap;
    use std::sync::Arc;

    /// What a cell prints when a variable's type has been defined anew.
    pub const VARIABLE_CHANGED_TYPE: &str = "EVCXR_VARIABLE_CHANGED_TYPE:";
    /// What a cell prints when a `?` has ended it.
    pub const USER_ERROR_OCCURRED: &str = "EVCXR_ERROR_OCCURRED";

    /// The variables of a session, by name.
    #[derive(Default)]
    pub struct VariableStore {
        variables: HashMap<String, Box<dyn Any>>,
    }

    impl VariableStore {
        /// Keeps a variable.
        pub fn put_variable<T: 'static>(&mut self, name: &str, value: T) {
            self.put(name, Box::new(value));
        }

        /// Whether the variable, if it is there, still has this type.
        pub fn check_variable<T: 'static>(&mut self, name: &str) -> bool {
            self.check(name, TypeId::of::<T>())
        }

        /// Takes a variable out.
        ///
        /// # Panics
        /// When it is not there or has another type; cells check first.
        pub fn take_variable<T: 'static>(&mut self, name: &str) -> T {
            match self.take(name).downcast() {
                Ok(value) => *value,
                Err(_) => panic!("the variable `{name}` has another type now"),
            }
        }

        /// A value shared by all cells, made by the first that asks.
        ///
        /// # Panics
        /// When it has another type.
        pub fn lazy_arc<T: 'static>(&mut self, name: &str, create: impl FnOnce() -> T) -> Arc<T> {
            let value = self.variables.entry(name.to_owned()).or_insert_with(|| Box::new(Arc::new(create())));
            match value.downcast_ref::<Arc<T>>() {
                Some(value) => Arc::clone(value),
                None => panic!("the shared value `{name}` has another type now"),
            }
        }

        #[inline(never)]
        fn put(&mut self, name: &str, value: Box<dyn Any>) {
            self.variables.insert(name.to_owned(), value);
        }

        #[inline(never)]
        fn check(&mut self, name: &str, expected: TypeId) -> bool {
            let fits = self.variables.get(name).is_none_or(|value| (**value).type_id() == expected);
            if !fits {
                eprintln!("The type of `{name}` has been defined anew, so the variable is gone.");
                println!("{VARIABLE_CHANGED_TYPE}{name}");
            }
            fits
        }

        #[inline(never)]
        fn take(&mut self, name: &str) -> Box<dyn Any> {
            match self.variables.remove(name) {
                Some(value) => value,
                None => panic!("the variable `{name}` is gone"),
            }
        }
    }

    /// The store of a new session; it lives as long as the process.
    pub fn create_variable_store() -> *mut VariableStore {
        Box::into_raw(Box::default())
    }
}

fn wire_form(event: &Event) -> Value {
    match event {
        Event::Display { bundle, display_id, update } => {
            let (data, metadata) = (bundle.forms(), bundle.metadata());
            json!({
                "type": "display",
                "data": data,
                "metadata": metadata,
                "display_id": display_id,
                "update": update,
            })
        }
        Event::Result(bundle) => json!({"type": "result", "data": bundle.forms(), "metadata": bundle.metadata()}),
        Event::ClearOutput { wait } => json!({"type": "clear_output", "wait": wait}),
        Event::Input { prompt, password } => json!({"type": "input", "prompt": prompt, "password": password}),
        Event::Progress(progress) => json!({
            "type": "progress",
            "id": progress.id,
            "done": progress.done,
            "total": progress.total,
            "seconds": progress.elapsed.as_secs_f64(),
            "running": progress.running,
            "state": match progress.state {
                ProgressState::Running => "running",
                ProgressState::Finished => "finished",
                ProgressState::Failed => "failed",
                ProgressState::Cancelled => "cancelled",
            },
        }),
        Event::UserError(message) => json!({"type": "user_error", "message": message}),
        Event::Panic { message, location } => json!({
            "type": "panic",
            "message": message,
            "file": location.as_ref().map(|at| &at.0),
            "line": location.as_ref().map(|at| at.1),
            "column": location.as_ref().map(|at| at.2),
        }),
    }
}

/// The machinery behind a cell's last expression: the first of these that fits the value's type shows it.
///
/// In order: an inherent method `evcxr_display` (evcxr's own convention), `()` which shows nothing, [`Show`], `Debug`,
/// `Display`, and the name of the type.
pub mod show {
    use std::fmt::{Debug, Display};

    use super::{Event, MimeBundle, Show, emit};

    /// A value on its way to the screen.
    pub struct Shown<'a, T: ?Sized>(pub &'a T);

    /// Says that a type has no `evcxr_display` of its own.
    pub struct NotShown;

    /// Whether `evcxr_display` has shown the value.
    pub trait Outcome {
        /// True when nothing is left to do.
        fn is_shown(&self) -> bool;
    }

    impl Outcome for NotShown {
        fn is_shown(&self) -> bool {
            false
        }
    }

    impl Outcome for () {
        fn is_shown(&self) -> bool {
            true
        }
    }

    /// Loses to an inherent method of the same name.
    pub trait NoEvcxrDisplay {
        /// Shows nothing.
        fn evcxr_display(&self) -> NotShown {
            NotShown
        }
    }
    impl<T: ?Sized> NoEvcxrDisplay for T {}

    /// `()` shows nothing.
    pub trait ShowUnit {
        /// Does nothing.
        fn emit(&self) {}
    }
    impl ShowUnit for &&&&Shown<'_, ()> {}

    /// A type with rich forms.
    pub trait ShowRich {
        /// Sends the forms.
        fn emit(&self);
    }
    impl<T: Show + ?Sized> ShowRich for &&&Shown<'_, T> {
        fn emit(&self) {
            emit_bundle(self.0.show());
        }
    }

    // What follows is not generic and not put in line on purpose: whatever is, every cell that shows a value compiles.

    /// Longer values are spread over lines.
    const WIDTH: usize = 100;
    /// Longer texts are cut; a browser has to live with them.
    const MOST_BYTES: usize = 100_000;

    #[inline(never)]
    fn emit_bundle(bundle: MimeBundle) {
        emit(Event::Result(crate::display::limited(bundle)));
    }

    /// Sends a text, or the beginning of one that is too long for a browser and how much is left out.
    fn emit_text(mut text: String) {
        crate::mime::cut(&mut text, MOST_BYTES);
        emit(Event::Result(MimeBundle::new().with("text/plain", text)));
    }

    #[inline(never)]
    fn emit_debug(value: &dyn Debug) {
        let mut text = format!("{value:?}");
        if text.len() > WIDTH && !text.contains('\n') {
            text = format!("{value:#?}");
        }
        emit_text(text);
    }

    #[inline(never)]
    fn emit_display(value: &dyn Display) {
        emit_text(value.to_string());
    }

    #[inline(never)]
    fn emit_name(type_name: &str) {
        let name = crate::display::short_type(type_name);
        emit_text(format!("a value of type {name}, which has no Debug form: #[derive(Debug)] would show it"));
    }

    /// A type with a `Debug` form.
    pub trait ShowDebug {
        /// Sends the form.
        fn emit(&self);
    }
    impl<T: Debug + ?Sized> ShowDebug for &&Shown<'_, T> {
        fn emit(&self) {
            emit_debug(&self.0);
        }
    }

    /// A type with a `Display` form only.
    pub trait ShowDisplay {
        /// Sends the form.
        fn emit(&self);
    }
    impl<T: Display + ?Sized> ShowDisplay for &Shown<'_, T> {
        fn emit(&self) {
            emit_display(&self.0);
        }
    }

    /// Any type at all.
    pub trait ShowName {
        /// Sends the type's name.
        fn emit(&self);
    }
    impl<T: ?Sized> ShowName for Shown<'_, T> {
        fn emit(&self) {
            emit_name(std::any::type_name::<T>());
        }
    }
}

/// Shows the value of a cell; the kernel puts a cell's last expression into this.
#[doc(hidden)]
#[macro_export]
macro_rules! __show {
    ($value:expr) => {
        match &($value) {
            value => {
                #[allow(unused_imports)]
                use $crate::cell::show::{
                    NoEvcxrDisplay as _, Outcome as _, ShowDebug as _, ShowDisplay as _, ShowName as _, ShowRich as _,
                    ShowUnit as _, Shown,
                };
                #[allow(clippy::unit_arg, clippy::needless_borrow)]
                if !value.evcxr_display().is_shown() {
                    (&&&&&Shown(value)).emit();
                }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Event, MimeBundle, wire_form};

    #[test]
    fn what_the_kernel_reads_has_all_that_a_display_needs() {
        let bundle = MimeBundle::new().with("text/plain", "x").with_metadata("image/png", "width", 3);
        let display = Event::Display { bundle: bundle.clone(), display_id: Some("a".to_owned()), update: true };
        assert_eq!(
            wire_form(&display),
            json!({
                "type": "display",
                "data": {"text/plain": "x"},
                "metadata": {"image/png": {"width": 3}},
                "display_id": "a",
                "update": true,
            })
        );
        assert_eq!(wire_form(&Event::Result(bundle))["metadata"]["image/png"]["width"], 3);
        assert_eq!(wire_form(&Event::ClearOutput { wait: true }), json!({"type": "clear_output", "wait": true}));
        let input = Event::Input { prompt: "who? ".to_owned(), password: false };
        assert_eq!(wire_form(&input), json!({"type": "input", "prompt": "who? ", "password": false}));
    }
}
