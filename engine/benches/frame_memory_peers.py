"""The works of frame_memory.rs by Polars, dask.dataframe and DuckDB: prints the largest memory of this process in KiB.

    python3 engine/benches/frame_memory_peers.py FOLDER WORK PEER

Exit codes: 0; 1 when a work fails, for example for want of memory; 2 for one that is not known.
"""

import os
import pathlib
import resource
import sys
import tempfile

os.environ.setdefault("POLARS_MAX_THREADS", "2")
for variable in ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"]:
    os.environ.setdefault(variable, "1")

TIME, END, FROM, TO, FARE, TIP = (
    "tpep_pickup_datetime", "tpep_dropoff_datetime", "PULocationID", "DOLocationID", "fare_amount", "tip_amount",
)


class ByPolars:
    """The streaming engine, which is the one that need not hold everything."""

    def __init__(self, files, out):
        import polars as pl

        self.pl, self.out = pl, out
        self.trips = pl.scan_parquet(files)
        self.hour = pl.col(TIME).dt.truncate("1h").alias("hour")

    def count(self, frame):
        return frame.select(self.pl.len()).collect(engine="streaming")

    def groupby(self):
        pl = self.pl
        self.count(self.trips.group_by(FROM, TO, self.hour).agg(fare=pl.col(FARE).mean(), trips=pl.len()))

    def join(self):
        pl = self.pl
        trips = self.trips.select(FROM, self.hour, FARE, TIP)
        usual = trips.group_by(FROM, "hour").agg(usual=pl.col(FARE).mean())
        self.count(trips.join(usual, on=[FROM, "hour"]).filter(pl.col(FARE) > pl.col("usual")))

    def sort(self):
        self.trips.sort(END).sink_parquet(self.out / "sorted.parquet")


class ByDask:
    def __init__(self, files, out):
        import dask
        import dask.dataframe as dd

        dask.config.set(scheduler="threads", num_workers=2, temporary_directory=str(out))
        trips = dd.read_parquet(files, split_row_groups=True)
        self.trips, self.out = trips, out

    def hours(self):
        return self.trips.assign(hour=self.trips[TIME].dt.floor("h"))

    def groupby(self):
        groups = self.hours().groupby([FROM, TO, "hour"])[FARE].agg(["mean", "count"], split_out=64)
        len(groups)

    def join(self):
        trips = self.hours()[[FROM, "hour", FARE, TIP]]
        usual = trips.groupby([FROM, "hour"])[FARE].mean(split_out=16).reset_index().rename(columns={FARE: "usual"})
        both = trips.merge(usual, on=[FROM, "hour"])
        len(both[both[FARE] > both["usual"]])

    def sort(self):
        self.trips.sort_values(END).to_parquet(self.out / "sorted")


class ByDuckDB:
    """It is told of the limit, as it has no way to find it out."""

    def __init__(self, files, out):
        import duckdb

        config = {"threads": 2, "memory_limit": "1200MB", "temp_directory": str(out), "preserve_insertion_order": "false"}
        self.run = duckdb.connect(config=config).execute
        self.out = out
        self.run(f"CREATE VIEW trips AS SELECT *, date_trunc('hour', {TIME}) AS hour FROM read_parquet('{files}')")

    def groupby(self):
        groups = f"SELECT {FROM}, {TO}, hour, avg({FARE}), count(*) FROM trips GROUP BY ALL"
        self.run(f"SELECT count(*) FROM ({groups})").fetchall()

    def join(self):
        usual = f"SELECT {FROM}, hour, avg({FARE}) AS usual FROM trips GROUP BY ALL"
        self.run(f"SELECT count(*) FROM trips JOIN ({usual}) USING ({FROM}, hour) WHERE {FARE} > usual").fetchall()

    def sort(self):
        self.run(f"COPY (SELECT * FROM trips ORDER BY {END}) TO '{self.out / 'sorted.parquet'}' (FORMAT parquet)")


PEERS = {"polars": ByPolars, "dask": ByDask, "duckdb": ByDuckDB}

if __name__ == "__main__":
    arguments = sys.argv[1:]
    if len(arguments) != 3 or arguments[1] not in ("groupby", "join", "sort") or arguments[2] not in PEERS:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    folder, work, peer = arguments
    with tempfile.TemporaryDirectory() as out:
        by = PEERS[peer](str(pathlib.Path(folder, "*.parquet")), pathlib.Path(out))
        getattr(by, work)()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
