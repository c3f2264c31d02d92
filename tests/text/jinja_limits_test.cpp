// Templates that mean harm end with an error that says which limit they met, soon and in bounded memory.
#include <gtest/gtest.h>

#include <string>

#include "text/jinja/template.h"

namespace paceline {
namespace {

using jinja::Limits;
using jinja::Template;
using jinja::TemplateFailure;

Limits small_limits() {
  Limits limits;
  limits.steps = 2'000'000;
  limits.memory_bytes = size_t{16} << 20;
  limits.output_bytes = size_t{1} << 20;
  return limits;
}

std::string times(int count, const std::string& text) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

std::string failure_of(const std::string& source) {
  try {
    const std::string output = Template::parse(source, small_limits()).render(Json::object(), std::tm{});
    return cat("rendered ", output.size(), " bytes");
  } catch (const TemplateFailure& failure) {
    return cat(failure.kind(), ": ", failure.message());
  }
}

void expect_limit(const std::string& source, const std::string& kind = "LimitExceeded") {
  const std::string failure = failure_of(source);
  EXPECT_TRUE(failure.starts_with(kind)) << source.substr(0, 200) << "\n" << failure;
}

// A template that replaces ns.v by `step` so many times.
std::string grown(const char* start, int count, const char* step) {
  return cat("{% set ns = namespace(v=", start, ") %}{% for i in range(", count, ") %}{% set ns.v = ", step,
             " %}{% endfor %}");
}

TEST(JinjaLimits, GrowingTexts) {
  for (const std::string& source : std::vector<std::string>{
           "{{ 'a' * 1000000000 }}", grown("'ab'", 100, "ns.v + ns.v"), grown("'ab'", 100, "ns.v ~ ns.v"),
           grown("'ab'", 100, "ns.v|replace('', ns.v)"), grown("'ab'", 100, "ns.v.join([ns.v, ns.v, ns.v])"),
           grown("'<'", 100, "(ns.v|string|e) ~ ns.v"), "{{ '%1000000000d' % 1 }}", "{{ '%.1000000d' % 1 * 1000 }}",
           "{{ '{:1000000000}'.format(1) }}", "{{ 'a'.center(10**12) }}", "{{ 'a'.ljust(10**30) }}",
           "{{ 'a'.zfill(10**9) }}", "{{ '\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t'.expandtabs(10**9) }}",
           "{{ 'a\nb'|indent(10**9) }}", "{{ [[1]]|tojson(indent=10**9) }}",
           "{{ [1, 2]|tojson(separators=['a' * 10**7, 'b']) }}", "{{ 'x'|center(10**11) }}",
           "{% for i in range(100000) %}{{ 'some text of some length' }}{% endfor %}"}) {
    expect_limit(source);
  }
}

TEST(JinjaLimits, GrowingContainers) {
  for (const std::string& source :
       std::vector<std::string>{"{{ [1] * 10**9 }}", grown("[1]", 100, "ns.v + ns.v"),
                                "{{ [1]|batch(10**12, 0)|list }}", "{{ [1]|slice(10**9)|list }}",
                                "{{ range(100000)|list|map('string')|list|length }}{{ [range(100000)|list] * 1000 }}",
                                grown("[]", 100000, "[ns.v]"), grown("[1]", 100000, "ns.v|select") + "{{ ns.v|list }}",
                                grown("[1]", 100000, "ns.v|reverse|map('string')"),
                                grown("[0]", 150, "[ns.v, ns.v]") + "{{ ns.v|string|length }}",
                                grown("[0]", 150, "[ns.v, ns.v]") + "{{ ns.v|tojson }}",
                                ("{% set a = namespace(l=[0]) %}{% set b = namespace(l=[0]) %}{% for i in range(150) "
                                 "%}{% set a.l = [a.l, a.l] %}{% set b.l = [b.l, b.l] %}{% endfor %}{{ a.l == b.l }}"),
                                grown("(0,)", 150, "(ns.v, ns.v)") + "{{ {ns.v: 1} }}"}) {
    expect_limit(source);
  }
  expect_limit("{{ range(10**9) }}", "OverflowError");
  expect_limit("{{ range(100001) }}", "OverflowError");
}

TEST(JinjaLimits, EndlessWork) {
  for (const char* source :
       {"{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro m(n) %}{{ m(n + 1) }}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}",
        "{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{% set ns = namespace() %}{% set ns.ns = ns %}{{ ns }}",
        "{% set s = 'a' * 1000000 %}{% for i in range(100000) %}{{ s.count('b') }}{% endfor %}",
        "{% set s = 'a' * 1000000 %}{% for i in range(100000) %}{% if 'b' in s %}{% endif %}{% endfor %}",
        "{% set l = range(100000)|list %}{% for i in l %}{% if -1 in l %}{% endif %}{% endfor %}",
        "{% set l = range(100000)|list %}{% for i in l %}{{ (l|sort)[0] }}{% endfor %}",
        "{% set s = 'é' * 500000 %}{% for i in range(100000) %}{{ s[-1] }}{% endfor %}"}) {
    expect_limit(source);
  }
}

TEST(JinjaLimits, DeepSources) {
  expect_limit("{{ " + times(20000, "(") + "1" + times(20000, ")") + " }}");
  expect_limit("{{ " + times(20000, "[") + times(20000, "]") + " }}");
  expect_limit("{{ " + times(20000, "{1:") + "1" + times(20000, "}") + " }}");
  expect_limit("{{ " + times(20000, "not ") + "1 }}");
  expect_limit("{{ " + times(20000, "-") + "1 }}");
  expect_limit("{{ 1" + times(20000, " + 1") + " }}");
  expect_limit("{{ 1" + times(20000, "|abs") + " }}");
  expect_limit("{{ a" + times(20000, ".a") + " }}");
  expect_limit("{{ a" + times(20000, "[0]") + " }}");
  expect_limit("{{ a" + times(20000, "(") + times(20000, ")") + " }}");
  expect_limit("{{ 1" + times(20000, " if 1 else 1") + " }}");
  expect_limit("{{ " + times(20000, "1 if ") + "1 }}", "");
  expect_limit("{{ 1" + times(20000, " ** 1") + " }}");
  expect_limit(times(20000, "{% if 1 %}") + times(20000, "{% endif %}"));
  expect_limit(times(20000, "{% for a in b %}") + times(20000, "{% endfor %}"));
  expect_limit("{% for " + times(20000, "(") + "a" + times(20000, ")") + " in b %}{% endfor %}");
  expect_limit("{% if 1 %}" + times(20000, "{% else %}{% if 1 %}") + times(20001, "{% endif %}"));
  EXPECT_EQ(failure_of("{% if 0 %}" + times(20000, "{% elif 0 %}") + "{% else %}x{% endif %}"), "rendered 1 bytes");
  EXPECT_EQ(failure_of("{{ 1" + times(20000, " ~ 1") + " }}"), "rendered 20001 bytes");
  EXPECT_EQ(failure_of("{{ 1" + times(20000, " == 1") + " }}"), "rendered 4 bytes");
}

TEST(JinjaLimits, LargeLiterals) {
  expect_limit("{{ " + times(20000, "9") + " }}", "OverflowError");
  expect_limit("{{ 1e" + times(20000, "9") + " }}", "OverflowError");
  expect_limit("{{ 10 ** 1000000000 }}", "OverflowError");
  expect_limit("{{ 10 ** 38 * 10 }}", "OverflowError");
  expect_limit("{{ (2 ** 126) + (2 ** 126) + (2 ** 126) }}", "OverflowError");
  expect_limit(std::string(5 << 20, 'x'));
  EXPECT_EQ(failure_of("{{ '" + std::string(1 << 19, 'x') + "' }}"), "rendered 524288 bytes");
}

TEST(JinjaLimits, DeepInput) {
  Json deep = Json::array();
  for (int i = 0; i < 1000; ++i) {
    Json outer = Json::array();
    outer.push_back(std::move(deep));
    deep = std::move(outer);
  }
  Json context = Json::object();
  context.set("deep", std::move(deep));
  EXPECT_THROW(Template::parse("x").render(context, std::tm{}), TemplateFailure);
}

TEST(JinjaLimits, FailuresNameTheLine) {
  try {
    Template::parse("a\n{% if true %}\n\n{{ undefined_name.x }}{% endif %}").render(Json::object(), std::tm{});
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "chat template, line 4: UndefinedError: 'undefined_name' is undefined");
  }
}

// Values in circles are given back too: the leak checker of the address sanitizer watches this test.
TEST(JinjaLimits, CirclesAreTakenApart) {
  const std::pair<const char*, const char*> kCircles[] = {
      {"{% set a = namespace() %}{% set b = namespace(a=a) %}{% set a.b = b %}{% set a.l = [a, b, {'a': a}] %}{{ "
       "a.b.a.l|length }}",
       "rendered 1 bytes"},
      {"{% set ns = namespace() %}{% for i in [1, 2] %}{% set ns.loop = loop %}{% set ns.l = [loop, ns] %}{% endfor "
       "%}{{ ns.loop.index }}",
       "rendered 1 bytes"},
      {"{% set ns = namespace() %}{% macro m() %}{{ ns.x }}{% endmacro %}{% set ns.m = m %}{% set ns.x = 55 %}{{ "
       "ns.m() }}",
       "rendered 2 bytes"},
      {"{% set ns = namespace() %}{% for i in [5, 1] %}{% set l = loop %}{% set ns.a = loop.cycle %}{% macro q() %}{{ "
       "l.index }}{% endmacro %}"
       "{% set ns.q = q %}{{ loop.nextitem }}{% endfor %}{{ ns.q() }}",
       "rendered 2 bytes"},
      {"{% set ns = namespace() %}{% set ns.g = [ns]|map('length') %}", "rendered 0 bytes"},
      {"{% for i in [1] recursive %}{% set a = loop %}{{ loop([]) }}x{% endfor %}", "rendered 1 bytes"},
      {"{% set ns = namespace() %}{% for i in [ns] if i %}{% set ns.l = loop %}{{ loop.length }}{{ "
       "raise_exception('x') }}{% endfor %}",
       "TemplateError: x"}};
  for (const auto& [source, expected] : kCircles) EXPECT_EQ(failure_of(source), expected) << source;
}

}  // namespace
}  // namespace paceline
