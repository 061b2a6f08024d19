"""A file system whose counters follow a waveform, with real errors at set times: FUSE without a library.

``python benchmarks/filesystem.py FOLDER < TREE`` mounts there and serves until its end. ``TREE`` is JSON, a
node for each path: ``{"text": …}``, ``{"link": …}``, ``{"energy_uj": {…}}`` or ``{"power_mw": {…}}``. A value
is computed while its read waits, so it is never older than the read, however busy the machine is. Messages
are those of the kernel's include/uapi/linux/fuse.h, version 7.31.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import stat
import struct
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from counters import KINDS, File

LOOKUP, FORGET, GETATTR, READLINK, OPEN, READ, STATFS, RELEASE = 1, 2, 3, 5, 14, 15, 17, 18
FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, ACCESS, INTERRUPT, BATCH_FORGET = 25, 26, 27, 28, 29, 34, 36, 42
UNANSWERED = (FORGET, BATCH_FORGET, INTERRUPT)
DIRECT_IO = 1  # FOPEN_DIRECT_IO: the kernel asks anew at each read
R_OK = 4
FOREVER_S = 86400
BUFFER_BYTES = 1 << 17


class Tree:
    """The nodes by number; 1 is the root."""

    def __init__(self, nodes: Mapping[str, Mapping[str, Any]]) -> None:
        self.folders: dict[int, dict[str, int]] = {1: {}}
        self.links: dict[int, str] = {}
        self.files: dict[int, File] = {}
        self._count = 1
        for path, node in nodes.items():
            *parents, name = path.strip("/").split("/")
            folder = 1
            for part in parents:
                folder = self.folders[folder].setdefault(part, 0) or self._folder(folder, part)
            self._count += 1
            self.folders[folder][name] = self._count
            ((kind, content),) = node.items()
            if kind == "link":
                self.links[self._count] = content
            else:
                self.files[self._count] = KINDS[kind](content)

    def _folder(self, parent: int, name: str) -> int:
        self._count += 1
        self.folders[self._count] = {}
        self.folders[parent][name] = self._count
        return self._count

    def mode(self, node: int) -> int:
        """Type and permissions, as ``stat`` has them."""
        if node in self.folders:
            return stat.S_IFDIR | 0o755
        if node in self.links:
            return stat.S_IFLNK | 0o777
        return stat.S_IFREG | 0o444


class Server:
    """Answers the kernel."""

    def __init__(self, device: int, tree: Tree) -> None:
        self._device, self._tree = device, tree
        self._texts: dict[int, bytes] = {}  # what an open file said when it was read from its start
        self._handles = 0

    def serve(self) -> None:
        """Answer until the file system is unmounted."""
        while True:
            try:
                request = os.read(self._device, BUFFER_BYTES)
            except OSError as error:
                if error.errno == errno.ENODEV:
                    return
                if error.errno in (errno.ENOENT, errno.EINTR):
                    continue
                raise
            _, opcode, unique, node = struct.unpack_from("=IIQQ", request)
            if opcode in UNANSWERED:
                continue
            code, answer = 0, b""
            try:
                answer = self._answer(opcode, node, request[40:])
            except OSError as error:
                code = -(error.errno or errno.EIO)
            os.write(self._device, struct.pack("=IiQ", 16 + len(answer), code, unique) + answer)

    def _answer(self, opcode: int, node: int, body: bytes) -> bytes:
        tree, now_s = self._tree, time.monotonic()
        if opcode == INIT:
            readahead, flags = struct.unpack_from("=8xI", body)[0], 0
            return struct.pack("=IIIIHHIIHHI28x", 7, 31, readahead, flags, 12, 9, 4096, 1, 1, 0, 0)
        if opcode == LOOKUP:
            name = body.rstrip(b"\0").decode()
            found = tree.folders.get(node, {}).get(name)
            if found is None:
                raise FileNotFoundError(errno.ENOENT, name)
            return struct.pack("=QQQQII", found, 0, FOREVER_S, FOREVER_S, 0, 0) + self._attributes(found)
        if opcode == GETATTR:
            return struct.pack("=QII", FOREVER_S, 0, 0) + self._attributes(node)
        if opcode == READLINK:
            return tree.links[node].encode()
        if opcode == ACCESS:
            if node in tree.files and struct.unpack_from("=I", body)[0] & R_OK:
                tree.files[node].check(now_s)
            return b""
        if opcode in (OPEN, OPENDIR):
            if opcode == OPEN:
                tree.files[node].check(now_s)
            self._handles += 1
            return struct.pack("=QII", self._handles, DIRECT_IO if opcode == OPEN else 0, 0)
        if opcode == READ:
            handle, offset, size = struct.unpack_from("=QQI", body)
            if offset == 0:
                self._texts[handle] = tree.files[node].text(now_s).encode()
            return self._texts.get(handle, b"")[offset : offset + size]
        if opcode == READDIR:
            _, offset, size = struct.unpack_from("=QQI", body)
            return self._entries(node, offset, size)
        if opcode == RELEASE:
            self._texts.pop(struct.unpack_from("=Q", body)[0], None)
            return b""
        if opcode in (FLUSH, RELEASEDIR):
            return b""
        if opcode == STATFS:
            return struct.pack("=QQQQQIII28x", 0, 0, 0, 0, 0, 4096, 255, 0)
        raise OSError(errno.ENOSYS, "not served")

    def _attributes(self, node: int) -> bytes:
        # Size 4096, as files of sysfs have: the reads tell the true one.
        links = 2 if node in self._tree.folders else 1
        return struct.pack(
            "=QQQQQQIIIIIIIIII",
            node,
            4096,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            self._tree.mode(node),
            links,
            0,
            0,
            0,
            4096,
            0,
        )

    def _entries(self, node: int, offset: int, size: int) -> bytes:
        names = [(".", node), ("..", node), *self._tree.folders[node].items()]
        answer = b""
        for place, (name, child) in enumerate(names[offset:], start=offset + 1):
            raw = name.encode()
            entry = struct.pack("=QQII", child, place, len(raw), self._tree.mode(child) >> 12) + raw
            entry += b"\0" * (-len(entry) % 8)
            if len(answer) + len(entry) > size:
                break
            answer += entry
        return answer


def main() -> None:
    """Mount on the folder and serve."""
    folder = sys.argv[1]
    tree = Tree(json.load(sys.stdin))
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"energyprof", folder.encode(), b"fuse", 0, options.encode()):
        code = ctypes.get_errno()
        sys.exit(f"filesystem: {folder}: cannot mount: {os.strerror(code)}")
    # A reader must not wait for a busy machine.
    os.nice(-20)
    Server(device, tree).serve()


if __name__ == "__main__":
    main()
