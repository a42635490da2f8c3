// Drives one of the npm clients through the main job, and prints what it saw as one JSON object.
//
// Usage: node journey.mjs CLIENT MODE INPUT.json
// CLIENT is client, sdk or mcp-remote; MODE is legacy, auto or a protocol version, where the client knows such a
// thing. INPUT holds url, token, good, bad and slow, each of the last three with the arguments of validate_file.

import { readFileSync } from 'node:fs';

const [kind, mode, path] = process.argv.slice(2);
const given = JSON.parse(readFileSync(path, 'utf8'));
const requestInit = { headers: { Authorization: `Bearer ${given.token}` } };
const who = { name: 'journey', version: '0' };
const older = ['2024-11-05', '2025-03-26', '2025-06-18'];

async function client() {
  const { Client, StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client');
  const options = older.includes(mode)
    ? { supportedProtocolVersions: [mode] }
    : { versionNegotiation: { mode: mode === 'legacy' || mode === 'auto' ? mode : { pin: mode } } };
  const client = new Client(who, options);
  await client.connect(new StreamableHTTPClientTransport(new URL(given.url), { requestInit }));
  return {
    protocol: client.getNegotiatedProtocolVersion(),
    list: () => client.listTools(),
    call: (params, options) => client.callTool(params, options),
    close: () => client.close(),
  };
}

async function sdk() {
  const { Client } = await import('@modelcontextprotocol/sdk/client/index.js');
  const { StreamableHTTPClientTransport } = await import('@modelcontextprotocol/sdk/client/streamableHttp.js');
  const client = new Client(who);
  const transport = new StreamableHTTPClientTransport(new URL(given.url), { requestInit });
  await client.connect(transport);
  return {
    protocol: transport.protocolVersion,
    list: () => client.listTools(),
    call: (params, options) => client.callTool(params, undefined, options),
    close: () => client.close(),
  };
}

// A client of the older transport, standard input and output, behind the bridge that many hosts use.
async function bridge() {
  const { Client } = await import('@modelcontextprotocol/sdk/client/index.js');
  const { StdioClientTransport } = await import('@modelcontextprotocol/sdk/client/stdio.js');
  const client = new Client(who);
  const args = ['node_modules/.bin/mcp-remote', given.url, '--allow-http', '--header', 'Authorization:${BEARER}'];
  const env = { ...process.env, BEARER: `Bearer ${given.token}`, MCP_REMOTE_CONFIG_DIR: given.scratch };
  await client.connect(new StdioClientTransport({ command: process.execPath, args, env, stderr: 'inherit' }));
  return {
    protocol: null,
    list: () => client.listTools(),
    call: (params, options) => client.callTool(params, undefined, options),
    close: () => client.close(),
  };
}

const { protocol, list, call, close } = await { client, sdk, 'mcp-remote': bridge }[kind]();

async function ok(name, args, options) {
  const result = await call({ name, arguments: args }, options);
  if (result.isError) throw new Error(`${name} failed: ${JSON.stringify(result)}`);
  return result.structuredContent;
}

async function validate(args, options) {
  const run = await ok('validate_file', args);
  return ok('wait_for_run', { run_ref: run.run_ref }, { timeout: 120_000, ...options });
}

// Once it knows the output schemas, a client checks every result against them.
await list();

const progress = [];
const onprogress = ({ progress: done, total, message }) => progress.push({ progress: done, total, message });

const workflows = (await ok('list_workflows', {})).result;
const details = [];
for (const { workflow_ref } of workflows) details.push(await ok('get_workflow_details', { workflow_ref }));
const refused = await call({ name: 'get_run_status', arguments: { run_ref: 'run_none' } });
const seen = {
  protocol,
  workflows,
  details,
  good: await validate(given.good),
  bad: await validate(given.bad),
  slow: await validate(given.slow, { onprogress }),
  progress,
  refused: { is_error: refused.isError, structured: refused.structuredContent },
};
await close();
console.log(JSON.stringify(seen));
process.exit(0);
