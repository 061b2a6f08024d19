"""The power logs that are known, a row each, in the order in which they are tried.

Sources: nvidia-smi 580's ``--help-query-gpu`` and man page; jetson-stats 4.3 (``jtop/core/power.py``: mW)
and its
example logger; turbostat(8); perf-stat(1); Intel Power Gadget 3.7's log; ipmitool 1.8.19
(``lib/ipmi_dcmi.c``, ``ipmi_sensor.c``, ``ipmi_sdr.c``); FreeIPMI 1.6's ipmi-dcmi;
Grid'5000's kwollect API; Shelly's EMData and EM1Data; Home Assistant's history export; PowerJoular 1.0;
Scaphandre 1.0 (``exporters/json.rs``); Alumet 0.8 (``plugin-csv``, ``plugin-rapl``); W&B's system metrics;
Apple's powermetrics(1); gpustat 1.1 (``core.py``: ``query_time`` without a zone, whole W); ROCm 6's
amd-smi and rocm-smi.
"""

from __future__ import annotations

from energyprof.meter import Part
from energyprof.trace.gains import (
    BMC,
    BOARD_SENSOR,
    INA3221,
    NVIDIA,
    RAPL_DRAM,
    RAPL_INTEL,
    RAPL_UNKNOWN,
    SHELLY,
    TASMOTA,
    WATTMETER,
    Gain,
)
from energyprof.trace.logs.format import Format, Value

_GPU_KEYS = ("index", r"(gpu_)?uuid", r"(pci|gpu)[._]bus_id", r"(gpu_)?serial", "gpu")
_APPLE = Gain("Apple's estimates", "powermetrics(1): not to be compared between devices", "", 0.20)

# Rails of Jetson modules: one that is the module's input, or those that lie side by side (AGX).
_RAILS = (
    Value(r"VDD_IN|POM_5V_IN|VIN", "soc", "mW"),
    Value(r"VDD_(GPU)_SOC|(?:POM_5V_|VDDRQ_)?(GPU)", "gpu", "mW", name="gpu", rank=1),
    Value(r"VDD_(CPU)_CV|CPU", "cpu", "mW", name="cpu", rank=1),
    Value(r"(VIN_SYS_5V0|SYS5V|SOC|CV|VDDRQ)", "board", "mW", name=r"\1", rank=1),
)

# The domain stands in a column of its own, or among the attributes that came late.
_ALUMET_RAPL = r"rapl_consumed_energy(?:_j)? (?:.*domain=)?{}(?:,.*)? {}"

_PERF = (
    Value(r"power/energy-pkg/", "cpu", "J", "interval_j", "pkg"),
    Value(r"power/energy-ram/", "dram", "J", "interval_j", "ram"),
    Value(r"power/energy-psys/", "machine", "J", "interval_j", "psys", 1, "node_dc"),
)

# A name with one of these is of no power that is drawn.
_NO_LIMIT = r"(?!(?:.*_)?(?:limit|cap|max|min|maximum|minimum|factor|apparent|reactive|state|budget)(?:_|$))"

# Sensors of a BMC in W: what is drawn, no limit of it; those of parts of the machine; and behind a supply.
_DRAWN = r"(?!.*(?:limit|cap|max|min|peak|budget|avail))"
_OUT = r"(?:output|pout|out\b|hsc)"  # behind a hot-swap controller is behind the supplies, too
# One is of the machine if nothing stands in its name but such words; what else it is named after is a part.
_WHOLE = (
    r"(?:(?:pwr|pw|power|watts?|consum(?:ption|ed)|usage|draw|total|overall|sys(?:tem)?|node|server|chassis|board"
    r"|machine|platform|host|mc|inst|cur(?:rent)?|present|actual|input|inlet|outlet|in|pin|ac|avg|average|reading"
    r"|meter|sensor|psus?|ps|supply|supplies|status|mb|\d)[^a-z0-9]*)+"
)

FORMATS: tuple[Format, ...] = (
    Format(
        "gpustat",
        "gpustat --json",
        signs=("query_time", r"power\.draw"),
        time=("query_time",),
        values=(Value(r"power\.draw", "gpu", "W"),),
        boundary="component",
        keys=("index", "uuid"),
        adds=True,
        gain=NVIDIA,
    ),
    Format(
        "nvidia-smi",
        "nvidia-smi --query-gpu=power.draw",
        signs=(r"power\.draw(\.\w+)?( \[m?w\])?",),
        time=(r"timestamp", r".*\btime\b.*"),
        values=tuple(
            Value(rf"power\.draw{kind}( \[m?w\])?", "gpu", rank=rank)
            for rank, kind in enumerate(("", r"\.instant", r"\.average"))
        ),
        boundary="component",
        keys=_GPU_KEYS,
        adds=True,
        by_place=True,
        gain=NVIDIA,
    ),
    Format(
        "nvidia-smi-dmon",
        "nvidia-smi dmon",
        signs=("gpu", "pwr"),
        time=("date time", "time"),
        values=(Value("pwr", "gpu", "W"),),
        boundary="component",
        keys=("gpu",),
        adds=True,
        gain=NVIDIA,
    ),
    Format(
        "amd-smi",
        "amd-smi metric --power, --csv or --json",
        signs=("gpu", r"(power\.)?(current_|average_)?socket_power"),
        time=(r"timestamp",),
        values=(
            Value(r"(?:power\.)?(?:current_)?socket_power", "gpu", "W"),
            Value(r"(?:power\.)?average_socket_power", "gpu", "W", rank=1),
        ),
        boundary="component",
        keys=("gpu",),
        adds=True,
        gain=BOARD_SENSOR,
    ),
    Format(
        "rocm-smi",
        "rocm-smi --showpower --json",
        signs=("card|device", r"(average |current socket )?graphics package power \(w\)"),
        time=(r"timestamp|time|date.*",),
        values=(
            Value(r"(?:current socket )?graphics package power \(w\)", "gpu", "W"),
            Value(r"average graphics package power \(w\)", "gpu", "W", rank=1),
        ),
        boundary="component",
        keys=("card|device",),
        adds=True,
        gain=BOARD_SENSOR,
    ),
    Format(
        "jtop",
        "jetson-stats (jtop)",
        signs=(r"power tot", r"uptime|jetson_clocks|nvp model"),
        time=("time",),
        values=(Value("power tot", "soc", "mW"),),
        boundary="module",
        gain=INA3221,
    ),
    Format(
        "tegrastats",
        "NVIDIA's tegrastats",
        signs=("tegrastats",),
        time=("time",),
        values=_RAILS,
        boundary="module",
        order="mdy",
        adds=True,
        gain=INA3221,
    ),
    Format(
        "turbostat",
        "turbostat",
        signs=("pkgwatt|pkg_j",),
        time=("time_of_day_seconds",),
        values=(
            Value("pkgwatt", "cpu", "W", name="cpu"),
            Value("ramwatt", "dram", "W", name="ram"),
            Value("pkg_j", "cpu", "J", "interval_j", "cpu", 1),
            Value("ram_j", "dram", "J", "interval_j", "ram", 1),
        ),
        boundary="component",
        keys=("package",),
        adds=True,
        only_rows=("cpu|core|package", "-"),
        gain=RAPL_UNKNOWN,
    ),
    Format(
        "perf",
        "perf stat -I",
        signs=("perf event",),
        time=("perf time",),
        values=_PERF,
        boundary="component",
        metric=("perf event",),
        keys=("perf aggregate",),
        adds=True,
        elapsed=("perf time",),
        gain=RAPL_UNKNOWN,
    ),
    Format(
        "perf",
        "perf stat -I -j",
        signs=("interval", "counter-value", "event"),
        time=("interval",),
        values=_PERF,
        boundary="component",
        metric=("event",),
        keys=("socket|die|core|cpu",),
        adds=True,
        elapsed=("interval",),
        gain=RAPL_UNKNOWN,
    ),
    Format(
        "powergadget",
        "Intel Power Gadget",
        signs=(r"elapsed time \(sec\)", r".*processor (power|energy)_\d+\(.*"),
        time=(),
        values=(
            Value(r"cumulative (?:processor|package) energy_(\d+) ?\(joules\)", "cpu", "J", name=r"cpu\1"),
            Value(r"cumulative dram energy_(\d+) ?\(joules\)", "dram", "J", name=r"dram\1"),
            Value(r"(?:processor|package) power_(\d+) ?\(watt\)", "cpu", "W", name=r"cpu\1", rank=1),
            Value(r"dram power_(\d+) ?\(watt\)", "dram", "W", name=r"dram\1", rank=1),
        ),
        boundary="component",
        adds=True,
        elapsed=(r"elapsed time \(sec\)",),
        gain=RAPL_INTEL,
    ),
    Format(
        "powermetrics",
        "macOS's powermetrics",
        signs=("powermetrics time",),
        time=("powermetrics time",),
        values=(
            Value(r"combined power \(.*\)", "soc", name=""),
            Value(r"package power|intel energy model.*", "soc", rank=1),
            Value(r"(cpu) power", "cpu", name=r"\1", rank=2),
            Value(r"(gpu) power", "gpu", name=r"\1", rank=2),
            Value(r"(ane) power", "board", name=r"\1", rank=2),
            Value(r"(dram) power", "dram", name=r"\1", rank=2),
        ),
        boundary="component",
        adds=True,
        origin="modelled",
        gain=_APPLE,
        notes=("powermetrics gives estimates by its own word (its man page)",),
    ),
    Format(
        "ipmitool",
        "ipmitool dcmi power reading, or FreeIPMI's ipmi-dcmi --get-system-power-statistics",
        signs=(r"instantaneous power reading.*",),
        time=(r"(ipmi )?timestamp|date.*|time",),
        values=(Value(r"instantaneous power reading.*", "machine", "W"),),
        boundary="wall_ac",
        order="mdy",
        gain=BMC,
    ),
    Format(
        "ipmitool",
        "ipmitool sensor, or sdr",
        signs=("ipmi sensor", "ipmi value"),
        time=("timestamp",),
        values=(
            Value(rf"{_DRAWN}{_WHOLE}", "machine", "W"),
            Value(
                rf"{_DRAWN}(?:{_WHOLE})?{_OUT}(?:[^a-z0-9]*{_WHOLE})?",
                "machine",
                "W",
                rank=1,
                boundary="node_dc",
            ),
            Value(rf"{_DRAWN}.*", "board", "W", rank=2, boundary="component"),
        ),
        boundary="wall_ac",
        says_ac=r".*(?:input|inlet|\bac\b|pin|outlet|[^a-z]in\b).*",
        metric=("ipmi sensor",),
        keys=("ipmi sensor",),
        gain=BMC,
    ),
    Format(
        "kwollect",
        "Grid'5000's kwollect",
        signs=("device_id", "metric_id", "value"),
        time=("timestamp",),
        values=(
            Value("wattmetre_power_watt", "machine", "W"),
            Value("pdu_outlet_power_watt", "machine", "W", rank=1),
            Value("bmc_node_power_watt", "machine", "W", rank=2),
        ),
        boundary="wall_ac",
        metric=("metric_id",),
        keys=("device_id",),
        gain=WATTMETER,
    ),
    Format(
        "homeassistant",
        "Home Assistant's history",
        signs=("entity_id", "state", r"last_changed|last_updated"),
        time=("last_changed", "last_updated"),
        values=(
            Value(rf"{_NO_LIMIT}(?:.*(power|watt|consumption|leistung)(_\d+)?|.*_w)", "machine", "W"),
            Value(r".*energy.*", "machine", "kWh", rank=1),
        ),
        boundary="wall_ac",
        tells_unit=False,
        metric=("entity_id",),
        keys=("entity_id",),
        held=True,
    ),
    Format(
        "shelly",
        "a Shelly meter's stored minutes (EMData, EM1Data)",
        signs=(r"(a_|b_|c_)?total_act_energy", "timestamp"),
        time=("timestamp",),
        values=(
            Value("total_act_energy", "machine", "Wh", "interval_j"),
            Value(r"([abc])_total_act_energy", "machine", "Wh", "interval_j", r"\1", 1),
        ),
        boundary="wall_ac",
        adds=True,
        at_start=True,
        gain=SHELLY,
    ),
    Format(
        "shelly-status",
        "a Shelly plug's status",
        signs=("apower", r"aenergy\.(total|minute_ts)"),
        time=(r"timestamp|time|ts|unixtime|aenergy\.minute_ts",),
        values=(Value("apower", "machine", "W"),),
        boundary="wall_ac",
        gain=SHELLY,
    ),
    Format(
        "shelly-status",
        "a Shelly device's status or its messages",
        signs=(r"(?:.*\.)?(?:switch|pm1|cover|light):\d+\.apower",),
        time=(r"timestamp|time|ts|unixtime", r"(?:.*\.)?(?:ts|unixtime)"),
        values=(Value(r"(?:.*\.)?(switch|pm1|cover|light):(\d+)\.apower", "machine", "W", name=r"\1\2"),),
        boundary="wall_ac",
        gain=SHELLY,
    ),
    Format(
        "shelly-status",
        "a Shelly plug's status",
        signs=(r"e?meters:\d+\.power", r"(?:.*\.)?(?:unixtime|ts|timestamp|time)"),
        time=(r"timestamp|time|ts|unixtime",),
        values=(Value(r"e?meters:(\d+)\.power", "machine", "W", name=r"meter\1"),),
        boundary="wall_ac",
        gain=SHELLY,
    ),
    Format(
        "tasmota",
        "a Tasmota plug's telemetry",
        signs=(r".*energy\.power", ".*time"),
        time=(r"(statussns\.)?time",),
        values=(Value(r".*energy\.power", "machine", "W"),),
        boundary="wall_ac",
        gain=TASMOTA,
    ),
    Format(
        "kasa",
        "a TP-Link Kasa or Tapo plug's export",
        signs=(r"date and time|datum und uhrzeit|date/time", r"power ?\((m|k)?w\).*"),
        time=(r"date and time|datum und uhrzeit|date/time",),
        values=(Value(r"power ?\((m|k)?w\)", "machine"),),
        boundary="wall_ac",
    ),
    Format(
        "powerjoular",
        "PowerJoular",
        signs=("date", "cpu utilization", r"(total|cpu) power"),
        time=("date",),
        values=(
            Value(r"(cpu) power", "cpu", "W", name="cpu"),
            Value(r"(gpu) power", "gpu", "W", name="gpu"),
            Value("total power", "cpu", "W", rank=1),
        ),
        boundary="component",
        adds=True,
        gain=RAPL_UNKNOWN,
    ),
    Format(
        "scaphandre",
        "Scaphandre's JSON exporter",
        signs=(r"host\.consumption", r"host\.timestamp"),
        time=(r"host\.timestamp",),
        values=(Value(r"host\.consumption", "machine", "uW"),),
        boundary="component",
        gain=RAPL_UNKNOWN,
    ),
    Format(
        "alumet",
        "Alumet's CSV output",
        signs=("metric", "timestamp", "value", "resource_kind"),
        time=("timestamp",),
        values=(
            Value(_ALUMET_RAPL.format("package", "cpu_package"), "cpu", "J", "interval_j", "package"),
            Value(_ALUMET_RAPL.format("dram", "(?:dram|cpu_package)"), "dram", "J", "interval_j", "dram"),
            Value(r"nvml_energy_consumption(?:_mj)? .*", "gpu", "mJ", "interval_j", "gpu"),
            Value(r"nvml_(?:instant_)?power(?:_consumption)?(?:_mw)? .*", "gpu", "mW", name="gpu", rank=1),
        ),
        boundary="component",
        metric=("metric", "domain|__late_attributes", "resource_kind"),
        keys=("resource_id",),
        adds=True,
        gain=RAPL_UNKNOWN,
    ),
    Format(
        "wandb",
        "Weights & Biases' system metrics",
        signs=(r".*system[./](gpu\.\d+|cpu)\.powerwatts",),
        time=("_timestamp", "timestamp", "_time"),
        values=(
            Value(r"(?:.* - )?system[./]gpu\.(\d+)\.powerwatts", "gpu", "W", name=r"gpu\1"),
            Value(r"(?:.* - )?system[./]cpu\.powerwatts", "cpu", "W", name="cpu"),
        ),
        boundary="component",
        adds=True,
        elapsed=("_runtime", r"relative time \(.*\)"),
        gain=BOARD_SENSOR,
    ),
    Format(
        "prometheus",
        "Prometheus' query_range",
        signs=("prometheus value",),
        time=("prometheus time",),
        values=(
            Value("DCGM_FI_DEV_POWER_USAGE", "gpu", "W", boundary="component"),
            Value("scaph_host_power_microwatts", "machine", "uW", boundary="component"),
            Value("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "gpu", "mJ", rank=1, boundary="component"),
            Value(r".*rapl.*(?<!core)_joules_total", "cpu", "J", rank=1, boundary="component"),
            Value(r".*rapl.*(?<!core)_microjoules_total", "cpu", "uJ", rank=1, boundary="component"),
            Value(rf"{_NO_LIMIT}.*microwatts.*", "machine", "uW"),
            Value(rf"{_NO_LIMIT}.*milliwatts.*", "machine", "mW"),
            Value(rf"{_NO_LIMIT}.*kilowatts.*", "machine", "kW"),
            Value(rf"{_NO_LIMIT}.*(watts?|power|_w)(_\w+)?", "machine", "W"),
            Value(r"(?!.*rapl).*microjoules_total.*", "machine", "uJ", rank=1),
            Value(r"(?!.*rapl).*millijoules_total.*", "machine", "mJ", rank=1),
            Value(r"(?!.*rapl).*joules_total.*", "machine", "J", rank=1),
        ),
        boundary="wall_ac",
        metric=("prometheus name",),
        keys=("prometheus labels",),
    ),
)

# What any table may be that has times and powers or energies.
GENERIC = Format("table", "a table", (), (), (), "wall_ac")


def gain_of(form: Format, part: Part) -> Gain:
    """How far a part's meter may be off: a log of several parts was read from several sensors."""
    if form.gain in (RAPL_UNKNOWN, RAPL_INTEL):
        return {"dram": RAPL_DRAM, "gpu": BOARD_SENSOR}.get(part, form.gain)
    return form.gain
