"""Which addresses may be given a secret: any over TLS, and this machine's own loopback without."""

import ipaddress
import re
from urllib.parse import urlsplit

# Two readers of one address must not see two hosts: urllib takes what follows an @ for the host where another parser
# stops at a backslash. An address that would need such a decision is not accepted at all.
_AMBIGUOUS = re.compile(r"[\s\\\x00-\x1f\x7f-\U0010ffff]|//[^/?#]*@")


def is_loopback(url: str) -> bool:
    """Say whether an address names this machine's loopback."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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
