#!/usr/bin/env python3
"""A real browser's click on the demo page is a line on disk.

Chromium, Firefox or WebKit loads the page from the server, clicks both buttons and waits for the answer that the page shows.
Then the two events are in the file, with the page's address, the properties and a credible time; no
cookie was set and nothing was loaded from elsewhere. The page's script, copied into another page, works unchanged, and so
does a page that knows nothing but the request.
"""

import pathlib
import re
import sys
import time

import browsers
import web
from events import stored_events
from harness import check, wait_until

DEMO_PAGE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "server" / "index.html"

def click_both(context, session):
    """Clicks the page's two buttons, each once the answer to the one before is shown; returns the two events."""
    session.evaluate("document.querySelector('[data-event-result]').textContent = ''")
    check(len(session.elements("[data-event]")) == 2, "the page has not two buttons")
    for number in range(2):
        before = session.text("[data-event-result]")
        session.click("[data-event]", number)
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
    with browsers.browser(context) as session:
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
    with browsers.browser(context) as session:
        session.open(server.url + "/")
        first, second = click_both(context, session)
        check_event(first, server.url + "/", "basket", "Our “shop”")
        check_event(second, server.url + "/#basket", "Buy now — 5 €", "Our “shop”")
        check_private(server, session)
    server.stop()


PLAIN_PAGE = """<!doctype html><html lang="en"><title>A page that knows only the request</title><link rel="icon" href="data:,">
<button>Read on</button><button>Close</button>
<script>
for (const button of document.querySelectorAll('button')) {
  button.onclick = () => fetch('/events', {
    method: 'POST',
    headers: {'Content-Type': 'application/json'},
    body: JSON.stringify({event: 'clicked_event', url: location.href, properties: {button_text: button.textContent}}),
  }).then(answer => document.title = answer.status);
}
</script></html>
"""


def page_without_the_client(context):
    page = context.folder / "plain.html"
    page.write_text(PLAIN_PAGE)
    server = context.start("--page", page)
    with browsers.browser(context) as session:
        session.open(server.url + "/")
        for number, text in enumerate(("Read on", "Close"), 1):
            session.click("button", number - 1)
            event = wait_until(lambda: stored_events(context.events, live=True)[number - 1:], "the click is stored")[0]
            check(event["event"] == "clicked_event" and event["url"] == server.url + "/", f"not what was sent: {event}")
            check(event["properties"] == {"button_text": text}, f"not what was sent: {event}")
            wait_until(lambda: session.evaluate("document.title") == "202", "the page has its answer")
            session.evaluate("document.title = ''")
        check(len(stored_events(context.events, live=True)) == 2, "two clicks are not two events")
    server.stop()


def add_arguments(parser):
    parser.add_argument("--screenshot", metavar="FILE", help="where to save a picture of the demo page after the clicks")


if __name__ == "__main__":
    sys.exit(browsers.run(__doc__, [demo_page, copied_script, page_without_the_client], 120, add_arguments))
