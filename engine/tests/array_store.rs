//! NumPy's files, raw ones and Zarr: those that other programs wrote, and ours, read back.
//!
//! `data/store` is written by `oracle/make_store.py`, whose formula for the elements is `values` here.

#[path = "common/everywhere.rs"]
mod everywhere;
mod store;

use everywhere::Everywhere;
use num_complex::Complex;
use store::{Formula, Tested, check, data, failing, values, values_of};
use taskloom::array::store::{
    Compression, Hdf5Options, Hdf5Writer, Layout, ZarrOptions, create_zarr, zarr_arrays, zarr_attributes, zarr_info,
};
use taskloom::ndarray::{IxDyn, Slice};
use taskloom::prelude::*;

#[test]
fn numpys_files_of_every_type_are_read() {
    fn one<T: Formula>(name: &str) {
        for chunks in [Chunks::Auto, Chunks::Two] {
            let path = data(&format!("plain_{name}.npy"));
            check::<T>(match chunks {
                Chunks::Auto => Array::open_npy(&path, "auto"),
                Chunks::Two => Array::open_npy(&path, (2, 3)),
            });
        }
    }
    enum Chunks {
        Auto,
        Two,
    }
    one::<bool>("bool");
    one::<i8>("int8");
    one::<i16>("int16");
    one::<i32>("int32");
    one::<i64>("int64");
    one::<u8>("uint8");
    one::<u16>("uint16");
    one::<u32>("uint32");
    one::<u64>("uint64");
    one::<f32>("float32");
    one::<f64>("float64");
    one::<Complex<f32>>("complex64");
    one::<Complex<f64>>("complex128");
}

#[test]
fn numpys_other_files_are_read() -> Tested {
    check::<f64>(Array::open_npy(data("fortran.npy"), (2, 3)));
    check::<i32>(Array::open_npy(data("big.npy"), 4));
    assert_eq!(Array::<f64>::open_npy(data("scalar.npy"), "auto")?.item()?, 2.5);
    assert_eq!(Array::<f64>::open_npy(data("empty.npy"), "auto")?.everywhere()?.shape(), [0, 3]);
    check::<f64>(Array::open_npz(data("stored.npz"), "a", (2, 3)));
    check::<i16>(Array::open_npz(data("stored.npz"), "b", (2, 3)));
    check::<f64>(Array::open_npz(data("packed.npz"), "a", (2, 3)));
    check::<Complex<f32>>(Array::open_npz(data("packed.npz"), "f", (2, 3)));
    let error = Array::<f64>::open_npz(data("stored.npz"), "c", "auto").unwrap_err().to_string();
    assert!(error.contains("has no array `c`; it has `a`, `b`"), "{error}");
    let error = Array::<f64>::open_npy(data("text.npy"), "auto").unwrap_err().to_string();
    assert!(error.contains("<U2"), "{error}");
    let error = Array::<f32>::open_npy(data("fortran.npy"), "auto").unwrap_err().to_string();
    assert!(error.contains("the elements are f64, not f32"), "{error}");
    Ok(())
}

#[test]
fn zarr_of_both_versions_is_read() -> Tested {
    fn one<T: Formula>(name: &str) {
        check::<T>(Array::open_zarr(data(name)));
        check::<T>(Array::open_zarr_array(data(name), "", (3, 4)));
        check::<T>(Array::open_zarr_array(data(name), "", 2));
    }
    one::<bool>("type_bool.zarr2");
    one::<i16>("type_int16.zarr2");
    one::<u32>("type_uint32.zarr2");
    one::<i64>("type_int64.zarr2");
    one::<f32>("type_float32.zarr2");
    one::<Complex<f64>>("type_complex128.zarr2");
    for name in ["default", "zstd", "gzip", "zlib", "fortran", "slash", "filter"] {
        one::<f64>(&format!("{name}.zarr2"));
    }
    one::<i32>("big.zarr2");
    for codec in ["blosclz", "lz4", "lz4hc", "zlib", "zstd"] {
        for mode in 0..3 {
            check::<f32>(Array::open_zarr(data(&format!("blosc_{codec}_{mode}.zarr2"))));
        }
    }
    one::<bool>("type_bool.zarr");
    one::<i8>("type_int8.zarr");
    one::<i16>("type_int16.zarr");
    one::<i32>("type_int32.zarr");
    one::<i64>("type_int64.zarr");
    one::<u8>("type_uint8.zarr");
    one::<u16>("type_uint16.zarr");
    one::<u32>("type_uint32.zarr");
    one::<u64>("type_uint64.zarr");
    one::<f32>("type_float32.zarr");
    one::<f64>("type_float64.zarr");
    one::<Complex<f32>>("type_complex64.zarr");
    one::<Complex<f64>>("type_complex128.zarr");
    for name in ["default", "gzip", "blosc", "checksum", "big", "transposed", "dots", "sharded"] {
        one::<f64>(&format!("{name}.zarr"));
    }
    assert_eq!(Array::<f64>::open_zarr(data("scalar.zarr"))?.item()?, 2.5);
    let holes = Array::<f32>::open_zarr(data("holes.zarr2"))?.everywhere()?;
    assert_eq!(holes.slice(s![..3, ..4]), values::<f32>().slice(s![..3, ..4]));
    assert!(holes.slice(s![3.., ..]).iter().chain(holes.slice(s![.., 4..])).all(|x| x.is_nan()));
    let holes = Array::<i32>::open_zarr(data("holes.zarr"))?.everywhere()?;
    assert_eq!(holes.slice(s![..2, ..2]), values::<i32>().slice(s![..2, ..2]));
    assert!(holes.slice(s![2.., ..]).iter().chain(holes.slice(s![.., 2..])).all(|x| *x == -7));
    Ok(())
}

#[test]
fn groups_and_attributes_are_read() -> Tested {
    let group = data("group.zarr");
    assert_eq!(zarr_arrays(&group)?, ["a", "deep/b"]);
    assert_eq!(zarr_attributes(&group)?["title"], "two");
    check::<i32>(Array::open_zarr_array(&group, "deep/b", "auto"));
    let error = Array::<i32>::open_zarr(&group).unwrap_err().to_string();
    assert!(error.contains("it has `a`, `deep/b`"), "{error}");
    let info = zarr_info(data("default.zarr"), "")?;
    assert_eq!((info.shape, info.dtype.as_str(), info.chunks), (vec![5, 7], "f64", Some(vec![3, 4])));
    assert_eq!(info.dimension_names, [Some("y".to_owned()), Some("x".to_owned())]);
    assert_eq!((&info.attributes["units"], &info.attributes["n"]), (&"K".into(), &3.into()));
    Ok(())
}

#[test]
fn what_is_written_is_read_again() -> Tested {
    fn one<T: Formula>() -> Tested {
        let folder = tempfile::tempdir()?;
        for (number, chunks) in [vec![5, 7], vec![2, 3], vec![1, 7], vec![4, 1]].into_iter().enumerate() {
            let x = Array::from_ndarray(values::<T>(), chunks);
            let path = folder.path().join(format!("{number}.npy"));
            x.to_npy(&path)?;
            check::<T>(Array::open_npy(&path, "auto"));
            let path = folder.path().join(format!("{number}.raw"));
            x.to_raw(&path)?;
            check::<T>(Array::open_raw(&path, (5, 7), 0, Layout::RowMajor, 3));
            x.t().to_raw(&path)?;
            check::<T>(Array::open_raw(&path, (5, 7), 0, Layout::ColumnMajor, 3));
            for (at, options) in [
                Hdf5Options::new(),
                Hdf5Options::new().chunks([2, 3]),
                Hdf5Options::new().deflate(4).shuffle(true),
                Hdf5Options::new().chunks([4, 4]).shuffle(true),
                Hdf5Options::new().chunks([1, 1]).deflate(1).dimension_names(["row", "column"]),
            ]
            .into_iter()
            .enumerate()
            {
                let path = folder.path().join(format!("{number}-{at}.h5"));
                x.to_hdf5(&path, "group/of/x", &options)?;
                check::<T>(Array::open_hdf5(&path, "group/of/x", "auto"));
                check::<T>(Array::open_hdf5(&path, "group/of/x", 3));
            }
            for (version, compression) in [
                (3, Compression::None),
                (2, Compression::Blosc(1)),
                (3, Compression::Zstd(3)),
                (3, Compression::Blosc(3)),
                (2, Compression::Gzip(3)),
            ] {
                let path = folder.path().join("x.zarr");
                let options = ZarrOptions::new().version(version).compression(compression).overwrite(true);
                x.to_zarr(&path, &options)?;
                check::<T>(Array::open_zarr(&path));
                x.to_zarr(&path, &options.chunks([3, 2]))?;
                check::<T>(Array::open_zarr(&path));
                x.t().to_zarr(&path, &ZarrOptions::new().overwrite(true))?;
                let back = Array::<T>::open_zarr(&path)?;
                check::<T>(Ok(back.t()));
            }
        }
        Ok(())
    }
    one::<bool>()?;
    one::<u8>()?;
    one::<i16>()?;
    one::<f32>()?;
    one::<f64>()?;
    one::<Complex<f64>>()?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("none.npy");
    Array::<f64>::zeros((0, 3), "auto").to_npy(&path)?;
    assert_eq!(Array::<f64>::open_npy(&path, "auto")?.shape(), [0, 3]);
    Array::<f64>::ones((), "auto").to_npy(&path)?;
    assert_eq!(Array::<f64>::open_npy(&path, "auto")?.item()?, 1.0);
    for options in [Hdf5Options::new(), Hdf5Options::new().deflate(3)] {
        let path = folder.path().join("none.h5");
        let (none, one) = (Array::<f64>::zeros((0, 3), "auto"), Array::<f64>::ones((), "auto"));
        Hdf5Writer::create(&path).add("none", &none, &options).add("one", &one, &options).overwrite(true).write()?;
        assert_eq!(Array::<f64>::open_hdf5(&path, "none", "auto")?.everywhere()?.shape(), [0, 3]);
        assert_eq!(Array::<f64>::open_hdf5(&path, "one", "auto")?.item()?, 1.0);
    }
    Array::<f64>::ones((), "auto").to_zarr(folder.path().join("one"), &ZarrOptions::new())?;
    assert_eq!(Array::<f64>::open_zarr(folder.path().join("one"))?.item()?, 1.0);
    Array::<f64>::ones((0, 2), "auto").to_zarr(folder.path().join("none"), &ZarrOptions::new())?;
    assert_eq!(Array::<f64>::open_zarr(folder.path().join("none"))?.everywhere()?.shape(), [0, 2]);
    Ok(())
}

#[test]
fn arrays_of_several_axes_are_cut_anyhow() -> Tested {
    let folder = tempfile::tempdir()?;
    let want = values_of::<f64>(&[4, 6, 5]);
    let x = Array::from_ndarray(want.clone(), (3, 2, 4));
    x.to_npy(folder.path().join("x.npy"))?;
    x.to_zarr(folder.path().join("x.zarr"), &ZarrOptions::new().chunks([2, 5, 3]))?;
    for x in [
        Array::<f64>::open_npy(folder.path().join("x.npy"), (2, 6, 2))?,
        Array::open_zarr(folder.path().join("x.zarr"))?,
    ] {
        for start in 0..3 {
            for step in [1, 2, 3, -1, -2] {
                for axis in 0..3 {
                    let mut info: Vec<taskloom::ndarray::SliceInfoElem> = vec![(..).into(); 3];
                    info[axis] = Slice::new(start, None, step).into();
                    let mut part = want.view();
                    part.slice_axis_inplace(taskloom::ndarray::Axis(axis), Slice::new(start, None, step));
                    assert_eq!(x.slice(info).everywhere()?, part);
                }
            }
        }
        let moved = x.transpose([2, 0, 1]);
        assert_eq!(moved.everywhere()?, want.view().permuted_axes(IxDyn(&[2, 0, 1])));
        assert_eq!(
            x.sum_axis(1).slice(s![1..3, 2]).everywhere()?,
            want.sum_axis(taskloom::ndarray::Axis(1)).slice(s![1..3, 2]).into_dyn()
        );
    }
    Ok(())
}

#[test]
fn regions_are_written_into_what_is_there() -> Tested {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("x.zarr");
    create_zarr::<f64>(&path, (10, 9), &ZarrOptions::new().chunks([4, 3]).fill_value(-1.0))?;
    assert_eq!(Array::<f64>::open_zarr(&path)?.sum().item()?, -90.0);
    let want = values_of::<f64>(&[10, 9]);
    for (from, shape) in [([0, 0], [3, 9]), ([3, 0], [6, 5]), ([3, 5], [7, 4]), ([9, 0], [1, 5])] {
        let part = want.slice(s![from[0]..from[0] + shape[0], from[1]..from[1] + shape[1]]).to_owned();
        Array::from_ndarray(part, 2).to_zarr_region(&path, &from)?;
    }
    assert_eq!(Array::<f64>::open_zarr(&path)?.everywhere()?, want);
    let error = Array::<f64>::ones((3, 3), 3).to_zarr_region(&path, &[8, 0]).unwrap_err().to_string();
    assert!(error.contains("not inside"), "{error}");
    let error = Array::<f32>::ones((3, 3), 3).to_zarr_region(&path, &[0, 0]).unwrap_err().to_string();
    assert!(error.contains("f64, not f32"), "{error}");
    Ok(())
}

#[test]
fn an_interrupted_store_never_reads_as_complete_and_runs_again() -> Tested {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("x.npy");
    assert!(failing().to_npy(&path).is_err());
    assert_eq!(std::fs::read_dir(folder.path())?.count(), 0);

    let path = folder.path().join("x.h5");
    for options in [Hdf5Options::new(), Hdf5Options::new().deflate(1)] {
        assert!(failing().to_hdf5(&path, "x", &options).is_err());
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 0);
    }

    let path = folder.path().join("x.zarr");
    for version in [2, 3] {
        let options = ZarrOptions::new().version(version);
        assert!(failing().to_zarr(&path, &options).is_err());
        let error = Array::<f64>::open_zarr(&path).unwrap_err().to_string();
        assert!(error.contains("is not complete: storing it was interrupted"), "{error}");
        Array::<f64>::ones((4, 4), 2).to_zarr(&path, &options)?;
        assert_eq!(Array::<f64>::open_zarr(&path)?.sum().item()?, 16.0);
        let error = failing().to_zarr(&path, &options).unwrap_err().to_string();
        assert!(error.contains("overwrite"), "{error}");
        assert!(failing().to_zarr(&path, &options.clone().overwrite(true)).is_err());
        assert!(Array::<f64>::open_zarr(&path).is_err());
        Array::<f64>::ones((4, 4), 2).to_zarr(&path, &options)?;
        assert!(failing().to_zarr_region(&path, &[0, 0]).is_err());
        let error = Array::<f64>::open_zarr(&path).unwrap_err().to_string();
        assert!(error.contains("writing the region of shape (4, 4) from (0, 0) on was interrupted"), "{error}");
        Array::<f64>::zeros((4, 4), 2).to_zarr_region(&path, &[0, 0])?;
        assert_eq!(Array::<f64>::open_zarr(&path)?.sum().item()?, 0.0);
        std::fs::remove_dir_all(&path)?;
    }
    Ok(())
}

#[test]
fn what_is_in_the_way_stays() -> Tested {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("mine");
    std::fs::create_dir(&path)?;
    std::fs::write(path.join("letter"), "dear")?;
    let x = Array::<f64>::ones(3, 3);
    let error = x.to_zarr(&path, &ZarrOptions::new().overwrite(true)).unwrap_err().to_string();
    assert!(error.contains("has files in it that are not of a Zarr array"), "{error}");
    assert!(path.join("letter").exists());
    let group = folder.path().join("group");
    x.to_zarr_array(&group, "a/b", &ZarrOptions::new())?;
    x.to_zarr_array(&group, "c", &ZarrOptions::new())?;
    assert_eq!(zarr_arrays(&group)?, ["a/b", "c"]);
    let error = x.to_zarr(&group, &ZarrOptions::new().overwrite(true)).unwrap_err().to_string();
    assert!(error.contains("is a group"), "{error}");
    let error = x.to_zarr_array(&group, "d", &ZarrOptions::new().version(2)).unwrap_err().to_string();
    assert!(error.contains("version 3"), "{error}");
    Ok(())
}

#[test]
fn an_array_is_not_stored_over_what_it_is_read_from() -> Tested {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("x.zarr");
    Array::from_ndarray(values::<f64>(), (3, 4)).to_zarr(&path, &ZarrOptions::new())?;
    let x = Array::<f64>::open_zarr(&path)?;
    let error = (&x + 1.0).to_zarr(&path, &ZarrOptions::new().overwrite(true)).unwrap_err().to_string();
    assert!(error.contains("is read by the array that is to be stored there"), "{error}");
    assert!((&x.t() + 1.0).slice(s![..2, ..2]).to_zarr_region(&path, &[0, 0]).is_err());
    check::<f64>(Array::open_zarr(&path));
    // A file is replaced when the new one is whole, so it can be read until then.
    let path = folder.path().join("x.npy");
    x.to_npy(&path)?;
    (Array::<f64>::open_npy(&path, 2)? + 1.0).to_npy(&path)?;
    assert_eq!(Array::<f64>::open_npy(&path, 2)?.everywhere()?, values::<f64>() + 1.0);
    x.persist()?.to_zarr(folder.path().join("x.zarr"), &ZarrOptions::new().overwrite(true))?;
    check::<f64>(Array::open_zarr(folder.path().join("x.zarr")));
    Ok(())
}

#[test]
fn only_what_is_seen_is_read() -> Tested {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("x.zarr");
    Array::from_ndarray(values::<f64>(), (3, 4)).to_zarr(&path, &ZarrOptions::new())?;
    std::fs::write(path.join("c/1/1"), b"rubbish")?;
    let x = Array::<f64>::open_zarr(&path)?;
    assert_eq!(x.slice(s![..3, ..]).everywhere()?, values::<f64>().slice(s![..3, ..]).into_dyn());
    assert_eq!((&x + 1.0).slice(s![.., ..4]).sum().item()?, values::<f64>().slice(s![.., ..4]).sum() + 20.0);
    let error = x.sum().item().unwrap_err().to_string();
    assert!(error.contains("c/1/1 is damaged: zstd cannot unpack it") && error.contains("block (0, 0)"), "{error}");
    Ok(())
}

/// Two gigabytes in a process that may take five eighths of it, where half a gigabyte is what it mostly takes: each block is
/// needed for the mean, and again after it.
#[test]
#[cfg(target_os = "linux")]
fn what_waits_for_its_own_mean_need_not_fit_into_memory() -> Tested {
    const DAYS: usize = 256;
    const UNDER_LIMIT: &str = "TASKLOOM_TEST_UNDER_LIMIT";
    if let Ok(path) = std::env::var(UNDER_LIMIT) {
        let status = std::fs::read_to_string("/proc/self/status")?;
        let taken = status.lines().find_map(|line| line.strip_prefix("VmData:")).expect("Linux says it");
        let taken: u64 = taken.trim().trim_end_matches(" kB").parse()?;
        let most = (taken << 10) + (5 << 28);
        let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
        // SAFETY: a plain call; the process is the test's own.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_DATA, &raw const limit) }, 0);
        let days = Array::<f64>::open_zarr(&path)?;
        let farthest = (&days - days.mean_axis(0)).abs().max();
        let farthest = farthest.compute_with(Scheduler::Threads(2))?;
        assert_eq!(farthest.first(), Some(&((DAYS - 1) as f64 / 2.0)));
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("days.zarr");
    let days = Array::<f64>::from_blocks((DAYS, 1024, 1024), (1, 1024, 1024), |start, shape| {
        taskloom::ndarray::ArrayD::from_elem(shape, start[0] as f64)
    });
    days.to_zarr(&path, &ZarrOptions::new())?;
    let own = std::process::Command::new(std::env::current_exe()?)
        .args(["--exact", "what_waits_for_its_own_mean_need_not_fit_into_memory", "--nocapture"])
        .env(UNDER_LIMIT, &path)
        .output()?;
    assert!(own.status.success(), "{}", String::from_utf8_lossy(&own.stderr));
    Ok(())
}
