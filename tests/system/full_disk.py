#!/usr/bin/env python3
"""A disk without room costs availability and nothing else.

While nothing can be written, events get 503 with Retry-After, readiness is 503, health stays 200 and the
server lives. When room returns, readiness comes back without any traffic and events are accepted again. Every event
that was answered 202 is in the files exactly once, and no file holds half a line. Shown on a tiny tmpfs, and with
the file size limit of a process, whose signal must not kill the server. Nor must a log that cannot be written.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import time

import harness
import web
from events import check_stored_once, fresh_event
from harness import check, need, wait_until

TMPFS_BYTES = 2 << 20
IN_NAMESPACE = "EVENTCOLLECT_TEST_NAMESPACE"


class Sender:
    """Sends fresh events one request at a time and keeps what was acknowledged."""

    def __init__(self, context, server):
        self.context = context
        self.acknowledged = []
        self.rejections = 0
        self.aim_at(server)

    def aim_at(self, server):
        self.server = server
        self.client = web.Client(server.url)

    def send(self, size=2000, count=5):
        """True when the events were acknowledged; anything but 202, or 503 with Retry-After, is wrong."""
        events = [fresh_event(self.context.random, size) for _ in range(count)]
        answer = self.client.post(events)
        check(self.server.is_alive(), f"the server ended with {self.server.process.returncode}")
        check(answer.status in (202, 503), f"{answer.status} {answer.body[:300]!r} to valid events")
        if answer.status == 202:
            check(not answer.body, f"202 for valid events has a body: {answer.body[:300]!r}")
            self.acknowledged += [event["event_id"] for event in events]
            return True
        check(answer.headers["Retry-After"], "503 without Retry-After")
        self.rejections += 1
        return False

    def send_until(self, accepted, what, **shape):
        wait_until(lambda: self.send(**shape) == accepted, what, seconds=20)


def status(server, path):
    return web.get(server.url, path).status


def expect_unready(server):
    """Readiness is 503 and stays so, without traffic, while the cause lasts."""
    wait_until(lambda: status(server, "/readyz") == 503, "/readyz is 503 while nothing can be stored")
    end = time.monotonic() + 3
    wait_until(lambda: status(server, "/readyz") != 503 or time.monotonic() > end, "the end of watching")
    check(time.monotonic() > end, "/readyz says ready although nothing can be stored")
    check(status(server, "/healthz") == 200, "/healthz is not 200 while the disk is full")


def expect_recovery(server, sender):
    """Readiness returns by itself, and then events are accepted at the first try."""
    wait_until(lambda: status(server, "/readyz") == 200, "/readyz is 200 again without traffic", seconds=30)
    check(sender.send(), "503 after readiness returned")


def fill(folder):
    """Takes the last page of the file system and returns the file that holds it."""
    filler = folder / "filler"
    with filler.open("ab", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return filler


@contextlib.contextmanager
def tiny_disk(context, size):
    """A file system of a few pages. It vanishes with this process, so a failed case keeps a copy."""
    need(os.environ.get(IN_NAMESPACE), "leave to mount a tmpfs (unshare --mount)")
    disk = context.folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", disk], check=True)
    try:
        yield disk
    except BaseException:
        shutil.copytree(disk, context.folder / "disk-at-failure", symlinks=True)
        raise
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def check_files(context, server, sender, folder):
    """What must hold in the end, after the server stopped in good order."""
    server.stop()
    check_stored_once(folder, sender.acknowledged)
    print(f"    {len(sender.acknowledged)} events acknowledged, {sender.rejections} requests rejected with 503")
    check(sender.rejections >= 3 and len(sender.acknowledged) >= 50, "too little happened to show anything")


def full_file_system(context):
    with tiny_disk(context, TMPFS_BYTES) as disk:
        server = context.start(to=f"file:{disk / 'events'}")
        sender = Sender(context, server)
        for _ in range(3):
            for _ in range(10):
                check(sender.send(), "503 while there is room")
            filler = fill(disk)
            sender.send_until(False, "503 on a full disk")
            expect_unready(server)
            for _ in range(20):
                sender.send(count=1)
            filler.unlink()
            expect_recovery(server, sender)
        check_files(context, server, sender, disk / "events")


def file_system_filled_by_the_events_themselves(context):
    """Full because of what was stored, to the last byte, and killed in that state."""
    with tiny_disk(context, TMPFS_BYTES) as disk:
        reserve = disk / "reserve"
        reserve.write_bytes(bytes(TMPFS_BYTES // 2))
        directory = f"file:{disk / 'events'}?rotate_bytes=100000"
        server = context.start(to=directory)
        sender = Sender(context, server)
        for size in (2000, 500, 0):
            sender.send_until(False, "503 on a full disk", size=size, count=1)
        server.kill()
        reserve.unlink()
        sender.aim_at(context.start(to=directory))
        check(sender.send(), "503 after a restart with room")
        check_files(context, sender.server, sender, disk / "events")


def full_disk_of_the_dead_letters(context):
    """What strangers send never holds up good events, even when it cannot be kept."""
    with tiny_disk(context, 64 << 10) as disk:
        server = context.start("--dead-letter", f"file:{disk / 'rejected'}")
        fill(disk)
        sender = Sender(context, server)
        for _ in range(30):
            rejected = sender.client.post({"url": "x" * 6000})
            check(rejected.status == 400, f"{rejected.status} to an event without a name")
            check(sender.send(), "503 to a good event while the dead letters' disk is full")
        check(status(server, "/readyz") == 200, "not ready because of the dead letters' disk")
        server.stop()
        check_stored_once(context.events, sender.acknowledged)


def file_size_limit_while_running(context):
    """Every write fails with EFBIG and raises SIGXFSZ, whose default is to end the process."""
    server = context.start()
    sender = Sender(context, server)
    for _ in range(2):
        for _ in range(10):
            check(sender.send(), "503 without a limit")
        harness.set_file_size_limit(server.process.pid, 0)
        sender.send_until(False, "503 with a file size limit of 0")
        expect_unready(server)
        for _ in range(20):
            check(not sender.send(), "202 although no file can be written")
        harness.set_file_size_limit(server.process.pid, None)
        expect_recovery(server, sender)
    check_files(context, server, sender, context.events)


def file_size_limit_from_the_start(context):
    """Each file hits the limit once; the server goes on in a new one."""
    limit = 200_000
    server = context.start(file_size_limit=limit)
    sender = Sender(context, server)
    wait_until(lambda: sender.send() and len(sender.acknowledged) * 2000 > 5 * limit,
               "five times the limit is stored", seconds=40)
    server.stop()
    check_stored_once(context.events, sender.acknowledged)
    print(f"    {len(sender.acknowledged)} events acknowledged, {sender.rejections} requests rejected with 503")


def log_on_a_full_disk(context):
    """A log line that cannot be written is lost; the server starts, serves, reports nothing and stops as ever."""
    server = context.start(log_to="/dev/full")
    sender = Sender(context, server)
    check(sender.send(), "503 while the log's disk is full")
    harness.set_file_size_limit(server.process.pid, 0)
    sender.send_until(False, "503 with a file size limit of 0")
    harness.set_file_size_limit(server.process.pid, None)
    expect_recovery(server, sender)
    server.stop()
    check_stored_once(context.events, sender.acknowledged)


CASES = [full_file_system, file_system_filled_by_the_events_themselves, full_disk_of_the_dead_letters,
         file_size_limit_while_running, file_size_limit_from_the_start, log_on_a_full_disk]


def enter_namespace():
    """Starts this script again in a mount namespace of its own, where one is to be had."""
    command = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    os.environ[IN_NAMESPACE] = ""
    try:
        if subprocess.run([*command, "true"], stderr=subprocess.DEVNULL).returncode == 0:
            os.environ[IN_NAMESPACE] = "yes"
            os.execvp(command[0], [*command, sys.executable, *sys.argv])
    except FileNotFoundError:
        pass  # no unshare: the cases that need it say so


if __name__ == "__main__":
    if IN_NAMESPACE not in os.environ:
        enter_namespace()
    sys.exit(harness.run(__doc__, CASES, seconds_per_case=120))
