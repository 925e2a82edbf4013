//! `taskloom render` and `taskloom slides`: notebooks as web pages, and as slides.
//!
//! nbconvert turns cells into HTML, in the private Python environment; the frame around them is ours, and loads nothing.

mod formulas;
mod notebooks;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value, json};
use taskloom_setup::Home;

use self::notebooks::Notebook;
use super::run::{Failing, Run, absolute, python};
use crate::installation::write_whole;

const SCRIPT: &str = include_str!("publish.py");

#[derive(clap::Args)]
pub struct RenderOptions {
    /// Notebooks, and folders of notebooks [default: all of the course]
    notebooks: Vec<PathBuf>,
    /// The folder that the pages go into
    #[arg(long, default_value = "rendered")]
    out: PathBuf,
    /// Put the solutions into the exercises' cells
    #[arg(long)]
    solutions: bool,
    /// Run nothing: show the outputs that the notebooks hold
    #[arg(long, conflicts_with = "solutions")]
    no_run: bool,
    /// Seconds that one cell may take
    #[arg(long, default_value_t = 300)]
    timeout: u32,
    /// The folder of the installation
    #[arg(long)]
    home: Option<PathBuf>,
}

#[derive(clap::Args)]
pub struct SlidesOptions {
    /// Notebooks, and folders of notebooks [default: all of the course]
    notebooks: Vec<PathBuf>,
    /// The folder that the slides go into
    #[arg(long, default_value = "slides")]
    out: PathBuf,
    /// The folder of the installation
    #[arg(long)]
    home: Option<PathBuf>,
}

/// What was made of a notebook.
#[derive(Deserialize)]
struct Made {
    name: String,
    /// Cells that failed, though nobody meant them to.
    #[serde(default)]
    failures: Vec<Failure>,
    /// Why the run did not get to the end.
    #[serde(default)]
    stopped: Option<String>,
    /// Images that are shown with a network only, or not at all.
    remote: Vec<String>,
    #[serde(default)]
    slides: usize,
}

#[derive(Deserialize)]
struct Failure {
    cell: Option<u32>,
    line: String,
    error: String,
    /// An exercise that is not solved, and failed before.
    after: Option<String>,
}

pub fn render(options: &RenderOptions) -> Result<ExitCode, String> {
    let began = Instant::now();
    let home = super::home_folder(options.home.clone())?;
    let notebooks = notebooks::find(&options.notebooks, &home)?;
    let executed = temporary_folder()?;
    let mut entries = Vec::new();
    for notebook in &notebooks {
        let mut shown = notebook.path.clone();
        if !options.no_run {
            println!("{}", notebook.name);
            shown = executed.path().join(format!("{}.ipynb", notebook.name));
            Run {
                home: &home,
                notebook: &notebook.path,
                out: &shown,
                solutions: options.solutions,
                timeout: options.timeout,
                failing: Failing::GoesOn,
            }
            .execute()?;
            if !shown.is_file() {
                return Err(format!("{} could not be run; see above", notebook.path.display()));
            }
        }
        entries.push(entry(notebook, &shown));
    }
    let job = Job { kind: "pages", solutions: options.solutions, notebooks: &notebooks, entries, out: &options.out };
    let made = job.publish(&home)?;
    println!(
        "rendered {} in {:.0} s: {}",
        counted(made.len(), "notebook"),
        began.elapsed().as_secs_f64(),
        absolute(&options.out).join("index.html").display()
    );
    Ok(if tell_failures(&made) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

pub fn slides(options: &SlidesOptions) -> Result<ExitCode, String> {
    let home = super::home_folder(options.home.clone())?;
    let notebooks = notebooks::find(&options.notebooks, &home)?;
    let entries = notebooks.iter().map(|notebook| entry(notebook, &notebook.path)).collect();
    let job = Job { kind: "slides", solutions: false, notebooks: &notebooks, entries, out: &options.out };
    let made = job.publish(&home)?;
    for notebook in &made {
        if notebook.slides == 0 {
            println!(
                "{}: no slides, because none of its cells has a slide type (in JupyterLab: the gear at the right, Slide Type)",
                notebook.name
            );
        } else {
            let file = absolute(&options.out).join(format!("{}.html", notebook.name));
            println!("{}: {} in {}", notebook.name, counted(notebook.slides, "slide"), file.display());
        }
    }
    let any = made.iter().any(|notebook| notebook.slides > 0);
    Ok(if any { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Says which notebooks did not run as they should. True when there are such.
fn tell_failures(made: &[Made]) -> bool {
    let mut any = false;
    for notebook in made {
        if let Some(reason) = &notebook.stopped {
            eprintln!("{}: the run stopped before the end: {reason}", notebook.name);
            any = true;
        }
        for failure in &notebook.failures {
            let number = failure.cell.map_or(String::new(), |number| format!(" [{number}]"));
            eprintln!("{}: the cell{number} `{}` failed: {}", notebook.name, failure.line, failure.error);
            if let Some(exercise) = &failure.after {
                eprintln!(
                    "    it may need the exercise {exercise}, which is not solved; `--solutions` puts the answers in"
                );
            }
            any = true;
        }
    }
    any
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn entry(notebook: &Notebook, shown: &Path) -> Value {
    json!({ "name": notebook.name, "source": notebook.path, "executed": shown })
}

/// What is to be made.
struct Job<'a> {
    kind: &'static str,
    solutions: bool,
    notebooks: &'a [Notebook],
    entries: Vec<Value>,
    out: &'a Path,
}

impl Job<'_> {
    /// Makes the pages, and writes each whole or not at all.
    fn publish(self, home: &Home) -> Result<Vec<Made>, String> {
        let folder = temporary_folder()?;
        let final_folder = absolute(self.out);
        std::fs::create_dir_all(&final_folder)
            .map_err(|error| format!("cannot make the folder {}: {error}", final_folder.display()))?;
        let root = notebooks::root_of(self.notebooks);
        let job = json!({
            "kind": self.kind,
            "notebooks": self.entries,
            "out": folder.path(),
            "final": final_folder,
            "root": root,
            "title": notebooks::title_of(&root),
            "solutions": self.solutions,
            "assets": {
                "page.css": include_str!("page.css"),
                "page.html.j2": include_str!("page.html.j2"),
                "index.html.j2": include_str!("index.html.j2"),
                "slides.css": include_str!("slides.css"),
                "slides.js": include_str!("slides.js"),
                "slides.html.j2": include_str!("slides.html.j2"),
            },
        });
        let made = call_python(home, &job)?;
        let pages = std::fs::read_dir(folder.path()).map_err(|error| format!("cannot read the pages: {error}"))?;
        for page in pages.flatten().map(|entry| entry.path()) {
            let text =
                std::fs::read_to_string(&page).map_err(|error| format!("cannot read {}: {error}", page.display()))?;
            let (text, unknown) = formulas::draw(&text);
            let name = page.file_name().unwrap_or_default();
            for tex in unknown {
                eprintln!("{}: this formula is shown as it is written: {tex}", name.to_string_lossy());
            }
            let file = final_folder.join(name);
            write_whole(&file, text.as_bytes()).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
        }
        for notebook in &made {
            for image in &notebook.remote {
                eprintln!("{}: the image {image} is not in the page; a file of the course would be", notebook.name);
            }
        }
        Ok(made)
    }
}

fn call_python(home: &Home, job: &Value) -> Result<Vec<Made>, String> {
    let failed = |error: std::io::Error| format!("cannot run Python: {error}");
    let mut child = Command::new(python(home)?)
        .args(["-c", SCRIPT])
        .env("JUPYTER_PATH", home.jupyter_path())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // When it ended early, what it said on its stderr is better than "broken pipe".
        let _ = stdin.write_all(job.to_string().as_bytes());
    }
    let output = child.wait_with_output().map_err(failed)?;
    if !output.status.success() {
        return Err("nbconvert could not make the pages; what it said is above".into());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("nbconvert's answer makes no sense: {error}"))
}

fn temporary_folder() -> Result<tempfile::TempDir, String> {
    tempfile::Builder::new()
        .prefix("taskloom-pages-")
        .tempdir()
        .map_err(|error| format!("cannot make a temporary folder: {error}"))
}
