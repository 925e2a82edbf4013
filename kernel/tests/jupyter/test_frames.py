"""Dataframes and bags in a notebook: what lazy ones look like, what they compute, and what is said of mistakes."""

from __future__ import annotations

import gzip
import json

import pytest

from session import Session

TRIPS = """passengers,distance,tip,when
1,2.5,1.0,2019-01-01 08:30:00
2,0.0,0.0,2019-01-01 09:00:00
1,7.1,3.5,2019-01-02 08:10:00
4,3.3,2.0,2019-01-03 23:59:00
"""


@pytest.fixture(scope="module")
def session(course, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trips")
    (folder / "a.csv").write_text(TRIPS)
    (folder / "b.csv").write_text(TRIPS)
    for part in range(3):
        lines = [json.dumps({"name": name, "paid": [part, 2]}) for name in ("Ada", "Bob", "Ada")]
        (folder / f"accounts.{part}.json.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    session = Session(course / "notebooks")
    session.ok(f'use taskloom::prelude::*;\nlet folder = "{folder}".to_owned();')
    yield session
    session.close()


def bundle_of(session, code: str) -> dict:
    (bundle,) = session.ok(code).bundles
    return bundle


def test_a_lazy_frame_shows_its_columns_and_reads_nothing_more(session):
    bundle = bundle_of(session, 'let trips = read_csv(format!("{folder}/*.csv"))?;\ntrips')
    assert bundle["text/plain"].startswith("DataFrame: 2 partitions, 4 columns, 2 tasks (lazy: read_csv)")
    assert "distance    f64" in bundle["text/plain"] and "datetime" in bundle["text/plain"]
    assert "passengers" in bundle["text/html"] and "<table>" in bundle["text/html"]
    assert "7.1" not in bundle["text/html"]


def test_groups_and_rows_are_computed(session):
    code = 'trips.filter(col("distance").gt(0.0)).groupby("passengers").agg([col("tip").sum()]).compute()?'
    bundle = bundle_of(session, code)
    assert "2 rows × 2 columns" in bundle["text/html"]
    assert ">9.0<" in bundle["text/html"] and ">4.0<" in bundle["text/html"]
    far = 'trips.filter(col("tip").gt(col("tip").mean())).len()?'
    assert session.ok(far).result == "4"


def test_a_series_and_several_results_at_once(session):
    code = 'let (mean, most) = compute!(trips.col("tip").mean(), trips.col("distance").max())?;\nformat!("{mean:.3} {most:?}")'
    result = session.ok(code).result
    assert result.startswith('"1.625 ') and "7.1" in result


def test_mistakes_are_named_on_the_users_line(session):
    error = session.fails('let wrong = trips.groupby("passenger");').error
    assert 'there is no column "passenger" (is "passengers" meant?)' in error and "line 1" in error
    error = session.fails('read_csv(format!("{folder}/c.csv"))?').error
    assert "there is no file" in error and "a.csv" in error
    error = session.fails('trips.filter(col("tip").shift(lit(1)).gt(lit(0)))').error
    assert "looks at more than one row" in error


def test_bags_read_compressed_json(session):
    session.ok('let accounts = Bag::<taskloom::serde_json::Value>::read_json_lines(format!("{folder}/*.json.gz"))?;')
    shown = bundle_of(session, "accounts")
    assert "3 partitions" in shown["text/plain"]
    code = 'accounts.map(|account| account["name"].as_str().unwrap_or("").to_owned()).frequencies().compute()?'
    assert session.ok(code).result == '[("Ada", 6), ("Bob", 3)]'
    error = session.fails("accounts.map(|_| -> i64 { panic!(\"no\") }).sum().compute()?").error
    assert "panicked: no" in error and "item 0" in error


def test_a_frame_survives_a_cell_that_dies(session):
    session.fails("std::process::abort();")
    assert session.ok("trips.len()?").result == "8"
