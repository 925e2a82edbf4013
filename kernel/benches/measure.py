"""Measures the kernel beside its peers, on this machine, in the same minutes.

    python3 kernel/benches/measure.py [--starts N] [--rounds N] [KERNEL …]

For each kernel that Jupyter finds (`taskloom`, `rust` which is evcxr_jupyter, `python3` which is ipykernel): the time
from starting the process to the reply to kernel_info, and to the first result; the median time of a cell, from sending
it to the idle status, over a script of 20 cells; and the memory of the process tree as proportional set size. The
kernels take turns, so a slow minute of the machine hits all of them. `taskloom`'s cells use its engine and Polars,
which are linked into all of them; `rust` runs the same script in terms of the standard library alone.

It needs jupyter_client, which Taskloom's private Python environment has; run by another Python, it starts itself again
with that one.
"""

import argparse
import os
import pathlib
import statistics
import sys
import time

HOME = pathlib.Path(
    os.environ.get("TASKLOOM_HOME")
    or pathlib.Path(os.environ.get("XDG_DATA_HOME") or pathlib.Path.home() / ".local/share") / "taskloom"
)

try:
    import jupyter_client
except ImportError:
    private = HOME / "python/bin/python"
    if not private.is_file():
        sys.exit(f"error: there is no Python environment in {HOME}; `cargo lab --no-lab` makes it")
    os.execv(private, [str(private), *sys.argv])

os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [str(HOME / "jupyter"), os.environ.get("JUPYTER_PATH")]))

RUST = [
    "1 + 2",
    "let v: Vec<i64> = (0..10).collect();",
    "v.iter().sum::<i64>()",
    "fn square(x: i64) -> i64 { x * x }",
    "square(12)",
    "let squares: Vec<i64> = v.iter().map(|&x| square(x)).collect();",
    "squares",
    'println!("{}", squares.len());',
    "#[derive(Debug, Clone)]\nstruct Point { x: f64, y: f64 }",
    "let p: Point = Point { x: 1.0, y: 2.0 };",
    "p.x * p.x + p.y * p.y",
    "use std::collections::HashMap;",
    "let mut counts: HashMap<String, i64> = HashMap::new();",
    'for word in "to be or not to be".split(\' \') { *counts.entry(word.to_string()).or_default() += 1; }',
    'counts["be"]',
    "let total: i64 = squares.iter().sum();",
    "total",
    'let text: String = format!("{total} in all");',
    "text.len()",
    "v.len() + squares.len()",
]

TASKLOOM = [
    "use taskloom::prelude::*;\nuse taskloom::polars::prelude::*;",
    "let v = vec![1i64, 2, 3];",
    "v.iter().sum::<i64>()",
    "fn inc(x: i64) -> i64 { x + 1 }\nfn add(x: i64, y: i64) -> i64 { x + y }",
    "inc(12)",
    "let x = delayed!(inc(1));",
    "let y = delayed!(inc(2));",
    "let z = delayed!(add(x, y));",
    "z",
    "z.compute()?",
    "z.visualize()",
    "let parts: Vec<_> = (0..10).map(|n| delayed!(inc(n))).collect();",
    "let total: Delayed<i64> = parts.into_iter().sum();",
    "total.compute()?",
    'let frame = df!("a" => [1i64, 2, 3], "b" => [1.0, 2.0, 4.0])?;',
    "frame",
    'let sums = frame.clone().lazy().group_by([col("a")]).agg([col("b").sum()]);',
    "sums.collect()?.height()",
    'let text = format!("{:?}", v);',
    "text.len()",
]

PYTHON = [
    "1 + 2",
    "v = list(range(10))",
    "sum(v)",
    "def square(x): return x * x",
    "square(12)",
    "squares = [square(x) for x in v]",
    "squares",
    "print(len(squares))",
    "class Point:\n    def __init__(self, x, y): self.x, self.y = x, y",
    "p = Point(1.0, 2.0)",
    "p.x * p.x + p.y * p.y",
    "import collections",
    "counts = collections.Counter()",
    "counts.update('to be or not to be'.split(' '))",
    "counts['be']",
    "total = sum(squares)",
    "total",
    "text = f'{total} in all'",
    "len(text)",
    "len(v) + len(squares)",
]

KERNELS = {"taskloom": ("1 + 2", TASKLOOM), "rust": ("1 + 2", RUST), "python3": ("1 + 2", PYTHON)}


def children_of_all():
    """Of each process those that it has started."""
    children = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError, ValueError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    return children


def tree(pid, children):
    """A process and all below it."""
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        waiting += children.get(found[-1], [])
    return found


def memory_mib(*pids):
    """Proportional set size: pages that several processes share count once among them."""
    total, children = 0, children_of_all()
    for process in (process for pid in pids for process in tree(pid, children)):
        try:
            text = pathlib.Path(f"/proc/{process}/smaps_rollup").read_text()
        except OSError:
            continue
        total += next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)
    return total / 1024


class Kernel:
    def __init__(self, name):
        self.began = time.monotonic()
        self.manager = jupyter_client.KernelManager(kernel_name=name)
        self.manager.start_kernel()
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=120)
        self.ready = time.monotonic() - self.began

    def run(self, code):
        """Seconds from the request to the idle status."""
        began = time.monotonic()
        request = self.client.execute(code)
        failed = None
        while True:
            message = self.client.get_iopub_msg(timeout=120)
            if message["parent_header"].get("msg_id") != request:
                continue
            if message["msg_type"] == "error":
                failed = message["content"]
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                break
        self.client.get_shell_msg(timeout=120)
        if failed:
            sys.exit(f"error: the cell {code!r} failed: {failed['ename']}: {failed['evalue']}")
        return time.monotonic() - began

    def memory(self):
        return memory_mib(self.manager.provisioner.process.pid) if sys.platform == "linux" else float("nan")

    def stop(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kernels", nargs="*", help="kernels to measure (default: all of them that are installed)")
    parser.add_argument("--starts", type=int, default=5, help="starts of each kernel (default 5)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each script (default 3)")
    options = parser.parse_args()
    installed = jupyter_client.kernelspec.KernelSpecManager().find_kernel_specs()
    names = options.kernels or list(KERNELS)
    for name in names:
        if name not in installed:
            print(f"{name}: not installed, left out")
    names = [name for name in names if name in installed]
    measured = {name: {"ready": [], "first": [], "cells": [], "idle": [], "after": []} for name in names}
    for _ in range(options.starts):
        for name in names:
            kernel = Kernel(name)
            measured[name]["ready"].append(kernel.ready)
            kernel.run(KERNELS[name][0])
            measured[name]["first"].append(time.monotonic() - kernel.began)
            measured[name]["idle"].append(kernel.memory())
            kernel.stop()
    for _ in range(options.rounds):
        for name in names:
            kernel = Kernel(name)
            kernel.run(KERNELS[name][0])
            measured[name]["cells"] += [kernel.run(cell) for cell in KERNELS[name][1]]
            measured[name]["after"].append(kernel.memory())
            kernel.stop()
    rows = [
        ("kernel_info reply after start, s", "ready"),
        ("first result after start, s", "first"),
        ("a cell, median of 20, s", "cells"),
        ("memory after the first result, MiB", "idle"),
        ("memory after the script, MiB", "after"),
    ]
    print(f"medians; {options.starts} starts and {options.rounds} runs of each script; {os.cpu_count()} cores")
    print(f"{'':38}" + "".join(f"{name:>12}" for name in names) + "".join(f"{f'{names[0]}/{n}':>18}" for n in names[1:]))
    for label, key in rows:
        medians = [statistics.median(measured[name][key]) for name in names]
        digits = 0 if "MiB" in label else 3
        ratios = "".join(f"{medians[0] / median:>18.2f}" for median in medians[1:])
        print(f"{label:38}" + "".join(f"{median:>12.{digits}f}" for median in medians) + ratios)
    worst = {name: max(measured[name]["cells"]) for name in names}
    print(f"{'the slowest cell, s':38}" + "".join(f"{worst[name]:>12.3f}" for name in names))


if __name__ == "__main__":
    main()
