"""JupyterLab as a person sees it: a server, a browser, and a notebook with its cells.

All that depends on how JupyterLab's pages are built is in this file.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import nbformat

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC_BROWSERS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)

# Nothing here needs the network, and a browser under test has no business there.
BROWSER_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_browser() -> str | None:
    """The Chromium that is there, if any. None is ever downloaded."""
    chosen = os.environ.get("TASKLOOM_CHROMIUM")
    if chosen:
        return chosen
    for name in BROWSERS:
        found = shutil.which(name)
        if found:
            return found
    return next((path for path in MAC_BROWSERS if Path(path).exists()), None)


class LabServer:
    """`jupyter lab` on a folder, with settings of its own, that calls nobody."""

    TOKEN = "taskloom-tests"

    def __init__(self, folder: Path, private: Path, theme: str = "JupyterLab Light"):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = private / "jupyterlab.log"
        settings = private / "settings"
        write_settings(settings, "apputils-extension", "themes", {"theme": theme})
        write_settings(
            settings, "apputils-extension", "notification", {"fetchNews": "false", "checkForUpdates": False}
        )
        # Cells that are scrolled out of sight stay in the page, so that they can be looked at.
        write_settings(settings, "notebook-extension", "tracker", {"windowingMode": "none"})
        environment = {
            **os.environ,
            "JUPYTERLAB_SETTINGS_DIR": str(settings),
            "JUPYTERLAB_WORKSPACES_DIR": str(private / "workspaces"),
        }
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--expose-app-in-browser"]
        command += [
            f"--ServerApp.root_dir={folder}",
            "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.port={self.port}",
            "--ServerApp.port_retries=0",
            "--ServerApp.allow_root=True",
            "--ServerApp.terminals_enabled=False",
            f"--IdentityProvider.token={self.TOKEN}",
            "--LabApp.news_url=",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            "--LabApp.extension_manager=readonly",
        ]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, cwd=str(folder)
            )
        self._wait_until_it_answers(60)

    def _wait_until_it_answers(self, patience: float) -> None:
        deadline = time.monotonic() + patience
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while True:
            try:
                direct.open(f"{self.url}/api/status?token={self.TOKEN}", timeout=5).close()
                return
            except (urllib.error.URLError, OSError):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.close()
                    raise RuntimeError(f"JupyterLab did not start; its log says:\n{self.log.read_text()}")
                time.sleep(0.2)

    def close(self) -> None:
        """Stops the server; it ends its kernels first."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(20)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def write_settings(folder: Path, extension: str, plugin: str, settings: dict) -> None:
    file = folder / "@jupyterlab" / extension / f"{plugin}.jupyterlab-settings"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(settings))


@contextmanager
def open_browser(executable: str):
    """A headless Chromium, driven by playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, headless=True, args=list(BROWSER_FLAGS), timeout=60_000
        )
        try:
            yield browser
        finally:
            browser.close()


class Notebook:
    """A notebook that is open in JupyterLab."""

    def __init__(self, browser, server: LabServer, path: str, screenshots: Path):
        self.screenshots = screenshots
        self.strangers: list[str] = []  # addresses outside this machine that the page asked for
        self.context = browser.new_context(viewport={"width": 1280, "height": 900})
        self.context.set_default_timeout(30_000)
        self.context.route(lambda url: not url.startswith((server.url, "data:", "blob:")), self._refuse)
        self.page = self.context.new_page()
        # A workspace of its own: no tabs that another test has left open.
        workspace = re.sub(r"\W+", "-", path)
        self.page.goto(
            f"{server.url}/lab/workspaces/{workspace}/tree/{quote(path)}?reset&token={server.TOKEN}", timeout=60_000
        )
        self.cells = self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook-cell")
        self.wait_until_idle()

    def _refuse(self, route) -> None:
        self.strangers.append(route.request.url)
        route.abort()

    def close(self) -> None:
        self.context.close()

    def wait_until_idle(self, seconds: float = 60) -> None:
        """Waits until the notebook is on the page, its kernel has started, and nothing runs."""
        self.page.wait_for_function(_IDLE, timeout=seconds * 1000)

    def cell(self, index: int) -> "Cell":
        return Cell(self, index)

    def insert_below(self, index: int, source: str) -> "Cell":
        """A new cell with this source, by the keys a person uses."""
        self.cell(index).select()
        self.page.keyboard.press("Escape")
        before = self.cells.count()
        self.page.keyboard.press("b")
        self.page.wait_for_function(_COUNT_IS, arg=before + 1)
        cell = self.cell(index + 1)
        cell.type(source)
        return cell

    def delete(self, index: int) -> None:
        self.cell(index).select()
        self.page.keyboard.press("Escape")
        before = self.cells.count()
        self.page.keyboard.press("d")
        self.page.keyboard.press("d")
        self.page.wait_for_function(_COUNT_IS, arg=before - 1)

    def use_theme(self, name: str) -> None:
        """Changes the theme as the menu Settings → Theme does."""
        self.page.evaluate("name => window.jupyterapp.commands.execute('apputils:change-theme', { theme: name })", name)
        light = "false" if "Dark" in name else "true"
        self.page.locator(f'body[data-jp-theme-light="{light}"]').wait_for(state="attached")
        self.page.wait_for_timeout(500)  # its style sheet is applied a moment later

    def screenshot(self, name: str) -> None:
        self.screenshots.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=str(self.screenshots / f"{name}.png"))


_COUNT_IS = "n => document.querySelectorAll('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook-cell').length === n"

# While a notebook loads, JupyterLab shows an empty one; so the cells on the page are compared with the notebook's.
_IDLE = """
() => {
    const panel = window.jupyterapp?.shell?.currentWidget;
    const shown = document.querySelectorAll('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook-cell').length;
    return panel?.context?.isReady && panel.isVisible && !document.querySelector('.jp-NotebookPanel .jp-Spinner')
        && panel.sessionContext?.session?.kernel?.status === 'idle' && shown === panel.content?.model?.cells?.length;
}
"""


class Cell:
    """One cell, by its place in the notebook."""

    def __init__(self, notebook: Notebook, index: int):
        self.notebook = notebook
        self.page = notebook.page
        self.index = index
        self.element = notebook.cells.nth(index)
        self.output = self.element.locator(".jp-Cell-outputArea")
        self._prompt = self.element.locator(".jp-InputArea-prompt")
        self._editor = self.element.locator(".jp-InputArea-editor .cm-content")

    # What a person does

    def select(self) -> None:
        """Clicks into the cell."""
        self.element.scroll_into_view_if_needed()
        self._editor.click(position={"x": 2, "y": 5})

    def type(self, source: str) -> None:
        """Replaces what the cell holds."""
        self.select()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.press("Delete")
        # As one paste: key by key, the editor would close brackets and indent on its own.
        self.page.keyboard.insert_text(source)
        assert self.source == source, f"the editor holds {self.source!r} where {source!r} was typed"

    def start(self) -> None:
        """Presses Shift+Enter."""
        self._prompt_before = self._prompt.inner_text()
        self.select()
        self.page.keyboard.press("Shift+Enter")

    @property
    def finished(self) -> bool:
        """Whether the cell that was started has its new number."""
        prompt = self._prompt.inner_text()
        return bool(re.search(r"\[\d+\]", prompt)) and prompt != self._prompt_before

    def finish(self, seconds: float = 60) -> "Cell":
        """Waits until the cell that was started has ended."""
        deadline = time.monotonic() + seconds
        while not self.finished:
            if time.monotonic() > deadline:
                raise TimeoutError(f"after {seconds} s this cell still runs:\n{self.source}\n{self.text}")
            self.page.wait_for_timeout(50)
        return self

    def run(self, seconds: float = 60) -> "Cell":
        self.start()
        return self.finish(seconds)

    def show(self, name: str) -> None:
        """Scrolls to the end of the cell and takes a screenshot."""
        target = self.output if self.output.count() else self.element
        target.last.evaluate("node => node.scrollIntoView({ block: 'end' })")
        self.page.wait_for_timeout(200)
        self.notebook.screenshot(name)

    # What a person sees

    @property
    def text(self) -> str:
        """The text under the cell, as it is rendered."""
        return "\n".join(self.output.all_inner_texts())

    def picture(self) -> dict:
        """The drawn graph: {"width", "height"} in pixels on the page, and its "text".

        JupyterLab shows an SVG in one of two ways: within HTML as it is, and on its own as an image.
        """
        found = self.page.wait_for_function(_PICTURE, arg=self.output.element_handle(), timeout=20_000)
        return found.json_value()

    def progress(self) -> float | None:
        """How far the progress bar is, from 0 to 1; None when no bar is to be seen."""
        return self.output.evaluate_all(_PROGRESS)

    def contrast(self) -> float:
        """The least contrast of any text under the cell with what is behind it, as WCAG defines it (1 to 21)."""
        return self.output.first.evaluate(_CONTRAST)

    # What the notebook's file would hold

    @property
    def source(self) -> str:
        return self._model("cell.sharedModel.getSource()")

    @property
    def outputs(self) -> list:
        return self._model("cell.outputs.toJSON()")

    @property
    def failed(self) -> bool:
        return any(output["output_type"] == "error" for output in self.outputs)

    @property
    def bundles(self) -> list[dict]:
        return [output["data"] for output in self.outputs if "data" in output]

    def _model(self, expression: str):
        return self.page.evaluate(
            f"index => {{ const cell = window.jupyterapp.shell.currentWidget.content.model.cells.get(index); return {expression}; }}",
            self.index,
        )


_PICTURE = """
output => {
    for (const svg of output.querySelectorAll('.jp-OutputArea-output svg')) {
        const box = svg.getBoundingClientRect();
        if (box.width > 0 && box.height > 0) {
            return { width: box.width, height: box.height, text: svg.textContent };
        }
    }
    for (const image of output.querySelectorAll('.jp-OutputArea-output img')) {
        const box = image.getBoundingClientRect();
        // naturalWidth is 0 for an image that the browser could not read.
        if (image.src.startsWith('data:image/svg+xml') && image.complete && image.naturalWidth > 0 && box.width > 0) {
            const [head, body] = [image.src.slice(0, image.src.indexOf(',')), image.src.slice(image.src.indexOf(',') + 1)];
            const source = head.includes('base64') ? atob(body) : decodeURIComponent(body);
            const text = new DOMParser().parseFromString(source, 'image/svg+xml').documentElement.textContent;
            return { width: box.width, height: box.height, text };
        }
    }
    return null;
}
"""

# The bar is an element `.taskloom-progress` that is, or holds, a <progress> or something with role="progressbar".
_PROGRESS = """
outputs => {
    for (const output of outputs) {
        for (const element of output.querySelectorAll('.taskloom-progress')) {
            const selector = 'progress, [role=progressbar]';
            const bar = element.matches(selector) ? element : element.querySelector(selector);
            const box = (bar || element).getBoundingClientRect();
            if (!bar || box.width === 0 || box.height === 0) {
                continue;
            }
            if (bar.tagName === 'PROGRESS') {
                return bar.value / bar.max;
            }
            const number = (name, missing) => parseFloat(bar.getAttribute(name) ?? missing);
            const least = number('aria-valuemin', 0);
            return (number('aria-valuenow', 0) - least) / (number('aria-valuemax', 100) - least);
        }
    }
    return null;
}
"""

_CONTRAST = """
output => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const rgba = colour => {  // whatever way the colour is written in
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
        return [r, g, b, a / 255];
    };
    const luminance = ([r, g, b]) => {
        const part = value => {
            value /= 255;
            return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
        };
        return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
    };
    const over = ([r, g, b, a], [r2, g2, b2]) => [r * a + r2 * (1 - a), g * a + g2 * (1 - a), b * a + b2 * (1 - a), 1];
    const background = element => {
        const layers = [];
        for (let node = element; node; node = node.parentElement) {
            const colour = rgba(getComputedStyle(node).backgroundColor);
            layers.push(colour);
            if (colour[3] === 1) {
                break;
            }
        }
        return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
    };
    let least = 21;
    for (const element of output.querySelectorAll('*')) {
        const ownText = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
        const box = element.getBoundingClientRect();
        // The colours of ansi- classes are the theme's own.
        if (!ownText || element.closest('svg, style, script, .jp-OutputPrompt, [class^=ansi-]') || box.width === 0 || box.height === 0) {
            continue;
        }
        const behind = background(element);
        const front = luminance(over(rgba(getComputedStyle(element).color), behind));
        const [dark, light] = [front, luminance(behind)].sort((a, b) => a - b);
        least = Math.min(least, (light + 0.05) / (dark + 0.05));
    }
    return least;
}
"""


def write_notebook(path: Path, cells: list[str], kernel: str) -> None:
    """A notebook with these code cells."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source, id=f"cell-{i}") for i, source in enumerate(cells)],
        metadata={"kernelspec": {"name": kernel, "display_name": kernel, "language": "rust"}},
    )
    nbformat.write(notebook, path)
