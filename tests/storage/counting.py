"""A way to a database server that counts how often a client waits for a reply."""

import socket
import struct
import threading

ASKS_FOR_TLS = 80877103
ASKS_FOR_GSS = 80877104
WAITS = b"QS"
"""The messages after which the server says that it is ready: Query and Sync."""


class Counting:
    """A proxy on loopback; ``waits`` is how many round trips there were."""

    def __init__(self, port):
        self._to = port
        self.waits = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._to))
            for each in client, server:
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for passing in (self._ask, client, server), (_reply, server, client):
                threading.Thread(target=let_go_after, args=passing, daemon=True).start()

    def _ask(self, client, server):
        """Pass on what a client sends, message by message."""
        has_begun = False
        while kind := client.recv(1, socket.MSG_WAITALL) if has_begun else b" ":
            size = client.recv(4, socket.MSG_WAITALL)
            if not size:
                return
            [length] = struct.unpack("!i", size)
            content = client.recv(length - 4, socket.MSG_WAITALL) if length > 4 else b""
            if has_begun:
                self.waits += kind in WAITS
                server.sendall(kind + size + content)
                continue
            server.sendall(size + content)
            [wanted] = struct.unpack_from("!i", content)
            has_begun = wanted not in (ASKS_FOR_TLS, ASKS_FOR_GSS)

    def close(self):
        self._listener.close()


def _reply(server, client):
    while part := server.recv(65536):
        client.sendall(part)


def let_go_after(pass_on, one, other):
    """Pass on what one sends to the other, and let both go at its end."""
    try:
        pass_on(one, other)
    except OSError:
        pass
    for each in (one, other):
        try:
            each.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
    one.close()
