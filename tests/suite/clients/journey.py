"""Drives one of the Python clients through the main job, and prints what it saw as one JSON object.

Usage: journey.py CLIENT MODE INPUT.json
CLIENT is fastmcp, mcp-client, mcp-session or mcp1; MODE is auto, legacy or a protocol version, where the client
knows such a thing. INPUT holds url, token, good, bad and slow, each of the last three with the arguments of
validate_file.
"""

import asyncio
import json
import sys
from contextlib import asynccontextmanager


@asynccontextmanager
async def fastmcp(url, token, mode):
    from fastmcp import Client

    async with Client(url, auth=token, mode=mode) as client:

        async def call(name, arguments, on_progress=None):
            result = await client.call_tool(
                name, arguments, progress_handler=on_progress, raise_on_error=False
            )
            return result.is_error, result.structured_content

        yield client.protocol_version, call


@asynccontextmanager
async def mcp_client(url, token, mode):
    import httpx2
    from mcp.client.client import Client
    from mcp.client.streamable_http import streamable_http_client

    http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60)
    async with http, Client(streamable_http_client(url, http_client=http), mode=mode) as client:

        async def call(name, arguments, on_progress=None):
            result = await client.call_tool(name, arguments, progress_callback=on_progress)
            return result.is_error, result.structured_content

        yield client.protocol_version, call


@asynccontextmanager
async def mcp_session(url, token, mode):
    import httpx2
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60)
    async with http, streamable_http_client(url, http_client=http) as streams:
        async with ClientSession(streams[0], streams[1]) as session:
            hello = await session.initialize()

            async def call(name, arguments, on_progress=None):
                result = await session.call_tool(name, arguments, progress_callback=on_progress)
                return result.is_error, result.structured_content

            yield hello.protocol_version, call


@asynccontextmanager
async def mcp1(url, token, mode):
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    async with streamablehttp_client(url, headers={"Authorization": f"Bearer {token}"}) as streams:
        async with ClientSession(streams[0], streams[1]) as session:
            hello = await session.initialize()

            async def call(name, arguments, on_progress=None):
                result = await session.call_tool(name, arguments, progress_callback=on_progress)
                return result.isError, result.structuredContent

            yield hello.protocolVersion, call


CLIENTS = {"fastmcp": fastmcp, "mcp-client": mcp_client, "mcp-session": mcp_session, "mcp1": mcp1}


async def journey(connect, given, mode):
    async with connect(given["url"], given["token"], mode) as (protocol, call):

        async def ok(name, arguments, on_progress=None):
            failed, structured = await call(name, arguments, on_progress)
            assert not failed, f"{name} failed: {structured}"
            return structured

        async def validate(arguments, on_progress=None):
            run = await ok("validate_file", arguments)
            return await ok("wait_for_run", {"run_ref": run["run_ref"]}, on_progress)

        progress = []

        async def on_progress(done, total, message):
            progress.append({"progress": done, "total": total, "message": message})

        workflows = (await ok("list_workflows", {}))["result"]
        refs = [workflow["workflow_ref"] for workflow in workflows]
        details = [await ok("get_workflow_details", {"workflow_ref": ref}) for ref in refs]
        failed, refused = await call("get_run_status", {"run_ref": "run_none"})
        return {
            "protocol": protocol,
            "workflows": workflows,
            "details": details,
            "good": await validate(given["good"]),
            "bad": await validate(given["bad"]),
            "slow": await validate(given["slow"], on_progress),
            "progress": progress,
            "refused": {"is_error": failed, "structured": refused},
        }


if __name__ == "__main__":
    kind, mode, path = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        given = json.load(file)
    print(json.dumps(asyncio.run(journey(CLIENTS[kind], given, mode))))
