// "Check an event": what the server would answer, without storing anything.
import {json, node} from './rows.js';

function faultItem({index, code, pointer, message}) {
  return node('li', {}, node('span', {class: 'code', text: code}), ' ',
    node('span', {class: 'pointer', text: `${index}${pointer}`}), message);
}

function verdictText({status, accepted}, faults) {
  const events = count => `${count} ${count === 1 ? 'event' : 'events'}`;
  if (faults.length === 0 && status === 202) return `202 · ${events(accepted)} would be stored`;
  if (status === 202) return `202 · ${events(accepted)} would be stored, ${faults.length} rejected`;
  return `${status} · nothing would be stored`;
}

function show(place, verdict) {
  const faults = verdict.answer?.rejected ?? [];
  const isGood = verdict.status === 202 && faults.length === 0;
  const parts = [node('p', {class: `verdict ${isGood ? 'good' : 'bad'}`, text: verdictText(verdict, faults)})];
  if (faults.length > 0) parts.push(node('ul', {class: 'faults'}, ...faults.map(faultItem)));
  else if (verdict.answer) parts.push(node('p', {class: 'faults', text: `${verdict.answer.code}: ${verdict.answer.detail}`}));
  parts.push(...verdict.lines.map(json));
  place.replaceChildren(...parts);
}

// `send(path, options)` is fetch with the page's token.
export function watchCheckForm(send) {
  const place = document.getElementById('verdict');
  document.getElementById('check-form').addEventListener('submit', async event => {
    event.preventDefault();
    const body = new Blob([document.getElementById('check-text').value]);
    try {
      const response = await send('live/check', {method: 'POST', body});
      if (!response.ok) throw new Error(await response.text());
      const [verdict, ...lines] = (await response.text()).trimEnd().split('\n');
      show(place, {...JSON.parse(verdict), lines});
    } catch (error) {
      place.replaceChildren(node('p', {class: 'verdict bad', text: error.message}));
    }
  });
}
