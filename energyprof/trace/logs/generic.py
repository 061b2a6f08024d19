"""The columns of a table that nobody knows: by their titles."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from energyprof.meter import Boundary, Part
from energyprof.trace.logs.format import Value
from energyprof.trace.logs.quantities import UNITS, unit_of

# Titles in lower case, all but letters and digits as one underscore: "Power (W)" is power_w. The first wins.
TIMES: tuple[str, ...] = (
    *("timestamp", "time", "datetime", "date_time", "date", "t", "epoch", "unix", "unix_time", "unixtime"),
    *("utc", "time_s", "t_s", "timestamp_s", "epoch_s", "timestamp_ms", "time_ms", "epoch_ms"),
    *("timestamp_us", "timestamp_ns", "time_ns", "epoch_ns", "time_utc", "timestamp_utc", "date_and_time"),
    *("system_time", "local_time", "created_at", "ts", "elapsed", "elapsed_s", "seconds", "last_changed"),
)
POWERS: tuple[str, ...] = (
    *("power_w", "power", "watts", "watt", "power_watts", "w", "p", "p_w", "active_power", "active_power_w"),
    *("apower", "apower_w", "power_draw_w", "power_kw", "kw", "power_mw", "mw", "total_power"),
    *("total_power_w", "power_total_w", "power_total", "total_act_power", "total_active_power"),
)
ENERGIES: tuple[str, ...] = (
    *("energy_j", "joules", "j", "energy_wh", "wh", "energy_kwh", "kwh", "total_kwh", "total_wh"),
    *("total_energy_j", "energy_joules"),
)

# A title with one of these is of something other than power that is drawn.
_OTHER = re.compile(
    r"(^|_)(limit|cap|capping|max|min|maximum|minimum|factor|state|mode|pct|percent|apparent|reactive|rating|"
    r"tdp|default|enforced|management|co2|carbon|cost|price|util\w*|budget|target|supply|std|stddev|var|va|kva)"
    r"(_|$)"
)
_PARTS: tuple[tuple[str, Part], ...] = (
    (r"gpus?\d*|nvidia|cuda|graphics", "gpu"),
    (r"dram\d*|ram|memory", "dram"),
    (r"cpus?\d*|package\d*|pkg\d*|processor|rapl|cores?|socket\d*", "cpu"),
    (r"soc|jetson|tegra|module", "soc"),
)
_BOUNDARIES: tuple[tuple[str, Boundary], ...] = (
    (r"ac|wall|mains|grid|plug|outlet|pdu", "wall_ac"),
    (r"dc|busbar", "node_dc"),
)
# Columns that tell devices apart are called one of these.
DEVICE = re.compile(
    r"(^|_)(gpu|index|idx|id|uuid|device|node|host|hostname|name|entity|channel|socket|package|sensor|metric|bus"
    r"|bus_id|pci|label|instance|serial|plug|outlet|port|source|machine|meter|rail|domain|card|server|rank)(_id)?$"
)

# And those that tell machines apart.
HOST = re.compile(r"(node|host|server|machine|computer)(_?name|_id)?")
# One machine has several of these; whatever else titles number may be machines (node1, gros-12).
_SEVERAL_IN_ONE = re.compile(
    r"[gcdt]pus?|gcds?|xcds?|dies?|tiles?|chips?|socs?|modules?|boards?|cards?|accelerators?|devices?|dev|index"
    r"|packages?|pkgs?|sockets?|cores?|ccds?|domains?|zones?|drams?|dimms?|hbm|channels?|ch|banks?|ranks?"
    r"|psus?|ps|supply|inputs?|in|feeds?|phases?|lines?|legs?|l|outlets?|ports?|plugs?|strips?|pdus?|relays?"
    r"|switch|emeters?|meters?|sensors?|probes?|rails?|ina|vdd|vin|columns?|power|watts?|w|draw|energy|value"
    r"|nvidia|cuda|rapl|amdgpu|nvml"
)
_NUMBERED = re.compile(r"(?:^|_)([a-z]+)_?(\d+)(?=_|$)")


def slug(title: str) -> str:
    """A title in lower case, all but letters and digits as one underscore."""
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")


def part_of(title: str) -> Part:
    """What a title is about; a whole machine where it names no part."""
    words = slug(title).replace("wall_socket", "wall").split("_")  # a socket is a processor's, too
    for pattern, part in _PARTS:
        if any(re.fullmatch(pattern, word) for word in words):
            return part
    return "machine"


def boundary_of(title: str) -> Boundary | None:
    """What a title says that a whole machine's meter sees; ``None``: nothing, or two things."""
    words = slug(title).split("_")
    said = [
        boundary for pattern, boundary in _BOUNDARIES if any(re.fullmatch(pattern, word) for word in words)
    ]
    return said[0] if len(said) == 1 else None


def powers(titles: Sequence[str]) -> list[Value]:
    """The columns of powers: those that are called so, or one device each; several else."""
    return _chosen(titles, POWERS, _is_power)


def energies(titles: Sequence[str], said: bool = False) -> list[Value]:
    """The same of counters; ``said``: their unit stands elsewhere, so the title need not name it."""
    return _chosen(titles, (*ENERGIES, "energy", "total_energy", "value") if said else ENERGIES, _is_energy)


def one_family(values: Sequence[Value]) -> bool:
    """Whether their titles are one but for a number: a column a device."""
    return len({re.sub(r"\d+", "#", value.title) for value in values}) == 1


def machines(titles: Sequence[str]) -> list[str]:
    """What may be several machines: what titles number first that is not of a machine's parts."""
    numbered = [_NUMBERED.findall(slug(title)) for title in titles]
    others = [
        [f"{word}{n}" for word, n in found if not _SEVERAL_IN_ONE.fullmatch(word)] for found in numbered
    ]
    return [*dict.fromkeys(found[0] for found in others if found)]


def _chosen(titles: Sequence[str], known: Sequence[str], fits: Callable[[str], bool]) -> list[Value]:
    slugs = [slug(title) for title in titles]
    named = next((name for name in known if name in slugs), None)
    if named is not None:
        # Two of one name are two devices, which nothing tells apart.
        return [
            Value(title, part_of(title)) for title, own in zip(titles, slugs, strict=True) if own == named
        ]
    found = [title for title in titles if fits(title)]
    names = [_short(title) if len(found) > 1 else "" for title in found]
    return [Value(title, part_of(title), name=name) for title, name in zip(found, names, strict=True)]


def _short(title: str) -> str:
    """What is left of a title without the words that all of them have."""
    words = [
        w for w in slug(title).split("_") if w not in ("power", "draw", "w", "mw", "watts", "energy", "j")
    ]
    return "_".join(words) or slug(title)


def _is_power(title: str) -> bool:
    name, unit = slug(title), unit_of(title)
    if _OTHER.search(name):
        return False
    if unit:
        return UNITS[unit][0] == "power_w" and (name not in ("m", "w") or len(name) > 1)
    return bool(re.search(r"(^|_)(power|watts?)(_|$|\d)", name))


def _is_energy(title: str) -> bool:
    unit = unit_of(title)
    return bool(unit) and UNITS[unit][0] == "energy_j" and not _OTHER.search(slug(title))
