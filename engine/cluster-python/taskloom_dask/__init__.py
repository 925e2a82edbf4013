"""Taskloom's tasks on Dask workers: native code that was compiled elsewhere, with Dask's scheduler, transfers and spilling.

`worker` is what the workers import; the scheduler imports it too, since it reads the graph. `client` is the process that a
Rust program starts to speak to the scheduler.
"""

__version__ = "0.1.0"
