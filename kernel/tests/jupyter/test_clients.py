"""The kernel under the programs that people use it from. What is not installed is skipped, and says so."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import nbformat
import pytest

from conftest import KERNEL

CELLS = ["let x = 41;", 'println!("out"); x + 1']


@pytest.fixture
def notebook(tmp_path):
    path = tmp_path / "plain.ipynb"
    metadata = {"kernelspec": {"name": KERNEL, "display_name": "Rust (Taskloom)", "language": "rust"}}
    cells = [nbformat.v4.new_code_cell(code) for code in CELLS]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), path)
    return path


def needs(module: str) -> None:
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed, so nothing was tried with it")


def run(*command: object) -> None:
    done = subprocess.run([sys.executable, "-m", *map(str, command)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def check(path) -> None:
    cells = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    stream, result = cells[1].outputs
    assert (stream.text, result.data["text/plain"], cells[1].execution_count) == ("out\n", "42", 2)


def test_nbconvert(notebook):
    run("nbconvert", "--execute", "--to", "notebook", "--output", "done.ipynb", notebook)
    check(notebook.with_name("done.ipynb"))
    # The kernel has said by now which language it is.
    run("nbconvert", "--to", "script", notebook.with_name("done.ipynb"))
    assert "let x = 41;" in notebook.with_name("done.rs").read_text()


def test_papermill(notebook):
    needs("papermill")
    run("papermill", notebook, notebook.with_name("done.ipynb"))
    check(notebook.with_name("done.ipynb"))


def test_jupytext(notebook):
    needs("jupytext")
    script = notebook.with_suffix(".rs")
    run("jupytext", "--to", "rs:percent", notebook, "-o", script)
    run("jupytext", "--execute", "--to", "ipynb", script, "-o", notebook.with_name("done.ipynb"))
    check(notebook.with_name("done.ipynb"))


def test_console():
    needs("jupyter_console")
    needs("pexpect")
    import pexpect

    console = pexpect.spawn(
        sys.executable,
        ["-m", "jupyter_console", "--kernel", KERNEL, "--simple-prompt"],
        env={**os.environ, "TERM": "dumb"},
        encoding="utf-8",
        timeout=60,
    )
    try:
        console.expect(r"In \[1\]:")
        for line, shown in (("let x = 41;", r"In \[2\]:"), ("x + 1", r"Out\[2\]: ?42"), ("x?", "let x: i32")):
            console.sendline(line)
            console.expect(shown)
    finally:
        console.close(force=True)


def test_qtconsole(tmp_path):
    needs("qtconsole")
    needs("qtpy")
    if importlib.util.find_spec("PyQt5") is None and importlib.util.find_spec("PyQt6") is None:
        pytest.skip("no Qt is installed")
    script = tmp_path / "qt.py"
    script.write_text(QT)
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run([sys.executable, script, KERNEL], capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr


QT = '''
import sys, time
from qtpy import QtWidgets
from qtconsole.manager import QtKernelManager
from qtconsole.rich_jupyter_widget import RichJupyterWidget

application = QtWidgets.QApplication([])
manager = QtKernelManager(kernel_name=sys.argv[1])
manager.start_kernel()
client = manager.client()
client.start_channels()
console = RichJupyterWidget()
console.kernel_manager, console.kernel_client = manager, client

def wait(happened, what):
    end = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < end, f"waited for {what}; the console shows {console._control.toPlainText()}"
        application.processEvents()
        time.sleep(0.01)

try:
    text = lambda: console._control.toPlainText()
    wait(lambda: "In [1]" in text(), "the prompt")
    console.execute("let largest_name = 41;")
    wait(lambda: "In [2]" in text(), "the next prompt")
    console.execute("largest_name + 1")
    wait(lambda: "Out[2]: 42" in text(), "a result")
    wait(lambda: "In [3]" in text(), "the prompt after it")
    console.input_buffer = "largest_n"
    console._control.moveCursor(11)
    console._complete()
    wait(lambda: console.input_buffer == "largest_name", "the completion")
    console.input_buffer = ""
    console.execute("largest_name?")
    wait(lambda: "let largest_name: i32" in console._page_control.toPlainText() + text(), "the page")
finally:
    client.stop_channels()
    manager.shutdown_kernel()
'''
