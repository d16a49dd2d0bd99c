#!/usr/bin/env python3
"""The live page in a browser: a click of the demo page is on it as soon as it is stored.

Chromium, Firefox or WebKit clicks on the demo page, follows its link to the live page and sees the event. What is rejected is
listed with its code, an event can be checked, the filters show what they name. The page loads nothing from elsewhere, and
asks for the token where there is one.
"""

import sys

import browsers
import web
from client_site import wait_until_idle
from events import stored_events
from harness import check, wait_until

SENT = {"event": "opened_pricing", "url": "https://example.org/prices?from=test", "properties": {"cents": 12345678901234567890}}
TOKEN = "token-of-the-test"


def content(session, selector):
    """All text of an element. WebKit's driver leaves out that of buttons."""
    return session.evaluate(f"document.querySelector('{selector}')?.textContent ?? ''")


def click_is_seen(context):
    server = context.start("--admin", "127.0.0.1:0", "--live")
    with browsers.browser(context) as session:
        session.open(server.url + "/")
        session.click("button[data-event]")
        wait_until(lambda: stored_events(context.events, live=True), "the click is stored")
        wait_until_idle(session)  # or leaving the page would send it once more
        link = session.evaluate("document.querySelector('a[href$=\"/live\"]').href")
        check(link == server.admin + "/live", f"the demo page links to {link}")
        session.click('a[href$="/live"]')
        wait_until(lambda: "clicked_event" in content(session, "#rows-stored"), "the live page shows the click")
        check(server.url in session.evaluate("document.getElementById('demo-page').href"), "no way back to the demo page")
        check_only_mine(server, session)
        check_arrivals(server, session)
        check_form(session)
        check_filters(session)
        check_quiet(server, session)
    server.stop()


def check_only_mine(server, session):
    """The demo page's second link shows what this tab sent, and nothing else."""
    session.open(server.url + "/")
    link = session.evaluate("document.querySelector('#mine').href")
    visit = session.evaluate("eventcollect.with().visit")
    check(visit and link == f"{server.admin}/live#visit={visit}", f"the link to its own events: {link}")
    web.post(server.url, {"event": "of_another"})
    session.click("#mine")
    wait_until(lambda: "clicked_event" in content(session, "#rows-stored"), "the click of this visit")
    check("of_another" not in content(session, "#rows-stored"), "an event of another visit")
    session.click("#chips button")
    wait_until(lambda: "of_another" in content(session, "#rows-stored"), "all events, without the filter")


def check_arrivals(server, session):
    """What is stored and what is rejected appears on the open page, each digit as it is stored."""
    web.post(server.url, SENT)
    wait_until(lambda: "opened_pricing" in content(session, "#rows-stored"), "a row of the new event")
    session.click("#rows-stored .open-button")
    check("12345678901234567890" in content(session, "#rows-stored .json"), f"wrong JSON: {session.text('#rows-stored .json')}")
    web.post(server.url, {"event": "a", "<img src=x onerror=alert(1)>": 3})
    session.click("#tab-rejected")
    wait_until(lambda: "field.unknown" in content(session, "#rows-rejected"), "a row of the rejected event")
    check("<img src=x" in content(session, "#rows-rejected"), f"what was sent is not shown as text: {session.text('#rows-rejected')}")
    session.click("#tab-stored")


def check_form(session):
    session.evaluate("document.getElementById('check-text').value = '{\"event\":5}'")
    session.click("#check-form button")
    wait_until(lambda: "event.type" in content(session, "#verdict"), "the verdict on an event")


def check_filters(session):
    """By name, by text, and by the visit that a link names."""
    rows = "document.querySelectorAll('#rows-stored .row').length"
    rejected = "document.querySelectorAll('#rows-rejected .row').length"
    check(session.evaluate(rows) == 3, f"{session.evaluate(rows)} rows of three events")
    session.click('#names button[title="opened_pricing"]')
    check(session.evaluate(rows) == 1, "the filter by name shows others")
    check(session.evaluate(rejected) == 0, "the filter by name shows rejected events of other names")
    session.click(".chip")
    check(session.evaluate(rejected) == 1, "the rejected event is not back")
    session.evaluate("(document.getElementById('search').value = 'FIRST',"
                     " document.getElementById('search').dispatchEvent(new Event('input')))")
    check(session.evaluate(rows) == 1 and "clicked_event" in content(session, "#rows-stored"), "the search shows others")
    session.evaluate("(document.getElementById('search').value = '',"
                     " document.getElementById('search').dispatchEvent(new Event('input')))")
    session.evaluate("location.hash = 'visit=somebody-else'")
    wait_until(lambda: session.evaluate(rows) == 0, "only events of the visit")
    session.evaluate("location.hash = ''")
    wait_until(lambda: session.evaluate(rows) == 3, "all events again")


def check_quiet(server, session):
    complaints = session.complaints()
    check(not complaints, f"the browser complains: {complaints}")
    loaded = session.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
    check(loaded and all(name.startswith(server.admin + "/live") for name in loaded), f"loaded from elsewhere: {loaded}")
    check(session.cookies() == [], f"cookies: {session.cookies()}")


def token_is_asked_for(context):
    server = context.start("--admin", "127.0.0.1:0", "--live", env={"EVENTCOLLECT_LIVE_TOKEN": TOKEN})
    web.post(server.url, SENT)
    with browsers.browser(context) as session:
        session.open(server.admin + "/live")
        for given, shown in (("wrong", "#token-wrong"), (TOKEN, "#rows-stored .row")):
            wait_until(lambda: session.evaluate("!document.getElementById('token-form').hidden"), "the form asks for a token")
            session.evaluate(f"document.getElementById('token').value = '{given}'")
            session.click("#token-form button")
            wait_until(lambda: session.evaluate(f"document.querySelector('{shown}')?.offsetParent != null"), f"{shown} after {given}")
        check(TOKEN not in session.evaluate("location.href"), "the token is in the address")


def press(session, key, on="document.body"):
    session.evaluate(f"{on}.dispatchEvent(new KeyboardEvent('keydown', {{key: '{key}', bubbles: true, cancelable: true}}))")


def state(session):
    return session.text("#state-text")


def controls(context):
    """Pause, the keyboard, copies without a clipboard, and a window as narrow as a phone."""
    server = context.start("--admin", "127.0.0.1:0", "--live")
    with browsers.browser(context) as session:
        session.open(server.admin + "/live")
        wait_until(lambda: state(session) == "Live", "the page is live")
        session.click("#pause")
        check(state(session) == "Paused", f"while paused it says {state(session)}")
        web.post(server.url, SENT)
        wait_until(lambda: session.text("#pause") == "Resume · 1 new", "the page counts what comes while it is paused")
        check(not session.elements("#rows-stored .row"), "a row came while paused")
        press(session, "p")
        check(len(session.elements("#rows-stored .row")) == 1 and state(session) == "Live", "not resumed")
        press(session, "/")
        check(session.evaluate("document.activeElement.id") == "search", "/ does not lead to the search")
        press(session, "ArrowRight", "document.getElementById('tab-stored')")
        check(session.evaluate("document.activeElement.getAttribute('aria-selected')") == "true", "the arrow selects no tab")
        session.click("#tab-stored")
        session.click("#rows-stored .open-button")
        session.evaluate("(Object.defineProperty(navigator, 'clipboard', {value: undefined}), 0)")
        session.click("#rows-stored .actions button")
        wait_until(lambda: session.evaluate("document.querySelector('#rows-stored .actions button').textContent") == "Copied", "a copy without a clipboard")
        session.resize(420, 800)
        wait_until(lambda: session.evaluate("innerWidth") < 560, "a narrow window")
        check(session.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than a narrow window")


def restart_is_seen(context):
    """A page that is open goes on with the next process: it shows all that this one has, and nothing of the last."""
    server = context.start("--admin", "127.0.0.1:0", "--live")
    web.post(server.url, [{"event": "before"}] * 3)
    with browsers.browser(context) as session:
        session.open(server.admin + "/live")
        wait_until(lambda: len(session.elements("#rows-stored .row")) == 3, "three events")
        server.stop()
        wait_until(lambda: state(session) == "The server cannot be reached", "the page says that it reaches nothing")
        server = context.start("--admin", server.admin.removeprefix("http://"), "--live")
        web.post(server.url, [{"event": "after"}] * 5)  # more than the page has seen of the last process
        wait_until(lambda: state(session) == "Live", "the page is live again")
        names = session.evaluate("[...document.querySelectorAll('#rows-stored .name')].map(name => name.textContent)")
        check(names == ["after"] * 5, f"after a restart it shows {names}")
        web.post(server.url, [{"event": "many"}] * 300)
        wait_until(lambda: session.evaluate("document.getElementById('missed').textContent").startswith("Not listed: 100 stored"), "how many are not listed")


if __name__ == "__main__":
    sys.exit(browsers.run(__doc__, [click_is_seen, controls, restart_is_seen, token_is_asked_for], 120))
