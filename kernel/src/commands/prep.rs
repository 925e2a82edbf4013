//! `taskloom prep`: the workshop's data.

use std::path::PathBuf;
use std::process::ExitCode;

use taskloom_prep::{Accounts, Flights, Grid, Grids, PrepError, PreparedFolder, Recipe, Taxi};

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
    /// What to prepare [default: everything]
    #[arg(value_enum)]
    what: Vec<Data>,
    /// The folder the data goes into
    #[arg(long, default_value = "data")]
    data: PathBuf,
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
}

pub fn run(options: &Options) -> Result<ExitCode, String> {
    if options.wants(Data::Flights) {
        prepare_flights(options)?;
    }
    prepare_folders(options)?;
    Ok(ExitCode::SUCCESS)
}

fn prepare_flights(options: &Options) -> Result<(), String> {
    let private = super::home_folder(None).ok().map(|home| home.python_exe()).filter(|python| python.is_file());
    let python = options.python.clone().or(private).unwrap_or_else(|| PathBuf::from("python3"));
    let flights = Flights::new(&options.data)
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
            let grids = Grids::new(&options.data, grid).detail(options.detail).refresh(options.refresh);
            report(grids.prepare(&mut run, &mut say), "synthetic")?;
        }
    }
    if options.wants(Data::Nyctaxi) {
        let mut taxi = Taxi::new(&options.data).trips(options.trips).seed(options.seed).refresh(options.refresh);
        if let Some(folder) = &options.from {
            taxi = taxi.from(folder);
        }
        report(taxi.prepare(&mut run, &mut say), if options.from.is_some() { "real" } else { "synthetic" })?;
    }
    if options.wants(Data::Accounts) {
        let accounts =
            Accounts::new(&options.data).records(options.records).seed(options.seed).refresh(options.refresh);
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
