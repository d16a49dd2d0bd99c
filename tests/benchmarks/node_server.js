// The peer of server.py: a small Node server that answers 202 when the event is synced to a file.
// While one write and fdatasync run, arrivals gather for the next (group commit).
//
//   node node_server.js DIRECTORY
'use strict';
const { randomUUID } = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');

const file = fs.openSync(path.join(process.argv[2], 'events.ndjson'), 'a');
let waiting = [];
let isWriting = false;

function commit() {
  if (isWriting || waiting.length === 0) return;
  isWriting = true;
  const group = waiting;
  waiting = [];
  fs.write(file, group.map((one) => one.line).join(''), (writeError) => {
    if (writeError) throw writeError;
    fs.fdatasync(file, (syncError) => {
      if (syncError) throw syncError;
      for (const { response } of group) response.writeHead(202, { 'Content-Length': 0 }).end();
      isWriting = false;
      commit();
    });
  });
}

function isEvent({ event, properties = {} }) {
  return typeof event === 'string' && event.length > 0 && event.length <= 128 &&
    typeof properties === 'object' && properties !== null && !Array.isArray(properties);
}

function collect(body, response) {
  let sent;
  try {
    sent = JSON.parse(body);
  } catch {
    return response.writeHead(400).end();
  }
  if (!isEvent(sent)) return response.writeHead(400).end();
  const { event, url, properties = {} } = sent;
  const now = Date.now();
  const line = JSON.stringify({ event_id: randomUUID(), event, url, properties, server_time: now, event_time: now });
  waiting.push({ line: `${line}\n`, response });
  commit();
}

const server = http.createServer((request, response) => {
  if (request.method !== 'POST' || request.url !== '/events') return response.writeHead(404).end();
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', () => collect(Buffer.concat(pieces).toString(), response));
});
server.listen(0, '127.0.0.1', 1024, () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
