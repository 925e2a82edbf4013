//! Loaded objects on Linux with glibc: found with `dl_iterate_phdr`, loaded from anonymous files in memory.

use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_void};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::{Image, Segment};

/// Every object in this process, the executable first.
pub(super) fn images() -> Vec<Image> {
    extern "C" fn visit(info: *mut libc::dl_phdr_info, _size: usize, data: *mut c_void) -> c_int {
        // SAFETY: `data` is the vector given below, and glibc passes a valid `info` for the time of this call.
        let (images, info) = unsafe { (&mut *data.cast::<Vec<Image>>(), &*info) };
        let headers = if info.dlpi_phdr.is_null() {
            &[]
        } else {
            // SAFETY: an object's program headers are `dlpi_phnum` long and mapped.
            unsafe { std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) }
        };
        let name = if info.dlpi_name.is_null() {
            CString::default()
        } else {
            // SAFETY: a non-null name is a C string.
            unsafe { CStr::from_ptr(info.dlpi_name) }.to_owned()
        };
        let segments = headers.iter().filter(|header| header.p_type == libc::PT_LOAD).map(|header| Segment {
            start: header.p_vaddr,
            len: header.p_memsz,
            file_offset: header.p_offset,
            file_len: header.p_filesz,
            executable: header.p_flags & libc::PF_X != 0,
            constant: header.p_flags & libc::PF_R != 0 && header.p_flags & libc::PF_W == 0,
        });
        let is_program = images.is_empty() && name.is_empty();
        images.push(Image { base: info.dlpi_addr as usize, segments: segments.collect(), is_program, name });
        0
    }
    let mut images: Vec<Image> = Vec::new();
    // SAFETY: `visit` matches the type that is asked for and does not unwind: it only allocates.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut images).cast()) };
    images
}

/// Files that the image may have come from, likeliest first.
pub(super) fn files_of(image: &Image) -> Vec<PathBuf> {
    if image.is_program {
        // The link leads to the running file even after it has been deleted.
        return vec![PathBuf::from("/proc/self/exe")];
    }
    let mut files = Vec::new();
    // The kernel's path is absolute; the linker's is whatever `dlopen` was given, before any change of directory.
    if let Some(path) = mapped_path(image) {
        files.push(path);
    }
    let name = Path::new(OsStr::from_bytes(image.name.to_bytes()));
    if name.components().count() > 1 && !files.iter().any(|file| file == name) {
        files.push(name.to_owned());
    }
    files
}

/// How the image is called in messages.
pub(super) fn shown_name(image: &Image) -> PathBuf {
    if image.is_program {
        return std::fs::read_link("/proc/self/exe").unwrap_or_else(|_| "/proc/self/exe".into());
    }
    files_of(image).into_iter().next().unwrap_or_else(|| OsStr::from_bytes(image.name.to_bytes()).into())
}

fn mapped_path(image: &Image) -> Option<PathBuf> {
    let at = image.base as u64 + image.segments.first()?.start;
    let maps = std::fs::read("/proc/self/maps").ok()?;
    maps.split(|&byte| byte == b'\n').find_map(|line| {
        // address-address permissions offset device inode path
        let mut rest = line;
        let mut fields = [&line[..0]; 5];
        for field in &mut fields {
            let end = rest.iter().position(|&byte| byte == b' ')?;
            *field = &rest[..end];
            rest = rest[end..].trim_ascii_start();
        }
        let (from, to) = str::from_utf8(fields[0]).ok()?.split_once('-')?;
        let range = u64::from_str_radix(from, 16).ok()?..u64::from_str_radix(to, 16).ok()?;
        let path = rest.strip_suffix(b" (deleted)").unwrap_or(rest);
        (range.contains(&at) && path.starts_with(b"/")).then(|| PathBuf::from(OsStr::from_bytes(path)))
    })
}

/// A counted reference to a loaded object.
pub(super) struct Handle(*mut c_void);

impl Handle {
    /// Gives the reference up without ending it: the object stays for the life of the process.
    pub(super) fn keep(self) {
        std::mem::forget(self);
    }

    /// Whether this is a reference to `image`.
    pub(super) fn is(&self, image: &Image) -> bool {
        /// The public beginning of glibc's `struct link_map`.
        #[repr(C)]
        struct LinkMap {
            addr: usize,
            name: *const c_char,
            dynamic: *const c_void,
        }
        let mut map: *const LinkMap = std::ptr::null();
        // SAFETY: the handle is open, and for this request `dlinfo` writes one pointer.
        let failed = unsafe { libc::dlinfo(self.0, libc::RTLD_DI_LINKMAP, (&raw mut map).cast()) } != 0;
        if failed || map.is_null() {
            return false;
        }
        // SAFETY: the map lives as long as the object, which the handle holds.
        let map = unsafe { &*map };
        map.addr == image.base && image.contains(map.dynamic as usize)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle came from `dlopen` and is closed once.
        unsafe { libc::dlclose(self.0) };
    }
}

fn open_flags(name: &CStr, flags: c_int) -> Result<Handle, String> {
    // SAFETY: opening an object runs its initialisers; whoever asks for that vouches for them, as `Objects::load` says.
    let handle = unsafe { libc::dlopen(name.as_ptr(), flags) };
    if !handle.is_null() {
        return Ok(Handle(handle));
    }
    // SAFETY: `dlerror` returns null or a C string that stays valid until this thread's next call of the family.
    let message = unsafe { libc::dlerror() };
    Err(if message.is_null() {
        "the dynamic linker gave no reason".to_owned()
    } else {
        // SAFETY: see above.
        unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned()
    })
}

/// Loads the object in `path`; names are bound at once, so that a missing one is an error here.
pub(super) fn open(path: &Path) -> Result<Handle, String> {
    let name = CString::new(path.as_os_str().as_bytes()).map_err(|_| "its path has a zero byte".to_owned())?;
    open_flags(&name, libc::RTLD_NOW | libc::RTLD_LOCAL)
}

/// A reference to an image that is loaded already, so that nobody unloads it meanwhile.
pub(super) fn hold(image: &Image) -> Option<Handle> {
    // An empty name means the program itself, and null is how `dlopen` calls it.
    let handle = if image.is_program {
        // SAFETY: null asks for the program, which runs no initialisers again.
        let handle = unsafe { libc::dlopen(std::ptr::null(), libc::RTLD_NOW) };
        (!handle.is_null()).then_some(Handle(handle))
    } else {
        open_flags(&image.name, libc::RTLD_NOW | libc::RTLD_NOLOAD | libc::RTLD_NODELETE).ok()
    };
    handle.filter(|handle| handle.is(image))
}

/// Whether the constant segments of `image`, which must be held, are what the file has in their place; `None` where a
/// system cannot tell.
pub(super) fn is_made_of(image: &Image, file: &dyn ReadAt) -> io::Result<Option<bool>> {
    let mut buffer = vec![0; 1 << 16];
    for segment in image.segments.iter().filter(|segment| segment.constant) {
        let mut done = 0;
        while done < segment.file_len {
            let part = usize::try_from(segment.file_len - done).unwrap_or(usize::MAX).min(buffer.len());
            match file.read_at(&mut buffer[..part], segment.file_offset + done) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Some(false)),
                other => other?,
            }
            let at = image.base + (segment.start + done) as usize;
            // SAFETY: a loaded segment without write permission is mapped, readable and unchanging while it is held.
            let mapped = unsafe { std::slice::from_raw_parts(at as *const u8, part) };
            if mapped != &buffer[..part] {
                return Ok(Some(false));
            }
            done += part as u64;
        }
    }
    Ok(Some(true))
}

/// A file, or bytes in memory.
pub(super) trait ReadAt {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

impl ReadAt for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.read_exact_at(buffer, offset)
    }
}

impl ReadAt for &[u8] {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let part = usize::try_from(offset).ok().and_then(|from| self.get(from..)?.get(..buffer.len()));
        buffer.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// A file without a name that holds `bytes`, sealed so that nothing can change the code once its hash has been checked.
///
/// The path stays good for as long as the file is open, which has to be as long as the object is loaded: the linker
/// recognises objects by path, and a number that another file gets later would lead it to the wrong one.
pub(super) fn file_in_memory(bytes: &[u8]) -> io::Result<(File, PathBuf)> {
    // SAFETY: the name is a C string.
    let number =
        unsafe { libc::memfd_create(c"taskloom-object".as_ptr(), libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING) };
    if number < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and nobody else's.
    let mut file = unsafe { File::from_raw_fd(number) };
    io::Write::write_all(&mut file, bytes)?;
    let seals = libc::F_SEAL_WRITE | libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
    // SAFETY: a plain call on a descriptor that is ours.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    // In a container without /proc the path leads nowhere.
    std::fs::metadata(&path)?;
    Ok((file, path))
}

/// Looks at the headers before the linker does: it maps a file that ends too early, and the process dies on reading it.
pub(super) fn check_format(bytes: &[u8]) -> Result<(), String> {
    const HEADER: usize = size_of::<libc::Elf64_Ehdr>();
    const ENTRY: usize = size_of::<libc::Elf64_Phdr>();
    let short = || "its bytes end before its headers do: it has been cut short".to_owned();
    if !bytes.starts_with(b"\x7fELF") {
        return Err("it is not an ELF object, as this system needs; was it built on another one?".to_owned());
    }
    let header = bytes.get(..HEADER).ok_or_else(short)?;
    // SAFETY: any bytes are a valid header, there are enough of them, and the read needs no alignment.
    let header: libc::Elf64_Ehdr = unsafe { std::ptr::read_unaligned(header.as_ptr().cast()) };
    let own_class = if cfg!(target_endian = "little") { [2, 1] } else { [2, 2] };
    if header.e_ident[4..6] != own_class || header.e_type != libc::ET_DYN {
        return Err("it is not a shared object of this kind of processor".to_owned());
    }
    let own_machine = [
        ("x86_64", libc::EM_X86_64),
        ("aarch64", libc::EM_AARCH64),
        ("riscv64", 243),
        ("powerpc64", libc::EM_PPC64),
        ("s390x", libc::EM_S390),
    ];
    let own_machine = own_machine.iter().find(|(name, _)| *name == std::env::consts::ARCH);
    if own_machine.is_some_and(|&(_, machine)| machine != header.e_machine) {
        return Err(format!(
            "it was compiled for another processor (ELF machine {}) than this process, which is {}",
            header.e_machine,
            std::env::consts::ARCH
        ));
    }
    if usize::from(header.e_phentsize) != ENTRY {
        return Err("its program headers have an unknown size".to_owned());
    }
    let from = usize::try_from(header.e_phoff).map_err(|_| short())?;
    let table = bytes.get(from..).and_then(|rest| rest.get(..ENTRY * usize::from(header.e_phnum))).ok_or_else(short)?;
    for entry in table.chunks_exact(ENTRY) {
        // SAFETY: as for the header.
        let entry: libc::Elf64_Phdr = unsafe { std::ptr::read_unaligned(entry.as_ptr().cast()) };
        let end = entry.p_offset.checked_add(entry.p_filesz);
        if entry.p_type == libc::PT_LOAD && end.is_none_or(|end| end > bytes.len() as u64) {
            return Err(format!(
                "it has been cut short: one of its segments ends at byte {}, and there are {} bytes",
                end.unwrap_or(u64::MAX),
                bytes.len()
            ));
        }
    }
    Ok(())
}
