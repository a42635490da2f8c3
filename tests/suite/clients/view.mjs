// A host of MCP Apps in Chromium: a page that shows the server's view in a sandboxed frame of another origin, under the
// specification's content security policy, with the bridge of @modelcontextprotocol/ext-apps as the host.
//
// Usage: node view.mjs CHROMIUM INPUT.json; prints one JSON object, what was seen.
// INPUT: url, token, workflow_ref, file; optional: mode (of the client), same_origin, deny (no connections), script (what
// stands in for the server, see `scripted`), slow (upload in bytes a second), artefacts (a folder for pictures), name.

import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { AppBridge } from '@modelcontextprotocol/ext-apps/app-bridge';
import { launch, page } from './chromium.mjs';
import { scripted } from './script.mjs';

const [chromium, path] = process.argv.slice(2);
const given = JSON.parse(readFileSync(path, 'utf8'));
const UI = 'io.modelcontextprotocol/ui';
const MIME = 'text/html;profile=mcp-app';
const seen = { calls: [], contexts: [], messages: [], links: [], sizes: [], requests: [], texts: {} };

// ---- the server, as the host knows it
const options = {
  capabilities: { extensions: { [UI]: { mimeTypes: [MIME] } } },
  versionNegotiation: { mode: given.mode ?? 'auto' },
};
const client = new Client({ name: 'host', version: '1' }, options);
const requestInit = { headers: { Authorization: `Bearer ${given.token}` } };
await client.connect(new StreamableHTTPClientTransport(new URL(given.url), { requestInit }));
const { tools } = await client.listTools();
const opener = tools.find(({ name }) => name === 'open_upload');
const uri = opener._meta.ui.resourceUri;
seen.protocol = client.getNegotiatedProtocolVersion();
seen.extension = client.getServerCapabilities()?.extensions?.[UI];
seen.tools = tools.filter(({ _meta }) => _meta?.ui).map(({ name, _meta }) => ({ name, meta: _meta }));
seen.listed = (await client.listResources()).resources.filter(({ mimeType }) => mimeType === MIME);
const { contents: [view] } = await client.readResource({ uri });
seen.view = { uri: view.uri, mimeType: view.mimeType, meta: view._meta, length: view.text.length };

// ---- two origins: the host's page, and the view's frame
const csp = view._meta.ui.csp;
const fake = given.script && await scripted(given, seen);
const list = (domains) => (given.deny ? [] : [...domains ?? [], ...fake?.allow ?? []]).join(' ');
const policy = [
  "default-src 'none'", "script-src 'self' 'unsafe-inline'", "style-src 'self' 'unsafe-inline'", "img-src 'self' data:",
  "media-src 'self' data:", `connect-src ${list(csp.connectDomains) || "'none'"}`, "frame-src 'none'", "object-src 'none'",
  "base-uri 'self'",
].join('; ');
const serve = async (host, answer) => {
  const server = createServer(answer);
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return `http://${host}:${server.address().port}`;
};
const html = { 'Content-Type': 'text/html; charset=utf-8' };
const viewOrigin = await serve('localhost', (_, response) => {
  response.writeHead(200, { ...html, 'Content-Security-Policy': policy }).end(view.text);
});
const sandbox = given.same_origin ? 'allow-scripts allow-same-origin' : 'allow-scripts';
const hostOrigin = await serve('127.0.0.1', (_, response) => response.writeHead(200, html).end(`<!doctype html>
<title>A host</title><style>html{color-scheme:light dark}body{margin:0}iframe{width:100%;height:100vh;border:0}</style>
<iframe sandbox="${sandbox}" title="view"></iframe>
<script>
const frame = document.querySelector('iframe');
addEventListener('message', ({ source, data }) => { if (source === frame.contentWindow) toHost(JSON.stringify(data)); });
</script>`));

// ---- the browser
// One process for all frames: their documents are reached over one session.
const browser = await launch(chromium, [
  '--disable-site-isolation-trials', '--disable-features=IsolateOrigins,site-per-process,IsolateSandboxedIframes',
]);
const { send, on, contexts, evaluate, resize } = await page(browser);
await send('Runtime.addBinding', { name: 'toHost' });
if (given.fast_forward) {
  // The pauses between readings of a run are shorter, so that half an hour is not waited for; deadlines stay.
  await send('Page.addScriptToEvaluateOnNewDocument', {
    source: `{ const wait = setTimeout; window.setTimeout = (act, ms, ...rest) => (
      wait(act, ms >= 2000 && ms <= 10000 ? ms / ${given.fast_forward} : ms, ...rest)); }`,
  });
}
if (given.openai) {
  // What ChatGPT gives to a view besides the bridge.
  await send('Page.addScriptToEvaluateOnNewDocument', {
    source: `window.openai = {
      uploadFile: async (file, options) => (window.uploaded = { name: file.name, bytes: file.size, ...options }, { fileId: 'file_1' }),
      getFileDownloadUrl: async ({ fileId }) => ({ downloadUrl: 'https://files.example/' + fileId }),
      setWidgetState: (state) => { window.kept = state; },
    };`,
  });
}
on('Network.requestWillBeSent', ({ request }) => {
  if (!request.url.startsWith(hostOrigin) && !request.url.startsWith(viewOrigin)) {
    seen.requests.push({ method: request.method, url: request.url });
  }
});
await send('Page.navigate', { url: hostOrigin });
const until = async (what, test, seconds = 60) => {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const value = await test();
    if (value) return value;
    if (Date.now() > end) throw new Error(`no ${what}: ${JSON.stringify({ ...seen, text: await text().catch(String) })}`);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
};
const defaults = () => [...contexts.values()].filter(({ auxData }) => auxData?.isDefault);
let hostContext, viewContext;
await until('page of the host', async () => {
  for (const { id } of defaults()) if (await evaluate('typeof frame', id).catch(() => '') === 'object') hostContext = id;
  return hostContext;
});

// ---- the bridge: what the view posts reaches it here, and what it says is posted to the view
const capabilities = { openLinks: {}, serverTools: {}, updateModelContext: { text: {} }, message: { text: {} }, logging: {} };
const bridge = new AppBridge(null, { name: 'host', version: '1' }, capabilities, { hostContext: { theme: 'light' } });
bridge.oncalltool = async (params) => {
  // A file's bytes, where they come this way, would be most of what is printed.
  const { file_content: content, ...rest } = params.arguments ?? {};
  seen.calls.push(content === undefined ? params : { ...params, arguments: { ...rest, characters: content.length } });
  return fake ? fake.call(params) : client.callTool({ name: params.name, arguments: params.arguments });
};
bridge.onupdatemodelcontext = async (params) => { seen.contexts.push(params); return {}; };
bridge.onmessage = async (params) => { seen.messages.push(params); return {}; };
bridge.onopenlink = async (params) => { seen.links.push(params); return {}; };
bridge.onsizechange = (params) => { seen.sizes.push(params); };
const initialized = new Promise((resolve) => { bridge.oninitialized = resolve; });
const transport = {
  async start() { /* it is there */ },
  async close() { /* the browser is closed */ },
  async send(message) {
    await evaluate(`frame.contentWindow.postMessage(${JSON.stringify(message).replaceAll('\u2028', '\\u2028')}, '*')`, hostContext);
  },
};
if (given.script === 'silent') on('Runtime.bindingCalled', () => {});
else {
  on('Runtime.bindingCalled', ({ payload }) => transport.onmessage(JSON.parse(payload)));
  await bridge.connect(transport);
}
if (given.slow) {
  await send('Network.emulateNetworkConditions', {
    offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: given.slow,
  });
}
await evaluate(`void (frame.src = ${JSON.stringify(viewOrigin)})`, hostContext);
await until('view', async () => {
  for (const { id } of defaults()) {
    if (id !== hostContext && await evaluate("!!document.getElementById('drop')", id).catch(() => false)) viewContext = id;
  }
  return viewContext;
});

// ---- what a person does and sees
const look = (expression) => evaluate(expression, viewContext);
const text = () => look('document.body.innerText');
const says = (words, seconds) => until(words, async () => (await text()).includes(words), seconds);
const choose = async (...files) => {
  const { objectId } = await evaluate("document.getElementById('file')", viewContext, false);
  await send('DOM.setFileInputFiles', { files, objectId });
};
const press = (label) => look(`(() => {
  const button = [...document.querySelectorAll('button')].find((one) => one.textContent.startsWith(${JSON.stringify(label)}));
  if (!button) throw new Error('no button ' + ${JSON.stringify(label)});
  button.click();
})()`);
const picture = async (name) => {
  if (!given.artefacts) return;
  const { data } = await send('Page.captureScreenshot', { format: 'png' });
  writeFileSync(join(given.artefacts, `view-${name}.png`), Buffer.from(data, 'base64'));
};
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const audit = async (name) => {
  // The view's own background is transparent: what it is judged on is the host's, as Chromium paints it.
  const behind = await evaluate("getComputedStyle(document.body).color === 'rgb(0, 0, 0)' ? '#fff' : '#121212'", hostContext);
  await look(`void (document.documentElement.style.background = '${behind}')`);
  await look(`void (() => { ${axe} })()`);
  const violations = await look(`axe.run(document, { iframes: false }).then(({ violations }) => violations.map(({ id, nodes }) => (
    id + ': ' + nodes.map(({ html, failureSummary }) => html + ' ' + failureSummary).join('; '))))`);
  await look("void (document.documentElement.style.background = '')");
  seen.violations = [...(seen.violations ?? []), ...violations.map((violation) => `${name}: ${violation}`)];
};
const theme = async (name) => {
  await send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: name }] });
  bridge.setHostContext({ theme: name });
  await until(`theme ${name}`, () => look(`document.documentElement.dataset.theme === '${name}'`));
};
// In both themes and narrow, with an audit of each.
const inspect = async (name) => {
  for (const kind of ['light', 'dark']) {
    await theme(kind);
    await picture(`${name}-${kind}`);
    await audit(`${name} ${kind}`);
  }
  await theme('light');
  await resize(320);
  await until('narrow page', () => look('innerWidth === 320'));
  await picture(`${name}-320`);
  await audit(`${name} 320`);
  seen.wider = [...(seen.wider ?? []), await look('document.documentElement.scrollWidth > innerWidth')];
  await resize(760);
};
const open = async () => {
  await initialized;
  const input = { workflow_ref: given.workflow_ref };
  bridge.sendToolInput({ arguments: input });
  const result = fake?.opened ?? await client.callTool({ name: 'open_upload', arguments: input });
  seen.opened = result.structuredContent;
  await bridge.sendToolResult(result);
};

const hands = {
  given, seen, bridge, client, look, text, says, choose, press, until, inspect, open, initialized, fake, picture, send,
};
try {
  if (fake) await fake.run(hands);
  else {
    await open();
    await says('Choose a file');
    if (given.inspect) await inspect('ready');
    await look(`window.moves = []; new MutationObserver(() => moves.push(document.getElementById('bar').value))
      .observe(document.getElementById('bar'), { attributes: true, attributeFilter: ['value'] })`);
    await choose(given.file);
    await until('end of the run', () => look("!document.getElementById('verdict').hidden || !document.getElementById('problem').hidden"), 120);
    seen.text = await text();
    seen.moves = await look('moves');
    seen.origin = await look('self.origin');
    seen.buttons = await look("[...document.querySelectorAll('button')].map((one) => one.textContent)");
    if (given.inspect) await inspect('findings');
    if (seen.buttons.includes('Show a command')) {
      await press('Show a command');
      seen.command = await look("document.getElementById('command').value");
    }
  }
} finally {
  await browser.close();
}
await client.close();
console.log(JSON.stringify(seen));
process.exit(0);
