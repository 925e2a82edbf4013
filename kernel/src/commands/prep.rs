//! `taskloom prep`: the workshop's data.

use std::path::PathBuf;
use std::process::ExitCode;

use taskloom_prep::Flights;

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
    /// Try again for the real flights where synthetic ones are
    #[arg(long)]
    refresh: bool,
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
    Ok(ExitCode::SUCCESS)
}
