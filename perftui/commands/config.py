"""Settings: the config file, then PERFTUI_* variables, then flags. A mistake is one line: file, key, what was expected."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from perftui.commands.deploy_sources import DeploysConfig
from perftui.commands.deploy_sources import check as check_deploys
from perftui.commands.paths import config_file
from perftui.commands.pool_config import PoolConfig
from perftui.commands.pool_config import check as check_pools
from perftui.commands.probe_config import ProbeConfig, SloConfig
from perftui.commands.probe_config import check as check_probes
from perftui.findings import RULES
from perftui.findings.rule import ChosenLimits, Limits
from perftui.model.failure import UsageError

S = TypeVar("S", bound=msgspec.Struct)
Theme = Literal["auto", "colour", "ansi", "none"]


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole config file."""

    interval_s: float = 1.0
    """Seconds between two ticks, 0.5 to 60."""
    theme: Theme = "auto"
    ascii: bool = False
    """Draw with ASCII signs only, whatever the terminal and the locale can do."""
    mouse: bool = False
    deploys: DeploysConfig = DeploysConfig()
    rules: dict[str, dict[str, Any]] = {}
    """Limits by rule: `[rules."host.cpu_saturated"]`, `busy_ratio = 0.9`."""
    pools: dict[str, PoolConfig] = {}
    """Poolers and applications, by name: `[pools.orders]`. A PgBouncer on this host is found without."""
    probes: dict[str, ProbeConfig] = {}
    """What is probed, by name: `[probes.health]`; nothing without it."""
    slo: SloConfig = SloConfig()
    """What is asked of every probe."""


class Settings(msgspec.Struct, frozen=True):
    """The config, and its limits by rule."""

    config: Config
    limits: ChosenLimits


def load(named: str | None) -> Settings:
    """The config file with the PERFTUI_* variables laid over it.

    Raises:
        UsageError: a named file that isn't there, bad TOML, an unknown key, rule or limit, a wrong type.
    """
    path = Path(named) if named else config_file()
    settings = _read(path, bool(named or os.environ.get("PERFTUI_CONFIG")))
    if "deploys" in settings:
        _convert(settings["deploys"], DeploysConfig, f"{path}: deploys")
    for name, table in _tables(settings, "pools"):
        _convert(table, PoolConfig, f"{path}: pools.{name}")
    for name, table in _tables(settings, "probes"):
        _convert(table, ProbeConfig, f"{path}: probes.{name}")
    if "slo" in settings:
        _convert(settings["slo"], SloConfig, f"{path}: slo")
    config = _convert(settings, Config, str(path))
    check_deploys(config.deploys, str(path))
    check_pools(config.pools, str(path))
    check_probes(config.probes, config.slo, str(path))
    _check_interval(config.interval_s, f"{path}: interval_s")
    return Settings(_with_environment(config), _limits(config, path))


def _read(path: Path, named: bool) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if named:
            raise UsageError(f"{path}: no such config file") from None
        return {}
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"{path}: can't read the config: {getattr(exc, 'strerror', None) or exc}") from exc
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise UsageError(f"{path}: not TOML: {exc}") from exc


def _tables(settings: dict[str, Any], key: str) -> list[tuple[str, Any]]:
    """The tables below a key, each of which is told by its name when something is wrong in it."""
    found = settings.get(key)
    return list(found.items()) if isinstance(found, dict) else []


def _limits(config: Config, path: Path) -> ChosenLimits:
    known = {rule.name: rule.limits for rule in RULES}
    limits: dict[str, Limits] = {}
    for name, values in config.rules.items():
        if name not in known:
            raise UsageError(f"{path}: {name} is no rule; one of {', '.join(known)}")
        limits[name] = _convert(values, known[name], f'{path}: rules."{name}"')
    return limits


def _with_environment(config: Config) -> Config:
    changes: dict[str, Any] = {}
    for field, kind in (("interval_s", float), ("theme", str), ("ascii", bool), ("mouse", bool)):
        variable = f"PERFTUI_{field.upper()}"
        text = os.environ.get(variable)
        if text is None:
            continue
        try:
            changes[field] = _flag(text) if kind is bool else kind(text)
        except ValueError:
            raise UsageError(f"{variable}={text}: expected {'0 or 1' if kind is bool else 'a number'}") from None
    settings = {**msgspec.to_builtins(config), **changes}
    merged = _convert(settings, Config, "PERFTUI_* variables")
    _check_interval(merged.interval_s, "PERFTUI_INTERVAL_S")
    return merged


def _flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError(text)
    return text == "1"


def _check_interval(seconds: float, where: str) -> None:
    if not 0.5 <= seconds <= 60:
        raise UsageError(f"{where}: {seconds:g} is outside 0.5 to 60 seconds")


def _convert(settings: Any, kind: type[S], where: str) -> S:
    try:
        return msgspec.convert(settings, kind)
    except msgspec.ValidationError as exc:
        raise UsageError(f"{where}: {_words(str(exc), kind)}") from exc


def _words(message: str, kind: type[Any]) -> str:
    """`Expected `float`, got `str` - at `$.interval_s`` → `interval_s: expected float, got str`."""
    text, _, place = message.replace("`", "").partition(" - at ")
    key = place.removeprefix("$").removeprefix(".")
    unknown = re.fullmatch(r"Object contains unknown field (.+)", text)
    if unknown:
        return f"unknown key {unknown[1]}; known: {', '.join(kind.__struct_fields__)}"
    missing = re.fullmatch(r"Object missing required field (.+)", text)
    if missing:
        return f"{key}: {missing[1]} is missing" if key else f"{missing[1]} is missing"
    return f"{key}: {text[0].lower()}{text[1:]}" if key else text
