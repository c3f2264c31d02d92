// Every template and language vector against what Python's Jinja2 gives, byte for byte, errors by kind and message.
#include <gtest/gtest.h>

#include "text/jinja/template.h"
#include "text/template_vectors.h"

namespace paceline {
namespace {

using jinja::Template;
using jinja::TemplateFailure;

// "" when the render is what `result` says, else what is wrong.
template <class Render>
std::string difference(Render render, const Json& result, bool same_words = true) {
  std::string output;
  try {
    output = render();
  } catch (const TemplateFailure& failure) {
    const Json* expected = result.find("error");
    if (expected == nullptr) return cat("failed: ", failure.what());
    const bool same_message = !same_words || failure.message() == result.at("message").as_string();
    if (failure.kind() == expected->as_string() && same_message) return "";
    return cat("failed with ", failure.what(), "\nexpected ", expected->as_string(), ": ",
               result.at("message").as_string());
  }
  const Json* expected = result.find("output");
  if (expected == nullptr) return cat("rendered, expected ", result.dump(), "\ngot:\n", output);
  if (output == expected->as_string()) return "";
  size_t at = 0;
  while (at < output.size() && at < expected->as_string().size() && output[at] == expected->as_string()[at]) ++at;
  const size_t from = at < 60 ? 0 : at - 60;
  return cat("differs at byte ", at, "\nexpected: …", expected->as_string().substr(from, 160), "\ngot:      …",
             output.substr(from, 160));
}

Json context_of(const Json& conversation, const Json& tokens) {
  Json context = conversation;
  for (const JsonMember& token : tokens.as_object().members()) context.set(token.key, token.value);
  return context;
}

TEST(JinjaGolden, EveryTemplateRendersEveryConversation) {
  const Json& vectors = template_vectors();
  int outputs = 0, errors = 0, wrong = 0;
  for (const JsonMember& golden : vectors.at("goldens").as_object().members()) {
    const Template chat = Template::parse(vectors.at("templates").at(golden.key).as_string());
    const std::tm now = parse_time(golden.value.at("now").as_string());
    for (const JsonMember& result : golden.value.at("results").as_object().members()) {
      const Json context = context_of(vectors.at("cases").at(result.key), golden.value.at("tokens"));
      const std::string complaint = difference([&] { return chat.render(context, now); }, result.value);
      ++(result.value.find("output") == nullptr ? errors : outputs);
      if (!complaint.empty() && ++wrong <= 20) ADD_FAILURE() << golden.key << " / " << result.key << ": " << complaint;
    }
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(outputs, 2015);
  EXPECT_EQ(errors, 225);
}

void check_vectors(const char* which, size_t count) {
  const Json::Array& vectors = template_vectors().at(which).as_array();
  const std::tm now = parse_time("2026-01-15T12:00:00");
  EXPECT_EQ(vectors.size(), count);
  for (const Json& vector : vectors) {
    const auto render = [&] {
      return Template::parse(vector.at("template").as_string()).render(vector.at("context"), now);
    };
    const std::string complaint = difference(render, vector.at("result"));
    EXPECT_EQ(complaint, "") << vector.at("name").as_string() << ": " << vector.at("template").as_string();
  }
}

// 1,900 small templates, one feature each. Errors are of the same kind; the words about misused builtins are ours.
TEST(JinjaGolden, Features) {
  const Json& features = template_vectors().at("features");
  const std::tm now = parse_time("2026-01-15T12:00:00");
  int wrong = 0;
  for (const Json& row : features.at("rows").as_array()) {
    const auto render = [&] {
      return Template::parse(row.at("template").as_string()).render(features.at("context"), now);
    };
    const std::string complaint = difference(render, row.at("result"), false);
    if (!complaint.empty() && ++wrong <= 50) ADD_FAILURE() << row.at("template").as_string() << "\n" << complaint;
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(features.at("rows").as_array().size(), 1800u);
}

TEST(JinjaGolden, LanguageVectors) { check_vectors("language", 161); }
TEST(JinjaGolden, ChatTemplateVectors) { check_vectors("chat", 53); }

}  // namespace
}  // namespace paceline
