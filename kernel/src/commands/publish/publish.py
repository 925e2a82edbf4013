"""Makes web pages, or slides, of notebooks, by nbconvert. The job comes as JSON on stdin, what was made goes as JSON to stdout.

The files need nothing from a network and no server. Formulas are left as <taskloom-formula> for whoever called this.
"""

import html
import json
import os
import pathlib
import posixpath
import re
import sys
import urllib.parse

import jinja2
import nbformat
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from traitlets import Unicode

JOB = json.load(sys.stdin)
ASSETS = JOB["assets"]
OUT = pathlib.Path(JOB["out"])

# Source of a notebook -> the name of its page.
PAGES = {str(pathlib.Path(notebook["source"]).resolve()): notebook["name"] + ".html" for notebook in JOB["notebooks"]}

SHOWN_BY_A_PAGE = {"text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "application/javascript"}


def formula(tex, block):
    return f'<taskloom-formula display="{"block" if block else "inline"}">{html.escape(tex.strip())}</taskloom-formula>'


class Renderer(IPythonRenderer):
    """Markdown as a page that lies elsewhere, and has no scripts, needs it."""

    remote = None  # a list; images that a page would have to fetch are noted there

    def block_math(self, body):
        return formula(body, True)

    def inline_math(self, body):
        return formula(body, False)

    def latex_environment(self, name, body):
        return formula(f"\\begin{{{name}}}{body}\\end{{{name}}}", True)

    def link(self, text, url, title=None):
        return super().link(text, self.moved(url), title)

    # Pieces of HTML come tag by tag: nbconvert's own way with images would close each of them.
    def block_html(self, html):
        return self._addresses_of(html)

    def inline_html(self, html):
        return self._addresses_of(html)

    def _addresses_of(self, text):
        def move(found):
            address = html.unescape(found[3])
            if found[2] == "href":
                address = self.moved(address)
            else:
                address = self._src_to_base64(address) or address
            return f'{found[1]}{found[2]}="{html.escape(address)}"'

        return re.sub(r"""(<(?:a|img)\b[^>]*?\b)(href|src)=["']([^"']*)["']""", move, text)

    def moved(self, url):
        """Where a link of the notebook points to from the page: at the page of a notebook, or at the file it named."""
        parts = urllib.parse.urlsplit(url)
        if parts.scheme or parts.netloc or not parts.path:
            return url
        target = pathlib.Path(os.path.normpath(os.path.join(self.path, urllib.parse.unquote(parts.path))))
        page = PAGES.get(str(target.resolve()))
        if page and JOB["kind"] == "pages":
            path = urllib.parse.quote(page)
        elif target.exists():
            path = urllib.parse.quote(posixpath.join(*pathlib.Path(os.path.relpath(target, JOB["final"])).parts))
        else:
            return url
        return urllib.parse.urlunsplit(("", "", path, parts.query, parts.fragment))

    def _src_to_base64(self, src):
        """Images of the course become part of the page."""
        parts = urllib.parse.urlsplit(src)
        if parts.scheme == "data":
            return None
        if parts.scheme or parts.netloc:
            self.remote.append(src)
            return None
        inside = pathlib.Path(JOB["root"]).resolve()
        target = pathlib.Path(self.path, urllib.parse.unquote(parts.path)).resolve()
        if not target.is_relative_to(inside) or not target.is_file():
            self.remote.append(src)
            return None
        self.path, kept = str(target.parent), self.path
        try:
            return super()._src_to_base64(target.name)
        finally:
            self.path = kept


class Exporter(HTMLExporter):
    """nbconvert's HTML in our frame, in which nothing is loaded from elsewhere."""

    folder = Unicode()

    def __init__(self, **options):
        super().__init__(
            extra_loaders=[
                jinja2.DictLoader(
                    {"taskloom-page.html.j2": ASSETS["page.html.j2"], "taskloom-cells.html.j2": "{% extends 'base.html.j2' %}"}
                )
            ],
            template_name="lab",
            embed_images=True,
            **options,
        )
        self.remote = []

    @jinja2.pass_context
    def markdown2html(self, context, source):
        renderer = Renderer(
            escape=False,
            attachments=context.get("cell", {}).get("attachments", {}),
            embed_images=True,
            path=self.folder,
            exclude_anchor_links=JOB["kind"] == "slides",
        )
        renderer.remote = self.remote
        return MarkdownWithMath(renderer=renderer).render(source)

    def default_filters(self):
        yield from super().default_filters()
        yield ("markdown2html", self.markdown2html)


def first_line(source):
    return next((line.strip() for line in source.splitlines() if line.strip()), "")


def plain(markdown):
    """A line of Markdown as its words."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    return html.unescape(re.sub(r"<[^>]+>|[`*]", "", text)).strip()


def headings(notebook, level):
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            outside = re.sub(r"^(```|~~~).*?^\1", "", cell.source, flags=re.S | re.M)
            yield from re.findall(rf"^{'#' * level}\s+(.+?)\s*#*$", outside, flags=re.M)


def title_of(notebook, name):
    return plain(next(headings(notebook, 1), "")) or notebook.metadata.get("title") or name


def note(text, kind):
    return nbformat.v4.new_output(
        "display_data", {"text/html": f'<p class="taskloom-note taskloom-{kind}">{html.escape(text)}</p>'}
    )


def error_of(cell):
    return next((output for output in cell.get("outputs", []) if output.output_type == "error"), None)


def tags_of(cell):
    return cell.metadata.get("tags", [])


def make_static(notebook):
    """Puts what only JupyterLab, or a script from elsewhere, could show into a form that a page can."""
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        join_streams(cell)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "text/latex" in data and not SHOWN_BY_A_PAGE & set(data):
                tex = data["text/latex"].strip()
                block = not re.fullmatch(r"\$[^$]+\$", tex, re.S)
                data["text/html"] = formula(tex.strip("$"), block)
            elif not SHOWN_BY_A_PAGE & set(data) and any("vegalite" in mime or "vega.v" in mime for mime in data):
                text = data.get("text/plain", "a drawing")
                data["text/html"] = (
                    f'<p class="taskloom-note">{html.escape(text)}: it is there as a specification only, and '
                    "JupyterLab draws it when the notebook is open.</p>"
                )


def join_streams(cell):
    """Pieces of a text that came one after the other are one text, as they are in JupyterLab."""
    joined = []
    for output in cell.get("outputs", []):
        before = joined[-1] if joined else None
        if before and output.output_type == before.output_type == "stream" and output.name == before.name:
            before.text += output.text
        else:
            joined.append(output)
    if "outputs" in cell:
        cell.outputs = joined


def explain_failures(notebook):
    """Says on the page what a failure means. Returns those that nobody meant to happen."""
    failures = []
    unsolved = None
    for place, cell in enumerate(notebook.cells):
        error = error_of(cell)
        if error is None or "raises-exception" in tags_of(cell):
            continue
        exercise = cell.metadata.get("taskloom", {}).get("exercise")
        if exercise and not JOB["solutions"]:
            unsolved = exercise
            cell.outputs.insert(
                cell.outputs.index(error),
                note("This is the exercise as it is handed out. That it fails is no mistake of yours: it waits for your code.", "kind"),
            )
            continue
        failure = {
            "cell": cell.get("execution_count"),
            "place": place,
            "id": cell.get("id", ""),
            "line": first_line(cell.source)[:80],
            "error": f"{error.ename}: {error.evalue}".strip().splitlines()[0][:200],
            "after": unsolved,
        }
        text = "This cell failed when the page was made."
        if unsolved:
            text += f" It may need the exercise {unsolved}, which is not solved here."
        cell.outputs.insert(cell.outputs.index(error), note(text, "failure"))
        failures.append(failure)
    return failures


def write(name, text):
    OUT.joinpath(name + ".html").write_text(text, encoding="utf-8")


def frame(asset, **values):
    return jinja2.Environment(autoescape=True).from_string(ASSETS[asset]).render(**values)


def make_pages():
    made = []
    notebooks = [(entry, nbformat.read(entry["executed"], as_version=4)) for entry in JOB["notebooks"]]
    titles = [title_of(notebook, entry["name"]) for entry, notebook in notebooks]
    for place, (entry, notebook) in enumerate(notebooks):
        failures = explain_failures(notebook)
        make_static(notebook)
        about = introduction(notebook)
        neighbours = {
            name: {"page": urllib.parse.quote(JOB["notebooks"][other]["name"] + ".html"), "title": titles[other]}
            for name, other in (("before", place - 1), ("after", place + 1))
            if 0 <= other < len(notebooks)
        }
        exporter = Exporter(template_file="taskloom-page.html.j2", folder=str(pathlib.Path(entry["source"]).parent))
        resources = {
            "metadata": {"name": titles[place], "path": exporter.folder},
            "taskloom": {
                "css": ASSETS["page.css"],
                "title": titles[place],
                "neighbours": neighbours,
                "sections": [
                    {"text": plain(text), "anchor": anchor_of(text)} for text in headings(notebook, 2)
                ],
                "failures": failures,
                "stopped": entry.get("stopped"),
                "solutions": JOB["solutions"],
            },
        }
        page, _ = exporter.from_notebook_node(notebook, resources)
        write(entry["name"], page)
        made.append(
            {
                "name": entry["name"],
                "title": titles[place],
                "page": urllib.parse.quote(entry["name"] + ".html"),
                "failures": failures,
                "stopped": entry.get("stopped"),
                "remote": sorted(set(exporter.remote)),
                **about,
            }
        )
    write("index", frame("index.html.j2", css=ASSETS["page.css"], pages=made, title=JOB["title"], solutions=JOB["solutions"]))
    return made


def anchor_of(heading):
    """The id that nbconvert gives to a heading."""
    rendered = MarkdownWithMath(renderer=IPythonRenderer(escape=False)).render("## " + heading)
    found = re.search(r'<h2[^>]*\bid="([^"]*)"', rendered)
    return "#" + urllib.parse.quote(html.unescape(found[1])) if found else "#"


def introduction(notebook):
    """The first paragraph of a notebook, and the time that it takes."""
    first = next((cell.source for cell in notebook.cells if cell.cell_type == "markdown"), "")
    paragraphs = [text.strip() for text in re.split(r"\n\s*\n", first)]
    lead = next((text for text in paragraphs if text and not text.startswith(("#", "**"))), "")
    time = re.search(r"\*\*Time:\*\*\s*(.+?)(?=\*\*|\n\s*\n|\Z)", first, re.S)
    return {"lead": plain(" ".join(lead.split())), "time": plain(" ".join(time[1].split())) if time else ""}


def slide_type(cell):
    return cell.metadata.get("slideshow", {}).get("slide_type")


def slides_of(notebook):
    """Slides as lists of steps, each a list of cells, and each slide's notes. A cell without a slide type is on none."""
    slides = []
    for cell in notebook.cells:
        kind = slide_type(cell)
        if kind in (None, "skip"):
            continue
        if kind in ("slide", "subslide") or not slides:
            slides.append({"steps": [[]], "notes": []})
        if kind == "notes":
            slides[-1]["notes"].append(cell)
        else:
            if kind == "fragment":
                slides[-1]["steps"].append([])
            slides[-1]["steps"][-1].append(cell)
    return slides


def make_slides():
    made = []
    for entry in JOB["notebooks"]:
        notebook = nbformat.read(entry["executed"], as_version=4)
        make_static(notebook)
        slides = slides_of(notebook)
        title = title_of(notebook, entry["name"])
        about = {"name": entry["name"], "title": title, "slides": len(slides), "remote": []}
        made.append(about)
        if not slides:
            continue
        exporter = Exporter(
            template_file="taskloom-cells.html.j2",
            folder=str(pathlib.Path(entry["source"]).parent),
            exclude_input_prompt=True,
            exclude_output_prompt=True,
        )

        def fragment(cells):
            part = nbformat.v4.new_notebook(cells=cells, metadata=notebook.metadata)
            return exporter.from_notebook_node(part, {"metadata": {"name": entry["name"], "path": exporter.folder}})[0]

        for slide in slides:
            slide["opens"] = bool(slide["steps"][0])
            slide["steps"] = [fragment(cells) for cells in slide["steps"] if cells]
            slide["notes"] = fragment(slide["notes"]) if slide["notes"] else ""
        write(
            entry["name"],
            frame("slides.html.j2", css=ASSETS["slides.css"], js=ASSETS["slides.js"], title=title, slides=slides),
        )
        about["remote"] = sorted(set(exporter.remote))
    return made


json.dump(make_pages() if JOB["kind"] == "pages" else make_slides(), sys.stdout)
