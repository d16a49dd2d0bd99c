#!/usr/bin/env python3
"""What a million events cost each process of the pipeline in CPU time, and what it needs at 100 events a second.

The server writes to RabbitMQ, one event in a request; the archiver puts them to S3, the loader from there to PostgreSQL,
the compactor makes hourly objects. These servers are those of tests/services.py; their own time is not counted.

    python3 tests/services.py with python3 tests/benchmarks/pipeline_cost.py --bin build/release/bin

Needs wrk.
"""

import argparse
import http.client
import os
import pathlib
import subprocess
import tempfile
import threading
import time

import server as benchmark  # beside this file

import harness  # noqa: E402, its folder is one that server.py names
import web  # noqa: E402
from operations import scrape  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
RATE = 100  # events a second
EVENT = '{"event":"clicked_event","url":"https://www.example.com/","properties":{"button":"buy"}}'


def cpu_seconds(child):
    """Of a server that runs."""
    fields = pathlib.Path(f"/proc/{child.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def run(*command, folder):
    """Runs a program to its end and returns the CPU seconds that it took."""
    with (folder / "log").open("w") as log, subprocess.Popen(list(map(str, command)), cwd=folder, stdout=log, stderr=log) as child:
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise SystemExit(f"{command[0]} ended with {child.returncode}: {(folder / 'log').read_text()[-1000:]}")
    return usage.ru_utime + usage.ru_stime


def accepted(url):
    samples = scrape(url).samples.items()
    return sum(value for (name, labels), value in samples
               if name == "eventcollect_http_responses_total" and 'status="202"' in labels)


def trickle(url, seconds):
    """Single events at a steady rate, on one connection."""
    connection = http.client.HTTPConnection(url.partition("//")[2])
    begin, pause = time.monotonic(), threading.Event()
    for number in range(RATE * seconds):
        connection.request("POST", "/events", EVENT, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        if answer.status != 202 or answer.read():
            raise SystemExit(f"{answer.status} to an event")
        pause.wait(max(0.0, begin + (number + 1) / RATE - time.monotonic()))
    return time.monotonic() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=lambda path: pathlib.Path(path).resolve(), required=True)
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--seconds", type=int, default=60, help="of 100 events a second")
    options = parser.parse_args()
    name = f"cost{os.getpid()}"
    queue = f"{os.environ['EVENTCOLLECT_TEST_AMQP'].rpartition('/')[0]}/?queue={name}&declare=classic"
    objects = os.environ["EVENTCOLLECT_TEST_S3"].replace("/tests?", f"/{name}?")
    database = f"{os.environ['EVENTCOLLECT_TEST_POSTGRES']}?table={name}"
    archive = [options.bin / "eventcollect-archive", "--from", queue, "--to", objects]

    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        server = harness.Server([options.bin / "eventcollect-server", "--listen", "127.0.0.1:0", "--to", queue],
                                folder / "server", harness.environment(), folder).wait_ready()
        harness.wait_until(lambda: web.get(server.url, "/readyz").status == 200, "the server uses the queue that it made", 60)
        archiver = harness.Server([*archive, "--max-age", "10s"], folder / "archive", harness.environment(), folder)
        try:
            before = [cpu_seconds(child) for child in (server, archiver)]
            seconds = trickle(server.url, options.seconds)
            shares = [100 * (cpu_seconds(child) - start) / seconds for child, start in zip((server, archiver), before)]
            print("at {} events/s: server {:.2f} % of a core, archive {:.2f} %".format(RATE, *shares), flush=True)
            archiver.kill()
            start, before = accepted(server.url), cpu_seconds(server)
            while accepted(server.url) - start < options.events:
                subprocess.run(["wrk", "-t1", "-c64", "-d3", "-s", benchmark.HERE / "post.lua", server.url], check=True,
                               stdout=subprocess.DEVNULL)
            flooded = accepted(server.url) - start
            costs = {"server": (cpu_seconds(server) - before) / flooded}
            total = accepted(server.url)
        finally:
            archiver.kill()
            server.kill()
        costs["archive"] = run(*archive, "--once", folder=folder) / flooded
        costs["load"] = run(options.bin / "eventcollect-load", "--from", objects, "--to", database, folder=folder) / total
        costs["compact"] = run(options.bin / "early_compactor", objects, 7200, "once", folder=folder) / total
    print(f"CPU seconds for a million events (of {total:.0f}):")
    for program, seconds in costs.items():
        print(f"  {program:<8} {1e6 * seconds:6.2f}")


if __name__ == "__main__":
    main()
