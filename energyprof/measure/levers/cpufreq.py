"""Governor, energy preference, boost and highest frequency (Linux, admin-guide/pm/cpufreq.rst).

``scaling_max_freq`` is asked in kHz, and reads as what is in force after all who ask: the user, the firmware,
a processor that is too hot. While one of the others holds it down, what was asked cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from energyprof.measure.lever import Amounts, Lever, LeverError, LeverFinding, Words, words_of
from energyprof.measure.levers.sysfs import SysfsControl, number_of, remedy, text_of

CPU = "sys/devices/system/cpu"
ADDRESS = "cpufreq:"
KHZ = 1e3

# What cools a processor by slowing it (drivers/acpi/processor_thermal.c, drivers/thermal/cpufreq_cooling.c).
_COOLING = ("processor", "cpufreq", "thermal-cpufreq")


class HighestFrequency(SysfsControl):
    """``scaling_max_freq`` of one policy, read only while nobody but the user holds it down."""

    def __init__(self, path: str, root: Path) -> None:
        """``path`` is the file's, relative to ``root``."""
        super().__init__(path, root)
        self.address = ADDRESS + path
        self._root = root

    def read(self) -> str:
        """The frequency that was asked, in kHz.

        Raises:
            LeverError: it cannot be told: heat or the firmware holds it down.
        """
        text = super().read()
        now, most = number_of(self._path), number_of(self._path.with_name("cpuinfo_max_freq"))
        if now is None or most is None or now >= most:
            return text
        for device in (self._root / "sys/class/thermal").glob("cooling_device*"):
            if text_of(device / "type").lower().startswith(_COOLING) and number_of(device / "cur_state"):
                raise LeverError(f"{self._path}: heat holds it at {now} kHz: wait until the machine is cool")
        if number_of(self._path.with_name("bios_limit")) == now:
            raise LeverError(f"{self._path}: the firmware holds it at {now} kHz: what was asked is hidden")
        return text


def control(address: str, root: Path) -> HighestFrequency:
    """The control at an address. Raises LeverError: it is gone."""
    path = address.removeprefix(ADDRESS)
    if not path.startswith(f"{CPU}/cpufreq/") or ".." in Path(path).parts or not (root / path).exists():
        raise LeverError(f"{address}: is not there any more")
    return HighestFrequency(path, root)


def find(root: Path) -> LeverFinding:
    """The levers of every policy whose processors are online, and those of all."""
    policies = sorted((root / CPU / "cpufreq").glob("policy[0-9]*"), key=lambda folder: int(folder.name[6:]))
    levers = [lever for folder in policies for lever in _policy(folder, root)] + list(_boost(root))
    reason = "" if levers else "this kernel offers no cpufreq, as in most virtual machines"
    return LeverFinding("cpufreq", tuple(levers), reason)


def _policy(folder: Path, root: Path) -> Iterator[Lever]:
    if not text_of(folder / "affected_cpus"):
        return  # its processors are offline, and it refuses everything
    place = f"{CPU}/cpufreq/{folder.name}"
    driver = text_of(folder / "scaling_driver")
    governors = text_of(folder / "scaling_available_governors").split()
    preferences = text_of(folder / "energy_performance_available_preferences").split()
    preference = SysfsControl(f"{place}/energy_performance_preference", root)
    if governors and (folder / "scaling_governor").exists():
        # Of these two drivers "powersave" is the dynamic one (admin-guide/pm/intel_pstate.rst).
        dynamic = driver in ("intel_pstate", "amd-pstate-epp") and "powersave" in governors
        notes = (f"with {driver}, powersave follows the load",) if dynamic else ()
        # The governor "performance" sets the preference, too, and amd-pstate leaves it so (amd-pstate.c).
        also = ((f"cpu.energy_preference:{folder.name}", preference),) if preferences else ()
        yield Lever(
            "cpu.governor",
            folder.name,
            SysfsControl(f"{place}/scaling_governor", root),
            words_of(governors),
            remedy=remedy(folder / "scaling_governor"),
            notes=notes,
            also=also,
        )
    if preferences:
        yield Lever(
            "cpu.energy_preference",
            folder.name,
            preference,
            words_of(preferences),
            remedy=remedy(folder / "energy_performance_preference"),
        )
    lowest, highest = number_of(folder / "cpuinfo_min_freq"), number_of(folder / "cpuinfo_max_freq")
    if lowest is not None and highest is not None and (folder / "scaling_max_freq").exists():
        yield Lever(
            "cpu.max_freq",
            folder.name,
            HighestFrequency(f"{place}/scaling_max_freq", root),
            Amounts("Hz", KHZ, max(lowest, number_of(folder / "scaling_min_freq") or 0) * KHZ, highest * KHZ),
            remedy=remedy(folder / "scaling_max_freq"),
        )


def _boost(root: Path) -> Iterator[Lever]:
    for path, words in (
        (f"{CPU}/intel_pstate/no_turbo", Words((("on", "0"), ("off", "1")))),
        (f"{CPU}/cpufreq/boost", Words((("on", "1"), ("off", "0")))),
    ):
        if (root / path).exists():
            control = SysfsControl(path, root)
            yield Lever("cpu.boost", "", control, words, remedy=remedy(root / path))
            return
