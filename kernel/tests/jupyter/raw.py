"""Messages to a kernel below jupyter_client: frames as one likes them, and bytes on a connection."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import struct
import time
import uuid

import zmq

DELIMITER = b"<IDS|MSG>"


def header(kind: str, **more) -> dict:
    return {
        "msg_id": uuid.uuid4().hex,
        "msg_type": kind,
        "username": "tests",
        "session": "raw",
        "date": "2026-01-01T00:00:00Z",
        "version": "5.4",
        **more,
    }


class Raw:
    """A client of one channel that sends whatever it is told to."""

    def __init__(self, manager, channel: str = "shell", identity: bytes | None = None):
        self.key: bytes = manager.session.key
        self.context = zmq.Context.instance()
        self.socket = self.context.socket(zmq.SUB if channel == "iopub" else zmq.DEALER)
        self.socket.linger = 0
        if identity is not None:
            self.socket.identity = identity
        if channel == "iopub":
            self.socket.subscribe(b"")
        port = getattr(manager, f"{channel}_port")
        address = f"ipc://{manager.ip}-{port}" if manager.transport == "ipc" else f"tcp://{manager.ip}:{port}"
        self.socket.connect(address)

    def sign(self, parts: list[bytes]) -> bytes:
        return hmac.new(self.key, b"".join(parts[:4]), hashlib.sha256).hexdigest().encode()

    def send_parts(self, parts: list[bytes], buffers: list[bytes] = (), signature: bytes | None = None) -> list[bytes]:
        """Sends four parts, signed rightly unless a signature is given; the frames that were sent."""
        frames = [DELIMITER, self.sign(parts) if signature is None else signature, *parts, *buffers]
        self.socket.send_multipart(frames)
        return frames

    def send(self, kind: str, content: object, parent: dict | None = None, **more) -> str:
        """Sends a message as it should be; its id."""
        head = header(kind, **more)
        self.send_parts([json.dumps(part).encode() for part in (head, parent or {}, {}, content)])
        return head["msg_id"]

    def receive(self, timeout: float = 30) -> dict | None:
        """The next message, or None."""
        if not self.socket.poll(timeout * 1000):
            return None
        frames = self.socket.recv_multipart()
        at = frames.index(DELIMITER)
        names = ("header", "parent_header", "metadata", "content")
        message = dict(zip(names, (json.loads(part) for part in frames[at + 2 : at + 6])))
        assert frames[at + 1] == self.sign(frames[at + 2 : at + 6]), "the kernel's signature is wrong"
        return {"topic": frames[0], "kind": message["header"]["msg_type"], **message}

    def answer(self, id: str, timeout: float = 30) -> dict:
        """The message that answers another."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            message = self.receive(max(0.01, deadline - time.monotonic()))
            if message and message["parent_header"].get("msg_id") == id:
                return message
        raise TimeoutError(f"waited {timeout} s for the answer to {id}")

    def close(self) -> None:
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def greeting(mechanism: bytes = b"NULL", version: bytes = b"\x03\x00") -> bytes:
    """The 64 bytes with which ZMTP begins."""
    return b"\xff" + bytes(8) + b"\x7f" + version + mechanism.ljust(20, b"\0") + bytes(32)


def command(name: bytes, data: bytes = b"") -> bytes:
    body = bytes([len(name)]) + name + data
    return b"\x04" + bytes([len(body)]) + body if len(body) < 256 else b"\x06" + struct.pack(">Q", len(body)) + body


def ready(kind: bytes = b"DEALER", identity: bytes = b"") -> bytes:
    data = b""
    for name, value in ((b"Socket-Type", kind), (b"Identity", identity)):
        data += bytes([len(name)]) + name + struct.pack(">I", len(value)) + value
    return command(b"READY", data)


def frame(body: bytes, more: bool = False) -> bytes:
    flags = int(more)
    return bytes([flags, len(body)]) + body if len(body) < 256 else bytes([flags | 2]) + struct.pack(">Q", len(body)) + body


def dial(manager, channel: str = "shell") -> socket.socket:
    """A plain connection to a channel's port."""
    connection = socket.create_connection((manager.ip, getattr(manager, f"{channel}_port")), timeout=10)
    connection.settimeout(10)
    return connection


def is_closed(connection: socket.socket, patience: float = 10) -> bool:
    """Whether the other end closes the connection; what it sends before is thrown away."""
    connection.settimeout(patience)
    try:
        while connection.recv(65536):
            pass
        return True
    except TimeoutError:
        return False
    except OSError:
        return True
