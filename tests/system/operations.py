#!/usr/bin/env python3
"""What an operator relies on: health, readiness, metrics and logs.

Metrics are valid Prometheus text with conventional names and count what happened. --admin takes them and the
probes off the public port, where slow clients cannot hold them up. Logs stay short under a flood of failures, and
neither logs nor metrics hold anything of an event.
"""

import json
import re
import socket
import sys
import time
import urllib.parse

import harness
import web
from events import fresh_event, stored_events
from harness import check, wait_until

# The text exposition format, version 0.0.4, as Prometheus documents it.
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
VALUE = r"[-+]?(?:[0-9.]+(?:[eE][-+]?[0-9]+)?|Inf)|NaN"
SAMPLE = re.compile(rf"({NAME})(?:\{{((?:{LABEL},?)*)\}})? ({VALUE})(?: -?[0-9]+)?")
KINDS = ("counter", "gauge", "histogram", "summary", "untyped")
UNCONVENTIONAL = re.compile(r"_(ms|us|ns|(milli|micro|nano)(s|seconds)|minutes|hours|[kmg]i?b|(kilo|mega|giga)bytes)(_|$)")


class Metrics:
    """One scrape, checked line by line."""

    def __init__(self, text):
        self.kinds, self.helped, self.samples = {}, set(), {}
        check(text.endswith("\n"), "the last line of the metrics has no newline")
        for line in text.splitlines():
            self.read(line)
        check(self.samples, "no metrics")

    def read(self, line):
        comment = re.fullmatch(rf"# (HELP|TYPE) ({NAME}) (.+)", line)
        if comment and comment.group(1) == "HELP":
            self.helped.add(comment.group(2))
        elif comment:
            check(comment.group(3) in KINDS, f"unknown type: {line}")
            check(comment.group(2) not in self.kinds, f"a second TYPE: {line}")
            self.kinds[comment.group(2)] = comment.group(3)
        elif line and not line.startswith("#"):
            sample = SAMPLE.fullmatch(line)
            check(sample, f"not a sample: {line!r}")
            key = sample.group(1), frozenset(re.findall(LABEL, sample.group(2) or ""))
            check(key not in self.samples, f"a sample twice: {line}")
            check(self.family(key[0]) in self.kinds, f"a sample before its TYPE: {line}")
            self.samples[key] = float(sample.group(3))

    def family(self, name):
        """A histogram's and a summary's samples carry a suffix."""
        stem = re.sub(r"_(bucket|sum|count)$", "", name)
        return stem if self.kinds.get(stem) in ("histogram", "summary") else name

    def check_conventions(self):
        for name, kind in self.kinds.items():
            check(name in self.helped, f"{name} has no HELP")
            check(re.match("(eventcollect|process)_", name), f"{name} is not prefixed with the program's name")
            check(not UNCONVENTIONAL.search(name), f"{name} is not in a base unit")
            check((kind == "counter") == name.endswith("_total"), f"{name} is a {kind}: _total belongs to counters, to each")
            if kind == "histogram":
                self.check_histogram(name)

    def check_histogram(self, name):
        series = {}
        for (sample, labels), value in self.samples.items():
            if sample == f"{name}_bucket":
                bound = next(label for label in labels if label.startswith('le="'))
                series.setdefault(labels - {bound}, []).append((float(bound[4:-1]), value))
        check(series, f"{name} has no buckets")
        for labels, buckets in series.items():
            counts = [count for _, count in sorted(buckets)]
            check(counts == sorted(counts), f"{name} is not cumulative: {counts}")
            check(max(buckets)[0] == float("inf"), f"{name} has no +Inf bucket")
            check(counts[-1] == self.samples[f"{name}_count", labels], f"{name}_count differs from its +Inf bucket")
            check((f"{name}_sum", labels) in self.samples, f"{name} has no sum")

    def rose_by(self, before, amount):
        """The counters that rose by exactly this much since another scrape."""
        return {name for (name, labels), value in self.samples.items()
                if self.kinds.get(name) == "counter" and value - before.samples.get((name, labels), 0) == amount}


def scrape(url):
    answer = web.get(url, "/metrics")
    check(answer.status == 200, f"{answer.status} for /metrics")
    content_type = answer.headers["Content-Type"]
    check(re.match(r"text/plain; *version=0\.0\.4\b", content_type), f"/metrics is of type {content_type}")
    return Metrics(answer.body.decode())


def metrics_count_what_happened(context):
    server = context.start()
    before = scrape(server.url)
    before.check_conventions()
    for _ in range(7):
        check(web.post(server.url, [{"event": "one"}, {"event": "two"}, {"event": "three"}]).status == 202, "no 202")
    for _ in range(5):
        check(web.post(server.url, {"no name": 1}).status == 400, "no 400 for an event without a name")
    after = scrape(server.url)
    after.check_conventions()
    check(any("event" in name for name in after.rose_by(before, 21)), "no counter rose by the 21 events accepted")
    check(after.rose_by(before, 5), "no counter rose by the 5 events rejected")
    falling = [key for key, value in before.samples.items()
               if before.kinds[before.family(key[0])] != "gauge" and after.samples.get(key, 0) < value]
    check(not falling, f"counters fell: {falling}")
    server.stop()


def admin_port_is_apart(context):
    server = context.start("--admin", "127.0.0.1:0")
    check(server.admin != server.url, "one port for both")
    for path in ("/healthz", "/readyz", "/metrics"):
        status = web.get(server.admin, path).status
        check(status == 200, f"{status} for {path} on the admin port")
        status = web.get(server.url, path).status
        check(status == 404, f"{status} for {path} on the public port, with --admin")
    for path in ("/", "/client.js", "/events"):
        status = web.get(server.admin, path).status
        check(status == 404, f"{status} for {path} on the admin port")
    status = web.post(server.admin, {"event": "wrong door"}).status
    check(status == 404, f"{status} for an event on the admin port")
    check(web.post(server.url, {"event": "right door"}).status == 202, "no 202 on the public port")
    scrape(server.admin).check_conventions()
    server.stop()
    check([event["event"] for event in stored_events(context.events)] == ["right door"], "the wrong door was open")


def probes_share_the_public_port_without_admin(context):
    server = context.start()
    for path in ("/healthz", "/readyz", "/metrics"):
        status = web.get(server.url, path).status
        check(status == 200, f"{status} for {path}")
    server.stop()


def slow_clients_do_not_hold_up_the_probes(context):
    """Hundreds of requests that never end must not make a balancer believe that the server is down."""
    server = context.start("--admin", "127.0.0.1:0", "--drain-timeout", "1s")
    address = urllib.parse.urlsplit(server.url)
    slow = [socket.create_connection((address.hostname, address.port), 10) for _ in range(300)]
    head = b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n"
    for connection in slow:
        connection.sendall(head + b"{")
    end = time.monotonic() + 2  # the server takes a moment to be held up, if it can be
    while time.monotonic() < end:
        for path in ("/healthz", "/readyz", "/metrics"):
            began = time.monotonic()
            status = web.get(server.admin, path).status
            took = time.monotonic() - began
            check(status == 200 and took < 1, f"{status} after {took:.1f} s for {path} among slow clients")
    for connection in slow:
        connection.close()
    wait_until(lambda: web.post(server.url, {"event": "after"}).status == 202, "events are accepted again", seconds=20)
    server.stop()


SECRET = "Zq7Secret"


HEADERS = ("User-Agent", "Referer", "Cookie", "Authorization", "Content-Encoding", "X-Forwarded-For", "Origin")


def secret_requests():
    """The secret wherever a client can put something: method, path, headers, body."""
    def post(body, content_type="application/json", path="/events", **headers):
        return "POST", path, body, {"Content-Type": content_type, **headers}

    events = [{"event": SECRET}, {"event": "x", "url": f"http://{SECRET}/"}, {"event": "x", "properties": {SECRET: SECRET}},
              {"event": 5, "url": SECRET}, {SECRET: 1}, {"event": "x", SECRET: 1}, {"event": "x", "event_id": SECRET},
              {"event": "x" * 200 + SECRET}, [{"event": "x", "client_time": SECRET}] * 3, SECRET, [SECRET], {"batch": SECRET}]
    yield from (post(json.dumps(event).encode()) for event in events)
    yield post(b'{"event":"' + SECRET.encode())
    yield post(SECRET.encode(), "application/x-ndjson")
    yield post(b'{"event":"x"}', f"text/{SECRET}")
    yield post(SECRET.encode() * 200_000)
    yield post(b'{"event":"x"}', path=f"/events?token={SECRET}")
    yield from (post(b'{"event":"x"}', **{name: SECRET}) for name in HEADERS)
    yield "GET", f"/{SECRET}", None, {}
    yield SECRET, "/events", None, {}


def logs_and_metrics_hold_no_content(context):
    """A server for each request: what is logged about the first of many must not be hidden by the rate limit."""
    for request in secret_requests():
        server = context.start()
        with web.Client(server.url) as client:
            try:
                client.request(*request)
            except OSError:
                pass  # too large a body may be answered and the connection closed while it is sent
        check(SECRET not in web.get(server.url, "/metrics").body.decode(), "metrics hold what a client sent")
        server.stop()
        lines = server.log.read_text().splitlines()
        check(SECRET not in server.text(), f"the log holds what a client sent: {[line for line in lines if SECRET in line]}")
        check(len(lines) >= 2, "the log says nothing about start and stop")


def failures_are_logged_without_content(context):
    server = context.start()
    harness.set_file_size_limit(server.process.pid, 50_000)  # smaller than each request; the log stays below it
    events = [fresh_event(context.random, 5000, event=SECRET, url=f"http://{SECRET}/") for _ in range(12)]
    wait_until(lambda: web.post(server.url, events).status == 503, "503 for want of room")
    harness.set_file_size_limit(server.process.pid, None)
    wait_until(lambda: web.get(server.url, "/readyz").status == 200, "the server recovers")
    server.stop()
    check(SECRET not in server.text(), "the log holds what a client sent")


def flood_of_rejections_is_logged_briefly(context):
    server = context.start()
    before = len(server.text().splitlines())
    with web.Client(server.url) as client:
        for number in range(2000):
            client.post({"number": number} if number % 2 else b"{broken")
    lines = len(server.text().splitlines()) - before
    check(lines < 60, f"{lines} log lines about 2000 rejected requests")
    server.stop()


def letters_number(url, what, *labels):
    return scrape(url).samples[f"eventcollect_{what}", frozenset(labels)]


def dead_letters_are_bounded(context):
    """Over the rate they are only counted, and a full store removes its oldest file, counted and logged."""
    context.rejected.mkdir()
    oldest = context.rejected / "0000000001-20260101T000000Z.ndjson"
    oldest.write_text("{}\n" * 400_000)
    server = context.start("--dead-letter", f"file:{context.rejected}?max_total_bytes=1300KiB&remove_oldest=1",
                           "--to", f"file:{context.events}?max_total_bytes=1GiB")
    large = {"event": 1, "properties": {"x": "x" * 60_000}}
    for _ in range(40):
        check(web.post(server.url, large).status == 400, "no 400")
    over = letters_number(server.url, "dead_letters_over_rate_total")
    check(22 <= over <= 24, f"{over} of 40 letters of 60 KB are over 1 MiB")
    wait_until(lambda: letters_number(server.url, "sink_events_stored_total", 'sink="dead_letters"') == 40 - over,
               "the other letters are stored")
    removed = letters_number(server.url, "dead_letter_files_removed_total")
    check(removed == 1 and not oldest.exists(), f"{removed} files are removed")
    server.stop()
    kept = sum(path.stat().st_size for path in context.rejected.iterdir())
    check(960_000 < kept < 2**20 + 60_000, f"{kept} bytes of dead letters")
    check(f"removed the oldest file, {oldest.name}" in server.text(), f"not said: {server.text()}")
    check("has no max_total_bytes" not in server.text(), f"said of a file that has one: {server.text()}")


def null_makes_no_dead_letters(context):
    server = context.start("--dead-letter", "null:")
    for _ in range(40):
        check(web.post(server.url, {"event": 1, "properties": {"x": "x" * 60_000}}).status == 400, "no 400")
    for what in ("sink_events_stored_total", "sink_events_lost_total", "sink_queued_bytes"):
        check(letters_number(server.url, what, 'sink="dead_letters"') == 0, f"{what} of null:")
    check(letters_number(server.url, "dead_letters_over_rate_total") == 0, "letters are over the rate of null:")
    check(letters_number(server.url, "sink_ready", 'sink="dead_letters"') == 1, "null: is not ready")
    server.stop()


def flood_of_failures_is_logged_briefly(context):
    """A sink that fails again and again is reported, but not each time."""
    server = context.start()
    before = len(server.text().splitlines())
    harness.set_file_size_limit(server.process.pid, 100_000)  # smaller than each request; the log stays below it
    large = [fresh_event(context.random, 5000) for _ in range(30)]
    failed = 0
    with web.Client(server.url) as client:
        began = time.monotonic()
        while failed < 1500 and time.monotonic() - began < 20:
            failed += client.post(large).status == 503
    harness.set_file_size_limit(server.process.pid, None)
    check(failed >= 100, f"only {failed} requests failed")
    lines = len(server.text().splitlines()) - before
    check(1 <= lines < 60, f"{lines} log lines about {failed} failed requests")
    server.stop()
    check(not stored_events(context.events), "an event that was answered 503 for want of room is stored")


CASES = [metrics_count_what_happened, admin_port_is_apart, probes_share_the_public_port_without_admin,
         slow_clients_do_not_hold_up_the_probes, logs_and_metrics_hold_no_content,
         failures_are_logged_without_content, flood_of_rejections_is_logged_briefly, flood_of_failures_is_logged_briefly,
         dead_letters_are_bounded, null_makes_no_dead_letters]

if __name__ == "__main__":
    sys.exit(harness.run(__doc__, CASES))
