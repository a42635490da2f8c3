// A headless Chromium over the DevTools protocol, for scripts that drive pages.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-dev-shm-usage',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--hide-scrollbars',
  '--remote-debugging-port=0',
];

// Starts one. `send` is a command of the protocol, `on` a listener for its events, `close` ends the browser.
export async function launch(program, flags = []) {
  const profile = mkdtempSync(join(tmpdir(), 'chromium-'));
  const browser = spawn(program, [...FLAGS, ...flags, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise((resolve) => { browser.on('exit', resolve); });
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
  await new Promise((resolve) => { socket.addEventListener('open', resolve); });
  let next = 0;
  const waiting = new Map();
  const listeners = new Set();
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(data);
    if (message.id) {
      const { resolve, reject } = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.error) reject(new Error(JSON.stringify(message.error)));
      else resolve(message.result);
    } else for (const listener of [...listeners]) listener(message);
  });
  const send = (method, params = {}, sessionId = undefined) => new Promise((resolve, reject) => {
    next += 1;
    waiting.set(next, { resolve, reject });
    socket.send(JSON.stringify({ id: next, method, params, sessionId }));
  });
  const close = async () => {
    browser.kill();
    await ended;
    try {
      rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
    } catch (error) {
      // A helper process of Chromium that outlives it may still write there.
      console.error(`left behind: ${profile} (${error.code})`);
    }
  };
  return { send, close, on: (listener) => { listeners.add(listener); return () => listeners.delete(listener); } };
}

// A page of its own in this browser.
export async function page(browser, { width = 760, height = 900 } = {}) {
  const { targetId } = await browser.send('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await browser.send('Target.attachToTarget', { targetId, flatten: true });
  const send = (method, params) => browser.send(method, params, sessionId);
  const contexts = new Map();
  const on = (method, act) => browser.on((event) => {
    if (event.sessionId === sessionId && event.method === method) act(event.params);
  });
  on('Runtime.executionContextCreated', ({ context }) => contexts.set(context.id, context));
  on('Runtime.executionContextDestroyed', ({ executionContextId }) => contexts.delete(executionContextId));
  await send('Page.enable');
  await send('Runtime.enable');
  await send('Network.enable');
  const resize = (w, h = height) => send('Emulation.setDeviceMetricsOverride', {
    width: w, height: h, deviceScaleFactor: 1, mobile: false,
  });
  await resize(width);
  // Of the frame whose document has this address, or of the page.
  const context = (url) => [...contexts.values()].reverse().find(({ auxData, origin, name }) => (
    auxData?.isDefault && (url === undefined || origin === url || name === url)
  ))?.id;
  const evaluate = async (expression, contextId, byValue = true) => {
    const { result, exceptionDetails } = await send('Runtime.evaluate', {
      expression, contextId, awaitPromise: true, returnByValue: byValue,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return byValue ? result.value : result;
  };
  return { send, on, contexts, context, evaluate, resize };
}
