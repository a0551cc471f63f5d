"""A small OpenAI-compatible endpoint for tests and benchmarks, in a process of its own.

    python -m tests.engine.endpoint [--delay-ms N] [--answer TEXT]

Prints its port as the first line. It answers as the scripted engine does, holds to vLLM's constraints and to
`response_format`, and takes a token for each character (one for a whole control token). `POST /control`
sets how it behaves (see `Behaviour`), `GET` tells what it was asked, `DELETE` forgets it. `--answer` is given
wherever it has the keys that the schema asks for: then answering costs next to nothing.
"""

import argparse
import asyncio
import dataclasses
import json
import re
import subprocess
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from gristmill.engine.answerer import answer
from gristmill.recipes.request import Constraint, ConstraintKind, Message, Request, Sampling

_CONTROL = re.compile(r"<\|\w+\|>|<(?:start|end)_of_turn>")


@dataclass
class Behaviour:
    """What it does. `faults` are spent one by one, each on the next request for an answer."""

    faults: list[dict[str, Any]] = field(default_factory=list)
    """`{"status": 429, "headers": {...}, "message": ...}`, or `{"do": "hang" | "close" | "cut" | "garbage"}`."""
    poison: str = ""
    """A request that holds it always gets a 500."""
    models_status: int = 200
    ignore_constraints: bool = False
    key: str = ""
    context: int = 0
    delay_ms: float = 0.0
    per_second: float = 0.0
    """Answers that it gives in a second at most; the rest get a 429."""
    answer: str = ""


@dataclass
class Seen:
    """What it was asked."""

    answers: int = 0
    requests: int = 0
    connections: int = 0
    bodies: list[Any] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


class Server(asyncio.Protocol):
    """One connection."""

    behaviour = Behaviour()
    seen = Seen()
    keep_bodies = True
    next_turn = 0.0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.buffer = b""
        Server.seen.connections += 1

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            found = re.search(rb"\ncontent-length: *(\d+)", head)
            length = int(found[1]) if found else 0
            if len(self.buffer) < end + 4 + length:
                return
            method, path, _ = self.buffer[:end].split(b" ", 2)
            body = self.buffer[end + 4 : end + 4 + length]
            self.buffer = self.buffer[end + 4 + length :]
            self.route(f"{method.decode()} {path.decode()}", head, body)

    def route(self, what: str, head: bytes, body: bytes) -> None:
        if what == "POST /control":
            Server.behaviour = Behaviour(**orjson.loads(body))
            return self.send(200, {})
        if what == "DELETE /control":
            Server.seen = Seen()
            return self.send(200, {})
        if what == "GET /control":
            return self.send(200, dataclasses.asdict(Server.seen))
        Server.seen.paths.append(what) if Server.keep_bodies else None
        key = Server.behaviour.key
        if key and f"authorization: bearer {key}".lower().encode() not in head:
            found = re.search(rb"authorization: bearer (\S+)", head)
            return self.refuse(401, f"Incorrect API key provided: {found[1].decode() if found else ''}")
        if what == "GET /v1/models":
            return self.send(Server.behaviour.models_status, {"object": "list", "data": [{"id": "tiny"}]})
        if what in ("POST /v1/chat/completions", "POST /v1/completions"):
            return self.complete(orjson.loads(body))
        return self.refuse(404, "Not Found")

    def complete(self, body: dict[str, Any]) -> None:
        Server.seen.requests += 1
        if Server.keep_bodies:
            Server.seen.bodies.append(body)
        fault = Server.behaviour.faults.pop(0) if Server.behaviour.faults else None
        if Server.behaviour.poison and Server.behaviour.poison in json.dumps(body):
            return self.refuse(500, "the engine choked on it")
        if fault:
            return self.misbehave(fault, body)
        if Server.behaviour.per_second and not self.has_turn():
            return self.refuse(429, "too many requests")
        if Server.behaviour.delay_ms:
            loop = asyncio.get_running_loop()
            loop.call_later(Server.behaviour.delay_ms / 1000, self.give, body)
        else:
            self.give(body)
        return None

    def has_turn(self) -> bool:
        now = asyncio.get_running_loop().time()
        if now < Server.next_turn:
            return False
        Server.next_turn = now + 1 / Server.behaviour.per_second
        return True

    def misbehave(self, fault: dict[str, Any], body: dict[str, Any]) -> None:
        if "status" in fault:
            return self.refuse(fault["status"], fault.get("message", "no"), fault.get("headers", {}))
        if fault["do"] == "close":
            return self.transport.close()
        if fault["do"] == "garbage":
            return self.send(200, ["surprise"])
        if fault["do"] == "cut":
            whole = self.reply(body)
            self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(whole) + whole[:40])
            return self.transport.close()
        return None  # hang

    def give(self, body: dict[str, Any]) -> None:
        limit = Server.behaviour.context
        tokens = _tokens(body)
        if limit and tokens + body["max_tokens"] > limit:
            said = f"This model's maximum context length is {limit} tokens. However, your prompt contains {tokens}"
            self.refuse(400, f"{said} input tokens. Please reduce the length of the input prompt.")
            return
        Server.seen.answers += 1
        self.write(200, {}, self.reply(body))

    def reply(self, body: dict[str, Any]) -> bytes:
        text, finish = _answered(body, Server.behaviour)
        choice = {"text": text} if "prompt" in body else {"message": {"role": "assistant", "content": text}}
        usage = {
            "prompt_tokens": _tokens(body),
            "completion_tokens": max(1, len(text.split())),
            "prompt_tokens_details": {"cached_tokens": 3},
        }
        return orjson.dumps({"model": "tiny", "choices": [{**choice, "finish_reason": finish}], "usage": usage})

    def refuse(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        self.write(status, headers or {}, orjson.dumps({"error": {"message": message, "code": status}}))

    def send(self, status: int, content: Any) -> None:
        self.write(status, {}, orjson.dumps(content))

    def write(self, status: int, headers: dict[str, str], content: bytes) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"HTTP/1.1 {status} x\r\ncontent-type: application/json\r\n{lines}content-length: {len(content)}\r\n\r\n"
        self.transport.write(head.encode() + content)


def _tokens(body: dict[str, Any]) -> int:
    texts = [body["prompt"]] if "prompt" in body else [turn["content"] for turn in body["messages"]]
    return sum(len(_CONTROL.sub("*", text) if "<" in text else text) for text in texts)


def _answered(body: dict[str, Any], behaviour: Behaviour) -> tuple[str, str]:
    schema = (body.get("structured_outputs") or {}).get("json")
    if behaviour.answer and schema and list(orjson.loads(behaviour.answer)) == list(schema["properties"]):
        return behaviour.answer, "stop"
    constraint = None if behaviour.ignore_constraints else _constraint(body)
    if constraint is not None and constraint.kind is ConstraintKind.REGEX:
        return _matching(str(constraint.value)), "stop"
    turns = tuple(Message(turn["role"], turn["content"]) for turn in body.get("messages", ()))
    text = answer(Request("endpoint", Sampling(), turns, body.get("prompt"), constraint))
    if constraint is None and len(text.split()) > body["max_tokens"]:
        return " ".join(text.split()[: body["max_tokens"]]), "length"
    kept = body.get("stop", [""])[0] if body.get("include_stop_str_in_output") else ""
    return text + kept, "stop"


def _constraint(body: dict[str, Any]) -> Constraint | None:
    if body.get("response_format"):
        return Constraint(ConstraintKind.JSON, body["response_format"]["json_schema"]["schema"])
    for kind, value in (body.get("structured_outputs") or {}).items():
        return Constraint(ConstraintKind(kind), tuple(value) if kind == "choice" else value)
    return None


def _matching(pattern: str) -> str:
    """A text that matches."""
    from hypothesis import HealthCheck, given, settings  # a second to load, and few ask for it
    from hypothesis import strategies as st

    found: list[str] = []

    @settings(max_examples=1, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(st.from_regex(pattern, fullmatch=True))
    def draw(text: str) -> None:
        found.append(text)

    draw()
    return found[0]


class Running:
    """An endpoint's process, from the outside."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "tests.engine.endpoint", *arguments]
        root = Path(__file__).parents[2]
        self.process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        self.address = f"http://127.0.0.1:{self.port}"

    def behave(self, **behaviour: Any) -> None:
        """Sets what it does, from the defaults on."""
        self._control("POST", json.dumps(behaviour).encode())

    def forget(self) -> None:
        """Forgets what it was asked."""
        self._control("DELETE")

    def seen(self) -> dict[str, Any]:
        """What it was asked so far."""
        return self._control("GET")

    def end(self) -> None:
        """Ends it, as a crash would."""
        self.process.kill()
        self.process.wait()

    def _control(self, method: str, body: bytes | None = None) -> dict[str, Any]:
        request = urllib.request.Request(f"{self.address}/control", body, method=method)
        with urllib.request.urlopen(request, timeout=10) as reply:
            return json.load(reply)


async def serve(arguments: argparse.Namespace) -> None:
    """Serves until it is killed."""
    Server.behaviour = Behaviour(delay_ms=arguments.delay_ms, answer=arguments.answer)
    Server.keep_bodies = not arguments.answer
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", arguments.port, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    parser.add_argument("--answer", default="")
    asyncio.run(serve(parser.parse_args()))
