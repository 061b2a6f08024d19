"""What a report holds: what was measured. Statistics and judgements are made when it is read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from energyprof.decode import Amount, Count, Name, NonNegative, Share, Signed, Utc
from energyprof.meter import Boundary, Calibration, MeterInfo, Origin
from energyprof.report.flags import Flag
from energyprof.report.node_map import NodeEnergy, NodeMap
from energyprof.storable.frozen import dataclass
from energyprof.workload import Target

# The schema and its history; a reader takes every version up to its own.
#   energyprof.report/1   the first; never released
#   energyprof.report/2   nodes for machine, origin for estimated, intervals that need not be symmetric,
#                         actors, the batch job, the git commit; no judgements
SCHEMA_NAME = "energyprof.report"
SCHEMA_VERSION = 2
SCHEMA = f"{SCHEMA_NAME}/{SCHEMA_VERSION}"

# reached: the target was met · missed: max_samples came first · diverged: loss or score is not a number ·
# interrupted: stopped from outside · failed: the program broke · done: a program under exec that ended with 0
Status = Literal["reached", "missed", "diverged", "interrupted", "failed", "done"]


@dataclass(frozen=True)
class WorkloadRecord:
    """What was trained, and its two identities: equal exactly where what they stand for is."""

    name: str
    size: str | None
    # What is to be achieved: data, split, evaluation, target. "": not known, so only equal work tells.
    task: str
    work: str  # the task and all of how it is trained
    config: Mapping[str, Any]
    target: Target | None
    # The keys of config (``a.b``: b within a) that belong to the task, and those that say what one sample is.
    task_keys: tuple[str, ...] = ()
    sample_keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class NodeRecord:
    """One machine that took part."""

    name: str  # unique in the report
    machine: Mapping[str, Any]  # facts; "id" is the same exactly where the machine is, "" where nothing tells


def node_record(machine: Mapping[str, Any]) -> NodeRecord:
    """The node of a report of one machine, named after its host."""
    return NodeRecord(str(machine.get("host") or ""), machine)


@dataclass(frozen=True)
class JobRecord:
    """The job of a batch system in which a report was made."""

    manager: Literal["slurm", "oar"]
    id: str
    node: str
    step: str = ""  # of the job, where the manager numbers them
    array: str = ""  # the job array and the task in it: "4711_3"
    account: str = ""  # the account or project that it is charged to


@dataclass(frozen=True)
class CommitRecord:
    """The git commit of the repository that holds what was trained."""

    revision: str  # the full hash
    modified: bool  # files under version control differed from it


@dataclass(frozen=True)
class MeterRecord:
    """One meter over the whole report: what it is and how well it was read."""

    name: Name
    part: str
    boundary: Boundary
    method: str
    origin: Origin
    counted: bool  # its joules are in the total; the others stand beside it
    interval_s: Amount  # asked
    achieved_hz: NonNegative | None  # reads a second over the sampled time; None: nothing was read
    p99_gap_s: NonNegative | None
    max_gap_s: NonNegative | None
    missed: Count  # deadlines at which no read began
    coverage: Share  # share of the runs' time between readings no further apart than 3 intervals
    flags: tuple[Flag, ...]
    info: MeterInfo
    # Of a meter that is held against another: its joules over all runs divided by the other's.
    ratio: float | None = None


def meter_record(
    info: MeterInfo, interval_s: float, calibration: Calibration | None = None, *, counted: bool
) -> MeterRecord:
    """The record of a meter that was not read yet, asked for a reading every ``interval_s``."""
    return MeterRecord(
        name=info.name,
        part=info.part,
        boundary=info.boundary,
        method=info.method,
        origin=info.origin,
        counted=counted,
        interval_s=info.paced_s(interval_s),
        achieved_hz=None,
        p99_gap_s=None,
        max_gap_s=None,
        missed=0,
        coverage=0.0,
        flags=(),
        info=dataclasses.replace(info, calibration=calibration),
    )


@dataclass(frozen=True)
class Clock:
    """A run's zero on two clocks: ``time.monotonic()`` and UTC (ISO 8601)."""

    monotonic_s: float
    utc: Utc


@dataclass(frozen=True)
class Phase:
    """One stretch of a run; times in s from the run's zero, ``samples`` trained within it.

    Phases of one actor follow each other; those of several may overlap, and their joules, which are the
    machines' in that time, do not add up. In a joined report the actor begins with its node, and the joules
    are that node's.
    """

    name: Name
    start_s: float
    end_s: float
    samples: Count | None
    energy_j: float | None
    energy_u_j: NonNegative | None  # k = 2
    by_meter_j: Mapping[str, float]
    flags: tuple[Flag, ...] = ()
    budget_j: Mapping[str, NonNegative] = field(default_factory=dict)  # standard (k = 1) uncertainty by term
    cpu_s: float | None = None  # processor time of the training's processes; None: not read
    coverage: Share | None = None  # share of it that every counted meter covers; None: no meter, or /1
    # The ends of the 95 % interval, which need not lie evenly around energy_j.
    energy_low_j: float | None = None
    energy_high_j: float | None = None
    actor: str = ""  # whose phase it is, a client's, a server's, a rank's; "": the program's as a whole


@dataclass(frozen=True)
class Point:
    """One evaluation; ``time_s`` and ``energy_j`` count from the start of training."""

    samples: Count
    score: float | None  # None: not a number
    time_s: float
    energy_j: float | None


@dataclass(frozen=True)
class PhaseSum:
    """All phases of one name that an actor had in a round."""

    energy_j: float | None  # None: not measured, or others computed at the same time
    energy_u_j: NonNegative | None  # k = 2
    time_s: NonNegative


@dataclass(frozen=True)
class ClientRecord:
    """What one client had to do with one round."""

    client: Name  # the actor of its phases
    node: str  # the machine it ran on; "": no report of it is here
    energy_j: float | None  # None: the reason says why
    energy_u_j: NonNegative | None  # k = 2
    time_s: NonNegative | None  # in its phases; None: it had none here
    samples: Count
    bytes_up: Count  # of encoded messages that it sent
    bytes_down: Count  # and received
    phases: Mapping[str, PhaseSum]
    outcome: str = "used"  # late: others were quicker · dropped: its work was lost
    reason: str = ""  # why it has no energy_j


@dataclass(frozen=True)
class RoundRecord:
    """One round of a training by several clients, from the end of the one before to its score."""

    round: Count  # from 1
    score: float | None  # None: not a number
    energy_j: float | None  # of all that was done in it; rounds sum to the run's energy_j
    energy_u_j: NonNegative | None  # k = 2
    time_s: NonNegative
    bytes_up: Count
    bytes_down: Count
    clients: tuple[ClientRecord, ...]
    server: Mapping[str, PhaseSum]  # phases of who aggregates and evaluates
    scores: Mapping[str, float] = field(default_factory=dict)  # on other data: old, new


@dataclass(frozen=True)
class Profiler:
    """What the profiler itself cost during the run."""

    cpu_s: float
    rss_bytes: Count


@dataclass(frozen=True)
class LeverRecord:
    """A control of the machine that was turned for a run, and put back; values as people write them."""

    name: Name  # "gpu.power_limit"
    device: str  # "nvml:0"; "": the machine has one
    before: str
    asked: str
    got: str  # read back: what is in force
    limit_w: NonNegative | None = None  # of a limit of power
    meter: str = ""  # the one that shows whether that limit binds; "": none


def lever_record(fields: Mapping[str, Any]) -> LeverRecord:
    """The lever that an event of a trace tells of."""
    known = {field.name for field in dataclasses.fields(LeverRecord)}
    return LeverRecord(**{name: value for name, value in fields.items() if name in known})


@dataclass(frozen=True)
class NodeRun:
    """What one node measured of a run of several; its joules are over its own stretches, by its own clock."""

    node: Name
    status: Status
    clock: Clock  # its own zero
    zero_s: float  # where that lies on the run's time axis
    start_s: float | None  # when its training began there; None: it had none
    energy_j: float | None
    energy_u_j: NonNegative | None  # k = 2
    time_s: float | None
    total_energy_j: float | None
    total_energy_u_j: NonNegative | None
    total_time_s: float | None
    samples: Count | None
    exit_code: int | None
    coverage: Share | None
    flags: tuple[Flag, ...] = ()
    node_energy: NodeEnergy | None = None  # by its node_map


@dataclass(frozen=True)
class Run:
    """One training from one seed, or one run of a program."""

    seed: int | None
    status: Status
    samples: Count | None
    score: float | None
    clock: Clock
    energy_j: float | None  # train + eval, up to the target; None: not measured, see flags
    energy_u_j: NonNegative | None  # k = 2
    time_s: float | None  # the same stretch
    total_energy_j: float | None  # start-up included, until the program's end, or what --breakdown adds
    total_energy_u_j: NonNegative | None
    total_time_s: float | None
    coverage: Share | None  # share of the stretch of energy_j that every counted meter covers
    exit_code: int | None
    phases: tuple[Phase, ...]
    history: tuple[Point, ...]
    facts: Mapping[str, Any]
    profiler: Profiler | None
    flags: tuple[Flag, ...]
    # The part of energy_u_j that is the meters' gain error: common to all runs on these meters,
    # so it drops out when two reports from the same machine are compared. k = 2.
    gain_u_j: NonNegative | None = None
    budget_j: Mapping[str, NonNegative] = field(default_factory=dict)  # of energy_j: standard (k = 1) by term
    budget_by_meter_j: Mapping[str, Mapping[str, NonNegative]] = field(
        default_factory=dict
    )  # the same by meter
    idle_before_w: float | None = None  # of the counted meters, before the program started
    idle_after_w: float | None = None  # and after it ended and the machine calmed down
    net_energy_j: float | None = None  # energy_j less what the idle machine would have used
    net_energy_u_j: NonNegative | None = None  # k = 2
    conditions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # by device, while it trained
    cpu_s: float | None = None  # processor time of its processes over the stretch of energy_j: no energy
    # The ends of the 95 % interval, which need not lie evenly around energy_j.
    energy_low_j: float | None = None
    energy_high_j: float | None = None
    # The whole node's over the same stretches, by the report's node_map. It is never added to energy_j, which
    # it holds.
    node: NodeEnergy | None = None
    levers: tuple[LeverRecord, ...] = ()
    total_cpu_s: float | None = None  # processor time of its processes over the stretch of total_energy_j
    # Stretches that the program itself measured (``energyprof.measure()``): nested, repeated, beside each
    # other. Their joules lie in those above.
    windows: tuple[Phase, ...] = ()
    rounds: tuple[RoundRecord, ...] = ()  # of a training by several clients; one that was cut off is in none
    # What each node had of it, in a report that was joined; a node that has no such run is in none.
    nodes: tuple[NodeRun, ...] = ()


@dataclass(frozen=True)
class JoinedNode:
    """Where a node's part of a joined report comes from, and how its clock stood."""

    node: Name
    created: Utc
    energyprof: str  # the version that wrote its report
    boundary: Boundary | None
    origin: Origin
    runs: Count  # that it had; so many pieces of the joined trace are its
    job: JobRecord | None = None
    node_map: NodeMap | None = None
    ahead_s: Signed | None = None  # by how much its clock was ahead of true time; None: nobody told
    ahead_u_s: Amount | None = None  # and the standard uncertainty (k = 1) of that


@dataclass(frozen=True)
class Series:
    """What a report has to do with another one: their runs were interleaved (``ab``, ``aa``)."""

    id: str  # the same in both reports
    side: Literal["A", "B"]  # A: before, B: after
    positions: tuple[Count, ...]  # of each run in the order of both sides' runs, from 0; pair = position // 2
    looks: tuple[Count, ...]  # after how many pairs it was to be judged, as planned before the first


@dataclass(frozen=True)
class Report:
    """Everything one ``energyprof run`` or ``exec`` measured."""

    schema: str
    created: Utc  # ISO 8601 UTC
    energyprof: str  # the version that wrote it
    workload: WorkloadRecord
    nodes: tuple[NodeRecord, ...]  # with several, each meter is named after its own: "node-2/nvml:0"
    boundary: Boundary | None  # None: there was no meter
    origin: Origin  # of the total
    meters: tuple[MeterRecord, ...]
    runs: tuple[Run, ...]
    notes: tuple[str, ...] = ()  # what was not measured, and why
    series: Series | None = None
    job: JobRecord | None = None  # None: it did not run under a batch system
    commit: CommitRecord | None = None  # None: what was trained is not in a repository
    node_map: NodeMap | None = (
        None  # from the components to the node; None: no calibration of the node was given
    )
    # How many runs it had each time that more were added to what was complete: somebody may have looked.
    resumed: tuple[Count, ...] = ()
    joined: tuple[JoinedNode, ...] = ()  # of `energyprof join`, in the order of nodes; empty: of one machine
