//! What root may, and others may not.

use std::io;

/// As the system calls `capget` and `capset` have it.
#[repr(C)]
struct Header {
    version: u32,
    process: i32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Capabilities {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

const VERSION_3: u32 = 0x2008_0522;
/// More than any kernel knows; the first that it does not know ends the loop.
const MOST_CAPABILITIES: libc::c_ulong = 64;
/// `SECBIT_NOROOT`, `SECBIT_NO_SETUID_FIXUP` and `SECBIT_NO_CAP_AMBIENT_RAISE`, each with its lock: root is a user like
/// others, and stays one.
const NO_ROOT: libc::c_ulong = 0b1100_1111;

/// Gives up all capabilities, so that no program that is started gets them back.
///
/// # Errors
/// What the system says.
pub fn drop_all() -> io::Result<()> {
    // SAFETY: none of these calls touches memory but the last, which reads the two structs.
    unsafe {
        for capability in 0..MOST_CAPABILITIES {
            // Who has no right to do this has no capabilities that matter.
            if libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) < 0 {
                break;
            }
        }
        libc::prctl(libc::PR_SET_SECUREBITS, NO_ROOT, 0, 0, 0);
        if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 {
            return Err(io::Error::last_os_error());
        }
        let header = Header { version: VERSION_3, process: 0 };
        let none = [Capabilities::default(); 2];
        if libc::syscall(libc::SYS_capset, &header, none.as_ptr()) < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}
