"""Events as the tests send them and as the server must have stored them."""

import collections
import json
import pathlib
import re
import uuid

from harness import Failure, check

SEALED_NAME = re.compile(r"\d+-.+\.ndjson")


def fresh_event(rng, size=0, **fields):
    """A valid event with an id of its own and about `size` bytes of padding."""
    event = {"event_id": str(uuid.UUID(int=rng.getrandbits(128), version=4)), "event": "clicked_event",
             "url": "http://127.0.0.1/page", "properties": {"button": "système", "padding": "x" * size}}
    return {**event, **fields}


def ndjson_files(folder):
    return sorted(pathlib.Path(folder).glob("*.ndjson"))


def sealed_files(folder):
    return [path for path in ndjson_files(folder) if SEALED_NAME.fullmatch(path.name)]


def read_lines(path, live):
    """The lines of one file; while a server writes (`live`) a last line without its newline is not there yet."""
    lines = path.read_bytes().split(b"\n")
    last = lines.pop()
    check(live or not last, f"{path}: ends in half a line: {last[:80]!r}")
    return lines


def parse_event(line, where):
    """One stored event, with the fields that each must have."""
    try:
        event = json.loads(line)
    except ValueError as error:
        raise Failure(f"{where}: {error}: {line[:120]!r}") from None
    check(isinstance(event, dict), f"{where}: not an object: {line[:120]!r}")
    for field, kind in (("event_id", str), ("event", str), ("properties", dict), ("server_time", int), ("event_time", int)):
        check(isinstance(event.get(field), kind), f"{where}: no {field}: {line[:120]!r}")
    check(str(uuid.UUID(event["event_id"])) == event["event_id"], f"{where}: event_id is not canonical: {event['event_id']}")
    return event


def stored_events(folder, live=False):
    """All events under a folder, each line checked. Blank lines stand in place of damaged ones."""
    return [parse_event(line, f"{path}:{number}") for path in ndjson_files(folder)
            for number, line in enumerate(read_lines(path, live), 1) if line]


def check_stored_once(folder, acknowledged):
    """Each acknowledged event is stored, and no event twice, acknowledged or not."""
    counts = collections.Counter(event["event_id"] for event in stored_events(folder))
    lost = sorted(set(acknowledged) - counts.keys())
    twice = sorted(event_id for event_id, count in counts.items() if count > 1)
    check(not lost, f"{len(lost)} of {len(acknowledged)} acknowledged events are lost, such as {lost[:3]}")
    check(not twice, f"{len(twice)} events are stored more than once, such as {twice[:3]}")
    return counts
