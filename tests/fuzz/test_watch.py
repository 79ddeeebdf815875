"""The watch sees whatever a case does to its process."""

from fuzz import watch


def test_every_sickness_is_seen_and_the_next_case_runs(monkeypatch):
    monkeypatch.setattr(watch, "SECONDS", 0.3)
    result = watch.run_cases("sick", 0, 9)
    found = {finding.number: finding.verdict for finding in result.findings}
    assert found == {2: "wrong", 3: "bug", 4: "memory", 5: "memory", 6: "crash", 7: "hang"}
    assert result.counts["refused"] == 1
    assert result.counts["right"] == 2


def test_a_finding_says_which_case_it_was_and_why():
    (finding,) = watch.run_cases("sick", 2, 3).findings
    assert str(finding) == "sick 2: wrong: another value"
