"""What can go wrong, in two families: what a retry may cure, and what it cannot.

Every message names the thing (file, month, table), what is wrong with it and what to do next: callers just print it.
"""


class FloconError(Exception):
    """A failure that stays until somebody acts: trying again with the same bytes fails the same way."""


class SettingsError(FloconError):
    """A setting is missing or makes no sense."""


class StackError(FloconError):
    """An embedded server cannot be started, stopped or reached."""


class SourceError(FloconError):
    """The source answered, but not with a month that can be accepted."""


class NotYetPublished(SourceError):
    """The source does not have this file (yet)."""


class ContractError(FloconError):
    """A file does not fit its dataset's contract: a column is missing, or a cast would lose information."""


class CheckFailed(FloconError):
    """A rule of severity `fail` does not hold; what was being published is rolled back."""


class Unbalanced(FloconError):
    """Rows or amounts differ between two places that must agree."""


class TransientError(FloconError):
    """A failure that may pass by itself: a retry is worth its price."""


class Busy(TransientError):
    """Another run is at work on the same month."""
