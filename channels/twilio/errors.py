"""What Twilio's error codes mean, and whether another try helps: the only table."""

from __future__ import annotations

from collections.abc import Mapping

PERMANENT, TRANSIENT, CONFIG = "permanent", "transient", "config"

# Facts from https://www.twilio.com/docs/api/errors. Twilio advises against much logic on codes, as
# they change: whatever is not here is permanent. "config" are those that everybody would get until
# a person mends a setting; a code that names this one number is permanent.
ERROR_CODES: Mapping[str, tuple[str, str]] = {
    "20003": (
        CONFIG,
        (
            "the account id or the token is wrong: check FASTTIME_TWILIO_ACCOUNT_SID and"
            " FASTTIME_TWILIO_AUTH_TOKEN"
        ),
    ),
    "20005": (CONFIG, "the account is not active: see the Twilio console"),
    "20404": (
        CONFIG,
        (
            "the account or the address of the API is unknown: check FASTTIME_TWILIO_ACCOUNT_SID"
            " and FASTTIME_TWILIO_API_BASE"
        ),
    ),
    "20429": (TRANSIENT, "too many requests"),
    "21210": (
        CONFIG,
        "the voice sender is not a verified number: check FASTTIME_TWILIO_VOICE_FROM",
    ),
    "21211": (PERMANENT, "not a valid number"),
    "21212": (CONFIG, "the sender is not a valid number: check FASTTIME_TWILIO_FROM"),
    "21214": (PERMANENT, "this number cannot be called"),
    "21215": (PERMANENT, "calls to this country are not enabled in the Twilio console"),
    "21216": (PERMANENT, "Twilio calls no such number"),
    "21217": (PERMANENT, "not a valid number"),
    "21408": (PERMANENT, "messages to this country are not enabled in the Twilio console"),
    "21606": (
        CONFIG,
        (
            "the sender does not belong to the account or cannot send text messages: check"
            " FASTTIME_TWILIO_FROM"
        ),
    ),
    "21608": (PERMANENT, "a trial account may send to verified numbers only"),
    "21610": (PERMANENT, "opted out by STOP"),
    "21611": (TRANSIENT, "the sender's queue at Twilio is full"),
    "21612": (PERMANENT, "not reachable from this sender"),
    "21614": (PERMANENT, "not a mobile number"),
    "21617": (PERMANENT, "the text is longer than 1,600 characters"),
    "21635": (PERMANENT, "a landline"),
    "30001": (TRANSIENT, "the queue overflowed"),
    "30002": (CONFIG, "the account is suspended: see the Twilio console"),
    "30003": (TRANSIENT, "the handset is off or out of reach"),
    "30004": (PERMANENT, "blocked"),
    "30005": (PERMANENT, "no such handset"),
    "30006": (PERMANENT, "a landline, or a carrier that cannot be reached"),
    "30007": (PERMANENT, "filtered by the carrier"),
    "30008": (TRANSIENT, "not delivered, reason unknown"),
    "30010": (CONFIG, "dearer than the highest price allowed"),
}
