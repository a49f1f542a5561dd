// The web page's script. It speaks docs/protocol.md in binary frames of a WebSocket; text frames
// are news. Names are bytes: a request, an answer or a name is a string with a character from
// U+0000 to U+00FF for each byte, and only `shown` makes text of it, which is only set as text.
'use strict';

// Laid out at once, so that a large folder never blocks a key.
const ROWS_IN_A_SLICE = 500;
// Before "more" is asked for. The browser's search finds all of them.
const ROWS_SHOWN = 5000;
// With more, names are sorted by their characters: the collator would take seconds.
const COLLATED_MAX = 20000;
const SLIPS_SHOWN = 200;
const MESSAGES_KEPT = 200;
const MOVES_KEPT = 100;
// The transfers that the server lets ride on one berth.
const RIDERS = 2;
// Milliseconds, as all times here.
const WAIT_FIRST = 5000, RETRY_FIRST = 1000, WAIT_MOST = 30000;
// A line that costs nothing is answered by then, or the line is dead.
const PROBE = 8000;

const $ = id => document.getElementById(id);

const on = (target, event, act) => target.addEventListener(event, act);

// ---- Bytes, and text made of them ----

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
// Characters that move, hide or reorder what stands beside them.
const TRICKY = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;
const MARKS = /(\p{M}{4})\p{M}+/gu;
const TIMES = new Intl.DateTimeFormat('sv', { dateStyle: 'short', timeStyle: 'short' });

const array = bytes => Uint8Array.from(bytes, c => c.charCodeAt(0));
const bytesOf = text => characters(new TextEncoder().encode(text));

// In pieces, because the arguments of a call are limited.
function characters(array) {
  let bytes = '';
  for (let at = 0; at < array.length; at += 8192) {
    bytes += String.fromCharCode(...array.subarray(at, at + 8192));
  }
  return bytes;
}

function shown(bytes) {
  if (/^[ -~]*$/.test(bytes)) return bytes;
  return decoder.decode(array(bytes))
    .replace(TRICKY, c => '\\u' + c.codePointAt(0).toString(16).padStart(4, '0'))
    .replace(MARKS, '$1\u2026');
}

const reason = answer => shown(answer.replace(/^ERR /, ''));

function percent(bytes) {
  const hex = c => '%' + c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0');
  return bytes.replace(/[^A-Za-z0-9\-._~/]/g, hex);
}

function unpercent(text) {
  return text.replace(/%([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
}

function size(n) {
  if (n < 1024) return n + ' B';
  const power = Math.floor(Math.log2(n) / 10);
  return (n / 1024 ** power).toFixed(1) + ' ' + 'KMGTPE'[power - 1] + 'iB';
}

const count = (n, one) => n.toLocaleString('en') + ' ' + one + (n === 1 ? '' : 's');
const when = time => TIMES.format(new Date(time));
// Of today, only the time of day is said.
const since = time => 'since ' + when(time).replace(when(Date.now()).slice(0, 11), '');

// ---- Elements ----

function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const name in attributes) element.setAttribute(name, attributes[name]);
  element.append(...children);
  return element;
}

// Setting what is there already would make a screen reader say it again.
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const say = text => write($('told'), text);

// Replaces only the children that differ.
function replace(parent, children) {
  children.forEach((child, n) => {
    const old = parent.children[n];
    if (!old) parent.append(child);
    else if (!old.isEqualNode(child)) old.replaceWith(child);
  });
  while (parent.children.length > children.length) parent.lastElementChild.remove();
}

// ---- The line: one WebSocket, and whose answer comes next ----

class Line {
  constructor(hears) {
    // Who hears of greetings, news and the end; nobody, once the line is given up.
    this.hears = hears;
    this.rest = '';
    this.last = '';
    // For each request whose answer is not complete: what takes the next line, and says whether
    // another one follows.
    this.expected = [answer => hears.greeting(answer)];
    const scheme = location.protocol === 'https:' ? 'wss://' : 'ws://';
    this.socket = new WebSocket(scheme + location.host + '/ws?' + KEY);
    this.socket.binaryType = 'arraybuffer';
    on(this.socket, 'message', event => this.hears && this.received(event.data));
    on(this.socket, 'close', event => this.hears && this.hears.ended(event.code, this.last));
  }

  received(data) {
    this.heard = Date.now();
    if (typeof data === 'string') return this.hears.news(JSON.parse(data));
    const lines = (this.rest + characters(new Uint8Array(data))).split('\n');
    this.rest = lines.pop();
    lines.forEach(answer => this.answered(answer));
  }

  answered(answer) {
    this.last = answer;
    const take = this.expected[0];
    if (this.hears && take && !take(answer)) this.expected.shift();
  }

  // Sends a request. `take` is given the lines of its answer, and returns true while more follow.
  ask(request, take) {
    this.expected.push(take);
    this.send(request);
  }

  send(bytes) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(array(bytes + '\n'));
  }

  giveUp() {
    this.hears = null;
    this.socket.close();
  }
}

// ---- Where this page stands: one state, and one place that shows it ----

const JOINING = 'joining', TOKEN = 'token', WAITING = 'waiting', INSIDE = 'inside', AWAY = 'away';
// What the server closes a socket with.
const LEFT = 1000, STOPPING = 1001, REFUSED = 1008, LATER = 1013, MOVED = 4001;

const KEY = keptKey();
let line = null;
let token = '';
// A token may give no right to news.
let news = { berths: 0, inside: [], files: null, uploads: {} };
// Its kind and what the server said; `at`: when this page tries again by itself, or 0.
let state = { kind: JOINING, words: '', at: 0 };
let tries = 0;
let tried = 0;

// The key to the berth outlives a reload, in this tab only.
function keptKey() {
  const random = crypto.getRandomValues(new Uint8Array(16));
  const fresh = Array.from(random, byte => byte.toString(16).padStart(2, '0')).join('');
  try {
    const kept = sessionStorage.getItem('berth');
    if (/^[0-9a-f]{32}$/.test(kept)) return kept;
    sessionStorage.setItem('berth', fresh);
  } catch {
    // Without a place to keep it, it lasts as long as the page.
  }
  return fresh;
}

function enter(kind, more) {
  state = { kind, words: '', at: 0, ...more };
  render();
  if (kind === TOKEN) $('token').focus();
  if (kind === AWAY && !state.at && !state.isTrying) $('again').focus();
}

function join() {
  if (line) line.giveUp();
  tried = Date.now();
  // What is said while it waits stays: it would flicker otherwise.
  const stays = state.kind === WAITING || state.kind === AWAY;
  enter(stays ? state.kind : JOINING, stays ? { ...state, at: 0, isTrying: true } : {});
  line = new Line({ greeting, news: heard, ended });
}

// The first line, and the one behind a token. What is neither is the reason for a refusal.
function greeting(answer) {
  if (answer.startsWith('Welcome ')) {
    welcome(shown(answer.slice(8)));
  } else if (answer === 'AUTH token' && token) {
    line.send('auth ' + bytesOf(token));
    return true;
  } else if (answer === 'AUTH token') {
    // The server would wait ten seconds only, and a person takes longer.
    line.giveUp();
    enter(TOKEN);
  }
}

function welcome(name) {
  tries = 0;
  enter(INSIDE, { name });
  files.list();
  pump();
}

function ended(code, last) {
  const was = state.kind;
  const words = last.startsWith('Welcome ') ? '' : reason(last);
  lose();
  if (code === LATER) return enter(WAITING, { words, at: soon(WAIT_FIRST, 1.5, 2000) });
  if (code === REFUSED && token && (was !== INSIDE || last.startsWith('ERR token'))) {
    token = '';
    return enter(TOKEN, { words });
  }
  const stays = code === MOVED || code === REFUSED || code === LEFT;
  const at = stays ? 0 : soon(RETRY_FIRST, 2, 300);
  enter(AWAY, { code, at, words: last.startsWith('ERR ') || was !== INSIDE ? words : '' });
}

// Less often the longer it takes, and not all pages at once.
function soon(first, growth, spread) {
  const wait = Math.min(WAIT_MOST, first * growth ** tries++);
  return Date.now() + wait + (Math.random() * 2 - 1) * spread;
}

function lose() {
  messages.lost();
  moves.lost();
  // Digests on their way will not come.
  files.redo();
}

// What is said of a state, or of the code that the socket was closed with.
const SAID = {
  [JOINING]: ['Coming alongside', ''],
  [TOKEN]: ['This server asks for a token', ''],
  [WAITING]: ['Waiting for a berth', 'This page tries again by itself and lets you in.'],
  [INSIDE]: ['', ''],
  [AWAY]: ['The line has dropped', 'This page comes back by itself, to your berth if it can.'],
  [LEFT]: ['You have left', 'Your berth is free for others.'],
  [MOVED]: ['Your berth is in another window', 'Only one of them can have it.'],
  [REFUSED]: ['The server has closed the line', ''],
  [STOPPING]: ['The server was stopped', 'This page comes back when it does.'],
};

function render() {
  const inside = state.kind === INSIDE;
  const kept = files.known && state.kind === AWAY;
  const [title, words] = SAID[state.code] || SAID[state.kind];
  document.body.dataset.state = state.kind;
  $('notice').hidden = inside;
  write($('notice-title'), title);
  write($('notice-words'), (state.words ? state.words + '. ' : '') + words);
  $('token-form').hidden = state.kind !== TOKEN;
  $('again-line').hidden = state.kind !== WAITING && state.kind !== AWAY;
  write($('again'), state.at || state.isTrying ? 'Try now' : 'Come back');
  $('berths').hidden = !news.berths || state.kind === TOKEN;
  $('inside').hidden = !inside && !kept;
  // Nothing in it would do anything now.
  $('inside').inert = kept;
  $('parts').hidden = $('leave').hidden = !inside;
  countdown();
  renderBerths();
  renderUploads();
}

function countdown() {
  const left = Math.max(0, Math.ceil((state.at - Date.now()) / 1000));
  const words = state.at ? 'The next try is in ' + left + ' s.' : '';
  write($('countdown'), state.isTrying ? 'Trying\u2026' : words);
}

// Only while somebody looks: a forgotten page takes no berth from anybody.
function tick() {
  if (document.hidden || !state.at) return;
  countdown();
  if (Date.now() >= state.at) join();
}

// A phone drops sockets in the background, and may not even notice.
function woken() {
  if (document.hidden) return;
  files.refresh();
  if (state.kind === AWAY && state.at && Date.now() - tried > 1000) join();
  if (state.kind === INSIDE && line.expected.length === 0) probe(line);
}

function probe(probed) {
  const from = Date.now();
  probed.ask('stat /', () => {});
  setTimeout(() => {
    if (line !== probed || !probed.hears || probed.heard >= from) return;
    lose();
    join();
  }, PROBE);
}

// ---- The berths ----

function heard(latest) {
  news = latest;
  render();
  moves.follow(news.inside.find(isMe)?.moving || []);
  files.refresh();
}

const isMe = client => state.kind === INSIDE && client.name === state.name;

function renderBerths() {
  const free = Math.max(0, news.berths - news.inside.length);
  const slips = news.inside.slice(0, SLIPS_SHOWN).map(taken);
  while (slips.length < Math.min(news.berths, SLIPS_SHOWN)) slips.push(slip('free', 'free'));
  replace($('slips'), slips);
  const hidden = news.berths - slips.length;
  write($('more-berths'), hidden > 0 ? 'and ' + count(hidden, 'more berth') : '');
  const you = state.kind === INSIDE ? 'You are ' + state.name + '. ' : '';
  const are = free === 1 ? ' is free.' : ' are free.';
  const words = you + free + ' of ' + count(news.berths, 'berth') + are;
  write($('words'), $('berths').hidden ? '' : words);
  $('pin').hidden = !news.pin;
  write($('pin').lastElementChild, news.pin || '');
}

const slip = (kind, ...inside) => make('li', { class: kind }, make('div', {}, ...inside));
const span = (kind, ...inside) => make('span', { class: kind }, ...inside);

function taken(client) {
  const title = span('', make('b', {}, client.name), isMe(client) ? ' \u2013 you' : '');
  const moving = (client.moving || []).map(move => {
    const part = move.of ? move.sent / move.of : 1;
    const label = client.name + (move.up ? ' uploads' : ' downloads');
    const bar = make('progress', { value: part, 'aria-label': label });
    const words = Math.floor(part * 100) + ' % of ' + size(move.of);
    return span('moving', move.up ? '\u2191' : '\u2193', bar, words);
  });
  const where = [span('', client.address), span('', since(client.since))];
  return slip(isMe(client) ? 'you' : 'other', title, ...where, ...moving);
}

// ---- The files ----

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });
const compare = (a, b) => (a < b ? -1 : Number(a > b));

const files = {
  known: false,
  all: [],
  // The number of the folder's change that the listing was asked for at.
  version: null,
  isListing: false,
  problem: '',
  folder: '',
  by: 'name',
  isDown: false,
  limit: ROWS_SHOWN,
  rows: [],
  digests: new Map(),

  // Lists again if the folder has changed; no more than a tenth of the time goes to it.
  refresh() {
    const isNew = this.known && this.version !== news.files;
    if (!isNew || document.hidden || this.isListing || state.kind !== INSIDE) return;
    clearTimeout(this.later);
    if (Date.now() >= this.next) this.list();
    else this.later = setTimeout(() => this.refresh(), this.next - Date.now());
  },

  list() {
    const from = Date.now();
    const fresh = [];
    this.isListing = true;
    this.version = news.files;
    line.ask('list', answer => {
      if (answer === 'LIST') return true;
      const entry = /^(\d+) (\S+) ([^]+)$/.exec(answer);
      if (entry) fresh.push({ name: entry[3], size: Number(entry[1]), time: entry[2] });
      else this.listed(fresh, answer, Date.now() - from);
      return Boolean(entry);
    });
  },

  listed(fresh, last, took) {
    this.isListing = false;
    this.next = Date.now() + Math.max(500, 10 * took);
    this.known = true;
    this.problem = last === 'END' ? '' : reason(last);
    this.all = fresh;
    // The first listing is asked for before the first news.
    if (this.version === null) this.version = news.files;
    this.render();
  },

  redo() {
    this.rows = [];
    this.render();
  },

  // What the folder holds: its folders first, then its files. A filter looks further down.
  visible() {
    const words = $('filter').value.toLowerCase().split(/\s+/).filter(Boolean);
    const isFound = label => words.every(word => label.toLowerCase().includes(word));
    const folders = new Map();
    const found = [];
    for (const file of this.all) {
      if (!file.name.startsWith(this.folder)) continue;
      const path = file.name.slice(this.folder.length);
      const part = path.slice(0, path.indexOf('/') + 1);
      const label = part && !words.length ? '' : shown(path);
      if (!label) folders.set(part, (folders.get(part) || 0) + 1);
      else if (isFound(label)) found.push({ ...file, label });
    }
    const below = Array.from(folders, ([part, size]) => ({
      folder: this.folder + part, label: shown(part), size, time: '',
    }));
    return this.sorted(below).concat(this.sorted(found));
  },

  sorted(rows) {
    const isLong = rows.length > COLLATED_MAX;
    const names = (a, b) => (isLong ? compare : collator.compare)(a.label, b.label);
    const by = this.by;
    rows.sort((a, b) => (by === 'name' ? 0 : compare(a[by], b[by])) || names(a, b));
    return this.isDown ? rows.reverse() : rows;
  },

  render() {
    const rows = this.visible();
    const kept = rows.slice(0, this.limit);
    renderPath();
    renderCount(rows);
    const hidden = rows.length - kept.length;
    $('hidden-rows').hidden = hidden === 0;
    write($('hidden-rows').firstElementChild, count(hidden, 'more row') + ': filter, or');
    if (JSON.stringify(kept) === JSON.stringify(this.rows)) return;
    this.rows = kept;
    layOut(kept);
  },
};

function renderCount(rows) {
  const isFiltered = $('filter').value.trim() !== '';
  const all = files.known ? count(files.all.length, 'file') : '';
  write($('count'), isFiltered ? rows.length.toLocaleString('en') + ' of ' + all : all);
  $('none').hidden = rows.length > 0 || !files.known;
  write($('none'), files.problem || (isFiltered ? 'No name has this in it.' : 'No files here.'));
}

// The folders above, each a link, and then where one is.
function renderPath() {
  let path = '';
  const links = [make('a', { href: '#/' }, 'All files')];
  for (const part of files.folder.split('/').slice(0, -1)) {
    path += part + '/';
    links.push(make('a', { href: '#/' + percent(path) }, shown(part)));
  }
  links[links.length - 1].setAttribute('aria-current', 'page');
  $('path').hidden = files.folder === '';
  replace($('path'), links);
}

// Builds the rows in slices, one a frame; a slice that is out of sight is not laid out.
function layOut(rows) {
  const focused = document.activeElement.dataset.is || '';
  const old = Array.from($('table').tBodies);
  let at = 0;
  function slice() {
    if (files.rows !== rows) return;
    const body = make('tbody', { role: 'rowgroup' });
    body.append(...rows.slice(at, at + ROWS_IN_A_SLICE).map(row));
    // Where it is out of sight, it is as high as this.
    body.style.setProperty('--rows', body.rows.length);
    old.splice(0).forEach(each => each.remove());
    $('table').append(body);
    const had = body.querySelector('[data-is="' + CSS.escape(focused) + '"]');
    if (had) had.focus({ preventScroll: true });
    at += ROWS_IN_A_SLICE;
    if (at < rows.length) requestAnimationFrame(slice);
  }
  slice();
}

function row(each) {
  const kinds = ['name', 'size', 'time', 'sum'];
  const cells = (each.folder ? folderRow : fileRow)(each)
    .map((inside, n) => make('td', { role: 'cell', class: kinds[n] }, inside));
  return make('tr', { role: 'row' }, ...cells);
}

function folderRow({ folder, label, size }) {
  const href = '#/' + percent(folder);
  return [make('a', { href, 'data-is': href }, label), count(size, 'file'), '', ''];
}

function fileRow(file) {
  const { name, label } = file;
  const link = make('a', { href: address(name), download: '', 'data-is': name }, label);
  on(link, 'click', event => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    moves.download(file);
  });
  const code = make('code', {}, files.digests.get(identity(file)) || '');
  const labels = { 'aria-label': 'SHA-256 of ' + label, 'data-is': '#' + name };
  const sum = make('button', labels, 'SHA-256');
  on(sum, 'click', () => digest(file, code));
  return [make('div', {}, link, code), size(file.size), when(file.time), sum];
}

const address = name => '/k/' + KEY + '/' + percent(name);
// Other bytes have another time or another size, mostly.
const identity = file => [file.size, file.time, file.name].join(' ');

function digest(file, code) {
  write(code, 'computing\u2026');
  line.ask('sha256 ' + file.name, answer => {
    const hex = /^SHA256 (\w+)/.exec(answer)?.[1];
    if (hex) files.digests.set(identity(file), hex);
    write(code, hex || reason(answer));
    // Another listing has come meanwhile, with rows of its own.
    if (!code.isConnected) files.redo();
    say('SHA-256 of ' + file.label + ': ' + code.textContent);
  });
}

function sortBy(by) {
  files.isDown = files.by === by ? !files.isDown : by !== 'name';
  files.by = by;
  for (const each of document.querySelectorAll('th button')) {
    const order = files.isDown ? 'descending' : 'ascending';
    each.parentElement.setAttribute('aria-sort', each.dataset.by === by ? order : 'none');
  }
  files.render();
}

// The folder is in the address, so that "back" goes back. Other fragments are places in the page.
function goTo() {
  if (!/^(#\/|$)/.test(location.hash)) return;
  files.folder = unpercent(location.hash.slice(2));
  files.limit = ROWS_SHOWN;
  $('filter').value = '';
  files.render();
  renderUploads();
}

// ---- Messages ----

// What the server would take for a request is a message with a space in front.
const REQUEST = /^((status|list|exit)[ \t]*$|(get|sha256|stat|put|replace)([@ ]|$)|auth )/i;

const messages = {
  open: [],

  send(text) {
    const answer = span('answer', '\u2026');
    this.open.push(answer);
    $('log').append(make('p', {}, span('', text), answer));
    if ($('log').children.length > MESSAGES_KEPT) $('log').firstElementChild.remove();
    $('log').scrollTop = $('log').scrollHeight;
    line.ask((REQUEST.test(text) ? ' ' : '') + bytesOf(text), reply => {
      this.open.shift();
      write(answer, shown(reply));
    });
  },

  lost() {
    this.open.splice(0).forEach(answer => write(answer, 'no answer came'));
  },
};

// ---- Transfers ----

// A transfer is asked for, waits for its turn, moves, and is done or has failed.
const ASKED = 'asked', QUEUED = 'queued', MOVING = 'moving', DONE = 'done', FAILED = 'failed';

class Move {
  constructor(isUp, name, of) {
    Object.assign(this, { isUp, name, of, at: ASKED, sent: 0, rate: 0, words: '' });
    this.title = (isUp ? 'Upload of ' : 'Download of ') + shown(name);
    this.bar = make('progress', { value: 0, 'aria-label': this.title });
    this.note = span('note');
    this.button = make('button', {});
    on(this.button, 'click', () => this.cancel());
    const arrow = make('span', { 'aria-hidden': 'true' }, isUp ? '\u2191' : '\u2193');
    const parts = [arrow, span('what', shown(name)), this.button, this.bar, this.note];
    this.item = make('li', { 'aria-label': this.title }, ...parts);
    moves.add(this);
    this.show();
  }

  get isOver() {
    return this.at === DONE || this.at === FAILED;
  }

  to(at, words) {
    this.at = at;
    this.words = words || '';
    this.show();
    if (this.isOver) say(this.title + ': ' + words);
    pump();
  }

  progress(sent) {
    this.seen = true;
    this.sent = sent;
    this.rate = Math.round((sent * 1000) / (Date.now() - this.begun + 1));
    this.show();
  }

  show() {
    const act = this.isOver ? 'Clear' : 'Cancel';
    this.item.className = this.at;
    this.bar.hidden = this.at !== MOVING;
    this.bar.value = this.of ? this.sent / this.of : 0;
    write(this.button, act);
    this.button.setAttribute('aria-label', act + ': ' + this.title);
    // What the browser has taken over is cancelled there.
    this.button.hidden = !this.isUp && this.at === MOVING;
    write(this.note, this.words || this.figures());
  }

  figures() {
    if (this.at === ASKED) return 'asking the server';
    if (this.at === QUEUED) return 'waiting for its turn';
    const rate = this.rate ? ', ' + size(this.rate) + '/s' : '';
    return size(this.sent) + ' of ' + size(this.of) + rate;
  }

  cancel() {
    if (this.isOver) moves.clear(this);
    else if (this.request) this.request.abort();
    else this.to(FAILED, 'cancelled');
  }

  begin() {
    this.at = MOVING;
    this.begun = Date.now();
    this.show();
    if (this.isUp) this.beginUpload();
    else this.beginDownload();
  }

  beginDownload() {
    make('a', { href: address(this.name), download: '' }).click();
    // A short one is over before any news of it.
    setTimeout(() => {
      if (this.at === MOVING && !this.seen) this.to(DONE, 'handed to your browser');
    }, 2000);
  }

  beginUpload() {
    const request = this.request = new XMLHttpRequest();
    on(request.upload, 'progress', event => this.progress(event.loaded));
    on(request, 'load', () => {
      const words = request.responseText.split('\n')[0] || 'the server said ' + request.status;
      if (request.status === 201) this.to(DONE, size(this.of) + ', stored');
      else this.to(FAILED, words.replace(/^ERR /, ''));
    });
    on(request, 'error', () => this.to(FAILED, 'the connection broke'));
    on(request, 'abort', () => this.to(FAILED, 'cancelled'));
    request.open('PUT', address(this.name));
    request.send(this.file);
  }

  // It has left the news. What was left can have been sent since, if it was not too much.
  handedOver() {
    const left = this.of - this.sent;
    const isPossible = left <= Math.max(16 << 20, 4 * this.rate);
    if (isPossible) this.to(DONE, size(this.of) + ', handed to your browser');
    else this.to(FAILED, 'ended after ' + size(this.sent) + ' of ' + size(this.of));
  }
}

const moves = {
  all: [],

  add(move) {
    this.all.push(move);
    $('moves').prepend(move.item);
    const over = this.all.find(each => each.isOver);
    if (this.all.length > MOVES_KEPT && over) this.clear(over);
  },

  clear(move) {
    this.all = this.all.filter(each => each !== move);
    move.item.remove();
  },

  running: isUp => moves.all.filter(each => each.at === MOVING && each.isUp === isUp),

  // The server is asked first: a browser does not tell a page why a download failed.
  download(file) {
    const move = new Move(false, file.name, file.size);
    this.ask(move);
  },

  // What is downloaded has to be there, and what is uploaded must not.
  ask(move) {
    line.ask('stat ' + move.name, answer => {
      const isThere = answer.startsWith('STAT ');
      const words = isThere ? 'exists: ' + shown(move.name) : reason(answer);
      if (move.at !== ASKED) return;
      if (isThere === move.isUp) move.to(FAILED, words);
      else move.to(QUEUED);
    });
  },

  upload(file, isFolder) {
    const move = new Move(true, files.folder + bytesOf(file.name), file.size);
    const most = news.uploads?.most || Infinity;
    move.file = file;
    if (isFolder) return move.to(FAILED, 'is a folder: drop the files in it');
    if (!news.uploads) return move.to(FAILED, 'no uploads here');
    if (file.size > most) return move.to(FAILED, 'too large, ' + most + ' bytes at most');
    if (/[\r\n]/.test(move.name)) return move.to(FAILED, 'cannot be a name: ' + shown(move.name));
    // A refusal in the middle of a long body would reach the browser as a broken connection.
    this.ask(move);
  },

  // The news says how far downloads are, but not of what: their sizes do.
  follow(moving) {
    const seen = moving.filter(each => !each.up);
    for (const move of this.running(false)) {
      const at = seen.findIndex(each => each.of === move.of && each.sent >= move.sent);
      if (at >= 0) move.progress(seen.splice(at, 1)[0].sent);
      else if (move.seen) move.handedOver();
    }
  },

  // What has a connection of its own goes on.
  lost() {
    const asked = this.all.filter(each => each.at === ASKED);
    asked.forEach(each => each.to(FAILED, 'the line dropped'));
    this.running(false).forEach(each => each.to(DONE, 'handed to your browser'));
  },
};

// Begins what waits for its turn, one upload at a time.
function pump() {
  if (state.kind !== INSIDE) return;
  for (const move of moves.all.filter(each => each.at === QUEUED)) {
    const up = moves.running(true).length;
    const isFree = up + moves.running(false).length < RIDERS && !(move.isUp && up);
    if (isFree) move.begin();
  }
}

function renderUploads() {
  const most = news.uploads?.most;
  const to = files.folder ? shown(files.folder) : 'the served folder';
  const limit = most ? ', ' + size(most) + ' each at most.' : '.';
  const none = 'This server accepts no uploads.';
  $('choose').disabled = !news.uploads;
  const words = 'Or drop them anywhere. They go into ' + to + limit;
  write($('upload-words'), news.uploads ? words : none);
  write($('drop').firstElementChild, news.uploads ? 'Drop to upload into ' + to : none);
}

// ---- What a person does ----

const hasFiles = event => event.dataTransfer.types.includes('Files');

function dropped(event) {
  $('drop').hidden = true;
  if (!hasFiles(event)) return;
  event.preventDefault();
  if (state.kind !== INSIDE) return;
  for (const item of event.dataTransfer.items) {
    const entry = item.webkitGetAsEntry();
    if (item.kind === 'file') moves.upload(item.getAsFile(), entry && entry.isDirectory);
  }
}

function takeToken(event) {
  event.preventDefault();
  // The third part is for programs that check a certificate, and no business of the server.
  token = $('token').value.trim().replace(/^(berth1-\w{8}-[\w-]{43})-.*$/, '$1');
  $('token').value = '';
  join();
}

function takeMessage(event) {
  event.preventDefault();
  if ($('message').value) messages.send($('message').value);
  $('message').value = '';
}

function takeFiles() {
  for (const file of $('choose').files) moves.upload(file);
  $('choose').value = '';
}

function showRows(limit) {
  files.limit = limit;
  files.render();
}

function pressed(event) {
  const isTyping = event.target.matches('input') || event.ctrlKey || event.metaKey;
  if (event.key !== '/' || isTyping || state.kind !== INSIDE) return;
  event.preventDefault();
  $('filter').focus();
}

function draggedOver(event) {
  if (!hasFiles(event)) return;
  event.preventDefault();
  $('drop').hidden = state.kind !== INSIDE;
}

on($('token-form'), 'submit', takeToken);
on($('message-form'), 'submit', takeMessage);
on($('again'), 'click', join);
on($('leave'), 'click', () => line.ask('exit', () => {}));
on($('choose'), 'change', takeFiles);
on($('filter'), 'input', () => showRows(ROWS_SHOWN));
on($('more'), 'click', () => showRows(files.limit + ROWS_SHOWN));
for (const each of document.querySelectorAll('th button')) {
  on(each, 'click', () => sortBy(each.dataset.by));
}
on(document, 'keydown', pressed);
on(document, 'visibilitychange', woken);
on(window, 'online', woken);
on(window, 'hashchange', goTo);
on(window, 'dragover', draggedOver);
// Leaving one element for another one within the page has somewhere to go.
on(window, 'dragleave', event => event.relatedTarget || ($('drop').hidden = true));
on(window, 'drop', dropped);
on(window, 'beforeunload', event => moves.running(true).length && event.preventDefault());
setInterval(tick, 1000);
goTo();
join();
