"""What slow and very many clients cost the others.

    python3 tests/benchmarks/hostile.py build/release/bin/eventcollect-server

The server runs with its default limits, the clients on the same machine, so that every time includes what Python
takes for its part.
"""

import argparse
import os
import pathlib
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "system"))

import web  # noqa: E402
from crowd import GET, Crowd, allow_descriptors, connect_at_once, resident_bytes  # noqa: E402
from harness import Server, check, environment, wait_until  # noqa: E402
from operations import scrape  # noqa: E402


def milliseconds(action):
    began = time.perf_counter()
    action()
    return (time.perf_counter() - began) * 1000


def expect(answer, status):
    check(answer.status == status, f"{answer.status} instead of {status}")


def times(action, count):
    """Median and worst, as text."""
    taken = [milliseconds(action) for _ in range(count)]
    return f"median {statistics.median(taken):.1f} ms, worst {max(taken):.1f} ms of {count}"


def among_slow_clients(server, count):
    with Crowd(server.url) as crowd:
        crowd.connect(500)
        crowd.connect_used(500)
        dripping = crowd.connect_dripping(64)

        def get():
            dripping.drip()
            expect(web.get(server.url, "/"), 200)

        def post():
            dripping.drip()
            expect(web.post(server.url, {"event": "measured"}), 202)

        print(f"GET on a new connection, 1,000 idle and 64 dripping: asked 100 ms, {times(get, count)}")
        print(f"POST /events, the same: {times(post, count)}")


def connects_at_once(server, rounds):
    def connect():
        check(connect_at_once(server.url, 64, GET) == [200] * 64, "not all were answered")

    print(f"64 connects at once, until all are answered: asked 50 ms, {times(connect, rounds)}")


def memory_of_connections(server):
    before = resident_bytes(server.process)
    with Crowd(server.url) as crowd:
        crowd.connect(7000)
        crowd.connect_used(2000)
        crowd.connect_dripping(1000)
        wait_until(lambda: scrape(server.url).samples["eventcollect_http_connections_open", frozenset()] >= 10_000,
                   "10,000 open connections")
        mib = resident_bytes(server.process) / 2**20
    print(f"resident with 10,000 connections: asked under 200 MiB, {mib:.1f} MiB ({before / 2**20:.1f} MiB before)")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("server", type=os.path.abspath, help="the server's binary")
    parser.add_argument("--requests", type=int, default=500, help="GETs and POSTs among slow clients")
    parser.add_argument("--rounds", type=int, default=20, help="of simultaneous connects")
    options = parser.parse_args()
    allow_descriptors(11_000)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        server = Server([options.server, "--listen", "127.0.0.1:0"], folder / "server", environment(), folder)
        try:
            server.wait_ready()
            among_slow_clients(server, options.requests)
            connects_at_once(server, options.rounds)
            memory_of_connections(server)
        finally:
            server.kill()


if __name__ == "__main__":
    main()
