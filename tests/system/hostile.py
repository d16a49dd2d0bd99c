#!/usr/bin/env python3
"""Slow, idle and very many clients keep nobody else from being served, within bounded memory and descriptors.

The server runs with its default limits. How long anything takes is measured in tests/benchmarks/hostile.py.
"""

import contextlib
import json
import pathlib
import re
import resource
import sys

import harness
import nginx
import web
from crowd import GET, Crowd, allow_descriptors, connect_at_once, post_of, read_status, resident_bytes
from events import check_stored_once, fresh_event, sealed_files, stored_events
from harness import check, wait_until
from operations import scrape

MIB = 1 << 20


def number(url, name):
    return scrape(url).samples[f"eventcollect_http_{name}", frozenset()]


def expect_served(server, event):
    """A new client is served."""
    status = web.get(server.url, "/").status
    check(status == 200, f"{status} for the page")
    status = web.post(server.url, event).status
    check(status == 202, f"{status} for an event")
    return event["event_id"]


def slow_clients_hold_up_nobody(context):
    """1,000 idle connections, fresh ones and used ones, and 64 that drip: others do not notice."""
    server = context.start()
    allow_descriptors(2000)
    acknowledged = []
    with Crowd(server.url) as crowd, web.Client(server.url) as kept_alive:
        crowd.connect(500)
        used = crowd.connect_used(500)
        dripping = crowd.connect_dripping(64)
        for _ in range(64):
            dripping.drip()
            acknowledged.append(expect_served(server, fresh_event(context.random)))
            event = fresh_event(context.random)
            check(kept_alive.post(event).status == 202, "no 202 on a connection that is kept")
            acknowledged.append(event["event_id"])
        check(number(server.url, "connections_open") >= 1064, "not all slow connections are open")
        check(number(server.url, "connections_evicted_total") == 0, "there was room for all")
        check(number(server.url, "buffered_bytes") >= 64, "the dripped bytes are not counted")
        for connection in used:
            connection.sendall(GET)
        check(all(read_status(connection) == 200 for connection in used), "a used connection was not answered again")
    wait_until(lambda: number(server.url, "connections_open") == 1, "the connections' end is noticed")
    check(number(server.url, "buffered_bytes") == 0, "bytes of nobody")
    server.stop()
    check_stored_once(context.events, acknowledged)


def simultaneous_connects_are_each_answered(context):
    server = context.start()
    acknowledged = []
    for _ in range(10):
        statuses = connect_at_once(server.url, 64, GET)
        check(statuses == [200] * 64, f"answers: {statuses}")
        events = [fresh_event(context.random) for _ in range(64)]
        with Crowd(server.url) as crowd:
            connections = crowd.connect(64)
            for connection, event in zip(connections, events):
                connection.sendall(post_of(json.dumps(event).encode()))
            statuses = [read_status(connection) for connection in connections]
        check(statuses == [202] * 64, f"answers: {statuses}")
        acknowledged += [event["event_id"] for event in events]
    server.stop()
    check_stored_once(context.events, acknowledged)


def ten_thousand_connections_fit(context):
    server = context.start()
    allow_descriptors(11_000)
    with Crowd(server.url) as crowd:
        crowd.connect(7000)
        crowd.connect_used(2000)
        crowd.connect_dripping(1000)
        wait_until(lambda: number(server.url, "connections_open") >= 10_000, "10,000 open connections")
        acknowledged = [expect_served(server, fresh_event(context.random)) for _ in range(20)]
        check(number(server.url, "connections_evicted_total") == 0, "there was room for all")
        resident = resident_bytes(server.process)
        check(resident < 200 * MIB, f"{resident / MIB:.0f} MiB resident with 10,000 connections")
    server.stop()
    check_stored_once(context.events, acknowledged)


def bodies_that_never_end_are_bounded_in_memory(context):
    """Each of 10,000 clients sends 17 KB of a body, the last in a piece of its own, and then waits: far more than is kept."""
    server = context.start()
    allow_descriptors(11_000)
    with Crowd(server.url) as crowd:
        for connection in crowd.connect(10_000, post_of(b'{"event":"' + b"x" * 16_000, length=100_000)):
            with contextlib.suppress(ConnectionError):  # it may have been answered 408 and closed
                connection.sendall(b"x" * 1000)
        wait_until(lambda: number(server.url, "connections_accepted_total") >= 10_000, "10,000 connections")
        wait_until(lambda: number(server.url, "buffered_bytes") <= 64 * MIB, "the longest unfinished requests have gone")
        buffered = number(server.url, "buffered_bytes")
        check(buffered > 32 * MIB, f"{buffered / MIB:.0f} MiB buffered")
        resident = resident_bytes(server.process)
        check(resident < 200 * MIB, f"{resident / MIB:.0f} MiB resident with {buffered / MIB:.0f} MiB buffered")
        check(web.get(server.url, "/").status == 200, "the page is not served")
    acknowledged = [expect_served(server, fresh_event(context.random))]
    server.stop()
    check_stored_once(context.events, acknowledged)


def answers_that_nobody_reads_are_bounded_in_memory(context):
    """Each of 300 clients asks for a page of 8 MiB and reads nothing of it: it is in memory once."""
    page = context.folder / "page.html"
    page.write_bytes(b"x" * (8 * MIB))
    server = context.start("--page", str(page))
    with Crowd(server.url) as crowd:
        crowd.connect(300, GET)
        wait_until(lambda: number(server.url, "unsent_bytes") > 0, "answers wait for their clients")
        wait_until(lambda: number(server.url, "connections_accepted_total") > 300, "all have been accepted")
        check(number(server.url, "unsent_bytes") < MIB, "the page counts for each client")
        resident = resident_bytes(server.process)
        check(resident < 100 * MIB, f"{resident / MIB:.0f} MiB resident")
        acknowledged = [web.post(server.url, fresh_event(context.random)).status]
        check(acknowledged == [202], f"{acknowledged} for an event")
    wait_until(lambda: number(server.url, "connections_open") == 1, "the connections' end is noticed")
    check(number(server.url, "unsent_bytes") == 0, "bytes for nobody")
    server.stop()


def with_descriptors(context, limit, *options):
    """Starts the server from a shell that has set this limit."""
    command = ["sh", "-c", f'ulimit {limit} && exec "$@"', "sh", context.options.server, "--listen", "127.0.0.1:0",
               "--drain-delay", "0s", "--dead-letter", f"file:{context.rejected}", *options]
    server = harness.Server(command, context.folder / f"server-{len(context.servers) + 1:04}", harness.environment(),
                            context.folder)
    context.servers.append(server)
    return server


def few_descriptors_serve_few_connections(context):
    """The longest idle ones go; who comes is served."""
    server = with_descriptors(context, "-n 100", "--to", f"file:{context.events}").wait_ready()
    acknowledged = []
    with Crowd(server.url) as crowd:
        for _ in range(10):
            crowd.connect(40)
            acknowledged.append(expect_served(server, fresh_event(context.random)))
        wait_until(lambda: number(server.url, "connections_open") <= 50, "half of the descriptors are left")
        check(number(server.url, "connections_evicted_total") >= 350, "too few connections were evicted")
    server.stop()
    check_stored_once(context.events, acknowledged)


def slow_clients_leave_the_files_their_descriptors(context):
    """Requests that never end take all connections that there are, and the events of others still find a new file."""
    server = with_descriptors(context, "-n 200", "--to", f"file:{context.events}?rotate_bytes=4096").wait_ready()
    events = [fresh_event(context.random, size=4096) for _ in range(5)]
    with Crowd(server.url) as slow:
        for event in events:
            slow.connect(100, b"POST /eve")
            status = web.post(server.url, event).status
            check(status == 202, f"{status} for an event among slow clients")
    wait_until(lambda: number(server.url, "connections_open") == 1, "the connections' end is noticed")
    check(number(server.url, "connections_evicted_total") >= 100, "nobody had to make room")
    server.stop()
    check(len(sealed_files(context.events)) >= 4, "no file was begun")
    check_stored_once(context.events, [event["event_id"] for event in events])


def too_few_descriptors_are_said_so(context):
    server = with_descriptors(context, "-n 12", "--to", f"file:{context.events}")
    code = server.wait_exit(15)
    check(code == 1, f"ended with {code}")
    check("Too many open files" in server.text(), f"said: {server.text()}")


def descriptors_are_raised_to_the_hard_limit(context):
    server = with_descriptors(context, "-S -n 64", "--to", f"file:{context.events}").wait_ready()
    limits = pathlib.Path(f"/proc/{server.process.pid}/limits").read_text()
    soft, hard = re.search(r"^Max open files\s+(\S+)\s+(\S+)", limits, re.MULTILINE).groups()
    check(soft == hard, f"{soft} of {hard} descriptors")
    check(hard == str(resource.getrlimit(resource.RLIMIT_NOFILE)[1]), f"the hard limit has become {hard}")
    server.stop()


def the_guides_nginx_limits_what_one_client_may_send(context):
    """The block of the guide, as an operator would copy it."""
    server = context.start("--trusted-proxy", "127.0.0.1", "--context", "ip")
    port = nginx.free_port()
    url = f"http://127.0.0.1:{port}"
    with nginx.running(nginx.guides_block(port, server.url.rsplit(":", 1)[1]), context.folder):
        wait_until(lambda: not web.refuses_connections(url), "nginx listens")
        statuses = {}
        with web.Client(url, address="127.0.1.1") as client:
            while 429 not in statuses.values() and len(statuses) < 1000:
                event = fresh_event(context.random)
                statuses[event["event_id"]] = client.post(event).status
        accepted = [event_id for event_id, status in statuses.items() if status == 202]
        check(set(statuses.values()) == {202, 429}, f"{set(statuses.values())} for as many events as fast as they go")
        check(len(accepted) > 20, f"{len(accepted)} events were accepted of a burst of 20")
        other = fresh_event(context.random)
        with web.Client(url, address="127.0.2.1") as client:
            check(client.post(other).status == 202, "another client is limited, too")
        with web.Client(url, address="127.0.2.1") as client:
            check(client.get("/metrics").status == 404, "more than the events' path is open")
            script = client.get("/events/client.js")
            check(script.status == 200 and b"sent_time" in script.body, f"{script.status} for the browser client")
    server.stop()
    check_stored_once(context.events, [*accepted, other["event_id"]])
    addresses = {event["context"]["ip"] for event in stored_events(context.events)}
    check(addresses == {"127.0.1.0", "127.0.2.0"}, f"{addresses} as the clients' addresses")


CASES = [the_guides_nginx_limits_what_one_client_may_send, slow_clients_hold_up_nobody, simultaneous_connects_are_each_answered, ten_thousand_connections_fit,
         bodies_that_never_end_are_bounded_in_memory, answers_that_nobody_reads_are_bounded_in_memory,
         few_descriptors_serve_few_connections,
         slow_clients_leave_the_files_their_descriptors, too_few_descriptors_are_said_so,
         descriptors_are_raised_to_the_hard_limit]

if __name__ == "__main__":
    sys.exit(harness.run(__doc__, CASES))
