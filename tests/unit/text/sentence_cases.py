"""Hand-made texts that mislead sentence splitters; `|` stands for the space between two
sentences, `¦` for a boundary without one."""

from __future__ import annotations

ENGLISH = """
Dr. Smith arrived.|He was late.
Mr. and Mrs. Jones live here.|They have two cats.
Prof. A. B. Carter wrote it.|Nobody read it.
The U.S. Army moved in.|It stayed.
She moved to the U.S.|The move was hard.
He lives in the U.K. now.
Use a list, e.g. Python's, or a tuple.|Both work.
Some animals, i.e. Mammals, are warm.
See Fig. 3 for details.|Then read on.
See Sec. 4.2 and Eq. 7.|They explain it.
The answer is in vol. 2, pp. 30-35.|Look there.
The price is 3.50 dollars.|It rose by 1.2 percent.
Version 1.2.3 is out.|Upgrade now.
Upgrade to v2.0.|It is faster.
Visit https://example.com/a.b?c=d.|Then log in.
Open config.yaml and edit it.|Save main.py afterwards.
Import fastapi.Query first.|Then call it.
The file is called setup.cfg.|Do not rename it.
He said "Stop."|Then he left.
He shouted "Stop!" and ran.
"Stop!" he said.|Nobody heard.
"Where are you?" John asked.|Mary did not answer.
He asked, "Who is there?"|Nobody answered.
She read "Who Framed Roger Rabbit?" Friday evening.
It works (mostly).|Try it.
(This is an aside.)|Now we go on.
Kate (sic!) Smith signed it.|We checked.
It was odd (why?).|Nobody knew.
Wait... what is this?|I see.
He paused...|Then he spoke.
Well… maybe.|Or not.
What?!|No way!|Yes.
Apple Inc. announced a phone.|It sold well.
Apple Inc.|The company grew.
Acme Ltd. was founded in 1999.|It closed in 2005.
Bring apples, pears, etc. to the table.
We sell apples, pears, etc.|The shop is open.
Meet me at 5 p.m. on Monday.|Bring the book.
We met at 5 p.m.|Then we left.
It opened at 9 a.m. Eastern time.|It was full.
Born on Jan. 5 in Ohio.|Raised in Texas.
J. R. R. Tolkien wrote it.|We read it.
The thief was J. Edgar.|We knew.
Choose plan B.|It is better.
Take vitamin C.|It helps.
It was I.|Nobody else came.
1. Open the door.|2. Close it.
1. Install the package.|It takes a minute.
a) First do this.|b) Then do that.
St. Louis is in Missouri.|It is large.
Mt. Everest is high.|Few climb it.
Gen. Lee met Col. Young.|They talked.
She holds a Ph.D. in physics.|He has an M.D. from Yale.
John Smith Jr. was there.|He spoke.
The case Roe vs. Wade is known.|It was overturned.
Smith et al. found it.|Others agreed.
No. 5 is alive.|Is it?|No.
Was it no. 7?|The answer is no.|We checked.
It cost $1.5 million.|That is a lot.
The temperature was -3.5 degrees.|We froze.
It was approx. 20 people.|Most left.
This was shown before.[1]|Others disagree.[12]|We do too.
The end.*|Not quite.
He lived from 1900 to 1950.|Then he died.
Call 555.1234 now.|Ask for Ann.
I like C++.|Do you like C#?
Dept. of Energy staff came.|They measured.
Is 5 > 3?|Yes!|Good.
"It is done."|She closed the door.
'I know.'|He smiled.
Sen. Warren met Rep. Jones.|They agreed.
Email me at a.b@example.com.|I will reply.
The rule (see Art. 5) applies.|Read it.
I met Lt. Gov. Patrick today.|We spoke at length.
The firm (Smith & Co.) was sold.|Nobody minded.
He earned his B.A. in 1990.|His M.A. came later.
The meeting is at 10 a.m.|Please be on time.
Turn left on Main St. and walk.|It is near.
They live on Elm St.|Their house is red.
The ratio was 3:1.|The mean was 0.05 (p < .001).|That is fine.
See https://docs.python.org/3/library/re.html.|It explains regex.
Run pip install x==1.0.|Wait for it.
I said "No." and left.
The U.N. Security Council met.|Nothing happened.
"Really?" she asked.|"Yes," he said.|"I am sure."
The novel ends ... abruptly.|We liked it.
Is it true that pH 7.4 is normal?|Yes.
George W. Bush was president.|He was from Texas.
The function returns None.|If not, it raises ValueError.
Press Ctrl+C.|The server stops.
It weighs 5 lbs. and costs $3.|Buy it.
Washington, D.C. is humid.|Summers are hot.
He works for Google Inc. and likes it.|She doesn't.
Oh no!|What now?|"Run!"|They ran.
The so-called 'expert' (a Mr. Brown) left.|We stayed.
"""

RUSSIAN = """
Он живет в г. Москве.|Там шумно.
Г. Москва, ул. Ленина, д. 5, кв. 7.|Это адрес.
Мы приехали в г. Москва.|Было холодно.
Театр им. А. С. Пушкина открыт.|Приходите.
Пьеса А. П. Чехова идет сегодня.|Билетов нет.
Пришел А.С. Пушкин.|Все встали.
Автор — Иванов И. И.|Он же редактор.
Купили хлеб, молоко и т. д.|Потом ушли.
Купили хлеб, молоко и т.д.|Потом ушли.
Купили хлеб и т. п.|Дома поели.
Пришли Иван, Петр и др.|Стало шумно.
Хлеб, соль и пр. лежали на столе.
Это млекопитающие, т. е. Киты и другие.
Он болен, т. к. Простыл вчера.
Так называемый, т. н. «Северный поток» остановлен.
Он родился в 1990 г.|Семья жила бедно.
В 1990 г. Москва изменилась.|Все заметили.
В 2019 г. компания выросла.|Прибыль тоже.
Это было в 1941–1945 гг.|Шла война.
Это случилось в XX в.|Тогда жили иначе.
Замок построен в XV–XVI вв.|Он цел.
Город основан в 5 в. до н. э.|Сейчас там музей.
См. рис. 3.|Там все видно.
См. п. 5 ст. 12 договора.|Он действует.
Согласно п. 2.1 Договора срок истек.|Платите.
На стр. 15 есть ответ.|Читайте.
Ответ на с. 15.|Читайте.
Это описано в гл. 7.|Прочтите.
Цена 5 тыс. руб.|Скидок нет.
Цена 5 руб. 30 коп. за штуку.
Прибыль 3 млн. руб.|Это много.
Население 2 млн. чел.|Город большой.
Длина 5 м.|Ширина 3 м.
Вес 10 кг.|Цена 5 долл.
Число 3.14 известно всем.|Оно иррационально.
Цена выросла на 3,5 %.|Спрос упал.
Версия 1.2.3 вышла.|Обновляйтесь.
Откройте config.yaml.|Измените порт.
Зайдите на https://example.com.|Там форма.
Используйте fastapi.Query для параметров.|Это удобно.
Он сказал: «Иди домой».|Я ушел.
Он сказал: «Иди домой.»|Я ушел.
Он спросил: «Кто там?»|Никто не ответил.
«Кто там?» — спросил он.|Тишина.
Роман «Что делать?» Чернышевского вышел давно.|Его читают.
«Стой!» — крикнул он и побежал.
— Привет! — сказал он.|— Как дела?
— Куда?|— Она удивилась.|— Домой.
Он ушел (и правильно).|Стало тихо.
(Это примечание.)|Дальше текст.
Иван (sic!) Петров подписал.|Мы проверили.
Он замолчал...|Потом заговорил.
Ну… ладно.|Идем.
Он замолчал... и ушел.
Что?!|Не может быть!|Правда.
Как?..|Не знаю.
1. Откройте дверь.|2. Закройте ее.
1) Откройте дверь.|2) Закройте ее.
а) Сначала это.|б) Потом то.
Тов. Сталин и г-н Черчилль встретились.|Было это давно.
Проф. Преображенский ел.|Акад. Павлов ждал.
Живет на пл. Победы.|Рядом парк.
О-в Сахалин и оз. Байкал далеко.|Поехали туда.
Тел. 8 800 555 35 35.|Звоните.
Это последнее слово.¦Новое предложение тоже здесь.
ООО «Ромашка» и ИП Иванов А. А. заключили договор.|Он подписан.
Рост 180 см.|Вес 80 кг.
Директор — Я. Петров.|Секретарь — О. Иванова.
Это я.|Кто же еще?
Пункт А.|Он первый.
Кандидат наук, доц. Сидоров выступил.|Ему хлопали.
Срок — 5 дней.|Затем штраф 0.1% в день.
Работаем с 9 до 18 ч.|Обед в 13 ч.
Встреча назначена на 15 янв. 2020 г. в Москве.|Приходите вовремя.
Он закончил МГУ им. М. В. Ломоносова.|Потом уехал.
Ст. 159 УК РФ предусматривает наказание.|Срок большой.
Согласно ст. 5 ФЗ № 152-ФЗ данные защищены.|Это важно.
Приказ от 05.06.2020 № 15 отменен.|Вступил в силу новый.
Стоимость — 1 500 руб.|Оплата картой.
Стоимость составит 1 500 руб. за месяц.|Оплата картой.
Пришлите копии док. и справок.
Звоните по тел. 123-45-67.|Мы ответим.
Сдать отчет до 1 окт. нельзя.|Срок истек.
«Война и мир» — роман Л. Н. Толстого.|Он длинный.
Петр I правил долго.|Затем правила Екатерина II.|Она была умна.
Подробнее см. в разд. 4.|Там примеры.
Минимум — 10 шт.|Максимум — 20 шт.
Это т. наз. «мягкая сила».|Термин ввел Дж. Най.
Он сказал (тихо!) и вышел.|Никто не слышал.
Вы готовы?|Да!|Начинаем...|Готово.
Работа выполнена на 95,5 %.|Осталось мало.
Площадь 54 кв. м.|Этаж пятый.
Проживает по адресу: г. Тула, пр. Ленина, д. 10, корп. 2, кв. 15.|Холост.
— Что это? — спросила она.|— Дай посмотреть.
К. Маркс и Ф. Энгельс дружили.|Это известно.
"""

OTHERS = {
    "ja": "これは文です。¦次の文です！¦最後？",
    "zh": "今天天气很好。¦我们去公园吧！¦好吗？",
    "ar": "هل هذا سؤال؟|نعم، هذا جواب.",
    "hi": "यह वाक्य है।|दूसरा वाक्य भी है।",
    "de": "Am 3. Oktober ist Feiertag.|Das ist z.B. in Bonn so.|Dr. Müller weiß es.",
    "fr": "M. Dupont est arrivé.|Il habite av. Foch.|C'est tout.",
    "es": "El Sr. Pérez llegó.|¿Quién es?|No lo sé.",
    "el": "Αυτό είναι ένα.|Αυτό είναι δύο.",
    "hy": "Սա մեկն է։|Սա երկուսն է։",
}


def sentences_of(case: str) -> list[str]:
    """The sentences that a case expects."""
    return case.replace("¦", "|").split("|")


def text_of(case: str) -> str:
    """The text of a case."""
    return case.replace("|", " ").replace("¦", "")


def cases(listed: str) -> list[str]:
    """The cases of a list, one per line."""
    return listed.strip().splitlines()
