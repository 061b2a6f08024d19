"""What Flower runs: a ServerApp and a ClientApp that pass messages on to the processes that train."""

import os
import queue
import threading
import time
from typing import Any, Dict, List, Sequence, Set

from energyprof.workloads.paradigms.federated.engines.deployed import bridge
from energyprof.workloads.paradigms.federated.flower import library

BYTES, WORDS = "bytes", "words"

# Answers are fetched in so many shares at most; how long the training waits for those of one look.
SHARES = 16
LOOK_S = 1.0

_HERE = "energyprof.workloads.paradigms.federated.engines.deployed.apps"
# The bundle that `flwr run` takes: it has no code of its own but where ours is.
BUNDLE = {
    "pyproject.toml": """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "energyprof-deploy"
version = "1.0.0"
description = "Passes messages on to energyprof."
license = "Apache-2.0"
dependencies = ["flwr>=1.42,<2"]

[tool.hatch.build.targets.wheel]
packages = ["."]

[tool.flwr.app]
publisher = "energyprof"

[tool.flwr.app.components]
serverapp = "deployed.server:app"
clientapp = "deployed.client:app"

[tool.flwr.app.config]
""",
    "deployed/__init__.py": "",
    "deployed/server.py": f"from {_HERE} import server_app\n\napp = server_app()\n",
    "deployed/client.py": f"from {_HERE} import client_app\n\napp = client_app()\n",
}


def write_bundle(folder: str) -> str:
    """Write the bundle into ``folder``; its path."""
    place = os.path.join(folder, "bundle")
    for name, text in BUNDLE.items():
        path = os.path.join(place, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    return place


def server_app() -> Any:
    """A ServerApp that does with its grid what the training asks."""
    app = library("flwr.serverapp").ServerApp()

    @app.main()  # type: ignore[untyped-decorator]
    def main(grid: Any, context: Any) -> None:
        line, answers = bridge.connect(), Answers(grid)
        try:
            while True:
                header, payloads = line.receive()
                if header["do"] == "nodes":
                    line.send({"nodes": list(grid.get_node_ids())})
                elif header["do"] == "push":
                    line.send({"ids": _push(grid, header["messages"], payloads)})
                elif header["do"] == "pull":
                    line.send(*_told(answers.come(header["ids"])))
                else:
                    return
        except bridge.Closed:
            return  # the training has ended

    return app


def _push(grid: Any, wanted: List[Dict[str, Any]], payloads: List[bytes]) -> List[Any]:
    flwr = library("flwr.app")
    messages = [
        flwr.Message(
            _content(one["words"], payload), dst_node_id=one["node"], message_type=one["kind"], ttl=one["ttl"]
        )
        for one, payload in zip(wanted, payloads)
    ]
    return list(grid.push_messages(messages))


class Answers:
    """Answers that are on their way: one that does not arrive holds up no more than those of its share.

    Flower's `pull_messages` waits for an answer whose sender died while it sent it, for three minutes.
    """

    def __init__(self, grid: Any) -> None:
        self._grid = grid
        self._fetched: Set[str] = set()  # ids that a thread waits for
        self._come: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def come(self, ids: Sequence[str]) -> List[Any]:
        """Flower's replies to some of these messages, and to others that were asked for before.

        Raises:
            Exception: what Flower raised.
        """
        free = [one for one in ids if one not in self._fetched]
        threads = []
        for share in filter(None, (free[start::SHARES] for start in range(SHARES))):
            self._fetched.update(share)
            threads.append(threading.Thread(target=self._fetch, args=(share,), daemon=True))
            threads[-1].start()
        until_s = time.monotonic() + LOOK_S
        for thread in threads:
            thread.join(max(0.0, until_s - time.monotonic()))
        found: List[Any] = []
        while not self._come.empty():
            share, replies, error = self._come.get()
            self._fetched.difference_update(share)
            if error is not None:
                raise error
            found += replies
        return found

    def _fetch(self, share: Sequence[str]) -> None:
        try:
            self._come.put((share, list(self._grid.pull_messages(share)), None))
        except Exception as error:  # noqa: BLE001 - it is raised where the answers are asked for
            self._come.put((share, [], error))


def _told(replies: Sequence[Any]) -> Any:
    headers, payloads = [], []
    for reply in replies:
        found: Dict[str, Any] = {"id": reply.metadata.reply_to_message_id}
        payload = b""
        if reply.has_error():
            found["error"] = str(reply.error.reason)
        else:
            found["words"], payload = taken(reply.content)
        headers.append(found)
        payloads.append(payload)
    return {"replies": headers}, payloads


def client_app() -> Any:
    """A ClientApp that brings a message to the training of its device, and the answer back."""
    app = library("flwr.clientapp").ClientApp()

    def passed_on(message: Any, context: Any) -> Any:
        flwr = library("flwr.app")
        words, payload = taken(message.content)
        line = bridge.connect()
        answer, payloads = line.ask(words, [payload])
        return flwr.Message(_content(answer, payloads[0]), reply_to=message)

    app.train()(passed_on)
    app.query()(passed_on)
    return app


def _content(words: Dict[str, str], payload: bytes) -> Any:
    flwr, numpy = library("flwr.app"), library("numpy")
    content = {WORDS: flwr.ConfigRecord(words)}
    if payload:
        content[BYTES] = flwr.ArrayRecord({BYTES: flwr.Array(numpy.frombuffer(payload, numpy.uint8))})
    return flwr.RecordDict(content)


def taken(content: Any) -> Any:
    """The words and the bytes of a Flower message's content."""
    payload = content[BYTES][BYTES].numpy().tobytes() if BYTES in content else b""
    return {key: str(value) for key, value in content[WORDS].items()}, payload
