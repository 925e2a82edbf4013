//! Small pieces of HTML.

use serde_json::{Value, json};

use crate::html::escape;
use crate::session::Progress;

/// A progress bar, as HTML and as text.
pub fn progress_bar(progress: &Progress) -> Value {
    let Progress { done, total, seconds, .. } = progress;
    let tasks = if *total == 1 { "task" } else { "tasks" };
    let words = match progress.state.as_str() {
        "finished" => format!("{total} {tasks} in {seconds:.1} s"),
        "failed" => format!("failed after {done} of {total} {tasks}, {seconds:.1} s"),
        "cancelled" => format!("interrupted after {done} of {total} {tasks}, {seconds:.1} s"),
        _ => {
            let left = if *done > 0 {
                let left = seconds / *done as f64 * (total - done.min(total)) as f64;
                format!(", about {left:.0} s left")
            } else {
                String::new()
            };
            let running = progress.running.as_ref().map(|name| format!(" · {name}")).unwrap_or_default();
            format!("{done} of {total} {tasks}, {seconds:.1} s{left}{running}")
        }
    };
    let colour = match progress.state.as_str() {
        "failed" | "cancelled" => "#b35900",
        "finished" => "#1b7f4b",
        _ => "#3b6fb6",
    };
    let html = format!(
        "<div class=\"taskloom-progress\" style=\"display:flex;align-items:center;gap:.8em\">\
         <progress value=\"{done}\" max=\"{total}\" style=\"width:22em;accent-color:{colour}\"></progress>\
         <span>{}</span></div>",
        escape(&words)
    );
    json!({"text/plain": words, "text/html": html})
}
