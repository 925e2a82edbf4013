"""`taskloom render` and `taskloom slides`: the pages and slides of a small course, opened in a browser that has no network."""

from __future__ import annotations

import re
import subprocess

import nbformat
import pytest

from conftest import BINARY, KERNEL
from lab import find_browser, open_browser

pytestmark = pytest.mark.timeout(600)

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63606060000000040001f61738550000000049454e44ae426082"
)

FIRST = [
    (
        "markdown",
        "# The `first` & *best*\n\nWhat it is about.\n\n**Time:** about 5 minutes. **You need:** nothing.\n\nPress <kbd>B</kbd>.",
        {"slideshow": {"slide_type": "slide"}},
    ),
    ("markdown", "Tell them about the weather.", {"slideshow": {"slide_type": "notes"}}),
    ("markdown", "## A formula\n\nInline $a_1 < b$, and alone: $$ V(r) = \\frac{1}{r^{12}} $$", {"slideshow": {"slide_type": "slide"}}),
    ("code", "use taskloom::prelude::*;\nfn inc(x: i64) -> i64 { sleep_ms(500); x + 1 }", {"slideshow": {"slide_type": "fragment"}}),
    ("markdown", "## More\n\nSee [the other](second.ipynb#Its-end), <a href='second.ipynb'>again</a>, [a file](../notes.txt) and\n\n![one pixel](images/pixel.png)", {}),
    ("code", "let z = delayed!(inc(1)) + delayed!(inc(2));\nz.visualize()", {}),
    ("code", "plot::line([1, 3, 2]).title(\"three points\")", {}),
    ("code", "z.compute_with(Scheduler::Sync)?", {}),
    ("code", "let early: i64 = missing;", {}),
    ("code", "panic!(\"on purpose\")", {"tags": ["raises-exception"]}),
    ("code", "println!(\"still here: {}\", inc(40))", {}),
    ("markdown", "## The rest", {}),
]

SECOND = [
    ("markdown", "# Second", {}),
    ("code", "let doubled: i64 = todo_here();", {"taskloom": {"exercise": "double"}}),
    ("markdown", "## Its end\n\n[back](first.ipynb)", {}),
    ("code", "println!(\"the end\");", {}),
]


def write_notebook(path, cells, **metadata):
    make = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}
    notebook = nbformat.v4.new_notebook(
        cells=[make[kind](source, metadata=about, id=f"cell-{place}") for place, (kind, source, about) in enumerate(cells)],
        metadata={
            "kernelspec": {"name": KERNEL, "display_name": KERNEL, "language": "rust"},
            "language_info": {"name": "rust", "pygments_lexer": "rust"},
            **metadata,
        },
    )
    nbformat.write(notebook, path)


@pytest.fixture(scope="module")
def small_course(tmp_path_factory):
    root = tmp_path_factory.mktemp("small")
    (root / "notebooks" / "images").mkdir(parents=True)
    (root / "exercises" / "double").mkdir(parents=True)
    (root / "solutions").mkdir()
    (root / "README.md").write_text("# Small & fine\n")
    (root / "notes.txt").write_text("notes\n")
    (root / "notebooks" / "images" / "pixel.png").write_bytes(PIXEL)
    exercise = root / "exercises" / "double"
    (exercise / "exercise.toml").write_text(
        'id = "double"\ntitle = "Double"\nnotebook = "second"\npoints = 1\ntime_limit = 30\nhints = ["a", "b"]\n'
    )
    (exercise / "starter.rs").write_text("let doubled: i64 = todo_here();\n")
    (exercise / "check.rs").write_text('check!("It is", 1, { ensure_eq!(doubled, 4, "double it"); });\n')
    (root / "solutions" / "double.rs").write_text("let doubled: i64 = 2 * 2;\n")
    write_notebook(root / "notebooks" / "first.ipynb", FIRST)
    # What an extension for widgets leaves behind: nbconvert would load a script for it.
    write_notebook(root / "notebooks" / "second.ipynb", SECOND, widgets={"application/vnd.jupyter.widget-state+json": {"state": {}}})
    return root


def taskloom(*arguments, cwd):
    return subprocess.run([str(BINARY), *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def rendered(small_course):
    return taskloom("render", cwd=small_course)


@pytest.fixture(scope="module")
def slides(small_course):
    return taskloom("slides", "notebooks/first.ipynb", cwd=small_course)


@pytest.fixture(scope="module")
def browser():
    executable = find_browser()
    if executable is None:
        pytest.skip("no Chromium or Chrome on this machine, so the pages were not looked at")
    with open_browser(executable) as browser:
        yield browser


@pytest.fixture
def page(browser):
    """A page without a network. Whatever it asks for besides files of this machine, or fails at, is a failure."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, offline=True)
    context.set_default_timeout(30_000)
    page = context.new_page()
    wrong = []
    page.on("request", lambda request: request.url.startswith(("file:", "data:", "about:")) or wrong.append(request.url))
    page.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}"))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield page
    context.close()
    assert not wrong, f"the page wants what is not there, or has a mistake: {wrong}"


def address(path):
    return path.as_uri()


# Pages


def test_a_cell_that_fails_is_named_and_the_rest_goes_on(rendered, small_course):
    assert rendered.returncode == 1
    (line,) = [line for line in rendered.stderr.splitlines() if " failed: " in line]
    assert line.startswith("first: the cell") and "`let early: i64 = missing;`" in line and "cannot find value" in line
    assert "rendered 2 notebooks" in rendered.stdout
    assert sorted(path.name for path in (small_course / "rendered").iterdir()) == ["first.html", "index.html", "second.html"]
    for notebook in (small_course / "notebooks").glob("*.ipynb"):
        assert all(not cell.get("outputs") for cell in nbformat.read(notebook, as_version=4).cells), "the notebook was changed"


def test_a_page_shows_everything_without_a_network(rendered, small_course, page):
    page.goto(address(small_course / "rendered" / "first.html"))
    assert page.title() == "The first & best"
    assert page.get_by_role("heading", level=1).inner_text().startswith("The first & best")
    assert page.locator("kbd").inner_text() == "B"
    broken = page.evaluate("[...document.images].filter(image => !image.complete || image.naturalWidth === 0).map(image => image.src)")
    assert broken == []
    assert page.evaluate("document.images.length") >= 2  # the pixel, and the plot
    graph = page.locator(".jp-OutputArea-output svg").first
    assert "inc" in graph.text_content() and graph.bounding_box()["width"] > 50
    plot = page.locator('.jp-OutputArea-output img[src^="data:image/svg+xml"]').bounding_box()
    assert plot["width"] > 200 and plot["height"] > 100
    assert page.locator(".taskloom-progress").first.is_visible()
    inline, alone = page.locator("math").all()
    assert alone.bounding_box()["height"] > 1.5 * inline.bounding_box()["height"], "a fraction is higher than a letter"
    assert "$" not in page.locator(".jp-MarkdownCell").all_inner_texts()[2]
    assert "still here: 41" in page.locator("main").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than its window"


def test_a_failure_is_explained_where_it_is_and_on_top(rendered, small_course, page):
    page.goto(address(small_course / "rendered" / "first.html"))
    top, place = page.locator(".taskloom-failure").all()
    assert "a cell failed" in top.inner_text() and "This cell failed" in place.inner_text()
    top.get_by_role("link").click()
    page.wait_for_function("scrollY > 0")
    assert place.is_visible() and "cannot find value" in page.locator("main").inner_text()
    assert "on purpose" in page.locator("main").inner_text(), "a failure that is meant is shown, too"


def test_links_lead_from_page_to_page(rendered, small_course, page):
    page.goto(address(small_course / "rendered" / "index.html"))
    assert page.get_by_role("heading", level=1).inner_text() == "Small & fine"
    assert "What it is about." in page.locator("main").inner_text() and "Time: about 5 minutes." in page.locator("main").inner_text()
    assert "1 cell failed" in page.locator("main").inner_text()
    page.get_by_role("link", name="The first & best").click()
    page.get_by_role("link", name="the other").click()
    page.wait_for_url("**/second.html#Its-end")
    assert page.locator("#Its-end").is_visible()
    page.get_by_role("link", name="back").click()
    page.wait_for_url("**/first.html")
    page.locator('.taskloom-way a[rel="next"]').first.click()
    page.wait_for_url("**/second.html")
    page.get_by_role("link", name="All notebooks").first.click()
    page.wait_for_url("**/index.html")
    for name in ("first", "second"):
        page.goto(address(small_course / "rendered" / f"{name}.html"))
        for link in page.locator("a[href]").all():
            target, _, anchor = link.get_attribute("href").partition("#")
            assert not target or (small_course / "rendered" / target).exists(), f"{name}: {target}"
            if anchor and not target:
                assert page.evaluate("id => document.getElementById(decodeURIComponent(id)) !== null", anchor), f"{name}: #{anchor}"


def test_an_exercise_that_is_not_solved_is_shown_kindly(rendered, small_course, page):
    assert "second" not in rendered.stderr
    page.goto(address(small_course / "rendered" / "second.html"))
    assert "as it is handed out" in page.locator(".taskloom-kind").inner_text()
    assert page.locator(".taskloom-failure").count() == 0
    assert "the end" in page.locator("main").inner_text()


def test_solutions_are_put_in_when_asked_for(small_course, page, tmp_path):
    run = taskloom("render", small_course / "notebooks" / "second.ipynb", "--solutions", "--out", tmp_path, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    page.goto(address(tmp_path / "second.html"))
    assert "2 * 2" in page.locator("main").inner_text() and page.locator(".taskloom-note").count() == 0


def test_outputs_that_are_there_can_be_shown_as_they_are(tmp_path, page):
    output = nbformat.v4.new_output("display_data", {"text/latex": "$\\alpha$", "text/plain": "alpha"})
    specification = {"application/vnd.vegalite.v5+json": {"mark": "bar"}, "text/plain": "a Vega-Lite plot: bars"}
    write_notebook(tmp_path / "kept.ipynb", [("code", "not Rust at all", {}), ("code", "%%time\n1 + 1", {})])
    notebook = nbformat.read(tmp_path / "kept.ipynb", as_version=4)
    notebook.cells[0].outputs = [output, nbformat.v4.new_output("display_data", specification)]
    nbformat.write(notebook, tmp_path / "kept.ipynb")
    run = taskloom("render", "kept.ipynb", "--no-run", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    page.goto(address(tmp_path / "rendered" / "kept.html"))
    assert "α" in page.locator("math").text_content()
    assert "JupyterLab draws it" in page.locator(".taskloom-note").inner_text()


# Slides


def test_slides_hold_the_cells_that_are_marked_and_no_others(slides, small_course, page):
    assert slides.returncode == 0, slides.stderr
    assert "first: 2 slides in" in slides.stdout
    page.goto(address(small_course / "slides" / "first.html"))
    assert page.locator("section").count() == 2
    assert "More" not in page.evaluate("document.querySelector('main').textContent")
    assert [path.name for path in (small_course / "slides").iterdir()] == ["first.html"], "one file, and nothing beside it"


def test_slides_are_shown_with_keys(slides, small_course, page):
    page.goto(address(small_course / "slides" / "first.html"))

    def seen():
        return [section.inner_text().split("\n")[0] for section in page.locator("section").all() if section.is_visible()]

    assert seen() == ["The first & best"]
    page.keyboard.press("ArrowRight")
    assert seen() == ["A formula"]
    assert page.locator("section.now math").first.is_visible()
    code = page.locator("section.now .step.later")
    assert not code.is_visible()
    page.keyboard.press("Space")
    assert code.is_visible() and "use taskloom" in code.inner_text() and seen() == ["A formula"]
    page.keyboard.press("Space")
    assert seen() == ["A formula"], "the last slide stays"
    page.keyboard.press("ArrowLeft")
    assert not code.is_visible()
    page.keyboard.press("Home")
    assert seen() == ["The first & best"]
    page.reload()
    page.goto(address(small_course / "slides" / "first.html") + "#2")
    assert seen() == ["A formula"], "the address leads to a slide"


def test_notes_are_for_the_speaker(slides, small_course, page):
    page.goto(address(small_course / "slides" / "first.html"))
    notes = page.locator("section.now .notes")
    assert not notes.is_visible()
    page.keyboard.press("n")
    assert notes.is_visible() and "about the weather" in notes.inner_text()
    page.keyboard.press("n")
    with page.expect_popup() as opened:
        page.keyboard.press("s")
    window = opened.value
    window.get_by_text("about the weather").wait_for()
    window.keyboard.press("ArrowRight")
    window.get_by_text("no notes for this slide").wait_for()
    assert page.locator("section.now h2").inner_text() == "A formula", "keys work in the speaker's window"


def test_a_long_slide_is_made_to_fit(tmp_path, page):
    text = "# Long\n\n" + "\n".join(f"- point {number}, which says something" for number in range(12))
    write_notebook(tmp_path / "long.ipynb", [("markdown", text, {"slideshow": {"slide_type": "slide"}})])
    assert taskloom("slides", "long.ipynb", cwd=tmp_path).returncode == 0
    page.goto(address(tmp_path / "slides" / "long.html"))
    for size in [{"width": 800, "height": 500}, {"width": 1920, "height": 1080}]:
        page.set_viewport_size(size)
        page.wait_for_function("(sheet => sheet.scrollHeight <= sheet.clientHeight + 1)(document.querySelector('.sheet'))")


# Mistakes


@pytest.mark.parametrize("command", ["render", "slides"])
def test_mistakes_get_a_sentence(command, tmp_path):
    def message(*arguments):
        run = taskloom(command, *arguments, cwd=tmp_path)
        assert run.returncode != 0 and "Traceback" not in run.stderr
        return run.stderr

    assert "there is no notebook nothing.ipynb" in message("nothing.ipynb")
    (tmp_path / "empty").mkdir()
    assert "no notebooks in the folder" in message("empty")
    (tmp_path / "text.ipynb").write_text("hello")
    assert "text.ipynb is not a notebook" in message("text.ipynb")
    write_notebook(tmp_path / "good.ipynb", [("markdown", "# Good", {})])
    (tmp_path / "file").write_text("")
    assert re.search("cannot make the folder .*file", message("good.ipynb", "--out", "file"))


def test_a_notebook_without_slides_says_how_to_get_some(tmp_path):
    write_notebook(tmp_path / "plain.ipynb", [("markdown", "# Plain", {})])
    run = taskloom("slides", "plain.ipynb", cwd=tmp_path)
    assert run.returncode == 1 and "Slide Type" in run.stdout
