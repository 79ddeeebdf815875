"""The parser of prototxt: the forms that real Caffe accepts, and refusals with the line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortado.caffe.message import Message, Scalar
from cortado.caffe.prototxt import parse_prototxt
from cortado.errors import CortadoError


@pytest.mark.parametrize(
    "text",
    [
        'a { b: 1 b: 2 c: "x" }',
        'a{b:1 b:2 c:"x"}',
        "a < b: 1; b: 2, c: 'x' >",
        'a: { b: [1, 2] c: "" "x" }',
        'a: [{ b: [ 1 , 2 , ] c : "x" }]'.replace(" , ]", "]"),
        '# first\n\n a {\r\n b: 0x1 # one\n b: 02 c: "\\x78" };',
        "\ufeffa { b: 1 b: 2 c: '\\170' }",
        "a { b: 1 b: 2 c: '\\u0078' b: [] }",
    ],
)
def test_forms(text):
    message = parse_prototxt(text).message("a")
    assert message.integers("b") == (1, 2)
    assert message.text("c") == "x"


def test_scalars():
    text = "f: [1e0, -.5f, -inf, 3, - 2.5] t: [true, t, 1, True] e: MAX n: 2 m: -7 z: 0"
    message = parse_prototxt(text)
    assert message.numbers("f")[:3] == (1.0, -0.5, float("-inf"))
    assert message.numbers("f")[3:] == (3.0, -2.5)
    assert all(
        parse_prototxt(f"t: {f.value.text}").flag("t", default=False) for f in message.every("t")
    )
    assert message.choice("e", ("PROD", "SUM", "MAX"), "SUM") == "MAX"
    assert message.choice("n", ("PROD", "SUM", "MAX"), "SUM") == "MAX"
    assert message.integer("m", 0) == -7
    assert message.integer("z", 5) == 0
    assert message.integer("absent", 5) == 5


def test_strings():
    assert parse_prototxt(r'a: "\n\"\\ \303\251 \u00e9 é" ').text("a") == '\n"\\ é é é'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a {\n b: 1", "prototxt line 2: expected '}', found the end of the file"),
        ("a: 1\n}", "prototxt line 2: expected a field's name, found '}'"),
        ("a: \n :", "prototxt line 2: expected a value, found ':'"),
        ("a 1", "prototxt line 1: expected ':' or '{' after a, found '1'"),
        ("a: [1 2]", "prototxt line 1: expected ',' or ']', found '2'"),
        ('a: "x\n"', "prototxt line 1: unexpected '\"'"),
        ("a: \x00", "prototxt line 1: unexpected '\\x00'"),
        ('a: "\\q"', "prototxt line 1: unknown escape '\\\\q'"),
        ('a: "\\xff"', "prototxt line 1: a string is not UTF-8, found '\"\\\\xff\"'"),
        ('a: "\\ud800"', "prototxt line 1: \\ud800 is no character"),
        ("a {" * 5000, "prototxt line 1: messages are nested deeper than 100, found 'a'"),
    ],
)
def test_broken_text(text, reason):
    with pytest.raises(CortadoError) as error:
        parse_prototxt(text)
    assert str(error.value) == reason


def method(message):
    return message.choice("a", ("MAX", "AVE"), "MAX")


@pytest.mark.parametrize(
    ("text", "read", "reason"),
    [
        ("a: x", lambda m: m.integer("a", 0), "a must be an integer, not 'x'"),
        ("a: 1.5", lambda m: m.integer("a", 0), "a must be an integer, not '1.5'"),
        ("a: 99999999999", lambda m: m.integer("a", 0), "a must be an integer, not '99999999999'"),
        ("a: 0", lambda m: m.integer("a", 1, 1), "a must be an integer of at least 1, not '0'"),
        ('a: "1"', lambda m: m.integer("a", 0), "a must be an integer, not '1'"),
        ("a: 0x10", lambda m: m.number("a", 0), "a must be a number, not '0x10'"),
        ("a: 010", lambda m: m.number("a", 0), "a must be a number, not '010'"),
        ("a: 01.5", lambda m: m.number("a", 0), "a must be a number, not '01.5'"),
        ("a: nan", lambda m: m.number("a", 0), "a must be a number, not 'nan'"),
        ("a: inf", lambda m: m.finite("a", 0), "a must be a finite number, not 'inf'"),
        ("a: 1e39", lambda m: m.finite("a", 0), "a must be a finite number, not '1e39'"),
        ("a: yes", lambda m: m.flag("a", default=True), "a must be true or false, not 'yes'"),
        ("a: x", lambda m: m.text("a"), "a must be a string in quotes, not 'x'"),
        ("a: 1", lambda m: m.message("a"), "a must be a message in braces, not '1'"),
        ("a {}", lambda m: m.number("a", 0), "a must be a number, not a message"),
        ("a: MIN", method, "a must be one of MAX, AVE, not 'MIN'"),
        ("a: 2", method, "a must be one of MAX, AVE, not '2'"),
        ("a: 1 a: 1", lambda m: m.integer("a", 0), "a is given a second time"),
    ],
)  # fmt: skip
def test_wrong_values(text, read, reason):
    with pytest.raises(CortadoError) as error:
        read(parse_prototxt(text))
    assert str(error.value) == f"prototxt line 1: {reason}"


names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
scalars = st.one_of(
    st.text(st.characters(exclude_categories=("Cs",)), max_size=12).map(lambda t: Scalar(t, True)),
    st.integers(-(2**31), 2**32 - 1).map(lambda i: Scalar(str(i))),
    st.floats().map(lambda f: Scalar(repr(f))),
    names.map(Scalar),
)
trees = st.recursive(
    scalars, lambda inner: st.lists(st.tuples(names, inner), max_size=4), max_leaves=20
)


def spell(fields):
    return " ".join(f"{name}{spell_value(value)}" for name, value in fields)


def spell_value(value):
    if isinstance(value, list):
        return f" {{ {spell(value)} }}"
    if not value.quoted:
        return f": {value.text}"
    return ': "' + "".join(f"\\{byte:03o}" for byte in value.text.encode()) + '"'


def plain(value):
    if isinstance(value, Message):
        return [(field.name, plain(field.value)) for field in value.fields]
    return value


@given(st.lists(st.tuples(names, trees), max_size=5))
def test_round_trip(fields):
    assert plain(parse_prototxt(spell(fields))) == fields


@given(st.text(st.sampled_from("ab01.-eE:{}<>[],;\"'\\x#\n \x00é"), max_size=60))
def test_any_text_is_parsed_or_refused(text):
    try:
        parse_prototxt(text)
    except CortadoError as error:
        message = str(error)
    else:
        message = ""
    assert "\n" not in message
