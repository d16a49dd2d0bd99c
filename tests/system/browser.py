#!/usr/bin/env python3
"""A real browser's click on the demo page is a line on disk.

Chromium, Firefox or WebKit loads the page and the client from the server and clicks both buttons: one has attributes, the
other sends from code and shows the verdict. Then the two events are in the file, with the page's address, the properties
and credible times; no cookie was set, nothing is kept in the browser and nothing was loaded from elsewhere. A page of
another design needs one line for the client, and a page that knows nothing but the request works, too.
"""

import signal
import sys
import time
import uuid

import browsers
import web
from events import stored_events
from harness import check, wait_until


def events_after(context, count):
    """The stored events, once there are so many."""
    wait_until(lambda: len(stored_events(context.events, live=True)) >= count, f"{count} events are stored")
    events = stored_events(context.events, live=True)
    check(len(events) == count, f"{len(events)} events are stored, not {count}")
    return events


def check_event(event, name, url, properties):
    check(event["event"] == name, f"wrong name: {event}")
    check(event["url"] == url, f"wrong address, not {url}: {event}")
    got = {key: value for key, value in event["properties"].items() if key != "visit"}
    check(got == properties, f"wrong properties: {event}")
    check(uuid.UUID(event["event_id"]).version == 7, f"the client has not minted the id: {event}")
    for field in ("server_time", "event_time", "client_time", "sent_time"):
        late = time.time() * 1000 - event[field]
        check(abs(late) < 10_000, f"{field} is {late:.0f} ms off: {event}")
    check(event["client_time"] <= event["sent_time"], f"sent before it happened: {event}")
    check("context" not in event, f"context is stored unasked: {event}")


def check_private(server, session):
    check(session.cookies() == [], f"cookies: {session.cookies()}")
    wait_until(lambda: session.evaluate("localStorage.length + sessionStorage.length") == 0, "nothing is kept in the browser")
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
        session.click("[data-event]")
        check_event(events_after(context, 1)[0], "clicked_event", address, {"button": "first"})
        session.click("#second")
        wait_until(lambda: session.text("output") == "clicked_event: accepted", "the page shows the verdict")
        check_event(events_after(context, 2)[1], "clicked_event", address, {"button": "second"})
        check_private(server, session)
        if context.options.screenshot:
            session.screenshot(context.options.screenshot)
    server.stop()


OWN_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Our “shop”</title><link rel="icon" href="data:,">
<script src="/events/client.js" data-capture="clicks" defer></script>
<h1>Shop</h1><a href="#basket"><b>To the basket</b></a> <button id="buy"> Buy <b>now</b> — 5 € </button></html>
"""


def any_click_by_one_line(context):
    page = context.folder / "own.html"
    page.write_text(OWN_PAGE)
    server = context.start("--page", page)
    with browsers.browser(context) as session:
        session.open(server.url + "/")
        session.click("b")
        first = {"element": "a", "text": "To the basket"}
        check_event(events_after(context, 1)[0], "click", server.url + "/", first)
        session.click("button")
        second = {"element": "button#buy", "text": "Buy now — 5 €"}
        check_event(events_after(context, 2)[1], "click", server.url + "/#basket", second)
        check_private(server, session)
    server.stop()


# The page decides when half a minute is over.
HANGING_PAGE = """<!doctype html><html lang="en"><title>Patient</title><link rel="icon" href="data:,">
<script>
  var given = 0;
  var controller = new AbortController();
  AbortSignal.timeout = () => given++ ? undefined : controller.signal;
</script>
<script src="/events/client.js" defer></script><button data-event="patient">Go</button></html>
"""


def a_request_without_an_answer_is_given_up(context):
    page = context.folder / "hanging.html"
    page.write_text(HANGING_PAGE)
    server = context.start("--page", page)
    with browsers.browser(context) as session:
        session.open(server.url + "/")
        server.signal(signal.SIGSTOP)
        session.click("button")
        wait_until(lambda: session.evaluate("given") == 1, "the request is sent")
        session.evaluate("controller.abort()")
        wait_until(lambda: session.evaluate("given") == 2, "it is sent again")
        server.signal(signal.SIGCONT)
        wait_until(lambda: session.evaluate("localStorage.length") == 0, "the verdict")
    server.stop()
    ids = {event["event_id"] for event in stored_events(context.events)}
    check(len(ids) == 1, f"{len(ids)} events of one click")


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
    sys.exit(browsers.run(__doc__, [demo_page, any_click_by_one_line, a_request_without_an_answer_is_given_up, page_without_the_client], 120, add_arguments))
