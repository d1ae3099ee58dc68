"""Texts in the charsets of their languages: each is read right or refused, never read wrong."""

from __future__ import annotations

import pytest

from ragkit.errors import DocumentError
from ragkit.ingest.load.decode import decode
from ragkit.ingest.load.guess import guess_charset

TEXTS = {
    "ru": (
        "Гарантия на терминал действует двадцать четыре месяца со дня передачи товара. Если прибор не "
        "включается, проверьте зарядку и обратитесь в ближайшую мастерскую с чеком.",
        ("cp1251", "koi8-r", "cp866", "iso8859-5", "mac-cyrillic"),
    ),
    "uk": (
        "Гарантія на прилад діє двадцять чотири місяці з дня покупки. Якщо він не вмикається, перевірте "
        "живлення і зверніться до найближчої майстерні.",
        ("cp1251", "koi8-u"),
    ),
    "ja": (
        "保証期間はお買い上げの日から二十四か月です。故障したときは、レシートをお持ちのうえ、お近くの"
        "サービスセンターへお越しください。お客様の不注意による破損は対象になりません。",
        ("cp932", "shift_jis", "euc_jp", "iso2022_jp"),
    ),
    "zh": (
        "本产品自购买之日起保修二十四个月。如果出现故障，请携带发票到最近的服务中心。因使用者的疏忽造成的"
        "损坏不在保修范围之内，运费由公司承担。",
        ("gb18030", "gbk", "gb2312"),
    ),
    "zh-tw": (
        "本產品自購買之日起保固二十四個月。如果發生故障，請攜帶發票到最近的服務中心。因使用者的疏忽造成的"
        "損壞不在保固範圍之內，運費由公司負擔。",
        ("big5", "cp950"),
    ),
    "ko": (
        "제품 보증 기간은 구입일로부터 이십사 개월입니다. 고장이 발생하면 영수증과 함께 가까운 서비스 센터를 "
        "방문해 주십시오. 배송비는 회사가 부담합니다.",
        ("euc_kr", "cp949"),
    ),
    "de": (
        "Die Gewährleistung beträgt vierundzwanzig Monate ab der Übergabe. Läßt sich das Gerät nicht "
        "einschalten, prüfen Sie bitte zuerst die Stromversorgung und die Anschlüsse.",
        ("cp1252", "latin-1", "mac-roman", "cp850"),
    ),
    "fr": (
        "L'appareil est garanti deux ans à compter de la date d'achat. S'il ne s'allume plus, vérifiez "
        "d'abord que la batterie est chargée, puis présentez-vous au point de réparation le plus proche : "
        "la réparation a été payée par le fabricant, même après un an.",
        ("cp1252", "latin-1", "mac-roman", "cp850"),
    ),
    "es": (
        "La garantía dura veinticuatro meses. ¿Qué hago si no enciende? Compruebe la conexión y el cargador; "
        "después acuda al servicio técnico más próximo. El año que viene habrá también otro.",
        ("cp1252", "latin-1", "cp850"),
    ),
    "pl": (
        "Gwarancja obowiązuje przez dwadzieścia cztery miesiące od dnia zakupu. Jeżeli urządzenie się nie "
        "włącza, należy sprawdzić zasilanie i zgłosić się do najbliższego punktu.",
        ("cp1250", "iso8859-2"),
    ),
    "cs": (
        "Záruka trvá dvacet čtyři měsíců ode dne nákupu. Pokud se přístroj nezapne, zkontrolujte nejdříve "
        "nabití baterie a potom se obraťte na nejbližší středisko.",
        ("cp1250", "iso8859-2"),
    ),
    "tr": (
        "Ürünün garanti süresi satın alma tarihinden itibaren yirmi dört aydır. Cihaz açılmıyorsa önce şarjı "
        "kontrol edin, sonra en yakın servise başvurun.",
        ("cp1254",),
    ),
    "el": (
        "Η εγγύηση ισχύει για είκοσι τέσσερις μήνες από την ημέρα της αγοράς. Αν η συσκευή δεν ανάβει, "
        "ελέγξτε πρώτα τη φόρτιση.",
        ("cp1253", "iso8859-7"),
    ),
    "ar": (
        "يسري الضمان لمدة أربعة وعشرين شهرا من تاريخ الشراء، وإذا لم يعمل الجهاز فاتصل بأقرب مركز للخدمة.",
        ("cp1256", "iso8859-6"),
    ),
    "he": (
        "האחריות תקפה לעשרים וארבעה חודשים מיום הרכישה של המכשיר. אם הוא אינו נדלק, בדקו את הטעינה.",
        ("cp1255", "iso8859-8"),
    ),
    "en": (
        "The handset’s warranty runs for twenty-four months — see the “Terms” below. It doesn’t cover damage "
        "by water, and the fee is £20 or 25 € per visit.",
        ("cp1252",),
    ),
}
CASES = [(text, charset) for text, charsets in TEXTS.values() for charset in charsets]
# Charsets that are not read at all.
UNREAD = [
    ("การรับประกันมีอายุยี่สิบสี่เดือนนับจากวันที่ซื้อ", ("cp874",)),
    # Hebrew in the order in which it is seen, as old files have it.
    ("האחריות תקפה לעשרים וארבעה חודשים מיום הרכישה של המכשיר."[::-1], ("iso8859-8",)),
]


def readings(text: str, charset: str) -> set[str | None]:
    """What is read of the beginnings of a text of many lengths; None where it is refused."""
    found: set[str | None] = set()
    for n in range(1, len(text)):
        part = text[:n].encode(charset, errors="ignore")
        try:
            decoded = decode(part)
        except DocumentError:
            found.add(None)
        else:
            found.add("right" if decoded.text == part.decode(charset) else decoded.encoding)
    return found


@pytest.mark.parametrize(("text", "charset"), CASES)
def test_a_paragraph_is_read_in_its_charset(text: str, charset: str) -> None:
    data = text.encode(charset, errors="ignore")
    assert decode(data).text == data.decode(charset)


@pytest.mark.parametrize(("text", "charset"), CASES)
def test_a_part_of_any_length_is_read_right_or_refused(text: str, charset: str) -> None:
    assert readings(text, charset) <= {"right", None}


@pytest.mark.parametrize(
    ("text", "charset"), [(text, charset) for text, charsets in UNREAD for charset in charsets]
)
def test_other_charsets_are_refused_at_any_length(text: str, charset: str) -> None:
    assert readings(text, charset) <= {"right", None}
    with pytest.raises(DocumentError, match=r"no other charset is certain.*Convert it to UTF-8: iconv -f"):
        decode(text.encode(charset, errors="ignore"))


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        ("Привет, как дела?", "cp1251"),
        ("今日は良い天気です。", "cp932"),
        ("Die schöne Frau aß köstliche Äpfel.", "cp1252"),
    ],
)
def test_a_short_line_is_read(text: str, charset: str) -> None:
    assert guess_charset(text.encode(charset)).encoding == charset


def test_charsets_that_may_be_it_are_named() -> None:
    guess = guess_charset("tři".encode("cp1250"))
    assert (guess.encoding, guess.rivals[:2]) == (None, ("cp1250", "cp1252"))
    with pytest.raises(DocumentError, match=r"\(it may be cp1250 or cp1252.*for example CP1250"):
        decode("tři".encode("cp1250"))


def test_a_foreign_name_in_english_is_no_evidence_of_a_charset() -> None:
    text = "The concert hall is named after Dvořák, and so is the station next to it in the old town."
    with pytest.raises(DocumentError, match="no other charset is certain"):
        decode(text.encode("cp1250"))


def test_surrogate_pairs_as_old_java_wrote_them_are_joined() -> None:
    text = "Gut gemacht 🎉, schöne Grüße 日本"
    data = text.encode().replace("🎉".encode(), b"\xed\xa0\xbc\xed\xbe\x89")
    assert (decode(data).text, decode(data).encoding) == (text, "cesu-8")


def test_half_a_character_is_refused_with_its_place() -> None:
    with pytest.raises(DocumentError, match=r"at byte 5 stands half of a character .*iconv -c"):
        decode(b"word \xed\xa0\xbc end")


def test_a_declared_charset_means_the_larger_one_that_browsers_take() -> None:
    assert decode(b"10 \x80", declared="iso-8859-1").text == "10 €"
    assert decode("①髙".encode("cp932"), declared="shift_jis").text == "①髙"
    assert decode("㈱".encode("gb18030"), declared="gb2312").text == "㈱"


@pytest.mark.parametrize("text", [text for text, _ in TEXTS.values()])
def test_a_damaged_utf8_file_is_refused_and_read_as_nothing_else(text: str) -> None:
    whole = text.encode()
    for cut in (b"\xff", b"\xe9", b"\x80"):
        data = whole[: len(whole) // 2] + cut + b" " + whole[len(whole) // 2 :]
        if len(text) != len(whole):
            with pytest.raises(DocumentError, match="not valid UTF-8 at byte"):
                decode(data)
