// The events a second of the last minutes, as bars.

const SVG = 'http://www.w3.org/2000/svg';
const LEFT = 36; // for the numbers of the grid
const BOTTOM = 20; // for the minutes
const MIN_BAR_PIXELS = 3;

function element(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// The next round number that is at least `value`, and half of which is round, too.
function nextRound(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map(step => step * power).find(step => step >= value);
}

const short = new Intl.NumberFormat('en', {notation: 'compact', maximumFractionDigits: 1});

export class Plot {
  constructor(place) {
    this.place = place;
    this.svg = element('svg', {role: 'img'});
    this.tip = document.createElement('div');
    this.tip.className = 'tip';
    this.tip.hidden = true;
    place.append(this.svg, this.tip);
    this.data = {now: Date.now(), stored: [], rejected: []};
    this.pointer = null; // where the mouse is, in pixels
    place.addEventListener('pointermove', event => {
      this.pointer = event.clientX - place.getBoundingClientRect().left;
      this.showTip();
    });
    place.addEventListener('pointerleave', () => {
      this.pointer = null;
      this.showTip();
    });
    new ResizeObserver(() => this.draw()).observe(place);
  }

  // `stored` and `rejected`: a number for each second, the last of them that of `now`.
  show(data) {
    this.data = data;
    this.draw();
  }

  // Gathers seconds into bars that are wide enough to be seen.
  bars(width) {
    const {stored, rejected} = this.data;
    const seconds = Math.max(1, Math.ceil(stored.length * MIN_BAR_PIXELS / width));
    const bars = [];
    for (let end = stored.length; end > 0; end -= seconds) {
      const begin = Math.max(0, end - seconds);
      const mean = list => list.slice(begin, end).reduce((sum, count) => sum + count, 0) / (end - begin);
      bars.unshift({begin, end, stored: mean(stored), rejected: mean(rejected)});
    }
    return bars;
  }

  draw() {
    const {width, height} = this.place.getBoundingClientRect();
    const inner = width - LEFT;
    if (inner <= 0 || this.data.stored.length === 0) return;
    const floor = height - BOTTOM;
    const bars = this.bars(inner);
    const top = nextRound(Math.max(4, ...bars.map(bar => bar.stored + bar.rejected)));
    this.scale = {bars, slot: inner / bars.length, floor};
    this.svg.replaceChildren(...this.grid(width, floor, top), ...this.minutes(inner, floor), ...this.shapes(top));
    const peak = Math.max(...this.data.stored);
    this.svg.setAttribute('aria-label', `Events stored a second over the last five minutes: at most ${peak}`);
    this.showTip();
  }

  grid(width, floor, top) {
    const lines = [];
    for (const share of [0, .5, 1]) {
      const y = Math.round(floor - share * (floor - 8));
      lines.push(element('line', {x1: LEFT, x2: width, y1: y, y2: y, class: share === 0 ? 'grid base' : 'grid'}));
      lines.push(element('text', {x: LEFT - 8, y: y + 4, 'text-anchor': 'end'}, short.format(share * top)));
    }
    return lines;
  }

  minutes(inner, floor) {
    const minutes = this.data.stored.length / 60;
    const labels = [];
    const step = inner < 480 ? 2 : 1;
    for (let ago = 0; ago <= minutes; ago += step) {
      const x = LEFT + inner * (1 - ago / minutes);
      const anchor = ago === minutes ? 'start' : ago === 0 ? 'end' : 'middle';
      const text = ago === 0 ? 'now' : `−${ago} min`;
      labels.push(element('text', {x, y: floor + 16, 'text-anchor': anchor}, text));
    }
    return labels;
  }

  shapes(top) {
    const {bars, slot, floor} = this.scale;
    const unit = (floor - 8) / top;
    const bar = Math.max(1, slot - 1);
    let stored = '';
    let rejected = '';
    bars.forEach((one, i) => {
      const x = (LEFT + i * slot).toFixed(2);
      const blue = one.stored === 0 ? 0 : Math.max(1.5, one.stored * unit);
      const red = one.rejected === 0 ? 0 : Math.max(1.5, one.rejected * unit);
      if (blue > 0) stored += `M${x} ${floor}v${-blue}h${bar}v${blue}z`;
      if (red > 0) rejected += `M${x} ${floor - blue}v${-red}h${bar}v${red}z`;
    });
    this.cursor = element('rect', {class: 'cursor', y: 0, width: slot, height: floor, visibility: 'hidden'});
    return [this.cursor, element('path', {class: 'bars-stored', d: stored}), element('path', {class: 'bars-rejected', d: rejected})];
  }

  showTip() {
    const place = this.scale && this.pointer !== null ? Math.floor((this.pointer - LEFT) / this.scale.slot) : -1;
    const bar = this.scale?.bars[place];
    this.tip.hidden = !bar;
    this.cursor?.setAttribute('visibility', bar ? 'visible' : 'hidden');
    if (!bar) return;
    const x = LEFT + place * this.scale.slot;
    this.cursor.setAttribute('x', x);
    const time = new Date(this.data.now - (this.data.stored.length - bar.end) * 1000).toLocaleTimeString();
    const rejected = bar.rejected > 0 ? ` · ${short.format(bar.rejected)} rejected` : '';
    this.tip.textContent = `${time} · ${short.format(bar.stored)} stored${rejected}`;
    this.tip.style.left = `${Math.min(Math.max(x, 90), this.place.clientWidth - 90)}px`;
  }
}
