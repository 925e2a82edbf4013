//! `taskloom author check`: proves a course.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use crate::author::files::CourseFiles;
use crate::author::prove::{self, Line, Mode};
use crate::author::verdict::Runs;
use crate::author::{Finding, inspect, links};
use crate::installation::Installation;

#[derive(clap::Args)]
pub struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Prove a course: read it, run every notebook with starters and with solutions, follow its links
    Check(Check),
    /// Run one notebook (`taskloom author check` calls this)
    #[command(hide = true)]
    Prove(Prove),
}

#[derive(clap::Args)]
struct Check {
    /// The course: a folder, or the address of a Git repository [default: the one around the current folder]
    course: Option<String>,
    /// Only look at the files; run nothing
    #[arg(long)]
    quick: bool,
    /// Ask the addresses of the network that the texts link to, too
    #[arg(long)]
    online: bool,
    /// Run this notebook only; may be given again
    #[arg(long, value_name = "NAME")]
    notebook: Vec<String>,
    /// Seconds that one cell may take
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    cell_time: u64,
    /// The folder of the installation
    #[arg(long)]
    home: Option<PathBuf>,
}

#[derive(clap::Args)]
struct Prove {
    notebook: PathBuf,
    #[arg(long, value_enum)]
    mode: Mode,
    #[arg(long)]
    cell_time: u64,
    #[arg(long)]
    home: Option<PathBuf>,
}

pub fn run(options: &Options) -> Result<ExitCode, String> {
    match &options.what {
        What::Check(options) => check(options),
        What::Prove(options) => prove(options),
    }
}

fn prove(options: &Prove) -> Result<ExitCode, String> {
    let installation = Installation::load(super::home_folder(options.home.clone())?.root())?;
    prove::run_here(&installation, &options.notebook, options.mode, options.cell_time, &mut |line| {
        let text = serde_json::to_string(&line).unwrap_or_default();
        let mut stdout = std::io::stdout().lock();
        // Nobody listens any more, then.
        let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
    })?;
    Ok(ExitCode::SUCCESS)
}

fn check(options: &Check) -> Result<ExitCode, String> {
    let (folder, _clone) = folder_of(options.course.as_deref().unwrap_or("."))?;
    let mut files = CourseFiles::read(&folder)?;
    println!("{}", files.root().display());
    let mut findings = inspect::findings(&files);
    let python = options.online.then(|| super::python(options.home.clone()));
    findings.extend(links::findings(&files, python.as_deref())?);
    only(&mut files, &options.notebook)?;
    let runs = if options.quick { Runs::default() } else { run_all(&files, options)? };
    findings.extend(runs.verdict(&files));
    println!("{}", runs.table(&files));
    let problems = findings.iter().filter(|finding| finding.is_problem).count();
    for (is_problem, title) in [(true, "To mend"), (false, "To look at")] {
        let of_kind: Vec<&Finding> = findings.iter().filter(|finding| finding.is_problem == is_problem).collect();
        if !of_kind.is_empty() {
            println!("{title}:");
            of_kind.iter().for_each(|finding| println!("  {}: {}", finding.place, finding.what));
            println!();
        }
    }
    let (exercises, notebooks) = (files.exercises.len(), files.notebooks.len());
    let size = format!("{}, {}", counted(exercises, "exercise"), counted(notebooks, "notebook"));
    match (problems, options.quick) {
        (0, false) => println!("{size}: starters fail, solutions pass, everything runs."),
        (0, true) => println!("{size}: the files are in order; nothing was run."),
        _ => println!("{size}: {} to mend.", counted(problems, "thing")),
    }
    Ok(if problems == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Leaves those notebooks that are named, with their exercises; all, where none is named.
fn only(files: &mut CourseFiles, named: &[String]) -> Result<(), String> {
    let names: BTreeSet<&str> = named.iter().map(|name| name.strip_suffix(".ipynb").unwrap_or(name)).collect();
    if names.is_empty() {
        return Ok(());
    }
    if let Some(unknown) = names.iter().find(|name| !files.notebooks.iter().any(|own| own.name == **name)) {
        let known: Vec<&str> = files.notebooks.iter().map(|own| own.name.as_str()).collect();
        return Err(format!("there is no notebook `{unknown}`; there are: {}", known.join(", ")));
    }
    files.notebooks.retain(|own| names.contains(own.name.as_str()));
    files.exercises.retain(|exercise| names.contains(exercise.notebook.as_str()));
    Ok(())
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Runs the notebooks one after the other: what runs beside another would take other times.
fn run_all(files: &CourseFiles, options: &Check) -> Result<Runs, String> {
    let mut runs = Runs::default();
    // Fails here rather than in every run.
    Installation::load(super::home_folder(options.home.clone())?.root())?;
    match super::prep::prepare_course(files.root(), &files.root().join("data"), false, false, options.home.clone()) {
        Ok(prepared) => {
            for file in prepared.iter().filter(|file| !file.is_pinned) {
                let what = format!("{} has no sum there; it is sha256 = \"{}\"", files.shown(&file.path), file.sha256);
                runs.findings.push(Finding::note(taskloom_prep::DATA_LIST, what));
            }
        }
        Err(message) => runs.findings.push(Finding::problem(taskloom_prep::DATA_LIST, message)),
    }
    let mut screen = Screen { on_terminal: std::io::stderr().is_terminal(), cells: 0 };
    for notebook in &files.notebooks {
        let has_exercises = notebook.cells().any(|cell| cell.exercise().is_some());
        for mode in [Mode::Starters, Mode::Solutions] {
            if mode == Mode::Starters && !has_exercises {
                continue;
            }
            screen.begin(&notebook.name, mode);
            let ended =
                prove::run_apart(&notebook.path, mode, options.cell_time, options.home.as_deref(), &mut |line| {
                    screen.line(&notebook.name, mode, &line);
                    runs.add(&notebook.name, mode, line);
                });
            if let Err(message) = ended {
                runs.findings.push(Finding::problem(&files.shown(&notebook.path), message));
            }
        }
    }
    screen.end();
    Ok(runs)
}

/// Says what runs: on a terminal in one line, elsewhere in a line for each run.
struct Screen {
    on_terminal: bool,
    cells: usize,
}

impl Screen {
    fn begin(&mut self, notebook: &str, mode: Mode) {
        self.cells = 0;
        let mut stderr = std::io::stderr().lock();
        let text = format!("{notebook} with {mode:?}").to_lowercase();
        // Nobody looks, then.
        let _ = if self.on_terminal { write!(stderr, "\r\u{1b}[K{text}") } else { writeln!(stderr, "{text}") };
        let _ = stderr.flush();
    }

    fn line(&mut self, notebook: &str, mode: Mode, line: &Line) {
        if let (true, Line::Cell(cell)) = (self.on_terminal, line) {
            self.cells += 1;
            let text = format!("{notebook} with {mode:?}: cell {}", self.cells).to_lowercase();
            let mut stderr = std::io::stderr().lock();
            let _ = write!(stderr, "\r\u{1b}[K{text}, {}", cell.label);
            let _ = stderr.flush();
        }
    }

    fn end(&self) {
        if self.on_terminal {
            let _ = write!(std::io::stderr().lock(), "\r\u{1b}[K");
        }
    }
}

/// The folder of a course; of a Git repository, that of a clone, which goes with the second value.
pub fn folder_of(course: &str) -> Result<(PathBuf, Option<tempfile::TempDir>), String> {
    let path = Path::new(course);
    let is_address = course.contains("://") || (course.contains('@') && course.contains(':'));
    if path.exists() || !is_address {
        return Ok((path.to_path_buf(), None));
    }
    let failed = |error: std::io::Error| format!("cannot clone {course}: {error}");
    let folder = tempfile::Builder::new().prefix("taskloom-course-").tempdir().map_err(failed)?;
    let to = folder.path().join("course");
    let output = Command::new("git")
        .args(["clone", "--quiet", "--depth", "1", "--", course])
        .arg(&to)
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .output()
        .map_err(failed)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("git cannot clone {course}: {}", said.trim()));
    }
    Ok((to, Some(folder)))
}
