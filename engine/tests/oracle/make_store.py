"""Writes engine/tests/data/store: small files by NumPy, zarr-python, h5py, netCDF4-python and xarray.

The elements are a formula of their places, which tests/array_store.rs has too.
Run: python make_store.py (numpy, zarr 3, numcodecs, h5py, netCDF4, xarray)
"""

import pathlib
import shutil

import h5py
import netCDF4
import numcodecs
import numpy as np
import xarray as xr
import zarr

OUT = pathlib.Path(__file__).parent.parent / "data" / "store"
SHAPE, CHUNKS = (5, 7), (3, 4)
# What HDF5 2.0 calls latest is not read by what is there.
VERSIONS = {"earliest": "earliest", "latest": ("v110", "v114")}
TYPES = ["bool", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8", "c8", "c16"]


def values(dtype, shape=SHAPE):
    dtype = np.dtype(dtype)
    v = (np.arange(int(np.prod(shape))) * 37 % 101).reshape(shape)
    if dtype.kind == "b":
        return v % 3 == 0
    if dtype.kind == "i":
        return (v - 50).astype(dtype)
    if dtype.kind == "u":
        return v.astype(dtype)
    if dtype.kind == "f":
        return (v * 0.5 - 25).astype(dtype)
    return ((v * 0.5 - 25) + 1j * v).astype(dtype)


def numpy_files():
    for t in TYPES:
        np.save(OUT / f"plain_{np.dtype(t).name}.npy", values(t))
    np.save(OUT / "fortran.npy", np.asfortranarray(values("f8")))
    np.save(OUT / "big.npy", values(">i4"))
    np.save(OUT / "scalar.npy", np.array(2.5))
    np.save(OUT / "empty.npy", np.zeros((0, 3)))
    np.save(OUT / "text.npy", np.array(["a", "bc"]))
    np.savez(OUT / "stored.npz", a=values("f8"), b=values("i2"))
    np.savez_compressed(OUT / "packed.npz", a=values("f8"), f=np.asfortranarray(values("c8")))


def zarr_second():
    def make(name, dtype="f8", **options):
        z = zarr.create_array(OUT / f"{name}.zarr2", shape=SHAPE, chunks=CHUNKS, dtype=dtype, zarr_format=2, **options)
        z[:] = values(dtype)
        return z

    for t in ["bool", "i2", "u4", "i8", "f4", "c16"]:
        make(f"type_{np.dtype(t).name}", t, compressors=None)
    make("default")
    make("zstd", compressors=numcodecs.Zstd(3))
    make("gzip", compressors=numcodecs.GZip(5))
    make("zlib", compressors=numcodecs.Zlib(5))
    for codec in ["blosclz", "lz4", "lz4hc", "zlib", "zstd"]:
        for mode in [0, 1, 2]:
            shape = (64, 40)
            z = zarr.create_array(OUT / f"blosc_{codec}_{mode}.zarr2", shape=shape, chunks=(64, 40), dtype="f4",
                                  zarr_format=2, compressors=numcodecs.Blosc(cname=codec, clevel=5, shuffle=mode))
            z[:] = values("f4", shape)
    make("fortran", order="F")
    make("big", ">i4")
    make("slash", chunk_key_encoding={"name": "v2", "separator": "/"})
    make("filter", "f8", filters=[numcodecs.Shuffle(8)], compressors=numcodecs.Zlib(5))
    z = zarr.create_array(OUT / "holes.zarr2", shape=SHAPE, chunks=CHUNKS, dtype="f4", zarr_format=2, fill_value=np.nan)
    z[:3, :4] = values("f4")[:3, :4]


def zarr_third():
    def make(name, dtype="f8", **options):
        options.setdefault("chunks", CHUNKS)
        z = zarr.create_array(OUT / f"{name}.zarr", shape=SHAPE, dtype=dtype, zarr_format=3, **options)
        z[:] = values(dtype)
        return z

    for t in TYPES:
        make(f"type_{np.dtype(t).name}", t, compressors=None)
    z = make("default", attributes={"units": "K", "n": 3}, dimension_names=["y", "x"])
    make("gzip", compressors=zarr.codecs.GzipCodec(level=5))
    make("blosc", compressors=zarr.codecs.BloscCodec(cname="lz4", shuffle="bitshuffle"))
    make("checksum", compressors=[zarr.codecs.ZstdCodec(level=3, checksum=True), zarr.codecs.Crc32cCodec()])
    make("big", serializer=zarr.codecs.BytesCodec(endian="big"))
    make("transposed", filters=[zarr.codecs.TransposeCodec(order=(1, 0))])
    make("dots", chunk_key_encoding={"name": "default", "separator": "."})
    make("sharded", chunks=(2, 2), shards=(4, 4))
    z = zarr.create_array(OUT / "holes.zarr", shape=SHAPE, chunks=(2, 2), shards=(4, 4), dtype="i4", fill_value=-7)
    z[:2, :2] = values("i4")[:2, :2]
    zarr.create_array(OUT / "scalar.zarr", shape=(), dtype="f8")[...] = 2.5
    group = zarr.create_group(OUT / "group.zarr", attributes={"title": "two"})
    for name in ["a", "deep/b"]:
        z = group.create_array(name, shape=SHAPE, chunks=CHUNKS, dtype="i4")
        z[:] = values("i4")


def hdf5_files():
    for lib in ["earliest", "latest"]:
        with h5py.File(OUT / f"{lib}.h5", "w", libver=VERSIONS[lib]) as f:
            for t in TYPES:
                f[f"type_{np.dtype(t).name}"] = values(t)
            f["big"] = values(">i4")
            f["scalar"] = 2.5
            f["text"] = "hello"
            g = f.create_group("deep/er")
            g["x"] = values("f4")
            g["x"].attrs["units"] = "K"
            g["x"].attrs["levels"] = np.array([1, 2, 3], "i4")
    with h5py.File(OUT / "compact.h5", "w") as f:
        space = h5py.h5s.create_simple(SHAPE)
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_layout(h5py.h5d.COMPACT)
        h5py.h5d.create(f.id, b"x", h5py.h5t.IEEE_F64LE, space, plist).write(
            h5py.h5s.ALL, h5py.h5s.ALL, values("f8"))
    for lib in ["earliest", "latest"]:
        with h5py.File(OUT / f"chunked_{lib}.h5", "w", libver=VERSIONS[lib]) as f:
            f.create_dataset("plain", data=values("f8"), chunks=CHUNKS)
            f.create_dataset("deflate", data=values("f8"), chunks=CHUNKS, compression="gzip")
            f.create_dataset("shuffle", data=values("f4"), chunks=CHUNKS, compression="gzip", shuffle=True)
            f.create_dataset("all", data=values("i4"), chunks=CHUNKS, compression=9, shuffle=True, fletcher32=True)
            f.create_dataset("single", data=values("i4"), chunks=SHAPE, compression="gzip")
            f.create_dataset("never", shape=SHAPE, dtype="f4", fillvalue=1.5)
        with h5py.File(OUT / f"chunked2_{lib}.h5", "w", libver=VERSIONS[lib]) as f:
            f.create_dataset("lzf", data=values("i8"), chunks=CHUNKS, compression="lzf")
            f.create_dataset("growing", data=values("i4"), chunks=CHUNKS, maxshape=(None, 7))
            f.create_dataset("fletcher", data=values("i4"), chunks=CHUNKS, fletcher32=True)
            holes = f.create_dataset("holes", shape=SHAPE, dtype="f4", chunks=CHUNKS, fillvalue=-5)
            holes[:3, :4] = values("f4")[:3, :4]
            if lib == "earliest":
                f.create_dataset("growing2", data=values("i4"), chunks=CHUNKS, maxshape=(None, None))


def netcdf_files():
    with netCDF4.Dataset(OUT / "weather.nc", "w") as f:
        f.title = "weather"
        f.createDimension("time", None)
        f.createDimension("lat", 5)
        f.createDimension("lon", 7)
        time = f.createVariable("time", "f8", ("time",))
        time.units = "days since 1850-01-01 12:00:00"
        time.calendar = "standard"
        time[:] = [0, 1.5, 31]
        lat = f.createVariable("lat", "f4", ("lat",))
        lat[:] = np.linspace(-60, 60, 5)
        t = f.createVariable("t", "i2", ("time", "lat", "lon"), zlib=True, fill_value=-32767, chunksizes=(1, 5, 7))
        t.units = "K"
        t.scale_factor = 0.01
        t.add_offset = 273.15
        t.set_auto_maskandscale(False)
        t[:] = np.stack([values("i2"), values("i2") + 1, values("i2") + 2])
        t[1, 2, 3] = -32767
        days = f.createVariable("days", "i4", ("time",))
        days.units = "days since 2000-01-01"
        days.calendar = "365_day"
        days[:] = [0, 59, 365]
    x = xr.DataArray(values("f8"), dims=["y", "x"], coords={"y": np.arange(5.0)}, name="v")
    x.to_netcdf(OUT / "xarray.nc", engine="netcdf4", encoding={"v": {"dtype": "u1", "_FillValue": 255,
                                                                     "scale_factor": 0.5, "add_offset": -25.0}})


if __name__ == "__main__":
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    numpy_files()
    zarr_second()
    zarr_third()
    hdf5_files()
    netcdf_files()
