//! Files of arrays: those that other programs wrote, read back; ours, read back; what is damaged, told.
//!
//! `data/store` is written by `oracle/make_store.py`, whose formula for the elements is `values` here.

use std::path::{Path, PathBuf};

use num_complex::Complex;
use taskloom::array::store::{
    Compression, Layout, ZarrOptions, create_zarr, hdf5_arrays, hdf5_attributes, hdf5_info, netcdf_time_units,
    zarr_arrays, zarr_attributes, zarr_info,
};
use taskloom::array::{Cast, Element};
use taskloom::ndarray::{ArrayD, IxDyn, Slice};
use taskloom::prelude::*;

type Tested = Result<(), Box<dyn std::error::Error>>;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/store").join(name)
}

trait Formula: Element {
    fn of(value: u32) -> Self;
}
macro_rules! formulas {
    ($($type:ty: $value:ident => $formula:expr;)*) => { $(
        impl Formula for $type {
            fn of($value: u32) -> $type { $formula }
        }
    )* };
}
formulas! {
    bool: v => v.is_multiple_of(3);
    i8: v => v as i8 - 50;
    i16: v => v as i16 - 50;
    i32: v => v as i32 - 50;
    i64: v => v as i64 - 50;
    u8: v => v as u8;
    u16: v => v as u16;
    u32: v => v;
    u64: v => v.into();
    f32: v => v as f32 * 0.5 - 25.0;
    f64: v => v as f64 * 0.5 - 25.0;
    Complex<f32>: v => Complex::new(v as f32 * 0.5 - 25.0, v as f32);
    Complex<f64>: v => Complex::new(v as f64 * 0.5 - 25.0, v as f64);
}

fn values_of<T: Formula>(shape: &[usize]) -> ArrayD<T> {
    let count: usize = shape.iter().product();
    ArrayD::from_shape_vec(IxDyn(shape), (0..count as u32).map(|at| T::of(at * 37 % 101)).collect()).unwrap()
}

fn values<T: Formula>() -> ArrayD<T> {
    values_of(&[5, 7])
}

/// The array is what the files were made of, and so are parts of it.
#[track_caller]
fn check<T: Formula>(array: taskloom::Result<Array<T>>) {
    let array = array.unwrap_or_else(|error| panic!("{error}"));
    let want = values_of::<T>(&array.shape());
    assert_eq!(array.compute().unwrap(), want);
    assert_eq!(array.slice(s![1..4, ..;2]).compute().unwrap(), want.slice(s![1..4, ..;2]).into_dyn());
    assert_eq!(array.slice(s![..;-2, 3]).compute().unwrap(), want.slice(s![..;-2, 3]).into_dyn());
    assert_eq!(array.t().slice(s![2.., 1..;3]).compute().unwrap(), want.t().slice(s![2.., 1..;3]).into_dyn());
    assert_eq!(array.slice(s![1..3, ..]).slice(s![-1, 1..6;2]).compute().unwrap(), want.slice(s![2, 1..6;2]).into_dyn());
    assert_eq!(array.slice(s![3..3, ..]).compute().unwrap().len(), 0);
    assert_eq!(array.rechunk((2, 5)).compute().unwrap(), want);
}

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
    assert_eq!(Array::<f64>::open_npy(data("empty.npy"), "auto")?.compute()?.shape(), [0, 3]);
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
    let holes = Array::<f32>::open_zarr(data("holes.zarr2"))?.compute()?;
    assert_eq!(holes.slice(s![..3, ..4]), values::<f32>().slice(s![..3, ..4]));
    assert!(holes.slice(s![3.., ..]).iter().chain(holes.slice(s![.., 4..])).all(|x| x.is_nan()));
    let holes = Array::<i32>::open_zarr(data("holes.zarr"))?.compute()?;
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
fn h5pys_files_are_read() -> Tested {
    for lib in ["earliest", "latest"] {
        let path = data(&format!("{lib}.h5"));
        check::<bool>(Array::open_hdf5(&path, "type_bool", 2));
        check::<i8>(Array::open_hdf5(&path, "type_int8", 2));
        check::<i16>(Array::open_hdf5(&path, "type_int16", 2));
        check::<i32>(Array::open_hdf5(&path, "type_int32", 2));
        check::<i64>(Array::open_hdf5(&path, "type_int64", "auto"));
        check::<u8>(Array::open_hdf5(&path, "type_uint8", 2));
        check::<u16>(Array::open_hdf5(&path, "type_uint16", 2));
        check::<u32>(Array::open_hdf5(&path, "type_uint32", 2));
        check::<u64>(Array::open_hdf5(&path, "type_uint64", 2));
        check::<f32>(Array::open_hdf5(&path, "type_float32", 2));
        check::<f64>(Array::open_hdf5(&path, "type_float64", 2));
        check::<Complex<f32>>(Array::open_hdf5(&path, "type_complex64", 2));
        check::<Complex<f64>>(Array::open_hdf5(&path, "type_complex128", 2));
        check::<i32>(Array::open_hdf5(&path, "big", 3));
        check::<f32>(Array::open_hdf5(&path, "/deep/er/x", 3));
        assert_eq!(Array::<f64>::open_hdf5(&path, "scalar", "auto")?.item()?, 2.5);
        assert!(hdf5_arrays(&path)?.contains(&"deep/er/x".to_owned()));
        let info = hdf5_info(&path, "deep/er/x")?;
        assert_eq!((info.shape, info.dtype.as_str(), info.chunks), (vec![5, 7], "f32", None));
        assert_eq!(info.attributes["units"], "K");
        assert_eq!(info.attributes["levels"], serde_json::json!([1, 2, 3]));
        let error = Array::<f64>::open_hdf5(&path, "text", "auto").unwrap_err().to_string();
        assert!(error.contains("string"), "{error}");
        let error = Array::<f64>::open_hdf5(&path, "nothing", "auto").unwrap_err().to_string();
        assert!(error.contains("has no array `nothing`; it has `big`, `deep/er/x`"), "{error}");

        let (path, other) = (data(&format!("chunked_{lib}.h5")), data(&format!("chunked2_{lib}.h5")));
        for chunks in [2, 3, 7] {
            check::<f64>(Array::open_hdf5(&path, "plain", chunks));
            check::<f64>(Array::open_hdf5(&path, "deflate", "auto"));
            check::<f32>(Array::open_hdf5(&path, "shuffle", chunks));
            check::<i32>(Array::open_hdf5(&path, "all", chunks));
            check::<i32>(Array::open_hdf5(&path, "single", chunks));
            check::<i64>(Array::open_hdf5(&other, "lzf", chunks));
            check::<i32>(Array::open_hdf5(&other, "growing", chunks));
            check::<i32>(Array::open_hdf5(&other, "fletcher", chunks));
            if lib == "earliest" {
                check::<i32>(Array::open_hdf5(&other, "growing2", chunks));
            }
        }
        let holes = Array::<f32>::open_hdf5(&other, "holes", "auto")?.compute()?;
        assert_eq!(holes.slice(s![..3, ..4]), values::<f32>().slice(s![..3, ..4]));
        assert!(holes.slice(s![3.., ..]).iter().all(|x| *x == -5.0));
        assert_eq!(Array::<f32>::open_hdf5(&path, "never", "auto")?.sum().item()?, 35.0 * 1.5);
    }
    check::<f64>(Array::open_hdf5(data("compact.h5"), "x", 2));
    Ok(())
}

#[test]
fn netcdf_is_read_as_what_it_means() -> Tested {
    let path = data("weather.nc");
    assert_eq!(hdf5_attributes(&path)?["title"], "weather");
    let t = Array::<f64>::open_netcdf(&path, "t", "auto")?;
    let want = values::<i16>();
    let read = t.compute()?;
    for ((at, read), day) in read.indexed_iter().zip((0..3).flat_map(|day| [day; 35])) {
        let packed = want[[at[1], at[2]]] + day;
        match (at[0], at[1], at[2]) {
            (1, 2, 3) => assert!(read.is_nan()),
            _ => assert_eq!(*read, f64::from(packed) * 0.01 + 273.15),
        }
    }
    let single = Array::<f32>::open_netcdf(&path, "t", "auto")?.slice(s![2, 1.., ..;2]).compute()?;
    assert_eq!(single, read.slice(s![2, 1.., ..;2]).mapv(|x| x as f32).into_dyn());
    let info = hdf5_info(&path, "t")?;
    assert_eq!(info.dimension_names, ["time", "lat", "lon"].map(|name| Some(name.to_owned())));
    assert_eq!((info.chunks, info.dtype.as_str()), (Some(vec![1, 5, 7]), "i16"));
    assert_eq!(hdf5_info(&path, "lat")?.dimension_names, [Some("lat".to_owned())]);
    let units = netcdf_time_units(&path, "time")?;
    assert_eq!(units.date(1.5).to_string(), "1850-01-03 00:00:00");
    let seconds = Array::<i64>::open_netcdf_time(&path, "time", "auto")?.compute()?;
    let dates: Vec<String> = seconds.iter().map(|at| units.calendar().date(*at).to_string()).collect();
    assert_eq!(dates, ["1850-01-01 12:00:00", "1850-01-03 00:00:00", "1850-02-01 12:00:00"]);
    let days = Array::<i64>::open_netcdf_time(&path, "days", "auto")?.compute()?;
    let calendar = netcdf_time_units(&path, "days")?.calendar();
    assert_eq!(calendar.date(days[[1]]).to_string(), "2000-03-01 00:00:00");
    let error = Array::<i64>::open_netcdf_time(&path, "lat", "auto").unwrap_err().to_string();
    assert!(error.contains("is not a time"), "{error}");
    check::<f64>(Array::open_netcdf(data("xarray.nc"), "v", "auto"));
    assert_eq!(hdf5_info(data("xarray.nc"), "v")?.dimension_names, ["y", "x"].map(|name| Some(name.to_owned())));
    Ok(())
}

#[test]
fn what_is_written_is_read_again() -> Tested {
    fn one<T: Formula + Cast<T>>() -> Tested {
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
    Array::<f64>::ones((), "auto").to_zarr(folder.path().join("one"), &ZarrOptions::new())?;
    assert_eq!(Array::<f64>::open_zarr(folder.path().join("one"))?.item()?, 1.0);
    Array::<f64>::ones((0, 2), "auto").to_zarr(folder.path().join("none"), &ZarrOptions::new())?;
    assert_eq!(Array::<f64>::open_zarr(folder.path().join("none"))?.compute()?.shape(), [0, 2]);
    Ok(())
}

#[test]
fn arrays_of_several_axes_are_cut_anyhow() -> Tested {
    let folder = tempfile::tempdir()?;
    let want = values_of::<f64>(&[4, 6, 5]);
    let x = Array::from_ndarray(want.clone(), (3, 2, 4));
    x.to_npy(folder.path().join("x.npy"))?;
    x.to_zarr(folder.path().join("x.zarr"), &ZarrOptions::new().chunks([2, 5, 3]))?;
    for x in [Array::<f64>::open_npy(folder.path().join("x.npy"), (2, 6, 2))?, Array::open_zarr(folder.path().join("x.zarr"))?] {
        for start in 0..3 {
            for step in [1, 2, 3, -1, -2] {
                for axis in 0..3 {
                    let mut info: Vec<taskloom::ndarray::SliceInfoElem> = vec![(..).into(); 3];
                    info[axis] = Slice::new(start, None, step).into();
                    let mut part = want.view();
                    part.slice_axis_inplace(taskloom::ndarray::Axis(axis), Slice::new(start, None, step));
                    assert_eq!(x.slice(info).compute()?, part);
                }
            }
        }
        let moved = x.transpose(&[2, 0, 1]);
        assert_eq!(moved.compute()?, want.view().permuted_axes(IxDyn(&[2, 0, 1])));
        assert_eq!(x.sum_axis(1).slice(s![1..3, 2]).compute()?, want.sum_axis(taskloom::ndarray::Axis(1)).slice(s![1..3, 2]).into_dyn());
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
    assert_eq!(Array::<f64>::open_zarr(&path)?.compute()?, want);
    let error = Array::<f64>::ones((3, 3), 3).to_zarr_region(&path, &[8, 0]).unwrap_err().to_string();
    assert!(error.contains("not inside"), "{error}");
    let error = Array::<f32>::ones((3, 3), 3).to_zarr_region(&path, &[0, 0]).unwrap_err().to_string();
    assert!(error.contains("f64, not f32"), "{error}");
    Ok(())
}

/// An array whose last block fails.
fn failing() -> Array<f64> {
    Array::<f64>::from_blocks((4, 4), (2, 2), |start, shape| {
        assert!(start != [2, 2], "no such block");
        ArrayD::zeros(IxDyn(shape))
    })
}

#[test]
fn an_interrupted_store_never_reads_as_complete_and_runs_again() -> Tested {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("x.npy");
    assert!(failing().to_npy(&path).is_err());
    assert_eq!(std::fs::read_dir(folder.path())?.count(), 0);

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
fn only_what_is_seen_is_read() -> Tested {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("x.zarr");
    Array::from_ndarray(values::<f64>(), (3, 4)).to_zarr(&path, &ZarrOptions::new())?;
    std::fs::write(path.join("c/1/1"), b"rubbish")?;
    let x = Array::<f64>::open_zarr(&path)?;
    assert_eq!(x.slice(s![..3, ..]).compute()?, values::<f64>().slice(s![..3, ..]).into_dyn());
    assert_eq!((&x + 1.0).slice(s![.., ..4]).sum().item()?, values::<f64>().slice(s![.., ..4]).sum() + 20.0);
    let error = x.sum().item().unwrap_err().to_string();
    assert!(error.contains("c/1/1 is damaged: zstd cannot unpack it") && error.contains("block (0, 0)"), "{error}");
    Ok(())
}
