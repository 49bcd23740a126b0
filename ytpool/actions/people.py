"""Who types."""

import getpass
import os
import socket


def me() -> str:
    """Name whoever runs this, and where."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # nobody has given this number a name, as in many a container
        user = f"user {os.getuid()}"
    return f"{user} on {socket.gethostname()}"
