"""A site whose page loads the browser client, and what the server behind it has stored in SQLite and in files."""

import collections
import contextlib
import json
import signal
import socket
import sqlite3
import threading

import harness
from events import stored_events
from harness import check, wait_until

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>A page</title><link rel="icon" href="data:,">{head}</head>
<body>{body}</body>
</html>
"""
CLIENT = '<script src="{origin}/events/client.js" defer {attributes}></script>'


def client_page(body="", attributes="", origin="", head=""):
    return PAGE.format(head=head + CLIENT.format(origin=origin, attributes=attributes), body=body)


class Site:
    """A server on a port that it keeps when it is killed and started again. Every path of its page is "/"; the cases
    tell one page from another by the query."""

    def __init__(self, context, page, *options):
        self.context = context
        self.options = options
        self.port = harness.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        # A browser takes an address in this form for plain HTTP from elsewhere, which gets no Web Locks.
        self.insecure_url = f"http://[::ffff:7f00:1]:{self.port}"
        self.page = context.folder / f"page-{self.port}.html"
        self.page.write_text(page)
        self.database = context.folder / f"events-{self.port}.sqlite"
        self.files = context.folder / f"files-{self.port}"
        self.rejected = context.folder / f"rejected-{self.port}"
        self.server = None

    def start(self):
        self.server = self.context.start("--listen", f"127.0.0.1:{self.port}", "--page", self.page,
                                         "--to", f"sqlite:{self.database}", "--to", f"file:{self.files}",
                                         "--dead-letter", f"file:{self.rejected}", *self.options)
        return self

    def events(self, name=None):
        """The rows of SQLite in the order of their ids, which the client mints in the order of events."""
        if not self.database.exists():
            return []
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            try:
                rows = database.execute("SELECT * FROM events ORDER BY event_id").fetchall()
            except sqlite3.OperationalError:  # the server has not made the table yet
                return []
        events = [{**row, "properties": json.loads(row["properties"])} for row in map(dict, rows)]
        return [event for event in events if name in (None, event["event"])]

    def wait_for(self, name, count=1, seconds=20):
        """The events of this name, once there are so many of them; more are a failure."""
        found = wait_until(lambda: len(self.events(name)) >= count and self.events(name), f"{count} of {name}", seconds)
        check(len(found) == count, f"{len(found)} of {name} instead of {count}: {found}")
        return found

    def numbers(self, name):
        """How often each number n, which a page gave its events, is stored."""
        return collections.Counter(event["properties"]["n"] for event in self.events(name))

    def wait_for_numbers(self, name, count, seconds=30):
        """Waits until the numbers from 0 on are stored, and checks that each is so once."""
        wait_until(lambda: len(self.numbers(name)) >= count, f"{count} of {name}", seconds)
        check(self.numbers(name) == collections.Counter(range(count)), f"not each of {count} {name} once")

    def stop(self):
        """Stops the server and checks that both stores have the same events: SQLite once, the files at least once.
        Returns how often each is in the files."""
        self.server.stop()
        in_files = collections.Counter(event["event_id"] for event in stored_events(self.files))
        in_sqlite = collections.Counter(event["event_id"] for event in self.events())
        check(in_files.keys() == in_sqlite.keys(), f"only in one store: {in_files.keys() ^ in_sqlite.keys()}")
        check(set(in_sqlite.values()) <= {1}, "an event is in SQLite twice")
        return in_files

    def wait_for_attempt(self):
        """While the server is down: returns once a browser has asked in vain."""
        with socket.create_server(("127.0.0.1", self.port)) as listening:
            listening.settimeout(20)
            listening.accept()[0].close()

    def kill(self):
        self.server.signal(signal.SIGKILL)
        self.server.wait_exit(10)


class Relay:
    """Passes connections on to a port of this machine, and keeps what clients sent."""

    def __init__(self, port):
        self.port = port
        self.received = bytearray()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}"

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listening.shutdown(socket.SHUT_RDWR)  # ends accept()
        self.listening.close()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client = self.listening.accept()[0]
                server = socket.create_connection(("127.0.0.1", self.port))
                for source, target, note in ((client, server, True), (server, client, False)):
                    threading.Thread(target=self.pass_on, args=(source, target, note), daemon=True).start()

    def pass_on(self, source, target, note):
        with contextlib.suppress(OSError):
            while some := source.recv(65536):
                if note:
                    self.received.extend(some)
                target.sendall(some)
            target.shutdown(socket.SHUT_WR)


def open_page(browser, url):
    browser.open(url)
    loaded = browser.evaluate("[Boolean(window.eventcollect && eventcollect.send), location.href, document.readyState]")
    check(loaded[0], f"the client has not loaded: {loaded}")


def wait_until_idle(browser):
    """Returns once the client has a verdict on every event and no request in flight."""
    wait_until(lambda: browser.evaluate("!Object.keys(localStorage).length"), "the queue is empty")
    wait_until(lambda: browser.evaluate("!navigator.locks || navigator.locks.query()"
                                        ".then(locks => !locks.held.length && !locks.pending.length)"), "no lock is held")
