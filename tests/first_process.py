"""The first process of a machine of `machines.py`: with its end everything ends that runs there."""

import fcntl
import signal
import socket
import struct
import sys

SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def main(name):
    """Set the machine up, and hand out listening sockets until nobody can ask any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # whoever loses their parent here is nobody's zombie
    socket.sethostname(name)
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
    print("up", flush=True)
    with socket.socket(fileno=0) as line:
        while asked := line.recv(4):
            try:
                listener = socket.create_server(("127.0.0.1", struct.unpack("i", asked)[0]))
            except OSError as error:
                line.sendall(str(error).encode())
                continue
            with listener:
                socket.send_fds(line, [b"here"], [listener.fileno()])


if __name__ == "__main__":
    main(*sys.argv[1:])
