// Stands in for the server where the view has to meet what a good one never sends; see view.mjs.

import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const RUN = 'run_1';
const ok = (structuredContent) => ({ content: [{ type: 'text', text: JSON.stringify(structuredContent) }], structuredContent });
const failed = (message) => ({ ...ok({ error: { code: 'X', message } }), isError: true });
const overview = (more) => ok({ overview: { run_ref: RUN, state: 'COMPLETED', is_complete: true, ...more } });
const passed = () => overview({ result: 'PASS', findings: { total: 0, by_severity: {}, shown: [] } });

// Takes uploads, and answers them in this order; the last answer stays.
async function uploads(answers) {
  const seen = [];
  const server = createServer((request, response) => {
    // A fresh connection for each: Chromium itself repeats what breaks on one that was kept.
    const cors = { Connection: 'close', 'Access-Control-Allow-Origin': '*', 'Access-Control-Expose-Headers': 'Retry-After' };
    if (request.method === 'OPTIONS') {
      response.writeHead(204, {
        ...cors, 'Access-Control-Allow-Methods': 'PUT', 'Access-Control-Allow-Headers': 'content-type, x-validibot-upload-ticket',
      }).end();
      return;
    }
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    const one = { ticket: request.headers['x-validibot-upload-ticket'], bytes: 0 };
    seen.push(one);
    request.on('data', (data) => {
      one.bytes += data.length;
      if (answer.cut && one.bytes > answer.cut) request.socket.destroy();
    });
    request.on('end', () => {
      if (answer.hold) return;
      response.writeHead(answer.status, { 'Content-Type': 'application/json', ...cors, ...answer.headers });
      response.end(JSON.stringify(answer.body ?? {}));
    });
    request.on('error', () => {});
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const origin = `http://127.0.0.1:${server.address().port}`;
  return { seen, origin, url: `${origin}/uploads` };
}

const folder = mkdtempSync(join(tmpdir(), 'view-'));
const file = (name, bytes) => {
  const path = join(folder, name);
  writeFileSync(path, Buffer.alloc(bytes, 'x'));
  return path;
};
const opened = (workflow_ref) => ok({
  workflow_ref, name: 'Energy <b>model</b>', accepted_extensions: ['.json', '.csv'], max_bytes: 10_485_760,
});

async function filesAndConnections(given, seen) {
  const error = (status, message, headers) => ({ status, headers, body: { error: { code: 'X', message } } });
  const sink = await uploads([
    { status: 202, hold: true }, { status: 202, cut: 1_000_000 }, { status: 202, body: { run_ref: RUN } },
    error(401, 'The ticket is not good'), error(413, 'The file is larger than Validibot accepts'),
    error(429, 'Validibot takes no more', { 'Retry-After': '58' }), error(503, 'Switched off for maintenance'),
    { status: 502, body: 'a proxy' }, { status: 202, body: { run_ref: RUN } },
  ]);
  let tickets = 0;
  const call = ({ name }) => {
    if (name === 'get_run_status') return passed();
    tickets += 1;
    return ok({ url: sink.url, headers: { 'X-Validibot-Upload-Ticket': `t${tickets}` }, curl: 'curl …' });
  };
  const run = async ({ open, says, choose, press, look, until }) => {
    await open();
    await says('Choose a file');
    const good = file('good.json', 3_000_000);
    seen.said = [];
    const refused = async (words, ...paths) => {
      await choose(...paths);
      await says(words);
      seen.said.push(await look("document.getElementById('problem').innerText"));
    };
    await refused('at most', file('large.json', 11_000_000));
    await refused('empty', file('empty.json', 0));
    await refused('does not take', file('model.pdf', 10));
    seen.calls_before = seen.calls.length;
    // A second one while the first is under way, which is then stopped.
    await choose(good);
    await until('upload', () => sink.seen.length === 1);
    await refused('still under way', file('second.json', 10));
    await press('Stop');
    await says('stopped');
    // The same ticket again: the connection breaks in the middle, and then holds.
    await press('Try again');
    await says('lost in the middle');
    await press('Try again');
    await says('Passed');
    seen.tickets_for_one_file = tickets;
    await choose(good);
    for (const words of ['run out', 'larger than', '58 seconds', 'maintenance', 'answered with 502']) {
      await says(words);
      seen.said.push(await look("document.getElementById('problem').innerText"));
      await press('Try again');
    }
    await says('Passed');
    seen.uploads = sink.seen;
  };
  return { opened: opened(given.workflow_ref), allow: [sink.origin], call, run };
}

async function findings(given, seen) {
  const planted = '<img src=x onerror="window.hacked=1"><script>window.hacked=2</script>';
  const hidden = 'a\u202eb\u200bc\u{e0041}d';
  const page = (offset) => ({
    total: 45, by_severity: { ERROR: 43, WARNING: 2 },
    shown: Array.from({ length: Math.min(20, 45 - offset) }, (_, at) => ({
      severity: offset + at < 43 ? 'ERROR' : 'WARNING', path: at % 2 ? `$.zone[${(offset + at) % 4}]` : planted, step: hidden,
      message: at === 0 ? 'x'.repeat(100_000) : `${planted} ${offset + at} ${hidden}`, code: 'E1',
    })),
  });
  let readable = true;
  const call = ({ arguments: { findings_offset: offset = 0 } }) => (
    readable ? overview({ result: 'FAIL', findings: page(offset) }) : failed('There is no such run'));
  const run = async ({ initialized, bridge, says, press, look, text, until }) => {
    await initialized;
    bridge.sendToolInput({ arguments: { run_ref: RUN } });
    // As a chat keeps it, shown again days later.
    await bridge.sendToolResult(overview({
      result: 'FAIL', findings: page(0), next: { tool: 'validate_file', arguments: { workflow_ref: given.workflow_ref } },
    }));
    await says('Failed: 43 ERROR, 2 WARNING');
    seen.calls_on_mount = seen.calls.length;
    await press('Show more: 20 of 45');
    await says('Show more: 40 of 45');
    readable = false;
    await press('Show more');
    await says('cannot be read any more');
    seen.said = [await look("document.getElementById('problem').innerText")];
    readable = true;
    await press('Try again');
    await until('all findings', () => look("document.querySelectorAll('#findings li').length === 45"));
    seen.text = await text();
    seen.groups = await look("[...document.querySelectorAll('#findings h2')].map((one) => one.textContent)");
    seen.places = await look("document.querySelectorAll('#findings .place').length");
    seen.elements = await look("document.querySelectorAll('#findings img, #findings script').length");
    seen.hacked = await look('window.hacked');
    seen.messages_before = seen.messages.length;
    await press('Ask to fix');
    await until('message', () => seen.messages.length === 1);
    await bridge.teardownResource({});
    seen.torn_down = true;
  };
  return { opened: null, call, run };
}

async function endless(given, seen) {
  const sink = await uploads([{ status: 202, body: { run_ref: RUN } }]);
  const call = ({ name }) => (name === 'prepare_upload'
    ? ok({ url: sink.url, headers: { 'X-Validibot-Upload-Ticket': 't' }, curl: 'curl …' })
    : ok({ overview: { run_ref: RUN, state: 'RUNNING', is_complete: false } }));
  const run = async ({ open, says, choose, text }) => {
    await open();
    await says('Choose a file');
    await choose(file('a.json', 10));
    await says('has not ended after half an hour');
    seen.text = await text();
  };
  return { opened: opened(given.workflow_ref), allow: [sink.origin], call, run };
}

// Where the frame may not connect, and the file is too large to be handed over: the host's own upload.
async function chatgpt(given, seen) {
  let handed = 0;
  const call = ({ name }) => {
    if (name === 'prepare_upload') return ok({ url: 'https://server.example/uploads', headers: {}, curl: 'curl …' });
    if (name === 'get_run_status') return passed();
    handed += 1;
    return handed === 1 ? failed('file could not be fetched: its host answered with 403') : overview({ state: 'RUNNING', is_complete: false });
  };
  const run = async ({ open, says, choose, press, look, text }) => {
    await open();
    await says('Choose a file');
    await choose(file('a.json', 3_000_000));
    await says('too large to hand it over');
    seen.before = await look("[...document.querySelectorAll('button')].map((one) => one.textContent)");
    await press('Send it through ChatGPT');
    await says('answered with 403');
    seen.said = [await look("document.getElementById('problem').innerText")];
    await press('Send it through ChatGPT');
    await says('Passed');
    seen.text = await text();
    seen.uploaded = await look('window.uploaded');
    seen.kept = await look('window.kept');
  };
  const result = opened(given.workflow_ref);
  result.structuredContent.takes_files = true;
  return { opened: result, call, run };
}

function silent(_, seen) {
  const run = async ({ says, text }) => {
    await says('does not talk to it');
    seen.text = await text();
  };
  return { opened: null, call: () => failed('never asked'), run };
}

const SCRIPTS = { files: filesAndConnections, findings, endless, chatgpt, silent };

// What the host answers in place of the server, and what a person does.
export const scripted = (given, seen) => SCRIPTS[given.script](given, seen);
