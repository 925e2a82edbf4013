//! `taskloom prep`: the workshop's data.

use std::path::PathBuf;
use std::process::ExitCode;

use taskloom_prep::{Flights, Grid, Grids, Recipe};

use crate::installation::Installation;
use crate::magics::Magics;
use crate::session::{Session, prepare_environment, session_folder};

#[derive(clap::Args)]
pub struct Options {
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
    /// Seed of the synthetic flights
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

pub fn run(options: &Options) -> Result<ExitCode, String> {
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
    prepare_grids(options)?;
    Ok(ExitCode::SUCCESS)
}

/// The data that the engine makes: a session of it runs a recipe, when there is something to be made.
fn prepare_grids(options: &Options) -> Result<(), String> {
    let mut engine = Engine { home: options.home.clone(), started: None };
    for grid in Grid::ALL {
        let grids = Grids::new(&options.data, grid).detail(options.detail).refresh(options.refresh);
        let prepared = grids
            .prepare(&mut |recipe| engine.run(recipe), &mut |line| eprintln!("{line}"))
            .map_err(|error| error.to_string())?;
        let state = if prepared.fresh { "prepared" } else { "already there" };
        println!("{} MB in {}, {state}: synthetic", prepared.bytes.div_ceil(1_000_000), prepared.dir.display());
    }
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
