"""The user and password of a device, from the environment or ~/.netrc; never in a message."""

from __future__ import annotations

import netrc
import os
from dataclasses import field
from pathlib import Path

from energyprof.errors import MeterError
from energyprof.measure.meters.network.address import credential_variables
from energyprof.storable.frozen import dataclass


@dataclass(frozen=True)
class Credentials:
    """What a device asks for, and where it was found."""

    user: str
    password: str = field(repr=False)
    source: str  # "ENERGYPROF_SHELLY_PASSWORD", "~/.netrc": may be shown


def credentials(kind: str, host: str, user: str = "") -> Credentials | None:
    """Those of ``host``, ``None`` if there are none; ``user`` is the only one that the kind's devices have.

    Raises:
        MeterError: half of them is missing, or ~/.netrc cannot be read.
    """
    user_variable, password_variable = credential_variables(kind)
    given = os.environ.get(user_variable) or user
    password = os.environ.get(password_variable)
    if password and given:
        return Credentials(given, password, password_variable)
    if password or os.environ.get(user_variable):
        missing = password_variable if given else user_variable
        raise MeterError(f"the credentials are incomplete: {missing} is not set")
    return _from_netrc(host)


def where_to_put(kind: str, host: str) -> str:
    """The remedy for a device that asks for a password."""
    user, password = credential_variables(kind)
    return f"export {user}=… {password}=… or add to ~/.netrc: machine {host} login … password …"


def _from_netrc(host: str) -> Credentials | None:
    """Those that ~/.netrc (or the file in NETRC) has for this host by name; its default is for no meter."""
    path = Path(os.environ.get("NETRC") or "~/.netrc").expanduser()
    try:
        hosts = netrc.netrc(str(path)).hosts
    except FileNotFoundError:
        return None
    except OSError as error:
        raise MeterError(f"{path}: {error.strerror}") from None
    except (netrc.NetrcParseError, UnicodeDecodeError) as error:
        # The parser's own words may hold a password.
        line = f" (line {error.lineno})" if isinstance(error, netrc.NetrcParseError) and error.lineno else ""
        raise MeterError(f"{path} cannot be parsed{line}") from None
    if host not in hosts:
        return None
    user, account, password = hosts[host]
    return Credentials(user or account or "", password or "", "~/.netrc")
