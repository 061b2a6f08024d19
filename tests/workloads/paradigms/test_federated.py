"""Federated training of a small line, with Flower's own strategies and messages."""

from __future__ import annotations

import pickle
from collections import Counter
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from energyprof.settings import Settings  # noqa: E402
from energyprof.workload import AWAY, Event, Exchange, Mark, Progress, Round, WorkloadError  # noqa: E402
from energyprof.workloads import paradigms  # noqa: E402
from energyprof.workloads.exchange.channel import Sender  # noqa: E402
from energyprof.workloads.exchange.codecs import codec_of  # noqa: E402
from energyprof.workloads.paradigms.cohort import Cohort  # noqa: E402
from energyprof.workloads.paradigms.federated import rounds  # noqa: E402
from energyprof.workloads.paradigms.federated.client import Clients  # noqa: E402
from energyprof.workloads.paradigms.federated.engines import ray  # noqa: E402
from energyprof.workloads.paradigms.federated.strategies import KINDS  # noqa: E402
from fakes.dealt_line import ITEMS, Line, plan_of  # noqa: E402
from fakes.installed import needs  # noqa: E402

needs("flwr")
pytestmark = pytest.mark.slow  # torch takes seconds to load
# One step a round: half of a batch of four, over all items of one client.
ONE_STEP = 4 / ITEMS


def trained(**settings: Any) -> tuple[Line, list[Event]]:
    """The program, and all that it said, in the order of the telling."""
    plan = plan_of(Settings(paradigm="federated", **settings))
    said: list[Event] = []
    program = Line(plan)
    workload = paradigms.workload(plan, program, said.append)
    workload.prepare()
    for event in workload.train(0):
        said.append(event)
    return program, said


def scores(events: list[Event]) -> list[float]:
    return [event.score for event in events if isinstance(event, Progress) and event.score is not None]


def exchanges(events: list[Event]) -> list[Exchange]:
    return [event for event in events if isinstance(event, Exchange)]


def weights(program: Line) -> list[Any]:
    assert program.loop is not None
    return list(program.loop.trained().model.parameters())


def test_with_one_client_and_one_local_step_it_is_the_central_training_bit_for_bit() -> None:
    central = Line(plan_of(Settings(), eval_every_samples=4))
    central.prepare()
    told = list(central.train(0))
    federated, said = trained(clients=1, local_epochs=ONE_STEP)
    assert len(scores(told)) == 40
    assert scores(said) == scores(told)
    for ours, theirs in zip(weights(federated), weights(central), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("transfer", ["fp32", "fp16", "int8", "topk:0.1"])
def test_the_same_seed_gives_the_same_bits_twice(transfer: str) -> None:
    asked = {"clients": 4, "participation": 0.5, "backup": 1, "dropout": 0.2, "error_feedback": True}
    first, second = (trained(transfer=transfer, split="dirichlet:0.5", **asked) for _ in range(2))
    assert scores(first[1]) == scores(second[1])
    assert exchanges(first[1]) == exchanges(second[1])
    for ours, theirs in zip(weights(first[0]), weights(second[0]), strict=True):
        assert ours.dtype == torch.float32
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("strategy", KINDS)
def test_every_strategy_learns(strategy: str) -> None:
    _, said = trained(clients=4, strategy=strategy, local_epochs=2.0)
    assert scores(said)[-1] < scores(said)[0]


def test_one_actor_at_a_time_has_a_phase_and_each_turn_ends() -> None:
    _, said = trained(clients=3)
    marks = [event for event in said if isinstance(event, Mark)]
    at_work = ""
    for mark in marks:
        if mark.name == AWAY:
            assert mark.actor in ("", at_work)
            at_work = ""
        else:
            assert at_work in ("", mark.actor)
            at_work = mark.actor
    names = Counter(mark.name for mark in marks if mark.actor == "client 1")
    assert set(names) == {"decode", "train", "encode", AWAY}
    assert len(set(names.values())) == 1


def test_samples_are_those_of_all_clients_and_each_round_precedes_its_score() -> None:
    _, said = trained(clients=4)
    told = [event for event in said if isinstance(event, (Round, Progress, Exchange))][1:]
    total = 0
    for event in told:
        if isinstance(event, Exchange):
            total += event.samples
        elif isinstance(event, Progress):
            assert event.samples == total
    kinds = [type(event) for event in told if not isinstance(event, Exchange)]
    assert kinds == [Round, Progress] * (len(kinds) // 2)
    assert total >= 160


def test_int8_halves_and_halves_again_what_is_sent_up() -> None:
    plain, coded = (exchanges(trained(clients=2, transfer=name)[1])[0] for name in ("fp32", "fp16"))
    assert coded.bytes_up < plain.bytes_up
    assert coded.bytes_down < plain.bytes_down


def test_a_lost_client_has_trained_but_sent_nothing_and_backup_works_in_vain() -> None:
    _, said = trained(clients=8, participation=0.5, backup=2, dropout=0.3)
    by_outcome: dict[str, list[Exchange]] = {}
    for exchange in exchanges(said):
        by_outcome.setdefault(exchange.outcome, []).append(exchange)
    assert set(by_outcome) == {"used", "late", "dropped"}
    assert all(exchange.samples > 0 and exchange.bytes_down > 0 for exchange in exchanges(said))
    assert all(exchange.bytes_up == 0 for exchange in by_outcome["dropped"])
    assert all(exchange.bytes_up > 0 for exchange in by_outcome["late"])


def test_a_cast_is_drawn_from_the_seed_and_takes_no_more_than_it_needs() -> None:
    config = {"clients": 10, "participation": 0.3, "backup": 2, "dropout": 0.25}
    casts = [rounds.cast(config, number, 7) for number in range(200)]
    assert casts == [rounds.cast(config, number, 7) for number in range(200)]
    assert casts != [rounds.cast(config, number, 8) for number in range(200)]
    for one in casts:
        assert len(one.asked) == 5
        assert len(one.used) <= 3
        assert sorted((*one.used, *one.late, *one.dropped)) == list(one.asked)
    lost = sum(len(one.dropped) for one in casts) / 1000
    assert 0.2 < lost < 0.3


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"clients": 33}, "32 training items cannot be dealt to 33"),
        (
            {"clients": 9, "split": "natural"},
            "8 groups, which a natural split keeps whole, cannot be dealt to 9",
        ),
        ({"clients": 4, "backup": 1}, "more than 4: use a smaller --participation or --backup"),
        ({"split": "by hand"}, "unknown split 'by hand'"),
        ({"transfer": "int2"}, "unknown transfer 'int2'"),
        ({"nproc": 2}, "federated training has no --nproc"),
        ({"engine": "deploy"}, "--engine deploy needs --address HOST:PORT"),
        ({"client": 1}, "--client: only for --engine deploy"),
        ({"answer_s": 5.0}, "--answer-within: only for --engine deploy"),
        ({"engine": "deploy", "address": "a:1", "client": 4}, "--client 4: of --clients 4 the last is 3"),
        ({"engine": "deploy", "address": "nowhere"}, "--address nowhere: "),
        ({"checkpoint": True}, "federated training has no --checkpoint"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(WorkloadError, match=says):
        trained(**settings)


def test_a_client_that_moves_to_another_process_trains_as_if_it_had_stayed() -> None:
    def cohort() -> Cohort:
        program = Line(plan_of(Settings(paradigm="federated", clients=2)))
        program.prepare()
        return Cohort(program, [range(0, 16), range(16, 32)], 0)

    for client in (0, 1):
        stayed, left, entered = cohort(), cohort(), cohort()
        stayed.train(client, 3)
        stayed.train(client, 4)
        left.train(client, 3)
        entered.load(left.state())
        entered.go_on(client, pickle.loads(pickle.dumps(left.kept(client))))
        entered.train(client, 4)
        for name, values in stayed.state().items():
            assert (values == entered.state()[name]).all(), name


# The first scale of all is too large: its step is left out, which torch's schedule takes for a mistake.
@pytest.mark.filterwarnings("ignore:Detected call of:UserWarning")
def test_what_moves_to_another_process_of_rays_has_the_scale_of_its_fp16_gradients() -> None:
    def players() -> tuple[Clients, Cohort]:
        program = Line(plan_of(Settings(paradigm="federated", clients=2), precision="fp16"))
        program.prepare()
        cohort = Cohort(program, [range(0, 16), range(16, 32)], 0)
        return Clients(cohort, program.config["paradigm"], lambda event: None), cohort

    clients, cohort = players()
    model = Sender(codec_of("fp32"), "none", "none").send(cohort.state())
    first = clients.turn(1, model, 0.0)
    cohort._loops[1]._scaler.update(2.0**-3)  # as overflows would have brought it down to
    left = ray.kept(clients, cohort, 1)
    elsewhere, there = players()
    ray.go_on(elsewhere, there, 1, left)
    assert there._loops[1]._scaler.get_scale() == 2.0**-3
    assert clients.turn(1, first.payload, 0.0) == elsewhere.turn(1, first.payload, 0.0)


def test_flowers_private_identity_is_as_the_engine_needs_it_and_put_back() -> None:
    from flwr.supercore.task_identity import TaskIdentity

    from energyprof.workloads.paradigms.federated.flower import identity

    with identity():
        assert (TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id) == (1, 1, 0)
    with pytest.raises(RuntimeError):
        _ = TaskIdentity.run_id
