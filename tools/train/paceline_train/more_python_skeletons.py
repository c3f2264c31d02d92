"""More of python_skeletons.py: memo variants, dictionaries, strings, small classes."""
from .python_skeletons import add

add('fibonacci_recursive', 'fibonacci fib recursive_fibonacci',
    'computes the nth Fibonacci number recursively | returns the nth Fibonacci number using recursion', '''
def {f}(n):
    if n < 2:
        return n
    return {f}(n - 1) + {f}(n - 2)
''', [('{f}(0)', '0'), ('{f}(10)', '55')])
add('fibonacci_cache', 'fibonacci fib cached_fibonacci',
    'computes the nth Fibonacci number with lru_cache | returns the nth Fibonacci number using functools.lru_cache', '''
from functools import lru_cache

@lru_cache(maxsize=None)
def {f}(n):
    if n < 2:
        return n
    return {f}(n - 1) + {f}(n - 2)
''', [('{f}(0)', '0'), ('{f}(40)', '102334155')])
add('factorial_memo', 'factorial fact factorial_memo',
    'computes the factorial of n using memoization | returns n factorial with memoization', '''
def {f}(n, memo=None):
    if memo is None:
        memo = {}
    if n in memo:
        return memo[n]
    if n <= 1:
        return 1
    memo[n] = n * {f}(n - 1, memo)
    return memo[n]
''', [('{f}(0)', '1'), ('{f}(6)', '720')])
add('fibonacci_generator', 'fibonacci_generator generate_fibonacci fib_gen',
    'yields the first n Fibonacci numbers | generates the first n Fibonacci numbers with a generator', '''
def {f}(n):
    a, b = 0, 1
    for _ in range(n):
        yield a
        a, b = b, a + b
''', [('list({f}(6))', '[0, 1, 1, 2, 3, 5]')])
add('group_by_length', 'group_by_length words_by_length by_length',
    'groups words by their length | returns a dictionary from length to the words of that length', '''
def {f}(words):
    groups = {}
    for word in words:
        groups.setdefault(len(word), []).append(word)
    return groups
''', [("{f}(['a', 'bb', 'c'])", "{1: ['a', 'c'], 2: ['bb']}")])
add('most_common', 'most_common most_frequent mode',
    'finds the most common element of a list | returns the item that occurs most often in a list', '''
def {f}(items):
    return max(set(items), key=items.count)
''', [('{f}([1, 2, 2, 3])', '2')])
add('is_sorted', 'is_sorted sorted_check check_sorted',
    'checks whether a list is sorted | returns True if a list is in ascending order', '''
def {f}(items):
    return all(a <= b for a, b in zip(items, items[1:]))
''', [('{f}([1, 2, 2])', 'True'), ('{f}([2, 1])', 'False')])
add('has_duplicates', 'has_duplicates contains_duplicates any_duplicates',
    'checks whether a list has duplicates | returns True if a list contains an element twice', '''
def {f}(items):
    return len(items) != len(set(items))
''', [('{f}([1, 2, 1])', 'True'), ('{f}([1, 2])', 'False')])
add('reverse_list', 'reverse_list reversed_list reverse_items',
    'reverses a list | returns a list in reverse order', '''
def {f}(items):
    return items[::-1]
''', [('{f}([1, 2, 3])', '[3, 2, 1]')])
add('reverse_words', 'reverse_words words_backwards reverse_word_order',
    'reverses the order of the words in a text | returns the words of a sentence in reverse order', '''
def {f}(text):
    return ' '.join(text.split()[::-1])
''', [("{f}('one two three')", "'three two one'")])
add('count_letter', 'count_letter count_char letter_count',
    'counts how often a letter occurs in a text | returns the number of times a character appears in a string', '''
def {f}(text, letter):
    return sum(1 for c in text if c == letter)
''', [("{f}('banana', 'a')", '3')])
add('swap_case', 'swap_case toggle_case invert_case',
    'swaps upper and lower case in a string | turns upper case letters into lower case and the other way round', '''
def {f}(text):
    return text.swapcase()
''', [("{f}('aBc')", "'AbC'")])
add('caesar', 'caesar caesar_cipher shift_letters',
    'shifts every letter of a text by {K} places | implements a Caesar cipher with a shift of {K}', '''
def {f}(text):
    result = ''
    for c in text.lower():
        if c.isalpha():
            result += chr((ord(c) - ord('a') + {K}) % 26 + ord('a'))
        else:
            result += c
    return result
''', [("{f}('a b')", "chr(97 + {K}) + ' ' + chr((1 + {K}) % 26 + 97)")], K=(1, 25))
add('starts_with', 'starts_with_vowel begins_with_vowel vowel_start',
    'checks whether a word starts with a vowel | returns True if a text begins with a vowel', '''
def {f}(text):
    return text[:1].lower() in tuple('aeiou')
''', [("{f}('Apple')", 'True'), ("{f}('tree')", 'False'), ("{f}('')", 'False')])
add('acronym', 'acronym make_acronym initials',
    'builds an acronym from the words of a text | returns the first letters of all words in upper case', '''
def {f}(text):
    return ''.join(word[0].upper() for word in text.split())
''', [("{f}('central processing unit')", "'CPU'")])
add('collatz', 'collatz collatz_steps count_collatz',
    'counts the Collatz steps until n becomes 1 | returns the number of Collatz steps of n', '''
def {f}(n):
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps
''', [('{f}(1)', '0'), ('{f}(6)', '8')])
add('is_perfect_square', 'is_perfect_square is_square perfect_square',
    'checks whether a number is a perfect square | returns True if n is a square number', '''
def {f}(n):
    root = int(n ** 0.5)
    return root * root == n
''', [('{f}(49)', 'True'), ('{f}(50)', 'False')])
add('divisors', 'divisors find_divisors list_divisors',
    'returns all divisors of n | lists the divisors of a number', '''
def {f}(n):
    return [d for d in range(1, n + 1) if n % d == 0]
''', [('{f}(12)', '[1, 2, 3, 4, 6, 12]')])
add('prime_factors', 'prime_factors factorize factors',
    'returns the prime factors of n | computes the prime factorization of a number', '''
def {f}(n):
    factors = []
    divisor = 2
    while divisor * divisor <= n:
        while n % divisor == 0:
            factors.append(divisor)
            n //= divisor
        divisor += 1
    if n > 1:
        factors.append(n)
    return factors
''', [('{f}(60)', '[2, 2, 3, 5]'), ('{f}(7)', '[7]')])
add('dot_product', 'dot_product dot inner_product',
    'computes the dot product of two lists | returns the dot product of two vectors', '''
def {f}(a, b):
    return sum(x * y for x, y in zip(a, b))
''', [('{f}([1, 2], [3, 4])', '11')])
add('filter_dict', 'filter_dict values_above keep_above',
    'keeps the entries of a dictionary whose value is greater than {K} | returns the items of a dictionary with values above {K}', '''
def {f}(mapping):
    return {key: value for key, value in mapping.items() if value > {K}}
''', [("{f}({'a': {K} + 1, 'b': 0})", "{'a': {K} + 1}")], K=(1, 99))
add('sort_dict', 'sort_dict sort_by_value order_by_value',
    'sorts a dictionary by value | returns the items of a dictionary sorted by value', '''
def {f}(mapping):
    return sorted(mapping.items(), key=lambda item: item[1])
''', [("{f}({'a': 2, 'b': 1})", "[('b', 1), ('a', 2)]")])
add('insertion_sort', 'insertion_sort sort_list insert_sort',
    'sorts a list with insertion sort | implements insertion sort', '''
def {f}(items):
    items = list(items)
    for i in range(1, len(items)):
        value = items[i]
        j = i - 1
        while j >= 0 and items[j] > value:
            items[j + 1] = items[j]
            j -= 1
        items[j + 1] = value
    return items
''', [('{f}([3, 1, 2])', '[1, 2, 3]')])
add('linear_search', 'linear_search find_index search',
    'finds the index of a value in a list | implements linear search', '''
def {f}(items, target):
    for i, item in enumerate(items):
        if item == target:
            return i
    return -1
''', [('{f}([4, 5, 6], 5)', '1'), ('{f}([], 1)', '-1')])
add('safe_divide', 'safe_divide divide safe_division',
    'divides two numbers and returns None on division by zero | divides a by b and handles division by zero', '''
def {f}(a, b):
    try:
        return a / b
    except ZeroDivisionError:
        return None
''', [('{f}(6, 3)', '2'), ('{f}(1, 0)', 'None')])
add('stack', 'Stack', 'implements a stack with push and pop', '''
class {f}:
    def __init__(self):
        self.items = []

    def push(self, item):
        self.items.append(item)

    def pop(self):
        return self.items.pop()

    def is_empty(self):
        return not self.items
''', [('(lambda s: (s.push(1), s.push(2), s.pop(), s.is_empty()))({f}())', '(None, None, 2, False)')])
add('temperature_table', 'seconds_to_time format_time to_time',
    'converts seconds to hours, minutes and seconds | turns a number of seconds into hours, minutes and seconds', '''
def {f}(seconds):
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return hours, minutes, seconds
''', [('{f}(3661)', '(1, 1, 1)')])
add('distance', 'distance euclidean_distance point_distance',
    'computes the distance between two points | returns the Euclidean distance of two points', '''
def {f}(a, b):
    return ((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5
''', [('{f}((0, 0), (3, 4))', '5')])
add('circle_area', 'circle_area area_of_circle area',
    'computes the area of a circle | returns the area of a circle with a given radius', '''
import math

def {f}(radius):
    return math.pi * radius ** 2
''', [('round({f}(2), 4)', '12.5664')])
add('zip_to_dict', 'to_dict make_dict lists_to_dict',
    'builds a dictionary from two lists | combines a list of keys and a list of values into a dictionary', '''
def {f}(keys, values):
    return dict(zip(keys, values))
''', [("{f}(['a', 'b'], [1, 2])", "{'a': 1, 'b': 2}")])
