"""Claim: each exporter costs the profiler at most 0.5 % of a core at one snapshot a second, and endpoints
that are dead slow a training by at most 1 %.

    .venv/bin/python benchmarks/exporters.py -o exporters.md

* Cost: the CPU time of a process that shows an exporter a snapshot a second, less that of one that shows them
  to nobody, by the seconds; an endpoint on this machine reads or takes each of them.
* Slow-down: a loop of fixed work under ``energyprof exec``, without exporters and with all of them at
  addresses where nobody listens, in the order ABBA; the median of the ratios of each round.

About five minutes; ``--quick`` one.
"""

from __future__ import annotations

import argparse
import contextlib
import http.server
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from energyprof.formats.exports import exporting
from energyprof.profile.live import Snapshot

NOW = Snapshot(0, 3, 7, "train", 12.0, 10.0, 640, 0.5, 48.5, 485.0, "measured")
MOST_SHARE, MOST_RATIO = 0.005, 1.01
SECONDS, QUICK_SECONDS = 40, 8
ROUNDS, QUICK_ROUNDS = 6, 1
# About two seconds of one core.
LOOP = """
import sys, time
began = time.perf_counter()
total = 0
for i in range(30_000_000):
    total += i
open(sys.argv[1], "w").write(str(time.perf_counter() - began))
"""


def free_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def shown(word: str, seconds: int) -> float:
    """CPU time in s of this process, which shows the exporter a snapshot a second."""
    with contextlib.ExitStack() as stack:
        watchers = stack.enter_context(exporting([word] if word else [], {"workload": "benchmark"}))
        print("ready", flush=True)
        before = resource.getrusage(resource.RUSAGE_SELF)
        for second in range(seconds):
            for watcher in watchers:
                watcher.see(replace(NOW, samples=64 * second, joules=48.5 * second))
            time.sleep(1)
        after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@contextlib.contextmanager
def endpoint(kind: str, folder: Path) -> Iterator[str]:
    """The word of an exporter whose other end is alive."""
    port, over = free_port(), threading.Event()
    if kind == "prometheus":

        def scrape() -> None:
            while not over.wait(1):
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read()

        threading.Thread(target=scrape, daemon=True).start()
        yield f"prometheus:{port}"
    elif kind == "otlp":

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"otlp:http://127.0.0.1:{port}/v1/metrics"
        server.shutdown()
        server.server_close()
    elif kind == "statsd":
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", port))
            yield f"statsd:127.0.0.1:{port}"
    elif kind == "textfile":
        yield f"textfile:{folder}/run.prom"
    else:
        yield ""
    over.set()


def cost(kind: str, seconds: int) -> float:
    """CPU time in s of a process of its own over so many snapshots."""
    with (
        tempfile.TemporaryDirectory(prefix="energyprof-exporters-") as name,
        endpoint(kind, Path(name)) as word,
    ):
        done = subprocess.run(
            [sys.executable, __file__, "--one", word, "--seconds", str(seconds)],
            check=True,
            capture_output=True,
            text=True,
        )
    return float(done.stdout.split()[-1])


def loop_s(exporters: list[str], folder: Path) -> float:
    """How long the loop takes under ``exec``."""
    words = ["-m", "energyprof", "exec", "--idle", "0", "--quiet", "--force", "-o", str(folder / "r.json")]
    words += [word for exporter in exporters for word in ("--export", exporter)]
    took = folder / "took"
    subprocess.run(
        [sys.executable, *words, "--", sys.executable, "-c", LOOP, str(took)],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    return float(took.read_text())


def slow_down(rounds: int) -> float:
    """The median ratio of the loop with dead endpoints to that without exporters."""
    dead = [f"otlp:http://127.0.0.1:{free_port()}/v1/metrics", f"statsd:127.0.0.1:{free_port()}"]
    ratios = []
    with tempfile.TemporaryDirectory(prefix="energyprof-exporters-") as name:
        folder = Path(name)
        for _ in range(rounds):
            a, b, again, last = (loop_s(words, folder) for words in ([], dead, dead, []))
            ratios.append((b + again) / (a + last))
            print(f"dead endpoints: {ratios[-1]:.4f}", file=sys.stderr, flush=True)
    return statistics.median(ratios)


def main() -> int:
    """Measure, write the table, and say whether the claim holds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one is not None:
        print(shown(asked.one, asked.seconds))
        return 0
    seconds, rounds = (QUICK_SECONDS, QUICK_ROUNDS) if asked.quick else (SECONDS, ROUNDS)
    bare = cost("", seconds)
    lines, holds = ["| exporter | of a core at 1 Hz |", "| --- | --- |"], True
    for kind in ("prometheus", "textfile", "otlp", "statsd"):
        share = (cost(kind, seconds) - bare) / seconds
        holds &= share <= MOST_SHARE
        lines.append(f"| {kind} | {share:.2%} |")
        print(lines[-1], file=sys.stderr, flush=True)
    ratio = slow_down(rounds)
    holds &= ratio <= MOST_RATIO
    lines += ["", f"With dead endpoints the loop takes {ratio:.4f} of its time without exporters."]
    text = "\n".join(lines) + "\n"
    if asked.output is not None:
        asked.output.write_text(text)
    print(text, end="")
    print("the claim holds" if holds else "THE CLAIM DOES NOT HOLD", file=sys.stderr)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
