"""A way to a database server that breaks where a test wants it to."""

import socket
import threading
from functools import partial

from counting import let_go_after


class Severing:
    """A proxy on loopback: it drops the connection that sends ``word``, once.

    The server gets the word; the client never hears what it did.
    """

    def __init__(self, port):
        self._to = port
        self._word = None
        self.severed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def sever_after(self, word):
        self._word = word

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._to))
            is_mute = threading.Event()
            for one, other, is_sender in (
                (client, server, True),
                (server, client, False),
            ):
                pass_on = partial(self._pass_on, is_sender, is_mute)
                passing = (pass_on, one, other)
                threading.Thread(target=let_go_after, args=passing, daemon=True).start()

    def _pass_on(self, is_sender, is_mute, one, other):
        while part := one.recv(65536):
            if is_sender and self._word and self._word in part:
                self._word = None
                is_mute.set()
            if not is_sender and is_mute.is_set():
                # The server has done what it was sent.
                self.severed.set()
                return
            other.sendall(part)

    def close(self):
        self._listener.close()
