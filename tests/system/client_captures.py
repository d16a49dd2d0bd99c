#!/usr/bin/env python3
"""What the browser client's attributes and functions make of what a visitor does.

Every case looks at the rows of SQLite. An event that must not come is proven by a later one that came.
"""

import re
import sys
import uuid

import browsers
from client_site import PAGE, Site, client_page, open_page
from harness import check, wait_until


def properties(events):
    return [event["properties"] for event in events]


def send_marker(site, browser, name="marker"):
    """Returns once everything before is stored as well."""
    verdict = browser.evaluate(f"eventcollect.send('{name}')")
    check(verdict == {"accepted": True}, f"what became of {name}: {verdict}")
    site.wait_for(name)


def attributes_of_clicks(context):
    body = """<button data-event="opened_pricing" data-event-props='{"plan":"pro","cents":1999}'><b>Prices</b></button>
        <div data-event-ignore><button id="silent" data-event="silent">Not this one</button></div>
        <button id="plain">Nothing</button>"""
    site = Site(context, client_page(body)).start()
    with browsers.browser(context) as browser:
        open_page(browser, site.url + "/?from=test#top")
        browser.click("#silent")
        browser.click("#plain")
        browser.click("b")
        event = site.wait_for("opened_pricing")[0]
        check(event["properties"] == {"plan": "pro", "cents": 1999}, f"not the element's properties: {event}")
        check(event["url"] == site.url + "/?from=test#top", f"not the page's address: {event}")
        check(uuid.UUID(event["event_id"]).version == 7, f"not a UUIDv7: {event}")
        check(event["client_time"] and event["sent_time"], f"without the client's times: {event}")
        send_marker(site, browser)
        check({event["event"] for event in site.events()} == {"opened_pricing", "marker"}, f"more than that: {site.events()}")
        check(browser.cookies() == [], "a cookie is set")
        wait_until(lambda: browser.evaluate("localStorage.length + sessionStorage.length") == 0, "nothing stays in storage")
        check(not browser.complaints(), f"the browser complains: {browser.complaints()}")
        site.stop()


def attribute_submit(context):
    body = """<form data-event="searched" data-event-props='{"where":"shop"}'><input name="q"><button>Go</button></form>
        <button id="same" data-event="not_submitted" data-event-on="submit">Nothing</button>"""
    site = Site(context, client_page(body)).start()
    with browsers.browser(context) as browser:
        open_page(browser, site.url)
        browser.click("#same")
        browser.click("input")
        browser.type("input", "shoes")
        browser.click("form button")
        wait_until(lambda: browser.evaluate("location.search") == "?q=shoes", "the form's page")
        event = site.wait_for("searched")[0]
        check(event["properties"] == {"where": "shop"}, f"not the form's properties: {event}")
        check(event["url"] == site.url + "/", f"not the address of the form: {event}")
        check(not site.events("not_submitted"), "a click counts as a submit")
        site.stop()


def attribute_visible(context):
    body = """<p data-event="seen_at_once" data-event-on="visible">Above</p><div style="height: 5000px"></div>
        <p data-event="seen" data-event-on="visible" style="height: 100px">Below</p>"""
    site = Site(context, client_page(body)).start()
    with browsers.browser(context) as browser:
        open_page(browser, site.url)
        site.wait_for("seen_at_once")
        check(not site.events("seen"), "seen before it was scrolled to")
        browser.evaluate("document.querySelector('p:last-of-type').scrollIntoView()")
        site.wait_for("seen")
        browser.evaluate("(document.body.insertAdjacentHTML('beforeend', '<p id=new data-event=later>New</p>'),"
                         " document.getElementById('new').scrollIntoView())")
        send_marker(site, browser)
        browser.evaluate("(document.getElementById('new').dataset.eventOn = 'visible')")
        site.wait_for("later", 1)
        site.stop()


def attribute_open(context):
    body = """<dialog data-event="dialog"><p>Hello</p></dialog><div popover data-event="popover">Hint</div>
        <details data-event="details"><summary>More</summary>Text</details>
        <dialog id="other" data-event="never_opened"></dialog>"""
    site = Site(context, client_page(body)).start()
    with browsers.browser(context) as browser:
        open_page(browser, site.url)
        browser.click("summary")
        site.wait_for("details")
        browser.evaluate("document.querySelector('[popover]').showPopover()")
        site.wait_for("popover")
        browser.evaluate("document.querySelector('dialog').showModal()")
        site.wait_for("dialog")
        browser.evaluate("document.querySelector('dialog').close()")
        send_marker(site, browser)
        for name in ("dialog", "popover", "details"):
            site.wait_for(name)
        check(not site.events("never_opened"), "a closed dialog counts as opened")
        site.stop()


def what_opens_within_does_not_open_what_is_around(context):
    body = """<details open data-event="outer"><summary>Outer</summary>
        <details><summary id="plain">Plain</summary>Text</details>
        <details data-event="inner"><summary id="inner">Inner</summary>Text</details></details>"""
    site = Site(context, client_page(body)).start()
    with browsers.browser(context) as browser:
        open_page(browser, site.url)
        browser.click("#plain")
        browser.click("#inner")
        site.wait_for("inner", 1)
        send_marker(site, browser)
        check(not site.events("outer"), f"what is around counts as opened: {site.events()}")
        site.stop()


def attribute_first(context):
    body = """<button id="page" data-event="first_on_page" data-event-on="first">A</button>
        <button id="browser" data-event="first_ever" data-event-on="first browser">B</button>"""
    site = Site(context, client_page(body)).start()
    with browsers.browser(context) as browser:
        for visit in (1, 2):
            open_page(browser, site.url)
            for selector in ("#page", "#browser") * 2:
                browser.click(selector)
            send_marker(site, browser, f"marker_{visit}")
            found = properties(site.wait_for("first_on_page", visit))
            check(all(event["since_load"] > 0 for event in found), f"without the time since the page was loaded: {found}")
            site.wait_for("first_ever", 1)
        site.stop()


def first_while_nothing_is_collected(context):
    """It is neither remembered nor lost; nor is it where localStorage is full."""
    body = '<button data-event="first_ever" data-event-on="first browser">A</button>'
    fill = """(() => {
      for (let size = 1 << 22; size >= 1; size >>= 1) {
        for (let n = 0; n < 3; n++) try { localStorage[size + '.' + n] = 'x'.repeat(size) } catch (full) {}
      }
    })()"""
    site = Site(context, client_page(body)).start()
    with browsers.browser(context) as browser:
        open_page(browser, site.url)
        browser.evaluate("(eventcollect.off(), 0)")
        browser.click("button")
        kept = browser.evaluate("Object.keys(localStorage)")
        check(kept == ["eventcollect.off"], f"stored while off: {kept}")
        browser.evaluate("(eventcollect.on(), 0)")
        browser.evaluate(fill)
        browser.click("button")
        browser.click("button")
        site.wait_for("first_ever", 1)
        send_marker(site, browser)
        site.wait_for("first_ever", 1)
        check(not browser.complaints(), f"the browser complains: {browser.complaints()}")
        site.stop()


def capture_clicks(context):
    body = """<button id="long">{0}</button><a href="#there">A link</a><span role="button" id="role">Role</span>
        <label><input type="submit" value="secret value"></label><p>Text</p>
        <section data-event-ignore><button id="ignored">Ignored</button></section>""".format("é" * 80)
    site = Site(context, client_page(body, 'data-capture="clicks"')).start()
    with browsers.browser(context) as browser:
        open_page(browser, site.url)
        for selector in ("#long", "a", "#role", "input", "p", "#ignored"):
            browser.click(selector)
        send_marker(site, browser)
        found = [(found["element"], found["text"]) for found in properties(site.events("click"))]
        expected = [("button#long", "é" * 64), ("a", "A link"), ("span#role", "Role"), ("input", "")]
        check(found == expected, f"the clicks: {found}")
        check("secret" not in str(site.events()), "an input's value is sent")
        site.stop()


def no_text_that_somebody_typed(context):
    """Nor what an ignored element in it says."""
    body = """<div role="button"><b>Send</b><textarea>secret</textarea></div>
        <div role="button"><b>Send</b><span contenteditable>secret</span></div>
        <div role="button"><b>Send</b><span data-event-ignore>secret</span></div>
        <div role="button"><b>Send</b><select><option>secret</select></div>
        <section id="typed" style="padding-top: 120px"><p contenteditable>secret</p></section>
        <section id="inside" style="padding-top: 120px"><script type="text/plain">secret</script></section>"""
    site = Site(context, client_page(body, 'data-capture="clicks dead-clicks"')).start()
    with browsers.browser(context) as browser:
        open_page(browser, site.url)
        for number in range(4):
            browser.click("b", number)
        for name in ("typed", "inside"):
            browser.click("#" + name)
            wait_until(lambda: ("section#" + name, "") in [(found["element"], found["text"])
                                                           for found in properties(site.events("dead-click"))], f"dead-click on {name}")
        send_marker(site, browser)
        check([event["element"] for event in properties(site.events("click"))] == ["div"] * 4, f"the clicks: {site.events()}")
        check("secret" not in str(site.events()), f"what somebody typed is sent: {site.events()}")
        site.stop()


def one_click_is_one_event(context):
    """A click on a label clicks its control, too."""
    body = """<label data-event="labelled"><b>Choose</b> <input type="checkbox"></label>
        <p data-event="around"><label for="box"><i>Choose</i></label> <input id="box" type="checkbox"></p>
        <button data-event="twice">Twice</button>"""
    site = Site(context, client_page(body)).start()
    with browsers.browser(context) as browser:
        open_page(browser, site.url)
        browser.click("b")
        browser.click("i")
        send_marker(site, browser)
        for name in ("labelled", "around"):
            site.wait_for(name, 1)
        browser.click("#box")
        browser.evaluate("(document.querySelector('button').click(), document.querySelector('button').click())")
        site.wait_for("twice", 2)
        site.wait_for("around", 2)
        site.stop()


def event_of_the_whole_page(context):
    site = Site(context, client_page('<p>Text</p>')).start()
    with browsers.browser(context) as browser:
        open_page(browser, site.url)
        browser.click("p")
        browser.evaluate("(document.documentElement.dataset.event = 'anywhere')")
        browser.click("p")
        send_marker(site, browser)
        site.wait_for("anywhere", 1)
        check(not browser.complaints(), f"the browser complains: {browser.complaints()}")
        site.stop()


def capture_pages(context):
    site = Site(context, client_page('<a href="/?next">Next</a>', 'data-capture="pages leave"')).start()
    with browsers.browser(context) as browser:
        open_page(browser, site.url)
        browser.click("a")
        wait_until(lambda: browser.evaluate("location.search") == "?next", "the next page")
        site.wait_for("page", 2)
        browser.evaluate("(history.pushState(null, '', '/view'), document.title = 'A view')")
        pages = site.wait_for("page", 3)
        check([event["url"] for event in pages] == [site.url + path for path in ("/", "/?next", "/view")],
              f"the addresses: {pages}")
        found = properties(pages)
        check([event["referrer"] for event in found][:2] == ["", site.url + "/"], f"the referrers: {found}")
        check([event["title"] for event in found] == ["A page", "A page", "A view"], f"the titles: {found}")
        left = site.wait_for("leave", 2)
        check([event["url"] for event in left] == [site.url + "/", site.url + "/?next"], f"the pages left: {left}")
        check(all(event["seconds"] >= 0 for event in properties(left)), f"no seconds: {left}")
        site.stop()


def capture_read(context):
    body = '<div style="height: 5000px">Long</div>'
    site = Site(context, client_page(body, 'data-capture="read"')).start()
    with browsers.browser(context) as browser:
        open_page(browser, site.url + "/?top")
        open_page(browser, site.url + "/?bottom")
        browser.evaluate("(scrollTo(0, 5000), new Promise(requestAnimationFrame).then(() => 0))")
        open_page(browser, site.url + "/?end")
        top, bottom = site.wait_for("read", 2)
        check(0 < top["properties"]["depth"] < 50, f"how far the top was read: {top}")
        check(bottom["properties"]["depth"] > 95, f"how far the page was read to its bottom: {bottom}")
        check(bottom["properties"]["seconds"] >= 0 and bottom["url"].endswith("?bottom"), f"what was read: {bottom}")
        site.stop()


def capture_dead_clicks(context):
    body = """<p id="dead">Looks like a button</p><button id="works">Works</button>
        <label id="label"><input type="checkbox"> Choose</label>
        <p id="changes">Changes the page</p>
        <script>document.getElementById('changes').onclick = () => document.body.append('changed')</script>"""
    site = Site(context, client_page(body, 'data-capture="dead-clicks"')).start()
    with browsers.browser(context) as browser:
        open_page(browser, site.url)
        browser.click("#changes")
        browser.click("#works")
        browser.click("#label")
        browser.click("#dead")
        texts = [found["text"] for found in properties(site.wait_for("dead-click"))]
        check(texts == ["Looks like a button"], f"the dead clicks: {texts}")
        site.stop()


def capture_moves(context):
    site = Site(context, client_page('<div style="height: 900px">Area</div>', 'data-capture="moves"')).start()
    with browsers.browser(context) as browser:
        open_page(browser, site.url)
        for number in range(6):
            browser.move(50 + 40 * number, 60)
        browser.evaluate("document.querySelector('div').dataset.eventIgnore = ''")
        browser.move(77, 333)
        open_page(browser, site.url + "/?next")
        found = properties([wait_until(lambda: site.events("move"), "the moves")[0]])[0]
        check(found["width"] > 0 and found["points"], f"the moves: {found}")
        check([77, 333] not in found["points"].values(), f"a move over an ignored element: {found}")
        site.stop()


def capture_errors(context):
    body = """<button onclick="throw new Error('broken button')">A</button>
        <button onclick="Promise.reject(new Error('broken promise'))">B</button>"""
    site = Site(context, client_page(body, 'data-capture="errors"')).start()
    with browsers.browser(context) as browser:
        open_page(browser, site.url)
        browser.click("button", 0)
        browser.click("button", 1)
        messages = [found["message"] for found in properties(site.wait_for("error", 2))]
        check("broken button" in messages[0] and "broken promise" in messages[1], f"the errors: {messages}")
        site.stop()


def nothing_captured_unless_named(context):
    site = Site(context, client_page('<button>Plain</button><p>Text</p>')).start()
    with browsers.browser(context) as browser:
        open_page(browser, site.url)
        browser.click("button")
        browser.click("p")
        browser.evaluate("(setTimeout(() => { throw new Error('broken') }), 0)")
        browser.evaluate("history.pushState(null, '', '/view')")
        open_page(browser, site.url + "/?next")
        send_marker(site, browser)
        check({event["event"] for event in site.events()} == {"marker"}, f"captured unasked: {site.events()}")
        site.stop()


def visits(context):
    """Of a page: new with each. Of a tab: the same on all pages of it, another in another tab."""
    link = '<a href="/?opened" target="_blank" rel="opener">In a tab that begins with a copy of sessionStorage</a>'
    for kind, differ in (("page", True), ("tab", False)):
        site = Site(context, client_page(link, f'data-visit="{kind}"')).start()
        with browsers.browser(context) as browser:
            for number in range(2):
                open_page(browser, f"{site.url}/?{number}")
                send_marker(site, browser, f"marker_{number}")
                send_marker(site, browser, f"again_{number}")
            browser.click("a")
            browser.switch_to_new_tab()
            send_marker(site, browser, "other_tab")
            visit = {event["event"]: event["properties"]["visit"] for event in site.events()}
            check(visit["marker_0"] == visit["again_0"], f"one page has two visits: {visit}")
            check((visit["marker_0"] != visit["marker_1"]) == differ, f"visits of a {kind}: {visit}")
            check(visit["other_tab"] not in (visit["marker_0"], visit["marker_1"]), f"a visit crosses tabs: {visit}")
        site.stop()


def events_from_code(context):
    head = "<script>(window.eventcollect = window.eventcollect || []).push(['early', {n: 1}])</script>"
    site = Site(context, client_page(head=head)).start()
    with browsers.browser(context) as browser:
        open_page(browser, site.url)
        check(properties(site.wait_for("early")) == [{"n": 1}], "not what was pushed before the client came")
        browser.evaluate("(eventcollect.with({release: '1.2'}), eventcollect.push(['pushed', {n: 2}]), 0)")
        check(properties(site.wait_for("pushed")) == [{"n": 2, "release": "1.2"}], f"with() or push(): {site.events('pushed')}")
        verdict = browser.evaluate("eventcollect.send('')")
        check(verdict == {"code": "event.length"}, f"what became of an event without a name: {verdict}")
        verdicts = browser.evaluate("Promise.all(['x'.repeat(200), ...'events'].map(name => eventcollect.send(name)))")
        check(verdicts == [{"code": "event.length"}, *[{"accepted": True}] * 6], f"not each its own verdict: {verdicts}")
        browser.evaluate("(eventcollect.send('flushed'), eventcollect.flush(), 0)")
        site.wait_for("flushed")
        site.stop()


def consent(context):
    """off() deletes the queue and holds for later pages, until on()."""
    site = Site(context, client_page('<button data-event="clicked">Buy</button>', 'data-capture="pages"')).start()
    with browsers.browser(context) as browser:
        open_page(browser, site.url)
        site.wait_for("page", 1)
        browser.evaluate("(eventcollect.send('withdrawn'), eventcollect.off(), 0)")
        browser.click("button")
        keys = "Object.keys(localStorage).filter(key => localStorage[key].includes('event_id'))"
        check(browser.evaluate(keys) == [], "the queue is kept")
        open_page(browser, site.url + "/?later")
        browser.click("button")
        check("accepted" not in browser.evaluate("eventcollect.send('silent')"), "sent while it is off")
        browser.evaluate("(eventcollect.on(), 0)")
        browser.click("button")
        site.wait_for("clicked")
        send_marker(site, browser)
        check(sorted(event["event"] for event in site.events() if event["event"] != "page") == ["clicked", "marker"],
              f"sent while it was off: {site.events()}")
        site.stop()


def loaded_after_consent(context):
    """As the guide shows."""
    load = """(() => {
      const script = document.createElement('script');
      script.src = '/events/client.js';
      script.dataset.capture = 'clicks pages';
      document.head.append(script);
    })()"""
    site = Site(context, PAGE.format(head="", body="<button>Buy</button>")).start()
    with browsers.browser(context) as browser:
        browser.open(site.url)
        browser.click("button")
        browser.evaluate(load)
        site.wait_for("page", 1)
        browser.click("button")
        site.wait_for("click", 1)
        site.stop()


CASES = [attributes_of_clicks, one_click_is_one_event, event_of_the_whole_page, attribute_submit, attribute_visible,
         attribute_open, what_opens_within_does_not_open_what_is_around, attribute_first,
         first_while_nothing_is_collected, capture_clicks, no_text_that_somebody_typed, capture_pages, capture_read, capture_dead_clicks, capture_moves, capture_errors, nothing_captured_unless_named,
         visits, events_from_code, consent, loaded_after_consent]

if __name__ == "__main__":
    sys.exit(browsers.run(__doc__, CASES))
