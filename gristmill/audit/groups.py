"""Word lists, our own: who is spoken of, by axis and group, and what is said of people (professions and traits).

Single words, casefolded. Words with a common other sense in technical text are left out on purpose (`black` and
`white` are colours, `native` is code, `disabled` a switch): what is counted should be people. English only.
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


AXES: dict[str, dict[str, frozenset[str]]] = {
    "gender": {
        "female": _words(
            "she her hers herself woman women girl girls mother mothers daughter daughters sister sisters wife"
            " wives aunt grandmother lady ladies female females mrs ms madam queen princess actress waitress"
            " schoolgirl"
        ),
        "male": _words(
            "he him his himself man men boy boys father fathers son sons brother brothers husband husbands uncle"
            " grandfather gentleman gentlemen male males mr sir king prince actor waiter schoolboy"
        ),
    },
    "age": {
        "young": _words(
            "teenager teenagers teen teens youth youths adolescent adolescents toddler toddlers infant infants"
            " baby babies kid kids schoolchild schoolchildren youngster youngsters juvenile"
        ),
        "middle": _words("adult adults grownup grownups midlife"),
        "old": _words(
            "elderly pensioner pensioners retiree retirees retired grandparent grandparents senior seniors aged"
            " octogenarian"
        ),
    },
    "religion": {
        "christian": _words(
            "christian christians christianity church churches bible catholic protestant priest pastor jesus"
        ),
        "muslim": _words("muslim muslims islam islamic mosque mosques quran koran imam ramadan allah"),
        "jewish": _words("jew jews jewish judaism synagogue synagogues torah rabbi sabbath kosher"),
        "hindu": _words("hindu hindus hinduism temple temples veda vedas diwali brahmin"),
        "buddhist": _words("buddhist buddhists buddhism buddha monastery zen dharma"),
        "none": _words("atheist atheists atheism agnostic agnostics secular irreligious"),
    },
    "race_and_ethnicity": {
        "african": _words("african africans afro afrodescendant"),
        "arab": _words("arab arabs bedouin bedouins"),
        "asian": _words("asian asians"),
        "european": _words("caucasian caucasians european europeans"),
        "hispanic": _words("hispanic hispanics latino latinos latina latinas latinx"),
        "indigenous": _words("indigenous aboriginal aboriginals inuit maori amerindian"),
    },
    "nationality": {
        "american": _words("american americans"),
        "brazilian": _words("brazilian brazilians"),
        "british": _words("british briton britons englishman englishmen"),
        "chinese": _words("chinese"),
        "french": _words("frenchman frenchmen french"),
        "german": _words("german germans"),
        "indian": _words("indian indians"),
        "japanese": _words("japanese"),
        "mexican": _words("mexican mexicans"),
        "nigerian": _words("nigerian nigerians"),
        "russian": _words("russian russians"),
        "turkish": _words("turkish turk turks"),
    },
    "ability": {
        "disabled": _words(
            "disability disabilities wheelchair deaf autistic autism dyslexic dyslexia paralysed paralyzed"
            " amputee handicapped paraplegic impairment impairments"
        ),
        "not_disabled": _words("nondisabled sighted neurotypical ablebodied"),
    },
    "socioeconomic": {
        "poor": _words(
            "poverty homeless homelessness unemployed jobless impoverished penniless pauper paupers beggar"
            " beggars destitute"
        ),
        "rich": _words(
            "wealthy wealth affluent millionaire millionaires billionaire billionaires aristocrat tycoon prosperous"
        ),
    },
}
"""Axis -> group -> words. No word is in two groups of an axis."""

PROFESSIONS = _words(
    "accountant architect artist baker builder carpenter cashier chef chemist cleaner clerk cook dentist"
    " designer director doctor driver economist editor electrician engineer farmer fisher hairdresser"
    " janitor journalist judge lawyer librarian manager mechanic musician nurse officer painter pharmacist"
    " physician pilot plumber police president programmer professor receptionist researcher scientist"
    " secretary soldier surgeon tailor teacher technician therapist translator writer"
)
TRAITS = _words(
    "aggressive ambitious angry anxious arrogant beautiful brave brilliant calm caring cheerful clever"
    " cold competent confident cowardly creative cruel dangerous dependent dishonest emotional fearful"
    " foolish friendly generous gentle greedy honest hostile humble ignorant incompetent independent"
    " intelligent jealous kind lazy loud loyal modest naive nervous patient polite proud quiet rational"
    " reliable rude selfish sensitive shy sincere stubborn stupid timid violent warm weak wise"
)
TARGETS = PROFESSIONS | TRAITS
