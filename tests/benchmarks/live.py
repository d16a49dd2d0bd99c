"""What the live page costs a server under load: CPU a request without it, with it, and with ten viewers.

    python3 tests/benchmarks/live.py --bin build/release/bin

Needs wrk. The servers are loaded in turn, so that the parts of a round lie seconds apart; each ratio is the median over the
rounds. The viewers ask as the page does, every second for what came after their last answer.
"""

import argparse
import contextlib
import json
import pathlib
import statistics
import tempfile
import threading

from server import Contestant, report, spread
from web import Client

VIEWERS = 10
POLL_SECONDS = 1


@contextlib.contextmanager
def viewers(url, count):
    """Yields a list to which each answer's size is appended."""
    done = threading.Event()
    sizes = []

    def look():
        path = "/live/events"
        with Client(url) as client:
            while not done.wait(POLL_SECONDS):
                answer = client.get(path)
                sizes.append(len(answer.body))
                path = "/live/events?after=" + json.loads(answer.body.splitlines()[-1])["cursor"]

    threads = [threading.Thread(target=look) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield sizes
    finally:
        done.set()
        for thread in threads:
            thread.join()


def microseconds_a_request(contestant, watched, seconds):
    with viewers(contestant.server.admin, VIEWERS if watched else 0) as sizes:
        before = contestant.cpu_seconds()
        load = contestant.load(64, seconds)
        used = contestant.cpu_seconds() - before
    if watched:
        print(f"{len(sizes)} answers of {statistics.median(sizes) / 1024:.0f} KiB beside {load.rate:.0f} requests/s", flush=True)
    return used / load.requests * 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, required=True, help="where the release's programs are")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=int, default=3, help="of load, for each part of a round")
    parser.add_argument("--to", default="null:", help="null:, where the page weighs most, or file:NAME")
    options = parser.parse_args()
    program = (options.bin / "eventcollect-server").resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)

        def start(name, *more):
            where = options.to if options.to == "null:" else f"{options.to}-{name}"
            return Contestant(folder, name, [program, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--dead-letter",
                                             "null:", "--to", where, *more])

        # One that is watched stays so for a while, which the one that is not must not see.
        parts = {"without": (start("plain"), False), "unwatched": (start("unwatched", "--live"), False),
                 "ten viewers": (start("watched", "--live"), True)}
        cost = {part: [] for part in parts}
        for turn in range(options.rounds):
            order = list(parts)
            for part in order[turn % 3:] + order[:turn % 3]:
                cost[part].append(microseconds_a_request(*parts[part], options.seconds))
        for part, asked in (("unwatched", "<= 1.02"), ("ten viewers", "<= 1.10")):
            report(f"CPU a request, --live, {part} / without", asked, spread([a / b for a, b in zip(cost[part], cost["without"])]))
        for part, values in cost.items():
            report(f"CPU a request, {part}, in microseconds", "", spread(values))
        for contestant, _ in parts.values():
            contestant.server.kill()


if __name__ == "__main__":
    main()
