"""An agent with a wallet: pays for a validation with the x402 package's MCP client, and prints what it saw as JSON.

Usage: pay.py INPUT.json
INPUT holds url, again (another instance's url), key (the wallet's) and arguments (of validate_file).
"""

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from types import SimpleNamespace

from eth_account import Account
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from x402 import x402Client
from x402.mcp import x402MCPClient
from x402.mechanisms.evm.exact import ExactEvmScheme


class Session:
    """The MCP SDK's session in the form that the x402 client calls."""

    def __init__(self, session):
        self.session = session

    async def call_tool(self, params, **_):
        result = await self.session.call_tool(params["name"], params["arguments"], meta=params.get("_meta"))
        # The names that they have on the wire.
        return SimpleNamespace(
            content=result.content,
            isError=result.is_error,
            structuredContent=result.structured_content,
            _meta=result.meta,
        )


@asynccontextmanager
async def connect(url):
    async with streamable_http_client(url) as streams, ClientSession(streams[0], streams[1]) as session:
        await session.initialize()
        yield session


def read(result):
    return json.loads(result.content[0].text)


async def main(given):
    seen = {}
    wallet = x402Client()
    wallet.register("eip155:*", ExactEvmScheme(Account.from_key(given["key"])))

    async with connect(given["url"]) as session:
        client = x402MCPClient(Session(session), wallet)

        def asked(context):
            seen["challenge"] = context.payment_required.model_dump(by_alias=True, exclude_none=True)

        def paid(context):
            seen["payload"] = context.payment_payload

        client.on_before_payment(asked)
        client.on_after_payment(paid)
        result = await client.call_tool("validate_file", given["arguments"])
        seen["paid"], seen["error"] = result.payment_made, result.is_error
        seen["receipt"] = result.payment_response and result.payment_response.model_dump(
            by_alias=True, exclude_none=True
        )
        seen["run"] = read(result)
        if result.is_error:
            sys.exit(f"the payment bought nothing: {seen}")
        waited = await session.call_tool("wait_for_run", {"run_ref": seen["run"]["run_ref"]})
        seen["verdict"] = waited.structured_content["overview"]["result"]

    # Another instance, which has nothing but the chain to go by.
    async with connect(given["again"]) as session:
        client = x402MCPClient(Session(session), wallet)
        result = await client.call_tool_with_payment("validate_file", given["arguments"], seen.pop("payload"))
        seen["again"] = {
            "error": result.is_error,
            "run": read(result),
            "receipt": result.payment_response and result.payment_response.model_dump(
                by_alias=True, exclude_none=True
            ),
        }
    print(json.dumps(seen))


with open(sys.argv[1]) as file:
    asyncio.run(main(json.load(file)))
