"""Measures what shows only in a long session or a full room, on this machine.

    python3 kernel/benches/long.py [growth [CELLS]] [numeric] [crowd [KERNELS]]

`growth`: the time of a cell at the beginning and at the end of a session of CELLS cells (500) that define functions and
variables and use them. `numeric`: loops over numbers in a cell, as functions and as statements, beside the same code
compiled by `rustc -C opt-level=3`. `crowd`: so many kernels (20) at once, each running the first notebook with its
solutions; the time until all have finished, and the most memory (proportional set size) that they held together. With
nothing said, all three.

It needs jupyter_client and nbclient, which Taskloom's private Python environment has; see measure.py.
"""

import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from measure import memory_mib  # which also finds the Python environment
from jupyter_client.manager import KernelManager

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Kernel:
    def __init__(self, **options):
        self.manager = KernelManager(kernel_name="taskloom")
        self.manager.start_kernel(**options)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=120)

    def run(self, code):
        """The seconds until the idle status, and all text that came."""
        began, texts, id = time.monotonic(), [], self.client.execute(code)
        while True:
            message = self.client.get_iopub_msg(timeout=600)
            if message["parent_header"].get("msg_id") != id:
                continue
            content = message["content"]
            if message["msg_type"] == "error":
                sys.exit(f"error: a cell failed:\n{code}\n{content['evalue']}")
            if message["msg_type"] == "stream":
                texts.append(content["text"])
            if "data" in content:
                texts.append(content["data"].get("text/plain", ""))
            if message["msg_type"] == "status" and content["execution_state"] == "idle":
                seconds = time.monotonic() - began
                self.client.get_shell_msg(timeout=60)
                return seconds, "".join(texts)

    def end(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def growth(cells):
    """One of each kind in turn: a variable, a function, the use of a variable, the use of a function."""
    kernel, times = Kernel(), []
    for n in range(cells):
        kind, back = n % 4, max(n - 2, 0)
        code = [
            f"let v{n} = vec![{n}, 2, 3];",
            f"fn f{n}(x: i64) -> i64 {{ (0..x).map(|k| k * {n}).sum() }}",
            f"v{back}.iter().sum::<i32>()" if n >= 4 else "1 + 1",
            f'println!("{{}}", f{back}(10));' if n >= 4 else "2 + 2",
        ][kind]
        times.append(kernel.run(code)[0])
    kernel.end()
    early, late = statistics.median(times[4:28]), statistics.median(times[-24:])
    print(f"a cell: {early:.3f} s at the beginning, {late:.3f} s after {cells} cells; {late / early:.2f} times")


NUMERIC = {
    "dot": "fn dot(n: usize) -> f64 { let a: Vec<f64> = (0..n).map(|i| i as f64 * 0.5).collect(); let b: Vec<f64> = (0..n).map(|i| 1.0 / (i as f64 + 1.0)).collect(); let mut s = 0.0; for _ in 0..20 { s += a.iter().zip(&b).map(|(x, y)| x * y).sum::<f64>(); } s }",
    "sieve": "fn sieve(n: usize) -> f64 { let mut p = vec![true; n]; let mut i = 2; while i * i < n { if p[i] { let mut j = i * i; while j < n { p[j] = false; j += i; } } i += 1; } p.iter().filter(|&&x| x).count() as f64 }",
    "matmul": "fn matmul(n: usize) -> f64 { let a: Vec<f64> = (0..n * n).map(|i| (i % 7) as f64).collect(); let mut c = vec![0.0; n * n]; for i in 0..n { for k in 0..n { let x = a[i * n + k]; for j in 0..n { c[i * n + j] += x * a[k * n + j]; } } } c.iter().sum() }",
    "collatz": "fn collatz(n: usize) -> f64 { let mut most = 0u64; for s in 1..n as u64 { let (mut x, mut k) = (s, 0u64); while x != 1 { x = if x % 2 == 0 { x / 2 } else { 3 * x + 1 }; k += 1; } most = most.max(k); } most as f64 }",
}
SIZES = {"dot": 1_000_000, "sieve": 20_000_000, "matmul": 400, "collatz": 600_000}
TIMED = "{ let mut t: Vec<f64> = Vec::new(); for _ in 0..5 { let b = std::time::Instant::now(); std::hint::black_box(CALL); t.push(b.elapsed().as_secs_f64()); } t.sort_by(f64::total_cmp); println!(\"took {}\", t[2]); }"


def numeric():
    kernel = Kernel()
    for name, function in NUMERIC.items():
        call = f"{name}(std::hint::black_box({SIZES[name]}))"
        timed = TIMED.replace("CALL", call)
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder, "main.rs")
            source.write_text(f"{function}\nfn main() {timed}")
            subprocess.run(["rustc", "--edition=2024", "-C", "opt-level=3", "-o", f"{folder}/main", source], check=True)
            release = float(subprocess.run([f"{folder}/main"], capture_output=True, text=True, check=True).stdout.split()[1])
        kernel.run(function)
        took = lambda text: float(re.search(r"took ([\d.e-]+)", text)[1])
        item = took(kernel.run(timed)[1])
        # The body itself as statements of a cell.
        body = function[function.index("{") :]
        inline = TIMED.replace("CALL", f"{{ let n: usize = std::hint::black_box({SIZES[name]}); let result: f64 = {body}; result }}")
        statements = took(kernel.run(inline)[1])
        print(f"{name:8} release {release:.4f} s, a function of a cell {item / release:.2f} times, statements {statements / release:.2f} times")
    kernel.end()


def crowd(count):
    notebook = json.loads((ROOT / "notebooks/01-delayed.ipynb").read_text())
    cells = []
    for cell in notebook["cells"]:
        exercise = cell["metadata"].get("taskloom", {}).get("exercise")
        if cell["cell_type"] == "code":
            solution = ROOT / f"solutions/{exercise}.rs"
            cells.append(solution.read_text() if exercise and solution.is_file() else "".join(cell["source"]))
    began, kernels, failures, most = time.monotonic(), [], [], 0

    def work():
        kernel = Kernel(cwd=str(ROOT / "notebooks"))
        kernels.append(kernel)
        try:
            for code in cells:
                kernel.run(code)
        except BaseException as error:  # noqa: BLE001 - told below, and the others go on
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        most = max(most, memory_mib(*(kernel.manager.provisioner.pid for kernel in list(kernels))))
        # Looking costs a tenth of a second for a full room, which is not to be what is measured.
        time.sleep(2)
    for kernel in kernels:
        kernel.end()
    print(f"{count} kernels, {len(cells)} cells each: {time.monotonic() - began:.0f} s, {most:.0f} MiB at the most, {len(failures)} failed")
    for failure in failures[:1]:
        print(failure)


def main():
    arguments = sys.argv[1:] or ["growth", "numeric", "crowd"]
    for at, name in enumerate(arguments):
        following = arguments[at + 1] if at + 1 < len(arguments) and arguments[at + 1].isdigit() else None
        if name == "growth":
            growth(int(following or 500))
        elif name == "numeric":
            numeric()
        elif name == "crowd":
            crowd(int(following or 20))
        elif not name.isdigit():
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
