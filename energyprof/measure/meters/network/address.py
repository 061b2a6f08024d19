"""The words of a meter that has an address: where it is, and the options that such kinds share."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from energyprof.errors import UsageError
from energyprof.meter import Boundary
from energyprof.storable.frozen import dataclass
from energyprof.trace.gains import Gain

# "user:password@host", with or without a scheme before it, but not "run@night.csv".
_CREDENTIALS = re.compile(r"(?:[a-z+]+://)?[^/@:]*:[^@]*@", re.IGNORECASE)

# What an external meter can be set around: the plug, or the far side of the power supply.
OUTSIDE: tuple[Boundary, ...] = ("wall_ac", "node_dc")

# Every addressed kind has these; "offset" belongs to recordings, which list it among their own.
SHARED = ("boundary", "gain", "name")


@dataclass(frozen=True)
class Address:
    """Where a meter is and what the user said of it; ``parse`` makes it."""

    kind: str  # "shelly"
    place: str  # as the user wrote it: "192.0.2.7", "nancy/grappe-3", a path
    boundary: Boundary
    gain: Mapping[str, Any]  # the fields of a MeterInfo that say how far it may be off
    label: str = ""  # the option ``name``
    own: Mapping[str, str] = field(default_factory=dict)  # the kind's own options that were given

    def name(self, *parts: object) -> str:
        """The meter's name: "shelly:192.0.2.7", "shelly:192.0.2.7:1" with the part 1."""
        return ":".join([self.kind, self.label or self.place, *map(str, parts)])

    def text(self, option: str, default: str = "") -> str:
        """One of the kind's own options as it was written. Raises UsageError if it is empty."""
        value = self.own.get(option, default)
        if option in self.own and not value:
            raise UsageError(f"{self.kind}: the option {option} has no value")
        return value

    def whole_number(self, option: str, default: int, least: int = 0) -> int:
        """One of the kind's own options as a whole number from ``least``. Raises UsageError if it is not."""
        text = self.text(option, str(default))
        if not re.fullmatch(r"\d{1,9}", text) or int(text) < least:
            raise UsageError(f"{self.kind}: {option}={text} is invalid: give a whole number from {least}")
        return int(text)

    def number(self, option: str, default: float) -> float:
        """One of the kind's own options as a finite number. Raises UsageError if it is not."""
        text = self.text(option, repr(default))
        value = _float(text)
        if value is None:
            raise UsageError(f"{self.kind}: {option}={text} is invalid: give a number")
        return value

    def one_of(self, option: str, choices: Sequence[str], default: str) -> str:
        """One of the kind's own options out of ``choices``. Raises UsageError if it is none of them."""
        text = self.text(option, default)
        if text not in choices:
            raise UsageError(f"{self.kind}: {option}={text} is invalid: give {' or '.join(choices)}")
        return text

    @property
    def offset_s(self) -> float:
        """How many seconds to add to a recording's times; the option ``offset``."""
        return self.number("offset", 0.0)


def parse(
    kind: str,
    place: str,
    options: Mapping[str, str],
    *,
    gain: Gain,
    boundary: Boundary = "wall_ac",
    boundaries: Sequence[Boundary] = OUTSIDE,
    own: Sequence[str] = (),
) -> Address:
    """What ``KIND=PLACE?OPTIONS`` says; the values given here stand where the user named none.

    ``own`` names the options that the kind has beside boundary, gain and name.

    Raises:
        UsageError: an option the kind does not have, an invalid value, a password in the address.
    """
    if not place.isprintable():
        raise UsageError(f"{kind}: {place[:60]!r}: an address is one line of printable characters")
    if _CREDENTIALS.match(place):
        variables = " and ".join(credential_variables(kind))
        raise UsageError(
            f"{kind}: a password does not belong in an address: set {variables}, or use ~/.netrc"
        )
    known = (*SHARED, *own)
    for option in options:
        if option not in known:
            raise UsageError(f"{kind} has no option {option!r}: choose from {', '.join(known)}")
    chosen = options.get("boundary", boundary)
    if chosen not in boundaries:
        raise UsageError(f"{kind}: boundary={chosen} is invalid: give {' or '.join(boundaries)}")
    limits = gain.info()
    if "gain" in options:
        half_width = _gain(kind, options["gain"])
        limits = {"gain_a": half_width, "gain_source": f"the user: gain={options['gain']}"}
    label = options.get("name", "")
    if "name" in options and not re.fullmatch(r"[\w.+-]+", label):
        raise UsageError(f"{kind}: name={label} is invalid: use letters, digits and . _ + -")
    return Address(
        kind,
        place,
        next(b for b in boundaries if b == chosen),
        limits,
        label,
        {option: value for option, value in options.items() if option in own},
    )


def credential_variables(kind: str) -> tuple[str, str]:
    """The environment variables with the user and the password: ENERGYPROF_SHELLY_USER, …_PASSWORD."""
    prefix = f"ENERGYPROF_{kind.upper().replace('-', '_')}"
    return f"{prefix}_USER", f"{prefix}_PASSWORD"


def _gain(kind: str, text: str) -> float:
    """A half-width: "1%", "±1 %" or "0.01"."""
    bare = text.strip().removeprefix("±").strip()
    percent = bare.endswith("%")
    value = _float(bare.removesuffix("%").strip())
    if value is None or not 0 < (value / 100 if percent else value) < 1:
        raise UsageError(f"{kind}: gain={text} is invalid: give a half-width such as 2% or 0.02")
    return value / 100 if percent else value


def _float(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
