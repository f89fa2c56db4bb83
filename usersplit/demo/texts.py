"""What the demo company's application says now, so that other words can be tested."""

from __future__ import annotations

from typing import Final

_SAID: Final = {
    "pay_button": {"en": "Pay now", "de": "Jetzt bezahlen", "ja": "今すぐ支払う", "ko": "지금 결제"},
    "basket_empty": {
        "en": "Your basket is empty.",
        "de": "Dein Warenkorb ist leer.",
        "ja": "カートは空です。",
        "ko": "장바구니가 비어 있습니다.",
    },
    "welcome_back": {
        "en": "Welcome back, {name}!",
        "de": "Willkommen zurück, {name}!",
        "ja": "おかえりなさい、{name}さん！",
        "ko": "다시 오신 것을 환영합니다, {name} 님!",
    },
    "delivery_hint": {
        "en": "Arrives in {days} days. Free from {amount} on.",
        "de": "In {days} Tagen da. Ab {amount} versandkostenfrei.",
        "ja": "{days}日でお届け。{amount}以上で送料無料。",
        "ko": "{days}일 안에 도착합니다. {amount}부터 무료 배송.",
    },
    "push_daily": {
        "en": "{count} new things for you today",
        "de": "{count} neue Dinge für dich heute",
        "ja": "今日の新着は{count}件です",
        "ko": "오늘의 새 소식 {count}건",
    },
}
TEXTS: Final = {(token, language): text for token, texts in _SAID.items() for language, text in texts.items()}
"""(token, language) → text."""
BROUGHT_IN: Final = 35
"""So many days before today."""
