//! Copies of processes on Linux with glibc.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::Side;

/// More threads than this are not copied.
const MOST_THREADS: usize = 1024;
/// How long threads may take to pause: one in an uninterruptible wait would not.
const PATIENCE: Duration = Duration::from_millis(300);
/// How many copies can sleep at the same time.
const MOST_COPIES: usize = 32;

/// One word of shared memory for each copy.
pub struct WakeWords(&'static [AtomicU32; MOST_COPIES]);

impl WakeWords {
    /// Maps the memory; processes forked from now on share it.
    ///
    /// # Errors
    /// The system's, when there is no memory.
    pub fn new() -> io::Result<Self> {
        // SAFETY: a fresh anonymous mapping, zeroed by the kernel and never unmapped.
        unsafe {
            let memory = libc::mmap(
                std::ptr::null_mut(),
                size_of::<[AtomicU32; MOST_COPIES]>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_ANONYMOUS,
                -1,
                0,
            );
            if memory == libc::MAP_FAILED {
                return Err(io::Error::last_os_error());
            }
            Ok(WakeWords(&*memory.cast()))
        }
    }

    /// How many copies there can be.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Makes a word ready for a new copy.
    pub fn prepare(&self, slot: usize) {
        self.0[slot].store(0, Ordering::SeqCst);
    }

    /// Wakes the copy that sleeps on this word, or will.
    pub fn wake(&self, slot: usize) {
        self.0[slot].store(1, Ordering::SeqCst);
        // SAFETY: a system call on a word that lives as long as the process.
        unsafe { libc::syscall(libc::SYS_futex, self.0[slot].as_ptr(), libc::FUTEX_WAKE, i32::MAX) };
    }

    fn sleep(&self, slot: usize) {
        while self.0[slot].load(Ordering::SeqCst) == 0 {
            wait_while(&self.0[slot], 0, false);
        }
    }
}

/// What has to be known of a paused thread to make it again.
struct Paused {
    /// 0 where nothing is expected.
    thread: AtomicI32,
    /// Where its registers are kept, on its own stack; 0 until it has paused.
    context: AtomicUsize,
    /// Its thread-local storage, which begins with glibc's descriptor of the thread.
    storage: AtomicUsize,
    /// The list of robust mutexes that the system looks through when the thread dies.
    robust: AtomicUsize,
}

static PAUSED: [Paused; MOST_THREADS] = [const {
    Paused {
        thread: AtomicI32::new(0),
        context: AtomicUsize::new(0),
        storage: AtomicUsize::new(0),
        robust: AtomicUsize::new(0),
    }
}; MOST_THREADS];

/// Counts the releases of paused threads.
static RELEASED: AtomicU32 = AtomicU32::new(0);

fn pause_signal() -> libc::c_int {
    libc::SIGRTMIN() + 7
}

fn wait_while(word: &AtomicU32, value: u32, private: bool) {
    let operation = if private { libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG } else { libc::FUTEX_WAIT };
    // SAFETY: a system call on a word that is borrowed for the time of the call.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, value, std::ptr::null::<libc::timespec>()) };
}

fn thread_id() -> libc::pid_t {
    // SAFETY: has no arguments and cannot fail.
    unsafe { libc::syscall(libc::SYS_gettid) as libc::pid_t }
}

/// Runs on each thread that is to pause. Only system calls and atomics: the thread may be anywhere, in `malloc` too.
extern "C" fn on_pause(_: libc::c_int, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: errno is the thread's own; the system calls write where they are told.
    unsafe {
        let errno = *libc::__errno_location();
        let me = thread_id();
        let released = RELEASED.load(Ordering::SeqCst);
        if let Some(paused) = PAUSED.iter().find(|paused| paused.thread.load(Ordering::SeqCst) == me) {
            let (mut robust, mut length) = (0usize, 0usize);
            libc::syscall(libc::SYS_get_robust_list, 0, &raw mut robust, &raw mut length);
            paused.robust.store(robust, Ordering::SeqCst);
            paused.storage.store(libc::pthread_self() as usize, Ordering::SeqCst);
            paused.context.store(context as usize, Ordering::SeqCst);
            while RELEASED.load(Ordering::SeqCst) == released {
                wait_while(&RELEASED, released, true);
            }
        }
        *libc::__errno_location() = errno;
    }
}

fn release() {
    RELEASED.fetch_add(1, Ordering::SeqCst);
    // SAFETY: a system call on a static.
    unsafe { libc::syscall(libc::SYS_futex, RELEASED.as_ptr(), libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, i32::MAX) };
}

/// Reads the threads of this process without allocating: a paused thread may hold the allocator's lock.
struct Threads {
    folder: libc::c_int,
}

impl Threads {
    fn open() -> io::Result<Self> {
        // SAFETY: the path is a C string.
        let folder =
            unsafe { libc::open(c"/proc/self/task".as_ptr(), libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC) };
        if folder < 0 { Err(io::Error::last_os_error()) } else { Ok(Threads { folder }) }
    }

    /// Calls `each` with the id of each thread.
    fn each(&self, mut each: impl FnMut(libc::pid_t)) {
        #[repr(align(8))]
        struct Buffer([u8; 4096]);
        let mut buffer = Buffer([0; 4096]);
        // SAFETY: an open folder.
        unsafe { libc::lseek(self.folder, 0, libc::SEEK_SET) };
        loop {
            // SAFETY: the buffer is as long as is said.
            let length =
                unsafe { libc::syscall(libc::SYS_getdents64, self.folder, buffer.0.as_mut_ptr(), buffer.0.len()) };
            let Ok(length @ 1..) = usize::try_from(length) else { return };
            let mut entry = &buffer.0[..length];
            // Each entry: 8 bytes inode, 8 offset, 2 length, 1 kind, then the name with a zero at its end.
            while entry.len() > 19 {
                let size = usize::from(u16::from_ne_bytes([entry[16], entry[17]]));
                let mut name = entry[19..size].iter().take_while(|&&byte| byte != 0);
                let number = name.try_fold(0, |number: i32, &byte| {
                    let digit = char::from(byte).to_digit(10)?;
                    Some(number * 10 + digit as i32)
                });
                if let Some(number) = number {
                    each(number);
                }
                entry = &entry[size..];
            }
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // SAFETY: ours, and open.
        unsafe { libc::close(self.folder) };
    }
}

/// Pauses all other threads; gives how many there are.
fn pause_others(threads: &Threads) -> Result<usize, String> {
    let (me, process) = (thread_id(), std::process::id() as libc::pid_t);
    let deadline = Instant::now() + PATIENCE;
    let mut count = 0;
    loop {
        let (mut fresh, mut waiting, mut overflow) = (0, 0, false);
        let mut present = [false; MOST_THREADS];
        threads.each(|thread| {
            if thread == me {
                return;
            }
            let known = PAUSED[..count].iter().position(|paused| paused.thread.load(Ordering::SeqCst) == thread);
            match known {
                Some(at) => {
                    present[at] = true;
                    waiting += usize::from(PAUSED[at].context.load(Ordering::SeqCst) == 0);
                }
                None if count == MOST_THREADS => overflow = true,
                None => {
                    PAUSED[count].context.store(0, Ordering::SeqCst);
                    PAUSED[count].thread.store(thread, Ordering::SeqCst);
                    // SAFETY: the signal has our handler. A thread that has just ended is no harm.
                    unsafe { libc::syscall(libc::SYS_tgkill, process, thread, pause_signal()) };
                    present[count] = true;
                    count += 1;
                    fresh += 1;
                }
            }
        });
        // Threads that have ended meanwhile.
        for (paused, present) in PAUSED[..count].iter().zip(present) {
            if !present {
                paused.thread.store(0, Ordering::SeqCst);
                paused.context.store(0, Ordering::SeqCst);
            }
        }
        if overflow {
            return Err(format!("there are more than {MOST_THREADS} threads"));
        }
        // A pass in which nothing was new and all were paused: paused threads start no others.
        if fresh == 0 && waiting == 0 {
            return Ok(count);
        }
        if Instant::now() > deadline {
            return Err(format!("{waiting} of {count} threads could not be paused"));
        }
        // SAFETY: gives the processor away.
        unsafe { libc::sched_yield() };
    }
}

fn forget_threads() {
    for paused in &PAUSED {
        paused.thread.store(0, Ordering::SeqCst);
        paused.context.store(0, Ordering::SeqCst);
    }
}

/// Where in glibc's descriptor of a thread its id is kept. Nothing says so but the descriptors themselves, so two
/// threads are looked at.
fn id_offset() -> Option<usize> {
    static OFFSET: OnceLock<Option<usize>> = OnceLock::new();
    *OFFSET.get_or_init(|| {
        let here = places_of_id();
        let there = std::thread::spawn(places_of_id).join().ok()?;
        match here.into_iter().filter(|place| there.contains(place)).collect::<Vec<_>>().as_slice() {
            [only] => Some(*only),
            _ => None,
        }
    })
}

fn places_of_id() -> Vec<usize> {
    /// The descriptor is larger than this in every glibc since 2.17.
    const LOOKED_AT: usize = 1536;
    // SAFETY: the descriptor of a running thread is readable, and at least this long.
    let descriptor =
        unsafe { std::slice::from_raw_parts(libc::pthread_self() as *const i32, LOOKED_AT / size_of::<i32>()) };
    let me = thread_id();
    descriptor.iter().enumerate().filter(|&(_, &word)| word == me).map(|(at, _)| at * size_of::<i32>()).collect()
}

/// Where, from a thread's storage, glibc keeps what restartable sequences need; none before glibc 2.35.
fn sequence_offset() -> Option<isize> {
    // SAFETY: where glibc has the symbol it is an integer of pointer size.
    unsafe {
        let offset = libc::dlsym(libc::RTLD_DEFAULT, c"__rseq_offset".as_ptr()).cast::<isize>();
        let size = libc::dlsym(libc::RTLD_DEFAULT, c"__rseq_size".as_ptr()).cast::<u32>();
        (!offset.is_null() && !size.is_null() && *size > 0).then(|| *offset)
    }
}

pub fn take(words: &WakeWords, slot: usize) -> Result<Side, String> {
    let id_offset = id_offset().ok_or("this C library keeps its threads in another way than expected")?;
    let sequence_offset = sequence_offset();
    let threads = Threads::open().map_err(|error| format!("the threads cannot be listed: {error}"))?;
    install_handler();
    // From here to the release, or the making of the threads in the copy, nothing may allocate.
    let count = match pause_others(&threads) {
        Ok(count) => count,
        Err(reason) => {
            release();
            forget_threads();
            return Err(reason);
        }
    };
    // SAFETY: a fork that glibc does not know of, which is the point: its own would declare the other threads dead and
    // their stacks free. Until they live again, the copy makes system calls only.
    let copy = unsafe { libc::syscall(libc::SYS_clone, libc::CLONE_PARENT | libc::SIGCHLD, 0, 0, 0, 0) };
    if copy != 0 {
        let error = io::Error::last_os_error();
        release();
        forget_threads();
        return match libc::pid_t::try_from(copy) {
            Ok(copy) if copy > 0 => Ok(Side::Original(copy)),
            _ => Err(format!("the process cannot be copied: {error}")),
        };
    }
    // SAFETY: only this thread is here, the descriptors are those of threads that exist in memory, and the system calls
    // take numbers.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        libc::setpgid(0, 0);
        *((libc::pthread_self() as usize + id_offset) as *mut i32) = thread_id();
        words.sleep(slot);
        for paused in &PAUSED[..count] {
            if paused.context.load(Ordering::SeqCst) != 0 {
                revive(paused, id_offset, sequence_offset);
            }
        }
    }
    forget_threads();
    Ok(Side::Woken)
}

fn install_handler() {
    // SAFETY: the handler makes system calls and uses atomics only. SA_RESTART continues most system calls that it meets.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_pause as extern "C" fn(_, _, _) as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
        libc::sigaction(pause_signal(), &action, std::ptr::null_mut());
    }
}

/// Makes a thread again. It begins by returning from the signal handler, on its own stack.
///
/// # Safety
/// The thread must not be there, and its stack and storage must be as they were when it paused.
unsafe fn revive(paused: &Paused, id_offset: usize, sequence_offset: Option<isize>) {
    const FLAGS: libc::c_int = libc::CLONE_VM
        | libc::CLONE_FS
        | libc::CLONE_FILES
        | libc::CLONE_SIGHAND
        | libc::CLONE_THREAD
        | libc::CLONE_SYSVSEM
        | libc::CLONE_SETTLS
        | libc::CLONE_PARENT_SETTID
        | libc::CLONE_CHILD_CLEARTID;
    let storage = paused.storage.load(Ordering::SeqCst);
    let id = storage + id_offset;
    let sequence = sequence_offset.map_or(0, |offset| storage.wrapping_add_signed(offset));
    // SAFETY: in this thread it is one system call. The new one has for its stack pointer the saved registers, which is
    // where `rt_sigreturn` looks for them; what it does before (robust mutexes, restartable sequences) is what glibc
    // does in a new thread.
    unsafe {
        std::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "mov rdi, r12",
            "mov esi, 24",
            "mov eax, {set_robust_list}",
            "syscall",
            "mov rdi, r13",
            "mov esi, 32",
            "xor edx, edx",
            "mov r10d, 0x53053053",
            "mov eax, {rseq}",
            "syscall",
            "mov eax, {rt_sigreturn}",
            "syscall",
            "ud2",
            "2:",
            set_robust_list = const libc::SYS_set_robust_list,
            rseq = const libc::SYS_rseq,
            rt_sigreturn = const libc::SYS_rt_sigreturn,
            inlateout("rax") libc::SYS_clone => _,
            in("rdi") libc::c_long::from(FLAGS),
            in("rsi") paused.context.load(Ordering::SeqCst),
            in("rdx") id,
            in("r10") id,
            in("r8") storage,
            in("r12") paused.robust.load(Ordering::SeqCst),
            in("r13") sequence,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
}
