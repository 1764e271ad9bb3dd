"""Processes of their own, whose memory is measured.

A process starts as a copy of the one that starts it, whose memory counts as
its own. So this one must stay small: it does not import TensorFlow.
"""

import concurrent.futures
import multiprocessing
import os
import signal
import subprocess
import sys


def run(arguments, log):
    """Run `python -m ...` to its end.

    Ctrl-C reaches the child, too, which may save; it is waited for.

    Args:
        arguments: list of str, what follows `python -m`.
        log: `pathlib.Path`, receives what it prints.

    Returns:
        `(exit code, bytes)`: the most memory that it held at once.

    Raises:
        KeyboardInterrupt: on Ctrl-C, once the child has ended.
    """
    with open(log, "ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        interrupted = False
        while True:
            try:
                _, status, usage = os.wait4(process.pid, 0)
                break
            except KeyboardInterrupt:
                interrupted = True
        process.returncode = os.waitstatus_to_exitcode(status)
    if interrupted or process.returncode == 128 + signal.SIGINT:
        raise KeyboardInterrupt
    unit = 1 if sys.platform == "darwin" else 1024
    return process.returncode, usage.ru_maxrss * unit


def call(function, *arguments):
    """Call a function, which may need TensorFlow, in a process of its own."""
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, spawn) as pool:
        return pool.submit(function, *arguments).result()


def reason(log):
    """Return the last line that a child printed."""
    lines = log.read_text(errors="replace").split("\n")
    lines = [line.strip() for line in lines if line.strip()]
    return lines[-1] if lines else "it printed nothing"
