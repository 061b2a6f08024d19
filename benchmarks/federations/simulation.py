"""The same clients under Flower's own simulation: its ServerApp, its loop over the rounds, and Ray."""

from __future__ import annotations

import functools
import tempfile
from typing import Any

from energyprof.settings import Settings
from energyprof.workloads.paradigms import dealt
from energyprof.workloads.paradigms.cohort import Cohort
from energyprof.workloads.paradigms.federated import flower
from federations.net import Net, plan_of


def flowers_own(settings: Settings, rounds: int) -> list[Any]:
    """The weights after so many rounds of Flower's FedAvg, numpy arrays in the model's order."""
    flower.load("inprocess")
    from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict
    from flwr.clientapp import ClientApp
    from flwr.serverapp import ServerApp
    from flwr.serverapp.strategy import FedAvg
    from flwr.simulation import run_simulation

    client, server = ClientApp(), ServerApp()
    found: list[Any] = []

    @client.train()  # type: ignore[untyped-decorator]
    def train(message: Any, context: Any) -> Any:
        cohort, number = _kept(settings), int(context.node_config["partition-id"])
        cohort.load({name: array.numpy() for name, array in message.content["arrays"].items()})
        cohort.train(number, cohort.steps(number))
        arrays = ArrayRecord({name: Array(values) for name, values in cohort.state().items()})
        metrics = MetricRecord({"num-examples": cohort.items(number)})
        return Message(RecordDict({"arrays": arrays, "metrics": metrics}), reply_to=message)

    @server.main()  # type: ignore[untyped-decorator]
    def main(grid: Any, context: Any) -> None:
        begun = ArrayRecord({name: Array(values) for name, values in _cohort(settings).state().items()})
        strategy = FedAvg(fraction_evaluate=0.0, min_available_nodes=settings.clients)
        ended = strategy.start(grid=grid, initial_arrays=begun, num_rounds=rounds)
        found.extend(array.numpy() for array in ended.arrays.values())

    with tempfile.TemporaryDirectory(prefix="fl-") as folder:
        one_actor = {
            "client_resources": {"num_cpus": 1},
            "init_args": {"num_cpus": 1, "_temp_dir": folder, "include_dashboard": False},
        }
        run_simulation(server, client, settings.clients, backend_config=one_actor)
    return found


@functools.cache
def _kept(settings: Settings) -> Cohort:
    """The clients of this process: Ray's one actor has its own, from round to round."""
    return _cohort(settings)


def _cohort(settings: Settings) -> Cohort:
    plan = plan_of(settings, 1)
    program = Net(plan)
    program.prepare()
    return Cohort(program, dealt.parts(program, settings.clients), 0)
