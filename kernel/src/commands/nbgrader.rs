//! `taskloom nbgrader`: courses for nbgrader.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::installation::Installation;
use crate::nbgrader::export::Export;

#[derive(clap::Args)]
pub struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Make a folder in which nbgrader finds the course: `source/ASSIGNMENT`, and its settings
    Export(ExportOptions),
}

#[derive(clap::Args)]
struct ExportOptions {
    /// The course [default: the one around the current folder, or else the installed one]
    course: Option<PathBuf>,
    /// nbgrader's folder for the course
    #[arg(long)]
    out: PathBuf,
    /// Export this notebook; may be given again [default: all that have exercises]
    #[arg(long, value_name = "NAME")]
    notebook: Vec<String>,
    /// Put all notebooks into one assignment of this name [default: each is an assignment called like itself]
    #[arg(long, value_name = "NAME")]
    assignment: Option<String>,
    /// The data that notebooks read [default: $TASKLOOM_DATA, or the folder `data` of the course]
    #[arg(long)]
    data: Option<PathBuf>,
    /// Replace notebooks in the folder that have been changed
    #[arg(long)]
    force: bool,
    /// The folder of the installation
    #[arg(long)]
    home: Option<PathBuf>,
}

pub fn run(options: &Options) -> Result<ExitCode, String> {
    match &options.action {
        Action::Export(options) => export(options),
    }
}

fn export(options: &ExportOptions) -> Result<ExitCode, String> {
    let home = super::home_folder(options.home.clone())?;
    let installed = Installation::load(home.root()).ok().and_then(|installation| installation.course);
    let course = super::grade::find_course(options.course.as_deref(), installed.as_deref())?;
    if let Some(name) = &options.assignment
        && (name.is_empty() || name.starts_with('.') || name.contains(['/', '+']))
    {
        return Err(format!(
            "`{name}` cannot be the name of an assignment: it is a folder's, and nbgrader takes no `+`"
        ));
    }
    let out = std::path::absolute(&options.out).map_err(|error| format!("{}: {error}", options.out.display()))?;
    if out.starts_with(course.root().join("notebooks")) || out == course.root() {
        return Err(format!("{} is the course itself; nbgrader needs a folder of its own", out.display()));
    }
    let exported = Export {
        course: &course,
        notebooks: &options.notebook,
        assignment: options.assignment.as_deref(),
        out: &out,
        data: super::grade::data_folder(options.data.as_deref(), &course),
        jupyter: home.jupyter(),
        force: options.force,
    }
    .write()?;
    for (assignment, notebooks) in &exported.assignments {
        println!("{}: {}", out.join("source").join(assignment).display(), notebooks.join(", "));
    }
    if let Some(lines) = &exported.settings_kept {
        println!("\n{} is as it was. It needs these settings:\n", out.join("nbgrader_config.py").display());
        for line in lines.lines().filter(|line| line.starts_with("c.") || line.starts_with("os.")) {
            println!("    {line}");
        }
    }
    if let Some(assignment) = exported.assignments.keys().next() {
        println!("\nNext, in {}: nbgrader generate_assignment {}", out.display(), quoted(Path::new(assignment)));
    }
    Ok(ExitCode::SUCCESS)
}

/// A name as a shell takes it.
fn quoted(name: &Path) -> String {
    let name = name.to_string_lossy();
    match name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
        true => name.into_owned(),
        false => format!("'{}'", name.replace('\'', r"'\''")),
    }
}
