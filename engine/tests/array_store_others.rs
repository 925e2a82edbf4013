//! Files of ours, read by the libraries that everybody has.

mod store;

use num_complex::Complex;
use store::{Formula, Tested, values};
use taskloom::array::store::{Compression, Hdf5Options, Hdf5Writer, ZarrOptions};
use taskloom::prelude::*;

#[test]
#[ignore = "needs a Python with zarr, h5py, netCDF4 and xarray, named by TASKLOOM_STORE_PYTHON"]
fn numpy_zarr_h5py_and_netcdf4_read_what_is_written() -> Tested {
    let python = std::env::var("TASKLOOM_STORE_PYTHON")?;
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    fn one<T: Formula>(name: &str, path: &dyn Fn(&str) -> std::path::PathBuf) -> Tested {
        let x = Array::from_ndarray(values::<T>(), (3, 4));
        x.to_npy(path(&format!("{name}.npy")))?;
        x.to_raw(path(&format!("{name}.raw")))?;
        for version in [2, 3] {
            for (at, compression) in
                [Compression::None, Compression::Zstd(3), Compression::Gzip(3), Compression::Blosc(3)]
                    .into_iter()
                    .enumerate()
            {
                let options = ZarrOptions::new().version(version).compression(compression).attribute("units", "K");
                x.to_zarr(path(&format!("{name}-{version}-{at}.zarr")), &options)?;
            }
        }
        for (at, options) in [
            Hdf5Options::new(),
            Hdf5Options::new().chunks([3, 4]),
            Hdf5Options::new().chunks([2, 3]).deflate(4),
            Hdf5Options::new().deflate(4).shuffle(true),
        ]
        .into_iter()
        .enumerate()
        {
            let options = options.attribute("units", "K").attribute("levels", vec![1, 2, 3]);
            x.to_hdf5(path(&format!("{name}-{at}.h5")), "group/x", &options)?;
        }
        Ok(())
    }
    one::<bool>("bool", &path)?;
    one::<i8>("int8", &path)?;
    one::<i16>("int16", &path)?;
    one::<i32>("int32", &path)?;
    one::<i64>("int64", &path)?;
    one::<u8>("uint8", &path)?;
    one::<u16>("uint16", &path)?;
    one::<u32>("uint32", &path)?;
    one::<u64>("uint64", &path)?;
    one::<f32>("float32", &path)?;
    one::<f64>("float64", &path)?;
    one::<Complex<f32>>("complex64", &path)?;
    one::<Complex<f64>>("complex128", &path)?;
    let x = Array::from_ndarray(values::<f64>(), (3, 4));
    x.to_zarr_array(path("group.zarr"), "a", &ZarrOptions::new())?;
    Array::from_ndarray(values::<i32>(), (3, 4)).to_zarr_array(path("group.zarr"), "deep/b", &ZarrOptions::new())?;
    for version in [2, 3] {
        let options = ZarrOptions::new().version(version).dimension_names(["y", "x"]).fill_value(f64::NAN);
        x.to_zarr_array(path(&format!("named{version}.zarr")), "v", &options)?;
    }
    let many = Array::<i64>::arange(9000, 500).reshape((90, 100));
    many.to_hdf5(path("many.h5"), "x", &Hdf5Options::new().chunks([1, 2]).deflate(1))?;
    let lat = Array::from_vec(vec![-10.0, 0.0, 10.0, 20.0, 30.0], 5);
    let x = Array::from_ndarray(values::<f32>(), 2);
    Hdf5Writer::create(path("x.nc"))
        .attribute("title", "both")
        .add("lat", &lat, &Hdf5Options::new().dimension_names(["lat"]).attribute("units", "degrees_north"))
        .add("x", &x, &Hdf5Options::new().deflate(2).fill_value(-25.0f32).dimension_names(["lat", "lon"]))
        .write()?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle/check_store.py");
    let done = std::process::Command::new(python).arg(script).arg(folder.path()).output()?;
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && said.contains("all as written"), "{said}");
    Ok(())
}
