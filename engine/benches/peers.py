"""Measures Dask on this machine, as the peer of the engine's own benchmarks.

    python3 engine/benches/peers.py WORK [--tasks N] [--repeat R] [--scaling]

It prints one line, a JSON object:

    {"work": "chain", "peer": "dask.threaded 2026.8.0, 2 threads", "unit": "us", "per_task_us": 83.1, "tasks": 20000,
     "runs": [83.0, 83.1, 84.2], "extra": {...}}

`per_task_us` is the median of `runs`, in microseconds of wall-clock time per task. The works `memory` and
`memory-lowlevel` have `"unit": "bytes"`, a null `per_task_us`, and `per_task_bytes` in its place. `extra` holds what
else is worth knowing: other ways to run the same work, notes on how to read the numbers, the versions, and how busy
the rest of the machine was meanwhile.

Graphs are built before the clock starts, out of Dask's own `Task` objects, so that neither building nor Dask's
conversion of older forms counts. The garbage collector stays on, as in any ordinary program. Results are checked.

  noop-threads, noop-sync   independent tasks that do nothing, by dask.threaded.get and by dask.get
  chain, tree, random       each task takes the one before; sums in pairs; each takes five earlier ones (see `picks`)
  build                     dask.delayed(inc)(i), nothing run
  memory, memory-lowlevel   bytes per task of a graph of delayed calls, and of a plain dictionary of tasks
  submit-result             client.submit(inc, i).result(), one at a time
  map-gather                client.gather(client.map(inc, range(N)))
  speedup                   tasks of 1 ms on two threads, beside what two threads can do at best
  order                     reads {"name", "starts", "inputs", "outputs"} from stdin, or a list of these, and prints
                            the sequence of dask.order in `extra.sequence`, one line for each graph

For `order`, the inputs of node n are inputs[starts[n]:starts[n + 1]], and an optional "data" lists the nodes that are
values already. `--scaling` measures a quarter and four times the tasks too, to show whether the cost is constant.

Exit codes: 0; 2 for a bad command line or input; 3 where Dask is missing; 1 for anything that went wrong.
"""

import argparse
import concurrent.futures
import contextlib
import gc
import hashlib
import json
import multiprocessing
import os
import pathlib
import platform
import statistics
import sys
import time
import tracemalloc

THREADS = 2
FEWER = (
    "fewer tasks than a million, so that the work ends in seconds: compare the cost per task, which is not quite "
    "constant: it mostly rises with more tasks (--scaling shows it)"
)


def need_dask(also_distributed=False):
    """The module dask, with all that is needed here; without it, one line on stderr and exit code 3."""
    try:
        import dask.core
        import dask.delayed
        import dask.order
        import dask.task_spec
        import dask.threaded

        if also_distributed:
            import distributed  # noqa: F401
    except ImportError as error:
        print(f"error: {error}; install the peer with: pip install --upgrade dask distributed", file=sys.stderr)
        sys.exit(3)
    return dask


def inc(x):
    return x + 1


def add(x, y):
    return x + y


def noop():
    pass


def deepest(*inputs):
    return 1 + max(inputs, default=0)


# ---- graphs: each builder gives the graph, the keys asked for, what they must come to, and extra facts ----


def independent(n):
    task = need_dask().task_spec.Task
    graph = {key: task(key, noop) for key in (f"noop-{i}" for i in range(n))}
    return graph, list(graph), (None,) * n, {}


def chain(n):
    spec = need_dask().task_spec
    graph = {"inc-0": spec.Task("inc-0", inc, 0)}
    for i in range(1, n):
        graph[f"inc-{i}"] = spec.Task(f"inc-{i}", inc, spec.TaskRef(f"inc-{i - 1}"))
    return graph, f"inc-{n - 1}", n, {}


def tree(n):
    """Sums in pairs: `leaves` tasks that give 1, and an add for every two of a level; an odd one out goes up alone."""
    spec = need_dask().task_spec
    leaves = (n + 1) // 2
    level = [f"leaf-{i}" for i in range(leaves)]
    graph = {key: spec.Task(key, inc, 0) for key in level}
    while len(level) > 1:
        above = []
        for left, right in zip(level[::2], level[1::2], strict=False):
            key = f"add-{len(graph)}"
            graph[key] = spec.Task(key, add, spec.TaskRef(left), spec.TaskRef(right))
            above.append(key)
        level = above + level[len(level) // 2 * 2 :]
    return graph, level[0], leaves, {"leaves": leaves}


def picks(n):
    """The inputs of tasks 1, 2, … n - 1, five each (task 0 has none), from x = x * 6364136223846793005 +
    1442695040888963407 mod 2^64, which begins with x = 1 and steps before each pick; the pick is (x >> 33) % i.
    A task may take the same input twice."""
    x = 1
    for i in range(1, n):
        inputs = []
        for _ in range(5):
            x = (x * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
            inputs.append((x >> 33) % i)
        yield i, inputs


def random(n):
    """What nobody takes is asked for, so that every task runs."""
    spec = need_dask().task_spec
    graph = {"task-0": spec.Task("task-0", deepest)}
    depths, taken, checksum = [1], set(), 0
    for i, inputs in picks(n):
        graph[f"task-{i}"] = spec.Task(f"task-{i}", deepest, *(spec.TaskRef(f"task-{j}") for j in inputs))
        depths.append(deepest(*(depths[j] for j in inputs)))
        taken.update(inputs)
        for j in inputs:
            checksum = (checksum * 31 + j) & 0xFFFFFFFFFFFFFFFF
    ends = [i for i in range(n) if i not in taken]
    facts = {
        "generator": "x = 1; five times for each i in 1..N: x = x*6364136223846793005 + 1442695040888963407 mod 2^64, "
        "input = (x >> 33) % i; a task gives 1 + the largest of its inputs",
        "checksum": f"{checksum:#018x}",
        "checksum_of": "c = 0; c = c*31 + input mod 2^64 for each input in turn",
        "outputs": len(ends),
        "depth": max(depths),
    }
    return graph, [f"task-{i}" for i in ends], tuple(depths[i] for i in ends), facts


# ---- the clock ----


def measure(body, tasks, repeat):
    """Wall-clock microseconds per task of each run."""
    runs = []
    for _ in range(repeat):
        gc.collect()
        began = time.perf_counter()
        body()
        runs.append((time.perf_counter() - began) / tasks * 1e6)
    return runs


def check(got, expected, what):
    if got != expected:
        raise RuntimeError(f"{what} gave a wrong result: it cannot be measured")


class Elsewhere:
    """How many cores other processes kept busy from the making of this to `cores()`; None where /proc does not say."""

    def __init__(self):
        self.began, self.busy, self.own = time.perf_counter(), *self.now()

    @staticmethod
    def now():
        times = os.times()
        own = times.user + times.system + times.children_user + times.children_system
        try:
            fields = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
        except OSError:
            return None, own
        user, nice, system, _idle, _iowait, irq, softirq = map(int, fields[:7])
        return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK"), own

    def cores(self):
        busy, own = self.now()
        if busy is None or self.busy is None:
            return None
        return max(0.0, (busy - self.busy - (own - self.own)) / (time.perf_counter() - self.began))


def significant(value):
    """Four digits, which is more than a measurement is worth."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: significant(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [significant(inner) for inner in value]
    return value


# ---- works: each takes the number of tasks and of runs, and gives (peer, tasks, runs, extra) ----


def schedulers():
    """dask.threaded.get and dask.get, as functions of a graph and keys, by the names they have in `peer`."""
    dask = need_dask()

    def threaded(graph, keys, **options):
        return dask.threaded.get(graph, keys, num_workers=THREADS, **options)

    version = dask.__version__
    return (threaded, f"dask.threaded {version}, {THREADS} threads"), (dask.get, f"dask.get {version}, 1 thread")


def run_graph(build, tasks, repeat, sync=False):
    threaded, synchronous = schedulers()
    (get, peer), (other, _) = (synchronous, threaded) if sync else (threaded, synchronous)
    # A small graph first, so that neither imports nor the start of the threads are counted.
    small, small_keys, _, _ = build(min(tasks, 100))
    get(small, small_keys)
    graph, keys, expected, facts = build(tasks)
    tasks = len(graph)
    runs = measure(lambda: check(get(graph, keys), expected, peer), tasks, repeat)
    few = min(repeat, 3)
    beside = {
        "order_us_per_task": statistics.median(measure(lambda: need_dask().order.order(graph), tasks, few)),
    }
    if not sync:
        beside["synchronous_us_per_task"] = statistics.median(measure(lambda: other(graph, keys), tasks, few))
    if build is independent:
        tuples = {key: (noop,) for key in graph}
        beside["of_tuples_us_per_task"] = statistics.median(measure(lambda: get(tuples, keys), tasks, few))
        if not sync:
            beside["chunksize_100_us_per_task"] = statistics.median(
                measure(lambda: get(graph, keys, chunksize=100), tasks, few)
            )
    return peer, tasks, runs, {"scaled_down": FEWER, **facts, **beside}


def run_build(tasks, repeat):
    dask = need_dask()
    runs = measure(lambda: [dask.delayed(inc)(i) for i in range(tasks)], tasks, repeat)
    lazy = dask.delayed(inc)
    wrapped_once = measure(lambda: [lazy(i) for i in range(tasks)], tasks, repeat)
    extra = {"scaled_down": FEWER, "wrapped_once_us_per_task": statistics.median(wrapped_once)}
    return f"dask.delayed {dask.__version__}", tasks, runs, extra


def resident():
    """Bytes of this process in memory."""
    try:
        return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        need_dask(also_distributed=True)
        import psutil  # Where there is no /proc: distributed needs it too, so it is there.

        return psutil.Process().memory_info().rss


def made(what, n):
    """A graph of n tasks, to be weighed."""
    dask = need_dask()
    if what == "delayed":
        return [dask.delayed(inc)(i) for i in range(n)]
    if what == "delayed chain":
        x = dask.delayed(inc)(0)
        for _ in range(n - 1):
            x = dask.delayed(inc)(x)
        return x
    if what == "tuples":
        return {f"inc-{i}": (inc, i) for i in range(n)}
    if what == "tasks":
        return {key: dask.task_spec.Task(key, inc, i) for i, key in ((i, f"inc-{i}") for i in range(n))}
    if what == "task chain":
        return chain(n)[0]
    raise ValueError(f"there is no graph named {what}")


def grown(what, n, traced):
    """Bytes per task that making the graph adds to a process, by tracemalloc or as resident memory."""
    made(what, 100)
    gc.collect()
    if traced:
        tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0] if traced else resident()
    graph = made(what, n)
    gc.collect()
    after = tracemalloc.get_traced_memory()[0] if traced else resident()
    del graph
    return (after - before) / n


def weigh(what, n, traced=False):
    """`grown`, in a new process, whose memory holds no free room of earlier work."""
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(grown, what, n, traced).result()


def run_memory(tasks, repeat):
    version = need_dask().__version__
    # To chain n delayed calls takes n² time, since each copies the table of layers of the one before.
    short = min(tasks, 2000)
    # What is traced takes several times as long, and each call allocates the same.
    few = min(tasks, 20_000)
    extra = {
        "runs_are": "growth of resident memory, independent calls, all held in a list",
        "tracemalloc_tasks": few,
        "tracemalloc_bytes_per_task": weigh("delayed", few, traced=True),
        "chain_tasks": short,
        "chain_resident_bytes_per_task": weigh("delayed chain", short),
        "chain_tracemalloc_bytes_per_task": weigh("delayed chain", short, traced=True),
        "chain_note": "only the end of the chain is held; it is short because building it takes quadratic time",
    }
    return f"dask.delayed {version}", tasks, [weigh("delayed", tasks) for _ in range(repeat)], extra


def run_memory_lowlevel(tasks, repeat):
    version = need_dask().__version__
    extra = {
        "runs_are": "growth of resident memory, a dict of independent dask Tasks with string keys",
        "tracemalloc_bytes_per_task": weigh("tasks", tasks, traced=True),
        "chain_resident_bytes_per_task": weigh("task chain", tasks),
        "chain_tracemalloc_bytes_per_task": weigh("task chain", tasks, traced=True),
        "of_tuples_resident_bytes_per_task": weigh("tuples", tasks),
        "of_tuples_tracemalloc_bytes_per_task": weigh("tuples", tasks, traced=True),
    }
    return f"dask graph {version}", tasks, [weigh("tasks", tasks) for _ in range(repeat)], extra


@contextlib.contextmanager
def cluster(processes, saturation=None):
    """A client of a cluster on this machine: two threads in this process, or two processes of one thread."""
    import distributed

    workers, threads = (2, 1) if processes else (1, 2)
    settings = {} if saturation is None else {"distributed.scheduler.worker-saturation": saturation}
    with (
        need_dask().config.set(settings),
        distributed.LocalCluster(
            processes=processes, n_workers=workers, threads_per_worker=threads, dashboard_address=None
        ) as local,
        distributed.Client(local) as client,
    ):
        yield client


def cpu_seconds(client, processes):
    """Processor time so far of all that takes part: this process and, if they are others, the workers."""
    own = time.process_time()
    return own + sum(client.run(time.process_time).values()) if processes else own


def run_futures(body, tasks, repeat, notes, also_saturated=False):
    need_dask(also_distributed=True)
    import distributed

    def side(processes, saturation=None):
        with cluster(processes, saturation) as client:
            body(client, min(tasks, 20))
            before = cpu_seconds(client, processes)
            runs = measure(lambda: body(client, tasks), tasks, repeat)
            cpu = (cpu_seconds(client, processes) - before) / (tasks * repeat) * 1e6
        return {"per_task_us": statistics.median(runs), "runs": runs, "cpu_us_per_task": cpu}

    version = distributed.__version__
    threads, processes = side(False), side(True)
    if also_saturated:
        threads["saturated"], processes["saturated"] = side(False, "inf"), side(True, "inf")
    runs = threads.pop("runs")
    del threads["per_task_us"]
    processes["peer"] = f"distributed {version}, LocalCluster of 2 processes, 1 thread each"
    extra = {"scaled_down": FEWER, **threads, "processes": processes, **notes}
    return f"distributed {version}, LocalCluster in this process, {THREADS} threads", tasks, runs, extra


def run_submit_result(tasks, repeat):
    def body(client, n):
        for i in range(n):
            check(client.submit(inc, i, pure=False).result(), i + 1, "client.submit")

    note = (
        "mostly waiting, not work: the client sends its messages at most every 10 ms (distributed/client.py, "
        "BatchedSend), so a round trip cannot be much shorter; cpu_us_per_task is the work"
    )
    return run_futures(body, tasks, repeat, {"note": note})


def run_map_gather(tasks, repeat):
    def body(client, n):
        expected = [i + 1 for i in range(n)]
        check(client.gather(client.map(inc, range(n), pure=False)), expected, "client.map")

    note = (
        "half or more of it is waiting, by default: the scheduler holds tasks without inputs back until a worker has "
        "room (distributed.scheduler.worker-saturation is 1.1) and tells workers at most every 5 ms; `saturated` is "
        "the same with worker-saturation inf, which sends all at once, and is the fairer peer for tasks this short"
    )
    return run_futures(body, tasks, repeat, {"note": note}, also_saturated=True)


def run_speedup(tasks, repeat):
    (get, peer), _ = schedulers()
    tasks = max(tasks, THREADS)  # each bare thread needs a call of its own
    task = need_dask().task_spec.Task

    def hashed(size):
        block = b"x" * size
        return lambda: hashlib.sha256(block).digest() and None

    def spun(rounds):
        def spin():
            for _ in range(rounds):
                pass

        return spin

    def of_a_millisecond(make, size):
        # The least of several, which is the one that nothing disturbed.
        took = min(measure(make(size), 1, 20))
        return make(max(1, int(size * 1000 / took)))

    pool = concurrent.futures.ThreadPoolExecutor(THREADS)

    def side(body):
        graph = {key: task(key, body) for key in (f"task-{i}" for i in range(tasks))}
        keys = list(graph)

        def half(_):
            for _ in range(tasks // THREADS):
                body()

        get(dict(list(graph.items())[:20]), keys[:20])
        alone, together, plain = [], [], []
        # In turns, so that a slow minute of the machine hits both.
        for _ in range(repeat):
            alone += measure(lambda: [body() for _ in range(tasks)], tasks, 1)
            together += measure(lambda: check(get(graph, keys), (None,) * tasks, peer), tasks, 1)
            plain += measure(lambda: list(pool.map(half, range(THREADS))), tasks // THREADS * THREADS, 1)
        serial, parallel = statistics.median(alone), statistics.median(together)
        facts = {
            "serial_us_per_task": serial,
            "speedup": serial / parallel,
            "speedup_without_dask": serial / statistics.median(plain),
            "time_over_ideal": parallel / (serial / THREADS),
        }
        return together, facts

    runs, facts = side(lambda: time.sleep(0.001))
    hashing = side(of_a_millisecond(hashed, 1 << 20))[1]
    spinning = side(of_a_millisecond(spun, 100_000))[1]
    extra = {
        "scaled_down": FEWER,
        **facts,
        "note": "the tasks sleep for 1 ms, since Python code of two threads cannot run at once under the GIL; "
        "`hashing` computes for 1 ms in C that lets go of the GIL, `spinning` for 1 ms in Python, which holds it; "
        "time_over_ideal is 1 where two threads take half of the time of one; speedup_without_dask is that of two bare "
        "threads with half of the calls each, which a machine with other work to do keeps below 2",
        "gil": getattr(sys, "_is_gil_enabled", lambda: True)(),
        "hashing": hashing,
        "spinning": spinning,
    }
    return peer, tasks, runs, extra


def graph_of(case):
    """A Dask graph out of compressed sparse rows; ValueError says what is wrong with them."""
    spec = need_dask().task_spec
    if not isinstance(case, dict):
        raise ValueError(f"a graph is an object with starts, inputs and outputs, not a {type(case).__name__}")
    for field in ("starts", "inputs", "outputs", "data"):
        numbers = case.get(field, [] if field == "data" else None)
        if not isinstance(numbers, list) or any(type(number) is not int or number < 0 for number in numbers):
            raise ValueError(f"`{field}` must be a list of whole numbers")
    starts, inputs, data = case["starts"], case["inputs"], set(case.get("data", []))
    n = len(starts) - 1
    if n < 0 or starts[0] != 0 or starts[-1] != len(inputs) or starts != sorted(starts):
        raise ValueError("`starts` must rise from 0 to the number of inputs, one more than there are nodes")
    for field, numbers in (("inputs", inputs), ("outputs", case["outputs"]), ("data", data)):
        if any(number >= n for number in numbers):
            raise ValueError(f"`{field}` names a node beyond the last one, {n - 1}")
    # dask.order breaks ties by the text of the key: with leading zeros that is the order of the numbers.
    keys = [f"{i:010}" for i in range(n)]
    graph = {}
    for i, key in enumerate(keys):
        needs = [keys[j] for j in inputs[starts[i] : starts[i + 1]]]
        if i in data and needs:
            raise ValueError(f"node {i} is data, so it cannot have inputs")
        graph[key] = spec.DataNode(key, None) if i in data else spec.Task(key, deepest, *map(spec.TaskRef, needs))
    cycle = need_dask().core.getcycle(graph, None)
    if cycle:
        raise ValueError(f"the nodes {', '.join(str(int(key)) for key in cycle)} need one another in a circle")
    return graph


def run_order(case, graph, repeat):
    dask = need_dask()
    priorities = {}

    def body():
        nonlocal priorities
        priorities = dask.order.order(graph)

    runs = measure(body, max(1, len(graph)), repeat)
    extra = {"name": case.get("name"), "sequence": [int(key) for key in sorted(priorities, key=priorities.get)]}
    return f"dask.order {dask.__version__}", len(graph), runs, extra


# Per work: the function, how many tasks and runs unless told otherwise, and the unit of the runs.
WORKS = {
    "noop-threads": (lambda n, repeat: run_graph(independent, n, repeat), 20_000, 5, "us"),
    "noop-sync": (lambda n, repeat: run_graph(independent, n, repeat, sync=True), 20_000, 5, "us"),
    "chain": (lambda n, repeat: run_graph(chain, n, repeat), 20_000, 5, "us"),
    "tree": (lambda n, repeat: run_graph(tree, n, repeat), 20_000, 5, "us"),
    "random": (lambda n, repeat: run_graph(random, n, repeat), 10_000, 5, "us"),
    "build": (run_build, 20_000, 5, "us"),
    "memory": (run_memory, 100_000, 1, "bytes"),
    "memory-lowlevel": (run_memory_lowlevel, 100_000, 3, "bytes"),
    "submit-result": (run_submit_result, 100, 5, "us"),
    "map-gather": (run_map_gather, 500, 5, "us"),
    "speedup": (run_speedup, 300, 5, "us"),
}


def report(work, measured, unit, elsewhere):
    peer, tasks, runs, extra = measured
    middle = statistics.median(runs)
    line = {"work": work, "peer": peer, "unit": unit, "per_task_us": middle if unit == "us" else None}
    if unit == "bytes":
        line["per_task_bytes"] = middle
    machine = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "cores_busy_elsewhere": elsewhere.cores(),
        "load_average": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
    }
    # Not rounded: the sequence of an order, and whatever else is whole.
    line |= {"tasks": tasks, "runs": runs, "extra": extra | machine}
    return significant(line)


def whole(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is too few: at least 1")
    return number


def main():
    parser = argparse.ArgumentParser(description="Measures Dask, as the peer of the engine's benchmarks.")
    parser.add_argument("work", choices=[*WORKS, "order"], metavar="WORK", help=", ".join([*WORKS, "order"]))
    parser.add_argument("--tasks", type=whole, metavar="N", help="number of tasks (not for order)")
    parser.add_argument("--repeat", type=whole, metavar="R", help="number of runs")
    parser.add_argument("--scaling", action="store_true", help="measure N/4 and 4 N tasks too (not for order)")
    options = parser.parse_args()
    need_dask()

    elsewhere = Elsewhere()
    if options.work == "order":
        if options.tasks or options.scaling:
            parser.error("the graph on stdin says how many tasks there are: leave out --tasks and --scaling")
        try:
            cases = json.load(sys.stdin)
            cases = cases if isinstance(cases, list) else [cases]
            graphs = [graph_of(case) for case in cases]
        except ValueError as error:
            parser.error(f"stdin has no graph to order: {error}")
        for case, graph in zip(cases, graphs, strict=True):
            print(json.dumps(report("order", run_order(case, graph, options.repeat or 3), "us", elsewhere)), flush=True)
        return

    run, tasks, repeat, unit = WORKS[options.work]
    tasks, repeat = options.tasks or tasks, options.repeat or repeat
    measured = run(tasks, repeat)
    if options.scaling:
        sizes = [max(1, tasks // 4), tasks * 4]
        medians = {str(n): statistics.median(run(n, min(repeat, 3))[2]) for n in sizes}
        measured[3]["scaling"] = medians | {str(tasks): statistics.median(measured[2])}
    print(json.dumps(report(options.work, measured, unit, elsewhere)), flush=True)


if __name__ == "__main__":
    main()
