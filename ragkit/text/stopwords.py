"""Closed-class words of 32 languages, the most frequent ones first.

`STOP_WORDS` leaves the terms of BM25; the order of its words is also what `ragkit.text.language` weighs as
evidence. `FREQUENT_WORDS` are common words that carry meaning: evidence of a language, never removed.
Negations that turn a question around (without, без, ohne …) are not stop words. Written with ё as е,
in lower case and with accents.
"""

from __future__ import annotations

import functools
from typing import Final

STOP_WORDS: Final[dict[str, str]] = {
    "en": """the of and to in a is that for it as was with be by on not he i this are or his from at which
        but have an had they you were their one all we can her has there been if more when will would
        who so no she what some into them then do its my than about could these your such our how me any
        should does did where why him those may might am being having doing whom whose while because
        also just very too both each other only own same i'm it's don't doesn't isn't can't didn't won't
        aren't wasn't weren't hasn't haven't you're we're they're he's she's that's what's there's let's
        wouldn't couldn't shouldn't i've you've we've they've i'll you'll we'll hers ours yours theirs
        myself yourself himself herself itself ourselves themselves shall must upon though although""",
    "ru": """и в не на я что он с как это по но из у за к от же о так то для а вы мы она они его все ее был
        бы при или было до быть если только была были их уже также еще может этого который когда чем мне
        ему этот эта эти того этой этом этих этому этим этими тот та те тем том той тех тому ли есть где
        во со об ни нет да ну вот под над про ко ей ею им ими них ним ней него нее ними нас нам нами вас
        вам вами меня мной тебя тебе тобой ты себя себе собой сам сама само сами мой моя мое мои твой
        твоя твое твои наш наша наше наши нашей нашего ваш ваша ваше ваши вашей вашего свой своя свое
        свои своей своего своих своим своими своему какой какая какое какие каких какого какому каким
        какую каком которая которое которые которых которого которой которую которым которому котором
        которыми кто кого кому кем ком чего чему чей чья чье чьи почему зачем куда откуда сколько тогда
        там тут здесь потом поэтому потому будет будут буду будем будешь будете чтобы чтоб хотя либо
        между через однако лишь всех всего всем всеми всему весь вся всю всей такой такая такое такие
        таких такого можно нужно надо ведь даже разве является являются""",
    "de": """der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an
        werden aus er hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum war
        haben nur oder aber vor zur bis mehr durch man sein wurde wenn können kann ich wir ihr du was
        welche welcher welches welchen welchem wer wo wann warum wieso woher wohin wen wem wessen dieser
        diese dieses diesem diesen jeder jede jedes alle allen aller alles andere anderen soll muss
        müssen sollte könnte würde würden hatte hatten wurden worden gibt da dann denn doch damit daran
        darauf dabei dazu ihre ihrer ihren ihrem seine seiner seinen seinem mein meine meiner meinen uns
        unser unsere euch mir mich dir dich ihm ihn ihnen sehr schon selbst weil während zwischen unter
        gegen bin bist seid waren habe hast habt eines eurem eure jene jener solche ob sowie sondern
        hier dort nun beim vom ins ans""",
    "fr": """de la le et les des en un du une est que dans qui pour il au a par sur pas plus ce avec se on
        sont ne son aux été ou cette à je vous nous elle mais sa ses leur ces comme être ont tout fait
        même si quel quelle quels quelles quand où comment pourquoi combien quoi qu y lui ils elles
        était avait deux autres entre aussi leurs peut très bien dont sans cela moins donc car après
        avant avoir faut sera serait étaient ainsi alors lors chaque tous toute toutes mon ma mes ton ta
        tes notre nos votre vos tu me te moi toi eux celui celle ceux celles ceci ça c d j l m n s t
        est-ce suis es sommes êtes ai as avons avez avais avaient eu soit fut peuvent vers chez depuis
        pendant puis ni or jusqu lorsque""",
    "es": """de la que el en y a los se del las un por con no una su para es al lo como más o pero sus le ha
        me si sin sobre este ya entre cuando todo esta ser son dos también fue había era muy años hasta
        desde está mi porque qué cuál cuáles quién quiénes cómo cuándo dónde cuánto cuánta cuántos
        cuántas donde quien quienes hay todos uno ni ese otro otra otros otras puede pueden nos tiene
        tienen ante ellos esto e sí antes algunos unos unas yo él ella ellas tanto esa estos estas mucho
        nada muchos cual poco estar estaba están fueron eran sido han he has hemos tu te ti tus les mis
        contra durante así cada según nosotros usted ustedes cuyo cuya eso esos esas mediante tras""",
    "it": """di e il la che in un a per è una sono con non del si da della i le dei nel al come più lo gli
        alla anche delle dal ha o ma se nella su questo quale quali cosa chi quando dove perché quanto
        quanti quanta quante degli essere stato questa tra sua suo ai loro suoi sue dalla ed era fu due
        molto può hanno dopo stata ho cui nei nelle sul sulla dall dell all nell sull ad ci mi ti vi ne
        noi voi lui lei io tu mio mia miei tuo tua nostro nostra vostro vostra ogni così già poi quindi
        prima solo tutto tutti tutte tutta altri altro altra altre sia stati state erano aveva avevano
        fra negli agli dagli sugli questi queste quello quella quelli quelle li uno l d c qual dov com
        fanno""",
    "pt": """de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele das
        tem à seu sua ou ser quando muito há nos já está eu também só pelo pela até isso ela entre era
        depois sem mesmo aos ter seus quem nas me esse eles estão você tinha foram essa num nem suas meu
        às minha têm numa pelos elas havia seja qual quais onde quantos quantas quanto quanta porquê
        porque será nós tenho lhe deles essas esses pelas este fosse dele tu te vocês vos lhes meus
        minhas teu tua nosso nossa nossos dela delas esta estes estas aquele aquela aquilo isto são pode
        podem cada sobre assim então ainda desde durante contra segundo todos toda todas todo outro
        outra outros outras""",
    "nl": """de van het een en in is dat op te zijn met voor niet aan er die om ook als dan maar bij uit nog
        door over ze hij naar heeft ik wordt je of tot was deze hebben worden kan meer we geen wat welke
        hoe waar wanneer waarom wie wel zo al na had haar zich hun kunnen werd werden wij zij u hem dit
        veel ons onze onder tegen zou zal moet moeten mijn jij jou jouw jullie hen heb hebt ben bent
        waren daar hier toen omdat zodat tussen zonder iets niets alles ander andere eens doch toch elk
        elke iedere sinds tijdens hoeveel welk alleen dus mag zelf""",
    "sv": """och i att det som en på är av för med den till inte har de om ett han var men sig jag från vi så
        kan när hon också eller nu år ut hur vad vilken vilket vilka vem varför där här efter ska skulle
        man sin dem mot bli blir blev blivit under vid över detta dessa denna alla allt andra mycket
        hade min din ditt ni du mig dig oss er honom henne hans hennes deras vår våra sina sitt samt
        både mellan någon något några ingen inga än upp bara sedan måste finns få får vara varit vars
        vart varje sådan""",
    "da": """og i at det er en til af på for med den de som ikke der har et om han var fra men sig jeg vi så
        kan når hun også eller nu ud hvordan hvad hvilken hvilket hvilke hvem hvorfor hvor her efter
        skal skulle man sin dem mod bliver blev blevet under ved over dette disse denne alle alt andre
        meget havde min din dit du mig dig os jer ham hende hans hendes deres vores vort sine sit samt
        både mellem nogen noget nogle ingen end op kun siden må være været hvornår hvis blandt thi ville
        kunne""",
    "no": """og i det er på en som til for av med at den de ikke har et om han var fra men seg jeg vi så kan
        når hun også eller nå ut hvordan hva hvilken hvilket hvilke hvem hvorfor hvor her etter skal
        skulle man sin dem mot blir ble blitt under ved over dette disse denne alle alt andre mye hadde
        min din ditt du meg deg oss dere ham henne hans hennes deres vår våre sine sitt samt både mellom
        noen noe ingen enn opp bare siden må være vært hvis blant ville kunne ei eit ikkje eg""",
    "fi": """ja on ei se että oli hän mutta ovat kun niin myös tai joka sen ole mukaan jos mitä kuin vain nyt
        hänen sekä ne tämä vielä mikä miten missä milloin miksi kuka kuinka mihin mistä minkä ketkä
        kenen olla voi siitä jo sitä ollut olivat joita jotka jonka jota jossa joissa joiden me te he
        minä sinä minun sinun meidän teidän heidän tämän tätä nämä näiden tuo siis koska kaikki eivät en
        et emme ette eikä sillä siihen siinä niiden niitä jolloin välillä kanssa ennen jälkeen ilman
        olisi voidaan voivat olen olet olemme""",
    "hu": """a az és hogy nem is egy ez meg volt van de csak ha mint már azt még ki el minden ezt vagy több
        lehet fel itt pedig mi kell aki ami amely amelyek melyik milyen hol mikor miért hogyan mennyi
        hány kik mit kinek ott most én te ő ti ők nagyon után között által alatt előtt szerint sem se
        így úgy olyan ilyen ezek azok ennek annak ezen abban ebben arra erre le be lesz voltak vannak
        volna lenne ahol amikor akkor illetve valamint amit amelyet amelynek azonban hanem mert egyik
        másik új sok való saját maga nincs""",
    "ro": """și de în a la cu o care pe nu un din se este că au pentru mai sunt fi al ale ce sau dar prin ca
        fost după lui ei între cum unde când cine cât câți câte ai ar le a-l acest această aceste acești
        acesta aceasta doar dacă iar era foarte toate toți tot îl îi îmi își lor eu tu el ea noi voi meu
        mea tău ta său sa săi sale nostru noastră vostru lângă până fără sub peste despre către avea
        avut are poate pot trebuie fiind cel cea cei cele unei unui unor va vor aș ați am atunci deci
        dintre unul una nici fie aceea acela""",
    "tr": """ve bir bu için da de ne ile çok o olarak daha gibi en olan her ya kadar sonra var ama mi mı mu
        mü değil ki ise veya şey hangi kim kimin kime nasıl neden niçin niye nerede nereye nereden kaç
        zaman diye bunu bunun buna şu onun ona onu ben sen biz siz onlar benim senin bizim sizin onların
        kendi tüm bütün hiç bazı ancak çünkü hem oldu olduğu olduğunu olması olur olup göre arasında
        üzerinde iken idi önce yer aynı sadece ayrıca fakat eğer edilen eden yok böyle öyle""",
    "ca": """de la i el que a en un per és amb una les els del no es al més com se o va són aquest aquesta
        dels però ha també ser seva seu entre si quan què quin quina quins quines qui on perquè quant
        quants quantes pel pels ho hi ni molt tot tots totes altres altre sobre fins des sense ja era
        van havia això aquests aquestes nostre nostra meu teva teu jo tu ell ella nosaltres vosaltres
        ells elles cada durant segons després abans està estan té tenen l d s n m""",
    "pl": """w i z na do się nie to że jest o jak od za po przez są dla jego a tym co ale być oraz może tego
        który która które których którym którego której tylko ich był była było były jej go czy także
        przy jako już lub te tej ten ta jaki jaka jakie jakich gdzie kiedy dlaczego kto ile czym kim
        komu czemu ze we ja ty on ona my wy oni mnie mi ciebie nas nam was wam nich nim niej ją je
        jeżeli jeśli gdy aby żeby więc bo ponieważ pod nad między bez bardzo można należy więcej sobie
        swój swoje swoją ma mają""",
    "cs": """a v se na je že s z do o i to jako ve k za by po pro si tak ale od jsou byl byla bylo byly být
        které který která kterých kterým jeho při nebo už jen jak co však až také má ze ke pod než když
        kde kdy proč kdo jaký jaká jaké jakých kolik čím komu tím této tento tato toto tyto těchto
        jejich její mezi před podle není jsem jsi jsme jste já ty on ona my vy oni mě mi mu ho ji nás
        nám vás vám nich nim aby protože pokud tedy ani více velmi bez nad může mohou lze""",
    "id": """yang dan di dari untuk dengan pada dalam ini itu adalah ke tidak oleh sebagai akan juga atau ada
        dapat telah mereka bahwa saya lebih kita bisa karena menjadi seperti sudah antara tersebut kami
        ia dia anda apa apakah siapa kapan dimana mana mengapa bagaimana berapa setelah sebelum tetapi
        namun jika bila saat ketika hanya masih sangat semua para secara lain sehingga hingga sampai
        tanpa serta maka agar kepada terhadap atas bagi belum merupakan""",
    "uk": """і в не на що з у до та як це за від але його про вони він вона ми ви для є або так її був була
        було були по при також коли де чому хто який яка яке які якого якої яких якому яким скільки щоб
        якщо ще вже лише тільки цей ця ці цього цієї цих цьому той те ті того тих же би зі із між під
        над через їх їм мені мене тебе тобі нас нам вас вам себе собі свій своя своє свої може можна
        треба бути буде будуть них ним ній чи ж й після без проте однак""",
    "bg": """на и да се от в за не е с по са че като със до ще а но или той тя те това този тази тези му им
        ги го я си както при след през към само още бе беше била било били бил има може които който
        която което какво какъв каква какви кой коя кое кои кога къде защо как колко ли ни ви аз ти ние
        вие съм сме сте един една едно между обаче много все няма без преди около него нея тях""",
    "sr": """и у је да на се за од са су не као по о то али или који која које којих којим којој што из до би
        био била било били он она они ми ви ја ти овај ова ово ове тај та те када где зашто како шта ко
        колико код ће сам смо сте их му јој им га након због између само још већ може можете није нису i
        u je da na se za od sa su ne kao po o to ali ili koji koja koje kojih kojim što iz do bi bio
        bila bilo bili on ona oni mi vi ja ti ovaj ova ovo kada gde gdje zašto kako šta ko tko koliko
        kod će sam smo ste ih mu joj im ga nakon zbog između samo još već može nije nisu""",
    "be": """і ў у не на што з да як гэта за ад але яго пра яны ен яна мы вы для есць або так яе быў была
        было былі па пры таксама калі дзе чаму хто які якая якое якія якога колькі каб толькі ўжо яшчэ
        гэты гэтая гэтыя той тыя іх ім мне нас вас сябе можа можна будзе будуць ці ж паміж пад над праз
        без""",
    "el": """και το να του η της με που την από για είναι ο οι στο των σε τα τον στη στην τους δεν μια θα ένα
        ως ή αλλά αν τι πως πώς πού πότε γιατί ποιος ποια ποιο ποιοι ποιες πόσο πόσα ότι όπως κατά μετά
        αυτό αυτή αυτός στον στις στα στους τις έχει έχουν ήταν μας σας μου σου ένας μία κι επίσης
        μεταξύ πριν όταν όμως ενώ μόνο πολύ πιο όλα όλοι""",
    "ar": """في من على أن إلى التي الذي عن مع هذا هذه ما لا هو هي كان كانت أو ثم قد كل بعد بين ذلك تلك كما لم
        لن إن هل متى أين كيف لماذا ماذا كم أي هم هن نحن أنا أنت عند عندما حيث إذا لكن بل حتى منذ خلال
        غير قبل وقد وكان ولا وفي ومن وهو وهي فيها فيه منها منه عليها عليه بها به لها له الذين اللذين
        يكون تكون""",
    "fa": """و در به از که این را با است برای آن یک تا بر هم نیز شد شده خود ها کرد می بود ما اما یا او هر
        آنها باید چه چرا کجا کی چگونه چند کدام اگر پس من تو شما ایشان هستند بودند دارد دارند کند کنند
        نمی""",
    "he": """של את על לא הוא היא זה עם כי גם אל או אם יש כל היה היו אני אתה אנחנו הם הן מה מי איך למה איפה
        מתי כמה אבל רק עוד אך כך לפי בין אחרי לפני זאת אלה אשר""",
    "hi": """के में की है और से का को पर यह कि ने एक हैं भी था थे थी लिए नहीं जो तो इस कर हो गया वह ही या उस
        साथ किया द्वारा तक अपने अपनी अपना क्या कौन कब कहाँ क्यों कैसे कितने कितना कितनी किस किसने किसे
        किन जब तब यदि लेकिन मैं हम आप वे ये उनके उनकी उसके उसकी इसके इसकी रहा रहे रही होता होती होते
        जाता जाती जाते सकता सकते सकती बाद पहले कुछ कोई""",
    "et": """ja on ei et see ta oli kui ka mis ning aga või seda kes oma selle nagu mida kus millal miks
        kuidas milline millised kelle mille ole olid olnud välja üle veel juba siis ainult kuid pärast
        enne tema nende need neid me te nad ma sa mina sina meie teie kõik""",
    "lt": """ir į iš su yra kad tai kaip bet ar o už nuo jo jos buvo apie per prie dėl taip pat kurie kuris
        kuri kas kur kada kodėl kiek koks kokia ne nėra jis ji jie mes jūs aš tu šis ši šie tas ta tie
        bei arba tik dar jau po prieš tarp""",
    "eu": """eta da ez bat zuen ere du dira zen baina izan dute egin hau hori bere edo dela zer nor non noiz
        zergatik nola zein zenbat gehiago baino beste bezala arte ziren dituzte ditu""",
    "vi": """là và của có không được các trong một cho những với người này đã khi về để đến từ như ở ra vào
        cũng tại theo nhưng thì hay hoặc bị do sẽ nào gì ai đâu sao bao nhiêu thế""",
}

FREQUENT_WORDS: Final[dict[str, str]] = {
    "en": """use using used set new make get file data time first number work user code system name people
        year many most between after before during under over without much called value two example
        following need want give find change add per does page error list against""",
    "ru": """без после работа года году время человек более только чтобы использовать сделать система данные
        срок порядок нельзя несколько между например значение файл пример запрос один два""",
    "de": """ohne jahr jahre zeit verwenden verwendet datei beispiel neue neuen zwei drei funktion seit immer
        wieder viele viel machen heute hinzufügen erstellen anzahl name menschen heißt wurde""",
    "fr": """utiliser utilise fichier exemple nouveau nouvelle années année temps fonction deux trois faire
        voir dire données plusieurs nombre premier première nom entreprise appelle créer lire modèle
        propre""",
    "es": """usar uso archivo ejemplo nuevo nueva año tiempo función tres hacer puedes datos nombre número
        parte primer primera vez ciudad llamaba tipo mundo crear solo usando leer mismo mayor menor
        modelo propio""",
    "it": """usare uso esempio nuovo nuova anno anni tempo funzione tre fare dati nome numero parte primo
        prima volta città senza utilizzare stesso""",
    "pt": """usar uso arquivo ficheiro exemplo novo nova ano anos tempo função três fazer dados nome número
        parte primeiro primeira vez cidade utilizar""",
    "nl": """gebruik gebruiken bestand voorbeeld nieuwe jaar jaren tijd twee drie maken naam aantal eerste
        mensen moest""",
    "sv": "använda använder fil exempel nya ny år tid två tre göra namn första många hette",
    "da": "bruge bruger fil eksempel nye ny år tid to tre gøre navn første mange hedder uden ifølge",
    "no": "bruke bruker fil eksempel nye ny år tid to tre gjøre navn første mange heter uten ifølge",
    "fi": """käyttää tiedosto esimerkki uusi vuonna vuoden aika kaksi kolme tehdä nimi ensimmäinen paljon""",
    "hu": "használ fájl példa új év évben idő két három kettő név első neve",
    "ro": "folosi fișier exemplu nou nouă an ani timp funcție doi două trei face nume primul",
    "tr": """kullanmak dosya örnek yeni yıl yılında iki üç yapmak adı ilk sayısı nedir kimdir insan büyük
        birlikte edildi yapılan karşı kez""",
    "ca": "usar fitxer exemple nou nova any anys temps funció tres fer dades nom primer",
    "pl": "używać plik przykład nowy nowa rok roku lat czas dwa trzy nazwa pierwszy",
    "cs": "použít soubor příklad nový nová rok roku let čas dva tři název první",
    "id": "menggunakan berkas contoh baru tahun waktu dua tiga nama pertama orang",
    "uk": "використати файл приклад рік року час два три назва перший робота",
    "bg": "файл пример нов нова година години време два три име първи",
}


@functools.cache
def stop_words(language: str) -> frozenset[str]:
    """The stop words of an ISO 639-1 `language`; empty where none are known."""
    return frozenset(STOP_WORDS.get(language, "").split())
