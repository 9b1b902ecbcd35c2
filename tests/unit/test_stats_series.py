"""What is a series, what is not, and that no body costs more than reading it."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from actors.stats.errors import BadSeries
from actors.stats.series import check_series, parse_body, parse_number, quoted
from tests.support.campaign import examples

numbers = st.lists(st.floats(min_value=0, allow_infinity=False), min_size=1, max_size=10)


def refusal(body: str) -> str:
    with pytest.raises(BadSeries) as raised:
        parse_body(body)
    return raised.value.message


def series_or_refusal(body: str) -> tuple[float, ...] | str:
    try:
        return parse_body(body)
    except BadSeries as refused:
        return refused.message


@pytest.mark.parametrize(
    "body",
    [
        '{"numbers": [1, 2.5, 3]}',
        "[1, 2.5, 3]",
        "1 2.5 3",
        "1,2.5,3",
        "1\n2.5\r\n3\n",
        " \t1 , 2.5,\t3,\n",
        "+1 25e-1 .3e1",
        ' [1, 2.5, 3.0]\n',
    ],
)  # fmt: skip
def test_every_accepted_form_gives_the_same_series(body: str) -> None:
    assert parse_body(body) == (1.0, 2.5, 3.0)


@pytest.mark.parametrize("body", ["", "  \r\n", ",", "[]", '{"numbers": []}'])
def test_a_body_without_numbers_is_refused(body: str) -> None:
    assert refusal(body) == "there are no numbers"


@pytest.mark.parametrize("body", ["1 " * 11, json.dumps([1] * 11), json.dumps({"numbers": [1] * 11})])
def test_an_eleventh_number_is_refused(body: str) -> None:
    assert refusal(body) == "there are more than 10 numbers"
    assert len(parse_body(body.replace("1", "", 1).replace("[, ", "["))) == 10


WORDS = [
    "hello", "1_000", "0x10", "nan", "inf", "-inf", "Infinity", "true", "1e", "1.2.3", "--1", "١", "１", "½", '"1"',
    ".",
]  # fmt: skip


@pytest.mark.parametrize("word", WORDS)
def test_only_decimal_numbers_in_plain_digits_are_numbers(word: str) -> None:
    assert refusal(f"1 {word} 2") == f"{quoted(word)} is not a number"


@pytest.mark.parametrize("body", ['[1, "2"]', "[true]", "[null]", "[[1]]", '{"numbers": 1}', '{"numbers": "1"}'])
def test_json_of_another_shape_is_refused(body: str) -> None:
    assert refusal(body).startswith("no series of numbers: Expected ")


@pytest.mark.parametrize("body", ["[1, 2", "[1,]", "[01]", "[NaN]", "[1] 2", "{}", '{"numbers": [1], "x": 2}'])
def test_damaged_json_and_unknown_fields_are_refused(body: str) -> None:
    assert refusal(body).startswith("no series of numbers: ")


@pytest.mark.parametrize("body", ["-1", "[-1]", "3 -0.5", "-5e-324"])
def test_a_negative_number_is_refused(body: str) -> None:
    assert refusal(body).endswith(" is negative")


@pytest.mark.parametrize("body", ["1e309", "1.8e308", "9" * 400])
def test_a_number_too_large_for_a_float_is_refused(body: str) -> None:
    assert refusal(body).endswith(" is too large or not finite")
    assert refusal(f"[{body}]") == "no series of numbers: Number out of range - at `$[0]`"


@pytest.mark.parametrize("text", ["0", "-0", "0.0", "-0e9"])
def test_zero_counts_as_positive_and_has_no_sign(text: str) -> None:
    assert math.copysign(1, parse_number(text)) == math.copysign(1, parse_body(f"[{text}]")[0]) == 1


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, -1.0])
def test_numbers_that_were_never_text_are_checked_too(number: float) -> None:
    with pytest.raises(BadSeries):
        check_series([1.0, number])


@given(numbers)
@settings(max_examples=examples(200))
def test_a_series_written_in_any_form_is_read_to_the_last_bit(series: list[float]) -> None:
    words = [repr(number) for number in series]
    bodies = [json.dumps(series), json.dumps({"numbers": series}), " ".join(words), ",".join(words)]
    assert {parse_body(body) for body in bodies} == {check_series(series)}


@given(st.from_regex(r"[0-9]{1,40}(\.[0-9]{0,400})?(e-?[0-9]{1,2})?", fullmatch=True).filter(lambda t: t[0] != "0"))
@settings(max_examples=examples(200))
@example("9007199254740993." + "0" * 300 + "1")
@example("2.2250738585072011e-308")
def test_json_and_text_round_alike(text: str) -> None:
    as_json = text.replace(".e", "e").removesuffix(".")
    assert parse_body(text) == parse_body(f"[{as_json}]") == (float(text),)


@given(st.one_of(st.text(max_size=300), st.binary(max_size=300).map(lambda raw: raw.decode("latin-1"))))
@settings(max_examples=examples(300))
@example("[" * 100_000)
@example('{"numbers":' * 50_000)
@example('{"numbers": [' + "[" * 100_000)
@example('{"x":' + "[" * 100_000)
@example("9" * (256 << 10))
@example("[0." + "9" * (256 << 10) + "]")
@example("1e" + "9" * (256 << 10))
@example("1 " * (128 << 10))
@example("," * (256 << 10))
@example("[" + "1," * (128 << 10) + "1]")
@example("🎉🥐")
@example("\x01\x02")
@example("[\ud800")
def test_any_body_is_a_series_or_a_short_refusal(body: str) -> None:
    outcome = series_or_refusal(body)
    if isinstance(outcome, str):
        assert 0 < len(outcome) < 160
        assert not any(ord(character) < 32 for character in outcome)
    else:
        assert outcome == check_series(outcome)
