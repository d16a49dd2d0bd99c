// The figures above the plot, and the answers to clients.
import {node} from './rows.js';

const RATE_SECONDS = 10;
const MEANINGS = {
  202: 'accepted', 204: 'preflight', 400: 'all rejected', 403: 'another site', 405: 'wrong method', 413: 'too large',
  415: 'unsupported type', 503: 'not stored, to be sent again',
};

const find = id => document.getElementById(id);
const number = new Intl.NumberFormat('en');

export function showFigures(counts) {
  const whole = counts.seconds.stored.slice(-RATE_SECONDS - 1, -1); // the present second is not over
  const rate = whole.reduce((sum, count) => sum + count, 0) / whole.length;
  find('rate').textContent = rate > 0 && rate < 10 ? rate.toFixed(1) : number.format(Math.round(rate));
  const rejected = Object.values(counts.codes).reduce((sum, count) => sum + count, 0);
  const notKept = counts.letters_not_kept > 0 ? ` + ${number.format(counts.letters_not_kept)} not kept` : '';
  find('total-stored').textContent = number.format(counts.events_stored);
  find('total-rejected').textContent = number.format(rejected);
  find('total-letters').textContent = number.format(counts.letters_kept) + notKept;
  find('total-queued').textContent = number.format(counts.events_queued);
  find('rejected-count').hidden = rejected === 0;
  find('rejected-count').textContent = number.format(rejected);
  showAnswers(counts.responses);
}

function showAnswers(responses) {
  const rows = Object.entries(responses).map(([status, count]) => node('li', {},
    node('span', {class: 'mono', text: status}), node('span', {class: 'quiet', text: MEANINGS[status] ?? ''}),
    node('span', {class: 'amount', text: number.format(count)})));
  find('answers').replaceChildren(...rows);
  find('answers-card').hidden = rows.length === 0;
}
