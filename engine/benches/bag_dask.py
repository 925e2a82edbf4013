"""What bag.rs measures, with dask.bag on its default scheduler: python bag_dask.py FOLDER"""
import json
import sys
import time
from operator import add

import dask.bag as db


def text_of(record):
    return record["text"]


def name_of(record):
    return record["name"]


def add_amount(total, record):
    return total + record["amount"]


def timed(what, run):
    best = float("inf")
    for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 3):
        began = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - began)
    print(f"{what}: {best:.3f} s", flush=True)


if __name__ == "__main__":
    files = f"{sys.argv[1]}/records.*.json.gz"
    timed("read and count lines", lambda: db.read_text(files).count().compute())
    records = db.read_text(files).map(json.loads)
    timed("word count", lambda: records.map(text_of).map(str.split).flatten().frequencies().compute())
    timed("foldby", lambda: records.foldby(name_of, add_amount, 0.0, add, 0.0).compute())
