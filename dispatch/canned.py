"""
Phrases that the desk and a crew send each other with one tap, by code. Codes never change their meaning.
"""

# By the crew, to the desk.
OF_UNIT: dict[str, str] = {
    "NEED_CALL_BACK": "Please call the caller back.",
    "NEED_ADDRESS": "Which door or apartment?",
    "NEED_INTERPRETER": "We need an interpreter.",
    "LONGER_THAN_PLANNED": "This takes longer. We are fine.",
    "DELAYED": "We are delayed.",
    "CANNOT_FIND": "We cannot find the person.",
    "TRANSPORT_WANTED": "Can somebody take them there?",
    "UNDERSTOOD": "Understood.",
}
# By the desk, to a crew.
OF_DESK: dict[str, str] = {
    "CALLER_MOVED": "The caller has moved. See the notes.",
    "CALLER_WAITS": "The caller waits for you outside.",
    "CALL_DESK": "Call the desk by phone when you can.",
    "POLICE_DELAYED": "Police are delayed. Stage.",
    "NEXT_CALL_WAITS": "Another call waits for you after this one.",
    "STILL_THERE": "How long will you still be there?",
    "UNDERSTOOD": "Understood.",
}
CANNED: dict[str, str] = {**OF_UNIT, **OF_DESK}
