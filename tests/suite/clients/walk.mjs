// Walks a sign-in in a real Chromium, with the keyboard alone and no scripts in the pages; prints one JSON object.
//
// Usage: node walk.mjs CHROMIUM URL CALLBACK_PORT SCREENSHOT.png
// The first page is the consent page, of which a picture is taken, the second one the provider's login page.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [chromium, url, port, screenshot] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), 'walk-'));
const flags = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-dev-shm-usage',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--hide-scrollbars',
  '--window-size=1000,900', `--user-data-dir=${profile}`, '--remote-debugging-port=0', 'about:blank',
];

// The client's own redirect address.
const callback = new Promise((resolve) => {
  const server = createServer((request, response) => {
    response.end('done');
    if (request.url.startsWith('/callback')) resolve(request.url);
  });
  server.listen(Number(port), '127.0.0.1');
});

const browser = spawn(chromium, flags, { stdio: ['ignore', 'ignore', 'pipe'] });
const endpoint = await new Promise((resolve, reject) => {
  let log = '';
  browser.stderr.on('data', (data) => {
    log += data;
    const found = /DevTools listening on (ws:\S+)/.exec(log);
    if (found) resolve(found[1]);
  });
  browser.on('exit', () => reject(new Error(`Chromium ended:\n${log}`)));
});

const socket = new WebSocket(endpoint);
await new Promise((resolve) => socket.addEventListener('open', resolve));
let next = 0;
const waiting = new Map();
const loads = { seen: 0, taken: 0, wake: null };
socket.addEventListener('message', ({ data }) => {
  const message = JSON.parse(data);
  if (message.id) {
    const { resolve, reject } = waiting.get(message.id);
    message.error ? reject(new Error(JSON.stringify(message.error))) : resolve(message.result);
  } else if (message.method === 'Page.loadEventFired') {
    loads.seen += 1;
    loads.wake?.();
  }
});
const send = (method, params, sessionId) => new Promise((resolve, reject) => {
  next += 1;
  waiting.set(next, { resolve, reject });
  socket.send(JSON.stringify({ id: next, method, params, sessionId }));
});
const loaded = async () => {
  while (loads.seen <= loads.taken) await new Promise((resolve) => { loads.wake = resolve; });
  loads.taken += 1;
};

const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
const page = (method, params = {}) => send(method, params, sessionId);
const press = async (key, code, text) => {
  await page('Input.dispatchKeyEvent', { type: 'keyDown', key, code: key, windowsVirtualKeyCode: code, text });
  await page('Input.dispatchKeyEvent', { type: 'keyUp', key, code: key, windowsVirtualKeyCode: code });
};
const tab = () => press('Tab', 9);
const enter = () => press('Enter', 13, '\r');

await page('Page.enable');
await page('Emulation.setScriptExecutionDisabled', { value: true });
await page('Page.navigate', { url });
await loaded();
const picture = await page('Page.captureScreenshot', { format: 'png', captureBeyondViewport: true });
writeFileSync(screenshot, Buffer.from(picture.data, 'base64'));
const tree = await page('Accessibility.getFullAXTree');
const named = (role) => tree.nodes.filter((node) => node.role?.value === role).map((node) => node.name?.value);
const seen = { headings: named('heading'), buttons: named('button') };

// The first thing that the keyboard reaches is the approval.
await tab();
await enter();
await loaded();
// The demo user is filled in: from the first field, Enter sends the form.
await tab();
await enter();
seen.callback = await callback;
console.log(JSON.stringify(seen));
const ended = new Promise((resolve) => browser.on('exit', resolve));
browser.kill();
await ended;
try {
  rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
} catch (error) {
  // A helper process of Chromium that outlives it may still write there. What this test is about is already known.
  console.error(`left behind: ${profile} (${error.code})`);
}
process.exit(0);
