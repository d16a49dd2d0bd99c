#!/usr/bin/env python3
"""Settings mean what they say, and a wrong one never starts a server.

A flag beats the environment, which beats the config file, which beats the default. Whatever is misspelt or out of
range ends with exit status 2 and a message that names the culprit and the way out. --help is complete.
"""

import re
import sys

import harness
import web
from events import ndjson_files, stored_events
from harness import check

OPTIONS = ["--listen", "--admin", "--live", "--live-token", "--to", "--dead-letter", "--path", "--page", "--allow-origin", "--context", "--url-strip",
           "--ack", "--ack-timeout", "--drain-delay", "--drain-timeout", "--threads", "--max-body-bytes",
           "--max-head-bytes", "--idle-timeout", "--max-batch-events", "--trusted-proxy", "--config"]

# What is given, and what the message must name: the culprit first, then the way out.
USAGE_ERRORS = [
    (["--no-such-option"], ["--no-such-option", "--listen|--help"]),
    (["--lisen=127.0.0.1:0"], ["--lisen", "--listen|--help"]),
    (["--to", "carrierpigeon:coop"], ["carrierpigeon", "file", "null"]),
    (["--dead-letter", "carrierpigeon:coop"], ["carrierpigeon", "file", "null"]),
    (["--to", "no-scheme"], ["no-scheme", "file"]),
    (["--to", "file:events?rotate_byte=9"], ["rotate_byte", "rotate_bytes"]),
    (["--to", "file:events?rotate_bytes=many"], ["rotate_bytes", "many"]),
    (["--listen", "nonsense"], ["--listen", "nonsense"]),
    (["--listen", "127.0.0.1:99999"], ["--listen", "99999"]),
    (["--listen", "127.0.0.1:-1"], ["--listen", "-1"]),
    (["--admin", "127.0.0.1:65536"], ["--admin", "65536"]),
    (["--live"], ["--live", "--admin"]),
    (["--live", "--admin", "0.0.0.0:0"], ["0.0.0.0", "EVENTCOLLECT_LIVE_TOKEN"]),
    (["--ack", "maybe"], ["--ack", "maybe", "durable", "accepted"]),
    (["--ack-timeout", "soon"], ["--ack-timeout", "soon"]),
    (["--drain-delay=-5s"], ["--drain-delay", "-5s"]),
    (["--drain-timeout", "5 parsecs"], ["--drain-timeout", "parsecs"]),
    (["--threads", "several"], ["--threads", "several"]),
    (["--max-body-bytes=-1"], ["--max-body-bytes", "-1"]),
    (["--max-head-bytes", "huge"], ["--max-head-bytes", "huge"]),
    (["--idle-timeout", "never"], ["--idle-timeout", "never"]),
    (["--max-batch-events", "1e99"], ["--max-batch-events", "1e99"]),
    (["--context", "shoe_size"], ["shoe_size", "user_agent"]),
    (["--url-strip", "everything"], ["everything", "query"]),
    (["--path", "events"], ["--path", "events"]),
    (["--path", "/metrics"], ["--path", "'/metrics'"]),
    (["--listen"], ["--listen"]),
]


def expect_usage_error(given, code, said, named):
    check(code == 2, f"{given} ended with {code}, not 2: {said}")
    for pattern in named:
        check(re.search(pattern, said), f"the message for {given} does not name {pattern}: {said}")
    check("listening on" not in said, f"{given} was rejected after listening: {said}")


def unless_given(options, *defaults):
    """The defaults, without those that `options` sets: an option given twice would be an error of its own."""
    given = {option.split("=")[0] for option in options}
    return [word for pair in defaults if pair[0] not in given for word in pair]


def flags_are_checked(context):
    wrong = []
    for given, named in USAGE_ERRORS:
        others = unless_given(given, ("--listen", "127.0.0.1:0"), ("--to", f"file:{context.events}"),
                              ("--dead-letter", f"file:{context.rejected}"))
        try:
            expect_usage_error(given, *context.run_to_end(*others, *given, seconds=5), named)
        except harness.Failure as failure:
            wrong.append(f"{given}: {failure}")
    check(not wrong, f"{len(wrong)} wrong settings are not rejected as they should:\n    " + "\n    ".join(wrong))
    check(not list(context.folder.glob("*/*")), "a wrong setting left files behind")


def environment_is_checked(context):
    for name, value, named in (("EVENTCOLLECT_TO", "carrierpigeon:coop", ["carrierpigeon", "file"]),
                               ("EVENTCOLLECT_LISTEN", "nonsense", ["nonsense", "(?i)listen"]),
                               ("EVENTCOLLECT_ACK", "maybe", ["maybe", "durable"]),
                               ("EVENTCOLLECT_DRAIN_DELAY", "soon", ["soon", "(?i)drain.delay"])):
        others = [] if name.endswith("LISTEN") else ["--listen", "127.0.0.1:0"]
        expect_usage_error(f"{name}={value}", *context.run_to_end(*others, env={name: value}), named)


def config_file_is_checked(context):
    for line, named in (("lisen = 127.0.0.1:0", ["lisen", r"\blisten"]), ("ack = maybe", ["maybe", "durable"]),
                        ("to = carrierpigeon:coop", ["carrierpigeon", "file"]), ("--ack = durable", ["--ack"]),
                        ("just words", ["server.conf", "line 4"])):
        config = context.folder / "server.conf"
        config.write_text(f"# a comment on lisen\n\nlisten = 127.0.0.1:0\n{line}\n")
        expect_usage_error(line, *context.run_to_end("--config", config), named)
    code, said = context.run_to_end("--config", context.folder / "missing.conf")
    check(code in (1, 2) and "missing.conf" in said, f"a missing config file ended with {code}: {said}")


SECRET = "hunter2"

# A secret where an operator may put it by mistake.
MISPLACED_SECRETS = [
    [f"--tto=postgres://u:{SECRET}@localhost/db"], ["--tto", f"postgres://u:{SECRET}@localhost/db"], ["--tto", SECRET],
    [SECRET], [f"-p{SECRET}"], [f"password={SECRET}"],
    ["--to", f"host=localhost password={SECRET}"], ["--to", "host=localhost", f"password={SECRET}"],
    ["--to", f"postgres://u@localhost/db?pasword={SECRET}"], ["--to", f"postgres://u@localhost/db?password=a&{SECRET}"],
    ["--to", f"postgres://u:a/{SECRET}@localhost/db"], ["--to", f"postgres://u:a?{SECRET}@localhost/db"],
    ["--to", f"postgres://u:1/{SECRET}@localhost/db"], ["--to", f"amqp://u:1/{SECRET}@localhost/"],
    ["--to", f"amqp://u:a#{SECRET}@localhost/"], ["--to", f"amqp://u:%{SECRET}@localhost/"],
    ["--to", f"postgres:///db?host=localhost%20password={SECRET}"], ["--to", f"carrierpigeon://u:{SECRET}@coop"],
    ["--to", f"s3://u:{SECRET}@bucket"], ["--to", f"s3://bucket?endpoint=http://u:{SECRET}@localhost"],
    ["--to", f"file://u:{SECRET}@events"], ["--dead-letter", f"password={SECRET}"],
    *([option, f"postgres://u:{SECRET}@localhost/db"] for option in
      ("--listen", "--admin", "--path", "--page", "--allow-origin", "--trusted-proxy", "--threads", "--context", "--url-strip",
       "--ack", "--ack-timeout", "--drain-delay", "--spool-max-bytes", "--max-body-bytes", "--max-batch-events")),
]
LINES_WITH_SECRETS = [SECRET, f"password {SECRET}", f"to postgres://u:{SECRET}@localhost/db", f"postgres://u:{SECRET}@h/db?a=b",
                      f"pasword = {SECRET}", f"to = host=localhost password={SECRET}", f"to = postgres://u:a,{SECRET}@localhost/db"]


def no_secret_is_repeated(context):
    for given in MISPLACED_SECRETS:
        others = unless_given(given, ("--listen", "127.0.0.1:0"), ("--to", f"file:{context.events}"),
                              ("--dead-letter", f"file:{context.rejected}"))
        code, said = context.run_to_end(*others, *given, seconds=5)
        check(code == 2 and SECRET not in said, f"{given} ended with {code}: {said}")
    for line in LINES_WITH_SECRETS:
        config = context.folder / "server.conf"
        config.write_text(f"listen = 127.0.0.1:0\n{line}\n")
        code, said = context.run_to_end("--config", config)
        check(code == 2 and SECRET not in said, f"the line '{line}' ended with {code}: {said}")


def unchecked_encryption_is_said(context):
    """Of a Postgres on another machine, whose name leads to nothing here."""
    for url, is_said in (("postgres://u:hunter2@db.invalid/site", True), ("postgres://u@db.invalid/site?sslmode=require", False)):
        server = context.start(to=url)
        server.stop()
        check(("sslmode=verify-full" in server.text()) == is_said, f"what is said of {url}: {server.text()}")
        check(SECRET not in server.text(), f"a secret is in the log: {server.text()}")


def write_config(context, **settings):
    """A config file; keyword arguments cannot have dashes, so underscores stand for them."""
    config = context.folder / "server.conf"
    lines = [f"{name.replace('_', '-')} = {value}  # why not" for name, value in settings.items()]
    config.write_text("# settings\n\n" + "\n".join(lines) + "\n")
    return config


def expect_path(server, path):
    """The events path is the one setting whose effect is visible in each answer."""
    for candidate in ("/events", "/from-file", "/from-environment", "/from-flag"):
        status = web.post(server.wait_ready().url, {"event": "where"}, path=candidate).status
        expected = 202 if candidate == path else 404
        check(status == expected, f"{status} at {candidate} where events belong to {path}")
    server.stop()


def precedence(context):
    config = write_config(context, listen="127.0.0.1:0", path="/from-file", to=f"file:{context.events}",
                          dead_letter=f"file:{context.rejected}", drain_delay="0s")
    variable = {"EVENTCOLLECT_PATH": "/from-environment"}
    expect_path(context.launch("--config", config), "/from-file")
    expect_path(context.launch("--config", config, env=variable), "/from-environment")
    expect_path(context.launch("--config", config, "--path", "/from-flag", env=variable), "/from-flag")
    expect_path(context.launch(env={**variable, "EVENTCOLLECT_CONFIG": str(config)}), "/from-environment")
    expect_path(context.ordinary("--path=/from-flag"), "/from-flag")
    expect_path(context.ordinary(), "/events")
    check(len(stored_events(context.events)) == 6, "not each server stored its one event")


def the_client_moves_with_the_path(context):
    """And a browser that has it already is told so, on a connection that goes on."""
    server = context.start("--path", "/e")
    with web.Client(server.url) as client:
        script = client.get("/e/client.js")
        check(script.status == 200 and b"sent_time" in script.body, f"{script.status}, not the client: {script.body[:80]}")
        known = client.request("GET", "/e/client.js", headers={"If-None-Match": script.headers["ETag"]})
        check((known.status, known.body) == (304, b""), f"{known.status} for what the browser has: {known.body[:80]}")
        check(known.headers["Content-Length"] is None, "304 says that the script is empty")
        check(client.get("/e/client.js").body == script.body, "another body after 304")
        check(client.post(b"{}", path="/e/client.js").status == 405, "a script takes events")
        check(b'src="/e/client.js"' in client.get("/").body, "the demo page loads the client from elsewhere")
    check(web.get(server.url, "/events/client.js").status == 404, "the client is served at a path that is not the events'")
    server.stop()


def count_in(context, *names):
    """How many events lie in each of some folders."""
    return [len(stored_events(context.folder / name)) for name in names]


def lists(context):
    """A list is split on white space where it is one string, and a higher level replaces it as a whole."""
    def urls(*names):
        return " ".join(f"file:{context.folder / name}" for name in names)

    basis = {"listen": "127.0.0.1:0", "dead_letter": f"file:{context.rejected}", "drain_delay": "0s"}
    config = write_config(context, **basis, to=urls("a", "b"))
    variable = {"EVENTCOLLECT_TO": urls("c", "d")}
    for options, env in (([], None), ([], variable), (["--to", *urls("e", "f").split()], variable)):
        server = context.launch("--config", config, *options, env=env).wait_ready()
        status = web.post(server.url, {"event": "twice"}).status
        check(status == 202, f"{status} with two places to write to")
        server.stop()
    check(count_in(context, *"abcdef") == [1] * 6, f"events in a to f: {count_in(context, *'abcdef')}, not one in each")


def defaults(context):
    """Without options events go to file:events and dead letters to file:rejected, under the working directory."""
    server = context.launch("--listen", "127.0.0.1:0", "--drain-delay=0s").wait_ready()
    check(web.post(server.url, {"event": "kept"}).status == 202, "no 202 by default")
    check(web.post(server.url, {"no event": True}).status == 400, "no 400 for an event without a name")
    server.stop()
    check([event["event"] for event in stored_events(context.folder / "events")] == ["kept"], "not in events/")
    letters = b"".join(path.read_bytes() for path in ndjson_files(context.folder / "rejected"))
    check(b"no event" in letters, "the rejected event is not in rejected/")
    check("file:events has no max_total_bytes" in server.text(), f"not said: {server.text()}")


def former_defaults(context):
    """A default folder that exists under its former name only is still used, and the log says so."""
    (context.folder / "refused").mkdir()
    server = context.launch("--listen", "127.0.0.1:0", "--drain-delay=0s").wait_ready()
    check(web.post(server.url, {"no event": True}).status == 400, "no 400 for an event without a name")
    server.stop()
    letters = b"".join(path.read_bytes() for path in ndjson_files(context.folder / "refused"))
    check(b"no event" in letters, "the rejected event is not in refused/")
    check(not (context.folder / "rejected").exists(), "there is a second folder")
    check("using 'refused', whose default name is now 'rejected'" in server.text(), f"not said: {server.text()}")


def limits_apply(context):
    server = context.start("--max-batch-events", "3", "--max-body-bytes", "2000")
    large = {"event": "x", "url": "y" * 2000}
    for body, expected in (([{"event": "x"}] * 3, 202), ([{"event": "x"}] * 4, 413), (large, 413)):
        status = web.post(server.url, body).status
        check(status == expected, f"{status}, not {expected}, for a body of {len(str(body))} bytes")
    server.stop()


def help_is_complete(context):
    code, said = context.run_to_end("--help")
    check(code == 0, f"--help ended with {code}")
    for option in OPTIONS:
        described = re.search(rf"^\s+(-\w, *)?{option}\b.*(\n\s{{8,}}.*)*", said, re.MULTILINE)
        check(described, f"--help does not mention {option}")
        words = re.findall(r"[a-z]{2,}", described.group().replace(option, "", 1))
        check(len(words) >= 3, f"--help says next to nothing about {option}: {described.group()!r}")
    check("EVENTCOLLECT_" in said, "--help does not mention the environment")
    check("file:" in said, "--help does not say what a URL looks like")


CASES = [flags_are_checked, environment_is_checked, config_file_is_checked, no_secret_is_repeated,
         unchecked_encryption_is_said, precedence, the_client_moves_with_the_path, lists, defaults,
         former_defaults, limits_apply, help_is_complete]

if __name__ == "__main__":
    sys.exit(harness.run(__doc__, CASES))
