"""What slow, very many and hostile clients cost the others.

    python3 tests/benchmarks/hostile.py build/release/bin/eventcollect-server

The server runs with its default limits, the clients on the same machine, so that every time includes what Python
takes for its part.
"""

import argparse
import collections
import contextlib
import gzip
import itertools
import os
import pathlib
import statistics
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "system"))

import nginx  # noqa: E402
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


# Bodies that are cheap to send: a name, the body, its content coding.
ATTACKS = [
    ("white space, gzipped", gzip.compress(b"\n" * 2**20), "gzip"),
    ("white space, 90 to 1", gzip.compress(b"".join(b"\n" * 80 + bytes([33 + i % 90]) for i in range(9_000))), "gzip"),
    ("events that are none", b"[" + b",".join([b"1"] * 1_000) + b"]", "identity"),
    ("keys of tildes, gzipped", gzip.compress(b"[" + b",".join([b'{"%s":1}' % (b"~" * 600)] * 150) + b"]"), "gzip"),
]


def in_rhythm(pause, over, action):
    """Calls `action` with the time when it was due, each `pause` seconds until `over`, and at once what is late."""
    due = time.perf_counter()
    while not over.wait(max(0.0, due - time.perf_counter())):
        action(due)
        due += pause


class Attacker:
    """Sends one body again and again from four addresses, so many bytes a second in all."""

    def __init__(self, url, body, coding, bytes_per_second):
        self.url, self.body, self.coding = url, body, coding
        self.pause = 4 * len(body) / bytes_per_second
        self.over = threading.Event()
        self.statuses = collections.Counter()
        self.answered_bytes = 0
        self.threads = [threading.Thread(target=self.run, args=(f"127.0.0.{i}",)) for i in range(11, 15)]

    def run(self, address):
        headers = {"Content-Type": "application/json", "Content-Encoding": self.coding}
        with web.Client(self.url, address=address) as client:
            def attack(_):
                answer = client.request("POST", "/events", self.body, headers)
                self.answered_bytes += len(answer.body)
                self.statuses[answer.status] += 1

            in_rhythm(self.pause, self.over, attack)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def got(self, seconds):
        counts = ", ".join(f"{count / seconds:.0f} of {status}" for status, count in sorted(self.statuses.items()))
        return f"it got {self.answered_bytes / seconds / 1024:.0f} KiB/s in answers a second: {counts}"


def median_of_posts(url, seconds):
    """From when each was due, fifty a second, so that slow times count as long as they last.

    They come from ten addresses in turn, since the guide's nginx lets each send ten a second.
    """
    over = threading.Event()
    threading.Timer(seconds, over.set).start()
    taken = []
    with contextlib.ExitStack() as stack:
        clients = itertools.cycle([stack.enter_context(web.Client(url, address=f"127.0.0.{i}")) for i in range(21, 31)])

        def post(due):
            expect(next(clients).post({"event": "measured"}), 202)
            taken.append((time.perf_counter() - due) * 1000)

        in_rhythm(0.02, over, post)
    return statistics.median(taken)


def among_attackers(way, url, pairs, seconds):
    """Alone and attacked in turn, so that a machine that drifts does so for both."""
    for name, body, coding in ATTACKS:
        alone, attacked = [], []
        for _ in range(pairs):
            alone.append(median_of_posts(url, seconds))
            with Attacker(url, body, coding, 32 * 1024) as attacker:
                attacked.append(median_of_posts(url, seconds))
        times = statistics.median(b / a for a, b in zip(alone, attacked))
        print(f"POST /events {way}, 32 KiB/s of {name} ({len(body)} bytes each): asked 3 times, {times:.1f} times, "
              f"medians {statistics.median(alone):.2f} ms alone, {statistics.median(attacked):.2f} ms attacked; "
              f"{attacker.got(seconds)}", flush=True)


def attack_both_ways(server, folder, *pairs):
    among_attackers("directly", server.url, *pairs)
    port = nginx.free_port()
    with nginx.running(nginx.guides_block(port, server.url.rsplit(":", 1)[1]), folder):
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: not web.refuses_connections(url), "nginx listens")
        among_attackers("through the guide's nginx", url, *pairs)
    letters = sum(path.stat().st_size for path in (folder / "rejected").iterdir())
    over = scrape(server.url).samples["eventcollect_dead_letters_over_rate_total", frozenset()]
    print(f"dead letters after it: {letters / 2**20:.2f} MiB, {over:.0f} over the rate")


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
    parser.add_argument("--pairs", type=int, default=7, help="of times without an attack and with it")
    parser.add_argument("--attacked", type=float, default=2, help="seconds of each of these times")
    parser.add_argument("--rounds", type=int, default=20, help="of simultaneous connects")
    options = parser.parse_args()
    allow_descriptors(11_000)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        command = [options.server, "--listen", "127.0.0.1:0", "--trusted-proxy", "127.0.0.1"]
        server = Server(command, folder / "server", environment(), folder)
        try:
            server.wait_ready()
            attack_both_ways(server, folder, options.pairs, options.attacked)
            among_slow_clients(server, options.requests)
            connects_at_once(server, options.rounds)
            memory_of_connections(server)
        finally:
            server.kill()


if __name__ == "__main__":
    main()
