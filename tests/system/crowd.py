"""Many connections to one server at once, as slow and as hostile clients hold them."""

import http.client
import itertools
import pathlib
import re
import resource
import socket
import urllib.parse

from harness import need

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
CONNECTIONS_PER_ADDRESS = 5000  # an address has some 28,000 ports, which other programs use, too
IP_BIND_ADDRESS_NO_PORT = 24


def post_of(body, length=None):
    """The bytes of a POST whose body has this length, or says so."""
    return (f"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body) if length is None else length}\r\n\r\n").encode() + body


def allow_descriptors(count):
    """Lets this process have so many open at once."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    need(hard == resource.RLIM_INFINITY or hard >= count, f"{count} descriptors (ulimit -Hn says {hard})")
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def resident_bytes(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)[1]) * 1024


def read_status(connection):
    """Reads one answer and returns its status; 0 if the server closed without one."""
    response = http.client.HTTPResponse(connection)
    try:
        response.begin()
        response.read()
        return response.status
    except (http.client.RemoteDisconnected, ConnectionResetError):
        return 0
    finally:
        response.close()


class Crowd:
    """Connections that stay open until the crowd is gone, from as many addresses as they need."""

    def __init__(self, url):
        address = urllib.parse.urlsplit(url)
        self.address = address.hostname, address.port
        self.connections = []

    def connect(self, count, first_words=b""):
        """Opens connections, all of which then say the same, and returns them."""
        new = []
        for _ in range(count):
            connection = socket.socket()
            self.connections.append(connection)
            connection.settimeout(20)
            connection.setsockopt(socket.SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            connection.bind((f"127.0.0.{2 + len(self.connections) // CONNECTIONS_PER_ADDRESS}", 0))
            connection.connect(self.address)
            new.append(connection)
        for connection in new if first_words else []:
            connection.sendall(first_words)
        return new

    def connect_used(self, count):
        """Connections that have had an answer and are kept for a next request."""
        new = self.connect(count, GET)
        assert all(read_status(connection) == 200 for connection in new)
        return new

    def connect_dripping(self, count):
        """Connections in the middle of a POST, half of them in its head and half in its body; see drip()."""
        in_head = post_of(b"")[:-4] + b"\r\nX-Padding: "
        in_body = post_of(b'{"event":"', length=100_000)
        return Dripping(self.connect(count // 2, in_head) + self.connect(count - count // 2, in_body))

    def close(self):
        for connection in self.connections:
            connection.close()
        self.connections.clear()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Dripping:
    def __init__(self, connections):
        self.connections = connections
        self.turns = itertools.cycle(connections)

    def drip(self, count=8):
        """The next `count` of them send a byte."""
        for connection in itertools.islice(self.turns, count):
            connection.sendall(b"x")


def connect_at_once(url, count, request):
    """Opens connections, sends a request on each before any answer is read, and returns the answers' statuses."""
    with Crowd(url) as crowd:
        return [read_status(connection) for connection in crowd.connect(count, request)]
