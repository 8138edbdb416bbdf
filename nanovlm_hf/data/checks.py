"""What is wrong with one description, and by how much: lengths and wording, grammar, hard words, things nobody saw.

report = check_text("A man rides a horse. ...", "short", captions)
report.flags          # [Break("vocabulary", "..."), ...]: none for a good text
report.unsupported    # ["horse"]: nouns that no caption supports
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from nanovlm_hf.data.easy_words import EASY_NOUNS, easier
from nanovlm_hf.data.grammar import Finding, check_grammar
from nanovlm_hf.data.tagger import tag
from nanovlm_hf.data.text_rules import Break, broken_rules, sentences_in, words_in
from nanovlm_hf.data.vocabulary import is_childlike, lemma, lemmas, tokenize
from nanovlm_hf.data.word_kinds import KINDS, NOTHING_SEEN, PARTS, WHOLES

# Above these a text is flagged. By our LLM's texts: one in a hundred has more nouns, one in two thousand more hard words.
UNCOMMON_SHARE = 0.08
UNSUPPORTED = {"short": 4, "long": 10}


@dataclass(frozen=True)
class TextReport:
    """Measures of one text. `flags` sums them up in the form of `text_rules`; the others say how far it is from them."""

    words: int
    sentences: int
    flags: list[Break] = field(default_factory=list)
    grammar: list[Finding] = field(default_factory=list)
    uncommon: list[str] = field(default_factory=list)
    unsupported: list[str] = field(default_factory=list)
    unsuitable: str | None = None

    @property
    def uncommon_share(self) -> float:
        return len(self.uncommon) / max(self.words, 1)


def check_text(text: str, style: str, captions: list[str]) -> TextReport:
    """Checks a description against the rules of its style and the captions of its picture.

    Args:
        style: "short", "long" or any other (then lengths and wording are not checked).
        captions: what people say of the picture; where there are none, no noun is called unsupported.

    Returns:
        Flags `length`, `sentences`, `wording` (from `text_rules`), `grammar`, `vocabulary`, `unsupported`, `unsuitable`,
        each with a message for the writer, and the measures they come from.
    """
    flags = broken_rules(text, style)
    words = words_in(text)
    findings = check_grammar(text)
    if findings:
        flags.append(Break("grammar", " ".join(finding.message for finding in findings)))
    uncommon = uncommon_words(text)
    if len(uncommon) > UNCOMMON_SHARE * len(words):
        flags.append(Break("vocabulary", f"A small child does not say {', '.join(uncommon)}; use easier words."))
    unsupported = unsupported_nouns(text, captions) if captions else []
    if len(unsupported) > UNSUPPORTED.get(style, len(words)):
        flags.append(Break("unsupported", f"No caption speaks of {', '.join(unsupported)}; keep to what they say."))
    unsuitable = unsuitable_content(text)
    if unsuitable:
        flags.append(Break("unsuitable", f"It speaks of {unsuitable}, which is not for small children."))
    return TextReport(len(words), len(sentences_in(text)), flags, findings, uncommon, unsupported, unsuitable)


def uncommon_words(text: str) -> list[str]:
    """The words of a text, in lower case, that a small child does not say; a name inside a sentence is not one."""
    return [
        word.lower()
        for word in words_in(text)
        if not is_childlike(word) and not (word[0].isupper() and not lemmas(word.lower()))
    ]


_WRITTEN = re.compile(r"[A-Za-z0-9]+(?:['-][A-Za-z0-9]+)*'?|[.!?]+|[,;:()\"&-]")


def claimed_nouns(text: str) -> list[str]:
    """The nouns, in their base form, by which a text says that something is there.

    Not so by: words that name nothing to be seen ("fun", "day"); what is the child's own ("my mom", "our house");
    what something is only like ("like a bird", "as big as a house"); names.
    """
    written = _WRITTEN.findall(text.replace("\u2019", "'"))
    tokens = [word.lower() for word in written]
    tags = tag(tokens)
    nouns, aside = [], False
    for place, (token, one) in enumerate(zip(tokens, tags, strict=True)):
        if token in ("my", "our", "your") or (
            token in ("like", "as", "than") and one in ("P", "B") and _named(tags, place)
        ):
            aside = True
        elif one not in ("D", "S", "Q", "J", "N", "NS", "R"):
            aside = False
        if one not in ("N", "NS") or aside:
            continue
        starts = not place or tags[place - 1] == "."
        if written[place][0].isupper() and (not starts or not lemmas(token)):
            continue  # a name
        noun = lemma(token, one)
        if noun not in NOTHING_SEEN and not noun[0].isdigit():
            nouns.append(noun)
    return nouns


def _named(tags: list[str], place: int) -> bool:
    return place + 1 < len(tags) and tags[place + 1] in ("D", "N", "NS", "J")


class CaptionNouns:
    """The nouns that a picture's captions support.

    By the noun itself, by an easier or harder word for the same, by a kind of it ("dog": an animal), by what has it as a
    part ("dog": a tail), by a word made from it ("grassy": grass, "football": a ball).
    """

    def __init__(self, captions: Sequence[str]):
        said: set[str] = set()
        for caption in captions:
            tokens = tokenize(caption)
            said.update(tokens)
            said.update(lemma(token, one) for token, one in zip(tokens, tag(tokens), strict=True) if one in _CONTENT)
        self.said = said | {_same(word) for word in said}
        self.long = [word for word in said if len(word) > 4]

    def has(self, noun: str) -> bool:
        if noun in self.said or _same(noun) in self.said or not self.said.isdisjoint(KINDS.get(noun, ())):
            return True
        wholes = PARTS.get(noun, frozenset()).union(*(KINDS[whole] | {whole} for whole in WHOLES.get(noun, ())))
        if not self.said.isdisjoint(wholes):
            return True
        return len(noun) > 3 and any(word.startswith(noun) or word.endswith(noun) for word in self.long)


_CONTENT = frozenset(("N", "NS", "G", "Z", "V", "E"))


def _same(noun: str) -> str:
    """One word for all that name the same thing."""
    return (easier(EASY_NOUNS, noun) or noun).rpartition(" ")[2]


def unsupported_nouns(text: str, captions: list[str]) -> list[str]:
    """The claimed nouns of a text that no caption supports, each as often as it is said."""
    claimed = claimed_nouns(text)
    if not claimed:
        return []
    support = _caption_nouns(tuple(captions))
    return [noun for noun in claimed if not support.has(noun)]


@lru_cache(maxsize=64)  # a picture's texts are checked one after the other
def _caption_nouns(captions: tuple[str, ...]) -> CaptionNouns:
    return CaptionNouns(captions)


_SOMEBODY = r"(?:a|an|the|his|her|their) (?:\w+ )?(?:man|woman|boy|girl|child|baby|person|people|bull|dog|cat|animal)"
_LIVING = rf"(?:him|her|them|{_SOMEBODY})"
_UNSUITABLE = {
    "nudity": r"naked|nudes?|nudity|topless|nipples?|genitals?|penis|vagina|breasts?(?! ?stroke)|lingerie|panties|sexy|sexual\w*|porn\w*"
    r"|strippers?|bare (?:butt|bottom|breast)\w*|undressed|having sex|making love|hookers?|prostitutes?",
    "violence": r"kill(?:s|ed|ing|er|ers)?(?! whales?)|murder\w*|blood(?! (?:must |will |all )?(?:go|goes|run|runs|rush\w*)\b)|bloody|bleed\w*"
    r"|corpses?|suicide|tortur\w+|behead\w*|executed|execution|terroris\w+|massacre\w*|wounded|gore|gory|strangl\w+|lynch\w*"
    rf"|rap(?:es|ed|ist)|hanged|(?:stab|strangl|chok)(?:s|bed|bing|ing|es|ed|e)? {_LIVING}"
    rf"|(?:shoot|beat)(?:s|ing|en)? {_SOMEBODY}|beat(?:s|ing|en)? {_LIVING} up"
    r"|dead (?:\w+ )?(?:bod(?:y|ies)|m[ae]n|wom[ae]n|person|people|child|children|boys?|girls?|bab(?:y|ies)|soldiers?|dogs?|cats?|birds?"
    r"|animals?|deer|whales?|cows?|horses?)",
    "weapons": r"(?:hand|shot|machine )?guns?|rifles?|pistols?|revolvers?|(?<!like a )(?<!like a big )(?<!bath )bombs?|grenades?|weapons?",
    "drugs": r"cocaine|heroin|marijuana|cannabis|drugs|drunk|drunken|syringes?",
    "swearing": r"fuck\w*|shit\w*|bitch\w*|bastards?|assholes?|damn|whores?|sluts?"
    rf"|(?:shows?|showing|raises?|raising|gives?|giving|holds? up|sticks? up) (?:\w+ ){{0,3}}middle finger"
    rf"|flip(?:s|ping|ped)? (?:{_LIVING} off|off (?:the camera|{_LIVING}))",
}
_UNSUITABLE_WORDS = {reason: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for reason, words in _UNSUITABLE.items()}
# With one of these in the text, its guns are toys: "water gun" first, later only "the gun".
_ONLY_PLAY = re.compile(
    r"\b(?:toys?|squirt\w*|pretend\w*|fake|(?:water|spray|paint|nerf|glue|bubble|radar|cap|plastic) ?(?:gun|pistol)s?|wet)\b",
    re.I,
)


def unsuitable_content(text: str) -> str | None:
    """The kind of content for which a text should be dropped ("nudity", "violence" ...), None where there is none.

    It errs on the side of dropping: a soldier's gun is dropped, a water gun is not.
    """
    for reason, words in _UNSUITABLE_WORDS.items():
        if words.search(text) and not (reason == "weapons" and _ONLY_PLAY.search(text)):
            return reason
    return None
