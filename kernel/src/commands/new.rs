//! `taskloom new`: skeletons that work.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::author::skeleton::{self, Made};

#[derive(clap::Args)]
pub struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// An exercise with starter, checks, hints and solution, and its cells in a notebook
    Exercise {
        /// Its name, such as slow-loop
        name: String,
        /// The notebook it belongs to [default: the only one there is]
        #[arg(long)]
        notebook: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// A notebook with slides, questions and a recap
    Notebook {
        /// Its name, such as 02-arrays
        name: String,
        #[command(flatten)]
        common: Common,
    },
    /// A course of its own: a notebook, an exercise, data that a recipe makes
    Tutorial {
        /// The folder to make; its last part is the tutorial's name
        name: PathBuf,
        /// What people call it [default: its name]
        #[arg(long)]
        title: Option<String>,
    },
}

#[derive(clap::Args)]
struct Common {
    /// What people call it [default: its name]
    #[arg(long)]
    title: Option<String>,
    /// The course [default: the one around the current folder]
    #[arg(long, default_value = ".", hide_default_value = true)]
    course: PathBuf,
}

pub fn run(options: &Options) -> Result<ExitCode, String> {
    let (made, next) = match &options.what {
        What::Exercise { name, notebook, common } => {
            let course = skeleton::course_around(&common.course)?;
            let made = skeleton::exercise(&course, name, notebook.as_deref(), common.title.as_deref())?;
            (
                made,
                format!("Change them into yours, then prove that it works: taskloom author check {}", shown(&course)),
            )
        }
        What::Notebook { name, common } => {
            let course = skeleton::course_around(&common.course)?;
            let made = skeleton::notebook(&course, name, common.title.as_deref())?;
            let name = name.strip_suffix(".ipynb").unwrap_or(name);
            (made, format!("Add an exercise: taskloom new exercise NAME --notebook {name}"))
        }
        What::Tutorial { name, title } => {
            let made = skeleton::tutorial(name, title.as_deref())?;
            (
                made,
                format!(
                    "Prove that it works, now and whenever you have changed it: taskloom author check {}",
                    shown(name)
                ),
            )
        }
    };
    print(&made);
    println!("{next}");
    Ok(ExitCode::SUCCESS)
}

fn print(made: &Made) {
    for path in &made.files {
        println!("  {}", shown(path));
    }
}

/// A path as one would type it here.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let inside = path.strip_prefix(&here).unwrap_or(path);
    if inside.as_os_str().is_empty() { ".".to_owned() } else { inside.display().to_string() }
}
