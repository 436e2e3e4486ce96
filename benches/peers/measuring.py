"""How peers are measured: the medians of some rounds, with the load average beside them."""

import os
import statistics
import time


def measure(name, compute, rounds):
    """Prints what `compute` takes, and gives its answer."""
    walls, cpus, answer = [], [], None
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        answer = compute()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    wall, cpu = statistics.median(walls), statistics.median(cpus)
    print(
        f"{name}: medians of {rounds}: {1000 * wall:.3f} ms wall, {1000 * cpu:.3f} ms CPU, "
        f"load average {os.getloadavg()[0]:.2f}",
        flush=True,
    )
    return answer


def installed(module):
    """Whether a peer is there: its name with its version, or None, which is said."""
    try:
        return f"{module} {__import__(module).__version__}"
    except ImportError:
        print(f"skipped: {module} is not installed (pip install -r requirements.txt)")
        return None
