//! The worker's half: this program, started once more, serves tasks instead of running `main`.
//!
//! A Dask worker starts it with an open listener, whose number is in `TASKLOOM_WORKER_LISTENER`. The engine looks for
//! that before `main` begins, so that any program that uses the engine can be its own worker without saying so.

use std::collections::HashMap;
use std::io::{self, Read};
use std::os::fd::FromRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::piece::{self, Ended, Input, Piece};
use super::value;
use super::wire::{Fields, read_frame, write_frame};
use crate::task::Value;
use crate::travel::Codec;
use crate::travel::objects::{ObjectId, Objects};

/// Names the descriptor that a worker is to listen on.
const LISTENER: &str = "TASKLOOM_WORKER_LISTENER";

/// What is asked; `worker.py` has the same numbers.
const HELLO: u8 = 0;
const LOAD: u8 = 1;
const RUN: u8 = 2;
const ENCODE: u8 = 3;
const DROP: u8 = 4;

/// How it is answered.
const OK: u8 = 0;
const FAILED: u8 = 1;
const REFUSED: u8 = 2;
const MISSING: u8 = 3;

// The system calls these before `main`.
#[used]
#[cfg_attr(target_os = "linux", unsafe(link_section = ".init_array"))]
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
static BEFORE_MAIN: extern "C" fn() = before_main;

extern "C" fn before_main() {
    let Some(listener) = std::env::var_os(LISTENER) else { return };
    // SAFETY: before `main` there is one thread.
    unsafe { std::env::remove_var(LISTENER) };
    let Some(descriptor) = listener.to_str().and_then(|number| number.parse().ok()) else { return };
    // A process that a task starts is no worker, and must not keep the socket.
    // SAFETY: plain calls on a number; a wrong one is refused by `accept`.
    let listener = unsafe {
        libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC);
        UnixListener::from_raw_fd(descriptor)
    };
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        if crate::panics::is_in_task() {
            place.into_iter().for_each(crate::panics::set_location);
        } else {
            eprintln!("{panic}");
        }
    }));
    let code = match serve(&listener) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("the worker of this program ended: {error}");
            1
        }
    };
    // SAFETY: ends the process. `main` must not run, and neither must what it would leave to be done at its end.
    unsafe { libc::_exit(code) };
}

/// What this process keeps for the Dask worker.
#[derive(Default)]
struct Table {
    values: Mutex<HashMap<u64, Kept>>,
    last: AtomicU64,
    objects: Objects,
}

struct Kept {
    value: Value,
    codec: Option<Codec>,
    type_name: &'static str,
}

/// Answers every connection on a thread of its own, until the process is told to end.
fn serve(listener: &UnixListener) -> io::Result<()> {
    std::thread::spawn(|| {
        // The Dask worker holds the other end, and says nothing: its end is the end of this process.
        let _ = io::stdin().read_to_end(&mut Vec::new());
        // SAFETY: as above.
        unsafe { libc::_exit(0) };
    });
    let table = Arc::new(Table::default());
    loop {
        let (stream, _) = listener.accept()?;
        let table = Arc::clone(&table);
        std::thread::Builder::new().name("taskloom-worker".to_owned()).spawn(move || {
            if let Err(error) = converse(&table, stream) {
                eprintln!("a connection of this program's worker ended: {error}");
            }
        })?;
    }
}

fn converse(table: &Table, mut stream: UnixStream) -> io::Result<()> {
    while let Some(request) = read_frame(&mut stream)? {
        let answer = table.answer(&request).unwrap_or_else(|why| (REFUSED, why.into_bytes()));
        drop(request);
        write_frame(&mut stream, &[&[answer.0], &answer.1])?;
    }
    Ok(())
}

type Answer = Result<(u8, Vec<u8>), String>;

impl Table {
    fn values(&self) -> MutexGuard<'_, HashMap<u64, Kept>> {
        self.values.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn keep(&self, kept: Kept) -> u64 {
        let handle = self.last.fetch_add(1, Ordering::Relaxed);
        self.values().insert(handle, kept);
        handle
    }

    fn answer(&self, request: &[u8]) -> Answer {
        let mut fields = Fields(request);
        match fields.array()? {
            [HELLO] => Ok((OK, piece::engine().map_err(|error| error.to_string())?.to_string().into_bytes())),
            [LOAD] => {
                let identity: [u8; 32] = fields.array()?;
                let identity: String = identity.iter().map(|byte| format!("{byte:02x}")).collect();
                let identity: ObjectId = identity.parse().map_err(|error| format!("{error}"))?;
                self.objects.load(&identity, fields.0).map_err(|error| error.to_string())?;
                Ok((OK, Vec::new()))
            }
            [RUN] => self.run(fields),
            [ENCODE] => {
                let handle = fields.u64()?;
                let found =
                    self.values().get(&handle).map(|kept| (Value::clone(&kept.value), kept.codec, kept.type_name));
                let (value, codec, type_name) = found.ok_or("a value was asked for that is not here")?;
                Ok((OK, value::encode(&value, codec, type_name)?))
            }
            [DROP] => {
                while !fields.0.is_empty() {
                    let dropped =
                        self.values.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).remove(&fields.u64()?);
                    crate::panics::drop_quietly(dropped);
                }
                Ok((OK, Vec::new()))
            }
            [other] => Err(format!("there is no request {other}: the worker's package is of another version")),
        }
    }

    fn run(&self, mut fields: Fields<'_>) -> Answer {
        let length = u32::from_le_bytes(fields.array()?) as usize;
        let piece = fields.take(length)?;
        let mut inputs = Vec::new();
        while !fields.0.is_empty() {
            inputs.push(match fields.array()? {
                [0] => {
                    let handle = fields.u64()?;
                    let found = self.values().get(&handle).map(|kept| Value::clone(&kept.value));
                    Input::Here(found.ok_or("a task needs a value that is not here")?)
                }
                _ => {
                    let length = fields.length()?;
                    Input::Bytes(fields.take(length)?)
                }
            });
        }
        Ok(match Piece::run(piece, inputs, &self.objects) {
            Ended::Done { value, codec, type_name, decoded } => {
                let nbytes = crate::nbytes(&*value);
                let mut answer = Vec::new();
                for (value, codec) in decoded {
                    answer.extend(self.keep(Kept { value, codec, type_name: "unknown" }).to_le_bytes());
                }
                answer.extend(self.keep(Kept { value, codec, type_name }).to_le_bytes());
                answer.extend(nbytes.to_le_bytes());
                (OK, answer)
            }
            Ended::Failed(error) => {
                let mut answer = vec![u8::from(error.panicked())];
                answer.extend((error.task().len() as u32).to_le_bytes());
                answer.extend(error.task().as_bytes());
                answer.extend(error.message().as_bytes());
                (FAILED, answer)
            }
            Ended::Missing(object) => (MISSING, object.to_string().into_bytes()),
            Ended::Refused(why) => (REFUSED, why.into_bytes()),
        })
    }
}
