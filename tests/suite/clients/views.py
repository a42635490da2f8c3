"""Reads the view of MCP Apps with the unmodified Python client, and prints what it saw as one JSON object.

Usage: views.py MODE INPUT.json
MODE is auto or legacy. INPUT holds url, token and workflow_ref.
"""

import asyncio
import json
import sys

import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client


def plain(model):
    return model.model_dump(by_alias=True, mode="json", exclude_none=True)


async def views(given, mode):
    headers = {"Authorization": f"Bearer {given['token']}"}
    http = httpx2.AsyncClient(headers=headers, timeout=60)
    async with http, Client(streamable_http_client(given["url"], http_client=http), mode=mode) as client:
        tools = [plain(tool) for tool in (await client.list_tools()).tools]
        with_view = [tool for tool in tools if "ui" in tool.get("_meta", {})]
        uri = with_view[0]["_meta"]["ui"]["resourceUri"]
        read = plain(await client.read_resource(uri))["contents"][0]
        opened = await client.call_tool("open_upload", {"workflow_ref": given["workflow_ref"]})
        return {
            "protocol": client.protocol_version,
            "tools": [{"name": tool["name"], "meta": tool["_meta"]} for tool in with_view],
            "view": {"mime_type": read["mimeType"], "meta": read["_meta"], "text": read["text"][:15]},
            "opened": opened.structured_content,
            "text": opened.content[0].text,
        }


if __name__ == "__main__":
    with open(sys.argv[2], encoding="utf-8") as file:
        print(json.dumps(asyncio.run(views(json.load(file), sys.argv[1]))))
