"""Asks NumPy what random expressions are, for tests/array_numpy.rs.

    python engine/tests/oracle/array_numpy.py > engine/tests/oracle/array_numpy.jsonl

Each line is one expression: how the array is made, how it is cut, what is done to it, and what NumPy says. Elements are
`((a * i + b) % m - c) * scale` for the i-th element in row-major order, but for a few special ones.
"""

import json
import random
import warnings

import numpy as np

CASES = 1500
TYPES = ["f64", "f32", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "bool"]
NUMPY = {
    "f64": np.float64, "f32": np.float32, "i8": np.int8, "i16": np.int16, "i32": np.int32, "i64": np.int64,
    "u8": np.uint8, "u16": np.uint16, "u32": np.uint32, "u64": np.uint64, "bool": np.bool_,
}


def shape(rng):
    if rng.random() < 0.05:
        return rng.choice([[40], [5, 30], [30, 5]])
    return [rng.choice([0, 1, 1, 2, 3, 4]) if rng.random() < 0.3 else rng.randint(1, 4) for _ in range(rng.randint(0, 3))]


def pieces(rng, length):
    chunks = []
    while length > 0:
        chunks.append(rng.randint(1, length))
        length -= chunks[-1]
    return chunks or [0]


def specials(rng, kind, count):
    if kind == "bool" or count == 0 or rng.random() < 0.5:
        return {}
    if kind[0] == "f":
        values = ["nan", "nan", "inf", "-inf", "-0"]
    else:
        values = ["max", "min", "max", "min", "one"]
    return {str(rng.randrange(count)): rng.choice(values) for _ in range(rng.randint(1, 3))}


def special(kind, name):
    if kind[0] == "f":
        return float(name)
    info = np.iinfo(NUMPY[kind])
    return {"max": info.max, "min": info.min, "one": 1}[name]


def make(case):
    kind = case["type"]
    a, b, m, c, scale = case["elements"]
    count = int(np.prod(case["shape"], dtype=np.int64))
    values = [((a * i + b) % m - c) * scale for i in range(count)]
    if kind == "bool":
        values = [value > 0 for value in values]
    elif kind[0] != "f":
        values = [int(value) for value in values]
    for place, name in case["special"].items():
        values[int(place)] = special(kind, name)
    return np.array(values, dtype=NUMPY[kind]).reshape(case["shape"])


def sliced(rng, array):
    """Slices as NumPy has them, also beyond the ends; those backwards as the range they read, from its end."""
    numpy, written = [], []
    for length in array.shape[: rng.randint(0, array.ndim)]:
        if length and rng.random() < 0.2:
            index = rng.randint(-length, length - 1)
            numpy.append(index)
            written.append(index)
            continue
        bound = lambda: None if rng.random() < 0.4 else rng.randint(-length - 3, length + 3)
        own = slice(bound(), bound(), rng.choice([None, 1, 2, 3, -1, -2]))
        numpy.append(own)
        if own.step is not None and own.step < 0:
            start, stop, step = own.indices(length)
            written.append([stop + 1, start + 1, step] if start > stop else [0, 0, 1])
        else:
            written.append([own.start or 0, own.stop, own.step or 1])
    return ["slice", written], array[tuple(numpy)]


def changed(rng, array, kind):
    choice = rng.randrange(12)
    if choice < 3:
        return sliced(rng, array)
    if choice == 3:
        order = rng.sample(range(array.ndim), array.ndim)
        return ["transpose", order], array.transpose(order)
    if choice == 4 and array.ndim:
        axis = rng.randrange(-array.ndim, array.ndim)
        return ["flip", axis], np.flip(array, axis)
    if choice == 5:
        axis = rng.randint(-array.ndim - 1, array.ndim)
        return ["expand_dims", axis], np.expand_dims(array, axis)
    if choice == 6:
        return ["flatten"], array.flatten()
    if choice == 7:
        return ["squeeze"], array.squeeze()
    if kind == "bool":
        return ["not"], ~array
    scalar = rng.choice([1, 2, 3, 100, 7])
    typed = NUMPY[kind](scalar)
    name = rng.choice(["add", "sub", "mul", "fmod", "minimum", "maximum", "neg", "abs", "square", "add", "mul"])
    function = {
        "add": lambda: array + typed, "sub": lambda: array - typed, "mul": lambda: array * typed,
        "fmod": lambda: np.fmod(array, typed), "minimum": lambda: np.minimum(array, typed),
        "maximum": lambda: np.maximum(array, typed), "neg": lambda: -array, "abs": lambda: np.abs(array),
        "square": lambda: np.square(array),
    }[name]
    return [name, scalar], function()


def reductions(kind):
    names = ["any", "all", "count", "min", "max", "argmin", "argmax"]
    if kind != "bool":
        names += ["sum", "prod", "mean", "var", "std"]
    if kind[0] == "f":
        names += ["nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmin", "nanmax", "nanargmin", "nanargmax"]
    return names


def reduced(rng, array, kind):
    name = rng.choice(reductions(kind))
    is_place = "arg" in name
    axes = None
    if array.ndim and rng.random() < 0.7:
        axes = rng.sample(range(array.ndim), 1 if is_place else rng.randint(1, array.ndim))
        axes = [axis - array.ndim if rng.random() < 0.3 else axis for axis in axes]
    keepdims = rng.random() < 0.3
    ddof = rng.randint(0, 2) if name in ("var", "std") else 0
    axis = axes if axes is None else axes[0] if is_place else tuple(axes)
    function = np.count_nonzero if name == "count" else getattr(np, name)
    extra = {"ddof": ddof} if name in ("var", "std") else {}
    result = error = None
    try:
        result = np.asarray(function(array, axis=axis, keepdims=keepdims, **extra))
    except ValueError as raised:
        error = str(raised)
    return [name, axes, keepdims, ddof], result, error


def written(array):
    values = array.ravel().tolist()
    return [repr(value) if isinstance(value, float) and not np.isfinite(value) else value for value in values]


def main():
    rng = random.Random(2026)
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    for _ in range(CASES):
        kind = rng.choice(TYPES)
        lengths = shape(rng)
        count = int(np.prod(lengths, dtype=np.int64))
        low = 0 if kind[0] == "u" else rng.randint(0, 6)
        scale = rng.choice([1, 0.5, 0.25]) if kind[0] == "f" else 1
        case = {
            "type": kind, "shape": lengths, "chunks": [pieces(rng, length) for length in lengths],
            "elements": [rng.choice([1, 3, 5, 7, 11]), rng.randint(0, 10), rng.choice([5, 7, 13]), low, scale],
            "special": specials(rng, kind, count),
        }
        array = make(case)
        case["steps"] = []
        for _ in range(rng.randint(0, 3)):
            step, array = changed(rng, array, kind)
            case["steps"].append(step)
        if rng.random() < 0.85:
            case["reduce"], result, error = reduced(rng, array, kind)
        else:
            case["reduce"], result, error = None, array, None
        if error is None:
            case["gives"] = [list(result.shape), written(result)]
        elif "All-NaN" in error:
            # The place of nothing is said to be 0 here: elements are not looked at before they are computed.
            continue
        else:
            case["raises"] = error
        print(json.dumps(case, separators=(",", ":")))


if __name__ == "__main__":
    main()
