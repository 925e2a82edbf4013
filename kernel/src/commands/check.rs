//! `taskloom check`: the checks of exercises, outside a notebook.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use serde_json::Value;
use taskloom_exercises::{Course, Exercise};

use crate::installation::Installation;
use crate::magics::{Checking, Magics};
use crate::session::{Session, prepare_environment, session_folder};

#[derive(clap::Args)]
pub struct Options {
    /// Exercises to check; `all` for all
    #[arg(required = true)]
    exercises: Vec<String>,
    /// Take the answers from this notebook rather than from the course's own
    #[arg(long)]
    notebook: Option<PathBuf>,
    /// Check the solutions instead of the notebook's cells
    #[arg(long, conflicts_with = "starters")]
    solutions: bool,
    /// Check the starters instead of the notebook's cells
    #[arg(long)]
    starters: bool,
    /// The folder of the installation
    #[arg(long)]
    home: Option<PathBuf>,
}

pub fn run(options: &Options) -> Result<ExitCode, String> {
    let memory_limit = super::memory_limit_of_environment()?;
    let home = super::home_folder(options.home.clone())?;
    let installation = Installation::load(home.root())?;
    let course = find_course(options, &installation)?;
    let ids = if options.exercises.iter().any(|id| id == "all") {
        course.ids().map_err(|error| error.to_string())?
    } else {
        options.exercises.clone()
    };
    let exercises: Vec<Exercise> =
        ids.iter().map(|id| course.exercise(id)).collect::<Result<_, _>>().map_err(|error| error.to_string())?;
    if options.notebook.is_none() {
        let mut notebooks: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for exercise in &exercises {
            notebooks.entry(&exercise.notebook).or_default().push(&exercise.id);
        }
        if notebooks.len() > 1 {
            return each_by_itself(&notebooks, options);
        }
    }
    let path = the_notebook(options, &course, &exercises)?;
    let text = std::fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let notebook: Value =
        serde_json::from_str(&text).map_err(|error| format!("{} is not a notebook: {error}", path.display()))?;
    // Cells name files relative to their notebook.
    let here = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::env::set_current_dir(here).map_err(|error| format!("cannot go to {}: {error}", here.display()))?;
    let folder = session_folder()?;
    prepare_environment(&installation, folder.path())?;
    let mut session = Session::start(&installation, folder, |_| {})?;
    session.set_memory_limit(memory_limit);
    let all_passed = check_notebook(&mut session, &installation, &notebook, &course, &exercises, options)?;
    Ok(if all_passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Checks the exercises of each notebook in a process of its own: a session changes the environment of its process, which
/// can be done once.
fn each_by_itself(notebooks: &BTreeMap<&str, Vec<&str>>, options: &Options) -> Result<ExitCode, String> {
    let program =
        std::env::current_exe().map_err(|error| format!("this program's own file is not to be found: {error}"))?;
    let mut all_passed = true;
    for ids in notebooks.values() {
        let mut command = Command::new(&program);
        command.arg("check").args(ids);
        if options.solutions {
            command.arg("--solutions");
        }
        if options.starters {
            command.arg("--starters");
        }
        if let Some(home) = &options.home {
            command.arg("--home").arg(home);
        }
        let status = command.status().map_err(|error| format!("cannot run {}: {error}", program.display()))?;
        all_passed &= status.success();
    }
    Ok(if all_passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The notebook whose cells hold the answers; the exercises are of one.
fn the_notebook(options: &Options, course: &Course, exercises: &[Exercise]) -> Result<PathBuf, String> {
    if let Some(path) = &options.notebook {
        return Ok(path.clone());
    }
    let exercise = exercises.first().ok_or("this course has no exercises")?;
    Ok(course.root().join("notebooks").join(format!("{}.ipynb", exercise.notebook)))
}

/// Runs the notebook's cells in order, and each exercise's checks behind its cell.
fn check_notebook(
    session: &mut Session,
    installation: &Installation,
    notebook: &Value,
    course: &Course,
    exercises: &[Exercise],
    options: &Options,
) -> Result<bool, String> {
    let mut magics = Magics::new(installation);
    let mut checked = Vec::new();
    let mut all_passed = true;
    let cells = notebook["cells"].as_array().ok_or("the notebook has no cells")?;
    for (index, cell) in cells.iter().filter(|cell| cell["cell_type"] == "code").enumerate() {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let id = cell["metadata"]["taskloom"]["exercise"].as_str();
        let exercise = id.and_then(|id| exercises.iter().find(|exercise| exercise.id == id));
        let source = match exercise {
            Some(exercise) if options.solutions => course.solution(&exercise.id).map_err(|error| error.to_string())?,
            Some(exercise) if options.starters => exercise.starter.clone(),
            _ => source_of(cell),
        };
        // Checks are run below; the notebook's own would only repeat them.
        if source.trim_start().starts_with("%check") {
            continue;
        }
        if let Err(failure) = magics.run_cell(session, &source, number, &|_| {})
            && !fails_on_purpose(cell)
        {
            eprintln!("cell [{number}] failed: {}: {}", failure.name, failure.value);
        }
        if let Some(exercise) = exercise {
            let report = taskloom_exercises::check(exercise, &mut Checking { session, number, scope: None });
            println!("{}\n", report.text());
            all_passed &= report.has_passed();
            checked.push(exercise.id.as_str());
        }
    }
    for exercise in exercises.iter().filter(|exercise| !checked.contains(&exercise.id.as_str())) {
        eprintln!("the notebook has no cell for the exercise {}", exercise.id);
        all_passed = false;
    }
    Ok(all_passed)
}

/// As nbclient knows it.
fn fails_on_purpose(cell: &Value) -> bool {
    cell["metadata"]["tags"].as_array().is_some_and(|tags| tags.iter().any(|tag| tag == "raises-exception"))
}

fn source_of(cell: &Value) -> String {
    match &cell["source"] {
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        text => text.as_str().unwrap_or_default().to_owned(),
    }
}

fn find_course(options: &Options, installation: &Installation) -> Result<Course, String> {
    let from_notebook = options.notebook.as_ref().and_then(|path| std::path::absolute(path).ok());
    let here = std::env::current_dir().map_err(|error| format!("the current folder is gone: {error}"))?;
    from_notebook
        .and_then(|path| Course::find(&path).ok())
        .or_else(|| Course::find(&here).ok())
        .or_else(|| installation.course.as_ref().and_then(|root| Course::find(root).ok()))
        .ok_or_else(|| {
            format!("there is no folder `exercises` in {} or above it; run this inside a course", here.display())
        })
}
