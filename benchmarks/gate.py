"""Claims about the errors of ``energyprof ab``, ``check`` and ``compare``, held by simulation:

* unchanged work fails, or is called worse, in at most 5 % of verdicts: by pairs over all looks, apart, by a
  baseline of another session, by folders, by a history; a change as large as the limit passes in at most 5 %;
* also where runs have heavy tails, one in ten is an outlier, runs hang together (AR(1) to ρ = 0.5, in pairs
  and histories), sides have unequal numbers of runs, or vary as real runs and seeds did;
* where sessions differ by 0.3, 1, 2 and 3 % (1 sd): both errors stay below 5 %, whether that is measured or
  assumed, also over 200 pull requests by one baseline;
* 95 % intervals of changes hold them in 94 to 96 % at 3, 5 and 12 runs a side, and in 94 % at least at two;
* what a verdict says of its power and of the runs that it takes is so.

    python benchmarks/gate.py [--series N] [--markdown]

Everything is judged by the code that judges reports. A share p of ``N`` verdicts is known to
2 √(p (1 - p) / N): 5 % of 6,000 to 0.6 %. Takes ten minutes of two processors. What is
not claimed is shown without a limit.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from gating import apart, moderated, pairs, past, sessions
from gating.claim import Claim
from gating.noise import KINDS, NORMAL, Noise, real

SERIES = 6000


def main() -> int:
    """Print every share; 1 if a claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", type=int, default=SERIES, metavar="N")
    parser.add_argument("--markdown", action="store_true", help="as a table for benchmarks/README.md")
    asked = parser.parse_args()
    broken = 0
    if asked.markdown:
        print("| noise | claim | limit | simulated |\n| --- | --- | --- | ---: |")
    with ProcessPoolExecutor(2) as pool:
        for found in pool.map(_work, [(job, asked.series) for job in jobs()]):
            for claim in found:
                print(_line(claim, markdown=asked.markdown), flush=True)
                broken += not claim.holds
    print(f"{broken} claims do not hold" if broken else "every claim holds", file=sys.stderr)
    return 1 if broken else 0


def jobs() -> Iterator[str]:
    """Names of what is simulated, each by one process."""
    for kind in KINDS:
        yield from (f"{part}:{kind}" for part in ("pairs", "apart", "past"))
    for noise in real():
        yield f"pairs:{noise.label}"
    for effect in sessions.EFFECTS:
        yield f"sessions:{effect}"
    yield from ("intervals:", "said:", "drift:", "two_limits:", "best:", "moderated:")


def _work(asked: tuple[str, int]) -> list[Claim]:
    job, n = asked
    part, _, name = job.partition(":")
    if part == "sessions":
        return list(sessions.claims(float(name), n))
    if name:
        of_noise: dict[str, Callable[[Noise, int], Iterator[Claim]]] = {
            "pairs": pairs.claims,
            "apart": apart.claims,
            "past": past.claims,
        }
        noise = KINDS.get(name) or next(noise for noise in real() if noise.label == name)
        # What reports of this repository vary by is a small sample: as many draws as tell 5 % from 6 %.
        return list(of_noise[part](noise, n if name in KINDS else n // 3))
    of_all: dict[str, Callable[[], Iterator[Claim]]] = {
        "intervals": lambda: apart.intervals(n),
        "said": lambda: apart.said(n // 2),
        "drift": lambda: pairs.drift(n),
        "two_limits": lambda: pairs.two_limits(NORMAL, n // 2),
        "best": lambda: past.best(NORMAL, n // 10),
        "moderated": lambda: moderated.claims(n),
    }
    return list(of_all[part]())


def _line(claim: Claim, *, markdown: bool) -> str:
    shown = f"{100 * claim.share:.2f} % ± {100 * claim.slack:.2f}" + ("" if claim.holds else " BROKEN")
    if markdown:
        return f"| {claim.noise} | {claim.text} | {claim.claimed or '–'} | {shown} |"
    return f"{claim.noise:44} {claim.text:72} {claim.claimed:>9} {shown}"


if __name__ == "__main__":
    sys.exit(main())
