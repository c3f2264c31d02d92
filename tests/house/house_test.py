"""The house checks notice planted mistakes and leave sound code alone."""

import unittest

import documents
import layers
import sizes
import type_names
import words


class LayersTest(unittest.TestCase):
    def complaints(self, name, *includes):
        return layers.check_file(name, ''.join(f'#include {include}\n' for include in includes))

    def test_downward_and_own_includes_pass(self):
        self.assertEqual([], self.complaints('src/model/a.cpp', '"model/b.h"', '"device/device.h"', '"base/error.h"', '<vector>'))
        self.assertEqual([], self.complaints('src/device/cpu/formats/a.h', '"device/cpu/pack.h"', '<immintrin.h>'))
        self.assertEqual([], self.complaints('src/base/a.cpp', '<sys/mman.h>', '<unistd.h>', '<cstdint>'))

    def test_upward_include_fails(self):
        for name, include in (('src/base/a.h', '"quant/format.h"'), ('src/engine/a.cpp', '"text/tokenizer.h"'),
                              ('src/engine/a.cpp', '"serve/http.h"'), ('src/device/a.cpp', '"model/model.h"')):
            self.assertEqual(1, len(self.complaints(name, include)), name)

    def test_sideways_include_fails(self):
        self.assertEqual(1, len(self.complaints('src/device/cpu/a.cpp', '"device/reference/reference_device.h"')))
        self.assertEqual(1, len(self.complaints('src/text/a.cpp', '"model/model.h"')))
        self.assertEqual(1, len(self.complaints('src/gguf/a.cpp', '"device/tensor.h"')))

    def test_only_the_opener_names_devices(self):
        self.assertEqual([], self.complaints('src/device/open.cpp', '"device/cpu/open_cpu.h"'))
        self.assertEqual(1, len(self.complaints('src/device/open.cpp', '"device/cpu/cpu_device.h"')))
        self.assertEqual(1, len(self.complaints('src/device/state.cpp', '"device/cpu/open_cpu.h"')))
        self.assertEqual(1, len(self.complaints('src/app/complete.cpp', '"device/cpu/open_cpu.h"')))

    def test_special_headers_have_one_home(self):
        self.assertEqual(1, len(self.complaints('src/quant/a.h', '<immintrin.h>')))
        self.assertEqual(1, len(self.complaints('src/device/cpu/a.h', '<cuda_runtime.h>')))
        self.assertEqual(1, len(self.complaints('src/engine/a.h', '<pcre2.h>')))
        self.assertEqual(1, len(self.complaints('src/engine/a.h', '<boost/json.hpp>')))
        self.assertEqual([], self.complaints('src/text/a.cpp', '<pcre2.h>'))

    def test_line_numbers_comments_and_strangers(self):
        self.assertEqual([], layers.check_file('src/base/a.h', '// #include "app/x.h"\n/*\n#include "app/x.h"\n*/\n'))
        self.assertIn('src/base/a.h:2:', layers.check_file('src/base/a.h', '\n#include "app/x.h"\n')[0])
        self.assertEqual(1, len(layers.check_file('src/elsewhere/a.h', '')))
        self.assertEqual(1, len(self.complaints('src/base/a.h', '"../base/b.h"')))


class SizesTest(unittest.TestCase):
    def body(self, heading, lines):
        return heading + ' {\n' + '  call();\n' * (lines - 2) + '}\n'

    def lengths(self, text):
        return [count for _, count, _ in sizes.cpp_functions(text)]

    def test_functions_are_found_and_measured(self):
        for heading in ('void f(int a)', 'int Class::f() const noexcept', 'auto f(int a) -> std::vector<int>',
                        'template <class T>  requires std::integral<T>  void f(T a)', 'Class::Class(int a) : base(a), b_(a)',
                        'TEST(Suite, name)', 'bool operator()(const char* text = "}{") const', 'inline char f(char c = \'{\')'):
            self.assertEqual([90], self.lengths(self.body(heading, 90)), heading)

    def test_containers_and_tables_are_not_functions(self):
        for heading in ('namespace paceline', 'class A final : public B', 'enum class E : int', 'struct alignas(64) S',
                        'constexpr Row kTable[] =', 'namespace'):
            self.assertEqual([], self.lengths(self.body(heading, 90).replace('call();', '')), heading)

    def test_members_are_found_inside_containers(self):
        text = 'namespace a {\nclass B {\n public:\n  B() : x_(1) {}\n' + self.body('int get() const', 20) + ' private:\n  int x_ = 0;\n};\n}\n'
        self.assertEqual([1, 20], self.lengths(text))

    def test_lambdas_belong_to_their_function(self):
        self.assertEqual([6], self.lengths('void f() {\n  auto g = [](int a) {\n    return a;\n  };\n  g(1);\n}\n'))

    def test_braces_in_text_do_not_count(self):
        text = 'void f() {\n  g("{", \'{\', 1\'000, R"x({{)x");  // {\n  /* { */\n#define OPEN {\n}\nvoid h() {\n}\n'
        self.assertEqual([5, 2], self.lengths(text))

    def test_functions_of_scripts_are_found_and_measured(self):
        for heading in ('function f(a) {', 'export async function* f(): AsyncGenerator<T> {', '  private f(a: number): Row[] {',
                        'const f = async ({ a }) => {', '  f() {', 'test(name, () => {'):
            indent = heading[:len(heading) - len(heading.lstrip())]
            text = heading + '\n' + f'{indent}  if (a) {{\n{indent}  }}\n' * 44 + f'{indent}}}\n'
            self.assertEqual([90], [count for _, count, _ in sizes.script_functions(text)], heading)
        self.assertEqual([], sizes.script_functions('  if (a(b)) {\n  c();\n  }\n  for (const x of y()) {\n  }\n'))

    def test_limits(self):
        self.assertEqual([], sizes.check_file('src/a.cpp', self.body('void f()', 80)))
        self.assertEqual(1, len(sizes.check_file('src/a.cpp', self.body('void f()', 81))))
        self.assertEqual([], sizes.check_file('src/a.cpp', 'int a;\n' * 800))
        self.assertEqual(1, len(sizes.check_file('src/a.cpp', 'int a;\n' * 801)))
        self.assertEqual(1, len(sizes.check_file('a.py', 'def f():\n' + '    a()\n' * 80)))
        self.assertEqual(1, len(sizes.check_file('web/src/a.ts', 'function f() {\n' + '  a();\n' * 80 + '}\n')))
        self.assertEqual(1, len(sizes.check_file('scripts/a', '#!/bin/bash\nf() {\n' + '  a\n' * 79 + '}\n')))


class TypeNamesTest(unittest.TestCase):
    def test_one_name_in_two_files(self):
        one, other = 'namespace a {\nstruct Answer {\n};\n}  // namespace a\n', 'namespace a {\nclass Answer final : public B {\n};\n}  // namespace a\n'
        self.assertEqual(['a::Answer is defined in src/a.h and in src/b.h'], type_names.check([('src/a.h', one), ('src/b.h', other)]))

    def test_other_types(self):
        for other in ('namespace b {\nstruct Answer {\n};\n}  // namespace b\n', 'namespace a {\nnamespace {\nstruct Answer {\n};\n}  // namespace\n}  // namespace a\n',
                      'namespace a {\nstruct Answer;\nstruct B::Answer {\n};\nstruct Answer<int> {\n};\nstruct B {\n  struct Answer {};\n};\n}  // namespace a\n'):
            self.assertEqual([], type_names.check([('src/a.h', 'namespace a {\nstruct Answer {\n};\n}  // namespace a\n'), ('src/b.h', other)]), other)


class WordsTest(unittest.TestCase):
    def test_planted_words(self):
        for text in ('see /wo' + 'rk/a', 'cd /ro' + 'ot/x', 'https://registry.' + 'npmjs.org/a', '// TO' + 'DO later', '<<<<<<< HEAD'):
            self.assertEqual(1, len(words.check_file('a.md', text)), text)

    def test_ordinary_words(self):
        for text in ('framework/a', 'the work/life balance', '~/work/a', '/home/USER/x', 'a todo list', '<<<<<<< is an operator'[:4]):
            self.assertEqual([], words.check_file('a.md', text), text)


class DocumentsTest(unittest.TestCase):
    def complaints(self, text):
        return documents.check_document('docs/a.md', text, {'--mtp', '--preset'}, {'complete'}, {'dev'},
                                        lambda path: path in ('src/a.h', 'docs/b.md'))

    def test_what_exists_passes(self):
        self.assertEqual([], self.complaints('`paceline complete --mtp auto`, `src/a.h`, [b](b.md), `cmake --preset dev`, a -- b'))

    def test_what_does_not_exist_fails(self):
        for text in ('`--mpt`', '`paceline compleat`', '`src/b.h`', '[b](c.md)', '`cmake --preset debug`', '```\npaceline complete --new\n```'):
            self.assertEqual(1, len(self.complaints(text)), text)

    def test_help_is_read(self):
        flags, commands = documents.parse_help('paceline complete -m MODEL\n  --mtp off|auto|N   drafts\npaceline synth\n  --shape S\n')
        self.assertEqual({'--mtp', '--shape'}, flags)
        self.assertEqual({'complete', 'synth'}, commands)


if __name__ == '__main__':
    unittest.main()
