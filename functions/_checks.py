"""Checks that several functions share; a module whose name begins with `_` is never served."""

from reactive import ApplicationError


def check_text(text: str, *, name: str, length_max: int) -> None:
    """Refuse a text that is blank or longer than `length_max` characters.

    Raises:
        ApplicationError: the caller's mistake, with a message that a person can read.
    """
    if not text.strip():
        raise ApplicationError({"code": "invalid_request", "message": f"The {name} is empty."})
    if len(text) > length_max:
        raise ApplicationError(
            {
                "code": "invalid_request",
                "message": (
                    f"The {name} is too long: {len(text):,} characters, {length_max:,} at most."
                ),
            }
        )
