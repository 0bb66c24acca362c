"""Text in a wrong encoding is known in any language, and true text of any language is left in peace."""
# ruff: noqa: RUF001 - quotes, dashes and letters of other alphabets are what is tested

import re

import polars as pl
import pytest

from transforms.mojibake import MOJIBAKE

NAMES = {
    "French": ["François", "Hélène", "Noël", "Crème", "Benoît", "cœur"],
    "Spanish": ["Muñoz", "José", "Peña", "María"],
    "Portuguese": ["João", "Conceição", "Simões"],
    "German": ["Müller", "Jürgen", "Weiß", "Österreich"],
    "Swedish": ["Åström", "Sjöberg"],
    "Danish": ["Sørensen", "Kjær"],
    "Czech": ["Dvořák", "Čapek", "Růžička", "Němec", "Šimek", "Žižka"],
    "Polish": ["Wałęsa", "Kość", "Żaneta", "Paweł", "Gdańsk"],
    "Turkish": ["Erdoğan", "Yıldız", "Şahin", "İstanbul"],
    "Hungarian": ["Erdős", "Szűcs", "Nagyné"],
    "Romanian": ["Constanța", "Iași", "Brâncuși", "Țepeș Vlad"],
    "Lithuanian": ["Žemaitė Ona", "Šarūnas"],
    "Vietnamese": ["Nguyễn", "Trần", "Phạm", "Lê Thị Hương", "Hà Nội", "Đặng"],
    "Russian": ["Иван", "Мария Петрова", "Москва"],
    "Ukrainian": ["Олексій", "Київ"],
    "Greek": ["Μαρία", "Γιώργος", "Αθήνα"],
    "Hebrew": ["משה", "ירושלים"],
    "Arabic": ["محمد", "القاهرة"],
    "Chinese": ["张伟", "王芳", "北京市"],
    "Japanese": ["山田太郎", "さくら", "テスト"],
    "Korean": ["김민수", "서울특별시"],
    "Thai": ["สมชาย", "กรุงเทพ"],
    "Hindi": ["राहुल", "दिल्ली"],
    "signs": ["Smith’s", "A – B", "“quoted” text", "5 €", "20 °C", "😀", "½ price", "©2026"],
}
SHOWN = [(language, name) for language, names in NAMES.items() for name in names]

TRUE = [
    *(name for _, name in SHOWN),
    "CAFÉ”", "“CAFÉ”", "NESTLÉ®", "Nestlé™", "CITROËN…", "Weiß’s", "GAUß–STRAẞE", "Voß—Meyer", "IRMÃ”", "AMANHÃ…",
    "MAÇÃ\u00a0VERDE", "CONCEIÇÃO", "SÃO JOÃO", "«está»", "«está»…", "¿Qué?", "“íž”", "Jan “Kříž”", "Kříž…", "víš“",
    "ÚŽASNÝ", "KŘÍŽ", "SINÄ»", "SINÄ…", "IKEÄ", "BLÅ’s", "Å–Ä", "VÄSTERÅS", "ÅSA", "Å²", "5 Å", "Ä–Ö–Ü", "É–È–Ê",
    "« café\u00a0»", "à\u00a0½ heure", "durée\u00a0½", "½×½×½", "2×4", "3×²", "société¹²", "café†", "Mª Àngels", "Nº 5",
    "Đà Nẵng", "NGUYỄN THỊ", "TRƯƠNG", "ĐÀ LẠT", "ÇAĞLAR", "ŞİŞLİ", "ÖZGÜR", "IŞIK", "ÞÓRÐUR", "Þórður", "Guðrún",
    "Ólafsdóttir", "Fañch", "L’été’", "Œuvre", "ŒDÈME", "Cœur®", "BÂTIMENT", "HÂNCU", "COBORÂ", "ROMÂNIA", "ÎN SÂN",
    "ŠIŠKA", "ČÁSLAV", "Žďár", "ŁÓDŹ", "Łódź", "ŐRSÉG", "Űr", "ŽEMAITĖ", "Ķekava", "Ģirts", "ĦAL", "Malmö™", "Zoë’s",
    "Beyoncé’s", "Ça va…", "À-côté", "ÉTÉ", "Ñandú", "PIÑATA®", "Ü–Bahn", "Bär & Söhne®", "São Tomé…", "Ã", "Â", "ð",
    "ªº°", "§ 5", "± 5 µm", "¡Olé!", "¡Olé»", "Olé»", "©®™", "naïve", "ï", "façade…»", "D’Arcy–Müller", "Müller–Öst",
    "Kálmán „Kis” Béla", "„Ä” und „Ö”", "„É“", "Ë·L", "col·lecció", "Paral·lel", "Hawaiʻi", "ʻOkina", "Æon", "ÆØÅ",
    "BLÅ›", "É›", "Ý™", "ß“", "è”…", "pâté ½", "O’Neill", "Ångström²", "№ 7", "3€", "É€", "“Ã”",
    "√2", "√ 9", "x ≈ 5", "ƒ(x)", "¬ a", "¬a", "Paris–Évry", "–É–", "œé", "Œuvre–Œuvre", "‚so‘", "├── a", "│ ├─┬─┐",
    "┌┬┐", "═╬═", "╤═╤", "──", "GĂŞTI", "BACĂU", "Ă…", "CÂMPIA–BACĂ”", "STĹP", "Γ Ç", "ÔTER", "Γα", "Ĺ–A",
]  # fmt: skip


def shown_as(text, encoding):
    """Return UTF-8 bytes read as another encoding; the five that Windows-1252 lacks stay as controls."""
    signs = (bytes([byte]).decode(encoding, errors="ignore") or chr(byte) for byte in text.encode())
    return "".join(signs)


@pytest.mark.parametrize("encoding", ["windows-1252", "latin-1"])
@pytest.mark.parametrize(("language", "name"), SHOWN)
def test_text_that_was_read_in_a_wrong_encoding_is_known(language, name, encoding):
    shown = shown_as(name, encoding)
    assert shown != name
    assert is_mojibake(shown), (language, shown)
    assert re.search(MOJIBAKE, shown)


WESTERN = ["French", "Spanish", "Portuguese", "German", "Swedish", "Danish"]
CENTRAL = ["Czech", "Polish", "Hungarian"]


@pytest.mark.parametrize(
    ("encoding", "language"),
    [
        *(("mac-roman", each) for each in (*WESTERN, *CENTRAL, "Turkish", "Russian", "Ukrainian", "Greek")),
        *(("cp437", each) for each in (*WESTERN, *CENTRAL, "Russian", "Ukrainian", "Greek")),
        *(("cp850", each) for each in WESTERN),
        *(("cp1250", each) for each in WESTERN),
    ],
)
def test_text_that_was_read_in_an_encoding_of_macs_consoles_and_central_europe_is_known(encoding, language):
    for name in NAMES[language]:
        shown = shown_as(name, encoding)
        assert is_mojibake(shown), (name, shown)
        assert re.search(MOJIBAKE, shown)


@pytest.mark.parametrize("encoding", ["mac-roman", "cp437", "cp850"])
def test_a_quote_that_was_read_in_another_encoding_is_known(encoding):
    assert is_mojibake(shown_as("Smith’s", encoding))


@pytest.mark.parametrize("text", TRUE)
def test_true_text_is_none(text):
    assert not is_mojibake(text)
    assert not re.search(MOJIBAKE, text)


@pytest.mark.parametrize("text", ["N\ufffdez", "Donâ€™t", "Perï¿½", "DonÂ’t"])
def test_a_lost_character_is_known_however_it_was_lost(text):
    assert is_mojibake(text)


def is_mojibake(text):
    return pl.select(pl.lit(text).str.contains(MOJIBAKE)).item()
