"""What values look like: tables, wrapped sources, and plots in every front end."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys

import nbformat
import pytest

from conftest import KERNEL, SCREENSHOTS
from lab import LabServer, Notebook, find_browser, open_browser, write_notebook
from session import Session

VEGA_LITE = "application/vnd.vegalite.v5+json"

PLOTS = [
    'let xs: Vec<f64> = (0..200).map(|i| f64::from(i) / 20.0).collect(); let ys: Vec<f64> = xs.iter().map(|x| x.sin()).collect();',
    'plot::line((&xs, &ys)).label("sin").and(plot::line((&xs, xs.iter().map(|x| x.cos()).collect::<Vec<_>>())).label("cos")).title("Two waves")',
    'plot::scatter((&xs, &ys)).color(&xs).size_by(&xs)',
    'plot::hist(&ys).bins(20).title("A histogram")',
    'plot::bar((["warp", "weft", "shuttle"], [3, 5, 2]))',
    'plot::heatmap(&taskloom::ndarray::Array2::from_shape_fn((20, 30), |(r, c)| (r * c) as f64)).title("A matrix")',
]


@pytest.fixture(scope="module")
def session(course):
    session = Session(course / "notebooks")
    session.ok("use taskloom::prelude::*;")
    yield session
    session.close()


def bundle_of(session, code: str) -> dict:
    (bundle,) = session.ok(code).bundles
    return bundle


def test_wrapped_sources_have_their_own_type(session):
    cases = {
        'Html::new("<b>a</b>")': ("text/html", "<b>a</b>"),
        'Markdown::new("**a**")': ("text/markdown", "**a**"),
        'Math::new("a^2")': ("text/latex", r"$\displaystyle a^2$"),
        'Latex::new("$a$")': ("text/latex", "$a$"),
        'Svg::new("<svg xmlns=\'http://www.w3.org/2000/svg\'/>")': (
            "image/svg+xml",
            "<svg xmlns='http://www.w3.org/2000/svg'/>",
        ),
        'Text::new("a\\n b")': ("text/plain", "a\n b"),
        "Json::new(vec![1, 2])": ("application/json", [1, 2]),
        "Png::new([1, 2, 3])": ("image/png", base64.b64encode(bytes([1, 2, 3])).decode()),
    }
    for code, (mime_type, expected) in cases.items():
        bundle = bundle_of(session, code)
        assert bundle[mime_type] == expected
        assert bundle["text/plain"]


def test_arrays_and_frames_are_tables(session):
    bundle = bundle_of(session, "taskloom::ndarray::Array2::<f64>::zeros((1000, 3))")
    assert "shape (1000, 3), f64" in bundle["text/html"] and "<table>" in bundle["text/html"]
    assert bundle["text/html"].count("<tr>") < 15
    assert bundle["text/plain"].endswith("shape (1000, 3), f64") and "strides" not in bundle["text/plain"]
    code = 'taskloom::polars::prelude::df!("n" => [1, 2], "name" => [Some("a"), None])?'
    bundle = bundle_of(session, code)
    assert "2 rows × 2 columns" in bundle["text/html"] and ">null<" in bundle["text/html"]
    series = bundle_of(session, code + '.column("n")?.clone()')
    assert "2 values" in series["text/html"] and ">i32<" in series["text/html"]


def test_large_forms_are_left_out_with_a_note(session):
    bundle = bundle_of(session, 'Html::new("<p>".repeat(2_000_000))')
    assert "text/html" not in bundle
    assert "its text/html form is not shown: it has 6.0 MB" in bundle["text/plain"]


def test_a_display_can_be_replaced(session):
    reply = session.ok('let shown = display_handle(&Text::new("one")); shown.update(&Text::new("two"));')
    (first,) = reply.of_type("display_data")
    (second,) = reply.of_type("update_display_data")
    assert first["transient"]["display_id"] == second["transient"]["display_id"]
    assert second["data"]["text/plain"] == "two"


def test_a_plot_has_a_form_for_each_front_end(session):
    session.ok(PLOTS[0])
    for code in PLOTS[1:]:
        bundle = bundle_of(session, code)
        assert set(bundle) == {"text/plain", "image/svg+xml", VEGA_LITE}, code
        assert bundle["image/svg+xml"].startswith("<svg")
        assert bundle[VEGA_LITE]["$schema"] == "https://vega.github.io/schema/vega-lite/v5.json"
    bundle = bundle_of(session, "plot::line(([1, 2], [1]))")
    assert bundle["text/plain"] == "This plot cannot be drawn: x has 2 values and y has 1: give as many of each"


def test_columns_of_a_frame_can_be_plotted(session):
    code = (
        'let frame = taskloom::polars::prelude::df!("n" => [1, 2, 3], "name" => ["a", "b", "c"])?; '
        'plot::bar((frame.column("name")?, frame.column("n")?))'
    )
    bundle = bundle_of(session, code)
    rows = bundle[VEGA_LITE]["layer"][0]["data"]["values"]
    assert rows == [{"x": "a", "y": 1}, {"x": "b", "y": 2}, {"x": "c", "y": 3}]


def test_ten_million_values_make_a_small_histogram(session):
    code = "plot::hist(&(0..10_000_000u32).map(|i| f64::from(i % 1000)).collect::<Vec<_>>()).bins(50)"
    bundle = bundle_of(session, code)
    assert len(bundle[VEGA_LITE]["layer"][0]["data"]["values"]) == 50
    assert len(json.dumps(bundle)) < 50_000


def test_a_page_made_by_nbconvert_shows_the_drawing(session, tmp_path):
    session.ok(PLOTS[0])
    data = bundle_of(session, PLOTS[1])
    notebook = nbformat.v4.new_notebook()
    output = nbformat.v4.new_output("execute_result", data=data, execution_count=1)
    notebook.cells.append(nbformat.v4.new_code_cell(PLOTS[1], outputs=[output], execution_count=1))
    path = tmp_path / "plots.ipynb"
    nbformat.write(notebook, path)
    subprocess.run([sys.executable, "-m", "nbconvert", "--to", "html", str(path)], check=True, timeout=100)
    page = path.with_suffix(".html").read_text()
    found = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', page)
    assert found, "the drawing is not in the page"
    assert "<title>Two waves</title>" in base64.b64decode(found[1]).decode()


@pytest.mark.timeout(300)
def test_jupyterlab_draws_plots_with_vega_in_light_and_dark(course, tmp_path):
    executable = find_browser()
    if executable is None:
        pytest.skip("no Chromium or Chrome on this machine")
    write_notebook(course / "notebooks" / "plots.ipynb", ["use taskloom::prelude::*;", *PLOTS], KERNEL)
    server = LabServer(course, tmp_path)
    try:
        with open_browser(executable) as browser:
            notebook = Notebook(browser, server, "notebooks/plots.ipynb", SCREENSHOTS)
            for theme in ("JupyterLab Light", "JupyterLab Dark"):
                notebook.use_theme(theme)
                for index in range(len(PLOTS) + 1):
                    cell = notebook.cell(index).run()
                    assert not cell.failed, cell.text
                    if index > 1:
                        drawn = cell.output.locator(".vega-embed canvas, .vega-embed svg").first
                        drawn.wait_for(state="visible")
                        box = drawn.bounding_box()
                        assert box["width"] > 300 and box["height"] > 150, box
                        cell.show(f"plot-{index}-{theme.split()[-1].lower()}")
            assert not notebook.strangers
            notebook.close()
    finally:
        server.close()
