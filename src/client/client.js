// The browser client: keeps events in localStorage until the server has given a verdict on each of them.
// README.md of this folder is its guide. What is served is client.min.js, which is made of this file.
//
// ES2018. Bytes are counted (3,072 gzipped): what is needed once is seldom a function, and properties are few.
(() => {
  // The script tag that loads this file, or a bundle with it; <html> for a bundle that is a module.
  const tag = document.currentScript || document.documentElement;
  const options = tag.dataset;
  const name = options.global || 'eventcollect';
  const early = window[name] || [];
  if (early.send) return; // loaded already

  const path = options.path || /.+(?=\/client\.js)/.exec(tag.src) || '/events';
  const captures = (options.capture || '').split(' ');
  // Before the page can stop the event.
  const listen = (type, handler) => addEventListener(type, handler, true);
  const log = 'debug' in options ? console.log : () => {};

  const DAY = 864e5;
  const GATHER = 500;
  const MAX_QUEUE = 1e6;
  const MAX_KEEPALIVE = 6e4; // of the 64 KiB that all such requests of a page share
  const TIMEOUT = 3e4;

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
  let store = {};
  let session = {};
  let locks;
  try {
    store = localStorage || store; // null where a browser is set up without it
    session = sessionStorage || session;
    locks = navigator.locks;
  } catch (blocked) {}
  let queued_length = 0;

  const write = (key, value) => {
    try {
      store[key] = value;
      return 1;
    } catch (full) {}
  };

  const drop = key => {
    delete store[key];
  };
  const all_keys = prefix => Object.keys(store).filter(key => key.startsWith(prefix));

  // A UUIDv7 (RFC 9562, section 5.7): keys sort by time.
  const hex = time => '0' + time.toString(16);
  const uuid = time => (hex(time) + '-7xxx-8xxx-xxxxxxxxxxxx').replace(/.{4}-/, '-$&')
    .replace(/x/g, () => (Math.random() * 16 | 0).toString(16));

  const finish = (key, code) => {
    if (pending[key]) pending[key](code ? {code} : {accepted: true});
    delete pending[key];
  };

  // An event leaves the queue by its verdict. Another tab that waits for it gets it as a storage event.
  const settle = (key, code) => {
    if (code) console.warn(name, code, store[key]);
    log(key, code);
    if (!pending[key]) write(key, code || '');
    finish(key, code);
    drop(key);
  };

  // What will be resolved by no verdict.
  const finish_all = code => Object.keys(pending).map(key => finish(key, code));

  const queued = () => {
    const oldest = QUEUE + hex(Date.now() - DAY);
    queued_length = 0;
    return all_keys(QUEUE).filter(key => key < oldest
      ? settle(key, 'queue.expired')
      : queued_length += store[key].length).sort();
  };

  // A prerendered page may never be shown: until then nothing has happened.
  const when_shown = action => document.prerendering
    ? new Promise(resolve => listen('prerenderingchange', () => resolve(action())))
    : action();

  const is_off = () => document.prerendering || store[OFF] ||
    'dnt' in options && (navigator.doNotTrack == 1 || navigator.globalPrivacyControl);

  let stopped; // the code of an answer that no later request would change
  const capture = (event, properties, url) => when_shown(() => new Promise(resolve => {
    const client_time = Date.now();
    const event_id = uuid(client_time);
    const key = QUEUE + event_id;
    let line;
    pending[key] = resolve;
    if (is_off()) return finish(key, 'off');
    try {
      line = JSON.stringify({
        event,
        url: (url || location.href).slice(0, 8192),
        properties: {...common, ...properties},
        event_id,
        client_time,
      });
    } catch (unfit) { // it contains itself, or a BigInt
      return finish(key, 'properties.type');
    }
    log(line);
    if (!write(key, line) || (queued_length += line.length) > MAX_QUEUE) settle(key, 'queue.full');
    if (stopped) finish(key, stopped);
    if (leaving) leave();
    schedule(GATHER);
  }));

  // --- To the server: one batch at a time from all tabs, but for what is sent when the page is left.

  let timer;
  let failures = 0;
  let max_batch = 100; // the answer lists no more rejections
  let room; // bytes that the next batches may have
  let leaving; // no timer will fire any more
  let sent_leaving = ''; // the last key

  const is_silent = () => stopped || is_off();

  const schedule = delay => {
    timer = timer || setTimeout(flush, delay);
  };

  const take = keys => keys.filter((key, i) => i < max_batch && (room -= new Blob([store[key]]).size + 1) > 0);

  // Whether the next batch may follow at once.
  const post = async (keys, keepalive) => {
    const body = `{"sent_time":${Date.now()},"batch":[${keys.map(key => store[key])}]}`;
    if (keepalive && !('keepalive' in Request.prototype)) return navigator.sendBeacon(path, body);
    let status, said, wait = 0;
    try {
      const signal = AbortSignal.timeout && AbortSignal.timeout(TIMEOUT); // the lock would be held as long
      const answer = await fetch(path, {method: 'POST', body, keepalive, signal, credentials: 'include'});
      status = answer.status;
      wait = answer.headers.get('Retry-After') * 1e3 || 0;
      said = JSON.parse(await answer.text() || '{}');
    } catch (failure) {}
    const rejected = said && (said.rejected || status == 202 && []);
    if (rejected) {
      const codes = [];
      rejected.map(({index, code}) => codes[index] = code);
      keys.map((key, i) => settle(key, codes[i]));
      failures = 0;
      return 1;
    }
    if (status == 413) {
      max_batch = keys.length >> 1 || 1;
      if (!keys[1]) settle(keys[0], 'body.too_large');
      return 1;
    }
    if (/40[034]|415/.test(status)) {
      stopped = (said || {}).code || 'http.' + status;
      console.warn(name, 'stops sending:', stopped);
      finish_all(stopped);
    } else {
      schedule(wait + Math.random() * 1e3 * 2 ** Math.min(6, failures++));
    }
  };

  // A lock that is held for longer than a request would keep the page out of the back/forward cache.
  const next = async () => {
    const send = () => {
      const keys = queued();
      room = Infinity;
      return keys[0] && post(take(keys));
    };
    if (locks) return locks.request(PREFIX, {ifAvailable: true}, lock => lock ? send() : schedule(GATHER));
    if (store[LEASE] > Date.now()) return schedule(GATHER);
    write(LEASE, Date.now() + TIMEOUT);
    const more = await send();
    drop(LEASE);
    return more;
  };

  const flush = async () => {
    clearTimeout(timer);
    timer = 0;
    while (!is_silent() && await next());
  };

  // What is sent here stays queued until its answer comes: if none does, the next page sends it once more.
  const leave = () => {
    let batch;
    room = MAX_KEEPALIVE;
    while (!is_silent() && (batch = take(queued().filter(key => key > sent_leaving)))[0]) {
      [sent_leaving] = batch.slice(-1);
      post(batch, true);
    }
  };

  // --- What is captured.

  const ignores = element => !element.closest || element.closest('[data-event-ignore]');

  // The event of the nearest element around that has one for this trigger.
  const used = {};
  const fire = (element, trigger) => {
    if (ignores(element)) return;
    while ((element = element.closest('[data-event]'))) {
      const {event, eventOn, eventProps} = element.dataset;
      const triggers = (eventOn || (element.action ? 'submit' : 'open' in element || element.popover ? 'open' : 'click')).split(' ');
      if (triggers.includes(trigger)) {
        const properties = JSON.parse(eventProps || '{}');
        if (trigger == 'first') {
          const kept = triggers.includes('browser') ? store : used;
          if (kept[FIRST + event]) return;
          kept[FIRST + event] = 1;
          properties.since_load = performance.now() | 0;
        }
        capture(event, properties);
        return 1;
      }
      element = element.parentElement || document;
    }
  };

  // What `data-capture` names; the event has the name in the singular.
  const report = (what, properties, url) => captures.includes(what) && capture(what.replace(/s$/, ''), properties, url);

  const describe = element => ({
    element: element.localName + (element.id && '#' + element.id),
    text: element.textContent.trim().replace(/\s+/g, ' ').slice(0, 64),
  });

  let place; // the page's address
  let began; // when it was opened
  let shown; // since when it is seen; 0 while it is not
  let depth; // how much of it has been seen, in percent
  let points = {}; // of the pointer's way, the last in each tenth of a second
  let sampling; // the timer that sends them
  let changes = 0; // counts what a click can lead to
  let errors = 0;

  const touch = () => {
    changes++;
  };

  const look = () => {
    touch();
    depth = Math.max(depth, 100 * Math.min(1, (scrollY + innerHeight) / document.documentElement.scrollHeight) | 0);
  };

  const send_moves = () => {
    if (sampling) report('moves', {width: innerWidth, points}, place);
    points = {};
    sampling = 0;
  };

  const hide = closing => {
    if (shown) {
      look();
      report('read', {depth, seconds: (Date.now() - shown) / 1e3 | 0}, place);
    }
    shown = 0;
    send_moves();
    if (closing) report('leave', {seconds: (Date.now() - began) / 1e3 | 0}, place);
  };

  const open_page = referrer => {
    place = location.href;
    began = Date.now();
    shown = !document.hidden && began;
    depth = 0;
    report('pages', {title: document.title, referrer});
  };

  // An anchor is no page, unless a router uses it for one.
  const moved = () => {
    if (location.href.split(/#[^!/]/)[0] == place.split(/#[^!/]/)[0]) return;
    hide(1);
    open_page(place);
  };

  const show = () => {
    shown = shown || Date.now();
    leaving = 0;
    sent_leaving = '';
    schedule(GATHER);
  };

  const watch_page = () => {
    for (const method of ['pushState', 'replaceState']) {
      const original = history[method];
      history[method] = function () {
        original.apply(this, arguments);
        setTimeout(moved); // a router sets the title after the address
      };
    }
    listen('popstate', moved);
    listen('pageshow', event => {
      if (!event.persisted) return;
      delete session[VISIT];
      open_page();
      show();
    });
    listen('pagehide', () => {
      moved();
      hide(1);
      leave();
      leaving = 1;
      drop(LEASE);
      if (options.visit == 'tab' && !is_off()) session[VISIT] = common.visit;
    });
    listen('visibilitychange', () => {
      if (!document.hidden) return show();
      hide();
      leave();
    });
    listen('scroll', look);
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
        if (element[VISIBLE]) continue;
        element[VISIBLE] = -1; // no timer's number
        observer.observe(element);
      }
    };
    watch();
    new MutationObserver(records => {
      changes++;
      watching = watching || setTimeout(watch, GATHER);
      records.map(({target, attributeName}) => attributeName == 'open' && target.open && fire(target, 'open'));
    }).observe(document, {
      subtree: true,
      childList: true,
      characterData: true,
      attributes: true,
      attributeFilter: captures.includes('dead-clicks') ? undefined : ['open'],
    });
    listen('toggle', ({target, newState}) => {
      touch();
      if (newState == 'open' && target.popover) fire(target, 'open');
    });
    listen('submit', ({target}) => {
      touch();
      fire(target, 'submit');
    });
    listen('input', event => fire(event.target, 'first'));
  };

  const watch_clicks = () => {
    let before;
    const state = () => [changes, shown, location, getSelection()] + '';
    listen('focus', touch);
    listen('mousedown', () => before = state());
    listen('click', ({target}) => {
      if (ignores(target)) return;
      fire(target, 'first');
      const clicked = target.closest('button,a,[role=button]');
      if (!fire(target, 'click') && clicked) report('clicks', describe(clicked));
      const was = before;
      const silent = '[href],input,select,label,audio,video,canvas,:read-write';
      if (!target.closest(silent)) setTimeout(() => {
        if (state() == was) report('dead-clicks', describe(target));
      }, 1e3);
    });
  };

  const report_error = ({message, error, reason}) => {
    const cause = error || reason || {};
    message = message || reason && '' + reason;
    if (message && errors++ < 10) report('errors', {message, stack: cause.stack});
  };

  const start = () => {
    if (options.visit) common.visit = options.visit == 'tab' && session[VISIT] || uuid(Date.now());
    delete session[VISIT]; // a tab that this one opens begins with a copy of what is in it now
    listen('storage', ({key, newValue}) => newValue == null || finish(key, newValue));
    listen('error', report_error);
    listen('unhandledrejection', report_error);
    watch_page();
    watch_elements();
    watch_clicks();
    if (captures.includes('moves')) listen('pointermove', event => {
      points[performance.now() / 100 | 0] = [event.pageX | 0, event.pageY | 0];
      sampling = sampling || setTimeout(send_moves, 5e3);
    });
    open_page(document.referrer);
    schedule(GATHER);
  };

  const api = window[name] = {
    send: capture,
    push: args => capture(...args),
    with: properties => Object.assign(common, properties),
    flush,
    off: () => {
      finish_all('off');
      all_keys(PREFIX).map(drop);
      write(OFF, 1);
    },
    on: () => drop(OFF),
  };
  when_shown(start);
  if (early.map) early.map(api.push);
})();
