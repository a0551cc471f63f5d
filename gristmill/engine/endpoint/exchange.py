"""HTTP with the endpoints: one keep-alive pool for all, the key in its header, every fault sorted into two kinds.

`Unanswered` may be asked again (429, 5xx, time-outs, broken connections and bodies), `Refusal` not. Redirects
are not followed: the key would travel with them.
"""

import os
from typing import Any

import aiohttp
import orjson

from gristmill.engine.endpoint.balance import Refusal, Unanswered, retry_after
from gristmill.frame.redact import redact

_CONNECT_SECONDS = 10.0
_KEEP_ALIVE_SECONDS = 4.0
"""Below the 5 s after which `vllm serve` closes an idle connection: one that it is closing must not be used."""
_SAID_CHARACTERS = 400
_BUSY = 429
_AGAIN = {408, 409, 425, _BUSY}


class Exchange:
    """An open pool of at most `connections`. Made inside the event loop that uses it."""

    def __init__(self, key: str, connections: int, timeout_seconds: float) -> None:
        self._key = key
        headers = {"content-type": "application/json", **({"authorization": f"Bearer {key}"} if key else {})}
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=_KEEP_ALIVE_SECONDS),
            timeout=aiohttp.ClientTimeout(total=timeout_seconds, sock_connect=_CONNECT_SECONDS),
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def get(self, url: str) -> Any:
        """The JSON at the address. Raises Unanswered or Refusal."""
        return await self._exchange("GET", url, None)

    async def post(self, url: str, body: bytes) -> Any:
        """The JSON that comes back. Raises Unanswered or Refusal."""
        return await self._exchange("POST", url, body)

    async def close(self) -> None:
        """Closes all connections."""
        await self._session.close()

    async def _exchange(self, method: str, url: str, body: bytes | None) -> Any:
        try:
            async with self._session.request(method, url, data=body, allow_redirects=False) as response:
                content = await response.read()
                status, headers = response.status, response.headers
        except TimeoutError as error:
            unconnected = isinstance(error, aiohttp.ConnectionTimeoutError)
            raise Unanswered("it cannot be connected to" if unconnected else "no answer in time") from None
        except aiohttp.ClientConnectorError as error:
            raise Unanswered(f"it cannot be connected to: {_reason(error.os_error)}") from None
        except (aiohttp.ClientError, OSError) as error:
            raise Unanswered(self._clean(str(error) or type(error).__name__)) from None
        if status in _AGAIN or status >= 500:
            rest = retry_after(headers.get("retry-after"))
            raise Unanswered(f"{status}: {self._said(content)}", retry_after=rest, busy=status == _BUSY)
        if 300 <= status < 400:
            raise Refusal(status, f"it sends on to {self._clean(headers.get('location', 'nowhere'))}")
        if status >= 400:
            raise Refusal(status, self._said(content))
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError:
            raise Unanswered(f"no JSON: {self._clean(content.decode(errors='replace'))}") from None

    def _said(self, content: bytes) -> str:
        """The endpoint's own message, without the wrapping."""
        try:
            found = orjson.loads(content)
        except orjson.JSONDecodeError:
            return self._clean(content.decode(errors="replace"))
        for name in ("error", "message", "detail"):
            if isinstance(found, dict) and name in found:
                found = found[name]
        return self._clean(found if isinstance(found, str) else orjson.dumps(found).decode())

    def _clean(self, text: str) -> str:
        """The text on one line, short, without the key: some endpoints repeat it."""
        text = text.replace(self._key, "[key]") if self._key else text
        return redact(" ".join(text.split())[:_SAID_CHARACTERS]) or "nothing"


def _reason(error: OSError) -> str:
    """The system's words for it; asyncio puts its own, with the address in them, in `strerror`."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error.strerror or error)
