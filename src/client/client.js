// The browser client: keeps events in localStorage until the server has given a verdict on each of them.
// README.md of this folder is its guide. What is served is client.min.js, which is made of this file.
//
// ES2018. Bytes are counted (3,072 gzipped): what is needed once is seldom a function, and properties are few.
(() => {
  // The script tag that loads this file, or a bundle with it; <html> for a bundle that is a module.
  const tag = document.currentScript || document.documentElement;
  const options = tag.dataset;
  const name = options.global || 'eventcollect';
  const early = self[name] || 0;
  if (early.send) return; // loaded already

  const path = options.path || /.+(?=\/client\.js)/.exec(tag.src) || '/events';
  const captures = ' ' + options.capture;
  // Before the page can stop the event.
  const listen = (type, handler) => addEventListener(type, handler, true);
  const log = 'debug' in options ? console.log : () => {};

  const DAY_MS = 864e5;
  const GATHER_MS = 500;
  const MAX_QUEUED_CHARACTERS = 1e6;
  const MAX_KEEPALIVE_BYTES = 6e4; // of the 64 KiB that all such requests of a page share
  const TIMEOUT_MS = 3e4;

  // --- The queue. Each event has a key of its own, so that two tabs cannot overwrite each other's.

  const PREFIX = 'eventcollect.';
  const QUEUE = PREFIX + 'queue.';
  const LEASE = PREFIX + 'lease';
  const OFF = PREFIX + 'off';
  const FIRST = PREFIX + 'first.';
  const VISIT = PREFIX + 'visit';
  const VISIBLE = PREFIX + 'visible';

  const pending = {}; // by key: who waits for the verdict
  const common = {};
  const memory = {}; // what localStorage has no room for
  let store = {};
  let session = {};
  let locks;
  try {
    store = localStorage || store; // null where a browser is set up without it
    session = sessionStorage || session;
    locks = navigator.locks;
  } catch (blocked) {}
  let queued_length = 0;

  const read = key => memory[key] || store[key];

  const write = (key, value) => {
    try {
      store[key] = value;
    } catch (full) {
      memory[key] = value;
    }
  };

  const drop = key => {
    delete memory[key];
    delete store[key];
  };
  const all_keys = prefix => Object.keys({...store, ...memory}).filter(key => key.startsWith(prefix));

  // A UUIDv7 (RFC 9562, section 5.7): keys sort by time.
  const uuid = time => ('0' + time.toString(16) + '-7xxx-8xxx-xxxxxxxxxxxx').replace(/....-/, '-$&')
    .replace(/x/g, () => (Math.random() * 16 | 0).toString(16));

  const finish = (key, code) => {
    if (pending[key]) pending[key](code ? {code} : {accepted: !code});
    delete pending[key];
  };

  // An event leaves the queue by its verdict. Another tab that waits for it gets it as a storage event.
  const settle = (key, code) => {
    (code ? console.warn : log)(name, code || 'accepted', read(key));
    write(key, code || '');
    finish(key, code);
    drop(key);
  };

  // What will be resolved by no verdict.
  const finish_all = code => Object.keys(pending).map(key => finish(key, code));

  const queued = () => {
    const oldest = QUEUE + uuid(Date.now() - DAY_MS);
    queued_length = 0;
    return all_keys(QUEUE).filter(key => key < oldest
      ? settle(key, 'queue.expired')
      : queued_length += read(key).length).sort();
  };

  // A prerendered page may never be shown: until then nothing has happened.
  const when_shown = action => document.prerendering
    ? new Promise(resolve => listen('prerenderingchange', resolve)).then(action)
    : action();

  let stopped; // the code of an answer that no later request would change

  // The code of why nothing is sent, if nothing is.
  const silence = () => read(OFF) || 'dnt' in options && (navigator.doNotTrack == 1 || navigator.globalPrivacyControl)
    ? 'off' : stopped;

  const capture = (event, properties, url) => when_shown(() => new Promise(resolve => {
    const client_time = Date.now();
    const event_id = uuid(client_time);
    const key = QUEUE + event_id;
    let line;
    pending[key] = resolve;
    if (silence()) finish(key, silence());
    if (silence() == 'off') return;
    try {
      line = JSON.stringify({
        event,
        url: (url || location.href).slice(0, 8e3),
        properties: {...common, ...properties},
        event_id,
        client_time,
      });
    } catch (unfit) { // it contains itself, or a BigInt
      return finish(key, 'properties.type');
    }
    log(line);
    write(key, line);
    if ((queued_length += line.length) > MAX_QUEUED_CHARACTERS) settle(key, 'queue.full');
    if (leaving) leave();
    schedule();
  }));

  // --- To the server: one batch at a time from all tabs, but for what is sent when the page is left.

  let timer;
  let failures = 0;
  let max_batch = 100; // the answer lists no more rejections
  let room = MAX_KEEPALIVE_BYTES;
  let leaving; // no timer will fire any more
  let lease; // the value of this tab's own lease
  const left = {}; // by key: the bytes of what was sent as the page was left, which is done once

  const schedule = () => {
    timer = timer || setTimeout(flush, GATHER_MS);
  };

  // Whether the next batch may follow at once.
  const post = async (keys, keepalive) => {
    const body = `{"sent_time":${Date.now()},"batch":[${keys.map(read)}]}`;
    let status, said, wait = 0;
    if (!keepalive) write(LEASE, lease = Date.now() + TIMEOUT_MS);
    if (keepalive && !('keepalive' in Request.prototype)) return navigator.sendBeacon(path, body);
    try {
      const signal = AbortSignal.timeout && AbortSignal.timeout(TIMEOUT_MS); // the lock would be held as long
      const answer = await fetch(path, {method: 'POST', body, keepalive, signal, credentials: 'include'});
      status = answer.status;
      wait = answer.headers.get('Retry-After') | 0;
      said = JSON.parse(await answer.text() || '{}');
    } catch (failure) {}
    if (keepalive) keys.map(key => room += left[key]);
    else end_lease();
    const rejected = said && (said.rejected || status == 202 && []);
    if (rejected) {
      keys.map((key, i) => settle(key, (rejected.find(({index}) => index == i) || {}).code));
      failures = 0;
      return 1;
    }
    if (status == 413) return max_batch = keys.length >> 1 || settle(keys[0], 'body.too_large') || 100;
    if (/40[034]|415/.test(status)) {
      stopped = 'http.' + status;
      console.warn(name, stopped, said);
      finish_all(stopped);
    } else {
      write(LEASE, Date.now() + 1e3 * (wait + Math.random() * 2 ** Math.min(6, failures++)));
      schedule();
    }
  };

  const end_lease = () => read(LEASE) == lease && drop(LEASE);

  // The lease says until when no tab may send: while one does, and while a failing server is left alone.
  const send = async lock => {
    if (!lock || read(LEASE) > Date.now()) return schedule();
    const keys = queued().slice(0, max_batch);
    return keys[0] && post(keys);
  };

  // A lock that is held for longer than a request would keep the page out of the back/forward cache.
  const next = () => locks ? locks.request(PREFIX, {ifAvailable: true}, send) : send(1);

  const flush = async () => {
    clearTimeout(timer);
    timer = 0;
    while (!silence() && await next());
  };

  // What is sent here stays queued until its answer comes: if none does, the next page sends it once more.
  const leave = () => {
    const keys = silence() ? [] : queued().filter(key => {
      const bytes = new Blob([read(key)]).size;
      if (!left[key] && bytes < room) return room -= left[key] = bytes;
    });
    while (keys[0]) post(keys.splice(0, max_batch), true);
  };

  // --- What is captured.

  const ignores = element => !element.closest || element.closest('[data-event-ignore]');

  // Captures the event of the nearest element around that has one for this trigger, but for an element that has had it
  // already, and returns that element. What opens does not open what is around it.
  const fire = (target, trigger, done) => {
    let element = ignores(target) ? 0 : target;
    while (element && (element = element.closest('[data-event]')) && (trigger != 'open' || element == target)) {
      const {event, eventOn, eventProps} = element.dataset;
      const triggers = eventOn || (element.action ? 'submit' : 'open' in element || element.popover ? 'open' : 'click');
      if (triggers.includes(trigger)) {
        const properties = JSON.parse(eventProps || '{}');
        if (trigger == 'first') {
          const key = FIRST + event;
          if (silence() || read(key)) return;
          triggers.includes('browser') ? write(key, 1) : memory[key] = 1;
          properties.since_load = performance.now() | 0;
        }
        if (element != done) capture(event, properties);
        return element;
      }
      element = element.parentElement;
    }
  };

  const UNREADABLE = '[data-event-ignore],:read-write,select,textarea,script,style';

  // Without the text where some of it may have been typed, or is not for reading.
  const describe = element => ({
    element: element.localName + (element.id && '#' + element.id),
    text: element.closest(UNREADABLE) || element.querySelector(UNREADABLE) ? ''
      : element.textContent.trim().replace(/\s+/g, ' ').slice(0, 64),
  });

  // What `data-capture` names; the event has the name in the singular.
  const report = (what, about, url) => captures.includes(' ' + what) &&
    capture(what, about.localName ? describe(about) : about, url);

  let place; // the page's address
  let began; // when it was opened
  let shown; // since when it is seen; 0 while it is not
  let depth; // how much of it has been seen, in percent
  let points = {}; // of the pointer's way, the last in each tenth of a second
  let sampling; // the timer that sends them
  let changes = 0; // counts what a click can lead to
  let errors = 0;

  const look = () => {
    changes++;
    depth = Math.max(depth, 100 * Math.min(1, (scrollY + innerHeight) / document.documentElement.scrollHeight) | 0);
  };

  const send_moves = () => {
    if (sampling) report('move', {width: innerWidth, points}, place);
    points = {};
    sampling = 0;
  };

  const hide = closing => {
    if (shown) report('read', {depth, seconds: (Date.now() - shown) / 1e3 | 0}, place);
    shown = 0;
    send_moves();
    if (closing) report('leave', {seconds: (Date.now() - began) / 1e3 | 0}, place);
  };

  const open_page = referrer => {
    place = location.href;
    began = Date.now();
    shown = document.hidden ? 0 : began;
    depth = 0;
    report('page', {title: document.title, referrer});
  };

  // An anchor is no page, unless a router uses it for one.
  const moved = () => {
    if (location.href.replace(/#(?![!/]).*/, '') == place.replace(/#(?![!/]).*/, '')) return;
    hide(1);
    open_page(place);
  };

  const show = () => {
    shown = shown || Date.now();
    leaving = 0;
    schedule();
  };

  const watch_page = () => {
    ['pushState', 'replaceState'].map(method => {
      const original = history[method];
      history[method] = (...args) => {
        look(); // before the next view is there
        original.apply(history, args);
        setTimeout(moved); // a router sets the title after the address
      };
    });
    listen('popstate', () => {
      look();
      moved();
    });
    listen('pageshow', event => {
      if (!event.persisted) return;
      delete session[VISIT];
      open_page();
      show();
    });
    listen('pagehide', () => {
      moved();
      look();
      hide(1);
      leave();
      leaving = 1;
      end_lease();
      if (options.visit == 'tab' && !silence()) session[VISIT] = common.visit;
    });
    listen('visibilitychange', () => {
      if (!document.hidden) return show();
      look();
      hide();
      leave();
    });
    ['scroll', 'focus', 'submit', 'toggle'].map(type => listen(type, look));
  };

  const watch_elements = () => {
    const observer = new IntersectionObserver(entries => entries.map(({target, isIntersecting}) => {
      clearTimeout(target[VISIBLE]);
      if (isIntersecting) target[VISIBLE] = setTimeout(() => {
        fire(target, 'visible');
        observer.unobserve(target);
      }, 1e3);
    }), {threshold: .5});
    let watching;
    const watch = () => {
      watching = 0;
      for (const element of document.querySelectorAll('[data-event-on~=visible]')) {
        element[VISIBLE] || observer.observe(element);
      }
    };
    watch();
    new MutationObserver(records => {
      changes++;
      watching = watching || setTimeout(watch, GATHER_MS);
      records.map(({target, attributeName}) => attributeName == 'open' && target.open && fire(target, 'open'));
    }).observe(document, {
      subtree: true,
      childList: true,
      characterData: true,
      attributes: true,
    });
    listen('toggle', ({target, newState}) => {
      if (newState == 'open' && target.popover) fire(target, 'open');
    });
    listen('submit', event => fire(event.target, 'submit'));
    listen('input', event => fire(event.target, 'first'));
  };

  const watch_clicks = () => {
    let before, relayed;
    const state = () => changes + '' + getSelection();
    listen('mousedown', () => before = state());
    listen('click', ({target}) => {
      if (ignores(target)) return;
      fire(target, 'first');
      const clicked = target.closest('a,button,[type=submit],[type=button],[role=button]');
      const fired = fire(target, 'click', relayed);
      fired || clicked && report('click', clicked);
      // A click on a label is followed at once by one on its control, which is no other click of what is around both.
      relayed = target.closest('label') && fired;
      setTimeout(() => relayed = 0);
      const was = before;
      if (!target.closest('label,audio,video,canvas,[href],input,:read-write,select')) setTimeout(() => {
        if (state() == was) report('dead-click', target);
      }, 1e3);
    });
  };

  const report_error = ({reason, error = reason, message = reason && '' + reason}) => {
    if (message && errors++ < 10) report('error', {message, stack: (error || '').stack});
  };

  const start = () => {
    if (options.visit) common.visit = options.visit == 'tab' && session[VISIT] || uuid(Date.now());
    delete session[VISIT]; // a tab that this one opens begins with a copy of what is in it now
    listen('storage', ({key, newValue}) => newValue == null || (key == OFF ? finish_all('off') : finish(key, newValue)));
    listen('error', report_error);
    listen('unhandledrejection', report_error);
    if (captures.includes(' move')) listen('pointermove', event => {
      if (ignores(event.target)) return;
      points[performance.now() / 100 | 0] = [event.pageX | 0, event.pageY | 0];
      sampling = sampling || setTimeout(send_moves, 5e3);
    });
    watch_page();
    open_page(document.referrer);
    if (options.debug) log(options.debug + '#visit=' + common.visit);
    schedule();
  };

  const api = self[name] = {
    send: capture,
    push: args => capture(...args || []),
    with: properties => Object.assign(common, properties),
    flush,
    off: () => {
      finish_all('off');
      all_keys(PREFIX).map(key => key == LEASE || drop(key));
      write(OFF, 1);
    },
    on: () => drop(OFF),
  };
  when_shown(start);
  when_shown(watch_elements);
  when_shown(watch_clicks);
  if (early.map) early.map(api.push);
})();
