#!/usr/bin/env python3
"""Whatever is killed on the way from the browser to the database, every event answered 202 is there exactly once.

Embedded: a server that writes files, an archiver, a compactor and a loader, on `dir:` objects and SQLite.
With --queue: the same with a queue of ActiveMQ (artemis or classic) in the place of the files, and the broker is killed
as well.
With --full: two servers behind HAProxy, RabbitMQ, two archivers, S3, a compactor, two loaders into PostgreSQL and one
into MariaDB, those of tests/services.py. Under load, one of them after the other is killed with SIGKILL and started again, in an order that the
seed decides. Some clients send an event again that was answered already, some of them after the edge of the hour, which
the servers' clock passes in the middle of the test; hours are compacted while they are still written to.

    python3 tests/services.py with python3 tests/system/pipeline.py --bin build/release/bin --full --seconds 600

In the end each acknowledged event is one row of each table; the objects of an hour hold each event once, in order; no
raw object and no unfinished plan is left, and no dead letter.
"""

import collections
import contextlib
import gzip
import http.client
import json
import os
import pathlib
import random
import re
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.parse
import xml.etree.ElementTree

import harness
import web
from events import fresh_event
from harness import check, need, wait_until

CLIENTS = 4
TIMEOUT = 120  # seconds for whatever has to happen sooner or later
HOUR = 3600


def ahead(seconds):
    """The environment of a program whose clock is so much ahead."""
    return harness.faked_clock(FAKETIME=f"+{seconds}s")


def services(*words):
    """Tells tests/services.py to kill or start a server, and waits until that is done."""
    subprocess.run([*shlex.split(os.environ["EVENTCOLLECT_TEST_SERVICES"]), *words], check=True, timeout=TIMEOUT)


class Process:
    """A program that can be killed and started again, always with the same command."""

    def __init__(self, context, name, command, env=None):
        self.context, self.name, self.command, self.env = context, name, list(map(str, command)), env
        self.log = context.folder / f"{name}.log"
        self.starts = 0
        self.child = None

    def start(self):
        with self.log.open("ab") as log:
            self.child = harness.Server(self.command, self.context.folder / f"{self.name}-{self.starts}",
                                        harness.environment(self.env), self.context.folder)
        self.context.servers.append(self.child)
        self.starts += 1

    def kill(self):
        check(self.child.is_alive(), f"{self.name} ended by itself: {self.child.text()[-1000:]}")
        self.child.kill()

    def stop(self):
        self.child.signal(signal.SIGTERM)
        code = self.child.wait_exit(TIMEOUT)
        check(code in (0, -signal.SIGTERM), f"after SIGTERM {self.name} ended with {code}: {self.child.text()[-1000:]}")

    def run_to_end(self):
        """Runs it until it is done, which must succeed."""
        self.start()
        code = self.child.wait_exit(TIMEOUT)
        check(code == 0, f"{self.name} ended with {code}: {self.child.text()[-1000:]}")
        return self.child.text()


class Service:
    """A server of tests/services.py as something to be killed and started again."""

    def __init__(self, name):
        self.name = name
        self.starts = 1

    def start(self):
        services("start", self.name)
        self.starts += 1

    def kill(self):
        services("kill", self.name)


class Load:
    """Clients that send events, some of them again, and remember what was promised."""

    def __init__(self, seed, port):
        self.url = f"http://127.0.0.1:{port}"
        self.stopping = threading.Event()
        self.wrong = []
        self.acknowledged = [[] for _ in range(CLIENTS)]
        self.in_doubt = [set() for _ in range(CLIENTS)]
        self.again = [0] * CLIENTS
        self.threads = [threading.Thread(target=self.run, args=(number, random.Random(f"{seed} {number}")), daemon=True)
                        for number in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def run(self, number, rng):
        sent = []
        while not self.stopping.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException), web.Client(self.url, 15) as client:
                while not self.stopping.wait(0.01):
                    self.send(client, number, rng, sent)

    def send(self, client, number, rng, sent):
        events = [fresh_event(rng, size=rng.choice((0, 0, 200))) for _ in range(rng.randint(1, 20))]
        if sent and rng.random() < 0.3:
            events.append(rng.choice(sent))  # a client that has missed the answer
            self.again[number] += 1
        ids = [event["event_id"] for event in events]
        self.in_doubt[number].update(ids)
        answer = client.post(events)
        if answer.status == 202 and not answer.body:
            self.acknowledged[number] += ids
            sent += events[:1]
        elif answer.status not in (502, 503, 504):  # the balancer's 502 and 504 leave it in doubt
            self.wrong.append(f"{answer.status} {answer.body[:300]!r}")

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(30)
            check(not thread.is_alive(), "a client got no answer within 30 s")
        check(not self.wrong, f"unexpected answers: {self.wrong[:3]}")

    def promised(self):
        return {event_id for ids in self.acknowledged for event_id in ids}

    def sent(self):
        return set().union(*self.in_doubt)


class Directory:
    """Objects on this machine, read without our own code."""

    def __init__(self, folder):
        self.folder = folder
        self.url = f"dir:{folder}"

    def keys(self, prefix):
        return sorted(str(path.relative_to(self.folder)) for path in (self.folder / prefix).rglob("*") if path.is_file())

    def get(self, key):
        return (self.folder / key).read_bytes()


class Bucket:
    """Objects in S3, read by curl."""

    def __init__(self, url, prefix):
        parts = urllib.parse.urlsplit(url)
        options = dict(urllib.parse.parse_qsl(parts.query))
        self.root = f"{options['endpoint']}/{parts.netloc}"
        self.prefix = prefix
        self.url = f"s3://{parts.netloc}/{prefix}?{parts.query}"

    def request(self, path_and_query):
        user = f"{os.environ['AWS_ACCESS_KEY_ID']}:{os.environ['AWS_SECRET_ACCESS_KEY']}"
        return subprocess.run(["curl", "--fail", "--silent", "--show-error", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", user,
                               "--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD", f"{self.root}{path_and_query}"],
                              check=True, capture_output=True, timeout=TIMEOUT).stdout

    def keys(self, prefix):
        quote = lambda text: urllib.parse.quote(text, safe="")
        found, after = [], ""
        while True:
            query = f"?list-type=2&prefix={quote(f'{self.prefix}/{prefix}')}"
            if after:
                query += f"&start-after={quote(after)}"
            page = xml.etree.ElementTree.fromstring(self.request(query))
            space = page.tag.partition("}")[0] + "}"
            keys = [entry.findtext(f"{space}Key") for entry in page.iter(f"{space}Contents")]
            found += [key.removeprefix(f"{self.prefix}/") for key in keys]
            if page.findtext(f"{space}IsTruncated") != "true":
                return found
            after = keys[-1]

    def get(self, key):
        return self.request("/" + urllib.parse.quote(f"{self.prefix}/{key}"))


class Chain:
    """All processes from the door to the table. `killed` are those that the test may kill."""

    def __init__(self, context, half):
        self.context = context
        self.bin = context.options.bin
        # The servers' clock passes the edge of an hour in the middle of the test.
        self.offset = HOUR - int(time.time()) % HOUR - half
        if self.offset < 0:
            self.offset += HOUR
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]

    def program(self, name, *options, instance="", env=None, program=None):
        command = [program or self.bin / f"eventcollect-{name}", *options]
        if name in ("archive", "load"):
            command += ["--dead-letter", f"file:{self.context.folder}/dead-{name}{instance}"]
        return Process(self.context, f"{name}{instance}", command, env)

    def server(self, to, port, instance=""):
        return self.program("server", "--listen", f"127.0.0.1:{port}", "--to", to, "--drain-delay", "0s", "--dead-letter",
                            f"file:{self.context.folder}/rejected{instance}", instance=instance, env=ahead(self.offset))

    def start(self):
        for process in self.processes:
            process.start()
        wait_until(self.answers, "the servers answer", TIMEOUT)

    def answers(self):
        with contextlib.suppress(OSError, http.client.HTTPException):
            return web.get(f"http://127.0.0.1:{self.port}", "/readyz").status == 200

    def finish(self):
        """Everything that is under way comes to its end, while nothing is killed any more."""
        for process in self.processes:
            process.stop()
        self.seal()
        self.archive_once.run_to_end()
        self.compact_once.run_to_end()
        left = self.objects.keys("raw/")
        check(not left, f"{len(left)} raw objects are left, such as {left[:2]}")
        for load_once in self.loads_once:
            load_once.run_to_end()
            said = load_once.run_to_end()
            check("0 objects with 0 events loaded" in said, f"loading again did something: {said[-300:]}")


class Embedded(Chain):
    def __init__(self, context, half):
        events = f"file:{context.folder}/events"
        self.build(context, half, f"{events}?rotate_age=300ms", f"{events}?consume=1")

    def build(self, context, half, to, source):
        super().__init__(context, half)
        folder = context.folder
        self.objects = Directory(folder / "objects")
        self.database = folder / "events.db"
        self.door = self.server(to, self.port)
        archive = ["--from", source, "--to", self.objects.url, "--max-age", "200ms"]
        compact = ["--at", self.objects.url, "--grace", "0s"]
        load = ["--from", self.objects.url, "--to", f"sqlite:{self.database}"]
        # Every hour that there is has long been over for the compactor.
        late = ahead(self.offset + 3 * HOUR)
        self.processes = [self.door, self.program("archive", *archive), self.program("compact", *compact, "--every", "500ms", env=late),
                          self.program("load", *load, "--every", "300ms"), self.program("load", *load, "--every", "500ms", instance="2")]
        self.killed = self.processes
        self.archive_once = self.program("archive", *archive, "--once", instance="-once")
        self.compact_once = self.program("compact", *compact, instance="-once", env=late)
        self.loads_once = [self.program("load", *load, instance="-once")]

    def seal(self):
        """What the last server wrote is sealed by the next start."""
        self.door.start()
        wait_until(self.answers, "the server answers", TIMEOUT)
        self.door.stop()

    def tables(self):
        with contextlib.closing(sqlite3.connect(self.database)) as database:
            return {"the table": collections.Counter(row[0] for row in database.execute("SELECT event_id FROM events"))}


class Queued(Embedded):
    def __init__(self, context, half):
        broker = context.options.queue
        variable = f"EVENTCOLLECT_TEST_{broker.upper()}"
        need(os.environ.get(variable), f"{variable}: see tests/services.py")
        queue = f"{os.environ[variable]}?queue={context.folder.name}"
        self.build(context, half, queue, queue)
        self.killed = [*self.processes, Service(broker)]

    def seal(self):
        pass


class Full(Chain):
    def __init__(self, context, half):
        super().__init__(context, half)
        for variable in ("AMQP", "S3", "POSTGRES", "MYSQL"):
            need(os.environ.get(f"EVENTCOLLECT_TEST_{variable}"), f"EVENTCOLLECT_TEST_{variable}: see tests/services.py")
        need(os.path.exists("/usr/sbin/haproxy"), "the package haproxy")
        name = re.sub(r"\W", "", context.folder.name[-8:].lower())
        broker = urllib.parse.urlsplit(os.environ["EVENTCOLLECT_TEST_AMQP"])
        queue = f"amqp://{broker.netloc}/?queue=pipeline-{name}&declare=classic"
        self.objects = Bucket(os.environ["EVENTCOLLECT_TEST_S3"], f"pipeline-{name}")
        self.postgres = os.environ["EVENTCOLLECT_TEST_POSTGRES"]
        self.mysql = os.environ["EVENTCOLLECT_TEST_MYSQL"]
        self.table = f"pipeline_{name}"
        self.ports = []
        for _ in range(2):
            with socket.create_server(("127.0.0.1", 0)) as probe:
                self.ports.append(probe.getsockname()[1])
        archive = ["--from", queue, "--to", self.objects.url, "--max-age", "500ms", "--max-events", "500"]
        compact = ["--at", self.objects.url]
        late = [self.offset + 3 * HOUR]
        load = ["--from", self.objects.url, "--to", f"{self.postgres}?table={self.table}"]
        load_mysql = ["--from", self.objects.url, "--to", f"{self.mysql}?table={self.table}"]
        early = context.options.early_compactor
        self.processes = [
            *(self.server(queue, port, instance) for port, instance in zip(self.ports, "12")),
            Process(context, "haproxy", ["/usr/sbin/haproxy", "-q", "-db", "-f", self.balancer_configuration()]),
            *(self.program("archive", *archive, instance=instance) for instance in "12"),
            self.program("compact", self.objects.url, *late, program=early),
            *(self.program("load", *load, "--every", "1s", instance=instance) for instance in "12"),
            self.program("load", *load_mysql, "--every", "1s", instance="-mysql")]
        self.killed = [*self.processes, Service("rabbitmq"), Service("s3"), Service("postgres"), Service("mysql")]
        self.archive_once = self.program("archive", *archive, "--once", instance="-once")
        self.compact_once = self.program("compact", self.objects.url, *late, "once", instance="-once", program=early)
        self.loads_once = [self.program("load", *load, instance="-once"),
                           self.program("load", *load_mysql, instance="-mysql-once")]

    def balancer_configuration(self):
        servers = "".join(f"    server s{port} 127.0.0.1:{port} check inter 200ms\n" for port in self.ports)
        path = self.context.folder / "haproxy.cfg"
        path.write_text("defaults\n    mode http\n    timeout connect 1s\n    timeout client 30s\n    timeout server 30s\n"
                        "    option redispatch\n"
                        f"frontend door\n    bind 127.0.0.1:{self.port}\n    default_backend servers\n"
                        f"backend servers\n    balance roundrobin\n    option httpchk GET /healthz\n{servers}")
        return path

    def seal(self):
        pass

    def tables(self):
        return {"Postgres": self.ids("psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", self.postgres, "-c",
                                     f"SELECT event_id FROM {self.table}"),
                "MariaDB": self.ids("mariadb", *mysql_client_options(self.mysql), "-e",
                                    f"SELECT cast(event_id AS uuid) FROM {self.table}")}

    def ids(self, *command):
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=TIMEOUT)
        return collections.Counter(done.stdout.split())


def mysql_client_options(url):
    parts = urllib.parse.urlsplit(url)
    return ["--no-defaults", "--batch", "--skip-column-names", f"--host={parts.hostname}", f"--port={parts.port}",
            f"--user={parts.username}", parts.path[1:]]


def kill_one_after_the_other(context, chain, load, end):
    rng = context.random
    kills = collections.Counter()
    pause = threading.Event()
    pause.wait(2)  # RabbitMQ 3.10 can lose a queue that it was asked to make in the second before
    while time.monotonic() < end:
        victim = rng.choice(chain.killed)
        victim.kill()
        kills[victim.name] += 1
        pause.wait(rng.uniform(0, 0.5))
        victim.start()
        pause.wait(rng.uniform(0, 1))
        check(not load.wrong, f"unexpected answers: {load.wrong[:3]}")
    return kills


def hourly_events(objects):
    """The events of each hour in hourly/: every object is sorted, and no hour holds an id twice."""
    hours = collections.defaultdict(dict)
    for key in objects.keys("hourly/"):
        hour = key.rpartition("/")[0].removeprefix("hourly/")
        events = [json.loads(line) for line in gzip.decompress(objects.get(key)).splitlines()]
        ids = [event["event_id"] for event in events]
        check(ids == sorted(ids), f"{key} is not sorted")
        twice = set(ids) & hours[hour].keys() or len(ids) - len(set(ids))
        check(not twice, f"{hour} holds events twice, such as {twice}")
        for event in events:
            when = time.strftime("dt=%Y-%m-%d/hour=%H", time.gmtime(event["server_time"] / 1000))
            check(when == hour, f"an event of {when} is in {hour}")
            hours[hour][event["event_id"]] = event["server_time"]
    return hours


def check_all(chain, load):
    promised, sent = load.promised(), load.sent()
    tables = chain.tables()
    hours = hourly_events(chain.objects)
    in_hours = set().union(*hours.values())
    for place, ids in (*((name, rows.keys()) for name, rows in tables.items()), ("hourly/", in_hours)):
        missing = promised - ids
        check(not missing, f"{len(missing)} of {len(promised)} acknowledged events are not in {place}, such as {sorted(missing)[:3]}")
        strangers = ids - sent
        check(not strangers, f"{len(strangers)} events in {place} were never sent, such as {sorted(strangers)[:3]}")
    for name, rows in tables.items():
        twice = [event_id for event_id, count in rows.items() if count > 1]
        check(not twice, f"{len(twice)} events are in {name} more than once")
        check(rows.keys() == in_hours, f"{len(rows.keys() ^ in_hours)} events are in {name} or in hourly/ only")
    check(len(hours) >= 2, f"no edge of an hour was passed: {list(hours)}")
    in_both = sum(len(a.keys() & b.keys()) for a, b in zip(list(hours.values()), list(hours.values())[1:]))
    check(in_both > 0, "no client sent an event again after the edge of the hour")
    for key in chain.objects.keys("plans/"):
        check(json.loads(chain.objects.get(key))["state"] == "done", f"{key} is not done")
    letters = chain.objects.keys("quarantine/")
    check(not letters, f"there are dead letters: {letters}")
    for path in chain.context.folder.glob("dead-*/*.ndjson"):
        check(path.stat().st_size == 0, f"there are dead letters: {path.read_text()[:500]}")
    return f"{len(promised)} acknowledged, {len(in_hours)} rows, {sum(load.again)} sent again, {in_both} of them in two hours, " \
           f"{len(chain.objects.keys('hourly/'))} hourly objects"


def survive(context, kind):
    half = context.options.seconds // 2 + 2
    chain = kind(context, half)
    chain.start()
    load = Load(context.seed, chain.port)
    kills = kill_one_after_the_other(context, chain, load, time.monotonic() + context.options.seconds)
    wait_until(chain.answers, "the servers answer", TIMEOUT)
    load.stop()
    chain.finish()
    print(f"    killed {dict(kills)}", flush=True)
    print(f"    {check_all(chain, load)}", flush=True)
    check(len(load.promised()) > 20 * context.options.seconds, f"only {len(load.promised())} events acknowledged")


def embedded(context):
    survive(context, Embedded)


def queued(context):
    survive(context, Queued)


def full(context):
    survive(context, Full)


def add_arguments(parser):
    parser.add_argument("--bin", required=True, type=lambda path: pathlib.Path(path).resolve(), help="where the programs are")
    parser.add_argument("--early-compactor", type=os.path.abspath, help="the program early_compactor, for --full")
    parser.add_argument("--seconds", type=int, default=20, help="how long to go on killing")
    parser.add_argument("--queue", choices=["artemis", "classic"], help="with a queue of this broker")
    parser.add_argument("--full", action="store_true", help="with RabbitMQ, S3, PostgreSQL, MariaDB and HAProxy")


if __name__ == "__main__":
    chosen = full if "--full" in sys.argv else queued if "--queue" in sys.argv else embedded
    sys.exit(harness.run(__doc__, [chosen], lambda options: 2 * options.seconds + 4 * TIMEOUT, add_arguments))
