"""The client's half: speaks to a Dask scheduler by `distributed.Client`, for a Rust program on the other end of two pipes.

A frame is its length in eight bytes, the request's number in eight, and MessagePack. What comes in is `[operation, body]`;
what goes out has one byte more, how it ended, before the body.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import struct
import sys
import threading

import msgpack
from distributed import Client, Future, LocalCluster, wait

from . import worker

try:
    from dask._task_spec import Task, TaskRef
except ImportError:  # before 2024.12 a task was a tuple
    Task = None

DONE, FAILED = 0, 1


def _graph(tasks) -> dict:
    if Task is None:
        return {key: (worker.run, spec, *needs) for key, spec, needs in tasks}
    return {key: Task(key, worker.run, spec, *map(TaskRef, needs)) for key, spec, needs in tasks}


def _explain(error: BaseException) -> dict:
    if isinstance(error, worker.TaskFailed):
        return {"kind": "task", "key": error.key, "task": error.task, "message": error.message, "panicked": error.panicked}
    if isinstance(error, worker.Refused):
        return {"kind": "refused", "message": str(error)}
    kind = type(error).__name__
    return {"kind": kind, "message": str(error) or kind}


class Service:
    def __init__(self, requests, answers):
        self.requests, self.answers = requests, answers
        self.client = self.cluster = None
        self.computing: dict[int, list] = {}
        #: By key, what the program holds futures of, and who waits for the end of each.
        self.held: dict[str, Future] = {}
        self.waiting: dict[str, asyncio.Task] = {}

    async def connect(self, number, body):
        if body["workers"] is not None:
            self.cluster = await LocalCluster(
                n_workers=body["workers"],
                threads_per_worker=body["threads"],
                processes=True,
                dashboard_address="127.0.0.1:0",
                asynchronous=True,
            )
        self.client = await Client(self.cluster or body["address"], asynchronous=True, timeout=body["timeout"])
        return await self.status(number, body)

    async def status(self, number, body):
        # `scheduler_info` of newer versions leaves most workers out unless asked for all.
        info = await self.client.scheduler.identity()
        workers = info["workers"].values()
        try:
            dashboard = self.client.dashboard_link
        except Exception:  # the scheduler may have none
            dashboard = None
        return {
            "address": info["address"],
            "dashboard": dashboard,
            "workers": len(workers),
            "threads": sum(worker["nthreads"] for worker in workers),
            "memory": sum(worker["memory_limit"] or 0 for worker in workers),
        }

    async def program(self, number, body):
        plugin = worker.ProgramPlugin(body["identity"], body["path"], body["content"], body["environment"], body["needs"])
        await self.client.register_plugin(plugin, name=f"taskloom-program-{body['identity'][:16]}-{self.client.id}")

    async def object(self, number, body):
        plugin = worker.ObjectPlugin(body["identity"], body["content"])
        await self.client.register_plugin(plugin, name=f"taskloom-object-{body['identity']}")

    async def compute(self, number, body):
        futures = self.client.get(_graph(body["tasks"]), body["outputs"], sync=False)
        self.computing[number] = futures
        try:
            values = await self.client.gather(futures)
            return [value.encoded() for value in values]
        finally:
            del self.computing[number]

    async def cancel(self, number, body):
        await self.client.cancel(self.computing.get(body["number"], []), force=True)

    async def submit(self, number, body):
        key = body["output"]
        # At once, before anything else that was asked for later.
        [self.held[key]] = self.client.get(
            _graph(body["tasks"]),
            [key],
            sync=False,
            priority=body["priority"],
            retries=body["retries"] or None,
            resources=body["resources"] or None,
        )
        self.waiting[key] = asyncio.current_task()
        try:
            await wait([self.held[key]])
            future = self.held[key]
            if future.status == "error":
                raise await future.exception()
            if future.status == "cancelled":
                raise asyncio.CancelledError
        finally:
            del self.waiting[key]

    async def fetch(self, number, body):
        value = await self.client.gather(self.held[body["key"]])
        return value.encoded()

    async def release(self, number, body):
        future = self.held.pop(body["key"], None)
        if future is not None:
            future.release()
        if body["key"] in self.waiting:
            self.waiting[body["key"]].cancel()

    async def cancel_key(self, number, body):
        if body["key"] in self.held:
            await self.client.cancel([self.held[body["key"]]], force=True)

    async def cancel_all(self, number, body):
        futures = [self.held[key] for key in self.waiting if key in self.held]
        await self.client.cancel([*futures, *itertools.chain(*self.computing.values())], force=True)

    async def answer(self, number, operation, body):
        try:
            status, result = DONE, await getattr(self, operation)(number, body)
        except BaseException as error:
            status, result = FAILED, _explain(error)
        packed = msgpack.packb(result)
        self.answers.write(struct.pack("<QQB", 9 + len(packed), number, status))
        self.answers.write(packed)
        self.answers.flush()

    def read(self, loop, arrived):
        """On a thread of its own: requests come while others run."""
        while head := self.requests.read(16):
            length, number = struct.unpack("<QQ", head)
            operation, body = msgpack.unpackb(self.requests.read(length - 8), strict_map_key=False)
            loop.call_soon_threadsafe(arrived.put_nowait, (number, operation, body))
        loop.call_soon_threadsafe(arrived.put_nowait, None)

    async def serve(self):
        arrived: asyncio.Queue = asyncio.Queue()
        threading.Thread(target=self.read, args=(asyncio.get_running_loop(), arrived), daemon=True).start()
        going = set()
        while request := await arrived.get():
            task = asyncio.ensure_future(self.answer(*request))
            going.add(task)
            task.add_done_callback(going.discard)
        for task in going:
            task.cancel()
        if self.client is not None:
            await self.client.close()
        if self.cluster is not None:
            await self.cluster.close()


def main():
    answers = os.fdopen(os.dup(1), "wb")
    # What libraries print must not come between the answers.
    os.dup2(2, 1)
    asyncio.run(Service(sys.stdin.buffer, answers).serve())


if __name__ == "__main__":
    main()
