//! `taskloom watch`: exercises in an editor.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use taskloom_exercises::{Course, Exercise};
use taskloom_prep::CourseData;

use crate::grade::Assignment;
use crate::installation::Installation;
use crate::progress::Progress;
use crate::session::restore_environment;
use crate::watch::{Answers, Desk, Left, first_open};

#[derive(clap::Args)]
pub struct Options {
    /// The exercise to begin with [default: the first that is not done]
    exercise: Option<String>,
    /// The folder of the answers, a file for each exercise
    #[arg(long, default_value = "answers", value_name = "FOLDER")]
    answers: PathBuf,
    /// The course [default: the one around the current folder, or else the installed one]
    #[arg(long)]
    course: Option<PathBuf>,
    /// The folder of the installation
    #[arg(long)]
    home: Option<PathBuf>,
}

pub fn run(options: &Options) -> Result<ExitCode, String> {
    let here = std::env::current_dir().map_err(|error| format!("the current folder is gone: {error}"))?;
    let limit = super::memory_limit_of_environment()?;
    let home = super::home_folder(options.home.clone())?;
    let installation = Installation::load(home.root())?;
    let course = find_course(options, &installation)?;
    let answers =
        std::path::absolute(&options.answers).map_err(|error| format!("{}: {error}", options.answers.display()))?;
    let assignment = Assignment::of_course(&course, &[])?;
    let exercises: Vec<Exercise> = assignment.exercises.into_iter().map(|asked| asked.exercise).collect();
    let current = match &options.exercise {
        Some(id) => {
            course.exercise(id).map_err(|error| error.to_string())?;
            exercises.iter().position(|exercise| exercise.id == *id)
        }
        None => {
            let records = Progress::in_home(&installation.home()).of_course(course.root())?;
            first_open(&exercises, 0, &|id| records.get(id).is_some_and(|record| record.passed.is_some()))
        }
    };
    let Some(current) = current else {
        println!("All {} exercises are done. `taskloom watch NAME` opens one again.", exercises.len());
        return Ok(ExitCode::SUCCESS);
    };
    if let Some(missing) = missing_data(&course)? {
        return Err(format!("the data of this course is not there yet ({missing}); `taskloom prep` brings it"));
    }
    let mut desk =
        Desk::new(&course, &exercises, current, Answers::new(answers.clone(), here.clone()), &installation, limit)?;
    let left = desk.work();
    // The session goes before anything else happens.
    drop(desk);
    match left? {
        Left::Done => Ok(ExitCode::SUCCESS),
        Left::For(exercise) => {
            // A session changes the environment of its process, which can be done once.
            let program = std::env::current_exe()
                .map_err(|error| format!("this program's own file is not to be found: {error}"))?;
            let mut command = Command::new(program);
            command.arg("watch").arg(&exercise).arg("--answers").arg(&answers).arg("--course").arg(course.root());
            if let Some(home) = &options.home {
                command.arg("--home").arg(std::path::absolute(home).unwrap_or_else(|_| home.clone()));
            }
            restore_environment(&mut command);
            command.current_dir(&here);
            Err(format!("cannot go on with {exercise}: {}", command.exec()))
        }
    }
}

/// A file that the course lists as its data, and that is not there.
fn missing_data(course: &Course) -> Result<Option<String>, String> {
    let list = CourseData::of_course(course.root()).map_err(|error| error.to_string())?;
    let files = list.iter().flat_map(CourseData::files).map(|file| Path::new("data").join(&file.path));
    let mut missing = files.filter(|file| !course.root().join(file).exists());
    Ok(missing.next().map(|file| file.display().to_string()))
}

fn find_course(options: &Options, installation: &Installation) -> Result<Course, String> {
    let here = options.course.clone().unwrap_or_else(|| PathBuf::from("."));
    // As sessions of notebooks see it, so that there is one record of what is done.
    let here = std::fs::canonicalize(&here).map_err(|error| format!("{}: {error}", here.display()))?;
    match (Course::find(&here), &installation.course) {
        (Ok(course), _) => Ok(course),
        (Err(_), Some(root)) if options.course.is_none() => Course::find(root).map_err(|error| error.to_string()),
        (Err(error), _) => Err(error.to_string()),
    }
}
