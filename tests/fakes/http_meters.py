"""Meters on the network: a loopback server that answers from a waveform as each kind does, or fails.

The clock of a device is set by hand (``at_s``), so that what it must answer is known exactly.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

import pytest

from fakes.waveform import Waveform, constant

Fault = Literal["", "time-out", "dribble", "500", "html", "empty", "redirect", "cut"]
Query = dict[str, str]


@dataclass
class Device:
    """What a device knows; ``answer`` gives the JSON at a path, or the status of a refusal."""

    wave: Waveform = field(default_factory=lambda: constant(50.0))
    at_s: float = 0.0  # its clock
    tick_s: float = 0.0  # how often its energy register is renewed
    user: str = ""
    password: str = ""
    fault: Fault = ""
    asked: list[str] = field(default_factory=list)  # every path with its query
    connections: int = 0

    @property
    def power_w(self) -> float:
        return self.wave.power_w(self.at_s)

    @property
    def energy_j(self) -> float:
        return self.wave.counter_j(self.at_s, self.tick_s)

    def answer(self, path: str, query: Query) -> Any:
        """What the device answers; a device without a model knows no path."""
        return None

    def challenge(self, path: str, query: Query, authorization: str) -> str | None:
        """``None`` if the request may pass, else the WWW-Authenticate header. Basic, if a password is set."""
        expected = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return None if not self.password or authorization == f"Basic {expected}" else 'Basic realm="fake"'


@dataclass
class ShellyRpc(Device):
    """Gen2 and later: RPC over HTTP, digest with SHA-256 for the user admin, /shelly open to all."""

    channels: int = 1
    component: str = "switch"
    errors: tuple[str, ...] = ()
    power: Any = "wave"  # or instead of the waveform's
    energy: bool = True

    def answer(self, path: str, query: Query) -> Any:
        if path == "/shelly":
            return {"gen": 2, "model": "SNPL-00112EU", "mac": "AABBCCDDEEFF", "auth_en": bool(self.password)}
        if path == "/rpc/Shelly.GetStatus":
            parts = {f"{self.component}:{n}": self._status(n) for n in range(self.channels)}
            return {"ble": {}, "cloud": {"connected": False}, **parts, "sys": {"uptime": 1}, "ws": None}
        if path.lower() == f"/rpc/{self.component}.getstatus" and int(query["id"]) < self.channels:
            return self._status(int(query["id"]))
        return 404

    def _status(self, channel: int) -> dict[str, Any]:
        power = round((channel + 1) * self.power_w, 1) if self.power == "wave" else self.power
        key = {"em1": "act_power", "em": "total_act_power"}.get(self.component, "apower")
        status: dict[str, Any] = {"id": channel, key: power, "voltage": 230.1}
        if self.energy:
            total_wh = math.floor((channel + 1) * self.energy_j / 3.6) / 1000
            status["aenergy"] = {"total": total_wh, "by_minute": [0.0, 0.0, 0.0], "minute_ts": 1707326940}
        return {**status, "errors": list(self.errors)} if self.errors else status

    def challenge(self, path: str, query: Query, authorization: str) -> str | None:
        if not self.password or path == "/shelly":
            return None
        scheme, _, rest = authorization.partition(" ")
        given = {k: quoted or bare for k, quoted, bare in re.findall(r'(\w+)=(?:"([^"]*)"|([^,\s]+))', rest)}
        if scheme == "Digest" and given.get("username") == "admin":
            ha1 = _sha256(f"admin:shelly-fake:{self.password}")
            ha2 = _sha256(f"GET:{given['uri']}")
            middle = f"{given['nonce']}:{given['nc']}:{given['cnonce']}:{given['qop']}"
            if given["response"] == _sha256(f"{ha1}:{middle}:{ha2}"):
                return None
        return 'Digest qop="auth", realm="shelly-fake", nonce="60dc59c6", algorithm=SHA-256'


@dataclass
class ShellyGen1(Device):
    """The first generation: /meter/N with W and W·min, basic authentication, /shelly open to all."""

    channels: int = 1
    valid: bool = True

    def answer(self, path: str, query: Query) -> Any:
        if path == "/shelly":
            return {
                "type": "SHPLG-S",
                "mac": "AABBCCDDEEFF",
                "auth": bool(self.password),
                "num_meters": self.channels,
            }
        number = re.fullmatch(r"/meter/(\d)", path)
        if not number or int(number[1]) >= self.channels:
            return 404
        return {
            "power": round(self.power_w, 2),
            "is_valid": self.valid,
            "timestamp": 1707335841,
            "counters": [0.0, 0.0, 0.0],
            "total": math.floor(self.energy_j / 60),
        }

    def challenge(self, path: str, query: Query, authorization: str) -> str | None:
        return None if path == "/shelly" else super().challenge(path, query, authorization)


@dataclass
class Tasmota(Device):
    """/cm?cmnd=…; a password comes in the query. Firmware before 8.2.3 refuses with HTTP 200."""

    powers: Any = "wave"  # or a list for several channels
    total: Any = "wave"
    status: str = "Status 8"  # the one that holds the sensors
    refusal: Literal[200, 401] = 401
    meter: bool = True

    def answer(self, path: str, query: Query) -> Any:
        if path != "/cm":
            return 404
        if self.password and (query.get("user"), query.get("password")) != ("admin", self.password):
            warning = {"WARNING": "Need user=<username>&password=<password>"}
            return warning if self.refusal == 200 else 401
        if query["cmnd"] == "Status 5":
            return {"StatusNET": {"Hostname": "tasmota-1", "Mac": "2C:3A:E8:00:00:01"}}
        if query["cmnd"] != self.status:
            return {"Command": "Unknown"}
        sensors: dict[str, Any] = {"Time": "2025-02-12T22:47:39"}
        if self.meter:
            total = math.floor(self.energy_j / 3600) / 1000 if self.total == "wave" else self.total
            power = round(self.power_w) if self.powers == "wave" else self.powers
            sensors["ENERGY"] = {"Total": total, "Today": 0.1, "Power": power, "Voltage": 243}
        return {"StatusSNS": sensors}

    def challenge(self, path: str, query: Query, authorization: str) -> str | None:
        return None


@dataclass
class Redfish(Device):
    """A BMC; ``chassis`` gives for each Id which resources it links to."""

    chassis: dict[str, tuple[str, ...]] = field(default_factory=lambda: {"1": ("Power",)})
    consumed: Any = "wave"  # PowerConsumedWatts, or the waveform's
    reading: Any = "wave"  # PowerWatts
    energy: str = ""  # "EnergykWh", "EnergyJoules"
    link: str = ""  # instead of the path to Power

    def answer(self, path: str, query: Query) -> Any:
        root = "/redfish/v1/Chassis"
        if path == root:
            return {"Members": [{"@odata.id": f"{root}/{name}"} for name in self.chassis]}
        name, _, resource = path.removeprefix(root + "/").partition("/")
        if name not in self.chassis or (resource and resource not in self.chassis[name]):
            return 404
        if not resource:
            links = {link: {"@odata.id": self.link or f"{path}/{link}"} for link in self.chassis[name]}
            return {"Id": name, "Manufacturer": "Fake Inc. ", "Model": "R1", "SerialNumber": "S1", **links}
        if resource == "Power":
            watts = round(self.power_w) if self.consumed == "wave" else self.consumed
            return {"PowerControl": [{"PowerConsumedWatts": watts}, {"PowerConsumedWatts": 7}]}
        watts = self.power_w if self.reading == "wave" else self.reading
        metrics: dict[str, Any] = {"PowerWatts": {"Reading": watts}}
        if self.energy:
            in_kwh = round(self.energy_j / 3.6e6, 3)
            metrics[self.energy] = {"Reading": in_kwh if self.energy == "EnergykWh" else self.energy_j}
        return metrics


@dataclass
class Kwollect(Device):
    """Grid'5000's API: one row a second of each port; ``until_s`` is the last one there is so far."""

    node: str = "grappe-3"
    ports: tuple[str, ...] = ("wattmetre1-port33",)
    metric: str = "wattmetre_power_watt"
    until_s: float = math.inf
    grows_s: float = 0.0  # how much later the last row is after each question
    change: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda row: row

    def answer(self, path: str, query: Query) -> Any:
        if path != "/stable/sites/nancy/metrics" or not re.fullmatch(r"\d+", query["start_time"]):
            return 404
        if query["nodes"] != self.node or query["metrics"] != self.metric:
            return []
        last = min(int(query["end_time"]), self.until_s)
        self.until_s += self.grows_s
        rows = []
        for second in range(int(query["start_time"]), math.floor(last) + 1):
            for number, port in enumerate(self.ports):
                row = {
                    "timestamp": self.stamp(second),
                    "device_id": self.node,
                    "metric_id": self.metric,
                    "value": (number + 1) * self.wave.power_w(second),
                    "labels": {"_device_orig": [port]},
                }
                rows += [changed for changed in [self.change(row)] if changed]
        return rows

    @staticmethod
    def stamp(second: float) -> str:
        """A time as the API writes it: with the zone of France, and decimals only where there are some."""
        return datetime.fromtimestamp(second, timezone(timedelta(hours=1))).isoformat()


@contextmanager
def serving(device: Device, certificate: Path | None = None) -> Iterator[str]:
    """``host:port`` where the device answers as long as the context lasts; by TLS with a certificate."""
    released = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            device.connections += 1

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = dict(parse_qsl(parts.query))
            device.asked.append(self.path)
            fault = device.fault
            if fault == "time-out":
                released.wait()
                self.close_connection = True
                return
            if fault == "cut":
                self.close_connection = True
                return
            if fault == "redirect":
                self._send(302, b"", ("Location", "https://127.0.0.1/elsewhere"))
                return
            challenge = device.challenge(parts.path, query, self.headers.get("Authorization", ""))
            if challenge is not None:
                self._send(401, b"{}", ("WWW-Authenticate", challenge))
                return
            answer = 500 if fault == "500" else device.answer(parts.path, query)
            if isinstance(answer, int):
                self._send(answer, b'{"code": -1}')
            elif fault == "dribble":
                self._dribble()
            elif fault == "html":
                self._send(200, b"<html>Log in</html>", ("Content-Type", "text/html"))
            else:
                self._send(200, b"" if fault == "empty" else json.dumps(answer).encode())

        def _send(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
            self.send_response(status)
            for name, value in headers or (("Content-Type", "application/json"),):
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _dribble(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            try:
                while not released.wait(0.1):
                    self.wfile.write(b" ")
                    self.wfile.flush()
            except OSError:
                pass
            self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            pass  # a client that hangs up, or does not like the certificate

    server = Server(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def no_credentials(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Nothing of whoever runs the tests gets into them."""
    for name in [name for name in os.environ if name.startswith("ENERGYPROF_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", str(folder / "no-netrc"))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")


def closed_port() -> str:
    """``host:port`` where nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{taken.getsockname()[1]}"


def self_signed(folder: Path, name: str = "IP:127.0.0.1") -> Path:
    """A certificate that no one has vouched for, and its key, in one file; needs the program openssl."""
    path, key = folder / "bmc.pem", folder / "bmc.key"
    words = ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    words += ["-keyout", str(key), "-out", str(path), "-days", "2", "-subj", "/CN=bmc"]
    subprocess.run([*words, "-addext", f"subjectAltName={name}"], check=True, capture_output=True)
    path.write_text(path.read_text() + key.read_text())
    return path


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
