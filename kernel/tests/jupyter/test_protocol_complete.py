"""Every part of Jupyter's protocol that makes sense without a debugger."""

from __future__ import annotations

import json
import os
import stat
import sys
import time

import jupyter_kernel_test
import pytest
from jupyter_client.manager import KernelManager

from conftest import KERNEL
from raw import Raw
from session import Session
from wire_cells import PRELUDE

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="some cells look into /proc")


class TestEverything(jupyter_kernel_test.KernelTests):
    """Jupyter's own test of kernels, with every optional test switched on."""

    kernel_name = KERNEL
    language_name = "rust"
    file_extension = ".rs"
    code_hello_world = 'println!("hello, world");'
    code_stderr = 'eprintln!("oops");'
    completion_samples = [
        {"text": "protocol_answ", "matches": {"protocol_answer"}},
        {"text": "%lsmag", "matches": {"%lsmagic"}},
    ]
    complete_code_samples = ["let x = 1;", "1 + 2", "fn f() {}", "%lsmagic", "protocol_answer?", ""]
    incomplete_code_samples = ["fn f() {", "let v = vec![1,", 'let s = "open', "/* a comment"]
    invalid_code_samples = ["let = = ;", "fn f( }", ")"]
    code_page_something = "protocol_answer?"
    code_generate_error = 'panic!("boom")'
    code_execute_result = [
        {"code": "1 + 2", "result": "3"},
        # A result that no other test has, for the search of the history.
        {"code": "7001 + 2", "result": "7003"},
        {"code": '"a".repeat(3)', "result": '"aaa"'},
        {"code": "2 + 2", "result": "4"},
        {"code": "2 + 3", "result": "5"},
    ]
    code_display_data = [{"code": "taskloom::display(&form(3));", "mime": "text/plain"}]
    code_history_pattern = "7001 + ?"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "protocol_answer"
    code_clear_output = 'tell_kernel(r#"{"type":"clear_output","wait":false}"#);'

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for code in (PRELUDE, "let protocol_answer = 42;"):
            cls.kc.execute_interactive(code, timeout=60, output_hook=lambda message: None)

    def test_nothing_is_switched_off(self):
        for name, value in vars(jupyter_kernel_test.KernelTests).items():
            if not name.startswith(("_", "test_")) and value in ("", [], ()):
                assert getattr(self, name), f"{name} is empty, so its test is skipped"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    session = Session(tmp_path_factory.mktemp("protocol"))
    session.ok(PRELUDE)
    yield session
    session.close()


@pytest.fixture
def shell(kernel):
    with Raw(kernel.manager) as client:
        yield client


@pytest.fixture
def control(kernel):
    with Raw(kernel.manager, "control") as client:
        yield client


def execute(client: Raw, code: str, header: dict | None = None, timeout: float = 60, **options) -> dict:
    return client.answer(client.send("execute_request", {"code": code, **options}, **(header or {})), timeout)["content"]


# What an execute request can ask for


def test_user_expressions_are_evaluated_after_the_cell(kernel, shell):
    count = execute(shell, "let shown = 3;")["execution_count"]
    content = execute(
        shell,
        "let list = vec![1, 2];",
        user_expressions={"sum": "list.iter().sum::<i32>()", "wrong": "nothing_of_this_name", "unit": "()", "number": 3},
    )
    answers = content["user_expressions"]
    assert content["execution_count"] == count + 1
    assert answers["sum"] == {"status": "ok", "data": {"text/plain": "3"}, "metadata": {}}
    assert answers["unit"]["status"] == "ok" and answers["unit"]["data"] == {}
    for name in ("wrong", "number"):
        assert answers[name]["status"] == "error" and answers[name]["evalue"] and answers[name]["traceback"]
    # They are no cells: nothing is shown, counted or kept.
    cell = kernel.ok("list.len()")
    assert cell.result == "2"
    assert execute(shell, "panic!()", user_expressions={"a": "1"}).get("user_expressions", {}) == {}


def test_expressions_alone_are_a_request(kernel, shell):
    content = execute(shell, "", silent=True, store_history=False, user_expressions={"a": "1 + 1"})
    assert content["status"] == "ok" and content["user_expressions"]["a"]["data"]["text/plain"] == "2"


def test_a_silent_request_shows_nothing_and_counts_for_nothing(kernel):
    before = kernel.ok("1").reply["execution_count"]
    id = kernel.client.execute('println!("quiet"); 7', silent=True)
    cell = kernel.finish(kernel._sent(id, "a silent cell"))
    assert cell.status == "ok" and cell.messages == []
    id = kernel.client.execute('panic!("quiet")', silent=True)
    cell = kernel.finish(kernel._sent(id, "a silent cell that fails"))
    assert cell.status == "error" and cell.messages == []
    assert kernel.ok("1").reply["execution_count"] == before + 1


def test_what_is_not_stored_is_not_in_the_history(kernel, shell):
    before = execute(shell, "5 + 5")["execution_count"]
    assert execute(shell, "6 + 6", store_history=False)["execution_count"] == before
    answer = shell.answer(shell.send("history_request", {"hist_access_type": "tail", "n": 1, "raw": True, "output": True}))
    (_, number, (code, _)), = answer["content"]["history"]
    assert (number, code) == (before, "5 + 5")


@pytest.mark.parametrize("stop", [True, False])
def test_an_error_stops_what_waits_if_it_is_asked_to(kernel, shell, stop):
    ids = [
        shell.send("execute_request", {"code": 'std::thread::sleep(std::time::Duration::from_millis(500)); panic!("x")', "stop_on_error": stop}),
        shell.send("execute_request", {"code": "1"}),
        shell.send("execute_request", {"code": "2"}),
    ]
    statuses = [shell.answer(id)["content"]["status"] for id in ids]
    assert statuses == ["error", *["aborted" if stop else "ok"] * 2]
    assert execute(shell, "3")["status"] == "ok"


def test_a_magic_behind_a_question_mark_is_a_page(kernel, shell):
    for code in ("%lsmagic?", "shown_name??"):
        kernel.ok("let shown_name = 3u8;")
        content = execute(shell, code)
        (page,) = content["payload"]
        assert page["source"] == "page" and page["data"]["text/plain"]
    assert execute(shell, "no_such_name?")["status"] == "error"


# Status, and what answers what


def test_every_request_is_busy_and_then_idle(kernel, control):
    with Raw(kernel.manager, "iopub") as iopub, Raw(kernel.manager) as shell:
        assert iopub.receive()["kind"] == "iopub_welcome"
        for client, kind in (
            (shell, "kernel_info_request"),
            (shell, "execute_request"),
            (shell, "is_complete_request"),
            (shell, "comm_info_request"),
            (control, "kernel_info_request"),
            (control, "interrupt_request"),
            (control, "list_subshell_request"),
        ):
            id = client.send(kind, {"code": "1"})
            client.answer(id)
            states = []
            while states[-1:] != ["idle"]:
                message = iopub.answer(id)
                if message["kind"] == "status":
                    states.append(message["content"]["execution_state"])
            assert states == ["busy", "idle"], kind


def test_the_kernel_says_what_it_can(kernel, shell):
    content = shell.answer(shell.send("kernel_info_request", {}))["content"]
    assert content["supported_features"] == ["kernel subshells"] and content["debugger"] is False
    assert content["protocol_version"] == "5.5"
    ports = shell.answer(shell.send("connect_request", {}))["content"]
    assert ports["iopub_port"] == kernel.manager.iopub_port


def test_a_subscriber_is_welcomed(kernel):
    with Raw(kernel.manager, "iopub") as iopub:
        message = iopub.receive()
        assert (message["kind"], message["content"]["subscription"], message["parent_header"]) == ("iopub_welcome", "", {})


def test_there_is_no_debugger_and_it_says_so(kernel, shell, control):
    for client in (shell, control):
        content = client.answer(client.send("debug_request", {"type": "request", "seq": 5, "command": "attach"}))["content"]
        assert content["status"] == "error" and content["success"] is False
        assert (content["type"], content["command"], content["request_seq"]) == ("response", "attach", 5)


def test_an_incomplete_cell_is_indented(kernel, shell):
    content = shell.answer(shell.send("is_complete_request", {"code": "fn f() {\n    if true {"}))["content"]
    assert content["status"] == "incomplete" and len(content["indent"]) == 8 and not content["indent"].strip()


def test_completions_have_types_and_places(kernel, shell):
    kernel.ok("let größe_der_welt = 3u8;")
    code = 'let é = "🦀"; größe_d + 1'
    cursor = code.index("_d") + 2
    content = shell.answer(shell.send("complete_request", {"code": code, "cursor_pos": cursor}))["content"]
    assert content["matches"] == ["größe_der_welt"]
    assert code[content["cursor_start"] : content["cursor_end"]] == "größe_d"
    (kind,) = content["metadata"]["_jupyter_types_experimental"]
    assert kind["text"] == "größe_der_welt" and kind["type"] and kind["start"] == content["cursor_start"]
    for wrong in (-5, 10_000):
        assert shell.answer(shell.send("complete_request", {"code": code, "cursor_pos": wrong}))["content"]["status"] == "ok"


def test_quick_requests_are_answered_while_a_cell_runs(kernel, shell, control):
    id = shell.send("execute_request", {"code": "std::thread::sleep(std::time::Duration::from_secs(3));"})
    time.sleep(0.5)
    for client, kind, content in (
        (shell, "kernel_info_request", {}),
        (shell, "complete_request", {"code": "run", "cursor_pos": 3}),
        (shell, "inspect_request", {"code": "runner_pipe", "cursor_pos": 3, "detail_level": 1}),
        (shell, "is_complete_request", {"code": "1"}),
        (shell, "history_request", {"hist_access_type": "tail", "n": 3, "raw": True, "output": False}),
        (shell, "comm_info_request", {}),
        (control, "list_subshell_request", {}),
    ):
        asked = client.send(kind, content)
        message = client.receive(30)
        assert message["parent_header"]["msg_id"] == asked, f"the cell ended before the answer to {kind}"
    assert shell.answer(id)["content"]["status"] == "ok"


# Output


def test_several_outputs_of_one_cell_keep_their_order(kernel):
    cell = kernel.ok(
        'println!("a"); taskloom::display(&form(1)); eprintln!("b"); println!("c");\n'
        'taskloom::display(&form(2)); println!("d"); 5'
    )
    assert cell.outline == ["out:a\n", "display_data", "err:b\n", "out:c\n", "display_data", "out:d\n", "execute_result"] or (
        # Standard output and error are two pipes: between displays their order is the system's.
        cell.outline == ["out:a\n", "display_data", "out:c\n", "err:b\n", "display_data", "out:d\n", "execute_result"]
    )


def test_a_display_is_replaced_and_the_last_form_arrives(kernel):
    cell = kernel.ok(
        'taskloom::display_as(&form("first"), "spot");\n'
        'for i in 0..500 { taskloom::update_display(&form(i), "spot"); }'
    )
    updates = cell.of_type("update_display_data")
    assert cell.of_type("display_data")[0]["transient"] == {"display_id": "spot"}
    assert updates[-1]["transient"] == {"display_id": "spot"} and "499" in updates[-1]["data"]["text/plain"]
    assert len(updates) < 250, "a screen that is replaced faster than anybody sees is not sent each time"


def test_output_is_cleared_in_order_and_metadata_goes_through(kernel):
    cell = kernel.ok(
        'println!("gone"); tell_kernel(r#"{"type":"clear_output","wait":true}"#);\n'
        'tell_kernel(r#"{"type":"display","data":{"image/png":"AA=="},"metadata":{"image/png":{"width":5}},"display_id":null,"update":false}"#);'
    )
    kinds = [message["msg_type"] for _, message in cell.messages if message["msg_type"] != "execute_input"]
    assert kinds == ["stream", "clear_output", "display_data"]
    assert cell.of_type("clear_output") == [{"wait": True}]
    assert cell.of_type("display_data")[0]["metadata"] == {"image/png": {"width": 5}}


def test_a_hundred_thousand_lines_come_whole_and_in_few_messages(kernel):
    cell = kernel.ok('for i in 0..100_000 { println!("{i}"); }')
    assert cell.stdout == "".join(f"{i}\n" for i in range(100_000))
    assert len(cell.of_type("stream")) < 500


def test_a_flood_is_cut_and_says_so(kernel):
    cell = kernel.ok('for i in 0..3_000_000 { println!("line {i}"); }', timeout=120)
    assert cell.stdout.startswith("line 0\nline 1\n") and cell.stdout.endswith("line 2999998\nline 2999999\n")
    assert "of output left out …" in cell.stdout
    assert len(cell.stdout) < 12 << 20


def test_an_endless_loop_harms_nobody_and_ends_when_asked_to(kernel):
    cell = kernel.start('loop { println!("x"); }')
    kernel.listen(4)
    size = len(cell.stdout)
    assert size < 8 << 20 and len(cell.messages) < 1000
    kernel.interrupt()
    kernel.finish(cell, 30)
    assert cell.status == "error"
    kernel.ok(PRELUDE)


# Input


def ask(kernel, shell_stdin, code: str, **options):
    shell, stdin = shell_stdin
    id = shell.send("execute_request", {"code": code, "allow_stdin": True, **options})
    return id, stdin.receive(30)


@pytest.fixture
def person(kernel):
    """A client with a shell and a stdin channel under one identity."""
    with Raw(kernel.manager, identity=b"person") as shell, Raw(kernel.manager, "stdin", identity=b"person") as stdin:
        stdin.send("input_reply", {"value": "too early"})
        yield shell, stdin


def test_a_cell_asks_and_is_answered(kernel, person):
    shell, stdin = person
    for password in (False, True):
        code = f'println!("[{{:?}}]", ask_person("name? ", {str(password).lower()}));'
        id, question = ask(kernel, person, code)
        assert question["kind"] == "input_request" and question["parent_header"]["msg_id"] == id
        assert question["content"] == {"prompt": "name? ", "password": password}
        with Raw(kernel.manager, "stdin", identity=b"stranger") as stranger:
            stranger.send("input_reply", {"value": "from a stranger"})
            time.sleep(0.2)
        stdin.send("input_reply", {"value": "for another question"}, parent={"msg_id": "another"})
        stdin.send("input_reply", {"value": "né"}, parent=question["header"])
        stdin.send("input_reply", {"value": "once more"})
        assert shell.answer(id)["content"]["status"] == "ok"
    cell = kernel.ok("0")
    assert cell.status == "ok"


def test_the_answer_reaches_the_cell(kernel):
    kernel.client.allow_stdin = True
    id = kernel.client.execute('format!("{:?}", ask_person("? ", false))', allow_stdin=True)
    cell = kernel._sent(id, "a cell that asks")
    assert kernel.client.get_stdin_msg(timeout=30)["content"]["prompt"] == "? "
    # jupyter_client names no parent.
    kernel.client.input("forty-two")
    assert "forty-two" in kernel.finish(cell).result


def test_who_does_not_want_to_be_asked_is_not(kernel):
    id = kernel.client.execute('format!("{:?}", ask_person("? ", false))', allow_stdin=False)
    assert kernel.finish(kernel._sent(id, "a cell that asks")).result == '"None"'


def test_an_interrupt_ends_the_waiting(kernel, person):
    shell, _ = person
    id, question = ask(kernel, person, 'println!("{:?}", ask_person("? ", false));')
    assert question
    kernel.interrupt()
    # The cell goes on with no answer; whether it counts as interrupted is the session's business.
    assert shell.answer(id, 10)["content"]["status"] in ("ok", "error")
    kernel.ok(PRELUDE)


# Comms


def test_a_comm_is_open_until_it_is_closed(kernel, shell):
    kernel.ok("let told = 3u8;")
    with Raw(kernel.manager, "iopub") as iopub:
        assert iopub.receive()["kind"] == "iopub_welcome"
        id = shell.send("comm_open", {"comm_id": "inspector", "target_name": "taskloom.session", "data": {}})
        messages = [iopub.answer(id) for _ in range(3)]
        assert [message["kind"] for message in messages] == ["status", "comm_msg", "status"]
        assert {"name": "told", "type": "u8"} in messages[1]["content"]["data"]["variables"]
        comms = shell.answer(shell.send("comm_info_request", {"target_name": "taskloom.session"}))["content"]["comms"]
        assert comms == {"inspector": {"target_name": "taskloom.session"}}
        cell = kernel.ok("let told_later = 4u8;")
        (news,) = cell.of_type("comm_msg")
        assert {"name": "told_later", "type": "u8"} in news["data"]["variables"]
        id = shell.send("comm_close", {"comm_id": "inspector", "data": {}})
        assert [iopub.answer(id)["kind"] for _ in range(2)] == ["status", "status"]
        assert shell.answer(shell.send("comm_info_request", {}))["content"]["comms"] == {}


def test_a_target_that_nobody_offers_is_closed(kernel, shell):
    with Raw(kernel.manager, "iopub") as iopub:
        assert iopub.receive()["kind"] == "iopub_welcome"
        id = shell.send("comm_open", {"comm_id": "w", "target_name": "jupyter.widget", "data": {}})
        messages = [iopub.answer(id) for _ in range(3)]
        assert [message["kind"] for message in messages] == ["status", "comm_close", "status"]
        assert messages[1]["content"]["comm_id"] == "w"


def test_a_cell_opens_a_comm_of_its_own(kernel, shell):
    line = json.dumps({"type": "comm", "action": "open", "comm_id": "own", "target_name": "plot", "data": {"x": 1}})
    cell = kernel.ok(f'tell_kernel(r#"{line}"#);')
    assert cell.of_type("comm_open") == [{"comm_id": "own", "target_name": "plot", "data": {"x": 1}}]
    assert "own" in shell.answer(shell.send("comm_info_request", {}))["content"]["comms"]
    line = json.dumps({"type": "comm", "action": "close", "comm_id": "own"})
    assert kernel.ok(f'tell_kernel(r#"{line}"#);').of_type("comm_close")


# Subshells


def test_subshells_come_and_go(kernel, shell, control):
    def create():
        return control.answer(control.send("create_subshell_request", {}))["content"]

    first, second = create()["subshell_id"], create()["subshell_id"]
    listed = control.answer(control.send("list_subshell_request", {}))["content"]
    assert set(listed["subshell_id"]) == {first, second}
    for id in (first, second):
        assert control.answer(control.send("delete_subshell_request", {"subshell_id": id}))["content"]["status"] == "ok"
    assert control.answer(control.send("list_subshell_request", {}))["content"]["subshell_id"] == []
    gone = control.answer(control.send("delete_subshell_request", {"subshell_id": first}))["content"]
    assert gone["status"] == "error" and gone["evalue"]
    for kind in ("execute_request", "kernel_info_request"):
        content = shell.answer(shell.send(kind, {"code": "1"}, subshell_id=first))["content"]
        assert content["status"] == "error" and "subshell" in content["evalue"]


def test_an_error_in_a_subshell_leaves_the_others_alone(kernel, shell, control):
    subshell = control.answer(control.send("create_subshell_request", {}))["content"]["subshell_id"]

    def send(code: str, **header) -> str:
        return shell.send("execute_request", {"code": code}, **header)

    ids = [
        send('std::thread::sleep(std::time::Duration::from_millis(500)); panic!("x")', subshell_id=subshell),
        send("let in_main = 7;"),
        send("2", subshell_id=subshell),
        send("in_main + 1"),
    ]
    answers = {}
    while len(answers) < 4:
        message = shell.receive(30)
        answers[message["parent_header"]["msg_id"]] = message
    assert [answers[id]["content"]["status"] for id in ids] == ["error", "ok", "aborted", "ok"]
    assert answers[ids[0]]["parent_header"]["subshell_id"] == subshell
    # The session is one: what one makes, all have.
    assert execute(shell, "in_main", {"subshell_id": subshell})["status"] == "ok"
    waiting = send("std::thread::sleep(std::time::Duration::from_secs(1));")
    behind = send("1", subshell_id=subshell)
    # The answer to what came after it says that it has arrived.
    after = shell.send("kernel_info_request", {})
    assert shell.receive(30)["parent_header"]["msg_id"] == after
    control.answer(control.send("delete_subshell_request", {"subshell_id": subshell}))
    assert shell.answer(behind)["content"]["status"] == "aborted"
    assert shell.answer(waiting)["content"]["status"] == "ok"


# Beginning and end


def start(tmp_path, **options) -> KernelManager:
    manager = KernelManager(kernel_name=KERNEL, connection_file=str(tmp_path / "kernel.json"), **options)
    manager.start_kernel(cwd=str(tmp_path))
    return manager


@pytest.mark.parametrize("channel", ["shell", "control"])
@pytest.mark.parametrize("restart", [False, True])
def test_the_kernel_ends_when_it_is_asked_to(tmp_path, channel, restart):
    manager = start(tmp_path)
    try:
        with Raw(manager, channel) as client:
            content = client.answer(client.send("shutdown_request", {"restart": restart}), 60)["content"]
        assert content == {"status": "ok", "restart": restart}
        deadline = time.monotonic() + 10
        while manager.is_alive() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not manager.is_alive()
    finally:
        manager.shutdown_kernel(now=True)


def test_it_speaks_ipc_too_and_keeps_it_private(tmp_path):
    manager = start(tmp_path, transport="ipc", ip=str(tmp_path / "s"))
    try:
        client = manager.blocking_client()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        reply = client.execute_interactive("1 + 1", timeout=60, output_hook=lambda message: None)
        assert reply["content"]["status"] == "ok"
        sockets = list(tmp_path.glob("s-*"))
        assert len(sockets) == 5
        assert all(stat.S_IMODE(os.stat(path).st_mode) == 0o600 for path in sockets)
        client.stop_channels()
    finally:
        manager.shutdown_kernel()
    assert not list(tmp_path.glob("s-*")), "the sockets' files are left behind"


def test_a_connection_file_that_others_can_read_becomes_private(tmp_path):
    manager = start(tmp_path)
    try:
        file = tmp_path / "kernel.json"
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0
        with Raw(manager) as client:
            client.answer(client.send("kernel_info_request", {}), 60)
    finally:
        manager.shutdown_kernel(now=True)
