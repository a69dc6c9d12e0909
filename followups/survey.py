"""
The survey that the people met may answer: its questions by language, and what its codes look like.

Five statements, one to five each, no text: nothing that somebody writes can say who they are. The languages are those in
which somebody has written every sentence; another one is one more entry of ``TEXTS``.
"""
# ruff: noqa: RUF001  Chinese has its own comma

import re
import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

QUESTIONS: Final = 5
SCORES: Final = range(1, 6)
# Neither vowels, which make words, nor what is mistaken for something else on paper.
_LETTERS: Final = "23456789BCDFGHJKMNPQRSTVWXZ"
_GROUPS, _GROUP = 3, 4
_NOT_LETTERS: Final = re.compile(f"[^{_LETTERS}]")


@dataclass(frozen=True, slots=True)
class Text:
    """
    The whole page in one language: ``name`` is what the language calls itself.
    """

    name: str
    title: str
    lead: str
    questions: tuple[str, ...]
    scores: tuple[str, ...]
    skip: str
    send: str
    thanks: str
    used: str
    unknown: str
    nothing: str
    code: str
    go: str
    again: str


TEXTS: Final[dict[str, Text]] = {
    "en": Text(
        name="English",
        title="How was it?",
        lead="A CARE team came to you. Five short questions, if you like. Nobody can see who answered, "
        "and it changes nothing about the help that you get.",
        questions=(
            "The team treated me with respect.",
            "The team listened to me.",
            "I felt safe with the team.",
            "The team helped me with what I needed.",
            "I would want this team to come again.",
        ),
        scores=("Not at all", "A little", "Partly", "Mostly", "Completely"),
        skip="I would rather not say",
        send="Send",
        thanks="Thank you. Your answers were added to those of others.",
        used="This card was used already. Each card counts once.",
        unknown="This code is not known. Look at the card again.",
        nothing="Answer at least one question, or close this page.",
        code="Code on your card",
        go="Next",
        again="Another code",
    ),
    "es": Text(
        name="Español",
        title="¿Cómo le fue?",
        lead="Un equipo de CARE estuvo con usted. Son cinco preguntas cortas, si lo desea. Nadie puede ver quién respondió, "
        "y no cambia en nada la ayuda que recibe.",
        questions=(
            "El equipo me trató con respeto.",
            "El equipo me escuchó.",
            "Me sentí seguro o segura con el equipo.",
            "El equipo me ayudó con lo que necesitaba.",
            "Me gustaría que este equipo volviera a venir.",
        ),
        scores=("Nada", "Un poco", "En parte", "En gran parte", "Totalmente"),
        skip="Prefiero no responder",
        send="Enviar",
        thanks="Gracias. Sus respuestas se sumaron a las de otras personas.",
        used="Esta tarjeta ya se usó. Cada tarjeta cuenta una vez.",
        unknown="No conocemos este código. Mire la tarjeta otra vez.",
        nothing="Responda al menos una pregunta, o cierre esta página.",
        code="Código de su tarjeta",
        go="Siguiente",
        again="Otro código",
    ),
    "vi": Text(
        name="Tiếng Việt",
        title="Quý vị thấy thế nào?",
        lead="Một nhóm CARE đã đến gặp quý vị. Nếu muốn, xin trả lời năm câu hỏi ngắn. Không ai biết được người trả lời là ai, "
        "và việc này không ảnh hưởng gì đến sự giúp đỡ quý vị nhận được.",
        questions=(
            "Nhóm đã đối xử với tôi một cách tôn trọng.",
            "Nhóm đã lắng nghe tôi.",
            "Tôi cảm thấy an toàn khi ở cùng nhóm.",
            "Nhóm đã giúp tôi điều tôi cần.",
            "Tôi muốn nhóm này đến lần nữa.",
        ),
        scores=("Hoàn toàn không", "Một chút", "Một phần", "Phần lớn", "Hoàn toàn đúng"),
        skip="Tôi không muốn trả lời",
        send="Gửi",
        thanks="Cảm ơn quý vị. Các câu trả lời đã được gộp chung với của những người khác.",
        used="Thẻ này đã được dùng. Mỗi thẻ chỉ dùng một lần.",
        unknown="Không tìm thấy mã này. Xin xem lại thẻ.",
        nothing="Xin trả lời ít nhất một câu hỏi, hoặc đóng trang này.",
        code="Mã trên thẻ của quý vị",
        go="Tiếp",
        again="Mã khác",
    ),
    "zh-Hant": Text(
        name="繁體中文",
        title="您覺得怎麼樣？",
        lead="CARE 團隊曾來幫助您。如果您願意，請回答五個簡短的問題。沒有人能看到是誰回答的，也不會影響您得到的幫助。",
        questions=(
            "團隊尊重我。",
            "團隊認真聽我說話。",
            "和團隊在一起我覺得安全。",
            "團隊在我需要的事情上幫助了我。",
            "我希望這個團隊下次再來。",
        ),
        scores=("完全不是", "有一點", "一部分", "大部分", "完全是"),
        skip="我不想回答",
        send="送出",
        thanks="謝謝您。您的回答已和其他人的回答合在一起。",
        used="這張卡已經用過了。每張卡只能用一次。",
        unknown="找不到這個代碼。請再看一下卡片。",
        nothing="請至少回答一個問題，或關閉此頁。",
        code="您卡片上的代碼",
        go="下一步",
        again="其他代碼",
    ),
}


def new_code() -> str:
    """
    Return a new code, as it is printed: three groups of four, 57 bits, so that nobody guesses one.
    """
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))


def plain(code: str) -> str:
    """
    Return a code as it is hashed, however somebody typed it.
    """
    return _NOT_LETTERS.sub("", code[:40].upper())


def code_hash(code: str) -> bytes:
    """
    Return what is kept of a code: SHA-256 of its letters.
    """
    return sha256(plain(code).encode()).digest()


def language(asked: str, accepted: str) -> str:
    """
    Return the language of the page: the one asked for, else the first that the browser accepts (``Accept-Language``) and
    somebody has written, else English.
    """
    if asked in TEXTS:
        return asked
    for part in accepted[:400].split(","):
        wanted = part.split(";")[0].strip().lower()
        for tag in TEXTS:
            if wanted == tag.lower() or wanted.partition("-")[0] == tag.lower().partition("-")[0]:
                return tag
    return "en"
