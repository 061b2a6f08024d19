#!/usr/bin/env bash
# The gate as CI runs it; action.yml and ci/gitlab.yml call nothing else, and it runs on any machine.
#
#   gate.sh key    names this machine and this command, for a store of reports
#   gate.sh run    measures, judges by the base, tells, and exits as `energyprof check` does
#
# GATE_COMMAND    what is measured: "run unet --size tiny", "run ./train.py -- --lr 0.1", "exec -- make train"
# GATE_REPEATS    how often, where it is measured alone (5); beside its base until the verdict is in
# GATE_OPTIONS    how: options that run, exec and ab share, such as "--meters rapl --idle 1"
# GATE_PAIRS      just this many pairs of runs that take turns, without a look before (looks after 3, 5, 7 and 10)
# GATE_COOLDOWN   the longest wait for the machine to cool between runs that take turns, in s (60)
# GATE_BASELINE   auto (default): the stored report of the base if there is one, else measure
#                 measure: the base commit is measured beside this one, taking turns (`energyprof ab`)
#                 stored: the stored report alone · a path: that report, as the base commit has it
# GATE_BASE       the commit to judge by; empty: nothing is judged but by a path, the report is there to be stored
# GATE_LIMITS     such as "energy_per_sample:3% samples_to_target:10%"; empty: check's own
# GATE_STRICT     true: inconclusive fails (5) · GATE_REQUIRE_BASELINE  true: no baseline fails (2)
# GATE_TRUST      true: what the program says of its phases, samples and scores is believed
# GATE_OUT        the folder for everything (energyprof-gate) · GATE_STORED  the stored report (its stored/base.json)
# GATE_FORMAT     github: annotations, job summary · text
#
# A stored report serves only the machine that it comes from: hosted runners are another one each time, so
# there the base is measured beside the change, which is also what drifts do least harm to.
#
# All of it is read before any of it runs, and nothing of it is left when the program that is judged runs: that
# could write here. What it cannot do, and what it can, docs/gate.md says.
{
    set -uo pipefail

    python=${GATE_PYTHON:-python}
    found=$(type -P "$python")
    if [ -n "$found" ] && git ls-files --error-unmatch -- "$found" >/dev/null 2>&1; then
        echo "error: $found: is part of the repository that is judged; set GATE_PYTHON to another Python" >&2
        exit 2
    fi
    # -I: nothing from the working directory or PYTHONPATH is imported.
    profiler=("$python" -I -m energyprof)
    if ! "$python" -I -c 'import energyprof' 2>/dev/null; then
        profiler=(env PYTHONSAFEPATH=1 "$(type -P energyprof)")
    fi
    # Words quoted as in a shell, with nothing carried out.
    mapfile -d '' -t options < <("$python" -I -c \
        'import shlex, sys; sys.stdout.write("".join(word + "\0" for word in shlex.split(sys.argv[1])))' \
        "${GATE_OPTIONS-}")
    exec "${profiler[@]}" gate "${1-}" "${options[@]}"
    exit 2
}
