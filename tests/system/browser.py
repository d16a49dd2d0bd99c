#!/usr/bin/env python3
"""A real browser's click on the demo page is a line on disk.

Headless Chromium loads the page from the server, clicks both buttons and waits for the answer that the page shows.
Then the two events are in the file, with the page's address, the properties and a credible time; no
cookie was set and nothing was loaded from elsewhere. The page's script, copied into another page, works unchanged.
"""

import base64
import contextlib
import json
import pathlib
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request

import harness
import web
from events import stored_events
from harness import check, need, wait_until

DEMO_PAGE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "server" / "index.html"
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of an element's id, from the W3C WebDriver recommendation
FLAGS = ["--headless", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run", "--no-proxy-server",
         "--no-default-browser-check", "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-default-apps", "--disable-extensions", "--disable-domain-reliability", "--metrics-recording-only",
         "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--window-size=800,600",
         "--no-sandbox"]  # it opens our own page only, and Chromium's sandbox works neither for root nor in most containers


class Browser:
    """A WebDriver session: the commands that the cases need, over plain HTTP."""

    def __init__(self, driver_url, chromium, profile):
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self.session = driver_url + "/session"
        options = {"binary": chromium, "args": [*FLAGS, f"--user-data-dir={profile}"]}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        started = self.command("POST", "", {"capabilities": {"alwaysMatch": wanted}})
        self.session += "/" + started["sessionId"]

    def command(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.session + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with self.opener.open(request, timeout=30) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise harness.Failure(f"WebDriver {method} {path}: {error.read()[:500]!r}") from None

    def open(self, url):
        self.command("POST", "/url", {"url": url})

    def find_all(self, selector):
        found = self.command("POST", "/elements", {"using": "css selector", "value": selector})
        return [element[ELEMENT] for element in found]

    def click(self, element):
        self.command("POST", f"/element/{element}/click", {})

    def text(self, selector):
        return self.command("GET", f"/element/{self.find_all(selector)[0]}/text")

    def evaluate(self, expression):
        return self.command("POST", "/execute/sync", {"script": f"return {expression}", "args": []})

    def cookies(self):
        return self.command("GET", "/cookie")

    def complaints(self):
        return [entry["message"] for entry in self.command("POST", "/se/log", {"type": "browser"})]

    def screenshot(self, path):
        pathlib.Path(path).write_bytes(base64.b64decode(self.command("GET", "/screenshot")))

    def quit(self):
        self.command("DELETE", "")


@contextlib.contextmanager
def browser(context):
    """Chromium with an empty profile, behind a driver of its own."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    need(chromium and driver, "chromium and chromedriver (Debian: chromium chromium-driver)")
    said = context.folder / "chromedriver.out"
    with said.open("wb") as output:
        process = subprocess.Popen([driver, "--port=0"], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                   env=harness.environment({"HOME": str(context.folder)}))
    try:
        port = wait_until(lambda: re.search(r"started successfully on port (\d+)", said.read_text()), "chromedriver")
        session = Browser(f"http://127.0.0.1:{port.group(1)}", chromium, context.folder / "profile")
        try:
            yield session
        finally:
            session.quit()
    finally:
        process.terminate()
        process.wait(10)


def click_both(context, session):
    """Clicks the page's two buttons, each once the answer to the one before is shown; returns the two events."""
    buttons = session.find_all("[data-event]")
    check(len(buttons) == 2, f"{len(buttons)} buttons on the page")
    session.evaluate("document.querySelector('[data-event-result]').textContent = ''")
    for button in buttons:
        before = session.text("[data-event-result]")
        session.click(button)
        wait_until(lambda: session.text("[data-event-result]") != before, "the page shows an answer")
        shown = session.text("[data-event-result]")
        check("202" in shown, f"the page shows {shown!r}")
    events = stored_events(context.events, live=True)
    check(len(events) == 2, f"{len(events)} events are stored after two clicks")
    check(events[0]["event_id"] != events[1]["event_id"], "two clicks with one event_id")
    check(events[0]["server_time"] <= events[1]["server_time"], "the clicks are in the wrong order")
    return events


def check_event(event, url, button, title):
    check(event["event"] == "clicked_event", f"wrong name: {event}")
    check(event["url"] == url, f"wrong address, not {url}: {event}")
    check(event["properties"] == {"button": button, "title": title}, f"wrong properties: {event}")
    late = time.time() * 1000 - event["server_time"]
    check(abs(late) < 10_000, f"server_time is {late:.0f} ms off: {event}")
    check(event["event_time"] == event["server_time"], f"event_time differs without a client's clock: {event}")
    check("context" not in event, f"context is stored unasked: {event}")


def check_private(server, session):
    check(session.cookies() == [], f"cookies: {session.cookies()}")
    check(session.evaluate("localStorage.length + sessionStorage.length") == 0, "the page keeps something in the browser")
    complaints = session.complaints()
    check(not complaints, f"the browser complains: {complaints}")
    loaded = session.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
    check(loaded and all(name.startswith(server.url + "/") for name in loaded), f"loaded from elsewhere: {loaded}")
    for answer in (web.get(server.url, "/"), web.post(server.url, {"event": "no cookie"})):
        check(not answer.headers.get_all("Set-Cookie"), f"a cookie is set: {answer.headers['Set-Cookie']}")


def demo_page(context):
    server = context.start()
    check(web.get(server.url, "/").headers.get_content_type() == "text/html", "the page is not text/html")
    with browser(context) as session:
        address = server.url + "/?from=test#top"
        session.open(address)
        for event, button in zip(click_both(context, session), ("first", "second")):
            check_event(event, address, button, session.evaluate("document.title"))
        check_private(server, session)
        if context.options.screenshot:
            session.screenshot(context.options.screenshot)
    server.stop()


OWN_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Our “shop”</title><link rel="icon" href="data:,">
<h1>Shop</h1><a href="#basket" data-event="clicked_event" data-button="basket"><b>To the basket</b></a>
<button data-event="clicked_event"> Buy <b>now</b> — 5 € </button><p data-event-result>-</p>
{script}</html>
"""


def copied_script(context):
    scripts = re.findall(r"<script>.*?</script>", DEMO_PAGE.read_text(), re.DOTALL)
    check(len(scripts) == 1, f"{len(scripts)} scripts in {DEMO_PAGE}")
    page = context.folder / "own.html"
    page.write_text(OWN_PAGE.format(script=scripts[0]))
    server = context.start("--page", page)
    with browser(context) as session:
        session.open(server.url + "/")
        first, second = click_both(context, session)
        check_event(first, server.url + "/", "basket", "Our “shop”")
        check_event(second, server.url + "/#basket", "Buy now — 5 €", "Our “shop”")
        check_private(server, session)
    server.stop()


def add_arguments(parser):
    parser.add_argument("--screenshot", metavar="FILE", help="where to save a picture of the demo page after the clicks")


if __name__ == "__main__":
    sys.exit(harness.run(__doc__, [demo_page, copied_script], 120, add_arguments))
