"""Asks DuckDB, and pandas where it means the same, what random operations on random frames give, for tests/frame_oracle.rs.

    python engine/tests/oracle/frame.py [CASES [SEED]] > engine/tests/oracle/frame.jsonl

Each line is one frame, how it is cut into partitions, what is done to it, and the rows that come out; but for `sort`, in no order.
A text `\\u0001a3000` stands for 3000 times the letter.
"""

import datetime
import json
import math
import random
import sys

import duckdb
import pandas as pd
import pyarrow as pa

ARROW = {"i": pa.int64(), "f": pa.float64(), "s": pa.string(), "c": pa.string(), "b": pa.bool_(), "t": pa.timestamp("us")}
WORDS = ["", "a", "b", "A", "ab", "Å", "é", "日本", "a b", "nan", "null", "0", "\u0001x3000"]
EPOCH = datetime.datetime(1970, 1, 1)


def whole(word):
    return word[1] * int(word[2:]) if isinstance(word, str) and word.startswith("\u0001") else word


def value(rng, kind, spread, special):
    if kind == "i":
        return rng.randint(-spread, spread) if rng.random() < 0.95 or not special else rng.choice([2**40, -(2**40), 2**31])
    if kind == "f":
        plain = rng.randint(-spread * 4, spread * 4) / 4
        return rng.choice(["nan", "inf", "-inf", -0.0, 0.0]) if special and rng.random() < 0.15 else plain
    if kind in "sc":
        return rng.choice(WORDS[: max(2, spread)]) if spread < 12 or rng.random() < 0.97 else WORDS[-1]
    if kind == "b":
        return rng.random() < 0.5
    return rng.randint(-(10**15), 2 * 10**15) if spread > 5 else 1_420_070_400_000_000 + rng.randint(0, 90) * 3_600_000_000


def table(rng, columns, rows, clean):
    made = {}
    for name, (kind, spread, special) in columns.items():
        holes = 0 if clean else rng.choice([0, 0.1, 0.4, 1 if rng.random() < 0.1 else 0.2])
        values = [None if rng.random() < holes else value(rng, kind, spread, special and not clean) for _ in range(rows)]
        made[name] = {"type": kind, "values": values}
    return made


def pieces(rng, rows):
    if rng.random() < 0.15:
        return [rows]
    parts = [0] * rng.randint(1, 5)
    for _ in range(rows):
        parts[rng.randrange(len(parts))] += 1
    return parts


def arrow(columns):
    floats = lambda value: float(value) if isinstance(value, (str, float)) else value
    arrays = {}
    for name, column in columns.items():
        values = [floats(v) for v in column["values"]] if column["type"] == "f" else [whole(v) for v in column["values"]]
        arrays[name] = pa.array(values, type=ARROW[column["type"]])
    rows = len(next(iter(columns.values()))["values"])
    return pa.table({**arrays, "__row": pa.array(range(rows), type=pa.int64())})


def sql(kind, literal):
    if kind in "sc":
        return "'" + whole(literal).replace("'", "''") + "'"
    if kind == "f":
        return f"CAST('{literal}' AS DOUBLE)"
    if kind == "t":
        return f"make_timestamp({literal})"
    return str(literal)


OPERATORS = {"gt": ">", "lt": "<", "ge": ">=", "le": "<=", "eq": "=", "ne": "<>"}
# What is not said the same: a sum of nothing is 0, null is a value to n_unique, and NaN is less than any number to max.
AGGREGATES = {
    "sum": "coalesce(sum({c}), 0)",
    "trues": "coalesce(sum(CAST({c} AS INT)), 0)",
    "mean": "avg({c})",
    "count": "count({c})",
    "len": "count(*)",
    "min": "min({c})",
    "max": "max({c})",
    "std": "stddev_samp({c})",
    "var": "var_samp({c})",
    "median": "median({c})",
    "n_unique": "count(DISTINCT {c}) + CAST(count(*) > count({c}) AS INT)",
    "first": "first({c} ORDER BY __row)",
    "last": "last({c} ORDER BY __row)",
}
NAN_AWARE = {"min": "coalesce(min({c}) FILTER (NOT isnan({c})), min({c}))", "max": "coalesce(max({c}) FILTER (NOT isnan({c})), max({c}))"}
WITH = {
    "add": "{c} + {v}", "mul": "{c} * {v}", "half": "{c} / 2.0", "neg": "-{c}", "upper": "upper({c})", "length": "length({c})",
    "hour": "hour({c})", "month": "month({c})", "day": "date_trunc('day', {c})", "is_null": "{c} IS NULL",
    "fill": "coalesce({c}, {v})", "when": "CASE WHEN {c} > {v} THEN {c} ELSE NULL END", "text": "CAST({c} AS VARCHAR)",
}


class State:
    """A query, its columns by name with their kinds, which of them may be NaN, and whether the order of rows is known."""

    def __init__(self, columns, clean):
        self.query = "frame"
        self.kinds = {name: column["type"] for name, column in columns.items()}
        self.special = {name for name in ["x"] if not clean}
        self.ordered = True
        self.groups = 0
        self.clean = clean

    def names(self, kinds="ifscbt"):
        return [name for name, kind in self.kinds.items() if kind in kinds]

    def select(self, expressions, after=""):
        row = ", __row" if self.ordered else ""
        self.query = f"(SELECT {', '.join(expressions)}{row} FROM {self.query} {after})"


def step(rng, state):
    kind = rng.choice(["filter"] * 3 + ["with"] * 4 + ["groupby"] * 4 + ["join"] * 3 + ["select", "rename", "dropna", "unique", "distinct",
                                                                                 "concat", "repartition", "shuffle", "sort"])
    every = [f'"{name}"' for name in state.kinds]
    if kind == "filter":
        name = rng.choice(list(state.kinds))
        type_ = state.kinds[name]
        if rng.random() < 0.2:
            op = rng.choice(["null", "not_null"])
            state.select(every, f'WHERE "{name}" IS {"NOT " if op == "not_null" else ""}NULL')
            return {"kind": kind, "column": name, "op": op}
        op = rng.choice(list(OPERATORS) if type_ in "ifst" else ["eq", "ne"])
        literal = value(rng, type_, 4, False)
        state.select(every, f'WHERE "{name}" {OPERATORS[op]} {sql(type_, literal)}')
        return {"kind": kind, "column": name, "op": op, "type": type_, "value": literal}
    if kind == "with":
        name = rng.choice(list(state.kinds))
        type_ = state.kinds[name]
        hows = {"i": ["add", "mul", "half", "neg", "fill", "when", "text", "is_null"], "f": ["add", "mul", "half", "neg", "fill", "is_null"],
                "s": ["upper", "length", "fill", "is_null"], "t": ["hour", "month", "day", "is_null"], "b": ["is_null"], "c": ["is_null"]}
        how = rng.choice(hows[type_])
        literal = value(rng, type_, 3, False) if how in ("add", "mul", "fill", "when") else None
        new = rng.choice([name, "n1", "n2"])
        gives = {"half": "f", "length": "i", "hour": "i", "month": "i", "is_null": "b", "text": "s"}.get(how, type_)
        text = WITH[how].format(c=f'"{name}"', v=sql(type_, literal) if literal is not None else "")
        rest = [f'"{other}"' for other in state.kinds if other != new]
        state.select(rest + [f'{text} AS "{new}"'])
        special = name in state.special and gives == "f"
        state.kinds[new] = gives
        state.special = state.special | {new} if special else state.special - {new}
        return {"kind": kind, "name": new, "how": how, "column": name, "type": type_, "value": literal}
    if kind == "select":
        names = rng.sample(list(state.kinds), rng.randint(1, len(state.kinds)))
        state.select([f'"{name}"' for name in names])
        state.kinds = {name: state.kinds[name] for name in names}
        state.special &= set(names)
        return {"kind": kind, "names": names}
    if kind == "rename":
        old, new = rng.choice(list(state.kinds)), "r"
        if new in state.kinds:
            return None
        state.select([f'"{name}" AS "{new}"' if name == old else f'"{name}"' for name in state.kinds])
        state.kinds = {new if name == old else name: type_ for name, type_ in state.kinds.items()}
        state.special = {new if name == old else name for name in state.special}
        return {"kind": kind, "old": old, "new": new}
    if kind == "dropna":
        names = rng.sample(list(state.kinds), rng.randint(1, min(2, len(state.kinds))))
        state.select(every, "WHERE " + " AND ".join(f'"{name}" IS NOT NULL' for name in names))
        return {"kind": kind, "names": names}
    if kind == "unique":
        state.ordered = False
        state.select(["DISTINCT " + every[0]] + every[1:])
        return {"kind": kind}
    if kind == "distinct" and state.ordered:
        names = rng.sample(list(state.kinds), rng.randint(1, min(2, len(state.kinds))))
        keep = rng.choice(["first", "last"])
        quoted = ", ".join(f'"{name}"' for name in names)
        order = "__row" if keep == "first" else "__row DESC"
        state.select(every, f"QUALIFY row_number() OVER (PARTITION BY {quoted} ORDER BY {order}) = 1")
        state.ordered = False
        return {"kind": kind, "names": names, "keep": keep}
    if kind == "concat":
        state.ordered = False
        state.select(every)
        state.query = f"(SELECT * FROM {state.query} UNION ALL SELECT * FROM {state.query})"
        return {"kind": kind}
    if kind == "repartition":
        return {"kind": kind, "n": rng.randint(1, 5)}
    if kind == "shuffle":
        state.ordered = False
        return {"kind": kind, "names": rng.sample(list(state.kinds), 1), "n": rng.randint(1, 4)}
    if kind == "sort":
        names = rng.sample(state.names("ifsbt") or ["?"], min(rng.randint(1, 3), max(1, len(state.names("ifsbt")))))
        if "?" in names:
            return None
        flags = lambda: [rng.random() < 0.5 for _ in names]
        descending, last = flags(), flags()
        order = ", ".join(
            f'"{name}" {"DESC" if down else "ASC"} NULLS {"LAST" if nulls else "FIRST"}' for name, down, nulls in zip(names, descending, last)
        )
        state.query = f"(SELECT {', '.join(every)} FROM {state.query} ORDER BY {order})"
        state.ordered = False
        return {"kind": kind, "names": names, "descending": descending, "nulls_last": last}
    if kind == "groupby":
        keys = rng.sample(list(state.kinds), rng.randint(1, min(2, len(state.kinds))))
        values = [name for name in state.kinds if name not in keys]
        aggregates = []
        for at in range(rng.randint(1, 4)):
            if not values:
                break
            name = rng.choice(values)
            type_ = state.kinds[name]
            numbers = ["sum", "mean", "min", "max"] + ([] if name in state.special else ["std", "var", "median"])
            names = {"i": numbers, "f": numbers, "s": ["min", "max"], "t": ["min", "max"], "b": ["trues"], "c": []}[type_]
            how = rng.choice(names + ["count", "len", "n_unique"] + (["first", "last"] if state.ordered else []))
            aggregates.append([how, name, f"m{state.groups}{at}"])
        aggregates = aggregates or [["len", keys[0], f"m{state.groups}"]]
        state.groups += 1
        expressions = []
        kinds = {name: state.kinds[name] for name in keys}
        special = {name for name in keys if name in state.special}
        for how, name, new in aggregates:
            text = (NAN_AWARE if name in state.special else {}).get(how) or AGGREGATES[how]
            expressions.append(text.format(c=f'"{name}"') + f' AS "{new}"')
            kinds[new] = {"mean": "f", "std": "f", "var": "f", "median": "f", "count": "i", "len": "i", "n_unique": "i", "trues": "i"}.get(how) or (
                state.kinds[name]
            )
            special |= {new} if name in state.special and kinds[new] == "f" else set()
        quoted = [f'"{name}"' for name in keys]
        state.query = f"(SELECT {', '.join(quoted + expressions)} FROM {state.query} GROUP BY {', '.join(quoted)})"
        state.kinds, state.special, state.ordered = kinds, special, False
        return {"kind": kind, "keys": keys, "aggregates": aggregates}
    if kind == "join":
        fits = [name for name, type_ in OTHER.items() if name in ("k", "g") and state.kinds.get(name) == type_]
        if not fits or {"w", "z"} & set(state.kinds):
            return None
        on = rng.sample(fits, rng.randint(1, len(fits)))
        how = rng.choice(["inner", "left", "outer", "semi", "anti"])
        new = [name for name in OTHER if name not in on and name != "g" and name != "k"]
        using = ", ".join(f'"{name}"' for name in on)
        mine = ", ".join(f'"{name}"' for name in state.kinds)
        theirs = ", ".join(f'"{name}"' for name in on + new)
        words = {"inner": "JOIN", "left": "LEFT JOIN", "outer": "FULL JOIN", "semi": "SEMI JOIN", "anti": "ANTI JOIN"}[how]
        got = mine if how in ("semi", "anti") else mine + ", " + ", ".join(f'"{name}"' for name in new)
        state.query = f"(SELECT {got} FROM (SELECT {mine} FROM {state.query}) {words} (SELECT {theirs} FROM other) USING ({using}))"
        if how not in ("semi", "anti"):
            state.kinds |= {name: OTHER[name] for name in new}
            state.special -= set(new)
        state.ordered = False
        return {"kind": kind, "how": how, "on": on, "names": on + new, "strategy": rng.choice(["auto", "shuffle", "broadcast"])}
    return None


OTHER = {"k": "s", "g": "i", "w": "i", "z": "s"}
FAULTS = [
    ({"kind": "filter", "column": "nowhere", "op": "gt", "type": "i", "value": 1}, "nowhere"),
    ({"kind": "select", "names": ["k", "nowhere"]}, "nowhere"),
    ({"kind": "rename", "old": "nowhere", "new": "r"}, "nowhere"),
    ({"kind": "dropna", "names": ["nowhere"]}, "nowhere"),
    ({"kind": "distinct", "names": ["nowhere"], "keep": "first"}, "nowhere"),
    ({"kind": "shuffle", "names": ["nowhere"], "n": 2}, "nowhere"),
    ({"kind": "sort", "names": ["nowhere"], "descending": [False], "nulls_last": [False]}, "nowhere"),
    ({"kind": "groupby", "keys": ["nowhere"], "aggregates": [["sum", "a", "m0"]]}, "nowhere"),
    ({"kind": "groupby", "keys": ["k"], "aggregates": [["sum", "nowhere", "m0"]]}, "nowhere"),
    ({"kind": "join", "how": "inner", "on": ["nowhere"], "names": ["k", "w"], "strategy": "auto"}, "nowhere"),
    ({"kind": "with", "name": "n1", "how": "half", "column": "nowhere", "type": "i", "value": None}, "nowhere"),
    ({"kind": "rename", "old": "a", "new": "k"}, "k"),
]


def written(found):
    if isinstance(found, datetime.datetime):
        return (found - EPOCH) // datetime.timedelta(microseconds=1)
    if isinstance(found, float) and not math.isfinite(found):
        return "nan" if math.isnan(found) else "inf" if found > 0 else "-inf"
    if isinstance(found, str) and len(found) > 1000 and len(set(found)) == 1:
        return f"\u0001{found[0]}{len(found)}"
    return found


CONNECTION = duckdb.connect(config={"threads": 1})


def by_duckdb(case, state):
    connection = CONNECTION
    connection.register("frame", arrow(case["frame"]))
    connection.register("other", arrow(case["other"]))
    names = list(state.kinds)
    quoted = ", ".join(f'"{name}"' for name in names)
    rows = connection.execute(f"SELECT {quoted} FROM {state.query}").fetchall()
    floats = [kind == "f" for kind in state.kinds.values()]
    cast = lambda row: [written(float(v) if is_float and v is not None else v) for v, is_float in zip(row, floats)]
    return [cast(row) for row in rows]


class Different(Exception):
    """pandas does not mean the same by this."""


def by_pandas(case):
    """The rows by pandas, for frames in which nothing is missing."""
    d, other = arrow(case["frame"]).to_pandas(), arrow(case["other"]).to_pandas().drop(columns="__row")
    compare = {"gt": "__gt__", "lt": "__lt__", "ge": "__ge__", "le": "__le__", "eq": "__eq__", "ne": "__ne__"}
    for step in case["steps"]:
        kind = step["kind"]
        if kind == "filter" and step["op"] in compare and step["type"] in "isfb":
            d = d[getattr(d[step["column"]], compare[step["op"]])(whole(step["value"]))]
        elif kind == "with" and step["how"] in ("add", "mul", "half", "neg"):
            c, v = d[step["column"]], step["value"]
            made = {"add": lambda: c + v, "mul": lambda: c * v, "half": lambda: c / 2, "neg": lambda: -c}[step["how"]]()
            d = d.assign(**{step["name"]: made})
        elif kind == "select":
            d = d[step["names"] + ["__row"] * ("__row" in d)]
        elif kind == "rename":
            d = d.rename(columns={step["old"]: step["new"]})
        elif kind in ("repartition", "shuffle", "dropna"):
            pass
        elif kind == "distinct":
            d = d.drop_duplicates(step["names"], keep=step["keep"])
        elif kind == "concat":
            d = pd.concat([d, d])
        elif kind == "sort":
            d = d.sort_values(step["names"], ascending=[not down for down in step["descending"]], kind="stable")
        elif kind == "join" and step["how"] == "inner":
            d = d.merge(other[step["names"]], on=step["on"])
        elif kind == "groupby" and all(how in ("sum", "mean", "min", "max", "median", "count", "first", "last") for how, _, _ in step["aggregates"]):
            d = d.groupby(step["keys"]).agg(**{new: (name, how) for how, name, new in step["aggregates"]}).reset_index()
        else:
            raise Different
    d = d[[name for name in case["gives"]["columns"]]]
    plain = lambda v: written(v.to_pydatetime() if isinstance(v, pd.Timestamp) else v.item() if hasattr(v, "item") else v)
    return [[plain(v) for v in row] for row in d.itertuples(index=False, name=None)]


def agree(one, two):
    if isinstance(one, float) and isinstance(two, (float, int)) and not isinstance(two, bool):
        return abs(one - two) <= 1e-9 * max(1.0, abs(two))
    return one == two


def same(rows, others):
    left = list(others)
    for row in rows:
        at = next((at for at, other in enumerate(left) if all(map(agree, row, other))), None)
        if at is None:
            return False
        left.pop(at)
    return not left


def case(rng):
    clean = rng.random() < 0.3
    rows = rng.choice([0, 1, 2, 3]) if rng.random() < 0.15 else rng.randint(4, 14) if rng.random() < 0.96 else 60
    columns = {"k": ("c" if rng.random() < 0.15 else "s", 4, False), "g": ("i", 2, False), "a": ("i", 9, True), "x": ("f", 3, True), "y": ("f", 9, False)}
    more = {"s": ("s", 13, False), "b": ("b", 2, False), "t": ("t", rng.choice([2, 9]), False)}
    columns |= {name: how for name, how in more.items() if rng.random() < 0.35}
    made = {"frame": table(rng, columns, rows, clean), "parts": pieces(rng, rows)}
    count = rng.choice([0, 1, 4, 6])
    other = table(rng, {"k": ("s", 5, False), "g": ("i", 3, False), "w": ("i", 9, False), "z": ("s", 12, False)}, count, clean)
    made |= {"other": other, "other_parts": pieces(rng, count)}
    if rng.random() < 0.04:
        fault, says = rng.choice(FAULTS)
        return made | {"steps": [fault], "raises": says}
    state = State(made["frame"], clean)
    steps = []
    for _ in range(rng.randint(1, 4)):
        done = step(rng, state)
        if done:
            steps.append(done)
        if done and done["kind"] == "sort":
            break
    made["steps"] = steps
    rows = by_duckdb(made, state)
    made["gives"] = {"columns": list(state.kinds), "types": "".join(state.kinds.values()), "rows": rows}
    if clean:
        try:
            others = by_pandas(made)
        except Different:
            others = None
        if others is not None:
            assert same(rows, others), f"pandas and DuckDB differ: {json.dumps(made)}\n{others}"
            made["peers"] = 2
    return made


if __name__ == "__main__":
    cases, seed = (int(argument) for argument in (sys.argv[1:] + ["1000", "6"][len(sys.argv) - 1 :])[:2])
    rng = random.Random(seed)
    written_cases = twice = 0
    while written_cases < cases:
        try:
            made = case(rng)
        except duckdb.Error as error:
            # Numbers beyond what a type holds.
            if "Binder" in str(error):
                print(error, file=sys.stderr)
                continue
            if "Out of Range" in str(error) or "OutOfRange" in type(error).__name__:
                continue
            raise
        # Only what is used is worth writing.
        if not any(step["kind"] == "join" for step in made["steps"]):
            del made["other"], made["other_parts"]
        twice += made.pop("peers", 1) == 2
        print(json.dumps(made, ensure_ascii=False, separators=(",", ":")))
        written_cases += 1
    print(f"{cases} cases, {twice} of them by pandas too", file=sys.stderr)
