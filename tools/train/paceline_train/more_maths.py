"""More school exercises in the same form as maths.py: order of operations, rectangles, common divisors, sequences, powers."""
from math import gcd, lcm

from . import words
from .maths import ask, difference_lines, product_step, sum_lines


def order_of_operations(stream):
    a, b, c = stream.between(1, 30), stream.between(2, 10), stream.between(2, 10)
    kind = stream.below(4)
    if kind == 0:
        return ('a+bc', a, b, c), ask(stream, f'{a} + {b} * {c}'), [f'Multiply first: {b} * {c} = {b * c}.', f'Add {a} + {b * c}.', *sum_lines(a, b * c), f'So {a} + {b * c} = {a + b * c}.'], str(a + b * c)
    if kind == 1:
        return ('bc+a', a, b, c), ask(stream, f'{b} * {c} + {a}'), [f'Multiply first: {b} * {c} = {b * c}.', f'Add {b * c} + {a}.', *sum_lines(b * c, a), f'So {b * c} + {a} = {a + b * c}.'], str(a + b * c)
    if kind == 2:
        a = min(a, b * c)
        return ('bc-a', a, b, c), ask(stream, f'{b} * {c} - {a}'), [f'Multiply first: {b} * {c} = {b * c}.', f'Subtract {b * c} - {a}.', *difference_lines(b * c, a), f'So {b * c} - {a} = {b * c - a}.'], str(b * c - a)
    a = stream.between(1, 10)
    total = a + b
    return ('(a+b)c', a, b, c), ask(stream, f'({a} + {b}) * {c}'), [f'Brackets first: {a} + {b} = {total}.', f'Multiply: {product_step(total, c)}.'], str(total * c)


def rectangle(stream):
    a, b = stream.between(2, 12), stream.between(2, 12)
    thing = stream.pick(('rectangle', 'garden', 'room', 'field', 'table top'))
    opening = stream.pick((f'A {thing} is {a} m long and {b} m wide.', f'A {thing} has sides of {a} m and {b} m.', f'The sides of a {thing} are {a} m and {b} m.'))
    if stream.chance(50):
        question = stream.pick(('What is its area?', 'Find the area.', 'How large is its area?'))
        return ('area', a, b), f'{opening} {question}', [f'Area: {a} * {b} = {a * b}.'], f'{a * b} square metres'
    question = stream.pick(('What is its perimeter?', 'Find the perimeter.', 'How long is its perimeter?'))
    return ('perimeter', a, b), f'{opening} {question}', [f'Half the perimeter: {a} + {b} = {a + b}.', f'Perimeter: 2 * {a + b} = {2 * (a + b)}.'], f'{2 * (a + b)} m'


def common_divisor(stream):
    factor = stream.between(1, 12)
    a, b = factor * stream.between(2, 9), factor * stream.between(2, 9)
    while a == b:
        b = factor * stream.between(2, 9)
    steps, x, y = [], max(a, b), min(a, b)
    while y:
        steps.append(f'{x} = {x // y} * {y} + {x % y}.')
        x, y = y, x % y
    steps.append(f'The last remainder that is not 0 is {x}.' if len(steps) > 1 else f'The remainder is 0, so the divisor is {x}.')
    question = stream.pick(('What is the greatest common divisor of {} and {}?', 'Find the gcd of {} and {}.', 'gcd of {} and {}',
                            'What is the largest number that divides both {} and {}?')).format(a, b)
    return (a, b), question, steps, str(gcd(a, b))


def common_multiple(stream):
    a, b = stream.between(2, 12), stream.between(2, 12)
    while a == b:
        b = stream.between(2, 12)
    larger, smaller, common = max(a, b), min(a, b), lcm(a, b)
    multiples = list(range(larger, common + 1, larger))
    steps = [f'Multiples of {larger}: {", ".join(map(str, multiples))}.', f'{common} is the first one that {smaller} divides: {common} / {smaller} = {common // smaller}.']
    question = stream.pick(('What is the least common multiple of {} and {}?', 'Find the lcm of {} and {}.', 'lcm of {} and {}')).format(a, b)
    return (a, b), question, steps, str(common)


def next_term(stream):
    first, step, count = stream.between(1, 30), stream.between(2, 12), stream.between(3, 5)
    terms = [first + i * step for i in range(count)]
    listed = ', '.join(map(str, terms))
    question = stream.pick(('What comes next: {}?', 'What is the next number in the sequence {}?', 'Find the next term: {}, ...', 'Continue the sequence: {}')).format(listed)
    return tuple(terms), question, [f'The difference is {terms[1]} - {terms[0]} = {step}.', f'Next: {terms[-1]} + {step} = {terms[-1] + step}.'], str(terms[-1] + step)


def power(stream):
    base, exponent = (stream.between(2, 12), 2) if stream.chance(60) else (stream.between(2, 5), 3) if stream.chance(60) else (2, stream.between(4, 10))
    steps, value = [], base
    for _ in range(exponent - 1):
        steps.append(f'{value} * {base} = {value * base}.')
        value *= base
    written = stream.pick((f'{base}^{exponent}', f'{base} to the power of {exponent}', f'{base} squared' if exponent == 2 else f'{base}^{exponent}'))
    question = ask(stream, written)
    return (base, exponent, question), question, steps, str(value)


def unit_price(stream):
    count, each = stream.between(2, 12), stream.between(2, 12)
    other, thing, name = stream.between(2, 12), stream.pick(words.OBJECTS), stream.pick(words.NAMES)
    question = stream.pick((f'{count} {thing} cost ${count * each}. How much do {other} {thing} cost?', f'{name} pays ${count * each} for {count} {thing}. What do {other} {thing} cost?'))
    return (count, each, other), question, [f'One costs {count * each} / {count} = {each}.', f'{other} cost {other} * {each} = {other * each}.'], f'${other * each}'


def three_numbers(stream):
    a, b, c = (stream.between(1, 60) for _ in range(3))
    question = stream.pick((f'What is {a} + {b} + {c}?', f'Add {a}, {b} and {c}.', f'Calculate {a} + {b} + {c}.', f'What is the sum of {a}, {b} and {c}?'))
    return (a, b, c), question, [f'Add {a} + {b}.', *sum_lines(a, b), f'So {a} + {b} = {a + b}.', f'Add {a + b} + {c}.', *sum_lines(a + b, c), f'So {a + b} + {c} = {a + b + c}.'], str(a + b + c)


FAMILIES = {'order_of_operations': (order_of_operations, 4), 'rectangle': (rectangle, 3), 'common_divisor': (common_divisor, 3),
            'common_multiple': (common_multiple, 2), 'next_term': (next_term, 3), 'power': (power, 3), 'unit_price': (unit_price, 3),
            'three_numbers': (three_numbers, 3)}
