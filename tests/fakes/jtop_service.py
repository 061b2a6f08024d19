"""The service of jetson-stats, as far as its own client library talks to it: a manager on a Unix socket.

Started as a program it is that service, for the library that is installed: ``SOCKET OPTIONS`` (JSON). A line
"stall" on its input stops its values for good; the end of its input ends it.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

# What the client reads besides the power.
OTHER: dict[str, Any] = {"gpu": {}, "mem": {}, "fan": {}}


def power(rails: dict[str, int], total: int, **changes: Any) -> dict[str, Any]:
    """jtop's table of mW; ``changes`` go into each rail."""
    entries = {
        label: {"volt": 5000, "curr": mw // 5, "power": mw, "avg": mw, "online": True, **changes}
        for label, mw in rails.items()
    }
    return {"rail": entries, "tot": {"power": total, "avg": total}}


class JtopService:
    """The service in a process of its own, ready when it is made."""

    def __init__(self, socket: Path, **options: Any) -> None:
        """``options``: ``power``, ``version`` (of the service), ``mute`` (it never answers)."""
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(socket), json.dumps(options)],
            env={"PYTHONPATH": ":".join(path for path in sys.path if path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def stall(self) -> None:
        """From now on its values are old."""
        assert self._process.stdin is not None
        self._process.stdin.write("stall\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """End it; its clients lose their connection."""
        self._process.kill()
        self._process.communicate()


def serve(socket: str, options: dict[str, Any]) -> None:
    """Be the service until the input ends."""
    import jtop
    import jtop.service

    jtop.service.JTOP_PIPE = socket
    control: queue.Queue[dict[str, Any]] = queue.Queue()
    values: dict[str, Any] = {}
    renewed = threading.Event()
    manager = jtop.service.JtopManager
    manager.register("get_queue", callable=lambda: control)
    manager.register("sync_data", callable=lambda: values)
    manager.register("sync_event", callable=lambda: renewed)
    server = manager().get_server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stalled = threading.Event()

    def renew() -> None:
        while not stalled.wait(0.1):
            values.update({**OTHER, "uptime": time.monotonic(), "power": options["power"]})
            renewed.set()

    def answer() -> None:
        while True:
            message = control.get()
            if "init" in message:  # its own answer, not yet fetched
                control.put(message)
                time.sleep(0.01)
            elif "interval" in message and not options.get("mute"):
                init = {
                    "version": options.get("version", jtop.__version__),
                    "board": {"hardware": {}},
                    "interval": message["interval"],
                    "memory": "",
                    "fan": {},
                    "jc": False,
                }
                control.put({"init": init})

    for target in (renew, answer):
        threading.Thread(target=target, daemon=True).start()
    print("ready", flush=True)
    for line in sys.stdin:
        if line == "stall\n":
            stalled.set()


if __name__ == "__main__":
    serve(sys.argv[1], json.loads(sys.argv[2]))
