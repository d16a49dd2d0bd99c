// The live page: asks the server for what is new, and shows it.
import {watchCheckForm} from './check.js';
import {showFigures} from './figures.js';
import {Plot} from './plot.js';
import {node, rejectedRow, sentEvent, storedRow} from './rows.js';

const MAX_KEPT = {stored: 1000, rejected: 200};
const MAX_ROWS = 200;
const POLL_MILLISECONDS = 1000;
const RETRY_MILLISECONDS = 2000;
const TIMEOUT_MILLISECONDS = 10000;
const SAY_MILLISECONDS = 5000; // a screen reader is not told of each event

const find = id => document.getElementById(id);
const number = new Intl.NumberFormat('en');
const plot = new Plot(find('plot'));

const lists = {stored: [], rejected: []}; // {text, value}, the newest first
const filter = {name: null, text: '', visit: null};
let token = kept('token');
let cursor = '';
let started = null;
let isPaused = false;
let unseen = 0; // events that came while it is paused
let missed = {stored: 0, rejected: 0};
let state = {name: 'waiting', text: 'Connecting'};
let unsaid = {stored: 0, rejected: 0};
let timer = null;
let isAsking = false;

function send(path, options = {}) {
  const headers = token ? {Authorization: `Bearer ${token}`} : {};
  const signal = AbortSignal.timeout?.(TIMEOUT_MILLISECONDS);
  return fetch(path, {...options, headers, signal, cache: 'no-store', credentials: 'omit'});
}

// A tab's storage, which a browser may withhold.
function kept(key) {
  try {
    return sessionStorage.getItem(key) ?? '';
  } catch {
    return '';
  }
}

function keep(key, value) {
  try {
    sessionStorage.setItem(key, value);
  } catch { /* it is asked for again after a reload */ }
}

// --- Asking

async function poll() {
  timer = null;
  isAsking = true;
  const wait = await ask();
  isAsking = false;
  if (wait !== null) pollIn(wait);
}

// One question at a time, and none from a page that is not looked at.
function pollIn(milliseconds) {
  if (timer === null && !isAsking && !document.hidden) timer = setTimeout(poll, milliseconds);
}

// Asks once. Returns when to ask again, or null where a token is needed.
async function ask() {
  try {
    const response = await send('live/events' + (cursor ? `?after=${cursor}` : ''));
    const text = await response.text();
    if (response.status === 401) return askForToken();
    if (!response.ok) throw new Error(text);
    return take(text.trimEnd().split('\n')) ? POLL_MILLISECONDS : 0;
  } catch (error) {
    const isReached = !(error instanceof TypeError || error.name === 'TimeoutError');
    setState('down', isReached ? error.message : 'The server cannot be reached');
    return RETRY_MILLISECONDS;
  }
}

// False where the lines are of another process than the cursor that they were asked for with.
function take(lines) {
  const counts = JSON.parse(lines.pop());
  const isFirst = counts.started !== started;
  if (isFirst && cursor) {
    cursor = '';
    return false;
  }
  if (isFirst) {
    lists.stored = [];
    lists.rejected = [];
    missed = {stored: 0, rejected: 0};
    started = counts.started;
  }
  cursor = counts.cursor;
  const parsed = lines.map(text => ({text, value: JSON.parse(text)}));
  const fresh = {stored: parsed.slice(0, counts.stored), rejected: parsed.slice(counts.stored)};
  for (const kind of ['stored', 'rejected']) {
    lists[kind] = [...fresh[kind], ...lists[kind]].slice(0, MAX_KEPT[kind]);
    if (isFirst) continue; // what passed before the page was opened is neither news nor missed
    unsaid[kind] += fresh[kind].length;
    missed[kind] += counts.missed[kind];
  }
  showFigures(counts);
  showMissed();
  plot.show({now: counts.now, ...counts.seconds});
  showNames(counts);
  if (isPaused) unseen += parsed.length;
  else if (isFirst) showAllRows();
  else addRows(fresh);
  showPause();
  setState(counts.ready ? 'live' : 'down', counts.ready ? 'Live' : 'The sink is failing: events get 503');
  return true;
}

function showMissed() {
  const counts = Object.entries(missed).filter(([, count]) => count > 0).map(([kind, count]) => `${number.format(count)} ${kind}`);
  find('missed').hidden = counts.length === 0;
  find('missed').textContent = `Not listed: ${counts.join(' and ')}, which came too fast or while this page was hidden.`;
}

// --- Names

function showNames({names, other_names: others, unnamed}) {
  const sorted = Object.entries(names).sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
  const most = sorted[0]?.[1] ?? 1;
  const list = find('names');
  const rows = new Map([...list.children].map(row => [row.dataset.name, row]));
  const wanted = sorted.slice(0, 12).map(([name, count]) => {
    const row = rows.get(name) ?? nameRow(name);
    row.querySelector('button').setAttribute('aria-pressed', String(filter.name === name));
    row.querySelector('.share').style.width = `${100 * count / most}%`;
    row.querySelector('.amount').textContent = number.format(count);
    return row;
  });
  // Rows that are where they belong stay, so that a button keeps the focus.
  wanted.forEach((row, i) => {
    if (list.children[i] !== row) list.insertBefore(row, list.children[i] ?? null);
  });
  while (list.children.length > wanted.length) list.lastChild.remove();
  const left = others + sorted.slice(12).reduce((sum, [, count]) => sum + count, 0);
  const notes = [];
  if (left > 0) notes.push(`${number.format(left)} of other names.`);
  if (unnamed > 0) notes.push(`${number.format(unnamed)} passed uncounted while nobody looked.`);
  find('names-note').textContent = notes.join(' ') || (sorted.length > 0
    ? 'Counted since the server started. Choose a name to see only its events.' : 'No event yet.');
}

function nameRow(name) {
  const choose = () => setFilter({name: filter.name === name ? null : name});
  const row = node('li', {}, node('button', {type: 'button', title: name, onclick: choose},
    node('span', {class: 'share'}), node('span', {class: 'name-text', text: name}), node('span', {class: 'amount'})));
  row.dataset.name = name;
  return row;
}

// --- Rows

const kinds = {
  stored: {body: find('rows-stored'), empty: find('empty-stored'), row: event => storedRow(event, setFilter)},
  rejected: {body: find('rows-rejected'), empty: find('empty-rejected'), row: rejectedRow},
};

function isWanted(kind, {text, value}) {
  if (filter.text && !text.toLowerCase().includes(filter.text)) return false;
  if (!filter.name && !filter.visit) return true;
  const event = kind === 'stored' ? value : sentEvent(value);
  return (!filter.name || event?.event === filter.name) && (!filter.visit || event?.properties?.visit === filter.visit);
}

function addRows(fresh) {
  for (const [kind, {body, row}] of Object.entries(kinds)) {
    const rows = fresh[kind].filter(event => isWanted(kind, event)).slice(0, MAX_ROWS).map(row);
    for (const one of rows) one.classList.add('fresh');
    body.prepend(...rows);
    while (body.rows.length > MAX_ROWS) body.lastChild.remove();
  }
  showEmpty();
}

function showAllRows() {
  for (const [kind, {body, row}] of Object.entries(kinds)) {
    body.replaceChildren(...lists[kind].filter(event => isWanted(kind, event)).slice(0, MAX_ROWS).map(row));
  }
  unseen = 0;
  showEmpty();
}

function showEmpty() {
  for (const {body, empty} of Object.values(kinds)) {
    empty.hidden = body.rows.length > 0;
    body.parentElement.tHead.hidden = !empty.hidden;
  }
  const isFiltered = lists.stored.length > 0;
  find('empty-title').textContent = isFiltered ? 'No event like this yet' : 'Waiting for the first event';
  find('empty-hint').hidden = isFiltered;
}

// --- Filters, pause, state

function setFilter(change) {
  Object.assign(filter, change);
  const chips = [];
  if (filter.name) chips.push(chip(filter.name, 'name'));
  if (filter.visit) chips.push(chip(`only visit ${filter.visit.slice(0, 13)}`, 'visit'));
  find('chips').replaceChildren(...chips);
  find('chips').hidden = chips.length === 0;
  for (const row of find('names').children) {
    row.querySelector('button').setAttribute('aria-pressed', String(row.dataset.name === filter.name));
  }
  showAllRows();
}

function chip(text, key) {
  return node('button', {type: 'button', class: 'chip', 'aria-label': `Remove the filter: ${text}`, onclick: () => setFilter({[key]: null})}, text);
}

// "/live#visit=…" shows what one visitor does: the link of a page that sends a visit with its events.
function readFragment() {
  setFilter({visit: new URLSearchParams(location.hash.slice(1)).get('visit')});
}

function setPaused(paused) {
  isPaused = paused;
  if (!isPaused) showAllRows();
  showPause();
  showState();
}

function showPause() {
  find('pause').textContent = !isPaused ? 'Pause' : unseen > 0 ? `Resume · ${number.format(unseen)} new` : 'Resume';
  find('pause').setAttribute('aria-pressed', String(isPaused));
}

function setState(name, text) {
  state = {name, text};
  showState();
}

function showState() {
  const isHeld = isPaused && state.name === 'live';
  find('state').dataset.state = isHeld ? 'waiting' : state.name;
  find('state-text').textContent = isHeld ? 'Paused' : state.text;
}

function askForToken() {
  setState('waiting', 'A token is needed');
  find('token-wrong').hidden = token === '';
  find('token-form').hidden = false;
  find('content').hidden = true;
  find('token').focus();
  return null;
}

function selectTab(kind) {
  for (const one of Object.keys(kinds)) {
    const isSelected = one === kind;
    find(`tab-${one}`).setAttribute('aria-selected', String(isSelected));
    find(`tab-${one}`).tabIndex = isSelected ? 0 : -1;
    find(`panel-${one}`).hidden = !isSelected;
  }
}

function say() {
  const {stored, rejected} = unsaid;
  if (stored + rejected > 0) find('said').textContent = `${stored} new events stored, ${rejected} rejected`;
  unsaid = {stored: 0, rejected: 0};
}

// --- Wiring

for (const kind of Object.keys(kinds)) {
  find(`tab-${kind}`).addEventListener('click', () => selectTab(kind));
  find(`tab-${kind}`).addEventListener('keydown', event => {
    if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
    const other = kind === 'stored' ? 'rejected' : 'stored';
    selectTab(other);
    find(`tab-${other}`).focus();
  });
}
find('pause').addEventListener('click', () => setPaused(!isPaused));
find('search').addEventListener('input', () => setFilter({text: find('search').value.trim().toLowerCase()}));
find('token-form').addEventListener('submit', event => {
  event.preventDefault();
  token = find('token').value.trim();
  keep('token', token);
  find('token-form').hidden = true;
  find('content').hidden = false;
  poll();
});
document.addEventListener('keydown', event => {
  if (event.target.closest('input, textarea') || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === 'p') setPaused(!isPaused);
  if (event.key !== '/') return;
  event.preventDefault();
  find('search').focus();
});
document.addEventListener('visibilitychange', () => pollIn(0));
window.addEventListener('hashchange', readFragment);
setInterval(say, SAY_MILLISECONDS);

if (document.referrer) find('demo-page').href = document.referrer;
watchCheckForm(send);
readFragment();
poll();
