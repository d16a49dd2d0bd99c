"""What the server costs against a server that does nothing, and against a small Node server that stores as it does.

    python3 tests/benchmarks/server.py --bin build/release/bin

Needs wrk and node. All servers run at once, on loopback, and are loaded in turn, so that the halves of a pair lie
seconds apart: machines drift, and so do two runs. Each ratio is the median over the rounds.
"""

import argparse
import os
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))

from harness import Server, environment  # noqa: E402
from web import Client  # noqa: E402

EVENT = b'{"event":"clicked_event","url":"https://www.example.com/","properties":{"element":"button","x":412}}'


class Load:
    """What wrk measured: requests a second, and the times of answers in microseconds."""

    def __init__(self, url, connections, seconds):
        command = ["wrk", "--connections", str(connections), "--threads", "1", "--duration", f"{seconds}s",
                   "--latency", "--script", str(HERE / "post.lua"), url]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        numbers = {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", text)}
        if numbers["failed"] > 0 or numbers["requests"] == 0:
            raise SystemExit(f"wrk saw failures: {text}")
        self.rate = numbers["requests"] / numbers["microseconds"] * 1e6
        self.requests = numbers["requests"]
        self.median = numbers["median"]
        self.p99 = numbers["p99"]


class Contestant:
    def __init__(self, folder, name, command):
        self.name = name
        self.server = Server(command, folder / name, environment(), folder).wait_ready()
        self.pid = self.server.process.pid

    def load(self, connections, seconds):
        return Load(self.server.url, connections, seconds)

    def resident_mib(self, what="VmRSS"):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"^{what}:\s+(\d+) kB", status, re.MULTILINE)[1]) / 1024

    def cpu_seconds(self):
        """Of all its threads; /proc/PID/stat counts in hundredths only."""
        tasks = pathlib.Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def report(what, asked, measured):
    print(f"{what:<64} {asked:>12}  {measured}", flush=True)


def spread(values, form="{:.2f}"):
    ordered = sorted(values)
    low, middle, high = ordered[0], statistics.median(ordered), ordered[-1]
    return f"{form.format(middle)}  ({form.format(low)} to {form.format(high)})"


def throughput(contestants, rounds, seconds):
    """Rates by name, a list of one a round; each round begins with another server."""
    rates = {one.name: [] for one in contestants}
    cpu = {one.name: [] for one in contestants}
    for turn in range(rounds):
        shift = turn % len(contestants)
        for one in contestants[shift:] + contestants[:shift]:
            before = one.cpu_seconds()
            load = one.load(64, seconds)
            rates[one.name].append(load.rate)
            cpu[one.name].append((one.cpu_seconds() - before) / load.requests * 1e6)
    for one in contestants:
        report(f"{one.name} requests/s, 64 connections", "", spread(rates[one.name], "{:.0f}") +
               f", {statistics.median(cpu[one.name]):.1f} CPU seconds a million")
    return rates


def ratios(rates, ours, theirs):
    return [a / b for a, b in zip(rates[ours], rates[theirs])]


def sync_microseconds(folder):
    """The median fdatasync of a 4 KiB append."""
    times = []
    with open(folder / "sync", "wb", buffering=0) as file:
        for _ in range(500):
            file.write(b"x" * 4096)
            begin = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - begin) * 1e6)
    return statistics.median(times)


def latency(folder, durable, stock, rounds):
    """Median answers at one connection, against one fdatasync and the empty server's answer."""
    found = []
    for _ in range(rounds):
        sync = sync_microseconds(folder)
        empty = stock.load(1, 1).median
        ours = durable.load(1, 1).median
        found.append((ours / (sync + empty), ours, sync, empty))
    ratio = spread([one[0] for one in found])
    parts = [f"{statistics.median(column):.0f}" for column in list(zip(*found))[1:]]
    report("durable: median answer at 1 connection / (fdatasync + empty)", "<= 1.5",
           f"{ratio}, {parts[0]} µs against {parts[1]} + {parts[2]}")


def idle(contestant, seconds):
    with Client(contestant.server.url) as client:  # a connection that waits is no work either
        assert client.post(EVENT).status == 202
        begin, before = time.monotonic(), contestant.cpu_seconds()
        time.sleep(seconds)
        used = (contestant.cpu_seconds() - before) / (time.monotonic() - begin) * 100
    report(f"idle: CPU over {seconds} s", "< 0.1 %", f"{used:.3f} %")
    report("idle: resident", "< 15 MiB", f"{contestant.resident_mib():.1f} MiB")


def start_milliseconds(folder, program, rounds):
    """From the start of the process to its first 202."""
    times = []
    for turn in range(rounds):
        # A port of its own choosing, since the probe knocks before the server says where.
        port = free_port()
        begin = time.perf_counter()
        process = subprocess.Popen([program, "--listen", f"127.0.0.1:{port}", "--to", f"file:start-{turn}",
                                    "--dead-letter", "null:", "--drain-delay", "0s"], cwd=folder, env=environment(),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while True:
            try:
                with Client(f"http://127.0.0.1:{port}") as client:
                    if client.post(EVENT).status == 202:
                        break
            except ConnectionRefusedError:
                pass
        times.append((time.perf_counter() - begin) * 1e3)
        process.terminate()
        process.wait(20)
    report("start to the first durable 202", "< 50 ms", spread(times, "{:.0f}") + " ms")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def stripped_mib(folder, program):
    stripped = folder / "stripped"
    subprocess.run(["strip", "-o", stripped, program], check=True)
    return stripped.stat().st_size / 2**20


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, required=True, help="where the release's programs are")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--seconds", type=int, default=2, help="of load, for each half of a pair")
    parser.add_argument("--directory", help="for the events, on the disk in question")
    options = parser.parse_args()
    program = (options.bin / "eventcollect-server").resolve()
    stock_program = (options.bin / "bench_stock_httplib").resolve()

    with tempfile.TemporaryDirectory(dir=options.directory) as name:
        folder = pathlib.Path(name)
        (folder / "node-events").mkdir()
        ours = [program, "--listen", "127.0.0.1:0", "--dead-letter", "null:"]
        stock = Contestant(folder, "empty cpp-httplib", [stock_program, "64"])
        memory = Contestant(folder, "--ack accepted --to null:", [*ours, "--ack", "accepted", "--to", "null:"])
        accepted = Contestant(folder, "--ack accepted --to file:", [*ours, "--ack", "accepted", "--to", "file:accepted"])
        durable = Contestant(folder, "--to file:", [*ours, "--to", "file:durable"])
        node = Contestant(folder, "Node with group commit", ["node", HERE / "node_server.js", "node-events"])
        contestants = [stock, memory, accepted, durable, node]
        print(f"{'':<64} {'asked':>12}  median (lowest to highest)")
        report("stripped program", "< 3 MiB", f"{stripped_mib(folder, program):.2f} MiB")
        start_milliseconds(folder, program, options.rounds)
        idle(durable, 10)
        rates = throughput(contestants, options.rounds, options.seconds)
        for one, other, asked in ((memory, stock, ">= 0.95"), (accepted, stock, ">= 0.95"), (durable, stock, ">= 0.75"),
                                  (durable, node, ">= 1.4")):
            report(f"{one.name} / {other.name}", asked, spread(ratios(rates, one.name, other.name)))
        report("durable: most resident under load", "< 64 MiB", f"{durable.resident_mib('VmHWM'):.1f} MiB")
        report("accepted: most resident under load", "< 64 MiB", f"{accepted.resident_mib('VmHWM'):.1f} MiB")
        latency(folder, durable, stock, options.rounds)
        for one in contestants:
            one.server.kill()


if __name__ == "__main__":
    main()
