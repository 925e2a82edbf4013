"""A Jupyter session for tests: starts the kernel, runs cells, and keeps every message with the time it came."""

from __future__ import annotations

import os
import re
import subprocess
import time
import uuid
from pathlib import Path
from queue import Empty

from jupyter_client.manager import KernelManager

from conftest import KERNEL

# Set in the environment of each kernel, so that its processes can be found even when their parent is gone.
MARK = "TASKLOOM_TEST_SESSION"

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Request:
    """One request and everything that came back for it."""

    def __init__(self, what: str):
        self.what = what
        self.sent = time.monotonic()
        self.reply: dict | None = None
        self.replied: float | None = None
        self.idle: float | None = None
        self.messages: list[tuple[float, dict]] = []  # iopub, in order: (when it came, message)

    @property
    def done(self) -> bool:
        return self.reply is not None and self.idle is not None

    @property
    def status(self) -> str:
        assert self.reply is not None, f"no reply came to {self.what!r}"
        return self.reply["status"]

    @property
    def seconds(self) -> float:
        """From the request to its reply."""
        assert self.replied is not None, f"no reply came to {self.what!r}"
        return self.replied - self.sent

    def of_type(self, *types: str) -> list[dict]:
        """The contents of the messages of these types, in order."""
        return [message["content"] for _, message in self.messages if message["msg_type"] in types]

    @property
    def stdout(self) -> str:
        return self._stream("stdout")

    @property
    def stderr(self) -> str:
        return self._stream("stderr")

    def _stream(self, name: str) -> str:
        return "".join(content["text"] for content in self.of_type("stream") if content["name"] == name)

    @property
    def bundles(self) -> list[dict]:
        """The mime bundles of everything that was shown."""
        return [content["data"] for content in self.of_type("display_data", "execute_result")]

    @property
    def result(self) -> str | None:
        """The text/plain of the cell's last expression."""
        results = self.of_type("execute_result")
        return results[-1]["data"]["text/plain"] if results else None

    @property
    def error(self) -> str:
        """All that the person sees of an error, without colours."""
        return "\n".join(
            _ANSI.sub("", "\n".join([content["evalue"], *content["traceback"]])) for content in self.of_type("error")
        )

    @property
    def text(self) -> str:
        """All that the person can read under the cell."""
        shown = [bundle.get("text/plain", "") for bundle in self.bundles]
        return "\n".join([self.stdout, self.stderr, *shown, self.error])

    @property
    def outline(self) -> list[str]:
        """What came, in order: "out:text", "err:text", or the message's type; pieces of one stream are joined."""
        lines: list[str] = []
        for _, message in self.messages:
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                prefix = "out:" if content["name"] == "stdout" else "err:"
                if lines and lines[-1].startswith(prefix):
                    lines[-1] += content["text"]
                else:
                    lines.append(prefix + content["text"])
            elif kind in ("display_data", "execute_result", "error"):
                lines.append(kind)
        return lines


class Session:
    def __init__(self, cwd: Path):
        self.mark = uuid.uuid4().hex
        self._requests: dict[str, Request] = {}
        self.manager = KernelManager(kernel_name=KERNEL)
        self.manager.start_kernel(cwd=str(cwd), env={**os.environ, MARK: self.mark})
        self._connect()

    def _connect(self) -> None:
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        try:
            self.client.wait_for_ready(timeout=60)
        except BaseException:
            self.close()
            raise

    # Requests

    def start(self, code: str) -> Request:
        """Sends a cell and does not wait for it."""
        return self._sent(self.client.execute(code), code)

    def run(self, code: str, timeout: float = 60) -> Request:
        """Runs a cell to its end, whatever that is."""
        return self.finish(self.start(code), timeout)

    def ok(self, code: str, timeout: float = 60) -> Request:
        """Runs a cell that must succeed."""
        cell = self.run(code, timeout)
        assert cell.status == "ok", f"the cell failed:\n{code}\n\n{cell.text}"
        return cell

    def fails(self, code: str, timeout: float = 60) -> Request:
        """Runs a cell that must fail, and say why."""
        cell = self.run(code, timeout)
        assert cell.status == "error", f"the cell should have failed:\n{code}\n\n{cell.text}"
        assert len(cell.of_type("error")) == 1, f"one error should be shown: {cell.outline}"
        assert cell.of_type("error")[0]["traceback"], "the error shows nothing (its traceback is empty)"
        return cell

    def complete(self, code: str) -> Request:
        return self._sent(self.client.complete(code), f"complete {code!r}")

    def kernel_info(self) -> Request:
        return self._sent(self.client.kernel_info(), "kernel_info")

    def control(self, kind: str) -> Request:
        """Sends a request on the control channel."""
        message = self.client.session.msg(kind, {})
        self.client.control_channel.send(message)
        return self._sent(message["header"]["msg_id"], f"{kind} (control)")

    def finish(self, request: Request, timeout: float = 60) -> Request:
        """Waits for the reply, and until the kernel says that it is idle again."""
        return self.until(lambda: request.done, timeout, f"the end of {request.what!r}", request)

    def replied(self, request: Request, timeout: float = 60) -> Request:
        """Waits for the reply alone."""
        return self.until(lambda: request.reply is not None, timeout, f"a reply to {request.what!r}", request)

    def until(self, happened, timeout: float, what: str, request: Request) -> Request:
        deadline = time.monotonic() + timeout
        while not happened():
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {timeout} s for {what}; until then came {request.outline}")
            self._read()
            if not self.alive and not happened():
                raise RuntimeError(f"the kernel ended while a test waited for {what}; until then came {request.outline}")
        return request

    def listen(self, seconds: float) -> None:
        """Takes in what comes for a while."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._read()

    def _sent(self, id: str, what: str) -> Request:
        self._requests[id] = Request(what)
        return self._requests[id]

    def _read(self) -> None:
        """Takes in what has come on any channel; waits a twentieth of a second at most."""
        for channel, patience in (
            (self.client.iopub_channel, 0.04),
            (self.client.shell_channel, 0.005),
            (self.client.control_channel, 0.005),
        ):
            try:
                while True:
                    message = channel.get_msg(timeout=patience)
                    patience = 0.001
                    self._take(message)
            except Empty:
                pass

    def _take(self, message: dict) -> None:
        request = self._requests.get(message["parent_header"].get("msg_id"))
        if request is None:
            return
        now = time.monotonic()
        if message["msg_type"].endswith("_reply"):
            request.reply, request.replied = message["content"], now
        elif message["msg_type"] == "status":
            if message["content"]["execution_state"] == "idle":
                request.idle = now
        else:
            request.messages.append((now, message))

    # Life and death

    def interrupt(self) -> float:
        """Interrupts as JupyterLab's stop button does; the time at which it did."""
        self.manager.interrupt_kernel()
        return time.monotonic()

    def restart(self) -> None:
        self.client.stop_channels()
        self.manager.restart_kernel(now=False)
        self._connect()

    @property
    def alive(self) -> bool:
        return self.manager.is_alive()

    @property
    def usable(self) -> bool:
        """Whether the next test can go on with this session."""
        self.listen(0.1)
        return self.alive and all(request.done or "(control)" in request.what for request in self._requests.values())

    @property
    def pid(self) -> int:
        return self.manager.provisioner.pid

    def family(self) -> dict[int, str]:
        """The processes of this session: the kernel, what it started, and what those started; pid and command."""
        everything = _processes()
        family = {pid for pid in everything if _has_mark(pid, self.mark)} | ({self.pid} & set(everything))
        while True:
            more = {pid for pid, (parent, _) in everything.items() if parent in family} - family
            if not more:
                return {pid: everything[pid][1] for pid in sorted(family)}
            family |= more

    def runners(self) -> list[int]:
        """The processes that run the cells."""
        return [pid for pid, command in self.family().items() if "taskloom-runner" in command]

    def close(self) -> None:
        self.client.stop_channels()
        if self.manager.has_kernel:
            self.manager.shutdown_kernel(now=False)
        self.manager.cleanup_resources()


def begin(cwd: Path) -> Session:
    """A session that is ready for what a user does."""
    session = Session(cwd)
    try:
        session.ok("use taskloom::prelude::*;")
    except BaseException:
        session.close()
        raise
    return session


class Shared:
    """A session for many tests, and another one in its place when a test has used it up."""

    def __init__(self, cwd: Path):
        self._cwd = cwd
        self._session: Session | None = None

    def session(self) -> Session:
        if self._session is None:
            self._session = begin(self._cwd)
        return self._session

    def drop_unless_usable(self) -> None:
        if self._session is not None and not self._session.usable:
            self.close()

    def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()


def _processes() -> dict[int, tuple[int, str]]:
    """Every living process: pid -> (parent's pid, command)."""
    found = {}
    if Path("/proc/self/stat").exists():
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                # The name, in parentheses, may hold anything; what we want comes after it.
                state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except (OSError, ValueError):
                continue  # it ended while we looked
            if state != "Z":
                found[int(folder.name)] = (int(parent), command.strip())
        return found
    listing = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,stat=,args="], capture_output=True, text=True, check=True, timeout=20
    )
    for line in listing.stdout.splitlines():
        pid, parent, state, *command = line.split(None, 3)
        if not state.startswith("Z"):
            found[int(pid)] = (int(parent), " ".join(command))
    return found


def _has_mark(pid: int, mark: str) -> bool:
    try:
        return f"{MARK}={mark}".encode() in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False


def still_there(pids, patience: float = 10) -> dict[int, str]:
    """Those of the processes that have not ended after a while."""
    deadline = time.monotonic() + patience
    while True:
        left = {pid: command for pid, (_, command) in _processes().items() if pid in pids}
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.1)
