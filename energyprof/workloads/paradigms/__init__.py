"""The paradigms, by name, and the workload that a program becomes when it is trained by one."""

import importlib
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

from energyprof.settings import CENTRAL, Settings, rows
from energyprof.workload import Event, Plan, Trained, Workload, WorkloadError
from energyprof.workloads.paradigm import Divisible, Module, Paradigm, Say

IN_PROCESS = "inprocess"  # the engine that needs no other process
DEPLOY = "deploy"  # the one whose clients are elsewhere
DEVICE = "device"
ROLES = {DEVICE: "energyprof.workloads.paradigms.federated.device"}
PARADIGMS: Dict[str, str] = {
    "federated": "energyprof.workloads.paradigms.federated",
    "consensus": "energyprof.workloads.paradigms.consensus",
    "continual": "energyprof.workloads.paradigms.continual",
}


def described(settings: Settings) -> Dict[str, Any]:
    """What stands under ``paradigm`` in a plan's config; of the central one nothing does.

    Raises:
        WorkloadError: a setting cannot be what it is, or does not go with the paradigm.
    """
    name = settings.paradigm
    if name == CENTRAL:
        return {}
    for what, asked in (("--nproc", settings.nproc > 1), ("--checkpoint", settings.checkpoint)):
        if asked:
            raise WorkloadError(f"{name} training has no {what}: leave it out, or use --paradigm central")
    _check_deployment(settings)
    values = {
        row.name: getattr(settings, row.name)
        for row in rows(type(settings))
        if name in row.paradigms and row.part != "how" and getattr(settings, row.name) is not None
    }
    return {"paradigm": {"name": name, **values, **_module(name).described(settings)}}


def sources(settings: Settings) -> Tuple[str, ...]:
    """The files that are a paradigm's work."""
    return () if settings.paradigm == CENTRAL else tuple(_module(settings.paradigm).SOURCES)


def starts_servers(settings: Mapping[str, Any]) -> bool:
    """Whether a training by these settings starts processes that could outlive it."""
    return bool(settings.get("engine", IN_PROCESS) != IN_PROCESS)


def workload(plan: Plan, program: Any, say: Say) -> Workload:
    """``program`` as its plan's paradigm trains it."""
    if "paradigm" not in plan.config:
        central: Workload = program
        return central
    name = DEVICE if plan.settings.client is not None else plan.config["paradigm"]["name"]
    return Spread(program, _module(name).build(program, say))


class Spread:
    """A program that a paradigm trains."""

    def __init__(self, program: Divisible, paradigm: Paradigm) -> None:
        self._program, self._paradigm = program, paradigm

    def facts(self) -> Dict[str, Any]:
        """The program's, and how the paradigm has dealt its data."""
        return {**self._program.facts(), **self._paradigm.facts()}

    def prepare(self) -> None:
        """Prepare the program, then deal its data.

        Raises:
            WorkloadError: data, package or device is not there, or the data cannot be dealt so.
        """
        self._program.prepare()
        self._paradigm.prepare()

    def train(self, seed: int) -> Iterator[Event]:
        """The paradigm's phases and evaluations."""
        return self._paradigm.train(seed)

    def breakdown(self, seconds: float) -> Iterator[Event]:
        """Each part of a step of the program."""
        return self._program.breakdown(seconds)

    def trained(self) -> Optional[Trained]:
        """The model of all clients together."""
        return self._program.trained()


def _check_deployment(settings: Settings) -> None:
    """What a deployment needs, and nothing else has.

    Raises:
        WorkloadError: it is missing, or given for another engine.
    """
    own: Dict[str, Any] = {
        "--address": settings.address,
        "--client": settings.client,
        "--token": settings.token,
    }
    own["--certificates"], own["--node-keys"] = settings.certificates, settings.node_keys
    own["--answer-within"] = None if settings.answer_s == Settings.answer_s else settings.answer_s
    given = [option for option, value in own.items() if value is not None]
    if settings.engine != DEPLOY:
        if given:
            raise WorkloadError(f"{given[0]}: only for --engine deploy")
        return
    if settings.address is None:
        raise WorkloadError("--engine deploy needs --address HOST:PORT, the server's, such as 10.0.0.5:9092")
    if settings.node_keys is not None and settings.certificates is None:
        raise WorkloadError(
            f"--node-keys {settings.node_keys}: Flower takes keys over TLS: give --certificates"
        )
    if settings.client is not None and settings.client >= settings.clients:
        raise WorkloadError(
            f"--client {settings.client}: of --clients {settings.clients} the last is {settings.clients - 1}"
        )


def _module(name: str) -> Module:
    found: Any = importlib.import_module({**PARADIGMS, **ROLES}[name])
    module: Module = found
    return module
