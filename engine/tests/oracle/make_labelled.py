"""Writes with xarray what `labelled_files.rs` reads, and reads what it wrote.

    python engine/tests/oracle/make_labelled.py                 makes engine/tests/data/labelled
    python engine/tests/oracle/make_labelled.py check FOLDER    reads what the test wrote into a folder
"""

import pathlib
import shutil
import sys
import warnings

import numpy as np
import xarray as xr

OUT = pathlib.Path(__file__).parent.parent / "data" / "labelled"


def ocean(calendar="standard"):
    """A small ocean: packed numbers, times in the middle of months, levels that are called, a single height."""
    times = xr.date_range("1999-12-16 12:00", periods=5, freq="MS", calendar=calendar, use_cftime=calendar != "standard")
    values = np.arange(5 * 3 * 4, dtype="f4").reshape(5, 3, 4) / 2
    values[1, 2, 3] = np.nan
    return xr.Dataset(
        {
            "tos": (("time", "lat", "lon"), values, {"units": "degC", "long_name": "Sea Surface Temperature"}),
            "area": (("lat", "lon"), np.arange(12, dtype="f8").reshape(3, 4), {"units": "m2"}),
            "count": (("time",), np.arange(5, dtype="i4")),
        },
        coords={
            "time": times,
            "lat": ("lat", np.array([-60, 0.5, 60], "f4"), {"units": "degrees_north"}),
            "lon": ("lon", np.array([0, 90, 180, 270], "i4"), {"units": "degrees_east"}),
            "basin": ("lat", ["south", "mid", "north"]),
            "height": 2.0,
        },
        attrs={"title": "a small ocean", "levels": 3},
    )


def make():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    packed = {"tos": {"dtype": "i2", "scale_factor": 0.5, "add_offset": 1.0, "_FillValue": -999, "zlib": True}}
    ocean().to_netcdf(OUT / "ocean.nc", engine="netcdf4", encoding=packed)
    ocean("noleap").drop_vars("basin").to_netcdf(OUT / "noleap.nc", engine="netcdf4")
    plain = ocean().drop_vars("basin").chunk({"time": 2})
    for version in (2, 3):
        plain.to_zarr(OUT / f"ocean{version}.zarr", zarr_format=version, consolidated=False, encoding={"tos": {"_FillValue": -999.0}})


def check(where):
    for name in ["ocean.nc", "ocean2.zarr", "ocean3.zarr", "noleap.nc"]:
        want = ocean("noleap" if name == "noleap.nc" else "standard")
        if name != "ocean.nc":
            want = want.drop_vars("basin")
        path = where / name
        found = xr.open_dataset(path) if name.endswith("nc") else xr.open_zarr(path, consolidated=False)
        found = found.load()
        # Not how numbers are stored, but all that they say: names, dimensions, labels, values and attributes.
        xr.testing.assert_identical(found.drop_attrs(deep=False), want.drop_attrs(deep=False))
        assert found.attrs == want.attrs, (found.attrs, want.attrs)
        assert found["lat"].dtype == "float32" and found["tos"].dtype == "float32", name
    print("all as written")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if sys.argv[1:2] == ["check"]:
        check(pathlib.Path(sys.argv[2]))
    else:
        make()
