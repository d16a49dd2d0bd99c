#!/usr/bin/env python3
"""A queue that the server has made itself outlives a SIGKILL of the broker with every event that was answered 202.

RabbitMQ writes what it knows of a new queue seconds after its making. So the broker is killed at a random moment of the
first seconds, or just after the first 202, and started again. Needs the RabbitMQ of tests/services.py.
"""

import contextlib
import os
import pathlib
import sqlite3
import subprocess
import sys
import threading
import urllib.parse

import harness
from harness import check, need, wait_until
from spool import TIMEOUT, SteadyLoad, broker_down

NEW_SECONDS = 5  # how long a queue is new: amqp.hpp


def stored_ids(context, queue, database):
    """Takes all events out of the queue and returns their ids."""
    command = [context.options.pump_events, "--from", queue, "--to", f"sqlite:{database}"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT)
    check(done.returncode == 0, f"the pump ended with {done.returncode}: {done.stderr[-500:]}")
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as opened:
        return {row[0] for row in opened.execute("SELECT event_id FROM events")}


def one_round(context, number):
    """Makes a queue, kills the broker, and returns how many events were acknowledged before that and after."""
    broker = urllib.parse.urlsplit(os.environ["EVENTCOLLECT_TEST_AMQP"])
    declare = ("quorum", "classic")[number % 2]
    queue = f"amqp://{broker.netloc}/?queue={context.folder.name}-{number}&declare={declare}"
    server = context.ordinary(to=queue).wait_ready()
    load = SteadyLoad(f"{context.seed} {number}")
    load.aim_at(server.url)
    pause = threading.Event()
    if number % 4 < 2:
        pause.wait(context.random.uniform(0, NEW_SECONDS))
    else:
        wait_until(lambda: load.all("acknowledged"), "the first 202", TIMEOUT)
        pause.wait(context.random.uniform(0, 1))
    with broker_down():
        before = len(load.all("acknowledged"))
    # A quorum queue that RabbitMQ 3.10 has not written in time comes back without a leader, and takes nothing.
    if before > 0 or declare == "classic":
        wait_until(lambda: len(load.all("acknowledged")) > before, "the server takes events again", TIMEOUT)
    load.aim_at(None)
    load.stop()
    server.stop()
    check(not load.wrong_answers, f"unexpected answers: {load.wrong_answers[:3]}")
    acknowledged = set(load.all("acknowledged"))
    missing = acknowledged - stored_ids(context, queue, context.folder / f"{number}.db")
    check(not missing, f"{len(missing)} of {len(acknowledged)} events are lost with the {declare} queue")
    return before, len(acknowledged) - before


def broker_is_killed_when_the_queue_is_new(context):
    """Nothing that was acknowledged is lost, whenever the broker is killed."""
    need(os.environ.get("EVENTCOLLECT_TEST_AMQP"), "EVENTCOLLECT_TEST_AMQP: see tests/services.py")
    for number in range(context.options.rounds):
        before, after = one_round(context, number)
        print(f"    round {number + 1}: {before} events acknowledged before the kill, {after} after", flush=True)


def add_arguments(parser):
    parser.add_argument("--pump-events", required=True, type=pathlib.Path, help="the program pump_events")
    parser.add_argument("--rounds", type=int, default=4, help="of killing")


CASES = [broker_is_killed_when_the_queue_is_new]

if __name__ == "__main__":
    sys.exit(harness.run(__doc__, CASES, 1_500, add_arguments))
