"""What a spool costs: the rate of 202s against the file sink alone, and how much later an event is in the far side.

    python3 tests/benchmarks/spool.py --bin build/release/bin

Needs wrk. Both servers run at once and are loaded in turn, as in server.py; the backlog of a half is shipped before
the next one begins, since it is the 202 side that is compared.
"""

import argparse
import contextlib
import json
import pathlib
import sqlite3
import tempfile
import time
import uuid

from server import Contestant, ratios, report, spread, throughput  # beside this file

from operations import scrape  # noqa: E402, its folder is one that server.py names
from web import Client  # noqa: E402


def backlog_bytes(url):
    return sum(value for (name, _), value in scrape(url).samples.items() if name == "eventcollect_spool_backlog_bytes")


class Spooled(Contestant):
    def load(self, connections, seconds):
        load = super().load(connections, seconds)
        self.ship()
        return load

    def ship(self):
        begin = time.monotonic()
        while backlog_bytes(self.server.url) > 0:
            if time.monotonic() - begin > 120:
                raise SystemExit(f"{self.name}: a backlog of {backlog_bytes(self.server.url):.0f} bytes after 120 s")
            time.sleep(0.05)


def milliseconds_to_row(url, database, count):
    """From the 202 to the row that another connection sees."""
    times = []
    with Client(url) as client, contextlib.closing(sqlite3.connect(database)) as rows:
        for _ in range(count):
            event_id = str(uuid.uuid4())
            assert client.post(json.dumps({"event": "e", "event_id": event_id}).encode()).status == 202
            begin = time.perf_counter()
            while not rows.execute("SELECT 1 FROM events WHERE event_id = ?", (event_id,)).fetchone():
                if time.perf_counter() - begin > 10:
                    raise SystemExit("no row after 10 s")
            times.append((time.perf_counter() - begin) * 1e3)
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, required=True, help="where the release's programs are")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--seconds", type=int, default=2, help="of load, for each half of a pair")
    parser.add_argument("--directory", help="for the events, on the disk in question")
    options = parser.parse_args()
    program = (options.bin / "eventcollect-server").resolve()

    with tempfile.TemporaryDirectory(dir=options.directory) as name:
        folder = pathlib.Path(name)
        ours = [program, "--listen", "127.0.0.1:0", "--dead-letter", "null:"]
        alone = Contestant(folder, "--to file:", [*ours, "--to", "file:alone"])
        spooled = [Spooled(folder, f"--spool --to {scheme}:", [*ours, "--spool", f"spool-{scheme}", "--to", target])
                   for scheme, target in (("file", "file:far"), ("sqlite", "sqlite:far.db"))]
        print(f"{'':<64} {'asked':>12}  median (lowest to highest)")
        rates = throughput([alone, *spooled], options.rounds, options.seconds)
        for one in spooled:
            report(f"{one.name} / {alone.name}", ">= 0.90", spread(ratios(rates, one.name, alone.name)))
        times = milliseconds_to_row(spooled[-1].server.url, folder / "far.db", 100)
        report("from 202 to the row in SQLite", "< 300 ms", spread(times, "{:.1f}") + " ms")
        for one in spooled:
            report(f"{one.name}: most resident under load", "", f"{one.resident_mib('VmHWM'):.1f} MiB")
        for one in (alone, *spooled):
            one.server.kill()


if __name__ == "__main__":
    main()
