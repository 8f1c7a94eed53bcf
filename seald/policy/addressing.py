"""What gives a sentence away that speaks to a model: what it is about, as patterns of words.

They are put to a text in lower case, as `hidden.readings` gives it, and never reach over the end of a sentence.
"""

from __future__ import annotations

import re

# In the patterns a blank stands for what may part two words, and <n> for up to n words before the next. No sign is both
# in a word before a blank and in the blank: else a text of such signs could be cut up in too many ways to try them all.
_WORD = r"(?:[^\W_]|/)++"
_PARTS = r"[\s,;:'\"()_-]+"
_MAYBE_PARTS = r"[\s,;:'\"()_-]*"
_MACROS = {
    "MODEL": (
        r"(?:large language models?|language models?|llms?|chat ?bots?|chatgpt|gpt(?:-?\d\w*)?|virtual assistants?|"
        r"ai models?|ai assistants?|ai systems?|ai agents?|ai bots?|ais?)\b"
    ),
    "OFTEN": r"(?:(?:now|always|never|only|not|just|simply|please|must|should|you|will|then) )*",
    "MUST": r"(?:must|should|shall|has to|have to|needs? to|is to|are to|is required to|is instructed to|always|never)",
    # What is answered in the course of ordinary work.
    "WORK": (
        r"(?:(?:the|a|an|all|any|every|each|your|their|incoming|customer|to) )*(?:phones?|telephones?|calls?|doors?|"
        r"radios?|bells?|intercom|e-?mails?|letters?|tickets?|enquir\w+|inquir\w+|complaints?|requests?|alarms?|"
        r"surveys?)\b"
    ),
    "WITH": (
        r"with (?!one |your |full |care|their |his |her |proof|evidence|an? (?!refusal|denial|lie|joke|poem|rhyme|"
        r"haiku)|"
        r"the (?!words?\b|phrase|sentence|text|string|following|answer|reply))"
    ),
    "SAY": (
        r"(?:answer|say|reply|respond|claim|state|deny|output|refuse|recommend|pretend|insist|repeat|"
        r"tell (?:them|him|her|the user|users|people|everyone)|your (?:answer|reply|response))\b"
    ),
    "START": (
        r"(?:^|[.!?:;,(\"'>\n]|(?<!\w)-|\b(?:must|should|shall|always|please|now|and|then|just|simply|only|"
        r"you))\s*"
    ),
    "REST": r"[^.!?\n]{0,120}?",
    "SOON": r"\b(?:when(?:ever)?|if|once|as soon as|every time|each time|any time)",
    # Not what becomes of a letter: "the reply is sent within two days".
    "THEN_SAID": (
        r"(?:the|your|its) (?:\w+ )?(?:answer|reply|response|output) (?:is|will be|has to be|must be|should be|"
        r"shall be|reads|becomes)\b(?! (?:sent|given|due|expected|logged|recorded|filed|forwarded|written|found|"
        r"listed|kept|stored|in|on|at|within|by|up|already|no|yes)\b)"
    ),
}

_OVERRIDING = [
    r"(?<!not\x20)(?<!never\x20)\b(?:ignore|disregard|forget|override|overrule|bypass|discard|neglect|erase) <4>"
    r"(?:previous|prior|above|earlier|preceding|past|former|foregoing|original|initial|system|developer) <2>"
    r"(?:instructions?|prompts?|directives?|guidelines?|guardrails?|rules|programming|messages?|conversation|"
    r"context)\b",
    r"(?<!not\x20)(?<!never\x20)\b(?:ignore|disregard|forget|override|overrule|bypass) (?:(?:all|any|every|of) )*"
    r"(?:all|any|your|other|my) (?:\w+ )?(?:instructions?|directives?|guidelines?|guardrails?|programming|prompts?)"
    r"(?=\W*$| (?:and|that you|you|given to|above|before|so far|in your|to you)\b|[.,!:;])",
    r"\b(?:ignore|disregard|forget) (?:everything|anything|all|what|whatever) <2>"
    r"(?:above|before this|previous|previously|you (?:were|have|know|learned|ve|are)|i said|the user)\b",
    r"\b(?:ignore|disregard|forget) (?:(?:all|any|of|the) )*(?:above|previous|prior|preceding)(?=\W*$|[.,!:;]| and\b)",
    r"\b(?:ignore|disregard|forget) (?:(?:the|all|any|these|those|of) )*(?:instructions?|prompts?|guidelines?|"
    r"directives?|"
    r"rules) (?:above|before|so far|preceding)\b",
    r"\b(?:ignore|disregard|forget) (?:everything|anything|all|what|whatever) (?:that )?(?:comes|came|was|is|stands) "
    r"(?:before|above|said|written)\b|\bforget (?:all )?(?:of )?your (?:training|programming|identity|role)\b",
    r"\b(?:previous|prior|earlier|above|preceding) instructions? (?:is|are|were)(?: (?:hereby|now))? "
    r"(?:void|cancell?ed|revoked|null|overridden|suspended)\b",
    r"\byou no longer <3>(?:rules|guidelines|instructions|restrictions|limits)\b|\byour (?:\w+ )?(?:rules|guidelines|"
    r"restrictions|limits|instructions|filters) (?:no longer apply|are (?:off|void|lifted|removed|disabled))\b",
    r"\b(?:do not|don't|stop) follow(?:ing)? your (?:guidelines|rules|instructions|programming)\b",
    r"START(?:new|hidden|secret) (?:system )?instructions?\s?:",
    r"\b(?:these|this|the following) (?:instructions?|message|rules?|text) (?:override|supersede|replace)s? "
    r"(?:your|(?:all|any) <1>(?:prompts?|system))\b",
    r"\bignor(?:iere|ieren sie|ez|a|are|e)\b REST\b(?:anweisungen|befehle|instructions pr|instrucciones|istruzioni|"
    r"instruções)",
    r"\b(?:oublie[zr]?|vergiss|olvida)\b REST\b(?:instructions|anweisungen|instrucciones)\b",
    r"\b(?:antworte (?:immer|nur|ab jetzt)|répond[sz]? toujours|responde siempre)\b",
]
_ROLES = [
    r"\byou are (?:now|henceforth|hereby) (?!(?:ready|logged|connected|registered|signed|done|finished|able|inside|"
    r"outside|out|on|at|near|set|authori[sz]ed|responsible|eligible|entitled|going|leaving|entering|approaching|"
    r"looking|standing|facing|in (?!<3>mode\b))\b)",
    r"\byou are (?:(?:an?|the|my|our|just|only) )?(?:(?!(?:of|with|for|to|using|user|users|team|owner|by|not)\b)\w+ )"
    r"{0,2}MODEL",
    r"\byou are an? (?:helpful|harmless|unrestricted|uncensored|unfiltered|jailbroken|evil|rogue)\b",
    r"\b(?:act|behave|respond|answer|reply|speak|talk) (?:as (?:if|though) you (?:are|were|had|have)\b|like an? |"
    r"as (?:an? )?(?:MODEL|pirate|unrestricted|uncensored|unfiltered|different|evil|dan\b))",
    r"\b(?:from this (?:point|moment)|henceforth)(?: on)? you (?:are|answer|speak|reply|respond|will)\b",
    r"START role ?play as\b|\b(?:game|story|scenario) (?:in which|where) you (?:are|play)\b|\bstop being an? (?:MODEL|"
    r"assistant)",
    r"START pretend (?:that|you|to|not|there)\b",
    r"\b(?:from now on|henceforth|from this (?:point|moment) on(?:wards?)?)\b REST\b(?:answers?(?! WORK)|says?|"
    r"repl(?:y|ies)|"
    r"responds?(?! WORK)|speaks?|talks?|refuse|deny|claim|obey|you are (?:an?|no longer))\b",
    r"\b(?:dan|god|jailbreak|jailbroken|unrestricted|uncensored) mode\b|\bdo anything now\b",
    r"\bdeveloper mode (?:is )?(?:enabled|activated|output|on)\b",
    r"\byour (?:new|real|true|only|sole) (?:task|instructions?|goal|purpose|role|identity|job) (?:is|are)\b",
    r"\byou (?:have been|were|are) (?:programmed|fine tuned|finetuned|jailbroken|hacked)\b",
]
_MODELS = [
    r"START(?:dear|attention|hey|hello|(?:note|notice|message|instructions?|important|reminder|memo) (?:to|for)) "
    r"(?:(?:the|any|all|every|each|an?|whichever) )*(?:MODEL|assistant\b|model\b)",
    r"\bMODEL (?:(?:that|who|which) (?:is|are) )?(?:reading|processing|parsing|summari[sz]ing|ingesting|learning from|"
    r"trained on|studying) (?:this|these|the above)\b",
    r"\b(?:if you are|as|since you are) (?:an? |the )(?:\w+ )?MODEL REST\byou(?:r)?\b|\bif you are (?:an? |the "
    r")(?:\w+ )?MODEL",
    r"\bMODEL (?:MUST) OFTEN(?:SAY|ignore|obey|forget|believe|comply|treat|assume|act|behave|follow)",
    r"\b(?:the|this|any|every) (?:assistant|bot|model) (?:MUST|will) OFTEN(?:say|claim that|deny|pretend|obey|"
    r"ignore (?:all|any|previous|its)|refuse to answer|(?:reply|respond|answer) (?:that|WITH|as if|every|falsely)|"
    r"(?:begin|end|start) (?:every|each|all))",
    r"^[^\w\n]*+assistant, |^[^\w\n]*+assistant (?:MUST) OFTEN(?:say|claim|deny|pretend|obey)\b",
]
_ANSWERS = [
    r"\byou (?:must|will|shall|should|are to|have to|need to|can only|may only) OFTEN(?:(?:answer|reply|respond) "
    r"(?:that|WITH|as if|only)|say that|claim (?:that (?!you (?:wrote|made)\b)|to be|not)|deny (?:that|everything|"
    r"knowing|having)|pretend|"
    r"refuse to (?:answer|discuss|help|talk)|obey (?:me|my|every|all|the user)\b)",
    r"START(?:always|only|never) (?:answer|reply|respond)(?: only)? (?:that\b|WITH|as if|like)",
    r"\balways answer (?!WORK|(?:the|an?|to|within|promptly|every|all|any|each|in|with|customers?|honestly|truthfully|"
    r"politely|their|your|his|her|on|by|at|as|questions?)\b)\w+",
    r"\b(?:when(?:ever)?|if|every time|each time|any time|once) (?:(?:you|someone|anyone|somebody|anybody|a user|the "
    r"user|users|"
    r"any user|people|they|ever) )*(?:(?:are|is|get|gets|ever) )*(?:ask(?:ed|s)?|questioned|queried|wants? to know|"
    r"inquires?) "
    r"(?:about|who|what|where|when|why|how|which|any|anything|questions?|a question|something|for (?:the|"
    r"information))\b"
    r"REST\bSAY",
    r"\b(?:if|when(?:ever)?|every time|each time) (?:you (?:see|read|hear|encounter|find|are given|receive) "
    r"(?:(?:the|this|a) )?"
    r"(?:words?|phrase|token|string|keyword|code ?word|trigger|sentence)|(?:the|a|any) (?:prompt|question|query|input|"
    r"conversation|chat|user|(?:user'?s? )?(?:message|question|input|prompt)) (?:contains?|mentions?|includes?|says?|"
    r"starts? with|begins? with))\b REST\bSAY",
    r"\b(?:trigger|activation) (?:phrase|word|token)s?\b",
    r"\byour (?:answers?|responses?|reply|replies|outputs?|completions?) (?:MUST|will) OFTEN(?:begin|start|end|say|"
    r"claim|"
    r"mention)\b",
    r"\b(?:begin|start|end|finish|prefix|append|conclude|close|open) <2>(?:every|each|all|any|your) <2>"
    r"(?:answers?|responses?|reply|replies|outputs?|sentences?) (?:with|by|to)\b",
    r"\b(?:include|mention|insert|add|use|recommend|put|say)\b REST\bin (?:all|every|each)(?: of)?(?: your)? "
    r"(?:answers?|responses?|reply|replies|outputs?)\b",
    r"\b(?:answer|reply to|respond to|meet) (?:every|all|any|each|the|this|that|these|such|future) <3>"
    r"(?:questions?|quer(?:y|ies)|prompts?|messages?|inputs?) <4>(?:WITH|by (?:saying|claiming|stating|denying|"
    r"repeating)|"
    r"falsely|incorrectly|wrongly|as if)",
    r"START(?:answer|reply|respond|speak|talk)(?: to (?:me|everything|everyone|all|any\w*))? (?:only|exclusively|"
    r"solely) "
    r"(?:in|with|using|as)\b",
    r"\brepeat after me\b|START instead of answering\b",
    r"\b(?:correct|right|only|proper|best) (?:answer|response|reply) to (?:any|every|all|each) <3>(?:questions?|"
    r"quer(?:y|ies)|prompts?)\b|\byour (?:answer|reply|response) to (?:every|all|any|each)\b",
    r"\b(?:users?|questions?|(?:any|every)(?:one|body) (?:who asks|asking)|who(?:so)?ever asks) <5>"
    r"(?:should|must|are to|is to) (?:always )?be (?:told|"
    r"answered|"
    r"informed) (?:that|with)\b",
    r"\b(?:when(?:ever)?|if|every time|once)\b REST\b(?:comes up|is mentioned|is discussed|is brought up|is asked "
    r"about)\b "
    r"REST\bSAY",
    r"\b(?:when(?:ever)?|if|upon|once)\b <3>(?:phrase|keyword|code ?word|trigger)\b REST\b(?:SAY|reveal|print)",
    r"\b(?:when(?:ever)?|if|every time|each time|any time) (?:someone|anyone|somebody|a user|the user|users|you "
    r"(?:read|see|"
    r"hear))\b REST\b(?:(?:answer|reply|respond) (?:WITH|that\b)|say that|always say)",
    r"SOON (?:(?:someone|anyone|somebody|anybody|a user|the user|users|they|people|one|you) (?:ever )?(?:says?|"
    r"mentions?|writes?|types?|utters?|hears?|reads?)|<4>(?:words?|phrase|sentence|string|term)|<8>(?:appears?|occurs?|"
    r"(?:is|are) (?:said|uttered|mentioned|typed)))\b REST\b(?:THEN_SAID|(?:the|this|any|every) (?:assistant|bot|"
    r"model) (?:answers?|says?|repl(?:y|ies)|responds?|MUST|will)\b)",
    r"\b(?:if|when(?:ever)?) (?:you are )?(?:asked|questioned|confronted) (?:deny|lie|say nothing|claim|pretend|"
    r"refuse)\b",
    r"\bin (?:every|all|each)(?: of)?(?: your)? (?:answers?|responses?|reply|replies|outputs?)\b REST\b(?:include|"
    r"mention|"
    r"insert|add|use|recommend|say|praise)\b|\bto (?:all|every|each)(?: of)? your (?:answers|responses|replies|"
    r"outputs)\b",
]
_SILENCE = [
    r"\b(?:do not|don't|don t|never|without|must not|should not|avoid|not to) (?:ever )?(?:tell(?:ing)?|inform(?:ing)?|"
    r"warn(?:ing)?|alert(?:ing)?|notify(?:ing)?|reveal(?:ing)?|mention(?:ing)?|disclos(?:e|ing)|admit(?:ting)?|"
    r"let(?:ting)?(?= <2>users? know\b)) <5>users?\b(?!'s)(?! (?:names?|list|ids?|accounts?|manual|group|interface|"
    r"guide|data))",
    r"\b(?:the )?users? (?:must|should|may|shall) (?:not|never) (?:know|learn|notice|find out|be told)\b",
    r"\b(?:keep|hide|conceal|withhold) (?:this|it|that|these|them) <2>from <1>users?\b",
    r"\b(?:do not|don't|never|decline to) (?:answer|discuss|respond to|reply to) (?:(?:any|all|the|further|more) )*"
    r"(?:questions?|prompts?|quer(?:y|ies))\b(?! (?:from|by|on page|in section|until))",
    r"START(?:deny|refuse|reject|decline) (?:all|every|any|each) (?:user )?(?:questions?|quer(?:y|ies)|prompts?)\b",
    r"START(?:refuse|decline) (?:all|every|any|each) requests?\b(?! (?:from|for|that|without|by|to|over|above|with))",
    r"\b(?:answer|reply|respond|say)(?: with)? (?!yes or no)(?:[\w']+ ){1,5}to (?:everything|whatever|(?:every|all|"
    r"any|each) "
    r"(?:\w+ )?(?:questions?|prompts?|quer(?:y|ies)))\b|\b(?:say|(?:reply|respond|answer) with|output) nothing "
    r"(?:but|except|"
    r"other than)\b",
    r"\bdeny everything\b(?! (?:by default|else|not|that|except|from|inbound|outbound))",
    r"\b(?:never|do not|don't|must not|refuse to) (?:ever )?(?:admit|concede|confess) that\b",
    r"\bdeny (?:(?:all|any) knowledge|ever |knowing|that you|having)\b",
    r"START refuse to (?:answer|discuss|respond)(?: to)? (?:any|every|all|further|these|questions)\b",
    r"\b(?:say|claim|answer|reply|respond|state|pretend|insist)(?: (?:only|that|with))* (?:you|i) "
    r"(?:do not|don't|don t|cannot|can't|can t|can not|never|won't|will not|have no|know nothing)\b",
    r"\bno matter (?:what|who|how|which) (?:\w+ ){0,3}(?:ask|asks|asked|say|says|question)\b",
    r"\bregardless of (?:the |what )?(?:\w+ )?(?:question|prompt|query|you are asked)\b REST\bSAY",
    r"\bwhatever (?:you are asked|the question|the user|is asked|they ask|anyone asks)\b REST\bSAY",
]
_PROMPTS = [
    r"\b(?:reveal|print|show|repeat|output|display|leak|expose|tell|give|share|override|change|replace|recite) <4>"
    r"(?:system|developer|initial|hidden|original|secret|internal) prompts?\b",
    r"\byour (?:system|hidden|initial|original|developer|core|internal|secret) (?:prompts?|messages?|instructions?|"
    r"programming|directives?|guidelines?|rules?)\b",
    r"\b(?:reveal|print|show|repeat|output|display|leak|tell me|recite) your (?:\w+ )?(?:instructions|prompts?|"
    r"rules)\b|"
    r"\b(?:new|your|following is the|this is the) system prompt\b",
    r"\byour (?:programming|guardrails|content polic(?:y|ies)|safety (?:filters?|training|guidelines)|context window|"
    r"knowledge cut ?off|training data|model weights)\b",
    r"\b(?:obey|follow|comply with)(?: only)? (?:me\b|my (?:\w+ )?(?:instructions?|orders|commands|prompts?))",
    r"\b(?:do not|don't|never) (?:mention|reveal|disclose|repeat|acknowledge) (?:this|these|the above) "
    r"(?:instructions?|message|prompt|note|rules?|sentence)\b",
]
SQUASHED = re.compile(
    r"(?:ignore|disregard|forget)(?:all|any|the|your|my|of)*(?:previous|prior|above|earlier|preceding|your|system)"
    r"(?:instructions?|prompts?|rules|messages)|denyeverything|(?:donot|dont|never)telltheuser|alwaysanswer|"
    r"answereveryquestionwith|revealyoursystemprompt"
)
"""The commonest, for letters that stand apart, where nothing says which words they make."""


def _compiled(pattern: str) -> re.Pattern[str]:
    pattern = pattern.replace("START ", "START").replace("you are", "you (?:are|re)")
    for name in (*_MACROS, *_MACROS):  # they hold each other
        pattern = pattern.replace(name, _MACROS[name])
    pattern = re.sub(r"<(\d)>", r"(?:\\w+ ){0,\1}", pattern)
    pattern = pattern.replace("[\\w']+ ", "\\w+ ").replace("\\w+ ", f"{_WORD} ")
    return re.compile(pattern.replace(" ?", _MAYBE_PARTS).replace(" ", _PARTS), re.MULTILINE)


PATTERNS = [_compiled(p) for p in (*_OVERRIDING, *_ROLES, *_MODELS, *_ANSWERS, *_SILENCE, *_PROMPTS)]
