#!/usr/bin/env python3
"""A clock that shows a time before the program was built: no event is stamped with it, and an operator learns of it.

The server says so to clients, to balancers, to Prometheus and once in its log, and takes events again, without a
restart, as soon as the clock is set.
"""

import json
import sys

import harness
import web
from events import check_stored_once, fresh_event
from harness import check, wait_until

LONG_AGO = "@1970-01-01 00:01:00"
RIGHT = "+0s"


class FakedClock:
    """What the clock of a server shows: it reads a file each time."""

    def __init__(self, context, shows):
        self.path = context.folder / "clock"
        self.set(shows)

    def set(self, shows):
        new = self.path.with_suffix(".new")
        new.write_text(shows)
        new.replace(self.path)  # never half written

    def environment(self):
        return harness.faked_clock(FAKETIME_TIMESTAMP_FILE=self.path, FAKETIME_NO_CACHE=1)


def is_ready(server):
    status = web.get(server.url, "/readyz").status
    check(status in (200, 503), f"{status} for /readyz")
    return status == 200


def is_sink_ready(server):
    metrics = web.get(server.url, "/metrics").body.decode().splitlines()
    return 'eventcollect_sink_ready{sink="events"} 1' in metrics


def expect_rejected(server, event):
    answer = web.post(server.url, event)
    check(answer.status == 503 and answer.headers["Retry-After"], f"{answer.status}, {answer.headers} with a wrong clock")
    code = json.loads(answer.body)["code"]
    check(code == "clock.wrong", f"the code {code} with a wrong clock")


def expect_said_once(server):
    told = server.text().count("clock.wrong: the clock shows 1970-01-01T00:01:")
    check(told == 1, f"said {told} times: {server.text()}")


def wrong_until_it_is_set(context):
    """From the start on every event gets 503; from the moment when the clock is set, 202."""
    clock = FakedClock(context, LONG_AGO)
    server = context.start(env=clock.environment())
    for _ in range(20):
        expect_rejected(server, fresh_event(context.random))
        check(not is_ready(server), "ready with a wrong clock")
    check(web.get(server.url, "/healthz").status == 200, "/healthz is not 200 with a wrong clock")
    check(not is_sink_ready(server), "the metrics say that it is ready")
    expect_said_once(server)

    clock.set(RIGHT)
    wait_until(lambda: is_ready(server), "/readyz is 200 when the clock is right")
    check(is_sink_ready(server), "the metrics say that it is not ready")
    event = fresh_event(context.random)
    check(web.post(server.url, event).status == 202, "no 202 when the clock is right")
    check("storing events again" in server.text(), f"the recovery is not said: {server.text()}")
    expect_said_once(server)
    server.stop()
    check_stored_once(context.events, [event["event_id"]])


def goes_wrong_while_it_runs(context):
    """No request is needed to find out."""
    clock = FakedClock(context, RIGHT)
    server = context.start(env=clock.environment())
    event = fresh_event(context.random)
    check(web.post(server.url, event).status == 202, "no 202 with a right clock")
    clock.set(LONG_AGO)
    wait_until(lambda: not is_ready(server), "/readyz is 503 when the clock has gone wrong")
    expect_rejected(server, fresh_event(context.random))
    expect_said_once(server)
    server.stop()
    check_stored_once(context.events, [event["event_id"]])


CASES = [wrong_until_it_is_set, goes_wrong_while_it_runs]

if __name__ == "__main__":
    sys.exit(harness.run(__doc__, CASES))
