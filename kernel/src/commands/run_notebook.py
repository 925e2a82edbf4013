"""Runs a notebook with nbclient: `NOTEBOOK OUT TIMEOUT stop|go-on [SOLUTIONS]`.

After a cell that failed it stops, and the exit code is 1; or it goes on, and the notebook says which cells failed. A kernel
that died and a cell that took too long end it either way; the notebook's metadata then say why.
"""

import os
import pathlib
import sys
import tempfile
import time

import nbclient
import nbformat

notebook_path, out, timeout = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
goes_on = sys.argv[4] == "go-on"
solutions = pathlib.Path(sys.argv[5]) if len(sys.argv) > 5 else None

notebook = nbformat.read(notebook_path, as_version=4)
cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
for cell in cells if solutions else []:
    exercise = cell.metadata.get("taskloom", {}).get("exercise")
    if exercise:
        solution = solutions / f"{exercise}.rs"
        if not solution.is_file():
            sys.exit(f"error: there is no solution of the exercise `{exercise}`: {solution} is missing")
        cell.source = solution.read_text(encoding="utf-8").rstrip("\n")

# The cell that runs is watched live: a long one should not look like a hang.
places = {id(cell): place for place, cell in enumerate(cells, 1)}
began = {}


def on_start(cell, cell_index):
    began["cell"] = time.monotonic()


def on_done(cell, cell_index, execute_reply=None):
    if id(cell) not in places or "cell" not in began:
        return
    seconds = time.monotonic() - began["cell"]
    first = next((line for line in cell.source.splitlines() if line.strip()), "")
    failed = any(output.output_type == "error" for output in cell.outputs)
    mark = "failed" if failed else "ok"
    print(f"  cell {places[id(cell)]:>2}/{len(cells)}  {seconds:6.2f} s  {mark:6}  {first[:70]}", flush=True)


def write(path):
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=".notebook-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        nbformat.write(notebook, file)
    os.chmod(partial, 0o644)
    os.replace(partial, path)


client = nbclient.NotebookClient(
    notebook,
    timeout=timeout,
    kernel_name="taskloom",
    allow_errors=goes_on,
    resources={"metadata": {"path": str(notebook_path.resolve().parent)}},
    on_cell_execute=on_start,
    on_cell_executed=on_done,
)
failure = None
start = time.monotonic()
try:
    client.execute()
except nbclient.exceptions.CellExecutionError as error:
    failure = f"a cell failed: {error.ename}: {error.evalue}"
except nbclient.exceptions.CellTimeoutError:
    failure = f"a cell took longer than {timeout} s"
except nbclient.exceptions.DeadKernelError:
    failure = "the kernel died"
except KeyboardInterrupt:
    failure = "interrupted"
except Exception as error:  # jupyter_client raises its own kinds; one sentence is what a person needs
    failure = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
if failure and goes_on:
    notebook.metadata.setdefault("taskloom", {})["stopped"] = failure
write(out)
where = "" if goes_on else f"; the notebook with its outputs: {out.resolve()}"
print(f"ran {len(cells)} cells in {time.monotonic() - start:.1f} s{where}", flush=True)
if failure:
    print(f"error: {failure}", file=sys.stderr)
    sys.exit(1)
