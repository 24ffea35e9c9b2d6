"""GitHub's and GitLab's REST APIs: GET with a token, asked again by ETag, and left alone for as long as they ask for that."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

from perftui.clients.http import problem
from perftui.clients.http_api import HttpApi
from perftui.model.failure import FailureKind, SourceError
from perftui.model.http_answer import HttpAnswer

MOST_BYTES = 8 << 20
MOST_KEPT = 64
"""Answers that are kept for their ETag: an unchanged one costs neither bytes nor rate limit."""
LEAST_REST_S, MOST_REST_S = 60.0, 3600.0
"""Of one refusal; what it asks for lies between."""
_STATUS = {
    401: (FailureKind.DENIED, "the token is not accepted (401); is it expired?"),
    403: (FailureKind.DENIED, "this token may not read deployments (403)"),
    404: (FailureKind.MISSING, "not there, or not for this token (404)"),
}


class Forge:
    """One server. Methods are called from one event loop; nothing is opened before the first call."""

    def __init__(
        self, base: str, headers: Mapping[str, str], rights: str, wall: Callable[[], float] = time.time
    ) -> None:
        """Prepare it.

        Args:
            base: Of the API: https://api.github.com, https://gitlab.com/api/v4.
            headers: With the token; sent there and told nobody.
            rights: What the token needs, for the operator.
        """
        self._api = HttpApi(base, most_bytes=MOST_BYTES)
        self._headers, self._rights, self._wall = headers, rights, wall
        self._kept: dict[str, tuple[str, HttpAnswer]] = {}
        self._rests_until = 0.0

    @property
    def base(self) -> str:
        """The address of the API."""
        return self._api.base

    async def get(self, path: str) -> HttpAnswer:
        """The JSON at a path; the kept one where it has not changed.

        Raises:
            SourceError: FULL while it asks to be left alone; else as `HttpApi`, DENIED for 401 and 403.
        """
        if self._wall() < self._rests_until:
            raise self._resting(path)
        etag, kept = self._kept.pop(path, ("", None))
        answer = await self._api.get(path, {**self._headers, **({"If-None-Match": etag} if kept else {})})
        if answer.status == 304 and kept is not None:
            self._keep(path, etag, kept)
            return kept
        if answer.status == 200:
            if answer.headers.get("etag"):
                self._keep(path, answer.headers["etag"], answer)
            return answer
        rest_s = self._rest_s(answer)
        if rest_s is not None:
            self._rests_until = self._wall() + min(MOST_REST_S, max(LEAST_REST_S, rest_s))
            raise self._resting(path)
        raise self._refused(path, answer)

    async def close(self) -> None:
        """End the connection."""
        await self._api.close()

    def _keep(self, path: str, etag: str, answer: HttpAnswer) -> None:
        self._kept[path] = (etag, answer)
        while len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]

    def _rest_s(self, answer: HttpAnswer) -> float | None:
        """How long it asks to be left alone; None where the refusal is about something else."""
        after = answer.headers.get("retry-after", "")
        if answer.status in (403, 429, 503) and after:
            if after.isdigit():
                return float(after)
            try:
                return parsedate_to_datetime(after).timestamp() - self._wall()
            except ValueError:
                return LEAST_REST_S
        used_up = "0" in (answer.headers.get("x-ratelimit-remaining"), answer.headers.get("ratelimit-remaining"))
        if answer.status == 429 or (answer.status == 403 and used_up):
            reset = answer.headers.get("x-ratelimit-reset") or answer.headers.get("ratelimit-reset") or ""
            return float(reset) - self._wall() if reset.isdigit() else LEAST_REST_S
        return None

    def _resting(self, path: str) -> SourceError:
        until = time.strftime("%H:%M:%S", time.gmtime(self._rests_until))
        return problem(
            FailureKind.FULL, f"{self.base}{path}", f"it takes no more requests; asked again after {until} UTC"
        )

    def _refused(self, path: str, answer: HttpAnswer) -> SourceError:
        url = f"{self.base}{path}"
        if 300 <= answer.status < 400:
            return problem(FailureKind.MISSING, url, f"moved ({answer.status}); name it as it is called now")
        kind, words = _STATUS.get(answer.status, (FailureKind.UNREACHABLE, f"status {answer.status}"))
        return problem(kind, url, f"{words}{f'; it needs {self._rights}' if kind is FailureKind.DENIED else ''}")
