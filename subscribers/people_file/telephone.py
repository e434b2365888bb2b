"""Telephone numbers, of a file or of who registers: checked, and put into E.164."""

from __future__ import annotations

import re
import unicodedata

import phonenumbers

from broadcast.problems import refuse

_MOBILE = re.compile(r"\+447(?:[1-57-9][0-9]{8}|624[0-9]{6})", re.ASCII)
_LANDLINE = re.compile(r"\+44[123][0-9]{8,9}", re.ASCII)
_TRIAL = re.compile(r"\+999[0-9]{9}", re.ASCII)
_LOST = re.compile(r"[0-9]+(?:[.,][0-9]+)?[eE]\+?[0-9]+", re.ASCII)
_NO_ZERO = re.compile(r"[1-9][0-9]{8,9}", re.ASCII)


def is_plain(cell: str, *, mobile: bool) -> bool:
    """Return whether a cell is a British number in E.164 already, which a pattern sees fast."""
    return bool(_MOBILE.fullmatch(cell) or (not mobile and _LANDLINE.fullmatch(cell)))


def lost_its_zero(cell: str) -> str:
    """Return a number whose leading zero a spreadsheet took, with it; "" where none is lost."""
    compact = cell.replace(" ", "").lstrip("'")
    return "0" + compact if _NO_ZERO.fullmatch(compact) else ""


def normalise_number(cell: str, *, mobile: bool, allow_trial_numbers: bool = False) -> str:
    """Return a telephone number as E.164; the United Kingdom is the default. Raises Rejected; the
    number is never repeated in the error.

    Ofcom's drama numbers are taken, though libphonenumber calls them not valid. `mobile`: refuse
    what cannot get a text.
    """
    text = unicodedata.normalize("NFKC", cell).strip().lstrip("'")
    compact = re.sub(r"[\s().\u2010-\u2015-]", "", text)
    if _TRIAL.fullmatch(compact):
        if allow_trial_numbers:
            return compact
        raise refuse(
            "number_not_allowed",
            "no country has the code 999",
            "trial numbers are for trials: TWILIO_API_BASE must be on loopback",
        )
    if compact.startswith("+999"):
        raise refuse(
            "number_invalid",
            "a trial number is +999 and nine digits",
            "write nine digits after +999",
        )
    if compact.startswith("0") and is_plain(as_dialled := "+44" + compact[1:], mobile=mobile):
        return as_dialled  # what the library would say, at a twentieth of the cost
    if _LOST.fullmatch(compact):
        raise refuse(
            "number_lost_by_spreadsheet",
            "a spreadsheet has rounded this number and its digits are gone",
            "format the column as text and fill it again from the source",
        )
    if compact.isdigit() and len(compact) <= 6:
        raise refuse(
            "number_not_allowed" if not compact.startswith("0") else "number_too_short",
            "a short code or a piece of a number",
            "give the whole number, such as 07700 900123",
        )
    if compact.isascii() and compact.isdigit() and compact.startswith("44") and len(compact) == 12:
        compact = text = (
            "+" + compact
            # a spreadsheet took the plus; no number of the United Kingdom begins 44 without a zero
            # before it
        )
    try:
        parsed = phonenumbers.parse(
            text if compact.startswith(("+", "00")) or "ext" in text.lower() else compact, "GB"
        )
    except phonenumbers.NumberParseException as exc:
        code = (
            "number_too_short"
            if exc.error_type in (exc.TOO_SHORT_NSN, exc.TOO_SHORT_AFTER_IDD)
            else "number_too_long"
            if exc.error_type == exc.TOO_LONG
            else "number_invalid"
        )
        raise refuse(
            code, "this is no telephone number", "write it as +447700900123 or 07700 900123"
        ) from exc
    if parsed.extension:
        raise refuse(
            "number_invalid",
            "a number with an extension cannot be dialled by us",
            "give a direct number",
        )
    reason = phonenumbers.is_possible_number_with_reason(parsed)
    if reason in (
        phonenumbers.ValidationResult.TOO_SHORT,
        phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY,
    ):
        raise refuse(
            "number_too_short", "digits are missing", "give the whole number, such as 07700 900123"
        )
    if reason != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise refuse(
            (
                "number_too_long"
                if reason == phonenumbers.ValidationResult.TOO_LONG
                else "number_invalid"
            ),
            "this is no telephone number",
            "write it as +447700900123 or 07700 900123",
        )
    number: str = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    _check_kind(parsed, number, mobile)
    return number


def _check_kind(parsed: phonenumbers.PhoneNumber, number: str, mobile: bool) -> None:
    if _MOBILE.fullmatch(number) or (_LANDLINE.fullmatch(number) and not mobile):
        return
    types = phonenumbers.PhoneNumberType
    kind = phonenumbers.number_type(parsed)
    if number.startswith(("+449", "+4470", "+44118")) or kind in (
        types.PREMIUM_RATE,
        types.PERSONAL_NUMBER,
    ):
        raise refuse(
            "number_not_allowed",
            "a premium, personal or directory number",
            "give an ordinary number",
        )
    if mobile and (
        _LANDLINE.fullmatch(number)
        or kind
        in (
            types.FIXED_LINE,
            types.TOLL_FREE,
            types.UAN,
            types.SHARED_COST,
            types.VOIP,
            types.PAGER,
        )
    ):
        raise refuse(
            "landline",
            "this number takes no text messages",
            "put it into the column phone and choose voice",
        )
    if number.startswith("+447") and len(number) < 13:
        raise refuse(
            "number_too_short", "digits are missing", "give the whole number, such as 07700 900123"
        )
    if not phonenumbers.is_valid_number(parsed):
        raise refuse(
            "number_invalid",
            "no such range of numbers is in use",
            "write it as +447700900123 or 07700 900123",
        )
