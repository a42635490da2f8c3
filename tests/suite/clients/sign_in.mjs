// Signs in with one of the npm clients and calls a tool; prints one JSON object.
//
// Usage: node sign_in.mjs CLIENT URL SCRATCH BROWSER
// CLIENT is client or mcp-remote. What the client stores is kept in SCRATCH, so that a second run goes on from there.
// BROWSER is the path of browser.py.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [kind, url, scratch, browser] = process.argv.slice(2);
const who = { name: 'sign-in', version: '0' };

// Keeps everything in one file.
class Provider {
  file = join(scratch, 'client.json');
  kept = existsSync(this.file) ? JSON.parse(readFileSync(this.file, 'utf8')) : {};
  answer = null;
  redirectUrl = 'http://localhost:33333/callback';
  clientMetadata = { client_name: 'TypeScript client', redirect_uris: [this.redirectUrl] };

  keep(name, value) {
    this.kept[name] = value;
    writeFileSync(this.file, JSON.stringify(this.kept));
  }

  clientInformation() { return this.kept.client; }
  saveClientInformation(client) { this.keep('client', client); }
  tokens() { return this.kept.tokens; }
  saveTokens(tokens) { this.keep('tokens', tokens); }
  codeVerifier() { return this.kept.verifier; }
  saveCodeVerifier(verifier) { this.keep('verifier', verifier); }
  state() { return 'a state of the client'; }
  redirectToAuthorization(address) {
    const printed = execFileSync('python3', [browser, '--print', address.href], { encoding: 'utf8' });
    this.answer = new URL(printed.trim()).searchParams;
  }
}

async function client() {
  const { Client, StreamableHTTPClientTransport, UnauthorizedError } = await import('@modelcontextprotocol/client');
  const authProvider = new Provider();
  const connect = async () => {
    const client = new Client(who, { versionNegotiation: { mode: 'auto' } });
    const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider });
    try {
      await client.connect(transport);
      return client;
    } catch (error) {
      if (!(error instanceof UnauthorizedError) || !authProvider.answer) throw error;
      await transport.finishAuth(authProvider.answer.get('code'), authProvider.answer.get('iss'));
      authProvider.answer = null;
      return connect();
    }
  };
  return connect();
}

async function bridge() {
  const { Client } = await import('@modelcontextprotocol/sdk/client/index.js');
  const { StdioClientTransport } = await import('@modelcontextprotocol/sdk/client/stdio.js');
  const client = new Client(who);
  const args = ['node_modules/.bin/mcp-remote', url, '--allow-http'];
  const env = { ...process.env, MCP_REMOTE_CONFIG_DIR: scratch };
  await client.connect(new StdioClientTransport({ command: process.execPath, args, env, stderr: 'inherit' }));
  return client;
}

const connected = await { client, 'mcp-remote': bridge }[kind]();
const result = await connected.callTool({ name: 'list_workflows', arguments: {} });
if (result.isError) throw new Error(JSON.stringify(result));
await connected.close();
console.log(JSON.stringify({ workflows: [result.structuredContent.result.length] }));
process.exit(0);
