#!/usr/bin/env python3
"""A SIGKILL at any instant loses no acknowledged event and stores none twice.

Several connections load the server with every form of body while it is killed again and again, in the middle of
requests, of rotations and of its own start, and started again on the same directory. No event is ever sent
a second time, so in the end each event answered 202 must be in the files exactly once, each event without an answer
at most once, each line must parse, and a sealed file must be what it was when it was first seen.

A SIGKILL leaves the page cache alone: that data is synced before the 202 is for the fault tests to show.
"""

import collections
import hashlib
import http.client
import json
import random
import sys
import threading
import time

import harness
import web
from events import check_stored_once, fresh_event, sealed_files, stored_events
from harness import check

CLIENTS = 6


def as_object(events):
    return "application/json", json.dumps(events[0])


def as_array(events):
    return "application/json", json.dumps(events)


def as_batch(events):
    return "application/json", json.dumps({"batch": events}, ensure_ascii=False)


def as_lines(events):
    return "application/x-ndjson", "\n".join(map(json.dumps, events))


FORMS = (as_object, as_array, as_batch, as_lines)


class Load:
    """Client threads that send fresh events without end, and what the answers promised."""

    def __init__(self, seed):
        self.url = None
        self.changed = threading.Condition()
        self.stopping = False
        self.wrong = threading.Event()
        self.wrong_answers = []
        self.results = [collections.defaultdict(list) for _ in range(CLIENTS)]  # one each: no lock while counting
        self.threads = [threading.Thread(target=self.run, args=(random.Random(f"{seed} {number}"), result), daemon=True)
                        for number, result in enumerate(self.results)]
        for thread in self.threads:
            thread.start()

    def aim_at(self, url):
        """Sends the clients to a server; None lets them wait for the next one."""
        with self.changed:
            self.url = url
            self.changed.notify_all()

    def stop(self):
        with self.changed:
            self.stopping = True
            self.changed.notify_all()
        for thread in self.threads:
            thread.join(15)
            check(not thread.is_alive(), "a client got no answer within 15 s")

    def run(self, rng, result):
        url = None
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.stopping or self.url not in (None, url))
                url = self.url
                if self.stopping:
                    return
            with web.Client(url) as client:
                while not self.stopping and self.url == url and self.send(client, rng, result):
                    pass

    def send(self, client, rng, result):
        """Sends one request; false when this server is gone."""
        form = rng.choice(FORMS)
        count = 1 if form is as_object else rng.randint(1, 20)
        events = [fresh_event(rng, size=rng.choice((0, 0, 0, 300, 3000))) for _ in range(count)]
        ids = [event["event_id"] for event in events]
        content_type, text = form(events)
        try:
            answer = client.post(text.encode(), content_type)
        except ConnectionRefusedError:
            return False
        except (OSError, http.client.HTTPException):
            result["in doubt"] += ids
            result["cut requests"].append(1)
            return False
        if answer.status == 202 and not answer.body:
            result["acknowledged"] += ids
            result[form.__name__].append(1)
        elif answer.status == 503:
            result["in doubt"] += ids
        else:
            self.wrong_answers.append(f"{answer.status} {answer.body[:300]!r} to {form.__name__} of {count}")
            self.wrong.set()
        return True

    def all(self, what):
        return [item for result in self.results for item in result[what]]


class SealedFiles:
    """Notices when a sealed file changes or vanishes."""

    def __init__(self, folder):
        self.folder = folder
        self.seen = {}

    def look(self, thoroughly=False):
        """Compares with the last look; reading all content again is for the end, since it grows."""
        present = {path.name: path for path in sealed_files(self.folder)}
        gone = self.seen.keys() - present.keys()
        check(not gone, f"sealed files are gone: {sorted(gone)}")
        for name, path in present.items():
            status = path.stat()
            stamp = (status.st_ino, status.st_size, status.st_mtime_ns)
            if name not in self.seen:
                self.seen[name] = stamp, self.digest(path)
            before, digest = self.seen[name]
            check(stamp == before, f"{path} changed after it was sealed")
            check(not thoroughly or self.digest(path) == digest, f"the content of {path} changed after it was sealed")

    @staticmethod
    def digest(path):
        return hashlib.blake2b(path.read_bytes()).digest()


def tear_tail(context):
    """Leaves behind what a power cut may leave after the last durable line; true when it did.

    A SIGKILL hits the middle of a write only by luck. A tail that is torn already is left as it is.
    """
    current = context.events / "current.ndjson"
    content = current.read_bytes() if current.exists() else b""
    if not content.endswith(b"\n") or context.random.random() < 0.5:
        return False
    half = json.dumps(fresh_event(context.random)).encode()[:-20]
    with current.open("ab") as file:
        file.write(context.random.choice((half, bytes(500), half + b"\n" + half)))
    return True


def one_round(context, load, kills):
    """Starts the server, lets the clients at it, and kills it at a random instant."""
    rng = context.random
    rotation = rng.choice((None, None, 4096, 65536))
    directory = f"file:{context.events}" + (f"?rotate_bytes={rotation}" if rotation else "")
    server = context.ordinary(to=directory)
    starting = rng.random() < 0.2
    if not starting:
        load.aim_at(server.wait_ready().url)
    load.wrong.wait(rng.uniform(0, 0.05) if starting else rng.uniform(0.01, 1.0))
    check(not load.wrong_answers, f"unexpected answers: {load.wrong_answers[:3]}")
    check(server.is_alive(), f"the server ended by itself with {server.process.returncode}: {server.text()[-500:]}")
    server.kill()
    load.aim_at(None)
    kills["while starting" if starting else "while rotating" if rotation else "under load"] += 1


def final_stop(context):
    """Gives the server its chance to seal what the last kill left."""
    context.start().stop()


def crash(context):
    kills = collections.Counter()
    torn = 0
    sealed = SealedFiles(context.events)
    load = Load(context.seed)
    end = time.monotonic() + context.options.seconds
    while time.monotonic() < end:
        one_round(context, load, kills)
        sealed.look()
        torn += tear_tail(context)
    load.stop()
    final_stop(context)
    sealed.look(thoroughly=True)
    report(context, load, kills, len(sealed.seen))
    counts = check_stored_once(context.events, load.all("acknowledged"))
    strangers = counts.keys() - set(load.all("acknowledged")) - set(load.all("in doubt"))
    check(not strangers, f"{len(strangers)} stored events were never sent, such as {sorted(strangers)[:3]}")
    check(not stored_events(context.rejected), "valid events were rejected")
    kept = len(torn_files(context))
    check(kept >= torn > 0, f"{kept} .torn files for {torn} torn tails")
    check_effort(context, load, kills, len(sealed.seen))


def torn_files(context):
    return list(context.events.glob("*.torn"))


def report(context, load, kills, sealed):
    print(f"{kills.total()} rounds {dict(kills)}, {len(load.all('acknowledged'))} events acknowledged, "
          f"{len(load.all('in doubt'))} in doubt, {len(load.all('cut requests'))} requests cut, "
          f"{sealed} sealed files, {len(torn_files(context))} torn tails", flush=True)


def check_effort(context, load, kills, sealed):
    """A run that killed or stored next to nothing has shown nothing."""
    least = max(6, context.options.seconds // 3)
    check(kills.total() >= least, f"only {kills.total()} kills, {least} wanted")
    check(len(kills) == 3, f"not each kind of kill took place: {kills}")
    acknowledged = len(load.all("acknowledged"))
    check(acknowledged >= 50 * least, f"only {acknowledged} events acknowledged, {50 * least} wanted")
    check(len(load.all("cut requests")) >= least, "too few kills hit a request")
    check(all(load.all(form.__name__) for form in FORMS), "a form of body was never acknowledged")
    check(sealed > kills.total(), f"{sealed} sealed files after {kills.total()} kills: no rotation took place")


def add_arguments(parser):
    parser.add_argument("--seconds", type=int, default=60, help="how long to go on killing")


if __name__ == "__main__":
    sys.exit(harness.run(__doc__, [crash], lambda options: 2 * options.seconds + 60, add_arguments))
