"""Uses an MCP server as its documentation says, with the official Python SDK, 1.x or 2.x, whichever is installed.

Usage: use_tools.py ROUTE

ROUTE is JSON: {"url": …}, or {"command": …, "args": […]}; "mode" says how a 2.x client is to agree on the revision.
Prints what it met, as JSON.
"""

import asyncio
import hashlib
import json
import sys
from contextlib import asynccontextmanager

import anyio
from mcp import StdioServerParameters, types

try:
    from mcp import Client, MCPError
except ImportError:
    Client = None
    from mcp import McpError as MCPError

COLOUR = {"colour": "green"}


async def elicit(_context, _params):
    """Answers what the server asks the user for."""
    return types.ElicitResult(action="accept", content=COLOUR)


@asynccontextmanager
async def connect_1(route):
    """A session of the 1.x SDK, and the revision it has agreed on."""
    from mcp import ClientSession
    from mcp.client.stdio import stdio_client
    from mcp.client.streamable_http import streamable_http_client

    if "url" in route:
        transport = streamable_http_client(route["url"])
    else:
        transport = stdio_client(StdioServerParameters(command=route["command"], args=route["args"]))
    async with transport as streams, ClientSession(streams[0], streams[1], elicitation_callback=elicit) as session:
        yield session, (await session.initialize()).protocolVersion


@asynccontextmanager
async def connect_2(route):
    """A client of the 2.x SDK, and the revision it has agreed on."""
    server = route.get("url") or StdioServerParameters(command=route["command"], args=route["args"])
    async with Client(server, mode=route["mode"], elicitation_callback=elicit) as client:
        yield client, client.protocol_version


def plain(result):
    """A result as JSON."""
    return result.model_dump(mode="json", by_alias=True, exclude_none=True)


async def progress_of(session):
    """What is heard of a call before it is cancelled."""
    heard = []
    with anyio.CancelScope() as scope:

        async def progressed(done, _total, _message):
            heard.append(done)
            if len(heard) == 3:
                scope.cancel()

        await session.call_tool("steps", {}, progress_callback=progressed)
    return heard


async def use(session):
    """Everything that is compared."""
    # The 2.x SDK takes no longer event than 1 MiB.
    big = plain(await session.call_tool("big", {"size": 512 * 1024}))
    met = {
        "tools": plain(await session.list_tools())["tools"],
        "echo": plain(await session.call_tool("echo", {"label": 'zażółć ☃ 𝄞 "\\'})),
        "gnarly": plain(await session.call_tool("gnarly", {})),
        "big": hashlib.sha256(json.dumps(big, sort_keys=True).encode()).hexdigest(),
        "elicited": plain(await session.call_tool("ask-elicitation/create", {})),
        # The 1.x SDK tells nobody that it gave a call up, and breaks when the answer comes while it ends.
        "progress": None if Client is None else await progress_of(session),
    }
    try:
        met["forbidden"] = plain(await session.call_tool("forbidden", {"label": "python"}))
    except MCPError as error:
        met["forbidden"] = plain(error.error)
    met["after"] = plain(await session.call_tool("echo", {"label": "still here"}))
    met["journal"] = plain(await session.call_tool("journal", {}))["content"][0]["text"]
    return met


async def main(route):
    """Connects, uses, prints."""
    async with (connect_1 if Client is None else connect_2)(route) as (session, version):
        met = await use(session)
    print(json.dumps({"version": version, **met}))


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
