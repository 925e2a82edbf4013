//! Namespaces: a view of the machine in which there are no other processes, no network, and not every file.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Protections;

/// What the process shall see of the files.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct View {
    /// Files and folders that are empty to it.
    pub hidden: Vec<PathBuf>,
    /// A folder that cannot be written.
    pub sealed: Option<PathBuf>,
    /// A folder that is in memory only, and its size in bytes.
    pub scratch: Option<(PathBuf, u64)>,
}

/// Separates a child; the parent waits for it here and never returns.
pub fn enter(view: &View) -> Protections {
    let mut protections = Protections::default();
    // SAFETY: system calls without memory.
    let (user, group) = unsafe { (libc::geteuid(), libc::getegid()) };
    let all = [
        ("processes of its own", libc::CLONE_NEWPID),
        ("no network", libc::CLONE_NEWNET),
        ("files of its own", libc::CLONE_NEWNS),
        ("no shared memory", libc::CLONE_NEWIPC),
        ("a host name of its own", libc::CLONE_NEWUTS),
    ];
    let user_namespace = unshare(libc::CLONE_NEWUSER).and_then(|()| map_user(user, group));
    protections.note("a user of its own", user_namespace);
    let mut has_files = false;
    let mut has_processes = false;
    for (name, flag) in all {
        let outcome = unshare(flag);
        has_files |= flag == libc::CLONE_NEWNS && outcome.is_ok();
        has_processes |= flag == libc::CLONE_NEWPID && outcome.is_ok();
        protections.note(name, outcome);
    }
    // SAFETY: the process has one thread, as the caller promises.
    match unsafe { libc::fork() } {
        0 => {}
        child if child > 0 => wait_for(child),
        _ => {
            protections.missing.push(format!("processes of its own ({})", io::Error::last_os_error()));
            return protections;
        }
    }
    // SAFETY: system calls without memory.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        // Without a namespace of processes, what is left behind would get away.
        libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    }
    if has_files {
        arrange(view, has_processes, &mut protections);
    }
    protections
}

fn unshare(flag: libc::c_int) -> io::Result<()> {
    // SAFETY: a system call without memory.
    check(unsafe { libc::unshare(flag) })
}

/// The user keeps its number, and there is no other.
fn map_user(user: u32, group: u32) -> io::Result<()> {
    std::fs::write("/proc/self/setgroups", "deny")?;
    std::fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    std::fs::write("/proc/self/gid_map", format!("{group} {group} 1"))
}

/// Ends as the child does. With this process ends the child, and with the child everything in its namespace.
fn wait_for(child: libc::pid_t) -> ! {
    let mut status = 0;
    // SAFETY: `status` is where the system writes.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        // What the child reads and writes is not held open from here.
        for descriptor in 0..3 {
            libc::close(descriptor);
        }
        while libc::waitpid(child, &mut status, 0) < 0
            && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
        {}
        libc::_exit(if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 128 + libc::WTERMSIG(status) })
    }
}

/// Each part by itself: in a container one may be refused and another not.
fn arrange(view: &View, own_processes: bool, protections: &mut Protections) {
    let bare = libc::MS_NOSUID | libc::MS_NODEV;
    // What is mounted here is to be seen nowhere else.
    if let Err(error) = mount("none", Path::new("/"), "", libc::MS_REC | libc::MS_PRIVATE, "") {
        protections.missing.push(format!("a view of the files ({error})"));
        return;
    }
    if own_processes {
        let processes = mount("proc", Path::new("/proc"), "proc", bare | libc::MS_NOEXEC, "");
        protections.note("a view of its own processes only", processes);
    }
    if let Some((folder, size)) = &view.scratch {
        let scratch = mount("scratch", folder, "tmpfs", bare, &format!("size={size},mode=700"));
        protections.note("a scratch folder in memory", scratch);
    }
    if let Some(sealed) = &view.sealed {
        let again = libc::MS_REMOUNT | libc::MS_BIND | libc::MS_RDONLY | bare;
        let outcome = bind(sealed).and_then(|()| mount("none", sealed, "", again, ""));
        protections.note(super::SEALED, outcome);
    }
    let hide = |path: &PathBuf| match path.is_dir() {
        true => mount("hidden", path, "tmpfs", bare | libc::MS_RDONLY, "size=4096,mode=0"),
        false => mount("/dev/null", path, "", libc::MS_BIND, ""),
    };
    let hidden = view.hidden.iter().filter(|path| path.exists()).try_for_each(hide);
    protections.note("a view of the files", hidden);
}

/// A folder in its own place, so that it can be mounted otherwise than what is around it.
fn bind(folder: &Path) -> io::Result<()> {
    let source = folder.to_str().ok_or_else(|| io::Error::other("the folder's name is not text"))?;
    mount(source, folder, "", libc::MS_BIND, "")
}

fn mount(source: &str, target: &Path, kind: &str, flags: libc::c_ulong, data: &str) -> io::Result<()> {
    let text = |bytes: &[u8]| CString::new(bytes).map_err(io::Error::other);
    let (source, kind, data) = (text(source.as_bytes())?, text(kind.as_bytes())?, text(data.as_bytes())?);
    let name = text(target.as_os_str().as_bytes())?;
    // SAFETY: all four are C strings that live until the call is over.
    check(unsafe { libc::mount(source.as_ptr(), name.as_ptr(), kind.as_ptr(), flags, data.as_ptr().cast()) })
        .map_err(|error| io::Error::other(format!("{}: {error}", target.display())))
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
