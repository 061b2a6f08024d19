"""How much of a node's processor time was its batch job's: others' jobs may share the node."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from energyprof.measure.busy_time import BusyTime
from energyprof.report.record import JobRecord

# The group of a whole job, by its number: Slurm's job_ID below uid_UID, OAR's USER_ID or oar-uUID-jID.slice
NUMBERED = {"slurm": r"job_{}", "oar": r"(?:.*_|.*-j){}(?:\.slice)?"}
# Less of the busy time than this was the job's: somebody else was there. The system itself takes some.
ALONE = 0.95
# A run that kept the processors busy for less tells nothing.
LEAST_S = 1.0


class JobShare:
    """Reads the job's control group and the whole machine, from now on."""

    def __init__(self, job: JobRecord, root: Path) -> None:
        self._job, self._busy = job, BusyTime(root)
        self._group = _group(job, root)
        self._begun = self._read()

    @property
    def known(self) -> bool:
        """Whether both can be read."""
        return self._begun is not None

    def facts(self) -> dict[str, Any]:
        """The processor time of the job and of the whole node since the beginning, for a run's facts."""
        now, begun = self._read(), self._begun
        if now is None or begun is None:
            return {}
        job_s, node_s = now[0] - begun[0], now[1] - begun[1]
        return {"job_cpu": {"job_s": round(job_s, 3), "node_s": round(node_s, 3)}}

    def line(self, facts: Mapping[str, Any]) -> str:
        """What there is to say of ``facts``; "": nobody else was there, as far as that can be told."""
        found = facts.get("job_cpu")
        if not found:
            return ""
        job_s, node_s = found["job_s"], found["node_s"]
        if node_s < LEAST_S or job_s >= ALONE * node_s:
            return ""
        return (
            f"the node was shared: {100 * job_s / node_s:.0f} % of its processors' time"
            f" ({job_s:.0f} of {node_s:.0f} s) was that of job {self._job.id};"
            " the joules are the whole node's"
        )

    def _read(self) -> tuple[float, float] | None:
        node_s = self._busy.read()
        if self._group is None or node_s is None:
            return None
        try:
            text = self._group.read_text()
            if self._group.name == "cpu.stat":
                found = re.search(r"^usage_usec (\d+)$", text, re.MULTILINE)
                return None if found is None else (int(found[1]) / 1e6, node_s)
            return int(text) / 1e9, node_s
        except (OSError, ValueError):
            return None


def _group(job: JobRecord, root: Path) -> Path | None:
    """Where the kernel counts the job's processor time (cgroups(7))."""
    number = re.compile(NUMBERED[job.manager].format(re.escape(job.id)))
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        words = path.strip("/").split("/")
        place = next((i for i, word in enumerate(words) if number.fullmatch(word)), None)
        if place is None:
            continue
        own = "/".join(words[: place + 1])
        if not controllers:  # the second version has one tree
            found = root / "sys/fs/cgroup" / own / "cpu.stat"
        elif "cpuacct" in controllers.split(","):
            found = root / "sys/fs/cgroup/cpuacct" / own / "cpuacct.usage"
        else:
            continue
        if found.exists():
            return found
    return None
