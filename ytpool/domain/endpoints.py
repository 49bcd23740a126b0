"""Which addresses may be given a secret: any over TLS, and this machine's own loopback without; and where to listen."""

import ipaddress
import re
from urllib.parse import urlsplit

_PLACE = re.compile(r"(\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+))(:(?P<port>[0-9]{1,5}))?")
_LAST_PORT = 65535

# Two readers of one address must not see two hosts: urllib takes what follows an @ for the host where another parser
# stops at a backslash. An address that would need such a decision is not accepted at all.
_AMBIGUOUS = re.compile(r"[\s\\\x00-\x1f\x7f-\U0010ffff]|//[^/?#]*@")


def is_loopback(url: str) -> bool:
    """Say whether an address names this machine's loopback."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return is_own(host)


def is_own(host: str) -> bool:
    """Say whether a host's name or number is this machine's loopback by itself, whatever a name server says."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def place(text: str, port: int) -> tuple[str, int]:
    """Read `HOST`, `HOST:PORT`, `[IPv6]:PORT` or a port of this machine; raises ValueError with what is wrong."""
    if re.fullmatch(r"[0-9]{1,5}", text):
        host, number = "127.0.0.1", text
    elif found := _PLACE.fullmatch(text):
        host, number = found["six"] or found["host"], found["port"] or str(port)
    else:
        raise ValueError("say HOST:PORT, as in 127.0.0.1:8383 or [::1]:8383")
    if int(number) > _LAST_PORT:
        raise ValueError(f"ports end at {_LAST_PORT}")
    return host, int(number)


def is_safe(url: str) -> bool:
    """Say whether a token may be sent there: https anywhere, plain http to loopback only."""
    if _AMBIGUOUS.search(url):
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port  # reading it checks it
    except ValueError:
        return False
    if not parts.hostname:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url))
