"""What is shown of the model card."""

from threedsl.ui.evidence import model_card


def test_limits_are_a_list_that_begins_with_what_must_not_be_done():
    card = {
        model_card.LIMITS: "For research. Beyond that\nthe figures above mean **little**. "
        "It must not judge. Nor e.g. do so."
    }
    assert model_card.limits(card).splitlines() == [
        "- It must not judge.",
        "- For research.",
        "- Beyond that the measured figures mean **little**.",
        "- Nor e.g. do so.",
    ]
    listed = {model_card.LIMITS: "Never:\n\n- judge. Or so\n- track"}
    assert model_card.limits(listed) == listed[model_card.LIMITS]
    assert model_card.limits({}) == ""
