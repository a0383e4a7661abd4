"""A shop that tries out another checkout."""

from reactive import Document
from reactive.flags import DecisionRow, FlagRow, OverrideRow


class Switch(FlagRow, table="switches"):
    """Its flags."""


class SwitchOverride(OverrideRow, table="switch_overrides"):
    """Their exceptions."""


class SwitchDecision(DecisionRow, table="switch_decisions"):
    """What customers got of them."""


class Order(Document, table="orders"):
    """What was bought, and in how many steps."""

    item: str
    steps: int
