"""Completion and inspection, as a person at a keyboard meets them: Tab, and Shift-Tab.

The analyser behind them takes a few seconds to read the standard library, the engine and Polars; each test waits for
it, since what is asserted is what it knows. What happens before it is ready has a test of its own.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import pytest

from conftest import BINARY
from session import Session, still_there

DEFINITIONS = '''
use taskloom::prelude::*;
use taskloom::polars::prelude::*;

/// A place on a map.
#[derive(Debug, Clone)]
struct Place { latitude: f64, longitude: f64 }

impl Place {
    /// How far north it is.
    fn northing(&self) -> f64 { self.latitude }
}

#[derive(Debug, Clone)]
enum Weather { Sunny, Raining { millimetres: f64 } }

/// Adds one.
///
/// Nothing more.
fn increment(x: i64) -> i64 { x + 1 }
'''
VARIABLES = '''
let numbers = vec![1, 2, 3];
let text = String::from("héllo");
let perhaps = Some(4u8);
let place = Place { latitude: 52.5, longitude: 13.4 };
let later = delayed!(increment(1));
let table = df!["a" => [1, 2], "b" => [3, 4]]?;
let lazy = table.clone().lazy();
'''


@pytest.fixture(scope="module")
def session(course):
    session = Session(course / "notebooks")
    try:
        session.ok(DEFINITIONS)
        session.ok(VARIABLES)
        ready(session)
        yield session
    finally:
        session.close()


def ready(session: Session, patience: float = 120) -> None:
    """Waits until the analyser knows the standard library."""
    deadline = time.monotonic() + patience
    while "push" not in matches(session, "vec![1].pu|"):
        assert time.monotonic() < deadline, "completion never came to know the methods of a vector"


def ask(session: Session, kind: str, code: str, **more) -> dict:
    """Asks about the place of the `|` in the code; the content of the reply."""
    cursor = code.index("|")
    code = code[:cursor] + code[cursor + 1 :]
    content = {"code": code, "cursor_pos": cursor, **more}
    message = session.client.session.msg(f"{kind}_request", content)
    session.client.shell_channel.send(message)
    request = session._sent(message["header"]["msg_id"], f"{kind} {code!r}")
    reply = session.replied(request, 30).reply
    assert reply["status"] == "ok"
    return reply


def complete(session: Session, code: str) -> dict:
    return ask(session, "complete", code)


def matches(session: Session, code: str) -> list[str]:
    return complete(session, code)["matches"]


def inspect(session: Session, code: str, level: int = 0) -> str:
    reply = ask(session, "inspect", code, detail_level=level)
    return reply["data"]["text/plain"] if reply["found"] else ""


def analysers(session: Session) -> list[int]:
    return [pid for pid, command in session.family().items() if "taskloom-analyzer" in command]


class TestAfterADot:
    @pytest.mark.parametrize(
        ("code", "names"),
        [
            ("numbers.|", {"len", "push", "iter", "sort"}),
            ("text.|", {"push_str", "chars", "to_uppercase"}),
            ("perhaps.|", {"unwrap", "map", "is_some"}),
            ("numbers.iter().|", {"map", "filter", "sum"}),
            ("numbers.iter().rev().enumerate().|", {"collect", "skip"}),
            ("numbers.iter().map(|x| x.to_string()).collect::<Vec<_>>().join(\",\").|".replace("|x|", "\x00x\x00"), {"trim"}),
            ("place.|", {"latitude", "longitude", "northing"}),
            ("later.|", {"compute", "visualize"}),
            ("table.|", {"lazy", "column", "head"}),
            ("table.lazy().|", {"filter", "group_by", "collect"}),
            ('lazy.group_by([col("a")]).|', {"agg"}),
            ('col("a").|', {"sum", "mean", "alias"}),
        ],
    )
    def test_the_methods_of_the_type(self, session, code, names):
        cursor = code.rindex("|")
        code = code[:cursor] + "|" + code[cursor + 1 :]
        cells = code.replace("\x00", "@")
        if "@" in cells:
            # The bars of a closure are not the cursor.
            text = cells.replace("|", "").replace("@", "|")
            message = session.client.session.msg("complete_request", {"code": text, "cursor_pos": len(text)})
            session.client.shell_channel.send(message)
            request = session._sent(message["header"]["msg_id"], "complete")
            found = set(session.replied(request, 30).reply["matches"])
        else:
            found = set(matches(session, code))
        assert names <= found
        assert not [name for name in found if name.startswith(("__", "evcxr"))]

    def test_what_has_been_typed_is_completed(self, session):
        reply = complete(session, "numbers.pus|")
        assert reply["matches"][0] == "push"
        assert (reply["cursor_start"], reply["cursor_end"]) == (8, 11)
        assert all(name.startswith("pus") for name in reply["matches"])

    def test_a_task_of_the_same_cell_has_its_type(self, session):
        assert "compute" in matches(session, "let d = delayed!(increment(1));\nd.comp|")
        assert "wrapping_add" in matches(session, "let d = delayed!(increment(1)).compute()?;\nd.wrapping_|")

    def test_variables_of_the_same_cell_are_known(self, session):
        assert "unwrap_or" in matches(session, "let first = numbers.first();\nfirst.unwra|")

    def test_what_is_unstable_or_private_is_left_out(self, session):
        found = matches(session, "numbers.|")
        assert "into_chunks" not in found and "buf" not in found


class TestNames:
    @pytest.mark.parametrize(
        ("code", "name"),
        [
            ("numb|", "numbers"),
            ("increm|", "increment"),
            ("Pla|", "Place"),
            ("let x: Pla|", "Place"),
            ("Weather::|", "Raining"),
            ("let p = Place { lat|", "latitude"),
            ("println|", "println!"),
            ("delaye|", "delayed!"),
            ("whil|", "while"),
            ("taskloom::|", "prelude"),
            ("use taskloom::pre|", "prelude"),
            ("use std::collections::Ha|", "HashMap"),
            ("std::collections::HashMap::<i64, i64>::with_|", "with_capacity"),
            ('println!("{}", numb|', "numbers"),
            ('println!("{numb|}")', "numbers"),
            ("strin|", "String"),
        ],
    )
    def test_are_completed(self, session, code, name):
        assert name in matches(session, code)

    def test_internal_names_are_not(self, session):
        found = matches(session, "let y = |;")
        assert found and not [name for name in found if name.startswith("_") or "evcxr" in name]


class TestWhatComesWithAMatch:
    def test_kind_and_signature(self, session):
        reply = complete(session, "numbers.push|")
        described = {entry["text"]: entry for entry in reply["metadata"]["_jupyter_types_experimental"]}
        assert described["push"]["type"] == "function"
        assert described["push"]["signature"] == "(&mut self, value: T)"
        assert (described["push"]["start"], described["push"]["end"]) == (8, 12)

    def test_fields_and_types_have_their_kinds(self, session):
        kinds = {}
        for code in ("place.|", "Pla|", "std::|"):
            for entry in complete(session, code)["metadata"]["_jupyter_types_experimental"]:
                kinds[entry["text"]] = entry["type"]
        assert kinds["latitude"] == "property"
        assert kinds["Place"] == "class"
        assert kinds["collections"] == "module"

    def test_positions_are_counted_in_characters(self, session):
        reply = complete(session, 'let s = "𝄞é"; numbers.pu|')
        assert "push" in reply["matches"]
        assert (reply["cursor_start"], reply["cursor_end"]) == (22, 24)


class TestUnfinishedAndBrokenCode:
    @pytest.mark.parametrize(
        "code",
        [
            "let x = numbers.it|",
            "let x = numbers.it|\nlet y = 2;",
            'let wrong: i32 = "text";\nnumbers.it|',
            "for n in numbers.it|",
            "if numbers.it|\n}",
            "fn half(x: f64) -> f64 {\n    let v = vec![x];\n    v.it|",
            "%who\nnumbers.it|",
            "numbers.it|\n%who\n!ls",
            "%time numbers.it|",
            "%%time\nnumbers.it|",
            ":dep rand\nnumbers.it|",
        ],
    )
    def test_is_completed_all_the_same(self, session, code):
        assert "iter" in matches(session, code)


class TestMagicsAndFiles:
    def test_names_of_magics(self, session):
        reply = complete(session, "%ti|")
        assert "%time" in reply["matches"] and reply["cursor_start"] == 0
        assert reply["metadata"]["_jupyter_types_experimental"][0]["type"] == "magic"

    def test_exercises(self, session):
        found = matches(session, "%check |")
        assert found and all("/" not in name for name in found)

    def test_files(self, session, course):
        folder = course / "notebooks"
        (folder / "assist_data").mkdir(exist_ok=True)
        (folder / "assist_data" / "númbers.csv").write_text("")
        assert matches(session, 'read("assist_d|")') == ["assist_data/"]
        assert matches(session, 'read("assist_data/n|')[0] == "númbers.csv"
        assert matches(session, "%cd assist_|") == ["assist_data/"]
        assert matches(session, "!cat assist_data/|") == ["númbers.csv"]

    def test_text_is_left_alone(self, session):
        assert matches(session, "// numb|") == []
        assert matches(session, "%%bash\nnumb|") == []


class TestInspection:
    def test_a_method_of_the_standard_library(self, session):
        text = inspect(session, "numbers.pus|h(4)")
        assert "pub fn push(&mut self, value: T)" in text
        assert "Appends an element to the back of a collection" in text
        assert "self.len" not in text
        assert "Source:" in inspect(session, "numbers.pus|h(4)", 1)

    def test_the_function_around_the_arguments(self, session):
        assert "fn increment(x: i64) -> i64" in inspect(session, "increment(|1)")
        assert "fn increment(x: i64) -> i64" in inspect(session, "increment(1|)")

    def test_a_function_of_the_session(self, session):
        text = inspect(session, "incremen|t")
        assert "fn increment(x: i64) -> i64" in text and "Adds one." in text
        assert "x + 1" not in text
        assert "{ x + 1 }" in inspect(session, "incremen|t", 1)

    def test_a_variable(self, session):
        assert "let numbers: Vec<i32>" in inspect(session, "number|s")

    def test_a_type_of_the_session(self, session):
        text = inspect(session, "Plac|e { latitude: 1.0, longitude: 2.0 }")
        assert "struct Place" in text and "A place on a map." in text

    def test_a_macro(self, session):
        assert "Prints to the standard output" in inspect(session, 'println|!("x")')
        assert "Prints to the standard output" in inspect(session, 'println!("x|")')

    def test_a_method_of_polars(self, session):
        assert "LazyFrame" in inspect(session, "table.laz|y()")

    def test_a_magic(self, session):
        assert "how long" in inspect(session, "%tim|e numbers")

    def test_there_is_markdown(self, session):
        data = ask(session, "inspect", "numbers.len|()", detail_level=0)["data"]
        assert data["text/markdown"].startswith("```rust\n")

    def test_nothing_is_known_of_nothing(self, session):
        assert inspect(session, "1 |+ 2") == ""
        assert inspect(session, "nobody_knows_thi|s") == ""


class TestWhileACellRuns:
    def test_both_are_answered(self, session):
        running = session.start("std::thread::sleep(std::time::Duration::from_secs(6));")
        session.listen(0.5)
        assert "push" in matches(session, "numbers.pu|")
        assert "pub fn push" in inspect(session, "numbers.pus|h(1)")
        assert not running.done, "the cell was to run longer than completion took"
        session.finish(running)
        assert running.status == "ok"


class TestALostAnalyser:
    def test_is_started_again(self, session):
        (pid,) = analysers(session)
        os.kill(pid, signal.SIGKILL)
        ready(session)
        assert analysers(session) != [pid]
        assert session.ok("1 + 1").result == "2"

    def test_a_flood_of_questions_is_answered(self, session):
        requests = []
        for _ in range(100):
            message = session.client.session.msg("complete_request", {"code": "numbers.pu", "cursor_pos": 10})
            session.client.shell_channel.send(message)
            requests.append(session._sent(message["header"]["msg_id"], "complete"))
        for request in requests:
            assert session.replied(request, 60).reply["status"] == "ok"
        assert "push" in requests[-1].reply["matches"]


    def test_inspection_does_not_end_a_completion(self, session):
        for n in range(10):
            requests = []
            for kind in ("complete", "inspect"):
                content = {"code": f"let n = {n}; numbers.push", "cursor_pos": 23, "detail_level": 0}
                message = session.client.session.msg(f"{kind}_request", content)
                session.client.shell_channel.send(message)
                requests.append(session._sent(message["header"]["msg_id"], kind))
            completed, inspected = (session.replied(request, 30).reply for request in requests)
            assert "push" in completed["matches"]
            assert inspected["found"]


class TestAnAnalyserNobodyAsks:
    def test_ends(self):
        program = BINARY.with_name("taskloom-analyzer")
        process = subprocess.Popen([program, "--idle", "1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.communicate()

    def test_knows_the_session_without_any_sources(self, tmp_path):
        """A machine without `rust-src`, and an engine without its checkout."""
        program = BINARY.with_name("taskloom-analyzer")
        environment = {**os.environ, "TASKLOOM_RUST_SRC": str(tmp_path)}
        question = {
            "id": 1,
            "kind": "complete",
            "scene": {"prelude": "struct Place { latitude: f64 }", "variables": [{"name": "place", "type": "Place", "mut": False}]},
            "code": "place.la",
            "offset": 8,
        }
        process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True)
        try:
            process.stdin.write(json.dumps(question) + "\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            assert [item["insert"] for item in answer["completions"]["items"]] == ["latitude"]
        finally:
            process.kill()
            process.communicate()


class TestWithoutAQuestion:
    def test_there_is_no_analyser(self, course):
        session = Session(course / "notebooks")
        try:
            session.ok("let x = 1;")
            assert analysers(session) == []
            # Names alone need no analysis, and come whether or not it is ready.
            assert "x1y2" not in matches(session, "x1|")
            assert len(analysers(session)) == 1
            family = session.family()
        finally:
            session.close()
        assert still_there(family) == {}

    def test_it_ends_with_a_kernel_that_is_killed(self, course):
        session = Session(course / "notebooks")
        try:
            matches(session, "x1|")
            family = session.family()
            assert analysers(session)
            os.kill(session.pid, signal.SIGKILL)
            assert still_there(family) == {}
        finally:
            session.close()

    def test_magics_and_files_need_none(self, course):
        session = Session(course / "notebooks")
        try:
            assert "%time" in matches(session, "%ti|")
            assert matches(session, 'read("no such thing|')  == []
            assert analysers(session) == []
        finally:
            session.close()
