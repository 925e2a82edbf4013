"""Measures dask.array and NumPy on this machine, as the peers of the benchmarks of arrays.

    python3 engine/benches/array_peers.py WORK

It prints one line, a JSON object: {"work": "anomaly", "dask": 1.35, "numpy": 3.7}, the medians of a few runs in seconds of
wall-clock time, after one that warms up. A peer that is not asked for a work, since it would need more memory than there is, is left
out. Dask uses two threads.

Exit codes: 0; 2 for a work that is not known; 3 where Dask or NumPy is missing.
"""

import json
import os
import pathlib
import statistics
import sys
import tempfile
import time

for variable in ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"]:
    os.environ.setdefault(variable, "1")

try:
    import dask
    import dask.array as da
    import numpy as np
except ImportError as error:
    print(error, file=sys.stderr)
    sys.exit(3)

dask.config.set(scheduler="threads", num_workers=2)


def median(work, runs=3):
    times = []
    for run in range(runs + 1):
        began = time.perf_counter()
        work()
        if run:
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def in_memory(side):
    return np.random.default_rng(1).normal(10, 0.1, (side, side))


def normals():
    x = lambda: da.random.default_rng(1).normal(10, 0.1, (20_000, 20_000), chunks=1000)
    return {"dask": median(lambda: x().mean(axis=0)[::100].compute(), runs=1)}


def anomaly():
    values = in_memory(11_180)
    x = da.from_array(values, chunks=1000)
    return {
        "dask": median(lambda: abs((x - x.mean(axis=0)) / x.std(axis=0)).max().compute()),
        "numpy": median(lambda: abs((values - values.mean(axis=0)) / values.std(axis=0)).max(), runs=1),
    }


def transpose():
    values = in_memory(8000)
    x = da.from_array(values, chunks=1000)
    return {"dask": median(lambda: (x + x.T).sum().compute()), "numpy": median(lambda: (values + values.T).sum())}


def sum_():
    values = in_memory(11_180)
    x = da.from_array(values, chunks=1000)
    return {"dask": median(lambda: x.sum().compute()), "numpy": median(lambda: values.sum())}


def lennard_jones():
    values = np.random.default_rng(1).uniform(0, 50, (7000, 3))

    def energy(points, module):
        squared = ((points[:, None, :] - points[None, :, :]) ** 2).sum(axis=2)
        sixth = squared**-3.0
        return module.where(squared > 1e-12, 4 * (sixth * sixth - sixth), 0.0).sum() / 2

    x = da.from_array(values, chunks=(1000, 3))
    with np.errstate(all="ignore"):
        return {"dask": median(lambda: energy(x, da).compute()), "numpy": median(lambda: energy(values, np), runs=1)}


def rechunk():
    x = da.random.default_rng(1).uniform(0, 1, (8000, 8000), chunks=(1000, 8000)).persist()
    return {"dask": median(lambda: x.rechunk((8000, 1000)).persist())}


def matmul():
    rng = np.random.default_rng(1)
    left, right = rng.uniform(0, 1, (4000, 4000)), rng.uniform(0, 1, (4000, 4000))
    x, y = da.from_array(left, chunks=1000), da.from_array(right, chunks=1000)
    return {"dask": median(lambda: (x @ y).compute()), "numpy": median(lambda: left @ right)}


def overlap():
    x = da.random.default_rng(1).uniform(0, 1, (8000, 8000), chunks=1000).persist()

    def smooth(block):
        return (block + np.roll(block, 1, 0) + np.roll(block, -1, 0) + np.roll(block, 1, 1) + np.roll(block, -1, 1)) / 5

    return {"dask": median(lambda: x.map_overlap(smooth, depth=1, boundary="reflect").sum().compute())}


def days(name):
    path = pathlib.Path(tempfile.gettempdir(), f"taskloom-measure-days.{name}")
    if name in ("zarr", "blosc"):
        return da.from_zarr(str(path))
    import h5py

    return da.from_array(h5py.File(path)["t"], chunks=(1, 1440, 1440))


def days_mean(name):
    return {"dask": median(lambda: days(name).mean(axis=0).compute())}


def days_anomaly(name):
    def anomaly():
        x = days(name)
        return abs(x - x.mean(axis=0)).max().compute()

    return {"dask": median(anomaly)}


WORKS = {
    "zarr-mean": lambda: days_mean("zarr"),
    "zarr-anomaly": lambda: days_anomaly("zarr"),
    "blosc-mean": lambda: days_mean("blosc"),
    "blosc-anomaly": lambda: days_anomaly("blosc"),
    "hdf5-mean": lambda: days_mean("hdf5"),
    "hdf5-anomaly": lambda: days_anomaly("hdf5"),
    "normals": normals,
    "anomaly": anomaly,
    "transpose": transpose,
    "sum": sum_,
    "lennard-jones": lennard_jones,
    "rechunk": rechunk,
    "matmul": matmul,
    "overlap": overlap,
}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in WORKS:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    print(json.dumps({"work": sys.argv[1], **WORKS[sys.argv[1]]()}))
