"""The programs of examples/ do what their first lines say.

Takes --bin, the folder that they were built into.
"""

import argparse
import contextlib
import gzip
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "system"))
from harness import check, environment, free_port, wait_until  # noqa: E402


def post(url, event):
    """The status and the JSON of the answer, if it has any."""
    request = urllib.request.Request(url, json.dumps(event).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            body = answer.read()
            return answer.status, json.loads(body) if body else None
    except urllib.error.HTTPError as rejection:
        return rejection.code, json.loads(rejection.read())


@contextlib.contextmanager
def running(command, folder):
    with open(folder / "output", "wb") as output:
        process = subprocess.Popen(command, cwd=folder, env=environment(), stdin=subprocess.DEVNULL, stdout=output)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def stored(folder):
    files = sorted((folder / "events").glob("*.ndjson"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def embed(programs, folder):
    for _ in range(2):
        subprocess.run([programs / "embed"], cwd=folder, env=environment(), check=True, timeout=30)
    events = stored(folder)
    check(len(events) == 2, f"two runs left {len(events)} events")
    check(events[0]["event_id"] == events[1]["event_id"], "tracking again made another event of it")
    check(events[0]["properties"] == {"cents": 1999, "currency": "EUR"}, events[0])


def minimal_server(programs, folder):
    port = free_port()
    url = f"http://127.0.0.1:{port}/events"
    with running([programs / "eventcollect-minimal-server", str(port)], folder) as server:
        wait_until(lambda: url in (folder / "output").read_text(), "the line that says where it serves")
        wait_until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, "an open port")
        with urllib.request.urlopen(url.removesuffix("events"), timeout=10) as page:
            check(b"/events/client.js" in page.read(), "the page does not name the client")
        with urllib.request.urlopen(url + "/client.js", timeout=10) as client:
            check(b"sent_time" in client.read(), "the client is not served")
        check(post(url, {"event": "clicked_event"})[0] == 202, "the event was not accepted")
        check([event["event"] for event in stored(folder)] == ["clicked_event"], "the event is not in the file")
        bomb = urllib.request.Request(url.replace("events", "nowhere"), gzip.compress(bytes(256 << 20)),
                                      {"Content-Encoding": "gzip"})
        try:
            urllib.request.urlopen(bomb, timeout=10).close()
            check(False, "an unknown path was not rejected")
        except urllib.error.HTTPError as rejection:
            check(rejection.code == 404, f"an unknown path got {rejection.code}")
        except (ConnectionError, urllib.error.URLError):
            pass  # it closed without reading the body, and the answer was lost
        status = pathlib.Path(f"/proc/{server.pid}/status").read_text()
        check(int(re.search(r"VmHWM:\s*(\d+)", status)[1]) < 128 << 10, "a body for an unknown path was inflated")


def custom_sink(programs, folder):
    command = [programs / "custom_sink", "--to", "initials:abc", "--listen", "127.0.0.1:0"]
    with running(command, folder):
        output = folder / "output"
        line = wait_until(lambda: [line for line in output.read_text().splitlines() if "listening" in line],
                          "the line that says where it serves")[0]
        url = line.rsplit(" ", 1)[1] + "/events"
        check(post(url, {"event": "bought"})[0] == 202, "an event with the right initial was not accepted")
        status, answer = post(url, [{"event": "clicked"}, {"event": "viewed"}])
        check(status == 202 and answer["accepted"] == 1, f"{status} {answer}")
        check(answer["rejected"][0]["code"] == "sink.rejected" and answer["rejected"][0]["index"] == 1, answer)
        printed = [json.loads(line)["event"] for line in output.read_text().splitlines() if line.startswith("{")]
        check(printed == ["bought", "clicked"], printed)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", required=True, type=os.path.abspath)
    programs = pathlib.Path(parser.parse_args().bin)
    for case in (embed, minimal_server, custom_sink):
        with tempfile.TemporaryDirectory(prefix="eventcollect-") as folder:
            case(programs, pathlib.Path(folder))
        print(f"passed: {case.__name__}", flush=True)


if __name__ == "__main__":
    main()
