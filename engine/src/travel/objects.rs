//! Compiled code by name: a function's address becomes (content of its object, offset) and finds its way back.
//!
//! A task's function lives in a shared object that this process has loaded: the library of a notebook cell, the
//! engine's own library, or the executable. Its address says nothing to another process, but the object's bytes and
//! the offset in them do. The sender asks [`locate`] for that name and [`bytes_of`] for the bytes; the receiver gives
//! both to its [`Objects`].
//!
//! Both processes have to be of the same processor and system, and what the object is linked to has to be there: a
//! cell's library needs the same build of the engine.
//!
//! Objects are never unloaded, neither those that arrive nor those that code was located in. Values that a task has
//! returned may hold function pointers, virtual tables, and `&'static` data inside the object, and nothing counts
//! those; and a name that was given out has to stay good. A process that should shrink has to end.
//!
//! ```
//! use taskloom::travel::objects::{Objects, locate};
//!
//! fn double(x: i64) -> i64 { 2 * x }
//!
//! let code = locate(double as *const ())?;
//! let objects = Objects::new();
//! assert!(objects.find(&code.object)); // this process's own code: there is nothing to load
//! assert_eq!(objects.resolve(&code)?, double as *const ());
//! # Ok::<(), taskloom::travel::objects::TravelError>(())
//! ```

use std::collections::HashMap;
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::time::SystemTime;

mod error;
mod id;

#[cfg_attr(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"), path = "objects/linux.rs")]
#[cfg_attr(target_os = "macos", path = "objects/macos.rs")]
#[cfg_attr(
    not(any(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"), target_os = "macos")),
    path = "objects/other.rs"
)]
mod system;

pub use error::TravelError;
pub use id::{CodeAddress, ObjectId};

/// An object as it is loaded in this process.
#[cfg_attr(not(all(target_os = "linux", target_env = "gnu")), allow(dead_code))] // not every system asks for all
#[derive(Debug, Clone)]
struct Image {
    /// What offsets count from.
    base: usize,
    segments: Vec<Segment>,
    is_program: bool,
    /// The dynamic linker's name for it.
    name: CString,
}

#[cfg_attr(not(all(target_os = "linux", target_env = "gnu")), allow(dead_code))] // not every system fills them all
#[derive(Debug, Clone)]
struct Segment {
    /// From the image's base.
    start: u64,
    len: u64,
    file_offset: u64,
    file_len: u64,
    executable: bool,
    /// Readable and never written, so that memory is what the file was.
    constant: bool,
}

impl Segment {
    fn range(&self) -> std::ops::Range<u64> {
        self.start..self.start.saturating_add(self.len)
    }
}

impl Image {
    fn contains(&self, address: usize) -> bool {
        let offset = (address as u64).wrapping_sub(self.base as u64);
        self.segments.iter().any(|segment| segment.range().contains(&offset))
    }

    fn is_code(&self, offset: u64) -> bool {
        self.segments.iter().any(|segment| segment.executable && segment.range().contains(&offset))
    }

    /// Where it begins in memory, which no other image shares while it is loaded.
    fn start(&self) -> usize {
        self.base + self.segments.first().map_or(0, |segment| segment.start as usize)
    }
}

/// Where the bytes of a known object can be read again.
#[derive(Debug, Clone)]
enum Source {
    Path(PathBuf),
    /// A file without a name, of an object that arrived here.
    Open(Arc<File>),
}

/// A file as it was when it was hashed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Stamp {
    path: PathBuf,
    len: u64,
    modified: Option<SystemTime>,
    inode: u64,
}

impl Stamp {
    fn of(path: &Path, file: &File) -> io::Result<Stamp> {
        let metadata = file.metadata()?;
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Ok(Stamp { path: path.to_owned(), len: metadata.len(), modified: metadata.modified().ok(), inode })
    }
}

/// What this process has learnt about its objects.
#[derive(Default)]
struct Known {
    /// By [`Image::start`]; only images that stay loaded, so that an entry is good for ever.
    images: HashMap<usize, ObjectId>,
    sources: HashMap<ObjectId, Source>,
    hashes: HashMap<Stamp, ObjectId>,
}

static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);

fn known() -> MutexGuard<'static, Known> {
    KNOWN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Names the code at `address`, so that another process with the same object can find it.
///
/// The first address in an object makes it hash the object's file, about a second for a gigabyte; later ones are
/// quick. From then on the object stays loaded as long as the process lives.
///
/// # Errors
/// - [`TravelError::NotCode`] when no loaded object has code there, as for code that was generated in memory, and on
///   systems other than Linux with glibc and macOS;
/// - [`TravelError::Replaced`] when the file that the object was loaded from is gone or has other content now. Memory
///   is compared with the file to find that out (on Linux), since an inode may be the same and a path often is;
/// - [`TravelError::Unreadable`] when the file cannot be read.
pub fn locate(address: *const ()) -> Result<CodeAddress, TravelError> {
    let address = address as usize;
    let not_code = TravelError::NotCode { address };
    let Some(image) = system::images().into_iter().find(|image| image.contains(address)) else {
        return Err(not_code);
    };
    let offset = (address - image.base) as u64;
    if !image.is_code(offset) {
        return Err(not_code);
    }
    Ok(CodeAddress { object: identify(&image)?, offset })
}

/// Whether the code at `address` is the program's own, and not a library's.
pub(crate) fn is_of_program(address: *const ()) -> bool {
    system::images().into_iter().any(|image| image.is_program && image.contains(address as usize))
}

/// The bytes of an object that code was located in, or that was loaded from bytes.
///
/// # Errors
/// [`TravelError::Unknown`] for any other object, and [`TravelError::Replaced`] or [`TravelError::Unreadable`] when the
/// object's file has been changed or taken away meanwhile.
pub fn bytes_of(object: &ObjectId) -> Result<Vec<u8>, TravelError> {
    let source = known().sources.get(object).cloned().ok_or(TravelError::Unknown { object: *object })?;
    let mut bytes = Vec::new();
    let (path, read) = match source {
        Source::Path(path) => {
            let read = File::open(&path).and_then(|mut file| file.read_to_end(&mut bytes));
            (path, read)
        }
        // The handle's position is shared by all who read, so they read at offsets of their own.
        Source::Open(file) => (PathBuf::from("an object in memory"), read_all_at(&file, &mut bytes)),
    };
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(TravelError::Replaced { path: shown(path), what: "deleted" })
        }
        Err(error) => Err(TravelError::Unreadable { path: shown(path), reason: error.to_string() }),
        Ok(_) if ObjectId::of_bytes(&bytes) != *object => {
            Err(TravelError::Replaced { path: shown(path), what: "replaced" })
        }
        Ok(_) => Ok(bytes),
    }
}

#[cfg(unix)]
fn read_all_at(file: &File, bytes: &mut Vec<u8>) -> io::Result<usize> {
    let len = usize::try_from(file.metadata()?.len()).map_err(|_| io::ErrorKind::OutOfMemory)?;
    bytes.resize(len, 0);
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, 0)?;
    Ok(len)
}

#[cfg(not(unix))]
fn read_all_at(_file: &File, _bytes: &mut Vec<u8>) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A link that means the running program, by the name that people know it under.
fn shown(path: PathBuf) -> PathBuf {
    if path == Path::new("/proc/self/exe") { std::fs::read_link(&path).unwrap_or(path) } else { path }
}

/// The name of a file's content, hashed only when the file is new or has changed.
fn hash_of(path: &Path, file: &mut File) -> io::Result<ObjectId> {
    let stamp = Stamp::of(path, file)?;
    if let Some(&id) = known().hashes.get(&stamp) {
        return Ok(id);
    }
    file.rewind()?;
    let id = ObjectId::of_reader(&mut *file)?;
    if Stamp::of(path, file)? == stamp {
        known().hashes.insert(stamp, id);
    }
    Ok(id)
}

/// The name of a loaded image, which is kept in memory from then on.
fn identify(image: &Image) -> Result<ObjectId, TravelError> {
    if let Some(&id) = known().images.get(&image.start()) {
        return Ok(id);
    }
    let name = || system::shown_name(image);
    let mut problem = TravelError::NotCode { address: image.start() };
    for path in system::files_of(image) {
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                problem = TravelError::Replaced { path: name(), what: "deleted" };
                continue;
            }
            Err(error) => {
                problem = TravelError::Unreadable { path, reason: error.to_string() };
                continue;
            }
        };
        let Some(handle) = system::hold(image) else {
            return Err(TravelError::NotKept { path: name() });
        };
        let checked = system::is_made_of(image, &file).and_then(|same| match same {
            Some(false) => Ok(None),
            _ => hash_of(&path, &mut file).map(Some),
        });
        match checked {
            Ok(Some(id)) => {
                handle.keep();
                let mut known = known();
                known.images.insert(image.start(), id);
                known.sources.entry(id).or_insert(Source::Path(path));
                return Ok(id);
            }
            Ok(None) => problem = TravelError::Replaced { path: name(), what: "replaced" },
            Err(error) => problem = TravelError::Unreadable { path, reason: error.to_string() },
        }
    }
    Err(problem)
}

/// The objects that code from other processes can be found in.
///
/// ```no_run
/// use taskloom::travel::objects::{CodeAddress, Objects, TravelError};
///
/// fn run(objects: &Objects, code: CodeAddress, bytes: &[u8]) -> Result<i64, TravelError> {
///     objects.load(&code.object, bytes)?;
///     let address = objects.resolve(&code)?;
///     // SAFETY: the sender located a function of this very type.
///     let function: fn(i64) -> i64 = unsafe { std::mem::transmute(address) };
///     Ok(function(21))
/// }
/// ```
#[derive(Debug, Default)]
pub struct Objects {
    images: Mutex<HashMap<ObjectId, Image>>,
}

/// Held while an object is loaded, so that two threads do not load it twice. Not the lock that `resolve` needs.
static LOADING: Mutex<()> = Mutex::new(());

impl Objects {
    /// A store that knows no object yet.
    pub fn new() -> Objects {
        Objects::default()
    }

    /// Looks for the object among those that this process has loaded anyway, such as its executable and the engine's
    /// library, so that its bytes need not be sent. The first time, this hashes each of their files; one that cannot be
    /// read is passed over.
    pub fn find(&self, object: &ObjectId) -> bool {
        self.get(object).is_some() || self.adopt(object, None)
    }

    /// Makes the object's code available, from its bytes.
    ///
    /// When this process has an object with that content already, such as the engine's own library, that one is used:
    /// a second copy would have its own statics. Otherwise the bytes are loaded from a file that only this process
    /// can reach and that is gone afterwards. On Linux it is a file in memory, which costs a file descriptor for each
    /// object. Loading an object again does nothing.
    ///
    /// Loading runs the object's initialisers: load only what comes from a process you trust as you trust yourself.
    ///
    /// # Errors
    /// [`TravelError::WrongBytes`] when the bytes do not have the object's hash, [`TravelError::Load`] when they are
    /// not a whole object of this system and processor, or when the dynamic linker refuses them, for instance since
    /// something that they are linked to is not here.
    pub fn load(&self, object: &ObjectId, bytes: &[u8]) -> Result<(), TravelError> {
        let found = ObjectId::of_bytes(bytes);
        if found != *object {
            return Err(TravelError::WrongBytes { object: *object, found, len: bytes.len() });
        }
        if self.get(object).is_some() {
            return Ok(());
        }
        let _one_at_a_time = LOADING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if self.get(object).is_some() || self.adopt(object, Some(bytes)) {
            return Ok(());
        }
        let error = |reason| TravelError::Load { object: *object, reason };
        system::check_format(bytes).map_err(error)?;
        let in_memory = system::file_in_memory(bytes).map_err(|error| error.to_string());
        let (image, file) = in_memory
            .and_then(|(file, path)| Ok((load_from(&path, bytes)?, file)))
            .or_else(|first| load_from_directory(bytes).map_err(|second| join_reasons(first, second)))
            .map_err(error)?;
        let mut known = known();
        known.images.insert(image.start(), *object);
        // The open file also keeps its path from meaning another object; see `file_in_memory`.
        known.sources.insert(*object, Source::Open(Arc::new(file)));
        drop(known);
        self.put(*object, image);
        Ok(())
    }

    /// Where the code is in this process.
    ///
    /// To call it, transmute the address to the function's type; that it is the right type is the caller's business.
    ///
    /// # Errors
    /// [`TravelError::NotLoaded`] before the object is loaded or found, and [`TravelError::OutOfRange`] when the offset
    /// is not in the object's executable part.
    pub fn resolve(&self, code: &CodeAddress) -> Result<*const (), TravelError> {
        let image = self.get(&code.object).ok_or(TravelError::NotLoaded { object: code.object })?;
        if !image.is_code(code.offset) {
            let executable = image.segments.iter().filter(|segment| segment.executable);
            return Err(TravelError::OutOfRange {
                object: code.object,
                offset: code.offset,
                code: executable.map(Segment::range).collect(),
            });
        }
        Ok((image.base + code.offset as usize) as *const ())
    }

    fn get(&self, object: &ObjectId) -> Option<Image> {
        self.images.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).get(object).cloned()
    }

    fn put(&self, object: ObjectId, image: Image) {
        self.images.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(object, image);
    }

    /// Takes an image that is loaded already, if one has this content; knowing the bytes saves hashing the others.
    fn adopt(&self, object: &ObjectId, bytes: Option<&[u8]>) -> bool {
        for image in system::images() {
            let id = known().images.get(&image.start()).copied();
            let fits = match (id, bytes) {
                (Some(id), _) => id == *object,
                (None, Some(bytes)) => is_image_of(&image, object, bytes),
                (None, None) => may_be(&image, object, None) && identify(&image).is_ok_and(|id| id == *object),
            };
            if fits {
                self.put(*object, image);
                return true;
            }
        }
        false
    }
}

/// Whether one of the image's files has this content now; those of another length are not read.
fn may_be(image: &Image, object: &ObjectId, len: Option<usize>) -> bool {
    system::files_of(image).into_iter().any(|path| {
        let Ok(mut file) = File::open(&path) else { return false };
        let fits = len.is_none_or(|len| file.metadata().is_ok_and(|metadata| metadata.len() == len as u64));
        fits && hash_of(&path, &mut file).is_ok_and(|id| id == *object)
    })
}

/// Whether the image was loaded from these bytes: by its file, or by its memory when the file is no longer there.
fn is_image_of(image: &Image, object: &ObjectId, bytes: &[u8]) -> bool {
    if may_be(image, object, Some(bytes.len())) && identify(image).is_ok_and(|id| id == *object) {
        return true;
    }
    let has_constants = image.segments.iter().any(|segment| segment.constant && segment.file_len > 0);
    let Some(handle) = has_constants.then(|| system::hold(image)).flatten() else { return false };
    let same = matches!(system::is_made_of(image, &bytes), Ok(Some(true)));
    if same {
        handle.keep();
        known().images.insert(image.start(), *object);
    }
    same
}

/// Loads a file that holds `bytes`, and makes sure that this is what was loaded.
fn load_from(path: &Path, bytes: &[u8]) -> Result<Image, String> {
    let handle = system::open(path).map_err(|reason| {
        // The linker begins with the path, which says nothing here.
        reason.strip_prefix(&format!("{}: ", path.display())).map_or(reason.clone(), str::to_owned)
    })?;
    let image = system::images().into_iter().find(|image| handle.is(image));
    let image = image.ok_or("the dynamic linker loaded it, but does not list it")?;
    // A linker goes by names: asked for a path or a SONAME that it has seen, it gives the object that it has.
    match system::is_made_of(&image, &bytes) {
        Ok(Some(false)) => Err(format!(
            "the dynamic linker took it for {}, which it had loaded before, since the two have the same name",
            image.name.to_string_lossy()
        )),
        Ok(_) => {
            handle.keep();
            Ok(image)
        }
        Err(error) => Err(error.to_string()),
    }
}

/// The way without files in memory: a file of its own in a private directory, deleted once it is loaded.
fn load_from_directory(bytes: &[u8]) -> Result<(Image, File), String> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("taskloom-object-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    let directory = builder.tempdir().map_err(|error| format!("no temporary directory: {error}"))?;
    let path = directory.path().join(format!("lib{}{}", ObjectId::of_bytes(bytes), std::env::consts::DLL_SUFFIX));
    let write = std::fs::write(&path, bytes).and_then(|()| File::open(&path));
    let file = write.map_err(|error| format!("could not write it to {}: {error}", directory.path().display()))?;
    Ok((load_from(&path, bytes)?, file))
}

fn join_reasons(in_memory: String, on_disk: String) -> String {
    if in_memory == on_disk {
        return on_disk;
    }
    format!("{on_disk} (and as a file in memory: {in_memory})")
}

#[cfg(test)]
mod tests;
