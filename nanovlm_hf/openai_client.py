"""Asking an OpenAI-compatible server many things at once, politely and without losing any: for teachers and judges.

    access = find_access(base_url="http://localhost:8000/v1")
    async with Server(access, "llama3", tell=print) as server:
        completion = await server.complete([{"role": "user", "content": "..."}], schema)

The key comes from the environment and is in no message. Rate limits are kept before the server has to say so.
"""

import asyncio
import json
import math
import os
import random
import re
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

NO_KEY = "no-key-needed"  # the client wants one even where the server doesn't
TRIES = 8  # of one request, waiting twice as long each time: about a minute in all
FIRST_WAIT = 0.5  # seconds
LONGEST_WAIT = 60.0
MAX_TOKENS = 2000  # of an answer, on servers whose models may never stop by themselves
RETRIED = (408, 409, 429)  # and all from 500 on
_NO_CREDIT = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")
_OPTIONAL = {
    "response_format": re.compile("response_format|json_schema"),
    "max_tokens": re.compile("max_tokens"),
    "temperature": re.compile("temperature"),
}


class Unanswered(Exception):
    """A request got no answer in all its tries."""


class Rejected(Exception):
    """The server won't take this request; another one it may. `content_filter`: because of what it says."""

    def __init__(self, reason: str, content_filter: bool):
        super().__init__(reason)
        self.content_filter = content_filter


class Stopped(Exception):
    """The user wants to stop; nothing was sent."""


@dataclass(frozen=True)
class Access:
    """Where the server is, and the key to it. `base_url` is `None` for OpenAI itself."""

    base_url: str | None
    key: str = field(repr=False)
    timeout: float = 120.0

    @property
    def name(self) -> str:
        return self.base_url or "OpenAI"

    def clean(self, text: object, length: int = 4000) -> str:
        """What a server said, fit for files and messages: without the key, of bounded length, encodable."""
        said = str(text).encode("utf-8", "replace").decode("utf-8")
        if len(self.key) >= 6 and self.key != NO_KEY:  # a shorter one is a placeholder, and may be a word of a text
            said = said.replace(self.key, "[key]")
        return said[:length]


def find_access(base_url: str | None = None, key_variable: str | None = None, timeout: float = 120.0) -> Access:
    """Finds the server and its key.

    Args:
        base_url: of an OpenAI-compatible server, or `None` for `OPENAI_BASE_URL`, and without that OpenAI itself.
        key_variable: the environment variable with the key. For OpenAI `OPENAI_API_KEY`; a server of one's own gets no
            key unless one is named, so that OpenAI's key goes nowhere else by mistake.
        timeout: seconds an answer may take.

    Raises:
        ValueError: openai is not installed, no key, no usable URL.
    """
    try:
        import openai  # noqa: F401
    except ImportError:
        raise ValueError("The package openai is missing. Install it: pip install 'nanovlm-hf[data]'.") from None
    from_environment = os.environ.get("OPENAI_BASE_URL") or None
    if key_variable is None and base_url in (None, from_environment):
        key_variable = "OPENAI_API_KEY"
    base_url = base_url or from_environment
    if base_url is not None:
        parts = urlsplit(base_url)
        if parts.username or parts.password or parts.query:
            raise ValueError(
                "--base-url holds a password or a query. Pass secrets as an environment variable instead."
            )
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"--base-url must be like http://localhost:8000/v1, got {base_url!r}.")
    if key_variable is None:
        return Access(base_url, NO_KEY, timeout)
    key = os.environ.get(key_variable, "").strip()
    if not key:
        raise ValueError(
            f"The environment variable {key_variable} with the key is not set. Set it, or use --base-url for a server "
            "of your own (or, to write descriptions, --teacher offline, which needs none)."
        )
    return Access(base_url, key, timeout)


@dataclass(frozen=True)
class Completion:
    """An answer. `finish`: "stop", or why it ended early. `structured`: whether it was held to the JSON schema."""

    content: str
    refusal: str
    finish: str
    model: str
    tokens_in: int | None
    tokens_out: int | None
    structured: bool = True
    seconds: float | None = None


def read_completion(body: Any, access: Access, structured: bool = True, seconds: float | None = None) -> Completion:
    """Reads a chat completion, of a response or a batch's line.

    Raises:
        ValueError: it isn't one.
    """
    try:
        choice, usage = body["choices"][0], body.get("usage") or {}
        message = choice["message"]
        return Completion(
            content=access.clean(message.get("content") or "", 20_000),  # thoughts may come before what was asked for
            refusal=access.clean(message.get("refusal") or ""),
            finish=str(choice.get("finish_reason") or "stop"),
            model=access.clean(body.get("model") or ""),
            tokens_in=usage.get("prompt_tokens"),
            tokens_out=usage.get("completion_tokens"),
            structured=structured,
            seconds=seconds,
        )
    except (KeyError, IndexError, TypeError, AttributeError):
        raise ValueError(f"not a chat completion: {access.clean(json.dumps(body), 200)}") from None


def request_of(model: str, messages: list[dict[str, Any]], schema: dict[str, Any]) -> dict[str, Any]:
    """The body of a chat completion whose answer keeps to a JSON schema."""
    return {
        "model": model,
        "messages": messages,
        "response_format": {"type": "json_schema", "json_schema": schema},
    }


def is_content_filter(code: object) -> bool:
    """Whether a server's error code says that it won't speak of such things: content_filter, content_policy_violation."""
    return str(code).startswith("content_")


def reason_of(error: Any, access: Access) -> str:
    """What went wrong, in a line, from an error of openai's client."""
    status = getattr(error, "status_code", None)
    body = error.body if status else None
    said = body.get("message") if isinstance(body, dict) else body
    text = " ".join(access.clean(said or f"{error} {error.__cause__ or ''}").split())[:300]
    return f"{status}: {text}" if status else text


def final_problem(error: Any, access: Access, model: str) -> str | None:
    """What to tell the user of an error that no further request will get around; `None` for all others."""
    status, reason = getattr(error, "status_code", None), reason_of(error, access)
    if error.code in _NO_CREDIT or error.type in _NO_CREDIT or status == 402:
        return f"The account has no credit left ({reason}). Add some, then run the same command again."
    if status == 401:
        remedy = "Correct the key in the environment"
        if access.key == NO_KEY:
            remedy = "It wants a key: name the environment variable that holds it with --key-variable"
        return f"{access.name} does not accept the key ({reason}). {remedy}, then run again."
    if status == 403:
        return f"{access.name} does not let this key use {model} ({reason}). Use another key or another model."
    if status == 404:
        return f"{access.name} has no model {model}, or no chat completions there ({reason}). Correct the model's name or --base-url."
    return None


class Server:
    """A model behind an OpenAI-compatible server; use it as an asynchronous context.

    `tell` gets a line where something is to be known (a long wait, a server without structured output).
    After `stopping.set()` nothing new is sent, and `complete` raises `Stopped`.
    """

    def __init__(self, access: Access, model: str, tell: Callable[[str], None]):
        self.access, self.model, self.tell = access, model, tell
        self.stopping = asyncio.Event()
        self.answered = 0
        self.left_out: set[str] = set()  # parameters that the server doesn't know
        self._allowances = [_Allowance("requests"), _Allowance("tokens")]
        self._closed_until = 0.0  # after "too many requests", for all
        self._told_until = 0.0
        self._sent = 0
        self._under_way: set[int] = set()
        self._tokens = 0  # of the last request and its answer

    async def __aenter__(self) -> "Server":
        from openai import AsyncOpenAI

        self.client = AsyncOpenAI(
            api_key=self.access.key, base_url=self.access.base_url, timeout=self.access.timeout, max_retries=0
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()

    async def complete(
        self, messages: list[dict[str, Any]], schema: dict[str, Any], temperature: float | None = None
    ) -> Completion:
        """Asks once, and again while that may help; `temperature` is the model's own where none is given.

        Raises:
            Unanswered, Rejected: of this request. ValueError: of all requests; it says what to do. Stopped: see above.
        """
        from openai import APIConnectionError, APIStatusError

        request = request_of(self.model, messages, schema)
        if self.access.base_url is not None:
            request["max_tokens"] = MAX_TOKENS
        if temperature is not None:
            request["temperature"] = temperature
        tries, answered = 0, self.answered
        headers: Any
        while True:
            request = {name: value for name, value in request.items() if name not in self.left_out}
            await self._turn()
            try:
                return await self._send(request)
            except APIStatusError as error:
                if self._leave_out(request, error):
                    continue
                status, headers, reason = error.status_code, error.response.headers, reason_of(error, self.access)
                if problem := final_problem(error, self.access, self.model):
                    raise ValueError(problem) from None
                if status < 500 and status not in RETRIED:
                    raise Rejected(reason, is_content_filter(error.code)) from None
            except (APIConnectionError, ValueError) as error:  # ValueError: what came back is no completion
                status, headers, reason = 0, {}, reason_of(error, self.access)
                if self.answered == 0 and tries == 2 and type(error.__cause__).__name__ == "ConnectError":
                    raise ValueError(
                        f"Nothing answers at {self.access.name} ({reason}). Start the server, or correct --base-url."
                    ) from None
            # "Too many requests" is no failure as long as others get through.
            tries = tries if status == 429 and self.answered > answered else tries + 1
            answered = self.answered
            if tries == TRIES:
                raise Unanswered(f"no answer in {TRIES} tries; the last: {reason}")
            delay = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (tries - 1)) * random.uniform(0.75, 1.25)
            asked = _retry_after(headers)
            if status == 429 or asked is not None:
                self._closed_until = max(self._closed_until, time.monotonic() + (delay if asked is None else asked))
            else:
                await self._sleep(delay)

    async def work_off(self, work: Callable[[], Coroutine[Any, Any, None]], concurrency: int) -> None:
        """Runs `work` that many times at once. Where one of them fails, the others stop when their answers are in.

        Raises:
            What `work` raised.
        """
        workers = [asyncio.create_task(work()) for _ in range(concurrency)]
        try:
            await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
            if not all(worker.done() for worker in workers):
                self.stopping.set()  # what is in flight is paid for: let it come in
            await asyncio.gather(*workers, return_exceptions=True)
        finally:
            for worker in workers:
                worker.cancel()
        for worker in workers:
            worker.result()

    async def _send(self, request: dict[str, Any]) -> Completion:
        from openai import APIStatusError

        for allowance in self._allowances:
            allowance.left -= self._need(allowance)
        self._sent += 1
        number, start = self._sent, time.monotonic()
        self._under_way.add(number)
        try:
            response = await self.client.chat.completions.with_raw_response.create(**request)
            self._note_limits(response.headers, number)
            completion = read_completion(
                json.loads(response.text),
                self.access,
                "response_format" in request,
                round(time.monotonic() - start, 3),
            )
        except APIStatusError as error:
            self._note_limits(error.response.headers, number)
            raise
        finally:
            self._under_way.remove(number)
        self.answered += 1
        self._tokens = (completion.tokens_in or 0) + (completion.tokens_out or 0)
        return completion

    async def _turn(self) -> None:
        """Waits until the server has room for a request."""
        while not self.stopping.is_set():
            delay = self._closed_until - time.monotonic()
            under_way = len(self._under_way)
            delay = max([delay, *(one.wait(self._need(one), under_way) for one in self._allowances)])
            if delay <= 0:
                return
            until = time.monotonic() + delay
            if delay > 5 and until > self._told_until + 1:
                self._told_until = until
                self.tell(f"The server's rate limit: waiting {delay:.0f} s.")
            await self._sleep(min(delay, 0.25))  # the next answer may say that there is room after all
        raise Stopped

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except asyncio.TimeoutError:
            return
        raise Stopped

    def _need(self, allowance: "_Allowance") -> int:
        return 1 if allowance.of == "requests" else self._tokens

    def _note_limits(self, headers: Any, number: int) -> None:
        # What was sent since, and what overtook it, the server had not counted when it answered request `number`.
        uncounted = self._sent - number + sum(other < number for other in self._under_way)
        for allowance in self._allowances:
            allowance.note(headers, uncounted * self._need(allowance))

    def _leave_out(self, request: dict[str, Any], error: Any) -> bool:
        """Whether the server stumbled over a parameter that we can do without; it is left out from now on."""
        if error.status_code not in (400, 422, 501):
            return False
        for name, pattern in _OPTIONAL.items():
            if name in request and pattern.search(str(error.body)):
                if name not in self.left_out:
                    self.left_out.add(name)
                    self.tell(
                        f"The server does not know `{name}` ({reason_of(error, self.access)}); going on without."
                    )
                return True
        return False


@contextmanager
def stopping_orderly(server: Server, tell: Callable[[str], None]) -> Iterator[None]:
    """Ctrl-C lets the answers that are paid for come in; a second one leaves at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    asked = False

    def stop(*_: Any) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        loop.call_soon_threadsafe(server.stopping.set)
        loop.call_soon_threadsafe(tell, "Stopping when the answers under way are in; Ctrl-C again leaves at once.")

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


class _Allowance:
    """What the server allows before its limit on requests or on tokens, from its x-ratelimit-* headers."""

    def __init__(self, of: str):
        self.of = of
        self.left = self.limit = math.inf
        self.window = self.reset_at = 0.0

    def note(self, headers: Any, uncounted: int) -> None:
        left = _number(headers.get(f"x-ratelimit-remaining-{self.of}"))
        window = _seconds(headers.get(f"x-ratelimit-reset-{self.of}"))
        if left is not None and window is not None:
            self.limit = _number(headers.get(f"x-ratelimit-limit-{self.of}")) or math.inf
            self.left, self.reset_at = left - uncounted, time.monotonic() + window
            self.window = max(self.window, window)

    def wait(self, need: float, under_way: int) -> float:
        """Seconds until there is room for a request that needs `need`, 0 if there is."""
        need = min(need, self.limit)
        if self.left < need and time.monotonic() >= self.reset_at:
            # What is under way may count before or after the reset.
            self.left, self.reset_at = self.limit - under_way * need, time.monotonic() + self.window
        return 0.0 if self.left >= need else self.reset_at - time.monotonic()


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _seconds(text: str | None) -> float | None:
    """A duration as OpenAI writes it: 6m0s, 1.5s, 120ms; a bare number is seconds."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|h|m|s)", text or "")
    if not parts:
        return _number(text)
    return sum(float(number) * {"h": 3600, "m": 60, "s": 1, "ms": 0.001}[unit] for number, unit in parts)


def _retry_after(headers: Any) -> float | None:
    """What the server asks to wait, in seconds: `retry-after-ms`, or `Retry-After` as a number or a date."""
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return max(0.0, milliseconds / 1000)
    value = headers.get("retry-after")
    if (seconds := _number(value)) is not None:
        return max(0.0, seconds)
    try:
        return max(0.0, parsedate_to_datetime(value or "").timestamp() - time.time())
    except (TypeError, ValueError):
        return None
