//! Stopping a cell.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use super::events::Control;
use super::toolchain::Interrupted;

/// Interrupts a session's cell from another thread.
#[derive(Clone)]
pub struct Interrupter {
    control: Control,
    /// The supervisor, which evcxr has started.
    process: Arc<OnceLock<Arc<Mutex<std::process::Child>>>>,
    /// Whether the cell's code runs; before, the cell is being compiled.
    in_runner: Arc<AtomicBool>,
    compilation: Interrupted,
    cell: Arc<AtomicU64>,
    running: Arc<AtomicBool>,
    /// What runs is for the compiler and the runner, rather than the kernel's own work.
    is_cell: Arc<AtomicBool>,
}

impl Interrupter {
    pub(super) fn new(control: Control, in_runner: Arc<AtomicBool>, folder: &Path) -> Self {
        Interrupter {
            control,
            process: Arc::default(),
            in_runner,
            compilation: Interrupted::new(folder),
            cell: Arc::default(),
            running: Arc::default(),
            is_cell: Arc::default(),
        }
    }

    pub(super) fn set_process(&self, process: Arc<Mutex<std::process::Child>>) {
        let _ = self.process.set(process);
    }

    /// What compilers look at.
    pub(super) fn compilation(&self) -> Interrupted {
        self.compilation.clone()
    }

    pub(super) fn begin(&self) -> Running {
        self.compilation.clear();
        self.cell.fetch_add(1, Ordering::SeqCst);
        self.is_cell.store(true, Ordering::SeqCst);
        self.running.store(true, Ordering::SeqCst);
        Running(Arc::clone(&self.running))
    }

    /// As [`Self::begin`], for work that the kernel does itself.
    pub(super) fn begin_outside(&self) -> Running {
        let running = self.begin();
        self.is_cell.store(false, Ordering::SeqCst);
        running
    }

    /// The runner has nothing more to do with the cell.
    pub(super) fn leave_runner(&self) {
        self.in_runner.store(false, Ordering::SeqCst);
    }

    /// Whether the cell is being compiled, or waits for that, and does not run yet.
    pub fn is_compiling(&self) -> bool {
        let is_cell = self.running.load(Ordering::SeqCst) && self.is_cell.load(Ordering::SeqCst);
        is_cell && !self.in_runner.load(Ordering::SeqCst)
    }

    /// Whether the cell has been interrupted.
    pub fn is_interrupted(&self) -> bool {
        self.compilation.is_set()
    }

    /// Stops the cell that is running, if one is. One that is still compiled does not begin; the engine's computations
    /// end at once; and a cell that goes on all the same has its process ended by the supervisor, which goes back to the
    /// copy from before the cell.
    pub fn interrupt(&self) {
        if !self.running.load(Ordering::SeqCst) {
            return;
        }
        self.compilation.set();
        let (this, cell) = (self.clone(), self.cell.load(Ordering::SeqCst));
        let goes_on =
            move |this: &Interrupter| this.running.load(Ordering::SeqCst) && this.cell.load(Ordering::SeqCst) == cell;
        if this.in_runner.load(Ordering::SeqCst) {
            return this.control.send("interrupt");
        }
        // It may have been compiled already and just not have begun.
        std::thread::spawn(move || {
            while goes_on(&this) && !this.in_runner.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(5));
            }
            if goes_on(&this) {
                this.control.send("interrupt");
            }
        });
    }

    /// Ends the processes that run cells, for good.
    pub fn kill(&self) {
        // What the kernel itself does for a cell, such as a shell command, is to end as well.
        self.compilation.set();
        if let Some(Ok(process)) = self.process.get().map(|process| process.try_lock()) {
            // SAFETY: the lock keeps the child from being reaped, so its id is not another process's. What it has started
            // dies with it.
            unsafe { libc::kill(process.id() as libc::pid_t, libc::SIGKILL) };
        }
    }
}

/// A cell runs, until this is dropped.
pub(super) struct Running(Arc<AtomicBool>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}
