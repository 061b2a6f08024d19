"""The verdicts on a test of meters, and whether anything disturbed it."""

from __future__ import annotations

from energyprof.report.foreign_load import Others, others
from energyprof.report.meter_test.beside import beside
from energyprof.report.meter_test.record import SCHEMA, MeterResult, MeterTestRecord
from energyprof.report.meter_test.rises import full_step
from energyprof.report.meter_test.steps import LoadTest
from energyprof.report.meter_test.verdict import view

# A load that was given less of its processors than this share was not the load that it should have been.
LEAST_BUSY = 0.7


def judge(test: LoadTest, created: str, version: str, host: str) -> MeterTestRecord:
    """The verdicts on a test; ``created``: now, ISO 8601 UTC; ``version``: this energyprof's."""
    views = [view(test, index) for index in range(len(test.meters))]
    away = [MeterResult(name, "", "", "", "dead", failed=1.0, problem=why) for name, why in test.away.items()]
    return MeterTestRecord(
        schema=SCHEMA,
        created=created,
        energyprof=version,
        host=host,
        targets=test.targets,
        steps=test.steps,
        results=(*(beside(test, one, views) for one in views), *away),
        unloaded=test.unloaded,
        notes=test.notes,
        disturbed=_disturbed(test),
    )


def _disturbed(test: LoadTest) -> tuple[str, ...]:
    """Why the test is not to be relied on, in words."""
    found = []
    used = [others(test.load, step.start_s, step.end_s) for step in test.steps]
    most: Others | None = max((one for one in used if one is not None), default=None)
    if most is not None and most.matter:
        found.append(f"other programs used {most} CPUs meanwhile")
    for target in test.targets:
        got = full_step(test, target).used_cpus
        if target.kind == "cpu" and got is not None and target.cpus and got < LEAST_BUSY * target.cpus:
            found.append(f"the load of {target.name} got {got:.2g} of its {target.cpus} CPUs")
    found += [f"{program} used a GPU meanwhile" for program in test.foreign]
    return tuple(found)
