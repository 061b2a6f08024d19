"""What was trained, in a few lines: parameters, operations in all and per joule, memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from energyprof.report.facts import number, of_unlike_samples
from energyprof.units import si, with_ends


def about_model(facts: Mapping[str, Any], sample_j: float | None) -> list[tuple[str, str]]:
    """A label and a line for each thing that is known; ``sample_j`` is the energy of a trained sample."""
    lines = (
        ("model", _model(facts)),
        ("operations", _operations(facts, sample_j)),
        ("peak memory", _memory(facts)),
        ("teacher", _teacher(facts)),
        ("zeros", _zeros(facts)),
    )
    return [(label, line) for label, line in lines if line]


def _model(facts: Mapping[str, Any]) -> str:
    """``23.0 M parameters (150 k trained), 92.0 MB``."""
    count, trained = number(facts, "parameters"), number(facts, "parameters_trained")
    size = number(facts, "parameter_bytes")
    if count is None:
        return ""
    some = "" if trained is None or trained == count else f" ({_short(trained)} trained)"
    return f"{_short(count)} parameters{some}" + ("" if size is None else f", {si(size, 'B')}")


def _operations(facts: Mapping[str, Any], sample_j: float | None) -> str:
    """``350 MFLOP a sample, forward and backward; 35.0 MFLOP/J``."""
    flops = number(facts, "flops_per_sample")
    if not flops:
        return ""
    if of_unlike_samples(facts):
        # What was counted are the first batch's recordings: over joules of all they would be another model's.
        return f"{si(flops, 'FLOP')} a recording of the first batch; lengths differ"
    line = f"{si(flops, 'FLOP')} a sample, forward and backward"
    return f"{line}; {si(flops / sample_j, 'FLOP/J')}" if sample_j else line


def _memory(facts: Mapping[str, Any]) -> str:
    """``12.3 GB, GPU 41.2 GB, optimiser 1.20 GB; each of 8 processes``."""
    words = (("peak_rss_bytes", ""), ("peak_gpu_bytes", "GPU "), ("optimiser_bytes", "optimiser "))
    known = [(word, number(facts, name)) for name, word in words]
    line = ", ".join(f"{word}{si(size, 'B')}" for word, size in known if size is not None)
    processes = number(facts, "processes") or 1
    return f"{line}; each of {processes:g} processes" if line and processes > 1 else line


def _teacher(facts: Mapping[str, Any]) -> str:
    """``of an earlier run, 12,288 samples, 1.20 ± 0.10 kJ: not in the energy to target``."""
    samples, energy_j = number(facts, "teacher_samples"), number(facts, "teacher_energy_j")
    if samples is None or "teacher_sha256" not in facts:
        return ""
    u_j = number(facts, "teacher_energy_u_j")
    took = "joules unknown"
    if energy_j is not None and u_j is not None:
        low_j, high_j = number(facts, "teacher_energy_low_j"), number(facts, "teacher_energy_high_j")
        if low_j is None or high_j is None:
            low_j, high_j = max(0.0, energy_j - u_j), energy_j + u_j
        took = with_ends(energy_j, low_j, high_j, "J")
    return f"of an earlier run, {samples:,.0f} samples, {took}: not in the energy to target"


def _zeros(facts: Mapping[str, Any]) -> str:
    """``1.20 M of 3.40 M weights are masked; they are multiplied as any others: nothing is saved``."""
    masked, count = number(facts, "weights_masked"), number(facts, "parameters")
    if masked is None or count is None:
        return ""
    saved = (
        "left out in inference in 16 bits, not in training"
        if facts.get("zeros_left_out") is True
        else "multiplied as any others: nothing is saved"
    )
    return f"{_short(masked)} of {_short(count)} weights are masked, and {saved}"


def _short(count: float) -> str:
    return si(count, "").strip() if count >= 1000 else f"{count:g}"
