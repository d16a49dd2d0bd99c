#!/usr/bin/env python3
"""With --spool, every event answered 202 is exactly once in SQLite, and through RabbitMQ exactly once in PostgreSQL.

Whatever is killed or down meanwhile: the broker, the server, both, and what loads the queue into PostgreSQL. Needs the
servers of tests/services.py.
"""

import collections
import contextlib
import os
import pathlib
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import urllib.parse

import harness
import web
from crash import Load
from events import fresh_event
from harness import check, need, wait_until
from operations import scrape

TIMEOUT = 60  # seconds for whatever has to happen sooner or later


def services(*words):
    """Tells tests/services.py to kill or start a server, and waits until that is done."""
    subprocess.run([*shlex.split(os.environ["EVENTCOLLECT_TEST_SERVICES"]), *words], check=True, timeout=TIMEOUT)


@contextlib.contextmanager
def broker_down():
    """Kills RabbitMQ for the time of a block."""
    services("kill", "rabbitmq")
    try:
        yield
    finally:
        services("start", "rabbitmq")


class Hole:
    """A port that takes connections and says nothing, until it leads somewhere."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.silent = []
        self.target = None
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            if self.target is None:
                self.silent.append(client)
                continue
            server = socket.create_connection(self.target)
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self.copy, args=(source, sink), daemon=True).start()

    @staticmethod
    def copy(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def lead_to(self, url):
        self.target = url.hostname, url.port
        for client in self.silent:
            client.close()


class Setup:
    """A server's options, and what stands in the end where it ships to."""

    def __init__(self, context, declare="quorum", broker_port=None, options=""):
        for variable in ("EVENTCOLLECT_TEST_AMQP", "EVENTCOLLECT_TEST_POSTGRES"):
            need(os.environ.get(variable), f"{variable}: see tests/services.py")
        self.context = context
        self.broker = urllib.parse.urlsplit(os.environ["EVENTCOLLECT_TEST_AMQP"])
        self.name = context.folder.name  # each case has another
        self.declare = declare
        self.queue = self.queue_url(broker_port or self.broker.port, options)
        self.database = context.folder / "events.db"
        self.spool = context.folder / "spool"
        self.postgres = os.environ["EVENTCOLLECT_TEST_POSTGRES"]
        self.table = f"spool_{self.name[-8:]}"

    def queue_url(self, port, options=""):
        address = f"{self.broker.username}:{self.broker.password}@{self.broker.hostname}:{port}"
        return f"amqp://{address}/?queue={self.name}&declare={self.declare}{options}"

    def server(self, *options):
        return self.context.ordinary("--spool", self.spool, "--to", self.queue, "--to", f"sqlite:{self.database}", *options)

    def stored(self):
        """The ids in the database, each as often as it is there."""
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as database:
            return collections.Counter(row[0] for row in database.execute("SELECT event_id FROM events"))

    def sql(self, statement):
        command = ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "-v", "ON_ERROR_STOP=1", self.postgres]
        done = subprocess.run([*command, "-c", statement], check=True, capture_output=True, text=True, timeout=TIMEOUT)
        return done.stdout.split()

    def arrived(self):
        """The ids that went through the queue into PostgreSQL, each as often as it is there."""
        return collections.Counter(self.sql(f"SELECT event_id FROM {self.table}"))

    def pump(self, kill_after=None):
        """Pumps the queue into PostgreSQL until it is empty, or is killed some time after so many batches.

        Returns how many events were acknowledged to the queue, as far as the pump came to say so.
        """
        command = [self.context.options.pump_events, "--from", self.queue_url(self.broker.port),
                   "--to", f"{self.postgres}?table={self.table}", "--max-events", "50"]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as pump:
            try:
                said = [pump.stdout.readline() for _ in range(kill_after or 0)]
                if kill_after is None:
                    said = pump.stdout.readlines()
                    pump.wait(TIMEOUT)
                else:
                    threading.Event().wait(self.context.random.uniform(0, 0.01))
            finally:
                pump.kill()
            said += pump.stdout.readlines()
        expected = 0 if kill_after is None else -signal.SIGKILL
        check(pump.returncode == expected, f"the pump ended with {pump.returncode}, not {expected}")
        return int(said[-1]) if said else 0

    def load_queue(self, kills):
        """All of the queue into PostgreSQL, by pumps of which so many are killed on the way."""
        counted = sum(self.pump(kill_after=self.context.random.randint(1, 4)) for _ in range(kills))
        return counted + self.pump()

    def check_all(self, acknowledged, in_doubt=(), kills=0):
        """What was acknowledged is everywhere, once, and nothing else but what is in doubt. The spool has to be empty."""
        counted = self.load_queue(kills)
        wanted = set(acknowledged)
        for rows, where in ((self.arrived(), "PostgreSQL"), (self.stored(), "SQLite")):
            missing = wanted - rows.keys()
            check(not missing, f"{len(missing)} of {len(wanted)} events are not in {where}")
            strangers = rows.keys() - wanted - set(in_doubt)
            check(not strangers, f"{len(strangers)} events in {where} were never sent")
            twice = [event_id for event_id, count in rows.items() if count > 1]
            check(not twice, f"{len(twice)} events are in {where} more than once")
        print(f"    {len(wanted)} acknowledged, {len(in_doubt)} in doubt; {counted} taken from the queue to "
              f"{self.arrived().total()} rows, with {kills} kills")

    def close(self):
        self.sql(f"DROP TABLE {self.table}")


class SteadyLoad(Load):
    """A thousand or two events a second, so that a broker just up again on a small machine catches up."""

    def send(self, *arguments):
        self.wrong.wait(0.02)
        return super().send(*arguments)


def send(context, server, count):
    """Sends events one by one and returns their ids: each has to be accepted."""
    ids = []
    with web.Client(server.url) as client:
        for _ in range(count):
            event = fresh_event(context.random, size=200)
            answer = client.post(event)
            check(answer.status == 202 and not answer.body, f"{answer.status} {answer.body[:300]!r} to a valid event")
            ids.append(event["event_id"])
    return ids


def spool_number(server, scheme, name):
    """A number of the one target with this scheme."""
    samples = scrape(server.url).samples
    found = [value for (sample, labels), value in samples.items() if sample == f"eventcollect_spool_{name}" and
             any(label.startswith(f'target="{scheme}-') for label in labels)]
    check(len(found) == 1, f"{len(found)} numbers {name} for {scheme}")
    return found[0]


def wait_for_empty_spool(server):
    for scheme in ("amqp", "sqlite"):
        wait_until(lambda: spool_number(server, scheme, "backlog_bytes") == 0, f"{scheme} has all", TIMEOUT)


def everything_arrives(context):
    """Each event in both targets, and the numbers say so."""
    setup = Setup(context, declare="classic")
    server = setup.server().wait_ready()
    ids = send(context, server, 300)
    wait_for_empty_spool(server)
    scrape(server.url).check_conventions()
    for scheme in ("amqp", "sqlite"):
        check(spool_number(server, scheme, "events_forwarded_total") == 300, f"not 300 events forwarded to {scheme}")
        check(spool_number(server, scheme, "oldest_event_age_seconds") == 0, f"{scheme} has an oldest event")
    server.stop()
    setup.check_all(ids)
    setup.close()


def broker_down_at_the_start(context):
    """The server starts, takes events and fills the database; the broker gets them when it comes up."""
    setup = Setup(context)
    with broker_down():
        server = setup.server("--drain-timeout", "1s").wait_ready()
        ids = send(context, server, 100)
        wait_until(lambda: spool_number(server, "sqlite", "backlog_bytes") == 0, "the database has all", TIMEOUT)
        wait_until(lambda: spool_number(server, "amqp", "failures_total") > 0, "a failure is counted", TIMEOUT)
        check(spool_number(server, "amqp", "backlog_bytes") > 100 * 200, "no backlog, although the broker is down")
        wait_until(lambda: spool_number(server, "amqp", "oldest_event_age_seconds") > 0, "the backlog gets old", TIMEOUT)
        check(web.get(server.url, "/readyz").status == 200, "not ready, although events can be taken")
        server.stop()
        check("the spool keeps events" in server.text(), f"the log does not say so: {server.text()[-500:]}")
        server = setup.server().wait_ready()
        ids += send(context, server, 100)
    wait_for_empty_spool(server)
    server.stop()
    setup.check_all(ids)
    setup.close()


def stopped_while_the_broker_is_silent(context):
    """SIGTERM does not wait for a call without end, and the next start ships what is left."""
    hole = Hole()
    setup = Setup(context, broker_port=hole.port, options="&timeout=10m")
    server = setup.server("--drain-timeout", "1s").wait_ready()
    ids = send(context, server, 100)
    wait_until(lambda: hole.silent, "the server has called the broker", TIMEOUT)
    server.stop(seconds=TIMEOUT)
    hole.lead_to(setup.broker)
    server = setup.server().wait_ready()
    wait_for_empty_spool(server)
    server.stop()
    setup.check_all(ids)
    setup.close()


def killed_again_and_again(context):
    """The broker and the server, each by SIGKILL, each while the other is up, down or coming up.

    The queue is a classic one: RabbitMQ 3.10 may find no leader again for a quorum queue that it was asked to make in the
    second before its own SIGKILL.
    """
    setup = Setup(context, declare="classic")
    load = SteadyLoad(context.seed)
    pause = threading.Event()
    for number in range(context.options.rounds):
        server = setup.server().wait_ready()
        load.aim_at(server.url)
        pause.wait(context.random.uniform(0.1, 1.5))
        with broker_down():
            for _ in range(context.random.randint(0, 2)):
                pause.wait(context.random.uniform(0.05, 1))
                server.kill()
                load.aim_at(None)
                server = setup.server().wait_ready()
                load.aim_at(server.url)
            pause.wait(context.random.uniform(0, 1))
        pause.wait(context.random.uniform(0, 1))
        server.kill()
        load.aim_at(None)
        check(not load.wrong_answers, f"unexpected answers: {load.wrong_answers[:3]}")
        print(f"    round {number + 1}: {len(load.all('acknowledged'))} events acknowledged", flush=True)
    load.stop()
    server = setup.server().wait_ready()
    wait_for_empty_spool(server)
    # Whoever passes a file last removes it, a moment after it has said that it has all.
    wait_until(lambda: not list(setup.spool.glob("0*.ndjson")), "the files that both have passed are removed", TIMEOUT)
    server.stop()
    acknowledged = load.all("acknowledged")
    check(len(acknowledged) > 500 * context.options.rounds, f"only {len(acknowledged)} events acknowledged")
    setup.check_all(acknowledged, load.all("in doubt"), kills=5)
    setup.close()


def add_arguments(parser):
    parser.add_argument("--pump-events", required=True, type=pathlib.Path, help="the program pump_events")
    parser.add_argument("--rounds", type=int, default=3, help="of killing")


CASES = [everything_arrives, broker_down_at_the_start, stopped_while_the_broker_is_silent, killed_again_and_again]

if __name__ == "__main__":
    sys.exit(harness.run(__doc__, CASES, 200, add_arguments))
