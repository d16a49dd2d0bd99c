// Rows of events and of dead letters, and their JSON as it came.

export function node(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === 'text') made.textContent = value;
    else if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

// JSON text over several lines and in colours. It is read as text, not as values: a number with more
// digits than JavaScript keeps is shown as it is stored.
export function json(text) {
  const tokens = text.match(TOKEN) ?? [];
  const out = node('pre', {class: 'json', tabindex: '0'});
  let depth = 0;
  const line = () => '\n' + '  '.repeat(depth);
  tokens.forEach((token, i) => {
    if ('{['.includes(token)) {
      const isEmpty = '}]'.includes(tokens[i + 1]);
      if (!isEmpty) ++depth;
      out.append(token, isEmpty ? '' : line());
    } else if ('}]'.includes(token)) {
      const isEmpty = '{['.includes(tokens[i - 1]);
      if (!isEmpty) --depth;
      out.append(isEmpty ? '' : line(), token);
    } else if (token === ',') {
      out.append(token, line());
    } else if (token === ':') {
      out.append(': ');
    } else {
      const kind = token[0] !== '"' ? (/^[-0-9]/.test(token) ? 'n' : 'w') : tokens[i + 1] === ':' ? 'k' : 's';
      out.append(node('span', {class: kind, text: token}));
    }
  });
  return out;
}

// Where a page that is plain HTTP has no clipboard, the text is selected and copied as a user would.
function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const place = node('textarea', {class: 'visually-hidden'});
  place.value = text;
  document.body.append(place);
  place.select();
  const isCopied = document.execCommand('copy');
  place.remove();
  return isCopied ? Promise.resolve() : Promise.reject();
}

// Copies the text, and says so on the button for a moment.
export function copyButton(label, text) {
  const button = node('button', {type: 'button', class: 'button', text: label});
  button.addEventListener('click', async event => {
    event.stopPropagation();
    const done = await copy(text).then(() => 'Copied', () => 'Cannot copy');
    button.textContent = done;
    setTimeout(() => { button.textContent = label; }, 1500);
  });
  return button;
}

function timeCell(milliseconds) {
  const time = new Date(milliseconds);
  const fraction = String(time.getMilliseconds()).padStart(3, '0');
  return node('td', {class: 'c-time', title: time.toISOString()}, time.toLocaleTimeString('en-GB'),
    node('span', {class: 'milliseconds', text: `.${fraction}`}));
}

// A row that opens and closes what `detail()` makes below it.
function expandable(row, button, columns, detail) {
  let below = null;
  const toggle = () => {
    if (below) below.remove();
    below = below ? null : node('tr', {class: 'detail'}, node('td', {colspan: columns}, ...detail()));
    if (below) row.after(below);
    row.classList.toggle('open', below !== null);
    button.setAttribute('aria-expanded', String(below !== null));
  };
  button.setAttribute('aria-expanded', 'false');
  button.addEventListener('click', event => {
    event.stopPropagation();
    toggle();
  });
  row.addEventListener('click', toggle);
  return row;
}

function pathOf(url) {
  const parsed = URL.canParse?.(url) ? new URL(url) : null;
  return parsed ? parsed.pathname + parsed.search + parsed.hash : url;
}

// Of the properties that say something: a visit is a random id.
function summary(properties) {
  return Object.entries(properties).filter(([key]) => key !== 'visit').slice(0, 6).map(([key, value]) =>
    node('span', {class: 'property'}, node('b', {text: key}), typeof value === 'string' ? value : JSON.stringify(value)));
}

// `event`: {text, value}, the line and what it says. `filter({name})` or `filter({visit})` is asked to show no others.
export function storedRow(event, filter) {
  const {event: name, url, properties, server_time: time} = event.value;
  const button = node('button', {type: 'button', class: 'open-button'}, node('span', {class: 'name', text: name}));
  const row = node('tr', {class: 'row'}, timeCell(time), node('td', {class: 'c-name', title: name}, button),
    node('td', {class: 'c-properties'}, ...summary(properties)),
    node('td', {class: 'c-url', title: url ?? '', text: url ? pathOf(url) : ''}));
  return expandable(row, button, 4, () => {
    const only = (what, change) => node('button', {type: 'button', class: 'button', text: `Show only this ${what}`, onclick: () => filter(change)});
    const actions = node('div', {class: 'actions'}, copyButton('Copy JSON', event.text), only('name', {name}));
    if (typeof properties.visit === 'string') actions.append(only('visit', {visit: properties.visit}));
    return [json(event.text), actions];
  });
}

// What was sent: the text of it, or its bytes where it is not text.
function rawOf(letter) {
  return letter.raw ?? `(base64) ${letter.raw_base64 ?? ''}`;
}

// The event that was rejected, or null where what was sent is no JSON.
export function sentEvent(letter) {
  try {
    return JSON.parse(letter.raw);
  } catch {
    return null;
  }
}

export function rejectedRow(letter) {
  const {code, pointer, message, server_time: time} = letter.value;
  const button = node('button', {type: 'button', class: 'open-button'}, node('span', {class: 'code', text: code}));
  const raw = rawOf(letter.value);
  const row = node('tr', {class: 'row rejected'}, timeCell(time), node('td', {class: 'c-code'}, button),
    node('td', {class: 'c-message', title: message}, ...(pointer ? [node('span', {class: 'pointer', text: pointer})] : []), message),
    node('td', {class: 'c-copy'}, copyButton('Copy', raw)));
  return expandable(row, button, 4, () => [
    node('pre', {class: 'json', tabindex: '0', text: raw}),
    node('div', {class: 'actions'}, copyButton('Copy what was sent', raw), copyButton('Copy dead letter', letter.text)),
  ]);
}
