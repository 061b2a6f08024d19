"""A device whose server has another secret: it says so, and trains nothing."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from energyprof.settings import Settings
from energyprof.wire import FLOWER_VARIABLE
from energyprof.workload import Event, Facts, Progress, WorkloadError
from energyprof.workloads import paradigms
from energyprof.workloads.paradigms.federated import device
from energyprof.workloads.paradigms.federated.engines.deployed import bridge, signed
from fakes.dealt_line import Line, plan_of
from fakes.devices import until
from fakes.installed import needs

needs("flwr")
pytestmark = pytest.mark.slow  # torch takes seconds to load
OURS, THEIRS = b"0123456789abcdef", b"fedcba9876543210"

SUPERNODE = f"""#!/bin/sh
echo "${bridge.VARIABLE}" > PLACE.new && mv PLACE.new PLACE
exec sleep 600
"""


def client_app(place: Path, heard: queue.SimpleQueue[Any]) -> None:
    """The ClientApp of the SuperNode's first message, of a server that has another secret."""
    until(place.exists)
    who = {"do": "who", "run": "theirs", "work": "", "seed": 0, "score": None, "round": 0}
    os.environ[bridge.VARIABLE] = place.read_text().strip()
    with contextlib.closing(bridge.connect()) as line:
        heard.put(line.ask(signed.signed(THEIRS, "server", who), [b""])[0])


def test_a_server_with_another_token_is_refused_and_hears_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FLOWER_VARIABLE, str(tmp_path / "python"))
    monkeypatch.setenv(bridge.VARIABLE, "")
    monkeypatch.setattr(device, "LINGER_S", 0.0)
    (tmp_path / "token").write_bytes(OURS)
    place = tmp_path / "bridge"
    for name in ("flwr", "flower-supernode"):
        (tmp_path / name).write_text(SUPERNODE.replace("PLACE", str(place)))
        (tmp_path / name).chmod(0o755)
    asked = Settings(
        paradigm="federated",
        clients=2,
        engine="deploy",
        address="127.0.0.1:9",
        client=1,
        token=str(tmp_path / "token"),
    )
    said: list[Event] = []
    plan = plan_of(asked)
    workload = paradigms.workload(plan, Line(plan), said.append)
    workload.prepare()
    events = workload.train(0)
    heard: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=client_app, args=(place, heard), daemon=True).start()
    assert [type(next(events)) for _ in range(2)] == [Facts, Progress]
    with pytest.raises(WorkloadError, match=r"^the server at 127\.0\.0\.1:9 has another --token$"):
        next(events)
    assert not said
    answer = heard.get(timeout=60)
    told = signed.opened(OURS, "client", answer)
    assert told is not None and told["error"] == "it has another --token"
    assert signed.opened(THEIRS, "client", answer) is None
