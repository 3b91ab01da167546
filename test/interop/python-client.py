"""Python's bedrock-agentcore against a local AgentCore. Prints what it saw, as JSON.

usage: python-client.py RUNTIME_ARN BEARER_TOKEN    The environment is what the start notice exports.
"""

import asyncio
import json
import os
import socket
import sys
import uuid
from urllib.parse import urlparse

runtime_arn, bearer_token = sys.argv[1:]

# In the place of a line in /etc/hosts, which only root may write.
service = urlparse(os.environ["BEDROCK_AGENTCORE_DP_ENDPOINT"]).hostname
resolve = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **more: resolve(
    "127.0.0.1" if host == service else host, *rest, **more
)

from bedrock_agentcore.runtime import AgentCoreRuntimeClient  # noqa: E402
from bedrock_agentcore.runtime.shell import OAuthAuth, PresignedAuth, ShellChannel  # noqa: E402

client = AgentCoreRuntimeClient(region="us-east-1")


async def read(shell, wanted):
    text = ""
    async for frame in shell:
        if frame.channel == ShellChannel.STDOUT:
            text += frame.text
        if wanted in text:
            return
    raise RuntimeError(f"the shell ended before {wanted} came: {text}")


async def hello(**auth):
    async with client.open_shell(runtime_arn, **auth) as shell:
        await shell.send("printf '<%s>' hello\n")
        await read(shell, "<hello>")
        return "hello"


async def reattached():
    at = {"session_id": str(uuid.uuid4()), "shell_id": "kept"}
    async with client.open_shell(runtime_arn, **at) as shell:
        await shell.send("here=kept; printf '<%s>' set\n")
        await read(shell, "<set>")
    async with client.open_shell(runtime_arn, **at) as shell:
        await shell.send("printf '<%s>' $here\n")
        await read(shell, "<kept>")
        await shell.send("exit 42\n")
        async for _ in shell:
            pass
        return shell.exit_code, at["session_id"]


def stopped(session_id):
    request = {
        "agentRuntimeArn": runtime_arn,
        "runtimeSessionId": session_id,
        "clientToken": str(uuid.uuid4()),
    }
    return [client.stop_runtime_session(**request)["statusCode"] for _ in range(2)]


async def main():
    result = {
        "signed": await hello(),
        "presigned": await hello(auth=PresignedAuth(expires=60)),
        "bearer": await hello(auth=OAuthAuth(bearer_token=bearer_token)),
    }
    result["exitCode"], session_id = await reattached()
    result["stopped"] = stopped(session_id)
    print(json.dumps(result))


asyncio.run(main())
