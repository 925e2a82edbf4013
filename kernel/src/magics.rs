//! Magics: `%name` for a line, `%%name` for a cell, in IPython's manner.

use std::collections::HashMap;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use taskloom_exercises::{CHECK_REPORT, CHECK_RESULT, CodeRunner, Course, CourseError, Run, RunFailure};

use crate::html::escape;
use crate::installation::Installation;
use crate::session::rewrite::{Completeness, completeness};
use crate::session::{Event, Failure, Mime, Session};

/// Where a magic sends what it shows.
type Show<'a> = &'a dyn Fn(Event);

/// What a magic needs to do its work.
struct Context<'a> {
    session: &'a mut Session,
    show: Show<'a>,
    number: u32,
}

type Action = fn(&mut Magics, &mut Context, &str) -> Result<(), Failure>;

struct Magic {
    name: &'static str,
    usage: &'static str,
    help: &'static str,
    run: Action,
}

/// All magics, in the order `%lsmagic` shows them.
const MAGICS: [Magic; 9] = [
    Magic {
        name: "%visualize",
        usage: "%visualize EXPRESSION [FILE.svg|.png|.dot]",
        help: "Draws the task graph behind a lazy value, and saves it when a file is named.",
        run: Magics::visualize,
    },
    Magic {
        name: "%check",
        usage: "%check EXERCISE",
        help: "Checks your answer to an exercise against your variables and functions.",
        run: Magics::check,
    },
    Magic { name: "%hint", usage: "%hint EXERCISE", help: "Shows the next hint for an exercise.", run: Magics::hint },
    Magic {
        name: "%solution",
        usage: "%solution EXERCISE",
        help: "Shows an answer to an exercise.",
        run: Magics::solution,
    },
    Magic {
        name: "%time",
        usage: "%time STATEMENT",
        help: "Runs one line and says how long it took.",
        run: Magics::time,
    },
    Magic {
        name: "%%time",
        usage: "%%time, and the cell below it",
        help: "Runs the cell and says how long it took.",
        run: Magics::time,
    },
    Magic {
        name: "%who",
        usage: "%who",
        help: "Lists the variables of the session with their types.",
        run: Magics::who,
    },
    Magic { name: "%lsmagic", usage: "%lsmagic", help: "Lists all magics.", run: Magics::list },
    Magic { name: "%magic", usage: "%magic", help: "The same as %lsmagic.", run: Magics::list },
];

/// The names of all magics.
pub fn names() -> Vec<String> {
    MAGICS.iter().map(|magic| magic.name.to_owned()).collect()
}

/// Usage and help of one magic.
pub fn help(name: &str) -> Option<String> {
    MAGICS.iter().find(|magic| magic.name == name).map(|magic| format!("{}\n\n{}", magic.usage, magic.help))
}

/// The names of the exercises of the course at hand, or of the installation's.
pub fn exercises(installed: &Option<std::path::PathBuf>) -> Vec<String> {
    let here = std::env::current_dir().unwrap_or_default();
    let course = Course::find(&here).ok().or_else(|| Course::find(installed.as_deref()?).ok());
    course.and_then(|course| course.ids().ok()).unwrap_or_default()
}

/// What magics remember between cells.
pub struct Magics {
    course: Option<std::path::PathBuf>,
    hints_shown: HashMap<String, usize>,
}

/// A piece of a cell.
#[derive(Debug, PartialEq)]
enum Piece {
    /// Rust, with blank lines in front so that lines keep their numbers.
    Rust(String),
    /// A magic, its arguments, and its line counted from 1.
    Magic { name: String, arguments: String, line: usize },
}

/// Splits a cell into Rust and line magics. A line that begins with `%` and a letter is a magic, unless the statement
/// before it is unfinished: then `%` is the remainder operator.
fn pieces(code: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rust = String::new();
    let mut blank = true;
    let mut lines_before = 0;
    for (index, line) in code.lines().enumerate() {
        let is_magic = line.starts_with('%')
            && line[1..].starts_with(|c: char| c.is_ascii_alphabetic())
            && (blank || completeness(&rust) == Completeness::Complete);
        if is_magic {
            if !blank {
                pieces.push(Piece::Rust(std::mem::take(&mut rust)));
            }
            let (name, arguments) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            pieces.push(Piece::Magic {
                name: name.to_owned(),
                arguments: arguments.trim().to_owned(),
                line: index + 1,
            });
            lines_before = index + 1;
            rust.clear();
            blank = true;
        } else {
            if rust.is_empty() {
                rust = "\n".repeat(lines_before);
            }
            rust.push_str(line);
            rust.push('\n');
            blank &= line.trim().is_empty();
        }
    }
    if !blank {
        pieces.push(Piece::Rust(rust));
    }
    pieces
}

impl Magics {
    /// Magics that find exercises in the installation's course, unless the current folder lies in one.
    pub fn new(installation: &Installation) -> Self {
        Magics { course: installation.course.clone(), hints_shown: HashMap::new() }
    }

    /// Runs a cell, magics and Rust in the order written.
    ///
    /// # Errors
    /// Why it did not finish.
    pub fn run_cell(&mut self, session: &mut Session, code: &str, number: u32, show: Show) -> Result<(), Failure> {
        let mut context = Context { session, show, number };
        let first = code.trim_start();
        if first.trim_end() == ":quit" {
            return Err(Failure::message(
                "`:quit` would end the kernel under your notebook; Kernel → Shut Down Kernel does that",
            ));
        }
        if let Some(rest) = first.strip_prefix("%%") {
            let (line, body) = rest.split_once('\n').unwrap_or((rest, ""));
            let name = format!("%%{}", line.split_whitespace().next().unwrap_or_default());
            // A blank line stands for the magic's own, so that lines keep their numbers.
            let skipped = code[..code.len() - body.len()].matches('\n').count();
            return self.magic(&mut context, &name, &format!("{}{body}", "\n".repeat(skipped)));
        }
        for piece in pieces(code) {
            match piece {
                Piece::Rust(rust) => context.session.execute(&rust, number)?,
                Piece::Magic { name, arguments, line } => {
                    if let Some(name) = name.strip_suffix('?') {
                        context.print(help(name).unwrap_or_else(|| unknown(name)));
                        continue;
                    }
                    let arguments = match name.as_str() {
                        "%time" => format!("{}{arguments}", "\n".repeat(line - 1)),
                        _ => arguments,
                    };
                    self.magic(&mut context, &name, &arguments)?;
                }
            }
        }
        Ok(())
    }

    fn magic(&mut self, context: &mut Context, name: &str, arguments: &str) -> Result<(), Failure> {
        match MAGICS.iter().find(|magic| magic.name == name) {
            Some(magic) => (magic.run)(self, context, arguments),
            None => Err(Failure::message(&unknown(name))),
        }
    }

    fn list(&mut self, context: &mut Context, _: &str) -> Result<(), Failure> {
        let width = MAGICS.iter().map(|magic| magic.usage.chars().count()).max().unwrap_or(0);
        let mut text = String::new();
        let mut html = String::from("<table style=\"text-align:left\">");
        for magic in &MAGICS {
            let padding = " ".repeat(width - magic.usage.chars().count());
            text.push_str(&format!("{}{padding}  {}\n", magic.usage, magic.help));
            html.push_str(&format!(
                "<tr><td style=\"text-align:left\"><code>{}</code></td><td style=\"text-align:left\">{}</td></tr>",
                escape(magic.usage),
                escape(magic.help)
            ));
        }
        html.push_str("</table>");
        text.push_str("`%name?` shows the help of one. Lines that begin with `:` are evcxr's commands (`:help`), with `!` the shell's.");
        context.display([("text/plain", json!(text)), ("text/html", json!(html))]);
        Ok(())
    }

    fn who(&mut self, context: &mut Context, _: &str) -> Result<(), Failure> {
        let variables = context.session.variables();
        let text = if variables.is_empty() {
            "no variables yet".to_owned()
        } else {
            variables.iter().map(|(name, ty)| format!("{name}: {ty}")).collect::<Vec<_>>().join("\n")
        };
        context.print(text);
        Ok(())
    }

    fn time(&mut self, context: &mut Context, code: &str) -> Result<(), Failure> {
        if code.trim().is_empty() {
            return Err(usage("%time"));
        }
        let began = Instant::now();
        let result = context.session.execute(code, context.number);
        let (all, running) = (began.elapsed(), context.session.last_run_time());
        if result.is_ok() {
            let running = running.unwrap_or(all);
            let compiling = all.saturating_sub(running);
            context.print(format!("Wall time: {} (and {} to compile)", duration(running), duration(compiling)));
        }
        result
    }

    fn visualize(&mut self, context: &mut Context, arguments: &str) -> Result<(), Failure> {
        let (expression, file) = match arguments.rsplit_once(char::is_whitespace) {
            Some((expression, file)) if [".svg", ".png", ".dot"].iter().any(|ending| file.ends_with(ending)) => {
                (expression.trim(), Some(file))
            }
            _ => (arguments, None),
        };
        if expression.is_empty() {
            return Err(usage("%visualize"));
        }
        let save = match file {
            Some(file) => format!("drawing.save({file:?})?;"),
            None => String::new(),
        };
        let code = format!("{{ let drawing = ({expression}).visualize(); ::taskloom::display(&drawing); {save} }};");
        context.session.execute(&code, context.number).map_err(|failure| match failure.code.as_deref() {
            Some("E0599") => Failure::message(&format!(
                "`{expression}` has no graph to draw: %visualize takes something lazy, such as a Delayed that has not been computed"
            )),
            // The code around the expression is ours; only the sentence is for the user.
            Some(_) => Failure::message(&failure.value),
            None => failure,
        })
    }

    fn course(&self) -> Result<Course, Failure> {
        let here = std::env::current_dir().unwrap_or_default();
        let course = match (Course::find(&here), &self.course) {
            (Err(CourseError::NoCourse(_)), Some(root)) => Course::find(root),
            (course, _) => course,
        };
        course.map_err(|error| Failure::message(&error.to_string()))
    }

    /// The exercise that the arguments name, or a sentence that lists those there are.
    fn exercise_id<'a>(&self, course: &Course, magic: &str, arguments: &'a str) -> Result<&'a str, Failure> {
        match arguments.split_whitespace().next() {
            Some(id) => Ok(id),
            None => {
                let ids = course.ids().map_err(|error| Failure::message(&error.to_string()))?;
                Err(Failure::message(&format!("{magic} needs the name of an exercise: {}", ids.join(", "))))
            }
        }
    }

    fn check(&mut self, context: &mut Context, arguments: &str) -> Result<(), Failure> {
        let course = self.course()?;
        let id = self.exercise_id(&course, "%check", arguments)?;
        let exercise = course.exercise(id).map_err(|error| Failure::message(&error.to_string()))?;
        let report =
            taskloom_exercises::check(&exercise, &mut Checking { session: context.session, number: context.number });
        context.display([
            ("text/plain", json!(report.text())),
            ("text/html", json!(report.html())),
            (CHECK_REPORT, report.json()),
        ]);
        Ok(())
    }

    fn hint(&mut self, context: &mut Context, arguments: &str) -> Result<(), Failure> {
        let course = self.course()?;
        let id = self.exercise_id(&course, "%hint", arguments)?;
        let exercise = course.exercise(id).map_err(|error| Failure::message(&error.to_string()))?;
        if exercise.hints.is_empty() {
            context.print(format!("There are no hints for {id}."));
            return Ok(());
        }
        let shown = self.hints_shown.entry(id.to_owned()).or_default();
        let index = (*shown).min(exercise.hints.len() - 1);
        *shown = index + 1;
        let (number, of, hint) = (index + 1, exercise.hints.len(), &exercise.hints[index]);
        let text = format!("Hint {number} of {of}: {hint}");
        let html = format!(
            "<div class=\"taskloom-hint\" style=\"border-left:4px solid #3b6fb6;padding:.4em .8em;white-space:pre-wrap\"><b>Hint \
             {number} of {of}</b>\n{}</div>",
            escape(hint)
        );
        context.display([("text/plain", json!(text)), ("text/html", json!(html))]);
        Ok(())
    }

    fn solution(&mut self, context: &mut Context, arguments: &str) -> Result<(), Failure> {
        let course = self.course()?;
        let id = self.exercise_id(&course, "%solution", arguments)?;
        let solution = course.solution(id).map_err(|error| Failure::message(&error.to_string()))?;
        let html = format!(
            "<div class=\"taskloom-solution\"><small>One answer among others; copy it into a cell to run it.</small><pre>{}</pre></div>",
            escape(solution.trim_end())
        );
        context.display([("text/plain", json!(solution.trim_end())), ("text/html", json!(html))]);
        Ok(())
    }
}

impl Context<'_> {
    fn display<const N: usize>(&self, forms: [(&str, Value); N]) {
        let data: Mime = forms.into_iter().map(|(mime, value)| (mime.to_owned(), value)).collect();
        (self.show)(Event::Display { data, display_id: None, update: false });
    }

    fn print(&self, text: String) {
        (self.show)(Event::Stream { name: "stdout".to_owned(), text: format!("{text}\n") });
    }
}

/// Runs checks in the session, and catches what they publish.
pub struct Checking<'a> {
    /// The learner's session.
    pub session: &'a mut Session,
    /// The execution count of the cell that checks.
    pub number: u32,
}

impl CodeRunner for Checking<'_> {
    fn run(&mut self, code: &str, time_limit: Duration) -> Run {
        let published = self.session.capture(CHECK_RESULT);
        let interrupter = self.session.interrupter();
        let (finished, watch) = mpsc::channel::<()>();
        let watchdog = std::thread::spawn(move || {
            let timed_out = watch.recv_timeout(time_limit) == Err(mpsc::RecvTimeoutError::Timeout);
            if timed_out {
                interrupter.interrupt();
            }
            timed_out
        });
        let result = self.session.execute(code, self.number);
        let _ = finished.send(());
        let timed_out = watchdog.join().unwrap_or(false);
        let failure = result.err().map(|failure| RunFailure {
            message: if timed_out {
                format!("the checks took longer than {} s and were stopped", time_limit.as_secs())
            } else {
                failure.value.clone()
            },
            compile_error: failure.name == "CompileError",
            code: failure.code,
        });
        Run { published: published.take(), failure }
    }
}

fn unknown(name: &str) -> String {
    let nearest = MAGICS
        .iter()
        .map(|magic| (strsim::damerau_levenshtein(magic.name, name), magic.name))
        .filter(|(distance, _)| *distance <= 2)
        .min();
    match nearest {
        Some((_, nearest)) => format!("there is no magic `{name}`; did you mean {nearest}? %lsmagic lists them all"),
        None => format!("there is no magic `{name}`; %lsmagic lists them all"),
    }
}

fn usage(name: &str) -> Failure {
    Failure::message(&format!("usage: {}", help(name).unwrap_or_default().replace("\n\n", "  ")))
}

/// A duration with as many digits as mean something.
fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds >= 60.0 {
        format!("{} min {:.0} s", (seconds / 60.0) as u64, seconds % 60.0)
    } else if seconds >= 1.0 {
        format!("{seconds:.2} s")
    } else if seconds >= 1e-3 {
        format!("{:.1} ms", seconds * 1e3)
    } else {
        format!("{:.1} µs", seconds * 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn magic(name: &str, arguments: &str, line: usize) -> Piece {
        Piece::Magic { name: name.into(), arguments: arguments.into(), line }
    }

    #[test]
    fn a_cell_is_split_into_magics_and_rust() {
        assert_eq!(pieces("%check a\n"), [magic("%check", "a", 1)]);
        assert_eq!(
            pieces("let x = 1;\n%visualize z g.png\nx"),
            [Piece::Rust("let x = 1;\n".into()), magic("%visualize", "z g.png", 2), Piece::Rust("\n\nx\n".into())]
        );
        assert_eq!(pieces("let r = (a\n%b);"), [Piece::Rust("let r = (a\n%b);\n".into())]);
    }

    #[test]
    fn an_unknown_magic_names_the_nearest() {
        assert!(unknown("%chekc").contains("did you mean %check?"));
        assert!(unknown("%%tiem").contains("did you mean %%time?"));
        assert!(!unknown("%frobnicate").contains("did you mean"));
    }

    #[test]
    fn durations_are_short() {
        assert_eq!(duration(Duration::from_millis(2040)), "2.04 s");
        assert_eq!(duration(Duration::from_micros(1500)), "1.5 ms");
        assert_eq!(duration(Duration::from_secs(125)), "2 min 5 s");
    }
}
