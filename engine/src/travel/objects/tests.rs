use super::*;

/// The smallest library there is, with a constant of its own.
fn library(directory: &Path, name: &str, constant: i64) -> PathBuf {
    let source = directory.join(format!("{name}.rs"));
    let path = directory.join(format!("lib{name}{}", std::env::consts::DLL_SUFFIX));
    let text = format!("#[unsafe(no_mangle)]\npub extern \"C\" fn answer(x: i64) -> i64 {{ x + {constant} }}\n");
    std::fs::write(&source, text).expect("the source is written");
    let status = std::process::Command::new("rustc")
        .args(["--edition", "2024", "--crate-type", "cdylib", "--crate-name", name, "-C", "strip=symbols", "-o"])
        .args([&path, &source])
        .status();
    assert!(status.expect("rustc is on the path").success());
    path
}

#[test]
fn the_linkers_memory_of_a_path_is_noticed() {
    let directory = tempfile::tempdir().expect("a directory");
    let old = library(directory.path(), "same", 1);
    let old_bytes = std::fs::read(&old).expect("the library");
    let image = load_from(&old, &old_bytes).expect("a first library loads");

    std::fs::remove_file(&old).expect("the old file goes");
    let new_bytes = std::fs::read(library(directory.path(), "same", 2)).expect("the new library");
    assert_ne!(old_bytes, new_bytes);
    // The path is the same, so glibc answers with the old object without looking at the file.
    if cfg!(target_os = "linux") {
        let error = load_from(&old, &new_bytes).unwrap_err();
        assert!(error.contains("the two have the same name"), "{error}");
    }

    // The store uses a path of its own, and gets the new one; the old one it recognises in memory, file or no file.
    let objects = Objects::new();
    let (old_id, new_id) = (ObjectId::of_bytes(&old_bytes), ObjectId::of_bytes(&new_bytes));
    objects.load(&new_id, &new_bytes).expect("the new library loads");
    objects.load(&old_id, &old_bytes).expect("the old library is there");
    let images = objects.images.lock().unwrap();
    assert_ne!(images[&new_id].base, images[&old_id].base);
    assert_eq!(images[&old_id].base, image.base, "not a second copy");
}

#[test]
fn the_way_over_a_directory_leaves_nothing_behind() {
    let directory = tempfile::tempdir().expect("a directory");
    let bytes = std::fs::read(library(directory.path(), "by_directory", 3)).expect("the library");
    let (image, mut file) = load_from_directory(&bytes).expect("it loads");
    if cfg!(target_os = "linux") {
        let name = PathBuf::from(image.name.to_str().expect("UTF-8"));
        assert!(name.is_absolute() && !name.exists(), "{name:?}");
    }
    let mut again = Vec::new();
    file.read_to_end(&mut again).expect("the open file outlives its name");
    assert_eq!(again, bytes);
}

#[test]
fn headers_are_checked_before_the_linker_sees_them() {
    let directory = tempfile::tempdir().expect("a directory");
    let bytes = std::fs::read(library(directory.path(), "headers", 4)).expect("the library");
    if !cfg!(target_os = "linux") {
        return;
    }
    system::check_format(&bytes).expect("a good one");
    for len in [4, 20, 64, 100, bytes.len() / 2] {
        let error = system::check_format(&bytes[..len]).unwrap_err();
        assert!(error.contains("cut short"), "{len}: {error}");
    }
    assert!(system::check_format(b"MZ not for here").unwrap_err().contains("not an ELF object"));
    let mut other = bytes.clone();
    other[18..20].copy_from_slice(&0x28u16.to_ne_bytes());
    assert!(system::check_format(&other).unwrap_err().contains("another processor"));
    // Every flipped bit of the headers is either refused or harmless to this check: it must not panic.
    for at in 0..1024.min(bytes.len()) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0xff;
        let _ = system::check_format(&flipped);
    }
}
