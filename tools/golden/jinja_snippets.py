"""Small templates, one feature each, for tools/golden/chat_templates.py. Each is rendered with CONTEXT."""

CONTEXT = {
    "name": "Ada", "empty": "", "text": "  some Text here \n", "uni": "Größe 東京 😀 ǆ ß",
    "html": "<a href=\"x\">'&'</a>", "n": 7, "neg": -3, "zero": 0, "pi": 3.14159, "big": 12345678901234567890,
    "yes": True, "no": False, "nothing": None, "nums": [3, 1, 2], "words": ["b", "A", "c", "a"],
    "d": {"b": 2, "a": 1, "items": "shadowed", "C": {"x": [1, 2.5, None, True]}},
    "users": [{"name": "x", "age": 3, "tags": ["p"]}, {"name": "Y", "age": 1}, {"name": "z", "age": 2, "on": True}],
    "nested": {"a": {"b": {"c": "deep"}}}, "mixed": [1, "a", 2.0, None, True, [1], {"k": "v"}],
    "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello", "tool_calls": None}],
    "floats": [1.0, 0.1, 1e16, 1e15, 1e-4, 1e-5, 123456.789, 2.5, -0.0, 1e300],
    "lines": "one\n\n  two\r\nthree\n", "tree": [{"v": 1, "kids": [{"v": 2, "kids": []}, {"v": 3, "kids": [{"v": 4, "kids": []}]}]}],
}

# One template a line.
SNIPPETS = r"""
{{ 1 + 2 * 3 - 4 }}
{{ 7 / 2 }} {{ 6 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }}
{{ 2 ** 10 }} {{ 2 ** -1 }} {{ 2 ** 3 ** 2 }} {{ -2 ** 2 }} {{ 2.0 ** 0.5 }}
{{ 7.5 // 2 }} {{ -7.5 // 2 }} {{ -7.5 % 2 }} {{ 7.5 % -2 }} {{ 1e3 }} {{ 1.5e-7 }}
{{ 1 / 0 }}
{{ 1 // 0 }}
{{ 1.5 % 0 }}
{{ true + 1 }} {{ true + true }} {{ -true }} {{ +n }} {{ - n }} {{ not n }}
{{ 1 + 1.0 }} {{ 3 * 1.0 }} {{ 10 - 0.5 }}
{{ 'a' + 1 }}
{{ 'a' + none }}
{{ 'a' ~ 1 ~ none ~ true ~ 1.0 ~ nums ~ missing ~ d.a }}
{{ 'ab' * 3 }}|{{ 3 * 'ab' }}|{{ 'ab' * 0 }}|{{ 'ab' * -1 }}|{{ [1, 2] * 2 }}
{{ [1] + [2, 3] }} {{ (1,) + (2,) }}
{{ [1] + (2,) }}
{{ none + 1 }}
{{ -name }}
{{ 1 == 1.0 }} {{ true == 1 }} {{ '1' == 1 }} {{ none == false }} {{ [1, 2] == [1, 2] }} {{ (1,) == [1] }} {{ {'a': 1} == {'a': 1.0} }}
{{ 1 != 2 }} {{ 'a' < 'b' }} {{ 'a' < 'B' }} {{ [1, 2] < [1, 3] }} {{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 3 > 2 >= 2 }}
{{ 1 < 'a' }}
{{ none < 1 }}
{{ missing < 1 }}
{{ missing == missing2 }} {{ missing == none }} {{ missing != 1 }}
{{ 'a' in 'abc' }} {{ 'd' not in 'abc' }} {{ 2 in nums }} {{ 'a' in d }} {{ 1.0 in nums }} {{ '' in 'x' }}
{{ 1 in 'abc' }}
{{ missing in 'abc' }}
{{ 'a' in missing }} {{ missing in nums }}
{{ 'a' in none }}
{{ 'a' in 5 }}
{{ [1] in d }}
{{ not true or true and false }} {{ 0 or 'x' }} {{ '' and 'x' }}| {{ 1 and 2 }} {{ nums and name }}
{{ 'y' if yes else 'n' }} {{ 'y' if no }}| {{ 'a' if no else 'b' if yes else 'c' }}
{{ ('x' if no).foo }}
{{ missing }}|{{ missing.foo is defined }}
{{ missing.foo }}
{{ missing['foo'] }}
{{ missing() }}
{{ missing + 1 }}
{{ missing ~ 'x' }} {{ missing|length }} {{ missing|upper }} {{ missing|list }} {{ missing|join('-') }} {{ missing|default('d') }}
{{ missing|tojson }}
{{ missing|int }}
{{ missing|float }}
{{ missing|abs }}
{{ missing|items|list }}
{{ missing|first }}| {{ missing|trim }}| {{ missing|replace('a', 'b') }}| {{ missing|string }}| {{ missing|sort }}
{{ missing|last }}
{{ missing|dictsort }}
{{ missing.startswith('x') }}
{{ d.nope }}|{{ d['nope'] }}|{{ nums[10] }}|{{ name.nope }}|{{ none.nope }}|{{ n.nope }}|{{ nums['x'] }}|{{ none['x'] }}
{{ d.nope.more }}
{{ nums[10].more }}
{{ nums[10] + 1 }}
{{ -missing }}
{% for x in missing %}never{% else %}none{% endfor %}
{% if missing %}a{% else %}b{% endif %}
{{ [missing, none, 'x'] }}
{{ none }} {{ true }} {{ false }} {{ True }} {{ None }} {{ 1.0 }} {{ 1e100 }} {{ 0.1 }} {{ 100000000000000000.0 }} {{ 12345678901234567890 }}
{{ big }} {{ big + 1 }} {{ big|tojson }} {{ 9223372036854775807 + 1 }}
{{ floats }}
{{ [1, 'a', "it's", 'say "hi"', 'both \' and "', none, true, 1.5, {'k': [1]}, (1,), (1, 2), ()] }}
{{ {'a': 1, 2: 'b', none: none, true: 1.0} }}
{{ ['\n', '\t', '\\', '\x00', '\x7f', 'é', '\u200b', '😀', '\xa0', '\xad'] }}
{{ d }} {{ nested }}
{{ uni|length }} {{ uni[0] }} {{ uni[-1] }} {{ uni[2:4] }} {{ uni[::-1] }} {{ uni|upper }} {{ uni|lower }} {{ uni|title }} {{ uni|capitalize }}
{{ uni.title() }} {{ uni.swapcase() }} {{ 'ΑΣ ΣΑΣ Σ'.lower() }} {{ 'ﬁx ǆ'.capitalize() }} {{ 'İI'.lower()|length }}
{{ "they're bill's FRIENDS".title() }} {{ "they're bill's-FRIENDS (from) [the] {us}"|title }} {{ 'a1b c2D'.title() }}
{{ name[0] }} {{ name[-1] }} {{ name[1:] }} {{ name[:-1] }} {{ name[::2] }} {{ name[::-1] }} {{ name[5:] }}| {{ name[-2:] }} {{ name[2:0:-1] }} {{ name[True] }}
{{ nums[0] }} {{ nums[-1] }} {{ nums[1:] }} {{ nums[:-1] }} {{ nums[::-1] }} {{ nums[-100:100] }} {{ nums[::2] }} {{ nums[100::-1] }} {{ nums[:-100:-1] }}
{{ (1, 2, 3)[1:] }} {{ range(5)[1:3]|list }} {{ range(5)[2] }} {{ range(5)[-1] }}
{{ nums[::0] }}
{{ nums['a':] }}
{{ nothing[1:] }}
{{ d[1:] }}
{{ missing[1:] }}
{{ users.0.name }} {{ users[0]['name'] }} {{ users[-1].on }} {{ nested.a.b.c }} {{ nested['a']['b'].c }}
{{ d.items is callable }} {{ missing|reverse|list }} {{ d.items == d.items }}
{{ d['items'] }} {{ d.get('items') }} {{ d.get('zzz') }} {{ d.get('zzz', 5) }}
{{ d.get('a', default=1) }}
{{ d.get([1]) }}
{{ d.keys() }} {{ d.values()|list|length }} {{ d.items()|length }} {{ d.keys()|list }} {{ nested.items() }} {{ {}.items() }} {{ d.values() }}
{{ d.keys()[0] }}|{{ d.items() is sequence }} {{ d.keys() is iterable }} {{ d.keys() is mapping }}
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}
{% for k in d %}{{ k }};{% endfor %} {% for k, v in d|items %}{{ k }}{% endfor %}
{% for k, v in d|dictsort %}{{ k }}{% endfor %} {{ d|dictsort(true) }} {{ {'x': 2, 'y': 1}|dictsort(by='value') }} {{ {'x': 2, 'y': 1}|dictsort(reverse=true) }}
{{ {'x': 2, 'y': 'a'}|dictsort(by='value') }}
{{ {'x': 2}|dictsort(by='foo') }}
{{ d.pop('a') }}
{{ nums.append(4) }}
{{ d.update({'a': 2}) }}
{{ nums.append is defined }} {{ nums.append }}|
{{ nums.nope() }}
{{ name.nope() }}
{{ name.upper() }} {{ name.lower() }} {{ text.strip() }}| {{ text.lstrip() }}| {{ text.rstrip() }}| {{ 'xxaxx'.strip('x') }} {{ 'xyaxy'.lstrip('yx') }} {{ 'xyaxy'.rstrip('yx') }}
{{ 'a,b,,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a,b,c'.split(',', 1) }} {{ 'a b c d'.split(maxsplit=2) }} {{ 'a b c d'.rsplit(none, 1) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ ''.split() }} {{ ''.split(',') }}
{{ 'abc'.split('') }}
{{ 'abc'.split(1) }}
{{ ' a  b  c '.split(none, 1) }} {{ ' a  b  c '.rsplit(none, 1) }} {{ 'a--b--c'.rsplit('--') }}
{{ 'a</think>b'.split('</think>')[-1] }} {{ 'a</think>b'.split('</think>')[0].rstrip('\n').split('<think>')[-1].lstrip('\n') }}
{{ name.startswith('A') }} {{ name.startswith(('x', 'A')) }} {{ name.endswith('a') }} {{ name.endswith('x') }} {{ name.startswith('d', 1) }} {{ name.startswith('', 9) }} {{ name.endswith('d', 0, 2) }}
{{ name.startswith(1) }}
{{ name.startswith(['A']) }}
{{ name.replace('a', 'b') }} {{ 'aaa'.replace('a', 'b', 2) }} {{ 'abc'.replace('', '-') }} {{ 'abc'.replace('', '-', 2) }} {{ 'aaa'|replace('a', 'b', 1) }} {{ 5|replace(5, 6) }}
{{ name.replace(1, 2) }}
{{ name.replace(old='A', new='b') }}
{{ name.strip(chars='a') }}
{{ d.keys(1) }}
{{ 'a b c'.split(sep=' ', maxsplit=1) }}
{{ late }}{% macro late(a, b=1) %}{% endmacro %}{{ late.arguments }}
{% for x in nums %}{% set loop = 1 %}{% endfor %}
{{ 'abcabc'.find('c') }} {{ 'abcabc'.rfind('c') }} {{ 'abc'.find('x') }} {{ 'abcabc'.index('b') }} {{ 'aaaa'.count('aa') }} {{ 'abc'.count('') }} {{ 'äbc'.find('b') }} {{ 'abcabc'.find('a', 1) }} {{ 'abc'.find('', 3) }} {{ 'abc'.find('', 4) }}
{{ 'abc'.index('x') }}
{{ ','.join(['a', 'b']) }} {{ ''.join([]) }}| {{ '-'.join('abc') }}
{{ ','.join([1, 2]) }}
{{ 'a-b-c'.partition('-') }} {{ 'a-b-c'.rpartition('-') }} {{ 'abc'.partition('-') }} {{ 'abc'.rpartition('-') }}
{{ lines.splitlines() }} {{ lines.splitlines(true) }} {{ 'a\x0bb\x85c\u2028d'.splitlines() }}
{{ '12'.isdigit() }} {{ '1a'.isdigit() }} {{ ''.isdigit() }} {{ 'ab'.isalpha() }} {{ 'a1'.isalnum() }} {{ ' \t'.isspace() }} {{ 'AB'.isupper() }} {{ 'a1'.islower() }} {{ '1'.isupper() }}
{{ '7'.zfill(3) }} {{ '-7'.zfill(4) }} {{ 'a'.ljust(3) }}| {{ 'a'.rjust(3, '*') }} {{ 'ab'.center(5) }}| {{ 'ab'.center(7, '-') }} {{ 'abc'.center(6, '-') }} {{ 'x'|center(4) }}|
{{ 'prefix-x'.removeprefix('prefix-') }} {{ 'x.py'.removesuffix('.py') }}
{{ 'a{}b{}'.format(1, 'x') }} {{ '{0}{1}{0}'.format('a', 'b') }} {{ '{x}'.format(x=1) }} {{ '{:>5}|{:<5}|{:^5}|{:*^6}'.format('a', 'b', 'c', 'd') }} {{ '{:.2f} {:5.1f} {:05d} {:,} {:x} {:b} {:+d} {:e} {:%}'.format(3.14159, 2.5, 42, 1234567, 255, 5, 3, 12345.678, 0.25) }} {{ '{{}}{}'.format(1) }} {{ '{!r}'.format('a') }} {{ '{0[a]} {1[0]}'.format({'a': 1}, [2]) }}
{{ '{}'.format() }}
{{ '{' .format(1) }}
{{ '{:d}'.format('x') }}
{{ '%s is %d or %.2f %5s|%-5s|%05d %x %%' % ('a', 3, 2.5, 'r', 'l', 42, 255) }} {{ '%s' % 'x' }} {{ '%(a)s' % {'a': 1} }} {{ '%r' % 'q' }} {{ '%s' % [1, 2] }} {{ '%g %e' % (1.5, 2.0) }} {{ '%+d' % 5 }} {{ '%s %s'|format('a', 'b') }} {{ '%(x)s'|format(x=3) }}
{{ '%d' % 'x' }}
{{ '%s %s' % ('a',) }}
{{ '%s' % ('a', 'b') }}
{{ nums.index(1) }} {{ nums.count(1) }} {{ (1, 2).index(2) }}
{{ nums.index(99) }}
{{ text|trim }}| {{ 'xxaxx'|trim('x') }} {{ 5|trim }} {{ none|trim }}
{{ nums|length }} {{ name|length }} {{ d|length }} {{ nums|count }} {{ (1, 2)|length }} {{ range(4)|length }}
{{ 5|length }}
{{ none|length }}
{{ nums|map('string')|length }}
{{ nothing|default('x') }} {{ nothing|default('x', true) }} {{ missing|default }}| {{ ''|d('e', boolean=true) }} {{ d.zz|default(d.a) }} {{ 0|default(5, true) }} {{ missing|default(default_value=3) }}
{{ nums|join }} {{ nums|join(', ') }} {{ users|join(',', attribute='name') }} {{ 'abc'|join('-') }} {{ [none, true, 1.5]|join('|') }} {{ d|join(',') }} {{ [1, 2]|join(3) }}
{{ 5|join }}
{{ name|upper }} {{ name|lower }} {{ 'hello world'|title }} {{ 'hELLO wORLD'|capitalize }} {{ 5|upper }} {{ none|lower }} {{ true|upper }} {{ [1]|upper }}
{{ 'aXbX'|replace('X', '-') }} {{ 'abc'|replace('b', missing) }}
{{ nums|first }} {{ nums|last }} {{ 'abc'|first }} {{ 'abc'|last }} {{ []|first }}| {{ []|last }}| {{ d|first }} {{ d|last }} {{ nums|map('abs')|first }}
{{ nums|map('abs')|last }}
{{ [[]|first] }}
{{ ([]|first).x }}
{{ nums|list }} {{ 'abc'|list }} {{ d|list }} {{ range(3)|list }} {{ (1, 2)|list }}
{{ 5|list }}
{{ users|map(attribute='name')|list }} {{ users|map(attribute='on', default='?')|list }} {{ words|map('upper')|join }} {{ words|map('replace', 'a', 'x')|list }} {{ nums|map('string')|list }} {{ [[1, 2], [3]]|map('length')|list }} {{ ['a']|map('default', 'x')|list }} {{ [[1,2]]|map('join', ',')|list }} {{ [1.5, '2']|map('int')|list }}
{{ nums|map('nope')|list }}
{{ users|map(attribute='tags.0')|list }}
{{ nums|map|list }}
{{ nums|map(foo=1)|list }}
{{ nums|select|list }} {{ [0, 1, '', 'a']|select|list }} {{ nums|select('odd')|list }} {{ nums|select('gt', 1)|list }} {{ nums|select('in', [1, 2])|list }} {{ nums|reject('odd')|list }} {{ nums|reject('equalto', 1)|list }} {{ mixed|select('string')|list }} {{ nums|select('>', 1)|list }} {{ nums|select('divisibleby', 3)|list }}
{{ nums|select('nope')|list }}
{{ users|selectattr('on')|list|length }} {{ users|selectattr('age', 'gt', 1)|map(attribute='name')|list }} {{ users|rejectattr('on')|map(attribute='name')|list }} {{ users|selectattr('tags', 'defined')|map(attribute='name')|list }} {{ users|rejectattr('age', 'equalto', 1)|map(attribute='name')|join(',') }} {{ users|selectattr('name', 'eq', 'x')|list }}
{{ users|selectattr|list }}
{% if users|selectattr('name', 'eq', 'nobody') %}always{% else %}never{% endif %} {% if users|selectattr('name', 'eq', 'nobody')|list %}a{% else %}b{% endif %}
{% set g = nums|map('abs') %}{{ g|list }}{{ g|list }} {% set h = nums|select %}{% for x in h %}{{ x }}{% endfor %}{% for x in h %}{{ x }}{% endfor %}
{% set g = nums|map('abs') %}{{ g|first }}{{ g|list }} {{ 1 in nums|map('abs') }} {{ (nums|map('abs')) is iterable }} {{ (nums|map('abs')) is sequence }}
{{ (nums|map('abs'))[0] }}|
{{ (nums|map('abs'))[0:] }}
{{ nums|sort }} {{ words|sort }} {{ words|sort(case_sensitive=true) }} {{ nums|sort(reverse=true) }} {{ users|sort(attribute='age')|map(attribute='name')|join }} {{ users|sort(attribute='name', reverse=true)|map(attribute='name')|join }} {{ users|sort(attribute='on,name')|length if no }} {{ d|sort }} {{ 'cab'|sort }}
{{ mixed|sort }}
{{ users|sort(attribute='tags') }}
{{ ['a', 'A', 'b', 'B', 'a']|unique|list }} {{ ['a', 'A']|unique(case_sensitive=true)|list }} {{ [1, 1.0, true, 2]|unique|list }} {{ users|unique(attribute='age')|list|length }}
{{ [[1], [1]]|unique|list }}
{{ nums|reverse|list }} {{ 'abc'|reverse }} {{ d|reverse|list }} {{ (1, 2)|reverse|list }} {{ range(3)|reverse|list }} {{ nums|map('abs')|reverse }}
{{ nums|sum }} {{ users|sum(attribute='age') }} {{ [1, 2.5]|sum }} {{ []|sum }} {{ [1]|sum(start=10) }} {{ [[1], [2]]|sum(start=[]) }}
{{ ['a']|sum }}
{{ nums|min }} {{ nums|max }} {{ words|min }} {{ words|max }} {{ []|min }}| {{ users|max(attribute='age') }} {{ words|min(case_sensitive=true) }} {{ 'bca'|max }}
{{ [1, 'a']|max }}
{{ nums|batch(2)|list }} {{ nums|batch(2, 0)|list }} {{ range(7)|slice(3)|list }} {{ range(7)|slice(3, 'x')|list }}
{{ users|groupby('age')|list }} {% for g, items in words|groupby(0) %}{{ g }}:{{ items|join }};{% endfor %}
{{ -3|abs }} {{ (-3)|abs }} {{ (-2.5)|abs }} {{ neg|abs }} {{ true|abs }}
{{ 'a'|abs }}
{{ 2.5|round }} {{ 3.5|round }} {{ 2.567|round(2) }} {{ 2.4|round(0, 'ceil') }} {{ 2.6|round(0, 'floor') }} {{ 5|round }} {{ 1234|round(-2) }} {{ 1250|round(-2) }} {{ 2.675|round(2) }} {{ 1234.5|round(-2) }} {{ 42.55|round(1, 'ceil') }} {{ 2.5|round|int }} {{ 7|round(1, 'floor') }} {{ -2.5|round }} {{ true|round }}
{{ 2.5|round(0, 'up') }}
{{ 'a'|round }}
{{ '42'|int }} {{ ' 42 '|int }} {{ '42.7'|int }} {{ 'x'|int }} {{ 'x'|int(5) }} {{ 3.9|int }} {{ -3.9|int }} {{ true|int }} {{ none|int }} {{ '0x1f'|int(base=16) }} {{ '1f'|int(0, 16) }} {{ '1_000'|int }} {{ '0b11'|int(0, 2) }} {{ '1e3'|int }} {{ '+5'|int }} {{ ''|int }} {{ '-7'|int }} {{ [1]|int }} {{ 'inf'|int }} {{ '0x1f'|int }}
{{ '3.5'|float }} {{ 'x'|float }} {{ 'x'|float(1.5) }} {{ 3|float }} {{ '1e5'|float }} {{ true|float }} {{ none|float }} {{ ' 2 '|float }} {{ 'nan'|float }} {{ '-inf'|float }} {{ '1_0.5'|float }}
{{ 5|string }} {{ 5|string + 'x' }} {{ none|string }} {{ nums|string }} {{ 1.0|string }} {{ 'a'|string is string }}
{{ html|escape }} {{ html|e }} {{ 5|e }} {{ html|safe }} {{ (html|e)|e }} {{ html|e|forceescape }} {{ '<'|safe + '<' }} {{ '<' + '&amp;'|safe }} {{ '<'|safe ~ '<' }} {{ ('<'|safe + '<')|upper }} {{ ['<'|safe] }} {{ '<'|safe is escaped }} {{ ('<'|safe)|length }} {{ '<b>'|safe|replace('b', '<i>') }}
{{ lines|indent }} {{ lines|indent(2, true) }} {{ lines|indent(2, first=true, blank=true) }} {{ 'a\nb'|indent('> ') }} {{ ''|indent }}| {{ 'x'|indent(first=true) }}
{{ 5|indent }}
{{ 'a long text with several words in it'|truncate(15) }} {{ 'a long text with several words'|truncate(15, true) }} {{ 'short'|truncate(15) }} {{ 'a long text with several words'|truncate(15, end='!') }} {{ 'abcdefghijklmnop'|truncate(8, leeway=0) }}
{{ 'a b/c?d=é&f'|urlencode }} {{ {'a': 'x y', 'b': 1}|urlencode }}
{{ d|tojson }} {{ nums|tojson }} {{ name|tojson }} {{ none|tojson }} {{ true|tojson }} {{ 1.0|tojson }} {{ floats|tojson }} {{ (1, 'a')|tojson }} {{ []|tojson }} {{ {}|tojson }}
{{ d|tojson(indent=2) }} {{ []|tojson(indent=2) }} {{ [[], {}, [1]]|tojson(indent=4) }} {{ [1]|tojson(indent=0) }} {{ [1]|tojson(indent='\t') }}
{{ html|tojson }} {{ uni|tojson }} {{ uni|tojson(ensure_ascii=true) }} {{ '\x00\x1f\x7f\u2028"\\/\b\f'|tojson }} {{ '\x7f\u2028'|tojson(ensure_ascii=True) }}
{{ {'b': 1, 'a': {'d': 1, 'c': 2}}|tojson(sort_keys=true) }} {{ {'a': [1, 2]}|tojson(separators=(',', ':')) }} {{ {1: 'a', none: 'b', true: 'c', 1.5: 'd'}|tojson }} {{ users|tojson(indent=1, separators=(';', '=')) }}
{{ {(1, 2): 'a'}|tojson }}
{{ d.items()|tojson }}
{{ nums|map('abs')|tojson }}
{{ [missing]|tojson }}
{{ range(3)|tojson }}
{{ d|tojson(indent=2, nope=1) }}
{{ namespace(a=1)|tojson }}
{{ n is defined }} {{ missing is defined }} {{ missing is undefined }} {{ missing is not defined }} {{ d.a is defined }} {{ d.zz is defined }} {{ nothing is defined }}
{{ nothing is none }} {{ n is none }} {{ nothing is not none }} {{ missing is none }}
{{ name is string }} {{ n is string }} {{ d is mapping }} {{ nums is mapping }} {{ nums is sequence }} {{ name is sequence }} {{ d is sequence }} {{ n is sequence }} {{ nums is iterable }} {{ name is iterable }} {{ n is iterable }} {{ d is iterable }} {{ none is iterable }} {{ missing is iterable }} {{ missing is sequence }} {{ missing is mapping }} {{ missing is string }} {{ range(2) is sequence }}
{{ n is number }} {{ pi is number }} {{ yes is number }} {{ name is number }} {{ n is integer }} {{ pi is integer }} {{ yes is integer }} {{ pi is float }} {{ yes is boolean }} {{ n is boolean }} {{ yes is true }} {{ 1 is true }} {{ no is false }} {{ 0 is false }}
{{ 3 is odd }} {{ 3 is even }} {{ 4 is even }} {{ 6 is divisibleby 3 }} {{ 6 is divisibleby(4) }} {{ -3 is odd }} {{ 2.0 is even }} {{ true is odd }}
{{ 'a' is odd }}
{{ 3 is eq 3 }} {{ 3 is equalto(3) }} {{ 3 is ne 4 }} {{ 3 is lt 4 }} {{ 3 is ge(3) }} {{ 3 is gt 3 }} {{ 3 is le 3 }} {{ 'a' is in 'abc' }} {{ 1 is in([1]) }} {{ 1 is not in [1] }} {{ 3 is sameas 3 }} {{ none is sameas none }} {{ 1 is sameas true }}
{{ 'abc' is lower }} {{ 'ABC' is upper }} {{ 'aBc' is lower }} {{ '12' is lower }} {{ range is callable }} {{ n is callable }} {{ name.upper is callable }} {{ 'upper' is filter }} {{ 'nope' is filter }} {{ 'defined' is test }} {{ 'nope' is test }}
{{ n is nope }}
{{ n|nope }}
{% if no %}{{ n|nope }}{% endif %}ok
{{ n|nope if no else 'ok' }}
{% if n is defined and n is not none and n > 5 %}big{% endif %}
{% if n is string or n is number and not no %}x{% endif %}
{{ not n is defined }} {{ n is not defined or yes }}
{% for x in nums %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.depth }}{{ loop.depth0 }};{% endfor %}
{% for x in nums %}{{ loop.previtem }}-{{ x }}-{{ loop.nextitem }};{% endfor %}
{% for x in nums %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }}{{ loop.nope is defined }}{% endfor %}
{% for x in nums %}{{ loop.nextitem.foo }}{% endfor %}
{% for x in nums %}{{ loop.cycle('a', 'b') }}{{ loop.changed(x > 1) }}{% endfor %} {% for x in nums %}{{ loop }}{% endfor %}
{% for x in nums if x > 1 %}{{ loop.index }}:{{ x }}/{{ loop.length }} {% endfor %}
{% for x in nums if x > 10 %}{{ x }}{% else %}nothing{% endfor %}
{% for x in nums %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %} {% for x in nums %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endfor %}
{% for x in nums %}{% break %}{% else %}else after break{% endfor %} {% for x in nums %}{% continue %}{% else %}else after continue{% endfor %}
{% break %}
{% for x in [1] %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}
{% for x in [1, 2] %}{% for y in [1, 2] %}{% if y == 2 %}{% break %}{% endif %}{{ x }}{{ y }} {% endfor %}{% endfor %}
{% for a, b in [[1, 2], [3, 4]] %}{{ a }}{{ b }}{% endfor %} {% for a, (b, c) in [[1, [2, 3]]] %}{{ a }}{{ b }}{{ c }}{% endfor %}
{% for a, b in [[1, 2, 3]] %}{% endfor %}
{% for a, b in [[1]] %}{% endfor %}
{% for a, b in [5] %}{% endfor %}
{% for x in 5 %}{% endfor %}
{% for x in none %}{% endfor %}
{% for c in 'aé😀' %}[{{ c }}]{% endfor %} {% for x in 1, 2, 3 %}{{ x }}{% endfor %} {% for x in (1, 2) %}{{ x }}{% endfor %}
{% for node in tree recursive %}{{ node.v }}({{ loop(node.kids) }}){{ loop.depth }}{% endfor %}
{% for x in nums %}{{ loop(nums) }}{% endfor %}
{% for x in range(3) %}{{ x }}{% endfor %} {{ range(2, 5)|list }} {{ range(10, 0, -3)|list }} {{ range(0)|list }} {{ range(5, 2)|list }} {{ range(3) }} {{ range(1, 7, 2) }}
{{ range(0, 5, 0) }}
{{ range('a') }}
{{ range(100001)|length }}
{{ range(100000)|length }}
{{ range(1.5) }}
{% set x = 5 %}{{ x }} {% set a, b = 1, 2 %}{{ a }}{{ b }} {% set (c, e) = [3, 4] %}{{ c }}{{ e }} {% set t = 1, %}{{ t }}
{% set x = 1 %}{% for i in [1, 2] %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}
{% for i in [1, 2] %}{% set y = i %}{% endfor %}{{ y is defined }}
{% if yes %}{% set z = 1 %}{% endif %}{{ z }} {% if no %}{% set q = 1 %}{% endif %}{{ q is defined }}
{% set ns = namespace(a=1, b='x') %}{% for i in [1, 2] %}{% set ns.a = ns.a + i %}{% set ns.c = i %}{% endfor %}{{ ns.a }}{{ ns.b }}{{ ns.c }} {{ ns.zz is defined }} {{ ns }}
{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns.b }} {% set ns.x, ns.y = 3, 4 %}{{ ns.x + ns.y }} {{ namespace() }} {{ ns is mapping }} {{ ns.a is defined }} {{ ns['a'] }}
{% set d.a = 5 %}
{% set nope.a = 5 %}
{% set n = namespace() %}{{ n.foo.bar }}
{% set x %}block {{ name }}{% endset %}[{{ x }}] {% set x | upper %}abc{% endset %}{{ x }} {% set x | replace('a', 'b') | upper %}aca{% endset %}{{ x }}
{% set x %}{% set y = 1 %}a{% endset %}{{ y is defined }} {% set ns = namespace() %}{% set ns.t %}in{% endset %}{{ ns.t }}
{% set x = 1 %}{% set x = x + 1 if x else 0 %}{{ x }} {% set m = messages %}{{ m[0].role }} {% set messages = [] %}{{ messages }}
{% macro m(a, b=2, c='x') %}{{ a }}{{ b }}{{ c }};{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(1, c='z') }}{{ m(a=5, b=6, c=7) }}{{ m() }}{{ m(1, b=missing) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=1) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=1) }}
{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }} {% macro o(a=n) %}{{ a }}{% endmacro %}{{ o() }}
{% macro m(a=1, b) %}{% endmacro %}
{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }} {{ m() }}
{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}body {{ name }}{% endcall %}
{% macro m(x) %}[{{ caller(x, 2) }}]{% endmacro %}{% call(a, b) m(5) %}{{ a }}-{{ b }}{% endcall %}
{% macro m() %}x{% endmacro %}{% call m() %}body{% endcall %}
{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}
{% macro fact(n) %}{% if n > 1 %}{{ n * (fact(n - 1)|int) }}{% else %}1{% endif %}{% endmacro %}{{ fact(10) }}
{% macro m() %}{% set x = 1 %}{{ x }}{% endmacro %}{{ m() }}{{ x is defined }} {% set v = 1 %}{% macro r() %}{{ v }}{% endmacro %}{% set v = 2 %}{{ r() }}
{{ late() if late is defined else 'not yet' }}{% macro late() %}x{% endmacro %}{{ late() }} {{ late }} {{ late.name }}
{% macro m() %}  a  {% endmacro %}{{ m()|trim }}|{{ m() ~ 'x' }}|{{ m()|length }} {{ m is callable }}
{% for i in [1, 2] %}{% macro in_loop() %}{{ i }}{% endmacro %}{{ in_loop() }}{% endfor %}
{% macro inf() %}{{ inf() }}{% endmacro %}{{ inf() }}
{% filter upper %}abc {{ name }}{% endfilter %} {% filter replace('a', 'b')|upper %}banana{% endfilter %}
{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a is defined }} {% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q is defined }}
{% generation %}assistant {{ name }}{% endgeneration %} {% generation %}{% set gg = 1 %}{% endgeneration %}{{ gg is defined }}
{% print name, n %}
{% if n > 10 %}a{% elif n > 5 %}b{% elif n > 6 %}c{% else %}d{% endif %}{% if no %}x{% elif no %}y{% endif %}
{{ raise_exception('stop here') }}
{{ raise_exception('line one\nline ' ~ n) }}
{% if messages[0].role == 'user' %}{{ raise_exception('Bad role: ' + messages[0]['role'] + '!') }}{% endif %}
{{ raise_exception() }}
{{ strftime_now('%Y-%m-%d') }} {{ strftime_now('%d %b %Y') }} {{ strftime_now('%H:%M:%S %A %B %j %y %% %-d') }} {{ strftime_now('%f|%z|%Z|') }} {{ strftime_now('') }}|
{{ dict(a=1, b=2) }} {{ dict({'a': 1}, b=2) }} {{ dict([['a', 1], ('b', 2)]) }} {{ dict() }} {{ dict(**{'x': 1}) }}
{{ {[1]: 2} }}
{{ {'a': 1, 'b': 2, 'a': 3} }} {{ {1: 'a', true: 'b', 1.0: 'c'} }} {{ {(1, 2): 3}[(1, 2)] }} {{ {'a': 1,} }} {{ [1, 2,] }}
{{ 'a' 'b' "c" }} {{ 'it\'s' }} {{ "a\tb\\n\x41\u00e9\101" }} {{ '\q' }}
{{ 1_000 }} {{ 0x1F }} {{ 0b101 }} {{ 0o17 }} {{ 1.5e3 }} {{ 1e-2 }} {{ 1_0.2_5 }}
{{ 'unterminated }}
{{ (1 }}
{{ 1) }}
{{ [1) }}
{{ }}
{{ 1 2 }}
{{ a. }}
{% %}
{% nope %}
{% if %}{% endif %}
{% if yes %}
{% endif %} unopened {% endif %}
{% for x nums %}{% endfor %}
{% set 5 = x %}
{% set x.y.z = 1 %}
{% set true = 1 %}
{% for loop in nums %}{{ loop }}{% endfor %}
{{ a ! b }}
{{ name
{% if yes
{# open
{{ x if }}
{{ name.1 }}|{{ nums.1 }}|{{ nums.-1 }}
{{ nums[] }}
{{ n is }}
{{ n| }}
{{ m(a=1, 2) }}
{{ range(*[2, 5])|list }} {{ dict(**d)|length }} {{ 'x'.replace(*['x', 'y']) }}
{{ range(*5) }}
{{ dict(**5) }}
{{ n() }}
{{ 'a'() }}
{{ none() }}
{# comment #}x{#- strip -#}  y {#+ keep +#}
a {%- if yes %} b {%- endif %} c
a {{- name }} b {{ name -}} c
{{ "}}" }} {{ {'a': {'b': 1}} }} {{ '%}' }} {{ {'a': 1}['a'] }} {{ '{{' }}
{{ "{# no comment #}" }} { {% set x = 1 %} } {{'{'}} }} %} #}
{{-name-}} {{ - n }} {{+ n }} {{-  -3 }}
{%- for m in messages -%} {{ m.role }}: {{ m['content'] }} {%- endfor -%} done
{% set loop_messages = messages[1:] if messages[0]['role'] == 'system' else messages %}{{ loop_messages|length }}{% set ns = namespace(found=false) %}{% for m in loop_messages[::-1] %}{% set ns.found = m.role == 'user' %}{% endfor %}{{ ns.found }}
{{ messages[1].tool_calls is none }} {{ messages[0].tool_calls is defined }} {% if messages[1].tool_calls %}a{% else %}b{% endif %} {{ 'tool_calls' in messages[1] }} {{ messages[-1]['content'][-2:] }}
{{ messages|selectattr('role', 'equalto', 'user')|list|length }} {{ messages|map(attribute='content')|join(' | ') }} {{ (messages|selectattr('role', 'equalto', 'user')|list)[-1].content }} {{ messages|rejectattr('role', 'equalto', 'user')|list == [messages[1]] }}
{{ (n // 2 + n % 2) * 2 }} {{ n > 5 and name == 'Ada' or missing.x }} {{ (loop is defined) }}
{{ name is eq('Ada') and name|length == 3 }} {{ name|length + 1 }} {{ -n|abs }} {{ 'a' ~ 'b'|upper }} {{ 1 ~ 2 * 3 }} {{ not 1 == 2 }} {{ 2 in [1, 2] == true }}
{{ 'x' ~ 1 + 2 }}
{{ 1 + 2 ~ 3 }}
{{ d.C.x[1] }} {{ d['C']['x'][-1] }} {{ d.C['x']|length }} {{ d.C.x|map('string')|join(',') }}
{{ 'a' < 'b' and 'b' < 'c' }} {{ 'Z' < 'a' }} {{ 'é' > 'z' }} {{ '10' < '9' }} {{ (1, 'a') < (1, 'b') }} {{ [] < [1] }} {{ true < 2 }}
{{ {'a': 1} < {'b': 2} }}
{{ 170141183460469231731687303715884105727 + 1 - 1 > 0 if no else 'big' }} {{ 2 ** 100 }} {{ 10 ** 20 // 3 }}
{{ users|attr('x') is defined }} {{ name|attr('upper') is callable }} {{ d|attr('a') is defined }}
{{ text|trim|upper|length }} {{ text.strip().upper()|lower|title }} {{ (text|trim).split()[0]|first }} {{ 'x'|default('y')|upper }}
{{ [1, [2, [3, [4]]]]|string|length }} {{ ((1)) }} {{ (1,)|first }} {{ [[1, 2], [3, 4]][1][0] }} {{ {'a': [1, {'b': 2}]}.a[1].b }}
{{ name.__class__ }}|
{{ name.__class__.mro() }}
{{ ''.__class__.__mro__ }}
{{ range.__globals__ }}|
{% include 'x' %}
{% import 'x' as y %}
{% extends 'x' %}
""".strip("\n").split("\n")

# Templates of several lines: white space control and line numbers.
SNIPPETS += [
    "{{ 'a\\\nb' }}|",
    '{% if yes %}\n{% endif %}',
    '  {% if yes %}\n    indented\n  {% endif %}\nx  {% if yes %}y{% endif %}\n\t{% if yes %}\ttab{% endif %}\n    {%+ if yes %}kept{% endif %}\n{% if yes +%}\nnewline kept{% endif %}\n{% if yes -%}\n   stripped   \n{%- endif -%}\n\nafter',
    'line {# c #}\n  {# own line #}\nnext\n{{ name }}\nnext {{ name }}\n\n',
    '{% raw %}{{ raw }} {% if %}{# #}{% endraw %} x\n  {%- raw -%}  {{ x }}  {%- endraw -%}  y\n{% raw %}open\n  {% raw %}a{% endraw %}\nb',
    "{% for m in messages %}\n{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + '\\n' }}\n{% endfor %}\n",
    'a\n  {#- c -#}\n  b {#+ c +#}\nc\n   {#+ c #}\nd',
    "{% set x = [\n  1,\n  2\n] %}\n{{ x\n | join(\n  ',') }}\n{{ missing.foo }}",
    '\\r\\n line ends:\r\n{% if yes %}\r\nx\r\n{% endif %}\r\ny\rz\r\n',
]
