"""The worker's half: a process that runs the tasks, and values that Dask can measure, move and spill.

A Rust program that runs on a cluster is its own worker: each Dask worker starts it once more, and the engine inside it
serves tasks over a socket instead of running `main`. Every thread of the Dask worker has a connection of its own, and waits
on it without the interpreter's lock.

    Dask worker (Python)                             the program, once more (Rust)
      thread 1 ── run(spec, inputs) ──► socket ──►   thread: makes the task anew, runs it, keeps the value
      Value(handle) ◄── handle, nbytes ──────────    table of values by handle
      pickle, spill ── encode(handle) ──► bytes
"""

from __future__ import annotations

import logging
import os
import pickle
import platform
import queue
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading

from distributed import get_worker
from distributed.diagnostics.plugin import WorkerPlugin

logger = logging.getLogger("distributed.worker.taskloom")

#: What is asked of the program.
HELLO, LOAD, RUN, ENCODE, DROP = range(5)
#: How it answers.
OK, FAILED, REFUSED, MISSING = range(4)

_U64 = struct.Struct("<Q")
_U32 = struct.Struct("<I")


class TaskFailed(Exception):
    """A task returned an error or panicked."""

    def __init__(self, task: str, message: str, panicked: bool, key: str):
        super().__init__(task, message, panicked, key)
        self.task, self.message, self.panicked, self.key = task, message, panicked, key

    def __str__(self) -> str:
        return f"task `{self.task}` {'panicked' if self.panicked else 'failed'}: {self.message}"


class Refused(Exception):
    """The program, or the task, does not fit this worker."""


class Value:
    """The result of a task: in the program's memory, or as bytes on their way to another one."""

    __slots__ = ("_buffer", "_handle", "_problem", "_program", "nbytes", "__weakref__")

    def __init__(self, program, handle, buffer, nbytes, problem=None):
        self._program, self._handle, self._buffer, self.nbytes = program, handle, buffer, nbytes
        self._problem = problem

    def __sizeof__(self) -> int:
        # What `dask.sizeof` asks of types that it does not know; so memory limits and placement see the real size.
        return self.nbytes

    def __repr__(self) -> str:
        where = "here" if self._handle is not None else "as bytes"
        return f"<Taskloom value, {self.nbytes} bytes, {where}>"

    def encoded(self):
        """The value's bytes."""
        # Taken once: another thread may decode the value meanwhile.
        if self._problem is not None:
            raise Refused(self._problem)
        buffer = self._buffer
        return buffer if buffer is not None else self._program.request(ENCODE, _U64.pack(self._handle))

    def __reduce_ex__(self, protocol):
        try:
            buffer = self.encoded()
        except Refused as problem:
            # Dask would try again for ever. So what arrives says why it is not there, to the task that needs it.
            return Value, (None, None, None, 0, str(problem))
        # Out of band, so that Dask sends and writes the bytes as they are.
        return _arrived, (pickle.PickleBuffer(buffer) if protocol >= 5 else bytes(buffer), self.nbytes)

    def __del__(self):
        if self._handle is not None:
            self._program.drop(self._handle)


def _arrived(buffer, nbytes) -> Value:
    return Value(None, None, buffer, nbytes)


def about() -> dict:
    """What a program must fit, to run here."""
    features: list[str] = []
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as lines:
            features = next((line.split(":")[1].split() for line in lines if line.startswith(("flags", "Features"))), [])
    except OSError:
        pass
    return {
        "arch": platform.machine(),
        "os": sys.platform,
        "libc": platform.libc_ver()[1],
        "features": features,
        "host": platform.node(),
    }


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


def misfit(program: dict, here: dict) -> str | None:
    """Why a program cannot run on a machine, as one sentence with the remedy; `None` when it can."""
    host = here["host"]
    if (program["arch"], program["os"]) != (here["arch"], here["os"]):
        return (
            f"the program was compiled for {program['arch']} and {program['os']}, but the worker on {host} is "
            f"{here['arch']} and {here['os']}: use workers of the program's kind, or compile it for theirs"
        )
    if program["libc"] and here["libc"] and _numbers(program["libc"]) > _numbers(here["libc"]):
        return (
            f"the program is linked to glibc {program['libc']}, but the worker on {host} has {here['libc']}: compile it on "
            f"a system as old as the worker's, or give the workers a newer image"
        )
    missing = [feature for feature in program["features"] if here["features"] and feature not in here["features"]]
    if missing:
        return (
            f"the program was compiled for a processor with {', '.join(missing)}, which the worker on {host} does not have: "
            f"compile it without `-C target-cpu=native`, or use workers with such processors"
        )
    return None


class Program:
    """A Rust program, started once more to run tasks."""

    def __init__(self, identity: str, path: str, content: bytes | None, environment: dict, needs: dict):
        self.identity = identity
        self._path = path
        self._has_answered = False
        self._local = threading.local()
        self._dropped: queue.SimpleQueue = queue.SimpleQueue()
        problem = misfit(needs, about())
        if problem:
            raise Refused(problem)
        self._folder = tempfile.TemporaryDirectory(prefix="taskloom-")
        self._address = os.path.join(self._folder.name, "socket")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self._address)
        listener.listen(128)
        with listener:
            self._process = _start(path, content, environment, listener.fileno())
        found = self.request(HELLO).decode()
        self._has_answered = True
        if found != identity:
            self._process.kill()
            raise Refused(
                f"the program at {path} on {platform.node()} is another build than the one that sends the tasks: start the "
                f"client again, or let both use the same file"
            )
        threading.Thread(target=self._drop_all, name="taskloom-drop", daemon=True).start()

    def _connection(self) -> socket.socket:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(self._address)
            self._local.connection = connection
        return connection

    def exchange(self, *parts) -> tuple[int, memoryview]:
        """Asks, and waits for the answer: its kind, and its content."""
        try:
            connection = self._connection()
            length = sum(len(part) if isinstance(part, bytes) else memoryview(part).nbytes for part in parts)
            small = [_U64.pack(length)]
            for part in parts:
                if memoryview(part).nbytes < 65536:
                    small.append(part)
                else:
                    connection.sendall(b"".join(small))
                    small.clear()
                    connection.sendall(part)
            if small:
                connection.sendall(b"".join(small))
            length = _U64.unpack(_receive(connection, 8))[0]
            answer = memoryview(_receive(connection, length))
        except OSError as error:
            self._died(error)
        return answer[0], answer[1:]

    def request(self, kind: int, *parts) -> bytes:
        status, answer = self.exchange(bytes([kind]), *parts)
        if status != OK:
            raise Refused(str(answer, "utf-8"))
        return answer.tobytes() if kind == HELLO else answer

    def run(self, spec: bytes, inputs: tuple[Value, ...]) -> Value:
        while True:
            parts = [bytes([RUN]), _U32.pack(len(spec)), spec]
            decoded = []
            for value in inputs:
                buffer = value._buffer
                if value._handle is not None and value._program is self:
                    parts += [b"\0", _U64.pack(value._handle)]
                else:
                    # Also a value of another program: it goes through bytes.
                    buffer = value.encoded() if buffer is None else buffer
                    parts += [b"\1", _U64.pack(memoryview(buffer).nbytes), buffer]
                    decoded.append(value)
            status, answer = self.exchange(*parts)
            if status == MISSING:
                self._load(str(answer, "ascii"))
                continue
            handles = [_U64.unpack_from(answer, 8 * n)[0] for n in range(len(decoded))] if status == OK else []
            for value, handle in zip(decoded, handles):
                self._settle(value, handle)
            if status == OK:
                at = 8 * len(decoded)
                handle, nbytes = struct.unpack_from("<QQ", answer, at)
                return Value(self, handle, None, nbytes)
            if status == FAILED:
                panicked, length = struct.unpack_from("<BI", answer, 0)
                text = answer[5:]
                raise TaskFailed(str(text[:length], "utf-8"), str(text[length:], "utf-8"), bool(panicked), _key())
            raise Refused(str(answer, "utf-8"))

    _settling = threading.Lock()

    def _settle(self, value: Value, handle: int) -> None:
        """From now on the value is in the program's memory, and its bytes are free."""
        with self._settling:
            if value._handle is None:
                value._program, value._handle, value._buffer = self, handle, None
                return
        self.drop(handle)

    def _load(self, identity: str) -> None:
        content = OBJECTS.get(identity)
        if content is None:
            raise Refused(
                f"this worker has not been given the compiled code {identity[:12]} that a task is in; submit the task again"
            )
        self.request(LOAD, bytes.fromhex(identity), content)

    def drop(self, handle: int) -> None:
        # Called while objects are collected, on any thread: nothing may wait here.
        self._dropped.put(handle)

    def _drop_all(self) -> None:
        while True:
            handles = [self._dropped.get()]
            while not self._dropped.empty():
                handles.append(self._dropped.get())
            self.request(DROP, *map(_U64.pack, handles))

    def _died(self, error: OSError):
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            raise Refused(f"the program that runs the tasks does not answer any more: {error}") from error
        reason = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        if not self._has_answered:
            raise Refused(
                f"the program {self._path} ended on {platform.node()} before it could run tasks ({reason}); the worker's log "
                f"has what it said"
            ) from error
        logger.error("The program that runs Taskloom's tasks ended (%s). This worker ends too, so that Dask computes again what was in its memory.", reason)
        logging.shutdown()
        os._exit(1)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()


def _key() -> str:
    """Of the task that this thread runs."""
    try:
        return str(get_worker().get_current_task())
    except ValueError:  # outside a worker
        return ""


def _start(path: str, content: bytes | None, environment: dict, listener: int) -> subprocess.Popen:
    environment = {**os.environ, **environment, "TASKLOOM_WORKER_LISTENER": str(listener)}
    descriptors, executable, memory = [listener], path, None
    if content is not None:
        memory = os.memfd_create("taskloom-program", 0)
        with open(memory, "wb", closefd=False) as file:
            file.write(content)
        descriptors.append(memory)
        executable = f"/proc/self/fd/{memory}"
    try:
        # It ends when its standard input does, so also when this process is killed.
        return subprocess.Popen(
            [path], executable=executable, env=environment, pass_fds=descriptors, stdin=subprocess.PIPE
        )
    except OSError as error:
        raise Refused(f"the program {path} could not be started on {platform.node()}: {error}") from error
    finally:
        if memory is not None:
            os.close(memory)


def _receive(connection: socket.socket, length: int) -> bytearray:
    content = bytearray(length)
    view = memoryview(content)
    while view:
        count = connection.recv_into(view)
        if count == 0:
            raise ConnectionResetError("the connection ended")
        view = view[count:]
    return content


#: By identity, what this worker has been given.
PROGRAMS: dict[str, Program] = {}
OBJECTS: dict[str, bytes] = {}
_holders: dict[str, int] = {}
_lock = threading.Lock()


class ProgramPlugin(WorkerPlugin):
    """Brings a program to every worker, also to those that come later."""

    def __init__(self, identity: str, path: str, content: bytes | None, environment: dict, needs: dict):
        self.program = (identity, path, content, environment, needs)
        self.identity = identity

    def setup(self, worker):
        with _lock:
            if self.identity not in PROGRAMS:
                PROGRAMS[self.identity] = Program(*self.program)
            _holders[self.identity] = _holders.get(self.identity, 0) + 1

    def teardown(self, worker):
        with _lock:
            _holders[self.identity] -= 1
            if _holders[self.identity] == 0:
                PROGRAMS.pop(self.identity).close()


class ObjectPlugin(WorkerPlugin):
    """Brings a shared object to every worker, also to those that come later."""

    def __init__(self, identity: str, content: bytes):
        self.identity, self.content = identity, content

    def setup(self, worker):
        OBJECTS[self.identity] = self.content


def run(spec: bytes, *inputs: Value) -> Value:
    """What each task of a graph is for Dask: which program, what it is to do, and the values that it needs."""
    program = PROGRAMS.get(spec[:32].hex())
    if program is None:
        raise Refused("this worker has not been given the program that the task belongs to; compute the graph again")
    return program.run(spec[32:], inputs)
