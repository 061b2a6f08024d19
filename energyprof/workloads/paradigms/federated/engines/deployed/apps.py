"""What Flower runs: a ServerApp and a ClientApp that pass messages on to the processes that train."""

import os
from typing import Any, Dict, List

from energyprof.workloads.paradigms.federated.engines.deployed import bridge
from energyprof.workloads.paradigms.federated.flower import library

BYTES, WORDS = "bytes", "words"

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
        line = bridge.connect()
        try:
            while True:
                header, payloads = line.receive()
                if header["do"] == "nodes":
                    line.send({"nodes": list(grid.get_node_ids())})
                elif header["do"] == "push":
                    line.send({"ids": _push(grid, header["messages"], payloads)})
                elif header["do"] == "pull":
                    line.send(*_pull(grid, header["ids"]))
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


def _pull(grid: Any, ids: List[str]) -> Any:
    headers, payloads = [], []
    for reply in grid.pull_messages(ids):
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
