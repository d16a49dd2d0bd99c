"""Runs the cases of a system test against the real server, a child process, and makes the exit status of their
outcomes: 0 passed, 1 failed, 77 skipped.

A script lists its cases, functions of one Context, and hands them to run(). Each case has a folder of its own,
removed when the case passed and kept, with its path printed, when it failed.
"""

import argparse
import collections
import contextlib
import ctypes
import glob
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
from services import free_port  # noqa: E402, F401, for the scripts that import this one

SKIPPED = 77
LIBC = ctypes.CDLL(None)
FAKETIME = "/usr/lib/*/faketime/libfaketimeMT.so.1"
PR_SET_PDEATHSIG = 1

ENDING_SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGPWR, signal.SIGXCPU]

# All but those, those that stop a process, and those of a fault in the program.
OTHER_SIGNALS = sorted(set(signal.valid_signals()) - set(ENDING_SIGNALS) -
                       {signal.SIGKILL, signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU} -
                       {signal.SIGILL, signal.SIGTRAP, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGSEGV, signal.SIGSYS})


class Failure(Exception):
    """The server does not do what it promises."""


class Skip(Exception):
    """Something that the case needs is not on this machine."""


def check(condition, message):
    if not condition:
        raise Failure(message)


def need(condition, what):
    """Skips the case for want of `what`; under CI that is a failure, so that nothing is skipped unseen."""
    if not condition:
        raise (Failure if os.environ.get("CI") else Skip)(f"missing: {what}")


def wait_until(condition, what, seconds=10.0):
    """Polls until condition() is true and returns its value; the only place that sleeps."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise Failure(f"not within {seconds:g} s: {what}")
        time.sleep(0.01)


def environment(extra=None):
    """This process's environment without the settings that a developer may have exported for the server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EVENTCOLLECT_")}
    return {**kept, **(extra or {})}


def faked_clock(**settings):
    """The environment of a program whose clock shows what these settings of libfaketime say. Deadlines are not moved."""
    libraries = glob.glob(FAKETIME)
    need(libraries, "the package faketime")
    return {"LD_PRELOAD": libraries[-1], "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1", "TZ": "UTC",
            **{name: str(value) for name, value in settings.items()}}


class Server:
    """The server under test. Its output goes to files, since a pipe that nobody reads would block it."""

    def __init__(self, command, output, env, cwd, file_size_limit=None, log_to=None, without=()):
        self.command = command
        self.output = pathlib.Path(f"{output}.out")
        self.log = pathlib.Path(f"{output}.log")
        self.log.touch()

        def before_exec():
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # a test that is killed itself leaves no server behind
            if file_size_limit is not None:
                set_file_size_limit(0, file_size_limit)
            for descriptor in without:
                os.close(descriptor)

        with self.output.open("wb") as out, open(log_to or self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=log, env=env,
                                            cwd=cwd, preexec_fn=before_exec)

    def wait_ready(self, seconds=15.0):
        """Returns once the server said where it listens."""
        wait_until(lambda: self.announced("listening") or self.process.poll() is not None, "the listening line", seconds)
        check(self.announced("listening"), f"the server ended with {self.process.returncode}: {self.text()[-2000:]}")
        return self

    def announced(self, what):
        found = re.search(rf"^{what} on (http://127\.0\.0\.1:\d+)$", self.output.read_text(), re.MULTILINE)
        return found and found.group(1)

    @property
    def url(self):
        return self.announced("listening")

    @property
    def admin(self):
        return wait_until(lambda: self.announced("admin"), "the admin line")

    def text(self):
        return self.output.read_text(errors="replace") + self.log.read_text(errors="replace")

    def is_alive(self):
        return self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def wait_exit(self, seconds):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"the server did not end within {seconds:g} s") from None

    def stop(self, seconds=20.0):
        """Ends the server the polite way, which must succeed."""
        self.signal(signal.SIGTERM)
        code = self.wait_exit(seconds)
        check(code == 0, f"after SIGTERM the server ended with {code}: {self.text()[-2000:]}")

    def kill(self):
        if self.is_alive():
            self.process.kill()
        return self.process.wait()


def set_file_size_limit(pid, size):
    """Limits how far a process (0: this one) can write into any file; None lifts the limit."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard if size is None else size, hard))


class Context:
    """What a case works with: a folder, a seeded generator and servers that never outlive the case."""

    def __init__(self, options, folder, seed):
        self.options = options
        self.folder = folder
        self.events = folder / "events"
        self.rejected = folder / "rejected"
        self.random = random.Random(seed)
        self.seed = seed
        self.servers = []

    def launch(self, *options, env=None, cwd=None, **server):
        """Starts the server with exactly these options and does not wait for it."""
        command = [self.options.server, *map(str, options)]
        output = self.folder / f"server-{len(self.servers) + 1:04}"
        server = Server(command, output, environment(env), cwd or self.folder, **server)
        self.servers.append(server)
        return server

    def ordinary(self, *options, to=None, **launch):
        """Starts the server on the case's folder. The drain delay has nobody to wait for here."""
        defaults = {"--listen": "127.0.0.1:0", "--dead-letter": f"file:{self.rejected}", "--drain-delay": "0s",
                    "--to": to or f"file:{self.events}"}
        missing = [word for name, value in defaults.items() if name not in options for word in (name, value)]
        return self.launch(*missing, *options, **launch)

    def start(self, *options, **launch):
        """The same, and waits until it is ready."""
        return self.ordinary(*options, **launch).wait_ready()

    def end(self):
        for server in self.servers:
            server.kill()

    def run_to_end(self, *options, seconds=15.0, **launch):
        """Runs a server that is expected to end by itself and returns its exit status and all it said."""
        server = self.launch(*options, **launch)
        return server.wait_exit(seconds), server.text()


@contextlib.contextmanager
def time_limit(seconds):
    """Turns a test that hangs into one that fails."""
    def expire(*_):
        raise Failure(f"the test took longer than {seconds} s")
    signal.signal(signal.SIGALRM, expire)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def explain(error):
    """One line for a broken promise; where it came from as well for a cut connection or an unreadable answer."""
    if isinstance(error, Failure):
        return str(error)
    here = os.path.dirname(os.path.realpath(__file__))
    frames = [f"{os.path.basename(frame.filename)}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)
              if os.path.dirname(os.path.realpath(frame.filename)) == here]
    return f"{type(error).__name__}: {error} (at {' < '.join(reversed(frames))})"


def show_servers(context):
    """What helps to understand a failure: how each server ended, and the last words of the last."""
    for server in context.servers:
        if not server.is_alive() and server.process.returncode != 0:
            print(f"    {server.log.name}: ended with {server.process.returncode}")
    if context.servers:
        lines = context.servers[-1].text().splitlines()[-15:]
        print("    last server said:" + "".join(f"\n        {line}" for line in lines))


def run_case(case, options, seed, seconds):
    """Runs one case and returns "passed", "failed" or "skipped"."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"eventcollect-{case.__name__}-")).resolve()
    context = Context(options, folder, seed)
    started = time.monotonic()
    outcome, reason = "passed", ""
    try:
        with time_limit(seconds):
            case(context)
    except Skip as skip:
        outcome, reason = "skipped", f": {skip}"
    except Exception as error:
        outcome, reason = "failed", f": {explain(error)}"
    try:
        print(f"{outcome}: {case.__name__} ({time.monotonic() - started:.1f} s){reason}", flush=True)
        if outcome == "failed":
            print(f"    kept: {folder}")
            show_servers(context)
    finally:
        context.end()
    if outcome != "failed":
        shutil.rmtree(folder)
    return outcome


def run(description, cases, seconds_per_case=60, add_arguments=None):
    """Parses the command line, runs the cases and returns the exit status."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--server", required=True, type=os.path.abspath, help="the server's binary")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    parser.add_argument("--only", default="", help="run the cases whose name contains this")
    if add_arguments:
        add_arguments(parser)
    options = parser.parse_args()
    chosen = [case for case in cases if options.only in case.__name__]
    if not chosen or not os.access(options.server, os.X_OK):
        parser.error(f"no such case: {options.only}" if not chosen else f"not a program: {options.server}")
    print(f"seed {options.seed}", flush=True)
    limit = seconds_per_case(options) if callable(seconds_per_case) else seconds_per_case
    outcomes = collections.Counter(run_case(case, options, options.seed, limit) for case in chosen)
    print(f"{outcomes['passed']} passed, {outcomes['failed']} failed, {outcomes['skipped']} skipped")
    if outcomes["failed"]:
        return 1
    return SKIPPED if outcomes["skipped"] else 0
