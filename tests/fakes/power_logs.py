"""Power logs as their programs write them, a second apart, with values that add up in the head."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone

START = datetime(2025, 3, 1, 10, 0, 0, tzinfo=timezone.utc)
SECONDS = 10


def at(second: float, form: str = "%Y/%m/%d %H:%M:%S.%f") -> str:
    """The time so many seconds after the start, in milliseconds where it has them."""
    text = (START + timedelta(seconds=second)).strftime(form)
    return text[:-3] if form.endswith("%f") else text


def epoch(second: float) -> float:
    return START.timestamp() + second


def lines(header: str, of: Callable[[int], str | Iterable[str]]) -> str:
    """A header, if there is one, and what ``of`` says of each second."""
    found = [header] if header else []
    for second in range(SECONDS + 1):
        said = of(second)
        found += [said] if isinstance(said, str) else said
    return "\n".join(found) + "\n"


def _tegra(second: int) -> str:
    return (
        f"{at(second, '%m-%d-%Y %H:%M:%S')} RAM 2000/7000MB (lfb 2x4MB) SWAP 1/2MB (cached 0MB) "
        "CPU [9%@1190,off] GR3D_FREQ 3% CPU@40C VDD_IN 6000mW/5900mW "
        "VDD_CPU_GPU_CV 1600mW/1600mW VDD_SOC 1200mW/1200mW"
    )


def _agx(second: int) -> str:
    return (
        f"{at(second, '%m-%d-%Y %H:%M:%S')} RAM 2000/7000MB (lfb 2x4MB) CPU [9%@1190] CPU@40C "
        "VDD_GPU_SOC 4000mW/4000mW VDD_CPU_CV 1000mW/1000mW VIN_SYS_5V0 3000mW/3000mW "
        "VDDQ_VDD2_1V8AO 700mW/700mW"
    )


def _powermetrics(second: int) -> Iterable[str]:
    stamp = (START + timedelta(seconds=second)).strftime("%a %b %d %H:%M:%S %Y +0000")
    return [
        f"*** Sampled system activity ({stamp}) (1000.09ms elapsed) ***",
        "",
        "**** Processor usage ****",
        "CPU Power: 4000 mW",
        "GPU Power: 1900 mW",
        "ANE Power: 100 mW",
        "Combined Power (CPU + GPU + ANE): 6000 mW",
        "",
    ]


def property_lists(powers: str) -> str:
    """powermetrics --format plist: a list a second, a NUL between two."""
    return "\0".join(
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" '
        '"http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n<plist version="1.0">\n<dict>\n'
        "<key>is_delta</key><true/>\n<key>elapsed_ns</key><integer>1000090000</integer>\n"
        f"<key>timestamp</key><date>{at(second, '%Y-%m-%dT%H:%M:%S')}Z</date>\n"
        f"<key>processor</key>\n<dict>\n{powers}</dict>\n</dict>\n</plist>\n"
        for second in range(SECONDS + 1)
    )


def _dcmi(second: int) -> Iterable[str]:
    return [
        "",
        "    Instantaneous power reading:                   410 Watts",
        "    Minimum during sampling period:                 90 Watts",
        "    Maximum during sampling period:                900 Watts",
        "    Average power reading over sample period:      300 Watts",
        f"    IPMI timestamp:                           {(START + timedelta(seconds=second)).ctime()}",
        "    Power reading state is:                   activated",
    ]


def _freeipmi(second: int) -> Iterable[str]:
    return [
        "",
        "Current Power                        : 410 Watts",
        "Minimum Power over sampling duration : 90 watts",
        "Maximum Power over sampling duration : 900 watts",
        "Average Power over sampling duration : 300 watts",
        f"Time Stamp                           : {at(second, '%m/%d/%Y - %H:%M:%S')}",
        "Statistics reporting time period     : 1473439000 milliseconds",
        "Power Measurement                    : Active",
    ]


def _query(second: int) -> Iterable[str]:
    found = [
        "==============NVSMI LOG==============",
        "",
        f"Timestamp        : {(START + timedelta(seconds=second)).ctime()}",
    ]
    for bus, watts in (("00000000:01:00.0", 100), ("00000000:02:00.0", 150)):
        found += [
            f"GPU {bus}",
            "    GPU Power Readings",
            f"        Power Draw           : {watts}.00 W",
            "        Current Power Limit  : 400.00 W",
        ]
    return found


def _perf(second: int) -> Iterable[str]:
    return [
        f"     {second + 1}.000100200              40.00 Joules power/energy-pkg/          ",
        f"     {second + 1}.000100200               5.00 Joules power/energy-ram/          ",
        f"     {second + 1}.000100200               9.00        instructions               ",
    ]


def _kwollect_json() -> str:
    rows = [
        {
            "timestamp": at(s, "%Y-%m-%dT%H:%M:%S") + "+00:00",
            "device_id": "grappe-1",
            "metric_id": metric,
            "value": value,
            "labels": {},
        }
        for s in range(SECONDS + 1)
        for metric, value in (
            ("wattmetre_power_watt", 120.5),
            ("bmc_node_power_watt", 118),
            ("bmc_cpu_temp_celsius", 40),
        )
    ]
    return json.dumps(rows)


def _prometheus(name: str = "node_power_watts") -> str:
    values = [[epoch(s), "75.5"] for s in range(SECONDS + 1)]
    one = {"metric": {"__name__": name, "instance": "a:9100"}, "values": values}
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": [one]}})


def _scaphandre() -> str:
    rows = [
        {
            "host": {"consumption": 50e6, "timestamp": epoch(s), "components": {"disks": []}},
            "consumers": [],
            "sockets": [],
        }
        for s in range(SECONDS + 1)
    ]
    return json.dumps(rows)


def _alumet(second: int) -> Iterable[str]:
    stamp = at(second, "%Y-%m-%dT%H:%M:%S") + ".714734289Z"
    return [
        f"mem_free_kB;{stamp};2673487872;local_machine;;local_machine;;;",
        f"rapl_consumed_energy_J;{stamp};30;cpu_package;0;local_machine;;package;",
        f"rapl_consumed_energy_J;{stamp};20;cpu_package;0;local_machine;;pp0;",
        f"rapl_consumed_energy_J;{stamp};4;dram;0;local_machine;;dram;",
        f"rapl_consumed_energy_J;{stamp};34;local_machine;;local_machine;;package_total;",
    ]


# A name, the log, the mean power in W and the boundary that it must have.
LOGS: dict[str, tuple[str, float, str]] = {
    "nvidia-smi": (lines("timestamp, power.draw [W]", lambda s: f"{at(s)}, 250.00 W"), 250, "component"),
    "nvidia-smi, nounits": (
        lines("timestamp, power.draw [W]", lambda s: f"{at(s)}, 250.00"),
        250,
        "component",
    ),
    "nvidia-smi, instant beside average": (
        lines(
            "timestamp, power.draw.average [W], power.draw.instant [W]",
            lambda s: f"{at(s)}, 240.00 W, 250.00 W",
        ),
        250,
        "component",
    ),
    "nvidia-smi, no header": (lines("", lambda s: f"{at(s)}, 27, 250.00 W, 99 %"), 250, "component"),
    "nvidia-smi, no header, several": (
        lines("", lambda s: [f"{gpu}, {at(s + gpu / 500)}, {100 + gpu}.00 W" for gpu in range(3)]),
        303,
        "component",
    ),
    "nvidia-smi, by uuid": (
        lines(
            "timestamp, uuid, power.draw [W]", lambda s: [f"{at(s)}, GPU-{g}, {100 + g}.00 W" for g in (1, 2)]
        ),
        203,
        "component",
    ),
    "nvidia-smi, several without a key": (
        lines("timestamp, power.draw [W]", lambda s: [f"{at(s)}, {100 + gpu}.00 W" for gpu in range(4)]),
        406,
        "component",
    ),
    "nvidia-smi, several without a key, stamps apart": (
        lines(
            "timestamp, power.draw [W]", lambda s: [f"{at(s + g / 500)}, {100 + g}.00 W" for g in range(4)]
        ),
        406,
        "component",
    ),
    "nvidia-smi, equal powers": (
        lines("timestamp, power.draw [W]", lambda s: [f"{at(s)}, 100.00 W"] * 4),
        400,
        "component",
    ),
    "nvidia-smi -q": (lines("", _query), 250, "component"),
    "nvidia-smi dmon": (
        lines(
            "#Date       Time        gpu    pwr  gtemp\n#YYYYMMDD   HH:MM:SS    Idx      W      C",
            lambda s: [f" {at(s, '%Y%m%d   %H:%M:%S')}      {g}    {100 + g}     40" for g in (0, 1)],
        ),
        201,
        "component",
    ),
    "jtop": (
        lines(
            "time,uptime,CPU1,GPU,Power TOT,jetson_clocks",
            lambda s: f"{at(s, '%Y-%m-%d %H:%M:%S')},1:00:00,10,50,7500,OFF",
        ),
        7.5,
        "module",
    ),
    "tegrastats": (lines("", _tegra), 6.0, "module"),
    "tegrastats, AGX": (lines("", _agx), 8.0, "module"),
    "turbostat": (
        lines(
            "Time_Of_Day_Seconds\tCore\tCPU\tBusy%\tPkgWatt\tRAMWatt",
            lambda s: [f"{epoch(s):.6f}\t-\t-\t50\t90.00\t6.00", f"{epoch(s):.6f}\t0\t0\t50\t90.00\t6.00"],
        ),
        96,
        "component",
    ),
    "perf, text": (lines("# started on Sat Mar  1 10:00:00 2025\n", _perf), 45, "component"),
    "perf, cells": (
        lines("", lambda s: [f"{s + 1}.000100200;40.00;Joules;power/energy-pkg/;2002406532;100.00;;"]),
        40,
        "component",
    ),
    "Power Gadget": (
        lines(
            "System Time,RDTSC,Elapsed Time (sec),Processor Power_0(Watt),"
            "Cumulative Processor Energy_0(Joules)",
            lambda s: f"10:00:{s:02d}:769,61075218263548,{s}.000,15.0,{15 * s}.000",
        ),
        15,
        "component",
    ),
    "powermetrics": (lines("", _powermetrics), 6.0, "component"),
    "powermetrics, property lists": (
        property_lists(
            "<key>cpu_power</key><real>4000</real>\n<key>gpu_power</key><real>1900</real>\n"
            "<key>ane_power</key><real>100</real>\n<key>combined_power</key><real>6000</real>\n"
        ),
        6.0,
        "component",
    ),
    "powermetrics, property lists, Intel": (
        property_lists("<key>package_watts</key><real>21.5</real>\n"),
        21.5,
        "component",
    ),
    "ipmitool": (lines("", _dcmi), 410, "wall_ac"),
    "FreeIPMI's ipmi-dcmi": (lines("", _freeipmi), 410, "wall_ac"),
    "ipmitool, as a table": (
        lines("Timestamp,Instantaneous power reading (Watts)", lambda s: f"{at(s, '%m/%d/%Y %H:%M:%S')},410"),
        410,
        "wall_ac",
    ),
    "kwollect, JSON": (_kwollect_json(), 120.5, "wall_ac"),
    "Home Assistant, one": (
        lines(
            "entity_id,state,last_changed",
            lambda s: f"sensor.plug_power,85,{at(s, '%Y-%m-%dT%H:%M:%S')}.000Z",
        ),
        85,
        "wall_ac",
    ),
    "Shelly": (
        lines("timestamp,total_act_energy,max_act_power", lambda s: f"{epoch(60 * s):.0f},6.0,400"),
        360,
        "wall_ac",
    ),
    "Shelly, three phases": (
        lines("timestamp,a_total_act_energy,b_total_act_energy", lambda s: f"{epoch(60 * s):.0f},6.0,3.0"),
        540,
        "wall_ac",
    ),
    "Shelly's status": (
        lines(
            "",
            lambda s: json.dumps(
                {"id": 0, "output": True, "apower": 85.5, "aenergy": {"total": 1.0, "minute_ts": epoch(s)}}
            ),
        ),
        85.5,
        "wall_ac",
    ),
    "Tasmota": (
        lines(
            "",
            lambda s: (
                "tele/plug/SENSOR = "
                + json.dumps({"Time": at(s, "%Y-%m-%dT%H:%M:%S"), "ENERGY": {"Total": 3.2, "Power": 85}})
            ),
        ),
        85,
        "wall_ac",
    ),
    "Kasa": (
        lines(
            "Date and Time;Power (W);Energy (kWh)", lambda s: f"{at(60 * s, '%d.%m.%Y %H:%M:%S')};85,5;0,001"
        ),
        85.5,
        "wall_ac",
    ),
    "PowerJoular": (
        lines(
            "Date,CPU Utilization,Total Power,CPU Power,GPU Power",
            lambda s: f" 2025- 3- 1  10: 0:{s:2d}.  5,0.1,30.0,20.0,10.0",
        ),
        30,
        "component",
    ),
    "PowerJoular, no GPU": (
        lines(
            "Date,CPU Utilization,Total Power,CPU Power,GPU Power",
            lambda s: f"{at(s, '%Y-%m-%d %H:%M:%S')},0.1,20.0,20.0,0.0",
        ),
        20,
        "component",
    ),
    "Scaphandre": (_scaphandre(), 50, "component"),
    "Alumet": (
        lines(
            "metric;timestamp;value;resource_kind;resource_id;consumer_kind;consumer_id;domain;__late_attributes",
            _alumet,
        ),
        34,
        "component",
    ),
    "W&B": (
        lines(
            '"_runtime","_timestamp","system.gpu.0.powerWatts","system.gpu.1.powerWatts","system.cpu"',
            lambda s: f"{s},{epoch(s)},200.5,100.5,12.0",
        ),
        301,
        "component",
    ),
    "Prometheus": (_prometheus(), 75.5, "wall_ac"),
    "Prometheus, a GPU": (_prometheus("DCGM_FI_DEV_POWER_USAGE"), 75.5, "component"),
    "perf, JSON": (
        lines(
            "",
            lambda s: [
                json.dumps({"interval": s + 1.0, "counter-value": value, "unit": "Joules", "event": event})
                for event, value in (("power/energy-pkg/", "40.0"), ("power/energy-ram/", "5.0"))
            ],
        ),
        45,
        "component",
    ),
    "Alumet, late attributes": (
        lines(
            "metric;timestamp;value;resource_kind;resource_id;consumer_kind;consumer_id;__late_attributes",
            lambda s: [
                f"rapl_consumed_energy_J;{at(s, '%Y-%m-%dT%H:%M:%S')}Z;{joules};cpu_package;0;local_machine;;"
                f"domain={domain}"
                for domain, joules in (("package", 30), ("pp0", 20))
            ],
        ),
        30,
        "component",
    ),
    "any table, energies of intervals": (
        lines("Date and Time,Energy (kWh)", lambda s: f"{at(60 * s, '%Y-%m-%d %H:%M:%S')},0.006"),
        360,
        "wall_ac",
    ),
    "any table": (lines("time,power_w", lambda s: f"{epoch(s)},85.5"), 85.5, "wall_ac"),
    "any table, a column a device": (
        lines("timestamp,gpu0_power_w,gpu1_power_w", lambda s: f"{epoch(s)},100,150"),
        250,
        "component",
    ),
    "any table, from its start": (lines("elapsed_s,watts", lambda s: f"{s}.0,85.5"), 85.5, "wall_ac"),
    "any counter": (
        lines("timestamp,energy_kwh", lambda s: f"{epoch(60 * s)},{s * 0.001:.3f}"),
        60,
        "wall_ac",
    ),
}
