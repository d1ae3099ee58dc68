"""Word forms that no suffix rule can bring together, for English and Russian.

`ENGLISH` and `RUSSIAN` map a form to the word whose stem it takes. `RUSSIAN_NOUNS` are noun stems whose end
looks like an ending of a verb or of another case (кредит, объем, домен): the Snowball stemmer would cut
`кредит` to `кред` and leave `кредита` at `кредит`. Lower case, ё as е.
"""

from __future__ import annotations

from typing import Final


def _forms(table: str) -> dict[str, str]:
    """`lemma: form form; …` as a map from form to lemma."""
    entries = (entry.partition(":") for entry in table.split(";"))
    return {form: lemma.strip() for lemma, _, forms in entries for form in forms.split()}


def _words(listed: str) -> list[str]:
    return listed.split()


ENGLISH: Final = _forms(
    """
    analysis: analyses; axis: axes; basis: bases; crisis: crises; thesis: theses; hypothesis:
    hypotheses; diagnosis: diagnoses; appendix: appendices; index: indices indexes; matrix: matrices;
    vertex: vertices; criterion: criteria; phenomenon: phenomena; datum: data; bacterium: bacteria;
    curriculum: curricula; nucleus: nuclei; stimulus: stimuli; child: children; foot: feet; goose:
    geese; man: men; mouse: mice; person: people; tooth: teeth; woman: women; knife: knives; leaf:
    leaves; life: lives; shelf: shelves; half: halves; wife: wives; wolf: wolves; thief: thieves; bad:
    worse worst; good: better best; arise: arose arisen; become: became; begin: began begun; bend: bent;
    bind: bound; bite: bit bitten; bleed: bled; blow: blew blown; break: broke broken; breed: bred;
    bring: brought; build: built; buy: bought; catch: caught; choose: chose chosen; come: came; deal:
    dealt; dig: dug; draw: drew drawn; drink: drank drunk; drive: drove driven; eat: ate eaten; fall:
    fell fallen; feed: fed; feel: felt; fight: fought; find: found; flee: fled; fly: flew flown; forbid:
    forbade forbidden; forget: forgot forgotten; freeze: froze frozen; get: got gotten; give: gave
    given; go: went gone goes; grow: grew grown; hang: hung; hear: heard; hide: hid hidden; hold: held;
    keep: kept; know: knew known; lay: laid; lead: led; leave: left; lend: lent; lose: lost; make: made;
    mean: meant; meet: met; overcome: overcame; pay: paid; ride: rode ridden; ring: rang rung; rise:
    rose risen; run: ran; say: said; see: saw seen; seek: sought; sell: sold; send: sent; shake: shook
    shaken; shoot: shot; show: shown; shrink: shrank shrunk; sing: sang sung; sink: sank sunk; sit: sat;
    sleep: slept; speak: spoke spoken; spend: spent; spring: sprang sprung; stand: stood; steal: stole
    stolen; stick: stuck; strike: struck stricken; swear: swore sworn; swim: swam swum; take: took
    taken; teach: taught; tear: tore torn; tell: told; think: thought; throw: threw thrown; understand:
    understood; undertake: undertook undertaken; wake: woke woken; wear: wore worn; win: won; withdraw:
    withdrew withdrawn; write: wrote written; rewrite: rewrote rewritten; override: overrode overridden;
    repay: repaid; rebuild: rebuilt; undo: undid undone; rerun: reran
    """
)

# Stems of British spellings → those of American ones.
ENGLISH_SPELLINGS: Final = {
    "analys": "analysi",
    "analyz": "analysi",
    "behaviour": "behavior",
    "catalogu": "catalog",
    "centr": "center",
    "colour": "color",
    "defenc": "defens",
    "dialogu": "dialog",
    "endeavour": "endeavor",
    "favour": "favor",
    "favourit": "favorit",
    "flavour": "flavor",
    "fulfil": "fulfill",
    "grey": "gray",
    "harbour": "harbor",
    "honour": "honor",
    "humour": "humor",
    "labour": "labor",
    "licenc": "licens",
    "metr": "meter",
    "neighbour": "neighbor",
    "offenc": "offens",
    "programm": "program",
    "rumour": "rumor",
    "tumour": "tumor",
}

RUSSIAN: Final = _forms(
    """
    день: дня дню днем дне дни дней дням днями днях; деньги: денег; ребенок: дети детей детям детьми
    детях; человек: люди людей людям людьми людях; имя: имени именем имена имен именам именами именах;
    время: времени временем времена времен временам; семя: семени семена семян; племя: племени племена
    племен; год: лет; пес: пса псу псом псы псов; лев: льва льву львом львы львов; лоб: лба лбу лбом;
    рот: рта рту ртом; сон: сна сну сном сны снов; лед: льда льду льдом; угол: угла углу углом углы
    углов углам углами углах; узел: узла узлу узлом узлы узлов узлам узлами узлах; заем: займа займу
    займом займе займы займов займам займами займах; наем: найма найму наймом найме; окно: окон; письмо:
    писем; число: чисел; кресло: кресел; ремесло: ремесел; стекло: стекол; пятно: пятен; сосна: сосен;
    весна: весен; земля: земель; капля: капель; судьба: судеб; свадьба: свадеб; сестра: сестер; тюрьма:
    тюрем; серьга: серег; кухня: кухонь; песня: песен; башня: башен; спальня: спален; таможня: таможен;
    басня: басен; вишня: вишен; бревно: бревен; зерно: зерен; ядро: ядер; бедро: бедер; ведро: ведер;
    масло: масел; дерево: деревья деревьев деревьям деревьями деревьях; брат: братья братьев братьям
    братьями; друг: друзья друзей друзьям друзьями друзьях; сын: сыновья сыновей; лист: листья листьев
    листьям; стул: стулья стульев стульям; муж: мужья мужей; мать: матери матерью матерей матерям
    матерями матерях; дочь: дочери дочерью дочерей дочерям; небо: небеса небес; чудо: чудеса чудес;
    тело: тел; дело: дел; ухо: уши ушей ушам; огонь: огня огню огнем огне огни огней; путь: пути путем
    путей; камень: камня камню камнем камне камни камней; корень: корня корню корнем корне корни корней
    корням; уровень: уровня уровню уровнем уровне уровни уровней уровням уровнями уровнях; перечень:
    перечня перечню перечнем перечне перечни перечней; бюллетень: бюллетеня; ливень: ливня ливней;
    парень: парня парню парни парней; рубль: рубля рублю рублем рубле рубли рублей рублям рублями
    рублях; корабль: корабля корабли кораблей; журавль: журавли; ночь: ночи ночью ночей; идти: иду идет
    идут шел шла шло шли; найти: найду найдет найдут нашел нашла нашли найден найдена найдено найдены;
    пройти: пройду пройдет пройдут прошел прошла прошли; прийти: приду придет придут пришел пришла
    пришли; войти: войду войдет войдут вошел вошла вошли; перейти: перейду перейдет перейдут перешел
    перешла перешли; взять: возьму возьмет возьмут взял взяла взяли; принять: приму примет примут принял
    приняла приняли принят принята принято приняты; снять: сниму снимет снимут снял сняла сняли; нанять:
    найму наймет наймут нанял наняла наняли; занять: займу займет займут занял заняла заняли; хотеть:
    хочу хочет хотят хотим; мочь: могу может могут мог могла могли; писать: пишу пишет пишут пишем;
    искать: ищу ищет ищут ищем; платить: плачу платит платят; написать: напишу напишет напишут; указать:
    укажу укажет укажут укажи укажите; сказать: скажу скажет скажут скажи скажите; показать: покажу
    покажет покажут покажи покажите; оказать: окажу окажет окажут окажи окажите; заказать: закажу
    закажет закажут закажи закажите; отказать: откажу откажет откажут откажи откажите; дать: дам даст
    дадут дал дала дали; продать: продам продаст продадут; отдать: отдам отдаст отдадут; передать:
    передам передаст передадут; есть: ест едят; ехать: еду едет едут; стать: стану станет станут стал
    стала стали; вести: веду ведет ведут вел вела вели; везти: везу везет везут; нести: несу несет несут
    нес несла несли; хороший: лучше лучший лучшая лучшие; плохой: хуже худший; большой: больше;
    маленький: меньше; высокий: выше; низкий: ниже; должен: должна должно должны; церковь: церкви
    церквей церквам церквами; ветер: ветра ветру ветром ветры ветров
    """
)

RUSSIAN_NOUNS: Final = frozenset(
    _words("""
    кредит лимит депозит визит дефицит профицит аудит гранит магнит транзит реквизит бандит алфавит монолит
    метеорит артрит бронхит гастрит гепатит паразит утилит элит орбит коммит профит опыт санскрит
    домен обмен экзамен феномен туркмен спортсмен бизнесмен джентльмен перемен измен отмен токен антиген ремен
    режим псевдоним синоним антоним аноним крокодил правил чернил могил утил
    объем прием подъем водоем заем наем разъем проем модем тандем тотем гарем
    проблем систем теорем экосистем подсистем эмблем
    альбом диплом симптом перелом атом излом аксиом идиом хромосом аэродром ипподром синдром погром разгром
    агроном астроном гастроном эконом реклам панорам мелодрам ислам бальзам
    остров разрыв обрыв взрыв прорыв перерыв порыв призыв отзыв позыв наплыв заплыв
    актив пассив мотив норматив архив массив директив инициатив перспектив альтернатив корректив корпоратив
    коллектив кооператив локомотив негатив позитив детектив императив рецидив прилив отлив слив залив разлив
    полив перелив налив
    музе лице хокке юбиле трофе колизе иде алле геро перебо конво ковбо
    """)
)
