"""What can be turned: trees of cpufreq and powercap, and Jetson's programs, with what they refuse."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from fakes.sysfs import write

CPU = "sys/devices/system/cpu"


def cpufreq(
    root: Path,
    policies: Sequence[int] = (0, 1),
    driver: str = "acpi-cpufreq",
    governors: str = "performance schedutil powersave",
    low_khz: int = 800_000,
    high_khz: int = 3_600_000,
) -> None:
    """A policy a processor, all dynamic and at their highest limit."""
    for number in policies:
        folder = root / CPU / f"cpufreq/policy{number}"
        write(folder / "affected_cpus", f"{number}\n")
        write(folder / "scaling_driver", f"{driver}\n")
        write(folder / "scaling_available_governors", f"{governors}\n")
        write(folder / "scaling_governor", f"{governors.split()[1]}\n")
        write(folder / "cpuinfo_min_freq", f"{low_khz}\n")
        write(folder / "cpuinfo_max_freq", f"{high_khz}\n")
        write(folder / "scaling_min_freq", f"{low_khz}\n")
        write(folder / "scaling_max_freq", f"{high_khz}\n")


def package_limit(
    root: Path, number: int = 0, limit_uw: int = 125_000_000, most_uw: int = 125_000_000
) -> Path:
    """A package with a long-term and a short-term limit; the file of the first."""
    zone = root / f"sys/class/powercap/intel-rapl:{number}"
    write(zone / "name", f"package-{number}\n")
    write(zone / "enabled", "1\n")
    for index, name in enumerate(("long_term", "short_term")):
        write(zone / f"constraint_{index}_name", f"{name}\n")
        write(zone / f"constraint_{index}_power_limit_uw", f"{limit_uw}\n")
        write(zone / f"constraint_{index}_max_power_uw", f"{most_uw}\n")
    return zone / "constraint_0_power_limit_uw"


MODES = """< PARAM TYPE=FILE NAME=CPU_ONLINE >
CORE_0 /sys/devices/system/cpu/cpu0/online
< PARAM TYPE=CLOCK NAME=GPU >
MAX_FREQ /sys/devices/gpu.0/max_freq
< POWER_MODEL ID=0 NAME=MAXN >
TPC_POWER_GATING TPC_PG_MASK 0
GPU MAX_FREQ -1
< POWER_MODEL ID=1 NAME=MODE_10W >
TPC_POWER_GATING TPC_PG_MASK 1
GPU MAX_FREQ 520000000
< POWER_MODEL ID=2 NAME=MODE_15W >
TPC_POWER_GATING TPC_PG_MASK 0
GPU MAX_FREQ 670000000
< PM_CONFIG DEFAULT=2 >
"""

# nvpmodel and jetson_clocks of L4T 32: what they print, what they ask, what they exit with.
_NVPMODEL = """#!/bin/sh
status={root}/var/lib/nvpmodel/status
case $1 in
-q) echo "NVPM WARN: fan mode is not set!"
    mode=$(sed 's/pmode:0*\\([0-9][0-9]*\\).*/\\1/' $status)
    name=$(sed -n "s/< POWER_MODEL ID=$mode NAME=\\(.*\\) >/\\1/p" {root}/etc/nvpmodel.conf)
    printf 'NV Power Mode: %s\\n%s\\n' "$name" "$mode";;
-m) if [ "$2" = 1 ]; then
        echo "NVPM WARN: Reboot required for changing to this power mode: 1"
        echo "NVPM WARN: DO YOU WANT TO REBOOT NOW? enter YES/yes to confirm:"
        read answer
        [ "$answer" = yes ] && touch {root}/rebooted
        echo "NVPM ERROR: bad input!"
        exit 0
    fi
    printf 'pmode:%04d fmode:quiet\\n' "$2" > $status.new && mv $status.new $status
    cat {root}/etc/default_clocks > {root}/clocks.new && mv {root}/clocks.new {root}/clocks;;
esac
"""
_CLOCKS = """#!/bin/sh
case $1 in
"") sed 's/min_freq:.*/min_freq:2265600/' {root}/clocks > {root}/clocks.new
    mv {root}/clocks.new {root}/clocks;;
--store) [ -e "$2" ] && {{ echo "File $2 already exists. Overwrite? [Y/n]"; read answer; exit 0; }}
    cat {root}/clocks > "$2";;
--restore) [ -s "$2" ] || {{ echo "Error: Failed to restore $2"; exit 0; }}
    cat "$2" > {root}/clocks.new && mv {root}/clocks.new {root}/clocks;;
esac
"""
_FREQUENCIES = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_"
STORED = f"{_FREQUENCIES}min_freq:{{}}\n{_FREQUENCIES}max_freq:2265600\n"


def jetson(root: Path, mode: int = 2, low_khz: int = 1190400) -> Path:
    """A board with three modes, one of which only a reboot enters; the folder of its programs."""
    write(root / "etc/nvpmodel.conf", MODES)
    write(root / "var/lib/nvpmodel/status", f"pmode:{mode:04d} fmode:quiet\n")
    write(root / "clocks", STORED.format(low_khz))
    write(root / "etc/default_clocks", STORED.format(115200))
    for name, text in (("nvpmodel", _NVPMODEL), ("jetson_clocks", _CLOCKS)):
        write(root / "bin" / name, text.format(root=root)).chmod(0o755)
    return root / "bin"


def on_path(folder: Path) -> str:
    """The PATH with the folder ahead of all others."""
    return os.pathsep.join([str(folder), os.environ["PATH"]])
