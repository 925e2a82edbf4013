//! Files that are cut off, changed, missing or not for us: an error that names the file, never a crash, never a hang.

mod store;

use std::path::{Path, PathBuf};

use store::{Tested, data, values};
use taskloom::array::store::{Compression, Hdf5Options, Layout, ZarrOptions, hdf5_arrays, zarr_arrays};
use taskloom::prelude::*;

fn copied(from: &Path, to: &Path) -> std::io::Result<()> {
    if !from.is_dir() {
        return std::fs::copy(from, to).map(|_| ());
    }
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        copied(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

fn files(path: &Path, into: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            files(&entry?.path(), into)?;
        }
        into.sort();
    } else {
        into.push(path.to_owned());
    }
    Ok(())
}

/// Opens and computes; what is too large to be computed is not.
fn read_all(path: &Path, what: &str) -> taskloom::Result<()> {
    fn small<T: taskloom::array::Element>(array: Array<T>) -> taskloom::Result<()> {
        if array.len() < 1 << 20 { array.compute().map(|_| ()) } else { Ok(()) }
    }
    match what {
        "npy" => small(Array::<f64>::open_npy(path, "auto")?),
        "npz" => {
            small(Array::<f64>::open_npz(path, "a", "auto")?)?;
            Array::<f64>::open_npz(path, "b", "auto").map(|_| ())
        }
        "zarr" => {
            zarr_arrays(path)?;
            small(Array::<f64>::open_zarr(path)?)
        }
        "nc" => {
            small(Array::<f64>::open_netcdf(path, "t", "auto")?)?;
            small(Array::<i64>::open_netcdf_time(path, "time", "auto")?)
        }
        _ => {
            for name in hdf5_arrays(path)? {
                match Array::<f64>::open_hdf5(path, &name, "auto") {
                    Ok(array) => small(array)?,
                    Err(error) => drop(Array::<i32>::open_hdf5(path, &name, "auto").map_err(|_| error).and_then(small)),
                }
            }
            Ok(())
        }
    }
}

/// Numbers that look random, from a seed.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

#[test]
fn what_is_damaged_is_an_error_or_other_numbers_and_never_a_crash() -> Tested {
    let folder = tempfile::tempdir()?;
    let rounds: u64 = std::env::var("TASKLOOM_MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    for (name, what) in [
        ("plain_float64.npy", "npy"),
        ("fortran.npy", "npy"),
        ("stored.npz", "npz"),
        ("packed.npz", "npz"),
        ("default.zarr2", "zarr"),
        ("filter.zarr2", "zarr"),
        ("default.zarr", "zarr"),
        ("blosc.zarr", "zarr"),
        ("checksum.zarr", "zarr"),
        ("sharded.zarr", "zarr"),
        ("earliest.h5", "h5"),
        ("latest.h5", "h5"),
        ("chunked_earliest.h5", "h5"),
        ("chunked_latest.h5", "h5"),
        ("chunked2_latest.h5", "h5"),
        ("weather.nc", "nc"),
    ] {
        let (mut failed, mut state) = (0, 1);
        for round in 0..rounds {
            let path = folder.path().join(format!("{round}-{name}"));
            copied(&data(name), &path)?;
            let mut found = Vec::new();
            files(&path, &mut found)?;
            let victim = &found[next(&mut state) as usize % found.len()];
            let mut bytes = std::fs::read(victim)?;
            match next(&mut state) % 4 {
                0 => bytes.truncate(next(&mut state) as usize % bytes.len().max(1)),
                1 => (0..8).for_each(|_| {
                    let at = next(&mut state) as usize % bytes.len();
                    bytes[at] = next(&mut state) as u8;
                }),
                2 => {
                    // The beginning has what is believed.
                    let at = next(&mut state) as usize % bytes.len().min(600);
                    bytes[at] = [0, 1, 127, 128, 255, b'9'][next(&mut state) as usize % 6];
                }
                _ => {
                    let at = next(&mut state) as usize % bytes.len();
                    bytes[at] ^= 1 << (next(&mut state) % 8);
                }
            }
            std::fs::write(victim, &bytes)?;
            if let Err(error) = read_all(&path, what) {
                failed += 1;
                let named = error.to_string().contains(name) || error.to_string().contains("do not fit to shape");
                assert!(named, "{error}");
                assert!(!error.to_string().contains("panicked"), "{name}: {error}");
            }
            match path.is_dir() {
                true => std::fs::remove_dir_all(&path)?,
                false => std::fs::remove_file(&path)?,
            }
        }
        assert!(failed > 0, "none of the changes to {name} was seen");
    }
    Ok(())
}

#[test]
fn a_file_that_is_cut_off_is_told() -> Tested {
    let folder = tempfile::tempdir()?;
    let x = Array::from_ndarray(values::<f64>(), (2, 7));
    let path = folder.path().join("x.npy");
    x.to_npy(&path)?;
    let whole = Array::<f64>::open_npy(&path, (2, 7))?;
    std::fs::File::options().write(true).open(&path)?.set_len(300)?;
    let error = whole.compute().unwrap_err().to_string();
    assert!(error.contains("x.npy: the file ends before the data does") && error.contains("block ("), "{error}");
    let error = Array::<f64>::open_npy(&path, "auto").unwrap_err().to_string();
    assert!(error.contains("x.npy is damaged: it has 300 bytes, which is too few"), "{error}");
    let error = Array::<f64>::open_raw(&path, (5, 8), 0, Layout::RowMajor, "auto").unwrap_err().to_string();
    assert!(error.contains("too few"), "{error}");
    let error = Array::<f64>::open_raw(&path, (usize::MAX, 8), 9, Layout::RowMajor, "auto").unwrap_err().to_string();
    assert!(error.contains("too few"), "{error}");

    for compression in [Compression::None, Compression::Zstd(1), Compression::Gzip(1), Compression::Blosc(1)] {
        let path = folder.path().join("x.zarr");
        x.to_zarr(&path, &ZarrOptions::new().compression(compression).overwrite(true))?;
        let chunk = path.join("c/1/0");
        let bytes = std::fs::read(&chunk)?;
        std::fs::write(&chunk, &bytes[..bytes.len() / 2])?;
        let x = Array::<f64>::open_zarr_array(&path, "", (2, 7))?;
        let error = x.compute().unwrap_err().to_string();
        assert!(error.contains("c/1/0 is damaged") && error.contains("block (1, 0) of the array"), "{error}");
        assert_eq!(x.slice(s![..2, ..]).compute()?, values::<f64>().slice(s![..2, ..]).into_dyn());
    }
    let path = folder.path().join("x.h5");
    x.to_hdf5(&path, "x", &Hdf5Options::new().deflate(1))?;
    let whole = Array::<f64>::open_hdf5(&path, "x", (2, 7))?;
    std::fs::File::options().write(true).open(&path)?.set_len(300)?;
    let error = whole.compute().unwrap_err().to_string();
    assert!(error.contains("x.h5: the file ends before the data does"), "{error}");
    assert!(Array::<f64>::open_hdf5(&path, "x", (2, 7)).unwrap_err().to_string().contains("x.h5"));
    Ok(())
}

#[test]
fn a_wrong_checksum_is_told() -> Tested {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("x.zarr");
    copied(&data("checksum.zarr"), &path)?;
    let chunk = path.join("c/0/1");
    let mut bytes = std::fs::read(&chunk)?;
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    std::fs::write(&chunk, &bytes)?;
    let error = Array::<f64>::open_zarr(&path)?.compute().unwrap_err().to_string();
    assert!(error.contains("c/0/1 is damaged: its checksum is wrong"), "{error}");

    let path = folder.path().join("x.h5");
    let mut bytes = std::fs::read(data("chunked2_earliest.h5"))?;
    // The first row of the second chunk of `fletcher`.
    let row: Vec<u8> = values::<i32>().slice(s![3, ..4]).iter().flat_map(|x| x.to_le_bytes()).collect();
    let places: Vec<usize> = (0..bytes.len() - row.len()).filter(|&at| bytes[at..].starts_with(&row)).collect();
    assert!(!places.is_empty());
    places.into_iter().for_each(|at| bytes[at] ^= 1);
    std::fs::write(&path, &bytes)?;
    let error = Array::<i32>::open_hdf5(&path, "fletcher", "auto")?.compute().unwrap_err().to_string();
    assert!(error.contains("x.h5 is damaged: chunk [1, 0]: its checksum is wrong"), "{error}");
    Ok(())
}

#[test]
fn what_is_not_there_or_not_ours_is_told() -> Tested {
    let folder = tempfile::tempdir()?;
    let nowhere = folder.path().join("nowhere");
    for error in [
        Array::<f64>::open_npy(&nowhere, "auto").unwrap_err(),
        Array::<f64>::open_npz(&nowhere, "a", "auto").unwrap_err(),
        Array::<f64>::open_zarr(&nowhere).unwrap_err(),
        Array::<f64>::open_hdf5(&nowhere, "x", "auto").unwrap_err(),
        Array::<f64>::open_netcdf(&nowhere, "x", "auto").unwrap_err(),
    ] {
        let error = error.to_string();
        assert!(error.contains("nowhere") && error.contains("No such file"), "{error}");
    }
    let error = Array::<f64>::open_zarr(folder.path()).unwrap_err().to_string();
    assert!(error.contains("no zarr.json, no .zarray"), "{error}");
    let error = Array::<f64>::open_npy(folder.path(), "auto").unwrap_err().to_string();
    assert!(error.contains("it is a directory"), "{error}");
    let x = Array::<f64>::ones(3, 3);
    for error in [
        x.to_npy(nowhere.join("x.npy")).unwrap_err(),
        x.to_raw(nowhere.join("x.raw")).unwrap_err(),
        x.to_hdf5(nowhere.join("x.h5"), "x", &Hdf5Options::new()).unwrap_err(),
    ] {
        assert!(error.to_string().starts_with("cannot write") && error.to_string().contains("nowhere"), "{error}");
    }
    std::fs::write(folder.path().join("file"), "")?;
    let error = x.to_zarr(folder.path().join("file/x.zarr"), &ZarrOptions::new()).unwrap_err().to_string();
    assert!(error.contains("x.zarr"), "{error}");
    let error = Array::<f64>::open_hdf5(folder.path().join("file"), "x", "auto").unwrap_err().to_string();
    assert!(error.contains("file is damaged"), "{error}");
    Ok(())
}

#[test]
fn what_may_not_be_read_is_told() -> Tested {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("x.npy");
    Array::<f64>::ones(3, 3).to_npy(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000))?;
    if std::fs::read(&path).is_ok() {
        return Ok(()); // nothing is forbidden to the superuser
    }
    let error = Array::<f64>::open_npy(&path, "auto").unwrap_err().to_string();
    assert!(error.contains("x.npy: Permission denied"), "{error}");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o500))?;
    let error = Array::<f64>::ones(3, 3).to_npy(folder.path().join("y.npy")).unwrap_err().to_string();
    assert!(error.contains("y.npy: Permission denied"), "{error}");
    Ok(())
}

#[test]
fn shapes_that_nobody_has_room_for_are_no_graph() -> Tested {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("x.zarr");
    Array::<f64>::ones((4, 4), 2).to_zarr(&path, &ZarrOptions::new())?;
    let text = std::fs::read_to_string(path.join("zarr.json"))?;
    for shape in ["4000000000000, 4", "4000000000000000000, 4", "18446744073709551615, 4"] {
        std::fs::write(path.join("zarr.json"), text.replacen('4', shape.split(',').next().unwrap_or("4"), 1))?;
        assert!(Array::<f64>::open_zarr_array(&path, "", 2).is_err());
    }
    Ok(())
}

/// A file system that is full in the middle: a small one in memory, which only the superuser can make.
#[test]
fn a_full_disk_is_told_and_leaves_nothing_that_reads_as_complete() -> Tested {
    let folder = tempfile::tempdir()?;
    let mount = folder.path();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"])
        .arg(mount)
        .stderr(std::process::Stdio::null())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    let x = Array::<f64>::random((1000, 1000), (100, 1000)).seed(1).normal(0.0, 1.0);
    let tried = || -> Tested {
        for error in [
            x.to_npy(mount.join("x.npy")).unwrap_err(),
            x.to_raw(mount.join("x.raw")).unwrap_err(),
            x.to_hdf5(mount.join("x.h5"), "x", &Hdf5Options::new()).unwrap_err(),
            x.to_hdf5(mount.join("y.h5"), "x", &Hdf5Options::new().deflate(1)).unwrap_err(),
        ] {
            let error = error.to_string();
            assert!(error.contains("No space left") && error.contains("of the array"), "{error}");
            assert_eq!(std::fs::read_dir(mount)?.count(), 0);
        }
        let path = mount.join("x.zarr");
        let error = x.to_zarr(&path, &ZarrOptions::new()).unwrap_err().to_string();
        assert!(error.contains("No space left") && error.contains("x.zarr/c/"), "{error}");
        let error = Array::<f64>::open_zarr(&path).unwrap_err().to_string();
        assert!(error.contains("is not complete"), "{error}");
        x.slice(s![..100, ..]).to_zarr(&path, &ZarrOptions::new())?;
        assert_eq!(Array::<f64>::open_zarr(&path)?.shape(), [100, 1000]);
        Ok(())
    };
    let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(tried));
    std::process::Command::new("umount").arg(mount).status()?;
    tried.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
