#!/usr/bin/env python3
"""How the server starts and ends: nothing accepted is lost by a stop, and a stop always comes to its end.

SIGTERM first takes the server out of rotation while it still accepts events, then stops listening, then
lets work in flight finish, each step bounded; a second SIGTERM ends it at once. One directory has one
writer, and a start that cannot succeed fails clearly.
"""

import http.client
import json
import os
import random
import re
import signal
import socket
import sys
import threading
import time
import urllib.parse

import harness
import web
from events import check_stored_once, fresh_event, sealed_files, stored_events
from harness import check, wait_until


def is_draining(server):
    return web.get(server.url, "/readyz").status == 503


def begin_drain(server):
    """Sends SIGTERM, waits until the server says that it drains, and returns when that began."""
    started = time.monotonic()
    server.signal(signal.SIGTERM)
    wait_until(lambda: is_draining(server), "/readyz is 503 after SIGTERM", seconds=2)
    return started


def expect_accepted_and_closed(answer, what):
    check(answer.status == 202, f"{answer.status} to an event {what} during the drain delay")
    check((answer.headers["Connection"] or "").lower() == "close", f"no Connection: close {what} during the drain delay")


def drain_still_accepts(context):
    """Readiness falls at once; for the whole drain delay events are accepted, on old connections and new."""
    server = context.start("--drain-delay", "2s")
    sent = [fresh_event(context.random) for _ in range(3)]
    with web.Client(server.url) as kept_alive:
        check(kept_alive.post(sent[0]).status == 202, "no 202 before the drain")
        check(web.get(server.url, "/readyz").status == 200, "not ready before the drain")
        began = begin_drain(server)
        expect_accepted_and_closed(kept_alive.post(sent[1]), "on a connection from before")
    expect_accepted_and_closed(web.post(server.url, sent[2]), "on a new connection")
    check(web.get(server.url, "/healthz").status == 200, "/healthz is not 200 while draining")
    sent += send_until_rejected(context, server)
    check(server.wait_exit(5) == 0, f"ended with {server.process.returncode} after SIGTERM")
    took = time.monotonic() - began
    check(1.9 <= took <= 5, f"ended {took:.1f} s after SIGTERM, with a drain delay of 2 s and nothing in flight")
    check_stored_once(context.events, [event["event_id"] for event in sent])


def send_until_rejected(context, server):
    """Sends events on new connections until nothing listens any more; returns those acknowledged."""
    acknowledged = []
    while not web.refuses_connections(server.url):
        event = fresh_event(context.random)
        try:
            answer = web.post(server.url, event)
        except (OSError, http.client.HTTPException):
            continue  # listening stopped in between: no promise was made
        check(answer.status == 202, f"{answer.status} to an event while draining")
        acknowledged.append(event)
    check(len(acknowledged) >= 10, f"only {len(acknowledged)} events were accepted while draining")
    return acknowledged


def drain_with_an_admin_port(context):
    """The probes tell a balancer of the drain, and are answered until the end."""
    server = context.start("--admin", "127.0.0.1:0", "--drain-delay", "5s")
    check(web.get(server.admin, "/readyz").status == 200, "not ready before the drain")
    server.signal(signal.SIGTERM)
    wait_until(lambda: web.get(server.admin, "/readyz").status == 503, "/readyz is 503 after SIGTERM", seconds=4)
    event = fresh_event(context.random)
    expect_accepted_and_closed(web.post(server.url, event), "on a new connection")
    check(web.get(server.admin, "/healthz").status == 200, "/healthz is not 200 while draining")
    check(server.wait_exit(30) == 0, f"ended with {server.process.returncode} after SIGTERM")
    check_stored_once(context.events, [event["event_id"]])


class SlowRequest:
    """A POST whose first half is sent and whose second half comes when the case says so."""

    def __init__(self, server, event):
        client = web.Client(server.url)
        body = json.dumps(event).encode()
        self.rest = body[20:]
        self.connection = client.connection
        self.connection.putrequest("POST", "/events")
        self.connection.putheader("Content-Type", "application/json")
        self.connection.putheader("Content-Length", str(len(body)))
        self.connection.endheaders(body[:20])

    def finish(self):
        self.connection.send(self.rest)
        return self.connection.getresponse()

    def close(self):
        self.connection.close()


def work_in_flight_finishes(context):
    """A request that had begun when listening stopped gets its 202, and the server waits no longer than for it."""
    server = context.start("--drain-delay", "300ms", "--drain-timeout", "20s")
    event = fresh_event(context.random)
    request = SlowRequest(server, event)
    url = server.url
    server.signal(signal.SIGTERM)
    wait_until(lambda: web.refuses_connections(url), "listening stops after the drain delay")
    check(server.is_alive(), "the server ended with a request in flight")
    status = request.finish().status
    check(status == 202, f"{status} to the request in flight")
    check(server.wait_exit(5) == 0, f"ended with {server.process.returncode}")
    request.close()
    check_stored_once(context.events, [event["event_id"]])


def drain_is_bounded(context):
    """A request that never ends and an idle connection hold the server up for the drain timeout at most."""
    server = context.start("--drain-delay", "0s", "--drain-timeout", "2s")
    request = SlowRequest(server, fresh_event(context.random))
    with web.Client(server.url) as idle:
        check(idle.post(fresh_event(context.random)).status == 202, "no 202 before the drain")
        began = time.monotonic()
        server.signal(signal.SIGTERM)
        check(server.wait_exit(6) == 0, f"ended with {server.process.returncode}")
    check(time.monotonic() - began < 4, f"ended after {time.monotonic() - began:.1f} s with a drain timeout of 2 s")
    request.close()
    check(len(stored_events(context.events)) == 1, "half a request was stored")


def idle_connections_do_not_delay_the_end(context):
    server = context.start("--drain-delay", "0s", "--drain-timeout", "20s")
    clients = [web.Client(server.url) for _ in range(30)]
    for client in clients:
        check(client.post(fresh_event(context.random)).status == 202, "no 202 before the drain")
    began = time.monotonic()
    server.stop()
    check(time.monotonic() - began < 3, f"idle connections held the end up for {time.monotonic() - began:.1f} s")
    for client in clients:
        client.close()


def second_signal_ends_at_once(context):
    server = context.start("--drain-delay", "30s", "--drain-timeout", "30s")
    event = fresh_event(context.random)
    check(web.post(server.url, event).status == 202, "no 202 before the drain")
    begin_drain(server)
    server.signal(signal.SIGTERM)
    check(server.wait_exit(2) == 1, f"a second SIGTERM ended the server with {server.process.returncode}, not 1")
    context.start().stop()
    check_stored_once(context.events, [event["event_id"]])


def ending_signals_drain(context):
    for number in harness.ENDING_SIGNALS:
        server = context.start("--ack", "accepted")
        events = [fresh_event(context.random) for _ in range(50)]
        check(web.post(server.url, events).status == 202, "no 202")
        server.signal(number)
        code = server.wait_exit(10)
        check(code == 0, f"after {number.name} the server ended with {code}: {server.text()[-2000:]}")
        check("stopped" in server.text(), f"{number.name} drained nothing: {server.text()[-2000:]}")
        check_stored_once(context.events, [event["event_id"] for event in events])


def other_signals_end_nothing(context):
    """Neither while the server serves nor while it drains."""
    server = context.start("--drain-delay", "1s")
    for number in harness.OTHER_SIGNALS:
        server.signal(number)
    event = fresh_event(context.random)
    check(web.post(server.url, event).status == 202, "no 202 after signals that mean nothing")
    begin_drain(server)
    for number in harness.OTHER_SIGNALS:
        server.signal(number)
    check(server.wait_exit(10) == 0, f"ended with {server.process.returncode} by a signal that means nothing")
    check_stored_once(context.events, [event["event_id"]])


def hangup_reads_the_page_anew(context):
    page = context.folder / "page.html"
    page.write_text("first")
    server = context.start("--page", page)

    def serves(text):
        return web.get(server.url, "/").body == text.encode()

    check(serves("first"), "the page is not served")
    page.write_text("second")
    check(serves("first"), "the page changed without SIGHUP")
    server.signal(signal.SIGHUP)
    wait_until(lambda: serves("second"), "the new page after SIGHUP")
    page.unlink()
    server.signal(signal.SIGHUP)
    wait_until(lambda: "No such file or directory; the last page stays" in server.text(), "the log tells of a missing page")
    os.truncate(os.open(page, os.O_CREAT | os.O_WRONLY), 1 << 40)
    server.signal(signal.SIGHUP)
    wait_until(lambda: "larger than 8 MiB; the last page stays" in server.text(), "the log tells of a page too large")
    page.unlink()
    os.mkfifo(page)
    server.signal(signal.SIGHUP)
    wait_until(lambda: "not a regular file; the last page stays" in server.text(), "the log tells of a pipe")
    check(serves("second"), "the last page did not stay")
    server.stop()


class Traffic:
    """One client that sends events until nothing listens any more."""

    def __init__(self, url, seed):
        self.acknowledged = []
        self.cut = []
        self.thread = threading.Thread(target=self.run, args=(url, random.Random(seed)), daemon=True)
        self.thread.start()

    def run(self, url, rng):
        with web.Client(url) as client:
            while True:
                event = fresh_event(rng)
                is_open = client.is_open()
                try:
                    if client.post(event).status == 202:
                        self.acknowledged.append(event["event_id"])
                except ConnectionRefusedError:
                    return
                except (OSError, http.client.HTTPException) as error:
                    if is_open:  # a new connection may still wait to be accepted when listening ends: the kernel resets it
                        self.cut.append(repr(error))
                    return

    def join(self):
        self.thread.join(10)
        check(not self.thread.is_alive(), "a client got no answer within 10 s")
        check(not self.cut, f"a stop in good order cut a request: {self.cut}")
        return self.acknowledged


def nothing_is_lost_under_load(context):
    """Stopped in the middle of traffic, again and again: no request is cut and everything acknowledged is stored."""
    acknowledged = []
    for number in range(5):
        server = context.start("--drain-delay", "200ms")
        clients = [Traffic(server.url, f"{context.seed} {number} {client}") for client in range(4)]
        wait_until(lambda: all(len(client.acknowledged) >= 10 for client in clients), "events flow")
        server.stop()
        for client in clients:
            acknowledged += client.join()
    check_stored_once(context.events, acknowledged)


def restart_seals_what_was_left(context):
    server = context.start()
    first, second = fresh_event(context.random), fresh_event(context.random)
    check(web.post(server.url, first).status == 202, "no 202")
    server.kill()
    server = context.start()
    sealed = sealed_files(context.events)
    check(len(sealed) == 1, f"not one sealed file after a restart: {sealed}")
    content = sealed[0].read_bytes()
    check(first["event_id"].encode() in content, "the event from before is not in the sealed file")
    check(web.post(server.url, second).status == 202, "no 202 after a restart")
    check(sealed[0].read_bytes() == content, "a sealed file was written to")
    server.stop()
    check_stored_once(context.events, [first["event_id"], second["event_id"]])


def stop_seals_the_last_file(context):
    """After a clean stop nothing is left for a next start to do: who reads sealed files has every event."""
    server = context.start()
    sent = [fresh_event(context.random) for _ in range(3)]
    check(web.post(server.url, sent).status == 202, "no 202")
    server.stop()
    check(not (context.events / "current.ndjson").exists(), "current.ndjson is there after a stop")
    check(len(sealed_files(context.events)) == 1, "a stop did not seal the file")
    check_stored_once(context.events, [event["event_id"] for event in sent])


def standard_streams_may_be_closed(context):
    """What is opened never takes the place of a closed stream, so no line of the log gets among the events."""
    server = context.start(without=(0, 2))
    event = fresh_event(context.random)
    check(web.post(server.url, event).status == 202, "no 202")
    for stream in (0, 2):
        target = os.readlink(f"/proc/{server.process.pid}/fd/{stream}")
        check(target == "/dev/null", f"{stream} is {target}")
    server.stop()
    check_stored_once(context.events, [event["event_id"]])


def one_writer_per_directory(context):
    server = context.start()
    url = server.url
    code, said = context.run_to_end("--listen", "127.0.0.1:0", "--to", f"file:{context.events}",
                                    "--dead-letter", f"file:{context.folder / 'other'}")
    check(code == 1, f"the second server on one directory ended with {code}, not 1: {said}")
    check(str(context.events) in said, f"the message does not name the directory: {said}")
    event = fresh_event(context.random)
    check(web.post(url, event).status == 202, "the first server was disturbed by the second")
    server.stop()
    check_stored_once(context.events, [event["event_id"]])


def port_in_use(context):
    server = context.start()
    address = urllib.parse.urlsplit(server.url).netloc
    code, said = second_server(context, "--listen", address)
    check(code == 1, f"a server on a port in use ended with {code}, not 1: {said}")
    check(address in said and re.search("in use", said, re.IGNORECASE), f"the message does not say what is wrong: {said}")
    check("listening on" not in said, "it claims to listen")
    server.stop()


def admin_port_in_use(context):
    """Many times: the public port is open by then, and its threads are at any point of their own start."""
    with socket.socket() as taken:  # held by another program, not just another of ours
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for _ in range(30):
            code, said = second_server(context, "--admin", "127.0.0.1:%d" % taken.getsockname()[1])
            check(code == 1, f"a server whose admin port is in use ended with {code}, not 1: {said}")


def second_server(context, *options):
    """Runs a server on other directories than the case's own."""
    given = [] if "--listen" in options else ["--listen", "127.0.0.1:0"]
    return context.run_to_end(*given, *options, "--to", f"file:{context.folder / 'second'}",
                              "--dead-letter", f"file:{context.folder / 'second-rejected'}", seconds=5)


def stopped_while_starting(context):
    """SIGTERM at any instant of the start ends the server, by the signal itself where nothing has begun."""
    for _ in range(100):
        server = context.ordinary("--drain-timeout", "2s")
        begun = time.monotonic()
        instant = context.random.uniform(0, 0.03)
        wait_until(lambda: time.monotonic() - begun > instant, "the instant")
        server.signal(signal.SIGTERM)
        code = server.wait_exit(5)
        check(code in (0, -signal.SIGTERM), f"SIGTERM {instant * 1000:.1f} ms after the start: ended with {code}")


def unwritable_directory(context):
    (context.folder / "a-file").write_text("")
    code, said = context.run_to_end("--listen", "127.0.0.1:0", "--to", f"file:{context.folder / 'a-file' / 'events'}",
                                    "--dead-letter", f"file:{context.rejected}")
    check(code == 1, f"a server without a place for its events ended with {code}, not 1: {said}")
    check("a-file" in said, f"the message does not name the directory: {said}")


def weaker_mode_keeps_what_it_accepted(context):
    """--ack accepted answers before the sync; a stop in good order still stores everything."""
    server = context.start("--ack", "accepted")
    events = [fresh_event(context.random) for _ in range(300)]
    with web.Client(server.url) as client:
        for event in events:
            check(client.post(event).status == 202, "no 202 with --ack accepted")
    server.stop()
    check_stored_once(context.events, [event["event_id"] for event in events])


CASES = [drain_still_accepts, drain_with_an_admin_port, work_in_flight_finishes, drain_is_bounded,
         idle_connections_do_not_delay_the_end, second_signal_ends_at_once, ending_signals_drain,
         other_signals_end_nothing, hangup_reads_the_page_anew, nothing_is_lost_under_load,
         restart_seals_what_was_left, stop_seals_the_last_file, standard_streams_may_be_closed,
         one_writer_per_directory, port_in_use, admin_port_in_use, stopped_while_starting,
         unwritable_directory, weaker_mode_keeps_what_it_accepted]

if __name__ == "__main__":
    sys.exit(harness.run(__doc__, CASES))
