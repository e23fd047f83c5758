"""Disks that lose power, and processes that die, at each flush in turn."""

import os
import threading


class Disk:
    """Flushes nothing, but remembers what a power loss at each of them would leave.

    A file keeps what was flushed of it, and of the rest all, half, zeros or nothing. A
    name is as the last flush of its folder has it, or as it is now.
    """

    def __init__(self, folder):
        self.folder = folder
        self.acknowledged = {}
        self.pending = {}
        self.losses = []
        self._lock = threading.RLock()
        self._open = {}
        self._contents = {}
        self._durable = {}
        self._names = {}

    def __call__(self, descriptor):
        with self._lock:
            names = self.look()
            inode = os.fstat(descriptor).st_ino
            if inode == self.folder.stat().st_ino:
                self._names = names
            elif inode in self._contents:
                self._contents[inode] = self._durable[inode] = _read(self._open[inode])
            self.look()

    def look(self):
        """Remember what a power loss now would leave; return the names as they are."""
        with self._lock:
            names = {}
            for path in self.folder.iterdir():
                descriptor = os.open(path, os.O_RDONLY)
                inode = os.fstat(descriptor).st_ino
                # Files stay open, so that no number is given to another file.
                if inode in self._open:
                    os.close(descriptor)
                self._open.setdefault(inode, descriptor)
                self._contents[inode] = _read(self._open[inode])
                names[path.name] = inode
            for known in (self._names, names):
                for left in (_all, _half, _zeros, _nothing):
                    files = {
                        name: left(self._contents[inode], self._durable.get(inode, b""))
                        for name, inode in known.items()
                    }
                    loss = files, dict(self.acknowledged), dict(self.pending)
                    if loss not in self.losses[-16:]:
                        self.losses.append(loss)
            return names

    def write(self, act, **documents):
        """Do ``act``, which makes ``documents`` of the table's: None is a removed one."""
        with self._lock:
            self.pending = documents
        act()
        with self._lock:
            self.acknowledged |= documents
            self.pending = {}
        self.look()

    def close(self):
        for descriptor in self._open.values():
            os.close(descriptor)


def _read(descriptor):
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)


def _all(content, durable):
    return content


def _nothing(content, durable):
    return durable


def _half(content, durable):
    return content[: (len(content) + len(durable)) // 2]


def _zeros(content, durable):
    return durable + bytes(max(0, len(content) - len(durable)))


def lost(folder, files):
    """Return a new ``folder`` that holds the ``files`` of a loss."""
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def dying_at(count):
    """Return a flush that kills the process when it is called the ``count``-th time."""
    left = [count]

    def sync(descriptor):
        left[0] -= 1
        if left[0] == 0:
            os._exit(77)

    return sync
