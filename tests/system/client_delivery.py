#!/usr/bin/env python3
"""The browser client loses no event and sends none under two ids, whatever happens to the server, the page or the tab.

Each page numbers its events. In the end each number is in SQLite once, and both stores have the same events.
"""

import signal
import sys

import browsers
import harness
from client_site import Relay, Site, client_page, open_page, wait_until_idle
from harness import check, wait_until

# Sends events with the numbers from FIRST to LAST - 1, of about SIZE bytes each.
SEND = """(() => {{
  for (let n = {first}; n < {last}; n++) eventcollect.send('{name}', {{n, text: 'x'.repeat({size})}});
}})()"""


def send(browser, name, first, last, size=0):
    browser.evaluate(SEND.format(name=name, first=first, last=last, size=size))


def check_each_once_in_files(site, name):
    in_files = site.stop()
    twice = [event for event in site.events(name) if in_files[event["event_id"]] > 1]
    check(not twice, f"sent more than once: {len(twice)} events")


def server_down_then_up(context):
    site = Site(context, client_page('<button data-event="clicked" data-event-props=\'{"n":0}\'>Buy</button>')).start()
    with browsers.browser(context) as browser:
        open_page(browser, site.url)
        site.server.stop()
        browser.click("button")
        send(browser, "later", 0, 250)
        site.wait_for_attempt()
        site.start()
        site.wait_for_numbers("clicked", 1)
        site.wait_for_numbers("later", 250)
        check_each_once_in_files(site, "later")


def closed_while_the_server_is_down(context):
    """What was queued is sent by the next page, even in another tab."""
    site = Site(context, client_page()).start()
    with browsers.browser(context) as browser:
        first = browser.window()
        second = browser.new_tab()
        browser.switch_to(first)
        open_page(browser, site.url)
        site.server.stop()
        send(browser, "kept", 0, 3)
        browser.close_tab()
        browser.switch_to(second)
        site.start()
        open_page(browser, site.url + "/?next")
        site.wait_for_numbers("kept", 3)
        site.stop()


REQUESTS = """performance.getEntriesByType('resource').filter(e => e.name.endsWith('/events'))
    .map(e => [e.startTime, e.responseEnd])"""


def unavailable_with_retry_after(context):
    """The disk is full for a while: the server answers 503, and the client keeps away for as long as it says."""
    site = Site(context, client_page()).start()
    with browsers.browser(context) as browser:
        open_page(browser, site.url)
        harness.set_file_size_limit(site.server.process.pid, 0)
        send(browser, "waits", 0, 3)
        wait_until(lambda: browser.evaluate(REQUESTS), "a request")
        status = browser.evaluate("fetch('/events?probe', {method: 'POST', body: '{\"event\":\"probe\"}'})"
                                  ".then(answer => [answer.status, answer.headers.get('Retry-After')])")
        check(status[0] == 503 and int(status[1]) > 0, f"not 503 with Retry-After: {status}")
        harness.set_file_size_limit(site.server.process.pid, None)
        site.wait_for_numbers("waits", 3)
        wait_until_idle(browser)
        requests = browser.evaluate(REQUESTS)
        pauses = [later[0] - earlier[1] for earlier, later in zip(requests, requests[1:])]
        check(pauses and min(pauses) >= 1000 * int(status[1]) - 1, f"the client came back too early: {requests}")
        site.stop()


def tab_closed_at_once(context):
    site = Site(context, client_page('<button data-event="clicked" data-event-props=\'{"n":0}\'>Buy</button>')).start()
    with browsers.browser(context) as browser:
        first = browser.window()
        browser.new_tab()
        open_page(browser, site.url)
        send(browser, "closing", 0, 20)
        browser.click("button")
        browser.close_tab()
        browser.switch_to(first)
        site.wait_for_numbers("closing", 20)
        site.wait_for_numbers("clicked", 1)
        site.stop()


def left_with_200_kilobytes(context):
    """More than the browser sends for a page that is left: the next page sends the rest."""
    site = Site(context, client_page()).start()
    with browsers.browser(context) as browser:
        open_page(browser, site.url)
        browser.evaluate(SEND.format(name="bulky", first=0, last=40, size=5000) + ", location.href = '/?next'")
        wait_until(lambda: browser.evaluate("location.search") == "?next", "the next page")
        site.wait_for_numbers("bulky", 40)
        site.stop()


def left_by_a_link(context):
    """To a page that does not load the client."""
    body = '<a href="about:blank" data-event="followed" data-event-props=\'{"n":0}\'>Next</a>'
    site = Site(context, client_page(body)).start()
    with browsers.browser(context) as browser:
        open_page(browser, site.url)
        browser.click("a")
        site.wait_for_numbers("followed", 1)
        site.stop()


SENDING = """Object.keys(localStorage).some(key => key.endsWith('.lease')) ||
    navigator.locks && navigator.locks.query().then(locks => locks.held.length > 0)"""


def two_tabs_share_one_queue(context, insecure=False):
    """Neither sends what the other is sending."""
    head = """<script>
        addEventListener('storage', ({key, newValue}) => {
          if (key != 'begin' || !newValue) return;
          eventcollect.flush();
          localStorage.removeItem('begin');
        });
        </script>"""
    site = Site(context, client_page(head=head)).start()
    url = site.insecure_url if insecure else site.url
    with browsers.browser(context) as browser:
        open_page(browser, url)
        check(browser.evaluate("Boolean(navigator.locks)") == (not insecure), "Web Locks are not what the case needs")
        first = browser.window()
        second = browser.new_tab()
        open_page(browser, url)
        site.server.stop()
        send(browser, "outage", 0, 150)
        browser.switch_to(first)
        send(browser, "outage", 150, 300)
        site.start()
        site.wait_for_numbers("outage", 300)
        for tab in (first, second):
            browser.switch_to(tab)
            wait_until_idle(browser)
        # From here on no tab is hidden, which would send what is queued once more.
        site.server.signal(signal.SIGSTOP)  # a request stays in flight until the server goes on
        send(browser, "in_flight", 0, 150)
        wait_until(lambda: browser.evaluate(SENDING), "this tab sends")
        browser.evaluate("localStorage.begin = 'now'")
        wait_until(lambda: browser.evaluate("!localStorage.begin"), "the other tab tries to")
        site.server.signal(signal.SIGCONT)
        site.wait_for_numbers("in_flight", 150)
        wait_until_idle(browser)
        check_each_once_in_files(site, "in_flight")


def without_web_locks(context):
    """A page on plain HTTP has none: a lease in localStorage does their work."""
    two_tabs_share_one_queue(context, insecure=True)


def local_storage_blocked(context):
    body = '<button data-event="clicked" data-event-props=\'{"n":0}\'>Buy</button>'
    site = Site(context, client_page(body)).start()
    folder = context.folder / "browser"
    folder.mkdir()
    with browsers.ENGINES[context.options.browser](folder, local_storage=False) as browser:
        open_page(browser, site.url)
        blocked = "(() => { try { return !localStorage } catch (error) { return true } })()"
        check(browser.evaluate(blocked), "localStorage is there")
        browser.click("button")
        site.wait_for_numbers("clicked", 1)
        browser.evaluate(SEND.format(name="leaving", first=0, last=10, size=5000) + ", location.href = '/?next'")
        site.wait_for_numbers("leaving", 10)
        site.stop()


def strict_content_security_policy(context):
    policy = "default-src 'none'; img-src data:; script-src 'self'; connect-src 'self'"
    head = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    body = '<button data-event="clicked" data-event-props=\'{"n":0}\'>Buy</button>'
    capture = 'data-capture="clicks pages read dead-clicks moves leave errors" data-visit="tab"'
    site = Site(context, client_page(body, capture, head=head)).start()
    with browsers.browser(context) as browser:
        open_page(browser, site.url)
        browser.evaluate("(window.violations = [], document.addEventListener('securitypolicyviolation',"
                         " violation => violations.push(violation.violatedDirective)))")
        browser.click("button")
        site.wait_for_numbers("clicked", 1)
        check(browser.evaluate("violations") == [], "the client violates the policy")
        complaints = browser.complaints()
        check(not complaints, f"the browser complains: {complaints}")
        site.stop()


def page_of_another_origin(context):
    """Allowed by --allow-origin, with the visitor's cookies, which a server behind a login needs."""
    body = '<button data-event="clicked" data-event-props=\'{"n":0}\'>Buy</button>'
    collecting = Site(context, client_page())
    relay = Relay(collecting.port)
    shop = Site(context, client_page(body, origin=relay.url)).start()
    collecting.options = ("--allow-origin", shop.url)
    collecting.start()
    with relay, browsers.browser(context) as browser:
        open_page(browser, shop.url)
        browser.evaluate("(document.cookie = 'login=visitor')")
        browser.click("button")
        event = collecting.wait_for("clicked")[0]
        check(event["url"] == shop.url + "/", f"wrong address: {event}")
        check(browser.evaluate("eventcollect.send('verdict', {n: 0})") == {"accepted": True}, "the page cannot read the answer")
        check(shop.events() == [], "events went to the page's own server")
        check(b"cookie: login=visitor" in relay.received.lower(), "the visitor's cookie is not sent")
        collecting.stop()
        shop.stop()


def answer_that_stops(context):
    """A path where no events are taken: the client stops at once, and says so to whoever sends."""
    site = Site(context, client_page(attributes='data-path="/elsewhere"')).start()
    with browsers.browser(context) as browser:
        open_page(browser, site.url)
        for name in ("first", "second"):
            verdict = browser.evaluate(f"eventcollect.send('{name}')")
            check(verdict == {"code": "http.404"}, f"what became of the {name} event: {verdict}")
        browser.evaluate("eventcollect.flush().then(() => 0)")
        requests = browser.evaluate(REQUESTS.replace("/events", "/elsewhere"))
        check(len(requests) == 1, f"{len(requests)} requests, where the first answer stops the client")
        site.stop()


WHY_NOT = "JSON.stringify(performance.getEntriesByType('navigation')[0].notRestoredReasons)"  # Chromium tells


def back_forward_cache(context):
    body = '<button data-event="clicked">Buy</button>'
    head = "<script>addEventListener('pageshow', event => window.persisted = event.persisted)</script>"
    site = Site(context, client_page(body, 'data-capture="pages"', head=head)).start()
    with browsers.browser(context) as browser:
        open_page(browser, site.url)
        site.wait_for("page", 1)
        wait_until_idle(browser)  # of two pages with a lock the browser drops the one that is not shown
        send(browser, "numbered", 0, 5)
        browser.open(site.url + "/?next")
        site.wait_for("page", 2)
        browser.back()
        wait_until(lambda: browser.evaluate("location.search") == "", "the first page")
        check(browser.evaluate("persisted"), f"not from the back/forward cache: {browser.evaluate(WHY_NOT)}")
        send(browser, "numbered", 5, 10)
        browser.click("button")
        site.wait_for_numbers("numbered", 10)
        site.wait_for("clicked", 1)
        pages = [event["url"] for event in site.wait_for("page", 3)]
        check(pages == [site.url + "/", site.url + "/?next", site.url + "/"], f"the pages seen: {pages}")
        site.stop()


PRERENDER = """(() => {
  const rules = document.createElement('script');
  rules.type = 'speculationrules';
  rules.textContent = JSON.stringify({prerender: [{urls: ['/?next'], eagerness: 'immediate'}]});
  document.head.append(rules);
})()"""


def prerendered_page(context):
    """It sends nothing until it is shown."""
    head = "<script>if (document.prerendering) localStorage.prerendered = 'yes'</script>"
    site = Site(context, client_page('<a href="/?next">Next</a>', 'data-capture="pages"', head=head)).start()
    with browsers.browser(context) as browser:
        open_page(browser, site.url)
        site.wait_for("page", 1)
        if not browser.evaluate("'prerendering' in document"):
            check(browser.name != "chromium", "Chromium prerenders nothing")
            return site.stop()
        browser.evaluate(PRERENDER)
        wait_until(lambda: browser.evaluate("localStorage.prerendered"), "the next page is prerendered")
        send(browser, "marker", 0, 1)
        site.wait_for("marker", 1)
        site.wait_for("page", 1)
        browser.click("a")
        wait_until(lambda: browser.evaluate("location.search") == "?next", "the next page")
        check(browser.evaluate("performance.getEntriesByType('navigation')[0].activationStart > 0"), "it was not prerendered")
        check(site.wait_for("page", 2)[1]["url"] == site.url + "/?next", "the page shown is not the second")
        site.stop()


def batch_over_the_servers_limit(context):
    """413 halves the batch; an event that is too large by itself is dropped and said."""
    site = Site(context, client_page(), "--max-body-bytes", "8KiB").start()
    with browsers.browser(context) as browser:
        open_page(browser, site.url)
        too_large = "eventcollect.send('large', {text: 'x'.repeat(9000)})"
        send(browser, "halved", 0, 60, size=500)
        verdict = browser.evaluate(too_large)
        check(verdict == {"code": "body.too_large"}, f"what became of an event over the limit: {verdict}")
        site.wait_for_numbers("halved", 60)
        check(not site.events("large"), "an event over the limit is stored")
        site.stop()


STORM = """(() => {
  window.sent = 0;
  window.acknowledged = [];
  const button = document.querySelector('button');
  window.storm = setInterval(() => {
    const n = window.sent++;
    button.dataset.eventProps = JSON.stringify({n});
    button.click();
    eventcollect.send('sent', {n}).then(verdict => verdict.accepted && acknowledged.push(n));
  }, 5);
})()"""


def server_killed_in_a_storm(context):
    """SIGKILL, again and again, while a page clicks two hundred times a second."""
    site = Site(context, client_page('<button data-event="clicked">Buy</button>')).start()
    with browsers.browser(context) as browser:
        open_page(browser, site.url)
        browser.evaluate(STORM)
        acknowledged = 0
        for _ in range(4):
            wait_until(lambda: browser.evaluate("acknowledged.length") > acknowledged, "events are acknowledged", 30)
            site.kill()
            promised = browser.evaluate("acknowledged")
            missing = set(promised) - site.numbers("sent").keys()
            check(not missing, f"{len(missing)} of {len(promised)} acknowledged events are missing")
            acknowledged = len(promised)
            site.start()
        browser.evaluate("clearInterval(storm)")
        sent = browser.evaluate("sent")
        site.wait_for_numbers("sent", sent, 60)
        site.wait_for_numbers("clicked", sent, 60)
        wait_until(lambda: browser.evaluate("acknowledged.length") == sent, "each event is acknowledged")
        site.stop()


CASES = [server_down_then_up, closed_while_the_server_is_down, unavailable_with_retry_after, tab_closed_at_once,
         left_with_200_kilobytes, left_by_a_link, two_tabs_share_one_queue, without_web_locks, local_storage_blocked,
         strict_content_security_policy, page_of_another_origin, answer_that_stops, back_forward_cache,
         prerendered_page, batch_over_the_servers_limit, server_killed_in_a_storm]

if __name__ == "__main__":
    sys.exit(browsers.run(__doc__, CASES, 90))
