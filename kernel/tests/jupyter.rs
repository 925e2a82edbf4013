//! What talks to Jupyter, tested by real clients: jupyter_kernel_test, jupyter_client, nbclient, and JupyterLab in
//! Chromium. The tests themselves are Python, in `jupyter/`; here they get an installation of what was just compiled.
//!
//! The Python environment is the person's own private one, with the test requirements added, so that nothing is
//! downloaded twice. Everything else lives in cargo's target folder: an installation, and the screenshots.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{OnceLock, RwLock};

use taskloom_setup::{Home, Requirements, ensure_python};

struct Installed {
    python: PathBuf,
    home: Home,
    data: PathBuf,
    screenshots: PathBuf,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace")
}

fn run(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    assert!(status.success(), "{command:?} failed: {status}");
}

/// Takes away what cargo tells a test about its own package. Some dependencies' build scripts look at it, and would be
/// run anew, and half of all crates compiled anew with them.
fn outside_of_cargo(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        let told = name.to_string_lossy();
        let by_cargo = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|start| told.starts_with(start));
        if by_cargo
            || ["CARGO", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "OUT_DIR", "LD_LIBRARY_PATH"].contains(&&*told)
        {
            command.env_remove(&name);
        }
    }
    command
}

fn install() -> Installed {
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let target = temporary.parent().expect("cargo's folder for tests lies in the target folder");
    // The engine's shared library is nobody's dependency, so `cargo test` need not have built it.
    run(outside_of_cargo(Command::new(env!("CARGO")).args(["build", "--workspace", "--quiet"])).current_dir(root()));
    let own = Home::from_env().expect("a home folder");
    let python = ensure_python(&own, Requirements::Test, &mut |line| eprintln!("{line}"))
        .unwrap_or_else(|error| panic!("the Python environment for tests: {error}"));
    let home = Home::at(temporary.join("home")).expect("a path");
    std::fs::create_dir_all(home.root()).expect("a folder for the installation");
    let _ = std::fs::remove_file(home.python());
    std::os::unix::fs::symlink(own.python(), home.python()).expect("a link to the Python environment");
    let taskloom = env!("CARGO_BIN_EXE_taskloom");
    run(Command::new(taskloom).arg("install").arg("--home").arg(home.root()).current_dir(root()));
    let data = root().join("data");
    let mut prep = Command::new(taskloom);
    run(prep.arg("prep").arg("--data").arg(&data).arg("--python").arg(&python).arg("--home").arg(home.root()));
    let screenshots = target.join("screenshots");
    std::fs::create_dir_all(&screenshots).expect("a folder for screenshots");
    Installed { python, home, data, screenshots }
}

fn environment<'a>(command: &'a mut Command, installed: &Installed) -> &'a mut Command {
    command
        .env("TASKLOOM_BIN", env!("CARGO_BIN_EXE_taskloom"))
        .env("TASKLOOM_ROOT", root())
        .env("TASKLOOM_HOME", installed.home.root())
        .env("TASKLOOM_DATA", &installed.data)
        .env("TASKLOOM_SCREENSHOTS", &installed.screenshots)
        .env("JUPYTER_PATH", installed.home.jupyter())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(root())
}

/// Whether tests run beside others. Most start several kernels at once, or look at how long something takes, and two cores
/// are soon full.
static TURNS: RwLock<()> = RwLock::new(());

fn installed() -> &'static Installed {
    static INSTALLED: OnceLock<Installed> = OnceLock::new();
    INSTALLED.get_or_init(install)
}

fn alone(test: impl FnOnce(&Installed)) {
    let _turn = TURNS.write().unwrap_or_else(|poisoned| poisoned.into_inner());
    test(installed());
}

/// For what runs one cell after the other, most of the time in the compiler, and has no hurry.
fn beside_others(test: impl FnOnce(&Installed)) {
    let _turn = TURNS.read().unwrap_or_else(|poisoned| poisoned.into_inner());
    test(installed());
}

fn pytest(file: &str) {
    alone(|installed| run_pytest(installed, file, &[]));
}

fn run_pytest(installed: &Installed, file: &str, options: &[&str]) {
    let mut command = Command::new(&installed.python);
    command.args(["-B", "-m", "pytest", "-p", "no:cacheprovider", "-c", "kernel/tests/jupyter/pytest.ini"]);
    command.arg(format!("kernel/tests/jupyter/{file}")).args(options);
    run(environment(&mut command, installed));
}

#[test]
fn protocol() {
    pytest("test_kernel_protocol.py");
}

#[test]
fn protocol_in_full() {
    pytest("test_protocol_complete.py");
}

#[test]
fn hostile_clients() {
    pytest("test_hostile.py");
}

#[test]
fn clients() {
    pytest("test_clients.py");
}

#[test]
fn unbreakable() {
    pytest("test_unbreakable.py");
}

#[test]
fn magics() {
    pytest("test_magics.py");
}

#[test]
fn completion_and_inspection() {
    pytest("test_assist.py");
}

#[test]
fn rich_display() {
    pytest("test_display.py");
}

#[test]
fn dataframes_and_bags() {
    pytest("test_frames.py");
}

#[test]
fn cells() {
    pytest("test_cells.py");
}

#[test]
fn travel() {
    pytest("test_travel.py");
}

#[test]
fn progress_of_a_learner() {
    pytest("test_progress.py");
}

/// Notebooks of one half of the course, by the beginnings of their names: the halves take equally long.
const FIRST_HALF: &str = "00- or 01- or 02- or 03- or 04- or 10-";

// These take the longest. Their names keep them together, so that two of them run at a time, and the longest first.

#[test]
fn course_answers_of_the_first_half() {
    beside_others(|installed| run_pytest(installed, "test_answers.py", &["-k", FIRST_HALF]));
}

#[test]
fn course_answers_of_the_second_half() {
    beside_others(|installed| run_pytest(installed, "test_answers.py", &["-k", &format!("not ({FIRST_HALF})")]));
}

#[test]
fn course_tools_authors() {
    beside_others(|installed| run_pytest(installed, "test_author.py", &[]));
}

#[test]
fn course_tools_pages_and_slides() {
    beside_others(|installed| run_pytest(installed, "test_render.py", &[]));
}

#[test]
fn course_tools_grading() {
    beside_others(|installed| run_pytest(installed, "test_grade.py", &[]));
}

#[test]
fn course_notebooks_of_the_first_half() {
    beside_others(|installed| run_pytest(installed, "test_notebooks.py", &["-k", FIRST_HALF]));
}

#[test]
fn course_notebooks_of_the_second_half() {
    beside_others(|installed| run_pytest(installed, "test_notebooks.py", &["-k", &format!("not ({FIRST_HALF})")]));
}

#[test]
fn course_tools_nbgrader() {
    beside_others(|installed| run_pytest(installed, "test_nbgrader.py", &[]));
}

#[test]
fn browser() {
    pytest("test_browser.py");
    alone(|installed| eprintln!("screenshots: {}", installed.screenshots.display()));
}

/// The command line: `taskloom check` agrees with the exercises, `taskloom run` writes a notebook.
#[test]
fn commands() {
    // Of two notebooks; all of them are run by `course_notebooks`.
    const EXERCISES: [&str; 3] = ["delayed-loop", "delayed-etl", "graphs-order"];
    alone(|installed| {
        let taskloom = env!("CARGO_BIN_EXE_taskloom");
        let mut solutions = Command::new(taskloom);
        run(environment(solutions.arg("check").args(EXERCISES).arg("--solutions"), installed));
        let mut starters = Command::new(taskloom);
        let starters = starters.arg("check").args(EXERCISES).arg("--starters");
        let starters = environment(starters, installed).output().expect("it runs");
        assert!(!starters.status.success(), "starters must not pass");
        let said = String::from_utf8_lossy(&starters.stdout);
        assert!(!said.contains(": passed"), "no starter may pass:\n{said}");

        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("out.ipynb");
        let mut headless = Command::new(taskloom);
        headless.args(["run", "notebooks/01-delayed.ipynb", "--solutions", "--out"]).arg(&out);
        let headless = environment(&mut headless, installed).output().expect("it runs");
        let said = String::from_utf8_lossy(&headless.stdout);
        assert!(headless.status.success(), "{said}\n{}", String::from_utf8_lossy(&headless.stderr));
        assert!(said.contains(&*out.to_string_lossy()), "it says where the notebook is:\n{said}");
        let notebook: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&out).expect("the notebook")).expect("it is JSON");
        assert!(
            notebook["cells"].as_array().is_some_and(|cells| cells.iter().any(|cell| cell["outputs"][0].is_object()))
        );

        let unknown =
            environment(Command::new(taskloom).args(["check", "delayed-lop"]), installed).output().expect("it runs");
        let said = String::from_utf8_lossy(&unknown.stderr);
        assert!(said.starts_with("error: there is no exercise `delayed-lop`; there are: "), "{said}");
    });
}
