//! Folders and files: `%cd`, `%pwd`, `%ls`, `%%writefile`, `%load`, `%run`.

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;

use super::arguments::{Call, Options, path, words};
use super::context::Context;
use super::timing::duration;
use super::{Magic, Magics, help, notebook, shell, usage};
use crate::session::Failure;

pub(super) const MAGICS: [Magic; 6] = [
    Magic {
        name: "%cd",
        usage: "%cd [-q] [FOLDER | -]",
        summary: "Goes to another folder, with your code and the shell.",
        details: "Without a folder it goes to your own, with `-` to where you were before. -q does not print where it is now.",
        example: "%cd .",
        run: Magics::cd,
    },
    Magic {
        name: "%pwd",
        usage: "%pwd",
        summary: "Says which folder your code is in.",
        details: "",
        example: "%pwd",
        run: Magics::pwd,
    },
    Magic {
        name: "%ls",
        usage: "%ls [OPTIONS] [FILE …]",
        summary: "Lists files.",
        details: "What stands behind it goes to the system's `ls`.",
        example: "%ls -a",
        run: Magics::ls,
    },
    Magic {
        name: "%%writefile",
        usage: "%%writefile [-a] FILE, and the cell below it",
        summary: "Writes the cell to a file.",
        details: "A file that is there is written over; with -a the cell goes to its end. The cell does not run: %run runs \
                  the file.",
        example: "%%writefile example.rs\nfn twice(x: i64) -> i64 { 2 * x }",
        run: Magics::writefile,
    },
    Magic {
        name: "%load",
        usage: "%load [-r FIRST-LAST] FILE | EXERCISE | CELLS",
        summary: "Puts a file, an exercise or earlier cells into this cell, in place of what is in it.",
        details: "Of a notebook it is the code cells. With -r only those lines come in. Cells are named as in %history: `%load \
                  3-5`. Nothing runs until you run the cell again.",
        example: "%load delayed-loop",
        run: Magics::load,
    },
    Magic {
        name: "%run",
        usage: "%run [-t] FILE.rs | FILE.ipynb",
        summary: "Runs a file's cells in this session.",
        details: "What they define stays. A Rust file is one cell, or several where lines begin with `// %%`; its `main`, if it \
                  has one, is called. Of a notebook the code cells run, up to the first that fails. -t says how long it took.",
        example: "%run example.rs",
        run: Magics::run,
    },
];

/// Files that run files that run files: more is a circle.
const DEEPEST: usize = 16;

impl Magics {
    fn cd(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        let (quiet, folder) = match call.arguments.strip_prefix("-q") {
            Some(rest) if rest.is_empty() || rest.starts_with(' ') => (true, rest.trim()),
            _ => (false, call.arguments.as_str()),
        };
        let folder = match folder {
            "" => path("~"),
            "-" => self
                .previous_folder
                .clone()
                .ok_or_else(|| Failure::message("there is no folder to go back to: %cd has not been used yet"))?,
            folder => match words(folder).as_deref() {
                Ok([folder]) => path(folder),
                // A name with spaces needs no quotes, there is only one.
                _ => path(folder),
            },
        };
        let before = context.session.current_directory();
        context.session.change_directory(&folder)?;
        self.previous_folder = Some(before);
        if !quiet {
            context.print(&context.session.current_directory().display().to_string());
        }
        Ok(())
    }

    fn pwd(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        if !call.arguments.is_empty() {
            return Err(usage(call, "%pwd takes nothing behind it; %cd goes elsewhere"));
        }
        context.print(&context.session.current_directory().display().to_string());
        Ok(())
    }

    fn ls(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        // Through the shell, for the sake of `*.csv`.
        shell::run(context, &format!("ls -C -F {}", call.arguments))
    }

    fn writefile(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        let options = Options::parse(&call.arguments, "a").map_err(|message| usage(call, &message))?;
        let file = one_file(call, options.rest)?;
        let place = context.session.current_directory().join(&file);
        let shown = file.display();
        let said = match (place.exists(), options.has('a')) {
            (true, true) => format!("Appending to {shown}"),
            (true, false) => format!("Overwriting {shown}"),
            (false, _) => format!("Writing {shown}"),
        };
        let mut text = call.body.clone();
        if !text.ends_with('\n') {
            text.push('\n');
        }
        let open = || {
            let append = options.has('a');
            std::fs::OpenOptions::new().create(true).write(true).append(append).truncate(!append).open(&place)
        };
        open().and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| {
            let folder = place.parent().filter(|folder| !folder.is_dir());
            Failure::message(&match folder {
                Some(folder) => format!("cannot write {shown}: there is no folder {}", folder.display()),
                None => format!("cannot write {shown}: {error}"),
            })
        })?;
        context.print(&said);
        Ok(())
    }

    fn load(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        let options = Options::parse(&call.arguments, "r:").map_err(|message| usage(call, &message))?;
        let wanted = words(options.rest).map_err(|message| usage(call, &message))?;
        let [wanted] = wanted.as_slice() else {
            return Err(usage(call, "%load takes one file, exercise or range of cells"));
        };
        let mut text = self.find_code(context, wanted)?;
        if let Some(range) = options.value('r') {
            text = lines_of(&text, range).map_err(|message| usage(call, &message))?;
        }
        let text = format!("// %load {}\n{}", call.arguments, text.trim_end());
        self.payload.push(json!({"source": "set_next_input", "text": text, "replace": true}));
        Ok(())
    }

    /// The code that a name stands for: of a file, an exercise, or earlier cells.
    fn find_code(&mut self, context: &Context, wanted: &str) -> Result<String, Failure> {
        let file = context.session.current_directory().join(path(wanted));
        if file.is_file() {
            let cells = notebook::cells_of_file(&file).map_err(|message| Failure::message(&message))?;
            return Ok(cells.join("\n\n"));
        }
        if wanted.starts_with(|c: char| c.is_ascii_digit() || c == '~')
            && let Some(cells) = self.earlier_cells(wanted)
        {
            return Ok(cells);
        }
        let course = self.find_course(context.session);
        let ids = course.as_ref().ok().and_then(|course| course.ids().ok()).unwrap_or_default();
        match course.map(|course| course.exercise(wanted)) {
            Ok(Ok(exercise)) => Ok(exercise.starter),
            _ => {
                let nearest = help::nearest(wanted, ids.iter().map(String::as_str));
                let meant = nearest.map(|id| format!("; did you mean the exercise {id}?")).unwrap_or_default();
                Err(Failure::message(&format!("there is no file {} and no exercise `{wanted}`{meant}", file.display())))
            }
        }
    }

    fn run(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        let options = Options::parse(&call.arguments, "it").map_err(|message| usage(call, &message))?;
        let file = one_file(call, options.rest)?;
        let place = context.session.current_directory().join(&file);
        let mut cells = notebook::cells_of_file(&place).map_err(|message| Failure::message(&message))?;
        if let [program] = cells.as_slice()
            && place.extension().is_some_and(|ending| ending == "rs")
        {
            cells.extend(notebook::call_of_main(program));
        }
        if self.depth >= DEEPEST {
            return Err(Failure::message(&format!("{} runs itself, by way of other files or at once", file.display())));
        }
        let (began, compiled) = (Instant::now(), context.compiled);
        self.depth += 1;
        let count = cells.len();
        let result = cells.iter().enumerate().try_for_each(|(at, cell)| {
            self.run_code(context, cell).map_err(|mut failure| {
                let place = if count > 1 {
                    format!("cell {} of {}", at + 1, file.display())
                } else {
                    file.display().to_string()
                };
                failure.traceback.push(format!("This was in {place}."));
                failure
            })
        });
        self.depth -= 1;
        if result.is_ok() && options.has('t') {
            let compiled = context.compiled - compiled;
            context.print(&format!(
                "{count} cell{}: {} (and {} to compile)",
                if count == 1 { "" } else { "s" },
                duration(began.elapsed().saturating_sub(compiled)),
                duration(compiled)
            ));
        }
        result
    }
}

fn one_file(call: &Call, text: &str) -> Result<PathBuf, Failure> {
    let words = words(text).map_err(|message| usage(call, &message))?;
    match words.as_slice() {
        [file] => Ok(path(file)),
        [] => Err(usage(call, &format!("{} needs the name of a file", call.name))),
        _ => Err(usage(call, &format!("{} takes one file; a name with spaces goes into quotes", call.name))),
    }
}

/// Lines by number, such as `5-10` or `7`.
fn lines_of(text: &str, range: &str) -> Result<String, String> {
    let wrong = || format!("`{range}` is no range of lines; it looks like 5-10");
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let first: usize = first.parse().map_err(|_| wrong())?;
    let last = if last.is_empty() { usize::MAX } else { last.parse().map_err(|_| wrong())? };
    if first == 0 || last < first {
        return Err(wrong());
    }
    let lines: Vec<&str> = text.lines().skip(first - 1).take(last - first + 1).collect();
    match lines.is_empty() {
        true => Err(format!("there is no line {first}: there are {}", text.lines().count())),
        false => Ok(lines.join("\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_chosen_by_number() {
        let text = "a\nb\nc\n";
        assert_eq!(lines_of(text, "2-3").as_deref(), Ok("b\nc"));
        assert_eq!(lines_of(text, "2-").as_deref(), Ok("b\nc"));
        assert_eq!(lines_of(text, "1").as_deref(), Ok("a"));
        assert!(lines_of(text, "3-2").is_err() && lines_of(text, "x").is_err());
        assert!(lines_of(text, "9").unwrap_err().contains("there are 3"));
    }
}
