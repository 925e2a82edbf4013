//! Is everything here that the set-up needs?

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use crate::process::{self, output_of, which};
use crate::{SetupError, checkout};

/// What the first build writes, in bytes.
const FIRST_BUILD: u64 = 4_000_000_000;
/// What a later build writes at most.
const LATER_BUILD: u64 = 1_000_000_000;
/// What the Python environment takes, with pip's own copies.
pub(crate) const PYTHON_SPACE: u64 = 700_000_000;
/// How far a free port is looked for.
const PORTS: u16 = 200;

/// The compiler that is here.
pub(crate) struct Rust {
    pub version: String,
    /// The machine it compiles for, such as `x86_64-unknown-linux-gnu`.
    pub host: String,
}

pub(crate) fn rust(root: &Path) -> Result<Rust, SetupError> {
    let missing = |tool: &str| SetupError::NoRust { tool: tool.into() };
    let cargo = output_of(process::cargo().arg("--version")).map_err(|_| missing("cargo"))?;
    if !cargo.ok {
        return Err(missing("cargo"));
    }
    let name = std::env::var_os("RUSTC").filter(|rustc| !rustc.is_empty()).unwrap_or_else(|| "rustc".into());
    let rustc = output_of(process::command(name).arg("-vV")).map_err(|_| missing("rustc"))?;
    let field = |name: &str| rustc.stdout.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let (Some(version), Some(host), true) = (field("release:"), field("host:"), rustc.ok) else {
        return Err(missing("rustc"));
    };
    if let Some(needed) = checkout::rust_version(root) {
        if numbers(version) < numbers(&needed) {
            return Err(SetupError::OldRust { found: version.into(), needed });
        }
    }
    Ok(Rust { version: version.into(), host: host.into() })
}

/// The numbers of a version: "1.95.0-nightly" is [1, 95, 0].
fn numbers(version: &str) -> [u32; 3] {
    let mut numbers = [0; 3];
    for (number, part) in numbers.iter_mut().zip(version.split(['.', '-'])) {
        *number = part.parse().unwrap_or(0);
    }
    numbers
}

/// The C compiler, which Rust links with.
pub(crate) fn c_compiler() -> Result<PathBuf, SetupError> {
    // Running it matters: on macOS `cc` is there before the compiler is.
    let runs = |file: &PathBuf| output_of(process::command(file).arg("--version")).is_ok_and(|output| output.ok);
    ["cc", "gcc", "clang"].iter().filter_map(|name| which(name)).find(runs).ok_or(SetupError::NoCompiler)
}

/// Free space on the disk that holds a path, in bytes. The path need not exist. `None` when it cannot be told.
pub fn free_disk_space(path: &Path) -> Option<u64> {
    let folder = path.ancestors().find(|folder| folder.is_dir())?;
    let output = output_of(process::command("df").arg("-Pk").arg(folder)).ok().filter(|output| output.ok)?;
    let kilobytes: u64 = output.stdout.lines().last()?.split_whitespace().nth(3)?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// Is there room for what is about to be written? `python` says that the environment is still to be made.
pub(crate) fn disk_space(target: &Path, home: &Path, python: bool, wanted: Option<u64>) -> Result<(), SetupError> {
    let build = wanted.unwrap_or_else(|| {
        if target.join("debug/taskloom").is_file() {
            LATER_BUILD
        } else {
            // A build that was cut off goes on where it was.
            FIRST_BUILD.saturating_sub(bytes_in(&target.join("debug/deps"))).max(LATER_BUILD)
        }
    });
    for (at, needed) in [(target, build), (home, if python { PYTHON_SPACE } else { 0 })] {
        if let Some(free) = free_disk_space(at) {
            if free < needed {
                return Err(SetupError::DiskFull { at: at.to_owned(), free: Some(free), needed: Some(needed) });
            }
        }
    }
    Ok(())
}

/// The size of all files in one folder.
fn bytes_in(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|meta| meta.len()).sum()
}

/// The addresses that a server listens at for what `--ip` says.
fn addresses(ip: &str) -> Vec<IpAddr> {
    match ip {
        "localhost" | "" => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        "*" => vec![Ipv4Addr::UNSPECIFIED.into()],
        _ => ip.parse().into_iter().collect(),
    }
}

/// Is the port free? `Err` when the address cannot be used at all.
pub(crate) fn port_is_free(ip: &str, port: u16) -> Result<bool, SetupError> {
    for address in addresses(ip) {
        match TcpListener::bind(SocketAddr::new(address, port)) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::AddrInUse => return Ok(false),
            // Many machines have no IPv6; JupyterLab does without, too.
            Err(_) if ip == "localhost" && address.is_ipv6() => {}
            Err(error) => {
                return Err(SetupError::BadAddress { address: format!("{ip}:{port}"), why: error.to_string() });
            }
        }
    }
    Ok(true)
}

/// The first free port from this one up, on an address such as "localhost" or "0.0.0.0".
///
/// ```
/// let port = taskloom_setup::first_free_port("localhost", 8888).expect("one of the next 200 is free");
/// assert!(port >= 8888);
/// ```
pub fn first_free_port(ip: &str, from: u16) -> Option<u16> {
    (from..=from.saturating_add(PORTS)).find(|port| matches!(port_is_free(ip, *port), Ok(true)))
}

/// The port to use: the one asked for, if it is free, else the first free one from 8888 up.
pub(crate) fn port(ip: &str, asked: Option<u16>) -> Result<u16, SetupError> {
    match asked {
        Some(port) if port_is_free(ip, port)? => Ok(port),
        Some(port) => Err(SetupError::PortTaken { port, free: first_free_port(ip, port.saturating_add(1)) }),
        None => {
            // Says what is wrong with the address before 200 ports are tried.
            port_is_free(ip, 8888)?;
            first_free_port(ip, 8888).ok_or(SetupError::PortTaken { port: 8888, free: None })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert!(numbers("1.95.0") >= numbers("1.95"));
        assert!(numbers("1.100.0-nightly") > numbers("1.95.1"));
        assert!(numbers("1.80.1") < numbers("1.95"));
    }

    #[test]
    fn a_taken_port_names_a_free_one() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = listener.local_addr().unwrap().port();
        match port("localhost", Some(taken)) {
            Err(SetupError::PortTaken { port, free: Some(free) }) => {
                assert_eq!(port, taken);
                assert!(free > taken);
                assert!(soon(|| port_is_free("localhost", free).unwrap()));
            }
            // The very last ports may have no free one above them.
            other => assert!(taken > 65_000, "{other:?}"),
        }
        drop(listener);
        assert!(soon(|| port("localhost", Some(taken)).is_ok_and(|port| port == taken)));
    }

    /// Other tests, and other programs, take a port for a moment to see whether it is free.
    fn soon(condition: impl Fn() -> bool) -> bool {
        (0..200).any(|_| {
            condition() || {
                std::thread::sleep(std::time::Duration::from_millis(10));
                false
            }
        })
    }

    #[test]
    fn an_address_of_another_machine_is_refused() {
        assert!(matches!(port("192.0.2.1", None), Err(SetupError::BadAddress { .. })));
    }

    #[test]
    fn free_space_is_known_also_for_what_is_not_there_yet() {
        assert!(free_disk_space(Path::new("/tmp/not/there/yet")).is_some_and(|free| free > 0));
        let much = disk_space(Path::new("/tmp"), Path::new("/tmp"), false, Some(u64::MAX));
        assert!(matches!(much, Err(SetupError::DiskFull { .. })));
    }
}
