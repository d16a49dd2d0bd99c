// The client's rules about time, storage and answers, in a browser that is a few objects with a clock of its own.
//
//   node --test client_rules.js      or, as ctest does, client_rules.py
//
// What depends on real browsers is tested in ../system.
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');
const vm = require('node:vm');

const CLIENT = fs.readFileSync(path.join(__dirname, '../../src/client/client.min.js'), 'utf8');
const START = Date.UTC(2026, 10, 29);
const DAY = 24 * 3600 * 1000;

// What the pages of one visitor share: time, storage and the server.
class Browser {
  constructor() {
    this.now = START;
    this.timers = [];
    this.pages = [];
    this.stored = {};
    this.max_stored_characters = Infinity;
    this.requests = [];
    this.answer = () => ({status: 202}); // or a promise of it
    this.held = new Set(); // Web Locks
  }

  // The time goes on, and promises are settled before each timer.
  async advance(milliseconds) {
    const end = this.now + milliseconds;
    for (;;) {
      await settled();
      const due = this.timers.filter(timer => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.timers.splice(this.timers.indexOf(due), 1);
      this.now = Math.max(this.now, due.at);
      due.action();
    }
    this.now = end;
  }

  // The names of the events in each request so far.
  sent() {
    return this.requests.map(({body}) => names_in(body));
  }
}

// In alphabetical order: those of one millisecond come in any.
const names_in = body => JSON.parse(body).batch.map(({event}) => event).sort();

const settled = () => new Promise(resolve => setImmediate(resolve));

// A promise that a test resolves.
const answered_later = () => {
  let answer;
  const promise = new Promise(resolve => answer = resolve);
  return {promise, answer};
};

class Page {
  constructor(browser, {dataset = {}, locks = true, keepalive = true, early, ...more} = {}) {
    this.browser = browser;
    this.handlers = [];
    this.warnings = [];
    this.logged = [];
    this.beacons = [];
    browser.pages.push(this);
    const nothing = class { observe() {} };
    const window = {
      AbortSignal: {}, Blob, IntersectionObserver: nothing, MutationObserver: nothing,
      Request: keepalive ? class { get keepalive() {} } : class {},
      Date: {now: () => browser.now},
      addEventListener: (type, action) => this.handlers.push({type, action}),
      clearTimeout: id => browser.timers = browser.timers.filter(timer => timer.id != id),
      console: {
        log: (...words) => this.logged.push(words.join(' ')),
        warn: (...words) => this.warnings.push(words.join(' ')),
      },
      document: {
        currentScript: {dataset, src: 'https://shop.example/events/client.js'}, documentElement: {scrollHeight: 1000},
        hidden: false, title: 'Title', referrer: '', querySelectorAll: () => [],
      },
      fetch: (url, options) => this.fetch(url, options),
      getSelection: () => '', history: {pushState() {}, replaceState() {}},
      innerHeight: 500, innerWidth: 800, scrollY: 0,
      localStorage: this.storage(), sessionStorage: {},
      location: {href: 'https://shop.example/'},
      navigator: {
        locks: locks ? {request: (name, options, action) => this.lock(name, action)} : undefined,
        sendBeacon: (url, body) => this.beacons.push(names_in(body)),
        ...more.navigator,
      },
      performance: {now: () => browser.now - START},
      setTimeout: (action, delay = 0) => this.timer(action, delay),
      eventcollect: early,
    };
    window.self = window.window = window;
    this.window = window;
    vm.runInContext(CLIENT, vm.createContext(window));
    this.client = window[dataset.global || 'eventcollect'];
  }

  timer(action, delay) {
    const id = Math.random();
    this.browser.timers.push({id, at: this.browser.now + delay, action, page: this});
    return id;
  }

  // localStorage: other pages are told of each change.
  storage() {
    const tell = (key, newValue) => this.browser.pages.filter(page => page != this)
      .forEach(page => page.dispatch('storage', {key, newValue}));
    return new Proxy(this.browser.stored, {
      set: (stored, key, value) => {
        const length = Object.entries({...stored, [key]: '' + value}).flat().join('').length;
        if (length > this.browser.max_stored_characters) throw new Error('QuotaExceededError');
        stored[key] = '' + value;
        tell(key, stored[key]);
        return true;
      },
      deleteProperty: (stored, key) => {
        if (key in stored) tell(key, null);
        return delete stored[key];
      },
    });
  }

  async lock(name, action) {
    if (this.browser.held.has(name)) return action(null);
    this.browser.held.add(name);
    try {
      return await action({name});
    } finally {
      this.browser.held.delete(name);
    }
  }

  async fetch(url, {body, keepalive}) {
    const request = {url, body, keepalive, events: JSON.parse(body).batch};
    this.browser.requests.push(request);
    const {status, text = '', headers = {}} = await this.browser.answer(request);
    return {status, headers: {get: name => headers[name] || null}, text: async () => text};
  }

  dispatch(type, event = {}) {
    this.handlers.filter(handler => handler.type == type).forEach(({action}) => action(event));
  }

  // Returns where the verdict will be once there is one.
  send(name, properties) {
    const fate = {};
    this.client.send(name, properties).then(verdict => Object.assign(fate, verdict));
    return fate;
  }

  hide() {
    this.window.document.hidden = true;
    this.dispatch('visibilitychange');
  }

  show() {
    this.window.document.hidden = false;
    this.dispatch('visibilitychange');
  }

  // Its timers end with it.
  close() {
    this.hide();
    this.dispatch('pagehide', {persisted: false});
    this.browser.timers = this.browser.timers.filter(({page}) => page != this);
    this.browser.pages = this.browser.pages.filter(page => page != this);
  }
}

const UNAVAILABLE = {status: 503, text: '{"code":"sink.unavailable"}', headers: {'Retry-After': '20'}};
const text_of = bytes => ({text: 'x'.repeat(bytes)});

for (const locks of [true, false]) {
  const how = locks ? 'with Web Locks' : 'without Web Locks';

  test(`Retry-After holds for what is captured during the request, ${how}`, async () => {
    const browser = new Browser();
    const page = new Page(browser, {locks});
    const {promise, answer} = answered_later();
    browser.answer = () => promise;
    page.send('first');
    await browser.advance(1000);
    page.send('meanwhile');
    await browser.advance(1000);
    answer(UNAVAILABLE);
    await browser.advance(19000);
    assert.deepEqual(browser.sent(), [['first']]);
    browser.answer = () => ({status: 202});
    await browser.advance(4000);
    assert.deepEqual(browser.sent(), [['first'], ['first', 'meanwhile']]);
    assert.deepEqual(browser.stored, {});
  });

  test(`Retry-After holds for other tabs and the next page, ${how}`, async () => {
    const browser = new Browser();
    const page = new Page(browser, {locks});
    const other = new Page(browser, {locks});
    browser.answer = () => UNAVAILABLE;
    page.send('first');
    await browser.advance(1000);
    assert.equal(browser.requests.length, 1);
    other.send('of another tab');
    page.close(); // sends once more, as nothing else may come after
    const at_leaving = browser.requests.length;
    new Page(browser, {locks});
    await browser.advance(15000);
    assert.equal(browser.requests.length, at_leaving);
    browser.answer = () => ({status: 202});
    await browser.advance(10000);
    assert.deepEqual(browser.sent().slice(at_leaving), [['first', 'of another tab']]);
    assert.deepEqual(browser.stored, {});
  });

  test(`a tab that is closed or switched off leaves the lease of another, ${how}`, async () => {
    const browser = new Browser();
    const [page, leaving, silenced] = [1, 2, 3].map(() => new Page(browser, {locks}));
    browser.answer = () => new Promise(() => {});
    page.send('first');
    await browser.advance(1000);
    const lease = browser.stored['eventcollect.lease'];
    assert.ok(lease);
    leaving.window.navigator.sendBeacon = () => {};
    leaving.dispatch('pagehide');
    assert.equal(browser.stored['eventcollect.lease'], lease);
    silenced.client.off();
    assert.equal(browser.stored['eventcollect.lease'], lease);
    page.close();
    assert.equal(browser.stored['eventcollect.lease'], undefined);
  });
}

test('failures double what the wait is drawn from, up to 64 s', async () => {
  const browser = new Browser();
  const times = [];
  browser.answer = () => {
    times.push(browser.now);
    throw new Error('offline');
  };
  const page = new Page(browser);
  page.send('waiting');
  await browser.advance(1200 * 1000);
  const waits = times.slice(1).map((time, i) => time - times[i]);
  waits.forEach((wait, i) => assert.ok(wait <= 1000 * 2 ** Math.min(6, i) + 1000, `${wait} ms after ${i + 1} failures`));
  assert.ok(Math.max(...waits) > 10000, `at most ${Math.max(...waits)} ms`);
});

test('after an event that is too large batches are full again', async () => {
  const browser = new Browser();
  browser.answer = ({body}) => ({status: body.length > 50000 ? 413 : 202});
  const page = new Page(browser);
  const fates = ['a', 'b', 'c'].map(name => page.send(name));
  const large = page.send('large', text_of(60000));
  await browser.advance(2000);
  assert.deepEqual(large, {code: 'body.too_large'});
  fates.forEach(fate => assert.deepEqual(fate, {accepted: true}));
  const before = browser.requests.length;
  for (let n = 0; n < 100; n++) page.send('small');
  await browser.advance(2000);
  assert.equal(browser.requests.length, before + 1);
});

test('an event is dropped when it is a day old, which its sender and the console are told', async () => {
  const browser = new Browser();
  browser.answer = () => ({status: 500});
  const page = new Page(browser);
  const fate = page.send('old');
  await browser.advance(DAY - 1000);
  assert.deepEqual(fate, {});
  await browser.advance(70 * 1000);
  assert.deepEqual(fate, {code: 'queue.expired'});
  assert.match(page.warnings.join(), /queue\.expired.*"old"/);
  assert.equal(Object.keys(browser.stored).filter(key => key.includes('queue')).length, 0);
});

test('an event beyond a million queued characters is dropped, which its sender is told', async () => {
  const browser = new Browser();
  browser.answer = () => ({status: 500});
  const page = new Page(browser);
  const fates = [];
  for (let n = 0; n < 25; n++) fates.push(page.send('bulky', text_of(50000)));
  await browser.advance(2000);
  assert.equal(fates.filter(({code}) => code == 'queue.full').length, 6);
  browser.answer = () => ({status: 202});
  await browser.advance(10000);
  assert.equal(fates.filter(({accepted}) => accepted).length, 19);
});

test('where the site has filled localStorage, events wait in memory', async () => {
  const browser = new Browser();
  browser.stored.site = 'x'.repeat(1000);
  browser.max_stored_characters = 1000;
  const page = new Page(browser);
  browser.answer = () => ({status: 500});
  const fate = page.send('kept');
  await browser.advance(1000);
  browser.answer = () => ({status: 202});
  await browser.advance(5000);
  assert.deepEqual(fate, {accepted: true});
  page.send('left');
  page.close();
  await settled();
  assert.deepEqual(browser.sent().pop(), ['left']);
  assert.deepEqual(Object.keys(browser.stored), ['site']);
});

test('one large event does not keep the others from being sent as the page is left', async () => {
  const browser = new Browser();
  const page = new Page(browser);
  page.send('before');
  page.send('large', text_of(70000));
  page.send('after');
  page.close();
  await settled();
  assert.deepEqual(browser.sent().flat().sort(), ['after', 'before']);
});

test('the requests of a page that is hidden again share 64 KiB until they are answered', async () => {
  const browser = new Browser();
  const page = new Page(browser);
  const {promise, answer} = answered_later();
  browser.answer = () => promise;
  page.send('first', text_of(40000));
  page.hide();
  page.window.document.hidden = false;
  page.send('second', text_of(40000));
  page.hide();
  assert.deepEqual(browser.sent(), [['first']]);
  answer({status: 202});
  await settled();
  page.hide();
  assert.deepEqual(browser.sent(), [['first'], ['second']]);
});

test('an event of the millisecond in which the page was left is sent, and no event twice', async () => {
  const browser = new Browser();
  const page = new Page(browser);
  browser.answer = () => new Promise(() => {});
  page.dispatch('pagehide', {persisted: true});
  for (let n = 0; n < 50; n++) page.send('late');
  assert.deepEqual(browser.sent(), Array(50).fill(['late']));
});

test('a browser without keepalive sends a beacon', async () => {
  const browser = new Browser();
  const page = new Page(browser, {keepalive: false});
  page.send('first');
  page.send('second');
  page.close();
  assert.deepEqual(page.beacons, [['first', 'second']]);
  assert.deepEqual(browser.sent(), []);
  new Page(browser);
  await browser.advance(1000);
  assert.deepEqual(browser.sent(), [['first', 'second']]);
});

const STOPS = [[400, ''], [400, '{"code":"json.malformed"}'], [403, '{"code":"origin.rejected"}'], [404, '<h1>'], [415, '']];

for (const [status, text] of STOPS) {
  test(`${status} ${text || 'with an empty body'} stops the page and keeps the event`, async () => {
    const browser = new Browser();
    browser.answer = () => ({status, text});
    const page = new Page(browser);
    const [first, second] = [page.send('first'), {}];
    await browser.advance(1000);
    assert.deepEqual(first, {code: `http.${status}`});
    assert.equal(page.warnings.length, 1);
    Object.assign(second, await page.client.send('second'));
    assert.deepEqual(second, {code: `http.${status}`});
    page.hide();
    await browser.advance(100000);
    assert.equal(browser.requests.length, 1);
    browser.answer = () => ({status: 202});
    new Page(browser);
    await browser.advance(1000);
    assert.deepEqual(browser.sent().pop(), ['first', 'second']);
  });
}

test('400 with a list is a verdict on each event', async () => {
  const browser = new Browser();
  browser.answer = () => ({status: 400, text: '{"rejected":[{"index":0,"code":"event.length"}]}'});
  const page = new Page(browser);
  const fate = page.send('');
  await browser.advance(1000);
  assert.deepEqual(fate, {code: 'event.length'});
});

test('data-dnt obeys Do-Not-Track and Global Privacy Control, and only where it is set', async () => {
  const wishes = [{doNotTrack: '1'}, {globalPrivacyControl: true}, {doNotTrack: '0', globalPrivacyControl: false}];
  for (const navigator of wishes) {
    for (const dataset of [{dnt: ''}, {}]) {
      const browser = new Browser();
      const page = new Page(browser, {dataset: {...dataset, capture: 'pages'}, navigator});
      const fate = page.send('sent');
      await browser.advance(1000);
      const obeys = 'dnt' in dataset && navigator.doNotTrack != '0';
      assert.deepEqual(fate, obeys ? {code: 'off'} : {accepted: true});
      assert.equal(browser.requests.length, obeys ? 0 : 1);
    }
  }
});

test('data-global names the variable', () => {
  const page = new Page(new Browser(), {dataset: {global: 'shop'}});
  assert.equal(typeof page.window.shop.send, 'function');
  assert.equal(page.window.eventcollect, undefined);
});

test('off() resolves what another tab waits for', async () => {
  const browser = new Browser();
  browser.answer = () => ({status: 500});
  const [page, other] = [new Page(browser), new Page(browser)];
  const fate = other.send('pending');
  await browser.advance(1000);
  page.client.off();
  await settled();
  assert.deepEqual(fate, {code: 'off'});
  page.client.on();
  assert.deepEqual(Object.keys(browser.stored).filter(key => key.includes('queue')), []);
});

test('an early entry that is no array loses none of those behind it', async () => {
  const browser = new Browser();
  const page = new Page(browser, {early: [undefined, ['early', {n: 1}]]});
  page.client.push(undefined);
  await browser.advance(1000);
  assert.deepEqual(browser.sent(), [['early', undefined, undefined]]);
});

test('debug logs a link to the events of the visit on the live page', () => {
  const page = new Page(new Browser(), {dataset: {debug: 'http://127.0.0.1:8081/live', visit: 'page'}});
  assert.match(page.logged[0], /^http:\/\/127\.0\.0\.1:8081\/live#visit=[0-9a-f-]{36}$/);
});

test('an anchor is no page, a route is', async () => {
  const browser = new Browser();
  const page = new Page(browser, {dataset: {capture: 'pages'}});
  for (const address of ['#', '#top', '#/cart', '#/cart/2', '#!sale', '', '?q=1', '?q=1#x']) {
    page.window.location.href = 'https://shop.example/' + address;
    page.dispatch('popstate');
    await browser.advance(1); // they are sent in the order of their milliseconds
  }
  await browser.advance(1000);
  const pages = browser.requests[0].events.map(({url}) => url.replace('https://shop.example/', ''));
  assert.deepEqual(pages, ['', '#/cart', '#/cart/2', '#!sale', '', '?q=1']);
});

test('what was read of a view is measured before the next one is laid out', async () => {
  const browser = new Browser();
  const page = new Page(browser, {dataset: {capture: 'read'}});
  const {window} = page;
  window.scrollY = 200;
  window.history.pushState(null, '', '/next');
  window.location.href = 'https://shop.example/next';
  window.document.documentElement.scrollHeight = 500;
  await browser.advance(1000);
  const [read] = browser.requests[0].events;
  assert.deepEqual([read.properties.depth, read.url], [70, 'https://shop.example/']);
});
