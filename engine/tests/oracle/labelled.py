"""Asks xarray what random expressions of labelled arrays are, for tests/labelled_xarray.rs.

    python engine/tests/oracle/labelled.py > engine/tests/oracle/labelled.jsonl

Each line is one expression: how the array is made, how it is cut, what is done to it, step by step, and what xarray says.
Elements are `((a * i + b) % m - c) / 4` for the i-th element in row-major order, and NaN where `(i * 7 + 3) % n` is 0.
"""

import json
import random
import warnings

import numpy as np
import xarray as xr

CASES = 700
LABELS = {
    "y": [[10.0, 20.0, 30.0, 40.0, 50.0], [2.5, 0.0, -2.5, -5.0, -7.5], [1, 2, 3, 4, 5]],
    "x": [["a", "b", "c", "d"], [0.5, 1.5, 2.5, 3.5], [3, 1, 4, 2], None],
}
STARTS = ["2000-01-01", "1999-11-20", "2001-02-27", "2000-12-31", "2000-06-30 06:00"]
STEPS = ["D", "5D", "11D", "6h", "MS", "17h"]
FREQUENCIES = ["MS", "ME", "QS", "QE", "QS-DEC", "YS", "YE", "2MS", "3ME", "W", "W-WED", "D", "7D", "12h", "2W", "10D"]
PARTS = ["month", "year", "day", "season", "dayofyear", "quarter", "hour", "dayofweek"]
FOLDS = ["sum", "mean", "min", "max", "std", "var", "count"]


def pieces(rng, length):
    chunks = []
    while length > 0:
        chunks.append(rng.randint(1, length))
        length -= chunks[-1]
    return chunks or [0]


def coordinate(rng, dim, length):
    if dim == "time":
        calendar = rng.choice(["proleptic_gregorian"] * 4 + ["noleap", "360_day"])
        start = rng.choice(STARTS)
        if calendar == "360_day":
            start = start.replace("12-31", "12-30")
        return {"start": start, "step": rng.choice(STEPS), "calendar": calendar, "length": length}
    labels = rng.choice(LABELS[dim])
    return None if labels is None else labels[:length]


def case_array(rng, dims):
    lengths = {"time": rng.randint(1, 30), "y": rng.randint(1, 5), "x": rng.randint(1, 4)}
    shape = [lengths[dim] for dim in dims]
    return {
        "dims": dims,
        "shape": shape,
        "chunks": [pieces(rng, length) for length in shape],
        "elements": [rng.randint(1, 50), rng.randint(0, 50), rng.randint(2, 60), rng.randint(0, 30), rng.choice([0, 0, 3, 5, 11])],
        "coords": {dim: coordinate(rng, dim, lengths[dim]) for dim in dims},
    }


def labels_of(spec):
    if not isinstance(spec, dict):
        return spec
    calendar = spec["calendar"]
    cftime = {} if calendar == "proleptic_gregorian" else {"calendar": calendar, "use_cftime": True}
    return xr.date_range(spec["start"], periods=spec["length"], freq=spec["step"], **cftime)


def make(spec):
    a, b, m, c, n = spec["elements"]
    count = int(np.prod(spec["shape"], dtype=np.int64))
    values = [((a * i + b) % m - c) / 4 for i in range(count)]
    if n:
        values = [np.nan if (i * 7 + 3) % n == 0 else value for i, value in enumerate(values)]
    coords = {dim: labels_of(labels) for dim, labels in spec["coords"].items() if labels is not None}
    return xr.DataArray(np.array(values).reshape(spec["shape"]), dims=spec["dims"], coords=coords)


def time_texts(rng, labels):
    """A text that says some of the times."""
    text = written(labels[rng.randrange(len(labels))])
    return text[: rng.choice([4, 7, 10, 10, 13, 19])]


def alike(array, name, labels):
    """Whether labels can be equal; xarray finds that none are where they are texts and numbers, and ours refuses."""
    if labels is None or name not in array.coords:
        return True
    own, other = array[name].values, make({"dims": [name], "shape": [len(labels_of(labels))], "elements": [1, 1, 2, 0, 0], "coords": {name: labels}})[name].values
    if own.dtype.kind != "O" or other.dtype.kind != "O":
        return (own.dtype.kind in "if") == (other.dtype.kind in "if") and own.dtype.kind not in "O" and other.dtype.kind not in "O"
    return len(own) > 0 and own[0].calendar == other[0].calendar


def step(rng, array):
    dims = list(array.dims)
    kinds = ["isel", "sel", "fold", "rolling", "coarsen", "transpose", "binary", "where", "rename", "weighted", "concat"]
    if "time" in dims and "time" in array.coords:
        kinds += ["groupby", "anomaly", "resample", "sel_time", "sel_time"] * 2
    kind = rng.choice(kinds)
    some = rng.sample(dims, rng.randint(1, len(dims))) if dims else []
    dim = rng.choice(dims) if dims else None
    fold = rng.choice(FOLDS)
    length = array.sizes[dim] if dim else 0
    if kind == "isel" and length:
        how = rng.choice(["one", "range", "list"])
        if how == "one":
            return {"kind": kind, "dim": dim, "one": rng.randint(-length, length - 1)}
        if how == "range":
            start = rng.randint(0, length)
            return {"kind": kind, "dim": dim, "range": [start, rng.randint(start, length), rng.choice([1, 1, 2])]}
        return {"kind": kind, "dim": dim, "list": [rng.randint(-length, length - 1) for _ in range(rng.randint(1, 4))]}
    if kind == "sel" and length and dim in array.coords and dim in ("x", "y"):
        labels = array[dim].values.tolist()
        how = rng.choice(["one", "list", "range", "nearest"])
        if rng.random() < 0.15:
            return {"kind": kind, "dim": dim, "one": "zz" if isinstance(labels[0], str) else 77.25}
        if how == "one":
            return {"kind": kind, "dim": dim, "one": rng.choice(labels)}
        if how == "list":
            return {"kind": kind, "dim": dim, "list": [rng.choice(labels) for _ in range(rng.randint(1, 3))]}
        if how == "nearest" and not isinstance(labels[0], str):
            return {"kind": kind, "dim": dim, "nearest": rng.choice(labels) + rng.choice([-0.3, 0.2, 100])}
        rises, falls = labels == sorted(labels), labels == sorted(labels, reverse=True)
        if not (rises or falls):
            return None
        first, last = sorted(rng.choices(range(len(labels)), k=2))
        return {"kind": kind, "dim": dim, "from": rng.choice([labels[first], None]), "to": rng.choice([labels[last], None])}
    if kind == "sel_time" and array.sizes["time"]:
        labels = list(array["time"].values)
        # pandas takes a text that says exactly one time as that time; for other calendars there are only stretches.
        if rng.random() < 0.5 and isinstance(labels[0], np.datetime64):
            return {"kind": "sel", "dim": "time", "one": time_texts(rng, labels)}
        if not (array.indexes["time"].is_monotonic_increasing and array.indexes["time"].is_unique):
            return None
        ends = sorted([time_texts(rng, labels), time_texts(rng, labels)])
        return {"kind": "sel", "dim": "time", "from": rng.choice([ends[0], None]), "to": rng.choice([ends[1], None])}
    if kind == "fold" and dims:
        return {"kind": kind, "fold": rng.choice(FOLDS + ["median", "prod"]), "dims": some}
    if kind == "rolling" and length:
        width = rng.randint(1, length)
        least = rng.choice([None, None, rng.randint(1, width)])
        fold = rng.choice(["sum", "mean", "min", "max", "std", "var"])
        return {"kind": kind, "dim": dim, "width": width, "center": rng.random() < 0.5, "least": least, "fold": fold}
    if kind == "coarsen" and length:
        return {"kind": kind, "dim": dim, "width": rng.randint(1, length), "fold": rng.choice(["sum", "mean", "min", "max", "count"])}
    if kind == "transpose" and dims:
        return {"kind": kind, "dims": rng.sample(dims, len(dims))}
    if kind == "rename" and dims and dim != "time":
        return {"kind": kind, "old": dim, "new": "z"} if "z" not in array.coords and "z" not in dims else None
    if kind == "where":
        return {"kind": kind, "above": rng.randint(-3, 5) / 2}
    # What day of the week it is where February has 30 days is anybody's guess.
    parts = PARTS if dims and "time" in array.coords and array["time"].dtype.kind == "M" else PARTS[:-1]
    if kind == "groupby":
        return {"kind": kind, "by": rng.choice(parts), "fold": rng.choice(FOLDS)}
    if kind == "anomaly" and all(coord.ndim for coord in array.coords.values()):
        return {"kind": kind, "by": rng.choice(parts)}
    if kind == "resample":
        return {"kind": kind, "step": rng.choice(FREQUENCIES), "fold": rng.choice(FOLDS)}
    if kind in ("binary", "concat"):
        names = [name for name in ("time", "y", "x")]
        other = case_array(rng, rng.sample(names, rng.randint(1, 2)))
        for name, labels in list(other["coords"].items()):
            # Other labels where there are some, or another start; the same length where there are none.
            place = other["dims"].index(name)
            if name in dims and (name not in array.coords or labels is None):
                other["shape"][place] = array.sizes[name]
                other["coords"][name] = None
                other["chunks"][place] = pieces(rng, array.sizes[name])
            elif isinstance(labels, list):
                rng.shuffle(labels)
            if name in dims and not alike(array, name, other["coords"][name]):
                return None
        if kind == "concat":
            if not dims or any(d not in LABELS and d != "time" for d in dims):
                return None
            other = case_array(rng, dims)
            if not all(alike(array, name, other["coords"][name]) for name in dims):
                return None
            return {"kind": kind, "dim": dim, "other": other}
        return {"kind": kind, "op": rng.choice(["add", "sub", "mul"]), "other": other}
    if kind == "weighted" and "y" in dims:
        return {"kind": kind, "dims": some, "fold": rng.choice(["mean", "sum", "sum_of_weights", "var"])}
    return None


def apply(array, step):
    kind = step["kind"]
    dim = step.get("dim")
    if kind == "isel":
        if "one" in step:
            return array.isel({dim: step["one"]})
        if "range" in step:
            return array.isel({dim: slice(*step["range"])})
        return array.isel({dim: step["list"]})
    if kind == "sel":
        if "one" in step:
            return array.sel({dim: step["one"]})
        if "list" in step:
            return array.sel({dim: step["list"]})
        if "nearest" in step:
            return array.sel({dim: step["nearest"]}, method="nearest")
        return array.sel({dim: slice(step["from"], step["to"])})
    if kind == "fold":
        return getattr(array, step["fold"])(step["dims"])
    if kind == "rolling":
        rolling = array.rolling({dim: step["width"]}, center=step["center"], min_periods=step["least"])
        return getattr(rolling, step["fold"])()
    if kind == "coarsen":
        return getattr(array.coarsen({dim: step["width"]}, boundary="trim"), step["fold"])()
    if kind == "transpose":
        return array.transpose(*step["dims"])
    if kind == "rename":
        return array.rename({step["old"]: step["new"]})
    if kind == "where":
        return array.where(array > step["above"])
    if kind == "groupby":
        return getattr(array.groupby("time." + step["by"]), step["fold"])("time")
    if kind == "anomaly":
        groups = array.groupby("time." + step["by"])
        return groups - groups.mean("time")
    if kind == "resample":
        folded = getattr(array.resample(time=step["step"]), step["fold"])()
        # There are 0 elements where there are none.
        return folded.fillna(0) if step["fold"] == "count" else folded
    if kind == "binary":
        other = make(step["other"])
        return {"add": array.__add__, "sub": array.__sub__, "mul": array.__mul__}[step["op"]](other)
    if kind == "concat":
        return xr.concat([array, make(step["other"])], dim, join="exact")
    if kind == "weighted":
        weights = xr.DataArray(np.arange(array.sizes["y"]) * 0.5, dims=["y"])
        return getattr(array.weighted(weights), step["fold"])(step["dims"])
    raise ValueError(kind)


def written(label):
    if isinstance(label, np.datetime64):
        return str(np.datetime_as_string(label, unit="s")).replace("T", " ")
    if hasattr(label, "strftime"):
        return f"{label.year:04}-{label.month:02}-{label.day:02} {label.hour:02}:{label.minute:02}:{label.second:02}"
    return label.item() if hasattr(label, "item") else label


def result(array):
    values = [None if np.isnan(value) else float(f"{value:.12g}") for value in np.asarray(array.values, dtype=float).ravel()]
    coords = {
        str(name): [written(label) for label in np.atleast_1d(coord.values)]
        for name, coord in array.coords.items()
        if not (coord.ndim and coord.dims[0] not in array.dims)
    }
    return {"dims": list(array.dims), "shape": list(array.shape), "values": values, "coords": coords}


def main():
    warnings.simplefilter("ignore")
    rng = random.Random(20261121)
    done = 0
    while done < CASES:
        spec = case_array(rng, rng.sample(["time", "y", "x"], rng.randint(1, 3)))
        array = make(spec)
        steps = []
        for _ in range(rng.randint(1, 3)):
            following = step(rng, array)
            if following is None:
                continue
            try:
                after = apply(array, following)
            except Exception as error:
                # An error ends the expression; where it is about labels, ours is one too.
                if isinstance(error, (KeyError, ValueError)) and following["kind"] in ("sel", "binary") and "nearest" not in following:
                    print(json.dumps({"array": spec, "steps": steps + [following], "error": str(error)[:60]}))
                    done += 1
                steps = []
                break
            if after.size > 120 or after.dtype.kind not in "fiu":
                break
            steps.append(following)
            array = after.astype(float) if after.dtype.kind in "iu" else after
        if steps:
            print(json.dumps({"array": spec, "steps": steps, "result": result(array)}))
            done += 1


if __name__ == "__main__":
    main()
