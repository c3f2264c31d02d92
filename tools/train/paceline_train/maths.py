"""School arithmetic with every step written out. A family draws its numbers from the stream and returns
(parameters, question, steps, answer); the closing line is added by records.py. Small ranges and one small computation a line,
so that a model of a few million parameters can learn the procedure instead of guessing the result."""
from fractions import Fraction
from math import gcd, lcm

from . import words

PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23)


def fraction_text(top, bottom):
    return str(top) if bottom == 1 else f'{top}/{bottom}'


def reduction(top, bottom):
    """`30/90 = 15/45 = 5/15 = 1/3`: divide by the smallest common prime until none is left."""
    if top == 0:
        return (f'0/{bottom} = 0', 0, 1) if bottom != 1 else ('0', 0, 1)
    chain = [f'{top}/{bottom}']
    while gcd(top, bottom) > 1:
        prime = next(p for p in PRIMES + (gcd(top, bottom),) if top % p == 0 and bottom % p == 0)
        top, bottom = top // prime, bottom // prime
        chain.append(f'{top}/{bottom}')
    if bottom == 1 and len(chain) > 0:
        chain[-1] = str(top) if len(chain) > 1 else chain[-1]
        if len(chain) == 1:
            chain.append(str(top))
    return ' = '.join(chain), top, bottom


def column_sum(a, b):
    steps, carry, place = [], 0, 0
    while a // 10 ** place or b // 10 ** place:
        x, y = a // 10 ** place % 10, b // 10 ** place % 10
        total = x + y + carry
        label = ('Ones', 'Tens', 'Hundreds', 'Thousands')[place]
        middle = f'{x} + {y} + {carry}' if carry else f'{x} + {y}'
        carry = total // 10
        steps.append(f'{label}: {middle} = {total}' + (f', write {total % 10}, carry 1.' if carry else '.'))
        place += 1
    return steps


def column_difference(a, b):
    """Each column shows both digits before it decides whether to borrow."""
    steps, borrow, place = [], 0, 0
    while a // 10 ** place:
        digit, y = a // 10 ** place % 10, b // 10 ** place % 10
        label = ('Ones', 'Tens', 'Hundreds', 'Thousands')[place]
        x = digit - borrow
        lead = f'{label}: {digit} - 1 = {x}, {x} - {y}' if borrow else f'{label}: {x} - {y}'
        borrow = 1 if x < y else 0
        steps.append(lead + (f': {x} < {y}, borrow: {x + 10} - {y} = {x + 10 - y}.' if borrow else f' = {x - y}.'))
        place += 1
    return steps


def sum_lines(a, b):
    """a + b by columns, unless it is a sum of digits."""
    return column_sum(a, b) if max(a, b) > 9 else []


def difference_lines(a, b):
    return column_difference(a, b) if a > 9 else []


def ask(stream, expression):
    return stream.pick(('What is {}?', 'Calculate {}.', 'Work out {}.', 'Compute {}', 'How much is {}?', '{} = ?', 'what is {}',
                        'Find {}.', 'Evaluate {}.', 'Can you calculate {}?', 'Tell me what {} is.', 'Solve: {}')).format(expression)


def number(stream):
    return stream.between(1, 99) if stream.chance(60) else stream.between(10, 999)


def addition(stream):
    a, b = number(stream), number(stream)
    plain = ask(stream, f'{a} + {b}')
    question = plain if stream.chance(75) else stream.pick((f'Add {a} and {b}.', f'What is the sum of {a} and {b}?'))
    return (a, b), question, column_sum(a, b) + [f'So {a} + {b} = {a + b}.'], str(a + b)


def subtraction(stream):
    a, b = sorted((number(stream), number(stream)), reverse=True)
    plain = ask(stream, f'{a} - {b}')
    question = plain if stream.chance(75) else stream.pick((f'Subtract {b} from {a}.', f'What is the difference of {a} and {b}?'))
    return (a, b), question, column_difference(a, b) + [f'So {a} - {b} = {a - b}.'], str(a - b)


def product_step(a, b):
    """One line for a*b; b is a single digit or both are in the table."""
    if a <= 12 and b <= 12 or a % 10 == 0 or b == 1:
        return f'{a} * {b} = {a * b}'
    tens, ones = a // 10 * 10, a % 10
    return f'{a} * {b} = {tens} * {b} + {ones} * {b} = {tens * b} + {ones * b} = {a * b}'


def multiplication(stream):
    a, b = (stream.between(2, 12), stream.between(2, 12)) if stream.chance(45) else (stream.between(11, 99), stream.between(2, 9))
    plain = ask(stream, f'{a} * {b}')
    question = plain if stream.chance(70) else stream.pick((f'Multiply {a} by {b}.', f'What is the product of {a} and {b}?',
                                                            f'What is {a} times {b}?'))
    return (a, b), question, [product_step(a, b) + '.'], str(a * b)


def division(stream):
    b, quotient = stream.between(2, 12), stream.between(2, 12)
    a = b * quotient
    plain = ask(stream, f'{a} / {b}')
    question = plain if stream.chance(70) else stream.pick((f'Divide {a} by {b}.', f'What is {a} divided by {b}?'))
    return (a, b), question, [f'{quotient} * {b} = {a}, so {a} / {b} = {quotient}.'], str(quotient)


def simplify_fraction(stream):
    top, bottom, factor = stream.between(1, 11), stream.between(2, 12), stream.between(2, 9)
    top, bottom = top * factor, bottom * factor
    chain, x, y = reduction(top, bottom)
    question = stream.pick(('Simplify {}.', 'Reduce {} to lowest terms.', 'Write {} in simplest form.', 'What is {} in lowest terms?',
                            'simplify the fraction {}')).format(f'{top}/{bottom}')
    return (top, bottom), question, [chain + '.'], fraction_text(x, y)


def add_fractions(stream):
    b, d = stream.between(2, 10), stream.between(2, 10)
    a, c = stream.between(1, b - 1), stream.between(1, d - 1)
    common = lcm(b, d)
    x, y = a * common // b, c * common // d
    minus = stream.chance(40) and x > y
    sign, top = ('-', x - y) if minus else ('+', x + y)
    chain, p, q = reduction(top, common)
    steps = [f'The least common denominator of {b} and {d} is {common}.', f'{common} / {b} = {common // b} and {a} * {common // b} = {x}, so {a}/{b} = {x}/{common}.',
             f'{common} / {d} = {common // d} and {c} * {common // d} = {y}, so {c}/{d} = {y}/{common}.', f'{x} {sign} {y} = {top}, so the result is {top}/{common}.']
    steps.append(chain + '.' if ' = ' in chain else f'{top}/{common} is in lowest terms.')
    return (a, b, c, d, sign), ask(stream, f'{a}/{b} {sign} {c}/{d}'), steps, fraction_text(p, q)


def multiply_fractions(stream):
    b, d = stream.between(2, 10), stream.between(2, 10)
    a, c = stream.between(1, 9), stream.between(1, 9)
    chain, p, q = reduction(a * c, b * d)
    steps = [f'{a} * {c} = {a * c} and {b} * {d} = {b * d}, so the result is {a * c}/{b * d}.']
    steps.append(chain + '.' if ' = ' in chain else f'{a * c}/{b * d} is in lowest terms.')
    return (a, b, c, d), ask(stream, f'{a}/{b} * {c}/{d}'), steps, fraction_text(p, q)


def percent(stream):
    rate, base = stream.pick((5, 10, 15, 20, 25, 30, 40, 50, 60, 75, 80, 90)), stream.between(1, 20) * 20
    tenth = base // 10
    part = rate * base // 100
    if rate == 50:
        steps = [f'50% of {base} is one half: {base} / 2 = {part}.']
    elif rate in (25, 75):
        quarter = base // 4
        steps = [f'25% of {base} is one quarter: {base} / 4 = {quarter}.']
        steps += [f'75% is 3 * {quarter} = {part}.'] if rate == 75 else []
    elif rate in (5, 15):
        steps = [f'10% of {base} is {tenth}.', f'5% is {tenth} / 2 = {tenth // 2}.']
        steps += [f'15% is {tenth} + {tenth // 2} = {part}.'] if rate == 15 else []
    else:
        steps = [f'10% of {base} is {tenth}.'] + ([f'{rate}% is {rate // 10} * {tenth} = {part}.'] if rate > 10 else [])
    kind = stream.below(4)
    if kind < 2:
        return ('of', rate, base), ask(stream, f'{rate}% of {base}'), steps, str(part)
    name, thing = stream.pick(words.NAMES), stream.pick(('coat', 'bike', 'phone', 'table', 'lamp', 'bag'))
    if kind == 2:
        question = stream.pick((f'A {thing} costs ${base}. It is {rate}% off. What is the new price?',
                                f'{name} buys a {thing} for ${base} with a discount of {rate}%. How much does {name} pay?'))
        return ('off', rate, base), question, steps + [f'New price: {base} - {part} = {base - part}.'], f'${base - part}'
    question = stream.pick((f'A {thing} costs ${base}. The price goes up by {rate}%. What is the new price?',
                            f'The price of a {thing} was ${base} and rises by {rate}%. What does it cost now?'))
    return ('up', rate, base), question, steps + [f'New price: {base} + {part} = {base + part}.'], f'${base + part}'


def linear_equation(stream):
    a, x, b = stream.between(2, 9), stream.between(1, 12), stream.between(1, 20)
    minus = stream.chance(40)
    c = a * x - b if minus else a * x + b
    letter = stream.pick('xxxyn')
    sign, inverse, verb = ('-', '+', 'Add') if minus else ('+', '-', 'Subtract')
    right = f'{c} {inverse} {b}' if c >= 0 else f'{c} + {b}'
    side = 'to' if minus else 'from'
    columns = sum_lines(c, b) if minus and c >= 0 else difference_lines(c, b) if not minus else []
    steps = [f'{verb} {b} {side} both sides: {a}{letter} = {right}.', *columns, f'{a}{letter} = {a * x}.', f'Divide both sides by {a}: {letter} = {a * x} / {a} = {x}.']
    question = stream.pick(('Solve {} for {}.', 'Solve the equation {} for {}.', 'If {}, what is {}?', 'Find {1} if {0}.',
                            'solve {}, find {}')).format(f'{a}{letter} {sign} {b} = {c}', letter)
    return (a, x, b, sign), question, steps, f'{letter} = {x}'


def mean(stream):
    count = stream.between(3, 5)
    while True:
        values = [stream.between(1, 20) for _ in range(count)]
        if sum(values) % count == 0:
            break
    total, steps = values[0], []
    for value in values[1:]:
        steps.append(f'{total} + {value} = {total + value}')
        total += value
    text = ', '.join(map(str, values[:-1])) + f' and {values[-1]}'
    question = stream.pick(('What is the mean of {}?', 'Find the average of {}.', 'What is the average of {}?', 'Calculate the mean of {}.')).format(text)
    lines = ['Sum: ' + ', '.join(steps) + '.', f'There are {count} numbers.', f'Mean: {total} / {count} = {total // count}.']
    return tuple(values), question, lines, str(total // count)


def gain_story(stream):
    a, b, name, thing = stream.between(5, 60), stream.between(2, 40), stream.pick(words.NAMES), stream.pick(words.OBJECTS)
    other = stream.pick([n for n in words.NAMES if n != name])
    if stream.chance(50) or b >= a:
        question = stream.pick((f'{name} has {a} {thing} and gets {b} more. How many {thing} does {name} have now?',
                                f'{name} has {a} {thing}. {other} gives {name} {b} more. How many {thing} does {name} have?',
                                f'There are {a} {thing} in a box. {name} adds {b} {thing}. How many {thing} are in the box?'))
        return ('gain', a, b), question, [f'Add {a} + {b}.', *sum_lines(a, b), f'So {a} + {b} = {a + b}.'], str(a + b)
    question = stream.pick((f'{name} has {a} {thing} and gives {b} to {other}. How many {thing} are left?',
                            f'{name} had {a} {thing} and lost {b} of them. How many {thing} does {name} have now?',
                            f'There are {a} {thing} on a table. {name} takes {b}. How many {thing} remain?'))
    return ('lose', a, b), question, [f'Subtract {a} - {b}.', *difference_lines(a, b), f'So {a} - {b} = {a - b}.'], str(a - b)


def times_story(stream):
    a, b, name, thing = stream.between(2, 12), stream.between(2, 12), stream.pick(words.NAMES), stream.pick(words.OBJECTS)
    if stream.chance(50):
        question = stream.pick((f'{name} has {a} boxes with {b} {thing} each. How many {thing} is that in total?',
                                f'One of the {thing} costs ${b}. How many dollars do {a} {thing} cost?',
                                f'{name} buys {b} {thing} every day. How many {thing} after {a} days?'))
        return ('times', a, b), question, [f'Multiply: {a} * {b} = {a * b}.'], str(a * b)
    question = stream.pick((f'{name} shares {a * b} {thing} equally among {a} friends. How many {thing} does each friend get?',
                            f'{a * b} {thing} are put into {a} boxes, the same number in each. How many {thing} are in one box?'))
    return ('share', a, b), question, [f'Divide: {a * b} / {a} = {b}.'], str(b)


def two_step_story(stream):
    a, b, c = stream.between(2, 10), stream.between(2, 10), stream.between(1, 20)
    name, thing = stream.pick(words.NAMES), stream.pick(words.OBJECTS)
    if stream.chance(50) or c >= a * b:
        question = stream.pick((f'{name} buys {a} packs of {b} {thing} and already has {c} {thing}. How many {thing} does {name} have?',
                                f'{name} has {c} {thing} and buys {a} bags with {b} {thing} each. How many {thing} is that in total?'))
        return ('more', a, b, c), question, [f'Multiply: {a} * {b} = {a * b}.', f'Add {a * b} + {c}.', *sum_lines(a * b, c),
                                                    f'So {a * b} + {c} = {a * b + c}.'], str(a * b + c)
    question = stream.pick((f'{name} has {a} packs of {b} {thing} and gives away {c} {thing}. How many {thing} are left?',
                            f'There are {a} boxes with {b} {thing} each. {name} takes {c} {thing}. How many {thing} remain?'))
    return ('less', a, b, c), question, [f'Multiply: {a} * {b} = {a * b}.', f'Subtract {a * b} - {c}.', *difference_lines(a * b, c),
                                                f'So {a * b} - {c} = {a * b - c}.'], str(a * b - c)


FAMILIES = {'addition': (addition, 7), 'subtraction': (subtraction, 7), 'multiplication': (multiplication, 7), 'division': (division, 4),
            'simplify_fraction': (simplify_fraction, 7), 'add_fractions': (add_fractions, 8), 'multiply_fractions': (multiply_fractions, 5),
            'percent': (percent, 8), 'linear_equation': (linear_equation, 7), 'mean': (mean, 5), 'gain_story': (gain_story, 5),
            'times_story': (times_story, 5), 'two_step_story': (two_step_story, 5)}
