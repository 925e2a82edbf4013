"""Measures Polars, dask.dataframe, DuckDB and pandas on this machine, as the peers of the benchmarks of dataframes.

    python3 engine/benches/frame_peers.py FOLDER WORK [PEER ...]

FOLDER holds taxi trips, as `frames.rs` makes them. It prints one line, a JSON object: {"work": "tips", "polars": 0.33, …}, the medians
of a few runs in seconds of wall-clock time, after one that warms up. A work on the CSV files has `csv-` before its name. Two threads
each, but for pandas, which has one. A peer that fails is left out, and standard error says why.

Exit codes: 0; 2 for a work that is not known; 3 where a peer is missing.
"""

import json
import os
import pathlib
import statistics
import sys
import time

os.environ.setdefault("POLARS_MAX_THREADS", "2")
for variable in ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"]:
    os.environ.setdefault(variable, "1")

try:
    import dask
    import dask.dataframe as dd
    import duckdb
    import pandas as pd
    import polars as pl
    import pyarrow as pa
except ImportError as error:
    print(error, file=sys.stderr)
    sys.exit(3)

pa.set_cpu_count(2)
pa.set_io_thread_count(2)
dask.config.set(scheduler="threads", num_workers=2)
TIME, COUNT, DISTANCE, FARE, TIP = "tpep_pickup_datetime", "passenger_count", "trip_distance", "fare_amount", "tip_amount"
END, FROM, TO, TOTAL = "tpep_dropoff_datetime", "PULocationID", "DOLocationID", "total_amount"
WHOLE = ["VendorID", COUNT, "RatecodeID", FROM, TO, "payment_type"]
TEXT = ["store_and_fwd_flag"]
TIMES = [TIME, END]
COLUMNS = ["VendorID", TIME, END, COUNT, DISTANCE, "RatecodeID", "store_and_fwd_flag", FROM, TO, "payment_type", FARE, "extra", "mta_tax",
           TIP, "tolls_amount", "improvement_surcharge", TOTAL, "congestion_surcharge"]
FLOATS = [name for name in COLUMNS if name not in WHOLE + TEXT + TIMES]


class Trips:
    """The trips in one of their forms, for each peer."""

    def __init__(self, folder, is_csv):
        self.files = str(folder / ("*.csv" if is_csv else "*.parquet"))
        self.zones = str(folder / "zones" / "taxi_zone_lookup.csv")
        self.is_csv = is_csv
        self.connection = duckdb.connect(config={"threads": 2})

    def polars(self):
        if not self.is_csv:
            return pl.scan_parquet(self.files)
        types = {name: pl.Int64 for name in WHOLE} | {name: pl.Float64 for name in FLOATS} | {name: pl.String for name in TEXT}
        types |= {name: pl.Datetime("us") for name in TIMES}
        return pl.scan_csv(self.files, schema={name: types[name] for name in COLUMNS})

    def dask(self, *columns):
        if not self.is_csv:
            return dd.read_parquet(self.files)
        return dd.read_csv(self.files, usecols=list(columns), dtype=self.types(columns), parse_dates=self.times(columns))

    def pandas(self, *columns):
        files = sorted(pathlib.Path(self.files).parent.glob(pathlib.Path(self.files).name))
        if not self.is_csv:
            return pd.concat([pd.read_parquet(file, columns=list(columns)) for file in files])
        read = lambda file: pd.read_csv(file, usecols=list(columns), dtype=self.types(columns), parse_dates=self.times(columns))
        return pd.concat([read(file) for file in files])

    def types(self, columns):
        return {name: "float64" for name in columns if name not in TEXT + TIMES + [FROM, TO]}

    def times(self, columns):
        return [name for name in TIMES if name in columns]

    def duckdb(self, query):
        reader = "read_csv" if self.is_csv else "read_parquet"
        if self.is_csv:
            kinds = {name: "BIGINT" for name in WHOLE} | {name: "DOUBLE" for name in FLOATS} | {name: "VARCHAR" for name in TEXT}
            kinds |= {name: "TIMESTAMP" for name in TIMES}
            columns = ", ".join(f"'{name}': '{kinds[name]}'" for name in COLUMNS)
            source = f"read_csv('{self.files}', header = true, columns = {{{columns}}})"
        else:
            source = f"{reader}('{self.files}')"
        return self.connection.sql(query.format(trips=source, zones=f"read_csv('{self.zones}')")).to_arrow_table()


def tips(t):
    """The mean tip by passenger count and hour."""
    hour = pl.col(TIME).dt.hour().alias("hour")

    def by_dask():
        d = t.dask(TIME, COUNT, TIP)
        return d.assign(hour=d[TIME].dt.hour).groupby([COUNT, "hour"])[TIP].mean().compute()

    def by_pandas():
        d = t.pandas(TIME, COUNT, TIP)
        return d.assign(hour=d[TIME].dt.hour).groupby([COUNT, "hour"])[TIP].mean()

    return {
        "polars": lambda: t.polars().group_by(COUNT, hour).agg(pl.col(TIP).mean()).collect(),
        "dask": by_dask,
        "duckdb": lambda: t.duckdb(f"SELECT {COUNT}, hour({TIME}) h, avg({TIP}) FROM {{trips}} GROUP BY ALL"),
        "pandas": by_pandas,
    }


def days(t):
    """The trips of each day."""

    def by_dask():
        return t.dask(TIME)[TIME].dt.floor("D").value_counts().compute()

    return {
        "polars": lambda: t.polars().group_by(pl.col(TIME).dt.truncate("1d")).agg(pl.len()).collect(),
        "dask": by_dask,
        "duckdb": lambda: t.duckdb(f"SELECT date_trunc('day', {TIME}) d, count(*) FROM {{trips}} GROUP BY ALL"),
        "pandas": lambda: t.pandas(TIME)[TIME].dt.floor("D").value_counts(),
    }


def filter_(t):
    """Of the trips that are no mistakes, the mean tip, the longest way and the sum of all fares."""

    def by_frames(d, compute):
        d = d[(d[DISTANCE] > 0) & (d[DISTANCE] < 100) & (d[FARE] > 0)]
        return compute(d[TIP].mean(), d[DISTANCE].max(), d[FARE].sum())

    good = (pl.col(DISTANCE) > 0) & (pl.col(DISTANCE) < 100) & (pl.col(FARE) > 0)
    return {
        "polars": lambda: t.polars().filter(good).select(pl.mean(TIP), pl.max(DISTANCE), pl.sum(FARE)).collect(),
        "dask": lambda: by_frames(t.dask(DISTANCE, FARE, TIP), dask.compute),
        "duckdb": lambda: t.duckdb(
            f"SELECT avg({TIP}), max({DISTANCE}), sum({FARE}) FROM {{trips}} WHERE {DISTANCE} > 0 AND {DISTANCE} < 100 AND {FARE} > 0"
        ),
        "pandas": lambda: by_frames(t.pandas(DISTANCE, FARE, TIP), lambda *results: results),
    }


def join(t):
    """The mean fare by borough: trips joined with the zones they begin in."""

    def by_frames(d, zones):
        return d[[FROM, FARE]].merge(zones, left_on=FROM, right_on="LocationID").groupby("Borough")[FARE].mean()

    zones = lambda: pd.read_csv(t.zones, keep_default_na=False)
    return {
        "polars": lambda: t.polars()
        .join(pl.scan_csv(t.zones), left_on=FROM, right_on="LocationID")
        .group_by("Borough")
        .agg(pl.col(FARE).mean())
        .collect(),
        "dask": lambda: by_frames(t.dask(FROM, FARE), zones()).compute(),
        "duckdb": lambda: t.duckdb(
            f"SELECT Borough, avg({FARE}) FROM {{trips}} JOIN {{zones}} ON {FROM} = LocationID GROUP BY Borough"
        ),
        "pandas": lambda: by_frames(t.pandas(FROM, FARE), zones()),
    }


def sort(t):
    """When trips end, in order, with what was paid."""
    columns = [END, FARE, TIP, TOTAL]
    return {
        "polars": lambda: t.polars().select(columns).sort(END).collect(),
        "dask": lambda: t.dask(*columns)[columns].sort_values(END).compute(),
        "duckdb": lambda: t.duckdb(f"SELECT {', '.join(columns)} FROM {{trips}} ORDER BY {END}"),
        "pandas": lambda: t.pandas(*columns).sort_values(END),
    }


def shuffle(t):
    """The sum of fares in each second: nearly as many groups as rows."""
    return {
        "polars": lambda: t.polars().group_by(TIME).agg(pl.col(FARE).sum()).collect(),
        "dask": lambda: t.dask(TIME, FARE).groupby(TIME)[FARE].sum(split_out=24).compute(),
        "duckdb": lambda: t.duckdb(f"SELECT {TIME}, sum({FARE}) FROM {{trips}} GROUP BY {TIME}"),
        "pandas": lambda: t.pandas(TIME, FARE).groupby(TIME)[FARE].sum(),
    }


def spread(t):
    """The standard deviation of fares in each second."""
    return {
        "polars": lambda: t.polars().group_by(TIME).agg(pl.col(FARE).std()).collect(),
        "dask": lambda: t.dask(TIME, FARE).groupby(TIME)[FARE].std(split_out=24).compute(),
        "duckdb": lambda: t.duckdb(f"SELECT {TIME}, stddev_samp({FARE}) FROM {{trips}} GROUP BY {TIME}"),
        "pandas": lambda: t.pandas(TIME, FARE).groupby(TIME)[FARE].std(),
    }


def nunique(t):
    """In how many seconds trips ended."""
    return {
        "polars": lambda: t.polars().select(pl.col(END).n_unique()).collect(),
        "dask": lambda: t.dask(END)[END].nunique().compute(),
        "duckdb": lambda: t.duckdb(f"SELECT count(DISTINCT {END}) FROM {{trips}}"),
        "pandas": lambda: t.pandas(END)[END].nunique(),
    }


def five(t):
    """Five results at once: as five queries that share what can be shared."""

    def by_dask():
        d = t.dask(TIME, COUNT, DISTANCE, FARE, TIP)
        hour = d[TIME].dt.hour
        results = [d[TIP].mean(), d[DISTANCE].max(), d.groupby(COUNT)[FARE].mean(), d[FARE].std(), hour.value_counts()]
        return dask.compute(*results)

    def by_polars():
        d = t.polars()
        results = [
            d.select(pl.mean(TIP)),
            d.select(pl.max(DISTANCE)),
            d.group_by(COUNT).agg(pl.col(FARE).mean()),
            d.select(pl.std(FARE)),
            d.group_by(pl.col(TIME).dt.hour()).agg(pl.len()),
        ]
        return pl.collect_all(results)

    return {"polars": by_polars, "dask": by_dask}


WORKS = {
    "tips": tips,
    "days": days,
    "filter": filter_,
    "join": join,
    "sort": sort,
    "shuffle": shuffle,
    "spread": spread,
    "nunique": nunique,
    "five": five,
}


def median(work):
    """Of three runs after one that warms up; what takes long is run once more only."""
    began = time.perf_counter()
    work()
    took = time.perf_counter() - began
    times = []
    for _ in range(3 if took < 5 else 1):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def main():
    arguments = sys.argv[1:]
    if len(arguments) < 2 or arguments[1].removeprefix("csv-") not in WORKS:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    folder, name, only = pathlib.Path(arguments[0]), arguments[1], arguments[2:]
    trips = Trips(folder, name.startswith("csv-"))
    said = {"work": name}
    for peer, work in WORKS[name.removeprefix("csv-")](trips).items():
        if only and peer not in only:
            continue
        try:
            said[peer] = round(median(work), 4)
        except Exception as error:
            print(f"{peer}: {error}", file=sys.stderr)
    print(json.dumps(said))


if __name__ == "__main__":
    main()
