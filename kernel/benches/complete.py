"""Measures completion and inspection beside the peers, idle and while a cell runs.

    python3 kernel/benches/complete.py [--rounds N] [KERNEL …]

For each kernel that Jupyter finds (`taskloom`, `rust` which is evcxr_jupyter, `python3` which is ipykernel): the time
to the first completion of a session, the median over N (default 30) completions and as many inspections, from the
request to the reply, each of another text so that no answer can be one that was kept; the same while a cell sleeps; and
the memory of the process tree before and after. "–" is a kernel that does not answer before the cell is over, and in
brackets stands how many of the answers named what was asked for.

It needs jupyter_client, which Taskloom's private Python environment has; see measure.py.
"""

import argparse
import os
import queue
import statistics
import sys
import time

from measure import memory_mib  # which also finds the Python environment
import jupyter_client

# How long a cell sleeps while completion is measured.
SLEEP = 20

RUST = {
    "prepare": ["let v: Vec<i64> = vec![1, 2, 3];\nlet text: String = String::from(\"a\");", "fn half(x: f64) -> f64 { x / 2.0 }"],
    "complete": [
        ("let a{n} = {n};\nv.pu", "push"),
        ("let a{n} = {n};\nv.iter().fil", "filter"),
        ("let a{n} = {n};\ntext.push", "push_str"),
        ("let a{n} = {n};\nhal", "half"),
        ("let a{n} = {n};\nstd::collections::Ha", "HashMap"),
    ],
    "inspect": [("let a{n} = {n};\nv.push", "push"), ("let a{n} = {n};\nhalf", "half")],
    "sleep": f"std::thread::sleep(std::time::Duration::from_secs({SLEEP}));",
}
TASKLOOM = {
    "prepare": [
        "use taskloom::prelude::*;\nuse taskloom::polars::prelude::*;",
        'let frame = df!("a" => [1i64, 2, 3])?;\nlet later = delayed_value(1);',
        *RUST["prepare"],
    ],
    "complete": [
        *RUST["complete"],
        ("let a{n} = {n};\nframe.la", "lazy"),
        ("let a{n} = {n};\nlater.comp", "compute"),
    ],
    "inspect": RUST["inspect"],
    "sleep": RUST["sleep"],
}
PYTHON = {
    "prepare": ["import collections\nv = [1, 2, 3]\ntext = 'a'", "def half(x): return x / 2"],
    "complete": [
        ("a{n} = {n}\nv.app", "append"),
        ("a{n} = {n}\ntext.upp", "upper"),
        ("a{n} = {n}\nhal", "half"),
        ("a{n} = {n}\ncollections.Cou", "Counter"),
    ],
    "inspect": [("a{n} = {n}\nv.append", "append"), ("a{n} = {n}\nhalf", "half")],
    "sleep": f"import time; time.sleep({SLEEP})",
}
KERNELS = {"taskloom": TASKLOOM, "rust": RUST, "python3": PYTHON}


class Kernel:
    def __init__(self, name):
        self.script = KERNELS[name]
        self.manager = jupyter_client.KernelManager(kernel_name=name)
        self.manager.start_kernel()
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=120)
        self.asked = 0
        for cell in self.script["prepare"]:
            reply = self.client.execute_interactive(cell, timeout=120, output_hook=lambda _: None)
            if reply["content"]["status"] != "ok":
                sys.exit(f"error: the cell {cell!r} failed in {name}: {reply['content']}")

    def ask(self, kind, patience, sample=None):
        """Seconds to the reply, or None if it did not come in time; and whether it names what was asked for."""
        samples = self.script[kind]
        code, wanted = samples[self.asked % len(samples) if sample is None else sample]
        self.asked += 1
        code = code.replace("{n}", str(self.asked))
        began = time.monotonic()
        request = self.client.complete(code) if kind == "complete" else self.client.inspect(code)
        while (left := began + patience - time.monotonic()) > 0:
            try:
                message = self.client.get_shell_msg(timeout=left)
            except queue.Empty:
                break
            if message["parent_header"].get("msg_id") == request:
                content = message["content"]
                text = " ".join(content["matches"]) if kind == "complete" else content["data"].get("text/plain", "")
                return time.monotonic() - began, wanted in text
        return None, False

    def median(self, kind, rounds, deadline=None):
        """The median in milliseconds with how many of the answers were right; "–" if they come too late."""
        times, right = [], 0
        for _ in range(rounds):
            patience = 30 if deadline is None else deadline - time.monotonic()
            seconds, named = self.ask(kind, max(patience, 0.0))
            if seconds is None:
                return "–"
            times.append(seconds)
            right += named
        return f"{statistics.median(times) * 1000:.1f} ({right}/{rounds})"

    def memory(self):
        return f"{memory_mib(self.manager.provisioner.process.pid):.0f}" if sys.platform == "linux" else "?"

    def stop(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def measure(name, rounds):
    kernel = Kernel(name)
    try:
        rows = {"memory before, MiB": kernel.memory()}
        # Until the first answer that names a method: a kernel may have names alone while it reads its libraries.
        began = time.monotonic()
        named = False
        while not named and time.monotonic() - began < 120:
            _, named = kernel.ask("complete", 60, sample=0)
        rows["first completion that knows the type, ms"] = f"{(time.monotonic() - began) * 1000:.0f}" if named else "–"
        for _ in range(2 * len(kernel.script["complete"])):
            kernel.ask("complete", 30)
        rows["completion, median ms"] = kernel.median("complete", rounds)
        rows["inspection, median ms"] = kernel.median("inspect", rounds)
        rows["memory after, MiB"] = kernel.memory()
        kernel.client.execute(kernel.script["sleep"])
        deadline = time.monotonic() + SLEEP - 1
        time.sleep(1)
        rows["completion while a cell runs, median ms"] = kernel.median("complete", rounds, deadline)
        rows["inspection while a cell runs, median ms"] = kernel.median("inspect", rounds, deadline)
        return rows
    finally:
        kernel.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kernels", nargs="*", help="kernels to measure (default: all of them that are installed)")
    parser.add_argument("--rounds", type=int, default=30, help="completions and inspections of each kind (default 30)")
    options = parser.parse_args()
    installed = jupyter_client.kernelspec.KernelSpecManager().find_kernel_specs()
    names = [name for name in options.kernels or KERNELS if name in installed]
    for name in set(options.kernels or KERNELS) - set(names):
        print(f"{name}: not installed, left out")
    measured = {name: measure(name, options.rounds) for name in names}
    print(f"{options.rounds} rounds; {os.cpu_count()} cores; in brackets: answers that named what was asked for")
    print(f"{'':44}" + "".join(f"{name:>20}" for name in names))
    for row in measured[names[0]] if names else ():
        print(f"{row:44}" + "".join(f"{measured[name][row]:>20}" for name in names))


if __name__ == "__main__":
    main()
