"""What a report's flags mean, in words."""

from __future__ import annotations

# Kind of flag → what it says of what stands behind its colon.
WORDS = {
    "interrupted": "stopped by {}",
    "unfinished": "cut off before its end",
    "hung": "did not end after its last word, and was stopped",
    "unmarked": "marked no phases: its energy is all that it took, start-up included (see energyprof.mark)",
    "said": "the training said: {}",
    "exit_after_target": "ended with exit code {} after it had reached its target",
    "wire_garbage": "{} lines from the program were no events",
    "hanging": "{} hung: a read of it never came back",
    "short": "too short for {} to say much: repeat it or train longer",
    "gap": "{} was not read for a while",
    "lost": "{} stopped giving readings before the end",
    "no_reading": "{} gave no reading",
    "not_measured": "no meter was read",
    "failed_read": "some reads of {} failed",
    "rejected_reading": "some readings of {} made no sense and were left out",
    "reset": "{} started again from zero; the moment was bridged with its last power",
    "stalled": "{} stood still for over a second",
    "throttled": "{} was throttled",
    "limit_changed": "the power limit of {} changed during the run",
    "foreign": "somebody else worked on {} as well",
    "idle_drift": "the idle power drifted: {}",
    "disagrees": "{}",
    "wraps_unsure": "{} may have gone round more than once between two reads",
}


def in_words(flag: str, meter: str = "the meter") -> str:
    """The flag as a person reads it, of ``meter`` if it names none; one that is not known stays as it is."""
    kind, _, detail = flag.partition(":")
    return WORDS[kind].format(detail or meter) if kind in WORDS else flag
