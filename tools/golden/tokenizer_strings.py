"""10,000 different strings that tokenizers trip over: the input of tools/golden/tokenizer.py. Seeded."""
import random
import unicodedata

SPECIALS = ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<tool_call>", "</tool_call>", "<|fim_prefix|>",
            "<repo_name>", "<reponame>", "<file_sep>", "<|file_sep|>", "<filename>", "<|vision_pad|>", "<|im_start",
            "im_end|>", "<|", "|>", "<", "<|im_start|><|im_end|>", "<|endoftext|><|endoftext|>", "<||im_end|>"]
CONTRACTIONS = [a + b for a in "'\u2019`" for b in
                ("s", "t", "re", "ve", "m", "ll", "d", "S", "T", "RE", "Re", "rE", "VE", "Ve", "M", "LL", "Ll", "lL",
                 "D", "\u017f", "sx", "llx", "l", "r", "v", "x", "")]
SPACES = [" ", "  ", "   ", "\t", "\n", "\r", "\r\n", "\n\n", " \n", "\n ", "\u00a0", "\u2003", "\u3000", "\u0085",
          "\u2028", "\u200b", "\x0b", "\x0c", "\u1680", "\u180e", "\ufeff", "\x1c", "\x00"]
WORDS = ("the of and to in is that for it as was with be by on not he his but at are this have from or had an they "
         "which one you were all her she there would their we him been has when who will no more if out so what up "
         "said about than its into them can only other time new some could these two may first then do any like my "
         "now over such our man me even most made after also did many off before must well back through years much "
         "where your way down should because long each just state people those too mr how little good world make "
         "very year still see own work men day get here old life both between being under three never know same "
         "last another while us might great go come since against right came take used himself few house use place "
         "during high without again home around small however found Mrs thought went say part once general upon "
         "school every don internationalization antidisestablishmentarianism tokenizer Kubernetes PostgreSQL").split()
CODE = ["def f(x):\n    return x + 1\n", "for (int i = 0; i < n; ++i) {\n\tsum += a[i];\n}\n", "#include <vector>\n",
        "std::unordered_map<std::string, int> m{{\"a\", 1}};", "SELECT * FROM t WHERE id = 42 AND name LIKE '%x%';",
        "if err != nil {\n\t\treturn nil, err\n\t}", "<div class=\"x\">\n  <p>&nbsp;</p>\n</div>\n", "x = {'a': [1, 2.5e-3]}",
        "fn main() -> Result<(), Box<dyn Error>> {}", "/* comment */ // line\n", "0xDEADBEEF ^ 0b1010 | 0o777",
        "{\"key\": \"va\\\"lue\\n\", \"n\": -1.5e+10}", "git commit -m \"it's done\" && echo $?", "a?.b ?? c!", "λ = lambda _: ...",
        "\\begin{align} x^2 &= y_{i,j} \\\\ \\end{align}", "https://example.com/a/b?c=d&e=%20f#g", "user.name+tag@example.org"]
EMOJI = ["😀", "👍🏽", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇫🇷", "❤️", "1️⃣", "🧑🏿‍💻", "👩‍❤️‍💋‍👨", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "☺", "✂️", "\U0001fae8", "🤌🏻", "\u200d", "\ufe0f"]
TEXTS = ["Привет, как дела? Это — тест.", "你好，世界！今天天气怎么样？", "こんにちは、世界。カタカナとひらがな。", "안녕하세요 세계, 오늘은 좋은 날입니다.",
         "مرحبا بالعالم، كيف حالك؟ ١٢٣٤", "שלום עולם, מה שלומך היום?", "नमस्ते दुनिया, आप कैसे हैं? १२३", "สวัสดีชาวโลก วันนี้อากาศดี", "Γειά σου Κόσμε, τι κάνεις;",
         "Xin chào thế giới, hôm nay trời đẹp quá", "Grüße aus München, schöne Straße", "Ça va? Où êtes-vous allés, naïve?", "ⅣⅫ ½¾ ①② ²³ ৪৫ ௧௨",
         "ﬁ ﬂ ﬆ ǅ ß ẞ İ ı ſ K Å Ω", "မင်္ဂလာပါ ကမ္ဘာလောက", "გამარჯობა მსოფლიო", "Բարեւ աշխարհ", "ሰላም ዓለም", "ជំរាបសួរ​ពិភពលោក", "བཀྲ་ཤིས་བདེ་ལེགས"]
MARKS = [chr(c) for c in list(range(0x300, 0x370)) + [0x5b0, 0x5bc, 0x64b, 0x651, 0x653, 0x654, 0x93c, 0x94d, 0xe38, 0xe48, 0xf71, 0xf72, 0xf74,
                                                     0x20d0, 0x20dd, 0x302a, 0x3099, 0x309a, 0xfe20, 0x1d165, 0x1d16e, 0x898, 0x1ac0, 0x10efd]]
JAMO = [chr(c) for c in list(range(0x1100, 0x1113)) + list(range(0x1161, 0x1176)) + list(range(0x11a8, 0x11c3))]
SINGLETONS = ["\u212b", "\u2126", "\u0340", "\u0341", "\u0344", "\u0958", "\u0f73", "\u0f81", "\u2adc", "\uf900", "\ufa1d", "\ufb1d", "\U0001d15e",
              "\U0002f800", "\u0374", "\u037e", "\u1fef", "\u2329", "\u09cb", "\u09c7\u09be", "\u0b4b", "\u1025\u102e", "\U00011935\U00011930"]
# Blocks with a code point picked at random; unassigned ones are wanted too.
BLOCKS = [(0x20, 0x7f), (0x80, 0x250), (0x250, 0x370), (0x370, 0x590), (0x590, 0x900), (0x900, 0xe00), (0xe00, 0x1100), (0x1100, 0x1400),
          (0x1400, 0x1e00), (0x1e00, 0x2000), (0x2000, 0x2c00), (0x2c00, 0x3000), (0x3000, 0x3400), (0x3400, 0x4e00), (0x4e00, 0xa000),
          (0xa000, 0xac00), (0xac00, 0xd7b0), (0xe000, 0xf900), (0xf900, 0x10000), (0x10000, 0x11000), (0x11000, 0x12000), (0x12000, 0x17000),
          (0x17000, 0x1b000), (0x1b000, 0x1d000), (0x1d000, 0x1f000), (0x1f000, 0x20000), (0x20000, 0x30000), (0x30000, 0x34000),
          (0x40000, 0xe0000), (0xe0000, 0xe0200), (0xf0000, 0x110000)]
INVALID = [b"\x80", b"\xbf", b"\xc0\x80", b"\xc1\xbf", b"\xc3", b"\xe2\x82", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf0\x9f\x98",
           b"\xf0\x9f", b"\xf0", b"\xf0\x80\x80\x80", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xff", b"\xfe\xff", b"\xe2\x28\xa1",
           b"\xf0\x28\x8c\xbc", b"\xf8\x88\x80\x80\x80", b"\xc3\x28", b"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf"]


def scalar(rng, low, high):
    code = rng.randrange(low, high)
    return chr(code) if not 0xD800 <= code < 0xE000 else "\ufffd"


def english(rng, count):
    out = []
    for _ in range(count):
        word = rng.choice(WORDS)
        word = rng.choice((word, word, word, word.capitalize(), word.upper()))
        out.append(word + (rng.choice(CONTRACTIONS) if rng.random() < 0.1 else "") + rng.choice(("", "", "", ",", ".", "!", "?", ";", ":", "...", " -")))
    return rng.choice((" ", " ", " ", "  ", "\n", "\t")).join(out)


def piece(rng):
    return rng.choice((
        lambda: english(rng, rng.randrange(1, 5)), lambda: rng.choice(CODE), lambda: rng.choice(EMOJI), lambda: rng.choice(TEXTS),
        lambda: rng.choice(SPACES) * rng.randrange(1, 5), lambda: str(rng.randrange(10 ** rng.randrange(1, 12))), lambda: rng.choice(CONTRACTIONS),
        lambda: rng.choice("aeioun\u05d0\u0627\u0915\u3042") + "".join(rng.choices(MARKS, k=rng.randrange(1, 5))), lambda: rng.choice(SPECIALS),
        lambda: "".join(scalar(rng, *rng.choice(BLOCKS)) for _ in range(rng.randrange(1, 4))), lambda: rng.choice("!@#$%^&*()_+-=[]{}|;:,./<>?~\"'\\`") * rng.randrange(1, 6),
        lambda: "".join(rng.choices(JAMO, k=rng.randrange(2, 7))), lambda: rng.choice(SINGLETONS)))()


KINDS = [
    lambda rng: english(rng, rng.randrange(1, 40)).encode(),
    lambda rng: "".join(rng.choices(CODE, k=rng.randrange(1, 4))).encode(),
    lambda rng: "".join(piece(rng) for _ in range(rng.randrange(1, 9))).encode(),
    lambda rng: "".join(piece(rng) for _ in range(rng.randrange(1, 9))).encode(),
    lambda rng: (lambda b: "".join(scalar(rng, *b) for _ in range(rng.randrange(1, 30))))(rng.choice(BLOCKS)).encode(),
    lambda rng: "".join(scalar(rng, *rng.choice(BLOCKS)) for _ in range(rng.randrange(1, 30))).encode(),
    lambda rng: "".join(rng.choice((rng.choice(SPACES), rng.choice(SPACES), "a", "1", ".", "'s", "é")) for _ in range(rng.randrange(1, 20))).encode(),
    lambda rng: "".join(rng.choice(("0", "12", "345", " ", "6789", "٣", "½", "Ⅷ", "x", ",", ".")) for _ in range(rng.randrange(1, 20))).encode(),
    lambda rng: "".join(rng.choice((rng.choice(CONTRACTIONS), "I", "don", " you", " ", "é", "1")) for _ in range(rng.randrange(1, 12))).encode(),
    lambda rng: "".join(rng.choice((rng.choice(SPECIALS), "user\n", " ", "hi", "\n", "é")) for _ in range(rng.randrange(1, 10))).encode(),
    lambda rng: unicodedata.normalize(rng.choice(("NFD", "NFC", "NFKD")), "".join(rng.choices(TEXTS, k=rng.randrange(1, 3)))).encode(),
    lambda rng: "".join(rng.choice((rng.choice(MARKS), rng.choice(MARKS), rng.choice(JAMO), rng.choice(SINGLETONS), rng.choice("aeio \u05d0\u0627"))) for _ in range(rng.randrange(1, 25))).encode(),
    lambda rng: "".join(rng.choice(EMOJI + [" ", "a", "\ufe0f"]) for _ in range(rng.randrange(1, 12))).encode(),
    lambda rng: b"".join(rng.choice((rng.choice(INVALID), rng.choice(INVALID), b"a", b" ", "é".encode(), "中".encode(), "😀".encode()[:rng.randrange(1, 5)])) for _ in range(rng.randrange(1, 15))),
    lambda rng: rng.randbytes(rng.randrange(1, 40)),
    lambda rng: (lambda b: b[rng.randrange(3):len(b) - rng.randrange(3)])("".join(rng.choices(TEXTS + EMOJI, k=2)).encode()),
]


def strings(count=10_000, seed=20_240_607):
    rng = random.Random(seed)
    out = [b"", b" ", b"\n", b"a", "\u00e9".encode(), "e\u0301".encode()]
    out += [c.encode() for c in SPACES + EMOJI + SINGLETONS + CONTRACTIONS + SPECIALS] + INVALID
    for run in ("a", " ", "\n", "=", "7", "é", "中", "ab", " a", "\u0301", "a\u0301", "\t", "😀", "'s", "A", "-", "\u0334\u0345", "<", "<|"):
        out.append((run * 6000)[:6000].encode())
        out += [(run * n).encode() for n in (2, 31, 32, 33, 34, 64, 257)]
    out = list(dict.fromkeys(out))  # no string twice
    seen, turn = set(out), 0
    while len(out) < count:
        made = KINDS[turn % len(KINDS)](rng)
        turn += 1
        if made not in seen:
            seen.add(made)
            out.append(made)
    return out[:count]
