//! `taskloom release`: the students' copy of a course.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::author::files::CourseFiles;
use crate::author::release;
use crate::installation::write_whole;

#[derive(clap::Args)]
pub struct Options {
    /// The course: a folder, or the address of a Git repository
    course: String,
    /// The folder to make, or the ZIP, by its ending
    #[arg(long, value_name = "FOLDER|FILE.zip")]
    out: PathBuf,
    /// Hand out the solutions, too, so that %solution shows them
    #[arg(long)]
    with_solutions: bool,
}

pub fn run(options: &Options) -> Result<ExitCode, String> {
    let (folder, _clone) = super::author::folder_of(&options.course)?;
    let course = CourseFiles::read(&folder)?;
    let out = std::path::absolute(&options.out).map_err(|error| format!("{}: {error}", options.out.display()))?;
    for own in ["notebooks", "exercises", "solutions"].map(|part| course.root().join(part)) {
        if out.starts_with(&own) || own.starts_with(&out) {
            return Err(format!("{} is part of the course; choose a folder beside it", out.display()));
        }
    }
    let files = release::files(&course, options.with_solutions)?;
    if out.extension().is_some_and(|ending| ending == "zip") {
        let name = out.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        write_whole(&out, &release::zipped(&name, &files)?)
            .map_err(|error| format!("cannot write {}: {error}", out.display()))?;
    } else {
        release::write_folder(&out, &files)?;
    }
    tell(&out, &files, options.with_solutions);
    Ok(ExitCode::SUCCESS)
}

fn tell(out: &Path, files: &release::Files, with_solutions: bool) {
    let count = |folder: &str, ending: &str| {
        let is_one = |path: &&PathBuf| path.starts_with(folder) && path.to_string_lossy().ends_with(ending);
        files.keys().filter(is_one).count()
    };
    println!(
        "{}: {} files, {} notebooks, {} exercises, {}",
        out.display(),
        files.len(),
        count("notebooks", ".ipynb"),
        count("exercises", "exercise.toml"),
        if with_solutions { "with solutions" } else { "no solutions" }
    );
}
