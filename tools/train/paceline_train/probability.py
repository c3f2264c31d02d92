"""Drawing coloured things with and without replacement, dice and coins; exact fractions, one factor a line."""
from fractions import Fraction

from . import words
from .maths import fraction_text, product_step, reduction

# Kept out of training in any order and colours, for two draws: they are shown in demonstrations.
RESERVED = {(2, 3, 5), (4, 6), (3, 4, 5), (4, 5, 6)}


class Bag:
    """Counts by colour and the words around them."""

    def __init__(self, stream, draws, kinds=None):
        kinds = kinds or (2 if stream.chance(60) else 3)
        while True:
            self.counts = [stream.between(1, 9) for _ in range(kinds)]
            self.total = sum(self.counts)
            if self.total >= 3 and (draws < 2 or self.total <= 20):
                break
        self.draws = draws
        self.colours = stream.several(words.COLOURS, kinds)
        self.container, self.things = stream.pick(words.CONTAINERS), stream.pick(words.DRAWN)
        if stream.chance(35):
            self.container, self.things = 'bag', 'marbles'
        self.one = words.SINGULAR[self.things]

    def listing(self, stream):
        style = stream.below(3)
        parts = [f'{n} {c}' if style else f'{n} {c} {self.one if n == 1 else self.things}' for n, c in zip(self.counts, self.colours)]
        text = ', '.join(parts[:-1]) + f' and {parts[-1]}'
        return text + (f' {self.things}' if style else '')

    def key(self, *others):
        return (*sorted(self.counts), *self.counts, *others)

    def opening(self, stream):
        listing = self.listing(stream)
        one = ('an ' if self.container == 'urn' else 'a ') + self.container
        return stream.pick((f'{one.capitalize()} has {listing}', f'{one.capitalize()} contains {listing}', f'There are {listing} in {one}',
                            f'{one} holds {listing}', f'In {one} there are {listing}'))

    def total_step(self):
        listed = ' + '.join(map(str, self.counts))
        rests = [[sum(self.counts[:done]), *self.counts[done:]] for done in range(2, len(self.counts))]      # one addition at a time
        middle = ''.join(' = ' + ' + '.join(map(str, rest)) for rest in rests)
        counts = ', '.join(f'{colour} {count}' for colour, count in zip(self.colours, self.counts))      # the count follows its colour from here on
        return f'Counts: {counts}. Total: {listed}{middle} = {self.total} {self.things}.'


def ending(top, bottom):
    """Reduce line, if any, and the answer."""
    chain, x, y = reduction(top, bottom)
    return ([f'Reduce: {chain}.'] if ' = ' in chain else [f'{top}/{bottom} is in lowest terms.']), fraction_text(x, y)


def chance_of(stream, event):
    return stream.pick((f'What is the probability that {event}?', f'What is the chance that {event}?', f'what is the probability {event}?',
                        f'Find the probability that {event}.', f'How likely is it that {event}?'))


def join(stream, opening, middle, question):
    separator = stream.pick(('. ', '. ', '; '))
    middle = middle[0].upper() + middle[1:] if separator == '. ' else middle
    tail = stream.pick(('. ', '. ', '; ')) if question[0].islower() else '. '
    return f'{opening}{separator}{middle}{tail}{question[0].upper() + question[1:] if tail == ". " else question}'


def one_draw(stream):
    bag, kind = Bag(stream, 1), stream.pick(('is', 'not', 'or'))
    middle = stream.pick((f'you draw one {bag.one}', f'one {bag.one} is drawn at random', f'you pick one {bag.one} at random'))
    a = bag.colours[0] if len(bag.colours) < 3 or stream.chance(60) else bag.colours[1]
    n = bag.counts[bag.colours.index(a)]
    if kind == 'or' and len(bag.colours) == 3:
        b = bag.colours[2]
        m = n + bag.counts[2]
        steps = [f'Count {a} or {b}: {n} + {bag.counts[2]} = {m}.', f'P({a} or {b}) = {m}/{bag.total}.']
        event = f'it is {a} or {b}'
    elif kind == 'not':
        m = bag.total - n
        steps, event = [f'Not {a}: {bag.total} - {n} = {m}.', f'P(not {a}) = {m}/{bag.total}.'], f'it is not {a}'
    else:
        m, kind = n, 'is'
        steps, event = [f'Count {a}: {n} of the {bag.total} {bag.things}, so P({a}) = {n}/{bag.total}.'], f'it is {a}'
    closing, answer = ending(m, bag.total)
    return bag.key(kind, bag.colours.index(a)), join(stream, bag.opening(stream), middle, chance_of(stream, event)), \
        [bag.total_step(), *steps, *closing], answer


def two_draws(stream, replace):
    bag = Bag(stream, 2)
    while max(bag.counts) < 2:
        bag = Bag(stream, 2)
    how = 'with replacement' if replace else 'without replacement'
    first = stream.below(len(bag.counts))
    same = stream.chance(60) and (replace or bag.counts[first] >= 2)
    second = first if same else (first + 1) % len(bag.counts)
    if replace:
        middle = stream.pick(('you draw two {t} with replacement', 'you draw a {o}, put it back and draw again',
                              'two {t} are drawn with replacement', 'you pick two {t} at random with replacement', 'one {o} is drawn, returned, and another is drawn'))
    else:
        middle = stream.pick(('you draw two without replacement', 'two {t} are drawn without replacement', 'you draw two {t} without replacement',
                              'you take out two {t} one after the other without putting any back', 'you pick two {t} at random without replacement',
                              'two are drawn without replacement'))
    middle = middle.format(t=bag.things, o=bag.one)
    a, b = bag.colours[first], bag.colours[second]
    event = stream.pick((f'both are {a}', f'both {bag.things} are {a}', f'the two {bag.things} are both {a}')) if same else \
        stream.pick((f'the first is {a} and the second is {b}', f'you draw {a} first and then {b}', f'the first {bag.one} is {a} and the second one is {b}'))
    steps, top, bottom = two_factors(bag, first, second, replace)
    closing, answer = ending(top, bottom)
    return bag.key(how, first, second), join(stream, bag.opening(stream), middle, chance_of(stream, event)), \
        [bag.total_step(), *steps, *closing], answer


def two_factors(bag, first, second, replace):
    a, b, n, total = bag.colours[first], bag.colours[second], bag.counts[first], bag.total
    m = bag.counts[second] - (0 if replace or first != second else 1)
    left = total if replace else total - 1
    # The colour stands before its count: a small model looks one thing up at a time.
    steps = [f'First draw, {a}: {n} of the {total} {bag.things}, so P({a}) = {n}/{total}.']
    if replace:
        steps.append(f'It goes back. Second draw, {b}: {m} of the {left} {bag.things}, so P({b}) = {m}/{left}.')
    else:
        steps.append(f'One {a} {bag.one} is out. Second draw, {b}: {m} of the {left} {bag.things} left, so P({b}) = {m}/{left}.')
    label = f'Both {a}' if first == second else f'{a.capitalize()} then {b}'
    steps.append(f'{n} * {m} = {n * m} and {product_step(total, left) if left < 10 else table_product(total, left)}.')
    steps.append(f'{label}: {n}/{total} * {m}/{left} = {n * m}/{total * left}.')
    return steps, n * m, total * left


def table_product(a, b):
    """a * b for 10 <= b <= 20 by tens and ones of b; small enough to learn."""
    if a <= 12 and b <= 12 or b % 10 == 0:
        return f'{a} * {b} = {a * b}'
    tens, ones = b // 10 * 10, b % 10
    return f'{a} * {b} = {a * tens} + {a * ones} = {a * b}'


def without_replacement(stream):
    return two_draws(stream, False)


def with_replacement(stream):
    return two_draws(stream, True)


def dice(stream):
    kind = stream.pick(('number', 'even', 'less', 'more', 'sum'))
    die = stream.pick(('a fair die', 'a fair six-sided die', 'a die', 'one die'))
    if kind == 'sum':
        target = stream.between(2, 12)
        pairs = [(x, target - x) for x in range(1, 7) if 1 <= target - x <= 6]
        closing, answer = ending(len(pairs), 36)
        question = stream.pick((f'You roll two dice. What is the probability that the sum is {target}?', f'Two fair dice are rolled. What is the chance of a sum of {target}?',
                                f'What is the probability of rolling a total of {target} with two dice?'))
        listed = ', '.join(f'{x}+{y}' for x, y in pairs)
        return ('sum', question), question, ['Two dice have 6 * 6 = 36 outcomes.', f'Sum {target}: {listed}, that is {len(pairs)}.',
                                                              f'P(sum {target}) = {len(pairs)}/36.', *closing], answer
    n = stream.between(2, 5)
    good = {'number': [n], 'even': [2, 4, 6], 'less': list(range(1, n)), 'more': list(range(n + 1, 7))}[kind]
    event = {'number': f'a {n}', 'even': 'an even number', 'less': f'a number less than {n}', 'more': f'a number greater than {n}'}[kind]
    question = stream.pick((f'You roll {die}. What is the probability of {event}?', f'What is the probability of rolling {event} with {die}?',
                            f'What is the chance of getting {event} when you roll {die}?'))
    closing, answer = ending(len(good), 6)
    return (kind, question), question, ['A die has 6 outcomes.', f'Good outcomes: {", ".join(map(str, good))}, that is {len(good)}.',
                                                    f'P = {len(good)}/6.', *closing], answer


def coins(stream):
    n, side = stream.between(2, 6), stream.pick(('heads', 'tails'))
    question = stream.pick((f'You flip a fair coin {n} times. What is the probability that all are {side}?', f'A coin is tossed {n} times. What is the chance of {n} {side}?',
                            f'What is the probability of getting {side} {n} times in a row with a fair coin?'))
    steps = [f'Each flip: P({side}) = 1/2.', f'{n} flips: ' + ' * '.join(['1/2'] * n) + f' = 1/{2 ** n}.']
    return (question,), question, steps, f'1/{2 ** n}'


def either_order(stream):
    """One of each of two colours, in any order, without replacement."""
    bag = Bag(stream, 2)
    a, b, n, m, total = bag.colours[0], bag.colours[1], bag.counts[0], bag.counts[1], bag.total
    middle = stream.pick((f'you draw two {bag.things} without replacement', f'two {bag.things} are drawn without replacement', 'you draw two without replacement'))
    event = stream.pick((f'one is {a} and the other is {b}', f'you get one {a} and one {b} {bag.one}', f'you draw one {a} and one {b} in any order'))
    product, whole = n * m, total * (total - 1)
    closing, answer = ending(2 * product, whole)
    steps = [bag.total_step(), f'{a.capitalize()} then {b}: {n}/{total} * {m}/{total - 1}.', f'{b.capitalize()} then {a}: {m}/{total} * {n}/{total - 1}.',
             f'{n} * {m} = {product} and {table_product(total, total - 1) if total > 10 else product_step(total, total - 1)}.',
             f'Both orders: 2 * {product}/{whole} = {2 * product}/{whole}.', *closing]
    return bag.key('either order'), join(stream, bag.opening(stream), middle, chance_of(stream, event)), steps, answer


def at_least_one(stream):
    """By the complement: 1 minus the chance of none, without replacement."""
    bag = Bag(stream, 2)
    while bag.total - bag.counts[0] < 2:
        bag = Bag(stream, 2)
    a, n, total = bag.colours[0], bag.counts[0], bag.total
    rest = total - n
    middle = stream.pick((f'you draw two {bag.things} without replacement', f'two {bag.things} are drawn without replacement', 'you draw two without replacement'))
    event = stream.pick((f'at least one is {a}', f'at least one {bag.one} is {a}', f'you get at least one {a} {bag.one}'))
    product, whole = rest * (rest - 1), total * (total - 1)
    closing, answer = ending(whole - product, whole)
    steps = [bag.total_step(), f'Not {a}: {total} - {n} = {rest}.',
             f'{table_product(rest, rest - 1) if rest > 10 else product_step(rest, rest - 1)} and {table_product(total, total - 1) if total > 10 else product_step(total, total - 1)}.',
             f'None {a}: {rest}/{total} * {rest - 1}/{total - 1} = {product}/{whole}.', f'{whole} - {product} = {whole - product}, so at least one {a}: {whole - product}/{whole}.', *closing]
    return bag.key('at least one'), join(stream, bag.opening(stream), middle, chance_of(stream, event)), steps, answer


FAMILIES = {'one_draw': (one_draw, 9), 'without_replacement': (without_replacement, 22), 'with_replacement': (with_replacement, 12),
            'either_order': (either_order, 6), 'at_least_one': (at_least_one, 6), 'dice': (dice, 3), 'coins': (coins, 2)}


def is_reserved(family, key):
    """Demonstration numbers: two draws from bags whose sorted counts are RESERVED."""
    if family not in ('without_replacement', 'with_replacement', 'either_order', 'at_least_one'):
        return False
    counts = [value for value in key if isinstance(value, int)]
    kinds = next(k for k in (2, 3) if sorted(counts[k:2 * k]) == counts[:k])
    return tuple(counts[:kinds]) in RESERVED
