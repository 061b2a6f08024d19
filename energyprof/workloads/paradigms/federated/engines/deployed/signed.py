"""What server and client say to each other, signed by the secret that they share, for this run alone."""

import hashlib
import hmac
import json
from typing import Any, Dict, Literal, Optional

from energyprof.workload import WorkloadError

Side = Literal["server", "client"]
MIN_BYTES = 16  # a secret that is guessed is none


def secret_in(path: Optional[str]) -> bytes:
    """The secret that the file ``path`` holds; without one all share the same, which is none.

    Raises:
        WorkloadError: it cannot be read, or is too short.
    """
    if path is None:
        return b""
    try:
        with open(path, "rb") as file:
            found = file.read().strip()
    except OSError as error:
        raise WorkloadError(f"--token {path}: cannot be read: {error.strerror}") from None
    if len(found) < MIN_BYTES:
        raise WorkloadError(f"--token {path}: holds less than {MIN_BYTES} bytes: use openssl rand -hex 32")
    return found


def signed(secret: bytes, side: Side, said: Dict[str, Any], payload: bytes = b"") -> Dict[str, str]:
    """The words of one side, with a signature of them and of the payload that goes with them."""
    words = json.dumps({**said, "side": side})
    return {"said": words, "mac": _mac(secret, words, payload)}


def opened(
    secret: bytes, side: Side, words: Dict[str, Any], payload: bytes = b""
) -> Optional[Dict[str, Any]]:
    """What that side said; ``None``: nobody who has the secret said it."""
    text = str(words.get("said", ""))
    if not hmac.compare_digest(_mac(secret, text, payload), str(words.get("mac", ""))):
        return None
    said: Dict[str, Any] = json.loads(text)
    return said if said.get("side") == side else None


def _mac(secret: bytes, words: str, payload: bytes) -> str:
    whole = words.encode() + b"\0" + hashlib.sha256(payload).digest()
    return hmac.new(secret, whole, hashlib.sha256).hexdigest()
