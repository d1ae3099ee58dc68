"""Words that mostly say the same in prose about things, rules and times, in English and Russian.

A line is a group: any of its words stands for any other. They are everyday words, of no subject: whoever
words a sentence anew changes these, and leaves the subject's own terms. A word may stand in several groups.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Final

from ragkit.text.stem import stem

_ENGLISH: Final = """
get receive obtain
give provide grant supply offer
send ship deliver dispatch transmit submit
buy purchase acquire
sell sale
pay cost charge fee price
begin start commence launch
end finish stop expire conclude terminate cease
need require demand necessary must
allow permit let enable possible able
forbid prohibit disallow ban
show display present
hide conceal
delete remove erase wipe
keep retain store save preserve hold
change modify alter edit adjust
replace swap exchange substitute
fix repair mend correct
break fail fault defect defective faulty broken damage failure
check verify inspect examine test review verification inspection
find locate discover detect
choose select pick
create make build produce generate
use employ utilise utilize apply usage
help assist support assistance
ask request
answer reply respond response
tell inform notify notification notice notified
say state mention
call phone telephone
write compose
permission authorisation authorization consent approval asking
confirm acknowledge approve
refuse reject decline deny
accept admit take
return send_back back
refund reimburse reimbursement money
include contain comprise cover hold
exclude omit
increase raise grow rise
decrease reduce lower drop decline fall
limit maximum cap ceiling most
minimum least
quick fast rapid
immediate instant once straightaway immediately
late delay delayed
often frequent frequently usually
year annual annually yearly
month monthly
week weekly
day daily
night nightly
hour hourly
company firm business enterprise vendor
customer client buyer user
employee worker staff personnel person
boss manager supervisor
device machine equipment hardware unit
document file paper
item article goods product
parcel package packet
box carton case
shop store
place location site spot
part piece component
kind type sort
way method manner
reason cause why
result outcome
problem issue trouble
error mistake fault
case ticket
question query
example instance
whole entire complete full all
only solely exclusively
other another different foreign third-party
same identical
new fresh
old outdated
big large great
small little
free gratis complimentary
missing lost absent lack
lose lost void forfeit
steal stolen theft
wrong incorrect
different differ differs
near close nearest closest
after following once
before prior earlier
during while
remain remaining left leftover rest
additional extra further more
each every per
multiple several many various
locally itself local
remote remotely
restart reboot
switch turn
move transfer shift
connect link attach
enter input
leave exit
run work operate function
live reside
study research investigate investigation
suggest propose recommend indicate
join participate
lead cause result
decide determine
separate separately apart
together jointly
disabled off
encrypt encryption cipher
passphrase password
spare reserve standby
purchaser buyer
deadline limit
minute moment
roughly about approximately around
happen occur take_place
die death dead
birth born
movie film picture
author writer
release publish issue
team crew group
country nation
town city
"""
_RUSSIAN: Final = """
получать получить достаться
давать дать предоставлять предоставить выдавать выдать
отправлять отправить послать посылать высылать выслать переслать присылать прислать
купить покупать приобрести приобретать покупка приобретение
продать продавать продажа
платить оплатить оплачивать оплачивается доплачивать заплатить оплата платёж
стоить стоимость цена обойтись обойдется
начать начинать начаться начинаться старт начало
закончить окончить кончиться заканчиваться окончание истечь истекает конец кончится
нужно надо необходимо требуется требовать обязан должен следует понадобится
можно разрешено допускается разрешать позволять позволяет возможно
нельзя запрещено запрещать недопустимо невозможно
показывать отображать показать видно
удалить удалять стереть стирать удаляется стирается
хранить хранится сохранять сохраняться сохранить держать хранение
менять изменить изменять поменять исправить
заменить замена заменять
чинить ремонт ремонтировать починка
брак дефект неисправность поломка неполадка
проверить проверять проверка сверить сверка
найти находить обнаружить
выбрать выбирать
создать создавать создание
использовать применять использование пользоваться
помочь помогать помощь поддержка
просить запросить запрос
ответить отвечать ответ
сообщить сообщать известить уведомить уведомление извещать
подтвердить подтверждать утвердить утверждать одобрить
отказать отклонить отказывать отказаться отказывается
принять принимать принимает прием обслужить
вернуть возвращать возврат вернется
деньги средства оплата
включать входить содержать участвовать включен входит
исключить исключать
увеличить повысить вырасти рост
уменьшить снизить сократить
максимум лимит предел
минимум
сразу немедленно тотчас
год ежегодно ежегодный годовой
месяц ежемесячно месячный
неделя еженедельно
день сутки ежедневно
квартал ежеквартально
компания организация фирма предприятие юрлицо
покупатель клиент заказчик
сотрудник работник исполнитель персонал человек
начальник руководитель
устройство аппарат терминал прибор
документ бумага
товар изделие продукция продукт
посылка отправление груз
коробка короб упаковка
магазин лавка
место
часть доля
вид тип
причина
результат итог
проблема неприятность
ошибка сбой
программа приложение система
российский отечественный русский
чужой другой иной сторонний
весь целиком полностью целый полный
только лишь исключительно
одинаковый тот_же
бесплатно даром
утерять потерять утеря потеря потерянный
украсть кража украденный
пропадать лишать терять утрачивать теряться лишиться исчезать
ближайший близкий
после спустя затем потом
до перед раньше
остаться остаётся оставшийся остаток
дополнительно отдельно
каждый любой
несколько множество
подключить подключать соединить подключение
соединение связь
ввести вводить ввод
работать функционировать действовать
перевезти перевозка возить доставка доставить везти привозить отвезти
перевести перечислить перевод
уйти занимать занять уходить длиться продолжаться составлять
весить масса вес
открыть вскрыть открывать вскрывать
закрыть закрывать
считать пересчитать пересчёт подсчёт
количество число
больше превышать свыше
доступ вход войти зайти
хватать достаточно
подойти годиться
поставить установить установка
отменить необратимый обратимый отмена
содержимое лежит внутри
молчать ответ
разница расхождение отличие
собирать хранить
плохо скверно
повторно снова второй повторение
трижды третий
советовать рекомендовать
лекарство препарат
картинка изображение
купля покупка
приём этап раз
половина пополам
невскрытый
попробовать пробный проба
батарея аккумулятор
"""

_LIGHT: Final = """
able according additionally even yes please also always available basically context
documentation document documented either actually
get happen however indeed just simply moreover note noted passage possible provided said simply so
someone something stated therefore thing though way well whatever whether whichever you your yourself want
particular particularly generally usually normally
да быть вообще возможно вот документ документация именно иметь который либо например обычно однако согласно
указано следует случай также просто самый свой словно сообщается таким такой образом является это
"""


def _groups() -> dict[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    lines = [(line, "en") for line in _ENGLISH.strip().splitlines()]
    lines += [(line, "ru") for line in _RUSSIAN.strip().splitlines()]
    for number, (line, language) in enumerate(lines):
        for word in line.replace("ё", "е").split():
            found.setdefault(stem(word, language), set()).add(number)
    return {stemmed: frozenset(numbers) for stemmed, numbers in found.items()}


@functools.lru_cache(maxsize=1)
def synonym_groups() -> Mapping[str, frozenset[int]]:
    """For each stem the numbers of the groups it is in; two stems of one group say the same.

    >>> groups = synonym_groups()
    >>> bool(groups["purchas"] & groups["buy"]), bool(groups["purchas"] & groups["sell"])
    (True, False)
    """
    return _groups()


@functools.lru_cache(maxsize=1)
def light_words() -> frozenset[str]:
    """Stems of words that say little by themselves: `also`, `according`, `the documentation`."""
    return frozenset(stem(w, "ru" if ord(w[0]) > 0x400 else "en") for w in _LIGHT.replace("ё", "е").split())
