"""Clients at once, by Flower's simulation: a process of Ray's for each core, and any client in any of them.

What a client has of its own travels with it, so the model is the same as one client after the other makes it.
Joules are known by round only. Ray's files lie in a temporary folder, and it calls nobody.
"""

import contextlib
import functools
import json
import os
import pickle
import queue
import secrets
import shutil
import tempfile
import threading
from dataclasses import asdict
from typing import Any, Dict, Iterator, List, Sequence, Tuple

from energyprof.settings import Settings
from energyprof.wire import mark
from energyprof.workload import AWAY, Diverged, Event, Mark, WorkloadError
from energyprof.workloads import compiler_later, workload_module
from energyprof.workloads.paradigm import Divisible, Say, client_name
from energyprof.workloads.paradigms import dealt
from energyprof.workloads.paradigms.cohort import Cohort
from energyprof.workloads.paradigms.federated import client, flower
from energyprof.workloads.paradigms.federated.engines.grid import grid_of
from energyprof.workloads.paradigms.federated.flower import library

OPENS_WITHIN_S = 120.0
ENDS_WITHIN_S = 60.0


@contextlib.contextmanager
def opened(program: Divisible, cohort: Cohort, seed: int, say: Say) -> Iterator["Ray"]:
    """The engine for a training.

    Raises:
        WorkloadError: Ray does not start, or a client cannot be made in a process of its own.
    """
    plan = program.plan
    job = json.dumps({"name": plan.name, "settings": asdict(plan.settings), "seed": seed})
    clients = len(cohort)
    grids: "queue.Queue[Any]" = queue.Queue()
    over = threading.Event()
    folder = tempfile.mkdtemp(prefix="r", dir=flower.folder())  # short: sockets lie in it
    # Ray would write one into the home folder.
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))

    def simulate() -> None:
        try:
            library("flwr.simulation").run_simulation(
                _server(grids, over), _app(job), clients, backend_config=_backend(program, clients, folder)
            )
        except BaseException as error:  # noqa: BLE001 - told to the thread that waits for a grid
            grids.put(error)

    simulation = threading.Thread(target=simulate, name="energyprof-ray", daemon=True)
    simulation.start()
    try:
        yield Ray(_first(grids))
    finally:
        over.set()
        simulation.join(ENDS_WITHIN_S)
        library("ray").shutdown()
        shutil.rmtree(folder, ignore_errors=True)


class Ray:
    """Clients in Ray's processes."""

    while_clients_train = "wait"

    def __init__(self, grid: Any) -> None:
        self._grid = grid
        flwr = library("flwr.app")
        asked = [
            flwr.Message(flwr.RecordDict(), dst_node_id=node, message_type="query")
            for node in grid.get_node_ids()
        ]
        self._client_of: Dict[int, int] = {}
        for reply in self._answers(asked):
            number = int(reply.content[client.METRICS]["client"])
            self._client_of[reply.metadata.src_node_id] = number

    def offering(self, clients: Sequence[int]) -> Any:
        """Nodes have numbers of Flower's own."""
        return grid_of([node for node, number in self._client_of.items() if number in clients])

    def client_at(self, node: int) -> int:
        """The client of a node."""
        return self._client_of[node]

    def exchange(self, messages: Sequence[Any]) -> List[Any]:
        """The answers, in the order in which they come.

        Raises:
            Diverged: a client's loss or weights are not numbers.
            WorkloadError: a client could not train.
        """
        return self._answers(messages)

    def _answers(self, messages: Sequence[Any]) -> List[Any]:
        replies = list(self._grid.send_and_receive(messages))
        for reply in replies:
            if reply.has_error():
                reason = str(reply.error.reason)
                said = Diverged if Diverged.__name__ in reason else WorkloadError
                raise said(f"a client in one of Ray's processes: {reason[:300]}")
        return replies


def _server(grids: "queue.Queue[Any]", over: threading.Event) -> Any:
    """A ServerApp that hands out its grid and waits: the rounds are ours."""
    server = library("flwr.serverapp").ServerApp()

    @server.main()  # type: ignore[untyped-decorator]
    def main(grid: Any, context: Any) -> None:
        grids.put(grid)
        over.wait()

    return server


def _first(grids: "queue.Queue[Any]") -> Any:
    try:
        found = grids.get(timeout=OPENS_WITHIN_S)
    except queue.Empty:
        raise WorkloadError(
            f"Ray did not start within {OPENS_WITHIN_S:g} s: use --engine inprocess"
        ) from None
    if isinstance(found, BaseException):
        raise WorkloadError(f"Ray does not start ({found}): use --engine inprocess") from found
    return found


def _backend(program: Divisible, clients: int, folder: str) -> Dict[str, Any]:
    """A process for each core, as far as there are clients; they share the GPUs."""
    at_once = max(1, min(clients, len(os.sched_getaffinity(0))))
    gpus = library("torch").cuda.device_count() if program.device.type == "cuda" else 0
    return {
        "client_resources": {"num_cpus": 1, "num_gpus": gpus / at_once},
        "init_args": {
            "num_cpus": at_once,
            "num_gpus": gpus,
            "_temp_dir": folder,
            "include_dashboard": False,
            "log_to_driver": False,
            "logging_level": "error",
        },
    }


def _app(job: str) -> Any:
    """The ClientApp: what it needs it finds in its own process, which it enters by its functions' names."""
    found = library("flwr.clientapp").ClientApp()
    found.train()(functools.partial(_turn, job))
    found.query()(functools.partial(_number, job))
    return found


def _turn(job: str, message: Any, context: Any) -> Any:
    number = int(context.node_config["partition-id"])
    clients, cohort = _clients(job)
    if "client" in context.state:
        go_on(clients, cohort, number, context.state["client"]["kept"])
    items = [cohort.items(k) for k in range(len(cohort))]
    reply = client.answer(clients, items, message, number)
    context.state["client"] = library("flwr.app").ConfigRecord({"kept": kept(clients, cohort, number)})
    _say(Mark(AWAY, clients.samples(number), client_name(number)))
    return reply


def kept(clients: client.Clients, cohort: Cohort, number: int) -> bytes:
    """A client as it is after its turn, and the scale of its fp16 gradients, which its optimiser goes by."""
    return pickle.dumps((clients.kept(number), _scaler(cohort, number).state_dict()))


def go_on(clients: client.Clients, cohort: Cohort, number: int, left: bytes) -> None:
    """Take over a client that has had turns in another process of this same training."""
    own, scale = pickle.loads(left)
    clients.go_on(number, own)
    if scale:  # empty: nothing is scaled
        _scaler(cohort, number).load_state_dict(scale)


def _scaler(cohort: Cohort, number: int) -> Any:
    # Of the loop's own, not the cohort's to tell: only here does a loop move to another process.
    return cohort._loops[number]._scaler


def _number(job: str, message: Any, context: Any) -> Any:
    _clients(job)  # loaded now, before the first round
    flwr = library("flwr.app")
    metrics = flwr.MetricRecord({"client": int(context.node_config["partition-id"])})
    return flwr.Message(flwr.RecordDict({client.METRICS: metrics}), reply_to=message)


@functools.lru_cache(maxsize=1)
def _clients(job: str) -> Tuple[client.Clients, Cohort]:
    """The clients as this process plays them."""
    wanted = json.loads(job)
    compiler_later.install()
    flower.load("ray")
    module = workload_module(wanted["name"])
    program = module.build(module.plan(Settings(**wanted["settings"])))
    program.prepare()
    config = program.config["paradigm"]
    cohort = Cohort(program, dealt.parts(program, config["clients"]), wanted["seed"])
    return client.Clients(cohort, config, _say), cohort


def _say(event: Event) -> None:
    # Without its count: of a client that goes on in another process it would look like a resumed training's.
    if isinstance(event, Mark):
        mark(event.name, event.actor)
