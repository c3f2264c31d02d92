"""Small Python functions: names to draw from, descriptions, code, and checks. `{f}` is the function's name and upper-case words in
braces are numbers drawn for the record. Each check is (call, expected) as expressions; the first line of a record's code is its
def line. Written for this project; HumanEval and MBPP were not looked at."""

# (id, names, descriptions, code, checks, numbers)
SKELETONS = []


def add(identity, names, descriptions, code, checks, **numbers):
    SKELETONS.append((identity, names.split(), descriptions.split(' | '), code.strip('\n'), checks, numbers))


add('fibonacci_memo', 'fibonacci fib nth_fibonacci fibonacci_memo',
    'computes the nth Fibonacci number using memoization | returns the nth Fibonacci number with memoization | calculates the n-th Fibonacci number using memoization | computes the Fibonacci number at position n with a cache | finds the nth Fibonacci number with a memo dictionary', '''
def {f}(n, memo=None):
    if memo is None:
        memo = {}
    if n in memo:
        return memo[n]
    if n < 2:
        return n
    memo[n] = {f}(n - 1, memo) + {f}(n - 2, memo)
    return memo[n]
''', [('{f}(0)', '0'), ('{f}(1)', '1'), ('{f}(10)', '55'), ('{f}(30)', '832040')])
add('fibonacci_loop', 'fibonacci fib nth_fibonacci',
    'computes the nth Fibonacci number with a loop | returns the nth Fibonacci number iteratively | calculates the nth Fibonacci number without recursion', '''
def {f}(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a
''', [('{f}(0)', '0'), ('{f}(7)', '13'), ('{f}(10)', '55')])
add('fibonacci_list', 'fibonacci_list first_fibonacci fib_numbers',
    'returns a list of the first n Fibonacci numbers | builds the list of the first n Fibonacci numbers', '''
def {f}(n):
    numbers = []
    a, b = 0, 1
    for _ in range(n):
        numbers.append(a)
        a, b = b, a + b
    return numbers
''', [('{f}(0)', '[]'), ('{f}(7)', '[0, 1, 1, 2, 3, 5, 8]')])
add('factorial', 'factorial fact compute_factorial',
    'computes the factorial of n | returns n factorial | calculates the factorial of a number', '''
def {f}(n):
    result = 1
    for i in range(2, n + 1):
        result *= i
    return result
''', [('{f}(0)', '1'), ('{f}(5)', '120'), ('{f}(10)', '3628800')])
add('factorial_recursive', 'factorial fact recursive_factorial',
    'computes the factorial of n recursively | returns n factorial using recursion', '''
def {f}(n):
    if n <= 1:
        return 1
    return n * {f}(n - 1)
''', [('{f}(0)', '1'), ('{f}(5)', '120')])
add('is_prime', 'is_prime prime check_prime',
    'checks whether a number is prime | returns True if n is prime | tests if a number is a prime number | tells whether n is prime', '''
def {f}(n):
    if n < 2:
        return False
    divisor = 2
    while divisor * divisor <= n:
        if n % divisor == 0:
            return False
        divisor += 1
    return True
''', [('{f}(1)', 'False'), ('{f}(2)', 'True'), ('{f}(49)', 'False'), ('{f}(97)', 'True')])
add('primes_up_to', 'primes_up_to list_primes primes sieve',
    'returns all primes up to n | lists the prime numbers up to n | finds all prime numbers not greater than n with a sieve', '''
def {f}(n):
    is_prime = [True] * (n + 1)
    primes = []
    for number in range(2, n + 1):
        if is_prime[number]:
            primes.append(number)
            for multiple in range(number * number, n + 1, number):
                is_prime[multiple] = False
    return primes
''', [('{f}(1)', '[]'), ('{f}(20)', '[2, 3, 5, 7, 11, 13, 17, 19]')])
add('gcd', 'gcd greatest_common_divisor common_divisor',
    'computes the greatest common divisor of two numbers | returns the gcd of a and b | finds the greatest common divisor with the Euclidean algorithm', '''
def {f}(a, b):
    while b:
        a, b = b, a % b
    return a
''', [('{f}(12, 18)', '6'), ('{f}(7, 5)', '1'), ('{f}(10, 0)', '10')])
add('lcm', 'lcm least_common_multiple common_multiple',
    'computes the least common multiple of two numbers | returns the lcm of a and b', '''
def {f}(a, b):
    x, y = a, b
    while y:
        x, y = y, x % y
    return a * b // x
''', [('{f}(4, 6)', '12'), ('{f}(5, 7)', '35')])
add('reverse_string', 'reverse_string reverse reversed_text',
    'reverses a string | returns the reverse of a string | returns a text backwards', '''
def {f}(text):
    return text[::-1]
''', [("{f}('abc')", "'cba'"), ("{f}('')", "''")])
add('is_palindrome', 'is_palindrome palindrome check_palindrome',
    'checks whether a string is a palindrome | returns True if a text reads the same backwards | tests if a word is a palindrome', '''
def {f}(text):
    cleaned = [c.lower() for c in text if c.isalnum()]
    return cleaned == cleaned[::-1]
''', [("{f}('Level')", 'True'), ("{f}('abc')", 'False')])
add('count_vowels', 'count_vowels vowels number_of_vowels',
    'counts the vowels in a string | returns the number of vowels in a text', '''
def {f}(text):
    return sum(1 for c in text.lower() if c in 'aeiou')
''', [("{f}('Hello')", '2'), ("{f}('xyz')", '0')])
add('count_words', 'count_words word_count number_of_words',
    'counts the words in a text | returns the number of words in a string', '''
def {f}(text):
    return len(text.split())
''', [("{f}('a b  c')", '3'), ("{f}('')", '0')])
add('word_frequency', 'word_frequency count_each_word word_counts',
    'counts how often each word occurs in a text | returns a dictionary with the number of times each word appears', '''
def {f}(text):
    counts = {}
    for word in text.lower().split():
        counts[word] = counts.get(word, 0) + 1
    return counts
''', [("{f}('a b A')", "{'a': 2, 'b': 1}")])
add('char_frequency', 'char_frequency count_characters letter_counts',
    'counts how often each character occurs in a string | returns a dictionary of character counts', '''
def {f}(text):
    counts = {}
    for character in text:
        counts[character] = counts.get(character, 0) + 1
    return counts
''', [("{f}('aab')", "{'a': 2, 'b': 1}")])
add('capitalize_words', 'capitalize_words title_words capitalize_all',
    'capitalizes every word of a text | makes the first letter of each word upper case', '''
def {f}(text):
    return ' '.join(word.capitalize() for word in text.split())
''', [("{f}('hello big world')", "'Hello Big World'")])
add('longest_word', 'longest_word find_longest_word longest',
    'finds the longest word in a text | returns the longest word of a string', '''
def {f}(text):
    return max(text.split(), key=len)
''', [("{f}('a bcd ef')", "'bcd'")])
add('remove_vowels', 'remove_vowels without_vowels strip_vowels',
    'removes all vowels from a string | returns a text without its vowels', '''
def {f}(text):
    return ''.join(c for c in text if c.lower() not in 'aeiou')
''', [("{f}('Hello')", "'Hll'")])
add('is_anagram', 'is_anagram are_anagrams anagram',
    'checks whether two strings are anagrams | returns True if two words are anagrams of each other', '''
def {f}(a, b):
    return sorted(a.lower()) == sorted(b.lower())
''', [("{f}('Listen', 'Silent')", 'True'), ("{f}('ab', 'cd')", 'False')])
add('sum_list', 'sum_list total add_all',
    'returns the sum of a list of numbers | adds up all numbers in a list | computes the sum of the numbers in a list', '''
def {f}(numbers):
    total = 0
    for number in numbers:
        total += number
    return total
''', [('{f}([1, 2, 3])', '6'), ('{f}([])', '0')])
add('product_list', 'product_list product multiply_all',
    'returns the product of a list of numbers | multiplies all numbers in a list', '''
def {f}(numbers):
    product = 1
    for number in numbers:
        product *= number
    return product
''', [('{f}([2, 3, 4])', '24'), ('{f}([])', '1')])
add('mean_list', 'mean average compute_average',
    'computes the mean of a list of numbers | returns the average of a list of numbers', '''
def {f}(numbers):
    if not numbers:
        raise ValueError('the list is empty')
    return sum(numbers) / len(numbers)
''', [('{f}([1, 2, 3])', '2'), ('{f}([5])', '5')])
add('median_list', 'median find_median compute_median',
    'computes the median of a list of numbers | returns the median of a list', '''
def {f}(numbers):
    ordered = sorted(numbers)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2
''', [('{f}([3, 1, 2])', '2'), ('{f}([4, 1, 2, 3])', '2.5')])
add('max_list', 'find_max largest maximum',
    'finds the largest number in a list | returns the maximum of a list without using max', '''
def {f}(numbers):
    largest = numbers[0]
    for number in numbers[1:]:
        if number > largest:
            largest = number
    return largest
''', [('{f}([3, 9, 2])', '9'), ('{f}([-5])', '-5')])
add('min_list', 'find_min smallest minimum',
    'finds the smallest number in a list | returns the minimum of a list without using min', '''
def {f}(numbers):
    smallest = numbers[0]
    for number in numbers[1:]:
        if number < smallest:
            smallest = number
    return smallest
''', [('{f}([3, 1, 2])', '1')])
add('second_largest', 'second_largest second_max find_second_largest',
    'finds the second largest number in a list | returns the second largest distinct number of a list', '''
def {f}(numbers):
    return sorted(set(numbers))[-2]
''', [('{f}([1, 5, 3, 5])', '3')])
add('unique', 'unique remove_duplicates deduplicate',
    'removes duplicates from a list and keeps the order | returns the list without duplicates in the same order', '''
def {f}(items):
    seen = set()
    result = []
    for item in items:
        if item not in seen:
            seen.add(item)
            result.append(item)
    return result
''', [('{f}([1, 2, 1, 3, 2])', '[1, 2, 3]')])
add('flatten', 'flatten flatten_list flat',
    'flattens a list of lists | turns a nested list of lists into one list', '''
def {f}(lists):
    return [item for inner in lists for item in inner]
''', [('{f}([[1, 2], [], [3]])', '[1, 2, 3]')])
add('flatten_deep', 'flatten_deep deep_flatten flatten_nested',
    'flattens a list nested to any depth | flattens an arbitrarily nested list', '''
def {f}(items):
    result = []
    for item in items:
        if isinstance(item, list):
            result.extend({f}(item))
        else:
            result.append(item)
    return result
''', [('{f}([1, [2, [3, [4]]]])', '[1, 2, 3, 4]')])
add('chunks', 'chunks split_list chunk_list',
    'splits a list into chunks of {K} elements | cuts a list into pieces of length {K}', '''
def {f}(items):
    return [items[i:i + {K}] for i in range(0, len(items), {K})]
''', [('{f}(list(range(7)))', '[list(range(7))[i:i + {K}] for i in range(0, 7, {K})]')], K=(2, 9))
add('chunks_size', 'chunks split_into_chunks chunk_list',
    'splits a list into chunks of a given size | cuts a list into pieces of n elements', '''
def {f}(items, size):
    return [items[i:i + size] for i in range(0, len(items), size)]
''', [('{f}([1, 2, 3, 4, 5], 2)', '[[1, 2], [3, 4], [5]]')])
add('first_elements', 'first_elements take_first head',
    'returns the first {K} elements of a list | takes the first {K} items of a list', '''
def {f}(items):
    return items[:{K}]
''', [('{f}(list(range(30)))', 'list(range({K}))')], K=(2, 20))
add('last_elements', 'last_elements take_last tail',
    'returns the last {K} elements of a list | takes the last {K} items of a list', '''
def {f}(items):
    return items[-{K}:]
''', [('{f}(list(range(30)))', 'list(range(30))[-{K}:]')], K=(2, 20))
add('every_nth', 'every_nth take_every every',
    'returns every {K}th element of a list | takes every {K}th item of a list', '''
def {f}(items):
    return items[::{K}]
''', [('{f}(list(range(40)))', 'list(range(0, 40, {K}))')], K=(4, 19))
add('divisible', 'is_divisible divisible divides',
    'checks whether a number is divisible by {K} | returns True if n is divisible by {K} | tests if {K} divides n', '''
def {f}(n):
    return n % {K} == 0
''', [('{f}({K} * 7)', 'True'), ('{f}({K} * 7 + 1)', 'False')], K=(2, 40))
add('multiples', 'multiples list_multiples find_multiples',
    'returns a list of the multiples of {K} up to n | lists all multiples of {K} not greater than n', '''
def {f}(n):
    return list(range({K}, n + 1, {K}))
''', [('{f}(100)', '[x for x in range(1, 101) if x % {K} == 0]')], K=(2, 40))
add('greater_than', 'greater_than above filter_large',
    'returns the numbers of a list that are greater than {K} | keeps only the numbers above {K} in a list', '''
def {f}(numbers):
    return [number for number in numbers if number > {K}]
''', [('{f}([0, {K}, {K} + 1, 500])', '[{K} + 1, 500]')], K=(1, 99))
add('less_than', 'less_than below filter_small',
    'returns the numbers of a list that are less than {K} | keeps only the numbers below {K} in a list', '''
def {f}(numbers):
    return [number for number in numbers if number < {K}]
''', [('{f}([0, {K}, {K} - 1, 500])', '[0, {K} - 1]')], K=(2, 99))
add('count_greater', 'count_greater count_above how_many_above',
    'counts how many numbers in a list are greater than {K} | returns how many elements of a list are above {K}', '''
def {f}(numbers):
    return sum(1 for number in numbers if number > {K})
''', [('{f}([0, {K}, {K} + 1, 500])', '2')], K=(1, 99))
add('add_number', 'add_number increase shift',
    'adds {K} to every number in a list | returns a list with {K} added to each element', '''
def {f}(numbers):
    return [number + {K} for number in numbers]
''', [('{f}([1, 2])', '[1 + {K}, 2 + {K}]')], K=(1, 99))
add('multiply_number', 'multiply_number scale times',
    'multiplies every number in a list by {K} | returns a list with each element times {K}', '''
def {f}(numbers):
    return [number * {K} for number in numbers]
''', [('{f}([1, 2])', '[{K}, 2 * {K}]')], K=(2, 99))
add('repeat', 'repeat repeat_text repeat_string',
    'repeats a string {K} times | returns a text repeated {K} times', '''
def {f}(text):
    return text * {K}
''', [("{f}('ab')", "'ab' * {K}")], K=(2, 40))
add('power', 'power raise_power to_the_power',
    'raises a number to the power {K} | returns x to the power of {K}', '''
def {f}(x):
    return x ** {K}
''', [('{f}(2)', '2 ** {K}'), ('{f}(3)', '3 ** {K}')], K=(2, 20))
add('longer_words', 'longer_words long_words words_longer',
    'returns the words of a text that are longer than {K} letters | finds all words with more than {K} letters', '''
def {f}(text):
    return [word for word in text.split() if len(word) > {K}]
''', [("{f}('a bbbbbbbbbbbbbbbbbbbbb cc')", "['bbbbbbbbbbbbbbbbbbbbb']")], K=(2, 15))
add('truncate', 'truncate shorten cut_text',
    'cuts a string to at most {K} characters | shortens a text to {K} characters', '''
def {f}(text):
    return text[:{K}]
''', [("{f}('x' * 200)", "'x' * {K}")], K=(2, 99))
add('clamp', 'clamp limit clip',
    'limits a number to the range from {A} to {B} | clamps a value between {A} and {B}', '''
def {f}(value):
    return max({A}, min({B}, value))
''', [('{f}(-5)', '{A}'), ('{f}(1000)', '{B}'), ('{f}({A} + 1)', '{A} + 1')], A=(0, 9), B=(11, 99))
add('sum_up_to', 'sum_up_to sum_numbers sum_first',
    'returns the sum of the numbers from 1 to n | adds the integers from 1 to n', '''
def {f}(n):
    return n * (n + 1) // 2
''', [('{f}(10)', '55'), ('{f}(1)', '1')])
add('sum_digits', 'sum_digits digit_sum add_digits',
    'computes the sum of the digits of a number | returns the digit sum of n', '''
def {f}(n):
    return sum(int(digit) for digit in str(abs(n)))
''', [('{f}(123)', '6'), ('{f}(-45)', '9')])
add('count_digits', 'count_digits number_of_digits digit_count',
    'counts the digits of a number | returns the number of digits of n', '''
def {f}(n):
    return len(str(abs(n)))
''', [('{f}(123)', '3'), ('{f}(0)', '1')])
add('squares', 'squares square_list list_squares',
    'returns a list of the squares of the numbers from 1 to n | lists the first n square numbers', '''
def {f}(n):
    return [i * i for i in range(1, n + 1)]
''', [('{f}(4)', '[1, 4, 9, 16]')])
add('square_each', 'square_each square_all square_numbers',
    'squares every number in a list | returns the squares of the numbers in a list', '''
def {f}(numbers):
    return [number ** 2 for number in numbers]
''', [('{f}([1, 2, 3])', '[1, 4, 9]')])
add('even_numbers', 'even_numbers filter_even evens',
    'returns the even numbers of a list | keeps only the even numbers in a list | filters the even numbers out of a list', '''
def {f}(numbers):
    return [number for number in numbers if number % 2 == 0]
''', [('{f}([1, 2, 3, 4])', '[2, 4]')])
add('odd_numbers', 'odd_numbers filter_odd odds',
    'returns the odd numbers of a list | keeps only the odd numbers in a list', '''
def {f}(numbers):
    return [number for number in numbers if number % 2 != 0]
''', [('{f}([1, 2, 3, 4])', '[1, 3]')])
add('is_even', 'is_even even check_even',
    'checks whether a number is even | returns True if n is even', '''
def {f}(n):
    return n % 2 == 0
''', [('{f}(4)', 'True'), ('{f}(7)', 'False')])
add('is_leap_year', 'is_leap_year leap_year check_leap_year',
    'checks whether a year is a leap year | returns True if a year is a leap year', '''
def {f}(year):
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
''', [('{f}(2000)', 'True'), ('{f}(1900)', 'False'), ('{f}(2024)', 'True')])
add('fizzbuzz', 'fizzbuzz fizz_buzz',
    'returns the FizzBuzz list up to n | implements FizzBuzz for the numbers from 1 to n', '''
def {f}(n):
    result = []
    for i in range(1, n + 1):
        if i % 15 == 0:
            result.append('FizzBuzz')
        elif i % 3 == 0:
            result.append('Fizz')
        elif i % 5 == 0:
            result.append('Buzz')
        else:
            result.append(str(i))
    return result
''', [('{f}(5)', "['1', '2', 'Fizz', '4', 'Buzz']"), ('{f}(15)[-1]', "'FizzBuzz'")])
add('celsius', 'celsius_to_fahrenheit to_fahrenheit fahrenheit',
    'converts Celsius to Fahrenheit | converts a temperature from Celsius to Fahrenheit', '''
def {f}(celsius):
    return celsius * 9 / 5 + 32
''', [('{f}(0)', '32'), ('{f}(100)', '212')])
add('fahrenheit', 'fahrenheit_to_celsius to_celsius celsius',
    'converts Fahrenheit to Celsius | converts a temperature from Fahrenheit to Celsius', '''
def {f}(fahrenheit):
    return (fahrenheit - 32) * 5 / 9
''', [('{f}(32)', '0'), ('{f}(212)', '100')])
add('binary_search', 'binary_search find_index search',
    'implements binary search on a sorted list | finds the index of a value in a sorted list with binary search', '''
def {f}(items, target):
    low, high = 0, len(items) - 1
    while low <= high:
        middle = (low + high) // 2
        if items[middle] == target:
            return middle
        if items[middle] < target:
            low = middle + 1
        else:
            high = middle - 1
    return -1
''', [('{f}([1, 3, 5, 7], 5)', '2'), ('{f}([1, 3], 2)', '-1')])
add('bubble_sort', 'bubble_sort sort_list bubble',
    'sorts a list with bubble sort | implements bubble sort', '''
def {f}(items):
    items = list(items)
    for end in range(len(items) - 1, 0, -1):
        for i in range(end):
            if items[i] > items[i + 1]:
                items[i], items[i + 1] = items[i + 1], items[i]
    return items
''', [('{f}([3, 1, 2])', '[1, 2, 3]'), ('{f}([])', '[]')])
add('quicksort', 'quicksort quick_sort sort_list',
    'sorts a list with quicksort | implements quicksort', '''
def {f}(items):
    if len(items) <= 1:
        return items
    pivot = items[0]
    smaller = [x for x in items[1:] if x < pivot]
    larger = [x for x in items[1:] if x >= pivot]
    return {f}(smaller) + [pivot] + {f}(larger)
''', [('{f}([3, 1, 2, 3])', '[1, 2, 3, 3]')])
add('merge_sorted', 'merge_sorted merge merge_lists',
    'merges two sorted lists into one sorted list | combines two sorted lists into a sorted list', '''
def {f}(a, b):
    result = []
    i = j = 0
    while i < len(a) and j < len(b):
        if a[i] <= b[j]:
            result.append(a[i])
            i += 1
        else:
            result.append(b[j])
            j += 1
    return result + a[i:] + b[j:]
''', [('{f}([1, 4], [2, 3, 5])', '[1, 2, 3, 4, 5]')])
add('sort_by_length', 'sort_by_length order_by_length length_sort',
    'sorts a list of words by length | sorts strings by their length', '''
def {f}(words):
    return sorted(words, key=len)
''', [("{f}(['ccc', 'a', 'bb'])", "['a', 'bb', 'ccc']")])
add('invert_dict', 'invert_dict swap_keys reverse_dict',
    'swaps the keys and values of a dictionary | inverts a dictionary', '''
def {f}(mapping):
    return {value: key for key, value in mapping.items()}
''', [("{f}({'a': 1})", "{1: 'a'}")])
add('merge_dicts', 'merge_dicts combine_dicts merge',
    'merges two dictionaries | combines two dictionaries into one', '''
def {f}(a, b):
    result = dict(a)
    result.update(b)
    return result
''', [("{f}({'a': 1}, {'b': 2})", "{'a': 1, 'b': 2}")])
add('common_elements', 'common_elements intersection in_both',
    'returns the elements that two lists have in common | finds the common elements of two lists', '''
def {f}(a, b):
    return [item for item in a if item in b]
''', [('{f}([1, 2, 3], [2, 3, 4])', '[2, 3]')])
add('difference', 'difference only_in_first missing_items',
    'returns the elements of the first list that are not in the second | finds the items of one list that are missing in another', '''
def {f}(a, b):
    return [item for item in a if item not in b]
''', [('{f}([1, 2, 3], [2])', '[1, 3]')])
add('rotate', 'rotate rotate_list rotate_left',
    'rotates a list to the left by {K} positions | rotates a list left by {K}', '''
def {f}(items):
    if not items:
        return items
    k = {K} % len(items)
    return items[k:] + items[:k]
''', [('{f}([1, 2, 3])', '[1, 2, 3][{K} % 3:] + [1, 2, 3][:{K} % 3]')], K=(1, 20))
add('count_item', 'count_item occurrences how_often',
    'counts how often a value occurs in a list | returns how many times an item appears in a list', '''
def {f}(items, value):
    count = 0
    for item in items:
        if item == value:
            count += 1
    return count
''', [('{f}([1, 2, 1], 1)', '2')])
add('to_binary', 'to_binary binary binary_string',
    'converts a number to binary | returns the binary representation of n as a string', '''
def {f}(n):
    return bin(n)[2:]
''', [('{f}(5)', "'101'"), ('{f}(0)', "'0'")])
add('from_binary', 'from_binary binary_to_int parse_binary',
    'converts a binary string to a number | turns a string of binary digits into an integer', '''
def {f}(text):
    return int(text, 2)
''', [("{f}('101')", '5')])
add('running_sum', 'running_sum cumulative_sum prefix_sums',
    'returns the running sums of a list | computes the cumulative sums of a list of numbers', '''
def {f}(numbers):
    total = 0
    result = []
    for number in numbers:
        total += number
        result.append(total)
    return result
''', [('{f}([1, 2, 3])', '[1, 3, 6]')])
add('transpose', 'transpose transpose_matrix swap_rows',
    'transposes a matrix | swaps the rows and columns of a matrix', '''
def {f}(matrix):
    return [list(row) for row in zip(*matrix)]
''', [('{f}([[1, 2], [3, 4]])', '[[1, 3], [2, 4]]')])
add('count_lines', 'count_lines line_count number_of_lines',
    'counts the lines in a file | returns the number of lines of a text file', '''
def {f}(path):
    with open(path) as file:
        return sum(1 for _ in file)
''', [("(__import__('pathlib').Path('t.txt').write_text('a' + chr(10) + 'b' + chr(10)), {f}('t.txt'))[1]", '2')])
add('read_lines', 'read_lines lines_of load_lines',
    'reads a file and returns its lines without line breaks | returns the lines of a file as a list', '''
def {f}(path):
    with open(path) as file:
        return [line.rstrip('\\n') for line in file]
''', [("(__import__('pathlib').Path('t.txt').write_text('a' + chr(10) + 'b'), {f}('t.txt'))[1]", "['a', 'b']")])
