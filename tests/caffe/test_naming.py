"""Names that must differ."""

from hypothesis import given
from hypothesis import strategies as st

from cortado.caffe.naming import UniqueNames


def test_a_number_tells_equal_names_apart():
    names = UniqueNames(["a", "b_2"])
    assert [names.take(name) for name in ("a", "b", "b", "b", "a", "c")] == [
        "a_2", "b", "b_3", "b_4", "a_3", "c",
    ]  # fmt: skip


@given(st.lists(st.sampled_from(["a", "a_2", "a_2_2", "a_3"]), max_size=20))
def test_no_name_is_given_twice(wishes):
    names = UniqueNames()
    given_names = [names.take(wish) for wish in wishes]
    assert len(set(given_names)) == len(wishes)
