"""Files of tables as other tools write them, and what is in each: `python frame_files.py FOLDER` writes them and `expected.json`;
`python frame_files.py FOLDER check` reads what is in FOLDER/ours with the other tools and compares it."""

import datetime
import decimal
import json
import pathlib
import sys

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

folder = pathlib.Path(sys.argv[1])
rows = 2500


def table():
    random = np.random.default_rng(5)
    some = lambda values, every: [None if n % every == 0 else value for n, value in enumerate(values)]
    start = datetime.datetime(2015, 1, 1)
    return pa.table({
        "n": pa.array(range(rows), pa.int64()),
        "small": pa.array(some((n % 100 for n in range(rows)), 7), pa.int8()),
        "u": pa.array([n * 3 for n in range(rows)], pa.uint32()),
        "x": pa.array(some(random.normal(size=rows).tolist(), 11), pa.float64()),
        "f": pa.array(random.normal(size=rows).astype("f4"), pa.float32()),
        "flag": pa.array(some((n % 3 == 0 for n in range(rows)), 5), pa.bool_()),
        "text": pa.array(some((f'text "{n % 40}", é\n' for n in range(rows)), 9), pa.string()),
        "large": pa.array([f"{n}" * (n % 5) for n in range(rows)], pa.large_string()),
        "kind": pa.array(some((["a", "b", "c"][n % 3] for n in range(rows)), 13)).dictionary_encode(),
        "day": pa.array([start.date() + datetime.timedelta(days=n) for n in range(rows)], pa.date32()),
        "us": pa.array([start + datetime.timedelta(seconds=n) for n in range(rows)], pa.timestamp("us")),
        "ns": pa.array([start + datetime.timedelta(seconds=n) for n in range(rows)], pa.timestamp("ns")),
        "utc": pa.array([start + datetime.timedelta(seconds=n) for n in range(rows)], pa.timestamp("ms", "UTC")),
        "money": pa.array([decimal.Decimal(n) / 100 for n in range(rows)], pa.decimal128(12, 2)),
        "list": pa.array([[n, n + 1] if n % 4 else None for n in range(rows)], pa.list_(pa.int64())),
        "struct": pa.array([{"a": n, "b": str(n)} for n in range(rows)]),
        "nothing": pa.nulls(rows),
        "bytes": pa.array([bytes([n % 256]) * 3 for n in range(rows)], pa.binary()),
    })


def about(data):
    """Rows, and of each column how many are missing and, of numbers, the sum."""
    columns = {}
    for name in data.column_names:
        column = data[name]
        is_number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
        total = float(np.nansum(column.drop_null().to_numpy().astype("f8"))) if is_number else None
        columns[name] = [column.null_count, total]
    return {"rows": data.num_rows, "columns": columns}


def write():
    whole = table()
    plain = whole.drop_columns(["list", "struct", "nothing", "bytes", "kind", "money"])
    expected = {}

    def keep(name, data):
        expected[name] = about(data)

    options = {
        "default": {},
        "v2": {"version": "2.6", "data_page_version": "2.0", "compression": "zstd"},
        "groups": {"row_group_size": 300, "compression": "gzip", "use_dictionary": False},
        "lz4": {"compression": "lz4", "data_page_size": 2000},
        "brotli": {"compression": "brotli", "write_statistics": False},
        "none": {"compression": "none", "use_dictionary": ["text"], "row_group_size": 1000},
    }
    for name, chosen in options.items():
        pq.write_table(whole, folder / f"arrow-{name}.parquet", **chosen)
        keep(f"arrow-{name}.parquet", whole)
    delta = {"n": "DELTA_BINARY_PACKED", "x": "BYTE_STREAM_SPLIT", "text": "DELTA_BYTE_ARRAY", "large": "DELTA_LENGTH_BYTE_ARRAY"}
    pq.write_table(whole, folder / "arrow-encodings.parquet", use_dictionary=False, column_encoding=delta)
    keep("arrow-encodings.parquet", whole)
    pq.write_table(plain, folder / "arrow-int96.parquet", use_deprecated_int96_timestamps=True)
    keep("arrow-int96.parquet", plain)
    pq.write_table(whole.slice(0, 0), folder / "arrow-empty.parquet")
    keep("arrow-empty.parquet", whole.slice(0, 0))
    frame = plain.to_pandas()
    frame.set_index("text").to_parquet(folder / "pandas-index.parquet")
    keep("pandas-index.parquet", pq.read_table(folder / "pandas-index.parquet"))
    connection = duckdb.connect()
    connection.register("trips", plain)
    connection.execute(f"copy trips to '{folder}/duckdb.parquet' (format parquet, compression zstd, row_group_size 2048)")
    keep("duckdb.parquet", plain)
    connection.execute(f"copy (select *, n % 3 as part, 'k ' || (n % 2) as \"key\" from trips) to '{folder}/duckdb-hive' "
                       "(format parquet, partition_by (part, \"key\"))")
    keep("duckdb-hive", plain.append_column("part", pa.array([n % 3 for n in range(rows)]))
         .append_column("key", pa.array([f"k {n % 2}" for n in range(rows)])))
    pq.write_to_dataset(plain, folder / "arrow-hive", partition_cols=["flag"])
    keep("arrow-hive", plain)
    feather.write_feather(whole, folder / "lz4.feather", compression="lz4", chunksize=400)
    keep("lz4.feather", whole)
    feather.write_feather(whole, folder / "plain.arrow", compression="uncompressed")
    keep("plain.arrow", whole)

    # An empty text and none are the same in the CSV of some.
    flat = plain.drop_columns(["utc", "ns", "large"])
    frame = flat.to_pandas()
    for name, chosen in {"pandas": {}, "quoted": {"quoting": 1, "lineterminator": "\r\n"}, "tab": {"sep": "\t"},
                         "gzip": {"compression": "gzip"}}.items():
        file = f"{name}.csv.gz" if name == "gzip" else f"{name}.csv"
        frame.to_csv(folder / file, index=False, **chosen)
    connection.register("flat", flat)
    connection.execute(f"copy flat to '{folder}/duckdb.csv' (header)")
    for name in ["pandas.csv", "tab.csv", "gzip.csv.gz", "duckdb.csv"]:
        keep(name, flat)
    frame.drop(columns=["day", "us"]).to_json(folder / "pandas.jsonl", orient="records", lines=True, double_precision=15)
    keep("pandas.jsonl", flat.drop_columns(["day", "us"]))
    (folder / "expected.json").write_text(json.dumps(expected))


def check():
    """What we wrote, as others read it."""
    ours = folder / "ours"
    expected = json.loads((ours / "expected.json").read_text())

    def same(name, data):
        assert data.num_rows == expected["rows"], (name, data.num_rows)
        total = sum(value for value in data["n"].to_pylist() if value is not None)
        assert total == expected["n"], (name, total)
        assert data["text"].null_count == expected["missing"], (name, data["text"].null_count)

    same("parquet", pq.read_table(ours / "parquet"))
    same("hive", pq.read_table(ours / "hive"))
    same("duckdb", pa.table(duckdb.sql(f"select * from read_parquet('{ours}/hive/**/*.parquet', hive_partitioning = true)").to_arrow_table()))
    same("ipc", pa.concat_tables(feather.read_table(file) for file in sorted((ours / "ipc").iterdir())))
    same("csv", pa.Table.from_pandas(pd.concat(pd.read_csv(file, keep_default_na=False, na_values={"n": [""], "x": [""]}, dtype={"n": "Int64"})
                                               for file in sorted((ours / "csv").iterdir())).assign(text=lambda f: f["text"].where(f["text"] != "missing", None))))
    same("json", pa.Table.from_pandas(pd.concat(pd.read_json(file, lines=True, dtype={"n": "Int64"}) for file in sorted((ours / "json").iterdir()))))


check() if sys.argv[2:] == ["check"] else write()
