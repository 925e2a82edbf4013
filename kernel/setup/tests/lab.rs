//! `cargo lab` from its start to its end, on machines where one thing or another is wrong.
//!
//! Each test has a folder with a checkout, a home and a PATH of its own. The PATH holds small scripts in place of cargo,
//! rustc, cc, Python and df, so that nothing is compiled or downloaded and any of them can fail on purpose.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What a fake tool starts with: a shell that sees the system's own tools, and not the fakes.
const SHELL: &str = "#!/bin/sh\nPATH=/usr/bin:/bin\n";

const CARGO: &str = r#"
case "$1" in
  --version) echo "cargo 1.95.0" ;;
  metadata) printf '{"packages":[],"target_directory":"%s/target","version":1}' "$ROOT" ;;
  fetch) echo fetch >> "$ROOT/log"; if [ -n "$FETCH_SAYS" ]; then echo "$FETCH_SAYS" >&2; exit 101; fi ;;
  tree) echo "one v1.0.0"; echo "two v1.0.0" ;;
  build)
    echo "build $*" >> "$ROOT/log"
    echo "   Compiling one v1.0.0" >&2
    echo '{"reason":"compiler-artifact","package_id":"x#one@1.0.0","target":{"kind":["lib"]}}'
    if [ -n "$BUILD_SAYS" ]; then echo "$BUILD_SAYS" >&2; exit 101; fi
    mkdir -p "$ROOT/target/debug"
    cp "$ROOT/fake-taskloom" "$ROOT/target/debug/taskloom" ;;
esac
"#;

const RUSTC: &str =
    "echo \"rustc ${RUST:-1.99.0}\"\necho \"host: x86_64-unknown-linux-gnu\"\necho \"release: ${RUST:-1.99.0}\"\n";

const PYTHON: &str = r#"
case "$*" in
  "-c "*) printf '%s\n%s\n%s\n' "${PYTHON_IS:-3.11.2}" "$0" "${VENV_IS:-complete}" ;;
  "-I -m venv "*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;;
  "-I -c "*) exit 0 ;;
  "-I -m pip "*)
    echo pip >> "$ROOT/log"
    echo "Collecting jupyterlab==4"
    if [ -n "$PIP_SAYS" ]; then echo "$PIP_SAYS" >&2; exit 1; fi
    if [ -n "$PIP_SLEEPS" ]; then touch "$ROOT/pip-runs"; sleep "$PIP_SLEEPS"; fi ;;
  "-m jupyterlab "*)
    if [ -n "$LAB_SAYS" ]; then echo "$LAB_SAYS" >&2; exit 1; fi
    echo "$JUPYTER_PATH $TASKLOOM_HOME $TASKLOOM_DATA $*" > "$ROOT/lab-began.new" && mv "$ROOT/lab-began.new" "$ROOT/lab-began"
    trap 'touch "$ROOT/lab-ended"; exit 0' TERM
    while :; do sleep 0.1; done ;;
esac
"#;

const TASKLOOM: &str = r#"
echo "taskloom $*" >> "$ROOT/log"
case "$1" in
  install) if [ -n "$INSTALL_SAYS" ]; then echo "$INSTALL_SAYS" >&2; exit 1; fi ;;
  prep) echo "336776 flights" ;;
  run) if [ -z "$RUN_WRITES_NOTHING" ]; then echo '{}' > "$4"; fi; exit ${RUN_ENDS:-0} ;;
esac
"#;

/// Held while a script is written and while a program is started: a program that is started in another test at that
/// moment would inherit the open file, and the system refuses to run a script that somebody has open for writing.
static WRITE_OR_START: Mutex<()> = Mutex::new(());

/// A machine for one test.
struct Machine {
    root: PathBuf,
    settings: Vec<(&'static str, String)>,
}

impl Machine {
    fn new() -> Machine {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("taskloom setup {} {}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let root = std::env::temp_dir().join(name);
        for folder in ["bin", "kernel/setup", "notebooks"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        let root = root.canonicalize().unwrap();
        fs::write(root.join("Cargo.toml"), "[workspace]\n[workspace.package]\nrust-version = \"1.95\"\n").unwrap();
        fs::write(root.join("kernel/setup/requirements.txt"), "").unwrap();
        fs::write(root.join("notebooks/00-overview.ipynb"), "{}").unwrap();
        let machine = Machine { root, settings: Vec::new() };
        for (tool, script) in [("cargo", CARGO), ("rustc", RUSTC), ("cc", ""), ("python3", PYTHON)] {
            machine.tool(tool, script);
        }
        machine.script(&machine.root.join("fake-taskloom"), TASKLOOM);
        machine
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Machine {
        self.settings.push((name, value.into()));
        self
    }

    fn tool(&self, name: &str, script: &str) {
        self.script(&self.root.join("bin").join(name), script);
    }

    fn script(&self, path: &Path, script: &str) {
        let _held = WRITE_OR_START.lock();
        fs::write(path, format!("{SHELL}{script}")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn without(self, tool: &str) -> Machine {
        fs::remove_file(self.root.join("bin").join(tool)).unwrap();
        self
    }

    fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.root.join("log")).unwrap_or_default()
    }

    fn count(&self, what: &str) -> usize {
        self.log().lines().filter(|line| line.starts_with(what)).count()
    }

    fn start(&self, args: &[&str]) -> Child {
        let _held = WRITE_OR_START.lock();
        Command::new(env!("CARGO_BIN_EXE_taskloom-setup"))
            .args(args)
            .current_dir(&self.root)
            .env_clear()
            .env("PATH", self.root.join("bin"))
            .env("ROOT", &self.root)
            .env("TASKLOOM_HOME", self.home())
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn lab(&self, args: &[&str]) -> Ended {
        Ended::from(self.start(args).wait_with_output().unwrap())
    }

    /// Runs to an error, which must be one sentence, and gives that.
    fn error(&self, args: &[&str]) -> String {
        self.lab(args).error()
    }

    /// Waits for a file that a fake tool makes.
    fn wait_for(&self, name: &str) {
        let began = Instant::now();
        while !self.root.join(name).exists() {
            assert!(began.elapsed() < Duration::from_secs(20), "{name} never came:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Ended {
        Ended {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ended {
    fn ok(self) -> Ended {
        assert_eq!(self.code, Some(0), "{}\n{}", self.stdout, self.stderr);
        self
    }

    fn error(&self) -> String {
        let errors: Vec<&str> = self.stderr.lines().filter_map(|line| line.strip_prefix("error: ")).collect();
        assert_eq!(errors.len(), 1, "one sentence, not {}:\n{}", errors.len(), self.stderr);
        assert_ne!(self.code, Some(0));
        assert!(self.stderr.trim_end().ends_with(errors[0]), "the sentence comes last:\n{}", self.stderr);
        errors[0].to_owned()
    }
}

fn signal(name: &str, child: &Child) {
    let _held = WRITE_OR_START.lock();
    let sent = Command::new("/bin/sh").arg("-c").arg(format!("kill -{name} {}", child.id())).status().unwrap();
    assert!(sent.success());
}

#[track_caller]
fn contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
}

#[test]
fn everything_is_set_up_and_the_second_run_does_less() {
    let machine = Machine::new();
    let first = machine.lab(&["--no-lab", "--rows", "1000"]).ok();
    contains(&first.stderr, &["[1/6] checking the machine … ", "[6/6] preparing the data", "336776 flights", " s\n"]);
    contains(&first.stdout, &["Taskloom is set up"]);
    let home = machine.home();
    let data = machine.root.join("data");
    contains(
        &machine.log(),
        &[
            &format!("taskloom install --home {}", home.display()),
            &format!(
                "taskloom prep --data {} --python {}/python/bin/python --rows 1000",
                data.display(),
                home.display()
            ),
        ],
    );
    machine.lab(&["--no-lab"]).ok();
    assert_eq!(machine.count("pip"), 1, "pip ran again:\n{}", machine.log());
    assert_eq!(machine.count("build"), 2);
}

#[test]
fn rust_that_is_missing_or_old_is_named() {
    contains(&Machine::new().without("cargo").error(&[]), &["`cargo` is not on the PATH", "https://rustup.rs"]);
    contains(&Machine::new().without("rustc").error(&[]), &["`rustc` is not on the PATH"]);
    let old = Machine::new().with("RUST", "1.80.1").error(&[]);
    contains(&old, &["this is Rust 1.80.1", "needs 1.95 or later", "rustup update"]);
}

#[test]
fn a_missing_c_compiler_is_named() {
    contains(&Machine::new().without("cc").error(&[]), &["no C compiler is here", "install it with"]);
    let stub = Machine::new().without("cc");
    stub.tool("cc", "exit 1");
    contains(&stub.error(&[]), &["no C compiler is here"]);
    stub.tool("clang", "");
    stub.lab(&["--no-lab"]).ok();
}

#[test]
fn python_that_is_missing_old_or_incomplete_is_named() {
    contains(&Machine::new().without("python3").error(&[]), &["no Python is on the PATH", "3.9 or later"]);
    contains(
        &Machine::new().with("PYTHON_IS", "3.8.10").error(&[]),
        &["the newest Python here is 3.8.10", "--python FILE"],
    );
    let incomplete = Machine::new().with("VENV_IS", "incomplete").error(&[]);
    contains(&incomplete, &["venv and ensurepip", "sudo apt install python3.11-venv"]);
    contains(
        &Machine::new().error(&["--python", "/nowhere/python"]),
        &["`--python /nowhere/python` is no Python that runs"],
    );
    // Another Python further down the PATH will do.
    let two = Machine::new().without("python3");
    two.tool("python3", "exit 1");
    two.tool("python3.12", PYTHON);
    two.lab(&["--no-lab"]).ok();
}

#[test]
fn a_python_that_is_set_up_already_need_not_be_found_again() {
    let machine = Machine::new();
    machine.lab(&["--no-lab"]).ok();
    let machine = machine.without("python3");
    machine.lab(&["--no-lab", "--offline"]).ok();
    contains(&machine.log(), &["--locked --offline", "python/bin/python --offline"]);
}

#[test]
fn a_taken_port_names_a_free_one() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let machine = Machine::new();
    contains(&machine.error(&["--port", &port]), &[&format!("port {port} is taken"), "is free: use `--port "]);
    assert_eq!(machine.log(), "", "it is said before anything is done");
}

#[test]
fn without_network_one_sentence_says_so() {
    let crates = "error: failed to download from `https://x`\n[6] Could not resolve host: index.crates.io";
    let machine = Machine::new().with("FETCH_SAYS", crates);
    contains(&machine.error(&[]), &["no network while downloading the crates", "run the same command again"]);
    assert!(!machine.home().exists());

    let machine = Machine::new().with("PIP_SAYS", "Failed to establish a new connection: [Errno -3]");
    contains(&machine.error(&[]), &["no network while installing the Python packages"]);
    assert!(!machine.home().exists(), "nothing half-made stays");

    contains(&Machine::new().error(&["--offline"]), &["making the Python environment", "without `--offline`"]);
}

#[test]
fn a_full_disk_is_said() {
    let machine = Machine::new();
    machine.tool("df", "echo head; echo '/dev/x 9 9 2000000 1% /'");
    contains(&machine.error(&[]), &["has only 2.0 GB free, and 4.0 GB are needed", "make room"]);
    machine.lab(&["--no-lab", "--disk", "1"]).ok();

    let machine = Machine::new().with("PIP_SAYS", "OSError: [Errno 28] No space left on device");
    contains(&machine.error(&[]), &["is full: make room"]);
    assert!(!machine.home().exists());

    let machine =
        Machine::new().with("BUILD_SAYS", "rustc-LLVM ERROR: IO failure on output stream: No space left on device");
    contains(&machine.error(&[]), &["target is full: make room"]);
}

#[test]
fn what_fails_in_another_program_stays_to_be_read() {
    let build = Machine::new().with("BUILD_SAYS", "error[E0308]: mismatched types").lab(&[]);
    contains(&build.stderr, &["      error[E0308]: mismatched types\n"]);
    contains(&build.error(), &["compiling failed, and cargo's own words are above"]);

    let memory = Machine::new().with("BUILD_SAYS", "process didn't exit successfully (signal: 9, SIGKILL: kill)");
    contains(&memory.error(&[]), &["for want of memory", "`--jobs 1`"]);

    let pip = Machine::new().with("PIP_SAYS", "ERROR: No matching distribution found for x").lab(&[]);
    contains(&pip.stderr, &["      ERROR: No matching distribution found for x\n"]);
    contains(&pip.error(), &["installing the Python packages failed"]);

    let install = Machine::new().with("INSTALL_SAYS", "error: the folder is read-only: make it writable");
    assert_eq!(install.error(&[]), "installing the kernelspec: the folder is read-only: make it writable");
}

#[test]
fn a_stop_leaves_nothing_half_made() {
    let machine = Machine::new().with("PIP_SLEEPS", "30");
    let child = machine.start(&["--no-lab"]);
    machine.wait_for("pip-runs");
    signal("TERM", &child);
    let ended = Ended::from(child.wait_with_output().unwrap());
    contains(&ended.error(), &["interrupted while installing the Python packages", "run the same command again"]);
    assert_eq!(ended.code, Some(130));
    assert!(!machine.home().exists());
}

#[test]
fn a_run_that_was_killed_is_noticed_and_done_anew() {
    let mut machine = Machine::new().with("PIP_SLEEPS", "1");
    let mut child = machine.start(&["--no-lab"]);
    machine.wait_for("pip-runs");
    signal("KILL", &child);
    child.wait().unwrap();
    let left = machine.home().join("python/bin/left-over");
    fs::write(&left, "").unwrap();
    machine.settings.clear();
    machine.lab(&["--no-lab"]).ok();
    assert!(!left.exists(), "the half-made environment was used");
    assert_eq!(machine.count("pip"), 2);
}

#[test]
fn two_runs_do_not_make_the_environment_at_once() {
    let machine = Machine::new().with("PIP_SLEEPS", "1");
    let first = machine.start(&["--no-lab"]);
    machine.wait_for("pip-runs");
    let second = machine.start(&["--no-lab"]);
    for child in [first, second] {
        Ended::from(child.wait_with_output().unwrap()).ok();
    }
    assert_eq!(machine.count("pip"), 1, "{}", machine.log());
}

#[test]
fn an_environment_that_is_not_ours_is_left_alone() {
    let machine = Machine::new();
    let own = machine.home().join("python/thesis.py");
    fs::create_dir_all(own.parent().unwrap()).unwrap();
    fs::write(&own, "").unwrap();
    contains(&machine.error(&["--no-lab"]), &["was not made by Taskloom", "--home DIR"]);
    assert!(own.exists());
}

#[test]
fn headless_says_where_the_notebook_is() {
    let machine = Machine::new();
    let out = machine.root.join("target/executed/00-overview.ipynb");
    let says = format!("The notebook with its outputs is {}\n", out.display());
    let good = machine.lab(&["--headless", "--solutions"]).ok();
    contains(&good.stdout, &[&says]);
    contains(&good.stderr, &["[7/7] running 00-overview.ipynb with every exercise solved"]);
    contains(&machine.log(), &[&format!("00-overview.ipynb --out {} --solutions", out.display())]);

    let machine = machine.with("RUN_ENDS", "1");
    let bad = machine.lab(&["--headless", "--out", "mine.ipynb"]);
    contains(&bad.stdout, &["mine.ipynb\n"]);
    contains(&bad.error(), &["running 00-overview.ipynb failed", "mine.ipynb"]);

    let silent = Machine::new().with("RUN_WRITES_NOTHING", "1");
    contains(&silent.error(&["--headless"]), &["and left no notebook behind"]);

    contains(
        &machine.error(&["--headless", "--notebook", "07.ipynb"]),
        &["there is no notebook 07.ipynb", "00-overview.ipynb"],
    );
}

#[test]
fn the_lab_is_started_and_stopped() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let machine = Machine::new();
    let mut child = machine.start(&["--no-browser", "--port", &port.to_string()]);
    machine.wait_for("lab-began");
    // The fake server does not listen; this test does it in its place.
    let server = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let (mut stream, _) = server.accept().unwrap();
    let mut request = [0; 16];
    stream.read_exact(&mut request).unwrap();
    stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n").unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut said = Vec::new();
    while !said.ends_with(b"log\n") {
        let mut byte = [0];
        stdout.read_exact(&mut byte).unwrap();
        said.push(byte[0]);
    }
    let said = String::from_utf8(said).unwrap();
    contains(
        &said,
        &[&format!("JupyterLab is at http://localhost:{port}/lab/tree/notebooks/00-overview.ipynb?token=")],
    );
    let began = fs::read_to_string(machine.root.join("lab-began")).unwrap();
    contains(
        &began,
        &[&format!("{}/jupyter ", machine.home().display()), "--no-browser", &format!("--ServerApp.port={port}")],
    );
    assert!(
        !began.contains(said.rsplit_once("token=").unwrap().1.lines().next().unwrap()),
        "the token is not for `ps` to see"
    );

    signal("TERM", &child);
    let ended = Ended::from(child.wait_with_output().unwrap()).ok();
    assert!(machine.root.join("lab-ended").exists(), "the server was asked to stop:\n{}", ended.stderr);
}

#[test]
fn a_lab_that_does_not_start_says_why() {
    let machine = Machine::new().with("LAB_SAYS", "ModuleNotFoundError: something");
    let ended = machine.lab(&["--no-browser"]);
    contains(&ended.stderr, &["      ModuleNotFoundError: something\n"]);
    contains(&ended.error(), &["starting JupyterLab failed"]);
}

#[test]
fn help_and_mistakes() {
    let machine = Machine::new();
    contains(&machine.lab(&["--help"]).ok().stdout, &["Usage: cargo lab", "--headless", "--port N"]);
    assert_eq!(machine.lab(&["--prot", "1"]).code, Some(2));
    contains(&machine.error(&["--port", "0"]), &["from 1 to 65535", "cargo lab --help"]);
}
