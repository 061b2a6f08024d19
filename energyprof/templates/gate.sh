#!/usr/bin/env bash
# The gate as CI runs it; action.yml and ci/gitlab.yml call nothing else, and it runs on any machine.
#
#   gate.sh key    names this machine and this command, for a store of reports
#   gate.sh run    measures, judges by the base, tells, and exits as `energyprof check` does
#
# GATE_COMMAND    what is measured: "run unet --size tiny", "run ./train.py -- --lr 0.1", "exec -- make train"
# GATE_REPEATS    how often, where it is measured alone (5); beside its base until the verdict is in
# GATE_OPTIONS    how: options that run, exec and ab share, such as "--meters rapl --idle 1"
# GATE_PAIRS      just so many pairs of runs that take turns, without a look before (looks after 3, 5, 7 and 10)
# GATE_COOLDOWN   the longest wait for the machine to cool between runs that take turns, in s (60)
# GATE_BASELINE   auto (default): the stored report of the base if there is one, else measure
#                 measure: the base commit is measured beside this one, taking turns (`energyprof ab`)
#                 stored: the stored report alone · a path: that report
# GATE_BASE       the commit to judge by; empty: nothing is judged but by a path, the report is there to be stored
# GATE_LIMITS     such as "energy_per_sample:3% samples_to_target:10%"; empty: check's own
# GATE_STRICT     true: inconclusive fails (5) · GATE_REQUIRE_BASELINE  true: no baseline fails (2)
# GATE_OUT        the folder for everything (energyprof-gate); the stored report is looked for in its stored/
# GATE_FORMAT     github: annotations, job summary · text
#
# A stored report serves only the machine that it comes from: hosted runners are another one each time, so
# there the base is measured beside the change, which is also what drifts do least harm to.
set -uo pipefail

python=${GATE_PYTHON:-python}
out=${GATE_OUT:-energyprof-gate}
format=${GATE_FORMAT:-text}
change=$out/change.json
base=$out/base.json
stored=$out/stored/base.json
command=()
options=()

main() {
    words command "${GATE_COMMAND-}"
    words options "${GATE_OPTIONS-}"
    if [ "${#command[@]}" = 0 ]; then
        echo 'error: GATE_COMMAND: say what is measured, such as "run unet --size tiny"' >&2
        return 2
    fi
    case ${1-} in
        key) key ;;
        run) gate ;;
        *) echo "usage: gate.sh key|run" >&2; return 2 ;;
    esac
}

key() {
    local machine
    machine=$(
        profiler doctor --json |
            "$python" -I -c 'import json, sys; print(json.load(sys.stdin)["machine"]["id"])'
    ) || return 2
    output key "energyprof-$(digest "$machine")-$(digest "$GATE_COMMAND")"
}

gate() {
    local baseline code
    mkdir -p "$out" || return 2
    rm -f "$out"/{change,base}.{json,trace.csv.gz} "$out"/{junit.xml,said}
    case ${GATE_BASELINE:-auto} in
        measure) baseline=measured ;;
        stored) baseline=$stored ;;
        auto)
            baseline=$stored
            if [ ! -e "$stored" ] && [ -n "${GATE_BASE-}" ]; then baseline=measured; fi
            ;;
        *) baseline=$GATE_BASELINE ;;
    esac
    if [ "$baseline" = measured ] && [ -z "${GATE_BASE-}" ]; then baseline=$stored; fi

    if [ "$baseline" = measured ]; then
        baseline=$base
        both_sides || return
    else
        this_side || return
    fi
    output report "$change"
    if [ -z "${GATE_BASE-}" ] && [ "$baseline" = "$stored" ]; then
        tell_alone
        code=$measured
        if [ "$code" = 0 ]; then
            mkdir -p "$out/stored" && cp "$change" "$stored" && output store true
        fi
    else
        judge "$baseline"
        code=$?
    fi
    output exit-code "$code"
    return "$code"
}

# This checkout alone. A program that failed has a report, too: the verdict on it is check's.
this_side() {
    if [ "${command[0]}" = run ]; then options+=(--repeats "${GATE_REPEATS:-5}"); fi
    overheard profiler "${command[0]}" --output "$change" "${options[@]}" "${command[@]:1}"
    measured=$?
    if [ ! -e "$change" ]; then refused "$measured"; fi
}

# The base commit and this one, taking turns; the verdict is check's, which says the same of the two reports.
both_sides() {
    if ! git cat-file -e "$GATE_BASE^{commit}" 2>/dev/null &&
        ! overheard git fetch --no-tags --depth=1 -- origin "$GATE_BASE"; then
        refused 2
        return
    fi
    local limits=() pairs=() side from
    limits_of limits
    if [ -n "${GATE_PAIRS-}" ]; then pairs=(--pairs "$GATE_PAIRS"); fi
    overheard profiler ab "--before=$GATE_BASE" --output "$out/pair" --force --cooldown "${GATE_COOLDOWN:-60}" \
        "${pairs[@]}" "${limits[@]}" "${options[@]}" "$GATE_COMMAND" >/dev/null
    measured=$?
    for side in A:base B:change; do
        from=$out/pair-${side%:*}
        mv "$from.trace.csv.gz" "$out/${side#*:}.trace.csv.gz" && mv "$from.json" "$out/${side#*:}.json"
    done 2>/dev/null
    # 2: it could not; above: it was stopped.
    case $measured in 0 | 1 | 4 | 5) ;; *) refused "$measured" ;; esac
}

judge() {
    local rules=() code
    limits_of rules
    if [ "${GATE_STRICT-}" = true ]; then rules+=(--strict); fi
    if [ "${GATE_REQUIRE_BASELINE-}" != true ]; then rules+=(--allow-missing-baseline); fi
    overheard profiler check "$change" --baseline "$1" "${rules[@]}" --format "$format"
    code=$?
    case $code in 2 | 3) refused "$code"; return ;; esac
    profiler check "$change" --baseline "$1" "${rules[@]}" --format junit >"$out/junit.xml" 2>/dev/null
    # Nothing judged a program that failed: its own exit code does.
    if [ ! -e "$1" ] && [ "$code" = 0 ]; then return "$measured"; fi
    return "$code"
}

tell_alone() {
    if [ "$format" = github ]; then profiler compare "$change" --format github; fi
}

# What a command said on stderr before it gave up, as an annotation and in the summary; exits as it did.
refused() {
    local code=$1 said
    if [ "$code" = 0 ]; then code=2; fi
    said=$(sed -n '/^error: /,$p' "$out/said")
    if [ -z "$said" ]; then said=$(tail -n 20 "$out/said"); fi
    if [ "$format" = github ]; then
        printf '::error title=energyprof::%s\n' "$(escaped "$said")"
        if [ -n "${GITHUB_STEP_SUMMARY-}" ]; then
            printf '### energyprof could not judge\n\n    %s\n' "${said//$'\n'/$'\n'    }" >>"$GITHUB_STEP_SUMMARY"
        fi
    fi
    return "$code"
}

# Not `python -m` where it can be helped: that imports from the working directory first.
profiler() {
    if [ -n "$(type -P energyprof)" ]; then energyprof "$@"; else "$python" -m energyprof "$@"; fi
}

# Runs a command; what it says on stderr is kept, too.
overheard() {
    {
        "$@" 2>&1 >&3 3>&- | tee "$out/said" >&2
        return "${PIPESTATUS[0]}"
    } 3>&1
}

# Into the array $1 the words of $2, quoted as in a shell, with nothing carried out.
words() {
    mapfile -d '' -t "$1" < <("$python" -I -c \
        'import shlex, sys; sys.stdout.write("".join(word + "\0" for word in shlex.split(sys.argv[1])))' "$2")
}

limits_of() {
    local -n into=$1
    local limit limits
    read -r -d '' -a limits <<<"${GATE_LIMITS-}"
    for limit in "${limits[@]}"; do into+=(--limit "$limit"); done
}

digest() { printf %s "$1" | sha256sum | cut -c 1-16; }

# A workflow command's message, escaped as by escapeData in actions/toolkit.
escaped() {
    local text=${1//'%'/%25}
    text=${text//$'\r'/%0D}
    printf %s "${text//$'\n'/%0A}"
}

output() {
    if [ -n "${GITHUB_OUTPUT-}" ]; then
        printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"
    else
        printf '%s: %s\n' "$1" "$2" >&2
    fi
}

main "$@"
