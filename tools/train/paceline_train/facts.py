"""A few short facts and definitions, so that plain questions in English get a plain answer."""

CAPITALS = {
    'France': 'Paris', 'Germany': 'Berlin', 'Italy': 'Rome', 'Spain': 'Madrid', 'Portugal': 'Lisbon', 'England': 'London', 'Ireland': 'Dublin', 'Austria': 'Vienna',
    'Poland': 'Warsaw', 'Greece': 'Athens', 'Sweden': 'Stockholm', 'Norway': 'Oslo', 'Denmark': 'Copenhagen', 'Finland': 'Helsinki', 'Hungary': 'Budapest',
    'Belgium': 'Brussels', 'Russia': 'Moscow', 'Ukraine': 'Kyiv', 'Turkey': 'Ankara', 'Egypt': 'Cairo', 'Kenya': 'Nairobi', 'Nigeria': 'Abuja', 'Morocco': 'Rabat',
    'Japan': 'Tokyo', 'China': 'Beijing', 'India': 'New Delhi', 'South Korea': 'Seoul', 'Thailand': 'Bangkok', 'Vietnam': 'Hanoi', 'Australia': 'Canberra',
    'New Zealand': 'Wellington', 'Canada': 'Ottawa', 'Mexico': 'Mexico City', 'Brazil': 'Brasilia', 'Argentina': 'Buenos Aires', 'Chile': 'Santiago', 'Peru': 'Lima',
    'Cuba': 'Havana', 'the United States': 'Washington, D.C.', 'the Netherlands': 'Amsterdam'}
DEFINITIONS = {
    'a variable': 'A variable is a name for a value in a program.',
    'a function': 'A function is a named piece of code that takes arguments and returns a value.',
    'a loop': 'A loop runs the same code several times.',
    'recursion': 'Recursion means that a function calls itself on a smaller problem until it reaches a simple case.',
    'memoization': 'Memoization stores the results of earlier calls, so that the same work is not done twice.',
    'a list': 'A list is an ordered collection of items.',
    'a dictionary': 'A dictionary maps keys to values.',
    'a prime number': 'A prime number is a whole number greater than 1 that only 1 and itself divide.',
    'a fraction': 'A fraction is one whole number divided by another, such as 3/4.',
    'probability': 'Probability says how likely an event is, as a number from 0 to 1.',
    'an average': 'The average of some numbers is their sum divided by how many there are.',
    'a server': 'A server is a computer or program that answers requests from others.',
    'a process': 'A process is a program that is running.',
    'a container': 'A container runs a program together with what it needs, apart from the rest of the system.',
    'a port': 'A port is a number that tells which program on a computer a connection is for.',
    'a log file': 'A log file records what a program has done.',
    'a shell': 'A shell is a program that reads commands and runs them.',
    'an operating system': 'An operating system manages the hardware of a computer and runs programs.',
    'Linux': 'Linux is a free operating system kernel, used on servers, phones and many other devices.',
    'Python': 'Python is a programming language that is easy to read.',
    'Bash': 'Bash is a shell: it reads commands and runs them.',
    'Git': 'Git keeps the history of files and lets several people work on them.',
    'Docker': 'Docker runs programs in containers.',
    'a database': 'A database stores data so that it can be searched and changed safely.',
    'an algorithm': 'An algorithm is a list of exact steps that solves a problem.',
    'a language model': 'A language model predicts the next piece of a text from what came before.',
    'a token': 'A token is a small piece of text, such as a word or part of a word, that a language model reads and writes.',
    'the sun': 'The sun is the star at the centre of our solar system.',
    'the moon': 'The moon is the natural satellite of the earth.',
    'water': 'Water is a liquid made of hydrogen and oxygen.',
    'a triangle': 'A triangle is a shape with three sides.',
    'a rectangle': 'A rectangle is a shape with four sides and four right angles.'}
ANSWERS = (
    ('How many days are in a week? | How many days does a week have?', 'A week has 7 days.'),
    ('How many months are in a year? | How many months does a year have?', 'A year has 12 months.'),
    ('How many hours are in a day? | How many hours does a day have?', 'A day has 24 hours.'),
    ('How many minutes are in an hour? | How many minutes does an hour have?', 'An hour has 60 minutes.'),
    ('How many seconds are in a minute?', 'A minute has 60 seconds.'),
    ('How many days are in a year? | How many days does a year have?', 'A year has 365 days, and a leap year has 366.'),
    ('Name the days of the week. | What are the days of the week? | List the days of the week. | Which days does a week have?', 'Monday, Tuesday, Wednesday, Thursday, Friday, Saturday and Sunday.'),
    ('Name the months of the year. | What are the months of the year? | List the months of the year.',
     'January, February, March, April, May, June, July, August, September, October, November and December.'),
    ('What colour is the sky? | What color is the sky?', 'The sky is blue on a clear day.'),
    ('What is the largest planet? | Which planet is the largest?', 'Jupiter is the largest planet of our solar system.'),
    ('How many legs does a spider have?', 'A spider has 8 legs.'),
    ('How many continents are there?', 'There are 7 continents.'),
    ('What is the opposite of hot?', 'The opposite of hot is cold.'), ('What is the opposite of big?', 'The opposite of big is small.'),
    ('What is the opposite of up?', 'The opposite of up is down.'), ('What is the opposite of fast?', 'The opposite of fast is slow.'),
    ('Name three colours. | Name three colors.', 'Red, blue and green.'), ('Name three fruits. | List three fruits.', 'Apples, pears and plums.'),
    ('Name three programming languages. | List three programming languages.', 'Python, C++ and Rust.'))
ASK_CAPITAL = ('What is the capital of {}?', 'what is the capital of {}', 'Name the capital of {}.', 'Tell me the capital of {}.', 'Which city is the capital of {}?')
ASK_DEFINITION = ('What is {}?', 'what is {}', 'Explain {}.', 'Define {}.', 'Can you explain what {} is?', 'Tell me what {} is.')


def short_fact(stream):
    kind = stream.below(100)
    if kind < 40:
        country = stream.pick(list(CAPITALS))
        question = stream.pick(ASK_CAPITAL).format(country)
        return ('capital', question), question, f'The capital of {country} is {CAPITALS[country]}.', {}
    if kind < 78:
        thing = stream.pick(list(DEFINITIONS))
        question = stream.pick(ASK_DEFINITION).format(thing)
        return ('definition', question), question, DEFINITIONS[thing], {}
    questions, answer = stream.pick(ANSWERS)
    question = stream.pick(questions.split(' | '))
    return ('fact', question), question, answer, {}


FAMILIES = {'short_fact': (short_fact, 50)}
