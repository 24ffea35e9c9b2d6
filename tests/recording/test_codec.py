from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perftui.model.failure import Failed, FailureKind, TapeError
from perftui.model.frame import Frame, Machine, Mark
from perftui.recording.codec import FORMAT, Header, decode_at, decode_frame, decode_header, encode_frame, encode_header
from perftui.sources import BY_NAME
from perftui.sources.cpu import CpuSample, CpuTimes
from perftui.sources.memory import MemorySample
from perftui.sources.pressure import PressureSample, Stall, StallLine
from tests.recording.frames import MACHINE, frame, with_field

seconds = st.floats(min_value=0, max_value=1e10)
counters = st.integers(min_value=0, max_value=2**64 - 1)
times = st.builds(CpuTimes, *([counters] * 8))
stall_lines = st.builds(StallLine, seconds, seconds, seconds, counters)
stalls = st.none() | st.builds(Stall, stall_lines, st.none() | stall_lines)
samples = st.fixed_dictionaries(
    {},
    optional={
        "cpu": st.builds(
            CpuSample,
            mono=seconds,
            all=times,
            per_cpu=st.dictionaries(st.text(), times, max_size=3),
            context_switches=st.none() | counters,
            runnable=st.none() | counters,
            blocked=st.none() | counters,
            load=st.none() | st.tuples(seconds, seconds, seconds),
            uptime_s=st.none() | seconds,
        ),
        "pressure": st.builds(PressureSample, mono=seconds, cpu=stalls, io=stalls, memory=stalls),
        "memory": st.builds(
            MemorySample,
            mono=seconds,
            meminfo=st.dictionaries(st.text(), counters, max_size=3),
            vmstat=st.dictionaries(st.text(), counters, max_size=3),
        ),
    },
)
any_frame = st.builds(
    Frame,
    seq=counters,
    at=seconds,
    mono=seconds,
    samples=samples,
    failed=st.dictionaries(
        st.sampled_from(sorted(BY_NAME)), st.builds(Failed, kind=st.sampled_from(FailureKind), detail=st.text())
    ),
    marks=st.lists(st.builds(Mark, at=seconds, text=st.text()), max_size=2).map(tuple),
)


@given(any_frame)
def test_a_frame_comes_back_as_it_went(original: Frame) -> None:
    line = encode_frame(original)

    assert b"\n" not in line
    assert decode_frame(line, BY_NAME) == original
    assert decode_at(line) == original.at


@given(seconds, st.builds(Machine, hostname=st.text(), system=st.text(), cores=counters, memory_bytes=counters))
def test_a_header_comes_back_as_it_went(started_at: float, machine: Machine) -> None:
    header = Header(format=FORMAT, program="0.1.0", started_at=started_at, machine=machine)

    assert decode_header(encode_header(header)) == header


def test_an_unreadable_sample_is_a_failure_of_its_source_alone() -> None:
    good = frame(1)
    sample = msgspec.json.decode(msgspec.json.encode(good.samples["memory"]))
    line = with_field(encode_frame(good), "samples", {"memory": sample, "pressure": {"mono": 1.0, "cpu": "?"}})

    decoded = decode_frame(line, BY_NAME)

    assert decoded.samples == good.samples
    assert decoded.failed["pressure"].kind is FailureKind.MALFORMED
    assert decoded.failed["pressure"].detail.startswith("pressure: the tape's sample can't be read: expected")


def test_sources_and_fields_of_another_version_do_no_harm() -> None:
    good = frame(1)
    sample = msgspec.json.decode(msgspec.json.encode(good.samples["memory"]))
    del sample["page_bytes"]  # as written before the field was there
    changed = {"memory": {**sample, "later": [1]}, "of_a_later_version": {"mono": 1.0}}
    line = with_field(encode_frame(good), "samples", changed)

    assert decode_frame(line, BY_NAME) == good


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b'{"seq":1,"at":2.0', "malformed frame: input data was truncated"),
        (b'{"seq":1,"at":2.0,"samples":{}}', "malformed frame: object missing required field `mono`"),
        (b'{"seq":1,"at":2.0,"mono":1.0,"samples":[]}', "malformed frame: expected `object`"),
        (b"\xff\xfe", "malformed frame"),
    ],
)
def test_a_line_that_is_no_frame_is_told(line: bytes, told: str) -> None:
    with pytest.raises(TapeError) as caught:
        decode_frame(line, BY_NAME)

    assert str(caught.value).startswith(told)
    assert decode_at(line) is None or b"at" in line


HEADER = encode_header(Header(format=FORMAT, program="0.1.0", started_at=1.0, machine=MACHINE))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            with_field(HEADER, "perftui_tape", 2),
            "written by a newer perftui (format 2, this one reads 1); upgrade perftui",
        ),
        (with_field(HEADER, "machine", {"hostname": "a"}), "malformed header: object missing required field `system`"),
        (b'{"name":"package"}', "not a tape; expected a file that perftui recorded"),
        (b'{"perftui_tape', "not a tape; expected a file that perftui recorded"),
        (b"\x7fELF\xff", "not a tape; expected a file that perftui recorded"),
    ],
)
def test_a_line_that_is_no_header_is_told(line: bytes, told: str) -> None:
    with pytest.raises(TapeError) as caught:
        decode_header(line)

    assert str(caught.value).startswith(told)
