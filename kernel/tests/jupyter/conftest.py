"""What all the Jupyter tests share.

`cargo test` runs this folder. By hand, after `cargo lab --no-lab` has set things up:

    export JUPYTER_PATH=~/.local/share/taskloom/jupyter
    ~/.local/share/taskloom/python/bin/python -m pytest kernel/tests/jupyter

The environment says where things are; everything but JUPYTER_PATH has a default:

    TASKLOOM_ROOT         the checkout (default: the one this file is in)
    TASKLOOM_BIN          the `taskloom` binary (default: <root>/target/debug/taskloom)
    TASKLOOM_DATA         the folder that holds flights/*.csv (default: <root>/data)
    TASKLOOM_SCREENSHOTS  where the browser test leaves its pictures (default: <root>/target/screenshots)
    TASKLOOM_CHROMIUM     the browser to use (default: the first Chromium or Chrome on the PATH)
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

KERNEL = "taskloom"

ROOT = Path(os.environ.get("TASKLOOM_ROOT") or Path(__file__).resolve().parents[3])
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
BINARY = Path(os.environ.get("TASKLOOM_BIN") or TARGET / "debug" / "taskloom")
SCREENSHOTS = Path(os.environ.get("TASKLOOM_SCREENSHOTS") or TARGET / "screenshots")

_private = None


def pytest_configure(config):
    """Keeps the tests away from the Jupyter settings and runtime files of whoever runs them."""
    global _private
    _private = tempfile.mkdtemp(prefix="taskloom-jupyter-")
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        folder = Path(_private) / name.lower()
        folder.mkdir()
        os.environ[name] = str(folder)
    os.environ["JUPYTER_PLATFORM_DIRS"] = "1"


def pytest_unconfigure(config):
    if _private:
        shutil.rmtree(_private, ignore_errors=True)


def pytest_sessionstart(session):
    """One sentence instead of a hundred failures when the kernel is not installed."""
    if session.config.option.collectonly:
        return
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        KernelSpecManager().get_kernel_spec(KERNEL)
    except NoSuchKernel:
        pytest.exit(
            f"Jupyter finds no kernelspec named `{KERNEL}`: run `cargo lab --no-lab` first, and set "
            "JUPYTER_PATH to the folder `jupyter` in Taskloom's home.",
            returncode=4,
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Lets a fixture see how its test went: `item.reports["call"].failed`."""
    report = yield
    if not hasattr(item, "reports"):
        item.reports = {}
    item.reports[report.when] = report
    return report


@pytest.fixture(scope="session")
def flights():
    """The folder with the flights CSVs. When nobody has made the data yet, it is made here."""
    data = Path(os.environ.get("TASKLOOM_DATA") or ROOT / "data").absolute()
    if not list((data / "flights").glob("*.csv")):
        data = Path(_private) / "data"
        print(f"no flights in the checkout's data folder: `taskloom prep` makes some in {data}")
        subprocess.run(
            [str(BINARY), "prep", "--data", str(data), "--python", sys.executable],
            check=True,
            timeout=300,
        )
    # Kernels that are started later read the same files as the tests do.
    os.environ["TASKLOOM_DATA"] = str(data)
    return data / "flights"


@pytest.fixture(scope="session")
def new_course(flights, tmp_path_factory):
    """A function that makes a copy of the course, so that running a notebook leaves the checkout alone."""

    def make(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        shutil.copytree(ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
        for part in ("exercises", "solutions"):
            (folder / part).symlink_to(ROOT / part, target_is_directory=True)
        (folder / "data").symlink_to(flights.parent, target_is_directory=True)
        return folder

    return make


@pytest.fixture(scope="session")
def course(new_course):
    """One copy of the course for all tests that only read it."""
    return new_course("course")


@pytest.fixture(scope="module")
def folder(course):
    """Where the sessions of a module begin."""
    return course / "notebooks"


@pytest.fixture(scope="module")
def shared(folder):
    from session import Shared

    shared = Shared(folder)
    yield shared
    shared.close()


@pytest.fixture
def session(shared):
    """The session that the tests of a module share. One that leaves it busy or dead costs the next nothing."""
    yield shared.session()
    shared.drop_unless_usable()


@pytest.fixture
def own_session(folder):
    """A session for one test alone."""
    from session import begin

    session = begin(folder)
    yield session
    session.close()
