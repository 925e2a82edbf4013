use std::any::TypeId;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc;

use super::*;
use crate::travel::codec::codec_of;

/// Results beyond `target` bytes are moved, whatever the process takes.
fn target(target: u64) -> MemoryLimit {
    MemoryLimit { bytes: target * 2, target: 0.5, spill: f64::INFINITY, pause: f64::INFINITY }
}

fn spill(bytes: u64, directory: &tempfile::TempDir) -> Spill {
    Spill::new(Some(target(bytes)), Some(directory.path().to_owned()))
}

fn codec<T: 'static>() -> Option<Codec> {
    Some(codec_of(TypeId::of::<T>()).expect("built in"))
}

/// A thousand bytes that say which entry they are of.
fn block(n: u64) -> Vec<u64> {
    (0..125).map(|at| (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(at)).collect()
}

fn insert(spill: &Spill, n: u64) -> Entry {
    spill.insert(Arc::new(block(n)), codec::<Vec<u64>>(), 1000)
}

fn read(entry: &Entry) -> Vec<u64> {
    entry.get().expect("the value").downcast_ref::<Vec<u64>>().expect("its type").clone()
}

fn spilled(entries: &[&Entry]) -> Vec<bool> {
    entries.iter().map(|entry| entry.is_spilled()).collect()
}

/// Files in all spill directories below, locks aside.
fn files(directory: &Path) -> usize {
    let below = |path: &Path| std::fs::read_dir(path).expect("a directory").flatten().collect::<Vec<_>>();
    let inner = below(directory).into_iter().flat_map(|entry| below(&entry.path()));
    inner.filter(|entry| entry.file_name() != "lock").count()
}

fn stored_path(entry: &Entry) -> PathBuf {
    let Place::Managed { slot, .. } = &entry.place else { panic!("there is a limit") };
    match &*slot.state() {
        State::Disk(stored) => stored.path().to_owned(),
        _ => panic!("it should be on disk"),
    }
}

/// Runs one of these tests in a process of its own, with `directory` in its environment.
fn run_alone(test: &str, directory: &Path) -> std::process::Output {
    Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", &format!("{}::{test}", module_path!().split_once("::").expect("a module").1)])
        .args(["--nocapture", "--test-threads=1"])
        .env("TASKLOOM_TEST_DIRECTORY", directory)
        .output()
        .expect("the process starts")
}

fn told_directory() -> Option<PathBuf> {
    std::env::var_os("TASKLOOM_TEST_DIRECTORY").map(PathBuf::from)
}

#[test]
fn without_a_limit_an_entry_is_its_value() {
    let spill = Spill::new(None, None);
    let value: Value = Arc::new(block(1));
    let entry = spill.insert(Arc::clone(&value), codec::<Vec<u64>>(), 1 << 50);
    assert!(Arc::ptr_eq(&entry.get().expect("the value"), &value));
    assert_eq!((entry.bytes(), entry.is_spilled(), spill.should_pause()), (1 << 50, false, false));
    assert_eq!(spill.stats().in_memory, Amount::default());
    drop(entry);
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn the_least_recently_used_goes_first() {
    let directory = tempfile::tempdir().expect("a directory");
    let spill = spill(3000, &directory);
    let (a, b, c) = (insert(&spill, 1), insert(&spill, 2), insert(&spill, 3));
    assert_eq!(spilled(&[&a, &b, &c]), [false; 3]);
    assert_eq!(files(directory.path()), 0, "nothing is made before it is needed");
    read(&a);
    let d = insert(&spill, 4);
    assert_eq!(spilled(&[&a, &b, &c, &d]), [false, true, false, false]);
    assert_eq!(read(&b), block(2));
    assert_eq!(spilled(&[&a, &b, &c, &d]), [false, false, true, false]);
    let e = insert(&spill, 5);
    assert_eq!(spilled(&[&a, &b, &c, &d, &e]), [true, false, true, false, false]);
    assert_eq!(files(directory.path()), 2);

    let stats = spill.stats();
    assert_eq!((stats.in_memory, stats.spilled), (Amount { count: 3, bytes: 3000 }, Amount { count: 2, bytes: 2000 }));
    assert_eq!((stats.reads, stats.writes, stats.peak_bytes), (1, 3, 3000));
    assert!(stats.disk_bytes > 1000 && stats.problem.is_none());
}

#[test]
fn what_comes_back_is_what_went() {
    let directory = tempfile::tempdir().expect("a directory");
    let spill = spill(100, &directory);
    let words: Vec<String> = ["", "weft", "schön", "🧵"].map(str::to_owned).to_vec();
    let numbers: Vec<f64> = vec![0.1 + 0.2, f64::MIN_POSITIVE, f64::NEG_INFINITY, -0.0];
    let entries = [
        spill.insert(Arc::new(words.clone()), codec::<Vec<String>>(), 101),
        spill.insert(Arc::new(numbers.clone()), codec::<Vec<f64>>(), 101),
        spill.insert(Arc::new(()), codec::<()>(), 101),
    ];
    assert!(entries.iter().all(Entry::is_spilled));
    assert_eq!(entries[0].get().expect("words").downcast_ref(), Some(&words));
    assert_eq!(entries[1].get().expect("numbers").downcast_ref(), Some(&numbers));
    assert_eq!(entries[2].get().expect("nothing").downcast_ref(), Some(&()));
}

#[test]
fn ten_times_the_memory_passes_through() {
    let directory = tempfile::tempdir().expect("a directory");
    let limit = MemoryLimit { spill: f64::INFINITY, pause: f64::INFINITY, ..MemoryLimit::new(20_000) };
    let spill = Spill::new(Some(limit), Some(directory.path().to_owned()));
    let entries: Vec<Entry> = (0..200).map(|n| insert(&spill, n)).collect();
    for round in 0..3 {
        for (n, entry) in entries.iter().enumerate() {
            assert_eq!(read(entry), block(n as u64), "round {round}");
        }
    }
    let stats = spill.stats();
    assert!(stats.peak_bytes <= 12_000, "{} of a limit of 20 000 with a target of 0.6", stats.peak_bytes);
    assert_eq!(stats.in_memory.count + stats.spilled.count, 200);
    assert_eq!(files(directory.path()), stats.spilled.count);
}

#[test]
fn what_others_hold_stays_until_they_let_go() {
    let directory = tempfile::tempdir().expect("a directory");
    let spill = spill(2000, &directory);
    let (a, b) = (insert(&spill, 1), insert(&spill, 2));
    let held = (a.get().expect("a"), b.get().expect("b"));
    let c = insert(&spill, 3);
    assert_eq!(spilled(&[&a, &b, &c]), [false; 3]);
    assert_eq!(spill.stats().peak_bytes, 3000);
    drop(held);
    let d = insert(&spill, 4);
    // There are four, and room for two.
    assert_eq!(spilled(&[&a, &b, &c, &d]).iter().filter(|&&is| is).count(), 2);
    assert_eq!([read(&a), read(&b), read(&c), read(&d)], [block(1), block(2), block(3), block(4)]);
}

#[test]
fn a_thousand_held_values_are_not_searched_each_time() {
    let directory = tempfile::tempdir().expect("a directory");
    let spill = spill(1000, &directory);
    let entries: Vec<(Entry, Value)> = (0..20_000)
        .map(|n| {
            let value: Value = Arc::new(vec![n]);
            (spill.insert(Arc::clone(&value), codec::<Vec<u64>>(), 1000), value)
        })
        .collect();
    // Two hundred million steps if each insertion looked at all before it; the ticks count the steps.
    let steps = spill.shared.as_ref().expect("a limit").list().last_tick;
    assert!(steps < 3_000_000, "{steps} steps for {} entries", entries.len());
}

#[test]
fn what_cannot_move_stays() {
    struct Plain;
    let directory = tempfile::tempdir().expect("a directory");
    let spill = spill(1000, &directory);
    let plain = spill.insert(Arc::new(Plain), None, 700);
    let large = spill.insert(Arc::new(Plain), None, 5000);
    let refuses = Codec::with::<Plain, _, _>(|_| Err("it is open".to_owned()), |_| Ok(Plain));
    let refuses = spill.insert(Arc::new(Plain), Some(refuses), 700);
    let panics = Codec::with::<Plain, _, _>(|_| panic!("as it should in this test"), |_| Ok(Plain));
    let panics = spill.insert(Arc::new(Plain), Some(panics), 700);
    let normal = insert(&spill, 1);
    assert_eq!(spilled(&[&plain, &large, &refuses, &panics, &normal]), [false; 5]);
    let stats = spill.stats();
    assert_eq!(stats.unspillable, Amount { count: 4, bytes: 7100 });
    assert_eq!(stats.in_memory, Amount { count: 5, bytes: 8100 });
    let problem = stats.problem.expect("why").to_string();
    assert!(problem.contains("Plain: its codec panicked; it stays in memory"), "{problem}");
    let last = insert(&spill, 2);
    assert_eq!(spilled(&[&normal, &last]), [true, false], "others still move");
    drop((plain, large, refuses, panics, normal, last));
    let stats = spill.stats();
    assert_eq!((stats.in_memory, stats.unspillable, stats.spilled), Default::default());
}

#[test]
fn one_that_is_too_large_goes_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let spill = spill(3000, &directory);
    let (a, b) = (insert(&spill, 1), insert(&spill, 2));
    let large = spill.insert(Arc::new(vec![7u64; 1000]), codec::<Vec<u64>>(), 8000);
    assert_eq!(spilled(&[&a, &b, &large]), [false, false, true]);
    assert_eq!(read(&large), vec![7; 1000]);
    assert_eq!(spilled(&[&a, &b, &large]), [true, true, false]);
    let c = insert(&spill, 3);
    assert_eq!(spilled(&[&large, &c]), [true, false]);
}

#[test]
fn files_end_with_their_entries_and_the_directory_with_the_last() {
    let directory = tempfile::tempdir().expect("a directory");
    let spill = spill(1000, &directory);
    let mut entries: Vec<Entry> = (0..5).map(|n| insert(&spill, n)).collect();
    assert_eq!(files(directory.path()), 4);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let own = stored_path(&entries[0]).parent().expect("a directory").to_owned();
        assert_eq!(std::fs::metadata(own).expect("it is there").permissions().mode() & 0o777, 0o700);
    }
    drop(entries.remove(0));
    assert_eq!(files(directory.path()), 3);
    drop(spill);
    assert_eq!(read(&entries[0]), block(1), "entries outlive the Spill");
    drop(entries);
    assert_eq!(std::fs::read_dir(directory.path()).expect("the parent stays").count(), 0);
}

#[test]
fn damage_is_noticed() {
    let directory = tempfile::tempdir().expect("a directory");
    let spill = spill(1000, &directory);
    let entries: Vec<Entry> = (0..4).map(|n| insert(&spill, n)).collect();
    let paths: Vec<PathBuf> = entries[..3].iter().map(stored_path).collect();

    let good = std::fs::read(&paths[0]).expect("the file");
    let mut flipped = good.clone();
    flipped[500] ^= 0x10;
    std::fs::write(&paths[0], &flipped).expect("written");
    std::fs::write(&paths[1], &good[..100]).expect("written");
    std::fs::remove_file(&paths[2]).expect("removed");

    let before = spill.stats();
    let error = entries[0].get().unwrap_err();
    assert!(matches!(&error, SpillError::Damaged { path, .. } if *path == paths[0]), "{error}");
    let error = entries[1].get().unwrap_err().to_string();
    assert!(error.contains(" is damaged: 100 bytes are not the ") && error.contains("compute it again"), "{error}");
    let error = entries[2].get().unwrap_err();
    assert!(matches!(&error, SpillError::Read { path, .. } if *path == paths[2]), "{error}");
    assert!(entries[..3].iter().all(Entry::is_spilled));
    // The last one made room for them in vain; the counts agree all the same.
    let after = spill.stats();
    assert_eq!(after.in_memory.count + after.spilled.count, before.in_memory.count + before.spilled.count);
    assert_eq!(read(&entries[3]), block(3));

    std::fs::write(&paths[0], &good).expect("repaired");
    assert_eq!(read(&entries[0]), block(0), "an error is not for ever");
    drop(entries);
    assert_eq!(spill.stats().in_memory, Amount::default());
}

#[test]
fn a_directory_that_was_cleared_away_is_made_anew() {
    let directory = tempfile::tempdir().expect("a directory");
    let spill = spill(1000, &directory);
    let (a, b) = (insert(&spill, 1), insert(&spill, 2));
    std::fs::remove_dir_all(stored_path(&a).parent().expect("a directory")).expect("removed");
    let c = insert(&spill, 3);
    assert!(b.is_spilled() && spill.stats().problem.is_none());
    assert_eq!([read(&b), read(&c)], [block(2), block(3)]);
    assert!(a.get().unwrap_err().to_string().starts_with("could not read a spilled result back from "));
}

/// Lets a failed write be tried again at once.
fn forget_failure(spill: &Spill) {
    spill.shared.as_ref().expect("a limit").list().retry_at = None;
}

#[test]
fn a_directory_that_cannot_be_made_loses_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let parent = directory.path().join("not-yet");
    std::fs::write(&parent, "a file is in the way").expect("written");
    let spill = Spill::new(Some(target(1000)), Some(parent.clone()));
    let entries: Vec<Entry> = (0..10).map(|n| insert(&spill, n)).collect();
    assert!(entries.iter().all(|entry| !entry.is_spilled()));
    let problem = spill.stats().problem.expect("why").to_string();
    let start = format!(
        "could not spill {} bytes to {}: ",
        codec::<Vec<u64>>().unwrap().encode(&block(0)).unwrap().len(),
        parent.display()
    );
    assert!(problem.starts_with(&start), "{problem}");
    assert!(problem.ends_with("results stay in memory; free space there or raise the memory limit"), "{problem}");

    std::fs::remove_file(&parent).expect("removed");
    let one_more = insert(&spill, 10);
    assert!(!entries[0].is_spilled(), "no new attempt so soon");
    forget_failure(&spill);
    let last = insert(&spill, 11);
    assert!(entries.iter().all(Entry::is_spilled) && one_more.is_spilled() && !last.is_spilled());
    assert!(spill.stats().problem.is_none());
    for (n, entry) in entries.iter().enumerate() {
        assert_eq!(read(entry), block(n as u64));
    }
}

/// Fills a place with room for some of the results, and checks that the others stay and nothing half-written does.
fn overfill(parent: &Path, entry_bytes: usize) -> String {
    let spill = Spill::new(Some(target(1000)), Some(parent.to_owned()));
    let large = |n: u64| -> Vec<f64> { (0..entry_bytes as u64 / 8).map(|at| (n * 1000 + at) as f64).collect() };
    let small = insert(&spill, 1);
    let _next = insert(&spill, 2);
    assert!(small.is_spilled(), "there is room for a small one");
    let entries: Vec<Entry> = (0..6).map(|n| spill.insert(Arc::new(large(n)), codec::<Vec<f64>>(), 900)).collect();
    let problem = spill.stats().problem.expect("it got full").to_string();
    let stats = spill.stats();
    assert_eq!(files(parent), stats.spilled.count, "no file that no entry has");
    assert!(entries.iter().filter(|entry| !entry.is_spilled()).count() > 1);
    for (n, entry) in entries.iter().enumerate() {
        let value = entry.get().expect("nothing is lost");
        assert!(value.downcast_ref::<Vec<f64>>() == Some(&large(n as u64)));
    }
    assert_eq!(read(&small), block(1));
    problem
}

#[test]
#[cfg(unix)]
fn a_file_that_may_not_grow_loses_nothing() {
    if let Some(directory) = told_directory() {
        let most = libc::rlimit { rlim_cur: 10_000, rlim_max: 10_000 };
        // SAFETY: plain calls on a process that exists for this test; with the signal ignored, the limit is an error.
        unsafe {
            libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
            assert_eq!(libc::setrlimit(libc::RLIMIT_FSIZE, &most), 0);
        }
        let problem = overfill(&directory, 16_000);
        assert!(problem.contains("could not spill 16008 bytes to "), "{problem}");
        assert!(problem.contains("File too large"), "{problem}");
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let output = run_alone("a_file_that_may_not_grow_loses_nothing", directory.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_loses_nothing() {
    struct Mounted(tempfile::TempDir);
    impl Drop for Mounted {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg(self.0.path()).output();
        }
    }
    let directory = tempfile::tempdir().expect("a directory");
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(directory.path()).output();
    if !mount.is_ok_and(|output| output.status.success()) {
        eprintln!("not allowed to mount a small file system; a_file_that_may_not_grow_loses_nothing has to do");
        return;
    }
    let mounted = Mounted(directory);
    let problem = overfill(mounted.0.path(), 30_000);
    assert!(problem.contains("No space left on device"), "{problem}");
}

#[test]
fn leftovers_of_a_killed_process_are_removed() {
    if let Some(directory) = told_directory() {
        let spill = Spill::new(Some(target(1000)), Some(directory));
        let entries: Vec<Entry> = (0..3).map(|n| insert(&spill, n)).collect();
        assert!(entries[0].is_spilled());
        std::process::abort();
    }
    let directory = tempfile::tempdir().expect("a directory");
    let living = spill(1000, &directory);
    let kept = [insert(&living, 1), insert(&living, 2)];
    std::fs::create_dir(directory.path().join("taskloom-spill-just-being-made")).expect("made");
    std::fs::create_dir(directory.path().join("somebody-elses")).expect("made");

    let output = run_alone("leftovers_of_a_killed_process_are_removed", directory.path());
    assert!(!output.status.success());
    let count = || std::fs::read_dir(directory.path()).expect("a directory").count();
    assert_eq!(count(), 4, "{}", String::from_utf8_lossy(&output.stderr));
    let _next = spill(1000, &directory);
    assert_eq!(count(), 3, "of the killed process only");
    assert_eq!(read(&kept[0]), block(1));
}

static RESIDENT: AtomicU64 = AtomicU64::new(0);

#[test]
fn the_process_as_a_whole_counts_too() {
    let directory = tempfile::tempdir().expect("a directory");
    let limit = MemoryLimit::new(100_000);
    let measure = || Some(RESIDENT.load(Ordering::Relaxed));
    let spill = Spill::measured_by(Some(limit), Some(directory.path().to_owned()), measure);
    let measure_again = || spill.shared.as_ref().expect("a limit").next_measurement.store(0, Ordering::Relaxed);

    RESIDENT.store(69_000, Ordering::Relaxed);
    let entries: Vec<Entry> = (0..20).map(|n| insert(&spill, n)).collect();
    measure_again();
    assert!(!spill.should_pause());
    assert_eq!(spill.stats().spilled.count, 0, "below 0.7");

    RESIDENT.store(75_000, Ordering::Relaxed);
    measure_again();
    assert!(!spill.should_pause());
    assert_eq!(spill.stats().spilled.count, 15, "down to 0.6");
    assert_eq!(spilled(&entries.iter().collect::<Vec<_>>())[14..16], [true, false], "the oldest");

    RESIDENT.store(81_000, Ordering::Relaxed);
    assert!(!spill.should_pause(), "measured a moment ago");
    measure_again();
    assert!(spill.should_pause());
    assert_eq!(spill.stats().spilled.count, 20);
    RESIDENT.store(50_000, Ordering::Relaxed);
    measure_again();
    assert!(!spill.should_pause());
    for (n, entry) in entries.iter().enumerate() {
        assert_eq!(read(entry), block(n as u64));
    }
}

#[test]
fn the_system_says_what_the_process_takes() {
    if !cfg!(any(target_os = "linux", target_os = "macos")) {
        return;
    }
    let before = limit::resident().expect("a measurement");
    assert!((100_000..1 << 40).contains(&before), "{before}");
    let large = std::hint::black_box(vec![1u8; 200 << 20]);
    let after = limit::resident().expect("a measurement");
    assert!(after > before + (150 << 20), "{before} to {after} with {} more", large.len());
}

/// A codec whose encoding waits to be let go: `begun` is told when it waits.
fn slow_codec(begun: mpsc::Sender<()>, go: mpsc::Receiver<()>) -> Codec {
    let (begun, go) = (Mutex::new(begun), Mutex::new(go));
    let plain = codec::<Vec<u64>>().expect("built in");
    Codec::with::<Vec<u64>, _, _>(
        move |value| {
            begun.lock().unwrap().send(()).expect("someone listens");
            go.lock().unwrap().recv().expect("someone lets go");
            plain.encode(value)
        },
        move |bytes| {
            let value = plain.decode(bytes)?;
            Ok(value.downcast_ref::<Vec<u64>>().expect("its type").clone())
        },
    )
}

#[test]
fn nobody_waits_for_a_value_that_is_being_written() {
    let directory = tempfile::tempdir().expect("a directory");
    let spill = spill(2000, &directory);
    let ((begun, has_begun), (go, may_go)) = (mpsc::channel(), mpsc::channel());
    let slow = spill.insert(Arc::new(block(1)), Some(slow_codec(begun, may_go)), 1000);
    let other = insert(&spill, 2);
    std::thread::scope(|scope| {
        let third = scope.spawn(|| insert(&spill, 3));
        has_begun.recv().expect("the first is being encoded");
        assert_eq!(read(&other), block(2), "others are not locked");
        let held = slow.get().expect("nor is this one");
        assert!(!spill.should_pause());
        assert_eq!(spill.stats().in_memory.count, 2);
        go.send(()).expect("it listens");
        let third = third.join().expect("no panic");
        assert!(!slow.is_spilled(), "it was asked for meanwhile");
        assert_eq!(files(directory.path()), spill.stats().spilled.count);
        drop(held);
        assert_eq!(read(&third), block(3));
    });

    // Dropped while it is being written, its file goes too.
    std::thread::scope(|scope| {
        let fourth = scope.spawn(|| [insert(&spill, 4), insert(&spill, 5), insert(&spill, 6)]);
        has_begun.recv().expect("it is being encoded again");
        drop(slow);
        go.send(()).expect("it listens");
        fourth.join().expect("no panic");
    });
    drop(other);
    let stats = spill.stats();
    assert_eq!((stats.in_memory, stats.spilled, stats.disk_bytes), Default::default());
    assert_eq!(files(directory.path()), 0);
}

#[test]
fn encoding_may_use_the_buffer_itself() {
    static SPILL: Mutex<Option<Arc<Spill>>> = Mutex::new(None);
    struct Nested;
    let directory = tempfile::tempdir().expect("a directory");
    let spill = Arc::new(spill(1000, &directory));
    *SPILL.lock().unwrap() = Some(Arc::clone(&spill));
    let codec = Codec::with::<Nested, _, _>(
        |_| {
            let spill = SPILL.lock().unwrap().clone().expect("set");
            let entry = insert(&spill, 9);
            assert_eq!(read(&entry), block(9));
            Ok(Vec::new())
        },
        |_| Ok(Nested),
    );
    let nested = spill.insert(Arc::new(Nested), Some(codec), 900);
    let next = insert(&spill, 1);
    assert!(nested.is_spilled());
    assert!(nested.get().expect("reads back").is::<Nested>());
    assert_eq!(read(&next), block(1));
    *SPILL.lock().unwrap() = None;
}

#[test]
fn four_threads_get_insert_and_drop() {
    const THREADS: u64 = 4;
    const OPERATIONS: u64 = 10_000;
    let directory = tempfile::tempdir().expect("a directory");
    let spill = spill(20_000, &directory);
    type Shelf = Mutex<Option<(u64, Arc<Entry>)>>;
    let shelves: Vec<Shelf> = (0..64).map(|_| Mutex::new(None)).collect();
    let reads = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (spill, shelves, reads) = (&spill, &shelves, &reads);
            scope.spawn(move || {
                let mut random = thread + 1;
                let mut held = Vec::new();
                for operation in 0..OPERATIONS {
                    // Xorshift (Marsaglia 2003).
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    let shelf = &shelves[(random >> 20) as usize % shelves.len()];
                    match random % 10 {
                        0..3 => {
                            let n = thread * OPERATIONS + operation;
                            let entry = Arc::new(insert(spill, n));
                            let before = shelf.lock().unwrap().replace((n, entry));
                            drop(before);
                        }
                        3 => drop(shelf.lock().unwrap().take()),
                        _ => {
                            let Some((n, entry)) = shelf.lock().unwrap().clone() else { continue };
                            let value = entry.get().expect("nothing is lost");
                            assert_eq!(value.downcast_ref::<Vec<u64>>(), Some(&block(n)));
                            reads.fetch_add(1, Ordering::Relaxed);
                            held.push(value);
                            held.truncate(random as usize % 3);
                        }
                    }
                }
            });
        }
    });
    let stats = spill.stats();
    let entries = shelves.iter().filter(|shelf| shelf.lock().unwrap().is_some()).count();
    assert_eq!(stats.in_memory.count + stats.spilled.count, entries);
    assert_eq!(files(directory.path()), stats.spilled.count);
    assert!(stats.reads > 100 && stats.writes > stats.reads, "{stats:?}");
    assert!(reads.into_inner() > 10_000);
    // Each thread may hold two values and be bringing in a third.
    assert!(stats.peak_bytes <= 20_000 + 12_000, "{}", stats.peak_bytes);
    let list = spill.shared.as_ref().expect("a limit").list();
    assert_eq!((list.in_flight, list.order.len()), (0, stats.in_memory.count));
    drop(list);
    drop(shelves);
    let stats = spill.stats();
    assert_eq!((stats.in_memory, stats.spilled, stats.disk_bytes), Default::default());
    assert_eq!(files(directory.path()), 0);
}
