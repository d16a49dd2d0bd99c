#!/usr/bin/env python3
"""The live page's routes show what is stored and what is rejected, to those who may see it.

They are served at --admin only, under our own names only, and with the token where there is one. What is checked is not
stored. A viewer that does not read holds up nobody.
"""

import json
import socket
import sys
import urllib.parse

import web
from events import stored_events
from harness import check, run, wait_until

FILES = ["/live", "/live/live.css", "/live/live.js", "/live/figures.js", "/live/plot.js", "/live/rows.js", "/live/check.js"]
TOKEN = "token-of-the-test"
SENT = {"event": "opened_pricing", "url": "https://example.org/prices?from=test", "properties": {"cents": 12345678901234567890}}


def ask(url, path, **headers):
    with web.Client(url) as client:
        return client.request("GET", path, headers=headers)


def counts_of(answer):
    check(answer.status == 200, f"{answer.status} for /live/events: {answer.body!r}")
    *lines, counts = answer.body.decode().splitlines()
    return [json.loads(line) for line in lines], json.loads(counts)


def only_at_admin(context):
    server = context.start("--admin", "127.0.0.1:0", "--live")
    check('/live"' in web.get(server.url, "/").body.decode(), "the demo page does not link to the live page")
    for path in [*FILES, "/live/events"]:
        check(web.get(server.url, path).status == 404, f"{path} is served at --listen")
        check(web.get(server.admin, path).status == 200, f"{path} is not served at --admin")
    check(web.post(server.url, SENT, path="/live/check").status == 404, "/live/check is served at --listen")
    other = context.start("--admin", "127.0.0.1:0", "--to", f"file:{context.folder}/b", "--dead-letter", "null:")
    check(web.get(other.admin, "/live").status == 404, "/live is served without --live")
    check('/live"' not in web.get(other.url, "/").body.decode(), "the demo page links to a live page that there is not")


def only_under_our_names(context):
    server = context.start("--admin", "127.0.0.1:0", "--live")
    port = urllib.parse.urlsplit(server.admin).port
    for host, status in ((f"localhost:{port}", 200), (f"127.0.0.1:{port}", 200), ("rebound.example", 403)):
        for path in ("/live", "/live/events"):
            got = ask(server.admin, path, Host=host).status
            check(got == status, f"{got} for {path} under {host}")


def events_and_letters(context):
    """Also with dead letters that are kept nowhere."""
    server = context.start("--admin", "127.0.0.1:0", "--live", "--dead-letter", "null:")
    check(web.post(server.url, SENT).status == 202, "not stored")
    check(web.post(server.url, [{"event": "a"}, {"event": 5}]).status == 202, "not stored in part")

    def seen():
        lines, counts = counts_of(web.get(server.admin, "/live/events"))
        return (lines, counts) if counts["stored"] == 2 and counts["rejected"] == 1 else None

    lines, counts = wait_until(seen, "two events and a letter")
    check([line["event"] for line in lines[:2]] == ["a", "opened_pricing"], f"wrong events: {lines}")
    check(lines[2]["code"] == "event.type" and lines[2]["pointer"] == "/event", f"wrong letter: {lines[2]}")
    check(counts["codes"] == {"event.type": 1} and counts["names"] == {"a": 1, "opened_pricing": 1}, f"wrong counts: {counts}")
    check(counts["letters_kept"] == 0 and counts["letters_not_kept"] == 1, f"a letter counts as kept: {counts}")
    check(counts["ready"] and counts["responses"] == {"202": 2}, f"wrong state: {counts}")
    lines, counts = counts_of(web.get(server.admin, "/live/events?after=" + counts["cursor"]))
    check(not lines and counts["missed"] == {"stored": 0, "rejected": 0}, f"seen twice: {lines}")


def checked_is_not_stored(context):
    server = context.start("--admin", "127.0.0.1:0", "--live")
    answer = web.post(server.admin, [SENT, {"event": 5}], path="/live/check")
    verdict, stored = answer.body.decode().splitlines()
    check(json.loads(verdict)["answer"]["rejected"][0]["code"] == "event.type", f"wrong verdict: {verdict}")
    check('"cents":12345678901234567890' in stored, f"wrong line: {stored}")
    too_large = web.post(server.admin, b" " * (300 << 10), path="/live/check")
    check(too_large.status == 413, f"{too_large.status} for a body of 300 KiB")
    server.stop()
    check(stored_events(context.events) == [], "a checked event was stored")


def a_viewer_that_does_not_read(context):
    """Its answers pile up on its own connection; events and other viewers go on."""
    server = context.start("--admin", "127.0.0.1:0", "--live")
    web.post(server.url, [{"event": "large", "properties": {"p": "x" * 60_000}}] * 10)
    address = urllib.parse.urlsplit(server.admin)
    with socket.create_connection((address.hostname, address.port)) as viewer:
        for _ in range(200):
            viewer.sendall(b"GET /live/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for _ in range(50):
            check(web.post(server.url, {"event": "meanwhile"}).status == 202, "events wait for a viewer")
        lines, _ = counts_of(web.get(server.admin, "/live/events"))
        check(lines[0]["event"] == "meanwhile", f"another viewer does not see what is new: {lines[0]}")


def token_is_needed(context):
    server = context.start("--admin", "127.0.0.1:0", "--live", env={"EVENTCOLLECT_LIVE_TOKEN": TOKEN})
    check(web.get(server.admin, "/live/events").status == 401, "events without a token")
    check(web.get(server.admin, "/live/events?token=" + TOKEN).status == 401, "a token in a URL counts")
    large = web.post(server.admin, b" " * (300 << 10), path="/live/check")
    check(large.status == 401, f"{large.status} for a body that need not be read")
    check(ask(server.admin, "/live/events", Authorization=f"Bearer {TOKEN}").status == 200, "no events with the token")
    check(TOKEN not in server.text(), "the token is in the log")
    server.stop()


CASES = [only_at_admin, only_under_our_names, events_and_letters, checked_is_not_stored, a_viewer_that_does_not_read, token_is_needed]

if __name__ == "__main__":
    sys.exit(run(__doc__, CASES))
