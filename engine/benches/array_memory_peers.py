"""The works of array_memory.rs by dask.array: prints the largest memory of this process in KiB.

    python3 engine/benches/array_memory_peers.py WORK

Exit codes: 0; 1 when a work fails, for example for want of memory; 2 for one that is not known.
"""

import os
import pathlib
import resource
import sys
import tempfile

for variable in ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"]:
    os.environ.setdefault(variable, "1")

import dask
import dask.array as da

dask.config.set(scheduler="threads", num_workers=2)
SIDE = 36_600


def square():
    return da.random.default_rng(1).uniform(0, 1, (SIDE, SIDE), chunks=1000)


def normals():
    return da.random.default_rng(1).normal(10, 0.1, (SIDE, SIDE), chunks=1000).mean(axis=0)


def anomaly():
    x = square()
    return abs((x - x.mean(axis=0)) / x.std(axis=0)).max()


def transpose():
    x = square()
    return (x + x.T).sum()


def overlap():
    return square().map_overlap(lambda block: block.copy(), depth=1, boundary="reflect").sum()


def lennard_jones():
    points = da.random.default_rng(1).uniform(0, 50, (SIDE, 3), chunks=(1000, 3))
    squared = ((points[:, None, :] - points[None, :, :]) ** 2).sum(axis=2)
    sixth = squared**-3.0
    return da.where(squared > 1e-12, 4 * (sixth * sixth - sixth), 0.0).sum()


def weather():
    x = da.from_zarr(str(pathlib.Path(tempfile.gettempdir(), "taskloom-measure-weather.zarr")))
    return abs(x - x.mean(axis=0)).max()


WORKS = {
    "normals": normals,
    "anomaly": anomaly,
    "transpose": transpose,
    "overlap": overlap,
    "lennard-jones": lennard_jones,
    "weather": weather,
}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in WORKS:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    WORKS[sys.argv[1]]().compute()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
