"""Terms and what they mean."""

from threedsl.ui.evidence import glossary


def test_a_term_is_explained_once_and_only_where_it_occurs():
    assert glossary.terms_in("Rank-1 and MAP under the protocol cloth-changing, p") == [
        "protocol",
        "cloth-changing",
        "rank-1",
        "mAP",
    ]
    assert glossary.terms_in("a map of PCK@0.5", {"mAP"}) == ["PCK"]
    shown = glossary.glossary(["PCK", "by seed"])
    assert shown.count("<dt>") == shown.count("<dd>") == 2 and glossary.TERMS["PCK"].split("'")[0] in shown
    assert glossary.glossary([]) == ""
