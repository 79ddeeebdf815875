"""Which curves stand out, what they are called, and what has no figures."""

from cortado.report.marked_curves import by_sensitivity, mark_curves, missing_from
from report.tables import curve, deep, row, table


def marked(found):
    return mark_curves(found, lambda each: each.rows[0])[1]


def test_a_layer_has_the_same_colour_in_both_charts():
    curves = marked(
        table(
            curve("a", 0.1),
            curve("b", 0.2),
            curve("b", 0.2, rates=(4, 3), treatment="bits"),
            curve("c", 0.2, rates=(4, 3), treatment="bits"),
        )
    )
    colours = {(each.name, each.treatment): each.colour for each in curves}
    assert colours == {("a", "prune"): 0, ("b", "prune"): 1, ("b", "bits"): 1, ("c", "bits"): 2}


def test_of_many_layers_the_most_sensitive_stand_out():
    curves = marked(deep())
    for kind in ("prune", "bits"):
        same = [each for each in curves if each.treatment == kind]
        assert coloured(curves, kind) == {f"layer4.2.conv{53 - place}": place for place in range(8)}
        assert by_sensitivity(same)[-1].name == "layer4.2.conv0"


def test_a_layer_that_stands_out_in_both_charts_has_the_same_colour_there():
    """A layer that stands out in one alone takes a colour that is free in its chart."""
    pruned = [curve(f"a{n}", 0.1 + 0.01 * n) for n in range(10)]
    falls = {n: 0.2 - 0.01 * n if n < 5 else 0.01 * n for n in range(10)}
    shared = [curve(f"a{n}", fall, (4, 3), "bits") for n, fall in falls.items()]
    curves = marked(table(*pruned, *shared))
    first, second = coloured(curves, "prune"), coloured(curves, "bits")
    both = first.keys() & second.keys()
    assert 0 < len(both) < 8
    assert {name: first[name] for name in both} == {name: second[name] for name in both}
    assert sorted(first.values()) == sorted(second.values()) == list(range(8))


def coloured(curves, kind):
    """Return the colours of the curves of a kind that stand out, by their names."""
    front = [each for each in curves if each.treatment == kind and each.colour is not None]
    return {each.name: each.colour for each in front}


def test_points_count_by_how_far_apart_they_are():
    """Points that are dense where a curve is low do not make it more sensitive."""
    early = [row("early", "prune", rate, accuracy) for rate, accuracy in ((0.3, 0.9), (0.9, 0.1))]
    late = [row("late", "prune", 0.3, 0.9), row("late", "prune", 0.89, 0.9)]
    late += [row("late", "prune", 0.9 + i / 10000, 0.0) for i in range(9)]
    assert [each.name for each in by_sensitivity(marked(table(late, early)))] == ["early", "late"]


def test_curves_of_a_layer_are_told_apart():
    curves = marked(
        table(
            curve("a", 0.1),
            curve("a", 0.2, method="std"),
            curve("a", 0.2, rates=(4, 3), treatment="bits"),
        )
    )
    assert [each.name for each in curves] == ["a, magnitude", "a, std", "a"]


def test_points_without_figures_are_told_together():
    found = table(
        curve("a", 0.1),
        [row("b", "prune", rate, None, note="zeros already") for rate in (0.3, 0.5, 0.6, 0.7)],
        [row("b", "bits", bits, None, note="shared already") for bits in (5, 4)],
        [row("c", "skipped", 0, None, note="no float32")],
    )
    assert [(m.layer, m.what, m.why) for m in missing_from(found)] == [
        ("b", "pruned to 0.3 … 0.7", "zeros already"),
        ("b", "at 5, 4 bits", "shared already"),
        ("c", "all points", "no float32"),
    ]
