"""Shapes as people read them."""

from cortado.model.shape_text import show_shape


def test_sizes_stand_between_crosses_and_open_ones_are_questions():
    assert show_shape((20, 1, 5, 5)) == "20×1×5×5"
    assert show_shape([None, 3]) == "?×3"
