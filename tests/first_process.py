"""The first process of a machine of `machines.py`: with its end everything ends that runs there."""

import fcntl
import signal
import socket
import struct
import sys

SIOCSIFFLAGS, SIOCSIFADDR, IFF_UP = 0x8914, 0x8916, 1
ASKED = struct.Struct("=?H4s")
"""Whether to connect there rather than to listen, the port, and the address."""


def main(name):
    """Set the machine up, and hand out sockets that listen or are connected until nobody can ask any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # whoever loses their parent here is nobody's zombie
    socket.sethostname(name)
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
        # On a loopback all addresses of the network belong to the machine, here 10.0.0.0/8.
        own = struct.pack("16shH4s8x", b"lo:1", socket.AF_INET, 0, socket.inet_aton("10.0.0.1"))
        fcntl.ioctl(any_socket, SIOCSIFADDR, own)
    print("up", flush=True)
    with socket.socket(fileno=0) as line:
        while asked := line.recv(ASKED.size):
            connects, port, address = ASKED.unpack(asked)
            place = (socket.inet_ntoa(address), port)
            try:
                made = socket.create_connection(place, timeout=1) if connects else socket.create_server(place)
            except OSError as error:
                line.sendall(str(error).encode())
                continue
            with made:
                socket.send_fds(line, [b"here"], [made.fileno()])


if __name__ == "__main__":
    main(*sys.argv[1:])
