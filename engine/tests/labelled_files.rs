//! Labelled arrays in files of xarray's, and files of ours that xarray reads: `oracle/make_labelled.py` has made the first.

use std::path::{Path, PathBuf};

use taskloom::array::store::{Calendar, Hdf5Options, ZarrOptions};
use taskloom::labelled::{Labels, Times};
use taskloom::prelude::*;

type Tested = Result<(), Box<dyn std::error::Error>>;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/labelled").join(name)
}

fn texts(labels: &Labels) -> Vec<String> {
    (0..labels.len()).map(|place| labels.text(place)).collect()
}

/// What all files hold; only some have texts, and one its own calendar.
#[track_caller]
fn check(path: &Path, has_texts: bool, calendar: Calendar) -> Tested {
    let ds = Dataset::open(path)?;
    assert!(ds.unread().is_empty(), "{:?}", ds.unread());
    let mut names = ds.data_vars();
    names.sort_unstable();
    assert_eq!(names, ["area", "count", "tos"]);
    assert_eq!((&ds.attrs()["title"], &ds.attrs()["levels"]), (&"a small ocean".into(), &3.into()));
    let tos = ds.array::<f32>("tos");
    assert_eq!((tos.dims(), tos.shape()), (vec!["time", "lat", "lon"], vec![5, 3, 4]));
    assert_eq!(tos.attrs().get("units"), Some(&"degC".into()));
    assert_eq!(tos.attrs().len(), 2, "{:?}", tos.attrs());
    let values = tos.compute()?;
    for (at, &value) in values.iter().enumerate() {
        let is_missing = at == 12 + 2 * 4 + 3;
        assert!(if is_missing { value.is_nan() } else { value == at as f32 / 2.0 }, "{value} at {at}");
    }
    let times = tos.coord("time").labels();
    let wanted: Vec<String> = (1..=5).map(|month| format!("2000-{month:02}-01 12:00:00")).collect();
    assert_eq!(texts(times), wanted);
    assert!(matches!(times, Labels::Times(times) if times.calendar() == calendar), "{times:?}");
    assert_eq!(tos.coord("lat").labels(), &Labels::from([-60.0f32, 0.5, 60.0]));
    assert_eq!(tos.coord("lat").attrs().get("units"), Some(&"degrees_north".into()));
    assert_eq!(tos.coord("lon").labels(), &Labels::from([0i64, 90, 180, 270]));
    assert_eq!((tos.coord("height").dim(), tos.coord("height").labels()), (None, &Labels::from([2.0])));
    if has_texts {
        assert_eq!(texts(tos.coord("basin").labels()), ["south", "mid", "north"]);
        assert_eq!(tos.groupby("basin").count().sel("basin", "mid").sum(..).item()?, 20);
    }
    assert_eq!(ds.array::<i32>("count").compute()?.as_slice(), Some(&[0, 1, 2, 3, 4][..]));
    assert_eq!(ds.array::<f64>("count").sel("time", "2000-03").compute()?.sum(), 2.0);
    assert_eq!(ds.array::<f64>("area").sel("lon", 90).sel("lat", 0.5).item()?, 5.0);
    assert_eq!(tos.sel("time", "2000-02"..="2000-03").sel("lat", -60.0).mean(..).item()?, (6.75 + 12.75) / 2.0);
    Ok(())
}

#[test]
fn what_xarray_wrote_is_read() -> Tested {
    check(&data("ocean.nc"), true, Calendar::ProlepticGregorian)?;
    check(&data("noleap.nc"), false, Calendar::NoLeap)?;
    check(&data("ocean2.zarr"), false, Calendar::ProlepticGregorian)?;
    check(&data("ocean3.zarr"), false, Calendar::ProlepticGregorian)
}

/// Stores what was read in all ways.
fn written(folder: &Path) -> Tested {
    let options = Hdf5Options::new().deflate(3).shuffle(true);
    Dataset::open(data("ocean.nc"))?.to_netcdf(folder.join("ocean.nc"), &options)?;
    Dataset::open(data("noleap.nc"))?.to_netcdf(folder.join("noleap.nc"), &Hdf5Options::new())?;
    for version in [2, 3] {
        let name = format!("ocean{version}.zarr");
        Dataset::open(data(&name))?.to_zarr(folder.join(name), &ZarrOptions::new().version(version))?;
    }
    Ok(())
}

#[test]
fn what_is_written_is_read_again() -> Tested {
    let folder = tempfile::tempdir()?;
    written(folder.path())?;
    let path = |name: &str| folder.path().join(name);
    check(&path("ocean.nc"), true, Calendar::ProlepticGregorian)?;
    check(&path("noleap.nc"), false, Calendar::NoLeap)?;
    check(&path("ocean2.zarr"), false, Calendar::ProlepticGregorian)?;
    check(&path("ocean3.zarr"), false, Calendar::ProlepticGregorian)
}

#[test]
#[ignore = "needs a Python with zarr, netCDF4 and xarray, named by TASKLOOM_STORE_PYTHON"]
fn xarray_reads_what_is_written() -> Tested {
    let python = std::env::var("TASKLOOM_STORE_PYTHON")?;
    let folder = tempfile::tempdir()?;
    written(folder.path())?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle/make_labelled.py");
    let done = std::process::Command::new(python).args([script, "check"]).arg(folder.path()).output()?;
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && said.contains("all as written"), "{said}");
    Ok(())
}

#[test]
fn what_is_not_there_is_said_with_what_is() -> Tested {
    let error = Dataset::open(data("no.nc")).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("no.nc"), "{error}");
    let error = DataArray::<f32>::open(data("ocean.nc")).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("`area`") && error.contains("Dataset::open"), "{error}");
    let folder = tempfile::tempdir()?;
    let texts = DataArray::new(Array::<f64>::ones((2,), 2), ["x"]).assign_coords("x", ["a", "b"]);
    let error = texts.to_zarr(folder.path().join("x.zarr"), &ZarrOptions::new()).unwrap_err().to_string();
    assert!(error.contains("`x` are texts"), "{error}");
    assert!(!folder.path().join("x.zarr").exists());
    Ok(())
}

#[test]
fn times_of_all_calendars_come_back() -> Tested {
    let folder = tempfile::tempdir()?;
    for (at, calendar) in [
        Calendar::Standard,
        Calendar::ProlepticGregorian,
        Calendar::Julian,
        Calendar::NoLeap,
        Calendar::AllLeap,
        Calendar::Day360,
    ]
    .into_iter()
    .enumerate()
    {
        for seconds in [vec![-86_400, 0, 951_782_400], vec![-1, 5, 100_000]] {
            let times = Times::new(seconds.clone(), calendar);
            let array = DataArray::new(Array::<f64>::ones((3,), 2), ["time"]).assign_coords("time", times);
            let path = folder.path().join(format!("{at}{}.nc", seconds[0]));
            array.to_netcdf(&path, &Hdf5Options::new())?;
            assert_eq!(DataArray::<f64>::open(&path)?.coords(), array.coords());
        }
    }
    Ok(())
}
