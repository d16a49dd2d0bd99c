#!/usr/bin/env python3
"""The archiver, the compactor and the loader do what they are told, and say what is wrong with it.

Each case makes its events with the real server. The last ones need the S3 of tests/services.py.
"""

import contextlib
import gzip
import json
import os
import pathlib
import pty
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.parse

import harness
import web
from configuration import expect_usage_error
from events import fresh_event
from harness import check, need, wait_until
from pipeline import HOUR, Bucket, Directory, Process, ahead, services

TIMEOUT = 60

# What is given, and what the message must name: the culprit first, then the way out.
USAGE_ERRORS = {
    "archive": [
        ([], ["--from", "required"]),
        (["--from", "file:events"], ["--to", "required"]),
        (["--from", "carrierpigeon:coop", "--to", "dir:o"], ["--from", "carrierpigeon", "amqp.*file"]),
        (["--from", "file:events?colour=red", "--to", "dir:o"], ["--from", "colour", "consume"]),
        (["--from", "file:events", "--to", "carrierpigeon:coop"], ["--to", "carrierpigeon", "dir"]),
        (["--from", "file:events", "--to", "dir:o?colour=red"], ["--to", "colour"]),
        (["--from", "file:events", "--to", "s3://bucket/a//b"], ["--to", "a//b", "prefix"]),
        (["--from", "file:events", "--to", "dir:o", "--max-events", "0"], ["--max-events", "'0'"]),
        (["--from", "file:events", "--to", "dir:o", "--max-age", "soon"], ["--max-age", "soon"]),
        (["--from", "file:events", "--to", "dir:o", "--max-bytes", "0"], ["--max-bytes"]),
        (["--from", "file:events", "--to", "dir:o", "--dead-letter", "coop:x"], ["--dead-letter", "coop"]),
        (["--from", "amqp://localhost/?queue=q", "--to", "dir:o", "--max-events", "65536", "--once"], ["65,?535"]),
        (["--form", "file:events"], ["--form"]),
    ],
    "compact": [
        ([], ["--at", "required"]),
        (["--at", "carrierpigeon:coop"], ["--at", "carrierpigeon", "dir.*s3"]),
        (["--at", "dir:o", "--grace", "5"], ["--grace", "5"]),
        (["--at", "dir:o", "--every", "soon"], ["--every", "soon"]),
        (["--at", "dir:o", "--every", "0s"], ["--every", "0s"]),
        (["--at", "dir:o", "--target-bytes", "0"], ["target_bytes|--target-bytes"]),
        (["--at", "dir:o", "--memory-bytes", "1"], ["memory_bytes|--memory-bytes"]),
    ],
    "load": [
        ([], ["--from", "required"]),
        (["--from", "dir:o"], ["--to", "required"]),
        (["--from", "carrierpigeon:coop", "--to", "null:"], ["--from", "carrierpigeon", "dir.*s3"]),
        (["--from", "dir:o", "--to", "carrierpigeon:coop"], ["--to", "carrierpigeon", "sqlite"]),
        (["--from", "dir:o", "--to", "null:", "--since", "yesterday"], ["--since", "yesterday", "2026-11-23"]),
        (["--from", "dir:o", "--to", "null:", "--since", "2026-11-23T18:30:00Z"], ["since"]),
        (["--from", "dir:o", "--to", "null:", "--until", "2026-02-30"], ["--until", "2026-02-30"]),
        (["--from", "dir:o", "--to", "null:", "--every", "1s"], ["--every", "database"]),
        (["--from", "dir:o", "--to", "sqlite:d", "--every", "0s"], ["--every", "0s"]),
    ],
}


class Pipeline:
    """A folder with events in it, and the programs."""

    def __init__(self, context, objects=None):
        self.context = context
        self.objects = objects or Directory(context.folder / "objects")
        self.database = context.folder / "events.db"
        self.source = f"file:{context.events}?consume=1"
        # The servers' clock stands in the middle of the next hour, far from any edge.
        self.ahead = HOUR - int(time.time()) % HOUR + HOUR // 2
        self.late = ahead(self.ahead + 2 * HOUR)

    def command(self, program, *options):
        defaults = {"archive": ["--from", self.source, "--to", self.objects.url], "compact": ["--at", self.objects.url],
                    "load": ["--from", self.objects.url, "--to", f"sqlite:{self.database}"]}[program]
        given = set(options)
        kept = [word for pair in zip(defaults[::2], defaults[1::2]) if pair[0] not in given for word in pair]
        return [self.context.options.bin / f"eventcollect-{program}", *kept, *map(str, options)]

    def run(self, program, *options, env=None, expected=0):
        """Runs it to its end and returns what it said."""
        done = subprocess.run(self.command(program, *options), env=harness.environment(env), cwd=self.context.folder,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT)
        check(done.returncode == expected, f"{program} {options} ended with {done.returncode}, not {expected}: {done.stdout[-1000:]}")
        return done.stdout

    def make_events(self, count, at=0, **fields):
        """Sends so many events to a server so many seconds later, and returns their ids."""
        events = [fresh_event(self.context.random, **fields) for _ in range(count)]
        self.send(events, at)
        return [event["event_id"] for event in events]

    def send(self, events, at=0):
        server = self.context.start(env=ahead(self.ahead + at))
        for first in range(0, len(events), 1000):
            status = web.post(server.url, events[first:first + 1000]).status
            check(status == 202, f"{status} to valid events")
        server.stop()
        self.context.start().stop()  # which seals what the first has written

    def lines(self, prefix):
        """The ids in each object below a prefix."""
        return [[json.loads(line)["event_id"] for line in gzip.decompress(self.objects.get(key)).splitlines()]
                for key in self.objects.keys(prefix)]

    def rows(self):
        with contextlib.closing(sqlite3.connect(self.database)) as database:
            return sorted(row[0] for row in database.execute("SELECT event_id FROM events"))


def usage_is_checked(context):
    pipeline = Pipeline(context)
    wrong = []
    for program, cases in USAGE_ERRORS.items():
        for given, named in cases:
            done = subprocess.run([context.options.bin / f"eventcollect-{program}", *given], env=harness.environment(),
                                  cwd=context.folder, capture_output=True, text=True, timeout=TIMEOUT)
            try:
                expect_usage_error([program, *given], done.returncode, done.stdout + done.stderr, named)
            except harness.Failure as failure:
                wrong.append(str(failure))
    check(not wrong, "\n    ".join(wrong))
    for program in USAGE_ERRORS:
        said = pipeline.run(program, "--help")
        for option in pipeline.command(program)[1::2]:
            check(option in said, f"--help of {program} does not name {option}")


def every_option_is_a_variable_and_a_key(context):
    pipeline = Pipeline(context)
    pipeline.make_events(25)
    config = context.folder / "archive.conf"
    config.write_text(f"from = {pipeline.source}\nto = {pipeline.objects.url}\nmax-events = 10\n")
    command = [context.options.bin / "eventcollect-archive"]
    env = harness.environment({"EVENTCOLLECT_CONFIG": str(config), "EVENTCOLLECT_ONCE": "on", "EVENTCOLLECT_MAX_EVENTS": "20"})
    subprocess.run(command, env=env, cwd=context.folder, check=True, capture_output=True, timeout=TIMEOUT)
    check(sorted(map(len, pipeline.lines("raw/"))) == [5, 20], f"the variable does not beat the file: {pipeline.lines('raw/')}")
    env["EVENTCOLLECT_ONCE"] = "perhaps"
    done = subprocess.run(command, env=env, cwd=context.folder, capture_output=True, text=True, timeout=TIMEOUT)
    expect_usage_error("EVENTCOLLECT_ONCE=perhaps", done.returncode, done.stdout + done.stderr, ["once", "perhaps"])


def batches_are_bounded(context):
    """By number, by bytes, by age: whichever comes first."""
    pipeline = Pipeline(context)
    ids = pipeline.make_events(95)
    pipeline.run("archive", "--once", "--max-events", "10")
    check(sorted(map(len, pipeline.lines("raw/"))) == [5] + 9 * [10], "not ten events at most in each object")
    ids += pipeline.make_events(40, size=1000)
    before = len(pipeline.objects.keys("raw/"))
    pipeline.run("archive", "--once", "--max-bytes", "10000")
    check(len(pipeline.objects.keys("raw/")) - before >= 4, "40 events of 1 kB are in less than four objects of 10 kB")
    check(sorted(sum(pipeline.lines("raw/"), [])) == sorted(ids), "not each event is archived once")
    ids += pipeline.make_events(5)
    archiver = subprocess.Popen(pipeline.command("archive", "--max-age", "100ms"), env=harness.environment(), cwd=context.folder)
    try:
        wait_until(lambda: sum(map(len, pipeline.lines("raw/"))) == len(ids), "the age is over", TIMEOUT)
        archiver.send_signal(signal.SIGTERM)
        check(archiver.wait(TIMEOUT) == 0, "SIGTERM is no failure")
    finally:
        archiver.kill()


def has_taken_over_signals(pid):
    """Whether it blocks SIGTERM, which it does last."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^SigBlk:\s*(\w+)", status, re.MULTILINE).group(1), 16) >> (signal.SIGTERM - 1) & 1


def only_some_signals_end_a_program(context):
    pipeline = Pipeline(context)
    pipeline.make_events(1)
    pipeline.run("archive", "--once")
    for program, options in (("archive", []), ("compact", ["--every", "1h"]), ("load", ["--every", "1h"])):
        for number in harness.ENDING_SIGNALS:
            process = Process(context, f"{program}-{number.name}", pipeline.command(program, *options))
            process.start()
            wait_until(lambda: has_taken_over_signals(process.child.process.pid), f"{program} has begun")
            for other in harness.OTHER_SIGNALS:
                process.child.signal(other)
            process.child.signal(number)
            code = process.child.wait_exit(TIMEOUT)
            check(code == 0, f"{program} ended with {code} by {number.name}: {process.child.text()[-1000:]}")


def passwords_are_on_no_command_line(context):
    """A URL with a password is given in the environment or in the config file, of which `ps` shows nothing."""
    server = os.environ.get("EVENTCOLLECT_TEST_POSTGRES")
    need(server, "EVENTCOLLECT_TEST_POSTGRES: see tests/services.py")
    pipeline = Pipeline(context)
    pipeline.make_events(3)
    pipeline.run("archive", "--once")
    place = urllib.parse.urlsplit(server)
    for way in ("environment", "file"):
        url = f"postgres://password_user:secret@{place.hostname}:{place.port}{place.path}?table=t{context.folder.name[-8:].lower()}_{way}"
        config = context.folder / "load.conf"
        config.touch(0o600)
        config.write_text(f"to = {url}\n" if way == "file" else "")
        env = {"EVENTCOLLECT_TO": url} if way == "environment" else {}
        command = [context.options.bin / "eventcollect-load", "--from", pipeline.objects.url, "--every", "1h", "--config", config]
        process = Process(context, f"load-{way}", command, env)
        process.start()
        wait_until(lambda: "with 3 events loaded" in process.child.text(), f"a load by the password in the {way}")
        number = process.child.process.pid
        shown = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(number)], capture_output=True, check=True).stdout
        for what, text in (("ps", shown), ("cmdline", pathlib.Path(f"/proc/{number}/cmdline").read_bytes())):
            check(b"eventcollect-load" in text and b"secret" not in text, f"{what} shows {text}")
        process.stop()
        check("secret" not in process.child.text(), "a secret is in the log")


def an_hour_is_compacted_when_it_is_over(context):
    pipeline = Pipeline(context)
    ids = pipeline.make_events(30)
    pipeline.run("archive", "--once", "--max-events", "10")
    pipeline.run("compact", "--grace", "0s")
    check(not pipeline.objects.keys("hourly/"), "an hour was compacted that is not over")
    pipeline.run("compact", "--grace", "3h", env=pipeline.late)
    check(not pipeline.objects.keys("hourly/"), "an hour was compacted within its grace")
    said = pipeline.run("compact", "--grace", "10m", env=pipeline.late)
    check("3 raw objects, 30 events in 1 hourly objects" in said, f"it does not say so: {said}")
    check(pipeline.lines("hourly/") == [sorted(ids)], "the hour is not one sorted object")
    check(not pipeline.objects.keys("raw/"), "raw objects are left")
    before = pipeline.objects.keys("")
    pipeline.run("compact", "--grace", "10m", env=pipeline.late)
    check(pipeline.objects.keys("") == before, "compacting again did something")


def a_late_archiver_adds_to_a_compacted_hour(context):
    """What comes after the compaction is compacted by itself, and what the hour has already is not there again."""
    pipeline = Pipeline(context)
    ids = pipeline.make_events(20)
    pipeline.run("archive", "--once", "--from", f"file:{context.events}?cursor=first&follow=0")
    pipeline.run("compact", "--grace", "0s", env=pipeline.late)
    pipeline.run("load")
    ids += pipeline.make_events(5)
    pipeline.run("archive", "--once", "--from", f"file:{context.events}?cursor=late&follow=0")  # the 20 again, and the 5
    said = pipeline.run("compact", "--grace", "0s", env=pipeline.late)
    check("5 events in 1 hourly objects, 20 duplicates" in said, f"it does not say so: {said}")
    check(sorted(sum(pipeline.lines("hourly/"), [])) == sorted(ids), "the hour does not hold each event once")
    pipeline.run("load")
    check(pipeline.rows() == sorted(ids), "the table does not hold each event once")


def an_hour_that_fails_is_left_and_said(context):
    """The other hours are compacted, and whoever has started it is told."""
    pipeline = Pipeline(context)
    pipeline.make_events(5)
    ids = pipeline.make_events(5, at=HOUR)
    pipeline.run("archive", "--once")
    plan = pipeline.objects.keys("raw/")[0].replace("raw/", "plans/").rpartition("/")[0] + "/0001.json"
    pipeline.objects.folder.joinpath(plan).parent.mkdir(parents=True)
    pipeline.objects.folder.joinpath(plan).write_text("garbage")
    late = ahead(pipeline.ahead + 3 * HOUR)
    said = pipeline.run("compact", "--grace", "0s", env=late, expected=1)
    check(plan in said and "1 hours compacted, 1 left" in said, f"it does not say so: {said}")
    check(pipeline.lines("hourly/") == [sorted(ids)], "the good hour is not compacted")
    check(len(pipeline.objects.keys("raw/")) == 1, "the other hour's raw object is gone")


def a_queue_is_archived_to_its_end(context):
    """Also where an event does not fit beside the others, or more come only after an acknowledgement: that is not the end."""
    url = os.environ.get("EVENTCOLLECT_TEST_AMQP")
    need(url, "EVENTCOLLECT_TEST_AMQP: see tests/services.py")
    pipeline = Pipeline(context)
    queue = f"{url}?queue={context.folder.name}"
    server = context.start("--to", queue)
    wait_until(lambda: web.get(server.url, "/readyz").status == 200, "the server uses the queue that it made", TIMEOUT)
    sent = []
    for source, bounds in ((queue, ["--max-bytes", "1000"]), (queue + "&prefetch=2", [])):
        events = [fresh_event(context.random, size=700) for _ in range(20)]
        check(web.post(server.url, events).status == 202, "valid events are not accepted")
        sent += [event["event_id"] for event in events]
        pipeline.run("archive", "--once", "--from", source, *bounds)
        check(sorted(sum(pipeline.lines("raw/"), [])) == sorted(sent), "not all are archived")
    server.stop()


def some_of_the_data_is_loaded(context):
    """Hours and names choose, and what was left out is not hidden from a later load."""
    pipeline = Pipeline(context)
    clicks = pipeline.make_events(10)
    reads = pipeline.make_events(10, event="read_event")
    later = pipeline.make_events(10, at=HOUR)
    pipeline.run("archive", "--once")
    hours = sorted({re.search(r"dt=(.*)/hour=(\d\d)", key).expand(r"\1T\2") for key in pipeline.objects.keys("raw/")})
    pipeline.run("load", "--since", hours[-1])
    check(pipeline.rows() == sorted(later), "--since does not choose the last hour")
    pipeline.run("load", "--until", hours[-1], "--event", "read_event")
    check(pipeline.rows() == sorted(later + reads), "--until and --event do not choose")
    pipeline.run("load")
    check(pipeline.rows() == sorted(later + reads + clicks), "a later load does not have the rest")
    said = pipeline.run("load")
    check("0 objects with 0 events loaded" in said, f"loading again did something: {said}")


def a_terminal_shows_progress(context):
    pipeline = Pipeline(context)
    pipeline.make_events(100)
    pipeline.run("archive", "--once", "--max-events", "10")
    primary, secondary = pty.openpty()
    loader = subprocess.Popen(pipeline.command("load"), env=harness.environment(), cwd=context.folder, stderr=secondary)
    os.close(secondary)
    said = b""
    with contextlib.suppress(OSError):  # the terminal's other end is closed
        while data := os.read(primary, 4096):
            said += data
    os.close(primary)
    check(loader.wait(TIMEOUT) == 0, f"the loader failed: {said}")
    check(re.search(rb"\r\d+ objects, \d+ events, \d+ events/s", said), f"no progress on a terminal: {said}")
    check(b"10 objects with 100 events loaded" in said, f"no last word: {said}")


def damaged_objects_lose_nothing_more(context):
    """What can be read of them is loaded and compacted, what cannot is kept with the reason."""
    pipeline = Pipeline(context)
    ids = pipeline.make_events(20)
    pipeline.run("archive", "--once")
    (key,) = pipeline.objects.keys("raw/")
    path = pipeline.objects.folder / key
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join(lines[:10])) + gzip.compress(b"no event\n" + b"".join(lines[10:]))[:-12])
    said = pipeline.run("load")
    check(set(ids[:10]) <= set(pipeline.rows()) <= set(ids), "the readable part is not in the table")
    check("dead letters" in said and not said.endswith("0 dead letters\n"), f"no dead letter: {said}")
    pipeline.run("compact", "--grace", "0s", env=pipeline.late)
    check(sum(pipeline.lines("hourly/"), []) == pipeline.rows(), "table and hour differ")
    kept = pipeline.objects.keys("quarantine/")
    check(any(key.rpartition("/")[2] == path.name for path in map(pathlib.PurePath, kept)), f"the object is not kept: {kept}")


def append_to_object(path, line):
    path.write_bytes(path.read_bytes() + gzip.compress(line))


def programs_run_side_by_side(context):
    """Two archivers and two loaders of one folder, by default each with dead letters."""
    pipeline = Pipeline(context)
    ids = pipeline.make_events(20)

    def run_two(program, options, until, what):
        two = [Process(context, f"{program}-{number}", pipeline.command(program, *options(number))) for number in (1, 2)]
        for process in two:
            process.start()
        wait_until(until(two), what, TIMEOUT)
        for process in two:
            process.stop()

    def letters():
        return [key for key in pipeline.objects.keys("quarantine/") if key.endswith(".letters.json.gz")]

    def are_loaded():
        with contextlib.suppress(sqlite3.OperationalError):  # there is no table yet
            return pipeline.rows() == sorted(ids)
        return False

    run_two("archive", lambda number: ["--from", f"file:{context.events}?cursor=first{number}", "--to", "null:"],
            lambda two: lambda: all("started" in process.child.text() for process in two), "both have started")
    (sealed,) = context.events.glob("0*.ndjson")
    with sealed.open("ab") as file:
        file.write(b"no event\n")
    run_two("archive", lambda number: ["--from", f"file:{context.events}?cursor=second{number}", "--max-age", "100ms"],
            lambda two: lambda: sum(map(len, pipeline.lines("raw/"))) == 40 and len(letters()) == 2,
            "both have archived all and kept what is no event")
    for key in pipeline.objects.keys("raw/"):
        append_to_object(pipeline.objects.folder / key, b"no event\n")
    run_two("load", lambda _: ["--every", "100ms"],
            lambda two: lambda: are_loaded() and len(letters()) == 4,
            "both objects are loaded and what is no event is kept")
    check(not (context.folder / "archive-rejected").exists(), "an archiver of a store has letters elsewhere")


def s3_troubles_are_said(context):
    url = os.environ.get("EVENTCOLLECT_TEST_S3")
    need(url, "EVENTCOLLECT_TEST_S3: see tests/services.py")
    pipeline = Pipeline(context)
    ids = pipeline.make_events(10)
    secret = "a/wrong/secret/that/nobody/must/see"
    for what, to, env, named in (
            ("no bucket", re.sub("//[^/]*", "//no-such-bucket", url, count=1), {}, "no-such-bucket|NoSuchBucket"),
            ("wrong secret", url, {"AWS_SECRET_ACCESS_KEY": secret}, "SignatureDoesNotMatch"),
            ("wrong user", url, {"AWS_ACCESS_KEY_ID": "NOBODY"}, "InvalidAccessKeyId")):
        said = pipeline.run("archive", "--once", "--to", to, env=env, expected=1)
        check(re.search(named, said), f"{what}: the message does not name {named}: {said}")
        check(secret not in said, f"{what}: a secret is in the message")
        for program in ("compact", "load"):
            option = "--at" if program == "compact" else "--from"
            said = pipeline.run(program, option, to, env=env, expected=1)
            check(re.search(named, said), f"{what}: {program} does not name {named}: {said}")
    pipeline.run("archive", "--once")
    check(sorted(sum(pipeline.lines("raw/"), [])) == sorted(ids), "a failed archiver has acknowledged events")


def accepts(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def s3_is_down_for_a_while(context):
    """The balancer before it answers 503 then: nothing is acknowledged, and later all of it arrives."""
    url = os.environ.get("EVENTCOLLECT_TEST_S3")
    need(url and os.path.exists("/usr/sbin/haproxy"), "EVENTCOLLECT_TEST_S3 and the package haproxy")
    pipeline = Pipeline(context, Bucket(url, f"down-{context.folder.name[-8:]}"))
    ids = pipeline.make_events(10)
    endpoint = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["endpoint"][0]
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    configuration = context.folder / "haproxy.cfg"
    configuration.write_text("defaults\n    mode http\n    timeout connect 1s\n    timeout client 30s\n    timeout server 30s\n    retries 0\n"
                             f"listen s3\n    bind 127.0.0.1:{port}\n    server s3 {endpoint.partition('//')[2]}\n")
    balancer = Process(context, "haproxy", ["/usr/sbin/haproxy", "-q", "-db", "-f", configuration])
    through = pipeline.objects.url.replace(endpoint, f"http://127.0.0.1:{port}") + "&timeout=10s"
    archive = Process(context, "archive", pipeline.command("archive", "--to", through, "--max-age", "100ms"))
    services("kill", "s3")
    try:
        balancer.start()
        wait_until(lambda: accepts(port), "the balancer listens", TIMEOUT)
        archive.start()
        wait_until(lambda: re.search("s3: cannot .*: 503", archive.child.text()), "the archiver says that the store answers 503", TIMEOUT)
    finally:
        services("start", "s3")
    wait_until(lambda: sorted(sum(pipeline.lines("raw/"), [])) == sorted(ids), "each event is archived once", TIMEOUT)
    archive.stop()
    balancer.stop()


CASES = [usage_is_checked, every_option_is_a_variable_and_a_key, batches_are_bounded, only_some_signals_end_a_program,
         passwords_are_on_no_command_line, an_hour_is_compacted_when_it_is_over,
         a_late_archiver_adds_to_a_compacted_hour, an_hour_that_fails_is_left_and_said, a_queue_is_archived_to_its_end,
         some_of_the_data_is_loaded, a_terminal_shows_progress,
         damaged_objects_lose_nothing_more, programs_run_side_by_side, s3_troubles_are_said, s3_is_down_for_a_while]


def add_arguments(parser):
    parser.add_argument("--bin", required=True, type=lambda path: pathlib.Path(path).resolve(), help="where the programs are")


if __name__ == "__main__":
    sys.exit(harness.run(__doc__, CASES, 120, add_arguments))
