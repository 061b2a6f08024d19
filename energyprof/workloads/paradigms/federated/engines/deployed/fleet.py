"""The server's side of a deployment: who is there, and a round's messages to them and back."""

import sys
import time
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Sequence, Set

from energyprof.workload import Diverged, Exchange, Facts, Mark, WorkloadError
from energyprof.workloads.paradigm import SERVER, Say, client_name
from energyprof.workloads.paradigms.federated import client
from energyprof.workloads.paradigms.federated.engines.deployed import bridge, signed
from energyprof.workloads.paradigms.federated.engines.grid import grid_of
from energyprof.workloads.paradigms.federated.flower import library
from energyprof.workloads.paradigms.federated.strategies import WEIGHT

POLL_S = 0.3
LOOK_S = 2.0  # between two looks at who is there
DISMISS_S = 60.0  # clients get so long to hear that it is over: Flower starts a program for that
SHOWN = 300  # letters of a reason
MOST = 200  # of what happened is recorded


@dataclass(frozen=True)
class Terms:
    """What clients must have in common with the server."""

    run: str  # this one, and no other
    work: str
    seed: int
    answer_s: float
    secret: bytes


@dataclass
class _Pending:
    """What was sent, and is not answered."""

    node: int
    message: Any = None  # Flower's, of a round; None: who are you?
    lost: bool = False  # it is not waited for any more


class Fleet:
    """The clients of a deployment, as an engine."""

    while_clients_train = "wait"

    def __init__(
        self, line: bridge.Line, clients: int, terms: Terms, say: Say, check: Callable[[], None]
    ) -> None:
        """``check`` raises a WorkloadError once the SuperLink has ended."""
        self._line, self._clients, self._terms, self._say, self._check = line, clients, terms, say, check
        self.score: Optional[float] = None  # of the last round
        self._round = 0
        self._there: Dict[int, int] = {}  # node of each client that is there
        self._client_of: Dict[int, int] = {}  # of every node that ever was
        self._nodes: Set[int] = set()  # as they were last seen
        self._met: Set[int] = set()  # asked who they are
        self._pending: Dict[str, _Pending] = {}
        self._silent: Set[int] = set()  # nodes that owe an answer from an earlier round
        self._happened: List[str] = []
        self._last_look_s = 0.0
        self._over = False

    def gather(self) -> None:
        """Wait until all clients are there; for those that are late, no longer than was asked.

        Raises:
            WorkloadError: none has come.
        """
        everyone = range(self._clients)
        if not self._await(everyone, self._clients):
            missing = [str(number) for number in everyone if number not in self._there]
            self._tell(f"{_named(missing)} did not come within {self._terms.answer_s:g} s")

    def offering(self, clients: Sequence[int]) -> Any:
        """Those of these clients that are there; one at least is waited for.

        Raises:
            WorkloadError: none has come in time.
        """
        self._look()
        self._pull()
        if not self._present(clients):
            self._say(Mark("wait", 0, SERVER))
            self._await(clients, 1)
            self._say(Mark("encode", 0, SERVER))
        present = self._present(clients)
        for number in clients:
            if number not in present:
                self._lost(number, 0, "was away")
        return grid_of([self._there[number] for number in present])

    def client_at(self, node: int) -> int:
        """The client of a node."""
        return self._client_of[node]

    def exchange(self, messages: Sequence[Any]) -> List[Any]:
        """The answers of those whose comes; the others are lost for this round, and named.

        Raises:
            Diverged: a client's loss or weights are not numbers.
        """
        self._round = int(messages[0].content[client.CONFIG]["server-round"])
        asked = {
            message.metadata.dst_node_id: self.client_at(message.metadata.dst_node_id) for message in messages
        }
        sizes = {m.metadata.dst_node_id: len(_payload(m)) for m in messages}
        numbers = self._push([self._turn(message) for message in messages], messages)
        for message, number in zip(messages, numbers):
            if not number:
                self._lost(asked[message.metadata.dst_node_id], 0, "left")
        waiting = set(filter(None, numbers))
        until_s = time.monotonic() + self._terms.answer_s
        found: List[Any] = []
        while waiting:
            for number, reply in self._pull():
                waiting.discard(number)
                if reply is not None:
                    found.append(reply)
            self._look()
            for number in list(waiting):
                pending = self._pending.get(number, _Pending(0))
                node, why = pending.node, ""
                if node not in self._nodes:
                    why = "left"
                elif time.monotonic() > until_s:
                    why = f"did not answer within {self._terms.answer_s:g} s"
                    self._silent.add(node)
                if why:
                    waiting.discard(number)
                    pending.lost = True
                    self._lost(asked[node], sizes[node], why)
            if waiting:
                time.sleep(POLL_S)
        return found

    def dismiss(self) -> None:
        """Tell all that it is over, with the last score; those who do not hear it find the server gone."""
        try:
            self._look(at_once=True)
            self._over = True
            over = {"do": "over", **self._common()}
            sent = [(self._there[number], "query", over, b"") for number in self._there]
            waiting = set(filter(None, self._push(sent, [None] * len(sent))))
            until_s = time.monotonic() + DISMISS_S
            while waiting and time.monotonic() < until_s:
                waiting -= {number for number, _ in self._pull()}
                time.sleep(POLL_S)
            self._line.send({"do": "end"})
        except (bridge.Closed, WorkloadError):
            pass  # the SuperLink is gone, and with it all that could be told

    def _present(self, clients: Sequence[int]) -> List[int]:
        return [n for n in clients if n in self._there and self._there[n] not in self._silent]

    def _await(self, clients: Sequence[int], enough: int) -> bool:
        """Whether so many of these are there, as soon as they are, or in the end."""
        until_s = time.monotonic() + self._terms.answer_s
        while True:
            self._look()
            self._pull()
            present = self._present(clients)
            if len(present) >= enough:
                return True
            if time.monotonic() > until_s:
                if present:
                    return False
                numbers = _named([str(number) for number in clients])
                more = f" ({self._happened[-1]})" if self._happened else ""
                raise WorkloadError(
                    f"{numbers} did not come within {self._terms.answer_s:g} s{more}: start each by the same "
                    "command with --client K"
                )
            time.sleep(POLL_S)

    def _look(self, at_once: bool = False) -> None:
        """See who has come, and ask them who they are; forget who has left."""
        if not at_once and time.monotonic() - self._last_look_s < LOOK_S:
            return
        self._last_look_s = time.monotonic()
        self._check()
        self._nodes = set(self._ask({"do": "nodes"})[0]["nodes"])
        self._there = {number: node for number, node in self._there.items() if node in self._nodes}
        new = [node for node in self._nodes if node not in self._met]
        self._met.update(new)
        who = {"do": "who", **self._common()}
        numbers = self._push([(node, "query", who, b"") for node in new], [None] * len(new))
        # Whoever is still there next time is asked again.
        self._met -= {node for node, number in zip(new, numbers) if not number}

    def _pull(self) -> List[Any]:
        """What is answered: the message's number, and Flower's message if it is a round's."""
        if not self._pending:
            return []
        header, payloads = self._ask({"do": "pull", "ids": list(self._pending)})
        found = []
        for reply, payload in zip(header["replies"], payloads):
            pending = self._pending.pop(reply["id"], None)
            if pending is not None:
                found.append((reply["id"], self._heard(pending, reply, payload)))
        return found

    def _heard(self, pending: _Pending, reply: Dict[str, Any], payload: bytes) -> Any:
        node = pending.node
        self._silent.discard(node)
        who = self._client_of.get(node)
        if "error" in reply:
            return self._failed(pending, who, reply["error"])
        said = signed.opened(self._terms.secret, "client", reply["words"], payload)
        if said is None or said.get("run") != self._terms.run:
            self._tell(f"node {node} has another --token: it takes no part")
            self._there = {number: at for number, at in self._there.items() if at != node}
            return None
        if "error" in said:
            if said["kind"] == Diverged.__name__:
                raise Diverged(f"client {who}: {said['error'][:SHOWN]}")
            return self._failed(pending, who, said["error"])
        if pending.message is None:
            self._meet(node, said)
            return None
        if pending.lost or who is None:
            return None  # of a round that is over
        return _reply(pending.message, said, payload)

    def _meet(self, node: int, said: Dict[str, Any]) -> None:
        number = int(said.get("client", -1))
        if not 0 <= number < self._clients:
            return  # an answer to the last word of all
        if self._there.get(number, node) != node:
            self._tell(f"client {number} came again: the one before is not asked any more")
        elif self._round:
            self._tell(f"client {number} came before round {self._round + 1}")
        self._there[number] = node
        self._client_of[node] = number

    def _failed(self, pending: _Pending, who: Optional[int], why: str) -> None:
        if pending.message is None or who is None:
            self._tell(f"node {pending.node} could not answer: {why[:SHOWN]}")
            self._met.discard(pending.node)  # it is asked once more
        elif not pending.lost:
            self._lost(who, len(_payload(pending.message)), f"failed: {why[:SHOWN]}")

    def _lost(self, number: int, bytes_down: int, why: str) -> None:
        self._say(Exchange(client_name(number), 0, 0, bytes_down, "dropped"))
        self._tell(f"round {max(1, self._round + (why == 'was away'))}: client {number} {why}")

    def _tell(self, what: str) -> None:
        if self._over:
            return  # whoever has heard that leaves
        print(what, file=sys.stderr, flush=True)
        if len(self._happened) < MOST:
            self._happened.append(what)
            self._say(Facts({"fleet": list(self._happened)}))

    def _common(self) -> Dict[str, Any]:
        terms = self._terms
        return {
            "run": terms.run,
            "work": terms.work,
            "seed": terms.seed,
            "score": self.score,
            "round": self._round,
        }

    def _turn(self, message: Any) -> Any:
        said = {
            "do": "turn",
            **self._common(),
            "round": self._round,
            "mu": float(message.content[client.CONFIG].get("proximal-mu", 0.0)),
        }
        return message.metadata.dst_node_id, "train", said, _payload(message)

    def _push(self, wanted: Sequence[Any], messages: Sequence[Any]) -> List[str]:
        """Send to nodes; the messages' numbers, empty where the node is gone."""
        if not wanted:
            return []
        headers = [
            {
                "node": node,
                "kind": kind,
                "words": signed.signed(self._terms.secret, "server", said, payload),
                "ttl": 10 * self._terms.answer_s,
            }
            for node, kind, said, payload in wanted
        ]
        header, _ = self._ask({"do": "push", "messages": headers}, [payload for *_, payload in wanted])
        found = [number or "" for number in header["ids"]]
        for number, (node, *_), message in zip(found, wanted, messages):
            if number:
                self._pending[number] = _Pending(node, message)
        return found

    def _ask(self, header: Dict[str, Any], payloads: Sequence[bytes] = ()) -> bridge.Said:
        try:
            return self._line.ask(header, payloads)
        except bridge.Closed:
            self._check()
            raise WorkloadError("Flower's ServerApp has ended") from None


def _payload(message: Any) -> bytes:
    found: bytes = message.content[client.ARRAYS][client.PAYLOAD].numpy().tobytes()
    return found


def _reply(message: Any, said: Dict[str, Any], payload: bytes) -> Any:
    """What ``client.answer`` would have made."""
    flwr, numpy = library("flwr.app"), library("numpy")
    array = flwr.Array(numpy.frombuffer(payload, numpy.uint8))
    metrics = {name: said[name] for name in (WEIGHT, "client", "samples", "loss")}
    content = {
        client.ARRAYS: flwr.ArrayRecord({client.PAYLOAD: array}),
        client.METRICS: flwr.MetricRecord(metrics),
    }
    return flwr.Message(flwr.RecordDict(content), reply_to=message)


def _named(numbers: Sequence[str]) -> str:
    return f"client{'s' if len(numbers) > 1 else ''} {', '.join(numbers[:20])}"
