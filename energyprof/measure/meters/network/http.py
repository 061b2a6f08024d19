"""One question after the other to a device that answers in JSON over HTTP."""

from __future__ import annotations

import json
import logging
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from energyprof.errors import MeterError, UsageError
from energyprof.measure.meters.network.credentials import Credentials, credentials, where_to_put
from energyprof.storable.frozen import dataclass

if TYPE_CHECKING:
    import httpx

INSTALL = "pip install 'energyprof[external]'"

# Longest wait for an answer of a device that is read live: a run must be able to end within 2 s.
LIMIT_S = 1.5
# An answer of a plug or a BMC has kilobytes, an hour of a log some hundred.
MOST_BYTES = 32 * 2**20

# basic: with every request. digest: on demand. query: as user= and password= in the address.
Login = Literal["none", "basic", "digest", "query"]


class NoAnswer(MeterError):
    """A device gave no answer that can be used; ``remedy`` is what to try."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.remedy = remedy


@dataclass(frozen=True)
class Service:
    """Where a device answers, and how to talk to it; holds no password."""

    kind: str
    base: str  # "http://192.0.2.7"
    login: Login = "none"
    user: str = ""  # the only one that such devices have, if they have only one
    trust: Path | Literal["system", "anything"] = "system"  # whose certificates are believed
    distrusted: str = "look at this machine's clock and its CA certificates"  # the remedy if they are not
    limit_s: float = LIMIT_S  # for each step of a request, and for the whole of an answer
    proxies: Literal["none", "environment"] = "none"  # a plug on the desk is not behind one

    @property
    def host(self) -> str:
        """Its name or number, without the port."""
        return urlsplit(self.base).hostname or ""


def base_of(kind: str, place: str, scheme: Literal["http", "https"]) -> str:
    """The URL of ``place`` ("192.0.2.7", "https://bmc.example:8443"), without a slash at its end.

    Raises:
        UsageError: it is not an address, or it holds a user.
    """
    if "@" in place:
        remedy = where_to_put(kind, "HOST")
        raise UsageError(f"{kind}: user and password do not belong in an address: {remedy}")
    url = place if "://" in place else f"{scheme}://{place}"
    try:
        parts = urlsplit(url)
        port_known = parts.port is None or parts.port > 0
    except ValueError:
        port_known = False
    good = (
        port_known and parts.scheme in ("http", "https") and re.fullmatch(r"[\w.:-]+", parts.hostname or "")
    )
    if not good or parts.query or parts.fragment or re.search(r"\s", place):
        raise UsageError(
            f"{kind}={place}: not the address of a device, such as 192.0.2.7 or bmc.example:8443"
        )
    return url.rstrip("/")


class Client:
    """A connection that is kept open from one question to the next."""

    def __init__(self, service: Service) -> None:
        """Raises NoAnswer without httpx, or if credentials or certificates cannot be read."""
        try:
            import httpx
        except ImportError:
            raise NoAnswer("the Python package httpx is missing", INSTALL) from None
        self._service = service
        self._credentials: Credentials | None = None
        if service.login != "none":
            try:
                self._credentials = credentials(service.kind, service.host, service.user)
            except MeterError as error:
                raise NoAnswer(str(error), where_to_put(service.kind, service.host)) from None
        # httpx logs whole URLs, and Tasmota wants its password there.
        logging.getLogger("httpx").addFilter(_without_password)
        self._query: dict[str, str] = {}
        auth: httpx.Auth | None = None
        if self._credentials:
            user, password = self._credentials.user, self._credentials.password
            if service.login == "basic":
                auth = httpx.BasicAuth(user, password)
            elif service.login == "digest":
                auth = httpx.DigestAuth(user, password)
            else:
                self._query = {"user": user, "password": password}
        self._http = httpx.Client(
            base_url=service.base,
            auth=auth,
            timeout=service.limit_s,
            # Redirections are not followed: a password goes only where the user said.
            follow_redirects=False,
            verify=_context(service),
            trust_env=service.proxies == "environment",
            headers={"Accept": "application/json"},
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        self._http.close()

    def get(self, path: str, query: Mapping[str, str | int] | None = None) -> Any:
        """The JSON that the device answers at ``path``, which begins with a slash.

        Raises:
            NoAnswer: it answers nothing, something else, or not in time.
        """
        import httpx

        if not path.startswith("/") or path.startswith("//"):
            raise NoAnswer("it refers to another host")
        try:
            with self._http.stream("GET", path, params={**(query or {}), **self._query}) as response:
                if response.status_code != 200:
                    raise self._refused(response.status_code, path)
                body = b"".join(self._chunks(response))
                content = response.headers.get("content-type", "").split(";")[0]
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._explained(error) from error
        if not body.strip():
            raise NoAnswer(f"an empty answer to {path}")
        try:
            return json.loads(body)
        except ValueError:
            raise NoAnswer(f"{content or 'something'} where JSON was due, in answer to {path}") from None

    def _chunks(self, response: httpx.Response) -> Iterator[bytes]:
        # httpx limits each step: a device that dribbles would never run out of time.
        deadline_s = time.monotonic() + self._service.limit_s
        size = 0
        for chunk in response.iter_bytes():
            size += len(chunk)
            if size > MOST_BYTES:
                raise NoAnswer(f"an answer of more than {MOST_BYTES >> 20} MiB")
            if time.monotonic() > deadline_s:
                raise NoAnswer(f"no whole answer within {self._service.limit_s:g} s")
            yield chunk

    def _refused(self, status: int, path: str) -> NoAnswer:
        service = self._service
        if status in (401, 403):
            remedy = where_to_put(service.kind, service.host)
            if self._credentials:
                return NoAnswer(f"HTTP {status}: not with the password in {self._credentials.source}", remedy)
            return NoAnswer(f"HTTP {status}: it asks for a user and a password", remedy)
        if 300 <= status < 400:
            return NoAnswer(
                f"HTTP {status}: {path} is elsewhere", "try https:// or http:// before the address"
            )
        return NoAnswer(f"HTTP {status} in answer to {path}")

    def _explained(self, error: Exception) -> NoAnswer:
        """What went wrong, in our words: those of httpx may hold a URL with a password in it."""
        import httpx

        service = self._service
        ping = f"is it switched on, and is the address right? ping {service.host}"
        if isinstance(error, httpx.TimeoutException):
            return NoAnswer(f"no answer within {service.limit_s:g} s", ping)
        causes = list(_causes(error))
        for cause in causes:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return NoAnswer(f"its certificate is not trusted: {cause.verify_message}", service.distrusted)
            if isinstance(cause, socket.gaierror):
                return NoAnswer(f"there is no host {service.host}", "check the name, or give its IP address")
            if isinstance(cause, ConnectionRefusedError):
                return NoAnswer("the connection is refused: nothing listens on that port", ping)
        if any(isinstance(cause, ssl.SSLError) for cause in causes):
            return NoAnswer(
                "it does not speak a TLS that this machine accepts", "try http:// before the address"
            )
        system = next((c.strerror for c in causes if isinstance(c, OSError) and c.strerror), "")
        return NoAnswer(f"the connection broke: {system or type(error).__name__}", ping)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _context(service: Service) -> ssl.SSLContext:
    """Whom to believe over TLS. Raises NoAnswer if the file with the certificate cannot be read."""
    import httpx

    if service.base.startswith("http://"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # believes nobody; to load the lists takes 20 ms
    if service.trust == "anything":
        return httpx.create_ssl_context(verify=False)
    if service.trust == "system":
        context = httpx.create_ssl_context()  # Mozilla's list
        context.load_default_certs()  # and what this machine's owner added
        return context
    try:
        return ssl.create_default_context(cafile=service.trust)
    except OSError as error:  # ssl.SSLError is one
        why = "holds no certificate in PEM" if isinstance(error, ssl.SSLError) else error.strerror
        raise NoAnswer(f"{service.trust}: {why}") from None


def _without_password(record: logging.LogRecord) -> bool:
    return "password=" not in record.getMessage()
