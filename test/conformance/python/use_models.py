"""Asks a model as the documentation of OpenAI's official Python client says, whole and streamed.

Usage: use_models.py BASE_URL MODEL

Prints what came out, as JSON: what was said and which tools are to be called, or the error that was raised.
"""

import json
import sys

from openai import APIStatusError, OpenAI

READ_FILE = {"name": "read_file", "parameters": {"type": "object", "properties": {"path": {"type": "string"}}}}


def ask_whole(client, question):
    """The completion, in one piece."""
    return client.chat.completions.create(**question), 1


def ask_streamed(client, question):
    """The completion that the pieces of a stream make, and how many pieces of text there were."""
    with client.chat.completions.stream(**question, stream_options={"include_usage": True}) as stream:
        pieces = sum(event.type == "content.delta" for event in stream)
        return stream.get_final_completion(), pieces


def outcome_of(ask, client, question):
    """An answer, or an error of the API; anything else ends the program."""
    try:
        completion, pieces = ask(client, question)
    except APIStatusError as error:
        body = error.body if isinstance(error.body, dict) else {}
        return {
            "raised": type(error).__name__,
            "status": error.status_code,
            "code": error.code,
            "type": error.type,
            "reason_code": body.get("portcullis", {}).get("reason_code"),
        }
    message = completion.choices[0].message
    return {
        "text": message.content,
        "pieces": pieces,
        "calls": [[call.function.name, json.loads(call.function.arguments)] for call in message.tool_calls or []],
        "tokens": completion.usage.total_tokens,
    }


def main(base_url, model):
    """Asks both ways, prints."""
    client = OpenAI(base_url=base_url, api_key="of-the-agent")
    tools = [{"type": "function", "function": READ_FILE}]
    question = {"model": model, "messages": [{"role": "user", "content": "say hello"}], "tools": tools}
    met = {
        "models": [listed.id for listed in client.models.list()],
        "whole": outcome_of(ask_whole, client, question),
        "streamed": outcome_of(ask_streamed, client, question),
    }
    print(json.dumps(met))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
