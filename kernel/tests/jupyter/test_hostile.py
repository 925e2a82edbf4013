"""Nothing that arrives on a kernel's sockets harms it: afterwards it answers, runs cells and has not grown."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

import raw
from raw import Raw, command, dial, frame, greeting, is_closed, ready
from session import Session

# Set TASKLOOM_SEED to repeat a storm that failed.
SEED = int(os.environ.get("TASKLOOM_SEED") or random.randrange(1 << 32))

# What a kernel may grow by while it is attacked, and keep: the allocator's arenas are part of it.
GROWTH = 120 << 20


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    session = Session(tmp_path_factory.mktemp("hostile"))
    session.ok("let before = 41;")
    yield session
    session.close()


def memory(pid: int) -> int:
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        return int(next(line for line in status.read_text().splitlines() if line.startswith("VmRSS")).split()[1]) << 10
    return int(subprocess.check_output(["ps", "-o", "rss=", "-p", str(pid)])) << 10


@pytest.fixture(autouse=True)
def unharmed(kernel):
    """After each test the same process answers on every channel, runs a cell, and is about as large as before."""
    pid, before = kernel.pid, memory(kernel.pid)
    yield
    assert kernel.alive and kernel.pid == pid
    kernel.finish(kernel.kernel_info(), 30)
    for channel in ("shell", "control"):
        with Raw(kernel.manager, channel) as client:
            assert client.answer(client.send("kernel_info_request", {}))["content"]["status"] == "ok"
    assert kernel.ok("before + 1").result == "42"
    assert kernel.client.hb_channel.is_beating()
    deadline = time.monotonic() + 10
    while memory(pid) > before + GROWTH and time.monotonic() < deadline:
        time.sleep(0.2)
    assert memory(pid) <= before + GROWTH, f"the kernel has grown from {before >> 20} to {memory(pid) >> 20} MB"


def silence(client: Raw) -> None:
    """Nothing comes back, but the answer to a question that is asked afterwards."""
    id = client.send("kernel_info_request", {})
    message = client.receive()
    assert message and message["parent_header"]["msg_id"] == id, f"an answer to what deserves none: {message}"


EXECUTE = [json.dumps(part).encode() for part in (raw.header("execute_request"), {}, {}, {"code": "let evil = 1;"})]


@pytest.mark.parametrize("channel", ["shell", "control"])
def test_what_is_not_signed_is_ignored(kernel, channel):
    with Raw(kernel.manager, channel) as client:
        good = client.sign(EXECUTE)
        for signature in (b"", b"0", b"00", good[:-1], good[:-2] + b"zz", good[::-1], b"0" * 64, good * 2, b"\xff" * 64):
            client.send_parts(EXECUTE, signature=signature)
        for part in range(4):
            damaged = list(EXECUTE)
            damaged[part] += b" "
            client.send_parts(damaged, signature=good)
        silence(client)
    assert "evil" not in kernel.ok("%who").text


def test_a_message_that_somebody_recorded_counts_once(kernel):
    parts = [json.dumps(part).encode() for part in (raw.header("execute_request"), {}, {}, {"code": "let mut once = 1;"})]
    with Raw(kernel.manager) as client:
        frames = client.send_parts(parts)
        assert client.receive()["content"]["status"] == "ok"
        for _ in range(3):
            client.socket.send_multipart(frames)
        silence(client)
    with Raw(kernel.manager, identity=b"somebody else") as other:
        other.socket.send_multipart(frames)
        silence(other)


def test_frames_that_are_no_message_are_ignored(kernel):
    with Raw(kernel.manager) as client:
        signed = [client.sign(EXECUTE), *EXECUTE]
        for frames in (
            [b""],
            [b"hello"],
            [raw.DELIMITER],
            [b""] * 3000,
            signed,
            [raw.DELIMITER, *signed[:3]],
            [raw.DELIMITER.lower(), *signed],
            [raw.DELIMITER, raw.DELIMITER, *signed],
        ):
            client.socket.send_multipart(frames)
        silence(client)


def test_more_frames_than_a_message_has_close_the_connection(kernel):
    connection = dial(kernel.manager)
    connection.sendall(greeting() + ready() + frame(b"", more=True) * 5000)
    assert is_closed(connection)


def test_nonsense_in_a_signed_request_is_answered_with_an_error(kernel):
    kinds = [
        ("shell", "execute_request"),
        ("shell", "complete_request"),
        ("shell", "inspect_request"),
        ("shell", "is_complete_request"),
        ("shell", "history_request"),
        ("control", "delete_subshell_request"),
        ("control", "debug_request"),
        ("control", "execute_request"),
    ]
    contents = [b"", b"{", b"[]", b"null", b"3", b'{"code": 3}', b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe", b"{}"]
    for channel, kind in kinds:
        with Raw(kernel.manager, channel) as client:
            for content in contents:
                head = raw.header(kind)
                client.send_parts([json.dumps(head).encode(), b"{}", b"{}", content])
                answer = client.answer(head["msg_id"])
                assert answer["kind"] == kind.replace("request", "reply"), content[:20]
                assert answer["content"]["status"] == "error", (kind, content[:20], answer["content"])
                assert answer["content"]["evalue"], "an error says what is wrong"


def test_headers_that_are_nonsense_are_ignored(kernel):
    with Raw(kernel.manager) as client:
        for head in (b"", b"[]", b"{}", b'{"msg_type": 3}', b'{"msg_type": null}', b"\xff", b"[" * 100_000, b'"' + b"x" * 200_000):
            client.send_parts([head, b"{}", b"{}", b"{}"])
        for kind in ("", "nonsense_request", "execute_reply", "x" * 10_000, "\u0000", "execute_request\n"):
            client.send(kind, {"code": "let evil = 1;"})
        # What has no id can still be answered.
        client.send_parts([b'{"msg_type": "kernel_info_request"}', b"null", b"7", b"{}"])
        assert client.receive()["kind"] == "kernel_info_reply"
        silence(client)
    assert "evil" not in kernel.ok("%who").text


def values(random: random.Random):
    """Something that is not what a field should be."""
    return random.choice(
        [None, True, -1, 0, 2**70, 1.5, "", "x", "é🦀\u0000", [], [[]], {}, {"a": {"b": 1}}, "9" * 1000, -(2**63), 1e308]
    )


CONTENTS = {
    "execute_request": {"code": "1", "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False, "stop_on_error": False},
    "complete_request": {"code": "bef", "cursor_pos": 3},
    "inspect_request": {"code": "before", "cursor_pos": 3, "detail_level": 0},
    "is_complete_request": {"code": "fn f() {"},
    "history_request": {"output": False, "raw": True, "hist_access_type": "range", "session": 0, "start": 1, "stop": 3, "n": 2, "pattern": "*", "unique": True},
    "comm_info_request": {"target_name": "x"},
    "comm_open": {"comm_id": "c", "target_name": "taskloom.session", "data": {}},
    "comm_msg": {"comm_id": "c", "data": {}},
    "comm_close": {"comm_id": "c", "data": {}},
    "kernel_info_request": {},
    "connect_request": {},
    "interrupt_request": {},
    "debug_request": {"type": "request", "seq": 1, "command": "initialize", "arguments": {}},
    "create_subshell_request": {},
    "delete_subshell_request": {"subshell_id": "x"},
    "list_subshell_request": {},
    "input_reply": {"value": "x"},
}


def mutated(random: random.Random) -> tuple[list[bytes], list[bytes]]:
    """A request with something wrong in it: its four parts, and more frames. Cells among them are cheap ones."""
    kind = random.choice(list(CONTENTS))
    head, content = raw.header(kind), json.loads(json.dumps(CONTENTS[kind]))
    parts: list = [head, {}, {}, content]
    for _ in range(random.randrange(1, 4)):
        part = random.choice([head, content, content])
        if part and random.random() < 0.8:
            field = random.choice(list(part))
            if random.random() < 0.3:
                del part[field]
            elif part is content or field != "msg_type":
                part[field] = values(random)
        else:
            part[str(values(random))] = values(random)
    if random.random() < 0.2:
        parts[random.randrange(4)] = values(random)
    if isinstance(parts[3], dict) and kind == "execute_request" and isinstance(parts[3].get("code"), str):
        # Compiling takes its time: what is interesting here is the request.
        parts[3]["code"] = random.choice(["", " ", "%lsmagic", "before?", "%nonsense"])
        parts[3]["user_expressions"] = None
    encoded = [json.dumps(part).encode() for part in parts]
    if random.random() < 0.3:
        at = random.randrange(4)
        part = bytearray(encoded[at])
        for _ in range(random.randrange(1, 6)):
            place = random.randrange(len(part) + 1)
            part[place:place + random.randrange(3)] = random.randbytes(random.randrange(3))
        if at != 3 or kind != "execute_request":
            encoded[at] = bytes(part)
    return encoded, [random.randbytes(random.randrange(50)) for _ in range(random.randrange(3))]


def test_two_thousand_random_mutations(kernel):
    print(f"TASKLOOM_SEED={SEED}")
    chance = random.Random(SEED)
    channels = {name: Raw(kernel.manager, name) for name in ("shell", "control", "stdin")}
    try:
        for _ in range(2000):
            parts, buffers = mutated(chance)
            client = channels[chance.choice(list(channels))]
            if chance.random() < 0.1:
                client.send_parts(parts, buffers, signature=chance.randbytes(32).hex().encode())
            elif chance.random() < 0.1:
                frames = [raw.DELIMITER, client.sign(parts), *parts]
                chance.shuffle(frames)
                client.socket.send_multipart(frames[chance.randrange(3):] or [b""])
            else:
                client.send_parts(parts, buffers)
        for name in ("shell", "control"):
            client = channels[name]
            assert client.answer(client.send("kernel_info_request", {}), 60)["content"]["status"] == "ok"
    finally:
        for client in channels.values():
            client.close()
    # Cells that the storm left in the queue run before the next one.
    kernel.finish(kernel.start("1"), 120)


def test_a_large_message_is_taken_and_given_back(kernel):
    with Raw(kernel.manager) as client:
        text = "x" * (50 << 20)
        # Of this size it is no cell, and says so.
        answer = client.answer(client.send("execute_request", {"code": f'"{text}"'}), 60)
        assert answer["content"]["status"] == "error" and "MB" in answer["content"]["evalue"]
        answer = client.answer(client.send("complete_request", {"code": text, "cursor_pos": 5}), 60)
        assert answer["content"]["status"] == "ok"
        answer = client.answer(client.send("comm_info_request", {"target_name": text}), 60)
        assert answer["content"]["status"] == "ok"


@pytest.mark.parametrize("length", [(256 << 20) + 1, 1 << 46, (1 << 63) - 1, (1 << 64) - 1])
@pytest.mark.parametrize("channel", ["shell", "control", "stdin", "iopub", "hb"])
def test_a_promise_of_a_huge_frame_costs_nothing(kernel, channel, length):
    kind = {"iopub": b"SUB", "hb": b"REQ"}.get(channel, b"DEALER")
    connection = dial(kernel.manager, channel)
    connection.sendall(greeting() + ready(kind) + b"\x02" + length.to_bytes(8, "big"))
    assert is_closed(connection)


def test_frames_that_are_promised_and_never_sent_hold_no_memory(kernel):
    before = memory(kernel.pid)
    connections = [dial(kernel.manager) for _ in range(40)]
    for connection in connections:
        connection.sendall(greeting() + ready() + b"\x02" + (200 << 20).to_bytes(8, "big") + b"x" * 1000)
    time.sleep(0.5)
    assert memory(kernel.pid) < before + (60 << 20)
    for connection in connections:
        connection.close()


def test_code_that_breaks_parsers_is_refused(kernel):
    with Raw(kernel.manager) as client:
        for code in ("(" * 100_000, "[" * 100_000 + "]" * 100_000, "{" * 100_000, "!" * 200_000, "&" * 200_000, "1+" * 100_000 + "1", "<" * 100_000, "/*" * 100_000, '"' * 99_999, "\u0000" * 1000, "r" + "#" * 100_000):
            for kind in ("is_complete_request", "complete_request", "inspect_request"):
                answer = client.answer(client.send(kind, {"code": code, "cursor_pos": len(code) // 2}), 60)
                assert answer["content"]["status"] in ("ok", "complete", "incomplete", "invalid"), code[:10]
            answer = client.answer(client.send("execute_request", {"code": code, "stop_on_error": False}), 60)
            assert answer["content"]["status"] == "error", code[:10]


def test_identities_of_odd_sizes(kernel):
    for identity in (b"\0\0\0", b"x", b"x" * 255, b"\xff" * 20, raw.DELIMITER):
        connection = dial(kernel.manager)
        connection.sendall(greeting() + ready(identity=identity))
        connection.recv(64)
        connection.close()
    for identity in (b"x" * 256, b"x" * 100_000):
        connection = dial(kernel.manager)
        connection.sendall(greeting() + ready(identity=identity))
        assert is_closed(connection)
    # A client that comes back under its old name is answered, though its first connection is not known to be dead.
    with Raw(kernel.manager, identity=b"again") as first:
        assert first.answer(first.send("kernel_info_request", {}))
        with Raw(kernel.manager, identity=b"again") as second:
            assert second.answer(second.send("kernel_info_request", {}))


@pytest.mark.parametrize("channel", ["shell", "iopub", "control", "stdin", "hb"])
def test_what_is_not_zmtp_closes_the_connection(kernel, channel):
    for bytes_ in (
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00" + b"\0" * 200,
        b"\xff" + b"\0" * 300,
        greeting(version=b"\x01\x00"),
        greeting(mechanism=b"CURVE"),
        greeting(mechanism=b"PLAIN") + ready(),
        greeting() + frame(b"no command"),
        greeting() + command(b"HELLO"),
        greeting() + ready(b"PULL"),
        greeting() + b"\x04\x00",
        greeting() + b"\x04\x05\xffabcd",
        greeting() + command(b"READY", b"\xff\xff\xff\xff"),
        greeting() + b"\xf0\x01x",
    ):
        connection = dial(kernel.manager, channel)
        connection.sendall(bytes_)
        assert is_closed(connection), f"{bytes_[:30]} {bytes_[64:90]}"


def test_a_client_that_stops_half_way_is_nobodys_problem(kernel):
    for part in (b"", greeting()[:1], greeting()[:11], greeting()[:40], greeting(), greeting() + ready()[:7], greeting() + ready() + frame(b"x", more=True)):
        for channel in ("shell", "iopub", "hb"):
            connection = dial(kernel.manager, channel)
            connection.sendall(part)
            connection.close()


def test_more_connections_than_a_socket_takes(kernel):
    connections = [dial(kernel.manager) for _ in range(400)]
    try:
        # Those who are connected already, and the other channels, go on.
        kernel.finish(kernel.kernel_info(), 30)
        assert kernel.ok("before").result == "41"
    finally:
        for connection in connections:
            connection.close()
    time.sleep(0.5)


def test_pings_are_answered(kernel):
    connection = dial(kernel.manager)
    connection.sendall(greeting(version=b"\x03\x01") + ready() + command(b"PING", b"\x00\x10context"))
    received = b""
    while b"context" not in received:
        more = connection.recv(4096)
        assert more, "the connection was closed instead"
        received += more
    assert b"\x04PONGcontext" in received
    connection.close()


def test_five_thousand_requests_at_once(kernel):
    with Raw(kernel.manager) as client:
        client.socket.sndhwm = 0
        ids = {client.send("kernel_info_request", {}) for _ in range(2000)}
        ids |= {client.send("complete_request", {"code": "bef", "cursor_pos": 3}) for _ in range(1500)}
        ids |= {client.send("is_complete_request", {"code": "fn f() {"}) for _ in range(500)}
        ids |= {client.send("execute_request", {"code": " "}) for _ in range(1000)}
        deadline = time.monotonic() + 120
        while ids and time.monotonic() < deadline:
            message = client.receive(10)
            assert message and message["content"]["status"] in ("ok", "incomplete"), message
            ids.discard(message["parent_header"]["msg_id"])
        assert not ids, f"{len(ids)} requests were never answered"


def test_a_subscriber_that_stops_reading_costs_so_much_and_no_more(kernel, tmp_path):
    """A client that is stopped while it is sent a flood: memory is bounded, others are served, interrupts work."""
    script = tmp_path / "subscriber.py"
    script.write_text(
        "import sys, time, zmq\n"
        "s = zmq.Context().socket(zmq.SUB); s.rcvhwm = 1; s.subscribe(b''); s.connect(sys.argv[1])\n"
        "s.recv(); print('connected', flush=True); time.sleep(600)\n"
    )
    address = f"tcp://{kernel.manager.ip}:{kernel.manager.iopub_port}"
    stopped = subprocess.Popen([sys.executable, str(script), address], stdout=subprocess.PIPE, text=True)
    try:
        assert stopped.stdout.readline().strip() == "connected"
        stopped.send_signal(signal.SIGSTOP)
        before = memory(kernel.pid)
        # 300 MB of displays and a flood of text.
        cell = kernel.start(
            'let big = "x".repeat(3_000_000);\nfor i in 0..100 {\n'
            '    taskloom::display(&taskloom::MimeBundle::new().with("text/plain", &big));\n    for j in 0..100 { println!("{i} {j}"); }\n}'
        )
        kernel.finish(cell, 120)
        assert cell.status == "ok"
        assert len(cell.of_type("display_data")) == 100, "who reads misses nothing"
        assert memory(kernel.pid) < before + (200 << 20)
        cell = kernel.start('loop { println!("and on"); }')
        kernel.listen(2)
        kernel.interrupt()
        kernel.finish(cell, 30)
        assert cell.status == "error"
        # The interrupt may have cost the process that held it.
        kernel.ok("let before = 41;")
    finally:
        stopped.kill()
        stopped.wait()


def test_a_client_that_vanishes_while_it_is_sent_to(kernel):
    """Connections that break in the middle of large answers."""
    for _ in range(30):
        connection = dial(kernel.manager, "iopub")
        connection.sendall(greeting() + ready(b"SUB") + frame(b"\x01"))
        connection.recv(10)
        client = Raw(kernel.manager)
        client.send("kernel_info_request", {})
        client.send("execute_request", {"code": " "})
        # A reset, not a farewell.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        client.close()
