use std::ffi::OsString;
use std::fmt::Display;
use std::path::PathBuf;

use lexopt::prelude::*;

use crate::SetupError;

pub(crate) const HELP: &str = "\
Sets Taskloom up and opens JupyterLab.

Usage: cargo lab [FLAGS]

Checks the machine, fetches the crates, makes a private Python environment with JupyterLab, compiles, installs the
kernelspec \"Rust (Taskloom)\", prepares the data and opens the first notebook. The first run takes about 15 minutes on
two cores and 4 GB of disk; later runs take seconds. It is safe to interrupt and to run again.

JupyterLab:
      --notebook FILE   open this notebook [default: notebooks/00-overview.ipynb]
      --port N          listen at this port, or fail [default: the first free one from 8888 up]
      --ip ADDRESS      listen at this address [default: localhost]
      --no-browser      only print the address
      --no-lab          set everything up and stop there (also: --steps-only)

Without a browser:
      --headless        run the notebook, print where the result is, fail when a cell fails
      --solutions       with every exercise solved
      --out FILE        where to put the notebook with its outputs [default: <target>/executed/<name>]

Set-up:
      --home DIR        Python environment and kernelspec [default: $TASKLOOM_HOME, or taskloom in your data folder]
      --data DIR        the tutorial's data [default: data in the checkout]
      --rows N          about this many rows of flights in place of all 336,776
      --python FILE     make the environment with this Python [default: the first on the PATH from 3.9 up]
      --jobs N          compile this many crates at once [default: as many as there are cores]
      --offline         download nothing
      --disk GB         free space to ask for before compiling [default: 4, or 1 once it was compiled]
  -h, --help            print this
  -V, --version         print the version

Environment: TASKLOOM_HOME is the home, CARGO_TARGET_DIR is where cargo builds, HTTPS_PROXY is the proxy.
To undo all of it, delete the home, the data folder and the target folder.
";

/// What happens when all is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finish {
    /// JupyterLab is opened.
    Lab,
    /// The notebook is run without a browser.
    Headless { solutions: bool, out: Option<PathBuf> },
    /// Nothing more.
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    pub finish: Finish,
    pub notebook: Option<PathBuf>,
    pub port: Option<u16>,
    pub ip: String,
    pub browser: bool,
    pub home: Option<PathBuf>,
    pub data: Option<PathBuf>,
    pub rows: Option<u64>,
    pub python: Option<PathBuf>,
    pub jobs: Option<u32>,
    pub offline: bool,
    /// Bytes.
    pub disk: Option<u64>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Run(Box<Options>),
    Help,
    Version,
}

pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Asked, SetupError> {
    let mut options = Options {
        finish: Finish::Lab,
        notebook: None,
        port: None,
        ip: "localhost".into(),
        browser: true,
        home: None,
        data: None,
        rows: None,
        python: None,
        jobs: None,
        offline: false,
        disk: None,
    };
    let (mut headless, mut nothing, mut solutions, mut out) = (false, false, false, None);
    let mut parser = lexopt::Parser::from_args(args);
    while let Some(arg) = parser.next().map_err(not_understood)? {
        match arg {
            Short('h') | Long("help") => return Ok(Asked::Help),
            Short('V') | Long("version") => return Ok(Asked::Version),
            Long("headless") => headless = true,
            Long("no-lab" | "steps-only") => nothing = true,
            Long("solutions") => solutions = true,
            Long("no-browser") => options.browser = false,
            Long("offline") => options.offline = true,
            Long("out") => out = Some(path(&mut parser)?),
            Long("notebook") => options.notebook = Some(path(&mut parser)?),
            Long("home") => options.home = Some(path(&mut parser)?),
            Long("data") => options.data = Some(path(&mut parser)?),
            Long("python") => options.python = Some(path(&mut parser)?),
            Long("ip") => options.ip = parser.value().and_then(ValueExt::string).map_err(not_understood)?,
            Long("port") => options.port = Some(number(&mut parser, "--port", 1, 65_535)? as u16),
            Long("rows") => options.rows = Some(number(&mut parser, "--rows", 1, u64::MAX)?),
            Long("jobs") | Short('j') => options.jobs = Some(number(&mut parser, "--jobs", 1, 1024)? as u32),
            Long("disk") => options.disk = Some(number(&mut parser, "--disk", 0, 100_000)? * 1_000_000_000),
            other => return Err(not_understood(other.unexpected())),
        }
    }
    let ip_is_known =
        matches!(options.ip.as_str(), "localhost" | "*") || options.ip.parse::<std::net::IpAddr>().is_ok();
    if !ip_is_known {
        return Err(SetupError::Usage(format!(
            "`--ip {}` is no address: use localhost, 0.0.0.0 or this machine's own",
            options.ip
        )));
    }
    if !headless && (solutions || out.is_some()) {
        let flag = if solutions { "--solutions" } else { "--out" };
        return Err(SetupError::Usage(format!("`{flag}` is for `--headless`, and that is not given")));
    }
    if headless && nothing {
        return Err(SetupError::Usage(
            "`--headless` runs a notebook and `--no-lab` stops before that: choose one".into(),
        ));
    }
    if headless {
        options.finish = Finish::Headless { solutions, out };
    } else if nothing {
        options.finish = Finish::Nothing;
    }
    Ok(Asked::Run(Box::new(options)))
}

fn not_understood(error: impl Display) -> SetupError {
    SetupError::Usage(format!("the command line is not understood: {error}"))
}

fn path(parser: &mut lexopt::Parser) -> Result<PathBuf, SetupError> {
    let value = parser.value().map_err(not_understood)?;
    if value.is_empty() {
        return Err(SetupError::Usage("a path on the command line is empty".into()));
    }
    Ok(value.into())
}

fn number(parser: &mut lexopt::Parser, flag: &str, least: u64, most: u64) -> Result<u64, SetupError> {
    let value = parser.value().and_then(ValueExt::string).map_err(not_understood)?;
    match value.replace('_', "").parse::<u64>() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ if most == u64::MAX => {
            Err(SetupError::Usage(format!("`{flag} {value}` must be a whole number from {least} up")))
        }
        _ => Err(SetupError::Usage(format!("`{flag} {value}` must be a whole number from {least} to {most}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> Result<Options, String> {
        match parse(line.split_whitespace().map(OsString::from)) {
            Ok(Asked::Run(options)) => Ok(*options),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn flags_are_read() {
        let all = options("--port 9000 --ip=0.0.0.0 --no-browser --jobs 2 --rows 1_000 --home /h --data d --offline")
            .unwrap();
        assert_eq!((all.port, all.ip.as_str(), all.browser, all.jobs), (Some(9000), "0.0.0.0", false, Some(2)));
        assert_eq!((all.rows, all.offline, all.finish), (Some(1000), true, Finish::Lab));
        let headless = options("--headless --solutions --out x.ipynb").unwrap();
        assert_eq!(headless.finish, Finish::Headless { solutions: true, out: Some("x.ipynb".into()) });
        assert_eq!(options("--steps-only").unwrap(), options("--no-lab").unwrap());
    }

    #[test]
    fn mistakes_get_a_sentence() {
        for (line, says) in [
            ("--port 99999", "`--port 99999` must be a whole number from 1 to 65535"),
            ("--port", "missing argument"),
            ("--prot 8888", "--prot"),
            ("--out x", "`--out` is for `--headless`"),
            ("--headless --no-lab", "choose one"),
            ("--ip nowhere", "is no address"),
            ("--rows 0", "from 1 up"),
            ("notebook.ipynb", "notebook.ipynb"),
        ] {
            let error = options(line).unwrap_err();
            assert!(
                error.contains(says) && error.ends_with("`cargo lab --help` lists what there is"),
                "{line}: {error}"
            );
        }
    }

    #[test]
    fn help_names_every_flag() {
        assert_eq!(parse(["-h".into()]).unwrap(), Asked::Help);
        assert_eq!(parse(["--version".into()]).unwrap(), Asked::Version);
        for line in HELP.lines() {
            assert!(line.chars().count() <= 120, "{line}");
        }
    }
}
