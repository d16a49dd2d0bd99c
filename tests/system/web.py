"""A small HTTP client that shows each answer as it is."""

import http.client
import json
import typing
import urllib.parse


class Answer(typing.NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Client:
    """One keep-alive connection, opened by the first request and again after the server closed it."""

    def __init__(self, url, seconds=10.0, address=None):
        """`address` is the client's own, if it matters."""
        server = urllib.parse.urlsplit(url)
        self.connection = http.client.HTTPConnection(server.hostname, server.port, timeout=seconds,
                                                     source_address=address and (address, 0))

    def request(self, method, path, body=None, headers=None):
        self.connection.request(method, path, body, headers or {})
        response = self.connection.getresponse()
        return Answer(response.status, response.headers, response.read())

    def get(self, path):
        return self.request("GET", path)

    def post(self, body, content_type="application/json", path="/events"):
        """Sends bytes as they are and everything else as JSON."""
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.request("POST", path, payload, {"Content-Type": content_type})

    def is_open(self):
        return self.connection.sock is not None

    def close(self):
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def get(url, path):
    """One GET on a connection of its own."""
    with Client(url) as client:
        return client.get(path)


def post(url, body, **options):
    """One POST on a connection of its own."""
    with Client(url) as client:
        return client.post(body, **options)


def refuses_connections(url):
    """Whether nothing listens there any more."""
    address = urllib.parse.urlsplit(url)
    probe = http.client.HTTPConnection(address.hostname, address.port, timeout=5)
    try:
        probe.connect()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        pass  # it was still waiting to be accepted when listening ended
    finally:
        probe.close()
    return False
