//! HDF5 and NetCDF: files that h5py, netCDF4-python and xarray wrote, and ours, read back.
//!
//! `data/store` is written by `oracle/make_store.py`, whose formula for the elements is `values` here.

#[path = "common/everywhere.rs"]
mod everywhere;
mod store;

use everywhere::Everywhere;
use num_complex::Complex;
use store::{Tested, check, data, values};
use taskloom::array::store::{Hdf5Options, Hdf5Writer, hdf5_arrays, hdf5_attributes, hdf5_info, netcdf_time_units};
use taskloom::prelude::*;

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
        let holes = Array::<f32>::open_hdf5(&other, "holes", "auto")?.everywhere()?;
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
    let read = t.everywhere()?;
    for ((at, read), day) in read.indexed_iter().zip((0..3).flat_map(|day| [day; 35])) {
        let packed = want[[at[1], at[2]]] + day;
        match (at[0], at[1], at[2]) {
            (1, 2, 3) => assert!(read.is_nan()),
            _ => assert_eq!(*read, f64::from(packed) * 0.01 + 273.15),
        }
    }
    let single = Array::<f32>::open_netcdf(&path, "t", "auto")?.slice(s![2, 1.., ..;2]).everywhere()?;
    assert_eq!(single, read.slice(s![2, 1.., ..;2]).mapv(|x| x as f32).into_dyn());
    let info = hdf5_info(&path, "t")?;
    assert_eq!(info.dimension_names, ["time", "lat", "lon"].map(|name| Some(name.to_owned())));
    assert_eq!((info.chunks, info.dtype.as_str()), (Some(vec![1, 5, 7]), "i16"));
    assert_eq!(hdf5_info(&path, "lat")?.dimension_names, [Some("lat".to_owned())]);
    let units = netcdf_time_units(&path, "time")?;
    assert_eq!(units.date(1.5).to_string(), "1850-01-03 00:00:00");
    let seconds = Array::<i64>::open_netcdf_time(&path, "time", "auto")?.everywhere()?;
    let dates: Vec<String> = seconds.iter().map(|at| units.calendar().date(*at).to_string()).collect();
    assert_eq!(dates, ["1850-01-01 12:00:00", "1850-01-03 00:00:00", "1850-02-01 12:00:00"]);
    let days = Array::<i64>::open_netcdf_time(&path, "days", "auto")?.everywhere()?;
    let calendar = netcdf_time_units(&path, "days")?.calendar();
    assert_eq!(calendar.date(days[[1]]).to_string(), "2000-03-01 00:00:00");
    let error = Array::<i64>::open_netcdf_time(&path, "lat", "auto").unwrap_err().to_string();
    assert!(error.contains("is not a time"), "{error}");
    check::<f64>(Array::open_netcdf(data("xarray.nc"), "v", "auto"));
    assert_eq!(hdf5_info(data("xarray.nc"), "v")?.dimension_names, ["y", "x"].map(|name| Some(name.to_owned())));
    Ok(())
}

#[test]
fn netcdf_is_written_with_its_names() -> Tested {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("x.nc");
    let lat = Array::from_vec(vec![-10.0, 0.0, 10.0, 20.0, 30.0], 5);
    let x = Array::from_ndarray(values::<f32>(), 2);
    let writer = || {
        Hdf5Writer::create(&path)
            .attribute("title", "both")
            .add("lat", &lat, &Hdf5Options::new().dimension_names(["lat"]).attribute("units", "degrees_north"))
            .add("x", &x, &Hdf5Options::new().deflate(2).fill_value(-25.0f32).dimension_names(["lat", "lon"]))
            .add("deep/x", &x.t(), &Hdf5Options::new().attribute("list", vec![1.5, 2.0]))
    };
    writer().write()?;
    assert_eq!(hdf5_arrays(&path)?, ["deep/x", "lat", "lon", "x"]);
    assert_eq!(hdf5_info(&path, "x")?.dimension_names, ["lat", "lon"].map(|name| Some(name.to_owned())));
    assert_eq!(hdf5_info(&path, "deep/x")?.attributes["list"], serde_json::json!([1.5, 2.0]));
    let square = folder.path().join("square.nc");
    let y = Array::<f32>::ones((5, 5), 5);
    y.to_hdf5(&square, "y", &Hdf5Options::new().dimension_names(["from", "to"]))?;
    assert_eq!(hdf5_info(&square, "y")?.dimension_names, ["from", "to"].map(|name| Some(name.to_owned())));
    let back = Array::<f64>::open_netcdf(&path, "x", "auto")?.everywhere()?;
    assert_eq!(back.iter().filter(|x| x.is_nan()).count(), values::<f32>().iter().filter(|x| **x == -25.0).count());
    let error = writer().write().unwrap_err().to_string();
    assert!(error.contains("is there already"), "{error}");
    writer().overwrite(true).write()?;
    let error = Hdf5Writer::create(folder.path().join("y.nc"))
        .add("a", &x, &Hdf5Options::new().dimension_names(["n", "m"]))
        .add("b", &x.t(), &Hdf5Options::new().dimension_names(["n", "m"]))
        .write();
    let error = error.unwrap_err().to_string();
    assert!(error.contains("the dimension `n` has length 7 in `b`, and another elsewhere"), "{error}");
    Ok(())
}

#[test]
fn many_chunks_have_an_index_of_several_levels() -> Tested {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("x.h5");
    let x = Array::<i64>::arange(9000, 500).reshape((90, 100));
    x.to_hdf5(&path, "x", &Hdf5Options::new().chunks([1, 2]).deflate(1))?;
    assert_eq!(Array::<i64>::open_hdf5(&path, "x", (13, 17))?.everywhere()?, x.everywhere()?);
    Ok(())
}
