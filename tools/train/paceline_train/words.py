"""Word lists of the generators, in fixed order: a change here changes every record."""
NAMES = ('Ava Ben Carla Dmitri Elena Farid Grace Hiro Ines Jamal Kira Liam Maya Noor Omar Priya Quinn Rosa Sam Tara Uma Victor '
         'Wendy Xin Yusuf Zoe Anna Boris Chen Diego Emma Felix Gita Hassan Ivan Julia Kofi Lena Marco Nina Oleg Paul Ravi Sofia '
         'Tom Vera Will Yara Amina Bruno').split()
OBJECTS = ('apples books marbles coins stickers pencils cards shells stamps cookies oranges balloons buttons eggs flowers keys '
           'lemons pears plums ribbons stones tickets toys bottles cups candles crayons magnets beads nuts').split()
CONTAINERS = 'bag box jar urn basket drawer bowl sack'.split()
DRAWN = 'marbles balls beads socks sweets tokens chips buttons'.split()
SINGULAR = {'marbles': 'marble', 'balls': 'ball', 'beads': 'bead', 'socks': 'sock', 'sweets': 'sweet', 'tokens': 'token',
            'chips': 'chip', 'buttons': 'button'}
COLOURS = 'red blue green yellow white black orange purple'.split()
PLACES = ('shop market library farm school garden kitchen office museum bakery').split()
