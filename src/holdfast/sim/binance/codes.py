"""Binance's error codes with their texts (errors.md and rest-api.md of binance-spot-api-docs)."""

from typing import Final

UNKNOWN: Final = -1000
TOO_MANY: Final = -1003
ILLEGAL: Final = -1100
MANDATORY: Final = -1102
UNREAD: Final = -1104
BAD_INTERVAL: Final = -1120
BAD_SYMBOL: Final = -1121
BAD_COMBINATION: Final = -1128

CODES: Final[dict[int, str]] = {
    UNKNOWN: "An unknown error occurred while processing the request.",
    -1001: "Internal error; unable to process your request. Please try again.",
    TOO_MANY: "Too much request weight used; current limit is 6000 request weight per 1 MINUTE. "
    "Please use WebSocket Streams for live updates to avoid polling the API.",
    -1007: "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    -1008: "Server is currently overloaded with other requests. Please try again in a few minutes.",
    -1016: "This service is no longer available.",
    -1020: "This operation is not supported.",
    -1021: "Timestamp for this request is outside of the recvWindow.",
    ILLEGAL: "Illegal characters found in a parameter.",
    MANDATORY: "A mandatory parameter was not sent, was empty/null, or malformed.",
    UNREAD: "Not all sent parameters were read.",
    BAD_INTERVAL: "Invalid interval.",
    BAD_SYMBOL: "Invalid symbol.",
    BAD_COMBINATION: "Combination of optional parameters invalid.",
    -1130: "Invalid data sent for a parameter.",
}


class Refusal(Exception):
    """HTTP 4xx with this ``code`` and ``msg``."""

    def __init__(self, code: int, message: str = "", *, status: int = 400) -> None:
        super().__init__(message or CODES[code])
        self.code = code
        self.message = message or CODES[code]
        self.status = status
