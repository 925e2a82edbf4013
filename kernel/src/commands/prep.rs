//! `taskloom prep`: the workshop's data.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use taskloom_exercises::Course;
use taskloom_prep::{
    Accounts, CourseData, DATA_LIST, Flights, Grid, Grids, PrepError, PreparedFile, PreparedFolder, Recipe, Taxi, Tools,
};

use crate::installation::Installation;
use crate::magics::Magics;
use crate::session::{Session, prepare_environment, session_folder};

/// A data set.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Data {
    /// The flights that left New York in 2013
    Flights,
    /// Thirty years of temperatures of the sea
    Ocean,
    /// A month of weather
    Weather,
    /// A year of New York's yellow taxis
    Nyctaxi,
    /// People and what they paid
    Accounts,
}

#[derive(clap::Args)]
pub struct Options {
    /// What to prepare [default: the data of the course around this folder, if it lists its own; else everything]
    #[arg(value_enum)]
    what: Vec<Data>,
    /// The folder the data goes into [default: the folder `data` of a course with data of its own, else `data` here]
    #[arg(long)]
    data: Option<PathBuf>,
    /// Prepare the data that this course lists in its prep/data.toml
    #[arg(long, value_name = "FOLDER", conflicts_with = "what")]
    course: Option<PathBuf>,
    /// The Python whose pip downloads the real flights [default: the private environment's, else python3]
    #[arg(long)]
    python: Option<PathBuf>,
    /// Do not use the network: make synthetic flights
    #[arg(long)]
    offline: bool,
    /// How many flights [default: all 336,776]
    #[arg(long)]
    rows: Option<usize>,
    /// How many taxi trips, up to as many as the disk holds: a million take 115 MB
    #[arg(long, default_value_t = 2_000_000)]
    trips: u64,
    /// A folder with the real files of taxi trips, which are used instead of trips made up
    #[arg(long, value_name = "FOLDER")]
    from: Option<PathBuf>,
    /// How many records of accounts
    #[arg(long, default_value_t = 50_000)]
    records: usize,
    /// Seed of what is made up: flights, taxi trips and accounts
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Try again for the real flights where synthetic ones are, and make all other data anew
    #[arg(long)]
    refresh: bool,
    /// How fine the weather's grid is: so many times as many rows and columns as half a degree gives, up to 16
    #[arg(long, default_value_t = 1)]
    detail: usize,
    /// The folder of the installation
    #[arg(long)]
    home: Option<PathBuf>,
}

impl Options {
    fn wants(&self, data: Data) -> bool {
        self.what.is_empty() || self.what.contains(&data)
    }

    fn folder(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(|| PathBuf::from("data"))
    }
}

pub fn run(options: &Options) -> Result<ExitCode, String> {
    let here = options.course.clone().unwrap_or_else(|| PathBuf::from("."));
    let here = std::path::absolute(&here).map_err(|error| format!("{}: {error}", here.display()))?;
    let course = Course::find(&here).ok().filter(|course| course.root().join(DATA_LIST).is_file());
    match course {
        Some(course) if options.what.is_empty() => {
            let data = options.data.clone().unwrap_or_else(|| course.root().join("data"));
            for file in prepare_course(course.root(), &data, options.refresh, options.offline, options.home.clone())? {
                let state = if file.fresh { "prepared" } else { "already there" };
                println!("{} bytes in {}, {state}", file.bytes, file.path.display());
                if !file.is_pinned {
                    println!("  note: {DATA_LIST} does not say its sum yet; it is sha256 = \"{}\"", file.sha256);
                }
            }
            return Ok(ExitCode::SUCCESS);
        }
        None if options.course.is_some() => {
            return Err(format!("{} is no course with a list of data, {DATA_LIST}", here.display()));
        }
        _ => {}
    }
    if options.wants(Data::Flights) {
        prepare_flights(options)?;
    }
    prepare_folders(options)?;
    Ok(ExitCode::SUCCESS)
}

fn prepare_flights(options: &Options) -> Result<(), String> {
    let python = options.python.clone().unwrap_or_else(|| super::python(None));
    let flights = Flights::new(options.folder())
        .python(python)
        .offline(options.offline)
        .refresh(options.refresh)
        .seed(options.seed)
        .rows(options.rows);
    let prepared = flights.prepare(&mut |line| eprintln!("{line}")).map_err(|error| error.to_string())?;
    let state = if prepared.fresh { "prepared" } else { "already there" };
    println!(
        "{} flights in {} files in {}, {state}: {}",
        prepared.rows,
        prepared.files.len(),
        prepared.dir.display(),
        prepared.source
    );
    Ok(())
}

/// All other data. For most of it a session of the engine runs a recipe, when there is something to be made.
fn prepare_folders(options: &Options) -> Result<(), String> {
    let mut engine = Engine { home: options.home.clone(), started: None };
    let mut run = |recipe: &Recipe| engine.run(recipe);
    let mut say = |line: &str| eprintln!("{line}");
    for (data, grid) in [(Data::Ocean, Grid::Ocean), (Data::Weather, Grid::Weather)] {
        if options.wants(data) {
            let grids = Grids::new(options.folder(), grid).detail(options.detail).refresh(options.refresh);
            report(grids.prepare(&mut run, &mut say), "synthetic")?;
        }
    }
    if options.wants(Data::Nyctaxi) {
        let mut taxi = Taxi::new(options.folder()).trips(options.trips).seed(options.seed).refresh(options.refresh);
        if let Some(folder) = &options.from {
            taxi = taxi.from(folder);
        }
        report(taxi.prepare(&mut run, &mut say), if options.from.is_some() { "real" } else { "synthetic" })?;
    }
    if options.wants(Data::Accounts) {
        let accounts =
            Accounts::new(options.folder()).records(options.records).seed(options.seed).refresh(options.refresh);
        report(accounts.prepare(&mut say), "synthetic")?;
    }
    Ok(())
}

fn report(prepared: Result<PreparedFolder, PrepError>, source: &str) -> Result<(), String> {
    let prepared = prepared.map_err(|error| error.to_string())?;
    let state = if prepared.fresh { "prepared" } else { "already there" };
    println!("{} MB in {}, {state}: {source}", prepared.bytes.div_ceil(1_000_000), prepared.dir.display());
    Ok(())
}

/// The data that a course lists as its own; nothing, where it lists none.
pub fn prepare_course(
    root: &Path,
    data: &Path,
    refresh: bool,
    offline: bool,
    home: Option<PathBuf>,
) -> Result<Vec<PreparedFile>, String> {
    let Some(list) = CourseData::of_course(root).map_err(|error| error.to_string())? else { return Ok(Vec::new()) };
    let mut tools = CourseTools { engine: Engine { home, started: None }, offline };
    list.prepare(data, refresh, &mut tools, &mut |line| eprintln!("{line}")).map_err(|error| error.to_string())
}

/// What a course's data is made by.
struct CourseTools {
    engine: Engine,
    offline: bool,
}

/// Python is there, since Jupyter is; curl need not be.
const DOWNLOAD: &str = "import sys, urllib.request, shutil
with urllib.request.urlopen(sys.argv[1], timeout=60) as answer, open(sys.argv[2], 'wb') as file:
    shutil.copyfileobj(answer, file)";

impl Tools for CourseTools {
    fn run(&mut self, recipe: &Recipe) -> Result<(), String> {
        self.engine.run(recipe)
    }

    fn download(&mut self, url: &str, to: &Path) -> Result<(), String> {
        if self.offline {
            return Err("this is not there yet, and --offline says to download nothing".to_owned());
        }
        if !(url.starts_with("https://") || url.starts_with("http://")) {
            return Err("only addresses that begin with https:// or http:// are downloaded".to_owned());
        }
        let output = Command::new(super::python(self.engine.home.clone()))
            .args(["-c", DOWNLOAD, url])
            .arg(to)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("cannot run Python to download it: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("the download failed").to_owned())
    }
}

/// A session, once one is needed.
struct Engine {
    home: Option<PathBuf>,
    started: Option<(Session, Magics)>,
}

impl Engine {
    fn run(&mut self, recipe: &Recipe) -> Result<(), String> {
        let (session, magics) = match &mut self.started {
            Some(started) => started,
            nothing => nothing.insert(start(self.home.clone())?),
        };
        magics
            .run_cell(session, &recipe.code, 1, &|_| {})
            .map_err(|failure| format!("{}: {}", failure.name, failure.value))
    }
}

fn start(home: Option<PathBuf>) -> Result<(Session, Magics), String> {
    let installation = Installation::load(super::home_folder(home)?.root())?;
    let folder = session_folder()?;
    prepare_environment(&installation, folder.path())?;
    let magics = Magics::new(&installation);
    Ok((Session::start(&installation, folder, |_| {})?, magics))
}
