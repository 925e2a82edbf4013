//! Seccomp: system calls that are refused.
//!
//! It is a list of what is refused, not of what is allowed: the engine, Polars and the C library use a few hundred calls
//! between them, and which ones changes with each version. What is refused is what reaches other processes, the network,
//! or parts of the kernel that a computation has no use for.

use std::io;

use libc::{BPF_ABS, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W, c_long, sock_filter};

/// Other processes, namespaces, mounts, keys, tracing, modules, the clock, and calls by which filters are got around.
const REFUSED: &[c_long] = &[
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_kcmp,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_mknodat,
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_shmget,
    libc::SYS_msgget,
    libc::SYS_semget,
    libc::SYS_mq_open,
];
/// How programs are started.
const PROGRAMS: &[c_long] = &[libc::SYS_execve, libc::SYS_execveat];

/// `AUDIT_ARCH_…` of `linux/audit.h`.
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xC000_00B7;

/// x86-64 has a second set of numbers for the same calls, with this bit.
const X32_BIT: u32 = 0x4000_0000;
/// Flags of `clone` that make namespaces.
const NEW_NAMESPACES: u32 = 0x7E02_0000;

/// Where `struct seccomp_data` has the number, the architecture and the first argument.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const FIRST_ARGUMENT: u32 = 16;

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const fn refuse_with(error: libc::c_int) -> u32 {
    libc::SECCOMP_RET_ERRNO | error as u32
}

/// Refuses system calls to this process and all that it starts; with `programs`, it may start programs.
///
/// # Errors
/// What the system says; also on processors of which the numbers are not known here.
pub fn filter(programs: bool) -> io::Result<()> {
    let mut code = program(programs);
    let program = libc::sock_fprog { len: code.len() as libc::c_ushort, filter: code.as_mut_ptr() };
    // SAFETY: the kernel reads the program, which lives until the call is over.
    unsafe {
        if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0
            || libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program) < 0
        {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

fn program(programs: bool) -> Vec<sock_filter> {
    let load = |offset| statement(BPF_LD | BPF_W | BPF_ABS, offset);
    let give = |value| statement(BPF_RET | BPF_K, value);
    let refuse = give(refuse_with(libc::EPERM));
    let mut code =
        vec![load(ARCH), jump(BPF_JEQ, ARCHITECTURE, 1, 0), refuse, load(NUMBER), jump(BPF_JGE, X32_BIT, 0, 1), refuse];
    let more: &[c_long] = if programs { &[] } else { PROGRAMS };
    for &call in REFUSED.iter().chain(more) {
        code.extend([jump(BPF_JEQ, call as u32, 0, 1), refuse]);
    }
    code.extend([
        // The flags of `clone3` are in memory, which a filter cannot see; the C library takes `clone` instead.
        jump(BPF_JEQ, libc::SYS_clone3 as u32, 0, 1),
        give(refuse_with(libc::ENOSYS)),
        jump(BPF_JEQ, libc::SYS_clone as u32, 0, 3),
        load(FIRST_ARGUMENT),
        jump(BPF_JSET, NEW_NAMESPACES, 0, 1),
        refuse,
        give(ALLOW),
    ]);
    code
}

fn statement(code: u32, k: u32) -> sock_filter {
    sock_filter { code: code as u16, jt: 0, jf: 0, k }
}

/// Goes on so many instructions further, depending on whether it holds.
fn jump(test: u32, k: u32, if_so: u8, if_not: u8) -> sock_filter {
    sock_filter { code: (BPF_JMP | test | BPF_K) as u16, jt: if_so, jf: if_not, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the program as the kernel does.
    fn verdict(programs: bool, arch: u32, number: u32, first: u32) -> u32 {
        let code = program(programs);
        let (mut at, mut register) = (0, 0);
        loop {
            let sock_filter { code: instruction, jt, jf, k } = code[at];
            at += 1;
            let instruction = u32::from(instruction);
            if instruction == BPF_RET | BPF_K {
                return k;
            }
            if instruction == BPF_LD | BPF_W | BPF_ABS {
                register = [number, arch, 0, 0, first][(k / 4) as usize];
                continue;
            }
            let holds = match instruction & !(BPF_JMP | BPF_K) {
                BPF_JEQ => register == k,
                BPF_JGE => register >= k,
                BPF_JSET => register & k != 0,
                _ => unreachable!("no other instruction is used"),
            };
            at += usize::from(if holds { jt } else { jf });
        }
    }

    #[test]
    fn what_reaches_others_is_refused_and_the_rest_is_not() {
        let refused = refuse_with(libc::EPERM);
        let says = |programs, call: c_long, first| verdict(programs, ARCHITECTURE, call as u32, first);
        for call in [libc::SYS_ptrace, libc::SYS_socket, libc::SYS_unshare, libc::SYS_mq_open] {
            assert_eq!(says(true, call, 0), refused);
        }
        for call in [libc::SYS_read, libc::SYS_mmap, libc::SYS_futex, libc::SYS_openat] {
            assert_eq!(says(false, call, 0), ALLOW);
        }
        assert_eq!(says(false, libc::SYS_execve, 0), refused);
        assert_eq!(says(true, libc::SYS_execve, 0), ALLOW);
        // Threads and forks, but no namespaces.
        assert_eq!(says(false, libc::SYS_clone, libc::CLONE_VM as u32), ALLOW);
        assert_eq!(says(false, libc::SYS_clone, libc::CLONE_NEWUSER as u32), refused);
        assert_eq!(says(false, libc::SYS_clone3, 0), refuse_with(libc::ENOSYS));
        // Numbers of another architecture mean other calls.
        assert_eq!(verdict(true, 0x4000_0003, libc::SYS_read as u32, 0), refused);
        assert_eq!(verdict(true, ARCHITECTURE, X32_BIT | libc::SYS_read as u32, 0), refused);
    }
}
