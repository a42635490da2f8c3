"""Signs in with one of the Python clients, calls a tool, refreshes, calls it again; prints one JSON object.

Usage: sign_in.py CLIENT URL SCRATCH
CLIENT is fastmcp or mcp. What the client stores is kept in SCRATCH, so that a second run goes on from there.
"""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit


async def twice(call, context):
    """Two calls with a refresh between them, which the SDK does once a token has ended by its clock."""
    first = await call()
    before = context.current_tokens.access_token
    context.token_expiry_time = 1
    second = await call()
    assert context.current_tokens.access_token != before, "it was not refreshed"
    return [len(answer["result"]) for answer in (first, second)]


async def fastmcp(url, scratch):
    from fastmcp import Client
    from fastmcp.client.auth import OAuth
    from key_value.aio.stores.filetree import (
        FileTreeStore,
        FileTreeV1CollectionSanitizationStrategy,
        FileTreeV1KeySanitizationStrategy,
    )

    # Its keys are URLs, which are no file names.
    store = FileTreeStore(
        data_directory=scratch,
        key_sanitization_strategy=FileTreeV1KeySanitizationStrategy(scratch),
        collection_sanitization_strategy=FileTreeV1CollectionSanitizationStrategy(scratch),
    )
    auth = OAuth(token_storage=store)
    async with Client(url, auth=auth) as client:

        async def call():
            return (await client.call_tool("list_workflows", {})).structured_content

        return await twice(call, auth.context)


class Storage:
    def __init__(self, folder):
        self.tokens, self.client = folder / "tokens.json", folder / "client.json"

    async def get_tokens(self):
        from mcp.shared.auth import OAuthToken

        return OAuthToken.model_validate_json(self.tokens.read_text()) if self.tokens.exists() else None

    async def set_tokens(self, tokens):
        self.tokens.write_text(tokens.model_dump_json())

    async def get_client_info(self):
        from mcp.shared.auth import OAuthClientInformationFull

        if not self.client.exists():
            return None
        return OAuthClientInformationFull.model_validate_json(self.client.read_text())

    async def set_client_info(self, client_info):
        self.client.write_text(client_info.model_dump_json())


async def mcp(url, scratch):
    import httpx2
    from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
    from mcp.client.client import Client
    from mcp.client.streamable_http import streamable_http_client
    from mcp.shared.auth import OAuthClientMetadata

    answer = {}

    async def redirect(address):
        browser = [sys.executable, str(Path(__file__).with_name("browser.py")), "--print", address]
        process = await asyncio.create_subprocess_exec(*browser, stdout=subprocess.PIPE)
        printed, _ = await process.communicate()
        assert process.returncode == 0, "the browser failed"
        answer.update(parse_qs(urlsplit(printed.decode().strip()).query))

    async def callback():
        return AuthorizationCodeResult(code=answer["code"][0], state=answer["state"][0], iss=answer["iss"][0])

    metadata = OAuthClientMetadata(client_name="Python SDK", redirect_uris=["http://localhost:33333/callback"])
    auth = OAuthClientProvider(url, metadata, Storage(scratch), redirect, callback)
    http = httpx2.AsyncClient(auth=auth, timeout=60)
    async with http, Client(streamable_http_client(url, http_client=http)) as client:

        async def call():
            return (await client.call_tool("list_workflows", {})).structured_content

        return await twice(call, auth.context)


if __name__ == "__main__":
    kind, url, scratch = sys.argv[1:]
    workflows = asyncio.run({"fastmcp": fastmcp, "mcp": mcp}[kind](url, Path(scratch)))
    print(json.dumps({"workflows": workflows}))
