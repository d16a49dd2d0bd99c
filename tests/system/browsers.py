"""Chromium, Firefox and WebKit behind one class: the commands of W3C WebDriver, named as that recommendation names them.

chromedriver and WebKitWebDriver take them over HTTP. Debian has no geckodriver, so Firefox takes them over Marionette,
the protocol that geckodriver itself speaks to it: the same commands as JSON over TCP.
"""

import base64
import contextlib
import glob
import json
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import urllib.error
import urllib.request

import harness
import web
from harness import Failure, check, need, wait_until

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of an element's id, from the recommendation

# The method and path of each command below /session/ID.
OVER_HTTP = {
    "Back": ("POST", "/back"),
    "CloseWindow": ("DELETE", "/window"),
    "DeleteAllCookies": ("DELETE", "/cookie"),
    "ElementClick": ("POST", "/element/{id}/click"),
    "ElementSendKeys": ("POST", "/element/{id}/value"),
    "ExecuteScript": ("POST", "/execute/sync"),
    "FindElements": ("POST", "/elements"),
    "GetCookies": ("GET", "/cookie"),
    "GetElementText": ("GET", "/element/{id}/text"),
    "GetWindowHandle": ("GET", "/window"),
    "GetWindowHandles": ("GET", "/window/handles"),
    "Navigate": ("POST", "/url"),
    "NewWindow": ("POST", "/window/new"),
    "PerformActions": ("POST", "/actions"),
    "Refresh": ("POST", "/refresh"),
    "SetWindowRect": ("POST", "/window/rect"),
    "SwitchToWindow": ("POST", "/window"),
    "TakeScreenshot": ("GET", "/screenshot"),
}

CHROMIUM_FLAGS = [
    "--headless", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run", "--no-proxy-server",
    "--no-default-browser-check", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-default-apps", "--disable-extensions", "--disable-domain-reliability", "--metrics-recording-only",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE ::ffff:7f00:1", "--window-size=800,600",
    "--no-sandbox"]  # it opens our own page only, and Chromium's sandbox works neither for root nor in most containers


class HttpDriver:
    """A session of a driver that listens on a port of this machine."""

    def __init__(self, port, capabilities):
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self.session = f"http://127.0.0.1:{port}/session"
        started = self.request("POST", "", {"capabilities": {"alwaysMatch": capabilities}})
        self.session += "/" + started["sessionId"]

    def request(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.session + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with self.opener.open(request, timeout=30) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise Failure(f"WebDriver {method} {path}: {error.read()[:500]!r}") from None

    def command(self, name, parameters):
        method, path = OVER_HTTP[name]
        return self.request(method, path.format_map(parameters), parameters if method == "POST" else None)

    def end(self):
        self.request("DELETE", "")


class Marionette:
    """A session of Firefox: each message is its length, a colon and a JSON array."""

    def __init__(self, port):
        self.connection = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.stream = self.connection.makefile("rb")
        self.receive()  # its greeting
        self.command("NewSession", {"capabilities": {"alwaysMatch": {}}})

    def receive(self):
        length = b""
        while (byte := self.stream.read(1)) != b":":
            check(byte, "Firefox closed the connection")
            length += byte
        return json.loads(self.stream.read(int(length)))

    def request(self, name, parameters):
        message = json.dumps([0, 1, name, parameters]).encode()
        self.connection.sendall(b"%d:%s" % (len(message), message))
        _, _, error, result = self.receive()
        check(not error, f"{name}: {error}")
        return result["value"] if isinstance(result, dict) and "value" in result else result

    def command(self, name, parameters):
        return self.request("WebDriver:" + name, parameters)

    def end(self):
        self.request("Marionette:Quit", {"flags": ["eForceQuit"]})
        self.connection.close()


class Browser:
    """What the cases do with a browser, whichever it is."""

    def __init__(self, name, driver):
        self.name = name
        self.driver = driver

    def command(self, name, **parameters):
        return self.driver.command(name, parameters)

    def open(self, url):
        self.command("Navigate", url=url)

    def back(self):
        self.command("Back")

    def elements(self, selector):
        found = self.command("FindElements", using="css selector", value=selector)
        return [element[ELEMENT] for element in found]

    def element(self, selector, number=0):
        found = self.elements(selector)
        check(number < len(found), f"{len(found)} elements are {selector}")
        return found[number]

    def click(self, selector, number=0):
        self.command("ElementClick", id=self.element(selector, number))

    def type(self, selector, text):
        self.command("ElementSendKeys", id=self.element(selector), text=text)

    def move(self, x, y):
        """Moves the mouse to a point of the window."""
        steps = [{"type": "pointerMove", "x": x, "y": y, "duration": 0}]
        self.command("PerformActions", actions=[{"type": "pointer", "id": "mouse", "actions": steps}])

    def resize(self, width, height):
        self.command("SetWindowRect", width=width, height=height)

    def text(self, selector):
        return self.command("GetElementText", id=self.element(selector))

    def evaluate(self, expression):
        """The value of an expression in the page; of a promise, what it resolves to."""
        return self.command("ExecuteScript", script=f"return {expression}", args=[])

    def window(self):
        return self.command("GetWindowHandle")

    def new_tab(self):
        """Opens a tab, switches to it and returns its handle."""
        handle = self.command("NewWindow", type="tab")["handle"]
        self.switch_to(handle)
        return handle

    def switch_to_new_tab(self):
        """Switches to the tab that a page has opened beside the only one, once it has loaded."""
        only = self.window()
        opened = wait_until(lambda: [handle for handle in self.command("GetWindowHandles") if handle != only], "a new tab")
        self.switch_to(opened[0])
        wait_until(lambda: self.evaluate("location.href != 'about:blank' && document.readyState == 'complete'"), "its page")

    def switch_to(self, handle):
        self.command("SwitchToWindow", handle=handle)

    def close_tab(self):
        self.command("CloseWindow")

    def cookies(self):
        return self.command("GetCookies")

    def screenshot(self, path):
        pathlib.Path(path).write_bytes(base64.b64decode(self.command("TakeScreenshot")))

    def reset(self):
        """Leaves one tab with a blank page and no cookies. Storage is of an origin, and each server has a new one; each
        complaint is told once."""
        first, *others = self.command("GetWindowHandles")
        for handle in others:
            self.switch_to(handle)
            self.close_tab()
        self.switch_to(first)
        self.command("DeleteAllCookies")
        self.open("about:blank")
        self.complaints()

    def complaints(self):
        """Errors and warnings of the console, where the driver tells them: chromedriver does."""
        if self.name != "chromium":
            return []
        return [entry["message"] for entry in self.driver.request("POST", "/se/log", {"type": "browser"})]


@contextlib.contextmanager
def program(command, folder, name, **environment):
    """A process that ends with the block. Yields the file that it writes its output to."""
    said = folder / f"{name}.out"
    with said.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                   env=harness.environment({"HOME": str(folder), **environment}))
    try:
        yield said
    finally:
        process.terminate()
        process.wait(10)


@contextlib.contextmanager
def session(name, driver):
    try:
        yield Browser(name, driver)
    finally:
        driver.end()


@contextlib.contextmanager
def chromium(folder, local_storage=True):
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    need(binary and driver, "chromium and chromedriver (Debian: chromium chromium-driver)")
    options = {"binary": binary, "args": [*CHROMIUM_FLAGS, f"--user-data-dir={folder}/profile"]}
    if not local_storage:
        options["prefs"] = {"profile.default_content_setting_values.cookies": 2}
    wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
    with program([driver, "--port=0"], folder, "chromedriver") as said:
        port = wait_until(lambda: re.search(r"started successfully on port (\d+)", said.read_text()), "chromedriver")
        with session("chromium", HttpDriver(port.group(1), wanted)) as browser:
            yield browser


@contextlib.contextmanager
def firefox(folder, local_storage=True):
    binary = shutil.which("firefox-esr")
    need(binary, "firefox-esr (Debian: firefox-esr)")
    profile = folder / "profile"
    profile.mkdir()
    settings = {"marionette.port": 0, "network.cookie.cookieBehavior": 5 if local_storage else 2}
    (profile / "user.js").write_text("".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n"
                                             for name, value in settings.items()))
    with program([binary, "--headless", "--no-remote", "--marionette", "--profile", profile], folder, "firefox"):
        listening = profile / "MarionetteActivePort"
        port = wait_until(lambda: listening.exists() and listening.read_text(), "Firefox listens", 30)
        with session("firefox", Marionette(int(port))) as browser:
            yield browser


@contextlib.contextmanager
def webkit(folder, local_storage=True):
    driver, screen = shutil.which("WebKitWebDriver"), shutil.which("Xvfb")
    binaries = glob.glob("/usr/lib/*/webkit2gtk-4.*/MiniBrowser")
    need(driver and screen and binaries, "WebKitWebDriver and Xvfb (Debian: webkit2gtk-driver xvfb)")
    options = {"binary": binaries[0], "args": ["--automation"]}
    if not local_storage:
        options["args"].append("--enable-html5-local-storage=false")
    port = harness.free_port()
    # Its sandbox works neither for root nor in most containers, and it opens our own pages only.
    environment = {"WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1"}
    with program([screen, "-displayfd", "1", "-nolisten", "tcp"], folder, "xvfb") as said:
        display = wait_until(lambda: re.search(r"^(\d+)\n", said.read_text(), re.MULTILINE), "Xvfb")
        environment["DISPLAY"] = f":{display.group(1)}"
        with program([driver, f"--port={port}", "--host=127.0.0.1"], folder, "webkit", **environment):
            wait_until(lambda: not web.refuses_connections(f"http://127.0.0.1:{port}"), "WebKitWebDriver listens")
            with session("webkit", HttpDriver(port, {"webkitgtk:browserOptions": options})) as browser:
                yield browser


ENGINES = {"chromium": chromium, "firefox": firefox, "webkit": webkit}

open_browsers = contextlib.ExitStack()
idle_browsers = []


@contextlib.contextmanager
def browser(context):
    """A browser with one blank tab. The next case uses it again, unless a case failed in it."""
    if not idle_browsers:
        folder = tempfile.mkdtemp(prefix="eventcollect-browser-")
        open_browsers.callback(shutil.rmtree, folder, ignore_errors=True)
        started = ENGINES[context.options.browser](pathlib.Path(folder))
        idle_browsers.append(open_browsers.enter_context(started))
    used = idle_browsers.pop()
    yield used
    used.reset()
    idle_browsers.append(used)


def run(description, cases, seconds_per_case=60, add_arguments=None):
    """What harness.run does, in the browser that --browser names."""
    def arguments(parser):
        parser.add_argument("--browser", choices=ENGINES, default="chromium")
        if add_arguments:
            add_arguments(parser)
    with open_browsers:
        return harness.run(description, cases, seconds_per_case, arguments)
