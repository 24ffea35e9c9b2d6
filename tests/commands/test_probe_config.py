"""`[probes.NAME]` and `[slo]`: what is refused, in one line; what becomes of it; that no secret is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from perftui.clients.http_probe import HttpProbe
from perftui.commands.config import Config, load
from perftui.commands.doctor import _probes
from perftui.commands.probe_config import ProbeConfig, SloConfig, objective
from perftui.commands.probe_sources import probe_sources, prober, target
from perftui.model.failure import SourceError, UsageError
from tests.services import answer, says, service

GOOD = "http://127.0.0.1/"


def loaded(folder: Path, text: str) -> Config:
    file = folder / "config.toml"
    file.write_text(text)
    return load(str(file)).config


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[probes.a]\nurl = "http://me:pw@x/"', "probes.a: url: no user or password in it; give a header by"),
        ('[probes.a]\nurl = "ftp://x/"', "probes.a: url: expected http://HOST:PORT/PATH or https://…"),
        ('[probes.a]\nurl = "http://x:port/"', "probes.a: url: not a URL"),
        ('[probes.a]\nurl = "http:///x"', "probes.a: url: expected"),
        (f'[probes.a]\nurl = "{GOOD}"\nevery_s = 0.5', "probes.a: every_s: 0.5 is outside 1 to 3600"),
        (f'[probes.a]\nurl = "{GOOD}"\ntimeout_s = 100', "probes.a: timeout_s: 100 is outside 0.1 to 60"),
        (f'[probes.a]\nurl = "{GOOD}"\nmethod = "POST"', "probes.a: method: invalid enum value 'POST'"),
        (f'[probes.a]\nurl = "{GOOD}"\npace = 1', "probes.a: unknown key pace; known: url, method, every_s"),
        (f'[probes."a.b"]\nurl = "{GOOD}"', "a name has up to 40 letters, digits, _ and -"),
        (f'[probes.a]\nurl = "{GOOD}"\nheaders_from_env = {{"A:b" = "X"}}', "'A:b' is no header that can be set"),
        (f'[probes.a]\nurl = "{GOOD}"\nheaders_from_env = {{Host = "X"}}', "'Host' is no header that can be set"),
        (f'[probes.a]\nurl = "{GOOD}"\ndepends_on = ["disk"]', "probes.a: depends_on[0]: invalid enum value 'disk'"),
        ("[probes.a]\nevery_s = 5", "probes.a: url is missing"),
        ("[slo]\ntier = 4", "slo: tier: invalid enum value 4"),
        ("[slo]\nwindow_s = 86400", "slo: window_s: 86400 is outside 300 to 3600"),
        ("[slo]\nerror_ratio = 2", "slo: error_ratio: 2 is outside 1e-05 to 1"),
        ("".join(f'[probes.p{n}]\nurl = "{GOOD}"\n' for n in range(21)), "21 probes; at most 20"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError) as told:
        loaded(tmp_path, text)

    assert words in str(told.value)
    assert str(told.value).startswith(f"{tmp_path / 'config.toml'}: ")
    assert "\n" not in str(told.value) and "pw@" not in str(told.value)


@pytest.mark.parametrize(
    ("probe", "slo", "expected"),
    [
        (ProbeConfig(url=GOOD), SloConfig(), (None, None)),
        (ProbeConfig(url=GOOD), SloConfig(tier=1), (0.2, 0.001)),
        (ProbeConfig(url=GOOD), SloConfig(tier=2, p95_s=0.5), (0.5, 0.005)),
        (ProbeConfig(url=GOOD, p95_s=3.0), SloConfig(tier=3, error_ratio=0.02), (3.0, 0.02)),
    ],
)
def test_the_probe_s_own_objective_wins_then_the_slo_s_then_the_tier_s(
    probe: ProbeConfig, slo: SloConfig, expected: tuple[float | None, float | None]
) -> None:
    found = objective(probe, slo)

    assert (found.p95_s, found.error_ratio) == expected


def test_nothing_is_probed_unless_configured(tmp_path: Path) -> None:
    assert probe_sources(loaded(tmp_path, "")) == []


def test_what_frames_tell_holds_neither_query_nor_header() -> None:
    probe = ProbeConfig(url="https://x/health?token=s3cret#f", headers_from_env={"Authorization": "TOKEN"})

    told = repr(target(probe, SloConfig()))
    assert "https://x/health'" in told
    assert "s3cret" not in told and "TOKEN" not in told


@pytest.mark.parametrize(("value", "words"), [(None, "is not set"), ("", "is not set"), ("a\nb", "line break")])
async def test_a_header_s_variable_that_is_missing_is_told_and_keeps_nothing_shut(
    value: str | None, words: str
) -> None:
    probe = ProbeConfig(url=GOOD, headers_from_env={"Authorization": "TOKEN"})
    environment = {} if value is None else {"TOKEN": value}

    with pytest.raises(SourceError, match=words) as told:
        await prober(probe, environment).probe()
    assert "TOKEN" in told.value.detail and "a\nb" not in told.value.detail


def test_a_probe_that_is_whole_is_made() -> None:
    probe = ProbeConfig(url=GOOD, headers_from_env={"Authorization": "TOKEN"})

    assert isinstance(prober(probe, {"TOKEN": "Bearer x"}), HttpProbe)


async def test_doctor_tries_each(tmp_path: Path) -> None:
    async with service(says(answer())) as good, service(says(answer("503 Unavailable"))) as bad:
        config = loaded(
            tmp_path,
            f'[probes.good]\nurl = "http://127.0.0.1:{good.port}/"\n[probes.bad]\nurl = "http://127.0.0.1:{bad.port}/"',
        )
        (works, fine), (fails, broken) = await _probes(config)

    assert works.startswith("good") and " 200 in " in works
    assert (fine, broken) == (False, True)
    assert fails.endswith("status: status 503, expected 200")
