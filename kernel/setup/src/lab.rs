use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};

use crate::jupyter::{self, Lab};
use crate::options::{self, Asked, Finish, Options};
use crate::process::{self, Event};
use crate::python::{PythonOptions, Requirements, ensure_python_with, find_python, is_ready};
use crate::steps::Steps;
use crate::{Home, SetupError, checkout, compile, machine, system, target_dir};

/// Does what `cargo lab` does, with these arguments (the program's name is not among them).
///
/// Steps are announced on stderr with their times; results, such as JupyterLab's address, go to stdout. A failure is one
/// sentence on stderr that starts with `error:`. The exit code is 0 when all went well or JupyterLab was stopped with
/// Ctrl-C, 2 for a command line that is not understood, 130 after an interrupt, and 1 for everything else.
///
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     taskloom_setup::lab(["--no-lab".into()])
/// }
/// ```
pub fn lab(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let result = options::parse(args).and_then(|asked| match asked {
        Asked::Run(options) => run(&options),
        Asked::Help => print(options::HELP),
        Asked::Version => print(concat!("taskloom-setup ", env!("CARGO_PKG_VERSION"), "\n")),
    });
    let Err(error) = result else {
        return ExitCode::SUCCESS;
    };
    eprintln!("error: {error}");
    ExitCode::from(match error {
        SetupError::Usage(_) => 2,
        SetupError::Interrupted { .. } => 130,
        _ => 1,
    })
}

fn print(text: &str) -> Result<(), SetupError> {
    // Whoever closed the pipe does not want to read it.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}

/// Runs the steps; whatever fails first ends the line of the step it failed in.
fn run(options: &Options) -> Result<(), SetupError> {
    system::catch_stops();
    let mut steps = Steps::new(if options.finish == Finish::Nothing { 6 } else { 7 });
    let result = run_steps(options, &mut steps);
    if result.is_err() {
        steps.clear();
    }
    result
}

fn begin(steps: &mut Steps, title: &str) -> Result<(), SetupError> {
    if system::stops() > 0 {
        let doing = if steps.title().is_empty() { "starting" } else { steps.title() };
        return Err(SetupError::Interrupted { doing: doing.to_owned() });
    }
    steps.start(title);
    Ok(())
}

fn run_steps(options: &Options, steps: &mut Steps) -> Result<(), SetupError> {
    let root = checkout().ok_or(SetupError::NoCheckout)?;
    let home = match &options.home {
        Some(home) => Home::at(home)?,
        None => Home::from_env()?,
    };
    let data = match &options.data {
        Some(data) => std::path::absolute(data).map_err(|error| SetupError::io("resolving", data, error))?,
        None => root.join("data"),
    };
    let notebook = match options.finish {
        Finish::Nothing => None,
        _ => Some(jupyter::find_notebook(&root, options.notebook.as_deref())?),
    };

    begin(steps, "checking the machine")?;
    let rust = machine::rust(&root)?;
    let target = target_dir(&root)?;
    machine::c_compiler()?;
    let python_is_ready = is_ready(&home, Requirements::Lab);
    if !python_is_ready && !options.offline {
        find_python(options.python.as_deref())?;
    }
    machine::disk_space(&target, home.root(), !python_is_ready, options.disk)?;
    if options.finish == Finish::Lab && options.port.is_some() {
        machine::port(&options.ip, options.port)?;
    }
    steps.done();
    if steps.is_terminal() {
        steps.say(&format!(
            "Rust {} for {}; everything personal goes to {}",
            rust.version,
            rust.host,
            home.root().display()
        ));
    }

    begin(steps, "fetching the crates")?;
    compile::fetch(&root, &rust.host, options.offline, steps)?;
    compile::fetch_standard_sources(&root, options.offline, steps);
    steps.done();

    begin(steps, "preparing Python and JupyterLab")?;
    let python_options = PythonOptions { python: options.python.clone(), offline: options.offline };
    let python = ensure_python_with(&home, Requirements::Lab, &python_options, &mut |line| steps.note(line))?;
    steps.done();

    begin(steps, "compiling the kernel and the engine")?;
    compile::build(&root, &target, options.jobs, options.offline, steps)?;
    steps.done();

    let taskloom = target.join("debug/taskloom");
    begin(steps, "installing the kernelspec")?;
    let mut command = process::command(&taskloom);
    command.arg("install").arg("--home").arg(home.root());
    run_taskloom(command, &home, &data, &root, "installing the kernelspec", steps)?;
    steps.done();

    begin(steps, "preparing the data")?;
    let mut command = process::command(&taskloom);
    command.arg("prep").arg("--data").arg(&data).arg("--python").arg(&python);
    if let Some(rows) = options.rows {
        command.arg("--rows").arg(rows.to_string());
    }
    if options.offline {
        command.arg("--offline");
    }
    run_taskloom(command, &home, &data, &root, "preparing the data", steps)?;
    steps.done();

    match (&options.finish, notebook) {
        (Finish::Lab, Some(notebook)) => {
            begin(steps, "starting JupyterLab")?;
            let port = machine::port(&options.ip, options.port)?;
            let lab = Lab {
                home: &home,
                data: &data,
                root: &root,
                notebook: &notebook,
                ip: &options.ip,
                port,
                browser: options.browser,
            };
            lab.run(steps)
        }
        (Finish::Headless { solutions, out }, Some(notebook)) => {
            let out = match out {
                Some(out) => std::path::absolute(out).map_err(|error| SetupError::io("resolving", out, error))?,
                None => target.join("executed").join(notebook.file_name().unwrap_or_default()),
            };
            headless(&taskloom, &home, &data, &root, &notebook, *solutions, &out, steps)
        }
        _ => {
            println!("Taskloom is set up. `cargo lab` opens JupyterLab.");
            Ok(())
        }
    }
}

/// Runs a short command of the `taskloom` binary. What it says on stdout stays to be read, what it says on stderr passes by.
fn run_taskloom(
    mut command: std::process::Command,
    home: &Home,
    data: &Path,
    root: &Path,
    doing: &str,
    steps: &mut Steps,
) -> Result<(), SetupError> {
    jupyter::environment(&mut command, home, data);
    command.current_dir(root).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ended = process::watch(&mut command, &mut |event| match event {
        Event::Out(line) => steps.say(line),
        Event::Err(line) => steps.note(line),
        Event::Tick => {}
    })
    .map_err(|error| SetupError::io("running", Path::new(command.get_program()), error))?;
    if ended.ok() {
        return Ok(());
    }
    steps.clear();
    if ended.interrupted {
        return Err(SetupError::Interrupted { doing: doing.into() });
    }
    if ended.disk_is_full() {
        return Err(SetupError::DiskFull { at: home.root().to_owned(), free: None, needed: None });
    }
    // The binary says its errors as we do; its sentence is worth more than one about it.
    if let Some(sentence) = ended.tail.iter().rev().find_map(|line| line.trim().strip_prefix("error: ")) {
        return Err(SetupError::Told { doing: doing.into(), sentence: sentence.to_owned() });
    }
    for line in ended.tail.iter().skip(ended.tail.len().saturating_sub(15)) {
        eprintln!("      {line}");
    }
    Err(SetupError::Failed {
        doing: doing.into(),
        why: format!("{}, and its own last words are above", ended.status),
        advice: "run the same command again; if that does not help, delete the folder of the home and try once more"
            .into(),
    })
}

#[allow(clippy::too_many_arguments, reason = "it is called once, with all that is known")]
fn headless(
    taskloom: &Path,
    home: &Home,
    data: &Path,
    root: &Path,
    notebook: &Path,
    solutions: bool,
    out: &Path,
    steps: &mut Steps,
) -> Result<(), SetupError> {
    let name = notebook.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let folder: PathBuf = out.parent().map(Path::to_owned).unwrap_or_default();
    std::fs::create_dir_all(&folder).map_err(|error| SetupError::io("making", &folder, error))?;
    // What an earlier run left there must not be taken for the result of this one.
    if out != notebook && out.is_file() {
        std::fs::remove_file(out).map_err(|error| SetupError::io("deleting", out, error))?;
    }
    begin(steps, &format!("running {name}{}", if solutions { " with every exercise solved" } else { "" }))?;
    steps.clear();
    let mut command = process::command(taskloom);
    command.arg("run").arg(notebook).arg("--out").arg(out).current_dir(root);
    if solutions {
        command.arg("--solutions");
    }
    jupyter::environment(&mut command, home, data);
    let ended =
        process::watch(&mut command, &mut |_| {}).map_err(|error| SetupError::io("running", taskloom, error))?;
    steps.done();
    if out.is_file() {
        println!("The notebook with its outputs is {}", out.display());
    }
    if ended.ok() && out.is_file() {
        return Ok(());
    }
    if ended.interrupted {
        return Err(SetupError::Interrupted { doing: format!("running {name}") });
    }
    Err(SetupError::Failed {
        doing: format!("running {name}"),
        why: if ended.ok() { "and left no notebook behind".into() } else { ended.status.to_string() },
        advice: if out.is_file() {
            format!("the cell that failed and its message are in {}", out.display())
        } else {
            "its own words are above".into()
        },
    })
}
