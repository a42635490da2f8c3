"""Lists the workflows by fastmcp, and prints them as one JSON object.

Usage: list_workflows.py URL TOKEN
"""

import asyncio
import json
import sys

from fastmcp import Client


async def main(url, token):
    async with Client(url, auth=token) as client:
        result = await client.call_tool("list_workflows", {}, raise_on_error=False)
        seen = {"is_error": result.is_error, "result": result.structured_content}
    print(json.dumps(seen))


asyncio.run(main(*sys.argv[1:]))
