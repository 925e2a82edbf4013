//! The engine's pictures: `%visualize`, `%profile`.

use super::arguments::{Call, Options};
use super::context::{Context, only_message};
use super::{Magic, Magics, usage};
use crate::session::Failure;
use crate::session::cell::outline;

pub(super) const MAGICS: [Magic; 3] = [
    Magic {
        name: "%visualize",
        usage: "%visualize [-o] EXPRESSION [FILE.svg|.png|.dot]",
        summary: "Draws the task graph behind a lazy value, and saves it when a file is named.",
        details: "Nothing is computed. With -o the graph is drawn as it runs, after it has been optimised.",
        example: "%visualize (taskloom::delayed_value(1i64) + 2) * 3",
        run: Magics::visualize,
    },
    Magic {
        name: "%profile",
        usage: "%profile [-f FILE.html|.json] CODE",
        summary: "Runs code and shows which task ran when, on which thread.",
        details: "The picture is the task stream: a lane for each thread, a bar for each task. The value of the code is shown \
                  as well. With -f a report with everything that was recorded is saved as a page (.html), or as a trace for \
                  other tools (.json).",
        example: "%profile (taskloom::delayed_value(1i64) + 2).compute()?",
        run: Magics::profile,
    },
    Magic {
        name: "%%profile",
        usage: "%%profile [-f FILE.html|.json], and the cell below it",
        summary: "Runs the cell and shows which task ran when, on which thread.",
        details: "As %profile. Variables that the cell makes live on.",
        example: "%%profile\nlet profiled = (taskloom::delayed_value(1i64) + 2).compute()?;\nprofiled",
        run: Magics::profile_cell,
    },
];

impl Magics {
    fn visualize(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        let options = Options::parse(&call.arguments, "o").map_err(|message| usage(call, &message))?;
        let (expression, file) = match options.rest.rsplit_once(char::is_whitespace) {
            Some((expression, file)) if [".svg", ".png", ".dot"].iter().any(|ending| file.ends_with(ending)) => {
                (expression.trim_end(), Some(file))
            }
            _ => (options.rest, None),
        };
        if expression.is_empty() {
            return Err(usage(call, "%visualize needs something to draw"));
        }
        let save = match file {
            Some(file) => format!("drawing.save({file:?})?;"),
            None => String::new(),
        };
        let optimised = if options.has('o') { ".optimized()" } else { "" };
        let lines = "\n".repeat(call.line - 1);
        let wrapped = format!(
            "{lines}{{ let drawing = ({expression}).visualize(){optimised}; ::taskloom::display(&drawing); {save} }};"
        );
        context.execute_wrapped(&call.in_place(expression), &wrapped, false, |failure| match failure.code.as_deref() {
            Some("E0599") => Failure::message(&format!(
                "`{expression}` has no graph to draw: %visualize takes something lazy, such as a Delayed that has not been computed"
            )),
            _ => only_message(&failure),
        })
    }

    fn profile(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        let options = Options::parse(&call.arguments, "f:").map_err(|message| usage(call, &message))?;
        if options.rest.is_empty() {
            return Err(usage(call, "%profile has nothing to run"));
        }
        let end = end_of_profile(&options).map_err(|message| usage(call, &message))?;
        let lines = "\n".repeat(call.line - 1);
        let wrapped = format!(
            "{lines}{{ taskloom::cell::profile::begin(); let taskloom_value = {{{}\n}}; {end} taskloom_value }}",
            options.rest
        );
        profiled(context, &call.in_place(options.rest), &wrapped)
    }

    fn profile_cell(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        let options = Options::parse(&call.arguments, "f:").map_err(|message| usage(call, &message))?;
        if !options.rest.is_empty() || call.body.trim().is_empty() {
            return Err(usage(call, "%%profile runs the lines below it"));
        }
        let end = end_of_profile(&options).map_err(|message| usage(call, &message))?;
        let plain = call.body_in_place();
        let body = match outline(&plain).tail {
            Some(tail) => {
                format!("{}taskloom::__show!({});{}", &plain[..tail.start], &plain[tail.clone()], &plain[tail.end..])
            }
            None => plain.clone(),
        };
        let lines = "\n".repeat(call.line - 1);
        let wrapped = format!("{lines}taskloom::cell::profile::begin();\n{}\n{end}", &body[call.line..]);
        profiled(context, &plain, &wrapped)
    }
}

/// Runs code that begins a profile and ends it; a failure in between ends it too.
fn profiled(context: &mut Context, plain: &str, wrapped: &str) -> Result<(), Failure> {
    let result = context.execute_wrapped(plain, wrapped, false, |failure| only_message(&failure));
    if let Err(failure) = &result
        && !["CompileError", "Died"].contains(&failure.name.as_str())
    {
        // What ran before it failed is worth seeing, and nothing shall go on recording.
        let _ = context.execute("taskloom::cell::profile::show();");
    }
    result
}

/// Code that ends a profile, shows it, and saves it if a file is named.
fn end_of_profile(options: &Options) -> Result<String, String> {
    let save = match options.value('f') {
        None => return Ok("taskloom::cell::profile::show();".to_owned()),
        Some(file) if file.ends_with(".html") => format!("profile.save_report({file:?})?;"),
        Some(file) if file.ends_with(".json") => format!("profile.save_trace({file:?})?;"),
        Some(file) => return Err(format!("a profile is saved as .html or .json, not as `{file}`")),
    };
    Ok(format!("if let Some(profile) = taskloom::cell::profile::end() {{ ::taskloom::display(&profile); {save} }};"))
}
