"""Reads with NumPy, zarr-python, h5py, netCDF4-python and xarray what `array_store_others.rs` wrote into a folder."""

import pathlib
import sys

import h5py
import netCDF4
import numpy as np
import xarray as xr
import zarr

from make_store import TYPES, values

where = pathlib.Path(sys.argv[1])


def same(found, want, what):
    found = np.asarray(found)
    assert found.dtype == want.dtype and found.shape == want.shape, f"{what}: {found.dtype} {found.shape}"
    np.testing.assert_array_equal(found, want, err_msg=what)


for t in TYPES:
    name, want = np.dtype(t).name, values(t)
    same(np.load(where / f"{name}.npy"), want, f"{name}.npy")
    same(np.fromfile(where / f"{name}.raw", dtype=t).reshape(want.shape), want, f"{name}.raw")
    for file in sorted(where.glob(f"{name}-*.zarr")):
        z = zarr.open_array(file, mode="r")
        same(z[...], want, file.name)
        assert z.attrs["units"] == "K"
    for file in sorted(where.glob(f"{name}-*.h5")):
        with h5py.File(file) as f:
            same(f["group/x"][...], want, file.name)
            assert f["group/x"].attrs["units"] in ("K", b"K")
            assert list(f["group/x"].attrs["levels"]) == [1, 2, 3]

group = zarr.open_group(where / "group.zarr", mode="r")
same(group["a"][...], values("f8"), "group a")
same(group["deep/b"][...], values("i4"), "group b")
for name in ["named2.zarr", "named3.zarr"]:
    x = xr.open_zarr(where / name, consolidated=False)["v"]
    assert x.dims == ("y", "x"), x.dims
    same(x.values, values("f8"), name)

many = h5py.File(where / "many.h5")["x"]
same(many[...], np.arange(9000).reshape(90, 100), "many")

with netCDF4.Dataset(where / "x.nc") as f:
    assert f.title == "both"
    assert f["x"].dimensions == ("lat", "lon"), f["x"].dimensions
    assert f.dimensions["lon"].size == 7
    found = f["x"][:]
    assert found.mask.sum() == (values("f4") == -25).sum()
    same(found.data[~found.mask], values("f4")[values("f4") != -25], "netcdf")
x = xr.open_dataset(where / "x.nc")
assert x["x"].dims == ("lat", "lon") and list(x["lat"].values) == [-10, 0, 10, 20, 30]
print("all as written")
