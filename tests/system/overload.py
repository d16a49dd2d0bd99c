#!/usr/bin/env python3
"""More load than the sink can take, a sink that hangs, and a sink that fails and comes back.

Whatever the sink does, clients get 503 with Retry-After and never a wait without end, memory stays bounded, and
health and pages are answered. When the sink is well again, so is the server, without a restart and with the threads
and descriptors that it had. Everything acknowledged is stored once; what was rejected as unavailable is not stored.

Takes the server whose sink a test can command (controlled_server.cpp).
"""

import collections
import json
import pathlib
import select
import signal
import socket
import sys

import harness
import web
from events import check_stored_once, fresh_event
from harness import check, wait_until
from operations import scrape

MIB = 1 << 20
QUEUE_BYTES = 64 * MIB
BUDGET_BYTES = 64 * MIB  # what the loaded server may take beside its queue
EVENT_BYTES = 10_000
TIMEOUT = 30  # seconds for whatever has to happen sooner or later


class Control:
    """Tells the server's sink what to do; returns when that holds."""

    def __init__(self, path):
        self.path = str(path)

    def __call__(self, command):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(TIMEOUT)
            connection.connect(self.path)
            connection.sendall(f"{command}\n".encode())
            answer = connection.recv(100)
        check(answer == b"ok\n", f"the sink's answer to {command}: {answer!r}")


def start(context, *options):
    """A server and the control of its sink."""
    socket_path = context.folder / "control"
    server = context.start(*options, to=f"controlled:{context.events}?control={socket_path}")
    return server, Control(socket_path)


class Crowd:
    """Connections that each send a request and then wait for its answer, all of them at the same time.

    One request's bytes are sent after the other's, so what the server keeps of them is its queue.
    """

    def __init__(self, context, server, size, events=30, event_bytes=EVENT_BYTES):
        self.random = context.random
        self.shape = (events, event_bytes)
        self.clients = [web.Client(server.url, seconds=TIMEOUT) for _ in range(size)]
        self.waiting = {}  # client: the ids that it sent
        self.answers = collections.Counter()
        self.ids = collections.defaultdict(list)  # by what became of them
        self.offered_bytes = 0

    def send(self):
        """Each client that is not waiting sends events that are new."""
        for client in self.clients:
            if client in self.waiting:
                continue
            events = [fresh_event(self.random, self.shape[1]) for _ in range(self.shape[0])]
            body = json.dumps(events).encode()
            client.connection.request("POST", "/events", body, {"Content-Type": "application/json"})
            self.waiting[client] = [event["event_id"] for event in events]
            self.offered_bytes += len(body)

    def collect(self):
        """Notes the answers that have come by now."""
        waiting = {client.connection.sock.fileno(): client for client in self.waiting}
        poll = select.poll()
        for descriptor in waiting:
            poll.register(descriptor, select.POLLIN)
        for descriptor, _ in poll.poll(0):
            client = waiting[descriptor]
            response = client.connection.getresponse()
            outcome = outcome_of(web.Answer(response.status, response.headers, response.read()))
            self.answers[outcome] += 1
            self.ids[outcome] += self.waiting.pop(client)

    def wait_for_more(self, outcome, what):
        before = self.answers[outcome]

        def is_there():
            self.collect()
            return self.answers[outcome] > before
        wait_until(is_there, what, seconds=TIMEOUT)

    def wait_for_all(self):
        def is_over():
            self.collect()
            return not self.waiting
        wait_until(is_over, "each client is answered", seconds=TIMEOUT)

    def close(self):
        for client in self.clients:
            client.close()


def outcome_of(answer):
    """What an answer promises: accepted, unavailable or in doubt. Any other is wrong."""
    if answer.status == 202:
        check(not answer.body, f"202 for valid events has a body: {answer.body[:300]!r}")
        return "accepted"
    check(answer.status == 503, f"{answer.status} {answer.body[:300]!r} to valid events")
    check(int(answer.headers["Retry-After"] or 0) > 0, "503 without Retry-After")
    code = json.loads(answer.body)["code"]
    check(code in ("sink.unavailable", "sink.in_doubt"), f"503 with the code {code}")
    return "in doubt" if code == "sink.in_doubt" else "unavailable"


def status(server, path):
    return web.get(server.url, path).status


def expect_alive(server):
    """What needs no sink is answered whatever the sink does."""
    for path in ("/healthz", "/", "/metrics"):
        answered = status(server, path)
        check(answered == 200, f"{answered} for {path} while the sink does not work")


def wait_for_readiness(server, expected):
    wait_until(lambda: status(server, "/readyz") == expected, f"/readyz is {expected}", seconds=TIMEOUT)


def number(server, name, label='sink="events"'):
    """One number of the metrics."""
    return scrape(server.url).samples[f"eventcollect_{name}", frozenset({label} if label else ())]


def queued_bytes(server):
    return number(server, "sink_queued_bytes")


def check_full_queue(server):
    """The queue is as full as it may be, by its own count and by that of the events in it."""
    queued = queued_bytes(server)
    check(QUEUE_BYTES * 0.8 < queued <= QUEUE_BYTES, f"503 for want of room with {queued:.0f} bytes in the queue")
    events = number(server, "events_accepted_total", None) - number(server, "sink_events_stored_total")
    check(events * EVENT_BYTES <= QUEUE_BYTES, f"{events:.0f} events of over {EVENT_BYTES} bytes are in the queue")


def peak_bytes(server):
    """The most memory that the server ever had."""
    text = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("VmHWM:"))


def check_memory(server, crowd):
    peak, most = peak_bytes(server), QUEUE_BYTES + BUDGET_BYTES
    print(f"    {dict(crowd.answers)}; {crowd.offered_bytes // MIB} MiB offered, at most {peak // MIB} MiB in memory")
    check(crowd.offered_bytes > 2 * most, "too little was offered to show that memory is bounded")
    check(peak <= most, f"{peak // MIB} MiB in memory, {most // MIB} MiB are the bound")


def held(server):
    """How many threads and descriptors the server has."""
    process = pathlib.Path(f"/proc/{server.process.pid}")
    return {what: sum(1 for _ in (process / what).iterdir()) for what in ("task", "fd")}


def check_stored(context, crowd):
    """All that was acknowledged is stored once; what was rejected as unavailable is not."""
    counts = check_stored_once(context.events, crowd.ids["accepted"])
    wrong = sorted(counts.keys() & set(crowd.ids["unavailable"]))
    check(not wrong, f"{len(wrong)} events are stored although their sender was told that they are not: {wrong[:3]}")
    strangers = counts.keys() - set(crowd.ids["accepted"]) - set(crowd.ids["in doubt"])
    check(not strangers, f"{len(strangers)} stored events were never sent: {sorted(strangers)[:3]}")
    return counts.keys()


def more_than_the_sink_can_take(context):
    """Several times the load that a slow sink can take: it gets full batches, who finds no room gets 503."""
    server, tell = start(context, "--ack-timeout", "10m")
    tell("hang")
    crowd = Crowd(context, server, 300)
    for _ in range(10):
        crowd.send()
        crowd.wait_for_more("unavailable", "503 for want of room")
        check_full_queue(server)
        expect_alive(server)
        tell("step")
        crowd.wait_for_more("accepted", "a batch is acknowledged")
    check(crowd.answers["unavailable"] > crowd.answers["accepted"], f"that was no overload: {crowd.answers}")
    tell("pass")
    crowd.wait_for_all()
    check(crowd.answers["in doubt"] == 0, "in doubt, although nothing failed")
    check_memory(server, crowd)
    crowd.send()
    crowd.wait_for_all()
    crowd.close()
    server.stop()
    check_stored(context, crowd)


def sink_that_hangs(context):
    """Nobody waits for ever, memory is bounded, and when it goes on everything is as it was before."""
    server, tell = start(context, "--ack-timeout", "300ms")
    before = held(server)
    crowd = Crowd(context, server, 100)
    for _ in range(2):
        crowd.send()
        crowd.wait_for_more("accepted", "202 while the sink works")
        crowd.wait_for_all()
        tell("hang")
        crowd.send()
        crowd.wait_for_more("in doubt", "503 when the sink did not confirm in time")
        wait_for_readiness(server, 503)
        for _ in range(5):
            crowd.send()
            crowd.wait_for_all()
            expect_alive(server)
            check(status(server, "/readyz") == 503, "ready while the sink hangs")
        tell("pass")
        wait_for_readiness(server, 200)
        wait_until(lambda: queued_bytes(server) == 0, "what was queued is written", seconds=TIMEOUT)
    check(crowd.answers["unavailable"] > 0, "the queue was never full")
    check_memory(server, crowd)
    crowd.close()
    wait_until(lambda: held(server) == before, "the server has the threads and descriptors that it had")
    server.stop()
    check_stored(context, crowd)


def stopped_while_the_sink_hangs(context):
    """SIGTERM ends a server whose sink never returns, and the exit status says that events were not written."""
    server, tell = start(context, "--ack-timeout", "10m", "--drain-timeout", "2s")
    tell("hang")
    crowd = Crowd(context, server, 5)
    crowd.send()
    wait_until(lambda: queued_bytes(server) > 0, "the sink has something to write")
    server.signal(signal.SIGTERM)
    code = server.wait_exit(TIMEOUT)
    check(code == 1, f"ended with {code}, although events could not be written")
    check("could not be written" in server.text(), f"the log does not say so: {server.text()[-500:]}")
    crowd.close()
    context.start().stop()
    check_stored(context, crowd)


def stopped_and_then_the_sink_goes_on(context):
    """A hang that ends within the drain timeout costs nobody anything."""
    server, tell = start(context, "--ack-timeout", "10m", "--drain-timeout", "60s")
    tell("hang")
    crowd = Crowd(context, server, 5)
    crowd.send()
    wait_until(lambda: queued_bytes(server) > 0, "the sink has something to write")
    url = server.url
    server.signal(signal.SIGTERM)
    wait_until(lambda: web.refuses_connections(url), "listening ends")
    tell("pass")
    crowd.wait_for_all()
    check(crowd.answers["accepted"] == 5, f"{crowd.answers} to requests in flight")
    code = server.wait_exit(TIMEOUT)
    check(code == 0, f"ended with {code}, although everything was written")
    crowd.close()
    check_stored(context, crowd)


def sink_that_fails_and_comes_back(context):
    """Several times: 503 meanwhile, readiness returns by itself, and the log tells of it once."""
    server, tell = start(context)
    before = held(server)
    crowd = Crowd(context, server, 20, events=3, event_bytes=100)
    for failing, outcome in (("fail", "unavailable"), ("doubt", "in doubt"), ("fail", "unavailable")):
        crowd.send()
        crowd.wait_for_all()
        tell(failing)
        before_failures = crowd.answers.copy()
        for _ in range(20):
            crowd.send()
            crowd.wait_for_all()
            expect_alive(server)
        answers = crowd.answers - before_failures
        # Once the sink is known to be down, it gets few requests, and the others are in no doubt.
        check(sum(answers.values()) == 400 and answers[outcome] > 0 and set(answers) <= {outcome, "unavailable"},
              f"{dict(answers)} while the sink was told to {failing}")
        if failing == "fail":
            check(status(server, "/readyz") == 503, "ready although the sink fails")
        tell("pass")
        wait_for_readiness(server, 200)
        accepted = crowd.answers["accepted"]
        crowd.send()
        crowd.wait_for_all()
        check(crowd.answers["accepted"] == accepted + 20, f"not 202 for all when ready again: {dict(crowd.answers)}")
    crowd.close()
    wait_until(lambda: held(server) == before, "the server has the threads and descriptors that it had")
    server.stop()
    stored = check_stored(context, crowd)
    check(set(crowd.ids["in doubt"]) <= stored, "what the sink stored and then doubted is not there")
    lines = server.log.read_text().splitlines()
    reports = [line for line in lines if "told to" in line]
    check(1 <= len(reports) <= 30, f"{len(reports)} lines about three failures")


def readiness_follows_without_traffic(context):
    """By a timer alone. What --ack accepted took meanwhile is stored when the sink is back."""
    server, tell = start(context, "--ack", "accepted")
    accepted = []
    for _ in range(3):
        tell("fail")
        wait_for_readiness(server, 503)
        for _ in range(10):
            event = fresh_event(context.random)
            check(outcome_of(web.post(server.url, event)) == "accepted", "no 202 with --ack accepted")
            accepted.append(event["event_id"])
        tell("pass")
        wait_for_readiness(server, 200)
    server.stop()
    check_stored_once(context.events, accepted)


CASES = [more_than_the_sink_can_take, sink_that_hangs, stopped_while_the_sink_hangs,
         stopped_and_then_the_sink_goes_on, sink_that_fails_and_comes_back, readiness_follows_without_traffic]

if __name__ == "__main__":
    sys.exit(harness.run(__doc__, CASES, seconds_per_case=120))
