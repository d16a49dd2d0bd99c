"""Behind a proxy that reuses its connections, no request of one visitor changes what another one's does.

Takes --bin, the folder that the programs were built into. The minimal server runs behind HAProxy and nginx.
"""

import argparse
import contextlib
import os
import pathlib
import shutil
import socket
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "system"))
import nginx  # noqa: E402
from harness import Skip, check, need, wait_until  # noqa: E402
from programs import free_port, running, stored  # noqa: E402
from web import post  # noqa: E402

METHODS = ("GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "POST", "DELETE")
TARGETS = ("/events", "/nowhere", "/")

HAPROXY = """\
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
listen minimal
    bind 127.0.0.1:{port}
    http-reuse always
    server minimal 127.0.0.1:{server}
"""

NGINX = """\
  upstream minimal {{
    server 127.0.0.1:{server};
    keepalive 8;
  }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://minimal;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }}
  }}
"""


def accepts(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def smuggled(size):
    """A body that begins a request, whose body the next visitor's request would be."""
    head = "POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/html\r\nContent-Length: 100000\r\n\r\n"
    return head.encode().ljust(size, b"x")


def attack(port, method, target, headers, body, at_once):
    """Sends a request with a body: all of it, or the body when the answer is there or does not come."""
    head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode()
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall(head + body if at_once else head)
        client.settimeout(10 if at_once else 0.1)
        with contextlib.suppress(TimeoutError):
            client.recv(65536)
        if not at_once:
            client.sendall(body)
            with contextlib.suppress(TimeoutError):
                client.recv(65536)


def next_visitors_are_served(port, folder):
    expected = []
    for method in METHODS:
        for target in TARGETS:
            for size, at_once in ((120, False), (20_000, True), (40_000, True)):
                body = smuggled(size)
                chunks = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\nTrailer: a\r\n\r\n"
                for headers, sent in ((f"Content-Length: {size}\r\n", body),
                                      ("Transfer-Encoding: chunked\r\n", chunks)):
                    attack(port, method, target, headers, sent, at_once)
                    name = f"visitor_{len(expected)}"
                    attacked = f"{method} {target} {headers.strip()} at_once={at_once}"
                    status = post(f"http://127.0.0.1:{port}", {"event": name}).status
                    check(status == 202, f"the visitor after {attacked} got {status}")
                    expected.append(name)
                    check(stored(folder)[-1]["event"] == name, f"the event after {attacked} is not stored")
    check([event["event"] for event in stored(folder)] == expected, "other events were stored than the visitors'")


@contextlib.contextmanager
def haproxy(server, port, folder):
    program = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin")  # which an ordinary user's may lack
    need(program, "haproxy")
    file = folder / "configuration"
    file.write_text(HAPROXY.format(port=port, server=server))
    with running([program, "-q", "-db", "-f", str(file)], folder):
        yield


def stock_nginx(server, port, folder):
    return nginx.running(NGINX.format(port=port, server=server), folder)


def behind(proxy, programs):
    """Runs the case behind a proxy."""
    with tempfile.TemporaryDirectory(prefix="eventcollect-") as name, contextlib.ExitStack() as stack:
        folder = pathlib.Path(name)
        (folder / "proxy").mkdir()
        server, port = free_port(), free_port()
        stack.enter_context(running([programs / "eventcollect-minimal-server", str(server)], folder))
        stack.enter_context(proxy(server, port, folder / "proxy"))
        for listener in (server, port):
            wait_until(lambda: accepts(listener), "an open port")
        next_visitors_are_served(port, folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", required=True, type=os.path.abspath)
    programs = pathlib.Path(parser.parse_args().bin)
    skipped = False
    for name, proxy in (("haproxy", haproxy), ("nginx", stock_nginx)):
        try:
            behind(proxy, programs)
            print(f"passed: behind {name}", flush=True)
        except Skip as reason:
            print(f"skipped: behind {name}: {reason}", flush=True)
            skipped = True
    sys.exit(77 if skipped else 0)


if __name__ == "__main__":
    main()
