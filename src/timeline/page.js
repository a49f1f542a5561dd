// The page's script. It shows what is in the element `trace` and makes no requests. Text
// from the trace is only ever set as text.

const LOOP = 1, REFUSED = 2;
// A canvas can be only so tall. The sums are of all.
const CLIENTS_MAX = 200;
const COLORS = {
  poll: '#dfe6ee', note: '#8e9aa8', turns: '#b9c8f2', accept: '#b07cd8', tend: '#c9a27a',
  expiry: '#9c6bb3', answer: '#f2b84b', write: '#3f9d6b', 'send file': '#2f7fd0',
  read: '#e08742', finish: '#7a6ad8', connected: '#e4f3ea', lingering: '#eadcf5', get: '#cfe3f8',
  'waiting for the peer': '#eee3bd', refused: '#d64545', failed: '#b00020', turn: '#7d95e0',
  full: '#b8972f',
};
const WORDS = {
  poll: 'The loop waited in epoll_wait until the kernel had something to say, or until the next ' +
    'deadline. If turns were queued it only looked, and did not wait.',
  note: 'The events were noted: for each, two bits of what the kernel said. No other work is ' +
    'done in this pass, so a key never means two peers.',
  turns: 'Everybody whose turn it was had one, the longest waiting first.',
  accept: 'Newcomers were taken from the queue of the listening socket, after the turns, so that ' +
    'a berth freed just now was free for them.',
  tend: 'The journal and this trace were written.',
  expiry: 'A deadline has passed: a connection gets a turn although no event came.',
  answer: 'Requests were taken from what was read, and the answers queued. Nothing is sent here.',
  write: 'Queued bytes were handed to the kernel in one write.',
  'send file': 'A piece of a file went from the page cache to the socket with sendfile.',
  read: 'What the peer had sent was read.',
  'read the end': 'The peer has closed its side: it will say no more.',
  'write would block': 'The kernel takes no more for this peer. An event will tell when it does; ' +
    'until then nothing is tried, and all others are served.',
  'read would block': 'The peer has said nothing more. An event will tell when it does.',
  finish: 'All is sent, and the peer is told that no more will come (FIN).',
  failed: 'An operation failed, or was interrupted and is tried again.',
  connected: 'A client held a berth.',
  lingering: 'The berth is free again; the peer has a moment to read the last line and close.',
  'waiting for the peer': 'Back-pressure: bytes are owed, the kernel takes no more of them, and ' +
    'the peer has to read before anything can go on. It costs the loop nothing.',
  refused: 'A newcomer for whom there was no berth: it is told so in one line.',
};

// What the colours are, in the order in which a visit goes.
const LEGEND = [['waiting for events', 'poll'], ['a stay', 'connected'], ['a turn', 'turn'],
  ['read', 'read'], ['answer', 'answer'], ['write', 'write'], ['a download', 'get'],
  ['send file', 'send file'], ['would block', 'full'],
  ['waiting for the peer', 'waiting for the peer'], ['lingering', 'lingering'],
  ['accept', 'accept'], ['refused', 'refused'], ['failed', 'failed']];
// How counters are called, and what their numbers are.
const COUNTERS = {
  'run queue': ['turns due', n => n.toLocaleString('en')],
  clients: ['clients', n => n.toLocaleString('en')],
  // A file waits in the page cache until it is sent, so its bytes are no part of this.
  'queued bytes': ['answers in memory', n => bytes(n)],
};

const events = JSON.parse(document.getElementById('trace').textContent);
const tracks = new Map();
const counters = new Map();
let end = 0;
let program = 'berthd', file = 'a trace', started = '';

function track(id) {
  if (!tracks.has(id)) {
    tracks.set(id, { id, name: id === LOOP ? 'the loop' : 'track ' + id, spans: [], open: [] });
  }
  return tracks.get(id);
}

function load() {
  for (const e of events) {
    if (e.ph === 'M') {
      if (e.name === 'process_name') program = e.args.name;
      else if (e.name === 'file') file = e.args.name;
      else if (e.name === 'started') started = e.args.name;
      else if (e.name === 'thread_name') track(e.tid).name = e.args.name;
      continue;
    }
    end = Math.max(end, e.ts + (e.dur || 0));
    if (e.ph === 'C') {
      if (!counters.has(e.name)) counters.set(e.name, []);
      counters.get(e.name).push([e.ts, e.args[e.name]]);
      continue;
    }
    const on = track(e.tid);
    const span = { name: e.name, from: e.ts, to: e.ts, args: e.args || {}, on };
    if (e.ph === 'X') { span.to += e.dur; span.dur = e.dur; on.spans.push(span); }
    if (e.ph === 'i') on.spans.push(span);
    if (e.ph === 'B') { span.to = null; on.open.push(span); on.spans.push(span); }
    if (e.ph === 'E') {
      const last = on.open.pop();
      if (last) { last.to = e.ts; Object.assign(last.args, e.args); }
    }
  }
  for (const on of tracks.values()) {
    for (const span of on.open) { span.to = end; span.unfinished = true; }
    on.spans.sort((a, b) => a.from - b.from || b.to - a.to);
    const stack = [];
    on.depth = 1;
    for (const span of on.spans) {
      while (stack.length && stack[stack.length - 1].to <= span.from) stack.pop();
      // What touches by a rounding error is not inside.
      while (stack.length && stack[stack.length - 1].to < span.to - 0.002) stack.pop();
      span.depth = stack.length;
      on.depth = Math.max(on.depth, span.depth + 1);
      stack.push(span);
    }
    on.rows = Array.from({ length: on.depth }, () => []);
    for (const span of on.spans) on.rows[span.depth].push(span);
  }
}

// Numbers for people.

function time(us) {
  if (us < 10) return us.toFixed(1) + ' µs';
  if (us < 1e3) return us.toFixed(0) + ' µs';
  if (us < 1e6) return (us / 1e3).toFixed(us < 1e4 ? 2 : 1) + ' ms';
  return (us / 1e6).toFixed(2) + ' s';
}

// In the largest unit that the number fills once it is rounded, so never 1024 of one.
function bytes(n) {
  const units = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
  if (Math.round(n) < 1024) return Math.round(n) + ' B';
  let unit = 0;
  for (n /= 1024; Number(n.toFixed(1)) >= 1024 && unit + 1 < units.length; unit++) n /= 1024;
  return n.toFixed(1) + ' ' + units[unit];
}

// The summary.

function make(tag, text, style) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (style) Object.assign(element.style, style);
  return element;
}

function card(title, wide) {
  const section = make('section');
  if (wide) section.className = 'wide';
  section.append(make('h2', title));
  document.getElementById('summary').append(section);
  return section;
}

function row(table, cells, color) {
  const line = table.insertRow();
  if (color) {
    const cell = line.insertCell();
    cell.className = 's';
    cell.append(make('i', '', { background: color }));
  }
  cells.forEach((text, i) => {
    const cell = line.insertCell();
    cell.textContent = text;
    if (i > 0 && cells.length < 4) cell.className = 'n';
  });
  return line;
}

function shares() {
  const sum = { waiting: 0, reading: 0, writing: 0, answering: 0, accepting: 0 };
  for (const on of tracks.values()) {
    for (const s of on.spans) {
      if (on.id === LOOP) {
        if (s.name === 'poll') sum.waiting += s.dur;
        if (s.name === 'accept') sum.accepting += s.dur;
      } else if (s.name.startsWith('read')) sum.reading += s.dur;
      else if (s.name.startsWith('write') || s.name === 'send file') sum.writing += s.dur;
      else if (s.name === 'answer') sum.answering += s.dur;
    }
  }
  const known = Object.values(sum).reduce((a, b) => a + b, 0);
  sum['all else'] = Math.max(0, end - known);
  const colors = [COLORS.poll, COLORS.read, COLORS['send file'], COLORS.answer, COLORS.accept,
    COLORS.note];
  const section = card('Where the time went');
  const bar = make('div');
  bar.className = 'bar';
  const table = make('table');
  Object.entries(sum).forEach(([name, us], i) => {
    const part = us / Math.max(end, 1) * 100;
    bar.append(make('i', '', { width: part + '%', background: colors[i] }));
    row(table, [name, part.toFixed(part < 1 ? 2 : 1) + ' %', time(us)], colors[i]);
  });
  section.append(bar, table);
}

function legend() {
  for (const [name, color] of LEGEND) {
    const entry = make('span');
    entry.append(make('i', '', { background: COLORS[color] }), name);
    document.getElementById('legend').append(entry);
  }
}

function turns() {
  const loop = track(LOOP).spans;
  const all = loop.filter(s => s.args.end !== undefined);
  const moved = s => (s.args.read || 0) + (s.args.written || 0) + (s.args.sent || 0);
  const polls = loop.filter(s => s.name === 'poll');
  const sizes = all.map(moved).sort((a, b) => a - b);
  const at = part => sizes[Math.min(sizes.length - 1, Math.floor(sizes.length * part))] || 0;
  const section = card('Turns');
  const table = make('table');
  const per = (a, b) => (a / Math.max(b, 1)).toFixed(2);
  row(table, ['polls', String(polls.length)]);
  row(table, ['turns', String(all.length)]);
  row(table, ['turns per poll', per(all.length, polls.length)]);
  row(table, ['events per poll', per(polls.reduce((n, s) => n + s.args.events, 0), polls.length)]);
  row(table, ['turns that used up their share', String(all.filter(s => s.args.end === 'yielded').length)]);
  row(table, ['bytes per turn, mean', bytes(sizes.reduce((a, b) => a + b, 0) /
    Math.max(sizes.length, 1))]);
  row(table, ['bytes per turn, median', bytes(at(0.5))]);
  row(table, ['bytes per turn, most', bytes(at(1))]);
  row(table, ['refused clients', String(track(REFUSED).spans.filter(s => s.name === 'refused').length)]);
  section.append(table);

  const longest = card('The longest turns (click to see)', true);
  const list = make('table');
  [...all].sort((a, b) => b.dur - a.dur).slice(0, 6).forEach(s => {
    const line = row(list, [time(s.dur), s.name, did(s.args), 'then ' + s.args.end]);
    line.className = 'turn';
    line.cells[0].className = 'n';
    line.addEventListener('click', () => show(s));
  });
  longest.append(list);
}

// The timeline.

const canvas = document.querySelector('canvas');
const paint = canvas.getContext('2d');
const LEFT = 120, TOP = 22, ROW = 15, GAP = 10, COUNTER = 30;
let from = 0, to = 1, chosen = null, boxes = [];

const clients = () => [...tracks.values()].filter(on => on.id !== LOOP && on.id !== REFUSED)
  .sort((a, b) => a.id - b.id);

function order() {
  const rest = clients().slice(0, CLIENTS_MAX);
  const refused = tracks.get(REFUSED);
  return [track(LOOP), ...rest, ...(refused && refused.spans.length ? [refused] : [])];
}

function height() {
  const rows = order().reduce((sum, on) => sum + on.depth * ROW + GAP, 0);
  return TOP + counters.size * (COUNTER + GAP) + rows + GAP;
}

const x = at => LEFT + (at - from) / (to - from) * (canvas.clientWidth - LEFT);
const at = px => from + (px - LEFT) / (canvas.clientWidth - LEFT) * (to - from);

function color(span) {
  if (span.args.end !== undefined) return COLORS.turn;
  if (span.name.startsWith('get ')) return COLORS.get;
  if (span.name.endsWith('would block')) return COLORS.full;
  return COLORS[span.name] || (span.name.startsWith('read') ? COLORS.read : '#999');
}

function axis(width, tall) {
  const step = 10 ** Math.floor(Math.log10((to - from) / 5));
  const tick = [1, 2, 5, 10].map(n => n * step).find(n => (to - from) / n < 10);
  paint.fillStyle = '#5c6b7a';
  paint.strokeStyle = '#eef2f6';
  for (let t = Math.ceil(from / tick) * tick; t < to; t += tick) {
    const px = Math.round(x(t)) + 0.5;
    paint.beginPath(); paint.moveTo(px, TOP - 4); paint.lineTo(px, tall); paint.stroke();
    paint.fillText(label(t, tick), px + 3, 13);
  }
}

function label(t, tick) {
  const [unit, name] = tick >= 1e5 ? [1e6, ' s'] : tick >= 100 ? [1e3, ' ms'] : [1, ' µs'];
  const digits = Math.max(0, Math.ceil(-Math.log10(tick / unit)));
  return (t / unit).toFixed(digits) + name;
}

function first(spans) {
  let low = 0, high = spans.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (spans[mid].to < from) low = mid + 1; else high = mid;
  }
  return low;
}

// The spans of a row do not overlap, so they are drawn from the first that can be seen, and those
// that would share a pixel are drawn once.
function drawRow(spans, y, width) {
  let drawn = LEFT - 1;
  for (let i = first(spans); i < spans.length && spans[i].from <= to; i++) {
    const span = spans[i];
    const a = Math.max(x(span.from), LEFT), b = Math.min(x(span.to), width);
    if (b < drawn && span !== chosen) continue;
    const w = Math.max(b - a, 1);
    paint.fillStyle = color(span);
    paint.fillRect(a, y, w, ROW - 2);
    if (span === chosen) {
      paint.strokeStyle = '#000';
      paint.strokeRect(a + 0.5, y + 0.5, Math.max(w - 1, 1), ROW - 3);
    }
    if (w > 24) {
      paint.save();
      paint.beginPath(); paint.rect(a, y, w - 2, ROW); paint.clip();
      paint.fillStyle = '#1d2733';
      paint.fillText(title(span), a + 3, y + 10);
      paint.restore();
    }
    drawn = a + 1;
    boxes.push([a, y, Math.max(w, 3), ROW, span]);
  }
}

function title(span) {
  const n = span.args.bytes;
  return n === undefined ? span.name : span.name + ' ' + bytes(n);
}

function drawCounter(name, points, y, width) {
  const most = points.reduce((max, p) => Math.max(max, p[1]), 0);
  paint.fillStyle = '#1d2733';
  const [called, number] = COUNTERS[name] || [name, n => n.toLocaleString('en')];
  paint.fillText(called, 8, y + 12);
  paint.fillStyle = '#5c6b7a';
  paint.fillText('at most ' + number(most), 8, y + 25);
  paint.fillStyle = '#9fc3e6';
  let i = 0;
  while (i + 1 < points.length && points[i + 1][0] < from) i++;
  // The most of each pixel is what is drawn.
  const tops = new Float64Array(Math.max(1, Math.ceil(width - LEFT)));
  for (; i < points.length && points[i][0] <= to; i++) {
    const next = i + 1 < points.length ? points[i + 1][0] : end;
    const a = Math.max(0, Math.floor(x(points[i][0]) - LEFT));
    const b = Math.min(tops.length - 1, Math.floor(x(next) - LEFT));
    for (let px = a; px <= b; px++) tops[px] = Math.max(tops[px], points[i][1]);
  }
  tops.forEach((top, px) => {
    const tall = top / Math.max(most, 1) * COUNTER;
    paint.fillRect(LEFT + px, y + COUNTER - tall, 1, tall);
  });
}

function draw() {
  const width = canvas.clientWidth, tall = height(), scale = window.devicePixelRatio || 1;
  canvas.width = width * scale;
  canvas.height = tall * scale;
  canvas.style.height = tall + 'px';
  paint.scale(scale, scale);
  paint.clearRect(0, 0, width, tall);
  paint.font = '11px system-ui, sans-serif';
  boxes = [];
  axis(width, tall);
  let y = TOP;
  for (const on of order()) {
    paint.fillStyle = '#1d2733';
    paint.fillText(on.name, 8, y + 11);
    on.rows.forEach((spans, depth) => drawRow(spans, y + depth * ROW, width));
    y += on.depth * ROW + GAP;
  }
  for (const [name, points] of counters) {
    drawCounter(name, points, y, width);
    y += COUNTER + GAP;
  }
}

// Moving about.

function look(a, b) {
  const wide = Math.min(Math.max(b - a, 0.5), end * 1.02 + 1);
  const start = Math.min(Math.max(a, -wide * 0.1), Math.max(end - wide * 0.5, 0));
  [from, to] = [start, start + wide];
  requestAnimationFrame(draw);
}

function zoom(factor, px) {
  const middle = at(px === undefined ? (LEFT + canvas.clientWidth) / 2 : px);
  look(middle - (middle - from) * factor, middle + (to - middle) * factor);
}

const pan = part => look(from + (to - from) * part, to + (to - from) * part);
const whole = () => look(0, Math.max(end, 1));

function show(span) {
  const wide = Math.max(span.to - span.from, 2) * 3;
  const middle = (span.from + span.to) / 2;
  look(middle - wide / 2, middle + wide / 2);
  explain(span);
  document.getElementById('view').scrollIntoView({ block: 'nearest' });
}

const VERBS = ['message', 'status', 'list', 'get', 'sha256', 'stat', 'exit', 'mistake'];

// What a turn did, in words.
function did(args) {
  const parts = VERBS.filter(verb => args[verb]).map(verb => args[verb] + ' ' + verb);
  if (args.read) parts.push(bytes(args.read) + ' read');
  if (args.written) parts.push(bytes(args.written) + ' written');
  if (args.sent) parts.push(bytes(args.sent) + ' of files sent');
  if (args['would block']) parts.push(args['would block'] + ' would block');
  return parts.join(', ') || 'nothing to count';
}

function words(span) {
  if (span.args.end !== undefined) {
    const then = {
      waiting: 'Then there was nothing left to do for it until an event or a deadline.',
      yielded: 'Then its share of a turn was used up, so that others come first, if there are any.',
      done: 'Then the connection was over.',
    };
    return 'One turn: ' + did(span.args) + '. ' + then[span.args.end];
  }
  if (span.name.startsWith('get ')) {
    return 'A download, from the request to the last byte: ' + bytes(span.args.sent || 0) +
      ' of ' + bytes(span.args.size || 0) + ' were handed to the kernel.';
  }
  return WORDS[span.name] || '';
}

function explain(span) {
  chosen = span;
  const box = document.getElementById('words');
  box.replaceChildren(make('b', span.on.name + ': ' + span.name));
  const open = span.unfinished ? ', still going on when the trace ended' : '';
  box.append(make('div', 'at ' + time(span.from) + ', for ' + time(span.to - span.from) + open));
  box.append(make('div', words(span)));
  const details = Object.entries(span.args);
  if (details.length) {
    box.append(make('p', details.map(([name, value]) => name + ': ' + value).join(' · ')));
  }
  requestAnimationFrame(draw);
}

function hit(px, py) {
  let best = null;
  for (const [a, y, w, h, span] of boxes) {
    if (px >= a - 1 && px <= a + w && py >= y && py < y + h) best = span;
  }
  return best;
}

let grabbed = null;
canvas.addEventListener('wheel', e => {
  e.preventDefault();
  if (Math.abs(e.deltaX) > Math.abs(e.deltaY)) pan(e.deltaX / canvas.clientWidth);
  else zoom(e.deltaY > 0 ? 1.25 : 0.8, e.offsetX);
}, { passive: false });
canvas.addEventListener('pointerdown', e => {
  grabbed = { px: e.offsetX, from, to, moved: false };
  canvas.setPointerCapture(e.pointerId);
});
canvas.addEventListener('pointermove', e => {
  if (!grabbed) return;
  const by = (grabbed.px - e.offsetX) / (canvas.clientWidth - LEFT) * (to - from);
  grabbed.moved ||= Math.abs(grabbed.px - e.offsetX) > 3;
  if (grabbed.moved) look(grabbed.from + by, grabbed.to + by);
});
canvas.addEventListener('pointerup', e => {
  const span = grabbed && !grabbed.moved ? hit(e.offsetX, e.offsetY) : null;
  if (span) explain(span);
  grabbed = null;
});
const KEYS = { '+': () => zoom(0.6), '-': () => zoom(1.6), ArrowLeft: () => pan(-0.2),
  ArrowRight: () => pan(0.2), 0: whole };
addEventListener('keydown', e => { if (KEYS[e.key]) { KEYS[e.key](); e.preventDefault(); } });
addEventListener('resize', () => requestAnimationFrame(draw));
for (const [id, act] of [['in', KEYS['+']], ['out', KEYS['-']], ['left', KEYS.ArrowLeft],
  ['right', KEYS.ArrowRight], ['all', whole]]) {
  document.getElementById(id).addEventListener('click', act);
}

load();
document.title = file + ': a loop you can see';
document.getElementById('about').textContent = file + ': ' + program +
  (started ? ', traced from ' + started : '') + ', ' + events.length.toLocaleString('en') +
  ' events in ' + time(end) + (clients().length > CLIENTS_MAX ?
  '; the first ' + CLIENTS_MAX + ' of ' + clients().length + ' clients are shown' : '');
legend();
shares();
turns();
[from, to] = [0, Math.max(end, 1)];
draw();
// For a link to a place: timeline.html#from-to in microseconds.
const place = location.hash.match(/^#([\d.]+)-([\d.]+)$/);
if (place) look(Number(place[1]), Number(place[2]));
document.body.dataset.ready = 'yes';
