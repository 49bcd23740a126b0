"""Ports for servers that have to be told where to listen, and which nobody else gets meanwhile."""

import random
import socket

_FROM, _UNTIL = 20000, 32000
"""No port that a machine gives to clients, or to whoever asks for any: those come and go all the time."""


def free_port():
    """Return a port at which nothing listens, and which nobody else gets by chance before somebody does."""
    while True:
        port = random.randrange(_FROM, _UNTIL)
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
