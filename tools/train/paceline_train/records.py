"""Records of the synthetic curriculum: one function from (family, index) to a chat record, and the split by parameter key."""
from . import facts, manners, maths, more_maths, practice, probability, python_tasks, shell_tasks
from .streams import Stream, part_of

DOMAINS = {'math': {**maths.FAMILIES, **more_maths.FAMILIES, **probability.FAMILIES}, 'python': python_tasks.FAMILIES, 'shell': shell_tasks.FAMILIES,
           'english': {**manners.FAMILIES, **facts.FAMILIES}}
PRACTICE = {'practice': practice.FAMILIES}      # mathematics again, weighted by need; trained on only
ARTICLE = ('write a Python function that computes the nth Fibonacci number using memoization, just the code',
           'find the 5 largest files in /var/log',
           'A bag has 4 red and 6 blue marbles; you draw two without replacement; what is the probability both are blue?')


def plain(text):
    return ' '.join(text.lower().replace('.', ' ').replace('?', ' ').split())


FORBIDDEN = {plain(text) for text in ARTICLE}


def math_record(family, function, stream):
    key, question, steps, answer = function(stream)
    text = '\n'.join(steps) + f'\n\nThe answer is {answer}.'
    return key, question, text, {'answer': answer}


def is_kept_out(family, key, question):
    """What the demonstrations show must never be trained on."""
    if plain(question) in FORBIDDEN or probability.is_reserved(family, key):
        return True
    return family == 'shell_command' and 'head -n 5\n' in key[1] and '-exec du' in key[1] and 'find /var/log ' in key[1]


def families_of(domain):
    return PRACTICE[domain] if domain in PRACTICE else DOMAINS[domain]


def record(domain, family, index):
    """(record, part): part is train, validation, holdout or reserved."""
    function, _ = families_of(domain)[family]
    domain = 'math' if domain in PRACTICE else domain
    stream = Stream(family, index)
    key, question, answer, extra = math_record(family, function, stream) if domain == 'math' else function(stream)
    key_text = family + ':' + ','.join(map(str, key))
    part = 'reserved' if is_kept_out(family, key, question) else part_of(key_text)
    return {'messages': [{'role': 'user', 'content': question}, {'role': 'assistant', 'content': answer}], 'source': 'synthetic',
            'license': 'project', 'domain': domain, 'family': family, 'key': key_text, **extra}, part


def family_at(domain, turn):
    """Which family the turn-th record of a domain belongs to, by weight."""
    families = families_of(domain)
    total = sum(weight for _, weight in families.values())
    place = Stream(domain + '/order', turn).below(total)
    for name, (_, weight) in families.items():
        place -= weight
        if place < 0:
            return name


def records(domain, part, count, first=0):
    """The first `count` records of a part, families mixed by weight."""
    turn = first
    while count:
        item, where = record(domain, family_at(domain, turn), turn)
        turn += 1
        if where == part:
            count -= 1
            yield item


def fresh_problems(count, part='holdout', domain='math'):
    """Problems for evaluation: the family mix of training, parameter keys that training never saw, no question twice."""
    seen, out, turn = set(), [], 0
    while len(out) < count:
        item, where = record(domain, family_at(domain, turn), turn)
        turn += 1
        if where == part and item['key'] not in seen:
            seen.add(item['key'])
            out.append(item)
    return out
