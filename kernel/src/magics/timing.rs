//! `%time` and `%timeit`.

use std::time::{Duration, Instant};

use ra_ap_syntax::ast::{AstNode, HasName, IdentPat};
use ra_ap_syntax::{Edition, SourceFile, SyntaxKind};

use super::arguments::{Call, Options};
use super::context::{Context, only_message};
use super::{Magic, Magics, usage};
use crate::session::Failure;

pub(super) const MAGICS: [Magic; 4] = [
    Magic {
        name: "%time",
        usage: "%time STATEMENT",
        summary: "Runs one line and says how long it took.",
        details: "Wall time is what the clock on the wall says, without the time that it took to compile, which is told apart. \
                  CPU time is what all threads together have used of the processors; where it is more than the wall time, \
                  several worked at once. The value of the line is shown, and its variables live on.",
        example: "%time let total: u64 = (0..1_000_000).sum();",
        run: Magics::time,
    },
    Magic {
        name: "%%time",
        usage: "%%time, and the cell below it",
        summary: "Runs the cell and says how long it took.",
        details: "As %time does for a line; magics and shell commands in the cell count too.",
        example: "%%time\nlet squares: Vec<u64> = (0..1000).map(|n| n * n).collect();\nsquares.len()",
        run: Magics::time,
    },
    Magic {
        name: "%timeit",
        usage: "%timeit [-n LOOPS] [-r RUNS] [-p DIGITS] [-q] CODE",
        summary: "Runs code again and again, and says how long it takes on average.",
        details: "The code is compiled once, optimised, with a loop around it. Without -n the loop is made so long that a run \
                  takes a fifth of a second or more; there are 7 runs, or as many as -r says. The time to drop the value is \
                  part of it. The variables that the code uses are hidden from the optimiser, as `black_box` does, so that \
                  the work is not done just once. -p is the number of digits (3), -q prints nothing.",
        example: "%timeit -n 100 -r 3 (1..=20u64).product::<u64>()",
        run: Magics::timeit,
    },
    Magic {
        name: "%%timeit",
        usage: "%%timeit [-n LOOPS] [-r RUNS] [-p DIGITS] [-q] [SETUP], and the cell below it",
        summary: "Runs the cell again and again, and says how long it takes on average.",
        details: "Code on the first line, behind the options, is run once and not measured. Variables that the cell makes do \
                  not live on. Otherwise as %timeit.",
        example: "%%timeit -n 10 -r 3 let words = [\"warp\", \"weft\"];\nlet text = words.concat();\ntext.len()",
        run: Magics::timeit,
    },
];

/// Digits of a time that is printed.
const DIGITS: u64 = 3;
/// Runs of `%timeit`.
const RUNS: u64 = 7;

impl Magics {
    fn time(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        let code = match call.name.starts_with("%%") {
            // A statement may stand behind the name, too.
            true => format!("{}\n{}", call.in_place(&call.arguments), call.body),
            // Only in the first column is it the shell's.
            false if call.arguments.starts_with('!') => format!("{}{}", "\n".repeat(call.line - 1), call.arguments),
            false => call.in_place(&call.arguments),
        };
        if code.trim().is_empty() {
            return Err(usage(call, &format!("{} has nothing to run", call.name)));
        }
        let (began, compiled, cpu) = (Instant::now(), context.compiled, context.session.cpu_time());
        self.run_code(context, &code)?;
        let (all, compiled) = (began.elapsed(), context.compiled - compiled);
        let cpu = cpu.and_then(|before| context.session.cpu_time()?.checked_sub(before));
        let mut lines = Vec::new();
        lines.extend(cpu.map(|cpu| format!("CPU time: {}", duration(cpu))));
        lines.push(format!("Wall time: {}", duration(all.saturating_sub(compiled))));
        lines.push(format!("Compile time: {}", duration(compiled)));
        context.print(&lines.join("\n"));
        Ok(())
    }

    fn timeit(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        let wrong = |message: String| usage(call, &message);
        let options = Options::parse(&call.arguments, "n:r:p:q").map_err(wrong)?;
        let loops = options.number('n').map_err(wrong)?.unwrap_or(0);
        let runs = options.number('r').map_err(wrong)?.unwrap_or(RUNS);
        let digits = options.number('p').map_err(wrong)?.unwrap_or(DIGITS);
        let first = call.in_place(options.rest);
        let is_cell = call.name.starts_with("%%");
        let (setup, body) = if is_cell { (options.rest, call.body_in_place()) } else { ("", first.clone()) };
        if body.trim().is_empty() {
            return Err(usage(call, &format!("{} has nothing to measure", call.name)));
        }
        let known: Vec<String> = context.session.variables().into_iter().map(|(name, _)| name).collect();
        let hidden: String =
            used(setup, &body, &known).iter().map(|name| format!("::std::hint::black_box(&{name});")).collect();
        let finish = match options.has('q') {
            true => String::new(),
            false => format!("taskloom_watch.finish().print({digits});"),
        };
        // In front of the user's first line, whose number it must not change.
        let blank = body.len() - body.trim_start_matches('\n').len();
        let separator = if setup.is_empty() || setup.trim_end().ends_with([';', '}']) { "" } else { ";" };
        let opening = format!(
            "{{ {setup}{separator} let mut taskloom_watch = ::taskloom::timing::Stopwatch::new({loops}, {runs} as usize); \
             while let Some(taskloom_loops) = taskloom_watch.start() {{ for _ in 0..taskloom_loops {{ {hidden} \
             ::std::hint::black_box({{"
        );
        let closing = format!("\n}}); }} taskloom_watch.stop(); }} {finish} }};");
        let wrapped = if is_cell && blank > 0 {
            format!("{}{opening}\n{}{closing}", "\n".repeat(blank - 1), &body[blank..])
        } else {
            format!("{}{opening}{}{closing}", "\n".repeat(blank), &body[blank..])
        };
        // Line for line the same as what is wrapped, without what is not the user's.
        let plain = match is_cell {
            true => format!("{first}{separator}\n{}", call.body),
            false => body,
        };
        context.execute_wrapped(&plain, &wrapped, true, |failure| {
            let in_a_loop = match failure.code.as_deref() {
                Some("E0382" | "E0507") => "; in a loop a value can be moved only once, so pass a reference or a clone",
                Some("E0425") => "; a variable is used in a loop before it is made",
                _ => "; the code compiles by itself, but not in the loop that measures it",
            };
            let failure = only_message(&failure);
            Failure::message(&format!("{}{in_a_loop}", failure.value))
        })
    }
}

/// The variables of the session, and those of the setup, that the code uses.
fn used(setup: &str, body: &str, known: &[String]) -> Vec<String> {
    let tree = |code: &str| SourceFile::parse(&format!("fn f(){{{code}\n}}"), Edition::Edition2024).syntax_node();
    let made: Vec<String> = tree(setup)
        .descendants()
        .filter_map(IdentPat::cast)
        .filter_map(|pattern| Some(pattern.name()?.text().to_string()))
        .filter(|name| name.starts_with(|c: char| c.is_lowercase()))
        .collect();
    let mut used: Vec<String> = tree(body)
        .descendants_with_tokens()
        .filter_map(|element| element.into_token())
        .filter(|token| token.kind() == SyntaxKind::IDENT)
        .map(|token| token.text().to_owned())
        .filter(|name| known.contains(name) || made.contains(name))
        .collect();
    used.sort();
    used.dedup();
    used
}

/// A duration with as many digits as mean something.
pub fn duration(duration: Duration) -> String {
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

    #[test]
    fn durations_are_short() {
        assert_eq!(duration(Duration::from_millis(2040)), "2.04 s");
        assert_eq!(duration(Duration::from_micros(1500)), "1.5 ms");
        assert_eq!(duration(Duration::from_secs(125)), "2 min 5 s");
    }

    #[test]
    fn what_is_measured_is_hidden_from_the_optimiser() {
        let known = ["xs".to_owned(), "other".to_owned()];
        assert_eq!(
            used("let (a, mut b) = f();", "xs.iter().map(|x| x + a).sum::<i32>() + b", &known),
            ["a", "b", "xs"]
        );
        assert_eq!(used("", "\"xs\".len()", &known), [""; 0]);
    }
}
