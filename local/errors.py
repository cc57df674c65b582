"""What stands in the way of a verb. Shown without a traceback."""


class CannotStart(Exception):
    """What is wrong and the remedy, in one sentence."""
