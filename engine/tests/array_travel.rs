//! Tasks of arrays in another process: they give there what they give here, to the last bit.

#[path = "common/elsewhere.rs"]
mod elsewhere;
#[path = "store/server.rs"]
#[allow(dead_code)] // not all of it is needed here
mod server;
mod store;

use taskloom::array::store::{Hdf5Options, Layout, ZarrOptions};
use taskloom::array::{Boundary, Element, PadMode};
use taskloom::ndarray::{Array2, ArrayD};
use taskloom::prelude::*;
use taskloom::travel::Parcel;

#[test]
fn receiver() {
    elsewhere::receive();
}

/// Numbers that sums round.
fn numbers() -> Array<f64> {
    Array::<f64>::random((40, 30), (12, 7)).seed(5).normal(3.0, 100.0)
}

fn in_memory() -> Array<f64> {
    Array::from_ndarray(
        Array2::from_shape_fn((30, 40), |(row, column)| (row as f64 * 1.7 - column as f64).sin()),
        (7, 12),
    )
}

/// Packs an array, computes it in another process, and compares.
#[track_caller]
fn goes<T: Element>(array: &Array<T>) -> ArrayD<T> {
    let parcel = Parcel::pack(&(array,)).unwrap_or_else(|error| panic!("{array:?}: {error}"));
    let blocks = elsewhere::elsewhere(&parcel, "receiver").unwrap_or_else(|error| panic!("{array:?}: {error}"));
    let (there, here) = (array.decode(&blocks).unwrap(), array.compute().unwrap());
    assert_eq!(there, here, "{array:?}");
    here
}

#[test]
fn elementwise_expressions_and_reductions() {
    let (x, y) = (numbers(), in_memory());
    goes(&((&x - x.mean_axis(0)) / x.std_axis(0)));
    goes(&(&x + y.t()).sum_axis(1));
    goes(&y.slice(s![..;-3, 5..;2]).exp().powi(3).var_axis(0));
    goes(&x.gt(0.0).where_(&x, 0.0).cumsum(1).argmax_axis(0));
    goes(&Array::<i32>::arange(1000, 7).astype::<u8>().prod());
    goes(&Array::<f32>::linspace(0.0, 1.0, 999, 100).digitize([0.2, 0.5], false).count());
    goes(&Array::<i64>::random((50, 50), 20).seed(2).poisson(20.0).max_axis(1));
    goes(&Array::<f64>::eye(20, 1, 6).tril(0));
}

#[test]
fn views_and_blocks_that_are_put_together() {
    let x = numbers();
    goes(&x.rechunk((5, 30)).reshape((1200,)).flip(0));
    goes(&x.take([3, -1, 0, 0, 17], 1).roll(2, 0));
    goes(&x.pad(2, PadMode::Constant(1.5)).repeat(2, 1));
    goes(&x.compress(&x.sum_axis(1).gt(90.0), 0));
}

#[test]
fn functions_of_the_users() {
    let x = numbers();
    goes(&x.map_elements(|x| x * x + 1.0).sum());
    goes(&x.map_blocks(|block| &block * 2.0));
    goes(&x.map_blocks_with(|block, info| block.mapv(|x| x + info.start[0] as f64)));
    goes(&x.zip_with(&x, f64::hypot));
    goes(&x.map_overlap(1, Boundary::Reflect, |block| block.mapv(f64::floor)));
    goes(&x.apply_along_axis(0, 2, |lane| taskloom::ndarray::array![lane[0], lane.sum()]));
    goes(&Array::from_fn((9, 9), 4, |at| at[0] as i64 * 10 + at[1] as i64));
    goes(&Array::from_blocks((9,), 4, |start, shape| ArrayD::from_elem(shape, start[0] as u16)));
}

#[test]
fn statistics() {
    let x = numbers();
    goes(&x.sort(0));
    goes(&x.cov());
    goes(&x.argtopk(-3, 1));
    goes(&x.quantile_axis([0.1, 0.5], 0));
    goes(&x.quantile_approx(0.3));
    let (counts, _) = x.histogram2d(&x.square(), (5, (-100.0, 100.0)), vec![0.0, 10.0, 1000.0]);
    goes(&counts);
    let whole = x.astype::<i16>();
    goes(&whole.unique());
    goes(&whole.isin(&whole.slice(s![..3, 4])));
    goes(&whole.astype::<u8>().flatten().bincount(0));
    goes(&whole.slice(s![.., 0]).sort(0).searchsorted(&whole, true));
    goes(&x.gt(50.0).argwhere());
}

#[test]
fn products_factors_and_transforms() {
    let (x, y) = (numbers(), in_memory());
    goes(&x.matmul(&y));
    goes(&Array::einsum("ij,ji->j", &[&y, &x]));
    let (q, r) = x.qr();
    goes(&q);
    goes(&r);
    goes(&x.svd().1);
    let square = x.t().matmul(&x);
    goes(&square.cholesky());
    goes(&square.solve(&y));
    goes(&square.lu().1);
    goes(&square.diagonal(1));
    let spectrum = x.rechunk((usize::MAX, 7)).rfft(0);
    goes(&spectrum);
    goes(&spectrum.irfft(0));
    goes(&spectrum.fft(0));
}

#[test]
fn what_is_read_from_files_is_read_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let x = numbers();
    x.to_npy(path("x.npy")).unwrap();
    goes(&(Array::<f64>::open_npy(path("x.npy"), (7, 9)).unwrap().slice(s![..;2, ..]) * 2.0).sum_axis(0));
    x.to_raw(path("x.bin")).unwrap();
    goes(&Array::<f64>::open_raw(path("x.bin"), (30, 40), 0, Layout::ColumnMajor, 8).unwrap());
    x.to_zarr(path("x.zarr"), &ZarrOptions::new()).unwrap();
    goes(&Array::<f64>::open_zarr(path("x.zarr")).unwrap().t().mean_axis(0));
    x.to_hdf5(path("x.nc"), "deep/x", &Hdf5Options::new()).unwrap();
    goes(&Array::<f64>::open_hdf5(path("x.nc"), "deep/x", 11).unwrap());
    goes(&Array::<f64>::open_netcdf(path("x.nc"), "deep/x", 11).unwrap());
    goes(&Array::<f64>::open_npz(store::data("packed.npz"), "a", (2, 3)).unwrap());

    let gone = Array::<f64>::open_npy(path("x.npy"), (7, 9)).unwrap();
    let parcel = Parcel::pack(&(&gone,)).unwrap();
    std::fs::remove_file(path("x.npy")).unwrap();
    let there = elsewhere::elsewhere(&parcel, "receiver").unwrap_err();
    assert!(there.contains("x.npy") && there.contains("cannot open"), "{there}");
}

#[test]
fn a_function_that_captures_stays_and_the_error_says_which() {
    let step = std::hint::black_box(3.0_f64);
    let x = numbers().map_elements(move |x| x + step);
    let message = Parcel::pack(&(&x.sum(),)).unwrap_err().to_string();
    assert!(message.contains("`map_elements` captures 8 bytes of its surroundings"), "{message}");
    let x = numbers().map_blocks(move |block| &block + step);
    let message = Parcel::pack(&(&x,)).unwrap_err().to_string();
    assert!(message.contains("`map_blocks` captures 8 bytes of its surroundings"), "{message}");
    assert!(x.compute().is_ok());
}

#[test]
fn a_failure_there_is_told_here() {
    let x = numbers().map_blocks(|_| ArrayD::from_elem(vec![2], 0.0));
    let parcel = Parcel::pack(&(&x,)).unwrap();
    let there = elsewhere::elsewhere(&parcel, "receiver").unwrap_err();
    assert!(there.contains("map_blocks") && there.contains("the block has shape (2,)"), "{there}");
}

/// The other process connects with the same options.
#[test]
fn arrays_in_object_stores() {
    use taskloom::array::store::Location;
    let server = server::Server::start();
    let options =
        [("endpoint", format!("http://{}", server.address)), ("key", "user".into()), ("secret", "pass".into())];
    let at = || Location::new("s3://bucket/with space/50%.zarr").options(options.clone());
    in_memory().to_zarr(at(), &ZarrOptions::new()).unwrap();
    goes(&(Array::<f64>::open_zarr(at()).unwrap().slice(s![2.., ..;3]) * 2.0).sum_axis(1));
    let web = server.web("bucket/with%20space/50%25.zarr?token=1");
    goes(&Array::<f64>::open_zarr_array(web, "", 11).unwrap());
    assert!(server.asked().iter().any(|asked| asked.query == "token=1"));
    numbers().to_zarr("memory://x.zarr", &ZarrOptions::new()).unwrap();
    let array = Array::<f64>::open_zarr("memory://x.zarr").unwrap();
    let parcel = Parcel::pack(&(&array,)).unwrap();
    let message = elsewhere::elsewhere(&parcel, "receiver").unwrap_err().to_string();
    assert!(message.contains("in the memory of one process"), "{message}");
}
