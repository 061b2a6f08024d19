"""The device's side of a deployment: one client, trained here, and the SuperNode that brings its messages.

It needs no Flower of its own: that is in the Python that runs energyprof, or beside it.
"""

import contextlib
import os
import shutil
import tempfile
import time
from typing import Any, Dict, Iterator, List, Optional, Tuple

from energyprof.workload import AWAY, Diverged, Event, Exchange, Facts, Mark, Progress, Round, WorkloadError
from energyprof.workloads.paradigm import Divisible, Say, client_name
from energyprof.workloads.paradigms import cohort, dealt
from energyprof.workloads.paradigms.federated import flower, rounds
from energyprof.workloads.paradigms.federated.client import Clients
from energyprof.workloads.paradigms.federated.engines.deployed import bridge, keys, programs, signed
from energyprof.workloads.paradigms.federated.strategies import WEIGHT

LOOK_S = 5.0  # between two looks whether the server is there
# The last answer is on its way when it has been given to Flower, which looks for it every half second.
LINGER_S = 5.0


def build(program: Divisible, say: Say) -> "Device":
    """One client of the federated training of ``program``."""
    return Device(program, say)


class Device:
    """One plan's client, on a device of its own."""

    def __init__(self, program: Divisible, say: Say) -> None:
        self._program, self._say = program, say
        self._config, self._settings = program.config["paradigm"], program.plan.settings
        self._number = self._settings.client or 0  # it is a client: one has been named
        self._parts: List[List[int]] = []
        self._secret = b""

    def prepare(self) -> None:
        """Read the secret and deal the training items, of which this client's are trained on.

        Raises:
            WorkloadError: the secret or the key cannot be read, or the data cannot be dealt so.
        """
        self._secret = signed.secret_in(self._settings.token)
        keys.check_private(self._settings.node_keys)
        self._parts = dealt.parts(self._program, self._config["clients"])

    def facts(self) -> Dict[str, Any]:
        """Which client it is, and how many training items it has."""
        return {"client": self._number, "client_items": len(self._parts[self._number])}

    def train(self, seed: int) -> Iterator[Event]:
        """The client's phases, what it exchanges, and each round's score as the server tells it.

        Raises:
            Diverged: the loss or a weight is not a number.
            WorkloadError: the server or the SuperNode is gone, or another training's.
        """
        players = cohort.Cohort(self._program, self._parts, seed)
        yield Facts(players.facts)
        clients = Clients(players, self._config, self._say)
        with _connected(self._settings, self._number) as messages:
            yield from self._rounds(clients, messages, seed)

    def _rounds(self, clients: Clients, messages: "Messages", seed: int) -> Iterator[Event]:
        number, last = self._number, 0
        run, work = "", self._program.plan.work()
        yield Progress(0)
        while True:
            line, words, payload = messages.next()
            said = signed.opened(self._secret, "server", words, payload)
            if said is None:
                _answer(line, self._secret, {"error": "it has another --token", "run": ""})
                raise WorkloadError(f"the server at {self._settings.address} has another --token")
            common = {"run": said["run"], "round": said["round"], "client": number}
            if (said["work"], said["seed"]) != (work, seed) or said["run"] != (run or said["run"]):
                why = "trains other work, or from another seed: give all the same settings"
                _answer(line, self._secret, {**common, "error": f"client {number} {why}", "kind": ""})
                raise WorkloadError(f"the server at {self._settings.address} {why}")
            run = said["run"]
            scored, last = (last, 0) if last and said["do"] != "who" else (0, last)
            if said["do"] != "turn":  # answered before it is told: at its target a training stops
                _answer(line, self._secret, {**common, "client": number if said["do"] == "who" else -1})
            if scored and said["score"] is not None:
                yield Round(scored, score=said["score"])
                yield Progress(clients.samples(number), said["score"])
            if said["do"] == "turn":
                if not clients.samples(number):
                    yield Mark(AWAY, 0)  # what follows is the client's
                yield self._turn(clients, line, said, common, payload, seed)
                last = said["round"]
                yield Mark("wait", clients.samples(number), client_name(number))
            elif said["do"] == "over":
                return

    def _turn(
        self,
        clients: Clients,
        line: bridge.Line,
        said: Dict[str, Any],
        common: Dict[str, Any],
        payload: bytes,
        seed: int,
    ) -> Event:
        number = self._number
        try:
            turn = clients.turn(number, payload, said["mu"])
        except (Diverged, WorkloadError) as error:
            kind = type(error).__name__
            _answer(line, self._secret, {**common, "error": str(error), "kind": kind})
            raise
        done = {WEIGHT: len(self._parts[number]), "samples": turn.samples, "loss": turn.loss}
        _answer(line, self._secret, {**common, **done}, turn.payload)
        outcome = rounds.cast(self._config, said["round"], seed).outcome(number)
        bytes_up = len(turn.payload)
        return Exchange(client_name(number), turn.samples, bytes_up, len(payload), outcome)


class Messages:
    """What comes from the server, as long as it is there."""

    def __init__(
        self,
        listener: bridge.Listener,
        supernode: keys.Admission,
        address: programs.Address,
        answer_s: float,
    ) -> None:
        self._listener, self._supernode = listener, supernode
        self._address, self._answer_s = address, answer_s

    def next(self) -> Tuple[bridge.Line, Dict[str, Any], bytes]:
        """The next message, the way back, and what goes with it.

        Raises:
            WorkloadError: the SuperNode has ended, or the server is gone for as long as was asked.
        """
        seen_s = looked_s = time.monotonic()
        while True:
            line = self._listener.next(0.5)
            if line is not None:
                with contextlib.suppress(bridge.Closed):
                    words, payloads = line.receive()
                    return line, words, payloads[0]
            self._supernode.check()
            if time.monotonic() - looked_s < LOOK_S:
                continue
            looked_s = time.monotonic()
            if programs.answers(self._address):
                seen_s = looked_s
            elif looked_s - seen_s > self._answer_s:
                raise WorkloadError(f"no server at {self._address} for {self._answer_s:g} s")


@contextlib.contextmanager
def _connected(settings: Any, number: int) -> Iterator[Messages]:
    """The SuperNode, running; no process of it outlives the context."""
    address = programs.address_of(settings.address)
    folder = tempfile.mkdtemp(prefix="d", dir=flower.folder())
    port = programs.free_port()
    words = [
        "--superlink",
        str(address),
        "--node-config",
        f"partition-id={number}",
        "--isolation",
        "subprocess",
    ]
    words += ["--host", "127.0.0.1", "--port", str(port)]
    words += _secured(settings.certificates)
    words += [] if settings.node_keys is None else ["--auth-supernode-private-key", settings.node_keys]
    try:
        with bridge.listening(os.path.join(folder, "bridge")) as listener:
            with programs.running("flower-supernode", words, folder) as supernode:
                try:
                    admission = keys.Admission(supernode, settings.node_keys, settings.answer_s)
                    yield Messages(listener, admission, address, settings.answer_s)
                finally:
                    time.sleep(LINGER_S)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _secured(certificates: Optional[str]) -> List[str]:
    if certificates is None:
        return ["--insecure"]
    return ["--root-certificates", programs.certificate(certificates, programs.CA)]


def _answer(line: bridge.Line, secret: bytes, said: Dict[str, Any], payload: bytes = b"") -> None:
    # Whose ClientApp is gone meanwhile hears of it from the server.
    with contextlib.suppress(bridge.Closed):
        line.send(signed.signed(secret, "client", said, payload), [payload])
    line.close()
